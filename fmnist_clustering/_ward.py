"""Ward's tree from rows, exact, without the distances of all pairs.

Ward's method (Ward 1963, doi:10.1080/01621459.1963.10500845) begins with every row as a
cluster of its own. Then it merges, n - 1 times, the two clusters A and B whose merge
increases the inertia least:

    increase(A, B) = ||m_A - m_B||^2 / (1 / |A| + 1 / |B|)                           (1)

|A| is the number of rows in A, and m_A is their mean. The height of the merge in the
tree is sqrt(2 * increase), so two single rows merge at their distance. "Nearest" means
in this module: with the smallest increase. The formula needs only sizes and means, so
no table of n (n - 1) / 2 distances has to be kept.

Looking at all pairs before each merge would take too long. A property of the formula,
called reducibility, saves most of that work. If A and B are each other's nearest
neighbor, their merge is no nearer to any third cluster C than one of the two was:

    increase(A + B, C) >= min(increase(A, C), increase(B, C))

Two things follow from it (Bruynooghe 1977; Murtagh 1983, doi:10.1093/comjnl/26.4.354):

* All pairs of clusters that are each other's nearest neighbor, called reciprocal, can
  merge at once. No merge brings anything nearer to the other pairs.
* A cluster keeps its nearest neighbor until one of the two takes part in a merge. Until
  then it need not search again.

So the tree is built in rounds (`ward_tree`):

1. Each cluster that does not know its nearest neighbor searches for it.
2. All reciprocal pairs merge.
3. The merged clusters, and all clusters whose neighbor was merged, are called stale:
   they have to search again.

An example with five rows on a line, at 0, 1, 5, 7 and 20:

    round 1   0 and 1 are reciprocal, 5 and 7 too; the nearest neighbor of 20 is 7.
              They merge with increases 1 / 2 = 0.5 and 4 / 2 = 2. The row at 20 has
              lost its neighbor.
    round 2   {0, 1} with mean 0.5 and {5, 7} with mean 6 are reciprocal.
              They merge with increase 5.5^2 / (1/2 + 1/2) = 30.25.
    round 3   The last two merge with increase 16.75^2 / (1/4 + 1/1) = 224.45.

At the end the merges of all rounds are sorted by height (`_to_linkage`).

Almost all of the time goes into the search for neighbors. It is done in two steps. A
matrix product gives a lower bound of the increase for many pairs at once. The increases
of a few neighbors with the lowest bounds, called candidates, are then computed one by
one by subtraction, as precisely as float64 allows, and these decide.

The candidates of a cluster are kept, with a limit: the increase with any other cluster
is not below it. By reducibility this stays true after merges, if candidates that are
merged are replaced by what they were merged into. So a cluster that has lost its
neighbor takes the nearest of its candidates, if that is nearer than the limit, and
looks at all clusters only if it is not.

Many neighbors may be equally near. If every row took the first of them, 500 equal rows
would all choose row 0, only one pair would merge, and so in each of the 499 rounds. So
equal rows merge before the first round. Of other equally near neighbors that one is
taken for which own slot XOR other slot is smallest (a slot is a cluster's place in the
arrays). This number is the same seen from both sides. So 0 and 1 choose each other, 2
and 3 do, and many pairs merge in one round.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from fmnist_clustering._checks import FloatArray, IntArray, RowArray
from fmnist_clustering._parallel import run_parallel
from fmnist_clustering.distances import TILE_ROWS

CoarseArray = NDArray[np.floating[Any]]
"""Float32 for images, float64 for other data."""

N_CANDIDATES = 8
"""So many of the nearest neighbors of each cluster are kept."""

MAX_DIFFERENCES = 2**17
"""So many numbers are subtracted at a time: 1 MB, which stays in cache."""


@dataclass
class _Clusters:
    """The clusters at one moment.

    All arrays but the last have n entries, which are called slots. At first, slot i
    holds row i. A merged cluster stays in the lower slot of its two halves, so each
    cluster is found in the slot of its first row. The other slot is not used any more.

    Attributes
    ----------
    means : (n, d) float64
        m_A in (1), measured from the middle of the data.
    coarse_means : (n, d) float32 or float64
        The same, in the type in which they are multiplied.
    sizes : (n,) float64
        |A| in (1); 0 for slots that are not used any more.
    increases : (n,) float64
        The increase of the cluster's last merge; 0 for single rows.
    nearest : (n,) int64
        The slot of its nearest neighbor; out of date where the cluster is stale.
    candidates : (n, `N_CANDIDATES`) int64
        The slots of some neighbors. The cluster itself may be among them.
    limits : (n,) float64
        No other neighbor has a smaller increase; 0 where there are no candidates.
    active : (m,) int64
        The slots in use, in rising order.
    """

    means: FloatArray
    coarse_means: CoarseArray
    sizes: FloatArray
    increases: FloatArray
    nearest: IntArray
    candidates: IntArray
    limits: FloatArray
    active: IntArray


def ward_tree(rows: RowArray, unit: float) -> FloatArray:
    """Build Ward's tree from rows.

    Parameters
    ----------
    rows : (n, d) uint8 or float64
        Each row is one point, n >= 2, all values finite, and so small that their
        squares fit into float64.
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
    the BLAS. Means are held in float64: within groups of rows that lie 1e8 times their
    own spread away from all others, heights are right to eight digits.

    Memory: 12 bytes for each value of images, 8 for each value of other data, and some
    more during the first rounds. Time: bounds are computed for n^2 pairs at first, and
    for about 0.6 n^2 later. On two cores 10,000 images take 2 s, and 70,000 take 70 s
    and 1.1 GB. The threads share the means, so the work stays in this process, whatever
    backend joblib is told to use.
    """
    merges, sizes = _merge_equal_rows(rows)
    clusters = _begin(rows, sizes)
    stale = clusters.active  # no cluster knows its nearest neighbor yet
    while len(clusters.active) > 1:
        blocks = _cut(stale)
        calls = (delayed(_update_nearest)(clusters, block) for block in blocks)
        description = f"{len(clusters.active):,} clusters left"
        # In threads: other processes would get a copy of all means in every round.
        list(run_parallel(calls, len(blocks), description, shared_memory=True))
        left, right = _reciprocal_pairs(clusters)
        merges.append(_merge(clusters, left, right))
        stale = _find_stale(clusters, left, right)
    tree = _to_linkage(np.concatenate(merges))
    tree[:, 2] = np.sqrt(2 * tree[:, 2]) / unit
    return tree


def _merge_equal_rows(rows: RowArray) -> tuple[list[FloatArray], FloatArray]:
    """Return merges with increase 0, as `_merge` does, and the size of each slot."""
    kinds: dict[bytes, list[int]] = {}
    for slot, row in enumerate(rows):
        kinds.setdefault(row.tobytes(), []).append(slot)
    merges = []
    sizes = np.zeros(len(rows))
    for slots in kinds.values():
        sizes[slots[0]] = len(slots)
        # In pairs, pairs of pairs, and so on: functions that call themselves at each
        # merge, as some of SciPy's do, would fail on a long chain.
        while len(slots) > 1:
            pairs = zip(slots[::2], slots[1::2], strict=False)
            merges += [(left, right, 0.0) for left, right in pairs]
            slots = slots[::2]
    return [np.reshape(merges, (-1, 3))], sizes


def _begin(rows: RowArray, sizes: FloatArray) -> _Clusters:
    """Return the clusters of equal rows, and those of single ones."""
    n = len(rows)
    # Near the middle small differences keep their digits. A thousand rows tell where it
    # is, and a whole number is subtracted almost without rounding.
    middle = np.rint(np.median(rows[:: 1 + n // 1000], axis=0))
    means = np.subtract(rows, middle)
    # Images are multiplied in float32, which takes half of the time. Other rows may lie
    # far from the middle, so that float32 would not tell their neighbors apart.
    is_image = rows.dtype == np.uint8
    coarse_type = np.float32 if is_image else np.float64
    return _Clusters(
        means=means,
        coarse_means=means.astype(coarse_type, copy=False),
        sizes=sizes,
        increases=np.zeros(n),
        nearest=np.zeros(n, dtype=np.int64),
        candidates=np.zeros((n, N_CANDIDATES), dtype=np.int64),
        limits=np.zeros(n),
        active=np.flatnonzero(sizes),
    )


def _cut(slots: IntArray) -> list[IntArray]:
    """Return blocks of slots, in the same order."""
    starts = range(0, len(slots), TILE_ROWS)
    return [slots[start : start + TILE_ROWS] for start in starts]


def _update_nearest(clusters: _Clusters, block: IntArray) -> None:
    """Find and store the nearest neighbor of each slot in a block."""
    has_candidates = clusters.limits[block] > 0
    known = block[has_candidates]
    undecided = _choose_nearest(clusters, known, clusters.candidates[known])
    undecided = np.concatenate([block[~has_candidates], undecided])
    _find_candidates(clusters, undecided)
    undecided = _choose_nearest(clusters, undecided, clusters.candidates[undecided])
    # New candidates decide, unless more neighbors are equally near.
    for slot in undecided:
        others = clusters.active[clusters.active != slot]
        _choose_nearest(clusters, np.array([slot]), others[None, :])


def _choose_nearest(clusters: _Clusters, block: IntArray, others: IntArray) -> IntArray:
    """Store the nearest of some neighbors, (m, c), of each slot in a block, (m,).

    Return the slots whose nearest neighbor may be another one.
    """
    own = block[:, None]
    increases = _increases(clusters, np.broadcast_to(own, others.shape), others)
    increases[own == others] = np.inf  # it is no neighbor of itself
    order = np.lexsort((own ^ others, increases), axis=1)
    first = order[:, 0]
    rows = np.arange(len(block))
    clusters.nearest[block] = others[rows, first]
    lowest = increases[rows, first]
    return np.asarray(block[lowest >= clusters.limits[block]])


def _increases(clusters: _Clusters, own: IntArray, others: IntArray) -> FloatArray:
    """Return (1) for pairs of slots. It is the same in both directions, to the bit."""
    own_flat = own.ravel()
    others_flat = others.ravel()
    squared = np.empty(others.size)
    n_pairs = 1 + MAX_DIFFERENCES // clusters.means.shape[1]
    for start in range(0, others.size, n_pairs):
        part = slice(start, start + n_pairs)
        steps = clusters.means[own_flat[part]] - clusters.means[others_flat[part]]
        squared[part] = np.einsum("ij,ij->i", steps, steps)
    inverse_weight = 1 / clusters.sizes[own] + 1 / clusters.sizes[others]
    return np.asarray(squared.reshape(others.shape) / inverse_weight)


def _find_candidates(clusters: _Clusters, block: IntArray) -> None:
    """Store candidates of the slots in a block, and the limit of all others."""
    found = [
        _keep_lowest(others, _lower_bounds(clusters, block, others))
        for others in _cut(clusters.active)
    ]
    slots, bounds = (np.hstack(parts) for parts in zip(*found, strict=True))
    slots, bounds = _keep_lowest(slots, bounds)
    clusters.candidates[block] = slots
    clusters.limits[block] = bounds[:, -1]


def _keep_lowest(slots: IntArray, bounds: CoarseArray) -> tuple[IntArray, FloatArray]:
    """Return the lowest bounds in each row, and their slots; the others get lost.

    Where a row is shorter, its first slot follows, with infinite bounds.
    """
    slots = np.broadcast_to(slots, bounds.shape)
    rows = np.arange(len(bounds))
    lowest_slots = np.empty((len(bounds), N_CANDIDATES), dtype=np.int64)
    lowest_bounds = np.empty((len(bounds), N_CANDIDATES))
    # Several times as fast as np.argpartition.
    for rank in range(N_CANDIDATES):
        columns = bounds.argmin(axis=1)
        lowest_slots[:, rank] = slots[rows, columns]
        lowest_bounds[:, rank] = bounds[rows, columns]
        bounds[rows, columns] = np.inf
    return lowest_slots, lowest_bounds


def _lower_bounds(
    clusters: _Clusters, block: IntArray, others: IntArray
) -> CoarseArray:
    """Return lower bounds of (1) for all pairs of two blocks of slots.

    ||x - y||^2 is computed as N - 2 x.y, where N = ||x||^2 + ||y||^2. Both are sums of
    d products, which rounding changes by at most d * eps / 2 * N. Both errors are
    subtracted, and 20 * eps * N for all other roundings.
    """
    x = clusters.coarse_means[block]
    y = clusters.coarse_means[others]
    rounding = (x.shape[1] + 20) * np.finfo(x.dtype).eps
    share = x.dtype.type(1 - rounding)
    squared_x = share * np.einsum("ij,ij->i", x, x)
    squared_y = share * np.einsum("ij,ij->i", y, y)
    squared = squared_x[:, None] + squared_y - 2 * (x @ y.T)
    inverse_size_x = (1 / clusters.sizes[block]).astype(x.dtype)
    inverse_size_y = (1 / clusters.sizes[others]).astype(x.dtype)
    return np.asarray(squared / (inverse_size_x[:, None] + inverse_size_y))


def _reciprocal_pairs(clusters: _Clusters) -> tuple[IntArray, IntArray]:
    """Return the pairs of slots that are each other's nearest, the lower one first."""
    active = clusters.active
    nearest = clusters.nearest[active]
    is_reciprocal = clusters.nearest[nearest] == active
    is_left = is_reciprocal & (active < nearest)
    return active[is_left], nearest[is_left]


