"""Ward's tree from rows: SciPy's tree, or where rows tie, one that is as good."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, NoReturn

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib.parallel import ParallelBackendBase
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits

from fmnist_clustering import _ward, linkage, load_split

Points = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(
    scope="module",
    autouse=True,
    params=[_ward.FEW_CLUSTERS, _ward.N_CANDIDATES + 1],
    ids=["look at all", "keep candidates"],
)
def few_clusters(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run every test in both ways: trees of few rows would keep no candidates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ward, "FEW_CLUSTERS", request.param)
        yield


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return load_split("test").pixels[:2000]


def random_images(n_rows: int, n_pixels: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n_rows, n_pixels), dtype=np.uint8)


def assert_same_partition(labels: NDArray[Any], expected: NDArray[Any]) -> None:
    """Compare clusters, whatever their ids: each one is met by exactly one other."""
    met = set(zip(labels.tolist(), expected.tolist(), strict=True))
    assert len(met) == len(set(labels.tolist())) == len(set(expected.tolist()))


def assert_same_tree(tree: Points, expected: Points, tolerance: float = 0.0) -> None:
    """Compare heights, and the clusters of cuts between clearly different heights.

    Two merges of nearly the same height may stand in either order, so only cuts above a
    height that the next one exceeds by more than rounding are compared.
    """
    heights = expected[:, 2]
    tolerance = max(tolerance, 1e-9 * heights[-1])
    np.testing.assert_allclose(tree[:, 2], heights, rtol=1e-9, atol=tolerance)
    is_gap = np.append(np.diff(heights) > 2 * tolerance, True)
    merges_below = np.flatnonzero(is_gap) + 1
    few = merges_below[:: 1 + len(merges_below) // 300]
    for n_merges in few:
        cut = heights[n_merges - 1] + tolerance
        labels = hierarchy.fcluster(tree, cut, "distance")
        expected_labels = hierarchy.fcluster(expected, cut, "distance")
        assert labels.max() == len(tree) + 1 - n_merges
        assert_same_partition(labels, expected_labels)


# SciPy's tree, where it is the only right one


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(2, 300),
    d=st.integers(1, 40),
    kind=st.sampled_from(["all different", "pairs", "few kinds", "far from 0"]),
    seed=seeds,
)
def test_tree_is_scipys(n: int, d: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if kind == "pairs":
        X = X[np.arange(n) // 2]
    if kind == "few kinds":
        X = X[rng.integers(0, min(5, n), n)]
    if kind == "far from 0":
        X += 1000
    tree = linkage(X, "ward")
    largest_norm = float(np.sqrt(np.square(X).sum(axis=1).max()))
    assert_same_tree(tree, hierarchy.linkage(X, "ward"), 1e-7 * largest_norm)

    n_kinds = len(np.unique(X, axis=0))
    assert (tree[: n - n_kinds, 2] == 0).all(), "equal rows merge at exactly 0"
    assert (tree[n - n_kinds :, 2] > 0).all()


@pytest.mark.slow
def test_tree_of_two_thousand_images_is_scipys(images: NDArray[np.uint8]) -> None:
    tree = linkage(images, "ward")
    assert_same_tree(tree, hierarchy.linkage(images / 255, "ward"))


def test_heights_are_as_precise_as_scipys(images: NDArray[np.uint8]) -> None:
    X = images[:400]
    tree = linkage(X, "ward")
    expected = hierarchy.linkage(X / 255, "ward")
    np.testing.assert_allclose(tree[:, 2], expected[:, 2], rtol=2e-14)


def test_heights_are_as_precise_far_from_0() -> None:
    # Both hold whole numbers below 2^53, so that nothing is lost in the data.
    X = np.random.default_rng(0).integers(0, 2**20, (60, 3))
    near = linkage(X, "ward")
    far = linkage(X + 2**45, "ward")
    np.testing.assert_allclose(far, near, rtol=1e-12)


def test_neighbors_that_float32_cannot_tell_apart() -> None:
    # Two far groups on a line. Steps between neighbors differ by a ten-thousandth,
    # which float32 does not see 3,000 away from 0.
    rng = np.random.default_rng(0)
    places = 3000 + np.cumsum(1 + 1e-4 * rng.permutation(60))
    X = np.append(places, -places)[:, None]
    X = np.column_stack([X, 1e-3 * rng.normal(size=120)])

    exact = np.square(X[:, None] - X).sum(axis=2)
    X_32 = X.astype(np.float32)
    norms = np.square(X_32).sum(axis=1)
    in_float32 = norms[:, None] + norms - 2 * X_32 @ X_32.T
    np.fill_diagonal(exact, np.inf)
    np.fill_diagonal(in_float32, np.inf)
    is_wrong = in_float32.argmin(axis=1) != exact.argmin(axis=1)
    assert is_wrong.mean() > 0.1, "the example is hard enough"

    assert_same_tree(linkage(X, "ward"), hierarchy.linkage(X, "ward"))


# Ties: several trees are right


def ward_height(X: Points, a: list[int], b: list[int]) -> float:
    """Return sqrt(2 * increase in inertia) from the inertias before and after."""

    def inertia(rows: list[int]) -> float:
        return float(np.square(X[rows] - X[rows].mean(axis=0)).sum())

    increase = inertia(a + b) - inertia(a) - inertia(b)
    return float(np.sqrt(2 * max(increase, 0)))


def assert_each_merge_is_cheapest(X: Points, tree: Points) -> None:
    """Go through the merges and look at all pairs of clusters before each of them."""
    clusters = {row: [row] for row in range(len(X))}
    for step, (a, b, height, size) in enumerate(tree):
        costs = {
            pair: ward_height(X, clusters[pair[0]], clusters[pair[1]])
            for pair in combinations(sorted(clusters), 2)
        }
        cost = costs[int(a), int(b)]
        assert cost == pytest.approx(min(costs.values()), abs=1e-6)
        assert height == pytest.approx(cost, abs=1e-6)
        merged = clusters.pop(int(a)) + clusters.pop(int(b))
        assert size == len(merged)
        clusters[len(X) + step] = merged


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3)),
        min_size=2,
        max_size=20,
    ),
)
def test_each_merge_of_points_on_a_grid_is_a_cheapest_one(
    points: list[tuple[int, int]],
) -> None:
    X = np.array(points, dtype=np.float64)
    assert_each_merge_is_cheapest(X, linkage(X, "ward"))


@pytest.mark.parametrize(("n", "scale"), [(42, 1.0), (42, 1 / 3), (19, 3.7)])
def test_rows_that_all_have_the_same_distance(n: int, scale: float) -> None:
    # Rounding lets neighbors point in a circle, and merges come out too low.
    tree = linkage(scale * np.eye(n), "ward")
    assert hierarchy.is_valid_linkage(tree)
    assert tree[0, 2] == pytest.approx(scale * np.sqrt(2))
    # n squared norms of `scale`, minus n times the squared norm of the mean
    total_inertia = scale**2 * (n - 1)
    assert (tree[:, 2] ** 2 / 2).sum() == pytest.approx(total_inertia)


def test_of_equally_near_rows_the_first_is_taken() -> None:
    tree = linkage([[-1.0], [0.0], [1.0]], "ward")
    assert tree[0].tolist() == [0, 1, 1, 2]


def test_of_equally_near_clusters_the_one_with_the_first_row_is_taken() -> None:
    # Rows 0 and 4 merge into cluster 5, rows 1 and 3 into cluster 6. Row 2 is in the
    # middle between the two.
    tree = linkage([[-10.5], [9.5], [0.0], [10.5], [-9.5]], "ward")
    assert tree[:3, :2].tolist() == [[0, 4], [1, 3], [2, 5]]


# Properties


@settings(deadline=None, max_examples=60)
@given(n=st.integers(2, 120), d=st.integers(1, 6), seed=seeds)
def test_heights_rise_and_sizes_add_up(n: int, d: int, seed: int) -> None:
    X = np.random.default_rng(seed).integers(0, 5, (n, d))
    tree = linkage(X, "ward")
    assert hierarchy.is_valid_linkage(tree)
    assert hierarchy.is_monotonic(tree)
    sizes = np.append(np.ones(n), tree[:, 3])
    children = tree[:, :2].astype(int)
    np.testing.assert_array_equal(tree[:, 3], sizes[children].sum(axis=1))
    assert (children[:, 0] < children[:, 1]).all()
    assert tree[-1, 3] == n


@settings(deadline=None, max_examples=40)
@given(n=st.integers(2, 60), seed=seeds, power=st.integers(-900, 900))
def test_a_power_of_two_scales_heights_and_nothing_else(
    n: int,
    seed: int,
    power: int,
) -> None:
    X = np.random.default_rng(seed).normal(size=(n, 3))
    tree = linkage(X, "ward")
    scaled = linkage(np.ldexp(X, power), "ward")
    np.testing.assert_array_equal(scaled[:, 2], np.ldexp(tree[:, 2], power))
    np.testing.assert_array_equal(scaled[:, [0, 1, 3]], tree[:, [0, 1, 3]])


@pytest.mark.parametrize(
    "X", [np.eye(5), random_images(30, 9)], ids=["floats", "images"]
)
def test_rows_are_not_changed(X: NDArray[Any]) -> None:
    before = X.copy()
    linkage(X, "ward")
    np.testing.assert_array_equal(X, before)


# Rows that lie far apart, and rows that are nearly equal


def one_row_far_out(rng: np.random.Generator) -> Points:
    rows = rng.normal(size=(60, 5))
    rows[17] = 1e12
    return rows


def fill_value_in_a_column(rng: np.random.Generator) -> Points:
    rows = rng.normal(size=(60, 5))
    rows[::7, 2] = -1e15
    return rows


def two_distant_groups(rng: np.random.Generator) -> Points:
    rows = rng.normal(scale=1e-3, size=(60, 5))
    rows[::2] += 1e9
    return rows


def three_kinds_with_noise(rng: np.random.Generator) -> Points:
    rows = np.repeat(rng.normal(size=(3, 5)), 20, axis=0)
    return np.asarray(rows + 1e-13 * rng.normal(size=rows.shape))


def tight_clump(rng: np.random.Generator) -> Points:
    # Some places are taken many times, nearly, so that sizes soon differ.
    places = rng.normal(size=(40, 3))[rng.integers(0, 40, 300) ** 2 // 40]
    return np.asarray(1 + 1e-9 * places + 1e-11 * rng.normal(size=(300, 3)))


def very_far_row(rng: np.random.Generator) -> Points:
    rows = rng.normal(size=(60, 5))
    rows[17] = 1e120
    return rows


@pytest.mark.parametrize(
    "family",
    [
        one_row_far_out,
        fill_value_in_a_column,
        two_distant_groups,
        three_kinds_with_noise,
        tight_clump,
        very_far_row,
    ],
)
def test_heights_are_precise_wherever_the_rows_lie(
    family: Callable[[np.random.Generator], Points],
) -> None:
    rows = family(np.random.default_rng(0))
    expected = hierarchy.linkage(pdist(rows), "ward")
    tree = linkage(rows, "ward")
    np.testing.assert_allclose(tree[:, 2], expected[:, 2], rtol=1e-9, atol=0)
    for n_clusters in (2, 3, 10, 40):
        assert_same_partition(
            hierarchy.fcluster(tree, n_clusters, "maxclust"),
            hierarchy.fcluster(expected, n_clusters, "maxclust"),
        )


def test_heights_that_float64_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^X_or_condensed: found 1e\+308"):
        linkage([[-1e308], [1e308]], "ward")


# Candidates save work and change nothing


def work_of(rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many pairs are bounded, and for how many a height is computed."""
    work: Counter[str] = Counter()
    bound_increase = _ward._bound_increase
    merge_heights = _ward._merge_heights

    def counted_bounds(clusters: Any, block: Any, others: Any) -> Any:
        work["bounds"] += len(block) * len(others)
        return bound_increase(clusters, block, others)

    def counted_heights(clusters: Any, own: Any, other: Any) -> Any:
        work["heights"] += len(own)
        work["most heights at once"] = max(work["most heights at once"], len(own))
        return merge_heights(clusters, own, other)

    with monkeypatch.context() as patch:
        patch.setattr(_ward, "_bound_increase", counted_bounds)
        patch.setattr(_ward, "_merge_heights", counted_heights)
        linkage(rows, "ward")
    return work


