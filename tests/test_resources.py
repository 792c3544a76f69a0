"""Memory and cores of containers, told by trees of files like those of Linux."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from fmnist_clustering import _resources
from fmnist_clustering._resources import available_memory, n_cores

GIB = 2**30

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "35 31 0:32 {shown} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that stands for /, of a machine with 64 GiB and no group."""
    monkeypatch.setattr(_resources, "ROOT", tmp_path)
    monkeypatch.setattr(_resources, "resource", None)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    write(tmp_path, "proc/meminfo", f"MemTotal: 1 kB\nMemAvailable: {64 * 2**20} kB\n")
    return tmp_path


def write(root: Path, name: str, text: str | int) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}", encoding="utf-8")


def enter_v2(root: Path, group: str) -> None:
    write(root, "proc/self/cgroup", f"0::{group}\n")
    write(root, "proc/self/mountinfo", "22 1 8:1 / / rw - ext4 disk rw\n" + V2_MOUNT)


def enter_v1(root: Path, group: str, shown: str = "/") -> None:
    write(root, "proc/self/cgroup", f"4:memory:{group}\n1:cpu:{group}\n0::/\n")
    mounts = [V1_MOUNT.format(shown=shown, name=name) for name in ("memory", "cpu")]
    write(root, "proc/self/mountinfo", "".join(mounts))


def test_without_groups_what_the_machine_has_left(root: Path) -> None:
    assert available_memory() == 64 * GIB
    write(root, "proc/meminfo", "MemAvailable:       3 kB\n")
    assert available_memory() == 3 * 1024
    assert n_cores() == 64


@pytest.mark.parametrize("limited", ["", "/pod", "/pod/own"])
def test_a_limit_of_any_group_around_the_process_v2(root: Path, limited: str) -> None:
    enter_v2(root, "/pod/own")
    for group in ("", "/pod", "/pod/own"):
        folder = f"sys/fs/cgroup{group}"
        limit = 8 * GIB if group == limited else "max"
        write(root, f"{folder}/memory.max", f"{limit}\n")
        write(root, f"{folder}/memory.current", 5 * GIB)
        write(root, f"{folder}/memory.stat", f"anon 7\ninactive_file {GIB}\nfile 9\n")
        write(root, f"{folder}/cpu.max", "max 100000")
    write(root, f"sys/fs/cgroup{limited}/cpu.max", "250000 100000\n")
    assert available_memory() == (8 - 5 + 1) * GIB
    assert n_cores() == 3


@pytest.mark.parametrize(("shown", "own"), [("/", "/docker/a"), ("/docker/a", "")])
def test_a_limit_of_the_own_group_v1(root: Path, shown: str, own: str) -> None:
    enter_v1(root, "/docker/a", shown)
    memory = f"sys/fs/cgroup/memory{own}"
    write(root, f"{memory}/memory.limit_in_bytes", 4 * GIB)
    write(root, f"{memory}/memory.usage_in_bytes", 3 * GIB)
    write(root, f"{memory}/memory.stat", f"inactive_file 5\ntotal_inactive_file {GIB}")
    cpu = f"sys/fs/cgroup/cpu{own}"
    write(root, f"{cpu}/cpu.cfs_quota_us", 50000)
    write(root, f"{cpu}/cpu.cfs_period_us", 100000)
    assert available_memory() == 2 * GIB
    assert n_cores() == 1


def test_version_1_without_limits(root: Path) -> None:
    enter_v1(root, "/a")
    write(root, "sys/fs/cgroup/memory/a/memory.limit_in_bytes", 9223372036854771712)
    write(root, "sys/fs/cgroup/memory/a/memory.usage_in_bytes", GIB)
    write(root, "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", -1)
    write(root, "sys/fs/cgroup/cpu/a/cpu.cfs_period_us", 100000)
    assert available_memory() == 64 * GIB
    assert n_cores() == 64


def test_a_group_over_its_limit_leaves_nothing(root: Path) -> None:
    enter_v2(root, "/")
    write(root, "sys/fs/cgroup/memory.max", 100)
    write(root, "sys/fs/cgroup/memory.current", 120)
    assert available_memory() == 0


