"""How many clusters: the elbow of a curve, and what each rule picks from a table."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from fmnist_clustering import elbow, gap_statistic, select_k

NAN = np.nan

# elbow


# Slopes of log inertia over log k: log 2 / log 2 = 1, 0, and later s.
def slopes_of_1_0_and(later: float) -> list[float]:
    return [16.0, 8, 8, 8 / (4 / 3) ** later, 7, 7]


K_TO_6 = range(1, 7)
K_TO_7 = range(1, 8)
POWER_LAW = [100 * k**-0.3 for k in range(1, 9)]


@pytest.mark.parametrize(
    ("k_values", "inertia", "k", "strength"),
    [
        pytest.param(K_TO_6, slopes_of_1_0_and(0.601), None, 0.399, id="less than 0.4"),
        pytest.param(K_TO_6, slopes_of_1_0_and(0.599), 2, 0.401, id="more than 0.4"),
        pytest.param(
            K_TO_6,
            [16, 8, 7, 6.9, 6.8, 6.7],
            None,
            1 - np.log(8 / 7) / np.log(1.5),
            id="the next step pays more than all that follow",
        ),
        pytest.param(
            K_TO_6,
            [16, 8, 7.9, 7.8, 7.7, 7.6],
            2,
            1 - np.log(7.7 / 7.6) / np.log(6 / 5),
            id="by hand",
        ),
        pytest.param(K_TO_6, [16, 8, 8, 8, 8, 8], 2, 1, id="nothing pays later"),
        pytest.param(K_TO_6, [16, 8, 9, 10, 11, 12], 2, 1, id="all later steps rise"),
        pytest.param(
            K_TO_6, [16, 8, 7.9, 7.8, 7.7, 3], None, 0, id="the last step pays more"
        ),
        pytest.param(K_TO_7, [16, 15, 1, 1, 1, 1, 1], 3, 1, id="second step"),
        pytest.param(
            K_TO_7,
            [16, 15, 14, 1, 1, 1, 1],
            None,
            0,
            id="three steps after it are not enough",
        ),
        pytest.param(
            [2, 4, 8, 16, 32, 64],
            [8, 4, 3.9, 3.8, 3.8, 3.8],
            4,
            1 - np.log(39 / 38) / np.log(2),
            id="k doubles",
        ),
        pytest.param(K_TO_7, [9, 5, 0, 0, 0, 0, 0], 3, 1, id="down to 0"),
        pytest.param(
            K_TO_6, [9, 5, 4.9, 4.8, 9, 9], 2, 0.9155, id="a later rise is no step"
        ),
        pytest.param(K_TO_6, [12, 10, 8, 6, 4, 2], None, 0, id="straight line"),
        pytest.param(range(1, 9), POWER_LAW, None, 0, id="power law"),
        pytest.param(K_TO_6, [5, 5, 5, 5, 5, 5], None, 0, id="flat"),
        pytest.param(K_TO_6, [0, 0, 0, 0, 0, 0], None, 0, id="flat at 0"),
        pytest.param(K_TO_6, [1, 2, 9, 10, 11, 12], None, 0, id="rising"),
    ],
)
@pytest.mark.parametrize("unit", [1, 1e-6])
def test_elbow_by_hand_in_any_unit(
    k_values: Any, inertia: Any, k: int | None, strength: float, unit: float
) -> None:
    answer = elbow(k_values, unit * np.array(inertia))
    assert answer.k == k
    assert answer.strength == pytest.approx(strength, abs=1e-4)


def elbow_of(points: NDArray[np.float64]) -> int | None:
    """Return the elbow of scikit-learn's k-means for k = 1 to 12."""
    models = [KMeans(k, n_init=3, random_state=0) for k in range(1, 13)]
    with threadpool_limits(1):
        return elbow(range(1, 13), [model.fit(points).inertia_ for model in models]).k


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 5, 20])
def test_blobs_have_an_elbow_and_clouds_have_none(d: int) -> None:
    rng = np.random.default_rng(d)
    clouds = [rng.uniform(size=(200, d)), rng.normal(size=(200, d))]
    assert [elbow_of(cloud) for cloud in clouds] == [None, None]
    for n_blobs in range(2, 8):
        # On a ring, four times their root mean square radius apart.
        centers = np.zeros((n_blobs, d))
        angles = np.arange(n_blobs) / n_blobs * 2 * np.pi
        centers[:, :2] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        centers *= 2 * np.sqrt(d) / np.sin(np.pi / n_blobs)
        blobs = centers[np.arange(240) % n_blobs] + rng.normal(size=(240, d))
        assert elbow_of(blobs) == n_blobs


# select_k


def select_by(
    criterion: str,
    values: list[float],
    first_k: int = 1,
    errors: list[float] | None = None,
) -> tuple[Any, ...]:
    """Return what `select_k` says about one score: pick, why none, at edge."""
    k = pd.RangeIndex(first_k, first_k + len(values), name="k")
    scores = pd.DataFrame({criterion: values, "gap standard error": errors}, index=k)
    selected = select_k(scores)
    assert selected.index.tolist() == [criterion]
    rows: list[tuple[Any, ...]] = list(selected.itertuples(index=False, name=None))
    return rows[0]


