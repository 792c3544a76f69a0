"""Loops on all cores: one thread of BLAS for each task, and for nobody afterwards."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from joblib import Parallel, delayed
from joblib.parallel import (
    LokyBackend,
    MultiprocessingBackend,
    SequentialBackend,
    ThreadingBackend,
    get_active_backend,
)
from threadpoolctl import OpenBLASController, ThreadpoolController

from fmnist_clustering._resources import n_cores
from fmnist_clustering.progress import track

LOCAL_BACKENDS = (
    LokyBackend,
    MultiprocessingBackend,
    SequentialBackend,
    ThreadingBackend,
)
"""Backends of joblib that work on this machine."""

POLL_SECONDS = 0.002
"""How often a loop that ends early looks whether its last tasks have ended."""


class _Limit(NamedTuple):
    """A limit that was changed: where, and what it was."""

    library: Any
    n_threads: int | None


class _State:
    """Who needs single threads now, and which limits were changed for it."""

    def __init__(self) -> None:
        # A signal handler may enter while its own thread has the lock.
        self.lock = threading.RLock()
        # The thread of each context that is open, by the id of the context.
        self.contexts: dict[int, int] = {}
        # By file of the library, and thread. The thread is None where a limit holds for
        # the whole process.
        self.originals: dict[tuple[str, int | None], _Limit] = {}
        # A search for libraries takes 5 ms, so it is repeated only after an import.
        self.libraries: list[Any] = []
        self.n_modules = 0


_state = _State()


class single_threaded_blas:  # noqa: N801  # it is used like a function
    """Limit BLAS and OpenMP to one thread while the block runs.

    It may be nested, and used by several threads at the same time. The first one to
    enter sets the limits, and the last one to leave restores them:
    ``threadpoolctl.threadpool_limits`` restores what it has found, so of two threads
    that overlap the last one would restore the limit of the other. Limits that belong
    to one thread (those of OpenMP) are set for each thread that enters, and restored
    when that thread leaves.

    A generator should not yield inside of the block: its consumer would have one
    thread, too.
    """

    # A class, not a generator: after an interrupt at any line of these methods the
    # limits are right, since leaving twice is the same as leaving once.

    def __enter__(self) -> None:
        try:
            _enter(id(self))
        except BaseException:
            _leave(id(self))
            raise

    def __exit__(self, *_: object) -> None:
        try:
            _leave(id(self))
        except BaseException:
            _leave(id(self))
            raise

    def __del__(self) -> None:
        # Only an interrupt before the first line of `__exit__` leaves work for here.
        if id(self) in _state.contexts:
            _leave(id(self))


def _enter(context: int) -> None:
    """Set all limits to 1, and remember what they were."""
    this_thread = threading.get_ident()
    with _state.lock:
        _state.contexts[context] = this_thread
        for library in _find_libraries():
            thread = this_thread if _is_limited_by_thread(library) else None
            n_threads = library.num_threads
            limit = _Limit(library, n_threads)
            _state.originals.setdefault((library.filepath, thread), limit)
            if n_threads != 1:
                _set_threads(limit, 1)


def _leave(context: int) -> None:
    """Restore the limits that no open context needs any more."""
    this_thread = threading.get_ident()
    with _state.lock:
        _state.contexts.pop(context, None)
        needed: set[int | None] = {*_state.contexts.values()}
        if needed:
            needed.add(None)
        for key, limit in list(_state.originals.items()):
            _, thread = key
            if thread in needed:
                continue
            # Nobody can set the limit of another thread.
            if thread in (None, this_thread):
                _set_threads(limit, limit.n_threads)
            _state.originals.pop(key, None)


def _find_libraries() -> list[Any]:
    """Return threadpoolctl's controllers of all libraries that are loaded."""
    n_modules = len(sys.modules)
    if n_modules != _state.n_modules:
        _state.libraries = ThreadpoolController().lib_controllers
        _state.n_modules = n_modules
    return _state.libraries


def _is_limited_by_thread(library: Any) -> bool:
    """Return whether each thread has a limit of its own, as threadpoolctl sets it."""
    if library.internal_api == "openmp":
        return not library.prefix.startswith("vcomp")  # Microsoft's has one for all
    has_openmp_inside = getattr(library, "threading_layer", None) == "openmp"
    return library.internal_api == "mkl" or has_openmp_inside


def _set_threads(limit: _Limit, n_threads: int | None) -> None:
    """Set how many threads a library may use."""
    if n_threads is None:  # the library does not tell
        return
    # Newer versions of threadpoolctl ignore all threads but the first that sets limits
    # of OpenBLAS. Here the lock does what this is for.
    forget_first_thread = getattr(OpenBLASController, "clear_controlling_thread", None)
    if forget_first_thread is not None:
        forget_first_thread(force=True)
    limit.library.set_num_threads(n_threads)
    if forget_first_thread is not None:
        forget_first_thread(force=True)


def _forget_other_threads() -> None:
    """Leave the contexts of threads that do not exist after a fork."""
    this_thread = threading.get_ident()
    _state.lock = threading.RLock()
    for context, thread in list(_state.contexts.items()):
        if thread != this_thread:
            _leave(context)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _state.lock.acquire(),
        after_in_parent=lambda: _state.lock.release(),
        after_in_child=_forget_other_threads,
    )