def tree_that_looks_at_all(X: NDArray[Any]) -> Points:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ward, "FEW_CLUSTERS", len(X))
        return linkage(X, "ward")


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(20, 400),
    d=st.integers(1, 40),
    kind=st.sampled_from(["normal", "whole numbers", "two sizes", "images"]),
    n_candidates=st.sampled_from([1, 3, _ward.N_CANDIDATES]),
    seed=seeds,
)
def test_candidates_do_not_change_a_bit(
    n: int, d: int, kind: str, n_candidates: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X: NDArray[Any] = rng.normal(size=(n, d))
    if kind == "whole numbers":  # many distances are equal
        X = rng.integers(0, 4, (n, d)).astype(np.float64)
    elif kind == "two sizes":
        X[::2] *= 1e-6
    elif kind == "images":
        X = rng.integers(0, 256, (n, d), dtype=np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ward, "N_CANDIDATES", n_candidates)
        patch.setattr(_ward, "FEW_CLUSTERS", n_candidates + 1)
        patch.setattr(_ward, "TILE_ROWS", 64)
        tree = linkage(X, "ward")
    np.testing.assert_array_equal(tree, tree_that_looks_at_all(X))


@pytest.mark.slow
def test_candidates_halve_the_number_of_pairs(
    images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ward, "TILE_ROWS", 256)
    monkeypatch.setattr(_ward, "FEW_CLUSTERS", len(images))
    all_pairs = work_of(images, monkeypatch)["bounds"]
    monkeypatch.setattr(_ward, "FEW_CLUSTERS", 100)
    assert work_of(images, monkeypatch)["bounds"] < 0.5 * all_pairs


# Equal rows cost no more than different ones


@pytest.mark.parametrize("n_kinds", [1, 2, 10, 299])
@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_equal_rows_take_no_more_work_than_different_ones(
    monkeypatch: pytest.MonkeyPatch, dtype: Any, n_kinds: int
) -> None:
    rng = np.random.default_rng(0)
    different = rng.integers(0, 256, (600, 30)).astype(dtype)
    equal = rng.permutation(np.resize(different[:n_kinds], different.shape))
    work = work_of(equal, monkeypatch)
    work_of_different = work_of(different, monkeypatch)
    for kind, amount in work.items():
        assert amount <= work_of_different[kind], kind


def test_equal_rows_merge_before_all_others_at_height_0() -> None:
    rows = np.resize(np.eye(3), (50, 3))
    rows[7] *= -1.0  # 0.0 becomes -0.0, and the 1 becomes -1
    rows[8] = [-0.0, -0.0, 1.0]  # equal to row 2
    tree = linkage(rows, "ward")
    assert np.count_nonzero(tree[:, 2] == 0) == 50 - 4
    labels = hierarchy.fcluster(tree, 0, "distance")
    _, kinds = np.unique(rows + 0.0, axis=0, return_inverse=True)
    # NumPy 2.0.0 returns a column here.
    assert_same_partition(labels, kinds.ravel())


def test_a_tree_of_equal_rows_is_not_deep() -> None:
    # Recursive functions, as SciPy's dendrogram, end at about 1,000 levels.
    tree = linkage(np.ones((3000, 2)), "ward")
    depth = np.zeros(2 * 3000 - 1, dtype=int)
    for merge, (left, right) in enumerate(tree[:, :2].astype(int), start=3000):
        depth[merge] = 1 + max(depth[left], depth[right])
    assert depth[-1] == 12  # 2^12 is the first power of two above 3000


@pytest.mark.parametrize("n_rows", [64, 300])
def test_equally_far_rows_merge_in_few_rounds(
    monkeypatch: pytest.MonkeyPatch, n_rows: int
) -> None:
    rounds: list[int] = []
    update_nearest = _ward._update_nearest

    def counted(clusters: Any, stale: Any) -> None:
        rounds.append(len(stale))
        update_nearest(clusters, stale)

    monkeypatch.setattr(_ward, "_update_nearest", counted)
    linkage(np.eye(n_rows), "ward")
    assert len(rounds) <= 2 * math.log2(n_rows)


def test_nearly_equal_rows_do_not_pile_up_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    rows = np.ones((900, 40)) + 1e-9 * rng.normal(size=(900, 40))
    work = work_of(rows, monkeypatch)
    assert work["heights"] < 20 * 900


# The same bits, however the work is divided


@pytest.mark.parametrize(("tile_rows", "n_threads"), [(200, 1), (64, 2), (7, 2)])
def test_tiles_and_threads_do_not_change_a_bit(
    tile_rows: int,
    n_threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = random_images(200, 60)
    expected = linkage(X, "ward")
    monkeypatch.setattr(_ward, "TILE_ROWS", tile_rows)
    with threadpool_limits(n_threads):
        np.testing.assert_array_equal(linkage(X, "ward"), expected)


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_the_backend_of_joblib_does_not_change_a_bit(
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_ward, "TILE_ROWS", 64)
    X = random_images(200, 60)
    expected = linkage(X, "ward")
    with joblib.parallel_config(backend=backend):
        np.testing.assert_array_equal(linkage(X, "ward"), expected)


class OtherMachine(ParallelBackendBase):  # type: ignore[misc]
    """A backend that shares no memory, and refuses to work."""

    supports_sharedmem = False

    def effective_n_jobs(self, n_jobs: int) -> int:
        return 1 if n_jobs == 1 else 2

    def submit(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the means would be copied in each round")

    apply_async = submit  # its name before joblib 1.5


def test_the_rows_stay_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ward, "TILE_ROWS", 16)
    X = random_images(50, 9)
    expected = linkage(X, "ward")
    with joblib.parallel_config(backend=OtherMachine()):
        np.testing.assert_array_equal(linkage(X, "ward"), expected)
