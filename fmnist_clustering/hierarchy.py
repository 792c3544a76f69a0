"""Trees of merges in SciPy's format: build, cut, truncate and compare them."""

import math
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy
from sklearn.utils import check_consistent_length, check_scalar

from fmnist_clustering._checks import FloatArray, IntArray, check_rows
from fmnist_clustering._parallel import single_threaded
from fmnist_clustering._ward import ward_tree
from fmnist_clustering.distances import condensed_distances
from fmnist_clustering.labels import canonical_labels

METHODS = ("single", "complete", "average", "ward")
"""The linkages; `linkage` explains them."""

MAX_CLUSTERS = 20
"""Gaps are measured for 2 to this many clusters."""

MIN_LEAVES = 4
"""The fewest that give a gap and another one to compare it with."""

LEAVES_PER_CLUSTER = 3
"""The relative rule names no k for which a cluster has fewer leaves on average."""

THRESHOLD_SCALE = {"single": 3.4, "complete": 1.3, "average": 1.55, "ward": 2.1}
THRESHOLD_POWER = 0.4
"""Of trees without clusters one in a hundred has a larger high / low than
1 + scale / (k - 1)^power."""


@single_threaded()
def linkage(X_or_condensed: ArrayLike, method: str) -> FloatArray:
    """Build the tree of merges.

    Parameters
    ----------
    X_or_condensed : (n, d) or (n (n - 1) / 2,) array-like
        Rows, each of them one point, or their `condensed_distances`; n >= 2. Pass the
        distances to build several trees of the same rows. Rows of dtype uint8 are
        images, where 255 means 1.0; all other data are taken as they are.
    method : {"single", "complete", "average", "ward"}
        What the distance of two clusters is: that of their nearest pair of rows, that
        of their farthest pair, or the mean over all pairs. For "ward" it grows with the
        increase in inertia when they merge (Ward 1963,
        doi:10.1080/01621459.1963.10500845).

    Returns
    -------
    (n - 1, 4) float64
        SciPy's layout. Each row is one merge, by rising height: the ids of the two
        clusters, the height, which is their distance, and the number of rows in the new
        cluster. Rows have the ids 0..n-1; merges have n, n + 1, ..., in their order.
        The height of Ward's merges is sqrt(2 * increase), in units of the distances.

    Raises
    ------
    ValueError
        For an unknown method, for values that are not finite, or when the argument is
        neither rows nor distances: too few rows, or a length that is not n (n - 1) / 2.
        For more than 20,000 rows with any method but "ward".

    Notes
    -----
    From rows, Ward's tree is built without the distances of all pairs (see
    `fmnist_clustering._ward`). Its memory grows with the rows, not with their pairs:
    10,000 images take 2 s on two cores, 70,000 take 70 s and 1.2 GB. All other trees
    are built by SciPy from the distances, 16 bytes for each pair of rows; 10,000 rows
    take 800 MB.

    Where several pairs of clusters are equally near, more than one tree is right, and
    which of them is returned is only a convention. From rows, "ward" merges equal rows
    first, and then breaks ties by the number of the first row of each cluster
    (`fmnist_clustering._ward` says how), so the tree depends on the order of the rows.
    SciPy, and so "ward" from distances, breaks ties in another way: the two trees may
    then differ in their heights, too, and in the clusters of a cut. Without ties both
    give the same tree, up to rounding of the heights.
    """
    if method not in METHODS:
        raise ValueError(f"method: found {method!r}, expected one of {METHODS}")
    if np.ndim(X_or_condensed) == 1:
        return np.asarray(hierarchy.linkage(X_or_condensed, method))
    if method != "ward":
        distances = condensed_distances(X_or_condensed)
        return np.asarray(hierarchy.linkage(distances, method))
    rows, unit = check_rows(X_or_condensed, "X_or_condensed", min_rows=2)
    return ward_tree(rows, unit)


