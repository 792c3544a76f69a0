import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from fmnist_clustering import KMeansFit, canonical_labels, cluster_means, fit_kmeans, inertia, match_labels
from fmnist_clustering.kmeans import fit_many, fit_prepared, prepare

Points = NDArray[np.float64]
Labels = NDArray[np.int64]

RNG = np.random.default_rng(0)
DATA: dict[str, NDArray[Any]] = {
    "2 columns": RNG.random((300, 2)),
    "50 columns": RNG.random((120, 50)),
    "60 columns, so on components": RNG.random((300, 60)),
    "60 columns, fewer rows than components": RNG.random((40, 60)),
    "80 pixels, so on components": RNG.integers(0, 256, (200, 80), dtype=np.uint8),
    "few rows, blank first columns": np.hstack([np.zeros((40, 25)), RNG.random((40, 35))]),
}
LINE = [[1.0], [2.0], [3.0], [10.0], [11.0], [12.0]]
exactly = settings(deadline=None, derandomize=True, max_examples=60)
small_ids = st.integers(0, 3)
any_ids = st.lists(st.integers(0, 9), min_size=1, max_size=15)
two_labelings = st.lists(st.tuples(small_ids, small_ids), min_size=1, max_size=12).map(
    lambda pairs: np.array(pairs, dtype=np.int64).T
)


def lloyd_step(points: Points, labels: Labels, weight: Points) -> tuple[Points, Labels]:
    means = []
    for cluster in range(labels.max() + 1):
        rows = labels == cluster
        means.append((points[rows] * weight[rows, None]).sum(axis=0) / weight[rows].sum())
    distances = [[((point - mean) ** 2).sum() for mean in means] for point in points]
    return np.array(means), np.argmin(distances, axis=1)


def canonical_by_sorting(labels: list[int]) -> list[int]:
    order = sorted(set(labels), key=lambda label: (-labels.count(label), labels.index(label)))
    return [order.index(label) for label in labels]


def same_cluster(labels: Any) -> NDArray[np.bool_]:
    ids = np.asarray(labels)
    return np.asarray(ids[:, None] == ids)


def assert_same_fit(a: KMeansFit, b: KMeansFit) -> None:
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_array_equal(a.centroids, b.centroids)
    assert a.inertia == b.inertia


