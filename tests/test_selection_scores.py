"""Scores over k, and what each rule picks from them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from fmnist_clustering import (
    KSweep,
    select_k,
    selection_scores,
    stability,
    sweep_k,
)

LINE = np.array([[1.0], [2], [3], [10], [11], [12]])


def replicates(
    rows: dict[int, list[float]],
    pairs: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (1, 2)),
) -> pd.DataFrame:
    """Return a table as `stability` does: k, and the values of its pairs."""
    columns = pd.MultiIndex.from_tuples(pairs, names=["first", "second"])
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


@pytest.fixture(scope="module")
def sweep() -> KSweep:
    return sweep_k(LINE, [1, 2, 3])


# selection_scores


def test_scores_by_hand(sweep: KSweep) -> None:
    halves = replicates({2: [0.9, 0.6, 0.3], 3: [1, 1, 1]})
    scores = selection_scores(LINE, sweep, halves)
    assert scores.index.tolist() == [1, 2, 3]
    assert scores.index.name == "k"
    assert scores["n"].tolist() == [6, 6, 6]
    assert scores["inertia"].tolist() == pytest.approx([125.5, 4, 2.5])

    at_two = scores.loc[2]
    assert at_two["silhouette"] == pytest.approx((0.85 + 8 / 9 + 6.5 / 8) / 3)
    # Between the clusters 6 (4.5)^2 = 121.5 with 1 degree of freedom, within them 4
    # with 6 - 2.
    assert at_two["Calinski-Harabasz"] == pytest.approx(121.5)
    # The mean distance to the own mean is 2/3 in both clusters; the means are 9 apart.
    assert at_two["Davies-Bouldin"] == pytest.approx((2 / 3 + 2 / 3) / 9)
    assert scores.loc[[2, 3], "stability"].tolist() == pytest.approx([0.6, 1])


@pytest.mark.parametrize("n_columns", [1, 4])
def test_scores_are_those_of_scikit_learn(n_columns: int) -> None:
    rows = np.random.default_rng(n_columns).normal(size=(60, n_columns))
    sweep = sweep_k(rows, range(2, 7), n_init=2)
    scores = selection_scores(rows, sweep, replicates({2: [1, 1, 1]}))
    for criterion, peer in (
        ("Calinski-Harabasz", calinski_harabasz_score),
        ("Davies-Bouldin", davies_bouldin_score),
    ):
        expected = [peer(rows, labels) for labels in sweep.labels]
        np.testing.assert_allclose(scores[criterion], expected, rtol=1e-12)


def test_gaps_are_taken_over(sweep: KSweep) -> None:
    gaps = pd.DataFrame(
        {"gap": [0.1, 0.2], "standard error": [0.01, 0.02], "enough": False},
        index=pd.Index([1, 2], name="k"),
    )
    scores = selection_scores(LINE, sweep, replicates({2: [1, 1, 1]}), gaps)
    assert scores["gap"].tolist()[:2] == [0.1, 0.2]
    assert scores["gap standard error"].tolist()[:2] == [0.01, 0.02]
    assert scores.loc[3, ["gap", "gap standard error"]].isna().all()


def test_scores_that_are_not_defined_or_not_known_are_missing(sweep: KSweep) -> None:
    scores = selection_scores(LINE, sweep, replicates({2: [1, 1, 1], 9: [1, 1, 1]}))
    assert scores.index.tolist() == [1, 2, 3]
    is_missing = scores.isna()
    assert scores.columns[is_missing.loc[1]].tolist() == [
        "silhouette",
        "Calinski-Harabasz",
        "Davies-Bouldin",
        "stability",
        "standard error",
    ]
    assert not is_missing.loc[2].any()
    assert scores.columns[is_missing.loc[3]].tolist() == ["stability", "standard error"]


def test_standard_error_by_hand(sweep: KSweep) -> None:
    # With three resamples one pair is left without each: 0.3, 0.6, 0.9. So
    # (3 - 1) / 3 (0.3^2 + 0 + 0.3^2) = 0.12.
    of_three = replicates({2: [0.9, 0.6, 0.3], 3: [0.5, 0.5, 0.5]})
    scores = selection_scores(LINE, sweep, of_three)
    errors = scores.loc[[2, 3], "standard error"].tolist()
    assert errors == pytest.approx([np.sqrt(0.12), 0])

    # With four resamples three pairs are left. Without resample 0: 0.6, 0.5, 0.4;
    # without 1: 0.8, 0.7, 0.4; without 2: 0.9, 0.7, 0.5; without 3: 0.9, 0.8, 0.6.
    # The means are 30/60, 38/60, 42/60 and 46/60, and their mean is 39/60. So
    # (4 - 1) / 4 (9^2 + 1^2 + 3^2 + 7^2) / 60^2 = 7 / 240.
    pairs = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    of_four = replicates({2: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]}, pairs)
    scores = selection_scores(LINE, sweep, of_four)
    assert scores.loc[2, "standard error"] == pytest.approx(np.sqrt(7 / 240))


def test_results_of_stability_are_accepted(sweep: KSweep) -> None:
    rows = np.random.default_rng(0).random((30, 2))
    halves = stability(rows, [2, 3], n_resamples=4, n_init=1)
    scores = selection_scores(LINE, sweep, halves)
    mean_at_two = halves.loc[2].to_numpy().mean()
    assert scores.loc[2, "stability"] == pytest.approx(mean_at_two)


# select_k

SCORES = pd.DataFrame(
    {
        "n": 100,
        "inertia": [100.0, 50, 20, 19.8, 19.5, 19, 18.5, 18],
        "silhouette": [np.nan, 0.5, 0.4, 0.6, 0.1, 0.2, 0.1, 0.1],
        "Calinski-Harabasz": [np.nan, 9, 8, 7, 6, 5, 4, 3],
        "Davies-Bouldin": [np.nan, 2.0, 1, 1.5, 3, 4, 5, 0.5],
        "stability": [np.nan, 0.8, 0.91, 0.88, 0.95, 0.7, 0.6, 0.5],
        "standard error": [np.nan, 0.2, 0.01, 0.01, 0.05, 0.01, 0.01, 0.01],
        "gap": [0.5, 0.6, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3],
        "gap standard error": [0.1, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    },
    index=pd.Index(range(1, 9), name="k"),
)


def select_by(criterion: str, values: list[float], first_k: int = 1) -> tuple[Any, ...]:
    """Return what `select_k` says on one curve: its row."""
    k = pd.RangeIndex(first_k, first_k + len(values), name="k")
    selected = select_k(pd.DataFrame({criterion: values}, index=k))
    assert selected.index.tolist() == [criterion]
    rows: list[tuple[Any, ...]] = list(selected.itertuples(index=False, name=None))
    return rows[0]


def test_each_criterion_picks_by_its_rule() -> None:
    selected = select_k(SCORES)
    columns = ["rule", "pick", "runner-up"]
    assert selected.columns.tolist() == columns
    assert selected.index.name == "criterion"
    rows = selected.itertuples(index=False, name=None)
    assert dict(zip(selected.index, rows, strict=True)) == {
        # The slope of the step to 3 is 2.26, and no later one is above 0.21.
        "inertia": ("elbow", 3, 2),
        "silhouette": ("maximum", 4, 2),
        "Calinski-Harabasz": ("maximum", 2, 3),
        "Davies-Bouldin": ("minimum", 8, 3),
        # 3 is the first k above 0.95 - 0.05.
        "stability": ("one standard error", 3, 5),
        # 0.5 is below 0.6 - 0.05: more than one cluster. 3 has the largest gap.
        "gap": ("one cluster or more", pd.NA, 3),
    }


@pytest.mark.parametrize(
    ("inertia", "pick", "runner_up"),
    [
        pytest.param([64, 8, 7.9, 7.8, 7.7, 7.6, 7.5, 7.4], 2, 4, id="first candidate"),
        pytest.param([64, 60, 50, *[9] * 5], 4, 3, id="last candidate"),
        pytest.param([64, 60, *[9] * 5], 3, 2, id="last of two candidates"),
        pytest.param([64, 60, *[9] * 6], 3, 4, id="in between"),
        pytest.param([64, 8, 7.9, 7.8, 7.7, 7.6], 2, pd.NA, id="only candidate"),
    ],
)
def test_elbow_is_picked(inertia: list[float], pick: int, runner_up: Any) -> None:
    assert select_by("inertia", inertia) == ("elbow", pick, runner_up)


def test_without_elbow_nothing_is_picked_and_the_strongest_bend_is_runner_up() -> None:
    # With k doubling, a slope is the logarithm to base 2 of the ratio. So the strengths
    # at 2, 4 and 8 are 1 - 2 / 1, 1 - 1.5 / 2 and 1 - 1 / 1.5.
    slopes = np.array([1, 2, 1.5, 1, 1, 1, 1])
    inertia = 1000 / 2 ** np.concatenate([[0], np.cumsum(slopes)])
    k = pd.Index(2 ** np.arange(8), name="k")
    selected = select_k(pd.DataFrame({"inertia": inertia}, index=k)).loc["inertia"]
    assert selected["pick"] is pd.NA
    assert selected["runner-up"] == 8


@pytest.mark.parametrize(
    ("criterion", "is_low_good"),
    [("silhouette", False), ("Calinski-Harabasz", False), ("Davies-Bouldin", True)],
)
@pytest.mark.parametrize(
    ("values", "pick", "runner_up"),
    [
        pytest.param([0.5, 0.4, 0.3], 2, 3, id="first"),
        pytest.param([0.3, 0.4, 0.5], 4, 3, id="last"),
        pytest.param([0.4, 0.5, 0.3], 3, 2, id="in between"),
        pytest.param([0.1, 0.5, 0.5, 0.5, 0.1], 3, 4, id="ties go to smaller k"),
        pytest.param([np.nan, 0.1, 0.5, 0.5], 4, 5, id="missing is no candidate"),
    ],
)
def test_optimum_is_picked(
    criterion: str,
    is_low_good: bool,
    values: list[float],
    pick: int,
    runner_up: int,
) -> None:
    scores = [1 - value if is_low_good else value for value in values]
    _, *answer = select_by(criterion, scores, first_k=2)
    assert answer == [pick, runner_up]


@pytest.mark.parametrize(
    ("means", "errors", "pick", "runner_up"),
    [
        # All numbers are multiples of 1/8, and therefore exact.
        pytest.param([0.5, 0.25, 0.75, 0.25], [0, 0, 0.25, 0], 2, 4, id="just within"),
        pytest.param([0.5, 0.25, 0.75, 0.25], [0, 0, 0.125, 0], 4, 2, id="beyond"),
        pytest.param(
            [0.5, 0.25, 0.75, 0.25], [1, 1, 0.125, 1], 4, 2, id="its own error"
        ),
        pytest.param([0.5, 0.25, 0.75, 0.75], [0, 0, 0, 0], 4, 5, id="no error"),
    ],
)
def test_smallest_k_within_one_standard_error_is_picked(
    means: list[float],
    errors: list[float],
    pick: int,
    runner_up: int,
) -> None:
    scores = pd.DataFrame(
        {"stability": means, "standard error": errors},
        index=pd.Index([2, 3, 4, 5], name="k"),
    )
    selected = select_k(scores).loc["stability"]
    assert (selected["pick"], selected["runner-up"]) == (pick, runner_up)


@pytest.mark.parametrize(
    ("gap_at_two", "is_one"), [(0.5, True), (0.625, True), (0.75, False)]
)
def test_the_gap_says_one_cluster_unless_two_are_better_by_an_error(
    gap_at_two: float, is_one: bool
) -> None:
    scores = pd.DataFrame(
        {"gap": [0.5, gap_at_two], "gap standard error": [np.nan, 0.125]},
        index=pd.Index([1, 2], name="k"),
    )
    selected = select_k(scores)
    assert selected["pick"].tolist() == ([1] if is_one else [pd.NA])