class LoopStopped(Exception):  # noqa: N818  # it ends a task, and is no error
    """Ends a task whose result nobody wants any more."""


_this_thread = threading.local()
"""Has the attribute ``loop`` while this thread is at a task of it."""


def leave_if_stopped() -> None:
    """End the task of this thread if its loop has been stopped.

    Long computations call this regularly, so that a loop which is interrupted need not
    wait for them. Outside of a task, and in the main thread, which gets interrupts
    itself, nothing happens.

    Raises
    ------
    LoopStopped
        When nobody wants the result of the task.
    """
    if threading.current_thread() is threading.main_thread():
        return
    loop = getattr(_this_thread, "loop", None)
    while loop is not None:
        if loop.is_stopped:
            raise LoopStopped
        loop = loop.around


class _Loop:
    """What the tasks of one loop share. In another process they get a new one."""

    def __init__(self) -> None:
        self.is_stopped = False
        # The loop whose task has started this one, if any.
        self.around: _Loop | None = getattr(_this_thread, "loop", None)
        self.running: set[int] = set()  # the threads that are at a task

    def __reduce__(self) -> tuple[Any, ...]:
        return _Loop, ()

    def run(self, task: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run one task, unless the loop has ended already."""
        # In this order, and `stop` looks in the other one: so either this task sees
        # that the loop is stopped, or `stop` sees this task. A lock would not do, since
        # an interrupt may come between taking it and the block.
        thread = threading.get_ident()
        loop_before = getattr(_this_thread, "loop", None)
        self.running.add(thread)
        try:
            if self.is_stopped:
                return None
            _this_thread.loop = self
            with single_threaded_blas():
                return task(*args, **kwargs)
        except LoopStopped:
            return None
        finally:
            _this_thread.loop = loop_before
            self.running.discard(thread)

    def stop(self) -> None:
        """Start no task any more, and wait for those that run in other threads."""
        self.is_stopped = True
        this_thread = {threading.get_ident()}
        while self.running - this_thread:
            time.sleep(POLL_SECONDS)

    def until_stopped(self, calls: Iterable[Any]) -> Iterator[Any]:
        """Yield the calls as calls of `run`."""
        for task, args, kwargs in calls:
            if self.is_stopped:
                return
            yield delayed(self.run)(task, *args, **kwargs)


def run_parallel(
    calls: Iterable[Any],
    n_calls: int,
    description: str | None = None,
    *,
    shared_memory: bool = False,
    n_threads: int = -1,
) -> Iterator[Any]:
    """Run tasks on all cores, each with one thread of BLAS and OpenMP.

    The loop is joblib's. It runs in threads unless ``joblib.parallel_config`` names
    another backend, on as many cores as `n_cores` counts unless that sets ``n_jobs``.

    Parameters
    ----------
    calls : iterable
        Each of them made by ``joblib.delayed``.
    n_calls : int
        How many there are.
    description : str, optional
        What the progress bar says; default: no bar.
    shared_memory : bool
        True: run in threads whatever is configured, since tasks change what they are
        given, or would take too much with them.
    n_threads : int
        How many threads to use unless something else is configured; -1: as many as
        there are cores. Tasks that call many short functions are faster in one thread:
        in several they wait for each other, since Python runs one at a time.

    Yields
    ------
    result
        What the tasks returned, in the order of the calls. With backends that cannot
        do this (multiprocessing) all of them come at the end.

    Notes
    -----
    When the loop ends early, because a task fails, the consumer closes the iterator, or
    somebody interrupts it, no task is started any more, and it waits for those that run
    in threads. So the limits of BLAS are restored when it returns.
    """
    hint = {"require": "sharedmem"} if shared_memory else {"prefer": "threads"}
    backend, _ = get_active_backend(**hint)
    n_jobs = _count_jobs(backend, n_threads) if n_calls > 1 else 1
    return_as = "generator" if backend.supports_return_generator else "list"
    parallel = Parallel(n_jobs, return_as=return_as, **hint)
    loop = _Loop()
    results: Iterator[Any] = iter(())
    try:
        results = iter(parallel(loop.until_stopped(calls)))
        shown = results if description is None else track(results, n_calls, description)
        # Not "yield from": it would close joblib's iterator, which warns about it.
        for result in shown:  # noqa: UP028
            yield result
    finally:
        loop.is_stopped = True
        # What is still waiting ends at once, and nobody wants its results or errors.
        with contextlib.suppress(Exception):
            for _ in results:
                pass
        loop.stop()


def _count_jobs(backend: Any, n_threads: int) -> int:
    """Return how many tasks may run at the same time; -1 means as many as possible."""
    _, configured = get_active_backend()
    default = n_threads if isinstance(backend, ThreadingBackend) else -1
    n_jobs = default if configured is None else int(configured)
    if n_jobs < 0 and isinstance(backend, LOCAL_BACKENDS):
        # -1 means all cores, -2 all but one, and so on. joblib does not see all limits.
        return max(n_cores() + 1 + n_jobs, 1)
    return n_jobs
