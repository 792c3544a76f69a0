"""What this process may use: memory and cores, within the limits of its container."""

import ctypes
import math
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import joblib

try:
    import resource
except ImportError:  # Windows has none of these limits
    resource = None  # type: ignore[assignment]

ROOT = Path("/")
"""Where /proc and /sys are looked up; tests put a tree of their own here."""

UNKNOWN = sys.maxsize
"""The answer of a system that says nothing about its memory; a warning tells so."""


def available_memory() -> int:
    """Return how many bytes this process can allocate without swapping.

    Returns
    -------
    int
        0 or more: the least of what the machine has left, of what the control groups
        of the process and all groups around them leave (containers are such groups),
        and of what ``ulimit -v`` and ``ulimit -d`` leave.

    Warns
    -----
    UserWarning
        When the system does not say how much memory there is.
    """
    found = [*_machine_memory(), *_cgroup_memory(), *_limited_memory()]
    if found:
        return max(min(found), 0)
    warnings.warn(
        "available memory: this system does not tell; no call is refused",
        stacklevel=2,
    )
    return UNKNOWN


def n_cores() -> int:
    """Return how many cores this process may use.

    Returns
    -------
    int
        1 or more: the least of joblib's count, which follows ``LOKY_MAX_CPU_COUNT``,
        of the cores that the process is bound to, and of the quotas of its control
        groups and all groups around them, rounded up.
    """
    try:
        counts = [int(joblib.cpu_count())]
    except (OSError, ValueError):  # joblib trusts the files of the control groups
        counts = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    counts.extend(_cgroup_cores())
    return max(min(counts), 1)


def _machine_memory() -> Iterator[int]:
    """Yield what the whole machine has left, if it tells."""
    in_kib = re.search(r"MemAvailable:\s+(\d+) kB", _read(ROOT / "proc/meminfo"))
    if in_kib:
        yield 1024 * int(in_kib[1])
    elif sys.platform == "win32":
        yield _windows_memory()
    elif sys.platform == "darwin":
        yield from _macos_memory()
    elif hasattr(os, "sysconf"):
        yield _built_in_memory()


def _built_in_memory() -> int:
    """Return how much memory the machine has, used or not."""
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _windows_memory() -> int:
    """Return what Windows says is available (GlobalMemoryStatusEx)."""

    class MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *[
                (name, ctypes.c_uint64)
                for name in (
                    "total_physical",
                    "available_physical",
                    "total_page_file",
                    "available_page_file",
                    "total_virtual",
                    "available_virtual",
                    "available_extended_virtual",
                )
            ],
        )

    status = MemoryStatus()
    status.length = ctypes.sizeof(status)
    windll = getattr(ctypes, "windll")  # noqa: B009  # only there on Windows
    windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    # What the page file allows counts, too: it is the limit of what can be promised.
    return min(int(status.available_physical), int(status.available_page_file))


