"""One weighted k-means, coarse to fine; canonical cluster ids."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from fmnist_clustering import checks
from fmnist_clustering.checks import Floats, Ids
from fmnist_clustering.progress import track

Given = ArrayLike | None
Optimum = tuple[float, Ids, Floats]

INIT = "k-means++"
INITS = (INIT, "forgy", "random partition")
SEARCH_ROWS, SEARCH_COLUMNS, COARSE_COLUMNS = 10_000, 20, 50


class KMeansFit(NamedTuple):
    """A partition into k clusters.

    Attributes
    ----------
    labels : (n,) int64
        Cluster ids 0..k-1, by falling size.
    centroids : (k, d) float64
        Weighted mean of each cluster's rows, in the units of `fit_kmeans`.
    inertia : float
        Weighted sum of squared distances to the own centroid, computed from the labels.
    """

    labels: Ids
    centroids: Floats
    inertia: float


class Problem(NamedTuple):
    """Rows prepared once for any number of fits.

    Attributes
    ----------
    points : (n, d) float64
        The rows in their own units: grey levels for images.
    weight : (n,) float64
        Weight of each row.
    coarse : (n, c) float64
        The first principal components, or `points` where there are few columns.
    sample : (s,) int64
        The rows that the search looks at.
    unit : float
        What counts as 1.0 in the points.
    """

    points: Floats
    weight: Floats
    coarse: Floats
    sample: Ids
    unit: float


def fit_kmeans(
    X: ArrayLike, n_clusters: int, *, sample_weight: Given = None, n_init: int = 10, init: str = INIT, seed: int = 0
) -> KMeansFit:
    """Partition rows into k clusters of small inertia (Lloyd 1982), coarse to fine.

    The search runs on the first 20 principal components of at most 10,000 rows. Its `n_init`
    restarts are spent so: `n_init` starts of five iterations each; the best two go on to an
    optimum, and each then gets ``4 n_init`` swaps, at most 4 k (a centroid that is cheap to lose
    moves to a row that is badly served, the one that saves most among k / d of them, and what does
    not lower the inertia is undone: Fränti and Kivijärvi 2000). Both partitions are carried to 50
    components of all rows, then to all columns, where Lloyd's iterations run until no label changes;
    the lower final inertia wins. With ``n_init=1`` there is one start and no swap.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    n_clusters : int
        k, from 1 to the number of distinct rows.
    sample_weight : (n,) array-like, optional
        Positive weight of each row; default 1.
    n_init : int
        Number of starts, 1 or more.
    init : {"k-means++", "forgy", "random partition"}
        k-means++ spreads the initial centroids (Arthur & Vassilvitskii 2007); Forgy draws k rows;
        a random partition deals all rows to k clusters and takes their means.
    seed : int
        Makes the result repeatable.

    Returns
    -------
    KMeansFit
        ``.labels`` (n,), ``.centroids`` (k, d) and ``.inertia``, lower is tighter: a fixed point
        of Lloyd's algorithm on all rows and columns.

    Raises
    ------
    ValueError
        For rows, weights or parameters out of the ranges above.

    Notes
    -----
    10,000 images: about 0.6 s at k = 10. Memory: 8 bytes a value of `X`, and 400 bytes a row.
    """
    with threadpool_limits(1):  # for small products more threads cost more than they give
        problem = prepare(X, sample_weight)
        return fit_prepared(problem, n_clusters, n_init=n_init, init=init, seed=seed)


def prepare(X: ArrayLike, sample_weight: Given = None) -> Problem:
    """Check rows and weights, and compute what all fits on them share.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    sample_weight : (n,) array-like, optional
        Positive weight of each row; default 1.

    Returns
    -------
    Problem
        For `fit_prepared`.

    Raises
    ------
    ValueError
        When rows or weights are not finite numbers of the right shape.
    """
    rows, unit = checks.rows(X)
    weight = _as_weight(sample_weight, len(rows))
    points = rows.astype(np.float64)
    n, d = points.shape
    sample = np.sort(np.random.default_rng(0).choice(n, min(n, SEARCH_ROWS), False))
    coarse = points
    if d > SEARCH_COLUMNS and n > COARSE_COLUMNS:
        pca = PCA(min(d, COARSE_COLUMNS), svd_solver="covariance_eigh").fit(points[sample])
        coarse = pca.transform(points)
    return Problem(points, weight, coarse, sample, unit)


def fit_prepared(problem: Problem, n_clusters: int, *, n_init: int, init: str = INIT, seed: int = 0) -> KMeansFit:
    """Fit k-means to prepared rows.

    Parameters
    ----------
    problem : Problem
        What `prepare` returned.
    n_clusters, n_init : int
        See `fit_kmeans`.
    init : str
        See `fit_kmeans`.
    seed : int
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
    points, weight, coarse, sample, unit = problem
    n_clusters, n_init = _parameters(problem, n_clusters, n_init, init, seed)
    searched = coarse[:, :SEARCH_COLUMNS] if coarse is not points else points
    if len(_distinct(searched, sample, n_clusters)) < n_clusters:
        searched, sample = coarse, np.arange(len(points))
    fits = []
    for labels in _search(searched[sample], weight[sample], n_clusters, n_init, init, seed):
        fit = lloyd(coarse, weight, _means(coarse[sample], weight[sample], labels, n_clusters))
        if coarse is not points:
            fit = lloyd(points, weight, _means(points, weight, fit[1], n_clusters))
        fits.append(fit)
    labels = canonical_labels(min(fits, key=itemgetter(0))[1])
    centroids = _means(points, weight, labels, n_clusters)
    return KMeansFit(labels, centroids / unit, _cost(points, weight, labels, centroids) / unit**2)


