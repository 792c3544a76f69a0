"""Loops on all cores, each task with one thread of BLAS and OpenMP, below a bar."""

import contextlib
import functools
import io
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from threadpoolctl import OpenBLASController, ThreadpoolController

BAR_WIDTH = 75
"""Characters of a bar with its numbers."""


class _SharedLimit:
    """The limit of BLAS, which counts for all threads of the process.

    The first to enter sets it, and the last to leave restores it. threadpoolctl would
    let each thread restore what it has found, which may be the limit of another one.
    There are no instances.
    """

    lock = threading.Lock()
    n_inside = 0
    limiter: Any = None


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Limit BLAS and OpenMP to one thread, in a block or as a decorator.

    Sums are then added up in one order, whatever the number of cores. Blocks may be
    nested, and may overlap in several threads. A generator must not yield inside one:
    an interrupted consumer could leave it open.
    """
    blas, openmp = _find_libraries()
    with _SharedLimit.lock:
        if _SharedLimit.n_inside == 0:
            _release_openblas()
            _SharedLimit.limiter = blas.limit(limits=1)
        _SharedLimit.n_inside += 1
    try:
        # OpenMP's limit belongs to a thread, so each one has to set its own.
        with openmp.limit(limits=1):
            yield
    finally:
        with _SharedLimit.lock:
            _SharedLimit.n_inside -= 1
            if _SharedLimit.n_inside == 0:
                _release_openblas()
                _SharedLimit.limiter.restore_original_limits()
                _release_openblas()  # so that any thread can set limits again


@functools.cache
def _find_libraries() -> tuple[ThreadpoolController, ThreadpoolController]:
    """Return libraries of BLAS, and those of OpenMP, that NumPy and others have loaded.

    A BLAS that is built on OpenMP is limited by OpenMP.
    """
    libraries = ThreadpoolController()
    blas = [
        library["filepath"]
        for library in libraries.info()
        if library["user_api"] == "blas" and library.get("threading_layer") != "openmp"
    ]
    return libraries.select(filepath=blas), libraries.select(user_api="openmp")


def _release_openblas() -> None:
    """Let any thread set the limit of OpenBLAS, which the lock makes safe.

    Newer versions of threadpoolctl ignore all threads but the first that has set one.
    """
    release = getattr(OpenBLASController, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)


def run_parallel(
    calls: Iterable[Any],
    n_calls: int,
    description: str | None = None,
    *,
    shared_memory: bool = False,
    n_jobs: int | None = None,
) -> Iterator[Any]:
    """Yield the results of calls made by ``joblib.delayed``, in their order.

    The loop is joblib's: in threads and on all cores, unless ``joblib.parallel_config``
    says otherwise. Tasks that change what they are given need `shared_memory`, and
    then run in threads whatever is configured. The bar says `description`; by default,
    and for a single call, there is none.
    """
    # `delayed` has made tuples of a function, its arguments and its named arguments.
    if n_calls == 1:
        # One call gains nothing from joblib, and runs under the caller's own limit.
        return (task(*args, **kwargs) for task, args, kwargs in calls)
    # Found before threads start: older versions of threadpoolctl may wait forever if
    # they look for libraries while another thread imports something.
    _find_libraries()
    _, configured = get_active_backend()
    hint = {"require": "sharedmem"} if shared_memory else {"prefer": "threads"}
    parallel = Parallel(n_jobs or configured or -1, return_as="generator", **hint)
    results = parallel(
        delayed(_run_single_threaded)(task, *args, **kwargs)
        for task, args, kwargs in calls
    )
    return show_bar(results, n_calls, description) if description else results


def _run_single_threaded(task: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run one task, in a thread or in a process of its own."""
    with single_threaded():
        return task(*args, **kwargs)


def show_bar(items: Iterator[Any], total: int, description: str) -> Iterator[Any]:
    """Yield items below a bar that vanishes at the end, where somebody watches."""
    output: Any = None
    if is_live():
        output = _CellOutput()
    elif sys.stderr and sys.stderr.isatty():  # none on Windows without a console
        output = sys.stderr
    if output is None:
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    bar = tqdm(items, description, total, leave=False, file=output, ncols=BAR_WIDTH)
    return iter(bar)


class _CellOutput(io.TextIOBase):
    """A file for tqdm that shows the last line written to it below a notebook cell.

    tqdm's own bar for notebooks is a widget, which a saved notebook cannot show any
    more. This one is text, and it is empty at the end.
    """

    encoding = "utf-8"  # which has the characters that fill a bar

    def write(self, text: str) -> int:
        """Show a line instead of the last one; a line of spaces shows nothing."""
        line = text.strip("\r\n")
        if line:
            shown = {"text/plain": line} if line.strip() else {}
            _output_of_cell(_request()["header"]["msg_id"]).update(shown, raw=True)
        return len(text)


@functools.lru_cache(maxsize=1)
def _output_of_cell(_message_id: str) -> Any:
    """Return the output that all bars of a cell share; messages tell cells apart."""
    from IPython.display import display

    return display({}, raw=True, display_id=True)


def is_live() -> bool:
    """Return whether this runs in a notebook that a person has open.

    Front ends for people let a cell ask for input. Programs that execute notebooks
    (nbclient and all that build on it) forbid it, since nobody would answer.
    """
    return bool(_request().get("content", {}).get("allow_stdin", False))


def _request() -> dict[str, Any]:
    """Return the message that a Jupyter kernel works on, empty outside of a kernel."""
    ipython = sys.modules.get("IPython")  # loaded already if this is a kernel
    shell = ipython.get_ipython() if ipython else None
    get_parent = getattr(shell, "get_parent", dict)
    return get_parent()
