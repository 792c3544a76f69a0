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

Almost all of the time goes into the search for neighbors. It is done in two steps.
Increases are estimated in float32, which takes one fast matrix product for all pairs,
with bounds for the rounding errors. `_choose_nearest` then computes the heights in
float64 for those neighbors that can be the nearest within these bounds, and decides.

Looking at all clusters is avoided where possible. Each cluster keeps its 16 nearest
neighbors by their lower bounds, called candidates, and a limit: the largest of these
lower bounds. No other cluster is nearer than the limit. By reducibility this stays true
after merges, if candidates that are merged are replaced by what they were merged into.
So a cluster that has lost its neighbor takes the nearest of its candidates, as long as
that is nearer than the limit, and looks at all clusters only if it is not.

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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from joblib import delayed
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from fmnist_clustering._checks import Float32Array, FloatArray, IntArray, RowArray
from fmnist_clustering._parallel import run_parallel, show_bar
from fmnist_clustering.distances import (
    FLOAT32_ROUNDING,
    SMALLEST_SAFE,
    TILE_ROWS,
    find_middle,
    map_tiles,
    norms,
    power_of_two_near,
)

MAX_DIFFERENCES = 2**17
"""So many numbers are subtracted at a time: 1 MB, which stays in cache."""

N_CANDIDATES = 16
"""So many of the nearest neighbors of each cluster are kept."""

FEW_CLUSTERS = 1000
"""With no more clusters than this it is faster to look at all of them."""

PAIR_ROWS = TILE_ROWS // N_CANDIDATES
"""Clusters whose candidates are copied at the same time, as many as fill a tile."""

MANY_SURVIVORS = 16
"""If a tile leaves more possible neighbors for each slot, it is decided at once."""


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
    candidates : (n, `N_CANDIDATES`) int64
        The slots of some neighbors of each cluster.
    limits : (n,) float32
        ``increase / scale**2`` is no smaller with any cluster that is not among the
        candidates; 0 where there are no candidates.
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
    candidates: IntArray
    limits: Float32Array
    active: IntArray


class _Terms(NamedTuple):
    """What the estimates need of some clusters besides their means, in float32.

    Attributes
    ----------
    squared_norms : (...) float32
        As in `_Clusters`.
    errors : (...) float32
        The part of the rounding error that comes from each cluster.
    inverse_sizes : (...) float32
        1 / |A|.
    """

    squared_norms: Float32Array
    errors: Float32Array
    inverse_sizes: Float32Array


class _Candidates(NamedTuple):
    """Some neighbors of each of some clusters.

    Attributes
    ----------
    slots : (m, c) int64
        Where they are.
    lower : (m, c) float32
        Lower bounds of ``increase / scale**2`` with them.
    """

    slots: IntArray
    lower: Float32Array


def ward_tree(rows: RowArray, unit: float) -> FloatArray:
    """Build Ward's tree from rows.

    Parameters
    ----------
    rows : (n, d) uint8 or float64
        Each row is one point, n >= 2, all values finite, and so small that heights
        fit into float64.
    unit : float
        What counts as 1.0 in `rows`. `fmnist_clustering._checks.check_rows`
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
    the BLAS. Heights are as precise as float64 allows, at any offset.

    Memory: 12 bytes for each value of `rows`, and some more during the first rounds.
    Time: bounds are computed for n^2 / 2 pairs at first, and for about 0.6 n^2 later.
    On two cores 10,000 images take 2 s, and 70,000 take 70 s and 1.2 GB. The threads
    share the means, so the work stays in this process, whatever backend joblib is told
    to use.
    """
    n_merges = len(rows) - 1
    merges = show_bar(_merge_in_rounds(rows), n_merges, "merges of Ward's tree")
    tree = _to_linkage(np.array(list(merges)))
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
    _find_first_candidates(clusters)
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
        candidates=np.zeros((n, N_CANDIDATES), dtype=np.int64),
        limits=np.zeros(n, dtype=np.float32),
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


