"""Many fits of k-means: over k, on halves of the rows, and on references."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import delayed
from numpy.typing import ArrayLike
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_scalar

from fmnist_clustering._checks import FloatArray, IntArray, check_k_values
from fmnist_clustering._parallel import run_parallel, single_threaded
from fmnist_clustering.kmeans import KMeansFit, Prepared, fit_prepared, prepare
from fmnist_clustering.silhouette import silhouette_samples

MAX_GAP_ROWS = 5_000
"""The gap statistic uses at most this many rows."""

FEW_ROWS = 2_000
"""Fits of no more rows run one after the other: that is faster than in threads."""


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
    n_init: int = 3,
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
        range, or above the number of different rows.

    Notes
    -----
    The rows are prepared once for all fits, and the fits run on all cores. All
    silhouettes share one pass over the distances.
    """
    prepared = prepare(X)
    k = check_k_values(k_values, 1, len(prepared.points) - 1)
    [fits] = _fit_each([prepared], k, "k-means", n_init, random_state)
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
def prediction_strength(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_splits: int = 10,
    n_init: int = 3,
    random_state: int = 0,
) -> pd.DataFrame:
    """Ask whether other rows would lead to the same clusters.

    The rows are split into two halves, and both are clustered. Then the rows of each
    half go to the nearest centroid of the other one. For each cluster we ask which
    share of the pairs of its members stay together there, and the worst cluster counts
    (Tibshirani and Walther 2005, doi:10.1198/106186005X59243).

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    k_values : iterable of int
        Rising numbers of clusters, from 2 to n // 2.
    n_splits : int
        How many times the rows are split, 1 or more. All k see the same splits.
    n_init : int
        See `fmnist_clustering.kmeans.fit_kmeans`.
    random_state : int
        Chooses the splits, and the starts of k-means.

    Returns
    -------
    DataFrame
        One row for each k (the index) and one column for each split: the mean of both
        directions, from 0 to 1. At 1 all pairs stay together; a cluster of one row,
        which has no pairs, counts 0. The published rule takes the largest k whose mean
        over the splits is 0.8 or more, and one cluster if there is none. A high value
        does not make clusters real: any cut that is easy to repeat has one.

    Raises
    ------
    ValueError
        For k values out of range, or above the number of different rows of a half.

    Notes
    -----
    Where `fit_kmeans` searches in 30 principal components, these are clustered. 10,000
    images and k from 2 to 14 take about 30 s on two cores, for 260 fits.
    """
    check_scalar(n_splits, "n_splits", Integral, min_val=1)
    rng = np.random.default_rng(random_state)
    columns = prepare(X).columns
    n = len(columns)
    k = check_k_values(k_values, 2, n // 2)
    splits = [np.array_split(rng.permutation(n), 2) for _ in range(n_splits)]
    halves = [prepare(columns[rows]) for split in splits for rows in split]
    fits = _fit_each(halves, k, "k-means on halves", n_init, random_state)

    strengths = np.empty((len(k), n_splits))
    for split in range(n_splits):
        first, second = halves[2 * split : 2 * split + 2]
        fits_of_first, fits_of_second = fits[2 * split : 2 * split + 2]
        pairs = zip(fits_of_first, fits_of_second, strict=True)
        for row, (one, other) in enumerate(pairs):
            strengths[row, split] = (
                _worst_share(first.points, one.labels, other.centroids)
                + _worst_share(second.points, other.labels, one.centroids)
            ) / 2
    return pd.DataFrame(
        strengths,
        index=pd.Index(k, name="k"),
        columns=pd.RangeIndex(n_splits, name="split"),
    )


@single_threaded()
def gap_statistic(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_references: int = 10,
    n_init: int = 3,
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
        - ``gap standard error``: the standard deviation over the references times
          sqrt(1 + 1 / n_references).

        The published rule takes the smallest k whose gap is not lower than that of the
        next k minus its standard error.

    Raises
    ------
    ValueError
        For k values out of range or above the number of different rows, for clusters
        that hold only equal rows, whose inertia of 0 has no logarithm, or for fewer
        than two references.

    Notes
    -----
    Where `fit_kmeans` searches in 30 principal components, these are clustered.
    k-means does not depend on rotation, so the references stay in principal components.
    10,000 images and k from 1 to 14 take about 15 s on two cores, for 154 fits.
    """
    check_scalar(n_references, "n_references", Integral, min_val=2)
    rng = np.random.default_rng(random_state)
    columns = prepare(X).columns
    n = min(len(columns), MAX_GAP_ROWS)
    k = check_k_values(k_values, 1, n - 1)
    points = columns[np.random.default_rng(0).permutation(len(columns))[:n]]
    references = _draw_references(points, n_references, rng)

    each = [prepare(rows) for rows in (points, *references)]
    fits = _fit_each(each, k, "k-means on references", n_init, random_state)
    inertia = np.array([[fit.inertia for fit in fits_of_one] for fits_of_one in fits])
    # Clusters of equal rows cost nothing but rounding errors.
    rounding = np.square(10 * np.finfo(np.float64).eps * points).sum()
    is_defined = (inertia > rounding).all(axis=0)
    if not is_defined.all():
        raise ValueError(
            f"k_values: found {k[~is_defined][0]}, at which all clusters hold equal "
            "rows; expected an inertia above 0, which has a logarithm"
        )
    log_inertia, *log_references = np.log(inertia)
    reference = np.mean(log_references, axis=0)
    error = np.std(log_references, axis=0) * np.sqrt(1 + 1 / n_references)
    return pd.DataFrame(
        {
            "log inertia": log_inertia,
            "reference": reference,
            "gap": reference - log_inertia,
            "gap standard error": error,
        },
        index=pd.Index(k, name="k"),
    )


def _fit_each(
    prepared: list[Prepared],
    k_values: IntArray,
    description: str,
    n_init: int,
    random_state: int,
) -> list[list[KMeansFit]]:
    """Fit each of some sets of rows for each k, on all cores: one list for each set."""
    settings: dict[str, Any] = {"n_init": n_init, "random_state": random_state}
    calls = (
        delayed(fit_prepared)(rows, int(k), **settings)
        for rows in prepared
        for k in k_values
    )
    has_few_rows = len(prepared[0].points) <= FEW_ROWS
    n_jobs = 1 if has_few_rows else None
    n_calls = len(prepared) * len(k_values)
    fits = list(run_parallel(calls, n_calls, description, n_jobs=n_jobs))
    return [fits[i : i + len(k_values)] for i in range(0, n_calls, len(k_values))]


def _worst_share(points: FloatArray, labels: IntArray, centroids: FloatArray) -> float:
    """Return the lowest share of a cluster's pairs that other centroids leave together.

    A cluster of one row has no pairs, and its share is 0.
    """
    others = pairwise_distances_argmin(points, centroids)
    counts = contingency_matrix(labels, others)
    sizes = counts.sum(axis=1)
    n_pairs = sizes * (sizes - 1)
    n_together = (counts * (counts - 1)).sum(axis=1)
    return float((n_together / np.maximum(n_pairs, 1)).min())


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
