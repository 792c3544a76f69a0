"""Trees: SciPy's, cut, truncated and compared as can be checked by hand."""

import itertools
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from fmnist_clustering import (
    TruncatedTree,
    condensed_distances,
    flat_clusters,
    inertia,
    linkage,
    match_branches,
    merge_gaps,
    select_cut,
    truncate_tree,
)
from tests.test_ward import assert_same_partition

Tree = NDArray[np.float64]

METHODS = ["single", "complete", "average", "ward"]
X = np.random.default_rng(0).random((40, 3))
each_method = pytest.mark.parametrize("method", METHODS)

# Few values in two columns: equal rows, and trees of nothing but them, are common.
pixel_rows = st.lists(
    st.tuples(st.sampled_from([0, 1, 128, 255]), st.sampled_from([0, 1, 128, 255])),
    min_size=4,
    max_size=12,
).map(lambda rows: np.array(rows, dtype=np.uint8))


@pytest.fixture(scope="module")
def trees() -> dict[str, Tree]:
    """Return a tree of X for each method."""
    condensed = condensed_distances(X)
    return {method: linkage(condensed, method) for method in METHODS}


def tree_on_a_line(*points: float) -> Tree:
    """Return the single-linkage tree, which merges at the gaps between neighbors."""
    return linkage(np.array(points, dtype=np.float64)[:, None], "single")


# Condensed distances


def test_distances_by_hand() -> None:
    condensed = condensed_distances([[0, 0], [3, 4], [0, 1]])
    np.testing.assert_allclose(condensed, [5, 1, np.sqrt(18)], rtol=1e-15)


@pytest.mark.parametrize("n_rows", [2, 3, 1029, 2049])
@pytest.mark.parametrize("is_image", [False, True])
def test_distances_are_scipys_in_scipys_order(n_rows: int, is_image: bool) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (n_rows, 12), dtype=np.uint8)
    found = condensed_distances(rows if is_image else rows / 255)
    np.testing.assert_allclose(found, pdist(rows / 255), rtol=1e-12)


def test_distances_of_images_are_exact() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 784), dtype=np.uint8)
    images[0] = 0
    images[1] = 255  # the farthest pair there is
    images[2] = images[1]
    rows = images.astype(np.int64)
    pairs = itertools.combinations(rows, 2)
    exact = [np.sqrt(np.square(a - b).sum()) / 255 for a, b in pairs]
    assert condensed_distances(images).tolist() == exact


# Linkage


@pytest.mark.parametrize("as_distances", [False, True])
@pytest.mark.parametrize(
    ("method", "heights"),
    [
        ("single", [1, 2, 4]),
        ("complete", [1, 3, 7]),
        ("average", [1, 2.5, 17 / 3]),
        # sqrt(2 |A| |B| / (|A| + |B|)) times the distance of the means
        ("ward", [1, np.sqrt(4 / 3) * 2.5, np.sqrt(6 / 4) * (7 - 4 / 3)]),
    ],
)
def test_merges_by_hand(method: str, heights: list[float], as_distances: bool) -> None:
    rows = [[0], [1], [3], [7]]
    condensed = [1, 3, 7, 2, 6, 4]
    tree = linkage(condensed if as_distances else rows, method)
    expected = [
        [0, 1, heights[0], 2],
        [2, 4, heights[1], 3],
        [3, 5, heights[2], 4],
    ]
    np.testing.assert_allclose(tree, expected, rtol=1e-12)


@each_method
def test_tree_from_distances_is_scipys(method: str) -> None:
    condensed = pdist(X)
    expected = hierarchy.linkage(condensed, method)
    np.testing.assert_allclose(linkage(condensed, method), expected, rtol=1e-12)


@each_method
@pytest.mark.parametrize("is_image", [False, True])
def test_tree_from_rows_is_scipys(is_image: bool, method: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 9), dtype=np.uint8)
    expected = hierarchy.linkage(pixels / 255, method)
    tree = linkage(pixels if is_image else pixels / 255, method)
    np.testing.assert_allclose(tree, expected, rtol=1e-12)


def test_heights_of_ward_are_the_growth_of_inertia(trees: dict[str, Tree]) -> None:
    Z = trees["ward"]
    cost = [inertia(X, flat_clusters(Z, n_clusters=k)) for k in range(len(X), 0, -1)]
    np.testing.assert_allclose(Z[:, 2] ** 2 / 2, np.diff(cost), rtol=1e-9)


@each_method
def test_rows_and_distances_are_not_changed(method: str) -> None:
    rows = X.copy()
    condensed = pdist(X)
    before = condensed.copy()
    linkage(rows, method)
    linkage(condensed, method)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(condensed, before)


