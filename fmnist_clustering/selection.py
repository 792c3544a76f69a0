"""How many clusters? Scores over k, and the rules that pick k or decline to."""

import math
from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fmnist_clustering._lloyd import weighted_means
from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    check_columns,
    check_curve,
    check_instance,
    check_k_values,
    check_labels,
    check_numbers,
)
from fmnist_clustering.distances import direct_distances, norms, power_of_two_near
from fmnist_clustering.kmeans import as_data
from fmnist_clustering.labels import canonical_labels
from fmnist_clustering.sweep import MIN_RESAMPLES, KSweep

ELBOW_STRENGTH = 0.4
"""Above this strength there may be an elbow; `elbow` says why."""
CANDIDATES = slice(1, -4)
"""An elbow needs one step before it, and four after it to compare it with."""
MIN_ELBOW_POINTS = 6
"""With this many k exactly one is a candidate."""
FLAT_SLOPE = 1e-9
"""Steps of a smaller slope than this are rounding errors, and pay nothing."""
LARGEST = float(np.finfo(np.float64).max)
"""The largest finite number."""
GAP = "gap"
"""The criterion that answers only whether there is one cluster."""
AGREEMENT = 4
"""Criteria agree if at least this many pick the same k."""
N_CRITERIA = 5
"""The record below was counted with all of them."""
RECORD = {5: (48, 49, 0), 4: (79, 84, 5), 3: (16, 27, 13)}
"""What became of a k that this many of the five criteria picked, in ``make validate``.

How many picks were right and how many there were, on data with clusters, and how many
of the `N_CLOUDS` data sets without clusters gave such a pick.
"""
GAP_SAYS_ONE = 25
"""The gap statistic says "one cluster" for this many of the `N_BLOBS` sets."""
GAP_SAYS_MORE = 1
"""It says "more" for this many of the `N_CLOUDS` sets without clusters."""
N_BLOBS = 180
N_CLOUDS = 80


class Elbow(NamedTuple):
    """Where a curve of inertia over k stops falling steeply.

    Attributes
    ----------
    k : int or None
        The last k that pays; None when no step stands out.
    strength : float
        1 - (best later step) / (step to k), from 0 (some later step pays as much) to 1
        (nothing pays after k). Above 0.4 there is an elbow, unless the step after it
        pays more than all that follow.
    """

    k: int | None
    strength: float