def _find_first_candidates(clusters: _Clusters) -> None:
    """Find and store candidates for all clusters, looking at each pair only once."""
    if len(clusters.active) <= FEW_CLUSTERS:
        return
    blocks = _cut(clusters.active)
    candidates = [_no_candidates(block) for block in blocks]
    task = partial(_search_tile, clusters)
    for i, j, (in_columns, in_rows) in map_tiles(task, blocks, shared_memory=True):
        candidates[i] = _keep_nearest(candidates[i], in_columns)
        if in_rows is not None:
            candidates[j] = _keep_nearest(candidates[j], in_rows)
    for block, found in zip(blocks, candidates, strict=True):
        _store_candidates(clusters, block, found)


def _search_tile(
    clusters: _Clusters, rows: IntArray, columns: IntArray | None
) -> tuple[_Candidates, _Candidates | None]:
    """Return candidates of the rows in the columns, and of the columns in the rows.

    Without columns both are the same, and the second result is None.
    """
    if columns is None:
        lower, _ = _bound_increase(clusters, rows, rows)
        return _nearest_of(rows, lower), None
    lower, _ = _bound_increase(clusters, rows, columns)
    return _nearest_of(columns, lower), _nearest_of(rows, lower.T)


def _update_nearest(clusters: _Clusters, stale: IntArray) -> None:
    """Find and store the nearest neighbor of each stale slot, on all cores."""
    undecided = stale
    if len(clusters.active) > FEW_CLUSTERS:
        undecided = _choose_from_candidates(clusters, undecided)
        # What the old candidates leave open the new ones decide, but for ties.
        _for_each_block(_find_candidates, clusters, undecided)
        undecided = _choose_from_candidates(clusters, undecided)
    _for_each_block(_choose_from_all, clusters, undecided)


def _find_candidates(clusters: _Clusters, block: IntArray) -> None:
    """Find and store candidates for some clusters."""
    candidates = _no_candidates(block)
    for others in _cut(clusters.active):
        lower, _ = _bound_increase(clusters, block, others)
        candidates = _keep_nearest(candidates, _nearest_of(others, lower))
    _store_candidates(clusters, block, candidates)


def _no_candidates(block: IntArray) -> _Candidates:
    """Return what is known before the search begins."""
    slots = np.empty((len(block), 0), dtype=np.int64)
    return _Candidates(slots, slots.astype(np.float32))


def _nearest_of(others: IntArray, lower: Float32Array) -> _Candidates:
    """Return for each row of lower bounds the others with the lowest ones."""
    n_kept = min(N_CANDIDATES, len(others))
    columns = np.argpartition(lower, n_kept - 1, axis=1)[:, :n_kept]
    return _Candidates(others[columns], np.take_along_axis(lower, columns, axis=1))


def _keep_nearest(known: _Candidates, found: _Candidates) -> _Candidates:
    """Return the nearest of the candidates that are known and those just found."""
    slots = np.concatenate([known.slots, found.slots], axis=1)
    lower = np.concatenate([known.lower, found.lower], axis=1)
    columns = _nearest_of(np.arange(lower.shape[1]), lower).slots
    return _Candidates(
        np.take_along_axis(slots, columns, axis=1),
        np.take_along_axis(lower, columns, axis=1),
    )


def _store_candidates(
    clusters: _Clusters, block: IntArray, candidates: _Candidates
) -> None:
    """Store the candidates of some clusters, and the limit that all others keep."""
    clusters.candidates[block] = candidates.slots
    clusters.limits[block] = candidates.lower.max(axis=1)


def _cut(slots: IntArray) -> list[IntArray]:
    """Return blocks of slots, in the same order."""
    starts = range(0, len(slots), TILE_ROWS)
    return [slots[start : start + TILE_ROWS] for start in starts]