# Gaps

GAP_COLUMNS = ["n_clusters", "low", "high", "gap", "relative gap", "ratio"]


@pytest.mark.parametrize(
    ("points", "rows"),
    [
        pytest.param(
            (0, 1, 3, 7, 16),  # merges at 1, 2, 4, 9
            [(2, 4, 9, 5, 9 / 4, 2.5), (3, 2, 4, 2, 2, 0.4), (4, 1, 2, 1, 2, 0.2)],
            id="last merge widest",
        ),
        pytest.param(
            (0, 1, 6, 12, 20),  # merges at 1, 5, 6, 8
            [(4, 1, 5, 4, 5, 2), (2, 6, 8, 2, 4 / 3, 0.5), (3, 5, 6, 1, 6 / 5, 0.25)],
            id="sorted by gap",
        ),
        pytest.param(
            (0, 1, 3, 6, 10),  # merges at 1, 2, 3, 4
            [(2, 3, 4, 1, 4 / 3, 1), (3, 2, 3, 1, 3 / 2, 1), (4, 1, 2, 1, 2, 1)],
            id="equal gaps, fewer clusters first",
        ),
        pytest.param(
            (0, 0, 4, 4, 9),  # merges at 0, 0, 4, 5
            [(3, 0, 4, 4, np.inf, 4), (2, 4, 5, 1, 5 / 4, 0.25)],
            id="equal rows",
        ),
        pytest.param(
            (0, 1, 2, 3, 8),  # merges at 1, 1, 1, 5
            [(2, 1, 5, 4, 5, np.nan)],
            id="no other gap",
        ),
    ],
)
def test_gaps_by_hand(
    points: tuple[float, ...],
    rows: list[tuple[float, ...]],
) -> None:
    expected = pd.DataFrame(rows, columns=GAP_COLUMNS)
    gaps = merge_gaps(tree_on_a_line(*points))
    pd.testing.assert_frame_equal(gaps, expected, check_dtype=False)


def test_gaps_go_up_to_twenty_clusters(trees: dict[str, Tree]) -> None:
    gaps = merge_gaps(trees["ward"])
    assert sorted(gaps["n_clusters"]) == list(range(2, 21))


@pytest.mark.parametrize("height", [0, 1])
def test_a_tree_of_equal_heights_has_no_gap(height: int) -> None:
    gaps = merge_gaps(tree_on_a_line(*(height * np.arange(6))))
    assert gaps.columns.tolist() == GAP_COLUMNS
    assert len(gaps) == 0


@settings(max_examples=30)
@given(pixel_rows)
def test_each_number_in_the_table_has_a_cut_and_no_other(
    rows: NDArray[np.uint8],
) -> None:
    tree = linkage(rows, "complete")
    in_table = merge_gaps(tree)["n_clusters"].tolist()
    for n_clusters in range(2, len(rows)):
        if n_clusters in in_table:
            assert flat_clusters(tree, n_clusters=n_clusters).max() == n_clusters - 1
        else:
            with pytest.raises(ValueError, match=f"found {n_clusters}.* same height"):
                flat_clusters(tree, n_clusters=n_clusters)


# Cuts


def tree_with_heights(heights: list[float]) -> Tree:
    """Return a chain of merges at these heights."""
    n = len(heights) + 1
    merges = np.arange(n - 1)
    chain = np.column_stack([merges + n - 1, merges + 1, heights, merges + 2])
    chain[0, 0] = 0
    return chain.astype(np.float64)


# Thirty leaves. The widest gap is 10 below the last merge; the largest ratio is
# 4.5 / 1.5 = 3, between the merges that leave five clusters and four.
TWO_ANSWERS = tree_with_heights([*np.linspace(1, 1.5, 25), 4.5, 6, 12, 22])


def test_the_longest_vertical_is_cut_in_its_middle() -> None:
    assert select_cut(TWO_ANSWERS) == (2, 17, 10 / 6)
    assert select_cut(TWO_ANSWERS, rule="longest", method="single") == (2, 17, 10 / 6)


def test_the_largest_ratio_is_cut_in_its_middle_on_a_logarithmic_axis() -> None:
    cut = select_cut(TWO_ANSWERS, rule="relative")
    assert cut.n_clusters == 5
    assert cut.height == pytest.approx(np.sqrt(1.5 * 4.5))
    assert cut.strength == pytest.approx(3 / (1 + 2.1 / 4**0.4))


