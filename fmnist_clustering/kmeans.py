"""Weighted k-means, from coarse to fine, for images and for colors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    as_points,
    check_integer,
    check_labels,
    check_option,
    check_rows,
    check_weight,
)
from fmnist_clustering.labels import canonical_labels
from fmnist_clustering.progress import track

INITS = ("k-means++", "random", "random partition")
"""The ways to choose initial centroids; `fit_kmeans` explains them."""

# The search looks at few rows and few columns, where a fit is cheap; all columns have
# the final say. On Fashion-MNIST 20 components hold 79 % of the variance.
SEARCH_ROWS = 10_000
SEARCH_COLUMNS = 20
COARSE_COLUMNS = 50

START_ITERATIONS = 5
"""Lloyd iterations after which the starts are compared."""
OPTIMA_CARRIED_ON = 2
"""The best start in few columns need not be the best one in all columns."""
SWAPS_PER_START = 4
SWAPS_PER_CLUSTER = 4
"""Each optimum gets the smaller of 4 n_init and 4 k swaps."""
TRIAL_ITERATIONS = 8
"""Lloyd iterations after which a swap is judged."""
TRIAL_EXCESS = 0.002
TRIAL_EXCESS_TIMES_K = 0.04
"""A swap goes on if it is worse by less than min(0.002, 0.04 / k) of the inertia.

Further iterations rarely win more than 0.2 %. One cluster holds about 1 / k of the
inertia, so with many clusters a single swap can win less.
"""
JITTER = 1e-6
"""How far initial centroids are moved off the rows, relative to the range of values.

Colors lie on the integer lattice, where distances tie exactly, and every BLAS kernel
would break a tie its own way.
"""
BLOCK_ROWS = 10_000
"""Rows whose differences are held in memory at the same time."""


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


class LloydResult(NamedTuple):
    """Where Lloyd's iterations ended.

    Attributes
    ----------
    inertia : float
        The weighted sum of squared distances from each row to its centroid.
    labels : (n,) int64
        The centroid that each row belongs to.
    centroids : (k, d) float64
        The centroids.
    """

    inertia: float
    labels: IntArray
    centroids: FloatArray


class Problem(NamedTuple):
    """Rows that are prepared once for any number of fits.

    Attributes
    ----------
    points : (n, d) float64
        The rows in the units they came in: grey levels for images.
    weight : (n,) float64
        The weight of each row.
    coarse : (n, c) float64
        The first principal components, or `points` itself if there are few columns or
        few rows.
    sample : (s,) int64
        The numbers of the rows that the search looks at.
    unit : float
        What counts as 1.0 in the points.
    """

    points: FloatArray
    weight: FloatArray
    coarse: FloatArray
    sample: IntArray
    unit: float


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
        For rows, weights or parameters outside the ranges above.

    Notes
    -----
    1. Search. It runs on the first 20 principal components of at most 10,000 rows.
       `n_init` starts get five iterations each. The best two go on to their optimum,
       and both are then improved by swaps (Fränti and Kivijärvi 2000,
       doi:10.1007/s100440070013): a centroid that is cheap to lose moves to a row that
       is badly served, and the swap is undone unless it lowers the inertia. Each gets
       ``4 n_init`` swaps, but at most 4 k. With ``n_init=1`` there is one start and no
       swap.
    2. Refinement. Both partitions are carried to 50 components of all rows, and then to
       all columns, where Lloyd's iterations run until no label changes. The one with
       the lower final inertia wins.

    10,000 images take about 0.6 s at k = 10. Memory: 8 bytes for each value of `X`, and
    400 bytes for each row.
    """
    # For products this small more threads cost more than they give.
    with threadpool_limits(1):
        return fit_prepared(
            prepare(X, sample_weight),
            n_clusters,
            n_init=n_init,
            init=init,
            random_state=random_state,
        )


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
    rows, unit = check_rows(X)
    weight = check_weight(sample_weight, len(rows))
    points = rows.astype(np.float64)
    n, d = points.shape

    rng = np.random.default_rng(0)  # a fixed seed: all fits share the sample
    sample = np.sort(rng.choice(n, min(n, SEARCH_ROWS), replace=False))
    coarse = points
    # As many components as this need as many rows.
    if d > SEARCH_COLUMNS and n > COARSE_COLUMNS:
        n_components = min(d, COARSE_COLUMNS)
        pca = PCA(n_components, svd_solver="covariance_eigh").fit(points[sample])
        coarse = pca.transform(points)
    return Problem(points, weight, coarse, sample, unit)


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
    _check_parameters(problem, n_clusters, n_init, init, random_state)
    points, weight, unit = problem.points, problem.weight, problem.unit
    searched, searched_rows = _search_space(problem, n_clusters)
    rng = np.random.default_rng([random_state, n_clusters])
    searched_weight = weight[searched_rows]
    optima = _search(searched, searched_weight, n_clusters, n_init, init, rng)
    fits = [_refine(problem, searched_rows, labels, n_clusters) for labels in optima]

    best = min(fits, key=lambda fit: fit.inertia)
    labels = canonical_labels(best.labels)
    centroids = _weighted_means(points, weight, labels, n_clusters)
    final_inertia = _weighted_inertia(points, weight, labels, centroids)
    return KMeansFit(labels, centroids / unit, final_inertia / unit**2)


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
    for request in requests:
        _check_parameters(**request)  # here, and not in the middle of a long loop
    calls = (delayed(fit_prepared)(**request) for request in requests)
    with threadpool_limits(1):
        fits = Parallel(-1, prefer="threads", return_as="generator")(calls)
        return list(track(fits, len(requests), description))


