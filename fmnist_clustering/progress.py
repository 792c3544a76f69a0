"""A live bar for long loops: where somebody watches, and nowhere else."""

import os
import sys
from collections.abc import Iterable
from typing import Any

ARTIFACTS_VARIABLE = "FMNIST_CLUSTERING_ARTIFACTS"
"""Environment variable by which a runner tells the kernel where artifacts go."""


def track(items: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """Show how many items are done while they are gone through, where tqdm is installed.

    The bar is shown in a notebook that somebody sits at and on a terminal, and removed at the end. A
    notebook under a runner, a pipe and a file get nothing.

    Parameters
    ----------
    items : iterable
        What to go through.
    total : int
        How many there will be.
    what : str
        A word for them.

    Returns
    -------
    iterable
        Each of `items`, in their order.
    """
    if ARTIFACTS_VARIABLE in os.environ or not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        return items
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return items
    return tqdm(items, what, total, leave=False)  # type: ignore[no-any-return]