@pytest.mark.parametrize("above", [False, True])
def test_the_relative_rule_declines_what_chance_reaches(above: bool) -> None:
    threshold = 1 + 2.1 / 4**0.4
    low = 4.5 / threshold * (0.999 if above else 1.001)
    tree = tree_with_heights([*np.linspace(low - 0.5, low, 25), 4.5, 6, 9, 12])
    cut = select_cut(tree, rule="relative")
    assert (cut.strength >= 1) == above
    assert cut.n_clusters == (5 if above else None)
    assert np.isnan(cut.height) != above


def test_the_threshold_depends_on_the_linkage() -> None:
    cuts = [
        select_cut(TWO_ANSWERS, rule="relative", method=method)
        for method in ("single", "ward", "average", "complete")
    ]
    assert [cut.n_clusters for cut in cuts] == [5, 5, 5, 5]
    strengths = [cut.strength for cut in cuts]
    assert strengths == sorted(set(strengths))


def test_few_leaves_name_few_clusters() -> None:
    # Eight leaves in pairs of nearly equal ones: a third of eight is below four.
    tree = tree_on_a_line(0, 1e-3, 10, 10.001, 21, 21.001, 33, 33.001)
    assert select_cut(tree, rule="relative").n_clusters is None
    assert select_cut(tree).n_clusters == 4


@pytest.mark.parametrize("rule", ["longest", "relative"])
def test_a_tree_of_equal_heights_has_no_cut(rule: str) -> None:
    cut = select_cut(tree_on_a_line(*range(12)), rule=rule)
    assert cut.n_clusters is None
    assert np.isnan(cut.height)
    assert cut.strength == 0


def test_that_rows_are_equal_is_no_evidence_of_clusters() -> None:
    ages = np.random.default_rng(0).integers(0, 10, (300, 1)).astype(float)
    for method in METHODS:
        tree = linkage(ages, method)
        assert select_cut(tree, rule="relative", method=method).n_clusters is None
    three_groups = np.array([[0.0], [1], [2], [50], [51], [52], [90], [91], [92]])
    tree = linkage(np.repeat(three_groups, 4, axis=0), "ward")
    assert select_cut(tree, rule="relative").n_clusters == 3


@each_method
@pytest.mark.parametrize("rule", ["longest", "relative"])
@pytest.mark.parametrize("seed", range(5))
def test_the_height_of_a_cut_gives_its_clusters(
    seed: int, rule: str, method: str
) -> None:
    rng = np.random.default_rng(seed)
    centers = 20 * rng.normal(size=(4, 3))
    tree = linkage(centers[np.arange(40) % 4] + rng.normal(size=(40, 3)), method)
    cut = select_cut(tree, rule=rule, method=method)
    assert cut.n_clusters is not None
    labels = hierarchy.fcluster(tree, cut.height, "distance")
    assert labels.max() == cut.n_clusters


@pytest.mark.nightly
def test_clouds_without_clusters_rarely_get_a_cut() -> None:
    # Other seeds than those that the thresholds come from.
    n_named = dict.fromkeys(METHODS, 0)
    n_trees = 0
    for d, n, seed in itertools.product((1, 2, 3, 5, 10, 20, 50), (50, 300), range(10)):
        rng = np.random.default_rng([d, n, seed])
        for cloud in (rng.uniform(size=(n, d)), rng.normal(size=(n, d))):
            n_trees += 1
            for method in METHODS:
                cut = select_cut(linkage(cloud, method), rule="relative", method=method)
                n_named[method] += cut.n_clusters is not None
    assert n_trees == 280
    assert max(n_named.values()) <= 0.03 * n_trees


# Flat clusters


@each_method
def test_clusters_are_scipys_for_each_number_of_them(
    method: str,
    trees: dict[str, Tree],
) -> None:
    Z = trees[method]
    for n_clusters in range(1, len(X) + 1):
        labels = flat_clusters(Z, n_clusters=n_clusters)
        expected = hierarchy.fcluster(Z, n_clusters, criterion="maxclust")
        assert_same_partition(labels, expected)
        sizes = np.bincount(labels)
        assert len(sizes) == n_clusters
        assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize(
    ("points", "n_clusters", "expected"),
    [
        pytest.param((0, 1, 3, 7), 2, [0, 0, 0, 1], id="in order"),
        pytest.param((7, 3, 1, 0), 2, [1, 0, 0, 0], id="by falling size"),
        pytest.param((7, 3, 1, 0), 3, [1, 2, 0, 0], id="then by member"),
        pytest.param((0, 1, 3, 7), 1, [0, 0, 0, 0], id="one cluster"),
        pytest.param((0, 1, 3, 7), 4, [0, 1, 2, 3], id="as many as leaves"),
        pytest.param((5, 5, 6), 3, [0, 1, 2], id="equal rows apart"),
        pytest.param((0, 1, 2, 9), 2, [0, 0, 0, 1], id="above a tie"),
    ],
)
def test_cuts_by_hand(
    points: tuple[float, ...],
    n_clusters: int,
    expected: list[int],
) -> None:
    labels = flat_clusters(tree_on_a_line(*points), n_clusters=n_clusters)
    assert labels.tolist() == expected
    assert labels.dtype == np.int64


