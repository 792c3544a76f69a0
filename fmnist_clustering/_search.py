"""The search for a good partition: several starts, of which the best are improved."""

import math
from collections.abc import Iterable

import numpy as np
from scipy.spatial.distance import cdist

from fmnist_clustering._lloyd import (
    LloydResult,
    lloyd,
    weighted_means,
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
"""Two optima are the same if so many rows stay together."""

SWAPS_PER_START = 4
SWAPS_PER_CLUSTER = 4
"""Each optimum gets the smaller of 4 n_init and 4 k swaps."""

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
        start = _initial_centroids(points, weight, k, init, rng)
        return [lloyd(points, weight, start)]
    n_optima = OPTIMA_CARRIED_ON + (points.size <= SMALL_DATA)
    optima: list[LloydResult] = []
    for run in _run_starts(points, weight, k, n_init, init, rng)[:STARTS_FOLLOWED]:
        fit = lloyd(points, weight, run.centroids, previous=run)
        if any(_is_same_partition(fit.labels, other.labels) for other in optima):
            continue
        n_swaps = count_swaps(n_init, k)
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


def count_swaps(n_init: int, k: int) -> int:
    """Return how many swaps an optimum gets.

    Parameters
    ----------
    n_init, k : int
        See `find_optima`.

    Returns
    -------
    int
        0 or more.
    """
    return min(SWAPS_PER_START * n_init, SWAPS_PER_CLUSTER * k)


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
    (Fränti and Kivijärvi 2000), and is undone unless it lowers the inertia.

    Parameters
    ----------
    points, weight : as in `find_optima`
        The same.
    fit : LloydResult
        A fixed point of Lloyd's iterations.
    n_swaps : int
        How many swaps are tried.
    rng : Generator
        Draws the rows.

    Returns
    -------
    LloydResult
        A fixed point that is no worse.
    """
    best = fit
    k, d = best.centroids.shape
    # With many clusters in few dimensions most rows save little: look at several.
    n_rows = min(max(1, k // d), MOST_ROWS_PER_SWAP)
    excess = min(TRIAL_EXCESS, TRIAL_EXCESS_TIMES_K / k)
    squared_norms = _squared_norms(points)
    nearest_two = _two_nearest(points, squared_norms, best)
    for _ in range(n_swaps):
        error = weight * nearest_two[0]
        total_error = error.sum()
        if total_error == 0:
            break  # no row is off its centroid
        rows = rng.choice(len(points), n_rows, p=error / total_error)
        to_rows = _squared_distances(points, squared_norms, points[rows])
        i, removed = _best_swap(weight, best.labels, nearest_two, to_rows)
        swapped = best.centroids.copy()
        swapped[removed] = points[rows[i]]
        trial = lloyd(points, weight, swapped, TRIAL_ITERATIONS, previous=best)
        # Only a trial that passes here can end below the best, which so is an optimum.
        is_promising = trial.inertia < best.inertia * (1 + excess)
        if is_promising and not _leads_back(trial, best, weight):
            trial = lloyd(points, weight, trial.centroids, previous=trial)
        if trial.inertia < best.inertia and trial.is_converged:
            best = trial
            nearest_two = _two_nearest(points, squared_norms, best)
    return best


def _run_starts(
    points: FloatArray,
    weight: FloatArray,
    k: int,
    n_init: int,
    init: str,
    rng: np.random.Generator,
) -> list[LloydResult]:
    """Return several starts after a few iterations, the best one first."""
    starts = [_initial_centroids(points, weight, k, init, rng) for _ in range(n_init)]
    runs = [lloyd(points, weight, start, START_ITERATIONS) for start in starts]
    return sorted(runs, key=lambda run: run.inertia)


def _initial_centroids(
    points: FloatArray, weight: FloatArray, k: int, init: str, rng: np.random.Generator
) -> FloatArray:
    """Return k initial centroids, moved a little off the rows (see `JITTER`)."""
    n = len(points)
    if init == "k-means++":
        centroids = points[_spread_rows(points, weight, k, rng)]
    elif init == "random":
        order = rng.choice(n, n, replace=False, p=weight / weight.sum())
        centroids = points[distinct_rows(points, order, k)]
    else:
        labels = rng.permutation(np.arange(n) % k)
        centroids = weighted_means(points, weight, labels, k)
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
    points: FloatArray, weight: FloatArray, k: int, rng: np.random.Generator
) -> list[int]:
    """Draw k rows that lie far from each other (greedy k-means++).

    Each row is drawn with a probability proportional to its squared distance from the
    nearest one that was drawn before (Arthur and Vassilvitskii 2007). Of several draws
    that one is kept after which the rows are best served, as in scikit-learn.
    """
    n_draws = 2 + int(math.log(k))
    first = int(rng.choice(len(points), p=weight / weight.sum()))
    chosen = [first]
    squared_norms = _squared_norms(points)
    nearest = _squared_distances(points, squared_norms, points[[first]])[:, 0]
    while len(chosen) < k:
        cumulated = np.cumsum(weight * nearest)
        if cumulated[-1] == 0:
            # No row is told apart by rough distances: take any that differ.
            order = [*chosen, *rng.permutation(len(points)).tolist()]
            return distinct_rows(points, order, k)
        places = rng.random(n_draws) * cumulated[-1]
        draws = np.searchsorted(cumulated, places, side="right")
        draws = np.minimum(draws, len(points) - 1)
        to_draws = _squared_distances(points, squared_norms, points[draws])
        served = np.minimum(nearest[:, None], to_draws)
        best = int((weight[:, None] * served).sum(axis=0).argmin())
        chosen.append(int(draws[best]))
        nearest = served[:, best]
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


def _best_swap(
    weight: FloatArray,
    labels: IntArray,
    nearest_two: tuple[FloatArray, FloatArray],
    to_rows: FloatArray,
) -> tuple[int, int]:
    """Return which of some rows, and which centroid to move there, cost least.

    This is the cost before any iteration, when each row has the nearest of three: its
    own centroid unless that was moved, the next nearest one, and the new one.
    """
    own, second = nearest_two
    swaps = []
    for i, to_row in enumerate(to_rows.T):
        with_own = np.minimum(own, to_row)
        without_own = np.minimum(second, to_row)
        losses = np.bincount(labels, weight * (without_own - with_own))
        removed = int(losses.argmin())
        cost = float((weight * with_own).sum() + losses[removed])
        swaps.append((cost, i, removed))
    _, i, removed = min(swaps)
    return i, removed
