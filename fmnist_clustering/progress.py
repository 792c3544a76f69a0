"""A live bar for long loops: where somebody watches, and nowhere else."""

import functools
import io
import os
import sys
from collections.abc import Iterable
from typing import Any

ARTIFACTS_VARIABLE = "FMNIST_CLUSTERING_ARTIFACTS"
"""Environment variable by which the runner tells the kernel where artifacts go."""

BAR_WIDTH = 75
"""Characters of a bar with its numbers."""


def track(items: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """Show how many items are done while a loop goes through them.

    The bar is shown on a terminal and in a notebook that somebody sits at, if tqdm is
    installed, and is removed at the end. Where output is kept there is no bar: in a
    pipe, a file, and a notebook that a program executes.

    Parameters
    ----------
    items : iterable
        What to go through.
    total : int
        How many there will be.
    what : str
        A word for them, which stands before the bar.

    Returns
    -------
    iterable
        Each of `items`, in their order.
    """
    output = _CellOutput() if is_live() else None  # None: stderr
    if output is None and not _is_terminal():
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    return tqdm(  # type: ignore[no-any-return]
        items, what, total, leave=False, file=output, ncols=BAR_WIDTH, position=0
    )


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
            _output_of_cell(_request_id()).update(shown, raw=True)
        return len(text)


@functools.lru_cache(maxsize=1)
def _output_of_cell(_request: str) -> Any:
    """Return the output that all bars of a cell share, one after the other."""
    from IPython.display import display

    return display({}, raw=True, display_id=True)


def _request_id() -> str:
    """Return what tells one execution of a cell from all others."""
    header: dict[str, str] = (_kernel_request() or {}).get("header", {})
    return header.get("msg_id", "")


def is_live() -> bool:
    """Return whether this runs in a notebook that somebody sits at.

    Returns
    -------
    bool
        True only where that is sure. Under a program that executes notebooks, such as
        this project's runner, nbconvert, papermill or Voila, and outside of a kernel it
        is False.
    """
    request = _kernel_request()
    if request is None or ARTIFACTS_VARIABLE in os.environ:
        return False
    # Front ends for people let a cell ask for input. Programs that execute notebooks
    # (nbclient and all that build on it) forbid it, since nobody would answer.
    content: dict[str, Any] = request.get("content", {})
    return bool(content.get("allow_stdin", False))


def _is_terminal() -> bool:
    """Return whether this runs in a terminal, without a kernel and without the runner.

    On Windows there is no stderr where there is no console.
    """
    if ARTIFACTS_VARIABLE in os.environ or _kernel_request() is not None:
        return False
    return sys.stderr is not None and sys.stderr.isatty()


def _kernel_request() -> dict[str, Any] | None:
    """Return the message that a Jupyter kernel works on; None outside of a kernel."""
    ipython = sys.modules.get("IPython")  # loaded already if this is a kernel
    if ipython is None:
        return None
    get_parent = getattr(ipython.get_ipython(), "get_parent", None)
    return get_parent() if get_parent else None
