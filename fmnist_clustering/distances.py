"""Euclidean distances between rows, in tiles: exact for images, precise for floats."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from fmnist_clustering._resources import available_memory
from fmnist_clustering._threads import run_parallel
from fmnist_clustering._validation import FloatArray, RowArray, check_rows

TILE_ROWS = 1024
"""Rows on each side of a tile: its distances take 8 MB, few enough to stay in cache."""

MAX_EXACT_COLUMNS = 1024
"""Up to this many columns the product of two rows of images is exact in float32.

Pixels are shifted to -128..127, so a product of two is at most 2^14, and every partial
sum of 2^10 such products is a whole number of at most 2^24, which float32 holds.
"""

DIRECT_COLUMNS = 32
"""Up to this many columns subtraction takes no longer than a matrix product."""

LARGEST_ERROR = 1e-9
"""How wrong the square of a distance of float rows may be, relative to itself."""

LARGEST_SHARE_BY_PAIRS = 0.05
"""If more pairs than that are doubtful, it is faster to subtract all of them."""

MAX_DIFFERENCES = 2**17
"""So many numbers are subtracted at a time: 1 MB, which stays in cache."""

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
    """Return the Euclidean distance of each row of `a` to each row of `b`.

    Parameters
    ----------
    a, b : (m, d) and (n, d) uint8 or float64
        Rows of one type, as `fmnist_clustering._validation.check_rows` returns them.

    Returns
    -------
    (m, n) float64
        0 or more, in units of the rows, which are grey levels for images. Distances of
        images are exact but for the rounding of the square root. Those of float rows
        are right to 1e-9 of the distance, wherever the rows lie.

    Raises
    ------
    ValueError
        When a distance is larger than float64 can hold.

    Notes
    -----
    Memory: 8 m n bytes, and about twice as much on the way.
    """
    if a.dtype == np.uint8:
        squared = _squared_distances_of_images(a, b)
        return np.sqrt(squared, out=squared)
    can_be_squared = _can_be_squared(a) and _can_be_squared(b)
    if a.shape[1] <= DIRECT_COLUMNS or not can_be_squared:
        return direct_distances(a, b)
    return _distances_by_product(a, b)


def direct_distances(a: RowArray, b: RowArray) -> FloatArray:
    """Return the distance of each float row of `a` to each of `b`, by subtraction.

    Parameters
    ----------
    a, b : (m, d) and (n, d) float64
        All values are finite.

    Returns
    -------
    (m, n) float64
        As precise as float64 allows, at any offset and scale. The same on every
        machine, since no matrix product is involved.

    Raises
    ------
    ValueError
        When a distance is larger than float64 can hold.
    """
    distances = np.asarray(cdist(a, b))
    if not (_can_be_squared(a) and _can_be_squared(b)):
        # SciPy adds squares, which may have become 0 or infinity.
        is_doubtful = (distances < SMALLEST_SAFE) | (distances > LARGEST_SAFE)
        _measure_again(distances, is_doubtful, a, b)
    return distances


def norms(differences: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each row.

    Parameters
    ----------
    differences : (m, d) float64
        Differences of finite rows.

    Returns
    -------
    (m,) float64
        As precise as float64 allows, at any scale.

    Raises
    ------
    ValueError
        When a norm is larger than float64 can hold.
    """
    with np.errstate(over="ignore"):
        lengths = np.sqrt(np.square(differences).sum(axis=1))
    is_doubtful = ~((lengths > SMALLEST_SAFE) & (lengths < LARGEST_SAFE))
    if is_doubtful.any():
        lengths[is_doubtful] = _scaled_norms(differences[is_doubtful])
    if not np.isfinite(lengths).all():
        raise ValueError(
            "X: found rows whose distance is larger than float64 can hold, "
            f"expected distances up to {np.finfo(np.float64).max:.3g}"
        )
    return np.asarray(lengths)


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
        For fewer than two rows, rows that are not finite numbers, or distances that are
        larger than float64 can hold.
    MemoryError
        When the result would take more memory than the machine has available.

    Notes
    -----
    Distances of images are exact but for the rounding of the square root; those of
    other rows are as precise as float64 allows, at any offset and scale. 10,000 images
    take about 1 s on two cores and 400 MB.
    """
    rows, unit = check_rows(X, min_rows=2)
    n = len(rows)
    check_memory(n, copies=1)
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
    description : str, optional
        What the progress bar says; default: no bar.
    shared_memory : bool
        As in `fmnist_clustering._threads.run_parallel`.

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
    # Each core computes whole tiles with one thread: more BLAS threads would leave the
    # part that works element by element on a single core.
    results = run_parallel(calls, len(pairs), description, shared_memory=shared_memory)
    for (i, j), result in zip(pairs, results, strict=True):
        yield i, j, result


def find_middle(rows: RowArray, n_rows: int = MIDDLE_ROWS) -> FloatArray:
    """Return the median of each column, which a few rows far out do not draw away.

    Parameters
    ----------
    rows : (n, d) uint8 or float64
        The data.
    n_rows : int
        How many rows are looked at, evenly spread.

    Returns
    -------
    (d,) float64
        Values of the columns: of two in the middle the lower one.
    """
    some_rows = rows[:: 1 + len(rows) // n_rows].astype(np.float64)
    return np.asarray(np.quantile(some_rows, 0.5, axis=0, method="lower"))


def power_of_two_near(value: float) -> float:
    """Return a power of two that is as large as a magnitude, but for a factor of 2.

    Divided by it, numbers of that size can be squared, and none changes a digit.

    Parameters
    ----------
    value : float
        0 or more, and finite.

    Returns
    -------
    float
        From 2^-1000 to 2^1000, so that its inverse can be held, too.
    """
    _, exponent = np.frexp(value)
    return float(np.ldexp(1.0, np.clip(exponent - 1, -MAX_EXPONENT, MAX_EXPONENT)))


def enlarge(rows: RowArray) -> tuple[RowArray, float]:
    """Return rows in a larger unit if they are so small that sums would lose digits.

    Parameters
    ----------
    rows : (n, d) uint8 or float64
        All values are finite.

    Returns
    -------
    rows : (n, d) uint8 or float64
        The same rows, unless all are smaller than `SMALLEST_SAFE`. Then they are
        divided by a power of two near the largest.
    scale : float
        That power of two, or 1.0.
    """
    largest = max(float(rows.max()), -float(rows.min()))
    if not 0 < largest < SMALLEST_SAFE:
        return rows, 1.0
    scale = power_of_two_near(largest)
    return np.asarray(rows / scale), scale


def check_sums_fit(rows: RowArray, name: str = "X") -> None:
    """Refuse rows that are so large that sums of their distances could overflow.

    Parameters
    ----------
    rows : (n, d) uint8 or float64
        All values are finite.
    name : str
        What an error message calls the argument.

    Raises
    ------
    ValueError
        When the sum of n distances could be larger than float64 can hold.
    """
    n, d = rows.shape
    limit = np.finfo(np.float64).max / (2 * n * d**0.5)
    largest = max(float(rows.max()), -float(rows.min()))
    if largest > limit:
        raise ValueError(
            f"{name}: found {largest:.3g}, expected numbers up to {limit:.3g}: sums of "
            "the distances have to fit into float64"
        )


def check_memory(n_rows: int, copies: int, name: str = "X") -> None:
    """Refuse distances of all pairs that do not fit into the available memory.

    Parameters
    ----------
    n_rows : int
        The number of rows.
    copies : int
        How many arrays of that size are needed at the same time.
    name : str
        What an error message calls the argument.

    Raises
    ------
    MemoryError
        When they take more than is available. Nothing has been allocated then.
    """
    n_pairs = n_rows * (n_rows - 1) // 2
    needed = copies * 8 * n_pairs
    available = available_memory()
    if needed > available:
        raise MemoryError(
            f"{name}: found {available:,} bytes of memory available, expected "
            f"{needed:,} for the distances of all pairs of {n_rows:,} rows; take fewer "
            "rows, or 'ward', which works without them",
        )


def _scaled_norms(differences: FloatArray) -> FloatArray:
    """Return the Euclidean norm of rows whose squares may overflow or underflow.

    The largest value of each row is brought near to 1. Then no square overflows, and
    only squares that do not count underflow. Powers of two change no digit.
    """
    _, exponents = np.frexp(np.abs(differences).max(axis=1))
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.ldexp(differences, -exponents[:, None])
        lengths = np.ldexp(np.sqrt(np.square(scaled).sum(axis=1)), exponents)
    return np.asarray(lengths)


def _measure_tile(rows: RowArray, others: RowArray | None) -> FloatArray:
    """Return the distances between two blocks of rows, in their own units."""
    columns = rows if others is None else others
    if rows.dtype == np.uint8:
        return euclidean_distances(rows, columns)
    return direct_distances(rows, columns)


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


def _distances_by_product(a: RowArray, b: RowArray) -> FloatArray:
    """Return distances of float rows by a matrix product where it is precise enough.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y = N - 2 x.y loses digits where x and y are much
    nearer to each other than to the origin. To first order in the precision u = 2^-53
    it is wrong by at most (d + 4) u N: d for the product, whose terms sum up to N / 2
    at most and are doubled, and 4 for N and the last subtraction. All pairs for which
    that could be more than `LARGEST_ERROR` are measured again by subtraction.
    """
    center = find_middle(a, n_rows=64)  # of one tile, so this has to be quick
    x = a - center
    y = b - center
    total = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)  # N
    squared: FloatArray = x @ y.T
    squared *= -2
    squared += total

    n_columns = a.shape[1]
    relative_error = (n_columns + 4) * np.finfo(np.float64).eps / 2
    is_doubtful = squared * LARGEST_ERROR < total * relative_error
    if is_doubtful.mean() > LARGEST_SHARE_BY_PAIRS:
        return direct_distances(a, b)
    squared[is_doubtful] = 0  # they may be below 0
    distances = np.sqrt(squared, out=squared)
    _measure_again(distances, is_doubtful, a, b)
    return distances


def _measure_again(
    distances: FloatArray,
    is_doubtful: NDArray[np.bool_],
    a: RowArray,
    b: RowArray,
) -> None:
    """Replace some distances between rows of `a` and `b` by precise ones, in place."""
    rows, columns = np.nonzero(is_doubtful)
    n_pairs = 1 + MAX_DIFFERENCES // a.shape[1]  # that are subtracted at a time
    for start in range(0, len(rows), n_pairs):
        i = rows[start : start + n_pairs]
        j = columns[start : start + n_pairs]
        with np.errstate(over="ignore"):
            differences = np.subtract(a[i], b[j], dtype=np.float64)
        distances[i, j] = norms(differences)


def _can_be_squared(rows: RowArray) -> bool:
    """Return whether squares of differences neither overflow nor underflow.

    A difference is 0, or no smaller than the last digit of the smaller value.
    """
    magnitudes = np.abs(rows)
    smallest = magnitudes.min(initial=np.inf, where=magnitudes > 0)
    return bool(smallest > SMALLEST_SAFE and magnitudes.max() < LARGEST_SAFE)
