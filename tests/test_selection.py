"""The sweep over k, stability, and the elbow."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics import silhouette_samples as scikit_learn_silhouettes
from threadpoolctl import threadpool_limits

from fmnist_clustering import elbow, elbow_ranges, fit_kmeans, stability, sweep_k

POINTS = np.random.default_rng(0).random((120, 3))
LINE = np.array([[1.0], [2], [3], [10], [11], [12]])
# Inertia of k = 1..14 on the 10,000 test images, from the notebook that this project
# grew out of.
PUBLISHED = [
    *(679218, 535144, 458680, 416463, 390453, 365898, 349520),
    *(337697, 326651, 316752, 308574, 300886, 294330, 288729),
]


# sweep_k


@pytest.mark.parametrize(
    "k_values",
    [[2, 3, 7], range(1, 4), (k for k in (1, 5)), np.array([2, 4], dtype=np.uint8)],
    ids=["list", "range", "generator", "array"],
)
def test_sweep_equals_single_fits(k_values: Any) -> None:
    sweep = sweep_k(POINTS, k_values, n_init=2, random_state=1)
    assert sweep.labels.shape == (len(sweep.k_values), len(POINTS))
    assert sweep.k_values.dtype == np.int64
    rows = zip(*sweep, strict=True)
    for k, inertia, silhouette, labels, centroids in rows:
        fit = fit_kmeans(POINTS, int(k), n_init=2, random_state=1)
        np.testing.assert_array_equal(labels, fit.labels)
        np.testing.assert_array_equal(centroids, fit.centroids)
        assert inertia == fit.inertia
        if k == 1:
            assert np.isnan(silhouette)
        else:
            expected = scikit_learn_silhouettes(POINTS, fit.labels).mean()
            assert silhouette == pytest.approx(expected, abs=1e-12)


def test_sweep_keeps_the_order_of_k() -> None:
    sweep = sweep_k(LINE, [1, 2, 3])
    assert sweep.k_values.tolist() == [1, 2, 3]
    assert sweep.inertia.tolist() == pytest.approx([125.5, 4, 2.5])


def test_images_count_in_units_of_255_in_any_container() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 12), dtype=np.uint8)
    sweep = sweep_k(pixels, [1, 2, 4])
    in_units = sweep_k(pixels / 255, [1, 2, 4])
    from_table = sweep_k(pd.DataFrame(pixels), [1, 2, 4])
    np.testing.assert_allclose(sweep.inertia, in_units.inertia, rtol=1e-9)
    np.testing.assert_allclose(sweep.silhouette, in_units.silhouette, rtol=1e-9)
    np.testing.assert_array_equal(sweep.inertia, from_table.inertia)
    np.testing.assert_array_equal(sweep.silhouette, from_table.silhouette)


def test_sweep_goes_up_to_one_cluster_less_than_rows() -> None:
    sweep = sweep_k(LINE, [5])
    assert len(np.unique(sweep.labels)) == 5
    with pytest.raises(ValueError, match=r"^k_values: "):
        sweep_k(LINE, [6])


@pytest.mark.parametrize(
    "k_values",
    [[], [3, 2], [2, 2], [0, 1], [2.5], np.array([3, 2], dtype=np.uint8)],
    ids=str,
)
def test_sweep_refuses_all_but_rising_k(k_values: Any) -> None:
    with pytest.raises(ValueError, match=r"^k_values: "):
        sweep_k(LINE, k_values)


# stability


def corner_blobs(n_blobs: int, d: int = 2) -> NDArray[np.float64]:
    """Return clouds of standard deviation 1 at corners that are 20 apart."""
    corners = 20.0 * np.array(list(itertools.product([0, 1], repeat=2)))[:n_blobs]
    centers = np.zeros((n_blobs, d))
    centers[:, :2] = corners
    noise = np.random.default_rng(0).normal(size=(240, d))
    return np.asarray(centers[np.arange(240) % n_blobs] + noise)


@pytest.mark.parametrize("d", [2, 30])
def test_blobs_come_back_from_every_half_and_cuts_through_them_do_not(d: int) -> None:
    replicates = stability(corner_blobs(4, d), [4, 9])
    assert (replicates.loc[4] == 1).all()
    assert replicates.loc[9].max() < 0.95


def test_all_pairs_of_resamples_are_kept() -> None:
    replicates = stability(corner_blobs(4), range(2, 5), n_resamples=5)
    assert replicates.index.tolist() == [2, 3, 4]
    assert replicates.index.name == "k"
    assert replicates.columns.tolist() == list(itertools.combinations(range(5), 2))
    assert replicates.columns.names == ["first", "second"]
    assert replicates.notna().all(axis=None)


def test_replicates_are_the_ari_of_fits_on_half_of_the_rows() -> None:
    # The centers are so near that each half draws another border.
    centers = np.array([[0, 0], [2, 0], [0, 3]])
    noise = np.random.default_rng(3).normal(size=(200, 2))
    points = centers[np.arange(200) % 3] + noise
    replicates = stability(points, [3], n_resamples=3, n_init=10, random_state=5)

    rng = np.random.default_rng(5)
    labelings = []
    for _ in range(3):
        half = points[rng.choice(200, 100, replace=False)]
        model = KMeans(3, n_init=20, random_state=0).fit(half)
        labelings.append(model.predict(points))
    expected = [
        adjusted_rand_score(labelings[0], labelings[1]),
        adjusted_rand_score(labelings[0], labelings[2]),
        adjusted_rand_score(labelings[1], labelings[2]),
    ]
    assert max(expected) < 1
    np.testing.assert_allclose(replicates.loc[3], expected, rtol=1e-12)


def test_one_k_does_not_change_another() -> None:
    together = stability(POINTS, [2, 3, 5], n_resamples=3)
    alone = stability(POINTS, [3], n_resamples=3)
    pd.testing.assert_frame_equal(alone, together.loc[[3]], check_exact=True)


def test_stability_depends_on_the_random_state_and_not_on_threads() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 60), dtype=np.uint8)
    replicates = stability(pixels, [3, 5], n_resamples=3, random_state=1)
    with joblib.parallel_config(backend="sequential"), threadpool_limits(1):
        on_one_thread = stability(pixels, [3, 5], n_resamples=3, random_state=1)
    pd.testing.assert_frame_equal(on_one_thread, replicates, check_exact=True)
    other = stability(pixels, [3, 5], n_resamples=3, random_state=2)
    assert not replicates.equals(other)


def test_stability_of_images_does_not_depend_on_the_unit() -> None:
    pixels = (5 * corner_blobs(4) + 50).astype(np.uint8)
    of_images = stability(pixels, [3, 4], n_resamples=4)
    in_units = stability(pixels / 255, [3, 4], n_resamples=4)
    # With k = 3 two of the four clouds are joined, and each half joins other ones.
    assert in_units.loc[3].min() < 0.9
    assert (in_units.loc[4] == 1).all()
    np.testing.assert_allclose(of_images, in_units, rtol=0, atol=1e-9)


def test_stability_goes_up_to_one_cluster_less_than_a_half_has_rows() -> None:
    rows = POINTS[:12]
    replicates = stability(rows, [2, 5], n_resamples=3, n_init=1)
    assert replicates.index.tolist() == [2, 5]
    for k in (1, 6):
        with pytest.raises(ValueError, match=r"^k_values: "):
            stability(rows, [k], n_resamples=3, n_init=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_resamples", 2), ("n_init", 0), ("random_state", -1)],
)
def test_stability_error_names_the_argument(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"^{name}: found {value}, expected "):
        stability(POINTS, [2], **{name: value})


# elbow

# Slopes of log inertia over log k: log 2 / log 2 = 1, then 0.501, then 0.
LESS_THAN_HALF = [16.0, 8, *[8 / 1.5**0.501] * 4]
K_TO_6 = range(1, 7)
K_TO_7 = range(1, 8)
POWER_LAW = [100 * k**-0.3 for k in range(1, 9)]


@pytest.mark.parametrize(
    ("k_values", "inertia", "k", "strength"),
    [
        pytest.param(K_TO_6, LESS_THAN_HALF, None, 0.499, id="less than half"),
        pytest.param(
            K_TO_6,
            [16, 8, 7, 6.9, 6.8, 6.7],
            2,
            1 - np.log(8 / 7) / np.log(1.5),
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
    inertia = np.array([16, 8, 7, 6.9, 6.8, 6.7])
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
        for seed in range(10):
            rng = np.random.default_rng(seed)
            for d in (2, 3, 4, 5, 8, 10, 15, 20, 30, 50):
                clouds = [rng.uniform(size=(200, d)), rng.normal(size=(200, d))]
                curves = [inertia_curve(cloud) for cloud in clouds]
                answers += [elbow(range(1, 13), curve).k for curve in curves]
    false_claims = sum(k is not None for k in answers)
    assert len(answers) == 200
    assert false_claims <= 10  # 5 %


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
    cases = list(itertools.product(range(2, 8), (2, 5, 10, 20), range(3)))
    n_right = 0
    with threadpool_limits(1):
        for n_blobs, d, seed in cases:
            rng = np.random.default_rng([n_blobs, d, seed])
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


def test_every_range_of_six_or_more_is_there_once() -> None:
    ranges = elbow_ranges(range(2, 10), [9, 8, 7, 6, 5, 4, 3, 2])
    ends = list(zip(ranges["first"], ranges["last"], strict=True))
    assert ends == [(2, 7), (2, 8), (2, 9), (3, 8), (3, 9), (4, 9)]


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


@pytest.mark.parametrize("function", [elbow, elbow_ranges])
@pytest.mark.parametrize(
    ("k_values", "inertia"),
    [
        pytest.param([1, 2, 3, 4, 5], [4, 3, 2, 1, 0], id="five points"),
        pytest.param(K_TO_6, [5, 4, 3, np.nan, 1, 0], id="nan"),
        pytest.param(K_TO_6, [np.inf, 4, 3, 2, 1, 0], id="infinity"),
        pytest.param(K_TO_6, [5, 4, 3, 2, 1, -1], id="below 0"),
        pytest.param(range(6), [5, 4, 3, 2, 1, 0], id="k from 0"),
        pytest.param([1, 3, 2, 4, 5, 6], [5, 4, 3, 2, 1, 0], id="k falls"),
        pytest.param([1, 2, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], id="k twice"),
        pytest.param([1, 2, 3, 4, 5, np.nan], [5, 4, 3, 2, 1, 0], id="k is nan"),
        pytest.param([1, 2.5, 3, 4, 5, 6], [5, 4, 3, 2, 1, 0], id="k is no integer"),
    ],
)
def test_curves_without_meaning_are_refused(
    function: Callable[..., Any],
    k_values: Any,
    inertia: Any,
) -> None:
    message = "expected 6 or more k that rise from 1, and costs from 0"
    with pytest.raises(ValueError, match=rf"^k_values, inertia: found .*{message}"):
        function(k_values, inertia)


@pytest.mark.parametrize("function", [elbow, elbow_ranges])
@pytest.mark.parametrize(
    ("k_values", "inertia"),
    [([1, 2, 3, 4], [2, 1]), ([[1, 2, 3]] * 3, [[3, 2, 1]] * 3)],
)
def test_curves_of_another_shape_are_refused(
    function: Callable[..., Any],
    k_values: Any,
    inertia: Any,
) -> None:
    with pytest.raises(ValueError, match=re.escape("k_values, inertia: found shapes ")):
        function(k_values, inertia)


@pytest.mark.parametrize("function", [sweep_k, stability])
def test_more_clusters_than_distinct_rows_are_k_values_too_many(function: Any) -> None:
    three_points = np.repeat(np.eye(3), [20, 20, 12], axis=0)
    message = "^k_values: found 4, expected at most 3, the number of distinct rows"
    with pytest.raises(ValueError, match=message):
        function(three_points, [2, 3, 4, 5], n_init=1)
    with pytest.raises(ValueError, match=r"^n_init: found 0"):
        function(three_points, [2, 3, 4, 5], n_init=0)
