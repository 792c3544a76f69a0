"""Lloyd's iterations, with the same labels whatever the BLAS and the threads.

k-means alternates two steps (Lloyd 1982, doi:10.1109/TIT.1982.1056489): each row goes
to its nearest centroid, and each centroid moves to the mean of its rows. The steps are
written here so that

* a row goes where subtraction says that it is nearest, even if distances come from a
  matrix product, so the labels depend neither on the BLAS nor on how the work is cut;
* rows that differ in their last digits only can still be told apart;
* no cluster is ever empty, as long as there are as many different rows as clusters.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.spatial.distance import cdist

from fmnist_clustering._checks import Float32Array, FloatArray, IntArray
from fmnist_clustering.distances import FLOAT32_ROUNDING

MAX_ITERATIONS = 1000

BLOCK_ROWS = 10_000
"""Rows whose distances are held in memory at the same time."""

BLOCK_VALUES = 200_000
"""So many differences are taken at a time: 1.6 MB, which stays in cache."""

SUBTRACTED_COLUMNS = 8
"""With no more columns than this subtraction is faster than a product."""

SMALLEST_SHARE = 1e-4
"""If less than this share of the squares is left, a difference of sums is not used."""

FEW_MOVED = 0.25
"""If a smaller share of the rows has moved, the sums of the clusters are adjusted."""

MAX_COLUMNS_TOGETHER = 16
MAX_VALUES_TOGETHER = 1_000_000
"""Iterations from several starts run together if all centroids and rows have no more
columns and coordinate differences than this: most of the time then goes into calls, not
into arithmetic.
"""


class Rows(NamedTuple):
    """Rows, and what all iterations on them need.

    Attributes
    ----------
    points : (n, d) float64
        Each row is one point. All values are finite, and nonzero differences can be
        squared.
    weight : (n,) float64
        The weight of each row, above 0.
    squared_norms : (n,) float64
        The sum of squares of each row.
    points_32 : (n, d) float32
        The rows, rounded.
    squared_norms_32 : (n,) float32
        The sum of squares of each rounded row.
    """

    points: FloatArray
    weight: FloatArray
    squared_norms: FloatArray
    points_32: Float32Array
    squared_norms_32: Float32Array

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process computes the rest anew: that is faster than to send it.
        return as_rows, (self.points, self.weight)


class LloydResult(NamedTuple):
    """Where Lloyd's iterations ended.

    Attributes
    ----------
    inertia : float
        The weighted sum of squared distances from each row to its centroid.
    labels : (n,) int64
        The centroid that each row belongs to.
    centroids : (k, d) float64
        The weighted mean of the rows of each cluster.
    is_converged : bool
        Whether another iteration would change no label.
    """

    inertia: float
    labels: IntArray
    centroids: FloatArray
    is_converged: bool


def as_rows(points: FloatArray, weight: FloatArray) -> Rows:
    """Return rows and weights with what all iterations on them need.

    Parameters
    ----------
    points, weight : (n, d) and (n,) float64
        As in `Rows`.

    Returns
    -------
    Rows
        4 bytes more for each value, and 12 for each row.
    """
    points_32 = points.astype(np.float32)
    return Rows(
        points, weight, squared_norms(points), points_32, squared_norms(points_32)
    )


def squared_norms(points: NDArray[Any]) -> NDArray[Any]:
    """Return the sum of squares of each row.

    Parameters
    ----------
    points : (n, d) float array
        The rows.

    Returns
    -------
    (n,) array
        Of the same dtype.
    """
    return np.asarray(np.einsum("ij,ij->i", points, points))


def lloyd(
    rows: Rows,
    centroids: FloatArray,
    max_iter: int = MAX_ITERATIONS,
    tol: float = 0.0,
    previous: LloydResult | None = None,
    labels: IntArray | None = None,
) -> LloydResult:
    """Run Lloyd's iterations from given centroids.

    Parameters
    ----------
    rows : Rows
        n rows of d columns.
    centroids : (k, d) float64
        Where to start.
    max_iter : int
        The largest number of iterations, 1 or more.
    tol : float
        Stop earlier when the centroids move little, as scikit-learn's ``tol``, which is
        relative to the variance of the points. With 0 the iterations go on until no
        label changes.
    previous : LloydResult, optional
        A partition of the same rows into as many clusters. If most rows stay where they
        were there, the first means are found faster.
    labels : (n,) int64, optional
        The nearest of these centroids for each row, where it is known.

    Returns
    -------
    LloydResult
        ``.inertia``, ``.labels``, ``.centroids`` and ``.is_converged``.
    """
    points = rows.points
    weight = rows.weight
    smallest_shift = tol * points.var(axis=0).mean() if tol > 0 else -1.0
    k = len(centroids)
    if labels is None or not np.bincount(labels, minlength=k).all():
        labels = _assign(rows, centroids)
    if previous is None:
        means = weighted_means(points, weight, labels, k)
        is_exact = True  # no row was left out of the sums
    else:
        means, is_exact = _move_means(rows, previous, labels)
    is_converged = False
    for _ in range(max_iter - 1):
        if np.square(means - centroids).sum() <= smallest_shift:
            break
        centroids = means
        new_labels = _assign(rows, centroids)
        is_converged = is_exact and np.array_equal(new_labels, labels)
        if is_converged:
            break
        before = LloydResult(np.nan, labels, means, is_converged=False)
        means, is_exact = _move_means(rows, before, new_labels)
        labels = new_labels
    inertia = _inertia_of_means(rows, labels, means)
    return LloydResult(inertia, labels, means, is_converged)


def lloyd_from_each(
    rows: Rows,
    starts: FloatArray,
    max_iter: int,
    previous: LloydResult | None = None,
    labels: IntArray | None = None,
) -> list[LloydResult]:
    """Run a few of Lloyd's iterations from each of several starts.

    Parameters
    ----------
    rows : Rows
        n rows of d columns.
    starts : (m, k, d) float64
        The centroids of each start.
    max_iter : int
        The largest number of iterations, 1 or more.
    previous : as in `lloyd`
        The same.
    labels : (n, m) int64, optional
        The nearest centroid of each row in each start, where it is known.

    Returns
    -------
    list of LloydResult
        What `lloyd` gives for each start, but for rounding of the means.
    """
    m, k, d = starts.shape
    together: list[LloydResult | None] = [None] * m
    n_values = len(rows.points) * m * k * d
    if d <= MAX_COLUMNS_TOGETHER and n_values <= MAX_VALUES_TOGETHER:
        together = _iterate_together(rows, starts, max_iter, labels)
    known_labels = (
        [None] * m if labels is None else list(np.ascontiguousarray(labels.T))
    )
    return [
        result or lloyd(rows, start, max_iter, previous=previous, labels=known)
        for result, start, known in zip(together, starts, known_labels, strict=True)
    ]


def row_blocks(rows: FloatArray) -> Iterator[slice]:
    """Yield slices of consecutive rows that hold about `BLOCK_VALUES` values.

    Parameters
    ----------
    rows : (n, d) array
        The rows.

    Yields
    ------
    slice
        One row or more.
    """
    n, d = rows.shape
    n_together = max(1, BLOCK_VALUES // d)
    for start in range(0, n, n_together):
        yield slice(start, start + n_together)


def weighted_means(
    points: FloatArray, weight: FloatArray, labels: IntArray, k: int
) -> FloatArray:
    """Return the weighted mean of each cluster.

    Parameters
    ----------
    points, weight : (n, d) and (n,) float64
        The rows and their weights.
    labels : (n,) int64
        The cluster of each row, 0..k-1. No cluster is empty.
    k : int
        The number of clusters.

    Returns
    -------
    (k, d) float64
        The means. If all rows of a cluster are equal, the mean equals them to the bit.
    """
    # The mean of the differences from one row of the cluster is added to that row.
    # Rounding errors of large values cancel in this way.
    first_row = np.empty(k, dtype=np.int64)
    first_row[labels[::-1]] = np.arange(len(labels))[::-1]
    anchors = points[first_row]
    sums = np.zeros((k, points.shape[1]))
    for block in row_blocks(points):
        differences = points[block] - anchors[labels[block]]
        sums += weighted_sums(differences, weight[block], labels[block], k)
    totals = np.bincount(labels, weight, k)
    return np.asarray(anchors + sums / totals[:, None])


def weighted_sums(
    rows: FloatArray, weight: FloatArray, labels: IntArray, k: int
) -> FloatArray:
    """Return the weighted sum of the rows of each cluster, added in their order.

    Parameters
    ----------
    rows : (n, d) float64
        The rows.
    weight : (n,) or (n, m) float64
        Their weights.
    labels : (n,) or (n, m) int64
        The cluster of each row, 0..k-1. With m columns each row is in m clusters, with
        the weight of each.
    k : int
        The number of clusters. Some may be empty.

    Returns
    -------
    (k, d) float64
        The sums; 0 for empty clusters.
    """
    n = len(rows)
    # Column i holds the weights of row i, in the places of its clusters.
    starts = np.arange(n + 1) * (labels.size // n)
    membership = csc_array((weight.ravel(), labels.ravel(), starts), shape=(k, n))
    return np.asarray(membership @ rows)


def squared_residuals(
    points: FloatArray, labels: IntArray, centroids: FloatArray
) -> FloatArray:
    """Return the squared distance from each row to its centroid.

    Parameters
    ----------
    points, labels, centroids : (n, d), (n,) and (k, d) arrays
        As in `LloydResult`.

    Returns
    -------
    (n,) float64
        0 or more.
    """
    squared = np.empty(len(points))
    for block in row_blocks(points):
        residuals = points[block] - centroids[labels[block]]
        squared[block] = np.square(residuals).sum(axis=1)
    return squared


def weighted_inertia(
    points: FloatArray, weight: FloatArray, labels: IntArray, centroids: FloatArray
) -> float:
    """Return the weighted sum of squared distances from each row to its centroid.

    Parameters
    ----------
    points, weight, labels, centroids : (n, d), (n,), (n,) and (k, d) arrays
        As in `LloydResult`.

    Returns
    -------
    float
        0 or more.
    """
    squared = squared_residuals(points, labels, centroids)
    return float((weight * squared).sum())


def _nearest_by_product(rows: Rows, centroids: FloatArray, block: slice) -> IntArray:
    """Return the nearest centroids of some rows by a product; subtract where in doubt.

    |x - c|^2 = |x|^2 + s with s = |c|^2 - 2 x.c, so the smallest s decides. It is found
    in float32. Let u = 2^-24. Rounding of x and c, d products and their sum, and |c|^2
    make s wrong by at most (d + 4) u (|x|^2 + |c|^2), to first order, and the d
    products may become 0. What subtraction in float64 would give is a thousand times
    more precise.
    """
    points = rows.points[block]
    d = points.shape[1]
    rounding = np.float32((d + 8) * FLOAT32_ROUNDING)
    underflow = np.float32(d * np.finfo(np.float32).tiny)
    centroid_norms = np.square(centroids).sum(axis=1).astype(np.float32)
    errors = rounding * centroid_norms + underflow

    # One row for each centroid, so that NumPy works along the long rows.
    lower = (-2 * centroids).astype(np.float32) @ rows.points_32[block].T
    lower += (centroid_norms - errors)[:, None]
    upper = (lower + 2 * errors[:, None]).min(axis=0)
    upper += 2 * rounding * rows.squared_norms_32[block]
    can_be_nearest = lower <= upper
    # Flat places are found several times as fast as pairs.
    candidates, numbers = np.divmod(np.flatnonzero(can_be_nearest), len(points))
    nearest = np.empty(len(points), dtype=np.int64)
    nearest[numbers] = candidates
    if len(numbers) > len(points):
        doubtful = np.flatnonzero(np.bincount(numbers) > 1)
        squared = cdist(points[doubtful], centroids, "sqeuclidean")
        nearest[doubtful] = squared.argmin(axis=1)
    return nearest


def _nearest(rows: Rows, centroids: FloatArray) -> IntArray:
    """Return the number of the nearest centroid for each row; of several, the first.

    Distances are compared as subtraction gives them.
    """
    points = rows.points
    has_few_columns = points.shape[1] <= SUBTRACTED_COLUMNS
    nearest = np.empty(len(points), dtype=np.int64)
    for start in range(0, len(points), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        if has_few_columns:
            squared = cdist(points[block], centroids, "sqeuclidean")
            nearest[block] = squared.argmin(axis=1)
        else:
            nearest[block] = _nearest_by_product(rows, centroids, block)
    return nearest


def _assign(rows: Rows, centroids: FloatArray) -> IntArray:
    """Return the nearest centroid of each row, but leave no cluster empty.

    An empty cluster takes the row with the largest weighted error, one that is not
    alone in its cluster.
    """
    k = len(centroids)
    points = rows.points
    labels = _nearest(rows, centroids)
    sizes = np.bincount(labels, minlength=k)
    if sizes.all():
        return labels
    error = rows.weight * squared_residuals(points, labels, centroids)
    for empty in np.flatnonzero(sizes == 0):
        error[sizes[labels] == 1] = 0
        row = error.argmax()
        if error[row] == 0:
            n_found = np.count_nonzero(sizes)
            raise ValueError(
                f"n_clusters: found {k}, expected at most {n_found}, the number of "
                "distinct rows"
            )
        sizes[labels[row]] -= 1
        labels[row] = empty
        sizes[empty] = 1
        # Equal rows follow, or they would be taken for another cluster next.
        error[(points == points[row]).all(axis=1)] = 0
    return labels


def _move_means(
    rows: Rows, before: LloydResult, labels: IntArray
) -> tuple[FloatArray, bool]:
    """Return the means after rows have moved, and whether all rows were added up.

    If a few rows have moved, they are taken from the sums of their old clusters and
    added to those of their new ones. This is much faster, and right but for rounding.
    """
    points = rows.points
    weight = rows.weight
    k = len(before.centroids)
    moved = np.flatnonzero(labels != before.labels)
    if len(moved) == 0 or len(moved) > FEW_MOVED * len(points):
        return weighted_means(points, weight, labels, k), True
    from_and_to = np.stack([before.labels[moved], labels[moved]], axis=1)
    minus_and_plus = weight[moved, None] * [-1, 1]
    sums = before.centroids * np.bincount(before.labels, weight, k)[:, None]
    sums += weighted_sums(points[moved], minus_and_plus, from_and_to, k)
    return sums / np.bincount(labels, weight, k)[:, None], False


def _inertia_of_means(rows: Rows, labels: IntArray, means: FloatArray) -> float:
    """Return the inertia of clusters around their means.

    The sum over a cluster of w |x - m|^2 is that of w |x|^2, minus W |m|^2, where W is
    the weight of the cluster. Where this loses digits, all residuals are squared.
    """
    total = float((rows.weight * rows.squared_norms).sum())
    cluster_weights = np.bincount(labels, rows.weight, len(means))
    between = float((cluster_weights * np.square(means).sum(axis=1)).sum())
    if total - between > SMALLEST_SHARE * total:
        return total - between
    return weighted_inertia(rows.points, rows.weight, labels, means)


def _iterate_together(
    rows: Rows,
    starts: FloatArray,
    max_iter: int,
    first_labels: IntArray | None,
) -> list[LloydResult | None]:
    """Return the result from each start; None where a cluster has become empty.

    Row i of start s is in cell s k + (its cluster): all means come from one pass.
    """
    points = rows.points
    weight = rows.weight
    m, k, d = starts.shape
    first_cells = k * np.arange(m)
    weights = np.repeat(weight, m)
    labels = _nearest_of_each(points, starts) if first_labels is None else first_labels
    is_converged = np.zeros(m, dtype=np.bool_)
    has_all = np.ones(m, dtype=np.bool_)
    centroids = starts
    totals: Any = np.ones((m, k, 1))
    for iteration in range(max_iter):
        if iteration > 0:
            new_labels = _nearest_of_each(points, centroids)
            is_converged = (new_labels == labels).all(axis=0)
            if is_converged.all():
                break
            labels = new_labels
        cells = labels + first_cells
        totals = np.bincount(cells.ravel(), weights, m * k).reshape(m, k, 1)
        sums = weighted_sums(points, weights, cells, m * k).reshape(m, k, d)
        is_filled = totals > 0
        # Without rows a centroid stays where it started, and the start is given up.
        centroids = starts.copy()
        np.divide(sums, totals, out=centroids, where=is_filled)
        has_all &= is_filled.all(axis=(1, 2))

    inertias = _inertias_of_means(rows, labels, centroids, totals)
    results: list[LloydResult | None] = [None] * m
    for s in np.flatnonzero(has_all):
        own_labels = np.ascontiguousarray(labels[:, s])
        is_fixed = bool(is_converged[s])
        results[s] = LloydResult(inertias[s], own_labels, centroids[s], is_fixed)
    return results


def _nearest_of_each(points: FloatArray, starts: FloatArray) -> IntArray:
    """Return the nearest centroid of each row in each start, (n, m)."""
    m, k, d = starts.shape
    squared = cdist(points, starts.reshape(m * k, d), "sqeuclidean")
    return np.asarray(squared.reshape(-1, k).argmin(axis=1).reshape(-1, m))


def _inertias_of_means(
    rows: Rows, labels: IntArray, centroids: FloatArray, totals: FloatArray
) -> list[float]:
    """Return the inertia from each start, as `_inertia_of_means` does for one."""
    points = rows.points
    weight = rows.weight
    total = float((weight * rows.squared_norms).sum())
    between = (totals * np.square(centroids)).sum(axis=(1, 2))
    inertias: list[float] = (total - between).tolist()
    for s, inertia in enumerate(inertias):
        if inertia <= SMALLEST_SHARE * total:
            inertias[s] = weighted_inertia(points, weight, labels[:, s], centroids[s])
    return inertias
