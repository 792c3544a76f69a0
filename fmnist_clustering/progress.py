"""A live bar for long loops: where somebody watches, and nowhere else."""

import os
import sys
from collections.abc import Iterable
from typing import TypeVar, cast

ARTIFACTS_VARIABLE = "FMNIST_CLUSTERING_ARTIFACTS"
"""Environment variable by which a runner tells the kernel where artifacts go."""

Item = TypeVar("Item")


def track(items: Iterable[Item], total: int, what: str) -> Iterable[Item]:
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
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    if not watched or ARTIFACTS_VARIABLE in os.environ:
        return items
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return items
    return cast("Iterable[Item]", tqdm(items, what, total, leave=False))
