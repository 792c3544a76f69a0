"""Ward's tree from rows, exact, without the distances of all pairs.

Ward's method (Ward 1963, doi:10.1080/01621459.1963.10500845) begins with every row as a
cluster of its own. Then it merges, n - 1 times, the two clusters A and B whose merge
increases the inertia least:

    increase(A, B) = |A| |B| / (|A| + |B|) * ||m_A - m_B||^2                         (1)

|A| is the number of rows in A, and m_A is their mean. The height of the merge in the
tree is sqrt(2 * increase), so two single rows merge at their distance. "Nearest" means
in this module: with the smallest increase, or the lowest height. The formula needs only
sizes and means, so no table of n (n - 1) / 2 distances has to be kept.

Looking at all pairs before each merge would take too long. A property of the formula,
called reducibility, saves most of that work. If A and B are each other's nearest
neighbor, their merge is no nearer to any third cluster C than one of the two was:

    increase(A + B, C) >= min(increase(A, C), increase(B, C))

Two things follow from it (Bruynooghe 1977; Murtagh 1983, doi:10.1093/comjnl/26.4.354):

* All pairs of clusters that are each other's nearest neighbor, called reciprocal, can
  merge at once. No merge brings anything nearer to the other pairs.
* A cluster keeps its nearest neighbor until one of the two takes part in a merge. Until
  then it need not search again.

So the tree is built in rounds (`_merge_in_rounds`):

1. Each cluster that does not know its nearest neighbor searches for it.
2. All reciprocal pairs merge.
3. The merged clusters, and all clusters whose neighbor was merged, are called stale:
   they have to search again.

An example with five rows on a line, at 0, 1, 5, 7 and 20:

    round 1   0 and 1 are reciprocal, and so are 5 and 7. The neighbor of 20 is 7.
              {0, 1} merges with increase 1/2 * 1^2 = 0.5,
              {5, 7} merges with increase 1/2 * 2^2 = 2.
              All three clusters are stale: two of them are new, and the third, 20,
              has lost its neighbor.
    round 2   {0, 1} with mean 0.5 and {5, 7} with mean 6 are reciprocal.
              They merge with increase 2 * 2 / 4 * 5.5^2 = 30.25.
    round 3   The last two merge with increase 4 * 1 / 5 * 16.75^2 = 224.45.

At the end the merges of all rounds are sorted by height (`_to_linkage`).

Almost all of the time goes into the search for neighbors. `_find_candidates` bounds the
increase for all pairs in float32, which is one fast matrix product, and keeps each
neighbor that can be the nearest within these bounds. `_choose_nearest` then computes
the heights in float64 for these few, and decides.

Two kinds of data need care:

* Equal distances. If every row took the first of several equally near neighbors, 500
  equal rows would all choose row 0, only one pair would merge, and so in each of the
  499 rounds. So equal rows merge before the first round, in pairs, pairs of pairs, and
  so on. Of other equally near neighbors that one is taken for which own slot XOR other
  slot is smallest. This number is the same seen from both sides. So 0 and 1 choose each
  other, 2 and 3 do, and many pairs merge in one round.
* Rows far from the origin, or far from each other. A mean that is held as it is would
  lose the digits in which its neighbors differ. So each mean is held as the difference
  from the first row of its cluster, and rows are subtracted before anything is added.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from joblib import delayed
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from fmnist_clustering._threads import run_parallel, single_threaded_blas
from fmnist_clustering._validation import Float32Array, FloatArray, IntArray, RowArray
from fmnist_clustering.distances import (
    FLOAT32_ROUNDING,
    MAX_DIFFERENCES,
    SMALLEST_SAFE,
    TILE_ROWS,
    enlarge,
    find_middle,
    norms,
    power_of_two_near,
)
from fmnist_clustering.progress import track

MANY_CANDIDATES = 16
"""If a tile leaves more candidates than that for each slot, it is decided at once."""


@dataclass
class _Clusters:
    """The clusters at one moment.

    All arrays but the last have n entries, which are called slots. At first, slot i
    holds row i. A merged cluster stays in the lower slot of its two halves, so each
    cluster is found in the slot of its first row. The other slot is not used any more.

    Attributes
    ----------
    rows : (n, d) uint8 or float64
        The data, which are only read.
    offsets : (n, d) float64
        m_A in (1) is ``rows + offsets``: how far it is from the cluster's first row.
    center : (d,) float64
        The middle of the data, from which the bounds measure.
    scale : float
        A power of two that brings all of it to at most 2.
    means_32 : (n, d) float32
        ``(m_A - center) / scale``, rounded.
    squared_norms_32 : (n,) float32
        The squared norms of these, computed in float64 and then rounded.
    sizes : (n,) float64
        |A| in (1).
    heights : (n,) float64
        The height of the cluster's last merge; 0 for single rows.
    ids : (n,) int64
        The number of the cluster: 0..n-1 for rows, then n, n + 1, ... for merges.
    nearest : (n,) int64
        The slot of its nearest neighbor; out of date where the cluster is stale.
    nearest_heights : (n,) float64
        The height of the merge with that neighbor.
    active : (m,) int64
        The slots in use, in rising order.
    """

    rows: RowArray
    offsets: FloatArray
    center: FloatArray
    scale: float
    means_32: Float32Array
    squared_norms_32: Float32Array
    sizes: FloatArray
    heights: FloatArray
    ids: IntArray
    nearest: IntArray
    nearest_heights: FloatArray
    active: IntArray


class _Float32Block(NamedTuple):
    """What the bounds need of some clusters, in float32.

    Attributes
    ----------
    means, squared_norms : (m, d) and (m,) float32
        As in `_Clusters`.
    errors : (m,) float32
        The part of the rounding error that comes from each cluster.
    inverse_sizes : (m,) float32
        1 / |A|.
    """

    means: Float32Array
    squared_norms: Float32Array
    errors: Float32Array
    inverse_sizes: Float32Array


def ward_tree(rows: RowArray, unit: float) -> FloatArray:
    """Build Ward's tree from rows.

    Parameters
    ----------
    rows : (n, d) uint8 or float64
        Each row is one point, n >= 2, all values finite, and so small that heights
        fit into float64.
    unit : float
        What counts as 1.0 in `rows`. `fmnist_clustering._validation.check_rows`
        returns both.

    Returns
    -------
    (n - 1, 4) float64
        SciPy's layout. Each row is one merge, by rising height: the ids of the two
        clusters, the height, and the number of rows. The height is
        sqrt(2 * increase(A, B)), so two single rows merge at their distance.

    Notes
    -----
    The tree does not depend on the size of the tiles, on the number of threads or on
    the BLAS. Heights are as precise as float64 allows, at any offset and scale.

    Memory: 12 bytes for each value of `rows`, and some more during the first rounds.
    Time: bounds are computed for about 3 n^2 pairs. On two cores 10,000 images take
    5 s, and 70,000 take 3 minutes and 1.2 GB. The threads share the means, so the work
    stays in this process, whatever backend joblib is told to use.
    """
    rows, scale = enlarge(rows)
    n_merges = len(rows) - 1
    # Each core works on a block of its own, so BLAS needs no more threads.
    with single_threaded_blas():
        merges = track(_merge_in_rounds(rows), n_merges, "merges of Ward's tree")
        tree = _to_linkage(np.array(list(merges)))
    tree[:, 2] *= scale
    tree[:, 2] /= unit
    return tree


def _to_linkage(merges: FloatArray) -> FloatArray:
    """Return the merges in SciPy's layout: by rising height, and numbered in order."""
    n = len(merges) + 1
    # Merges of equal height stay in order, so a cluster is built before it is merged.
    by_height = np.argsort(merges[:, 2], kind="stable")
    new_id = np.arange(2 * n - 1)  # rows keep their ids
    new_id[n + by_height] = n + np.arange(n - 1)

    tree = merges[by_height]
    old_pairs = tree[:, :2].astype(np.int64)
    tree[:, :2] = np.sort(new_id[old_pairs], axis=1)
    return tree