# The top of a tree


def test_top_by_hand() -> None:
    # Merges: 0 and 1; 3 and 4; 2 joins 0 and 1; then all.
    top = truncate_tree(tree_on_a_line(0, 1, 3, 10, 11.5), 3)
    assert top.labels.tolist() == [0, 0, 2, 1, 1]
    assert top.Z.tolist() == [[0, 2, 2, 2], [1, 3, 7, 3]]


@each_method
@pytest.mark.parametrize("n_leaves", [2, 3, 17, 40])
def test_top_holds_the_last_merges_and_the_flat_clusters(
    method: str,
    n_leaves: int,
    trees: dict[str, Tree],
) -> None:
    Z = trees[method]
    top = truncate_tree(Z, n_leaves)
    assert hierarchy.is_valid_linkage(top.Z)
    assert top.Z[:, 2].tolist() == Z[len(X) - n_leaves :, 2].tolist()
    np.testing.assert_array_equal(top.labels, flat_clusters(Z, n_clusters=n_leaves))
    for n_clusters in range(1, n_leaves + 1):
        of_leaf = flat_clusters(top.Z, n_clusters=n_clusters)
        of_row = flat_clusters(Z, n_clusters=n_clusters)
        assert_same_partition(of_leaf[top.labels], of_row)


def test_top_of_a_deep_tree_needs_no_recursion() -> None:
    # Row i + 1 joins all rows before it at height i + 1.
    chain = tree_with_heights(list(range(1, 10_000)))
    assert len(chain) > sys.getrecursionlimit()
    top = truncate_tree(chain, 30)
    assert np.bincount(top.labels).tolist() == [10_000 - 29] + [1] * 29


# Branches of another tree


def test_branches_are_matched_by_the_rows_that_they_share() -> None:
    # Eight rows in the leaves 0 to 2. The other tree moves row 3 from leaf 0 to leaf 1.
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    tree = TruncatedTree(np.array([[1.0, 2, 1, 2], [0, 3, 2, 3]]), labels)
    other = TruncatedTree(
        np.array([[0.0, 2, 1, 2], [1, 3, 2, 3]]), np.array([0, 0, 0, 1, 1, 1, 2, 2])
    )
    matched = match_branches(tree, other)
    assert matched.index.tolist() == [0, 1, 2, 3]
    assert matched["rows"].tolist() == [4, 2, 2, 4]
    # Leaf 0 shares 3 of 4 rows with leaf 0, leaf 1 two of three rows with leaf 1. Of
    # the four rows of the merge of 1 and 2 leaf 2 has two; no branch has more of them.
    assert matched["match"].tolist() == [0, 1, 2, 2]
    assert matched["Jaccard"].tolist() == [3 / 4, 2 / 3, 1, 1 / 2]


def test_jaccard_is_that_of_sets_of_rows() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(80, 3))
    tree = truncate_tree(linkage(points, "ward"), 9)
    other = truncate_tree(linkage(points, "average"), 14)

    def branches(top: TruncatedTree) -> list[set[int]]:
        found = [
            set(np.flatnonzero(top.labels == i).tolist()) for i in range(len(top.Z) + 1)
        ]
        for left, right in top.Z[:, :2].astype(int):
            found.append(found[left] | found[right])
        return found

    matched = match_branches(tree, other)
    others = branches(other)
    for i, branch in enumerate(branches(tree)[:-1]):
        jaccard = [len(branch & each) / len(branch | each) for each in others]
        assert matched["Jaccard"][i] == pytest.approx(max(jaccard), rel=1e-12)
        assert matched["match"][i] == int(np.argmax(jaccard))
        assert matched["rows"][i] == len(branch)


def test_a_tree_has_all_of_its_own_branches() -> None:
    top = truncate_tree(linkage(np.random.default_rng(0).random((50, 2)), "ward"), 7)
    matched = match_branches(top, top)
    assert matched["match"].tolist() == list(range(12))
    assert (matched["Jaccard"] == 1).all()
