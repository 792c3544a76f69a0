"""A lock on a folder: one run at a time, and a dead process holds nothing up."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fmnist_clustering.runner import RunError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_NAME = ".lock"

N_TRIES = 100
"""Other runs can remove the folder of the lock between two steps, but not so often."""


@contextlib.contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, and remove the folder at the end if it is empty.

    The operating system keeps the lock and gives it back when the process ends, even
    if it is killed. A lock file without a living process is therefore no obstacle.

    Parameters
    ----------
    folder : Path
        The folder that only one run may use at a time. It is created if needed.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    RunError
        When another run holds the lock.
    OSError
        When the folder or the lock file cannot be written.
    """
    path = folder / LOCK_NAME
    lock = _take(path)
    try:
        yield
    finally:
        _give_back(lock, path)
        with contextlib.suppress(OSError):  # not empty: somebody else's files
            folder.rmdir()


def _take(path: Path) -> BinaryIO:
    """Return the lock file, open and locked."""
    while True:
        lock = _open(path)
        if not _try_to_lock(lock):
            lock.close()
            raise RunError(
                f"{path.parent}: another run is using this folder; "
                "wait until it is done, or stop it"
            )
        if _is_in_place(lock, path):
            return lock
        # The run that held this file has removed it between our two steps. The lock
        # of a removed file keeps nobody out: take that of the next one.
        lock.close()


def _open(path: Path) -> BinaryIO:
    """Open the lock file; other runs may remove its folder while we try."""
    for _ in range(N_TRIES - 1):
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("ab")
    path.parent.mkdir(parents=True, exist_ok=True)  # now an error is a real one
    return path.open("ab")


def _try_to_lock(lock: BinaryIO) -> bool:
    """Lock an open file and return True, or False if another process has done so."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second one on Windows
        return False
    return True


def _is_in_place(lock: BinaryIO, path: Path) -> bool:
    """Return whether an open file is the one that stands at a path now."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _give_back(lock: BinaryIO, path: Path) -> None:
    """Remove the lock file and unlock it, in the order that the system permits."""
    if sys.platform == "win32":
        lock.close()  # an open file cannot be removed
        with contextlib.suppress(OSError):  # the next run has opened it
            path.unlink()
    else:
        with lock:  # removed while it is locked: a moment later it could be another's
            path.unlink(missing_ok=True)