def merge_gaps(Z: ArrayLike) -> pd.DataFrame:
    """Measure how far a cut can move up or down without changing the clusters.

    `select_cut` picks one of the rows, or none.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix, n >= 4.

    Returns
    -------
    DataFrame
        One row for each number of clusters from 2 to 20, or to n - 1 if that is less,
        that a cut can give; the widest gap comes first. Numbers between merges of the
        same height are left out, since no cut gives them. If all merges have the same
        height, there is no row.

        - ``n_clusters``;
        - ``low`` and ``high``: the heights between which a cut gives that many
          clusters, in units of the tree;
        - ``gap``: high - low, above 0, the length of the vertical lines there;
        - ``relative gap``: high / low, above 1; infinite where low is 0, since the
          clusters hold equal rows;
        - ``ratio``: the gap divided by the widest other gap; NaN if there is only one
          row. In the first row it says only how far that gap is ahead of the next one.
          It is no evidence of clusters: it is 1.5 or more in half of the trees of
          clouds without any.

    Raises
    ------
    ValueError
        When `Z` is no linkage matrix, or has fewer than four leaves.
    """
    heights = _check_linkage(Z)[:, 2]
    n_leaves = len(heights) + 1
    if n_leaves < MIN_LEAVES:
        raise ValueError(f"Z: found {n_leaves} leaves, expected {MIN_LEAVES} or more")

    # Merge i (counted from 0) leaves n - 1 - i clusters. So there are k clusters from
    # the height of merge n - 1 - k up to that of the next merge.
    n_clusters = np.arange(2, min(MAX_CLUSTERS, n_leaves - 1) + 1)
    low = heights[n_leaves - 1 - n_clusters]
    high = heights[n_leaves - n_clusters]
    gaps = pd.DataFrame(
        {"n_clusters": n_clusters, "low": low, "high": high, "gap": high - low},
    )
    gaps = gaps[gaps["gap"] > 0]
    gaps = gaps.sort_values("gap", ascending=False, kind="stable", ignore_index=True)

    # The widest other gap is in row 0; for row 0 itself it is in row 1.
    widest_other_row = np.where(gaps.index == 0, 1, 0)
    widest_other_gap = gaps["gap"].reindex(widest_other_row).to_numpy()
    ratio = gaps["gap"] / widest_other_gap
    relative_gap = gaps["high"] / gaps["low"]
    return gaps.assign(**{"relative gap": relative_gap, "ratio": ratio})


class Cut(NamedTuple):
    """Where to cut a tree.

    Attributes
    ----------
    n_clusters : int or None
        How many clusters the cut gives; None when the rule names none.
    height : float
        Where to cut, in units of the tree; NaN when the rule names none.
    strength : float
        How clear the answer is, see `select_cut`. "relative" names no k if it is below
        1.
    """

    n_clusters: int | None
    height: float
    strength: float


def select_cut(
    Z: ArrayLike,
    *,
    rule: str = "longest",
    method: str = "ward",
) -> Cut:
    """Choose where to cut a tree, or decline to.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix, n >= 4.
    rule : {"longest", "relative"}
        "longest" cuts the longest vertical line of the dendrogram, where the gap is
        widest. It names a number of clusters for any tree whose merges do not
        all have the same height, even for rows without clusters.

        "relative" looks for the largest high / low, and names its k only if that is
        above 1 + c / (k - 1)^0.4, which trees of rows without clusters rarely reach.
        The scale c depends on `method`. That some rows are equal is no evidence, so a k
        with low = 0 is not named, nor one above n / 3.
    method : {"single", "complete", "average", "ward"}
        The linkage that built the tree. Only "relative" needs it.

    Returns
    -------
    Cut
        ``.n_clusters``, ``.height`` and ``.strength``. For "longest" the strength is
        the gap divided by the widest other gap, 1 or more, infinite if there is only
        one gap, and 0 if there is none; it is no evidence (see `merge_gaps`). For
        "relative" it is the largest high / low divided by what chance reaches at that
        k, so 1 or more if a k is named.

    Raises
    ------
    ValueError
        For an unknown rule or method, and as `merge_gaps`.

    Notes
    -----
    The scales c of "relative" come from 17,430 trees of rows without clusters: six
    kinds of cloud (uniform in a cube and in a ball, Gaussian, long Gaussian,
    exponential, Student's t) in 1 to 50 dimensions, 50 to 2,000 rows. By chance one
    tree in a hundred is cut: 6 or 7 % of those in one dimension, where cutting an
    interval in half already gives Ward's tree high / low = 2.8, and 0.2 to 0.4 % of all
    others. ``python -m tests.validation.thresholds`` computes them again. ``make
    validate`` tries the rule on other clouds, and on data with clusters;
    ``artifacts/README.md`` has the table.

    In a cloud of d dimensions Ward's heights fall about as k^-(1/2 + 1/d). So chance
    makes large steps only at small k, and larger ones in fewer dimensions.
    """
    gaps = merge_gaps(Z)
    if rule == "longest":
        return _cut_longest(gaps)
    if rule != "relative":
        raise ValueError(f"rule: found {rule!r}, expected 'longest' or 'relative'")
    if method not in METHODS:
        raise ValueError(f"method: found {method!r}, expected one of {METHODS}")
    largest_k = (len(np.asarray(Z)) + 1) // LEAVES_PER_CLUSTER
    is_candidate = (gaps["n_clusters"] <= largest_k) & (gaps["low"] > 0)
    return _cut_relative(gaps[is_candidate], method)


