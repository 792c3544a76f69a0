"""k-means: scikit-learn's, improved by moving one centroid at a time."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array, check_scalar

from fmnist_clustering._checks import FloatArray, IntArray, as_points, check_labels
from fmnist_clustering._parallel import single_threaded
from fmnist_clustering.labels import canonical_labels

SEARCH_ROWS = 10_000
"""The search looks at no more rows: for a few dozen clusters they are enough."""

SEARCH_COLUMNS = 30
"""It looks at so many components, if there are more than twice as many columns.

They hold 82 % of the variance of Fashion-MNIST, and a fit takes a tenth of the time.
"""

N_CANDIDATES = 10
"""A centroid moves to the best of so many rows, which costs less than a trial."""

MAX_FAILED_SWAPS = 15
"""The search ends after so many trials in a row that bring little."""

SWAP_ITERATIONS = 10
"""A trial is judged after so many iterations: more rarely change the verdict."""

SMALLEST_GAIN = 3e-4
"""What lowers the inertia by less than 0.03 % is no better partition to a reader."""


class KMeansFit(NamedTuple):
    """A partition into k clusters.

    Attributes
    ----------
    labels : (n,) int64
        Cluster ids 0..k-1, by falling size.
    centroids : (k, d) float64
        The weighted mean of each cluster's rows; for images 255 counts as 1.0.
    inertia : float
        The weighted sum of squared distances from each row to its centroid.
    """

    labels: IntArray
    centroids: FloatArray
    inertia: float


class Prepared(NamedTuple):
    """What all fits of the same rows share.

    Attributes
    ----------
    points : (n, d) float64
        The rows.
    weight : (n,) float64
        Their weights.
    columns : (n, c) float64
        What the search looks at: their first principal components, or all columns if
        there are few. Their mean is near 0, where squares keep their digits.
    sample : (s,) int64
        The numbers of the rows that the search looks at.
    sample_weight : (s,) float64
        Their weights there.
    """

    points: FloatArray
    weight: FloatArray
    columns: FloatArray
    sample: IntArray
    sample_weight: FloatArray


def fit_kmeans(
    X: ArrayLike,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    n_init: int = 3,
    random_state: int = 0,
) -> KMeansFit:
    """Partition rows into k clusters of small inertia.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    n_clusters : int
        k, from 1 to the number of different rows.
    sample_weight : (n,) array-like, optional
        A positive weight for each row; default: 1.
    n_init : int
        The number of starts, 1 or more. The best of them is improved by swaps.
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
        For rows or weights that are not finite numbers of the right shape, or when k is
        not in the range above.

    Notes
    -----
    1. Few columns: 30 principal components instead of more than 60 columns, and at most
       10,000 random rows, heavy ones likelier.
    2. Start: scikit-learn's ``KMeans`` with `n_init` starts of k-means++.
    3. Swaps (Fränti and Kivijärvi 2000, doi:10.1007/s100440070013): the centroid that
       is cheapest to lose moves to a row that is badly served. After ten iterations the
       new partition is kept if its inertia is lower by at least 0.03 %. The search ends
       when 15 swaps in a row have failed.
    4. Polish: Lloyd's iterations on all rows and all columns, until no label changes.

    10,000 images take about 0.3 s at k = 10, and memory three times that of `X` in
    float64. The search sees no clusters that differ only in columns of little variance.
    """
    prepared = prepare(X, sample_weight)
    return fit_prepared(prepared, n_clusters, n_init=n_init, random_state=random_state)


@single_threaded()
def prepare(X: ArrayLike, sample_weight: ArrayLike | None = None) -> Prepared:
    """Check rows and weights as in `fit_kmeans`, and find the columns of the search."""
    points = as_points(X)
    n, d = points.shape
    weight = _check_weight(sample_weight, n)
    sample, weight_in_sample = _draw_sample(weight)
    if d > 2 * SEARCH_COLUMNS and n > SEARCH_COLUMNS:
        pca = PCA(SEARCH_COLUMNS, svd_solver="covariance_eigh")
        columns = pca.fit(points[sample]).transform(points)
    else:
        columns = points - points.mean(axis=0)
    return Prepared(points, weight, columns, sample, weight_in_sample)


@single_threaded()
def fit_prepared(
    prepared: Prepared, n_clusters: int, *, n_init: int = 3, random_state: int = 0
) -> KMeansFit:
    """Fit rows that `prepare` has checked; for the parameters see `fit_kmeans`."""
    check_scalar(n_clusters, "n_clusters", Integral, min_val=1)
    check_scalar(n_init, "n_init", Integral, min_val=1)
    check_scalar(random_state, "random_state", Integral, min_val=0)
    points, weight, columns, sample, sample_weight = prepared
    rng = np.random.default_rng([random_state, n_clusters])
    # Rows and parameters are checked already: not again in each of some hundred fits.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        found = _search(columns[sample], sample_weight, n_clusters, n_init, rng)
        if len(sample) < len(points):
            found = _lloyd(columns, weight, found.cluster_centers_)
        n_found = len(np.unique(found.labels_))
        if n_found < n_clusters:
            # Few rows or few columns may hide that other rows differ.
            found = _search(points, weight, n_clusters, n_init, rng)
            n_found = len(np.unique(found.labels_))
        if n_found < n_clusters:
            raise ValueError(
                f"n_clusters: found {n_clusters}, expected at most {n_found}, the "
                "number of different rows"
            )
        # The means in all columns of the clusters that were found in few.
        means = _weighted_means(points, weight, found.labels_, n_clusters)
        fit = _lloyd(points, weight, means)
    labels = canonical_labels(fit.labels_)
    centroids = _weighted_means(points, weight, labels, n_clusters)
    return KMeansFit(labels, centroids, float(fit.inertia_))


def inertia(X: ArrayLike, labels: ArrayLike) -> float:
    """Return the sum of squared distances from each row to its cluster's mean.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    labels : (n,) array-like of int
        Cluster ids, 0 or more.

    Returns
    -------
    float
        The cost that k-means lowers: 0 or more, in squared units, where 255 counts as
        1.0 for images; 0 if every cluster holds equal rows.

    Raises
    ------
    ValueError
        When `labels` is not one id for each row.
    """
    points = as_points(X)
    ids = canonical_labels(check_labels(labels, len(points)))
    offsets = points - cluster_means(points, ids)[ids]
    return float(np.einsum("ij,ij->", offsets, offsets))


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


def _draw_sample(weight: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the numbers of some rows that stand for all, and their weights."""
    n = len(weight)
    if n <= SEARCH_ROWS:
        return np.arange(n), weight
    # One draw from each of many parts of equal weight: heavy rows come several times.
    rng = np.random.default_rng(0)
    places = (np.arange(SEARCH_ROWS) + rng.random(SEARCH_ROWS)) / SEARCH_ROWS
    cumulated = np.cumsum(weight)
    drawn = np.searchsorted(cumulated, places * cumulated[-1])
    sample, counts = np.unique(np.minimum(drawn, n - 1), return_counts=True)
    return sample, counts.astype(np.float64)


