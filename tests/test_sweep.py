"""Many fits: the sweep over k, stability, near-ties, and the gap statistic."""

import itertools
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

from fmnist_clustering import (
    fit_kmeans,
    gap_statistic,
    inertia,
    near_ties,
    stability,
    sweep_k,
)

POINTS = np.random.default_rng(0).random((120, 3))


# sweep_k


@pytest.mark.parametrize(
    "k_values",
    [[2, 3, 7], range(1, 4), np.array([2, 4])],
    ids=["list", "range", "array"],
)
def test_sweep_equals_single_fits(k_values: Any) -> None:
    sweep = sweep_k(POINTS, k_values, n_init=2, random_state=1)
    assert sweep.labels.shape == (len(sweep.k_values), len(POINTS))
    assert sweep.k_values.dtype == np.int64
    rows = zip(*sweep, strict=True)
    for k, cost, silhouette, labels, centroids in rows:
        fit = fit_kmeans(POINTS, int(k), n_init=2, random_state=1)
        np.testing.assert_array_equal(labels, fit.labels)
        np.testing.assert_array_equal(centroids, fit.centroids)
        assert cost == fit.inertia
        if k == 1:
            assert np.isnan(silhouette)
        else:
            expected = scikit_learn_silhouettes(POINTS, fit.labels).mean()
            assert silhouette == pytest.approx(expected, abs=1e-12)


def test_images_count_in_units_of_255() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 12), dtype=np.uint8)
    sweep = sweep_k(pixels, [1, 2, 4])
    in_units = sweep_k(pixels / 255, [1, 2, 4])
    np.testing.assert_allclose(sweep.inertia, in_units.inertia, rtol=1e-9)
    np.testing.assert_allclose(sweep.silhouette, in_units.silhouette, rtol=1e-9)


# stability


def corner_blobs(n_blobs: int, d: int = 2) -> NDArray[np.float64]:
    """Return clouds of standard deviation 1 at corners that are 20 apart."""
    corners = 20.0 * np.array(list(itertools.product([0, 1], repeat=2)))[:n_blobs]
    centers = np.zeros((n_blobs, d))
    centers[:, :2] = corners
    noise = np.random.default_rng(0).normal(size=(240, d))
    return np.asarray(centers[np.arange(240) % n_blobs] + noise)


@pytest.mark.parametrize("d", [2, 10])
def test_blobs_come_back_from_every_half_and_cuts_through_them_do_not(d: int) -> None:
    replicates = stability(corner_blobs(4, d), [4, 9], n_resamples=5, n_init=3)
    assert (replicates.loc[4] == 1).all()
    assert replicates.loc[9].max() < 0.95


def test_all_pairs_of_resamples_are_kept() -> None:
    replicates = stability(corner_blobs(4), range(2, 5), n_resamples=5, n_init=2)
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
    options = {"n_resamples": 3, "n_init": 3}
    replicates = stability(POINTS, [3, 5], random_state=1, **options)
    with joblib.parallel_config(backend="sequential"), threadpool_limits(1):
        on_one_thread = stability(POINTS, [3, 5], random_state=1, **options)
    pd.testing.assert_frame_equal(on_one_thread, replicates, check_exact=True)
    other = stability(POINTS, [3, 5], random_state=2, **options)
    assert not replicates.equals(other)


def test_stability_of_images_does_not_depend_on_the_unit() -> None:
    pixels = (5 * corner_blobs(4) + 50).astype(np.uint8)
    of_images = stability(pixels, [3, 4], n_resamples=4)
    in_units = stability(pixels / 255, [3, 4], n_resamples=4)
    # With k = 3 two of the four clouds are joined, and each half joins other ones.
    assert in_units.loc[3].min() < 0.9
    assert (in_units.loc[4] == 1).all()
    np.testing.assert_allclose(of_images, in_units, rtol=0, atol=1e-9)


# near_ties

# Four clouds at the corners of a square: for k = 2 a cut from left to right is as good
# as one from top to bottom, but for the noise.
SQUARE = corner_blobs(4)
RECTANGLE = SQUARE * [1.0, 2.0]


def test_two_cuts_through_a_square_are_a_near_tie() -> None:
    ties = near_ties(SQUARE, [2, 4])
    left = SQUARE[:, 0] < 10
    bottom = SQUARE[:, 1] < 10
    costs = sorted([inertia(SQUARE, left * 1), inertia(SQUARE, bottom * 1)])
    assert ties.loc[2, "excess"].tolist() == pytest.approx(
        [0, costs[1] / costs[0] - 1], rel=1e-9
    )
    agreement = adjusted_rand_score(left, bottom)
    assert ties.loc[2, "ARI with the best"].tolist() == pytest.approx([1, agreement])
    assert ties.loc[2, "halves"].sum() == 10