def _cut_longest(gaps: pd.DataFrame) -> Cut:
    """Cut where the gap is widest, in its middle."""
    if len(gaps) == 0:  # all merges have the same height
        return Cut(None, math.nan, 0.0)
    widest = gaps.iloc[0]
    middle = widest["low"] + widest["gap"] / 2
    strength = widest["ratio"] if len(gaps) > 1 else math.inf
    return _cut_between(widest, middle, strength)


def _cut_relative(gaps: pd.DataFrame, method: str) -> Cut:
    """Cut at the largest ratio of heights, if chance does not reach it."""
    if len(gaps) == 0:
        return Cut(None, math.nan, 0.0)
    largest = gaps.loc[gaps["relative gap"].idxmax()]
    k = largest["n_clusters"]
    by_chance = 1 + THRESHOLD_SCALE[method] / (k - 1) ** THRESHOLD_POWER
    strength = float(largest["relative gap"] / by_chance)
    if strength < 1:
        return Cut(None, math.nan, strength)
    # On a logarithmic axis this is the middle.
    middle = math.sqrt(largest["low"] * largest["high"])
    return _cut_between(largest, middle, strength)


def _cut_between(row: pd.Series, middle: float, strength: float) -> Cut:
    """Return a cut at a height that gives the clusters of this row of `merge_gaps`."""
    # Between two neighboring floats there is no third: the middle may round up.
    height = middle if row["low"] <= middle < row["high"] else row["low"]
    return Cut(int(row["n_clusters"]), float(height), float(strength))


def flat_clusters(Z: ArrayLike, n_clusters: int) -> IntArray:
    """Cut a tree into flat clusters.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    n_clusters : int
        The number of clusters, 1 to n.

    Returns
    -------
    (n,) int64
        The cluster of each row. Clusters are numbered from 0 by falling size.

    Raises
    ------
    ValueError
        When `Z` is no linkage matrix, `n_clusters` is out of range, or no cut gives so
        many clusters because several merges have the same height.
    """
    tree = _check_linkage(Z)
    check_scalar(n_clusters, "n_clusters", Integral, min_val=1, max_val=len(tree) + 1)
    clusters = hierarchy.fcluster(tree, n_clusters, criterion="maxclust")
    n_found = clusters.max()
    if n_found != n_clusters:
        raise ValueError(
            f"n_clusters: found {n_clusters}, expected {n_found} or a larger number "
            "that a cut can give: several merges have the same height"
        )
    return canonical_labels(clusters)


class TruncatedTree(NamedTuple):
    """The top of a tree.

    Attributes
    ----------
    Z : (n_leaves - 1, 4) float64
        A linkage matrix in SciPy's layout. Its leaves are branches of the whole tree.
    labels : (n,) int64
        The leaf that each row of the data belongs to, 0..n_leaves-1. Leaves are
        numbered by falling number of rows.
    """

    Z: FloatArray
    labels: IntArray


def truncate_tree(Z: ArrayLike, n_leaves: int) -> TruncatedTree:
    """Keep the last merges of a tree, which make a small tree that can be drawn.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    n_leaves : int
        The number of leaves of the small tree, 2 to n.

    Returns
    -------
    TruncatedTree
        ``.Z`` is the small tree; its sizes count its own leaves, not rows. ``.labels``
        says which leaf each row belongs to. Unless merges tie in height, the leaves are
        the flat clusters at `n_leaves`.

    Raises
    ------
    ValueError
        When `Z` is no linkage matrix, or `n_leaves` is out of range.
    """
    # An example: five rows, merged as [0, 1], [3, 4], [2, 5], [6, 7]; n_leaves = 3.
    #
    #           8          The last two merges are kept: nodes 7 and 8. They join the
    #         /   \        nodes 2, 5, 6 and 7. All of these that are not kept merges
    #        7     \       become leaves: 2, 5 and 6, which hold the rows {2}, {0, 1}
    #       / \     \      and {3, 4}.
    #      5   \     6
    #     / \   \   / \    New ids: leaves by falling size, 5 -> 0, 6 -> 1, 2 -> 2;
    #    0   1   2 3   4   then merges, 7 -> 3, 8 -> 4. The small tree: [0, 2], [1, 3].
    tree = _check_linkage(Z)
    n = len(tree) + 1
    check_scalar(n_leaves, "n_leaves", Integral, min_val=2, max_val=n)
    first_kept_id = 2 * n - n_leaves
    kept_merges = tree[n - n_leaves :]
    joined = kept_merges[:, :2].astype(np.int64)
    leaves = joined[joined < first_kept_id]

    leaf_of_row = _spread_down(tree, leaves)
    labels = canonical_labels(leaf_of_row)
    new_id = np.full(2 * n - 1, -1)
    new_id[leaves[leaf_of_row]] = labels
    new_id[first_kept_id:] = np.arange(n_leaves, 2 * n_leaves - 1)

    pairs = np.sort(new_id[joined], axis=1)
    heights = kept_merges[:, 2]
    sizes = _count_leaves(pairs)
    return TruncatedTree(np.column_stack([pairs, heights, sizes]), labels)