def lloyd(
    points: FloatArray,
    weight: FloatArray,
    centroids: FloatArray,
    max_iter: int = 1000,
    tol: float = 0.0,
) -> LloydResult:
    """Run Lloyd's iterations from given centroids, by scikit-learn.

    Parameters
    ----------
    points : (n, d) float64
        Each row is one point; all values are finite.
    weight : (n,) float64
        The weight of each row, above 0.
    centroids : (k, d) float64
        Where to start.
    max_iter : int
        The largest number of iterations.
    tol : float
        Stop earlier when the centroids move little, as scikit-learn's ``tol``, which is
        relative to the variance of the points. With 0 the iterations go on until no
        label changes.

    Returns
    -------
    LloydResult
        ``.inertia``, ``.labels`` and ``.centroids``.
    """
    model = KMeans(len(centroids), init=centroids, n_init=1, max_iter=max_iter, tol=tol)
    # The rows have been checked; checking them again in each of 100 calls is slow.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        model.fit(points, sample_weight=weight)
    labels = model.labels_.astype(np.int64)
    return LloydResult(model.inertia_, labels, model.cluster_centers_)


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
    points = as_points(X)
    weight = check_weight(sample_weight, len(points))
    ids = canonical_labels(check_labels(labels, len(points)))
    centroids = _weighted_means(points, weight, ids, int(ids.max()) + 1)
    return _weighted_inertia(points, weight, ids, centroids)


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
    return _weighted_means(points, np.ones(len(points)), numbers, len(names))


def _check_parameters(
    problem: Problem,
    n_clusters: int,
    n_init: int,
    init: str = "k-means++",
    random_state: int = 0,
) -> None:
    """Reject parameters that cannot be fitted.

    The defaults are those of `fit_prepared`, so that requests may leave them out.
    """
    check_option(init, "init", INITS)
    check_integer(random_state, "random_state", 0)
    check_integer(n_init, "n_init")
    check_integer(n_clusters, "n_clusters")
    all_rows = range(len(problem.points))
    n_distinct = len(_distinct_rows(problem.points, all_rows, n_clusters))
    if n_distinct < n_clusters:
        raise ValueError(
            f"n_clusters: found {n_clusters}, "
            f"expected at most {n_distinct}, the number of distinct rows"
        )


def _distinct_rows(points: FloatArray, order: Iterable[int], k: int) -> list[int]:
    """Return the first k row numbers in `order` whose rows differ, or all there are."""
    first_with: dict[bytes, int] = {}
    for row in order:
        content = (points[row] + 0.0).tobytes()  # adding 0.0 turns -0.0 into 0.0
        first_with.setdefault(content, row)
        if len(first_with) == k:
            break
    return list(first_with.values())


def _search_space(problem: Problem, k: int) -> tuple[FloatArray, IntArray]:
    """Return the rows that the search looks at, in few columns, and their numbers."""
    is_projected = problem.coarse is not problem.points
    columns = SEARCH_COLUMNS if is_projected else problem.points.shape[1]
    searched = problem.coarse[:, :columns]
    if len(_distinct_rows(searched, problem.sample, k)) < k:
        # The sample does not hold k different rows: search all rows and components.
        return problem.coarse, np.arange(len(problem.points))
    return searched[problem.sample], problem.sample


