"""Lloyd's iterations: rows go where they are nearest, and no cluster is empty."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from fmnist_clustering import _lloyd
from fmnist_clustering._lloyd import (
    as_rows,
    lloyd,
    lloyd_from_each,
    weighted_inertia,
    weighted_means,
    weighted_sums,
)

Points = NDArray[np.float64]
Generator = np.random.Generator


def ordinary(rng: Generator, d: int) -> Points:
    return rng.normal(size=(200, d))


def on_a_grid(rng: Generator, d: int) -> Points:
    return rng.integers(-9, 9, (200, d)).astype(np.float64)


def same_in_float32(rng: Generator, d: int) -> Points:
    kinds = rng.normal(size=(5, d))[rng.integers(0, 5, 200)]
    return np.asarray(kinds + 1e-12 * rng.normal(size=(200, d)))


def one_row_far_out(rng: Generator, d: int) -> Points:
    rows = 1e-12 * rng.normal(size=(200, d))
    rows[17] = 1.0
    return rows


def tiny(rng: Generator, d: int) -> Points:
    return 1e-60 * rng.normal(size=(200, d))


FAMILIES = [ordinary, on_a_grid, same_in_float32, one_row_far_out, tiny]
each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.mark.parametrize("n_columns", [1, 3, 40, 300])
@each_family
def test_rows_go_where_subtraction_says_that_they_are_nearest(
    family: Callable[..., Points], n_columns: int
) -> None:
    rng = np.random.default_rng(0)
    points = family(rng, n_columns)
    centroids = points[rng.choice(200, 12, replace=False)]
    result = lloyd(as_rows(points, np.ones(200)), centroids, max_iter=1)
    expected = cdist(points, centroids, "sqeuclidean").argmin(axis=1)
    found = result.labels
    is_moved = found != expected
    # Equal centroids leave a cluster empty, which then takes a row from another one.
    n_empty = 12 - len(np.unique(expected))
    assert is_moved.sum() == n_empty


@each_family
def test_threads_do_not_change_a_bit(family: Callable[..., Points]) -> None:
    rng = np.random.default_rng(0)
    points = family(rng, 40)
    weight = rng.random(200) + 0.1
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            results.append(lloyd(as_rows(points, weight), points[:9]))
    np.testing.assert_array_equal(results[0].labels, results[1].labels)
    np.testing.assert_array_equal(results[0].centroids, results[1].centroids)
    assert results[0].inertia == results[1].inertia


@each_family
def test_blocks_of_rows_do_not_change_a_label(
    family: Callable[..., Points], monkeypatch: pytest.MonkeyPatch
) -> None:
    points = family(np.random.default_rng(0), 40)
    expected = lloyd(as_rows(points, np.ones(200)), points[:9])
    monkeypatch.setattr(_lloyd, "BLOCK_ROWS", 64)
    result = lloyd(as_rows(points, np.ones(200)), points[:9])
    np.testing.assert_array_equal(result.labels, expected.labels)
    np.testing.assert_allclose(
        result.centroids, expected.centroids, rtol=1e-12, atol=1e-15 * np.ptp(points)
    )


@pytest.mark.parametrize("n_columns", [2, 40])
@each_family
def test_the_end_is_a_fixed_point_with_no_empty_cluster(
    family: Callable[..., Points], n_columns: int
) -> None:
    rng = np.random.default_rng(1)
    points = family(rng, n_columns)
    weight = rng.integers(1, 9, 200).astype(np.float64)
    result = lloyd(as_rows(points, weight), points[:9])
    assert result.is_converged
    for cluster in range(9):
        rows = result.labels == cluster
        mean = np.average(points[rows], axis=0, weights=weight[rows])
        np.testing.assert_allclose(
            result.centroids[cluster], mean, rtol=1e-9, atol=1e-75
        )
    squared = cdist(points, result.centroids, "sqeuclidean")
    nearest = squared.min(axis=1)
    np.testing.assert_array_equal(squared[np.arange(200), result.labels], nearest)
    assert result.inertia == pytest.approx((weight * nearest).sum(), rel=1e-9)


def test_steps_by_hand() -> None:
    # 0 2 | 9 -> means 1 and 9; 4 is as near to 0 as to 8, so the first takes it.
    points = np.array([[0.0], [2.0], [4.0], [9.0]])
    one_step = lloyd(as_rows(points, np.ones(4)), np.array([[0.0], [8.0]]), max_iter=1)
    assert one_step.labels.tolist() == [0, 0, 0, 1]
    assert one_step.centroids.tolist() == [[2.0], [9.0]]
    assert one_step.inertia == 8.0
    assert not one_step.is_converged
    assert lloyd(as_rows(points, np.ones(4)), one_step.centroids).is_converged


def test_an_empty_cluster_takes_the_row_with_the_largest_weighted_error() -> None:
    # Errors from centroid 0: 0, 1, 9 and 16; with weights 0, 1, 36 and 16.
    points = np.array([[0.0], [1.0], [3.0], [4.0]])
    weight = np.array([1.0, 1.0, 4.0, 1.0])
    result = lloyd(as_rows(points, weight), np.array([[0.0], [100.0]]), max_iter=1)
    assert result.labels.tolist() == [0, 0, 1, 0]


def test_equal_rows_are_not_given_to_several_empty_clusters() -> None:
    points = np.array([[0.0], [5.0], [5.0], [5.0], [1.0]])
    result = lloyd(as_rows(points, np.ones(5)), np.array([[0.0], [90.0], [91.0]]))
    assert sorted(result.centroids.ravel().tolist()) == [0, 1, 5]


def test_more_clusters_than_distinct_rows_are_refused() -> None:
    points = np.array([[0.0], [5.0], [5.0]])
    message = "^n_clusters: found 3, expected at most 2, the number of distinct rows"
    with pytest.raises(ValueError, match=message):
        lloyd(as_rows(points, np.ones(3)), np.array([[0.0], [5.0], [6.0]]))


@pytest.mark.parametrize("n_columns", [2, 40])
def test_a_known_partition_changes_nothing(n_columns: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, n_columns))
    weight = rng.random(200) + 0.1
    early = lloyd(as_rows(points, weight), points[:9], max_iter=3)
    expected = lloyd(as_rows(points, weight), early.centroids)
    result = lloyd(as_rows(points, weight), early.centroids, previous=early)
    np.testing.assert_array_equal(result.labels, expected.labels)
    np.testing.assert_array_equal(result.centroids, expected.centroids)


def test_tolerance_stops_early() -> None:
    points = np.random.default_rng(0).random((500, 2))
    to_the_end = lloyd(as_rows(points, np.ones(500)), points[:9])
    early = lloyd(as_rows(points, np.ones(500)), points[:9], tol=1e-2)
    assert to_the_end.is_converged
    assert not early.is_converged
    assert early.inertia > to_the_end.inertia


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 7.7])
@pytest.mark.parametrize("weight", [[3.0], [0.1, 0.2, 0.7], [1.0] * 10])
def test_the_mean_of_equal_rows_is_the_row(value: float, weight: list[float]) -> None:
    n = len(weight)
    means = weighted_means(
        np.full((n, 2), value), np.array(weight), np.zeros(n, dtype=np.int64), 1
    )
    assert means.tolist() == [[value, value]]


def test_means_and_inertia_by_hand() -> None:
    points = np.array([[0.0, 1.0], [3.0, 1.0], [5.0, 5.0]])
    weight = np.array([1.0, 2.0, 4.0])
    labels = np.array([1, 1, 0])
    means = weighted_means(points, weight, labels, 2)
    assert means.tolist() == [[5.0, 5.0], [2.0, 1.0]]
    assert weighted_inertia(points, weight, labels, means) == 1 * 4 + 2 * 1


def test_a_row_may_be_added_to_several_clusters() -> None:
    rows = np.array([[1.0, 10.0], [2.0, 20.0]])
    weight = np.array([[-1.0, 1.0], [3.0, 5.0]])
    clusters = np.array([[0, 2], [2, 2]])
    sums = weighted_sums(rows, weight, clusters, 4)
    assert sums.tolist() == [[-1, -10], [0, 0], [1 + 6 + 10, 10 + 60 + 100], [0, 0]]


# The last value is fewer than a row has.
@pytest.mark.parametrize("block_values", [200_000, 100, 30])
@pytest.mark.parametrize("n_columns", [3, 40])
def test_means_of_blocks_of_rows(
    n_columns: int, block_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lloyd, "BLOCK_VALUES", block_values)
    rng = np.random.default_rng(0)
    points: Any = rng.normal(size=(50, n_columns)) + 1e6
    weight = rng.random(50) + 0.1
    labels = np.arange(50) % 4
    means = weighted_means(points, weight, labels, 4)
    for cluster in range(4):
        rows = labels == cluster
        expected = np.average(points[rows], axis=0, weights=weight[rows])
        np.testing.assert_allclose(means[cluster], expected, rtol=1e-15)


def test_iterations_from_several_starts_are_those_from_each() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3))
    weight = rng.uniform(0.5, 2, 200)
    starts = points[rng.choice(200, (6, 5))]
    starts[4, 3] = 100.0  # no row is near: the cluster becomes empty
    together = lloyd_from_each(as_rows(points, weight), starts, 4)
    for start, fit in zip(starts, together, strict=True):
        alone = lloyd(as_rows(points, weight), start, 4)
        np.testing.assert_array_equal(fit.labels, alone.labels)
        np.testing.assert_allclose(fit.centroids, alone.centroids, rtol=1e-12)
        assert fit.inertia == pytest.approx(alone.inertia, rel=1e-12)
        assert fit.is_converged == alone.is_converged


@pytest.mark.parametrize("n_columns", [3, 20])
def test_nearest_centroids_that_are_known_give_the_same(n_columns: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, n_columns))
    weight = rng.uniform(0.5, 2, 200)
    starts = points[rng.choice(200, (6, 5))]
    squared = np.square(points[:, None, None] - starts).sum(axis=3)
    labels = squared.argmin(axis=2)
    expected = lloyd_from_each(as_rows(points, weight), starts, 3)
    found = lloyd_from_each(as_rows(points, weight), starts, 3, labels=labels)
    for fit, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(fit.labels, other.labels)
        np.testing.assert_array_equal(fit.centroids, other.centroids)
        assert fit.inertia == other.inertia


@pytest.mark.parametrize("n_columns", [2, 20])
def test_a_cluster_that_known_labels_leave_empty_is_filled(n_columns: int) -> None:
    points = np.zeros((30, n_columns))
    points[:, 0] = np.arange(30)
    starts = points[None, [0, 10, 20]]
    labels = np.zeros((30, 1), dtype=np.int64)
    labels[15:] = 1
    (fit,) = lloyd_from_each(as_rows(points, np.ones(30)), starts, 20, labels=labels)
    expected = lloyd(as_rows(points, np.ones(30)), starts[0], 20)
    np.testing.assert_array_equal(fit.labels, expected.labels)
    assert len(np.unique(fit.labels)) == 3


@pytest.mark.parametrize(
    ("n_rows", "n_columns"), [(50, 2), (50, 20), (3000, 2), (3000, 20), (7, 784)]
)
def test_weighted_sums_by_a_loop(n_rows: int, n_columns: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n_rows, n_columns))
    weight = rng.uniform(0.5, 2, n_rows)
    labels = rng.integers(0, 4, n_rows)  # of five clusters the last is empty
    expected = np.zeros((5, n_columns))
    for row, w, label in zip(rows, weight, labels, strict=True):
        expected[label] += w * row
    found = weighted_sums(rows, weight, labels, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_starts_of_groups_far_apart_keep_the_digits_of_their_inertia() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([[0.0, 0.0], [1e9, 1e9]], 20, axis=0)
    points = groups + rng.normal(size=(40, 2))
    starts = np.stack([points[[0, 30]], points[[10, 20]]])
    for fit in lloyd_from_each(as_rows(points, np.ones(40)), starts, 3):
        exact = sum(
            np.square(half - half.mean(axis=0)).sum()
            for half in (points[:20], points[20:])
        )
        assert fit.inertia == pytest.approx(exact, rel=1e-6)
