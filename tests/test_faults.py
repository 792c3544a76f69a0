"""Runs that end badly: nothing is half-written or lost, and the next run finishes."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from tests.checkouts import (
    FOLDERS,
    NEW,
    OLD,
    make_checkout,
    outputs_of,
    posix_only,
    read_artifacts,
    run_in,
    saving_cell,
    state,
    waiting_cell,
)

pytestmark = pytest.mark.slow

# In the order in which they are put in place, the notebook after them.
NAMES = ("early.csv", "late.csv", "other.csv")
CELLS = ("# Tour", *map(saving_cell, NAMES))

N_FILES = len(NAMES) + 1


def make_three(folder: Path, *cells: str) -> Path:
    """Create a checkout with three old artifacts and a notebook that saves new ones."""
    checkout = make_checkout(folder / "checkout", *(cells or CELLS))
    (checkout / "artifacts" / "late.csv").write_bytes(OLD)
    return checkout


def in_place(checkout: Path) -> list[bool]:
    """Return which files are new, each of them whole; the last is the notebook."""
    artifacts = read_artifacts(checkout)
    assert artifacts.keys() == {*NAMES}, "nothing else is left in artifacts/"
    assert {*artifacts.values()} <= {OLD, NEW}
    outputs = outputs_of(checkout / "notebooks" / "tour.ipynb")
    is_new = [artifacts[name] == NEW for name in NAMES]
    return [*is_new, outputs == [[], [], []]]


def check_that_the_next_run_finishes(checkout: Path) -> None:
    names = {path.name for path in checkout.iterdir()}
    assert names <= {*FOLDERS, "pyproject.toml", "build"}
    assert run_in(checkout).code == 0
    assert in_place(checkout) == [True] * N_FILES
    assert "done, 0 files changed" in run_in(checkout).out
    assert not (checkout / "build").exists()


KILLED_BEFORE_REPLACE = """
import os, signal
from fmnist_clustering.runner import execute

replace = os.replace
n_calls = 0

def replace_or_die(source, target):
    global n_calls
    if "artifacts" in str(target) or str(target).endswith(".ipynb"):
        n_calls += 1
        if n_calls > {n_replaced}:
            os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = replace_or_die
execute.main(["run"])
"""


@posix_only
@pytest.mark.parametrize("n_replaced", range(N_FILES))
def test_a_kill_9_between_two_replacements(tmp_path: Path, n_replaced: int) -> None:
    checkout = make_three(tmp_path)
    code = KILLED_BEFORE_REPLACE.format(n_replaced=n_replaced)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert in_place(checkout) == [i < n_replaced for i in range(N_FILES)]
    check_that_the_next_run_finishes(checkout)


def failing_replace(
    n_replaced: int,
    error: BaseException,
) -> Callable[[Any, Any], None]:
    """Return an `os.replace` that fails after some calls."""
    replace = os.replace
    n_calls = 0

    def replace_or_fail(source: Any, target: Any) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls > n_replaced:
            raise error
        replace(source, target)

    return replace_or_fail


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("n_replaced", range(N_FILES))
@pytest.mark.parametrize(
    ("error", "code"),
    [(FULL, 1), (KeyboardInterrupt(), 130)],
    ids=["full disk", "interrupt"],
)
def test_an_error_between_two_replacements(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_replaced: int,
    error: BaseException,
    code: int,
) -> None:
    checkout = make_three(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing_replace(n_replaced, error))
        ended = run_in(checkout)
    assert ended.code == code
    assert ("No space left on device" in ended.err) == (error is FULL)
    assert in_place(checkout) == [i < n_replaced for i in range(N_FILES)]
    assert not (checkout / "build").exists()
    check_that_the_next_run_finishes(checkout)


def test_a_full_disk_while_the_notebook_is_staged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = make_three(tmp_path)
    before = state(checkout)

    def fail(*_: Any, **__: Any) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(nbformat, "writes", fail)
        ended = run_in(checkout)
    assert ended.code == 1
    assert "No space left on device" in ended.err
    assert state(checkout) == before
    check_that_the_next_run_finishes(checkout)


def replace_within_a_file_system(
    replace: Callable[[Any, Any], None],
) -> Callable[[Any, Any], None]:
    """Return an `os.replace` for which each folder is a file system of its own."""

    def replace_or_refuse(source: Any, target: Any) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        replace(source, target)

    return replace_or_refuse


def test_artifacts_on_another_file_system(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = make_three(tmp_path)
    monkeypatch.setattr(os, "replace", replace_within_a_file_system(os.replace))
    ended = run_in(checkout)
    assert (ended.code, ended.err) == (0, "")
    assert in_place(checkout) == [True] * N_FILES
    check_that_the_next_run_finishes(checkout)


@pytest.mark.parametrize("n_replaced", [0, N_FILES - 1])
def test_a_full_disk_on_another_file_system(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_replaced: int,
) -> None:
    checkout = make_three(tmp_path)
    with monkeypatch.context() as patch:
        replace = failing_replace(n_replaced, FULL)
        patch.setattr(os, "replace", replace_within_a_file_system(replace))
        ended = run_in(checkout)
    assert ended.code == 1
    assert "No space left on device" in ended.err
    assert in_place(checkout) == [i < n_replaced for i in range(N_FILES)]
    assert {path.name for path in (checkout / "notebooks").iterdir()} == {"tour.ipynb"}
    check_that_the_next_run_finishes(checkout)


FAILING = "raise ValueError('broken')"
DYING = "import os; os._exit(1)"
DISK_FULL = f"""\
import os, pathlib, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
folder = pathlib.Path(os.environ[{ARTIFACTS_VARIABLE!r}])
(folder / "early.csv").write_text("much more than ten bytes")"""


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(FAILING, id="error"),
        pytest.param(DYING, id="dead kernel"),
        pytest.param(DISK_FULL, id="full disk", marks=posix_only),
    ],
)
def test_a_cell_that_fails(tmp_path: Path, place: int, fault: str) -> None:
    cells = [*CELLS]
    cells.insert(place, fault)
    checkout = make_three(tmp_path, *cells)
    before = state(checkout)
    ended = run_in(checkout)
    assert ended.code == 1
    assert f"cell {place}/4" in ended.err
    assert state(checkout) == before
    assert not (checkout / "build").exists()


@posix_only
@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_a_signal_while_a_cell_runs(tmp_path: Path, place: int, name: str) -> None:
    marker = tmp_path / "marker"
    hold = tmp_path / "hold"
    hold.touch()
    cells = [*CELLS]
    cells.insert(place, waiting_cell(marker, hold))
    checkout = make_three(tmp_path, *cells)
    before = state(checkout)
    number = getattr(signal, name)
    with subprocess.Popen(
        [sys.executable, "-m", "fmnist_clustering", "run"],
        cwd=checkout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while not marker.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(60) == (130 if name == "SIGINT" else -number)
        finally:
            process.kill()
            hold.unlink()
    assert state(checkout) == before
    assert run_in(checkout).code == 0
    assert {*read_artifacts(checkout).values()} == {NEW}
    assert not (checkout / "build").exists()
