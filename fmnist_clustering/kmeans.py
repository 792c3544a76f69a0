"""One weighted k-means, coarse to fine; canonical cluster ids."""

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.decomposition import PCA

from fmnist_clustering.distances import as_points

INITS = ("k-means++", "forgy")
COARSE_COMPONENTS = 50


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

    labels: NDArray[np.int64]
    centroids: NDArray[np.float64]
    inertia: float


def fit_kmeans(
    X: ArrayLike,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    n_init: int = 10,
    init: str = "k-means++",
    seed: int = 0,
) -> KMeansFit:
    """Partition rows into k clusters of small inertia (Lloyd 1982).

    All `n_init` starts run on the first 50 principal components, which hold most of the variance
    in a fraction of the columns; the best one's partition is carried back to all columns, where
    Lloyd's iterations run until no label changes. The result is therefore a local optimum of the
    full problem. Rows of 50 columns or fewer are clustered as they are.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    n_clusters : int
        k, from 1 to the number of distinct rows.
    sample_weight : (n,) array-like, optional
        Positive weight of each row; default 1.
    n_init : int
        Number of starts; the one of lowest inertia wins.
    init : {"k-means++", "forgy"}
        k-means++ spreads the initial centroids (Arthur & Vassilvitskii 2007); Forgy draws k rows.
    seed : int
        Makes the result repeatable.

    Returns
    -------
    KMeansFit
        ``.labels`` (n,), ``.centroids`` (k, d) and ``.inertia``, lower is tighter.

    Raises
    ------
    ValueError
        For rows, weights or parameters out of the ranges above.
    """
    points = as_points(X)
    weight = _as_weight(sample_weight, len(points))
    if init not in INITS:
        raise ValueError(f"init: found {init!r}, expected one of {', '.join(map(repr, INITS))}")
    if n_init < 1:
        raise ValueError(f"n_init: found {n_init}, expected 1 or more")
    if n_clusters < 1:
        raise ValueError(f"n_clusters: found {n_clusters}, expected 1 or more")
    if (distinct := len(_distinct(points, range(len(points)), n_clusters))) < n_clusters:
        expected = f"at most the {distinct} distinct rows"
        raise ValueError(f"n_clusters: found {n_clusters}, expected {expected}")
    coarse = points
    if points.shape[1] > COARSE_COMPONENTS < len(points):
        coarse = PCA(COARSE_COMPONENTS, svd_solver="covariance_eigh").fit_transform(points)
    starts = (_start(coarse, weight, n_clusters, init, seed + i) for i in range(n_init))
    labels = min((_lloyd(coarse, weight, start) for start in starts), key=itemgetter(0))[1]
    if coarse is not points:
        labels = _lloyd(points, weight, _centroids(points, labels, weight))[1]
    labels = canonical_labels(labels)
    return KMeansFit(
        labels, _centroids(points, labels, weight), inertia(X, labels, sample_weight=weight)
    )


def inertia(X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
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
    points = as_points(X)
    weight = _as_weight(sample_weight, len(points))
    ids = canonical_labels(as_labels(labels, len(points)))
    centroids = _centroids(points, ids, weight)
    cost = 0.0
    for cluster, centroid in enumerate(centroids):
        members = ids == cluster
        squared = ((points[members] - centroid) ** 2).sum(axis=1)
        cost += float((weight[members] * squared).sum())
    return cost


def as_labels(labels: ArrayLike, n: int | None = None, name: str = "labels") -> NDArray[np.int64]:
    """Return cluster ids as int64, checked.

    Parameters
    ----------
    labels : (n,) array-like of int
        Ids, 0 or more.
    n : int, optional
        The length that is expected.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n,) int64
        The same ids.

    Raises
    ------
    ValueError
        When `labels` is not one-dimensional, empty, of another length, not integer, or negative.
    """
    ids = np.asarray(labels)
    if ids.ndim != 1 or ids.size == 0 or (n is not None and len(ids) != n):
        expected = "(n,)" if n is None else f"({n},)"
        raise ValueError(f"{name}: found shape {ids.shape}, expected {expected}")
    if ids.dtype.kind not in "iu":
        raise ValueError(f"{name}: found {ids.dtype}, expected integers from 0")
    if ids.min() < 0:
        raise ValueError(f"{name}: found {ids.min()}, expected integers from 0")
    return ids.astype(np.int64)


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
    _, first, ids, sizes = np.unique(
        as_labels(labels), return_index=True, return_inverse=True, return_counts=True
    )
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
    names, target = np.unique(as_labels(reference, name="reference"), return_inverse=True)
    ids = canonical_labels(as_labels(labels, len(target)))
    overlap = np.zeros((ids.max() + 1, len(names)), dtype=np.int64)
    np.add.at(overlap, (ids, target), 1)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    renumbered = np.full(len(overlap), -1, dtype=np.int64)
    renumbered[rows] = names[columns]
    left_over = renumbered < 0
    renumbered[left_over] = names[-1] + 1 + np.arange(left_over.sum())
    return renumbered[ids]


def _as_weight(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return row weights as float64, checked."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise ValueError(f"sample_weight: found shape {weight.shape}, expected ({n},)")
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError("sample_weight: found values not above 0, expected positive numbers")
    return weight


def _distinct(points: NDArray[np.float64], order: Iterable[int], k: int) -> list[int]:
    """Return the first `k` row numbers in `order` whose rows differ; fewer when there are fewer."""
    found: dict[bytes, int] = {}
    for row in order:
        found.setdefault((points[row] + 0.0).tobytes(), row)
        if len(found) == k:
            break
    return [*found.values()]


def _centroids(
    points: NDArray[np.float64], labels: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted mean of each cluster."""
    members = [np.flatnonzero(labels == cluster) for cluster in range(labels.max() + 1)]
    return np.stack([np.average(points[rows], axis=0, weights=weight[rows]) for rows in members])


def _start(
    points: NDArray[np.float64], weight: NDArray[np.float64], n_clusters: int, init: str, seed: int
) -> NDArray[np.float64]:
    """Draw k rows as initial centroids, moved a little off the rows themselves."""
    rng = np.random.default_rng(seed)
    if init == "forgy":
        order = rng.choice(len(points), len(points), replace=False, p=weight / weight.sum())
        rows = points[_distinct(points, order, n_clusters)]
    else:
        rows, _ = kmeans_plusplus(points, n_clusters, sample_weight=weight, random_state=seed)
    # Colors on the integer lattice tie exactly, and every BLAS kernel breaks a tie its own way.
    return rows + rng.uniform(-1e-6, 1e-6, rows.shape) * np.ptp(points)


def _lloyd(
    points: NDArray[np.float64], weight: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[float, NDArray[np.int64]]:
    """Run Lloyd's iterations until no label changes (tol=0); return inertia and labels."""
    model = KMeans(len(start), init=start, n_init=1, max_iter=1000, tol=0.0)
    model.fit(points, sample_weight=weight)
    return model.inertia_, model.labels_.astype(np.int64)
