"""The search for a good partition: several starts, of which the best are improved."""

import math
from collections.abc import Iterable

import numpy as np
from scipy.spatial.distance import cdist

from fmnist_clustering._lloyd import (
    LloydResult,
    lloyd,
    lloyd_from_each,
    weighted_means,
    weighted_sums,
)
from fmnist_clustering._validation import FloatArray, IntArray

START_ITERATIONS = 5
"""Lloyd iterations after which the starts are compared."""

OPTIMA_CARRIED_ON = 2
"""The best start in few columns need not be the best one in all columns."""

SMALL_DATA = 100_000
"""With no more values than this there is time to carry one more optimum on."""

STARTS_FOLLOWED = 6
"""Starts that lead to the same optimum are followed only once."""

SAME_SHARE = 0.99
"""Two optima are the same if at least this share of the rows stays together."""

SWAPS_PER_START = 4
"""An optimum is final when 4 `n_init` swaps in a row have brought little."""

ROUNDS_OF_SWAPS = 4
CLUSTERS_PER_ROUND = 5
"""They are tried in max(4, k // 5) rounds, in fewer if the data are small.

With many clusters most swaps succeed, and of each round only the best is taken."""

VALUES_PER_ROUND = 100_000
"""On small data a round is as large as that: then more swaps take little longer."""

SMALL_GAIN = 3e-4
SMALL_GAIN_TIMES_K = 6e-3
"""A round that wins less than min(3e-4, 0.006 / k) of the inertia has brought little.

With many clusters a single swap can win less."""

MAX_ROUNDS = 20
"""No optimum gets more rounds than these, or than there are swaps in a row to fail."""

MOST_ROWS_PER_SWAP = 50
"""Of k // d rows, but no more than these, the one that saves most is taken."""

TRIAL_ITERATIONS = 4
"""Lloyd iterations after which a swap is judged."""

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