def _merge(clusters: _Clusters, left: IntArray, right: IntArray) -> FloatArray:
    """Merge pairs of clusters; return two slots and the increase of each merge.

    The merged clusters stay in the slots `left`; the slots `right` go out of use.
    """
    # A merge is never lower than those of its halves, but rounding could make it so.
    increases = _increases(clusters, left, right)
    increases = np.maximum(increases, clusters.increases[left])
    increases = np.maximum(increases, clusters.increases[right])
    clusters.increases[left] = increases

    # The new mean is (|A| m_A + |B| m_B) / (|A| + |B|), here as a step from m_A to m_B.
    sizes = clusters.sizes[left] + clusters.sizes[right]
    steps = clusters.means[right]
    steps -= clusters.means[left]
    steps *= (clusters.sizes[right] / sizes)[:, None]
    clusters.means[left] += steps
    clusters.coarse_means[left] = clusters.means[left]
    clusters.sizes[left] = sizes
    clusters.sizes[right] = 0
    clusters.active = np.flatnonzero(clusters.sizes)

    # A merged cluster has no candidates. Among those of others it replaces its halves.
    clusters.limits[left] = 0
    new_slot = np.arange(len(clusters.sizes))
    new_slot[right] = left
    clusters.candidates = new_slot[clusters.candidates]
    return np.column_stack([left, right, increases])