def _merge_in_rounds(rows: RowArray) -> Iterator[FloatArray]:
    """Yield all merges, each as its two ids, its height and its size.

    They come round by round, so their heights do not rise yet. Heights are in units of
    the rows.
    """
    clusters = _single_rows(rows)
    yield from _merge_equal_rows(clusters)
    stale = clusters.active  # no cluster knows its nearest neighbor yet
    while len(clusters.active) > 1:
        _update_nearest(clusters, stale)
        left, right = _reciprocal_pairs(clusters)
        yield from _merge(clusters, left, right)
        stale = _find_stale(clusters, left, right)


def _single_rows(rows: RowArray) -> _Clusters:
    """Return the clusters at the beginning, one for each row."""
    n, d = rows.shape
    center = find_middle(rows)  # rounding errors grow with the distance from it
    above = rows.max(axis=0) - center
    below = center - rows.min(axis=0)
    clusters = _Clusters(
        rows=rows,
        offsets=np.zeros((n, d)),
        center=center,
        scale=power_of_two_near(max(above.max(), below.max())),
        means_32=np.empty((n, d), dtype=np.float32),
        squared_norms_32=np.empty(n, dtype=np.float32),
        sizes=np.ones(n),
        heights=np.zeros(n),
        ids=np.arange(n),
        nearest=np.zeros(n, dtype=np.int64),
        nearest_heights=np.zeros(n),
        active=np.arange(n),
    )
    _round_means(clusters, clusters.active)
    return clusters