def _for_each_block(
    task: Callable[[_Clusters, IntArray], Any], clusters: _Clusters, slots: IntArray
) -> list[Any]:
    """Run a task on blocks of slots, on all cores."""
    blocks = _cut(slots)
    calls = (delayed(task)(clusters, block) for block in blocks)
    # In threads: other processes would get a copy of all means in every round.
    return list(run_parallel(calls, len(blocks), shared_memory=True))


def _choose_from_candidates(clusters: _Clusters, slots: IntArray) -> IntArray:
    """Store nearest neighbors where candidates decide, and return the other slots."""
    undecided = _for_each_block(_choose_if_sure, clusters, slots)
    return np.concatenate([slots[:0], *undecided])


def _choose_if_sure(clusters: _Clusters, block: IntArray) -> IntArray:
    """Do for one block what `_choose_from_candidates` does for all slots."""
    others = clusters.candidates[block]
    lower, upper = _bound_candidates(clusters, block, others)
    lowest_upper = upper.min(axis=1)
    is_sure = lowest_upper < clusters.limits[block]
    can_be_nearest = is_sure[:, None] & (lower <= lowest_upper[:, None])
    i, j = np.nonzero(can_be_nearest)
    _choose_nearest(clusters, block[i], others[i, j])
    return np.asarray(block[~is_sure])


def _choose_from_all(clusters: _Clusters, block: IntArray) -> None:
    """Find the nearest neighbor of each slot in a block among all clusters.

    The increase with the nearest neighbor is at most the lowest of all upper bounds. So
    a neighbor whose lower bound is above that is not the nearest.
    """
    lowest_upper = np.full(len(block), np.inf, dtype=np.float32)
    survivors = []  # of each tile: the pairs that may hold the nearest neighbor
    for others in _cut(clusters.active):
        lower, upper = _bound_increase(clusters, block, others)
        np.minimum(lowest_upper, upper.min(axis=1), out=lowest_upper)
        i, j = np.nonzero(lower <= lowest_upper[:, None])
        if len(i) > MANY_SURVIVORS * len(block):
            # The bounds do not tell these neighbors apart: decide now, or their number
            # could grow beyond all memory.
            is_near = _bound_precisely(clusters, block, others, i, j)
            i = i[is_near]
            j = j[is_near]
            heights = _merge_heights(clusters, block[i], others[j])
            nearest = _first_of_each(block[i], others[j], heights)
            i = i[nearest]
            j = j[nearest]
        survivors.append((i, others[j], lower[i, j]))

    i, other, lower = (np.concatenate(parts) for parts in zip(*survivors, strict=True))
    # The lowest upper bounds have fallen since the first tiles: compare once more.
    can_be_nearest = lower <= lowest_upper[i]
    _choose_nearest(clusters, block[i[can_be_nearest]], other[can_be_nearest])


def _bound_increase(
    clusters: _Clusters, block: IntArray, others: IntArray
) -> tuple[Float32Array, Float32Array]:
    """Return lower and upper bounds of the increase for all pairs of two blocks.

    Parameters
    ----------
    clusters : _Clusters
        All clusters.
    block, others : (m,) and (n,) int64
        Slots. Where they meet themselves the bounds are infinite.

    Returns
    -------
    lower, upper : (m, n) float32
        ``increase / scale**2`` lies between them.
    """
    products = clusters.means_32[block] @ clusters.means_32[others].T
    a = _terms(clusters, block[:, None])
    b = _terms(clusters, others)
    lower, upper = _bound_by_products(a, b, products)
    _, i, j = np.intersect1d(block, others, assume_unique=True, return_indices=True)
    lower[i, j] = np.inf
    upper[i, j] = np.inf
    return lower, upper


