"""The search for a good partition: several starts, of which the best are improved."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from fmnist_clustering._checks import FloatArray, IntArray
from fmnist_clustering._lloyd import (
    LloydResult,
    Rows,
    lloyd,
    lloyd_from_each,
    squared_norms,
    weighted_means,
    weighted_sums,
)

START_ITERATIONS = 8
"""Lloyd iterations after which the starts are compared."""

OPTIMA_CARRIED_ON = 2
"""The best start in few columns need not be the best one in all columns."""

STARTS_FOLLOWED = 6
"""Starts that lead to the same optimum are followed only once."""

SAME_SHARE = 0.99
"""Two optima are the same if at least this share of the rows stays together."""

SWAPS_PER_START = 4
CLUSTERS_PER_SWAP = 12
"""An optimum is final when max(4, k // 12) swaps for each start have brought little."""

AGREEING = 1.002
"""For a start that is at most 0.2 % worse than the best one, one swap is enough."""

ROUNDS_OF_SWAPS = 4
CLUSTERS_PER_ROUND = 5
"""Swaps are tried in max(4, k // 5) rounds, in fewer if the data are small.

With many clusters most swaps succeed, and of each round only the best is taken."""

VALUES_PER_ROUND = 100_000
"""On small data a round is as large as that: then more swaps take little longer."""

SMALL_GAIN = 3e-4
SMALL_GAIN_TIMES_K = 6e-3
"""A round that wins less than min(3e-4, 0.006 / k) of the inertia has brought little.

With many clusters a single swap can win less."""

MAX_ROUNDS = 20
"""No optimum gets more rounds than these, or than there are swaps in a row to fail."""

ROWS_PER_SWAP = 2
"""Of so many rows the one that saves most is taken."""

VERY_FEW_ROWS = 200
RANDOM_SWAPS = 4
"""With no more rows one swap of four loses any centroid: all others, which lose the
cheapest, have soon been tried."""

FEW_ROWS = 2000
TRIAL_ITERATIONS_OF_FEW = 2
TRIAL_ITERATIONS = 4
"""Lloyd iterations after which a swap is judged. With more rows it takes more until it
shows what a swap is worth."""

TRIAL_EXCESS = 0.002
TRIAL_EXCESS_TIMES_K = 0.04
"""A swap goes on if it is worse by less than min(0.002, 0.04 / k) of the inertia.

Further iterations rarely win more than 0.2 %. One cluster holds about 1 / k of the
inertia, so with many clusters a single swap can win less.
"""

SAME_OPTIMUM = 1e-3
"""A trial whose centroids are so near to those of the best one will end there."""

JITTER = 1e-6
"""How far initial centroids are moved off the rows, relative to the range of values.

Colors lie on the integer lattice, where distances tie exactly. Without this the order
of the centroids would decide.
"""


class _Neighbors(NamedTuple):
    """Where each row would go.

    Attributes
    ----------
    own, second : (n,) float64
        The squared distances to its own centroid, and to the nearest of the others.
    second_label : (n,) int64
        The number of that other one.
    """

    own: FloatArray
    second: FloatArray
    second_label: IntArray


class _Swaps(NamedTuple):
    """What some swaps lead to.

    Attributes
    ----------
    centroids : (n_swaps, k, d) float64
        The centroids after each swap.
    labels : (n, n_swaps) int64
        The nearest of these for each row.
    """

    centroids: FloatArray
    labels: IntArray


def find_optima(
    rows: Rows, k: int, n_init: int, init: str, rng: np.random.Generator
) -> list[LloydResult]:
    """Return a few good partitions.

    Parameters
    ----------
    rows : Rows
        k different ones or more.
    k : int
        The number of clusters.
    n_init : int
        The number of starts. With one start there is no swap.
    init : str
        One of the ways of `fmnist_clustering.fit_kmeans`, which explains the search.
    rng : Generator
        Draws the starts and the swaps.

    Returns
    -------
    list of LloydResult
        Fixed points of Lloyd's iterations.
    """
    if n_init == 1 or k == 1:
        starts = _initial_centroids(rows, k, 1, init, rng)
        return [lloyd(rows, starts[0])]
    runs = _run_starts(rows, k, n_init, init, rng)
    n_swaps = _count_swaps(runs, k)
    optima: list[LloydResult] = []
    for run in runs[:STARTS_FOLLOWED]:
        fit = lloyd(rows, run.centroids, previous=run)
        if any(is_same_partition(fit.labels, other.labels) for other in optima):
            continue
        optima.append(improve_by_swaps(rows, fit, n_swaps, rng, optima))
        if len(optima) == OPTIMA_CARRIED_ON:
            break
    return optima


def best_start(
    rows: Rows, k: int, n_init: int, init: str, rng: np.random.Generator
) -> LloydResult:
    """Return the best of several starts after a few iterations.

    Parameters
    ----------
    rows, k, n_init, init, rng : as in `find_optima`
        The same.

    Returns
    -------
    LloydResult
        Not yet a fixed point, as a rule.
    """
    return _run_starts(rows, k, n_init, init, rng)[0]


def distinct_rows(points: FloatArray, order: Iterable[int], k: int) -> list[int]:
    """Return the first k row numbers in an order whose rows differ, or all there are.

    Parameters
    ----------
    points : (n, d) float64
        The rows.
    order : iterable of int
        Row numbers.
    k : int
        How many are wanted.

    Returns
    -------
    list of int
        k row numbers, or fewer.
    """
    first_with: dict[bytes, int] = {}
    for row in order:
        content = (points[row] + 0.0).tobytes()  # adding 0.0 turns -0.0 into 0.0
        first_with.setdefault(content, row)
        if len(first_with) == k:
            break
    return list(first_with.values())


def improve_by_swaps(
    rows: Rows,
    fit: LloydResult,
    n_swaps: int,
    rng: np.random.Generator,
    known: Sequence[LloydResult] = (),
) -> LloydResult:
    """Return the best optimum that is found by moving one centroid at a time.

    Each swap moves a centroid, mostly the one that is cheapest to lose, to a row that
    is badly served (Fränti and Kivijärvi 2000), and is undone unless it lowers the
    inertia. Swaps are tried in rounds, because several of them together take little
    longer than one.

    Parameters
    ----------
    rows : Rows
        The rows.
    fit : LloydResult
        A fixed point of Lloyd's iterations.
    n_swaps : int
        The search ends after this many swaps in a row that bring little, 1 or more.
    rng : Generator
        Draws the rows.
    known : sequence of LloydResult
        Optima that were improved before: the search ends when it meets one of them.

    Returns
    -------
    LloydResult
        A fixed point that is no worse.
    """
    best = fit
    k = len(fit.centroids)
    n_rounds = max(ROUNDS_OF_SWAPS, k // CLUSTERS_PER_ROUND)
    n_efficient = VALUES_PER_ROUND // (rows.points.size * k)
    n_together = min(max(n_efficient, n_swaps // n_rounds, 1), n_swaps)
    little = min(SMALL_GAIN, SMALL_GAIN_TIMES_K / k)
    neighbors = _find_neighbors(rows, best)
    n_failed = 0
    for _ in range(max(MAX_ROUNDS, n_swaps // n_together)):
        swaps = _swap(rows, best, neighbors, n_together, rng)
        if swaps is None:
            break
        better = _improve_by(swaps, rows, best)
        target = best.inertia * (1 - little)
        if better:
            best = better
            if any(is_same_partition(best.labels, other.labels) for other in known):
                break
            neighbors = _find_neighbors(rows, best)
        if best.inertia <= target:
            n_failed = 0
            continue
        n_failed += n_together
        if n_failed >= n_swaps:
            break
    return best


def is_same_partition(labels: IntArray, other: IntArray) -> bool:
    """Return whether nearly all rows stay together in another labeling.

    Parameters
    ----------
    labels, other : (n,) int64
        Cluster ids, 0 or more.

    Returns
    -------
    bool
        Whether `SAME_SHARE` of the rows are in the cluster of the other labeling that
        holds most rows of their own.
    """
    n_others = int(other.max()) + 1
    pairs, counts = np.unique(n_others * labels + other, return_counts=True)
    largest = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, pairs // n_others, counts)
    return bool(largest.sum() >= SAME_SHARE * len(labels))


def _count_swaps(runs: list[LloydResult], k: int) -> int:
    """Return after how many swaps that bring little an optimum is final.

    Where many starts lead to the same inertia, there are few optima to choose from.
    """
    best, *others = runs
    n_agreeing = sum(run.inertia <= AGREEING * best.inertia for run in others)
    n_per_start = max(SWAPS_PER_START, k // CLUSTERS_PER_SWAP)
    return n_per_start * (len(runs) - n_agreeing) + n_agreeing


def _improve_by(swaps: _Swaps, rows: Rows, best: LloydResult) -> LloydResult | None:
    """Return an optimum that is better than the best one, if a swap leads there."""
    starts, labels = swaps
    has_few_rows = len(rows.points) <= FEW_ROWS
    max_iter = TRIAL_ITERATIONS_OF_FEW if has_few_rows else TRIAL_ITERATIONS
    trials = lloyd_from_each(rows, starts, max_iter, best, labels)
    excess = min(TRIAL_EXCESS, TRIAL_EXCESS_TIMES_K / len(best.centroids))
    for trial in sorted(trials, key=lambda trial: trial.inertia):
        if trial.inertia >= best.inertia * (1 + excess):
            break
        if _leads_back(trial, best, rows.weight):
            continue
        fit = lloyd(rows, trial.centroids, previous=trial)
        if fit.inertia < best.inertia and fit.is_converged:
            return fit
    return None


def _swap(
    rows: Rows,
    fit: LloydResult,
    neighbors: _Neighbors,
    n_swaps: int,
    rng: np.random.Generator,
) -> _Swaps | None:
    """Return some swaps, or None where no row is off its centroid.

    The cost of a swap is the inertia before any iteration, when each row has the
    nearest of three: its own centroid unless that was moved, the next nearest one, and
    the new one (Fränti and Kivijärvi's local repartition).
    """
    points = rows.points
    weight = rows.weight
    error = weight * neighbors.own
    if error.sum() == 0:
        return None
    k = len(fit.centroids)
    drawn = _draw_rows(error, ROWS_PER_SWAP * n_swaps, rng)
    to_drawn = _squared_distances(rows, points[drawn])
    with_own = np.minimum(neighbors.own[:, None], to_drawn)
    without_own = np.minimum(neighbors.second[:, None], to_drawn)
    losses = weighted_sums(without_own - with_own, weight, fit.labels, k)
    costs = losses.min(axis=0) + weight @ with_own

    # Swap i has the rows i, n_swaps + i, ..., and takes the cheapest of them.
    swaps = np.arange(n_swaps)
    cheapest = costs.reshape(ROWS_PER_SWAP, n_swaps).argmin(axis=0)
    chosen = n_swaps * cheapest + swaps
    lost = losses[:, chosen].argmin(axis=0)
    if len(points) <= VERY_FEW_ROWS:
        at_random = swaps[::RANDOM_SWAPS]
        lost[at_random] = rng.integers(0, k, len(at_random))
    new_rows = drawn[chosen]
    centroids = np.tile(fit.centroids, (n_swaps, 1, 1))
    centroids[swaps, lost] = points[new_rows]
    labels = _labels_after(fit.labels, neighbors, lost, to_drawn[:, chosen])
    labels[new_rows, swaps] = lost  # whatever rounding says
    return _Swaps(centroids, labels)


def _draw_rows(error: FloatArray, n_rows: int, rng: np.random.Generator) -> IntArray:
    """Draw rows, those with a large error more likely; repeat them if there are few."""
    n_drawn = min(n_rows, int(np.count_nonzero(error)))
    chance = error / error.sum()
    drawn = rng.choice(len(error), n_drawn, replace=False, p=chance)
    return np.resize(drawn, n_rows)


def _labels_after(
    labels: IntArray, neighbors: _Neighbors, lost: IntArray, to_new: FloatArray
) -> IntArray:
    """Return the nearest centroid of each row after each swap, (n, n_swaps).

    A row whose centroid was lost goes to the second nearest, and any row to the new
    centroid if that is nearer; the new one has the number of the lost one. So no
    distance has to be computed but those to the new centroids, ``to_new``.
    """
    own, second, second_label = (each[:, None] for each in neighbors)
    own_label = labels[:, None]
    is_lost = own_label == lost
    others = np.where(is_lost, second_label, own_label)
    to_others = np.where(is_lost, second, own)
    return np.where(to_new < to_others, lost, others)


def _run_starts(
    rows: Rows, k: int, n_init: int, init: str, rng: np.random.Generator
) -> list[LloydResult]:
    """Return several starts after a few iterations, the best one first."""
    starts = _initial_centroids(rows, k, n_init, init, rng)
    runs = lloyd_from_each(rows, starts, START_ITERATIONS)
    return sorted(runs, key=lambda run: run.inertia)


def _initial_centroids(
    rows: Rows, k: int, n_init: int, init: str, rng: np.random.Generator
) -> FloatArray:
    """Return initial centroids, (n_init, k, d), moved off the rows (see `JITTER`)."""
    points = rows.points
    weight = rows.weight
    n = len(points)
    if init == "k-means++":
        centroids = points[_spread_rows(rows, k, n_init, rng)]
    elif init == "random":
        chance = weight / weight.sum()
        orders = [rng.choice(n, n, replace=False, p=chance) for _ in range(n_init)]
        centroids = np.stack(
            [points[distinct_rows(points, order, k)] for order in orders]
        )
    else:
        partitions = [rng.permutation(np.arange(n) % k) for _ in range(n_init)]
        centroids = np.stack(
            [weighted_means(points, weight, labels, k) for labels in partitions]
        )
    jitter = rng.uniform(-JITTER, JITTER, centroids.shape) * np.ptp(points)
    return np.asarray(centroids + jitter)


def _squared_distances(rows: Rows, others: FloatArray) -> FloatArray:
    """Return the squared distance of each row to others, but for rounding."""
    squared: FloatArray = rows.points @ (-2 * others.T)
    squared += rows.squared_norms[:, None]
    squared += squared_norms(others)
    return np.maximum(squared, 0, out=squared)


def _leads_back(trial: LloydResult, best: LloydResult, weight: FloatArray) -> bool:
    """Return whether a trial is on its way back to the optimum that it started from."""
    if trial.inertia < best.inertia:
        return False
    steps = cdist(trial.centroids, best.centroids, "sqeuclidean").min(axis=1)
    cluster_weights = np.bincount(trial.labels, weight)
    return bool((cluster_weights * steps).sum() < SAME_OPTIMUM * best.inertia)


def _spread_rows(rows: Rows, k: int, n_init: int, rng: np.random.Generator) -> IntArray:
    """Draw k rows that lie far from each other, for each start (greedy k-means++).

    Each row is drawn with a probability proportional to its squared distance from the
    nearest one that was drawn before (Arthur and Vassilvitskii 2007). Of several draws
    that one is kept after which the rows are best served, as in scikit-learn.
    """
    points = rows.points
    weight = rows.weight
    n = len(points)
    n_draws = 2 + int(math.log(k))
    starts = np.arange(n_init)
    chosen = np.empty((n_init, k), dtype=np.int64)
    chosen[:, 0] = rng.choice(n, n_init, p=weight / weight.sum())
    nearest = _squared_distances(rows, points[chosen[:, 0]])
    for i in range(1, k):
        cumulated = np.cumsum(weight[:, None] * nearest, axis=0)
        places = rng.random((n_draws, n_init)) * cumulated[-1]
        draws = (cumulated[:, None, :] <= places).sum(axis=0)
        draws = np.minimum(draws, n - 1)
        to_draws = _squared_distances(rows, points[draws.ravel()])
        served = np.minimum(nearest[:, None, :], to_draws.reshape(n, n_draws, n_init))
        best = (weight[:, None, None] * served).sum(axis=0).argmin(axis=0)
        chosen[:, i] = draws[best, starts]
        nearest = served[:, best, starts]

    for start, chosen_rows in enumerate(chosen):
        if len(distinct_rows(points, chosen_rows, k)) < k:
            # No row is told apart by rough distances: take any that differ.
            order = [*chosen_rows.tolist(), *rng.permutation(n).tolist()]
            chosen[start] = distinct_rows(points, order, k)
    return chosen


def _find_neighbors(rows: Rows, fit: LloydResult) -> _Neighbors:
    """Return how far the own centroid and the nearest of the others are."""
    numbers = np.arange(len(rows.points))
    squared = _squared_distances(rows, fit.centroids)
    own = squared[numbers, fit.labels]
    squared[numbers, fit.labels] = np.inf
    second_label = squared.argmin(axis=1)
    return _Neighbors(own, squared[numbers, second_label], second_label)