def _round_means(clusters: _Clusters, slots: IntArray) -> None:
    """Renew what is kept in float32 of the means in some slots."""
    for start in range(0, len(slots), TILE_ROWS):
        block = slots[start : start + TILE_ROWS]
        means = clusters.rows[block] - clusters.center
        means += clusters.offsets[block]
        means /= clusters.scale
        clusters.means_32[block] = means
        clusters.squared_norms_32[block] = np.einsum("ij,ij->i", means, means)


def _merge_equal_rows(clusters: _Clusters) -> Iterator[FloatArray]:
    """Merge equal rows at height 0, and yield these merges."""
    kinds = _number_kinds(clusters.rows)
    while True:
        # Side by side: clusters of one kind, by rising slot.
        active = clusters.active
        in_order = active[np.argsort(kinds[active], kind="stable")]
        kind = kinds[in_order]
        # The position of each cluster among those of its kind.
        starts = np.flatnonzero(np.diff(kind, prepend=-1))
        lengths = np.diff(starts, append=len(kind))
        position = np.arange(len(kind)) - np.repeat(starts, lengths)
        # The first merges with the second of its kind, the third with the fourth, ...
        has_partner = np.append(kind[1:] == kind[:-1], False)
        i = np.flatnonzero(has_partner & (position % 2 == 0))
        if len(i) == 0:
            return
        by_slot = np.argsort(in_order[i])
        yield from _merge(clusters, in_order[i][by_slot], in_order[i + 1][by_slot])


def _number_kinds(rows: RowArray) -> IntArray:
    """Return a number for each row, the same for equal rows."""
    contents = np.ascontiguousarray(rows)
    if rows.dtype != np.uint8:
        contents = np.add(contents, 0.0)  # turns -0.0 into 0.0
    bytes_per_row = contents.itemsize * contents.shape[1]
    whole_rows = contents.view(np.dtype((np.void, bytes_per_row)))[:, 0]
    _, kinds = np.unique(whole_rows, return_inverse=True)
    return kinds


