"""Squared Euclidean distances between rows, in tiles: exact for images, on all cores."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fmnist_clustering.checks import Rows
from fmnist_clustering.progress import track

TILE_ROWS = 1024
"""Rows a side of a tile: 8 MB of distances for each core at work, small enough to be used again."""
EXACT_COLUMNS = 1024
"""With pixels moved to -128..127 every partial sum of a product stays below 2^24 up to here."""


def squared_distances(a: Rows, b: Rows) -> NDArray[np.float64]:
    """Return the squared Euclidean distance of each row of `a` to each row of `b`.

    Images of at most 1,024 columns are multiplied in float32, where every partial sum is a whole
    number below 2^24: the result is exact, whatever the order of summation. All else is computed
    in float64, and what lies within its rounding error of 0 is 0.

    Parameters
    ----------
    a, b : (m, d) and (n, d) uint8 or float64
        Checked rows of one kind, as `fmnist_clustering.checks.rows` returns them; the mean of float rows should be near
        0, since rounding grows with the norms.

    Returns
    -------
    (m, n) float64
        0 or more, in squared units of the rows: grey levels for images. 8 m n bytes, and half as
        much again while it is computed.
    """
    is_image = a.dtype == np.uint8
    exact = np.float32 if is_image and a.shape[1] <= EXACT_COLUMNS else np.float64
    middle = np.asarray(128 if is_image else 0, dtype=exact)
    x, y = (np.subtract(block, middle, dtype=exact) for block in (a, b))
    norms_x, norms_y = (np.square(block).sum(axis=1, dtype=np.float64) for block in (x, y))
    squared: NDArray[np.float64] = (x @ y.T).astype(np.float64, copy=False)
    squared *= -2
    squared += norms_x[:, None]
    squared += norms_y
    if not is_image:
        squared[squared < 16 * np.finfo(np.float64).eps * (norms_x[:, None] + norms_y)] = 0
    return squared


def map_tiles(task: Callable[..., Any], blocks: Sequence[Any], what: str) -> Iterator[tuple[int, int, Any]]:
    """Run a task on every pair of blocks on all cores.

    Distances are symmetric, so pairs (i, j) with i <= j suffice. The loop is joblib's, and follows
    ``joblib.parallel_config``; a task gets its two blocks as arguments and nothing else.

    Parameters
    ----------
    task : callable
        Called as ``task(blocks[i], blocks[j])``, and ``task(blocks[i], None)`` on the diagonal.
    blocks : sequence
        What belongs to each block of rows.
    what : str
        A word for the live bar.

    Yields
    ------
    i, j : int
        Which pair, in a fixed order.
    result
        What the task returned.
    """
    pairs = [(i, j) for i in range(len(blocks)) for j in range(i, len(blocks))]
    calls = (delayed(task)(blocks[i], None if i == j else blocks[j]) for i, j in pairs)
    with threadpool_limits(1, "blas"):  # whole tiles on each core keep the element-wise part busy
        results = Parallel(-1 if len(pairs) > 1 else 1, prefer="threads", return_as="generator")(calls)
        for (i, j), result in zip(pairs, track(results, len(pairs), what), strict=True):
            yield i, j, result
