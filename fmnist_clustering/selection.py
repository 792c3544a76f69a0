"""How many clusters? Rules that pick k from scores over k, or decline to."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from fmnist_clustering._checks import FloatArray

ELBOW_STRENGTH = 0.4
"""Above this strength there may be an elbow; `elbow` says why."""

CANDIDATES = slice(1, -4)
"""An elbow needs one step before it, and four after it to compare it with."""

MIN_ELBOW_POINTS = 6
"""With this many k exactly one is a candidate."""

FLAT_SLOPE = 1e-9
"""Steps of a smaller slope than this are rounding errors, and pay nothing."""

LEAST_PREDICTION_STRENGTH = 0.8
"""The published cut-off: most pairs of every cluster stay together in other rows."""

CRITERIA = (
    "inertia",
    "silhouette",
    "Calinski-Harabasz",
    "Davies-Bouldin",
    "prediction strength",
    "gap",
)
"""The scores by which `select_k` picks k."""


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


def select_k(scores: pd.DataFrame) -> pd.DataFrame:
    """Pick k by each score, with the rule that suits it.

    Parameters
    ----------
    scores : DataFrame
        One row for each k (the index), and some of these columns, NaN where a score is
        not known:

        - ``inertia``: `elbow` picks k, and needs six or more of them;
        - ``silhouette``, ``Calinski-Harabasz``: the highest score wins;
        - ``Davies-Bouldin``: the lowest score wins;
        - ``prediction strength``: the mean over the splits of
          `fmnist_clustering.prediction_strength`. The largest k that reaches 0.8 wins
          (Tibshirani and Walther 2005, doi:10.1198/106186005X59243);
        - ``gap``, with ``gap standard error``: the smallest k wins whose gap is not
          lower than that of the next k minus its standard error (Tibshirani, Walther
          and Hastie 2001, doi:10.1111/1467-9868.00293).

    Returns
    -------
    DataFrame
        One row for each of these scores (the index, ``criterion``), with the columns

        - ``pick``: k, missing when the rule names none;
        - ``why none``: "no bend"; "still falling", when inertia bends but the next step
          pays, too; "below 0.8"; or "still rising", when the gap grows to the end. It
          is "" where there is a pick;
        - ``at edge``: whether the pick is the first or the last k whose score is known.
          Then it says more about the range of k than about the data. (Only the gap can
          be asked about one cluster, and so only its pick of 1 is an answer.)

    Raises
    ------
    ValueError
        When `scores` has none of these columns, or fewer than six k for ``inertia``.
    """
    criteria = [score for score in CRITERIA if score in scores.columns]
    if not criteria:
        raise ValueError(
            f"scores: found columns {list(scores.columns)}, "
            f"expected one or more of {CRITERIA}"
        )
    rows = {}
    for criterion in criteria:
        known = scores[criterion].dropna()
        k, why_none = _pick(criterion, known, scores)
        is_at_edge = k in (known.index[0], known.index[-1])
        rows[criterion] = (k, why_none, is_at_edge)
    columns = ["pick", "why none", "at edge"]
    selected = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return selected.astype({"pick": "Int64"}).rename_axis("criterion")


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
    A k that is named is strong evidence, and no k is weak evidence: most data sets
    without an answer have clusters that touch. The table of ``make validate`` in
    ``artifacts/README.md`` says how often. Six or more clusters are found more reliably
    than fewer, because a power law falls less from one k to the next. In two dimensions
    an elbow at k = 2 needs an inertia below a third of that at k = 1.

    The fits have to be as good as those of `fit_kmeans`: where one of them is stuck in
    a poor optimum, the next step seems to pay. With fewer than four steps after it the
    best later step is a guess.
    """
    k, cost = _check_curve(k_values, inertia)
    strengths = _elbow_strengths(k, cost)
    best = int(strengths[:-1].argmax())  # the last one is no candidate
    strength = max(float(strengths[best]), 0.0)
    # The next step pays more than all that follow if its own strength is above 0.
    is_elbow = strength > ELBOW_STRENGTH and strengths[best + 1] <= 0
    return Elbow(int(k[CANDIDATES][best]) if is_elbow else None, strength)


def _pick(
    criterion: str, known: pd.Series, scores: pd.DataFrame
) -> tuple[int | None, str]:
    """Return the k that a criterion picks and "", or None and why there is none."""
    if criterion == "inertia":
        k, strength = elbow(known.index, known)
        why_none = "still falling" if strength > ELBOW_STRENGTH else "no bend"
        return (None, why_none) if k is None else (k, "")
    if criterion == "prediction strength":
        repeats = known.index[known >= LEAST_PREDICTION_STRENGTH]
        return (int(repeats[-1]), "") if len(repeats) > 0 else (None, "below 0.8")
    if criterion == "gap":
        error = scores["gap standard error"][known.index]
        # The last k has no next one, and NaN is never enough.
        is_enough = known >= (known - error).shift(-1)
        enough = known.index[is_enough]
        return (int(enough[0]), "") if len(enough) > 0 else (None, "still rising")
    if criterion == "Davies-Bouldin":
        return int(known.idxmin()), ""
    return int(known.idxmax()), ""


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
