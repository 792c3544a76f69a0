"""Ward's tree from rows: SciPy's tree, or where rows tie, one that is as good."""

import math
import os
import subprocess
import sys
from itertools import combinations
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from fmnist_clustering import (
    _ward,
    external_scores,
    flat_clusters,
    linkage,
    load_split,
)

Points = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)

N_MANY = 1500
"""More rows than one tile has."""


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
    few = merges_below[:: 1 + len(merges_below) // 30]
    for n_merges in few:
        cut = heights[n_merges - 1] + tolerance
        labels = hierarchy.fcluster(tree, cut, "distance")
        expected_labels = hierarchy.fcluster(expected, cut, "distance")
        assert labels.max() == len(tree) + 1 - n_merges
        assert_same_partition(labels, expected_labels)


# SciPy's tree, where it is the only right one


@settings(max_examples=30)
@given(
    n=st.integers(2, 150),
    d=st.integers(1, 20),
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


@pytest.mark.parametrize("kind", ["normal", "two sizes", "tight groups"])
def test_tree_of_many_rows_is_scipys(kind: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_MANY, 4))
    if kind == "two sizes":
        X[::2] *= 1e-3
    if kind == "tight groups":
        X = 1e-3 * X + rng.normal(size=(40, 4))[rng.integers(0, 40, N_MANY)]
    assert_same_tree(linkage(X, "ward"), hierarchy.linkage(X, "ward"))


@pytest.mark.slow
def test_tree_of_two_thousand_images_is_scipys() -> None:
    images = load_split("test").pixels[:2000]
    tree = linkage(images, "ward")
    assert_same_tree(tree, hierarchy.linkage(images / 255, "ward"))


def test_heights_of_images_are_as_precise_as_scipys() -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 784), dtype=np.uint8)
    tree = linkage(images, "ward")
    expected = hierarchy.linkage(images / 255, "ward")
    np.testing.assert_allclose(tree[:, 2], expected[:, 2], rtol=1e-12)


# Far from the origin, and far apart


@pytest.mark.parametrize("kind", ["offset", "outliers", "close pairs"])
def test_single_rows_merge_at_their_distance_wherever_they_lie(kind: str) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(-1000, 1000, size=(50, 3))
    steps = rng.random(places.shape)
    if kind == "offset":
        places += 1e6
    if kind == "outliers":
        places[::10] *= 1e5  # about 1e8
    if kind == "close pairs":
        places *= 1e-4
        steps *= 1e-9
    rows = np.concatenate([places, places + steps])
    tree = linkage(rows, "ward")
    distances = sorted(map(math.dist, rows[:50], rows[50:]))
    np.testing.assert_allclose(tree[:50, 2], distances, rtol=1e-12)


@pytest.mark.parametrize("kind", ["offset", "outliers"])
def test_heights_far_out_are_as_precise_as_scipys(kind: str) -> None:
    X = np.random.default_rng(0).normal(size=(N_MANY, 3))
    if kind == "offset":
        X += 1e6
    else:
        X[::100] *= 1e8
    expected = hierarchy.linkage(X, "ward")
    np.testing.assert_allclose(linkage(X, "ward")[:, 2], expected[:, 2], rtol=1e-12)


def test_values_whose_squares_overflow_come_to_an_end() -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        tree = linkage([[1e200], [-1e200], [0.0], [1.0]], "ward")
    assert tree[0].tolist() == [2, 3, 1, 2]
    assert np.isinf(tree[1:, 2]).all()


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


grid_points = st.tuples(st.integers(0, 3), st.integers(0, 3))


@settings(max_examples=30)
@given(st.lists(grid_points, min_size=2, max_size=12))
def test_each_merge_of_points_on_a_grid_is_a_cheapest_one(
    points: list[tuple[int, int]],
) -> None:
    X = np.array(points, dtype=np.float64)
    assert_each_merge_is_cheapest(X, linkage(X, "ward"))


@pytest.mark.parametrize(("n", "scale"), [(42, 1.0), (52, 1 / 3), (15, 3.7)])
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


@settings(max_examples=30)
@given(n=st.integers(2, 100), d=st.integers(1, 6), seed=seeds)
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


def test_neither_tiles_nor_threads_nor_candidates_change_the_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of few values, so that many rows are equally near.
    images = np.random.default_rng(0).integers(0, 5, (200, 6), dtype=np.uint8)
    expected = linkage(images, "ward")
    monkeypatch.setattr(_ward, "TILE_ROWS", 17)
    monkeypatch.setattr(_ward, "N_CANDIDATES", 2)
    for n_threads in (1, 3):
        with joblib.parallel_config(n_jobs=n_threads):
            tree = linkage(images, "ward")
        np.testing.assert_array_equal(tree, expected)


# Equal rows


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


# The bar

WATCHED = """
import io
import sys
import numpy as np
from fmnist_clustering import linkage

class Terminal(io.StringIO):
    def isatty(self):
        return True

sys.stderr = Terminal()
linkage(np.random.default_rng(0).normal(size=(2100, 2)), "ward")
print(sys.stderr.getvalue())
"""


@pytest.mark.slow
def test_the_bar_moves() -> None:
    # tqdm reads the variable: it should show every step, however soon it comes.
    variables = os.environ | {"TQDM_MININTERVAL": "0"}
    command = [sys.executable, "-c", WATCHED]
    drawn = subprocess.check_output(command, env=variables, text=True)
    for percent in (0, 33, 67, 100):
        assert f"2,100 clusters left: {percent:3d}%" in drawn


# All images


@pytest.mark.nightly
def test_ten_clusters_of_all_images_have_the_published_scores() -> None:
    # Gagolewski's benchmarks of clustering, Ward's linkage on Fashion-MNIST.
    published = {"ARI": 0.3709, "NMI": 0.5643, "accuracy": 0.5004, "purity": 0.5719}
    images = load_split("all")
    clusters = flat_clusters(linkage(images.pixels, "ward"), n_clusters=10)
    scores = external_scores(images.garments, clusters)
    assert scores.round(4).to_dict() == published
