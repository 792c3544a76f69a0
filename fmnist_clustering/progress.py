"""A live bar for long loops: where somebody watches, and nowhere else."""

import os
import sys
from collections.abc import Iterable
from typing import Any

ARTIFACTS_VARIABLE = "FMNIST_CLUSTERING_ARTIFACTS"
"""Environment variable by which the runner tells the kernel where artifacts go."""


def track(items: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """Show how many items are done while a loop goes through them.

    The bar is shown on a terminal and in a notebook that somebody sits at, if tqdm is
    installed, and is removed at the end. Where output is kept there is no bar: in a
    pipe, a file, and a notebook that this project's runner, papermill, nbconvert or
    another program executes.

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
    if not _is_watched():
        return items
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return items
    return tqdm(items, what, total, leave=False)  # type: ignore[no-any-return]


def _is_watched() -> bool:
    """Return whether somebody sees the output while it is written."""
    if ARTIFACTS_VARIABLE in os.environ:
        return False
    request = _kernel_request()
    if request is None:
        # Without a console there is no stderr on Windows.
        return sys.stderr is not None and sys.stderr.isatty()
    # Front ends for people let a cell ask for input. Programs that execute notebooks
    # (nbclient and all that build on it) forbid it, since nobody would answer.
    content: dict[str, Any] = request.get("content", {})
    return bool(content.get("allow_stdin", False))


def _kernel_request() -> dict[str, Any] | None:
    """Return the message that a Jupyter kernel works on; None outside of a kernel."""
    ipython = sys.modules.get("IPython")  # loaded already if this is a kernel
    if ipython is None:
        return None
    get_parent = getattr(ipython.get_ipython(), "get_parent", None)
    return get_parent() if get_parent else None
