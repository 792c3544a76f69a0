"""k-means: every fit is a fixed point of Lloyd's algorithm, and a good one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from threadpoolctl import threadpool_limits

from fmnist_clustering import cluster_means, fit_kmeans, inertia, load_split
from tests.benchmarks.cases import BEST_KNOWN

LINE = [[1.0], [2.0], [3.0], [10.0], [11.0], [12.0]]
IMAGES = np.random.default_rng(0).integers(0, 256, (200, 80), dtype=np.uint8)

# What scikit-learn says when there are fewer different rows than clusters.
few_rows = pytest.mark.filterwarnings("ignore:Number of distinct clusters")


def uniform(n_rows: int, n_columns: int) -> NDArray[np.float64]:
    return np.random.default_rng(n_columns).random((n_rows, n_columns))


DATA: dict[str, NDArray[Any]] = {
    "few columns": uniform(300, 2),
    "more than 60 columns": uniform(300, 80),
    "fewer rows than columns": uniform(40, 80),
    "more than 10,000 rows": uniform(10_500, 3),
    "far from the origin": uniform(300, 2) + 1e6,
    "images": IMAGES,
}


# What a fit is


@pytest.mark.parametrize("is_weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_clusters", [2, 7])
@pytest.mark.parametrize("X", DATA.values(), ids=DATA.keys())
def test_a_fit_is_a_fixed_point_with_ids_by_falling_size(
    X: NDArray[Any], n_clusters: int, is_weighted: bool
) -> None:
    points = X / 255 if X.dtype == np.uint8 else X
    weight = np.ones(len(X))
    if is_weighted:
        weight += np.random.default_rng(1).integers(0, 5, len(X))
    given_weight = weight if is_weighted else None
    fit = fit_kmeans(X, n_clusters, sample_weight=given_weight, random_state=3)

    clusters = [fit.labels == i for i in range(n_clusters)]
    means = [np.average(points[rows], 0, weight[rows]) for rows in clusters]
    np.testing.assert_allclose(fit.centroids, means, rtol=1e-12)
    squared = cdist(points, means, "sqeuclidean")
    np.testing.assert_array_equal(fit.labels, squared.argmin(axis=1))
    assert fit.inertia == pytest.approx(weight @ squared.min(axis=1), rel=1e-9)
    assert fit.labels.dtype == np.int64
    assert (np.diff(np.bincount(fit.labels)) <= 0).all()


def test_one_cluster_is_the_mean() -> None:
    fit = fit_kmeans(LINE, 1)
    assert fit.labels.tolist() == [0] * 6
    assert fit.centroids.tolist() == [[6.5]]
    assert fit.inertia == 2 * (5.5**2 + 4.5**2 + 3.5**2)


@pytest.mark.parametrize("n_columns", [1, 80])
def test_as_many_clusters_as_rows_cost_nothing(n_columns: int) -> None:
    X = uniform(55, n_columns)
    fit = fit_kmeans(X, 55)
    assert fit.labels.tolist() == list(range(55))
    np.testing.assert_allclose(fit.centroids, X, rtol=1e-14)
    assert fit.inertia == pytest.approx(0, abs=1e-20)


def test_as_many_clusters_as_different_rows_cost_nothing() -> None:
    fit = fit_kmeans([[0], [0], [5], [9], [5], [5]], 3)
    assert fit.labels.tolist() == [1, 1, 0, 2, 0, 0]
    assert fit.centroids.tolist() == [[5], [0], [9]]
    assert fit.inertia == 0


@few_rows
def test_different_rows_are_found_where_the_search_has_not_looked() -> None:
    X = np.zeros((30_000, 2))
    X[[5, 11_000, 17_000, 29_000]] = [[5, 5], [9, 1], [7, 7], [1, 9]]
    fit = fit_kmeans(X, 5)
    assert np.bincount(fit.labels).tolist() == [29_996, 1, 1, 1, 1]


@few_rows
def test_different_rows_are_found_that_30_components_do_not_tell_apart() -> None:
    # 80 categories, from 1 to 9 rows each, as columns of 0 and 1.
    X = np.repeat(np.eye(80), 1 + np.arange(80) // 9, axis=0)
    fit = fit_kmeans(X, 80)
    assert len(np.unique(fit.labels)) == 80
    assert fit.inertia == pytest.approx(0, abs=1e-20)


@few_rows
def test_more_clusters_than_different_rows_are_an_error_that_counts_these() -> None:
    X = np.repeat(uniform(7, 3), 4, axis=0)
    with pytest.raises(ValueError, match="n_clusters: found 9, expected at most 7"):
        fit_kmeans(X, 9)
    with pytest.raises(ValueError, match="n_samples=28 should be >= n_clusters=29"):
        fit_kmeans(X, 29)


# Weights, units and seeds


@pytest.mark.parametrize("n_columns", [2, 80])
def test_weights_are_numbers_of_equal_rows(n_columns: int) -> None:
    X, _ = make_blobs(60, n_columns, centers=4, cluster_std=0.3, random_state=0)
    weight = np.random.default_rng(0).integers(1, 5, len(X))
    weighted = fit_kmeans(X, 4, sample_weight=weight)
    repeated = fit_kmeans(np.repeat(X, weight, axis=0), 4)
    # Ids may differ, since the two have clusters of other sizes.
    pairs = {*zip(np.repeat(weighted.labels, weight), repeated.labels, strict=True)}
    assert len(pairs) == 4
    for one, other in pairs:
        np.testing.assert_allclose(weighted.centroids[one], repeated.centroids[other])
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-12)


def test_weights_move_the_partition() -> None:
    # Costs by hand, {0} {2, 3} against {0, 2} {3}. Unweighted: 1/2 < 2. With weight 100
    # on 2 and 3: 50 against 4 * 100/101.
    assert fit_kmeans([[0], [2], [3]], 2).labels.tolist() == [1, 0, 0]
    heavy = fit_kmeans([[0], [2], [3]], 2, sample_weight=[1, 100, 100])
    assert heavy.labels.tolist() == [0, 0, 1]
    assert heavy.inertia == pytest.approx(400 / 101)


def test_an_offset_changes_no_label_and_no_row_is_changed() -> None:
    X = np.random.default_rng(0).integers(0, 80, (200, 2)) / 8
    moved = X + 2**30  # these sums are exact
    before = moved.copy()
    expected = fit_kmeans(X, 12)
    np.testing.assert_array_equal(fit_kmeans(moved, 12).labels, expected.labels)
    np.testing.assert_array_equal(moved, before)


def test_the_seed_decides_and_neither_threads_nor_earlier_fits_do() -> None:
    X = uniform(3000, 4)
    with threadpool_limits(1):
        first = {k: fit_kmeans(X, k, n_init=1) for k in (5, 12)}
        other = fit_kmeans(X, 12, n_init=1, random_state=1)
    with threadpool_limits(2):
        again = {k: fit_kmeans(X, k, n_init=1) for k in (12, 5)}
    for k in (5, 12):
        np.testing.assert_array_equal(again[k].labels, first[k].labels)
        np.testing.assert_array_equal(again[k].centroids, first[k].centroids)
    assert other.inertia != first[12].inertia


# How good a fit is


@pytest.mark.parametrize(
    ("X", "n_clusters"),
    [
        pytest.param(load_iris().data, 3, id="iris"),
        pytest.param(make_blobs(300, 2, centers=6, random_state=0)[0], 6, id="blobs"),
        pytest.param(make_blobs(300, 80, centers=8, random_state=0)[0], 8, id="wide"),
        pytest.param(uniform(300, 2), 4, id="uniform"),
    ],
)
def test_a_fit_costs_no_more_than_the_best_of_50_of_scikit_learn(
    X: NDArray[Any], n_clusters: int
) -> None:
    best = KMeans(n_clusters, n_init=50, random_state=0).fit(X).inertia_
    for seed in range(3):
        fit = fit_kmeans(X, n_clusters, random_state=seed)
        assert fit.inertia <= best * (1 + 1e-3)


def test_where_clusters_touch_a_fit_is_nearly_the_best_of_ten_of_scikit_learn() -> None:
    ratios = []
    for X in (uniform(300, 2), uniform(300, 5), load_digits().data[:300]):
        for k in (6, 12):
            best = KMeans(k, n_init=10, random_state=0).fit(X).inertia_
            ratios += [fit_kmeans(X, k, random_state=s).inertia / best for s in (0, 1)]
    assert max(ratios) <= 1.02
    assert np.mean(ratios) <= 1.002


@pytest.mark.parametrize("side", [6, 7, 10])
@pytest.mark.parametrize("seed", [0, 1])
def test_swaps_find_every_blob_of_a_grid(side: int, seed: int) -> None:
    centers = [[10 * i, 10 * j] for i in range(side) for j in range(side)]
    X, blobs = make_blobs(20 * side**2, centers=centers, random_state=seed)
    of_blobs = inertia(X, blobs)
    one_start = KMeans(side**2, init="random", n_init=1, random_state=seed).fit(X)
    assert one_start.inertia_ > 1.2 * of_blobs
    fit = fit_kmeans(X, side**2, random_state=seed)
    assert fit.inertia <= of_blobs * (1 + 2e-3)


def test_the_search_looks_where_the_variance_is() -> None:
    # Eight blobs in the last 30 of 110 columns; all others hold a little noise.
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.arange(8), 25)
    centers = rng.normal(scale=10, size=(8, 30))
    quiet = rng.normal(scale=0.1, size=(200, 80))
    X = np.hstack([quiet, centers[blobs] + rng.normal(size=(200, 30))])
    assert fit_kmeans(X, 8).inertia <= inertia(X, blobs) * (1 + 1e-9)


def test_the_search_sees_rows_from_the_whole_table() -> None:
    # The first 10,000 rows are a single blob.
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.arange(5), [10_000, 500, 500, 500, 500])
    centers = np.array([[0, 0], [50, 0], [0, 50], [50, 50], [25, 100]])
    X = centers[blobs] + rng.normal(size=(12_000, 2))
    assert fit_kmeans(X, 5).inertia <= inertia(X, blobs) * (1 + 1e-9)


def test_the_search_sees_the_rows_that_weigh_most() -> None:
    # Twenty rows far out that hold nearly all weight, each a cluster of its own.
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    X = np.random.default_rng(0).normal(size=(12_000, 2))
    X[:20] = 500 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = np.full(12_000, 20)
    labels[:20] = range(20)
    weight = np.where(labels < 20, 1000, 1)
    fit = fit_kmeans(X, 21, sample_weight=weight)
    assert fit.inertia == pytest.approx(inertia(X, labels))


@pytest.mark.slow
def test_images_cost_no_more_than_the_best_known() -> None:
    known: dict[str, list[float]] = {}
    exec(BEST_KNOWN, known)
    images = load_split().pixels
    for k in (8, 20):
        assert fit_kmeans(images, k).inertia <= known["costs"][k - 1] * (1 + 1e-3)


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