def fit_many(requests: Sequence[Mapping[str, Any]], what: str = "k-means") -> list[KMeansFit]:
    """Fit k-means many times, each fit on a core of its own.

    Parameters
    ----------
    requests : sequence of mapping
        Arguments of `fit_prepared` by name, ``problem`` among them.
    what : str
        A word for the live bar.

    Returns
    -------
    list of KMeansFit
        One a request, in their order.

    Raises
    ------
    ValueError
        For parameters out of range.
    """
    for request in requests:  # before they are sent to threads
        _parameters(**request)
    calls = (delayed(fit_prepared)(**request) for request in requests)
    with threadpool_limits(1):
        fits = Parallel(-1, prefer="threads", return_as="generator")(calls)
        return [*track(fits, len(requests), what)]


def lloyd(points: Floats, weight: Floats, centroids: Floats, max_iter: int = 1000, tol: float = 0.0) -> Optimum:
    """Run Lloyd's iterations from given centroids.

    Parameters
    ----------
    points : (n, d) float64
        One point a row, all finite.
    weight : (n,) float64
        Weight of each row, above 0.
    centroids : (k, d) float64
        Where to start.
    max_iter : int
        How many iterations at most.
    tol : float
        How far the centroids move when it stops before, as scikit-learn's ``tol``; with 0 until no
        label changes.

    Returns
    -------
    inertia : float
        Weighted sum of squared distances to the own centroid.
    labels : (n,) int64
        The centroid that each row belongs to.
    centroids : (k, d) float64
        Where they ended.
    """
    model = KMeans(len(centroids), init=centroids, n_init=1, max_iter=max_iter, tol=tol)
    with config_context(assume_finite=True, skip_parameter_validation=True):  # both checked before
        model.fit(points, sample_weight=weight)
    return model.inertia_, model.labels_.astype(np.int64), model.cluster_centers_