def _search(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> list[IntArray]:
    """Return the labels of one or two good optima; `fit_kmeans` explains the search."""
    if n_init == 1 or k == 1:
        start = _initial_centroids(points, weight, k, init, rng)
        return [lloyd(points, weight, start).labels]

    starts = [_initial_centroids(points, weight, k, init, rng) for _ in range(n_init)]
    runs = [lloyd(points, weight, start, START_ITERATIONS) for start in starts]
    runs.sort(key=lambda run: run.inertia)
    n_swaps = min(SWAPS_PER_START * n_init, SWAPS_PER_CLUSTER * k)
    optima = [
        _improve_by_swaps(points, weight, run.centroids, n_swaps, rng)
        for run in runs[:OPTIMA_CARRIED_ON]
    ]
    return [optimum.labels for optimum in optima]


def _initial_centroids(
    points: FloatArray, weight: FloatArray, k: int, init: str, rng: np.random.Generator
) -> FloatArray:
    """Return initial centroids, moved a little off the rows (see `JITTER`)."""
    n = len(points)
    if init == "k-means++":
        seed = int(rng.integers(2**31))
        centroids, _ = kmeans_plusplus(
            points, k, sample_weight=weight, random_state=seed
        )
    elif init == "random":
        order = rng.choice(n, n, replace=False, p=weight / weight.sum())
        centroids = points[_distinct_rows(points, order, k)]
    else:
        labels = rng.permutation(np.arange(n) % k)
        centroids = _weighted_means(points, weight, labels, k)
    jitter = rng.uniform(-JITTER, JITTER, centroids.shape) * np.ptp(points)
    return np.asarray(centroids + jitter)


def _improve_by_swaps(
    points: FloatArray,
    weight: FloatArray,
    centroids: FloatArray,
    n_swaps: int,
    rng: np.random.Generator,
) -> LloydResult:
    """Return the best optimum that is found by moving one centroid at a time.

    Each swap moves a centroid that is cheap to lose to a row that is badly served
    (Fränti and Kivijärvi 2000).
    """
    k = len(centroids)
    excess = min(TRIAL_EXCESS, TRIAL_EXCESS_TIMES_K / k)
    best = lloyd(points, weight, centroids)
    for _ in range(n_swaps):
        removal_cost = _removal_costs(best, weight)
        residuals = points - best.centroids[best.labels]
        error = weight * np.square(residuals).sum(axis=1)
        if not error.any() or not removal_cost.all():
            break  # no row is off its centroid, or a centroid costs nothing to lose

        ease = 1 / removal_cost
        removed = rng.choice(k, p=ease / ease.sum())
        swapped = best.centroids.copy()
        swapped[removed] = _badly_served_row(points, weight, error, k, rng)
        trial = lloyd(points, weight, swapped, TRIAL_ITERATIONS)
        # Only a trial that passes here can end below the best, which so is an optimum.
        if trial.inertia < best.inertia * (1 + excess):
            trial = lloyd(points, weight, trial.centroids)
        if trial.inertia < best.inertia:
            best = trial
    return best


def _removal_costs(fit: LloydResult, weight: FloatArray) -> FloatArray:
    """Return what it costs to lose each centroid, as an upper bound.

    Its members would go to their next nearest centroid. At most they all go to the one
    that is nearest to the lost centroid, which costs the weight of the cluster
    times the squared distance between the two centroids.
    """
    centroids = fit.centroids
    k = len(centroids)
    between = np.square(centroids[:, None] - centroids).sum(axis=2)
    np.fill_diagonal(between, np.inf)
    cluster_weights = np.bincount(fit.labels, weight, k)
    return np.asarray(cluster_weights * between.min(axis=1))


def _badly_served_row(
    points: FloatArray,
    weight: FloatArray,
    error: FloatArray,
    k: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return a row at which a new centroid saves much inertia.

    Rows are drawn with probability proportional to their error, as in k-means++. One
    row is drawn, or k // d rows if that is more: with many clusters in few dimensions
    most draws save little. The one that saves most is taken.
    """
    n, d = points.shape
    n_candidates = max(1, k // d)
    drawn_rows = rng.choice(n, n_candidates, p=error / error.sum())
    candidates = points[drawn_rows]
    to_candidates = cdist(points, candidates, "sqeuclidean")
    saved = error[:, None] - weight[:, None] * to_candidates
    total_saved = np.maximum(saved, 0).sum(axis=0)
    return np.asarray(candidates[total_saved.argmax()])


def _refine(
    problem: Problem, sample: IntArray, labels: IntArray, k: int
) -> LloydResult:
    """Carry a partition of the sample to all rows and, step by step, to all columns."""
    points, weight, coarse = problem.points, problem.weight, problem.coarse
    centroids = _weighted_means(coarse[sample], weight[sample], labels, k)
    result = lloyd(coarse, weight, centroids)
    if coarse is points:
        return result
    centroids = _weighted_means(points, weight, result.labels, k)
    return lloyd(points, weight, centroids)


def _weighted_means(
    points: FloatArray, weight: FloatArray, labels: IntArray, k: int
) -> FloatArray:
    """Return the weighted mean of each cluster, (k, d).

    A sparse product adds the rows in their order, so the result does not depend on the
    number of threads.
    """
    n = len(points)
    # Row i has a single entry: its weight, in the column of its cluster.
    membership = csr_array((weight, labels, np.arange(n + 1)), shape=(n, k))
    sums: FloatArray = membership.T @ points
    totals = np.bincount(labels, weight, k)
    return sums / totals[:, None]


def _weighted_inertia(
    points: FloatArray, weight: FloatArray, labels: IntArray, centroids: FloatArray
) -> float:
    """Return the weighted sum of squared distances from each row to its centroid."""
    squared = np.empty(len(points))
    for start in range(0, len(points), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        residuals = points[block] - centroids[labels[block]]
        squared[block] = np.square(residuals).sum(axis=1)
    return float((weight * squared).sum())