@pytest.mark.parametrize("init", ["k-means++", "forgy"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_clusters", [2, 7])
@pytest.mark.parametrize("X", DATA.values(), ids=DATA.keys())
def test_fit_is_a_fixed_point_of_lloyd(X: NDArray[Any], n_clusters: int, weighted: bool, init: str) -> None:
    points = X / 255 if X.dtype == np.uint8 else X
    weight = np.ones(len(X))
    if weighted:
        weight += np.random.default_rng(1).integers(0, 5, len(X))
    fit = fit_kmeans(X, n_clusters, sample_weight=weight if weighted else None, n_init=2, init=init, seed=3)
    means, labels = lloyd_step(points, fit.labels, weight)
    np.testing.assert_array_equal(fit.labels, labels)
    np.testing.assert_allclose(fit.centroids, means, rtol=1e-12)
    cost = sum(w * ((point - means[label]) ** 2).sum() for point, label, w in zip(points, labels, weight, strict=True))
    assert fit.inertia == pytest.approx(cost, rel=1e-12)
    assert sorted(set(fit.labels.tolist())) == list(range(n_clusters))
    assert fit.labels.tolist() == canonical_by_sorting(fit.labels.tolist())
    assert fit.labels.dtype == np.int64


@pytest.mark.parametrize("n_features", [2, 80])
def test_integer_weights_equal_repeated_rows(n_features: int) -> None:
    X, _ = make_blobs(60, n_features, centers=4, cluster_std=0.3, random_state=0)
    weight = np.random.default_rng(0).integers(1, 5, len(X))
    weighted = fit_kmeans(X, 4, sample_weight=weight)
    repeated = fit_kmeans(np.repeat(X, weight, axis=0), 4)
    carried = np.repeat(weighted.labels, weight)
    np.testing.assert_array_equal(canonical_labels(carried), repeated.labels)
    of_repeated = [repeated.labels[carried == cluster][0] for cluster in range(4)]
    np.testing.assert_allclose(weighted.centroids, repeated.centroids[of_repeated], rtol=1e-12)
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-12)


def test_weights_move_the_partition() -> None:
    # Costs by hand, {0} {2, 3} against {0, 2} {3}: unweighted 1/2 < 2, weight 100 on 3: 100/101
    # against 2; weight 100 on both 2 and 3: 50 against 4 * 100/101.
    assert fit_kmeans([[0], [2], [3]], 2).labels.tolist() == [1, 0, 0]
    heavy = fit_kmeans([[0], [2], [3]], 2, sample_weight=[1, 100, 100])
    assert heavy.labels.tolist() == [0, 0, 1]
    assert heavy.centroids.tolist() == [[pytest.approx(200 / 101)], [3.0]]
    assert heavy.inertia == pytest.approx(400 / 101)


@pytest.mark.parametrize("init", ["k-means++", "forgy"])
@pytest.mark.parametrize("X", DATA.values(), ids=DATA.keys())
def test_same_seed_same_fit_on_one_and_two_threads(X: NDArray[Any], init: str) -> None:
    fits = []
    for n_threads in (1, 2, 2):
        with threadpool_limits(n_threads):
            fits.append(fit_kmeans(X, 5, n_init=3, init=init, seed=1))
    assert_same_fit(fits[0], fits[1])
    assert_same_fit(fits[1], fits[2])


def test_other_seeds_draw_other_starts() -> None:
    X = DATA["2 columns"]
    costs = {fit_kmeans(X, 12, n_init=1, seed=seed).inertia for seed in range(5)}
    assert len(costs) > 1


def test_more_starts_are_never_worse_and_pay_off() -> None:
    X = DATA["2 columns"]
    single = np.array([fit_kmeans(X, 12, n_init=1, seed=seed).inertia for seed in range(5)])
    many = np.array([fit_kmeans(X, 12, n_init=10, seed=seed).inertia for seed in range(5)])
    assert (many <= single).all()
    assert (many < single).any()


def test_spread_starts_miss_fewer_blobs_than_forgy() -> None:
    X, _ = make_blobs(200, centers=[[10.0 * i, 0] for i in range(8)], random_state=0)
    cost = {
        init: np.mean([fit_kmeans(X, 8, n_init=1, init=init, seed=s).inertia for s in range(20)])
        for init in ("k-means++", "forgy")
    }
    assert cost["k-means++"] < 0.8 * cost["forgy"]


@pytest.mark.parametrize("n_features", [2, 80])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_worse_than_scikit_learn_on_blobs(n_features: int, seed: int) -> None:
    # Blobs apart: where they overlap, scikit-learn's own answers differ by 3 % between seeds.
    centers = np.random.default_rng(seed).permuted(np.tile(np.arange(8.0), (n_features, 1)), axis=1)
    X, _ = make_blobs(300, centers=10 * centers.T, cluster_std=1.5, random_state=seed)
    reference = KMeans(8, n_init=10, random_state=seed).fit(X).inertia_
    assert fit_kmeans(X, 8, seed=seed).inertia <= reference * (1 + 1e-3)


def test_pixels_count_in_units_of_255() -> None:
    X = DATA["80 pixels, so on components"]
    pixels, points = fit_kmeans(X, 4), fit_kmeans(X / 255, 4)
    np.testing.assert_array_equal(pixels.labels, points.labels)
    np.testing.assert_allclose(pixels.centroids, points.centroids, rtol=1e-12)
    assert pixels.inertia == pytest.approx(points.inertia, rel=1e-12)


def test_one_cluster_is_the_mean() -> None:
    fit = fit_kmeans(LINE, 1)
    assert fit.labels.tolist() == [0] * 6
    assert fit.centroids.tolist() == [[6.5]]
    assert fit.inertia == 2 * (5.5**2 + 4.5**2 + 3.5**2)


@pytest.mark.parametrize("n_features", [1, 60])
def test_as_many_clusters_as_rows_cost_nothing(n_features: int) -> None:
    X = np.random.default_rng(0).random((55, n_features))
    fit = fit_kmeans(X, 55)
    assert fit.labels.tolist() == list(range(55))
    np.testing.assert_allclose(fit.centroids, X, rtol=1e-15)
    assert fit.inertia == 0


@pytest.mark.parametrize("init", ["k-means++", "forgy"])
def test_as_many_clusters_as_distinct_rows_cost_nothing(init: str) -> None:
    fit = fit_kmeans([[0], [0], [5], [9], [5], [5]], 3, init=init)
    assert fit.labels.tolist() == [1, 1, 0, 2, 0, 0]
    assert fit.centroids.tolist() == [[5], [0], [9]]
    assert fit.inertia == 0


def test_forgy_starts_on_distinct_rows() -> None:
    # Two starts on equal rows leave Lloyd a cluster short for about one seed in 25.
    X = np.repeat(np.arange(5), 4)[:, None]
    for seed in range(100):
        fit = fit_kmeans(X, 5, n_init=1, init="forgy", seed=seed)
        assert fit.centroids.ravel().tolist() == [0, 1, 2, 3, 4]


def test_forgy_draws_heavy_rows() -> None:
    # Two heavy rows and fifty light ones far away: a start on light rows never parts the heavy.
    X = [[0], [10], *([1000 + 10 * i] for i in range(50))]
    weight = [1e9, 1e9, *[1] * 50]
    for seed in range(5):
        fit = fit_kmeans(X, 2, sample_weight=weight, n_init=1, init="forgy", seed=seed)
        assert fit.labels[0] != fit.labels[1]


def test_rows_are_left_alone() -> None:
    X = DATA["60 columns, so on components"].copy()
    fit_kmeans(X, 3)
    np.testing.assert_array_equal(X, DATA["60 columns, so on components"])


@pytest.mark.parametrize(
    ("X", "n_clusters", "options", "message"),
    [
        (LINE, 0, {}, "n_clusters: found 0, expected 1 or more"),
        (LINE, 7, {}, "n_clusters: found 7, expected at most the 6 distinct rows"),
        ([[1], [1], [2]], 3, {}, "n_clusters: found 3, expected at most the 2 distinct rows"),
        ([[0.0], [-0.0]], 2, {}, "n_clusters: found 2, expected at most the 1 distinct rows"),
        (LINE, 2, {"n_init": 0}, "n_init: found 0, expected 1 or more"),
        (LINE, 2, {"init": "pca"}, "init: found 'pca', expected one of 'k-means++', 'forgy'"),
        ([[1], [np.nan]], 1, {}, "X: found nan in row 1, column 0, expected numbers"),
        ([1, 2, 3], 1, {}, "X: found shape (3,), expected (rows, columns), rows >= 1"),
        (np.zeros((0, 2)), 1, {}, "X: found shape (0, 2), expected (rows, columns), rows >= 1"),
        (LINE, 2, {"sample_weight": [1, 1]}, "sample_weight: found shape (2,), expected (6,)"),
        (LINE, 2, {"sample_weight": np.ones((6, 1))}, "sample_weight: found shape (6, 1), exp"),
        *(
            (LINE, 2, {"sample_weight": [1, 1, 1, 1, 1, bad]}, "sample_weight: found values not")
            for bad in (0, -1, np.nan, np.inf)
        ),
    ],
)
def test_fit_error_names_argument_and_fault(X: Any, n_clusters: int, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        fit_kmeans(X, n_clusters, **options)


@pytest.mark.parametrize(
    ("X", "labels", "weight", "expected"),
    [
        pytest.param(LINE, [0, 0, 0, 1, 1, 1], None, 4.0, id="two clusters"),
        pytest.param(LINE, [2, 2, 2, 0, 0, 0], None, 4.0, id="ids with a gap"),
        pytest.param(LINE, [0] * 6, None, 125.5, id="one cluster"),
        pytest.param(LINE, [5, 4, 3, 2, 1, 0], None, 0.0, id="a cluster a row"),
        pytest.param([[0, 0], [3, 4]], [0, 0], None, 12.5, id="two columns"),
        pytest.param([[0], [3]], [0, 0], [1, 2], 6.0, id="mean 2, cost 1*4 + 2*1"),
        pytest.param(np.array([[0], [255]], np.uint8), [1, 1], None, 0.5, id="pixels"),
    ],
)
def test_inertia_by_hand(X: Any, labels: Any, weight: Any, expected: float) -> None:
    assert inertia(X, labels, sample_weight=weight) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
def test_inertia_equals_that_of_scikit_learn(weighted: bool) -> None:
    X = DATA["50 columns"]
    weight = np.random.default_rng(0).random(len(X)) + 0.1 if weighted else None
    model = KMeans(6, n_init=1, tol=0, random_state=0).fit(X, sample_weight=weight)
    cost = inertia(X, model.labels_, sample_weight=weight)
    assert cost == pytest.approx(model.inertia_, rel=1e-12)


@exactly
@given(st.lists(st.tuples(st.integers(-9, 9), small_ids, st.integers(1, 4)), min_size=1, max_size=10))
def test_inertia_with_weights_equals_repeated_rows(rows: list[tuple[int, int, int]]) -> None:
    values, labels, weight = np.array(rows).T
    repeated = inertia(np.repeat(values, weight)[:, None], np.repeat(labels, weight))
    weighted = inertia(values[:, None], labels, sample_weight=weight)
    assert weighted == pytest.approx(repeated, rel=1e-12, abs=1e-12)


def test_inertia_is_the_same_on_one_and_two_threads() -> None:
    X = np.random.default_rng(0).normal(size=(30_000, 4))
    costs = set()
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            costs.add(inertia(X, np.zeros(len(X), dtype=np.int64)))
    assert len(costs) == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0, 1], "labels: found shape (3,), expected (6,)"),
        (np.zeros((6, 1), dtype=int), "labels: found shape (6, 1), expected (6,)"),
        ([0.0, 0, 0, 1, 1, 1], "labels: found float64, expected integers from 0"),
        (list("aaabbb"), "labels: found <U1, expected integers from 0"),
        ([0, 0, 0, 1, 1, -2], "labels: found -2, expected integers from 0"),
    ],
)
def test_inertia_error_names_argument_and_fault(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        inertia(LINE, labels)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param([5, 5, 2, 2, 2, 9], [1, 1, 0, 0, 0, 2], id="by falling size"),
        pytest.param([3, 1, 3, 1], [0, 1, 0, 1], id="tie by lowest member"),
        pytest.param([7], [0], id="one row"),
        pytest.param([9, 0, 4, 4, 0], [2, 0, 1, 1, 0], id="size before member"),
    ],
)
def test_canonical_labels_by_hand(labels: list[int], expected: list[int]) -> None:
    assert canonical_labels(labels).tolist() == expected


