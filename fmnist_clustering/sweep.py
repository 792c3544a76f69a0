"""Many fits of k-means: over k, halves of the rows, and references."""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from fmnist_clustering._checks import FloatArray, IntArray, check_k_values
from fmnist_clustering._lloyd import LloydResult, as_rows, lloyd
from fmnist_clustering._parallel import single_threaded
from fmnist_clustering.kmeans import (
    Problem,
    fit_many,
    prepare,
    prepare_as_they_are,
    search_columns,
)
from fmnist_clustering.silhouette import silhouette_samples

MAX_RESAMPLED_ROWS = 10_000
"""Stability and near-ties use at most this many rows."""
SAME_PARTITION = 0.95
"""Two partitions of a higher adjusted Rand index are the same optimum."""
MAX_GAP_ROWS = 5_000
"""The gap statistic uses at most this many rows."""


class _Halves(NamedTuple):
    """What k-means finds in random halves of the rows.

    Attributes
    ----------
    points : (n, d) float64
        All rows, in the columns that were clustered.
    k_values : (m,) int64
        Numbers of clusters.
    centroids : list of (n_resamples, k, d) float64
        The centroids of each half, in the units of `points`, for each k.
    """

    points: FloatArray
    k_values: IntArray
    centroids: list[FloatArray]


class KSweep(NamedTuple):
    """One k-means fit for each k.

    Attributes
    ----------
    k_values : (m,) int64
        The numbers of clusters.
    inertia : (m,) float64
        The cost of each fit, see `fmnist_clustering.kmeans.inertia`.
    silhouette : (m,) float64
        The mean silhouette of each fit over all rows; NaN at k = 1, where it is not
        defined.
    labels : (m, n) int64
        One labeling in each row.
    centroids : list of (k, d) float64
        The means of the clusters of each fit.
    """

    k_values: IntArray
    inertia: FloatArray
    silhouette: FloatArray
    labels: IntArray
    centroids: list[FloatArray]


@single_threaded()
def sweep_k(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_init: int = 10,
    random_state: int = 0,
) -> KSweep:
    """Fit k-means for each k and score each fit.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    k_values : iterable of int
        Rising numbers of clusters, from 1 to n - 1.
    n_init, random_state : int
        See `fmnist_clustering.kmeans.fit_kmeans`.

    Returns
    -------
    KSweep
        ``.k_values``, ``.inertia``, ``.silhouette``, ``.labels`` and ``.centroids``.

    Raises
    ------
    ValueError
        When there are no k values, when they do not rise, or when they are out of
        range, or above the number of distinct rows.

    Notes
    -----
    The rows are prepared once for all fits, and the fits run on all cores. All
    silhouettes share one pass over the distances.
    """
    problem = prepare(X)
    k = check_k_values(k_values, 1, len(problem.data.points) - 1)
    settings = {"problem": problem, "n_init": n_init, "random_state": random_state}
    requests = [settings | {"n_clusters": int(n_clusters)} for n_clusters in k]
    fits = fit_many(requests)
    inertia = np.array([fit.inertia for fit in fits])
    labels = np.stack([fit.labels for fit in fits])
    centroids = [fit.centroids for fit in fits]

    silhouette = np.full(len(k), np.nan)
    is_defined = k > 1
    if is_defined.any():
        samples = silhouette_samples(X, labels[is_defined])
        silhouette[is_defined] = samples.mean(axis=1)
    return KSweep(k, inertia, silhouette, labels, centroids)


@single_threaded()
def stability(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_resamples: int = 10,
    n_init: int = 20,
    random_state: int = 0,
) -> pd.DataFrame:
    """Ask whether another sample would give the same clusters.

    Several random halves of the rows are clustered, each on its own. The centroids of
    each half then label all rows, and these labelings are compared pair by pair
    (Ben-Hur, Elisseeff and Guyon 2002, doi:10.1142/9789812799623_0002).

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are. Of more than 10,000 rows a random sample of
        10,000 is used, and n is 10,000 from here on.
    k_values : iterable of int
        Rising numbers of clusters, from 2 to n // 2 - 1.
    n_resamples : int
        How many halves are drawn, 3 or more. All k see the same halves.
    n_init : int
        See `fmnist_clustering.kmeans.fit_kmeans`. A search that went wrong in one half
        may be taken for instability: with 10 starts 9 of 96 fits of halves of 10,000
        images, k = 7 to 12, end more than 0.01 % above the lowest inertia found, with
        20 starts 2 of 96.
    random_state : int
        Chooses the halves, and the starts of k-means.

    Returns
    -------
    DataFrame
        One row for each k (the index), and one column for each pair of resamples
        (``first``, ``second``): the adjusted Rand index of their two labelings. 1 means
        that they are equal, 0 is what chance gives. High values say that the clusters
        do not depend on the sample. That alone does not make them real, since any cut
        that is easy to repeat is stable.

    Raises
    ------
    ValueError
        For k values out of range, or above the number of distinct rows of a half, or
        fewer than three resamples.

    Notes
    -----
    Where `fit_kmeans` searches in 20 principal components, these are clustered.
    The halves come one after the other from ``rng.choice(n, n // 2, replace=False)``
    with ``rng = numpy.random.default_rng(random_state)``. 10,000 images and k from 2 to
    14 take about 20 s on two cores for 130 fits and 585 comparisons.
    """
    halves = _fit_halves(X, k_values, n_resamples, n_init, random_state)
    labels_by_k = [
        np.stack([_nearest(halves.points, centroids) for centroids in starts])
        for starts in halves.centroids
    ]
    pairs = list(combinations(range(n_resamples), 2))
    return pd.DataFrame(
        [_compare_pairs(labels, pairs) for labels in labels_by_k],
        index=pd.Index(halves.k_values, name="k"),
        columns=pd.MultiIndex.from_tuples(pairs, names=["first", "second"]),
    )