def match_branches(tree: TruncatedTree, other: TruncatedTree) -> pd.DataFrame:
    """Look for each branch of a tree in another tree of the same rows.

    Parameters
    ----------
    tree, other : TruncatedTree
        The tops of two trees, as `truncate_tree` returns them. Where the trees have
        only some rows in common, pass for each of them the labels of these rows, in the
        same order: ``top._replace(labels=top.labels[rows])``.

    Returns
    -------
    DataFrame
        One row for each branch of `tree` but the whole: first its leaves by their ids,
        then its merges by rising height, so that the index ``branch`` counts as SciPy
        does. The columns:

        - ``rows``: how many rows the branch holds, 0 or more;
        - ``match``: the branch of `other` that is most like it, leaf or merge;
        - ``Jaccard``: the number of rows in both branches divided by the number in
          either of them, 0 to 1. 1 means that the branch is in both trees. Above 0.75 a
          cluster may be called stable, and at 0.5 or less dissolved (Hennig 2007,
          doi:10.1016/j.csda.2006.11.025).

    Raises
    ------
    ValueError
        When the two have different numbers of rows.
    """
    check_consistent_length(tree.labels, other.labels)
    below = _leaves_below(tree.Z)
    below_other = _leaves_below(other.Z)

    # Rows by leaf of the one and leaf of the other tree; then added up to branches.
    shape = (below.shape[1], below_other.shape[1])
    leaf_counts = np.zeros(shape, dtype=np.int64)
    np.add.at(leaf_counts, (tree.labels, other.labels), 1)
    in_both = below @ leaf_counts @ below_other.T
    sizes = below @ leaf_counts.sum(axis=1)
    sizes_other = below_other @ leaf_counts.sum(axis=0)
    in_either = sizes[:, None] + sizes_other - in_both
    jaccard = in_both / np.maximum(in_either, 1)
    matched = pd.DataFrame(
        {
            "rows": sizes,
            "match": jaccard.argmax(axis=1),
            "Jaccard": jaccard.max(axis=1),
        }
    )
    return matched[:-1].rename_axis("branch")


def _spread_down(tree: FloatArray, nodes: IntArray) -> IntArray:
    """Return for each row the position in `nodes` of the node that it lies below.

    Each row lies below exactly one of the nodes.
    """
    n = len(tree) + 1
    children = tree[:, :2].astype(np.int64)
    position = np.full(2 * n - 1, -1)
    position[nodes] = np.arange(len(nodes))
    # A node has a higher id than its children, so it is reached before them.
    for node in range(nodes.max(), n - 1, -1):
        position[children[node - n]] = position[node]
    return position[:n]


def _count_leaves(pairs: IntArray) -> IntArray:
    """Return the number of leaves below each merge of a tree."""
    n_leaves = len(pairs) + 1
    counts = np.ones(2 * n_leaves - 1, dtype=np.int64)
    for merge, pair in enumerate(pairs, start=n_leaves):
        counts[merge] = counts[pair].sum()
    return counts[n_leaves:]


def _leaves_below(Z: FloatArray) -> IntArray:
    """Return for each leaf and each merge which leaves lie below it, as 0 and 1."""
    n_leaves = len(Z) + 1
    below = np.zeros((2 * n_leaves - 1, n_leaves), dtype=np.int64)
    below[:n_leaves] = np.eye(n_leaves, dtype=np.int64)
    for merge, pair in enumerate(Z[:, :2].astype(np.int64), start=n_leaves):
        below[merge] = below[pair].sum(axis=0)
    return below


def _check_linkage(Z: ArrayLike) -> FloatArray:
    """Return a linkage matrix as float64 if SciPy could have built it."""
    tree = np.asarray(Z, dtype=np.float64)
    hierarchy.is_valid_linkage(tree, throw=True, name="Z")
    if not np.isfinite(tree).all() or (np.diff(tree[:, 2]) < 0).any():
        raise ValueError("Z: found heights that fall or are not finite")
    return tree