def test_a_clear_partition_has_no_near_tie() -> None:
    ties = near_ties(RECTANGLE, [2, 4], n_resamples=5)
    assert ties.columns.tolist() == ["halves", "excess", "ARI with the best"]
    assert ties.index.tolist() == [2, 4]
    assert ties["halves"].tolist() == [5, 5]
    assert ties["excess"].tolist() == [0, 0]
    assert ties["ARI with the best"].tolist() == [1, 1]


def test_halves_lead_to_fixed_points_on_all_rows() -> None:
    # A cloud has many optima. Each of them is one of scikit-learn's, too, from the
    # centroids of some half, and the best partition is the best of these.
    cloud = np.random.default_rng(3).normal(size=(90, 2))
    ties = near_ties(cloud, [5], n_resamples=6)
    rng = np.random.default_rng(0)
    costs = []
    for _ in range(6):
        half = cloud[np.sort(rng.choice(90, 45, replace=False))]
        start = fit_kmeans(half, 5, n_init=20).centroids
        costs.append(KMeans(5, init=start, n_init=1, tol=0).fit(cloud).inertia_)
    excess = np.array(costs) / min(costs) - 1
    assert len(ties) > 1
    for found in ties["excess"]:
        assert np.abs(excess - found).min() < 1e-9
    assert ties["excess"].is_monotonic_increasing
    assert ties["halves"].sum() == 6


# gap_statistic


def test_gap_is_that_of_its_definition() -> None:
    # The same references, but fitted by scikit-learn in the columns of the data.
    points = np.random.default_rng(4).normal(size=(60, 3)) * [5, 2, 1]
    gaps = gap_statistic(points, [1, 2, 3], n_references=4, n_init=10, random_state=7)

    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    rotated = centered @ axes.T
    rng = np.random.default_rng(7)
    low, high = rotated.min(axis=0), rotated.max(axis=0)
    references = [rng.uniform(low, high, (60, 3)) @ axes for _ in range(4)]
    for k in (1, 2, 3):
        model = KMeans(k, n_init=20, random_state=0)
        logs = [np.log(model.fit(each).inertia_) for each in references]
        of_data = np.log(model.fit(points).inertia_)
        error = np.std(logs) * np.sqrt(1 + 1 / 4)
        assert gaps.loc[k, "log inertia"] == pytest.approx(of_data, abs=1e-9)
        assert gaps.loc[k, "reference"] == pytest.approx(np.mean(logs), abs=1e-9)
        assert gaps.loc[k, "gap"] == pytest.approx(np.mean(logs) - of_data, abs=1e-9)
        assert gaps.loc[k, "standard error"] == pytest.approx(error, abs=1e-9)


def test_enough_is_the_published_rule() -> None:
    gaps = gap_statistic(corner_blobs(4), range(1, 8), n_init=3)
    gap = gaps["gap"].tolist()
    error = gaps["standard error"].tolist()
    expected = [gap[i] >= gap[i + 1] - error[i + 1] for i in range(6)]
    assert gaps["enough"].tolist() == [*expected, False]
    assert gaps.index[gaps["enough"]][0] == 4


@pytest.mark.parametrize("d", [2, 10])
def test_the_gap_sees_one_cluster_in_a_cloud(d: int) -> None:
    rng = np.random.default_rng(d)
    n_ones = 0
    for _ in range(5):
        gaps = gap_statistic(rng.normal(size=(60, d)), [1, 2], n_init=2)
        n_ones += gaps.loc[1, "enough"]
    assert n_ones >= 4
    two_clouds = corner_blobs(2, d)
    assert not gap_statistic(two_clouds, [1, 2], n_init=2).loc[1, "enough"]


def test_the_gap_does_not_depend_on_rotation_origin_unit_or_threads() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(80, 3)) * [4, 2, 1]
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    gaps = gap_statistic(points, [1, 2, 3])
    moved = gap_statistic(1000 * points @ turned + 5, [1, 2, 3])
    # Axes may point the other way, which mirrors the references in their box.
    np.testing.assert_allclose(moved["gap"], gaps["gap"], atol=0.1)
    with joblib.parallel_config(backend="sequential"), threadpool_limits(1):
        again = gap_statistic(points, [1, 2, 3])
    pd.testing.assert_frame_equal(again, gaps, check_exact=True)