@single_threaded()
def near_ties(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_resamples: int = 10,
    n_init: int = 20,
    random_state: int = 0,
) -> pd.DataFrame:
    """List the different partitions that halves of the rows lead to.

    Where two different partitions have almost the same inertia, a few other rows decide
    which of them wins. `stability` is low there, although search and sample are large
    enough. To see it, the clusters of each half are followed by Lloyd's algorithm on
    all rows, to the optimum that they lead to.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are. Of more than 10,000 rows a random sample of
        10,000 is used, the same as in `stability`.
    k_values : iterable of int
        Rising numbers of clusters, from 2 to n // 2 - 1.
    n_resamples, n_init, random_state : int
        See `stability`: with the same values the halves and their clusters are the
        same.

    Returns
    -------
    DataFrame
        For each k (the index) one row for each different partition, the best first,
        with the columns

        - ``halves``: how many halves lead to it;
        - ``excess``: how much higher its inertia is, relative to that of the best one;
          0 or more. Two partitions that differ by less than 0.001 are a near-tie;
        - ``ARI with the best``: how closely the two agree; 1 would be the same
          partition, 0 is what chance gives.

        Partitions count as the same if their adjusted Rand index is above 0.95.

    Raises
    ------
    ValueError
        For k values out of range, or above the number of distinct rows of a half, or
        fewer than three resamples.

    Notes
    -----
    Where `fit_kmeans` searches in 20 principal components, these are clustered. One k
    takes about two seconds for 10,000 images.
    """
    halves = _fit_halves(X, k_values, n_resamples, n_init, random_state)
    rows = as_rows(halves.points, np.ones(len(halves.points)))
    listed = [
        _list_different([lloyd(rows, centroids) for centroids in starts])
        for starts in halves.centroids
    ]
    return pd.concat(listed, keys=halves.k_values, names=["k"]).droplevel(1)