def _search(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    rng: np.random.Generator,
) -> KMeans:
    """Return a good partition: the best of several starts, improved by swaps."""
    seed = int(rng.integers(2**31))
    best = KMeans(k, n_init=n_init, random_state=seed)
    best.fit(points, sample_weight=weight)
    while k > 1:
        better = _improve_by_swap(points, weight, best, rng)
        if better is None:
            break
        best = better
    return best


def _improve_by_swap(
    points: FloatArray, weight: FloatArray, fit: KMeans, rng: np.random.Generator
) -> KMeans | None:
    """Return a better partition that one swap leads to, or None if many have failed."""
    centroids = fit.cluster_centers_
    k = len(centroids)
    squared = euclidean_distances(points, centroids, squared=True)
    nearest = np.partition(squared, 1, axis=1)
    own = nearest[:, 0]
    second = nearest[:, 1]
    error = weight * own
    if not error.any():
        return None  # every row lies on its centroid

    # Without a centroid its rows would go to their second nearest.
    saved = np.bincount(fit.labels_, weight * (second - own), minlength=k)
    cheapest_first = saved.argsort()
    for _ in range(MAX_FAILED_SWAPS):
        # Heads: the cheapest. Tails: toss again for the next one.
        lost = cheapest_first[min(rng.geometric(0.5), k) - 1]
        # The farther a row is from its centroid, the likelier it is drawn.
        drawn = rng.choice(len(points), N_CANDIDATES, p=error / error.sum())
        candidates = points[drawn]
        to_candidates = euclidean_distances(points, candidates, squared=True)
        gain = weight @ np.maximum(own[:, None] - to_candidates, 0)
        moved = centroids.copy()
        moved[lost] = candidates[gain.argmax()]
        trial = _lloyd(points, weight, moved, SWAP_ITERATIONS)
        if trial.inertia_ < (1 - SMALLEST_GAIN) * fit.inertia_:
            return trial
    return None


def _lloyd(
    points: FloatArray, weight: FloatArray, centroids: FloatArray, max_iter: int = 1000
) -> KMeans:
    """Return the partition that Lloyd's iterations lead to from given centroids."""
    k = len(centroids)
    model = KMeans(k, init=centroids, n_init=1, max_iter=max_iter, tol=0)
    return model.fit(points, sample_weight=weight)


def _weighted_means(
    points: FloatArray, weight: FloatArray, labels: IntArray, k: int
) -> FloatArray:
    """Return the weighted mean of the rows of each of k clusters, (k, d)."""
    n = len(points)
    members = csr_array((weight, (labels, np.arange(n))), shape=(k, n))
    return np.asarray(members @ points / np.bincount(labels, weight)[:, None])