def _find_stale(clusters: _Clusters, left: IntArray, right: IntArray) -> IntArray:
    """Return the active slots that have to search for their nearest neighbor again."""
    active = clusters.active
    if len(left) == 0:
        # Where several neighbors are equally near, rounding can make a merged cluster
        # seem nearer than its halves were. Then neighbors that were found in different
        # rounds may form a cycle, and no two choose each other. When all search
        # again in the same round, two do: of all pairs with the lowest increase, the
        # one with the smallest XOR.
        return active
    merged = np.concatenate([left, right])
    is_stale = np.isin(active, merged) | np.isin(clusters.nearest[active], merged)
    return active[is_stale]


def _to_linkage(merges: FloatArray) -> FloatArray:
    """Return merges, each as `_merge` does, in SciPy's layout by rising increase."""
    # Merges of equal height stay in order, so a cluster is built before it is merged.
    merges = merges[np.argsort(merges[:, 2], kind="stable")]
    n = len(merges) + 1
    ids = np.arange(n)  # of the cluster in each slot
    sizes = np.ones(n)
    tree = np.empty((n - 1, 4))
    tree[:, 2] = merges[:, 2]
    pairs = merges[:, :2].astype(np.int64)
    for merge, (left, right) in enumerate(pairs):
        tree[merge, :2] = sorted([ids[left], ids[right]])
        sizes[left] += sizes[right]
        tree[merge, 3] = sizes[left]
        ids[left] = n + merge
    return tree