@single_threaded()
def gap_statistic(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_references: int = 10,
    n_init: int = 5,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare the inertia with that of rows that have no clusters.

    The gap is the mean log inertia of the references, minus the log inertia of `X`. A
    reference has as many rows as `X`, drawn uniformly from the box that encloses `X`
    along its principal components (Tibshirani, Walther and Hastie 2001,
    doi:10.1111/1467-9868.00293).

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are. Of more than 5,000 rows a random sample of
        5,000 is used, and n is 5,000 from here on.
    k_values : iterable of int
        Rising numbers of clusters, from 1 to n - 1. With 1 among them the gap can
        answer "one cluster".
    n_references : int
        How many references are drawn, 2 or more. All k see the same ones.
    n_init : int
        See `fmnist_clustering.kmeans.fit_kmeans`. `X` and its references are searched
        in the same way.
    random_state : int
        Chooses the references, and the starts of k-means.

    Returns
    -------
    DataFrame
        One row for each k (the index), with the columns

        - ``log inertia``: the natural logarithm of the inertia of `X`;
        - ``reference``: its mean over the references;
        - ``gap``: reference - log inertia; higher is better;
        - ``standard error``: that of the gap, the standard deviation over the
          references times sqrt(1 + 1 / n_references);
        - ``enough``: whether the gap is not lower than that of the next k minus its
          standard error. The first such k is the published answer. It is False in the
          last row, which has no next one.

    Raises
    ------
    ValueError
        For k values out of range or above the number of distinct rows, for clusters
        that hold only equal rows, whose inertia of 0 has no logarithm, or for fewer
        than two references.

    Notes
    -----
    Of all rules for k only this one can say that there is one cluster. For other k it
    is no better than its competitors: see the table of ``make validate`` in
    ``artifacts/README.md``.

    Where `fit_kmeans` searches in 20 principal components, these are clustered.
    k-means does not depend on rotation, so the references stay in principal components.
    10,000 images and k from 1 to 14 take about 12 s on two cores, for 154 fits.
    """
    rng = np.random.default_rng(random_state)
    problem = prepare(X)
    unit = problem.data.unit
    points = _random_rows(search_columns(problem), MAX_GAP_ROWS)
    k = check_k_values(k_values, 1, len(points) - 1)
    references = _draw_references(points, n_references, rng)

    settings = {"n_init": n_init, "random_state": random_state}
    problems = [prepare_as_they_are(rows, unit) for rows in (points, *references)]
    requests = [
        settings | {"problem": each, "n_clusters": int(n_clusters)}
        for each in problems
        for n_clusters in k
    ]
    fits = fit_many(requests, "k-means on references")
    inertia = np.array([fit.inertia for fit in fits]).reshape(-1, len(k))
    is_defined = inertia.all(axis=0)
    if not is_defined.all():
        raise ValueError(
            f"k_values: found {k[~is_defined][0]}, at which all clusters hold equal "
            "rows; expected an inertia above 0, which has a logarithm"
        )
    log_inertia, *log_references = np.log(inertia)
    reference = np.mean(log_references, axis=0)
    error = np.std(log_references, axis=0) * np.sqrt(1 + 1 / n_references)
    gap = reference - log_inertia
    is_enough = np.append(gap[:-1] >= gap[1:] - error[1:], False)
    return pd.DataFrame(
        {
            "log inertia": log_inertia,
            "reference": reference,
            "gap": gap,
            "standard error": error,
            "enough": is_enough,
        },
        index=pd.Index(k, name="k"),
    )


def _random_rows(points: FloatArray, size: int) -> FloatArray:
    """Return all rows, or if there are more always the same random ones."""
    n = len(points)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(n, min(n, size), replace=False))
    return np.ascontiguousarray(points[chosen])


def _fit_halves(
    X: ArrayLike,
    k_values: Iterable[int],
    n_resamples: int,
    n_init: int,
    random_state: int,
) -> _Halves:
    """Cluster random halves of the rows, the same ones for all k."""
    rng = np.random.default_rng(random_state)
    problem = prepare(X)
    unit = problem.data.unit
    points = _random_rows(search_columns(problem), MAX_RESAMPLED_ROWS)
    k = check_k_values(k_values, 2, len(points) // 2 - 1)
    halves = [_draw_half(points, unit, rng) for _ in range(n_resamples)]

    settings = {"n_init": n_init, "random_state": random_state}
    requests = [
        settings | {"problem": half, "n_clusters": int(n_clusters)}
        for n_clusters in k
        for half in halves
    ]
    fits = fit_many(requests, "k-means on resamples")
    centroids = []
    for first in range(0, len(fits), n_resamples):
        fits_of_k = fits[first : first + n_resamples]
        centroids.append(np.stack([fit.centroids * unit for fit in fits_of_k]))
    return _Halves(points, k, centroids)


def _draw_half(points: FloatArray, unit: float, rng: np.random.Generator) -> Problem:
    """Return a random half of the rows, ready for k-means as they are."""
    n = len(points)
    chosen = np.sort(rng.choice(n, n // 2, replace=False))
    return prepare_as_they_are(points[chosen], unit)


def _nearest(points: FloatArray, centroids: FloatArray) -> IntArray:
    """Return the number of the nearest centroid for each row."""
    return np.asarray(cdist(points, centroids, "sqeuclidean").argmin(axis=1))


def _compare_pairs(labels: IntArray, pairs: list[tuple[int, int]]) -> list[float]:
    """Return the adjusted Rand index of each pair of labelings."""
    # On few rows scikit-learn's checks take longer than the index.
    with sklearn.config_context(skip_parameter_validation=True):
        return [adjusted_rand_score(labels[i], labels[j]) for i, j in pairs]


def _list_different(optima: list[LloydResult]) -> pd.DataFrame:
    """Return how often each different optimum was reached, the best first.

    An optimum is the same as a better one if it agrees with it closely enough.
    """
    different: list[LloydResult] = []
    n_reached: list[int] = []
    for optimum in sorted(optima, key=lambda optimum: optimum.inertia):
        agreements = [
            adjusted_rand_score(known.labels, optimum.labels) for known in different
        ]
        same = np.flatnonzero(np.array(agreements) > SAME_PARTITION)
        if len(same) > 0:
            n_reached[same[0]] += 1
        else:
            different.append(optimum)
            n_reached.append(1)
    best = different[0]
    inertia = np.array([optimum.inertia for optimum in different])
    if best.inertia > 0:
        excess = inertia / best.inertia - 1
    else:
        excess = np.where(inertia > 0, np.inf, 0.0)
    agreement = [
        adjusted_rand_score(best.labels, optimum.labels) for optimum in different
    ]
    return pd.DataFrame(
        {"halves": n_reached, "excess": excess, "ARI with the best": agreement}
    )


def _draw_references(
    points: FloatArray, n_references: int, rng: np.random.Generator
) -> list[FloatArray]:
    """Return uniform rows in the box of the principal components, in these axes."""
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    rotated = centered @ axes.T
    low = rotated.min(axis=0)
    high = rotated.max(axis=0)
    return [rng.uniform(low, high, rotated.shape) for _ in range(n_references)]
