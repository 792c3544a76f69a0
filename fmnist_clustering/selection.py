"""The criteria over k: inertia and its elbow, silhouette."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import silhouette_samples as sklearn_silhouette_samples

from fmnist_clustering.distances import as_points
from fmnist_clustering.kmeans import as_labels, fit_kmeans


class KSweep(NamedTuple):
    """One k-means fit for each k.

    Attributes
    ----------
    k_values : (m,) int64
        The numbers of clusters.
    inertia : (m,) float64
        Cost of each fit, see `fmnist_clustering.kmeans.inertia`.
    silhouette : (m,) float64
        Mean silhouette of each fit over all rows; NaN at k = 1, where it is not defined.
    labels : (m, n) int64
        One labeling a row.
    centroids : list of (k, d) float64
        The clusters' means.
    """

    k_values: NDArray[np.int64]
    inertia: NDArray[np.float64]
    silhouette: NDArray[np.float64]
    labels: NDArray[np.int64]
    centroids: list[NDArray[np.float64]]


class Elbow(NamedTuple):
    """Where a curve of inertia over k bends most.

    Attributes
    ----------
    k : int or None
        The k farthest below the straight line between the first and the last point; None when no
        point lies below it.
    strength : float
        That distance, after both axes are scaled to 0..1: 0 for a straight line, below 1 always.
    """

    k: int | None
    strength: float


def sweep_k(X: ArrayLike, k_values: Iterable[int], *, n_init: int = 10, seed: int = 0) -> KSweep:
    """Fit k-means for each k and score each fit.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    k_values : iterable of int
        Numbers of clusters, each from 1 to n - 1, rising.
    n_init, seed : int
        See `fmnist_clustering.kmeans.fit_kmeans`.

    Returns
    -------
    KSweep
        ``.k_values .inertia .silhouette .labels .centroids``.

    Raises
    ------
    ValueError
        For k values that are none, do not rise, or are out of range.
    """
    ks, n = np.array([*k_values]), len(as_points(X))
    is_rising = ks.ndim == 1 and ks.dtype.kind in "iu" and bool((np.diff(ks) > 0).all())
    if ks.size == 0 or not is_rising or ks[0] < 1 or ks[-1] >= n:
        expected = f"one or more rising integers from 1 to {n - 1}"
        raise ValueError(f"k_values: found {ks.tolist()}, expected {expected}")
    fits = [fit_kmeans(X, int(k), n_init=n_init, seed=seed) for k in ks]
    silhouette = [
        silhouette_samples(X, fit.labels).mean() if k > 1 else np.nan
        for k, fit in zip(ks, fits, strict=True)
    ]
    return KSweep(
        ks,
        np.array([fit.inertia for fit in fits]),
        np.array(silhouette),
        np.stack([fit.labels for fit in fits]),
        [fit.centroids for fit in fits],
    )


def silhouette_samples(X: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return each row's silhouette: how much nearer its own cluster is than the next one.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row.
    labels : (n,) array-like of int
        Ids of 2 to n - 1 clusters.

    Returns
    -------
    (n,) float64
        (b - a) / max(a, b), with a the mean distance to the other members of the own cluster and
        b that to the nearest other cluster (Rousseeuw 1987). -1 to 1; 1 is best, 0 lies between
        two clusters, below 0 another cluster is nearer. 0 for a cluster of one.

    Raises
    ------
    ValueError
        When `labels` does not name 2 to n - 1 clusters, or is not one id for each row.
    """
    points = as_points(X)
    ids = as_labels(labels, len(points))
    n_clusters = len(np.unique(ids))
    if not 2 <= n_clusters < len(points):
        raise ValueError(
            f"labels: found {n_clusters} clusters in {len(points)} rows, expected 2 to n - 1"
        )
    samples: NDArray[np.float64] = sklearn_silhouette_samples(points, ids)
    return samples


def elbow(k_values: ArrayLike, inertia: ArrayLike) -> Elbow:
    """Find the elbow: the point farthest below the chord of the scaled curve (Satopaa 2011).

    Parameters
    ----------
    k_values : (m,) array-like of int
        Rising numbers of clusters, m >= 3.
    inertia : (m,) array-like of float
        The cost at each.

    Returns
    -------
    Elbow
        ``.k`` and ``.strength``. The answer depends on the first and last k that are given:
        always look at other ranges too.

    Raises
    ------
    ValueError
        For fewer than three points, different lengths, NaN, or k values that do not rise.
    """
    k, cost = np.asarray(k_values, dtype=np.float64), np.asarray(inertia, dtype=np.float64)
    if k.ndim != 1 or k.shape != cost.shape or len(k) < 3:
        raise ValueError(
            f"k_values, inertia: found shapes {k.shape} and {cost.shape}, expected (m,), m >= 3"
        )
    if not np.isfinite(cost).all() or not (np.diff(k) > 0).all():
        raise ValueError("k_values, inertia: expected rising k values and finite costs")
    if cost[0] <= cost[-1]:
        return Elbow(None, 0.0)
    x = (k - k[0]) / (k[-1] - k[0])
    y = (cost - cost[-1]) / (cost[0] - cost[-1])
    depth = 1.0 - x - y
    best = int(np.argmax(depth))
    if depth[best] <= 1e-9:
        return Elbow(None, 0.0)
    return Elbow(int(k[best]), float(depth[best]))
