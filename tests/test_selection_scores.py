"""Scores over k, what each rule picks from them, and the sentence about the picks."""

import io
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from fmnist_clustering import (
    KSweep,
    describe_selection,
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


GOOD_REPLICATES = replicates({2: [0.9, 0.6, 0.3], 3: [1, 1, 1]})


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
def test_davies_bouldin_is_that_of_scikit_learn(n_columns: int) -> None:
    rng = np.random.default_rng(n_columns)
    rows = rng.normal(size=(60, n_columns))
    sweep = sweep_k(rows, range(2, 9))
    scores = selection_scores(rows, sweep, stability(rows, [2, 3], n_init=1))
    expected = [davies_bouldin_score(rows, labels) for labels in sweep.labels]
    np.testing.assert_allclose(scores["Davies-Bouldin"], expected, rtol=1e-12)


@pytest.mark.parametrize("shift", [1e9, -1e12])
def test_scores_do_not_depend_on_the_origin(shift: float) -> None:
    # Multiples of 1/8 are held exactly next to 1e12.
    rows = np.random.default_rng(0).integers(0, 80, (60, 3)) / 8
    tables = []
    for X in (rows, rows + shift):
        sweep = sweep_k(X, range(2, 6))
        tables.append(selection_scores(X, sweep, stability(X, [2, 3], n_init=1)))
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-9)


def test_calinski_harabasz_is_that_of_scikit_learn() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    sweep = sweep_k(rows, range(2, 9))
    scores = selection_scores(rows, sweep, stability(rows, [2, 3], n_init=1))
    expected = [calinski_harabasz_score(rows, labels) for labels in sweep.labels]
    np.testing.assert_allclose(scores["Calinski-Harabasz"], expected, rtol=1e-12)


def test_calinski_harabasz_of_a_cluster_far_out_by_hand() -> None:
    # Cluster means 0 and c, of 2 and 2 rows: between 2 (c/2)^2 + 2 (c/2)^2 = c^2 with 1
    # degree of freedom, within 1 + 1 + 0 + 0 with 2.
    c = 1e20 / 3
    rows = np.array([[-1.0], [1.0], [c], [c]])
    sweep = sweep_k(rows, [2])
    scores = selection_scores(rows, sweep, replicates({2: [1, 1, 1]}))
    assert scores["Calinski-Harabasz"][2] == pytest.approx(c**2, rel=1e-9)


def test_calinski_harabasz_is_missing_where_clusters_hold_equal_rows() -> None:
    rows = np.repeat([[0.0], [1.0], [5.0]], 4, axis=0)
    sweep = sweep_k(rows, [2, 3])
    scores = selection_scores(rows, sweep, stability(rows, [2], n_init=1))
    assert scores["Calinski-Harabasz"].isna().tolist() == [False, True]


def test_davies_bouldin_of_a_cluster_far_out_by_hand() -> None:
    # Widths 1, 1 and 1/2; distances of the means 10, 1e10 - 5.5 and 1e10 + 4.5.
    rows = np.array([[-1.0], [1], [9], [11], [1e10 + 4], [1e10 + 5]])
    sweep = sweep_k(rows, [3])
    assert sweep.labels[0].tolist() == [0, 0, 1, 1, 2, 2]
    scores = selection_scores(rows, sweep, stability(rows, [2], n_init=1))
    far = 1.5 / (1e10 + 4.5 - 10)
    assert scores["Davies-Bouldin"][3] == pytest.approx((0.2 + 0.2 + far) / 3, rel=1e-9)


def test_names_of_the_columns(sweep: KSweep) -> None:
    scores = selection_scores(LINE, sweep, replicates({2: [1, 1, 1]}))
    assert scores.columns.tolist() == [
        "n",
        "inertia",
        "silhouette",
        "Calinski-Harabasz",
        "Davies-Bouldin",
        "stability",
        "standard error",
    ]


