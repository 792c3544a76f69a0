"""Euclidean distances between rows: exact for images, precise for floats."""

from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from fmnist_clustering._checks import FloatArray, RowArray, check_rows
from fmnist_clustering._parallel import run_parallel, single_threaded

MAX_TABLE_ROWS = 20_000
"""The distances of all pairs of so many rows take 1.6 GB, and SciPy copies them."""

TILE_ROWS = 1024
"""Rows on each side of a tile: its distances take 8 MB, few enough to stay in cache."""

BLOCK_ROWS = 256
"""So many rows are compared at a time with all that follow."""

MAX_EXACT_COLUMNS = 1024
"""Up to this many columns the product of two rows of images is exact in float32.

Pixels are shifted to -128..127, so a product of two is at most 2^14, and every partial
sum of 2^10 such products is a whole number of at most 2^24, which float32 holds.
"""


@single_threaded()
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
        For fewer than two rows, more than 20,000, or rows that are not finite numbers.

    Notes
    -----
    10,000 images take about 1 s on two cores and 400 MB.
    """
    rows, unit = check_rows(X, min_rows=2)
    n = len(rows)
    n_pairs = n * (n - 1) // 2
    if n > MAX_TABLE_ROWS:
        raise ValueError(
            f"X: found {n:,} rows, whose distances take {n_pairs * 8 / 1e9:.1f} GB; "
            f"expected at most {MAX_TABLE_ROWS:,} rows, or linkage from rows with "
            "'ward', which works without the distances"
        )
    starts = range(0, n, BLOCK_ROWS)
    calls = (
        delayed(_measure_later_rows)(rows[start : start + BLOCK_ROWS], rows[start:])
        for start in starts
    )
    condensed = np.empty(n_pairs)
    end = 0
    for distances in run_parallel(calls, len(starts), "blocks of distances"):
        start, end = end, end + len(distances)
        condensed[start:end] = distances
    condensed /= unit
    return condensed


def _measure_later_rows(block: RowArray, rows: RowArray) -> FloatArray:
    """Return each distance from a block, the first of some rows, to a later row."""
    is_later = np.arange(len(rows)) > np.arange(len(block))[:, None]
    return euclidean_distances(block, rows)[is_later]


def euclidean_distances(a: RowArray, b: RowArray) -> FloatArray:
    """Return the distance of each row of `a` to each row of `b`, (m, n).

    Distances of images are in gray levels, and exact but for the rounding of the root.
    Others are right wherever the rows lie, since SciPy subtracts.
    """
    if a.dtype != np.uint8:
        return np.asarray(cdist(a, b))
    # |x - y|^2 = |x|^2 + |y|^2 - 2 x.y, since a matrix product is far faster than
    # subtraction row by row. All numbers are whole, so any order of summation is exact.
    is_exact = a.shape[1] <= MAX_EXACT_COLUMNS
    dtype: type[np.floating[Any]] = np.float32 if is_exact else np.float64
    x = np.subtract(a, dtype(128), dtype=dtype)
    y = np.subtract(b, dtype(128), dtype=dtype)
    squared: FloatArray = (x @ y.T).astype(np.float64, copy=False)
    squared *= -2
    squared += np.einsum("ij,ij->i", x, x)[:, None]
    squared += np.einsum("ij,ij->i", y, y)
    return np.sqrt(squared, out=squared)
