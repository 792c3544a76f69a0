"""Weighted k-means, from coarse to fine, for images and for colors."""

import math
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from joblib import delayed
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_scalar

from fmnist_clustering._checks import (
    FloatArray,
    IntArray,
    as_points,
    check_labels,
    check_rows,
)
from fmnist_clustering._lloyd import (
    MAX_ITERATIONS,
    LloydResult,
    Rows,
    as_rows,
    lloyd,
    row_blocks,
    squared_residuals,
    weighted_inertia,
    weighted_means,
)
from fmnist_clustering._parallel import run_parallel, single_threaded
from fmnist_clustering._search import (
    best_start,
    distinct_rows,
    find_optima,
    improve_by_swaps,
    is_same_partition,
)
from fmnist_clustering.distances import (
    LARGEST_SAFE,
    SMALLEST_SAFE,
    find_middle,
    norms,
    power_of_two_near,
)
from fmnist_clustering.labels import canonical_labels

INITS = ("k-means++", "random", "random partition")
"""The ways to choose initial centroids; `fit_kmeans` explains them."""

# The search looks at few rows and few columns, where a fit is cheap; all columns have
# the final say. On Fashion-MNIST 20 components hold 79 % of the variance.
SEARCH_ROWS = 10_000
SEARCH_COLUMNS = 20
COARSE_COLUMNS = 50

COMPONENT_ROWS = 4000
"""Components are found from no more rows: the search needs them only roughly."""

SEARCH_SHARE = 0.5
"""Components are used if the first 20 hold at least half of the variance."""

MAX_UNPROJECTED_COLUMNS = 64
"""With no more columns than this the search looks at all of them."""

MAX_UNPROJECTED_VALUES = 500_000
"""Nor are components worth while for fewer values than that."""

WIDE_SEARCH_ROWS = 1000
"""Of more columns it looks at all of them in so many rows only."""

FAR_OUT = 20
"""Rows so many times as far from the middle as half of all rows are drawn in."""

MAX_SWAPPED = 2_000_000
"""Swaps on all rows are tried if there are no more pairs of a row and a cluster."""

CLOSE = 1.002
"""What is more than 0.2 % worse in the components is not carried to all columns."""

WIDE_STARTS = 4
WIDE_GAIN = 0.998
"""The search in all columns has so few starts. It goes on from the best one if that is
no worse than what the components gave, on the same rows, and to all rows if it has
become 0.2 % better."""

FEW_ROWS = 2000
"""Fits of no more rows run one after the other: that is faster than in threads."""

SMALLEST_WEIGHT = 1e-100
"""Weights much smaller than this times the largest one would vanish in products."""

SAFE_SIZES = (1e-15, 1e15)
"""Rows whose largest value lies between these are fitted as they are."""

SMALLEST_VALUE = 1e-130
"""Values smaller than this times the largest one are 0, or their squares would be."""


class KMeansFit(NamedTuple):
    """A partition into k clusters.

    Attributes
    ----------
    labels : (n,) int64
        Cluster ids 0..k-1, by falling size.
    centroids : (k, d) float64
        The weighted mean of each cluster's rows; for images 255 counts as 1.0.
    inertia : float
        The weighted sum of squared distances from each row to its centroid, computed
        from the labels.
    """

    labels: IntArray
    centroids: FloatArray
    inertia: float


class Data(NamedTuple):
    """Rows and weights in a form whose squares are safe.

    Attributes
    ----------
    rows : (n, d) float64
        The rows: grey levels for images; other rows minus `center`.
    center : (d,) float64
        What was taken away: 0 where a difference would have been rounded.
    row_unit : float
        What counts as 1.0 in `rows`.
    points : (n, d) float64
        What is fitted: `rows` itself, or if they are very large or small or both, the
        rows divided by a power of two.
    unit : float
        What counts as 1.0 in `points`.
    weight : (n,) float64
        The weights, divided by a power of two, so that the largest is near 1.
    weight_unit : float
        What counts as 1.0 in `weight`.
    """

    rows: FloatArray
    center: FloatArray
    row_unit: float
    points: FloatArray
    unit: float
    weight: FloatArray
    weight_unit: float


class Sample(NamedTuple):
    """Some rows that stand for all.

    Attributes
    ----------
    rows : (s,) int64
        Their numbers, rising.
    weight : (s,) float64
        Their weights, which count rows that were left out, too.
    """

    rows: IntArray
    weight: FloatArray


