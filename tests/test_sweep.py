"""Many fits: the sweep over k, prediction strength, and the gap statistic."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from fmnist_clustering import fit_kmeans, gap_statistic, prediction_strength, sweep_k

Points = NDArray[np.float64]

POINTS = np.random.default_rng(0).random((120, 3))


def blobs(centers: Any, n_each: int) -> Points:
    """Return clouds of standard deviation 1."""
    rows = np.repeat(np.asarray(centers, dtype=float), n_each, axis=0)
    return rows + np.random.default_rng(0).normal(size=rows.shape)


SQUARE = blobs([[0, 0], [0, 20], [20, 0], [20, 20]], 30)
IMAGES = (5 * SQUARE + 50).astype(np.uint8)


# sweep_k


@pytest.mark.parametrize(
    "k_values",
    [[2, 3, 7], range(1, 4), np.array([2, 4])],
    ids=["list", "range", "array"],
)
def test_a_sweep_is_single_fits_and_the_silhouettes_of_scikit_learn(
    k_values: Any,
) -> None:
    sweep = sweep_k(POINTS, k_values, n_init=2, random_state=1)
    assert sweep.k_values.tolist() == list(k_values)
    for k, cost, silhouette, labels, centroids in zip(*sweep, strict=True):
        fit = fit_kmeans(POINTS, int(k), n_init=2, random_state=1)
        np.testing.assert_array_equal(labels, fit.labels)
        np.testing.assert_array_equal(centroids, fit.centroids)
        assert cost == fit.inertia
        expected = silhouette_score(POINTS, fit.labels) if k > 1 else np.nan
        assert silhouette == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_images_count_in_units_of_255() -> None:
    sweep = sweep_k(IMAGES, [1, 2, 4])
    in_units = sweep_k(IMAGES / 255, [1, 2, 4])
    np.testing.assert_allclose(sweep.inertia, in_units.inertia, rtol=1e-9)
    np.testing.assert_allclose(sweep.silhouette, in_units.silhouette, rtol=1e-9)
    gaps = gap_statistic(IMAGES, [1, 4], n_references=2)
    of_units = gap_statistic(IMAGES / 255, [1, 4], n_references=2)
    np.testing.assert_allclose(gaps, of_units, rtol=1e-9)
    of_images = prediction_strength(IMAGES, [3], n_splits=2)
    of_units = prediction_strength(IMAGES / 255, [3], n_splits=2)
    np.testing.assert_allclose(of_images, of_units, rtol=1e-9)


# prediction_strength


def slow_prediction_strength(first: Points, second: Points, k: int) -> float:
    """Return the mean of both directions, by a loop over all pairs of rows."""
    fits = [KMeans(k, n_init=20, random_state=0).fit(half) for half in (first, second)]
    worst = []
    for half, own, other in ((first, *fits), (second, *fits[::-1])):
        others_labels = other.predict(half)
        shares = []
        for cluster in range(k):
            rows = np.flatnonzero(own.labels_ == cluster)
            pairs = [(i, j) for i in rows for j in rows if i != j]
            together = [others_labels[i] == others_labels[j] for i, j in pairs]
            shares.append(np.mean(together) if pairs else 0)
        worst.append(min(shares))
    return float(np.mean(worst))


def test_prediction_strength_is_that_of_its_definition() -> None:
    # Three clouds that touch, and an odd number of rows.
    points = blobs([[0, 0], [3, 0], [0, 5]], 14)[:41]
    strengths = prediction_strength(points, [2, 3], n_splits=3, random_state=5)
    rng = np.random.default_rng(5)
    for split in range(3):
        first, second = np.array_split(points[rng.permutation(41)], 2)
        for k in (2, 3):
            expected = slow_prediction_strength(first, second, k)
            assert strengths.loc[k, split] == pytest.approx(expected, abs=1e-12)
    assert 0 < strengths.loc[2, 2] < strengths.loc[3, 2] < 1


def test_blobs_are_the_same_in_all_halves_and_cuts_through_them_are_not() -> None:
    strengths = prediction_strength(SQUARE, range(3, 6), n_splits=2)
    pd.testing.assert_index_equal(strengths.index, pd.Index([3, 4, 5], name="k"))
    pd.testing.assert_index_equal(strengths.columns, pd.RangeIndex(2, name="split"))
    assert (strengths.loc[4] == 1).all()
    assert strengths.loc[5].max() < 0.8


def test_a_cloud_without_clusters_has_a_low_prediction_strength() -> None:
    cloud = np.random.default_rng(1).random((100, 5))
    strengths = prediction_strength(cloud, [4, 8], n_splits=4)
    assert strengths.mean(axis=1).max() < 0.6


def test_a_cluster_of_one_row_counts_zero_and_both_directions_are_averaged() -> None:
    # Two groups and a row far out. The half with the far row has it as a cluster: 0.
    # The other half has the two groups, which the centroids of the first one join: 1.
    points = np.concatenate([np.linspace(0, 1, 20), np.linspace(9, 10, 20), [1000]])
    strengths = prediction_strength(points[:, None], [2], n_splits=5)
    assert (strengths == 0.5).all(axis=None)
    # With as many clusters as rows each one has a single row.
    assert (prediction_strength(POINTS[:20], [10], n_splits=2) == 0).all(axis=None)


def test_the_seed_decides_and_other_k_do_not() -> None:
    together = prediction_strength(POINTS, [2, 3], n_splits=2)
    alone = prediction_strength(POINTS, [3], n_splits=2)
    pd.testing.assert_frame_equal(alone, together.loc[[3]], check_exact=True)
    other = prediction_strength(POINTS, [3], n_splits=2, random_state=1)
    assert not other.equals(alone)


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
    pd.testing.assert_index_equal(gaps.index, pd.Index([1, 2, 3], name="k"))
    for k in (1, 2, 3):
        model = KMeans(k, n_init=20, random_state=0)
        logs = [np.log(model.fit(each).inertia_) for each in references]
        of_data = np.log(model.fit(points).inertia_)
        assert gaps.loc[k].to_dict() == pytest.approx(
            {
                "log inertia": of_data,
                "reference": np.mean(logs),
                "gap": np.mean(logs) - of_data,
                "gap standard error": np.std(logs) * np.sqrt(1 + 1 / 4),
            },
            abs=1e-9,
        )


def test_the_gap_sees_blobs_and_a_single_cloud() -> None:
    gap = gap_statistic(SQUARE, range(1, 6), n_references=3)["gap"]
    assert gap.idxmax() == 4
    cloud = np.random.default_rng(0).normal(size=(60, 2))
    gap = gap_statistic(cloud, [1, 2], n_references=3)["gap"]
    assert gap.idxmax() == 1


def test_the_gap_does_not_depend_on_rotation_origin_and_unit() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(80, 3)) * [4, 2, 1]
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    gaps = gap_statistic(points, [1, 3], n_references=3)
    moved = gap_statistic(1000 * points @ turned + 5, [1, 3], n_references=3)
    np.testing.assert_allclose(moved["gap"], gaps["gap"], rtol=1e-9)
