"""Linkage matrices in SciPy's format; the gaps between merges; cuts."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from fmnist_clustering.distances import as_points
from fmnist_clustering.kmeans import canonical_labels

METHODS = ("single", "complete", "average", "ward")


def condensed_distances(X: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance of every pair of rows.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row, n >= 2; a uint8 array counts in units of 255.

    Returns
    -------
    (n (n - 1) / 2,) float64
        In SciPy's order: pairs (0, 1), (0, 2), ..., (1, 2), ... 400 MB for 10,000 rows.

    Raises
    ------
    ValueError
        For fewer than two rows, or rows that are not finite numbers.
    """
    return _condensed(X, "X")


def linkage(X_or_condensed: ArrayLike, method: str) -> NDArray[np.float64]:
    """Build the tree of merges.

    Parameters
    ----------
    X_or_condensed : (n, d) or (n (n - 1) / 2,) array-like
        Rows, or their `condensed_distances`; give the latter to build several trees.
    method : {"single", "complete", "average", "ward"}
        How far apart two clusters are: their nearest pair, their farthest pair, the mean pair, or
        (Ward 1963) by the growth of inertia when they merge.

    Returns
    -------
    (n - 1, 4) float64
        SciPy's layout, a row a merge by rising height: two cluster ids (row ids 0..n-1, then n,
        n + 1, ... in order of merging), height in units of the distances, number of images.

    Raises
    ------
    ValueError
        For an unknown method, a length that is no n (n - 1) / 2, or values that are not finite.
    """
    if method not in METHODS:
        known = ", ".join(map(repr, METHODS))
        raise ValueError(f"method: found {method!r}, expected one of {known}")
    condensed = np.asarray(X_or_condensed)
    if condensed.ndim != 1:
        condensed = _condensed(X_or_condensed, "X_or_condensed")
    n = (1 + np.sqrt(1 + 8 * condensed.size)) / 2
    if condensed.size == 0 or n % 1:
        raise ValueError(f"X_or_condensed: found {condensed.size} values, expected n (n - 1) / 2")
    if not np.isfinite(condensed).all():
        raise ValueError("X_or_condensed: found values that are not finite, expected distances")
    Z: NDArray[np.float64] = hierarchy.linkage(condensed, method)
    return Z


def merge_gaps(Z: ArrayLike, max_clusters: int = 20) -> pd.DataFrame:
    """Apply the longest-vertical rule: how far the cut can move without changing the clusters.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    max_clusters : int
        The largest number of clusters that is looked at, 3 or more.

    Returns
    -------
    DataFrame
        One row a number of clusters from 2, widest gap first: ``n_clusters``; ``low`` and
        ``high``, the heights between which a cut gives that many; ``gap`` = high - low; ``ratio``
        of the gap to the widest other one. The rule picks the first row; a ratio near 1 says
        that the runner-up is as good.

    Raises
    ------
    ValueError
        When `Z` is no linkage matrix of three rows or more, or `max_clusters` is below 3.
    """
    heights = _as_linkage(Z)[:, 2]
    if max_clusters < 3:
        raise ValueError(f"max_clusters: found {max_clusters}, expected 3 or more")
    n_clusters = np.arange(2, min(max_clusters, len(heights)) + 1)
    if len(n_clusters) < 2:
        raise ValueError(f"Z: found {len(heights) + 1} leaves, expected 4 or more to compare gaps")
    high, low = heights[len(heights) + 1 - n_clusters], heights[len(heights) - n_clusters]
    gap = high - low
    order = np.argsort(-gap, kind="stable")
    other = np.where(np.arange(len(gap)) == order[0], gap[order[1]], gap[order[0]])
    ratio = np.divide(gap, other, out=np.full(len(gap), np.nan), where=other > 0)
    columns = {"n_clusters": n_clusters, "low": low, "high": high, "gap": gap, "ratio": ratio}
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def cut_tree(Z: ArrayLike, *, n_clusters: int | None = None, height: float | None = None) -> NDArray[np.int64]:
    """Cut a tree into flat clusters.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    n_clusters : int, optional
        How many clusters, 1 to n.
    height : float, optional
        Where to cut instead: merges at or below it are kept. Give one of the two.

    Returns
    -------
    (n,) int64
        Canonical cluster ids.

    Raises
    ------
    ValueError
        When not exactly one of the two is given, `n_clusters` is out of range, or equal heights
        make that number impossible.
    """
    tree = _as_linkage(Z)
    n = len(tree) + 1
    if (n_clusters is None) == (height is None):
        raise ValueError("n_clusters, height: expected exactly one of the two")
    if height is None:
        if not 1 <= (n_clusters or 0) <= n:
            raise ValueError(f"n_clusters: found {n_clusters}, expected 1 to {n}")
        edges = np.concatenate([[-np.inf], tree[:, 2], [np.inf]])
        low, high = edges[n - n_clusters], edges[n - n_clusters + 1]  # type: ignore[operator]
        if low == high:
            raise ValueError(
                f"n_clusters: found {n_clusters}, but merges tie at height {low:g}: no cut gives that many"
            )
        height = float(low)
    return canonical_labels(hierarchy.fcluster(tree, height, criterion="distance"))


def _condensed(X: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return the distances of all pairs of rows; `name` is what an error message calls them."""
    points = as_points(X, name)
    if len(points) < 2:
        raise ValueError(f"{name}: found {len(points)} row, expected 2 or more")
    distances: NDArray[np.float64] = pdist(points)
    return distances


def _as_linkage(Z: ArrayLike) -> NDArray[np.float64]:
    """Return a linkage matrix, checked."""
    tree = np.asarray(Z, dtype=np.float64)
    if tree.ndim != 2 or tree.shape[1] != 4 or len(tree) == 0:
        raise ValueError(f"Z: found shape {tree.shape}, expected (n - 1, 4)")
    if not np.isfinite(tree).all() or (np.diff(tree[:, 2]) < 0).any():
        raise ValueError("Z: heights fall or are not finite, expected a monotone linkage matrix")
    if not hierarchy.is_valid_linkage(tree):
        raise ValueError("Z: cluster ids are out of range or used twice, expected SciPy's layout")
    return tree
