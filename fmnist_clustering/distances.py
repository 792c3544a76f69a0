"""Euclidean distances between rows, in tiles: exact for images, on all cores."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits

from fmnist_clustering._validation import FloatArray, RowArray, check_rows
from fmnist_clustering.progress import track

TILE_ROWS = 1024
"""Rows on each side of a tile: its distances take 8 MB, few enough to stay in cache."""

MAX_EXACT_COLUMNS = 1024
"""Up to this many columns the product of two rows of images is exact in float32.

Pixels are shifted to -128..127, so a product of two is at most 2^14, and every partial
sum of 2^10 such products is a whole number of at most 2^24, which float32 holds.
"""

MEMINFO = Path("/proc/meminfo")


def squared_distances(a: RowArray, b: RowArray) -> FloatArray:
    """Return the squared Euclidean distance of each row of `a` to each row of `b`.

    Parameters
    ----------
    a, b : (m, d) and (n, d) uint8 or float64
        Rows of one type, as `fmnist_clustering._validation.check_rows` returns them.
        The mean of float rows should be near 0, since rounding grows with the norms.

    Returns
    -------
    (m, n) float64
        0 or more, in squared units of the rows, which are grey levels for images.

    Notes
    -----
    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y, since a matrix product is far faster than
    subtraction row by row. For images of at most 1,024 columns the product is exact in
    float32, whatever the order of summation (see `MAX_EXACT_COLUMNS`), and so is the
    result. Float rows are computed in float64, and a result that is within its rounding
    error of 0 becomes 0. Memory: 8 m n bytes, and half as much again on the way.
    """
    is_image = a.dtype == np.uint8
    if is_image and a.shape[1] <= MAX_EXACT_COLUMNS:
        dtype: type[np.floating[Any]] = np.float32
    else:
        dtype = np.float64
    shift = dtype(128 if is_image else 0)
    x = np.subtract(a, shift, dtype=dtype)
    y = np.subtract(b, shift, dtype=dtype)
    norms_x = np.square(x).sum(axis=1, dtype=np.float64)
    norms_y = np.square(y).sum(axis=1, dtype=np.float64)

    squared: FloatArray = (x @ y.T).astype(np.float64, copy=False)
    squared *= -2
    squared += norms_x[:, None]
    squared += norms_y
    if not is_image:
        rounding_error = 16 * np.finfo(np.float64).eps * (norms_x[:, None] + norms_y)
        squared[squared < rounding_error] = 0
    return squared


def condensed_distances(X: ArrayLike) -> FloatArray:
    """Return the Euclidean distance of every pair of rows.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point, n >= 2. Data of dtype uint8 are images, where 255 means
        1.0; all other data are taken as they are.

    Returns
    -------
    (n (n - 1) / 2,) float64
        In SciPy's order: pairs (0, 1), (0, 2), ..., (1, 2), ...

    Raises
    ------
    ValueError
        For fewer than two rows, or rows that are not finite numbers.
    MemoryError
        When the result would take more memory than the machine has available.

    Notes
    -----
    Images go through exact tiles, all other rows through SciPy's ``pdist``. 10,000
    images take about 1 s on two cores and 400 MB.
    """
    rows, unit = check_rows(X, min_rows=2)
    n = len(rows)
    check_memory(n, copies=1)
    if rows.dtype != np.uint8:
        return np.asarray(pdist(rows))

    starts = range(0, n, TILE_ROWS)
    blocks = [rows[start : start + TILE_ROWS] for start in starts]
    condensed = np.empty(n * (n - 1) // 2)
    for i, j, tile in map_tiles(_distances, blocks, "tiles of distances"):
        for row, distances in enumerate(tile, start=starts[i]):
            # Only the pairs (row, column) with row < column are kept.
            first_column = max(starts[j], row + 1)
            above_diagonal = distances[first_column - starts[j] :]
            # Row r begins at place r (2 n - r - 1) / 2 with column r + 1.
            place = row * (2 * n - row - 1) // 2 + first_column - row - 1
            condensed[place : place + len(above_diagonal)] = above_diagonal
    condensed /= unit
    return condensed


def map_tiles(
    task: Callable[..., Any],
    blocks: Sequence[Any],
    description: str,
) -> Iterator[tuple[int, int, Any]]:
    """Run a task on every pair of blocks of rows, on all cores.

    Distances are symmetric, so the pairs (i, j) with i <= j are enough. The loop is
    joblib's and follows ``joblib.parallel_config``, also to other machines: a task gets
    its two blocks as arguments and nothing else.

    Parameters
    ----------
    task : callable
        Called as ``task(blocks[i], blocks[j])``, and as ``task(blocks[i], None)`` for
        a block with itself.
    blocks : sequence
        The data that belong to each block of rows.
    description : str
        What the progress bar says.

    Yields
    ------
    i, j : int
        The pair of blocks, in a fixed order.
    result
        What the task returned.
    """
    numbers = range(len(blocks))
    pairs = [(i, j) for i in numbers for j in numbers if i <= j]
    calls = (delayed(task)(blocks[i], None if i == j else blocks[j]) for i, j in pairs)
    n_jobs = -1 if len(pairs) > 1 else 1
    # Each core computes whole tiles with one thread: more BLAS threads would leave the
    # part that works element by element on a single core.
    with threadpool_limits(1, "blas"):
        parallel = Parallel(n_jobs, prefer="threads", return_as="generator")
        results = track(parallel(calls), len(pairs), description)
        for (i, j), result in zip(pairs, results, strict=True):
            yield i, j, result


def check_memory(n_rows: int, copies: int) -> None:
    """Refuse distances of all pairs that do not fit into the available memory.

    Parameters
    ----------
    n_rows : int
        The number of rows.
    copies : int
        How many arrays of that size are needed at the same time.

    Raises
    ------
    MemoryError
        When they take more than is available. Nothing has been allocated then.
    """
    n_pairs = n_rows * (n_rows - 1) // 2
    needed = copies * 8 * n_pairs
    available = _available_memory()
    if needed > available:
        raise MemoryError(
            f"X: found {available:,} bytes of memory available, expected {needed:,} "
            f"for the distances of all pairs of {n_rows:,} rows; take fewer rows, or "
            "'ward', which works without them",
        )


def _distances(rows: RowArray, others: RowArray | None) -> FloatArray:
    """Return the distances between two blocks of rows, in their own units."""
    squared = squared_distances(rows, rows if others is None else others)
    return np.sqrt(squared, out=squared)


def _available_memory() -> int:
    """Return how many bytes can be allocated without swapping."""
    if MEMINFO.is_file():
        text = MEMINFO.read_text(encoding="utf-8")
        match = re.search(r"MemAvailable:\s+(\d+) kB", text)
        if match:
            return 1024 * int(match[1])
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 2**62  # nobody can tell
