"""k-means: every fit is a fixed point of Lloyd's algorithm, and a good one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from fmnist_clustering import cluster_means, fit_kmeans, inertia

Points = NDArray[np.float64]
Labels = NDArray[np.int64]

LINE = [[1.0], [2.0], [3.0], [10.0], [11.0], [12.0]]
SEEDS = range(5)


def uniform(n_rows: int, n_columns: int) -> Points:
    return np.random.default_rng(n_columns).random((n_rows, n_columns))


IMAGES = np.random.default_rng(0).integers(0, 256, (200, 80), dtype=np.uint8)

DATA: dict[str, NDArray[Any]] = {
    "few columns": uniform(300, 2),
    "many columns": uniform(300, 60),
    "fewer rows than columns": uniform(40, 60),
    "images": IMAGES,
    "blank first columns": np.hstack([np.zeros((90, 60)), uniform(90, 35)]),
}
each_data_set = pytest.mark.parametrize("X", DATA.values(), ids=DATA.keys())


def lloyd_step(
    points: Points,
    labels: Labels,
    weight: Points,
) -> tuple[Points, Labels]:
    """Return the clusters' means and each row's nearest mean, slowly and plainly."""
    means = []
    for cluster in range(labels.max() + 1):
        rows = labels == cluster
        total = (points[rows] * weight[rows, None]).sum(axis=0)
        means.append(total / weight[rows].sum())
    distances = [[((point - mean) ** 2).sum() for mean in means] for point in points]
    return np.array(means), np.argmin(distances, axis=1)


# What a fit is


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_clusters", [2, 7])
@each_data_set
def test_fit_is_a_fixed_point_of_lloyd(
    X: NDArray[Any],
    n_clusters: int,
    weighted: bool,
) -> None:
    points = X / 255 if X.dtype == np.uint8 else X
    weight = np.ones(len(X))
    if weighted:
        weight += np.random.default_rng(1).integers(0, 5, len(X))
    sample_weight = weight if weighted else None
    fit = fit_kmeans(
        X, n_clusters, sample_weight=sample_weight, n_init=2, random_state=3
    )
    means, nearest = lloyd_step(points, fit.labels, weight)
    np.testing.assert_array_equal(fit.labels, nearest)
    np.testing.assert_allclose(fit.centroids, means, rtol=1e-12)
    squared = ((points - means[fit.labels]) ** 2).sum(axis=1)
    assert fit.inertia == pytest.approx((weight * squared).sum(), rel=1e-12)


@each_data_set
def test_ids_are_numbered_by_falling_size(X: NDArray[Any]) -> None:
    fit = fit_kmeans(X, 7, n_init=2)
    sizes = np.bincount(fit.labels)
    assert fit.labels.dtype == np.int64
    assert len(sizes) == 7
    assert (np.diff(sizes) <= 0).all()
    assert sizes.min() > 0


def test_one_cluster_is_the_mean() -> None:
    fit = fit_kmeans(LINE, 1)
    assert fit.labels.tolist() == [0] * 6
    assert fit.centroids.tolist() == [[6.5]]
    assert fit.inertia == 2 * (5.5**2 + 4.5**2 + 3.5**2)


@pytest.mark.parametrize("n_columns", [1, 60])
def test_as_many_clusters_as_rows_cost_nothing(n_columns: int) -> None:
    X = uniform(55, n_columns)
    fit = fit_kmeans(X, 55)
    assert fit.labels.tolist() == list(range(55))
    np.testing.assert_allclose(fit.centroids, X, rtol=1e-15)
    assert fit.inertia == 0


def test_as_many_clusters_as_distinct_rows_cost_nothing() -> None:
    fit = fit_kmeans([[0], [0], [5], [9], [5], [5]], 3)
    assert fit.labels.tolist() == [1, 1, 0, 2, 0, 0]
    assert fit.centroids.tolist() == [[5], [0], [9]]
    assert fit.inertia == 0


# Weights and units


@pytest.mark.parametrize("n_columns", [2, 80])
def test_integer_weights_equal_repeated_rows(n_columns: int) -> None:
    X, _ = make_blobs(60, n_columns, centers=4, cluster_std=0.3, random_state=0)
    weight = np.random.default_rng(0).integers(1, 5, len(X))
    weighted = fit_kmeans(X, 4, sample_weight=weight)
    repeated = fit_kmeans(np.repeat(X, weight, axis=0), 4)
    # Ids may differ, since the two have clusters of other sizes.
    carried = np.repeat(weighted.labels, weight)
    ids = [repeated.labels[carried == cluster][0] for cluster in range(4)]
    np.testing.assert_array_equal(np.array(ids)[carried], repeated.labels)
    centroids = repeated.centroids[ids]
    np.testing.assert_allclose(weighted.centroids, centroids, rtol=1e-12)
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-12)


def test_weights_move_the_partition() -> None:
    # Costs by hand, {0} {2, 3} against {0, 2} {3}. Unweighted: 1/2 < 2. With weight 100
    # on 2 and 3: 50 against 4 * 100/101.
    assert fit_kmeans([[0], [2], [3]], 2).labels.tolist() == [1, 0, 0]
    heavy = fit_kmeans([[0], [2], [3]], 2, sample_weight=[1, 100, 100])
    assert heavy.labels.tolist() == [0, 0, 1]
    assert heavy.centroids.tolist() == [[pytest.approx(200 / 101)], [3.0]]
    assert heavy.inertia == pytest.approx(400 / 101)


def test_images_count_in_units_of_255() -> None:
    images = fit_kmeans(IMAGES, 4)
    points = fit_kmeans(IMAGES / 255, 4)
    np.testing.assert_array_equal(images.labels, points.labels)
    np.testing.assert_allclose(images.centroids, points.centroids, rtol=1e-12)
    assert images.inertia == pytest.approx(points.inertia, rel=1e-12)


def test_rows_are_left_alone() -> None:
    X = uniform(300, 60)
    before = X.copy()
    fit_kmeans(X, 3)
    np.testing.assert_array_equal(X, before)


def test_an_offset_changes_no_label() -> None:
    X = np.random.default_rng(0).integers(0, 80, (60, 2)) / 8
    expected = fit_kmeans(X, 5)
    np.testing.assert_array_equal(fit_kmeans(X + 1000, 5).labels, expected.labels)


# Seeds


def test_the_seed_decides() -> None:
    X = uniform(300, 2)
    fits = [fit_kmeans(X, 12, n_init=1, random_state=seed) for seed in SEEDS]
    assert len({fit.inertia for fit in fits}) > 1
    again = fit_kmeans(X, 12, n_init=1, random_state=0)
    np.testing.assert_array_equal(again.labels, fits[0].labels)
    np.testing.assert_array_equal(again.centroids, fits[0].centroids)


# How good a fit is


@pytest.mark.parametrize("n_columns", [2, 80])
def test_no_worse_than_scikit_learn_on_blobs(n_columns: int) -> None:
    # The blobs lie apart: where they overlap, scikit-learn's own answers differ by 3 %
    # between seeds.
    rng = np.random.default_rng(0)
    columns = np.tile(np.arange(8.0), (n_columns, 1))
    centers = 10 * rng.permuted(columns, axis=1).T
    X, _ = make_blobs(300, centers=centers, cluster_std=1.5, random_state=0)
    reference = KMeans(8, n_init=10, random_state=0).fit(X)
    assert fit_kmeans(X, 8).inertia <= reference.inertia_ * (1 + 1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_swaps_find_every_one_of_many_blobs(seed: int) -> None:
    # 36 blobs on a grid. Ten starts of plain k-means always miss some of them.
    centers = [[10.0 * i, 10.0 * j] for i in range(6) for j in range(6)]
    X, blobs = make_blobs(720, centers=centers, random_state=seed)
    of_blobs = inertia(X, blobs)
    plain = KMeans(36, init="random", n_init=10, random_state=seed).fit(X)
    assert plain.inertia_ > 1.2 * of_blobs
    assert fit_kmeans(X, 36, random_state=seed).inertia <= of_blobs * (1 + 1e-9)


def test_the_search_looks_where_the_variance_is() -> None:
    # Eight blobs in the last 30 of 110 columns; all others hold a little noise.
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.arange(8), 25)
    centers = rng.normal(scale=10, size=(8, 30))
    quiet = rng.normal(scale=0.1, size=(200, 80))
    X = np.hstack([quiet, centers[blobs] + rng.normal(size=(200, 30))])
    assert fit_kmeans(X, 8).inertia <= inertia(X, blobs) * (1 + 1e-9)


def test_the_search_sees_rows_from_the_whole_table() -> None:
    # The search looks at 10,000 rows. The first 10,000 are a single blob.
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.arange(5), [10_000, 500, 500, 500, 500])
    centers = np.array([[0, 0], [50, 0], [0, 50], [50, 50], [25, 100]])
    X = centers[blobs] + rng.normal(size=(12_000, 2))
    assert fit_kmeans(X, 5).inertia <= inertia(X, blobs) * (1 + 1e-9)


# Inertia and means


@pytest.mark.parametrize(
    ("X", "labels", "expected"),
    [
        pytest.param(LINE, [0, 0, 0, 1, 1, 1], 4.0, id="two clusters"),
        pytest.param(LINE, [2, 2, 2, 0, 0, 0], 4.0, id="ids with a gap"),
        pytest.param(LINE, [0] * 6, 125.5, id="one cluster"),
        pytest.param(LINE, [5, 4, 3, 2, 1, 0], 0.0, id="a cluster for each row"),
        pytest.param([[0, 0], [3, 4]], [0, 0], 12.5, id="two columns"),
        pytest.param(np.array([[0], [255]], np.uint8), [1, 1], 0.5, id="images"),
    ],
)
def test_inertia_by_hand(X: Any, labels: Any, expected: float) -> None:
    assert inertia(X, labels) == pytest.approx(expected, rel=1e-15)


def test_inertia_equals_that_of_scikit_learn() -> None:
    X = uniform(120, 50)
    model = KMeans(6, n_init=1, tol=0, random_state=0).fit(X)
    assert inertia(X, model.labels_) == pytest.approx(model.inertia_, rel=1e-12)


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 3)), min_size=1, max_size=10)
)
def test_inertia_is_half_the_mean_squared_distance_within_clusters(
    rows: list[tuple[int, int]],
) -> None:
    values, labels = np.array(rows).T
    expected = 0.0
    for cluster in np.unique(labels):
        members = values[labels == cluster]
        squared = np.square(members[:, None] - members)
        expected += squared.sum() / (2 * len(members))
    found = inertia(values[:, None], labels)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_cluster_means_by_hand() -> None:
    means = cluster_means([[1, 5], [3, 6], [10, 0]], [4, 4, 1])
    assert means.tolist() == [[10, 0], [2, 5.5]]
    images = np.array([[0], [255], [51]], dtype=np.uint8)
    assert cluster_means(images, [0, 0, 1]).tolist() == [[0.5], [0.2]]


def test_centroids_are_the_means_of_their_clusters() -> None:
    fit = fit_kmeans(IMAGES, 6)
    means = cluster_means(IMAGES, fit.labels)
    np.testing.assert_allclose(means, fit.centroids, rtol=1e-12)