def _bound_candidates(
    clusters: _Clusters, block: IntArray, others: IntArray
) -> tuple[Float32Array, Float32Array]:
    """Return lower and upper bounds as `_bound_increase` does, for some pairs only.

    The others, (m, c), belong to the slots of the block, (m,), row by row.
    """
    products = np.empty(others.shape, dtype=np.float32)
    for start in range(0, len(block), PAIR_ROWS):
        part = slice(start, start + PAIR_ROWS)
        means = clusters.means_32[block[part]]
        other_means = clusters.means_32[others[part]]
        products[part] = np.einsum("ij,icj->ic", means, other_means)
    a = _terms(clusters, block[:, None])
    b = _terms(clusters, others)
    return _bound_by_products(a, b, products)


def _terms(clusters: _Clusters, slots: IntArray) -> _Terms:
    """Return what the bounds need of the clusters in some slots."""
    squared_norms = clusters.squared_norms_32[slots]
    n_columns = clusters.means_32.shape[1]
    relative_error = np.float32((n_columns + 17) * FLOAT32_ROUNDING)
    underflow = np.float32(n_columns * np.finfo(np.float32).tiny)
    return _Terms(
        squared_norms,
        errors=squared_norms * relative_error + underflow,
        inverse_sizes=(1 / clusters.sizes[slots]).astype(np.float32),
    )


def _bound_by_products(
    a: _Terms, b: _Terms, products: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Return a lower and an upper bound of (1) for pairs of clusters.

    Parameters
    ----------
    a, b : _Terms
        Some clusters A, and some clusters B, whose shapes together give that of the
        pairs.
    products : (...) float32
        x.y for each pair, see below. It is overwritten.

    Returns
    -------
    lower, upper : (...) float32
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
        1     what a million merges in float64 can change

    Together the error is at most (d + 17) u * weight * N. Besides, each of the d
    products may be so small that it becomes 0.
    """
    weight = 1 / (a.inverse_sizes + b.inverse_sizes)
    # In place, since new arrays of this size would cost as much as the arithmetic.
    total = a.squared_norms + b.squared_norms  # N in the notes
    estimate = products
    estimate *= -2
    estimate += total
    estimate *= weight

    error = np.add(a.errors, b.errors, out=total)
    error *= weight
    upper = estimate + error
    lower = np.subtract(estimate, error, out=estimate)
    return lower, upper


def _bound_precisely(
    clusters: _Clusters, block: IntArray, others: IntArray, i: IntArray, j: IntArray
) -> NDArray[np.bool_]:
    """Return which pairs (i, j) can be the nearest by distances in float64.

    Subtraction of rounded means is precise where the means are not much nearer to each
    other than to the center. It is 20 times faster than `_merge_heights`.
    """
    means, errors = _scaled_means(clusters, block)
    other_means, other_errors = _scaled_means(clusters, others)
    distances = cdist(means, other_means)
    weight = 1 / (1 / clusters.sizes[block, None] + 1 / clusters.sizes[others])
    error = errors[:, None] + other_errors
    upper = np.square(distances + error) * weight
    upper[block[:, None] == others] = np.inf
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


def _choose_nearest(clusters: _Clusters, own: IntArray, other: IntArray) -> None:
    """Store for each slot in `own` the nearest of its neighbors in `other`."""
    heights = _merge_heights(clusters, own, other)
    chosen = _first_of_each(own, other, heights)
    clusters.nearest[own[chosen]] = other[chosen]
    clusters.nearest_heights[own[chosen]] = heights[chosen]


def _first_of_each(own: IntArray, other: IntArray, heights: FloatArray) -> IntArray:
    """Return the number of the pair that is chosen for each slot in `own`.

    It is the lowest one. Of several that are equally low, that one is taken for which
    own XOR other is smallest.
    """
    order = np.lexsort((own ^ other, heights, own))
    _, first = np.unique(own[order], return_index=True)
    return np.asarray(order[first])


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
    # A merged cluster has no candidates. Among those of others it replaces its halves.
    clusters.limits[left] = 0
    new_slot = np.arange(len(clusters.rows))
    new_slot[right] = left
    clusters.candidates = new_slot[clusters.candidates]
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