def _macos_memory() -> Iterator[int]:
    """Yield what macOS can give without swapping, or at least what is built in."""
    try:
        command = ["/usr/bin/vm_stat"]
        report = subprocess.run(command, capture_output=True, text=True, check=True)
        yield _parse_vm_stat(report.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        yield _built_in_memory()


def _parse_vm_stat(report: str) -> int:
    """Return the bytes that are free or can be freed at once; ValueError if unclear."""
    page_size = re.search(r"page size of (\d+) bytes", report)
    names = "free|inactive|speculative|purgeable"
    pages = re.findall(rf"^Pages (?:{names}):\s+(\d+)\.", report, re.MULTILINE)
    if not page_size or not pages:
        raise ValueError("vm_stat: found no pages")
    return int(page_size[1]) * sum(map(int, pages))


def _cgroup_memory() -> Iterator[int]:
    """Yield what each control group around this process leaves of its limit."""
    for folder, is_v2 in _cgroup_folders("memory"):
        if is_v2:
            limit = _read_number(folder / "memory.max")  # None for "max"
            usage = _read_number(folder / "memory.current")
        else:
            limit = _read_number(folder / "memory.limit_in_bytes")
            usage = _read_number(folder / "memory.usage_in_bytes")
        if limit is None or limit < 0:
            continue
        # Pages of files that nobody has used lately are given back on demand. Version 1
        # counts the groups below only in the numbers that are called "total".
        statistics = _read(folder / "memory.stat")
        cached = re.search(r"^total_inactive_file (\d+)$", statistics, re.MULTILINE)
        if cached is None:
            cached = re.search(r"^inactive_file (\d+)$", statistics, re.MULTILINE)
        reclaimable = int(cached[1]) if cached else 0
        yield limit - max((usage or 0) - reclaimable, 0)


def _cgroup_cores() -> Iterator[int]:
    """Yield how many cores the quota of each control group comes to, rounded up."""
    for folder, is_v2 in _cgroup_folders("cpu"):
        if is_v2:
            words = _read(folder / "cpu.max").split()
            quota, period = (_to_number(word) for word in (*words, "", "")[:2])
        else:
            quota = _read_number(folder / "cpu.cfs_quota_us")  # -1 without a quota
            period = _read_number(folder / "cpu.cfs_period_us")
        if quota and period and quota > 0 and period > 0:
            yield math.ceil(quota / period)


def _cgroup_folders(controller: str) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of this process's control group and of all groups around it.

    With each comes whether it belongs to version 2 of control groups. Systems may use
    both versions at the same time, for different controllers.
    """
    groups = {}
    for line in _read(ROOT / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")  # such as 4:cpu,cpuacct:/user or 0::/user
        controllers, _, group = rest.partition(":")
        for name in controllers.split(","):
            groups[name] = group  # version 2 has the name ""

    for line in _read(ROOT / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        places = before.split()[3:5]
        file_system = after.split()
        if len(places) < 2 or not file_system:
            continue
        is_v2 = file_system[0] == "cgroup2"
        is_v1 = file_system[0] == "cgroup" and controller in file_system[-1].split(",")
        own_group = groups.get("" if is_v2 else controller)
        if own_group is not None and (is_v1 or is_v2):
            shown_group, mount_point = map(_unescape, places)
            for folder in _up_to_the_mount(shown_group, mount_point, own_group):
                yield folder, is_v2


def _up_to_the_mount(shown_group: str, mount_point: str, group: str) -> Iterator[Path]:
    """Yield the folder of a control group and those above it, up to the mount point.

    The mount point shows one group and what is below it. A container often sees nothing
    but its own group there.
    """
    top = ROOT / mount_point.lstrip("/")
    yield top
    below = os.path.relpath(f"/{group}", f"/{shown_group}")
    if not below.startswith(".."):
        folder = top
        for part in Path(below).parts:
            folder = folder / part
            yield folder


def _limited_memory() -> Iterator[int]:
    """Yield what the limits of the process itself leave (``ulimit -v`` and ``-d``)."""
    if resource is None:
        return
    # Sizes in pages: all that is mapped is first; data and stack are sixth.
    sizes = [_to_number(word) for word in _read(ROOT / "proc/self/statm").split()]
    for limit_name, place in (("RLIMIT_AS", 0), ("RLIMIT_DATA", 5)):
        limit = resource.getrlimit(getattr(resource, limit_name))[0]
        if limit == resource.RLIM_INFINITY:
            continue
        pages = sizes[place] if len(sizes) > place else None
        yield limit - resource.getpagesize() * (pages or 0)


def _unescape(place: str) -> str:
    """Return a path of mountinfo, where a space is written as the octal number 040."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), place)


def _read(path: Path) -> str:
    """Return the text of a file; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # a path with a zero byte is a ValueError
        return ""


def _read_number(path: Path) -> int | None:
    """Return the whole number in a file; None if there is none."""
    return _to_number(_read(path).strip())


def _to_number(word: str) -> int | None:
    """Return a whole number; None if the word is something else."""
    return int(word) if re.fullmatch(r"-?[0-9]{1,30}", word) else None
