"""How many clusters? Scores over k, and the rules that pick k or decline to."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score
from sklearn.utils import check_consistent_length

from fmnist_clustering._checks import FloatArray, as_points
from fmnist_clustering._parallel import single_threaded
from fmnist_clustering.sweep import KSweep

ELBOW_STRENGTH = 0.4
"""Above this strength there may be an elbow; `elbow` says why."""

CANDIDATES = slice(1, -4)
"""An elbow needs one step before it, and four after it to compare it with."""

MIN_ELBOW_POINTS = 6
"""With this many k exactly one is a candidate."""

FLAT_SLOPE = 1e-9
"""Steps of a smaller slope than this are rounding errors, and pay nothing."""

RULES = {
    "inertia": "elbow",
    "silhouette": "maximum",
    "Calinski-Harabasz": "maximum",
    "Davies-Bouldin": "minimum",
    "stability": "one standard error",
    "gap": "one cluster or more",
}
"""How `select_k` picks k by each score."""


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


@single_threaded()
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

        - ``n``: the number of rows of `X`;
        - ``inertia``: lower is tighter, but it falls with every added cluster;
        - ``silhouette``: the mean over all rows, -1 to 1, higher is better;
        - ``Calinski-Harabasz``: the variance between the clusters over the variance
          within, each by its degrees of freedom; 0 or more, higher is better (1974,
          doi:10.1080/03610927408827101), and 1 where all clusters hold equal rows;
        - ``Davies-Bouldin``: how wide each cluster is, relative to its distance from
          the cluster that is most similar in this sense; 0 or more, lower is better
          (1979, doi:10.1109/TPAMI.1979.4766909);
        - ``stability``: the mean of the replicates, 1 is best;
        - ``standard error``: that of the stability, by the jackknife over resamples;
        - ``gap``, ``gap standard error``: if `gaps` is passed.

        A score is NaN where it is not defined (at k = 1) or not known.

    Raises
    ------
    ValueError
        When `sweep` has not as many rows as `X`.
    """
    points = as_points(X)
    check_consistent_length(points, sweep.labels[0])
    table = pd.DataFrame(
        {"n": len(points), "inertia": sweep.inertia, "silhouette": sweep.silhouette},
        index=pd.Index(sweep.k_values, name="k"),
    )
    is_defined = table.index > 1
    labelings = sweep.labels[is_defined]
    table.loc[is_defined, "Calinski-Harabasz"] = [
        calinski_harabasz_score(points, labels) for labels in labelings
    ]
    table.loc[is_defined, "Davies-Bouldin"] = [
        davies_bouldin_score(points, labels) for labels in labelings
    ]
    table["stability"] = replicates.mean(axis=1)
    table["standard error"] = _jackknife_standard_error(replicates)
    if gaps is not None:
        table["gap"] = gaps["gap"]
        table["gap standard error"] = gaps["standard error"]
    return table


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
        ``standard error``; ``gap`` needs ``gap standard error``, and rows for k = 1 and
        2.

    Returns
    -------
    DataFrame
        One row for each score (the index, ``criterion``), with the columns

        - ``rule``: how it picks: elbow, maximum, minimum, one standard error, or one
          cluster or more;
        - ``pick``: k, missing when the rule names none;
        - ``runner-up``: the best k other than the pick, missing if there is none.

    Raises
    ------
    ValueError
        When `scores` has no column that a rule knows, or fewer than six k for
        ``inertia``.
    """
    known = [score for score in RULES if score in scores.columns]
    if not known:
        found = [str(column) for column in scores.columns]
        raise ValueError(
            f"scores: found columns {found}, expected one or more of {[*RULES]}"
        )
    picks = {score: _pick(scores, score) for score in known}
    return (
        pd.DataFrame.from_dict(
            picks, orient="index", columns=["rule", "pick", "runner-up"]
        )
        .astype({"pick": "Int64", "runner-up": "Int64"})
        .rename_axis("criterion")
    )


def elbow(k_values: ArrayLike, inertia: ArrayLike) -> Elbow:
    """Find the last number of clusters that pays, or say that there is none.

    A cloud without clusters loses inertia as a power law, k^(-2/d), where d is its
    dimension (Zador 1982, doi:10.1109/TIT.1982.1056490). So what the step to k pays is
    s(k), minus the slope of log inertia over log k. The strength of an elbow at k is
    1 - max(s after k) / s(k). Above 0.4 the data behave from k on as if they had at
    least 1.7 times as many dimensions, because clusters no longer come apart but are
    only cut up. If the step after k pays more than all later ones, k may not be the
    last, and there is no answer. Straight, flat and power-law curves have no elbow.

    Parameters
    ----------
    k_values : (m,) array-like of int
        Rising numbers of clusters, 1 or more; m >= 6. An elbow needs one step before
        it and four after it.
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
    that at k = 1. ``artifacts/README.md`` has the table.

    The fits have to be as good as those of `fit_kmeans`: where one of them is stuck in
    a poor optimum, the next step seems to pay. With fewer than four steps after it the
    best later step is a guess: all false claims on curves of poor fits were there.
    """
    k, cost = _check_curve(k_values, inertia)
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
    k, cost = _check_curve(k_values, inertia)
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


def _pick(scores: pd.DataFrame, score: str) -> tuple[str, int | None, int | None]:
    """Return the rule of a score, the k it picks, and the best k besides."""
    rule = RULES[score]
    values = scores[score].dropna()
    if rule == "elbow":
        k, cost = _check_curve(values.index, values)
        strengths = pd.Series(_elbow_strengths(k, cost)[:-1], values.index[CANDIDATES])
        pick = elbow(k, cost).k
        ranked = _rank(strengths)
    elif rule == "minimum":
        ranked = _rank(-values)
        pick = ranked[0]
    else:
        ranked = _rank(values)
        pick = ranked[0]
    if rule == "one standard error":
        least = values.max() - scores["standard error"][pick]
        pick = values.index[values >= least][0]
    if rule == "one cluster or more":
        error = scores["gap standard error"][2]
        pick = 1 if values[1] >= values[2] - error else None
    others = [int(k) for k in ranked if k != pick]
    best_other = others[0] if others else None
    return rule, None if pick is None else int(pick), best_other


def _rank(scores: pd.Series) -> pd.Index:
    """Return the k values, the one of the highest score first; ties go to smaller k."""
    return scores.sort_values(ascending=False, kind="stable").index


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
    # A flat curve has no drop; then this is its first k.
    drop = max(cost[0] - cost[-1], 1e-300)
    x = (k - k[0]) / (k[-1] - k[0])
    y = (cost - cost[-1]) / drop
    # On scaled axes the line is x + y = 1, and below it x + y is smaller.
    return int(k[(x + y).argmin()])


def _check_curve(
    k_values: ArrayLike, inertia: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return k and inertia as float64 if they could be a curve with an elbow."""
    k = np.asarray(k_values, dtype=np.float64)
    cost = np.asarray(inertia, dtype=np.float64)
    check_consistent_length(k, cost)
    is_rising = len(k) >= MIN_ELBOW_POINTS and k[0] >= 1 and (np.diff(k) > 0).all()
    if not is_rising:
        expected = f"{MIN_ELBOW_POINTS} or more rising numbers, 1 or more"
        raise ValueError(f"k_values: found {k.tolist()}, expected {expected}")
    if not np.isfinite(cost).all() or cost.min() < 0:
        raise ValueError(f"inertia: found {cost.tolist()}, expected costs from 0")
    return k, cost