class Problem(NamedTuple):
    """Rows that are prepared once for any number of fits.

    Attributes
    ----------
    data : Data
        All rows.
    full : Rows
        All rows, in all columns.
    coarse : Rows
        Their first principal components, or `full` itself if there are few columns or
        few rows.
    sample : (s,) int64
        The numbers of the rows that the search looks at, rising.
    searched : Rows
        These rows, in few columns where there are components.
    wide_sample : Rows
        Fewer rows, in all columns; `full` itself where there are no components.
    """

    data: Data
    full: Rows
    coarse: Rows
    sample: IntArray
    searched: Rows
    wide_sample: Rows


@single_threaded()
def fit_kmeans(
    X: ArrayLike,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    n_init: int = 10,
    init: str = "k-means++",
    random_state: int = 0,
) -> KMeansFit:
    """Partition rows into k clusters of small inertia.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    n_clusters : int
        k, from 1 to the number of distinct rows.
    sample_weight : (n,) array-like, optional
        A positive weight for each row; default: 1.
    n_init : int
        The number of starts, 1 or more.
    init : {"k-means++", "random", "random partition"}
        How initial centroids are chosen. k-means++ spreads them over the rows (Arthur
        and Vassilvitskii 2007); "random" draws k distinct rows (Forgy's method);
        "random partition" assigns rows to clusters at random, equally many to each,
        and takes the means.
    random_state : int
        Seed of the random numbers, 0 or more: the same seed gives the same result.

    Returns
    -------
    KMeansFit
        ``.labels`` (n,), ``.centroids`` (k, d) and ``.inertia``, where lower is
        tighter. The partition is a fixed point of Lloyd's algorithm (Lloyd 1982,
        doi:10.1109/TIT.1982.1056489) on all rows and all columns.

    Raises
    ------
    ValueError
        For rows, weights or parameters outside the ranges above, or when the inertia
        does not fit into float64. Rows are distinct if k-means can tell them apart:
        values smaller than 1e-130 times the largest one count as 0.

    Warns
    -----
    ConvergenceWarning
        When Lloyd's iterations have not come to an end after 1,000 of them, so that the
        partition is no fixed point.

    Notes
    -----
    1. Search. It runs on at most 10,000 rows. Of more, a sample is drawn in which heavy
       rows and rows far from the mean are likelier (Bachem, Lucic and Krause 2018,
       doi:10.1145/3219819.3219973). It looks at all columns, or at 20 principal
       components where there are more than 64 columns and 500,000 values, and these
       components hold at least half of the variance. `n_init` starts get eight
       iterations each. The best two that differ go on to their optimum. Each optimum is
       improved by swaps (Fränti and Kivijärvi 2000, doi:10.1007/s100440070013): a
       centroid, mostly the one that is cheapest to lose, moves to a row that is badly
       served, and the swap is undone unless it lowers the inertia. The search ends when
       ``4 n_init`` swaps in a row have brought little. If many starts have led to the
       same inertia, fewer swaps are enough; with more than 48 clusters it takes more.
       With ``n_init=1`` there is one start and no swap.
    2. Refinement. All partitions are carried to all rows, where there are components in
       50 of them, and then to all columns, where Lloyd's iterations run until no label
       changes. The one with the lowest inertia wins.
    3. Where there are components, another search looks at all columns of 1,000 rows,
       since clusters may differ in columns that vary little.

    10,000 images take about 0.4 s at k = 10. Memory: 12 bytes for each value of `X`,
    and 600 bytes for each row.
    """
    return fit_prepared(
        prepare(X, sample_weight),
        n_clusters,
        n_init=n_init,
        init=init,
        random_state=random_state,
    )


def as_data(X: ArrayLike, sample_weight: ArrayLike | None = None) -> Data:
    """Check rows and weights, and bring them near to 0 and 1.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point, as in `fit_kmeans`.
    sample_weight : (n,) array-like, optional
        A positive weight for each row; default: 1.

    Returns
    -------
    Data
        The same rows and weights, in a form whose squares are safe.

    Raises
    ------
    ValueError
        When rows or weights are not finite numbers of the right shape.
    """
    rows, row_unit = check_rows(X)
    is_image = rows.dtype == np.uint8
    rows = rows.astype(np.float64, copy=False)
    center = np.zeros(rows.shape[1]) if is_image else _find_center(rows)
    if center.any():
        rows = rows - center
    points, scale = _scale_to_safe_size(rows)
    unit = row_unit / scale
    weight = _check_weight(sample_weight, len(rows))
    if weight.min() < SMALLEST_WEIGHT * weight.max():
        raise ValueError(
            f"sample_weight: found {weight.min():.3g} to {weight.max():.3g}, "
            f"expected no weight below {SMALLEST_WEIGHT:.3g} times the largest one"
        )
    weight_unit = 1 / power_of_two_near(weight.max())
    weight = weight * weight_unit
    return Data(rows, center, row_unit, points, unit, weight, weight_unit)