def test_gaps_are_taken_over(sweep: KSweep) -> None:
    gaps = pd.DataFrame(
        {"gap": [0.1, 0.2], "standard error": [0.01, 0.02], "enough": False},
        index=pd.Index([1, 2], name="k"),
    )
    scores = selection_scores(LINE, sweep, replicates({2: [1, 1, 1]}), gaps)
    assert scores["gap"].tolist()[:2] == [0.1, 0.2]
    assert scores["gap standard error"].tolist()[:2] == [0.01, 0.02]
    assert scores.loc[3, ["gap", "gap standard error"]].isna().all()


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(pd.DataFrame({"gap": [0.1]}, index=[1]), id="no error"),
        pytest.param(pd.DataFrame({"standard error": [0.1]}, index=[1]), id="no gap"),
        pytest.param(
            pd.DataFrame({"gap": [0.1], "standard error": [0.1]}, index=[0]),
            id="no k",
        ),
        pytest.param(GOOD_REPLICATES, id="replicates"),
    ],
)
def test_gaps_of_another_shape_are_refused(sweep: KSweep, wrong: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"^gaps: found .*, expected "):
        selection_scores(LINE, sweep, replicates({2: [1, 1, 1]}), wrong)


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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("k_values", np.array([1, 2])),
        ("inertia", np.array([3.0, 2])),
        ("silhouette", np.array([0.5])),
        ("labels", np.zeros((2, 6), dtype=np.int64)),
        ("labels", np.zeros((3, 5), dtype=np.int64)),
        ("labels", np.zeros((3, 6))),
        ("labels", np.zeros(3, dtype=np.int64)),
        ("labels", np.zeros((3, 6), dtype=np.int64)),
        ("k_values", np.array([1.0, 2, 3])),
        ("k_values", np.array([3, 2, 1])),
        ("inertia", np.array([3.0, 2, -1])),
        ("inertia", np.array([3.0, np.nan, 1])),
        ("silhouette", np.array([np.nan, 0.5, 5])),
    ],
)
def test_sweep_of_another_shape_is_refused(
    sweep: KSweep,
    field: str,
    value: Any,
) -> None:
    wrong = sweep._replace(**{field: value})
    with pytest.raises(ValueError, match=r"sweep\.\w+: found .*, expected "):
        selection_scores(LINE, wrong, replicates({2: [1, 1, 1]}))


def test_sweep_of_other_rows_is_refused(sweep: KSweep) -> None:
    with pytest.raises(ValueError, match=r"sweep\.labels: "):
        selection_scores(LINE[:5], sweep, replicates({2: [1, 1, 1]}))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(GOOD_REPLICATES.iloc[:0], id="no rows"),
        pytest.param(GOOD_REPLICATES.iloc[:, :0], id="no columns"),
        pytest.param(GOOD_REPLICATES.iloc[:, :1], id="two resamples"),
        pytest.param(GOOD_REPLICATES.iloc[:, :2], id="a pair is missing"),
        pytest.param(GOOD_REPLICATES.iloc[:, [0, 1, 1]], id="a pair is there twice"),
        pytest.param(GOOD_REPLICATES.set_axis(list("abc"), axis=1), id="no pairs"),
        pytest.param(GOOD_REPLICATES.reset_index(drop=True), id="k is not the index"),
        pytest.param(GOOD_REPLICATES.iloc[::-1], id="falling k"),
        pytest.param(GOOD_REPLICATES.iloc[[0, 0]], id="k is there twice"),
        pytest.param(GOOD_REPLICATES.set_axis(list("ab")), id="k is text"),
        pytest.param(GOOD_REPLICATES.replace(0.9, np.nan), id="missing value"),
        pytest.param(GOOD_REPLICATES * 100, id="percent"),
        pytest.param(GOOD_REPLICATES.astype(str), id="text"),
    ],
)
def test_replicates_of_another_shape_are_refused(
    sweep: KSweep,
    wrong: pd.DataFrame,
) -> None:
    with pytest.raises(ValueError, match=r"^replicates: found .*, expected "):
        selection_scores(LINE, sweep, wrong)