@exactly
@given(any_ids)
def test_canonical_labels_equal_sorting_and_stay(labels: list[int]) -> None:
    found = canonical_labels(labels)
    assert found.tolist() == canonical_by_sorting(labels)
    assert canonical_labels(found).tolist() == found.tolist()
    np.testing.assert_array_equal(same_cluster(found), same_cluster(labels))


def test_canonical_labels_refuse_no_labels() -> None:
    with pytest.raises(ValueError, match=re.escape("labels: found shape (0,), expected (n,)")):
        canonical_labels([])


@pytest.mark.parametrize(
    ("labels", "reference", "expected"),
    [
        pytest.param([1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], id="renamed"),
        pytest.param([0, 0, 0, 1, 1], [4, 4, 4, 2, 2], [4, 4, 4, 2, 2], id="reference has gaps"),
        pytest.param([7, 7, 7, 3, 3, 3], [0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 1], id="fewer"),
        # 0-2, 3 and 4-5 were cluster 0; its largest part keeps the id, the rest follow by size.
        pytest.param([4, 4, 4, 2, 3, 3, *[1] * 6], [*[0] * 6, *[1] * 6], [0, 0, 0, 3, 2, 2, *[1] * 6], id="more"),
        # Ids 0 and 3 of the reference are two clusters: the third here comes after the last, 3.
        pytest.param([0, 0, 0, 1, 1, 2], [0, 0, 0, 3, 3, 3], [0, 0, 0, 3, 3, 4], id="more, with gaps"),
        # One by one cluster {0, 1, 2} would take id 0 for 2 rows and leave 0: 2 rows in all.
        # Together {0, 1, 2} takes 1 and {3, 4} takes 0: 1 + 2 rows.
        pytest.param([0, 0, 0, 1, 1], [0, 0, 1, 0, 0], [1, 1, 1, 0, 0], id="all rows together"),
    ],
)
def test_matched_labels_by_hand(labels: list[int], reference: list[int], expected: list[int]) -> None:
    assert match_labels(labels, reference).tolist() == expected