def test_each_score_picks_by_its_rule() -> None:
    scores = pd.DataFrame(
        {
            "gap standard error": [0.1, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
            "gap": [0.5, 0.6, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3],
            "prediction strength": [NAN, 1, 0.9, 0.7, 0.85, 0.6, 0.5, 0.4],
            "Davies-Bouldin": [NAN, 2.0, 1, 1.5, 3, 4, 5, 0.5],
            "Calinski-Harabasz": [NAN, 9, 8, 7, 6, 5, 4, 3],
            "silhouette": [NAN, 0.5, 0.4, 0.6, 0.1, 0.2, 0.1, 0.1],
            "inertia": [100.0, 50, 20, 19.8, 19.5, 19, 18.5, 18],
            "n": 100,
        },
        index=pd.Index(range(1, 9), name="k"),
    )
    selected = select_k(scores)
    assert selected.columns.tolist() == ["pick", "why none", "at edge"]
    assert selected.index.name == "criterion"
    rows = selected.itertuples(index=False, name=None)
    answers = dict(zip(selected.index, rows, strict=True))
    assert answers == {
        # The slope of the step to 3 is 2.26, and no later one is above 0.21.
        "inertia": (3, "", False),
        "silhouette": (4, "", False),
        "Calinski-Harabasz": (2, "", True),
        "Davies-Bouldin": (8, "", True),
        "prediction strength": (5, "", False),
        # 0.5 < 0.6 - 0.05 and 0.6 < 0.8 - 0.1.
        "gap": (3, "", False),
    }
    in_another_order = select_k(scores[["silhouette", "inertia"]])
    pd.testing.assert_frame_equal(in_another_order, selected.iloc[:2])


@pytest.mark.parametrize(
    ("inertia", "answer"),
    [
        pytest.param([64, 8, 7.9, 7.8, 7.7, 7.6], (2, "", False), id="one candidate"),
        pytest.param([64, 60, 50, *[9] * 5], (4, "", False), id="last candidate"),
        pytest.param(
            [16, 8, 7, 6.9, 6.8, 6.7], (pd.NA, "still falling", False), id="2"
        ),
        pytest.param(POWER_LAW, (pd.NA, "no bend", False), id="power law"),
        pytest.param(
            slopes_of_1_0_and(0.601), (pd.NA, "no bend", False), id="less than 0.4"
        ),
    ],
)
def test_inertia_picks_its_elbow(inertia: list[float], answer: Any) -> None:
    assert select_by("inertia", inertia) == answer


@pytest.mark.parametrize(
    ("criterion", "is_low_good"),
    [("silhouette", False), ("Calinski-Harabasz", False), ("Davies-Bouldin", True)],
)
@pytest.mark.parametrize(
    ("values", "pick", "is_at_edge"),
    [
        pytest.param([0.5, 0.4, 0.3], 2, True, id="first"),
        pytest.param([0.3, 0.4, 0.5], 4, True, id="last"),
        pytest.param([0.4, 0.5, 0.3], 3, False, id="in between"),
        pytest.param([0.1, 0.5, 0.5, 0.1], 3, False, id="ties go to smaller k"),
        pytest.param([NAN, 0.5, 0.1, 0.1], 3, True, id="first that is known"),
        pytest.param([0.1, 0.2, 0.5, NAN], 4, True, id="last that is known"),
    ],
)
def test_optimum_is_picked(
    criterion: str, is_low_good: bool, values: list[float], pick: int, is_at_edge: bool
) -> None:
    scores = [1 - value if is_low_good else value for value in values]
    assert select_by(criterion, scores, first_k=2) == (pick, "", is_at_edge)


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        pytest.param([NAN, 1, 0.9, 0.7], (3, "", False), id="largest"),
        pytest.param([NAN, 1, 0.7, 0.8, 0.7], (4, "", False), id="0.8 itself"),
        pytest.param([NAN, 1, 0.7, 0.79], (2, "", True), id="only the first"),
        pytest.param([NAN, 1, 0.7, 0.9], (4, "", True), id="the last"),
        pytest.param([NAN, 0.79, 0.7], (pd.NA, "below 0.8", False), id="none"),
    ],
)
def test_prediction_strength_picks_the_largest_k_from_0_8(
    values: list[float], answer: Any
) -> None:
    assert select_by("prediction strength", values) == answer


@pytest.mark.parametrize(
    ("gap", "error", "answer"),
    [
        # All numbers are multiples of 1/8, and therefore exact.
        pytest.param([0.5, 0.625, 0], [0, 0.125, 0], (1, "", True), id="just within"),
        pytest.param([0.5, 0.75, 0], [9, 0.125, 9], (2, "", False), id="beyond"),
        pytest.param(
            [0.5, 0.75, 1], [0, 0.125, 0.125], (pd.NA, "still rising", False), id="rise"
        ),
        pytest.param(
            [NAN, 0.5, 0.25, NAN], [NAN, 0, 0, NAN], (2, "", True), id="first known"
        ),
    ],
)
def test_gap_picks_the_smallest_k_that_the_next_does_not_beat_by_its_error(
    gap: list[float], error: list[float], answer: Any
) -> None:
    assert select_by("gap", gap, errors=error) == answer


def test_tables_of_the_gap_statistic_are_accepted() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2))
    gaps = gap_statistic(points, [1, 2, 3], n_references=5)
    assert select_k(gaps).loc["gap"].tolist() == [1, "", True]