def test_scores_are_no_replicates(sweep: KSweep) -> None:
    scores = selection_scores(LINE, sweep, GOOD_REPLICATES)
    with pytest.raises(ValueError, match=r"^replicates: found columns "):
        selection_scores(LINE, sweep, scores)


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
    columns = ["rule", "pick", "runner-up", "at an end", "smallest"]
    assert selected.columns.tolist() == columns
    assert selected.index.name == "criterion"
    rows = selected.itertuples(index=False, name=None)
    assert dict(zip(selected.index, rows, strict=True)) == {
        # The slope of the step to 3 is 2.26, and no later one is above 0.21.
        "inertia": ("elbow", 3, 2, False, 2),
        "silhouette": ("maximum", 4, 2, False, 2),
        "Calinski-Harabasz": ("maximum", 2, 3, True, 2),
        "Davies-Bouldin": ("minimum", 8, 3, True, 2),
        # 3 is the first k above 0.95 - 0.05.
        "stability": ("one standard error", 3, 5, False, 2),
        # 0.5 is below 0.6 - 0.05: more than one cluster. 3 has the largest gap.
        "gap": ("one cluster or more", pd.NA, 3, False, 1),
    }


@pytest.mark.parametrize(
    ("inertia", "pick", "runner_up", "at_an_end"),
    [
        pytest.param(
            [64, 8, 7.9, 7.8, 7.7, 7.6, 7.5, 7.4], 2, 4, True, id="first candidate"
        ),
        pytest.param([64, 60, 50, *[9] * 5], 4, 3, True, id="last candidate"),
        pytest.param([64, 60, *[9] * 5], 3, 2, True, id="last of two candidates"),
        pytest.param([64, 60, *[9] * 6], 3, 4, False, id="in between"),
    ],
)
def test_elbow_is_picked(
    inertia: list[float],
    pick: int,
    runner_up: int,
    at_an_end: bool,
) -> None:
    assert select_by("inertia", inertia) == ("elbow", pick, runner_up, at_an_end, 2)


def test_without_elbow_nothing_is_picked_and_the_strongest_bend_is_runner_up() -> None:
    # With k doubling, a slope is the logarithm to base 2 of the ratio. So the strengths
    # at 2, 4 and 8 are 1 - 2 / 1, 1 - 1.5 / 2 and 1 - 1 / 1.5.
    slopes = np.array([1, 2, 1.5, 1, 1, 1, 1])
    inertia = 1000 / 2 ** np.concatenate([[0], np.cumsum(slopes)])
    k = pd.Index(2 ** np.arange(8), name="k")
    selected = select_k(pd.DataFrame({"inertia": inertia}, index=k)).loc["inertia"]
    assert selected["pick"] is pd.NA
    assert selected["runner-up"] == 8
    assert not selected["at an end"]