@exactly
@given(two_labelings)
def test_matching_keeps_the_partition_and_most_ids(labelings: Labels) -> None:
    labels, reference = labelings
    matched = match_labels(labels, reference)
    np.testing.assert_array_equal(same_cluster(matched), same_cluster(labels))
    # Spare ids stand for clusters of `reference` that a cluster of `labels` does without.
    old, new = np.unique(labels), [*np.unique(reference), *range(100, 104)]
    best = max(
        sum(int(((labels == a) & (reference == b)).sum()) for a, b in zip(old, ids, strict=True))
        for ids in itertools.permutations(new, len(old))
    )
    assert (matched == reference).sum() == best
    np.testing.assert_array_equal(match_labels(matched, reference), matched)


@exactly
@given(any_ids, st.permutations(range(10)))
def test_matching_undoes_any_renaming(reference: list[int], names: list[int]) -> None:
    renamed = [names[label] for label in reference]
    assert match_labels(renamed, reference).tolist() == reference


@pytest.mark.parametrize(
    ("labels", "reference", "message"),
    [
        ([0, 1, 1], [0, 1], "labels: found shape (3,), expected (2,)"),
        ([0, 1], [[0, 1]], "reference: found shape (1, 2), expected (n,)"),
        ([0, 1], [0, 0.5], "reference: found float64, expected integers from 0"),
    ],
)
def test_match_error_names_argument_and_fault(labels: Any, reference: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        match_labels(labels, reference)


def test_many_fits_equal_single_ones_in_their_order() -> None:
    problem = prepare(DATA["50 columns"])
    requests: list[dict[str, Any]] = [
        {"problem": problem, "n_clusters": k, "n_init": 2, "init": init, "seed": k}
        for k in (5, 2, 3)
        for init in ("k-means++", "forgy")
    ]
    for fit, request in zip(fit_many(requests), requests, strict=True):
        assert_same_fit(fit, fit_prepared(**request))


def test_cluster_means_by_hand() -> None:
    means = cluster_means([[1, 5], [3, 6], [10, 0]], [4, 4, 1])
    assert means.tolist() == [[10, 0], [2, 5.5]]
    assert cluster_means(np.array([[0], [255], [51]], dtype=np.uint8), [0, 0, 1]).tolist() == [[0.5], [0.2]]


def test_centroids_are_the_means_of_their_clusters() -> None:
    X = DATA["80 pixels, so on components"]
    fit = fit_kmeans(X, 6)
    np.testing.assert_allclose(cluster_means(X, fit.labels), fit.centroids, rtol=1e-12)


def test_cluster_means_need_one_label_a_row() -> None:
    with pytest.raises(ValueError, match=re.escape("labels: found shape (5,), expected (6,)")):
        cluster_means(LINE, [0, 0, 0, 1, 1])
