"""k-means: every fit is a fixed point of Lloyd's algorithm, and a good one."""

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from fmnist_clustering import (
    KMeansFit,
    _search,
    cluster_means,
    fit_kmeans,
    inertia,
    kmeans,
    sweep_k,
)
from fmnist_clustering._lloyd import lloyd, lloyd_from_each
from fmnist_clustering.kmeans import fit_many, fit_prepared, prepare

Points = NDArray[np.float64]
Labels = NDArray[np.int64]

LINE = [[1.0], [2.0], [3.0], [10.0], [11.0], [12.0]]
SEEDS = range(5)


def uniform(n_rows: int, n_columns: int) -> Points:
    return np.random.default_rng(n_columns).random((n_rows, n_columns))


def random_images(n_rows: int, n_pixels: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n_rows, n_pixels), dtype=np.uint8)


DATA: dict[str, NDArray[Any]] = {
    "few columns": uniform(300, 2),
    "50 columns, so on components": uniform(120, 50),
    "60 columns, so on components": uniform(300, 60),
    "fewer rows than components": uniform(40, 60),
    "images of 80 pixels": random_images(200, 80),
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


def assert_same_fit(fit: KMeansFit, other: KMeansFit) -> None:
    np.testing.assert_array_equal(fit.labels, other.labels)
    np.testing.assert_array_equal(fit.centroids, other.centroids)
    assert fit.inertia == other.inertia


# What a fit is


@pytest.mark.parametrize("init", ["k-means++", "random", "random partition"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_clusters", [2, 7])
@each_data_set
def test_fit_is_a_fixed_point_of_lloyd(
    X: NDArray[Any],
    n_clusters: int,
    weighted: bool,
    init: str,
) -> None:
    points = X / 255 if X.dtype == np.uint8 else X
    weight = np.ones(len(X))
    if weighted:
        weight += np.random.default_rng(1).integers(0, 5, len(X))
    fit = fit_kmeans(
        X,
        n_clusters,
        sample_weight=weight if weighted else None,
        n_init=2,
        init=init,
        random_state=3,
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


@pytest.mark.parametrize("n_features", [1, 60])
def test_as_many_clusters_as_rows_cost_nothing(n_features: int) -> None:
    X = uniform(55, n_features)
    fit = fit_kmeans(X, 55)
    assert fit.labels.tolist() == list(range(55))
    np.testing.assert_allclose(fit.centroids, X, rtol=1e-15)
    assert fit.inertia == 0


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_as_many_clusters_as_distinct_rows_cost_nothing(init: str) -> None:
    fit = fit_kmeans([[0], [0], [5], [9], [5], [5]], 3, init=init)
    assert fit.labels.tolist() == [1, 1, 0, 2, 0, 0]
    assert fit.centroids.tolist() == [[5], [0], [9]]
    assert fit.inertia == 0


@pytest.mark.parametrize(
    ("X", "n_clusters", "n_distinct"),
    [
        (LINE, 7, 6),
        ([[1], [1], [2]], 3, 2),
        ([[0.0], [-0.0]], 2, 1),
    ],
)
def test_more_clusters_than_distinct_rows_are_refused(
    X: Any,
    n_clusters: int,
    n_distinct: int,
) -> None:
    message = f"^n_clusters: found {n_clusters}, expected at most {n_distinct}, "
    with pytest.raises(ValueError, match=message):
        fit_kmeans(X, n_clusters)


# Rows that are nearly equal, and rows at other scales


def nearly_equal_rows(n_kinds: int, n_columns: int) -> Points:
    """Return some kinds of rows, of which many differ in their last digits."""
    rng = np.random.default_rng(n_kinds)
    rows = np.repeat(rng.normal(size=(n_kinds, n_columns)), 8, axis=0)
    last_digits = rng.integers(0, 2, rows.shape) * np.finfo(np.float64).eps
    return np.asarray(rows * (1 + last_digits))


def test_rows_that_differ_by_rounding_by_hand() -> None:
    fit = fit_kmeans([[0.1 + 0.2], [0.3], [1.0]], 3)
    assert fit.labels.tolist() == [0, 1, 2]
    assert fit.centroids.ravel().tolist() == [0.1 + 0.2, 0.3, 1.0]
    assert fit.inertia == 0


@pytest.mark.parametrize("weight", [None, [3.0, 7.0, 0.1, 5.0, 1.0, 1.0]])
def test_sweep_over_rows_that_differ_by_rounding(weight: list[float] | None) -> None:
    rows = [[0.1 + 0.2], [0.3], [1.0], [0.1 * 7], [0.7], [2.0]]
    for k in range(1, 7):
        fit = fit_kmeans(rows, k, sample_weight=weight)
        assert len(np.unique(fit.labels)) == k
    sweep = sweep_k(rows, range(1, 6))
    assert [len(np.unique(labels)) for labels in sweep.labels] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("init", ["k-means++", "random", "random partition"])
@pytest.mark.parametrize("n_columns", [1, 3, 40, 100])
def test_exactly_k_clusters_or_our_own_error(n_columns: int, init: str) -> None:
    rows = nearly_equal_rows(3, n_columns)
    for k in (3, 4, 8, 24, 25):
        try:
            fit = fit_kmeans(rows, k, init=init, n_init=2)
        except ValueError:
            message = f"^n_clusters: found {k}, expected at most "
            with pytest.raises(ValueError, match=message):
                fit_kmeans(rows, k, init=init, n_init=2)
        else:
            assert len(np.unique(fit.labels)) == k
            assert np.isfinite(fit.centroids).all()


@pytest.mark.parametrize("shift", [0.0, 1e9, -1e12])
@pytest.mark.parametrize("scale", [1e-140, 1e-9, 1.0, 1e140])
def test_offset_and_scale_change_no_label(scale: float, shift: float) -> None:
    # Multiples of 1/8 are held exactly next to 1e12.
    X = np.random.default_rng(0).integers(0, 80, (60, 2)) / 8
    expected = fit_kmeans(X, 5)
    fit = fit_kmeans((X + shift) * scale, 5)
    np.testing.assert_array_equal(fit.labels, expected.labels)
    centroids = (expected.centroids + shift) * scale
    np.testing.assert_allclose(fit.centroids, centroids, rtol=1e-14)
    assert fit.inertia == pytest.approx(expected.inertia * scale**2, rel=1e-3)


def test_a_row_far_out_hides_no_other_cluster() -> None:
    X, blobs = make_blobs(60, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    X = np.vstack([X, [[1e10, 1e10]]])
    expected = inertia(X[:60], blobs)
    assert fit_kmeans(X, 4).inertia == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_an_inertia_that_float64_cannot_hold_is_refused(scale: float) -> None:
    rows = scale * np.array([[1.0], [2.0], [10.0], [11.0]])
    with pytest.raises(ValueError, match=r"^X: found rows whose inertia"):
        fit_kmeans(rows, 2)
    with pytest.raises(ValueError, match=r"^X: found rows whose inertia"):
        inertia(rows, [0, 0, 1, 1])


def exact_inertia(rows: Points, labels: list[int]) -> float:
    """Return the inertia in fractions, which do not round."""
    total = Fraction(0)
    for cluster in set(labels):
        members = rows[np.array(labels) == cluster].T.tolist()
        for column in members:
            values = [Fraction(value) for value in column]
            mean = sum(values, start=Fraction(0)) / len(values)
            for value in values:
                total += (value - mean) ** 2
    return float(total)


def filled(fill: float, spread: float) -> Points:
    rows = spread * np.random.default_rng(0).normal(size=(100, 2))
    rows[:60, 0] = fill
    return rows


def beside_a_constant(constant: float) -> Points:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    return np.column_stack([rows, np.full(100, constant)])


def with_one_far_row(far: float) -> Points:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    rows[0] = [far, 0]
    return rows


@pytest.mark.parametrize(
    "rows",
    [
        filled(1e20, 1.0),
        filled(-99_999_999_999_999.0, 1e-3),
        filled(-999_999.0, 1e-3),
        beside_a_constant(1e140),
        beside_a_constant(1e300),
        with_one_far_row(1e140),
        with_one_far_row(1e10) + 1e9,
    ],
)
def test_inertia_is_exact_wherever_the_rows_lie(rows: Points) -> None:
    labels = [0] + [1] * 59 + [2] * 40
    assert inertia(rows, labels) == pytest.approx(exact_inertia(rows, labels))
    fit = fit_kmeans(rows, 2)
    expected = exact_inertia(rows, fit.labels.tolist())
    assert fit.inertia == pytest.approx(expected, rel=1e-9)


def test_clusters_beside_a_fill_value_are_found() -> None:
    groups = np.repeat([0, 1, 2], [120, 40, 40])
    rows = np.random.default_rng(0).normal(size=(200, 3))
    rows[groups == 0, 0] = 1e20
    rows[groups == 2, 0] += 20
    np.testing.assert_array_equal(fit_kmeans(rows, 3).labels, groups)


def test_weights_that_would_vanish_are_refused() -> None:
    weight = [1e300, 1e300, 1e-300, 1e-300]
    message = r"^sample_weight: found 1e-300 to 1e\+300, expected no weight below"
    for function in (
        lambda: fit_kmeans(LINE[:4], 2, sample_weight=weight),
        lambda: inertia(LINE[:4], [0, 0, 1, 1], sample_weight=weight),
    ):
        with pytest.raises(ValueError, match=message):
            function()


def test_means_that_float64_cannot_add_up_are_refused() -> None:
    rows = [[1e308], [-1e308]]
    for function in (
        lambda: cluster_means(rows, [0, 0]),
        lambda: inertia(rows, [0, 0]),
        lambda: fit_kmeans(rows, 1),
    ):
        with pytest.raises(ValueError, match=r"^X: found 1e\+308, expected numbers"):
            function()


def test_a_fit_that_has_not_converged_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans, "lloyd", partial(lloyd, max_iter=2))
    monkeypatch.setattr(_search, "lloyd", partial(lloyd, max_iter=2))
    with pytest.warns(ConvergenceWarning, match="has not converged .* n_clusters = 20"):
        fit_kmeans(uniform(300, 2), 20, n_init=1)


# Weights and units


@pytest.mark.parametrize("n_features", [2, 80])
def test_integer_weights_equal_repeated_rows(n_features: int) -> None:
    X, _ = make_blobs(60, n_features, centers=4, cluster_std=0.3, random_state=0)
    weight = np.random.default_rng(0).integers(1, 5, len(X))
    weighted = fit_kmeans(X, 4, sample_weight=weight)
    repeated = fit_kmeans(np.repeat(X, weight, axis=0), 4)
    # Ids may differ, since the two have clusters of other sizes.
    carried = np.repeat(weighted.labels, weight)
    ids = [repeated.labels[carried == cluster][0] for cluster in range(4)]
    np.testing.assert_array_equal(np.array(ids)[carried], repeated.labels)
    np.testing.assert_allclose(
        weighted.centroids,
        repeated.centroids[ids],
        rtol=1e-12,
    )
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
    X = DATA["images of 80 pixels"]
    images = fit_kmeans(X, 4)
    points = fit_kmeans(X / 255, 4)
    np.testing.assert_array_equal(images.labels, points.labels)
    np.testing.assert_allclose(images.centroids, points.centroids, rtol=1e-12)
    assert images.inertia == pytest.approx(points.inertia, rel=1e-12)


def test_rows_are_left_alone() -> None:
    X = uniform(300, 60)
    before = X.copy()
    fit_kmeans(X, 3)
    np.testing.assert_array_equal(X, before)


# Seeds and starts


@pytest.mark.parametrize("init", ["k-means++", "random"])
@each_data_set
def test_same_seed_same_fit_on_one_and_two_threads(X: NDArray[Any], init: str) -> None:
    fits = []
    for n_threads in (1, 2, 2):
        with threadpool_limits(n_threads):
            fits.append(fit_kmeans(X, 5, n_init=3, init=init, random_state=1))
    assert_same_fit(fits[0], fits[1])
    assert_same_fit(fits[1], fits[2])


def test_other_seeds_draw_other_starts() -> None:
    X = uniform(300, 2)
    costs = {fit_kmeans(X, 12, n_init=1, random_state=s).inertia for s in SEEDS}
    assert len(costs) > 1


def test_more_starts_pay_off() -> None:
    X = uniform(300, 2)
    single = [fit_kmeans(X, 12, n_init=1, random_state=s).inertia for s in SEEDS]
    several = [fit_kmeans(X, 12, n_init=10, random_state=s).inertia for s in SEEDS]
    assert max(several) < np.median(single)


def test_kmeans_plusplus_misses_fewer_blobs_than_random_rows() -> None:
    X, _ = make_blobs(200, centers=[[10.0 * i, 0] for i in range(8)], random_state=0)

    def mean_cost(init: str) -> float:
        fits = [
            fit_kmeans(X, 8, n_init=1, init=init, random_state=seed)
            for seed in range(20)
        ]
        return float(np.mean([fit.inertia for fit in fits]))

    assert mean_cost("k-means++") < 0.8 * mean_cost("random")


def test_random_rows_are_distinct() -> None:
    # Two starts on equal rows leave Lloyd a cluster short for one seed in 25.
    X = np.repeat(np.arange(5), 4)[:, None]
    for seed in range(100):
        fit = fit_kmeans(X, 5, n_init=1, init="random", random_state=seed)
        assert fit.centroids.ravel().tolist() == [0, 1, 2, 3, 4]


def test_random_rows_are_drawn_by_weight() -> None:
    # Two heavy rows and fifty light ones far away: a start on light rows never
    # separates the heavy ones.
    X = [[0], [10], *([1000 + 10 * i] for i in range(50))]
    weight = [1e9, 1e9, *[1] * 50]
    for seed in SEEDS:
        fit = fit_kmeans(
            X,
            2,
            sample_weight=weight,
            n_init=1,
            init="random",
            random_state=seed,
        )
        assert fit.labels[0] != fit.labels[1]


@pytest.mark.parametrize("shift", [-1e-9, 1e-9])
def test_a_tie_is_decided_by_the_seed_and_not_by_the_last_digit(shift: float) -> None:
    # From centroids 0 and 2 the row at 1 is as near to both. On another machine a
    # distance may differ in its last digits, and the answer must not change.
    tied = [[0.0], [1.0], [2.0]]
    shifted = [[0.0], [1.0 + shift], [2.0]]
    for seed in range(20):
        options: dict[str, Any] = {"n_init": 1, "random_state": seed}
        fit = fit_kmeans(tied, 2, init="random", **options)
        other = fit_kmeans(shifted, 2, init="random", **options)
        np.testing.assert_array_equal(fit.labels, other.labels)


# How good a fit is


@pytest.mark.parametrize("n_features", [2, 80])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_worse_than_scikit_learn_on_blobs(n_features: int, seed: int) -> None:
    # The blobs lie apart: where they overlap, scikit-learn's own answers differ by 3 %
    # between seeds.
    rng = np.random.default_rng(seed)
    columns = np.tile(np.arange(8.0), (n_features, 1))
    centers = 10 * rng.permuted(columns, axis=1).T
    X, _ = make_blobs(300, centers=centers, cluster_std=1.5, random_state=seed)
    reference = KMeans(8, n_init=10, random_state=seed).fit(X)
    fit = fit_kmeans(X, 8, random_state=seed)
    assert fit.inertia <= reference.inertia_ * (1 + 1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_swaps_find_every_one_of_many_blobs(seed: int) -> None:
    # 36 blobs on a grid. Ten starts of plain k-means always miss some of them.
    centers = [[10.0 * i, 10.0 * j] for i in range(6) for j in range(6)]
    X, blobs = make_blobs(720, centers=centers, random_state=seed)
    of_blobs = inertia(X, blobs)
    plain = KMeans(36, init="random", n_init=10, random_state=seed).fit(X)
    assert plain.inertia_ > 1.2 * of_blobs
    assert fit_kmeans(X, 36, random_state=seed).inertia <= of_blobs


def test_the_search_looks_where_the_variance_is() -> None:
    # Eight blobs in the last 30 of 110 columns; all others hold a little noise.
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.arange(8), 25)
    centers = rng.normal(scale=10, size=(8, 30))
    quiet = rng.normal(scale=0.1, size=(200, 80))
    X = np.hstack([quiet, centers[blobs] + rng.normal(size=(200, 30))])
    fit = fit_kmeans(X, 8)
    assert fit.inertia <= inertia(X, blobs) * (1 + 1e-9)


def test_the_search_sees_rows_from_the_whole_table() -> None:
    # The search looks at 10,000 rows. The first 10,000 are a single blob.
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.arange(5), [10_000, 500, 500, 500, 500])
    centers = np.array([[0, 0], [50, 0], [0, 50], [50, 50], [25, 100]])
    X = centers[blobs] + rng.normal(size=(12_000, 2))
    fit = fit_kmeans(X, 5)
    assert fit.inertia <= inertia(X, blobs) * (1 + 1e-9)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_rows_that_the_sample_misses_are_found_when_needed(init: str) -> None:
    # 41 distinct rows, 40 of which occur once among 20,000.
    X = np.zeros((20_000, 2))
    X[:40] = np.random.default_rng(0).normal(size=(40, 2))
    fit = fit_kmeans(X, 41, init=init)
    assert fit.inertia == 0
    assert len(np.unique(fit.labels)) == 41


def test_following_several_optima_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    data = [np.random.default_rng(seed).random((300, 5)) for seed in SEEDS]
    several = [fit_kmeans(X, 12).inertia for X in data]
    monkeypatch.setattr(_search, "OPTIMA_CARRIED_ON", 1)
    one = [fit_kmeans(X, 12).inertia for X in data]
    assert np.mean(several) < np.mean(one)


def test_a_swap_tells_the_nearest_centroid_of_each_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = uniform(300, 2)
    n_checked = 0

    def checked(
        rows: Any, starts: Any, max_iter: int, *previous_and_labels: Any
    ) -> Any:
        nonlocal n_checked
        if previous_and_labels:
            _, labels = previous_and_labels
            for start, nearest in zip(starts, labels.T, strict=True):
                squared = np.square(rows.points[:, None] - start).sum(axis=2)
                np.testing.assert_array_equal(nearest, squared.argmin(axis=1))
                n_checked += 1
        return lloyd_from_each(rows, starts, max_iter, *previous_and_labels)

    monkeypatch.setattr(_search, "lloyd_from_each", checked)
    fit_kmeans(X, 6)
    assert n_checked >= 40


def three_pairs() -> Points:
    return np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], 2, axis=0) + np.eye(6, 2)


@pytest.mark.parametrize(
    ("X", "k", "n_swaps"),
    [
        (three_pairs(), 3, 4 * 1 + 9),  # all ten starts agree
        (uniform(300, 2), 20, 4 * 10),
        (uniform(300, 2), 96, 8 * 10),
    ],
)
def test_starts_that_agree_save_swaps_and_many_clusters_need_more(
    monkeypatch: pytest.MonkeyPatch, X: Points, k: int, n_swaps: int
) -> None:
    counts = []
    improve_by_swaps = _search.improve_by_swaps

    def counted(*args: Any) -> Any:
        counts.append(args[2])
        return improve_by_swaps(*args)

    monkeypatch.setattr(_search, "improve_by_swaps", counted)
    fit_kmeans(X, k)
    assert set(counts) == {n_swaps}


# Many fits at once


def test_many_fits_equal_single_ones_in_their_order() -> None:
    problem = prepare(uniform(120, 50))
    requests: list[dict[str, Any]] = [
        {
            "problem": problem,
            "n_clusters": k,
            "n_init": 2,
            "init": init,
            "random_state": k,
        }
        for k in (5, 2, 3)
        for init in ("k-means++", "random")
    ]
    fits = fit_many(requests)
    assert [fit.labels.max() + 1 for fit in fits] == [5, 5, 2, 2, 3, 3]
    for fit, request in zip(fits, requests, strict=True):
        assert_same_fit(fit, fit_prepared(**request))


# Inertia and means


@pytest.mark.parametrize(
    ("X", "labels", "weight", "expected"),
    [
        pytest.param(LINE, [0, 0, 0, 1, 1, 1], None, 4.0, id="two clusters"),
        pytest.param(LINE, [2, 2, 2, 0, 0, 0], None, 4.0, id="ids with a gap"),
        pytest.param(LINE, [0] * 6, None, 125.5, id="one cluster"),
        pytest.param(LINE, [5, 4, 3, 2, 1, 0], None, 0.0, id="a cluster for each row"),
        pytest.param([[0, 0], [3, 4]], [0, 0], None, 12.5, id="two columns"),
        pytest.param([[0], [3]], [0, 0], [1, 2], 6.0, id="mean 2, cost 1*4 + 2*1"),
        pytest.param(np.array([[0], [255]], np.uint8), [1, 1], None, 0.5, id="images"),
    ],
)
def test_inertia_by_hand(X: Any, labels: Any, weight: Any, expected: float) -> None:
    cost = inertia(X, labels, sample_weight=weight)
    assert cost == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
def test_inertia_equals_that_of_scikit_learn(weighted: bool) -> None:
    X = uniform(120, 50)
    weight = np.random.default_rng(0).random(len(X)) + 0.1 if weighted else None
    model = KMeans(6, n_init=1, tol=0, random_state=0).fit(X, sample_weight=weight)
    cost = inertia(X, model.labels_, sample_weight=weight)
    assert cost == pytest.approx(model.inertia_, rel=1e-12)


weighted_rows = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(1, 4)),
    min_size=1,
    max_size=10,
)