@pytest.mark.parametrize(
    ("criterion", "is_low_good"),
    [("silhouette", False), ("Calinski-Harabasz", False), ("Davies-Bouldin", True)],
)
@pytest.mark.parametrize(
    ("values", "pick", "runner_up", "at_an_end"),
    [
        pytest.param([0.5, 0.4, 0.3], 2, 3, True, id="first"),
        pytest.param([0.3, 0.4, 0.5], 4, 3, True, id="last"),
        pytest.param([0.4, 0.5, 0.3], 3, 2, False, id="in between"),
        pytest.param([0.1, 0.5, 0.5, 0.5, 0.1], 3, 4, False, id="ties go to smaller k"),
        pytest.param(
            [np.nan, 0.1, 0.5, 0.5], 4, 5, False, id="missing is no candidate"
        ),
        pytest.param([np.nan, 0.5, 0.1, 0.2], 3, 5, True, id="first that is known"),
    ],
)
def test_optimum_is_picked(
    criterion: str,
    is_low_good: bool,
    values: list[float],
    pick: int,
    runner_up: int,
    at_an_end: bool,
) -> None:
    scores = [1 - value if is_low_good else value for value in values]
    _, *answer, smallest = select_by(criterion, scores, first_k=2)
    assert answer == [pick, runner_up, at_an_end]
    assert smallest == 2 + int(np.isnan(values[0]))


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
    assert selected["at an end"] == (pick in (2, 5))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (SCORES[["silhouette"]].iloc[:2], "found silhouette at 1 k, expected two or"),
        (SCORES[["inertia"]].iloc[:6], "expected 7 or more k that rise from 1"),
        (SCORES[["inertia"]] - 30, "found inertia -10.0 at k = 3, expected 0 or more"),
        (SCORES.assign(inertia=np.inf), "found inertia inf at k = 1, expected 0 or"),
        (SCORES.assign(silhouette=1.5), "found silhouette 1.5 at k = 1, expected -1"),
        (SCORES.assign(stability=220.57), "found stability 220.57 at k = 1, expected"),
        (SCORES.assign(stability=-np.inf), "found stability -inf at k = 1, expected"),
        (SCORES.assign(**{"Davies-Bouldin": -1.0}), "found Davies-Bouldin -1.0 at k"),
        (SCORES.assign(**{"Calinski-Harabasz": -1.0}), "found Calinski-Harabasz -1.0"),
        (SCORES.assign(silhouette=True), "found silhouette of type bool, expected"),
        (SCORES.assign(silhouette=1j), "found silhouette of type complex128, expected"),
        (SCORES.assign(**{"standard error": np.inf}), "found standard error inf at k"),
        (
            SCORES.iloc[:, [*range(len(SCORES.columns)), 2]],
            f"found column {SCORES.columns[2]!r} twice, expected it once",
        ),
        (SCORES[["n"]], "expected one or more of inertia, silhouette, "),
        (SCORES.iloc[:0], "found no rows"),
        (pd.DataFrame(), "found no rows"),
        (SCORES.drop(columns="standard error"), "expected also 'standard error'"),
        (SCORES.assign(**{"standard error": np.nan}), "found standard error nan at k"),
        (SCORES.assign(**{"standard error": -1}), "found standard error -1 at k = 5"),
        (SCORES.astype({"silhouette": str}), "found silhouette of type"),
        (SCORES.drop(columns="gap standard error"), "also 'gap standard error'"),
        (SCORES.assign(**{"gap standard error": -1}), "found gap standard error -1"),
        (SCORES[["gap", "gap standard error"]].iloc[1:], "expected 1 and 2 among them"),
        (SCORES.assign(gap=np.inf), "found gap inf at k = 1, expected"),
        (SCORES.iloc[:4].reset_index(), "found index [0, 1, 2, 3], expected rising k"),
        (SCORES.iloc[3::-1], "found index [4, 3, 2, 1], expected rising k"),
        (SCORES.iloc[[0, 1, 1, 2]], "found index [1, 2, 2, 3], expected rising k"),
        (SCORES.set_axis(list("abcdefgh")), "expected rising k"),
    ],
)
def test_scores_that_cannot_be_judged_are_refused(
    wrong: pd.DataFrame,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=rf"^scores: .*{re.escape(message)}"):
        select_k(wrong)


# describe_selection


def test_sentence_says_where_criteria_agree_and_where_not() -> None:
    assert describe_selection(select_k(SCORES)) == (
        "k = 2: Calinski-Harabasz (runner-up 3). "
        "k = 3: inertia (runner-up 2), stability (runner-up 5). "
        "k = 4: silhouette (runner-up 2). "
        "k = 8: Davies-Bouldin (runner-up 3). "
        "At an end of the range: Calinski-Harabasz, Davies-Bouldin. "
        "No k is picked by more than 2 of 5: they disagree. "
        "One cluster? The gap statistic says no, as it does for 1 of 80 data sets "
        "without clusters; inertia, silhouette, "
        "Calinski-Harabasz, Davies-Bouldin, stability cannot pick k = 1."
    )


@pytest.mark.parametrize(
    ("gap_at_two", "is_one", "answer"),
    [
        (0.5, True, "yes, as it does for 25 of 180 data sets with clusters"),
        (0.625, True, "yes, as it does for 25 of 180 data sets with clusters"),
        (0.75, False, "no, as it does for 1 of 80 data sets without clusters"),
    ],
)
def test_the_gap_says_one_cluster_unless_two_are_better_by_an_error(
    gap_at_two: float, is_one: bool, answer: str
) -> None:
    scores = pd.DataFrame(
        {"gap": [0.5, gap_at_two], "gap standard error": [np.nan, 0.125]},
        index=pd.Index([1, 2], name="k"),
    )
    selected = select_k(scores)
    assert selected["pick"].tolist() == ([1] if is_one else [pd.NA])
    assert not selected.loc["gap", "at an end"]
    sentence = describe_selection(selected)
    assert sentence == f"One cluster? The gap statistic says {answer}."


