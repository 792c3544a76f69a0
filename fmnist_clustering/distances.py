"""Euclidean distances between rows, in tiles: exact for images, precise for floats.

Below them stands what k-means and Ward's tree need to stay precise at any scale.
"""

from collections.abc import Callable, Iterator, Sequence
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

MAX_EXACT_COLUMNS = 1024
"""Up to this many columns the product of two rows of images is exact in float32.

Pixels are shifted to -128..127, so a product of two is at most 2^14, and every partial
sum of 2^10 such products is a whole number of at most 2^24, which float32 holds.
"""

MIDDLE_ROWS = 1000
"""So many rows, evenly spread, tell where the middle of the data is."""

FLOAT32_ROUNDING = 2.0**-24
"""The largest relative error of one rounding to float32."""

MAX_EXPONENT = 1000
"""Powers of two from -1000 to 1000 have an inverse in float64."""

SMALLEST_SAFE = 1e-130
LARGEST_SAFE = 1e150
"""Between these magnitudes squares of values and of their differences are safe."""


def euclidean_distances(a: RowArray, b: RowArray) -> FloatArray:
    """Return the distance of each row of `a` to each row of `b`, (m, n).

    Distances of images are in gray levels, and exact but for the rounding of the root.
    Others are right wherever the rows lie, since SciPy subtracts.
    """
    if a.dtype == np.uint8:
        squared = _squared_distances_of_images(a, b)
        return np.sqrt(squared, out=squared)
    return np.asarray(cdist(a, b))


def norms(differences: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each row."""
    return np.asarray(np.sqrt(np.square(differences).sum(axis=1)))


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
    check_table_size(n)
    starts = range(0, n, TILE_ROWS)
    blocks = [rows[start : start + TILE_ROWS] for start in starts]
    condensed = np.empty(n * (n - 1) // 2)
    for i, j, tile in map_tiles(_measure_tile, blocks, "tiles of distances"):
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
    description: str | None = None,
    *,
    shared_memory: bool = False,
) -> Iterator[tuple[int, int, Any]]:
    """Yield i, j and what a task returns for each pair of blocks of rows, i <= j.

    Distances are symmetric, so these pairs are enough. The task is called as
    ``task(blocks[i], blocks[j])``, and as ``task(blocks[i], None)`` for a block with
    itself. It gets nothing else, so it may run on another machine, unless tasks need
    `shared_memory`.
    """
    numbers = range(len(blocks))
    pairs = [(i, j) for i in numbers for j in numbers if i <= j]
    calls = (delayed(task)(blocks[i], None if i == j else blocks[j]) for i, j in pairs)
    # Each core computes whole tiles with one thread: more BLAS threads would leave the
    # part that works element by element on a single core.
    results = run_parallel(calls, len(pairs), description, shared_memory=shared_memory)
    for (i, j), result in zip(pairs, results, strict=True):
        yield i, j, result


def find_middle(rows: RowArray) -> FloatArray:
    """Return about the median of each column, which rows far out do not draw away."""
    some_rows = rows[:: 1 + len(rows) // MIDDLE_ROWS].astype(np.float64)
    return np.asarray(np.quantile(some_rows, 0.5, axis=0, method="lower"))


def power_of_two_near(value: float) -> float:
    """Return a power of two near a magnitude; to divide by it changes no digit."""
    _, exponent = np.frexp(value)
    return float(np.ldexp(1.0, np.clip(exponent - 1, -MAX_EXPONENT, MAX_EXPONENT)))


def check_table_size(n_rows: int, name: str = "X") -> None:
    """Refuse so many rows that a table of their distances would not be reasonable."""
    if n_rows > MAX_TABLE_ROWS:
        gigabytes = n_rows * (n_rows - 1) / 2 * 8 / 1e9
        raise ValueError(
            f"{name}: found {n_rows:,} rows, whose distances take {gigabytes:.1f} GB; "
            f"expected at most {MAX_TABLE_ROWS:,} rows, or linkage from rows with "
            "'ward', which works without the distances"
        )


def _measure_tile(rows: RowArray, others: RowArray | None) -> FloatArray:
    """Return the distances between two blocks of rows, in their own units."""
    return euclidean_distances(rows, rows if others is None else others)


def _squared_distances_of_images(a: RowArray, b: RowArray) -> FloatArray:
    """Return squared distances in squared grey levels, exact in any order of summation.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y, since a matrix product is far faster than
    subtraction row by row. See `MAX_EXACT_COLUMNS` for the type.
    """
    dtype: type[np.floating[Any]] = np.float32
    if a.shape[1] > MAX_EXACT_COLUMNS:
        dtype = np.float64
    x = np.subtract(a, dtype(128), dtype=dtype)
    y = np.subtract(b, dtype(128), dtype=dtype)
    squared: FloatArray = (x @ y.T).astype(np.float64, copy=False)
    squared *= -2
    squared += np.einsum("ij,ij->i", x, x)[:, None]
    squared += np.einsum("ij,ij->i", y, y)
    return squared