def inertia(X: ArrayLike, labels: ArrayLike, *, sample_weight: Given = None) -> float:
    """Return the cost that k-means lowers: squared distances to the own cluster's mean, summed.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    labels : (n,) array-like of int
        Cluster ids, 0 or more.
    sample_weight : (n,) array-like, optional
        Weight of each row; default 1.

    Returns
    -------
    float
        0 or more, in squared units of `X`; 0 where every cluster holds equal rows.

    Raises
    ------
    ValueError
        When `labels` is not one id for each row.
    """
    points = checks.points(X)
    weight = _as_weight(sample_weight, len(points))
    ids = canonical_labels(checks.labels(labels, len(points)))
    return _cost(points, weight, ids, _means(points, weight, ids, ids.max() + 1))


def cluster_means(X: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return the mean row of each cluster.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        One point a row; a uint8 array counts in units of 255.
    labels : (n,) array-like of int
        Cluster ids, 0 or more.

    Returns
    -------
    (k, d) float64
        One row an id that occurs, by rising id.

    Raises
    ------
    ValueError
        When `labels` is not one id for each row.
    """
    points = checks.points(X)
    names, ids = np.unique(checks.labels(labels, len(points)), return_inverse=True)
    return _means(points, np.ones(len(points)), ids, len(names))


def canonical_labels(labels: ArrayLike) -> NDArray[np.int64]:
    """Renumber clusters 0..k-1 by falling size, ties by lowest member index.

    Parameters
    ----------
    labels : (n,) array-like of int
        Any ids.

    Returns
    -------
    (n,) int64
        The same partition under canonical ids: equal partitions get equal labels.
    """
    _, first, ids, sizes = np.unique(checks.labels(labels), return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[ids]


def match_labels(labels: ArrayLike, reference: ArrayLike) -> NDArray[np.int64]:
    """Renumber clusters so that they share ids with the clusters they overlap most.

    Parameters
    ----------
    labels, reference : (n,) array-like of int
        Two labelings of the same rows.

    Returns
    -------
    (n,) int64
        The partition of `labels`. Ids are assigned one to one so that as many rows as possible
        keep the id that they have in `reference` (Kuhn 1955); clusters beyond those of
        `reference` take the ids after its last one, by falling size.
    """
    names, target = np.unique(checks.labels(reference, name="reference"), return_inverse=True)
    ids = canonical_labels(checks.labels(labels, len(target)))
    overlap = np.zeros((ids.max() + 1, len(names)), dtype=np.int64)
    np.add.at(overlap, (ids, target), 1)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    renumbered = np.full(len(overlap), -1, dtype=np.int64)
    renumbered[rows] = names[columns]
    left_over = renumbered < 0
    renumbered[left_over] = names[-1] + 1 + np.arange(left_over.sum())
    return renumbered[ids]


def _as_weight(sample_weight: Given, n: int) -> NDArray[np.float64]:
    """Return row weights as float64, checked."""
    if sample_weight is None:
        return np.ones(n)
    weight = checks.numbers(sample_weight, "sample_weight")
    if weight.shape != (n,):
        raise ValueError(f"sample_weight: found shape {weight.shape}, expected ({n},)")
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError("sample_weight: found values not above 0, expected positive numbers")
    return weight


def _parameters(problem: Problem, n_clusters: int, n_init: int, init: str = INIT, seed: int = 0) -> tuple[int, int]:
    """Return what can be fitted, or refuse it."""
    checks.choice(init, "init", INITS)
    checks.count(seed, "seed", 0)
    n_clusters, n_init = checks.count(n_clusters, "n_clusters"), checks.count(n_init, "n_init")
    if (distinct := len(_distinct(problem.points, range(len(problem.points)), n_clusters))) < n_clusters:
        raise ValueError(f"n_clusters: found {n_clusters}, expected at most the {distinct} distinct rows")
    return n_clusters, n_init


def _distinct(points: Floats, order: Iterable[int], k: int) -> list[int]:
    """Return the first `k` row numbers in `order` whose rows differ; fewer when there are fewer."""
    found: dict[bytes, int] = {}
    for row in order:
        found.setdefault((points[row] + 0.0).tobytes(), row)
        if len(found) == k:
            break
    return [*found.values()]


def _search(points: Floats, weight: Floats, k: int, n_init: int, init: str, seed: int) -> list[Ids]:
    """Return the labels of one or two good optima; `fit_kmeans` says how restarts are spent."""
    rng = np.random.default_rng([seed, k])
    starts = (_start(points, weight, k, init, rng) for _ in range(n_init))
    if n_init == 1 or k == 1:
        return [lloyd(points, weight, next(starts))[1]]
    short = sorted((lloyd(points, weight, start, 5) for start in starts), key=itemgetter(0))
    n_swaps = min(4 * n_init, 4 * k)
    return [_swap(points, weight, centroids, n_swaps, rng)[1] for _, _, centroids in short[:2]]


def _start(points: Floats, weight: Floats, k: int, init: str, rng: np.random.Generator) -> Floats:
    """Return initial centroids, moved a little off the rows themselves."""
    if init == "k-means++":
        rows, _ = kmeans_plusplus(points, k, sample_weight=weight, random_state=int(rng.integers(2**31)))
    elif init == "forgy":
        order = rng.choice(len(points), len(points), replace=False, p=weight / weight.sum())
        rows = points[_distinct(points, order, k)]
    else:
        rows = _means(points, weight, rng.permutation(np.arange(len(points)) % k), k)
    # Colors on the integer lattice tie exactly, and every BLAS kernel breaks a tie its own way.
    return np.asarray(rows + rng.uniform(-1e-6, 1e-6, rows.shape) * np.ptp(points))


def _swap(points: Floats, weight: Floats, centroids: Floats, n_swaps: int, rng: np.random.Generator) -> Optimum:
    """Lower the inertia by moving single centroids (Fränti & Kivijärvi 2000)."""
    k, n_candidates = len(centroids), max(1, len(centroids) // points.shape[1])
    best = lloyd(points, weight, centroids)
    for _ in range(n_swaps):
        cost, labels, centroids = best
        error = weight * np.square(points - centroids[labels]).sum(axis=1)
        between = np.square(centroids[:, None] - centroids).sum(axis=2)
        np.fill_diagonal(between, np.inf)
        # The members of a lost centroid would go to the next one: an upper bound of what it costs.
        loss = np.bincount(labels, weight, k) * between.min(axis=1)
        if not error.any() or not loss.all():
            break
        moved = centroids.copy()
        lost = rng.choice(k, p=(1 / loss) / (1 / loss).sum())
        served = points[rng.choice(len(points), n_candidates, p=error / error.sum())]
        saved = error[:, None] - weight[:, None] * cdist(points, served, "sqeuclidean")
        moved[lost] = served[np.maximum(saved, 0).sum(axis=0).argmax()]
        trial = lloyd(points, weight, moved, 8)
        if trial[0] < cost * (1 + min(0.002, 0.04 / k)):
            trial = lloyd(points, weight, trial[2])
        if trial[0] < cost:
            best = trial
    return best


def _means(points: Floats, weight: Floats, labels: Ids, k: int) -> Floats:
    """Return the weighted mean of each cluster, summed row by row in their order."""
    members = csr_array((weight, labels, np.arange(len(points) + 1)), shape=(len(points), k))
    totals = np.bincount(labels, weight, k)
    return np.asarray(members.T @ points) / totals[:, None]


def _cost(points: Floats, weight: Floats, labels: Ids, centroids: Floats) -> float:
    """Return the weighted sum of squared distances to the own centroid."""
    squared = np.empty(len(points))
    for first in range(0, len(points), SEARCH_ROWS):
        rows = slice(first, first + SEARCH_ROWS)
        squared[rows] = np.square(points[rows] - centroids[labels[rows]]).sum(axis=1)
    return float((weight * squared).sum())