def selected_table(picks: list[int | None]) -> pd.DataFrame:
    """Return a table as `select_k` does, of the criteria a, b, ..."""
    return pd.DataFrame(
        {
            "rule": "maximum",
            "pick": pd.array(picks, dtype="Int64"),
            "runner-up": 9,
            "at an end": False,
            "smallest": 2,
        },
        index=pd.Index(list("abcdef")[: len(picks)], name="criterion"),
    )


@pytest.mark.parametrize(
    ("picks", "expected"),
    [
        (
            [4],
            "k = 4: a (runner-up 9). There is no other criterion to compare it with.",
        ),
        (
            [4, 4],
            "k = 4: a (runner-up 9), b (runner-up 9). "
            "All 2 agree on 4: too few to rely on.",
        ),
        (
            [4, None],
            "k = 4: a (runner-up 9). No k: b (runner-up 9). "
            "No k is picked by more than 1 of 2: they disagree.",
        ),
        (
            [None, None],
            "No k: a (runner-up 9), b (runner-up 9). No criterion picks a k.",
        ),
        (
            [10, 2, 10],
            "k = 2: b (runner-up 9). k = 10: a (runner-up 9), c (runner-up 9). "
            "No k is picked by more than 2 of 3: they disagree.",
        ),
    ],
)
def test_sentence_by_hand(picks: list[int | None], expected: str) -> None:
    *all_but_last, one_cluster = describe_selection(selected_table(picks)).split(
        ". One"
    )
    assert ". ".join(all_but_last) + "." == expected
    names = ", ".join("abcdef"[: len(picks)])
    assert (
        one_cluster
        == f" cluster? Only the gap statistic could say so; {names} cannot pick k = 1."
    )


def test_sentence_says_how_much_an_agreement_means() -> None:
    of_five = describe_selection(selected_table([4, 4, 4, 4, 4]))
    of_four = describe_selection(selected_table([4, 4, None, 4, 4]))
    of_three = describe_selection(selected_table([4, 4, 3, 4, 2]))
    assert (
        "All 5 agree on 4: in the validation 48 of 49 such picks were right on data "
        "with clusters, and 0 of 80 data sets without clusters gave one."
    ) in of_five
    assert "4 of 5 agree on 4: in the validation 79 of 84 such picks" in of_four
    assert "3 of 5 agree on 4, which is weak: in the validation 16 of 27" in of_three
    # The record was counted with five criteria, and says nothing about fewer.
    for n_criteria in (3, 4):
        of_fewer = describe_selection(selected_table([4] * n_criteria))
        assert "validation" not in of_fewer


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(selected_table([4, 4]).iloc[:0], id="empty"),
        pytest.param(pd.DataFrame(), id="nothing at all"),
        pytest.param(selected_table([4, 4]).drop(columns="pick"), id="no pick"),
        pytest.param(
            selected_table([4, 4]).drop(columns="runner-up"), id="no runner-up"
        ),
        pytest.param(selected_table([4, 4]).drop(columns="at an end"), id="no end"),
        pytest.param(selected_table([4, 4]).drop(columns="smallest"), id="no smallest"),
        pytest.param(SCORES, id="scores"),
    ],
)
def test_table_that_is_no_selection_is_refused(wrong: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"^selected: found .*, expected "):
        describe_selection(wrong)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pick", "coat"),
        ("pick", 2.5),
        ("pick", 0),
        ("runner-up", "coat"),
        ("runner-up", np.nan),
        ("runner-up", -1),
        ("at an end", "coat"),
        ("at an end", 3),
        ("smallest", 0),
        ("smallest", np.nan),
    ],
)
def test_selection_of_other_values_is_refused(column: str, value: Any) -> None:
    wrong = selected_table([4, 4]).assign(**{column: value})
    message = rf"^selected\[{column!r}\]: found .*, expected "
    with pytest.raises(ValueError, match=message):
        describe_selection(wrong)


def test_a_selection_that_was_saved_as_csv() -> None:
    selected = select_k(SCORES)
    stream = io.StringIO(selected.to_csv())
    again = pd.read_csv(stream, index_col="criterion")
    assert describe_selection(again) == describe_selection(selected)
