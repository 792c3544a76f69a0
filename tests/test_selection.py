"""The elbow of a curve of inertia."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from fmnist_clustering import elbow, elbow_ranges

# Inertia of k = 1..14 on the 10,000 test images, from the notebook that this project
# grew out of.
PUBLISHED = [
    *(679218, 535144, 458680, 416463, 390453, 365898, 349520),
    *(337697, 326651, 316752, 308574, 300886, 294330, 288729),
]


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
def test_elbow_by_hand(
    k_values: Any,
    inertia: Any,
    k: int | None,
    strength: float,
) -> None:
    answer = elbow(k_values, inertia)
    assert answer.k == k
    assert answer.strength == pytest.approx(strength, abs=1e-4)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_elbow_does_not_depend_on_the_unit(unit: float) -> None:
    inertia = np.array([16, 8, 7.9, 7.8, 7.7, 7.6])
    plain = elbow(K_TO_6, inertia)
    scaled = elbow(K_TO_6, unit * inertia)
    assert plain.k == scaled.k == 2
    assert scaled.strength == pytest.approx(plain.strength)


def inertia_curve(points: NDArray[np.float64]) -> list[float]:
    """Return the inertia of scikit-learn's k-means for k = 1..12."""
    models = [KMeans(k, n_init=3, random_state=0) for k in range(1, 13)]
    return [model.fit(points).inertia_ for model in models]


@pytest.mark.slow
def test_structureless_data_have_no_elbow() -> None:
    answers = []
    with threadpool_limits(1):
        for seed in range(4):
            rng = np.random.default_rng(seed)
            for d in (2, 3, 5, 10, 20):
                clouds = [rng.uniform(size=(200, d)), rng.normal(size=(200, d))]
                curves = [inertia_curve(cloud) for cloud in clouds]
                answers += [elbow(range(1, 13), curve).k for curve in curves]
    false_claims = sum(k is not None for k in answers)
    assert len(answers) == 40
    assert false_claims <= 2  # 5 %


def random_blobs(
    n_blobs: int,
    d: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return clouds that are four times their root mean square radius apart."""
    radius = np.sqrt(d)
    centers: list[NDArray[np.float64]] = []
    side = 4 * radius
    while len(centers) < n_blobs:
        candidate = rng.uniform(-side, side, d)
        if all(np.linalg.norm(candidate - center) >= 4 * radius for center in centers):
            centers.append(candidate)
        side *= 1.01
    noise = rng.normal(size=(240, d))
    return np.asarray(np.array(centers)[np.arange(240) % n_blobs] + noise)


@pytest.mark.slow
def test_elbow_finds_separated_blobs() -> None:
    cases = list(itertools.product(range(2, 8), (2, 5, 10, 20)))
    n_right = 0
    with threadpool_limits(1):
        for n_blobs, d in cases:
            rng = np.random.default_rng([n_blobs, d])
            points = random_blobs(n_blobs, d, rng)
            n_right += elbow(range(1, 13), inertia_curve(points)).k == n_blobs
    assert n_right >= 0.95 * len(cases)


# elbow_ranges


def test_chord_moves_with_the_range_and_elbow_does_not() -> None:
    ranges = elbow_ranges(range(1, 15), PUBLISHED)
    chord = ranges.set_index(["first", "last"])["chord"]
    # Published with the curve.
    assert chord.loc[[(1, 14), (2, 14), (3, 14)]].tolist() == [4, 6, 7]
    assert chord.nunique() > 5
    assert ranges["elbow"].isna().all()


def test_chord_by_hand() -> None:
    # Scaled: x = 0, 0.2, ..., 1 and y = 1, 0.4, 0.1, 0.1, 0, 0. Below the chord by
    # 1 - x - y: 0.4, 0.5, 0.3 and 0.2.
    ranges = elbow_ranges(K_TO_6, [11, 5, 2, 2, 1, 1])
    assert ranges[["first", "last", "chord"]].to_numpy().tolist() == [[1, 6, 3]]


def test_elbow_of_each_range_is_that_of_its_part_of_the_curve() -> None:
    k = range(1, 9)
    inertia = [64, 60, 9, 8.9, 8.8, 8.7, 8.6, 8.5]
    ranges = elbow_ranges(k, inertia)
    assert ranges["elbow"].dropna().unique().tolist() == [3]
    assert ranges["elbow"].isna().any()
    for first, last, _, found in ranges.itertuples(index=False):
        expected = elbow(k[first - 1 : last], inertia[first - 1 : last]).k
        assert expected == (None if found is pd.NA else found)