def selection_scores(
    X: ArrayLike,
    sweep: KSweep,
    replicates: pd.DataFrame,
    gaps: pd.DataFrame | None = None,
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
    gaps : DataFrame, optional
        The result of `gap_statistic`. Its k values may differ from those of the sweep.

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
        - ``standard error``: that of the stability, by the jackknife over resamples;
        - ``gap``, ``gap standard error``: if `gaps` is passed.

        A score is NaN where it is not defined (at k = 1) or not known.

    Raises
    ------
    TypeError
        When `sweep` or `replicates` is of another type.
    ValueError
        When `sweep` does not hold one labeling of all rows for each k, `replicates` not
        one column for each pair of three or more resamples, or `gaps` lacks a column.
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
    if gaps is not None:
        check_columns(gaps, "gaps", ["gap", "standard error"])
        _check_k_index(gaps, "gaps")
        _check_range(check_numbers(gaps["gap"], "gaps"), "gaps", -LARGEST, LARGEST)
        errors = check_numbers(gaps["standard error"], "gaps")
        _check_range(errors, "gaps", 0, LARGEST)
        scores["gap"] = gaps["gap"]
        scores["gap standard error"] = gaps["standard error"]
    return scores


def select_k(scores: pd.DataFrame) -> pd.DataFrame:
    """Pick k by each score, with the rule that suits it.

    The elbow suits a curve that always falls, and may find nothing. The optimum suits a
    score that has one. The rule of one standard error suits a score that is known with
    an error: it takes the smallest k whose mean is within one standard error of the
    highest mean (Breiman, Friedman, Olshen and Stone 1984,
    *Classification and Regression Trees*). The gap statistic answers only whether there
    is one cluster, which no other score can: it picks k = 1 unless the gap at 2 is
    higher by more than its standard error.

    Parameters
    ----------
    scores : DataFrame
        The result of `selection_scores`, or some of its columns; ``stability`` needs
        ``standard error``, and ``gap`` needs ``gap standard error``.

    Returns
    -------
    DataFrame
        One row for each score (the index, ``criterion``), with the columns

        - ``rule``: how it picks: elbow, maximum, minimum, one standard error, or one
          cluster or more;
        - ``pick``: k, missing when the rule names none;
        - ``runner-up``: the best k other than the pick;
        - ``at an end``: whether the pick is the first or the last k that could be
          picked. An optimum proves least there, since a better one may lie beyond;
        - ``smallest``: the smallest k that it could pick. Except for the gap it is 2 or
          more: a criterion that is not defined at k = 1 says nothing against 1.

    Raises
    ------
    TypeError
        When `scores` is no DataFrame.
    ValueError
        When `scores` has no column that a rule knows, or lacks a standard error; when
        its index does not hold rising numbers of clusters; or when a score is known at
        fewer than two k, inertia at fewer than seven, the gap not at 1 and 2.
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
            "smallest": [pick.smallest for pick in picks],
        },
        index=pd.Index(criteria, name="criterion"),
    )


def describe_selection(selected: pd.DataFrame) -> str:
    """Say in words where the criteria agree, and how much that means.

    Parameters
    ----------
    selected : DataFrame
        The result of `select_k`.

    Returns
    -------
    str
        One sentence for each k that is picked, one for the criteria that name none, one
        for the picks at an end of the range, one that says how many of the criteria
        agree, and one about k = 1. With all five criteria it also says how often such a
        pick was right on the data of ``make validate``, whose answer is known; three
        that agree are weak. The gap statistic has no vote: it answers only the question
        about k = 1.

    Raises
    ------
    TypeError
        When `selected` is no DataFrame.
    ValueError
        When `selected` has no row, lacks a column, or holds anything other than
        numbers of clusters and truth values.
    """
    selected = _check_selected(selected)
    voting = selected.drop(index=GAP, errors="ignore")
    decided = voting[voting["pick"].notna()]
    votes = decided["pick"].value_counts().sort_index()
    sentences = []
    for k in votes.index:
        supporters = decided[decided["pick"] == k]
        sentences.append(f"k = {k}: {_name_with_runner_up(supporters)}.")

    undecided = voting[voting["pick"].isna()]
    if len(undecided) > 0:
        sentences.append(f"No k: {_name_with_runner_up(undecided)}.")

    at_an_end = voting.index[voting["at an end"]]
    if len(at_an_end) > 0:
        sentences.append(f"At an end of the range: {', '.join(map(str, at_an_end))}.")

    if len(voting) > 0:
        sentences.append(_describe_agreement(votes, len(voting)))
    sentences.append(_describe_one_cluster(selected))
    return " ".join(sentences)


def elbow(k_values: ArrayLike, inertia: ArrayLike) -> Elbow:
    """Find the last number of clusters that pays, or say that there is none.

    A cloud without clusters loses inertia as a power law, k^(-2/d), where d is its
    dimension (Zador 1982, doi:10.1109/TIT.1982.1056490). So what the step to k pays is
    s(k), the slope of log inertia over log k, and the strength of an elbow at k is
    1 - max(s after k) / s(k). Above 0.4 the data behave from k on as if they had at
    least 1.7 times as many dimensions, because clusters no longer come apart but are
    only cut up. Where the next step pays more than all that follow, it may be such a
    step, too, and k not the last: then there is no answer. Straight, flat and power-law
    curves have no elbow.

    Parameters
    ----------
    k_values : (m,) array-like of int
        Rising numbers of clusters from 1, m >= 6. An elbow needs one step before it
        and four after it.
    inertia : (m,) array-like of float
        The cost at each k, 0 or more.

    Returns
    -------
    Elbow
        ``.k`` or None, and the largest ``.strength``.

    Raises
    ------
    ValueError
        For fewer than six points, different lengths, NaN, a cost below 0, or k values
        that do not rise from 1 or more.

    Notes
    -----
    A k that is named is strong evidence: in ``make validate`` 127 of 128 were right,
    and none of 80 clouds without clusters got one. No k is weak evidence: of 180 data
    sets with clusters 52 got none, mostly where clusters touch. Six or more clusters
    are found more reliably than fewer, because a power law falls less from one k to
    the next. In two dimensions an elbow at k = 2 needs an inertia below a third of
    that at k = 1.
    ``artifacts/README.md`` has the table.

    The fits have to be as good as those of `fit_kmeans`: where one of them is stuck in
    a poor optimum, the next step seems to pay. With fewer than four steps after it the
    best later step is a guess: all false claims on curves of poor fits were there.
    """
    k, cost = _check_inertia_curve(k_values, inertia, MIN_ELBOW_POINTS)
    strengths = _elbow_strengths(k, cost)
    best = int(strengths[:-1].argmax())  # the last one is no candidate
    strength = max(float(strengths[best]), 0.0)
    is_elbow = _is_elbow(strengths, best)
    return Elbow(int(k[CANDIDATES][best]) if is_elbow else None, strength)


def elbow_ranges(k_values: ArrayLike, inertia: ArrayLike) -> pd.DataFrame:
    """Look for the elbow on every range of k, to see whether it moves with the range.

    Parameters
    ----------
    k_values, inertia : (m,) array-like
        See `elbow`.

    Returns
    -------
    DataFrame
        One row for each range of at least six values, with the columns

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
    k, cost = _check_inertia_curve(k_values, inertia, MIN_ELBOW_POINTS)
    rows = []
    for first, last in combinations(range(len(k)), 2):
        if last - first + 1 < MIN_ELBOW_POINTS:
            continue
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
    smallest: int


class _Rule(NamedTuple):
    """A rule that picks k by one column of the scores, and which scores there are."""

    name: str
    pick: Callable[[pd.DataFrame, str], _Pick]
    lowest: float
    highest: float


def _pick_elbow(scores: pd.DataFrame, criterion: str) -> _Pick:
    """Pick the elbow of a falling curve, or none."""
    curve = _known_scores(scores, criterion)
    # One candidate to pick, and a runner-up.
    min_points = MIN_ELBOW_POINTS + 1
    k, cost = _check_inertia_curve(curve.index, curve, min_points, name="scores")
    strengths = _elbow_strengths(k, cost)
    ranked = _rank(pd.Series(strengths[:-1], index=curve.index[CANDIDATES]))
    is_elbow = _is_elbow(strengths, int(strengths[:-1].argmax()))
    return _as_pick(ranked[0] if is_elbow else None, ranked)


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
    means = _known_scores(scores, criterion)
    ranked = _rank(means)
    best = ranked[0]
    errors = _known_errors(scores, "standard error", ranked, needed=[best])
    is_near = means >= means.max() - errors[best]
    return _as_pick(means.index[is_near][0], ranked)


def _pick_one_cluster(scores: pd.DataFrame, criterion: str) -> _Pick:
    """Pick k = 1, unless the gap at 2 is higher by more than its standard error."""
    gap = _known_scores(scores, criterion)
    missing = {1, 2} - set(gap.index)
    if missing:
        found = f"{criterion} at k = {gap.index.tolist()}"
        raise ValueError(f"scores: found {found}, expected 1 and 2 among them")
    errors = _known_errors(scores, "gap standard error", gap.index, needed=[2])
    is_one = gap[1] >= gap[2] - errors[2]
    pick = _as_pick(1 if is_one else None, _rank(gap))
    return pick._replace(at_an_end=False)  # it has no other k to pick


RULES = {
    "inertia": _Rule("elbow", _pick_elbow, 0, LARGEST),
    "silhouette": _Rule("maximum", _pick_maximum, -1, 1),
    "Calinski-Harabasz": _Rule("maximum", _pick_maximum, 0, LARGEST),
    "Davies-Bouldin": _Rule("minimum", _pick_minimum, 0, LARGEST),
    "stability": _Rule("one standard error", _pick_within_one_standard_error, -1, 1),
    GAP: _Rule("one cluster or more", _pick_one_cluster, -LARGEST, LARGEST),
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


def _known_errors(
    scores: pd.DataFrame, column: str, k_values: pd.Index, needed: list[int]
) -> pd.Series:
    """Return standard errors; they may be missing where they are not needed."""
    check_columns(scores, "scores", [column])
    errors = pd.Series(check_numbers(scores[column].loc[k_values], "scores"), k_values)
    is_valid = errors.between(0, LARGEST) | (errors.isna() & ~k_values.isin(needed))
    if not is_valid.all():
        first = k_values[~is_valid][0]
        raise ValueError(
            f"scores: found {column} {errors[first]:g} at k = {first}, "
            "expected 0 or more, and finite",
        )
    return errors


def _rank(scores: pd.Series) -> pd.Index:
    """Return the k values, the one of the highest score first; ties go to smaller k."""
    return scores.sort_values(ascending=False, kind="stable").index


def _as_pick(k: int | None, ranked: pd.Index) -> _Pick:
    """Return a pick with the best k besides; `ranked` holds all k, best first."""
    runner_up = ranked[0] if ranked[0] != k else ranked[1]
    smallest = int(ranked.min())
    if k is None:
        return _Pick(None, int(runner_up), at_an_end=False, smallest=smallest)
    is_at_an_end = k in (ranked.min(), ranked.max())
    return _Pick(int(k), int(runner_up), is_at_an_end, smallest)


def _name_with_runner_up(selected: pd.DataFrame) -> str:
    """Return the criteria and their runners-up, as part of a sentence."""
    runners_up = selected["runner-up"].items()
    return ", ".join(f"{criterion} (runner-up {k})" for criterion, k in runners_up)


def _describe_agreement(votes: pd.Series, n_criteria: int) -> str:
    """Say how many criteria pick the same k, and how often that was right."""
    most_votes = int(votes.max()) if len(votes) > 0 else 0
    if most_votes == 0:
        return "No criterion picks a k."
    if n_criteria == 1:
        return "There is no other criterion to compare it with."
    k = votes.idxmax()
    if n_criteria != N_CRITERIA or most_votes not in RECORD:
        if most_votes == n_criteria:
            return f"All {n_criteria} agree on {k}: too few to rely on."
        return (
            f"No k is picked by more than {most_votes} of {n_criteria}: they disagree."
        )
    how_many = "All" if most_votes == n_criteria else f"{most_votes} of"
    weak = "" if most_votes >= AGREEMENT else ", which is weak"
    n_right, n_picks, n_false = RECORD[most_votes]
    return (
        f"{how_many} {n_criteria} agree on {k}{weak}: in the validation "
        f"{n_right} of {n_picks} such picks were right on data with clusters, and "
        f"{n_false} of {N_CLOUDS} data sets without clusters gave one."
    )


def _describe_one_cluster(selected: pd.DataFrame) -> str:
    """Say what is known about k = 1, which most criteria cannot pick."""
    is_silent = selected["smallest"] > 1
    silent = ", ".join(map(str, selected.index[is_silent]))
    others = f"; {silent} cannot pick k = 1." if silent else "."
    if GAP not in selected.index:
        return f"One cluster? Only the gap statistic could say so{others}"
    if pd.notna(selected.loc[GAP, "pick"]):
        answer = f"yes, as it does for {GAP_SAYS_ONE} of {N_BLOBS} data sets with"
    else:
        answer = f"no, as it does for {GAP_SAYS_MORE} of {N_CLOUDS} data sets without"
    return f"One cluster? The gap statistic says {answer} clusters{others}"


def _elbow_strengths(k: FloatArray, cost: FloatArray) -> FloatArray:
    """Return the strength at each of the `CANDIDATES` and at the k after them."""
    # Step 1: the slope of each step on double logarithmic scale. 0 has no logarithm.
    log_cost = np.log(np.maximum(cost, np.finfo(np.float64).tiny))
    slopes = -np.diff(log_cost) / np.diff(np.log(k))

    # Step 2: the step to each k from the second to the fourth last, and the best step
    # after it, which is the running maximum from the right. A step that rises pays
    # nothing.
    step = slopes[:-3]
    best_from_here_on = np.maximum.accumulate(slopes[::-1])[::-1]
    best_later = np.maximum(best_from_here_on[1:-2], 0)

    # Step 3: how much more the step pays than any later one. A flat step pays nothing.
    strengths = np.zeros(len(step))
    pays = step > FLAT_SLOPE
    strengths[pays] = 1 - best_later[pays] / step[pays]
    return strengths


def _is_elbow(strengths: FloatArray, best: int) -> bool:
    """Return whether the strongest candidate is an elbow; `elbow` says why.

    The next step pays more than all that follow if its own strength is above 0.
    """
    return bool(strengths[best] > ELBOW_STRENGTH and strengths[best + 1] <= 0)


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
    columns = ["pick", "runner-up", "at an end", "smallest"]
    table = check_columns(selected, "selected", columns)[columns]
    for column in ("pick", "runner-up", "smallest"):
        values = check_numbers(table[column].dropna(), f"selected[{column!r}]")
        is_number_of_clusters = (values >= 1) & (values % 1 == 0)
        if not is_number_of_clusters.all():
            found = values[~is_number_of_clusters][0]
            raise ValueError(
                f"selected[{column!r}]: found {found}, expected whole numbers from 1",
            )
    for column in ("runner-up", "smallest"):
        if table[column].isna().any():
            raise ValueError(
                f"selected[{column!r}]: found a missing value, "
                "expected a number of clusters in each row",
            )
    if not pd.api.types.is_bool_dtype(table["at an end"]):
        found = table["at an end"].dtype
        raise ValueError(f"selected['at an end']: found {found}, expected truth values")
    return table.astype(dict.fromkeys(("pick", "runner-up", "smallest"), "Int64"))


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