def find_optima(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> list[LloydResult]:
    """Return a few good partitions.

    Parameters
    ----------
    points : (n, d) float64
        The rows, k different ones or more.
    weight : (n,) float64
        The weight of each row, above 0.
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
        starts = _initial_centroids(points, weight, k, 1, init, rng)
        return [lloyd(points, weight, starts[0])]
    n_optima = OPTIMA_CARRIED_ON + (points.size <= SMALL_DATA)
    optima: list[LloydResult] = []
    for run in _run_starts(points, weight, k, n_init, init, rng)[:STARTS_FOLLOWED]:
        fit = lloyd(points, weight, run.centroids, previous=run)
        if any(_is_same_partition(fit.labels, other.labels) for other in optima):
            continue
        n_swaps = SWAPS_PER_START * n_init
        optima.append(improve_by_swaps(points, weight, fit, n_swaps, rng))
        if len(optima) == n_optima:
            break
    return optima


def best_start(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> LloydResult:
    """Return the best of several starts after a few iterations.

    Parameters
    ----------
    points, weight, k, n_init, init, rng : as in `find_optima`
        The same.

    Returns
    -------
    LloydResult
        Not yet a fixed point, as a rule.
    """
    return _run_starts(points, weight, k, n_init, init, rng)[0]


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
    points: FloatArray,
    weight: FloatArray,
    fit: LloydResult,
    n_swaps: int,
    rng: np.random.Generator,
) -> LloydResult:
    """Return the best optimum that is found by moving one centroid at a time.

    Each swap moves the centroid that is cheapest to lose to a row that is badly served
    (Fränti and Kivijärvi 2000), and is undone unless it lowers the inertia. Swaps are
    tried in rounds, because several of them together take little longer than one.

    Parameters
    ----------
    points, weight : as in `find_optima`
        The same.
    fit : LloydResult
        A fixed point of Lloyd's iterations.
    n_swaps : int
        The search ends after this many swaps in a row that bring little, 1 or more.
    rng : Generator
        Draws the rows.

    Returns
    -------
    LloydResult
        A fixed point that is no worse.
    """
    best = fit
    squared_norms = _squared_norms(points)
    k = len(fit.centroids)
    n_rounds = max(ROUNDS_OF_SWAPS, k // CLUSTERS_PER_ROUND)
    n_efficient = VALUES_PER_ROUND // (points.size * k)
    n_together = min(max(n_efficient, n_swaps // n_rounds, 1), n_swaps)
    little = min(SMALL_GAIN, SMALL_GAIN_TIMES_K / k)
    nearest_two = _two_nearest(points, squared_norms, best)
    n_failed = 0
    for _ in range(max(MAX_ROUNDS, n_swaps // n_together)):
        starts = _swap(
            points, weight, squared_norms, best, nearest_two, n_together, rng
        )
        if len(starts) == 0:  # no row is off its centroid
            break
        better = _improve_from(starts, points, weight, best)
        target = best.inertia * (1 - little)
        if better:
            best = better
            nearest_two = _two_nearest(points, squared_norms, best)
        if best.inertia <= target:
            n_failed = 0
            continue
        n_failed += n_together
        if n_failed >= n_swaps:
            break
    return best


def _improve_from(
    starts: FloatArray, points: FloatArray, weight: FloatArray, best: LloydResult
) -> LloydResult | None:
    """Return an optimum that is better than the best one, if a start leads there."""
    trials = lloyd_from_each(points, weight, starts, TRIAL_ITERATIONS, best)
    excess = min(TRIAL_EXCESS, TRIAL_EXCESS_TIMES_K / len(best.centroids))
    for trial in sorted(trials, key=lambda trial: trial.inertia):
        if trial.inertia >= best.inertia * (1 + excess):
            break
        if _leads_back(trial, best, weight):
            continue
        fit = lloyd(points, weight, trial.centroids, previous=trial)
        if fit.inertia < best.inertia and fit.is_converged:
            return fit
    return None


def _swap(
    points: FloatArray,
    weight: FloatArray,
    squared_norms: FloatArray,
    fit: LloydResult,
    nearest_two: tuple[FloatArray, FloatArray],
    n_swaps: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the centroids after each of some swaps, (n_swaps, k, d).

    The cost of a swap is the inertia before any iteration, when each row has the
    nearest of three: its own centroid unless that was moved, the next nearest one, and
    the new one.
    """
    k, d = fit.centroids.shape
    own, second = nearest_two
    error = weight * own
    total_error = error.sum()
    if total_error == 0:
        return np.empty((0, k, d))
    # With many clusters in few dimensions most rows save little: look at several.
    n_rows = min(max(1, k // d), MOST_ROWS_PER_SWAP)
    n_drawn = min(n_swaps * n_rows, np.count_nonzero(error))
    drawn = rng.choice(len(points), n_drawn, replace=False, p=error / total_error)
    rows = np.resize(drawn, n_swaps * n_rows)  # repeats them if there are too few
    to_rows = _squared_distances(points, squared_norms, points[rows])
    with_own = np.minimum(own[:, None], to_rows)
    without_own = np.minimum(second[:, None], to_rows)
    losses = weighted_sums(without_own - with_own, weight, fit.labels, k)
    costs = losses.min(axis=0) + weight @ with_own

    # Each swap takes the cheapest of its own rows.
    swaps = np.arange(n_swaps)
    chosen = costs.reshape(n_swaps, n_rows).argmin(axis=1) + n_rows * swaps
    cheapest_to_lose = losses[:, chosen].argmin(axis=0)
    centroids = np.tile(fit.centroids, (n_swaps, 1, 1))
    centroids[swaps, cheapest_to_lose] = points[rows[chosen]]
    return centroids


def _run_starts(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> list[LloydResult]:
    """Return several starts after a few iterations, the best one first."""
    starts = _initial_centroids(points, weight, k, n_init, init, rng)
    runs = lloyd_from_each(points, weight, starts, START_ITERATIONS)
    return sorted(runs, key=lambda run: run.inertia)


def _initial_centroids(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> FloatArray:
    """Return initial centroids, (n_init, k, d), moved off the rows (see `JITTER`)."""
    n = len(points)
    if init == "k-means++":
        centroids = points[_spread_rows(points, weight, k, n_init, rng)]
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


def _is_same_partition(labels: IntArray, other: IntArray) -> bool:
    """Return whether nearly all rows stay together in another labeling.

    That is, whether they are in the cluster of the other labeling that holds most rows
    of their own.
    """
    n_others = int(other.max()) + 1
    pairs, counts = np.unique(n_others * labels + other, return_counts=True)
    largest = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, pairs // n_others, counts)
    return bool(largest.sum() >= SAME_SHARE * len(labels))


def _squared_norms(points: FloatArray) -> FloatArray:
    """Return the sum of squares of each row."""
    return np.asarray(np.einsum("ij,ij->i", points, points))


def _squared_distances(
    points: FloatArray, squared_norms: FloatArray, others: FloatArray
) -> FloatArray:
    """Return the squared distance of each row to others, but for rounding."""
    squared: FloatArray = points @ (-2 * others.T)
    squared += squared_norms[:, None]
    squared += _squared_norms(others)
    return np.maximum(squared, 0, out=squared)


def _leads_back(trial: LloydResult, best: LloydResult, weight: FloatArray) -> bool:
    """Return whether a trial is on its way back to the optimum that it started from."""
    if trial.inertia < best.inertia:
        return False
    steps = cdist(trial.centroids, best.centroids, "sqeuclidean").min(axis=1)
    cluster_weights = np.bincount(trial.labels, weight)
    return bool((cluster_weights * steps).sum() < SAME_OPTIMUM * best.inertia)


def _spread_rows(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    rng: np.random.Generator,
) -> IntArray:
    """Draw k rows that lie far from each other, for each start (greedy k-means++).

    Each row is drawn with a probability proportional to its squared distance from the
    nearest one that was drawn before (Arthur and Vassilvitskii 2007). Of several draws
    that one is kept after which the rows are best served, as in scikit-learn.
    """
    n = len(points)
    n_draws = 2 + int(math.log(k))
    starts = np.arange(n_init)
    squared_norms = _squared_norms(points)
    chosen = np.empty((n_init, k), dtype=np.int64)
    chosen[:, 0] = rng.choice(n, n_init, p=weight / weight.sum())
    nearest = _squared_distances(points, squared_norms, points[chosen[:, 0]])
    for i in range(1, k):
        cumulated = np.cumsum(weight[:, None] * nearest, axis=0)
        places = rng.random((n_draws, n_init)) * cumulated[-1]
        draws = (cumulated[:, None, :] <= places).sum(axis=0)
        draws = np.minimum(draws, n - 1)
        to_draws = _squared_distances(points, squared_norms, points[draws.ravel()])
        served = np.minimum(nearest[:, None, :], to_draws.reshape(n, n_draws, n_init))
        best = (weight[:, None, None] * served).sum(axis=0).argmin(axis=0)
        chosen[:, i] = draws[best, starts]
        nearest = served[:, best, starts]

    for start, rows in enumerate(chosen):
        if len(distinct_rows(points, rows, k)) < k:
            # No row is told apart by rough distances: take any that differ.
            order = [*rows.tolist(), *rng.permutation(n).tolist()]
            chosen[start] = distinct_rows(points, order, k)
    return chosen


def _two_nearest(
    points: FloatArray, squared_norms: FloatArray, fit: LloydResult
) -> tuple[FloatArray, FloatArray]:
    """Return the squared distances to the own centroid and to the next nearest one."""
    rows = np.arange(len(points))
    squared = _squared_distances(points, squared_norms, fit.centroids)
    own = squared[rows, fit.labels]
    squared[rows, fit.labels] = np.inf
    return own, squared.min(axis=1)