def _update_nearest(clusters: _Clusters, stale: IntArray) -> None:
    """Find and store the nearest neighbor of each stale slot, on all cores.

    Stale slots are in rising order, as `_choose_nearest` returns its results.
    """
    starts = range(0, len(stale), TILE_ROWS)
    blocks = [stale[start : start + TILE_ROWS] for start in starts]
    calls = (delayed(_find_nearest)(clusters, block) for block in blocks)
    # In threads: other processes would get a copy of all means in every round.
    results = run_parallel(calls, len(blocks), shared_memory=True)
    for block, (nearest, heights) in zip(blocks, results, strict=True):
        clusters.nearest[block] = nearest
        clusters.nearest_heights[block] = heights


def _find_nearest(
    clusters: _Clusters,
    block: IntArray,
) -> tuple[IntArray, FloatArray]:
    """Return the nearest neighbor of each slot in a block, and how high they merge."""
    own, other = _find_candidates(clusters, block)
    return _choose_nearest(clusters, own, other)


def _find_candidates(
    clusters: _Clusters,
    block: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return pairs (own, other) that hold the nearest neighbor of each slot in a block.

    The increase with the nearest neighbor is at most the lowest of all upper bounds. So
    a neighbor whose lower bound is above that is not the nearest.
    """
    block_32 = _to_float32(clusters, block)
    lowest_upper = np.full(len(block), np.inf, dtype=np.float32)
    survivors = []  # of each tile: the pairs that may hold the nearest neighbor
    for start in range(0, len(clusters.active), TILE_ROWS):
        others = clusters.active[start : start + TILE_ROWS]
        lower, upper = _bound_increase(block_32, _to_float32(clusters, others))
        self_pairs = _self_pairs(block, others)
        lower[self_pairs] = np.inf
        upper[self_pairs] = np.inf

        np.minimum(lowest_upper, upper.min(axis=1), out=lowest_upper)
        i, j = np.nonzero(lower <= lowest_upper[:, None])
        if len(i) > MANY_CANDIDATES * len(block):
            # The bounds do not tell these neighbors apart: decide now, or their number
            # could grow beyond all memory.
            is_near = _bound_precisely(clusters, block, others, i, j)
            i = i[is_near]
            j = j[is_near]
            is_nearest = _is_nearest(clusters, block[i], others[j])
            i = i[is_nearest]
            j = j[is_nearest]
        survivors.append((i, others[j], lower[i, j]))

    i, other, lower = (np.concatenate(parts) for parts in zip(*survivors, strict=True))
    # The lowest upper bounds have fallen since the first tiles: compare once more.
    is_candidate = lower <= lowest_upper[i]
    own = block[i]
    return own[is_candidate], other[is_candidate]


def _to_float32(clusters: _Clusters, slots: IntArray) -> _Float32Block:
    """Return what the bounds need of the clusters in some slots."""
    means = clusters.means_32[slots]
    squared_norms = clusters.squared_norms_32[slots]
    n_columns = means.shape[1]
    relative_error = np.float32((n_columns + 16) * FLOAT32_ROUNDING)
    underflow = np.float32(n_columns * np.finfo(np.float32).tiny)
    return _Float32Block(
        means,
        squared_norms,
        errors=squared_norms * relative_error + underflow,
        inverse_sizes=(1 / clusters.sizes[slots]).astype(np.float32),
    )


def _self_pairs(block: IntArray, others: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows and columns of a tile at which a cluster meets itself."""
    _, i, j = np.intersect1d(block, others, assume_unique=True, return_indices=True)
    return i, j


def _bound_increase(
    a: _Float32Block,
    b: _Float32Block,
) -> tuple[Float32Array, Float32Array]:
    """Return a lower and an upper bound of (1) for each pair of clusters.

    Parameters
    ----------
    a, b : _Float32Block
        Some clusters A, and some clusters B.

    Returns
    -------
    lower, upper : (len(a), len(b)) float32
        increase(A, B) / scale^2 lies between them.

    Notes
    -----
    The increase is weight * S, where x = m_A, y = m_B and

        weight = |A| |B| / (|A| + |B|) = 1 / (1/|A| + 1/|B|)
        S = ||x - y||^2 = N - 2 x.y, with N = ||x||^2 + ||y||^2

    It is estimated in float32. Let u = 2^-24 be the largest relative error of one
    rounding. Since 2 ||x|| ||y|| is at most N, S is at most 2 N. So the roundings
    change S, to first order in u, by at most this many times u N:

        d     2 x.y, a sum of d products: each of them passes through d roundings
        2     x and y in it, which were rounded before
        1     ||x||^2 and ||y||^2
        1     their sum N
        2     S = N - 2 x.y, one rounding of at most 2 N
        6     weight: 3 roundings (inverse sizes, their sum, its inverse), times S
        2     weight * S
        2     the bounds themselves: estimate - error, estimate + error

    Together the error is at most (d + 16) u * weight * N. Besides, each of the d
    products may be so small that it becomes 0.
    """
    weight = 1 / (a.inverse_sizes[:, None] + b.inverse_sizes)
    # In place, since new arrays of this size would cost as much as the arithmetic.
    total = a.squared_norms[:, None] + b.squared_norms  # N in the notes
    estimate = a.means @ b.means.T
    estimate *= -2
    estimate += total
    estimate *= weight

    error = np.add(a.errors[:, None], b.errors, out=total)
    error *= weight
    upper = estimate + error
    lower = np.subtract(estimate, error, out=estimate)
    return lower, upper


def _bound_precisely(
    clusters: _Clusters, block: IntArray, others: IntArray, i: IntArray, j: IntArray
) -> NDArray[np.bool_]:
    """Return which candidates (i, j) can be the nearest by distances in float64.

    Subtraction of rounded means is precise where the means are not much nearer to each
    other than to the center. It is 20 times faster than `_merge_heights`.
    """
    means, errors = _scaled_means(clusters, block)
    other_means, other_errors = _scaled_means(clusters, others)
    distances = cdist(means, other_means)
    weight = 1 / (1 / clusters.sizes[block, None] + 1 / clusters.sizes[others])
    error = errors[:, None] + other_errors
    upper = np.square(distances + error) * weight
    upper[_self_pairs(block, others)] = np.inf
    lower = np.square(np.maximum(distances - error, 0)) * weight
    return np.asarray(lower[i, j] <= upper.min(axis=1)[i])


def _scaled_means(
    clusters: _Clusters, slots: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return means, shifted and scaled, and how far they may be off by rounding."""
    steps = (clusters.rows[slots] - clusters.center) / clusters.scale
    offsets = clusters.offsets[slots] / clusters.scale
    # Each value passes through a few roundings, and so does a distance of two of them.
    largest_error = 16 * np.finfo(np.float64).eps
    errors = largest_error * (norms(steps) + norms(offsets)) + SMALLEST_SAFE
    return steps + offsets, errors


def _choose_nearest(
    clusters: _Clusters,
    own: IntArray,
    other: IntArray,
) -> tuple[IntArray, FloatArray]:
    """Return for each slot in `own`, by rising slot, its nearest candidate in `other`.

    Of several that are equally near, that one is taken for which own XOR other is
    smallest. The second result is the height of the merge.
    """
    heights = _merge_heights(clusters, own, other)
    # Sort by own slot, then by height, then by XOR. Take the first of each own slot.
    order = np.lexsort((own ^ other, heights, own))
    _, first = np.unique(own[order], return_index=True)
    chosen = order[first]
    return other[chosen], heights[chosen]


def _is_nearest(
    clusters: _Clusters, own: IntArray, other: IntArray
) -> NDArray[np.bool_]:
    """Return which of the candidates in `other` `_choose_nearest` would choose."""
    nearest, _ = _choose_nearest(clusters, own, other)
    _, number = np.unique(own, return_inverse=True)
    return np.asarray(other == nearest[number])


def _merge_heights(clusters: _Clusters, own: IntArray, other: IntArray) -> FloatArray:
    """Return the height at which each pair of clusters would merge."""
    heights = np.empty(len(own))
    n_pairs = 1 + MAX_DIFFERENCES // clusters.rows.shape[1]
    for start in range(0, len(own), n_pairs):
        pairs = slice(start, start + n_pairs)
        steps = _steps_between_means(clusters, own[pairs], other[pairs])
        heights[pairs] = norms(steps)
    weight = 1 / (1 / clusters.sizes[own] + 1 / clusters.sizes[other])
    return heights * np.sqrt(2 * weight)


def _steps_between_means(
    clusters: _Clusters, start: IntArray, end: IntArray
) -> FloatArray:
    """Return m_B - m_A for pairs of slots, A in `start` and B in `end`."""
    steps = np.subtract(clusters.rows[end], clusters.rows[start], dtype=np.float64)
    # This order gives m_A - m_B exactly -(m_B - m_A): both find the same distance.
    steps += clusters.offsets[end] - clusters.offsets[start]
    return steps


def _reciprocal_pairs(clusters: _Clusters) -> tuple[IntArray, IntArray]:
    """Return the pairs of slots that are each other's nearest, the lower one first."""
    active = clusters.active
    nearest = clusters.nearest[active]
    is_reciprocal = clusters.nearest[nearest] == active
    is_left = is_reciprocal & (active < nearest)
    return active[is_left], nearest[is_left]


def _merge(clusters: _Clusters, left: IntArray, right: IntArray) -> FloatArray:
    """Merge pairs of clusters; return two ids, height and size of each merge.

    The merged clusters stay in the slots `left`; the slots `right` go out of use.
    """
    old_ids = np.column_stack([clusters.ids[left], clusters.ids[right]])
    sizes = clusters.sizes[left] + clusters.sizes[right]

    # A merge is never lower than those of its halves, but rounding could make it so.
    heights = clusters.nearest_heights[left]
    heights = np.maximum(heights, clusters.heights[left])
    heights = np.maximum(heights, clusters.heights[right])

    # The new mean is (|A| m_A + |B| m_B) / (|A| + |B|). Written as a step from m_A
    # towards m_B, it keeps every bit where the two are equal.
    share = clusters.sizes[right] / sizes
    for start in range(0, len(left), TILE_ROWS):
        pairs = slice(start, start + TILE_ROWS)
        steps = _steps_between_means(clusters, left[pairs], right[pairs])
        clusters.offsets[left[pairs]] += steps * share[pairs, None]
    _round_means(clusters, left)
    clusters.sizes[left] = sizes
    clusters.heights[left] = heights
    # Each merge so far has taken one slot out of use.
    n_rows = len(clusters.rows)
    n_merges_before = n_rows - len(clusters.active)
    clusters.ids[left] = n_rows + n_merges_before + np.arange(len(left))
    # The slots stay in rising order.
    clusters.active = np.setdiff1d(clusters.active, right, assume_unique=True)
    return np.column_stack([old_ids, heights, sizes])


def _find_stale(clusters: _Clusters, left: IntArray, right: IntArray) -> IntArray:
    """Return the active slots that have to search for their nearest neighbor again."""
    active = clusters.active
    if len(left) == 0:
        # Where several neighbors are equally near, rounding can make a merged cluster
        # seem nearer than its halves were. Then neighbors that were found in different
        # rounds may form a cycle, and no two choose each other. When all search
        # again in the same round, two do: of all pairs with the lowest height, the one
        # with the smallest XOR.
        return active
    took_part = np.zeros(len(clusters.rows), dtype=bool)
    took_part[left] = True
    took_part[right] = True
    is_stale = took_part[active] | took_part[clusters.nearest[active]]
    return active[is_stale]
