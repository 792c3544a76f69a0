"""How many clusters? Scores over k, and the rules that pick k or decline to."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.metrics import (
    adjusted_rand_score,
)

from fmnist_clustering._lloyd import weighted_means
from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    check_columns,
    check_curve,
    check_instance,
    check_integer,
    check_k_values,
    check_labels,
    check_numbers,
)
from fmnist_clustering.distances import direct_distances, norms, power_of_two_near
from fmnist_clustering.kmeans import (
    KMeansFit,
    Problem,
    as_data,
    fit_many,
    prepare,
    prepare_as_they_are,
    search_columns,
)
from fmnist_clustering.labels import canonical_labels
from fmnist_clustering.silhouette import silhouette_samples

ELBOW_STRENGTH = 0.5
"""Above this strength there is an elbow; `elbow` says why."""
FLAT_SLOPE = 1e-9
"""Steps of a smaller slope than this are rounding errors, and pay nothing."""
MAX_RESAMPLED_ROWS = 10_000
"""Stability looks at so many rows at most."""
LARGEST = float(np.finfo(np.float64).max)
"""The largest finite number."""
MIN_RESAMPLES = 3
"""The jackknife leaves out one resample, and needs a pair among the others."""


class KSweep(NamedTuple):
    """One k-means fit for each k.

    Attributes
    ----------
    k_values : (m,) int64
        The numbers of clusters.
    inertia : (m,) float64
        The cost of each fit, see `fmnist_clustering.kmeans.inertia`.
    silhouette : (m,) float64
        The mean silhouette of each fit over all rows; NaN at k = 1, where it is not
        defined.
    labels : (m, n) int64
        One labeling in each row.
    centroids : list of (k, d) float64
        The means of the clusters of each fit.
    """

    k_values: IntArray
    inertia: FloatArray
    silhouette: FloatArray
    labels: IntArray
    centroids: list[FloatArray]


class Elbow(NamedTuple):
    """Where a curve of inertia over k stops falling steeply.

    Attributes
    ----------
    k : int or None
        The last k that pays; None when no step stands out.
    strength : float
        1 - (best later step) / (step to k), from 0 (some later step pays as much) to 1
        (nothing pays after k). Above 1/2 there is an elbow.
    """

    k: int | None
    strength: float


def sweep_k(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_init: int = 10,
    random_state: int = 0,
) -> KSweep:
    """Fit k-means for each k and score each fit.

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are.
    k_values : iterable of int
        Rising numbers of clusters, from 1 to n - 1.
    n_init, random_state : int
        See `fmnist_clustering.kmeans.fit_kmeans`.

    Returns
    -------
    KSweep
        ``.k_values``, ``.inertia``, ``.silhouette``, ``.labels`` and ``.centroids``.

    Raises
    ------
    ValueError
        When there are no k values, when they do not rise, or when they are out of
        range, or above the number of distinct rows.

    Notes
    -----
    The rows are prepared once for all fits, and the fits run on all cores. All
    silhouettes share one pass over the distances.
    """
    problem = prepare(X)
    k = check_k_values(k_values, 1, len(problem.data.points) - 1)
    settings = {"problem": problem, "n_init": n_init, "random_state": random_state}
    requests = [settings | {"n_clusters": int(n_clusters)} for n_clusters in k]
    fits = _fit_each(requests, "k-means")
    inertia = np.array([fit.inertia for fit in fits])
    labels = np.stack([fit.labels for fit in fits])
    centroids = [fit.centroids for fit in fits]

    silhouette = np.full(len(k), np.nan)
    is_defined = k > 1
    if is_defined.any():
        samples = silhouette_samples(X, labels[is_defined])
        silhouette[is_defined] = samples.mean(axis=1)
    return KSweep(k, inertia, silhouette, labels, centroids)


def stability(
    X: ArrayLike,
    k_values: Iterable[int],
    *,
    n_resamples: int = 10,
    n_init: int = 10,
    random_state: int = 0,
) -> pd.DataFrame:
    """Ask whether another sample would give the same clusters.

    Several random halves of the rows are clustered, each on its own. The centroids of
    each half then label all rows, and these labelings are compared pair by pair
    (Ben-Hur, Elisseeff and Guyon 2002, doi:10.1142/9789812799623_0002).

    Parameters
    ----------
    X : (n, d) array-like
        Each row is one point. Data of dtype uint8 are images, where 255 means 1.0; all
        other data are taken as they are. Of more than 10,000 rows a random sample of
        10,000 is used, and n is 10,000 from here on.
    k_values : iterable of int
        Rising numbers of clusters, from 2 to n // 2 - 1.
    n_resamples : int
        How many halves are drawn, 3 or more. All k see the same halves.
    n_init : int
        See `fmnist_clustering.kmeans.fit_kmeans`.
    random_state : int
        Chooses the halves, and the starts of k-means.

    Returns
    -------
    DataFrame
        One row for each k (the index), and one column for each pair of resamples
        (``first``, ``second``): the adjusted Rand index of their two labelings. 1 means
        that they are equal, 0 is what chance gives. High values say that the clusters
        do not depend on the sample. That alone does not make them real, since any cut
        that is easy to repeat is stable.

    Raises
    ------
    ValueError
        For k values out of range, or above the number of distinct rows of a half, or
        fewer than three resamples.

    Notes
    -----
    Where `fit_kmeans` searches in 20 principal components, these are clustered.
    The halves come one after the other from ``rng.choice(n, n // 2, replace=False)``
    with ``rng = numpy.random.default_rng(random_state)``. 10,000 images and k from 2 to
    14 take about 20 s on two cores for 130 fits and 585 comparisons.
    """
    n_resamples = check_integer(n_resamples, "n_resamples", MIN_RESAMPLES)
    rng = np.random.default_rng(check_integer(random_state, "random_state", 0))
    problem = prepare(X)
    unit = problem.data.unit
    points = _random_rows(search_columns(problem))
    k = check_k_values(k_values, 2, len(points) // 2 - 1)
    halves = [_draw_half(points, unit, rng) for _ in range(n_resamples)]

    settings = {"n_init": n_init, "random_state": random_state}
    requests = [
        settings | {"problem": half, "n_clusters": int(n_clusters)}
        for n_clusters in k
        for half in halves
    ]
    fits = _fit_each(requests, "k-means on resamples")
    labels = np.stack([_nearest(points, fit.centroids * unit) for fit in fits])

    labels_by_k = labels.reshape(len(k), n_resamples, len(points))
    pairs = list(combinations(range(n_resamples), 2))
    return pd.DataFrame(
        [_compare_pairs(labels_of_k, pairs) for labels_of_k in labels_by_k],
        index=pd.Index(k, name="k"),
        columns=pd.MultiIndex.from_tuples(pairs, names=["first", "second"]),
    )


def selection_scores(
    X: ArrayLike,
    sweep: KSweep,
    replicates: pd.DataFrame,
) -> pd.DataFrame:
    """Put all scores over k into one table.

    Parameters
    ----------
    X : (n, d) array-like
        The rows that `sweep` clustered. Data of dtype uint8 are images, where 255 means
        1.0; all other data are taken as they are.
    sweep : KSweep
        The result of `sweep_k`.
    replicates : DataFrame
        The result of `stability`. Its k values may differ from those of the sweep.

    Returns
    -------
    DataFrame
        One row for each k of the sweep (the index), with the columns

        - ``n``: the number of rows that each score is computed on;
        - ``inertia``: lower is tighter, but it falls with every added cluster;
        - ``silhouette``: the mean over all rows, -1 to 1, higher is better;
        - ``Calinski-Harabasz``: the variance between the clusters over the variance
          within, each by its degrees of freedom; 0 or more, higher is better (1974,
          doi:10.1080/03610927408827101), and NaN where all clusters hold equal rows;
        - ``Davies-Bouldin``: how wide each cluster is, relative to its distance from
          the cluster that is most similar in this sense; 0 or more, lower is better
          (1979, doi:10.1109/TPAMI.1979.4766909);
        - ``stability``: the mean of the replicates, 1 is best;
        - ``standard error``: that of the stability, by the jackknife over resamples.

        A score is NaN where it is not defined (at k = 1) or not known.

    Raises
    ------
    TypeError
        When `sweep` or `replicates` is of another type.
    ValueError
        When `sweep` does not hold one labeling of all rows for each k, or `replicates`
        not one column for each pair of three or more resamples.
    """
    points = as_data(X).rows  # neither score depends on the origin or the unit
    labelings = _check_sweep(sweep, len(points))
    replicates = _check_replicates(replicates)
    scores = pd.DataFrame(
        {"n": len(points), "inertia": sweep.inertia, "silhouette": sweep.silhouette},
        index=pd.Index(sweep.k_values, name="k"),
    )
    scores["Calinski-Harabasz"] = _score_labelings(
        _calinski_harabasz,
        points,
        labelings,
    )
    scores["Davies-Bouldin"] = _score_labelings(
        _davies_bouldin,
        points,
        labelings,
    )
    scores["stability"] = replicates.mean(axis=1)
    scores["standard error"] = _jackknife_standard_error(replicates)
    return scores


def select_k(scores: pd.DataFrame) -> pd.DataFrame:
    """Pick k by each score, with the rule that suits it.

    The elbow suits a curve that always falls, and may find nothing. The optimum suits a
    score that has one. The rule of one standard error suits a score that is known with
    an error: it takes the smallest k whose mean is within one standard error of the
    highest mean (Breiman, Friedman, Olshen and Stone 1984,
    *Classification and Regression Trees*).

    Parameters
    ----------
    scores : DataFrame
        The result of `selection_scores`, or some of its columns; ``stability`` needs
        ``standard error``.

    Returns
    -------
    DataFrame
        One row for each score (the index, ``criterion``), with the columns

        - ``rule``: how it picks: elbow, maximum, minimum or one standard error;
        - ``pick``: k, missing when the rule names none;
        - ``runner-up``: the best k besides;
        - ``at an end``: whether the pick is the first or the last k that could be
          picked. An optimum proves least there, since a better one may lie beyond.

    Raises
    ------
    TypeError
        When `scores` is no DataFrame.
    ValueError
        When `scores` has no column that a rule knows, when its index does not hold
        rising numbers of clusters, or when a score is known at fewer than two k,
        inertia at fewer than five.
    """
    check_columns(scores, "scores", [])
    _check_k_index(scores, "scores")
    repeated = scores.columns[scores.columns.duplicated()]
    if len(repeated) > 0:
        raise ValueError(
            f"scores: found column {repeated[0]!r} twice, expected it once",
        )
    criteria = [criterion for criterion in RULES if criterion in scores.columns]
    if not criteria:
        found = [str(column) for column in scores.columns]
        expected = ", ".join(RULES)
        raise ValueError(
            f"scores: found columns {found}, expected one or more of {expected}",
        )
    picks = [RULES[criterion].pick(scores, criterion) for criterion in criteria]
    return pd.DataFrame(
        {
            "rule": [RULES[criterion].name for criterion in criteria],
            "pick": pd.array([pick.k for pick in picks], dtype="Int64"),
            "runner-up": [pick.runner_up for pick in picks],
            "at an end": [pick.at_an_end for pick in picks],
        },
        index=pd.Index(criteria, name="criterion"),
    )


def describe_selection(selected: pd.DataFrame) -> str:
    """Say in words where the criteria agree, and where not.

    Parameters
    ----------
    selected : DataFrame
        The result of `select_k`.

    Returns
    -------
    str
        One sentence for each k that is picked, one for the criteria that name none, one
        for the picks at an end of the range, and one that says how many agree.

    Raises
    ------
    TypeError
        When `selected` is no DataFrame.
    ValueError
        When `selected` has no row, lacks a column, or holds something else than
        numbers of clusters and truth values.
    """
    selected = _check_selected(selected)
    n_criteria = len(selected)
    decided = selected[selected["pick"].notna()]
    votes = decided["pick"].value_counts().sort_index()
    sentences = []
    for k in votes.index:
        supporters = decided[decided["pick"] == k]
        sentences.append(f"k = {k}: {_name_with_runner_up(supporters)}.")

    undecided = selected[selected["pick"].isna()]
    if len(undecided) > 0:
        sentences.append(f"No k: {_name_with_runner_up(undecided)}.")

    at_an_end = selected.index[selected["at an end"]]
    if len(at_an_end) > 0:
        sentences.append(f"At an end of the range: {', '.join(map(str, at_an_end))}.")

    most_votes = int(votes.max()) if len(votes) > 0 else 0
    if most_votes == n_criteria:
        sentences.append(f"All {n_criteria} agree on {votes.index[0]}.")
    else:
        sentences.append(
            f"No k is picked by more than {most_votes} of {n_criteria}: they disagree.",
        )
    return " ".join(sentences)


def elbow(k_values: ArrayLike, inertia: ArrayLike) -> Elbow:
    """Find the last number of clusters that pays, or say that there is none.

    A cloud without clusters loses inertia as a power law, k^(-2/d), where d is its
    dimension (Zador 1982, doi:10.1109/TIT.1982.1056490). So what the step to k pays is
    s(k), the slope of log inertia over log k, and the strength of an elbow at k is
    1 - max(s after k) / s(k). Above 1/2 the slopes fall by more than half: from k on
    the data behave as if they had more than twice as many dimensions, because clusters
    no longer come apart but are only cut up. Straight, flat and power-law curves have
    no elbow.

    Parameters
    ----------
    k_values : (m,) array-like of int
        Rising numbers of clusters from 1, m >= 4. An elbow needs one step before it
        and two after it.
    inertia : (m,) array-like of float
        The cost at each k, 0 or more.

    Returns
    -------
    Elbow
        ``.k`` or None, and the largest ``.strength``.

    Raises
    ------
    ValueError
        For fewer than four points, different lengths, NaN, a cost below 0, or k values
        that do not rise from 1 or more.
    """
    k, cost = _check_inertia_curve(k_values, inertia, min_points=4)
    candidates = k[1:-2]
    strengths = _elbow_strengths(k, cost)
    best = strengths.argmax()
    strength = max(float(strengths[best]), 0.0)
    if strength > ELBOW_STRENGTH:
        return Elbow(int(candidates[best]), strength)
    return Elbow(None, strength)


def elbow_ranges(k_values: ArrayLike, inertia: ArrayLike) -> pd.DataFrame:
    """Look for the elbow on every range of k, to see whether it moves with the range.

    Parameters
    ----------
    k_values, inertia : (m,) array-like
        See `elbow`.

    Returns
    -------
    DataFrame
        One row for each range of at least four values, with the columns

        - ``first``, ``last``: the ends of the range;
        - ``chord``: the k farthest below the straight line from the first point to the
          last one, with both axes scaled to 0..1. Most tools report this k (Satopaa,
          Albrecht, Irwin and Raghavan 2011, doi:10.1109/ICDCSW.2011.20);
        - ``elbow``: what `elbow` finds, missing when it finds none.

    Raises
    ------
    ValueError
        As `elbow`.
    """
    k, cost = _check_inertia_curve(k_values, inertia, min_points=4)
    rows = []
    for first, last in combinations(range(len(k)), 2):
        if last - first < 3:
            continue  # fewer than four values
        k_range = k[first : last + 1]
        cost_range = cost[first : last + 1]
        rows.append(
            {
                "first": int(k[first]),
                "last": int(k[last]),
                "chord": _farthest_below_chord(k_range, cost_range),
                "elbow": elbow(k_range, cost_range).k,
            },
        )
    return pd.DataFrame(rows).astype({"elbow": "Int64"})


def _random_rows(points: FloatArray) -> FloatArray:
    """Return all rows, or of more than 10,000 always the same random ones."""
    n = len(points)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(n, min(n, MAX_RESAMPLED_ROWS), replace=False))
    return np.ascontiguousarray(points[chosen])


def _fit_each(
    requests: Sequence[Mapping[str, Any]],
    description: str,
) -> list[KMeansFit]:
    """Return the fits of `fit_many`, whose number of clusters is here one of many."""
    try:
        return fit_many(requests, description)
    except ValueError as error:
        name, separator, rest = str(error).partition(": ")
        if name != "n_clusters":
            raise
        raise ValueError(f"k_values{separator}{rest}") from None


def _draw_half(points: FloatArray, unit: float, rng: np.random.Generator) -> Problem:
    """Return a random half of the rows, ready for k-means as they are."""
    n = len(points)
    chosen = np.sort(rng.choice(n, n // 2, replace=False))
    return prepare_as_they_are(points[chosen], unit)


def _nearest(points: FloatArray, centroids: FloatArray) -> IntArray:
    """Return the number of the nearest centroid for each row."""
    return np.asarray(cdist(points, centroids, "sqeuclidean").argmin(axis=1))


def _compare_pairs(labels: IntArray, pairs: list[tuple[int, int]]) -> list[float]:
    """Return the adjusted Rand index of each pair of labelings."""
    return [adjusted_rand_score(labels[i], labels[j]) for i, j in pairs]


def _score_labelings(
    score: Callable[[FloatArray, IntArray], float],
    points: FloatArray,
    labelings: list[IntArray],
) -> list[float]:
    """Return the score of each labeling; NaN for one cluster."""
    return [
        score(points, labeling) if np.ptp(labeling) > 0 else np.nan
        for labeling in labelings
    ]


def _calinski_harabasz(points: FloatArray, labels: IntArray) -> float:
    """Return the variance between the clusters over the variance within.

    NaN if all rows of each cluster are equal. scikit-learn's function returns 1 then,
    and takes the means of rows far out as they are rounded.
    """
    ids, means, distances = _distances_to_means(points, labels)
    n = len(points)
    k = len(means)
    one_cluster = np.zeros(n, dtype=np.int64)
    _, center, _ = _distances_to_means(points, one_cluster)
    between = norms(means - center)
    scale = power_of_two_near(between.max())  # squares have to fit into float64
    within = np.square(distances / scale).sum() / (n - k)
    if within == 0:
        return math.nan
    sizes = np.bincount(ids)
    return float((sizes * np.square(between / scale)).sum() / (k - 1) / within)


def _davies_bouldin(points: FloatArray, labels: IntArray) -> float:
    """Return how similar each cluster is to its most similar one, on average.

    The similarity of two clusters is the sum of their widths, which are mean distances
    to the own mean, over the distance of their means. scikit-learn's function takes
    distances from a matrix product, which is wrong for a cluster far out.
    """
    ids, means, distances = _distances_to_means(points, labels)
    widths = np.bincount(ids, distances) / np.bincount(ids)
    separation = direct_distances(means, means)
    np.fill_diagonal(separation, np.inf)
    # As in scikit-learn, clusters with the same mean are not compared.
    separation[separation == 0] = np.inf
    similarity = (widths[:, None] + widths) / separation
    return float(similarity.max(axis=1).mean())


def _distances_to_means(
    points: FloatArray, labels: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return ids 0..k-1, the mean of each cluster, and the distance to the own one."""
    ids = canonical_labels(labels)
    means = weighted_means(points, np.ones(len(points)), ids, int(ids.max()) + 1)
    return ids, means, norms(points - means[ids])


def _jackknife_standard_error(replicates: pd.DataFrame) -> pd.Series:
    """Return the standard error of the mean over all pairs of resamples, for each k.

    Pairs that share a resample are not independent, so s / sqrt(number of pairs) would
    be too small. The resamples are independent. With m(r) for the mean over the pairs
    without resample r, m for the mean of all m(r), and R for the number of resamples,

        standard error = sqrt((R - 1) / R * sum over r of (m(r) - m)^2)

    (Tukey's jackknife; Efron and Stein 1981, doi:10.1214/aos/1176345462).
    """
    pairs = np.array(replicates.columns.tolist())
    resamples = np.unique(pairs)
    means_without = []
    for resample in resamples:
        is_without = (pairs != resample).all(axis=1)
        means_without.append(replicates.loc[:, is_without].mean(axis=1))
    # np.std divides the sum of squares by R.
    error = np.sqrt(len(resamples) - 1) * np.std(means_without, axis=0)
    return pd.Series(error, index=replicates.index)


class _Pick(NamedTuple):
    """What one rule says; k is None when it names none."""

    k: int | None
    runner_up: int
    at_an_end: bool


class _Rule(NamedTuple):
    """A rule that picks k by one column of the scores, and which scores there are."""

    name: str
    pick: Callable[[pd.DataFrame, str], _Pick]
    lowest: float
    highest: float


def _pick_elbow(scores: pd.DataFrame, criterion: str) -> _Pick:
    """Pick the elbow of a falling curve, or none."""
    curve = _known_scores(scores, criterion)
    # Of five k two are candidates: one to pick, and a runner-up.
    k, cost = _check_inertia_curve(curve.index, curve, min_points=5, name="scores")
    candidates = curve.index[1:-2]
    strengths = pd.Series(_elbow_strengths(k, cost), index=candidates)
    ranked = _rank(strengths)
    if strengths.max() > ELBOW_STRENGTH:
        return _as_pick(ranked[0], ranked)
    return _Pick(None, int(ranked[0]), at_an_end=False)


def _pick_maximum(scores: pd.DataFrame, criterion: str) -> _Pick:
    """Pick the k of the highest score."""
    ranked = _rank(_known_scores(scores, criterion))
    return _as_pick(ranked[0], ranked)


def _pick_minimum(scores: pd.DataFrame, criterion: str) -> _Pick:
    """Pick the k of the lowest score."""
    ranked = _rank(-_known_scores(scores, criterion))
    return _as_pick(ranked[0], ranked)


def _pick_within_one_standard_error(scores: pd.DataFrame, criterion: str) -> _Pick:
    """Pick the smallest k that is within one standard error of the highest score."""
    check_columns(scores, "scores", ["standard error"])
    means = _known_scores(scores, criterion)
    ranked = _rank(means)
    errors = check_numbers(scores["standard error"].loc[ranked], "scores")
    is_valid = (errors >= 0) & (errors <= LARGEST)
    is_valid[1:] |= np.isnan(errors[1:])  # only the error of the best one is needed
    if not is_valid.all():
        first = is_valid.argmin()
        raise ValueError(
            f"scores: found standard error {errors[first]:g} at k = {ranked[first]}, "
            "expected 0 or more, and finite",
        )
    is_near = means >= means.max() - errors[0]
    return _as_pick(means.index[is_near][0], ranked)


RULES = {
    "inertia": _Rule("elbow", _pick_elbow, 0, LARGEST),
    "silhouette": _Rule("maximum", _pick_maximum, -1, 1),
    "Calinski-Harabasz": _Rule("maximum", _pick_maximum, 0, LARGEST),
    "Davies-Bouldin": _Rule("minimum", _pick_minimum, 0, LARGEST),
    "stability": _Rule("one standard error", _pick_within_one_standard_error, -1, 1),
}
"""How each criterion picks k."""


def _known_scores(scores: pd.DataFrame, criterion: str) -> pd.Series:
    """Return the scores that are not missing; the index is k."""
    known = scores[criterion].dropna()
    if known.dtype.kind not in "iuf":
        found = f"{criterion} of type {known.dtype}"
        raise ValueError(f"scores: found {found}, expected numbers")
    lowest = RULES[criterion].lowest
    highest = RULES[criterion].highest
    outside = known[~known.between(lowest, highest)]
    if len(outside) > 0:
        found = f"{criterion} {outside.iloc[0]} at k = {outside.index[0]}"
        largest = "finite" if highest == LARGEST else f"at most {highest}"
        expected = f"{lowest} or more, and {largest}"
        raise ValueError(f"scores: found {found}, expected {expected}")
    if len(known) < 2:
        found = f"{criterion} at {len(known)} k"
        raise ValueError(f"scores: found {found}, expected two or more to choose from")
    return known


def _rank(scores: pd.Series) -> pd.Index:
    """Return the k values, the one of the highest score first; ties go to smaller k."""
    return scores.sort_values(ascending=False, kind="stable").index


def _as_pick(k: int, ranked: pd.Index) -> _Pick:
    """Return a pick with the best k besides; `ranked` holds all k, best first."""
    runner_up = ranked[0] if ranked[0] != k else ranked[1]
    is_at_an_end = k in (ranked.min(), ranked.max())
    return _Pick(int(k), int(runner_up), is_at_an_end)


def _name_with_runner_up(selected: pd.DataFrame) -> str:
    """Return the criteria and their runners-up, as part of a sentence."""
    runners_up = selected["runner-up"].items()
    return ", ".join(f"{criterion} (runner-up {k})" for criterion, k in runners_up)


def _elbow_strengths(k: FloatArray, cost: FloatArray) -> FloatArray:
    """Return the strength of an elbow at each k but the first and the last two."""
    # Step 1: the slope of each step on double logarithmic scale. 0 has no logarithm.
    log_cost = np.log(np.maximum(cost, np.finfo(np.float64).tiny))
    slopes = -np.diff(log_cost) / np.diff(np.log(k))

    # Step 2: the step to each candidate, k[1:-2], and the best step after it, which is
    # the running maximum from the right. A step that rises pays nothing.
    step = slopes[:-2]
    best_from_here_on = np.maximum.accumulate(slopes[::-1])[::-1]
    best_later = np.maximum(best_from_here_on[1:-1], 0)

    # Step 3: how much more the step pays than any later one. A flat step pays nothing.
    strengths = np.zeros(len(step))
    pays = step > FLAT_SLOPE
    strengths[pays] = 1 - best_later[pays] / step[pays]
    return strengths


def _farthest_below_chord(k: FloatArray, cost: FloatArray) -> int:
    """Return the k that is farthest below the line from the first to the last point."""
    drop = max(cost[0] - cost[-1], 1e-300)
    x = (k - k[0]) / (k[-1] - k[0])
    y = (cost - cost[-1]) / drop
    # On scaled axes the line is x + y = 1, and below it x + y is smaller.
    return int(k[(x + y).argmin()])


def _check_inertia_curve(
    k_values: ArrayLike,
    inertia: ArrayLike,
    min_points: int,
    name: str = "k_values, inertia",
) -> tuple[FloatArray, FloatArray]:
    """Return k and cost as float64 if k rises from 1 or more and no cost is below 0."""
    k, cost = check_curve(k_values, inertia, "inertia")
    is_valid = (
        len(k) >= min_points
        and k[0] >= 1
        and (np.diff(k) > 0).all()
        and (k % 1 == 0).all()
        and np.isfinite(cost).all()
        and cost.min() >= 0
    )
    if not is_valid:
        expected = f"{min_points} or more k that rise from 1, and costs from 0"
        raise ValueError(
            f"{name}: found {k.tolist()} and {cost.tolist()}, expected {expected}",
        )
    return k, cost


def _check_sweep(sweep: KSweep, n: int) -> list[IntArray]:
    """Return the labelings of a sweep if they are one of n rows for each k."""
    check_instance(sweep, "sweep", KSweep)
    _, inertia = check_curve(sweep.k_values, sweep.inertia, "sweep.inertia")
    _, silhouette = check_curve(sweep.k_values, sweep.silhouette, "sweep.silhouette")
    k_values = check_k_values(sweep.k_values, 1, n, "sweep.k_values")
    _check_range(inertia, "sweep.inertia", 0, LARGEST)
    _check_range(silhouette[~np.isnan(silhouette)], "sweep.silhouette", -1, 1)
    n_k = len(k_values)
    check_instance(sweep.labels, "sweep.labels", (np.ndarray, list, tuple))
    if len(sweep.labels) != n_k:
        found = f"{len(sweep.labels)} labelings"
        raise ValueError(f"sweep.labels: found {found}, expected {n_k}, one for each k")
    labelings = [check_labels(each, n, "sweep.labels") for each in sweep.labels]
    for k, labeling in zip(k_values, labelings, strict=True):
        n_found = len(np.unique(labeling))
        if n_found != k:
            found = f"{n_found} different ids at k = {k}"
            raise ValueError(f"sweep.labels: found {found}, expected {k}")
    return labelings


def _check_range(values: FloatArray, name: str, lowest: float, highest: float) -> None:
    """Refuse values outside of a range, NaN among them."""
    is_outside = ~((values >= lowest) & (values <= highest))
    if is_outside.any():
        found = values[is_outside][0]
        raise ValueError(f"{name}: found {found}, expected {lowest} to {highest:.4g}")


def _check_selected(selected: pd.DataFrame) -> pd.DataFrame:
    """Return the table of `select_k` if it says what it should."""
    columns = ["pick", "runner-up", "at an end"]
    table = check_columns(selected, "selected", columns)[columns]
    for column in ("pick", "runner-up"):
        values = check_numbers(table[column].dropna(), f"selected[{column!r}]")
        is_number_of_clusters = (values >= 1) & (values % 1 == 0)
        if not is_number_of_clusters.all():
            found = values[~is_number_of_clusters][0]
            raise ValueError(
                f"selected[{column!r}]: found {found}, expected whole numbers from 1",
            )
    if table["runner-up"].isna().any():
        raise ValueError(
            "selected['runner-up']: found a missing value, "
            "expected a number of clusters in each row",
        )
    if not pd.api.types.is_bool_dtype(table["at an end"]):
        found = table["at an end"].dtype
        raise ValueError(f"selected['at an end']: found {found}, expected truth values")
    return table.astype({"pick": "Int64", "runner-up": "Int64"})


def _check_replicates(replicates: pd.DataFrame) -> pd.DataFrame:
    """Return replicates if they have k as index and a column for each pair."""
    check_columns(replicates, "replicates", [])
    _check_k_index(replicates, "replicates")
    n_pairs = len(replicates.columns)
    n_resamples = (1 + math.isqrt(1 + 8 * n_pairs)) // 2  # as n_pairs = R (R - 1) / 2
    found_pairs = replicates.columns.tolist()
    expected_pairs = list(combinations(range(n_resamples), 2))
    if n_resamples < MIN_RESAMPLES or found_pairs != expected_pairs:
        raise ValueError(
            f"replicates: found columns {found_pairs}, "
            "expected (0, 1), (0, 2), ..., the pairs of three or more resamples",
        )
    values = check_numbers(replicates, "replicates")
    if not (np.abs(values) <= 1).all():  # also NaN
        raise ValueError(
            f"replicates: found values from {values.min()} to {values.max()}, "
            "expected adjusted Rand indices, -1 to 1",
        )
    return replicates


def _check_k_index(table: pd.DataFrame, name: str) -> None:
    """Refuse a table whose index does not hold rising numbers of clusters."""
    index = table.index
    is_integer = pd.api.types.is_integer_dtype(index)
    is_rising = index.is_monotonic_increasing and index.is_unique
    if not is_integer or not is_rising or index[0] < 1:
        found = index.tolist()
        raise ValueError(f"{name}: found index {found}, expected rising k, 1 or more")
