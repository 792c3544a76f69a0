"""Runs that end badly: nothing half-written, nothing lost, and the next run finishes."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

import runner
from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from tests.test_runner import FOLDERS, make_checkout, outputs_of, read_artifacts, run_in, state, write

pytestmark = pytest.mark.slow

OLD, NEW = b"k\n5\n", b"k\n6\n"
NAMES = ("early.csv", "late.csv", "other.csv")  # in the order in which they are published, the notebook after them
CELLS = ("# Tour", *map(write, NAMES))


def checkout_in(folder: Path, *cells: str) -> Path:
    checkout = make_checkout(folder / "checkout", *(cells or CELLS))
    (checkout / "artifacts" / "late.csv").write_bytes(OLD)
    return checkout


def published(checkout: Path) -> list[bool]:
    """Return which files are new, each of them whole; the notebook is the last."""
    artifacts = read_artifacts(checkout)
    assert {*artifacts} == {*NAMES}, "no other file is left in artifacts/"
    assert {*artifacts.values()} <= {OLD, NEW}
    ran = outputs_of(checkout / "notebooks" / "tour.ipynb") == [[]] * 3
    return [*(artifacts[name] == NEW for name in NAMES), ran]


def check_that_the_next_run_finishes(checkout: Path) -> None:
    assert {path.name for path in checkout.iterdir()} <= {*FOLDERS, "pyproject.toml", "build"}
    assert run_in(checkout).code == 0
    assert published(checkout) == [True] * 4
    assert run_in(checkout).out.rstrip().splitlines()[-1].split(", ")[1].startswith("0 files changed")


KILLED_BEFORE_REPLACE = """
import os, signal, sys
sys.path.insert(0, {notebooks!r})
import runner
given, calls = os.replace, []
def replace(source, target):
    if "artifacts" in str(target) or str(target).endswith(".ipynb"):
        calls.append(target)
        if len(calls) > {after}:
            os.kill(os.getpid(), signal.SIGKILL)
    given(source, target)
os.replace = replace
runner.main(["run"])
"""


@pytest.mark.parametrize("after", range(4))
def test_a_kill_9_between_two_replacements(tmp_path: Path, after: int) -> None:
    checkout = checkout_in(tmp_path)
    code = KILLED_BEFORE_REPLACE.format(notebooks=str(Path(runner.__file__).parent), after=after)
    ran = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL
    assert published(checkout) == [place < after for place in range(4)]
    check_that_the_next_run_finishes(checkout)


@pytest.mark.parametrize("after", range(4))
def test_a_full_disk_between_two_replacements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    checkout, calls, given = checkout_in(tmp_path), list[Any](), os.replace

    def replace(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        given(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        ran = run_in(checkout)
    assert ran.code == 1
    assert "No space left on device" in ran.err
    assert published(checkout) == [place < after for place in range(4)]
    check_that_the_next_run_finishes(checkout)


def test_a_full_disk_while_the_notebook_is_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = checkout_in(tmp_path)
    before = state(checkout)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(nbformat, "write", full)
        ran = run_in(checkout)
    assert ran.code == 1
    assert "No space left on device" in ran.err
    assert state(checkout) == before
    check_that_the_next_run_finishes(checkout)


DISK_FULL = f"""\
import os, pathlib, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
pathlib.Path(os.environ[{ARTIFACTS_VARIABLE!r}], "early.csv").write_text("much more than ten bytes")"""


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("fault", ["raise ValueError('broken')", DISK_FULL, "import os; os._exit(1)"])
def test_a_cell_that_fails(tmp_path: Path, place: int, fault: str) -> None:
    cells = [*CELLS]
    cells.insert(place, fault)
    checkout = checkout_in(tmp_path, *cells)
    before = state(checkout)
    ran = run_in(checkout)
    assert ran.code == 1
    assert f"cell {place}/4" in ran.err
    assert state(checkout) == before
    assert not (checkout / "build").exists()


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_while_a_cell_runs(tmp_path: Path, place: int, number: signal.Signals) -> None:
    marker, hold = tmp_path / "marker", tmp_path / "hold"
    hold.touch()
    wait = f"""\
import pathlib, time
pathlib.Path({str(marker)!r}).touch()
while pathlib.Path({str(hold)!r}).exists():
    time.sleep(0.05)"""
    cells = [*CELLS]
    cells.insert(place, wait)
    checkout = checkout_in(tmp_path, *cells)
    before = state(checkout)
    command = [sys.executable, "-m", "fmnist_clustering", "run"]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not marker.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(30) == (130 if number == signal.SIGINT else -number)
        finally:
            process.kill()
            hold.unlink()
    assert state(checkout) == before
    assert run_in(checkout).code == 0
    assert {*read_artifacts(checkout).values()} == {NEW}