def _check_weight(sample_weight: ArrayLike | None, n: int) -> FloatArray:
    """Return a positive weight for each of n rows."""
    if sample_weight is None:
        return np.ones(n)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (n,) or weight.min() <= 0:
        found = f"shape {weight.shape}, lowest {weight.min():g}"
        raise ValueError(f"sample_weight: found {found}, expected {n} positive numbers")
    return np.asarray(weight)


def prepare(X: ArrayLike, sample_weight: ArrayLike | None = None) -> Problem:
    """Check rows and weights, and compute what all fits on them share.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point, as in `fit_kmeans`.
    sample_weight : (n,) array-like, optional
        A positive weight for each row; default: 1.

    Returns
    -------
    Problem
        For `fit_prepared`.

    Raises
    ------
    ValueError
        When rows or weights are not finite numbers of the right shape.
    """
    data = as_data(X, sample_weight)
    points = data.points
    n, d = points.shape
    rng = np.random.default_rng(0)  # a fixed seed: all fits share the samples
    full = as_rows(points, data.weight)
    sample = _draw_sample(full, SEARCH_ROWS, rng)
    coarse = full
    # As many components as this need as many rows.
    is_large = d > MAX_UNPROJECTED_COLUMNS and n * d > MAX_UNPROJECTED_VALUES
    if is_large and n > COARSE_COLUMNS:
        coarse = _principal_components(full, sample, rng)
    is_projected = coarse is not full

    # Where a sample would be the same rows, there is no second copy.
    searched = full
    wide_sample = full
    if is_projected or len(sample.rows) < n:
        columns = _first_columns(coarse, is_projected)
        searched = as_rows(columns[sample.rows], sample.weight)
    if is_projected:
        wide = _draw_sample(coarse, WIDE_SEARCH_ROWS, rng)
        wide_sample = as_rows(points[wide.rows], wide.weight)
    return Problem(data, full, coarse, sample.rows, searched, wide_sample)


def search_columns(problem: Problem) -> FloatArray:
    """Return all rows in the columns that the search looks at.

    Parameters
    ----------
    problem : Problem
        The result of `prepare`.

    Returns
    -------
    (n, c) float64
        The first 20 principal components, or the points themselves if there are few
        columns or few rows.
    """
    is_projected = problem.coarse is not problem.full
    return _first_columns(problem.coarse, is_projected)


def prepare_as_they_are(points: FloatArray, unit: float) -> Problem:
    """Prepare rows of `search_columns`: no checks, no sample, no fewer columns.

    Parameters
    ----------
    points : (n, d) float64
        The rows.
    unit : float
        What counts as 1.0 in them.

    Returns
    -------
    Problem
        For `fit_prepared`.
    """
    weight = np.ones(len(points))
    rows = as_rows(points, weight)
    center = np.zeros(points.shape[1])
    data = Data(points, center, unit, points, unit, weight, weight_unit=1.0)
    return Problem(data, rows, rows, np.arange(len(points)), rows, rows)


def fit_prepared(
    problem: Problem,
    n_clusters: int,
    *,
    n_init: int,
    init: str = "k-means++",
    random_state: int = 0,
) -> KMeansFit:
    """Fit k-means to prepared rows.

    Parameters
    ----------
    problem : Problem
        The result of `prepare`.
    n_clusters, n_init : int
        See `fit_kmeans`.
    init : str
        See `fit_kmeans`.
    random_state : int
        See `fit_kmeans`.

    Returns
    -------
    KMeansFit
        See `fit_kmeans`.

    Raises
    ------
    ValueError
        For parameters out of range.
    """
    _check_parameters(problem, n_clusters, n_init, init)
    rng = np.random.default_rng([random_state, n_clusters])
    best = _find_best(problem, n_clusters, n_init, init, rng)
    if not best.is_converged:
        warnings.warn(
            f"k-means has not converged in {MAX_ITERATIONS} iterations at "
            f"n_clusters = {n_clusters}: the partition is no fixed point",
            ConvergenceWarning,
            stacklevel=2,
        )
    data = problem.data
    labels = canonical_labels(best.labels)
    means = weighted_means(data.rows, data.weight, labels, n_clusters)
    inertia = _inertia(data, labels, means)
    centroids = (means + data.center) / data.row_unit
    return KMeansFit(labels, centroids, inertia)