@given(weighted_rows)
def test_inertia_with_weights_equals_repeated_rows(
    rows: list[tuple[int, int, int]],
) -> None:
    values, labels, weight = np.array(rows).T
    weighted = inertia(values[:, None], labels, sample_weight=weight)
    repeated = inertia(np.repeat(values, weight)[:, None], np.repeat(labels, weight))
    assert weighted == pytest.approx(repeated, rel=1e-12, abs=1e-12)


def test_inertia_is_the_same_on_one_and_two_threads() -> None:
    X = np.random.default_rng(0).normal(size=(30_000, 4))
    labels = np.zeros(len(X), dtype=np.int64)
    costs = set()
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            costs.add(inertia(X, labels))
    assert len(costs) == 1


def test_cluster_means_by_hand() -> None:
    means = cluster_means([[1, 5], [3, 6], [10, 0]], [4, 4, 1])
    assert means.tolist() == [[10, 0], [2, 5.5]]
    images = np.array([[0], [255], [51]], dtype=np.uint8)
    assert cluster_means(images, [0, 0, 1]).tolist() == [[0.5], [0.2]]


def test_centroids_are_the_means_of_their_clusters() -> None:
    X = DATA["images of 80 pixels"]
    fit = fit_kmeans(X, 6)
    np.testing.assert_allclose(cluster_means(X, fit.labels), fit.centroids, rtol=1e-12)