def test_reclaimable_pages_are_not_more_than_the_usage(root: Path) -> None:
    enter_v2(root, "/")
    write(root, "sys/fs/cgroup/memory.max", 100)
    write(root, "sys/fs/cgroup/memory.current", 20)
    write(root, "sys/fs/cgroup/memory.stat", "inactive_file 90")
    assert available_memory() == 100


def test_a_mount_point_with_a_space(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/")
    write(root, "proc/self/mountinfo", V2_MOUNT.replace("fs/cgroup", r"my\040groups"))
    write(root, "sys/my groups/memory.max", 77)
    assert available_memory() == 77


@pytest.mark.parametrize("text", ["", "x", "-", "0", "1e3 y", "²", "\0", "max max max"])
def test_malformed_files_limit_nothing_and_raise_nothing(root: Path, text: str) -> None:
    for enter in (enter_v1, enter_v2):
        enter(root, "/a")
        for folder in ("", "memory/", "cpu/", "a/", "memory/a/", "cpu/a/"):
            for name in (
                "memory.current",
                "memory.usage_in_bytes",
                "memory.stat",
                "cpu.max",
                "cpu.cfs_quota_us",
                "cpu.cfs_period_us",
            ):
                write(root, f"sys/fs/cgroup/{folder}{name}", text)
        assert available_memory() == 64 * GIB
        assert n_cores() == 64
    for name in ("proc/self/cgroup", "proc/self/mountinfo"):
        write(
            root, name, f"{text}\n{text} - {text}\n0:{text}\na b c {text} / - cgroup\n"
        )
        assert available_memory() == 64 * GIB
    (root / "proc/meminfo").write_bytes(b"\xff\xfe")
    assert available_memory() > 0


def test_the_cores_that_the_process_is_bound_to(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert root.is_dir()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert n_cores() == 2


@pytest.mark.usefixtures("root")
def test_joblib_that_cannot_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise ValueError("invalid literal for int(): ''")

    monkeypatch.setattr(joblib, "cpu_count", fail)
    assert n_cores() == min(64, os.cpu_count() or 1)


ALLOCATE = """
import resource
from fmnist_clustering._resources import available_memory
before = available_memory()
limit = resource.RLIMIT_{name}
in_use = int(open("/proc/self/statm").read().split()[{place}]) * resource.getpagesize()
resource.setrlimit(limit, (in_use + 300_000_000, resource.RLIM_INFINITY))
left = available_memory()
assert 280_000_000 < left <= 300_000_000 < before, (left, before)
block = bytearray(200_000_000)
assert 80_000_000 < available_memory() < 100_000_000
try:
    bytearray(left)
except MemoryError:
    print("refused")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
@pytest.mark.parametrize(("name", "place"), [("AS", 0), ("DATA", 5)])
def test_limits_of_the_shell(name: str, place: int) -> None:
    code = ALLOCATE.format(name=name, place=place)
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("refused\n", "")


VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               10.
Pages active:                            500.
Pages inactive:                           20.
Pages speculative:                         3.
Pages throttled:                           0.
Pages wired down:                        900.
Pages purgeable:                           4.
"Translation faults":                    123.
"""


def test_the_report_of_macos() -> None:
    assert _resources._parse_vm_stat(VM_STAT) == 16384 * 37
    with pytest.raises(ValueError, match="vm_stat"):
        _resources._parse_vm_stat("")


@pytest.mark.skipif(sys.platform != "darwin", reason="asks macOS")
def test_macos_tells() -> None:
    assert 10**7 < available_memory() < 10**13


@pytest.mark.skipif(sys.platform != "win32", reason="asks Windows")
def test_windows_tells() -> None:
    assert 10**7 < available_memory() < 10**13


def test_a_system_that_tells_nothing_is_not_silent(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root / "proc/meminfo").unlink()
    monkeypatch.setattr(sys, "platform", "other")
    monkeypatch.delattr(os, "sysconf", raising=False)
    with pytest.warns(UserWarning, match="does not tell"):
        assert available_memory() == sys.maxsize