def fit_many(
    requests: Sequence[Mapping[str, Any]], description: str = "k-means"
) -> list[KMeansFit]:
    """Fit k-means many times, on all cores.

    Parameters
    ----------
    requests : sequence of mapping
        The arguments of `fit_prepared` by name, ``problem`` among them, for each fit.
    description : str
        What the progress bar says.

    Returns
    -------
    list of KMeansFit
        One fit for each request, in their order.

    Raises
    ------
    ValueError
        For parameters out of range.
    """
    calls = (delayed(fit_prepared)(**request) for request in requests)
    most_rows = max(len(request["problem"].data.points) for request in requests)
    n_jobs = 1 if most_rows <= FEW_ROWS else None
    fits = run_parallel(calls, len(requests), description, n_jobs=n_jobs)
    return list(fits)


def inertia(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Return the sum of squared distances from each row to its cluster's mean.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    labels : (n,) array-like of int
        Cluster ids, 0 or more.
    sample_weight : (n,) array-like, optional
        A positive weight for each row; default: 1.

    Returns
    -------
    float
        The cost that k-means lowers: 0 or more, in squared units, where 255 counts as
        1.0 for images; 0 if every cluster holds equal rows.

    Raises
    ------
    ValueError
        When `labels` is not one id for each row, or a weight is not positive.
    """
    data = as_data(X, sample_weight)
    ids = canonical_labels(check_labels(labels, len(data.points)))
    means = weighted_means(data.rows, data.weight, ids, int(ids.max()) + 1)
    return _inertia(data, ids, means)


def cluster_means(X: ArrayLike, labels: ArrayLike) -> FloatArray:
    """Return the mean row of each cluster.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    labels : (n,) array-like of int
        Cluster ids, 0 or more.

    Returns
    -------
    (k, d) float64
        One row for each id that occurs, by rising id.

    Raises
    ------
    ValueError
        When `labels` is not one id for each row.
    """
    points = as_points(X)
    ids = check_labels(labels, len(points))
    names, numbers = np.unique(ids, return_inverse=True)
    return weighted_means(points, np.ones(len(points)), numbers, len(names))


def _check_parameters(
    problem: Problem,
    n_clusters: int,
    n_init: int,
    init: str,
) -> None:
    """Refuse parameters that cannot be fitted."""
    if init not in INITS:
        raise ValueError(f"init: found {init!r}, expected one of {INITS}")
    check_scalar(n_init, "n_init", Integral, min_val=1)
    check_scalar(n_clusters, "n_clusters", Integral, min_val=1)
    points = problem.data.points
    n_distinct = len(distinct_rows(points, range(len(points)), n_clusters))
    if n_distinct < n_clusters:
        raise ValueError(
            f"n_clusters: found {n_clusters}, "
            f"expected at most {n_distinct}, the number of distinct rows"
        )


def _first_columns(coarse: Rows, is_projected: bool) -> FloatArray:
    """Return the columns that the search looks at: 20 components, or all columns."""
    return coarse.points[:, :SEARCH_COLUMNS] if is_projected else coarse.points


def _find_center(rows: FloatArray) -> FloatArray:
    """Return what can be taken from each column without changing a digit, (d,).

    k-means does not depend on the origin, but squares of numbers far from 0 lose
    digits. Where values lie close together far from 0, differences from one of them are
    exact. Elsewhere the center is 0.
    """
    center = find_middle(rows)
    center[_loses_digits(rows, center)] = 0
    return center


def _scale_to_safe_size(rows: FloatArray) -> tuple[FloatArray, float]:
    """Return rows whose squares fit into float32, too, and what they were divided by.

    Values that are smaller than `SMALLEST_VALUE` times the largest become 0.
    """
    largest = max(float(rows.max()), -float(rows.min()))
    tiny = SMALLEST_VALUE * largest
    has_tiny = any(_is_tiny(rows[block], tiny).any() for block in row_blocks(rows))
    is_of_safe_size = largest == 0 or SAFE_SIZES[0] < largest < SAFE_SIZES[1]
    if is_of_safe_size and not has_tiny:
        return rows, 1.0
    scale = power_of_two_near(largest)
    points = rows / scale
    points[_is_tiny(rows, tiny)] = 0
    return points, scale


def _is_tiny(values: FloatArray, tiny: float) -> NDArray[np.bool_]:
    """Return which values are nearer to 0 than the one that is given, but not 0."""
    return np.asarray((np.abs(values) < tiny) & (values != 0))


def _loses_digits(rows: FloatArray, center: FloatArray) -> NDArray[np.bool_]:
    """Return for each column whether a difference from the center is rounded."""
    is_rounded = np.zeros(len(center), dtype=np.bool_)
    for rows_together in row_blocks(rows):
        block = rows[rows_together]
        # The rounding error of a sum of two numbers is a number (Knuth).
        difference = block - center
        shift = difference - block
        error = (block - (difference - shift)) - (center + shift)
        is_rounded |= error.any(axis=0)
    return is_rounded


def _draw_sample(rows: Rows, size: int, rng: np.random.Generator) -> Sample:
    """Draw rows that stand for all, heavy ones and far ones more likely.

    Half of a row's chance is its share of the weight, and half its share of the inertia
    around the mean (Bachem, Lucic and Krause 2018). A row that is drawn with half the
    chance of another one counts twice as much.
    """
    points = rows.points
    weight = rows.weight
    n = len(points)
    if n <= size:
        return Sample(np.arange(n), weight)
    one_cluster = np.zeros(n, dtype=np.int64)
    mean = weighted_means(points, weight, one_cluster, 1)
    inertia_share = weight * squared_residuals(points, one_cluster, mean)
    chance = weight / weight.sum()
    if inertia_share.any():
        chance = chance / 2 + inertia_share / inertia_share.sum() / 2
    cumulated = np.cumsum(chance)
    # One draw from each of `size` equal parts.
    places = (np.arange(size) + rng.random(size)) / size * cumulated[-1]
    draws = np.searchsorted(cumulated, places, side="right")
    drawn, counts = np.unique(np.minimum(draws, n - 1), return_counts=True)
    return Sample(drawn, counts * weight[drawn] / (size * chance[drawn]))


def _principal_components(
    all_rows: Rows, sample: Sample, rng: np.random.Generator
) -> Rows:
    """Return the first principal components of all rows, (n, `COARSE_COLUMNS`).

    If a few of them do not hold most of the variance, the rows themselves come back.

    A few rows far out would take the first components for themselves, and leave
    rounding errors to all others. So they are drawn in first.
    """
    points = all_rows.points
    n_drawn = min(COMPONENT_ROWS, len(sample.rows))
    drawn = rng.choice(len(sample.rows), n_drawn, replace=False)
    rows = points[sample.rows[drawn]]
    weight = sample.weight[drawn]
    one_cluster = np.zeros(len(rows), dtype=np.int64)
    center = find_middle(rows)
    radii = np.sqrt(squared_residuals(rows, one_cluster, center[None, :]))
    farthest = FAR_OUT * np.median(radii)
    is_far = (radii > farthest) & (farthest > 0)  # half of the rows may be equal
    rows[is_far] -= center
    rows[is_far] *= (farthest / radii[is_far])[:, None]
    rows[is_far] += center

    mean = weighted_means(rows, weight, one_cluster, 1)
    rows -= mean
    rows *= np.sqrt(weight)[:, None]
    covariance = rows.T @ rows
    d = len(covariance)
    largest = (d - COARSE_COLUMNS, d - 1)  # eigenvalues rise
    variances, axes = eigh(covariance, subset_by_index=largest)
    if variances[-SEARCH_COLUMNS:].sum() < SEARCH_SHARE * np.trace(covariance):
        return all_rows
    axes = axes[:, ::-1]
    return as_rows(points @ axes - mean @ axes, all_rows.weight)


def _find_best(
    problem: Problem, k: int, n_init: int, init: str, rng: np.random.Generator
) -> LloydResult:
    """Return the best fixed point of Lloyd's iterations on all rows and all columns."""
    full = problem.full
    coarse = problem.coarse
    searched = problem.searched
    n_searched = len(searched.points)
    if len(distinct_rows(searched.points, range(n_searched), k)) < k:
        # The sample does not hold k different rows: search all rows and columns.
        fits = find_optima(full, k, n_init, init, rng)
        return min(fits, key=lambda fit: fit.inertia)

    optima = find_optima(searched, k, n_init, init, rng)
    fits = [_carry_to_all_rows(problem, optimum.labels, k) for optimum in optima]
    fits.sort(key=lambda fit: fit.inertia)
    n = len(full.points)
    is_sampled = n_searched < n
    is_quick = n * k <= MAX_SWAPPED
    if is_sampled and is_quick and n_init > 1 and k > 1:
        # What is best on the sample need not be best on all rows.
        fits[0] = improve_by_swaps(coarse, fits[0], n_init, rng)
    if coarse is full:
        return fits[0]

    best = _best_in_all_columns(problem, fits)
    if n_init == 1:
        return best
    return _search_all_columns(problem, best, n_init, init, rng)


def _carry_to_all_rows(problem: Problem, labels: IntArray, k: int) -> LloydResult:
    """Return the optimum on all rows that a partition of the sample leads to."""
    sampled = problem.coarse.points[problem.sample]
    centroids = weighted_means(sampled, problem.searched.weight, labels, k)
    return lloyd(problem.coarse, centroids)


def _best_in_all_columns(problem: Problem, fits: list[LloydResult]) -> LloydResult:
    """Return the best optimum in all columns, given some of all rows, best first."""
    carried: list[LloydResult] = []
    for fit in fits:
        is_close = fit.inertia <= CLOSE * fits[0].inertia
        is_new = not any(is_same_partition(fit.labels, x.labels) for x in carried)
        if is_close and is_new:
            carried.append(_carry_to_all_columns(problem, fit))
    return min(carried, key=lambda fit: fit.inertia)


def _carry_to_all_columns(problem: Problem, fit: LloydResult) -> LloydResult:
    """Return the optimum in all columns that a partition of all rows leads to."""
    full = problem.full
    k = len(fit.centroids)
    centroids = weighted_means(full.points, full.weight, fit.labels, k)
    start = fit._replace(centroids=centroids)
    return lloyd(full, centroids, previous=start)


def _search_all_columns(
    problem: Problem,
    best: LloydResult,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> LloydResult:
    """Return what a search in all columns of few rows finds, if it is better.

    The first components hold most of the variance. Clusters may lie in the others.
    """
    rows = problem.wide_sample
    k = len(best.centroids)
    if len(distinct_rows(rows.points, range(len(rows.points)), k)) < k:
        return best
    start = best_start(rows, k, min(n_init, WIDE_STARTS), init, rng)
    known = lloyd(rows, best.centroids)
    if start.inertia > known.inertia:
        return best
    fit = lloyd(rows, start.centroids)
    fit = improve_by_swaps(rows, fit, n_init, rng)
    if fit.inertia > known.inertia * WIDE_GAIN:
        return best
    trial = lloyd(problem.full, fit.centroids)
    return min(best, trial, key=lambda fit: fit.inertia)


def _inertia(data: Data, labels: IntArray, means: FloatArray) -> float:
    """Return the inertia of clusters around their means, in the units of the rows."""
    scaled, unit = _scaled_inertia(data, labels, means)
    # One after the other: the product of the units may be more than float64 can hold.
    inertia = scaled / unit / unit / data.weight_unit
    is_too_small = scaled > 0 and inertia < np.finfo(np.float64).tiny
    if math.isinf(inertia) or is_too_small:
        raise ValueError(
            "X: found rows whose inertia does not fit into float64, expected distances "
            "that can be squared"
        )
    return inertia


def _scaled_inertia(
    data: Data, labels: IntArray, means: FloatArray
) -> tuple[float, float]:
    """Return an inertia that float64 can hold, and what counts as 1.0 in its roots."""
    largest = max(data.rows.max(), -data.rows.min())
    if largest == 0 or SMALLEST_SAFE < largest < LARGEST_SAFE:
        inertia = weighted_inertia(data.rows, data.weight, labels, means)
        if inertia == 0 or inertia > SMALLEST_SAFE:
            return inertia, data.row_unit
    distances = norms(data.rows - means[labels])
    scale = power_of_two_near(distances.max())
    inertia = float((data.weight * np.square(distances / scale)).sum())
    return inertia, 1 / scale
