"""Linkage matrices in SciPy's format; the gaps between merges; cuts; the top of a tree."""

import os
import re
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits

from fmnist_clustering import checks
from fmnist_clustering.checks import Floats, Ids, Rows
from fmnist_clustering.distances import TILE_ROWS, map_tiles, squared_distances
from fmnist_clustering.kmeans import canonical_labels
from fmnist_clustering.progress import track

Rough = NDArray[np.float32]

METHODS = ("single", "complete", "average", "ward")
MEMINFO = Path("/proc/meminfo")


def condensed_distances(X: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance of every pair of rows: images by exact tiles, others by SciPy.

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
    MemoryError
        When they would take more memory than the machine has available.

    Notes
    -----
    10,000 images: about 1 s on two cores.
    """
    rows, unit = checks.rows(X, at_least=2)
    if shortage := _shortage(len(rows), 1):
        raise MemoryError(shortage)
    if unit == 1:
        return np.asarray(pdist(rows))
    n = len(rows)
    starts = [*range(0, n, TILE_ROWS)]
    condensed = np.empty(n * (n - 1) // 2)
    blocks = [rows[start : start + TILE_ROWS] for start in starts]
    for i, j, tile in map_tiles(_distances, blocks, "tiles of distances"):
        for row, values in enumerate(tile, start=starts[i]):
            # Pair (row, row + 1) stands at row (2 n - row - 1) / 2.
            first = max(starts[j], row + 1)
            at = row * (2 * n - row - 1) // 2 + first - row - 1
            kept = values[first - starts[j] :]
            condensed[at : at + len(kept)] = kept
    condensed /= unit
    return condensed


def linkage(X_or_condensed: ArrayLike, method: str, *, condensed: bool | None = None) -> NDArray[np.float64]:
    """Build the tree of merges.

    Parameters
    ----------
    X_or_condensed : (n, d) or (n (n - 1) / 2,) array-like
        Rows, or their `condensed_distances`; give the latter to build several trees.
    method : {"single", "complete", "average", "ward"}
        How far apart two clusters are: their nearest pair, their farthest pair, the mean pair, or
        (Ward 1963) by the growth of inertia when they merge.
    condensed : bool, optional
        Whether Ward's tree is built by SciPy from the distances of all pairs, or, with False, from
        the rows alone, in the memory that they take (see Notes). Default: the former where twice
        the condensed distances fit into the memory that is available.

    Returns
    -------
    (n - 1, 4) float64
        SciPy's layout, a row a merge by rising height: two cluster ids (row ids 0..n-1, then n,
        n + 1, ... in order of merging), height in units of the distances, number of images.

    Raises
    ------
    ValueError
        For an unknown method, a length that is no n (n - 1) / 2, values that are not finite or below
        0, or ``condensed=False`` with another method than Ward's or without rows.
    MemoryError
        When the condensed distances and SciPy's copy of them would take more memory than the
        machine has available; said before anything is allocated.

    Notes
    -----
    Ward's tree from rows: in rounds every cluster finds its nearest neighbor, and all pairs that
    are each other's nearest merge. That is exact, since a merge never comes nearer to a third
    cluster than the nearer of its halves was (Bruynooghe 1977; Murtagh 1983), and takes some three
    times n^2 distances between means. They are scanned in float32; among all candidates within its
    error bound the distance in float64 decides, and then the lower id. 10,000 images about 5 s,
    70,000 about 3 minutes and 1.2 GB on two cores, where SciPy would need 39 GB.
    """
    checks.choice(method, "method", METHODS)
    given = checks.array(X_or_condensed, "X_or_condensed")
    if condensed is False and (method != "ward" or given.ndim == 1):
        raise ValueError(f"condensed: found False for {method!r} and shape {given.shape}, expected 'ward' and rows")
    if given.ndim != 1:
        rows, unit = checks.rows(X_or_condensed, "X_or_condensed", 2)
        shortage = _shortage(len(rows), 2)
        if condensed is False or (condensed is None and method == "ward" and shortage):
            return _ward(rows / unit - rows.mean(axis=0) / unit)
        if shortage:
            raise MemoryError(shortage)
        given = condensed_distances(X_or_condensed)
    return np.asarray(hierarchy.linkage(_as_condensed(given, "X_or_condensed"), method))


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
    checks.count(max_clusters, "max_clusters", 3)
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
    if (n_clusters is None) == (height is None):
        raise ValueError("n_clusters, height: expected exactly one of the two")
    if height is not None and not (isinstance(height, Real) and height == height):
        raise ValueError(f"height: found {height!r}, expected a number")
    if height is None:
        checks.count(n_clusters, "n_clusters", 1, len(tree) + 1)
        labels = canonical_labels(hierarchy.fcluster(tree, n_clusters, criterion="maxclust"))
        if (fewer := labels.max() + 1) != n_clusters:
            raise ValueError(f"n_clusters: found {n_clusters}, but merges tie: a cut gives {fewer} or more than that")
        return labels
    return canonical_labels(hierarchy.fcluster(tree, height, criterion="distance"))


class Condensed(NamedTuple):
    """The top of a tree.

    Attributes
    ----------
    Z : (n_leaves - 1, 4) float64
        A linkage matrix in SciPy's layout whose leaves are branches of the whole tree.
    labels : (n,) int64
        The leaf that each row belongs to, 0..n_leaves-1, by falling size.
    """

    Z: NDArray[np.float64]
    labels: NDArray[np.int64]


def condense(Z: ArrayLike, n_leaves: int) -> Condensed:
    """Keep the last merges of a tree: a small tree that can be drawn.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    n_leaves : int
        How many branches to end with, 2 to n.

    Returns
    -------
    Condensed
        ``.Z`` and ``.labels``. No recursion: the depth of the tree does not matter.

    Raises
    ------
    ValueError
        When `Z` is no linkage matrix, or `n_leaves` is out of range.
    """
    tree = _as_linkage(Z)
    n = len(tree) + 1
    checks.count(n_leaves, "n_leaves", 2, n)
    ids, first = tree[:, :2].astype(np.int64), 2 * n - n_leaves  # nodes from `first` on are kept merges
    leaf = np.full(2 * n - 1, -1)
    tops = ids[n - n_leaves :].ravel()
    leaf[tops[tops < first]] = np.arange(n_leaves)
    for node in range(first - 1, n - 1, -1):
        leaf[ids[node - n]] = leaf[node]
    labels, number = canonical_labels(leaf[:n]), np.zeros(n_leaves, dtype=np.int64)
    number[leaf[:n]] = labels
    names = np.where(tops < first, number[leaf[tops]], tops - first + n_leaves).reshape(-1, 2)
    n_leaves_below = np.ones(2 * n_leaves - 1)
    for merge, (a, b) in enumerate(names, start=n_leaves):
        n_leaves_below[merge] = n_leaves_below[a] + n_leaves_below[b]
    heights = tree[n - n_leaves :, 2]
    return Condensed(np.column_stack([np.sort(names, axis=1), heights, n_leaves_below[n_leaves:]]), labels)


def compare_linkages(trees: Mapping[str, ArrayLike], condensed: ArrayLike, n_clusters: int = 10) -> pd.DataFrame:
    """Lay trees of the same rows side by side.

    Parameters
    ----------
    trees : mapping of str to (n - 1, 4) array-like
        A linkage matrix for each name.
    condensed : (n (n - 1) / 2,) array-like
        The distances that they were built from.
    n_clusters : int
        Where largest share and single rows are counted.

    Returns
    -------
    DataFrame
        One row a tree (the index). ``last merges``, the three highest, in units of the linkage, not
        comparable across linkages; ``cophenetic``, the correlation over all pairs of their distance
        with the height at which they meet (Sokal and Rohlf 1962), 1 is best; ``largest share`` of
        the rows in one cluster, and ``single rows``, at `n_clusters`; ``gap rule``, ``runner-up``
        and ``ratio`` of `merge_gaps`.

    Raises
    ------
    ValueError
        As `merge_gaps` and `cut_tree`.
    """
    rows = {}
    for name, Z in checks.made(trees, "trees", Mapping).items():
        gaps, sizes = merge_gaps(Z), np.bincount(cut_tree(Z, n_clusters=n_clusters))
        tree = np.asarray(Z, dtype=np.float64)
        last_merges = ", ".join(f"{height:.4g}" for height in tree[:-4:-1, 2])
        cophenetic = hierarchy.cophenet(tree, _as_condensed(condensed, "condensed", len(tree) + 1))[0]
        shape = sizes[0] / sizes.sum(), int((sizes == 1).sum())
        rows[name] = (last_merges, cophenetic, *shape, *gaps["n_clusters"][:2], gaps["ratio"][0])
    columns = ["last merges", "cophenetic", "largest share", "single rows", "gap rule", "runner-up", "ratio"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("linkage")


def _distances(rows: Rows, others: Rows | None) -> Floats:
    """Return the distances of two blocks of rows, in their own units."""
    squared = squared_distances(rows, rows if others is None else others)
    return np.sqrt(squared, out=squared)


def _available_bytes() -> int:
    """Return how much memory can be had without swapping."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", MEMINFO.read_text()) if MEMINFO.is_file() else None
    if found:
        return 1024 * int(found[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**62


def _shortage(n: int, copies: int) -> str:
    """Say what is missing for the distances of all pairs; nothing where they fit."""
    needed, available = copies * 8 * (n * (n - 1) // 2), _available_bytes()
    found = f"the distances of all pairs of {n:,} rows take {needed:,} bytes, found {available:,} available"
    return f"X: {found}; take fewer rows, or 'ward', which can do without them" if needed > available else ""


def _ward(points: Floats) -> Floats:
    """Return Ward's tree of centered points, whose memory it uses up."""
    n = len(points)
    scale = 2.0 ** np.ceil(np.log2(np.abs(points).max() or 1))  # keeps squares within float32
    points /= scale
    with threadpool_limits(1, "blas"):
        merges = np.array([*track(_ward_merges(points), n - 1, "merges of Ward's tree")])
    order = np.argsort(merges[:, 2], kind="stable")  # a merge never stands before its halves
    names = np.append(np.arange(n), n + np.argsort(order))
    pairs = names[merges[order, :2].astype(np.int64)]
    return np.column_stack([np.sort(pairs, axis=1), scale * merges[order, 2], merges[order, 3]])


def _ward_merges(means: Floats) -> Iterator[tuple[float, float, float, float]]:
    """Yield merges (two ids, height, size), a round of reciprocal nearest neighbors at a time.

    A cluster stands at the place of one of its rows; the other places are void.
    """
    n, rough, sizes = len(means), means.astype(np.float32), np.ones(len(means))
    norms = np.square(rough).sum(axis=1)
    ids, heights, growth, nearest = np.arange(n), np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int64)
    alive = stale = np.arange(n)
    made = n
    while len(alive) > 1:
        blocks = [stale[start : start + TILE_ROWS] for start in range(0, len(stale), TILE_ROWS)]
        calls = (delayed(_nearest)(means, rough, norms, sizes, block, alive) for block in blocks)
        found = Parallel(-1, prefer="threads")(calls)
        nearest[stale], growth[stale] = (np.concatenate(part) for part in zip(*found, strict=True))
        left = alive[(nearest[nearest[alive]] == alive) & (alive < nearest[alive])]
        right = nearest[left]
        heights[left] = np.maximum(np.sqrt(2 * growth[left]), np.maximum(heights[left], heights[right]))
        sizes[left] += sizes[right]
        yield from zip(ids[left], ids[right], heights[left], sizes[left], strict=True)
        # Written so that equal means stay as they are to the bit.
        means[left] += (means[right] - means[left]) * (sizes[right] / sizes[left])[:, None]
        rough[left] = means[left]
        norms[left] = np.square(rough[left]).sum(axis=1)
        ids[left], made = made + np.arange(len(left)), made + len(left)
        changed = np.zeros(n, dtype=bool)
        changed[right] = True
        alive = alive[~changed[alive]]
        changed[left] = True
        # No pair in a round: ties found in different rounds point in a circle; a fresh look ends it.
        stale = alive[changed[nearest[alive]] | changed[alive]] if len(left) else alive


def _nearest(means: Floats, rough: Rough, norms: Rough, sizes: Floats, rows: Ids, alive: Ids) -> tuple[Ids, Floats]:
    """Return for each of `rows` which merge costs least inertia, and how much."""
    slack = np.float32((means.shape[1] + 16) * 2.0**-24)  # error of the scan at most, relative to the norms
    upper, found = np.full(len(rows), np.inf, dtype=np.float32), []
    inverse, doubled = (1 / sizes).astype(np.float32), -2 * rough[rows]
    for start in range(0, len(alive), TILE_ROWS):
        others = alive[start : start + TILE_ROWS]
        weight = 1 / (inverse[rows, None] + inverse[others])
        error = norms[rows, None] + norms[others]
        cost = doubled @ rough[others].T
        cost += error
        cost *= weight
        error *= weight
        error *= slack
        cost[rows[:, None] == others] = np.inf
        upper = np.minimum(upper, (cost + error).min(axis=1))
        cost -= error
        row, other = np.nonzero(cost <= upper[:, None])
        found.append((row, others[other], cost[row, other]))
    row, other, lower = (np.concatenate(part) for part in zip(*found, strict=True))
    row, other = (part[lower <= upper[row]] for part in (row, other))
    mine = rows[row]
    growth = np.square(means[mine] - means[other]).sum(axis=1) / (1 / sizes[mine] + 1 / sizes[other])
    order = np.lexsort((other, growth, row))
    first = order[np.unique(row[order], return_index=True)[1]]
    return other[first], growth[first]


def _as_condensed(condensed: ArrayLike, name: str, n: int | None = None) -> Floats:
    """Return the distances of all pairs of n rows, checked."""
    given = checks.numbers(condensed, name)
    rows = (1 + np.sqrt(1 + 8 * given.size)) / 2
    if given.ndim != 1 or given.size == 0 or rows % 1 or rows != (n or rows):
        raise ValueError(f"{name}: found {given.size} values, expected n (n - 1) / 2 for n = {n or 2} or more")
    if not (np.isfinite(given).all() and given.min() >= 0):
        raise ValueError(f"{name}: found values that are not finite or below 0, expected distances")
    return given


def _as_linkage(Z: ArrayLike) -> NDArray[np.float64]:
    """Return a linkage matrix, checked."""
    tree = checks.numbers(Z, "Z")
    if tree.ndim != 2 or tree.shape[1] != 4 or len(tree) == 0:
        raise ValueError(f"Z: found shape {tree.shape}, expected (n - 1, 4)")
    if not np.isfinite(tree).all() or (np.diff(tree[:, 2]) < 0).any():
        raise ValueError("Z: found heights that fall or are not finite, expected a monotone linkage matrix")
    if not hierarchy.is_valid_linkage(tree):
        raise ValueError("Z: found cluster ids out of range or used twice, expected SciPy's layout")
    return tree
