"""Trees: SciPy's, cut, truncated and compared as can be checked by hand."""

import itertools
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from fmnist_clustering import (
    TruncatedTree,
    compare_linkages,
    condensed_distances,
    distances,
    flat_clusters,
    inertia,
    linkage,
    load_split,
    match_branches,
    merge_gaps,
    select_cut,
    truncate_tree,
)
from tests.test_ward import assert_same_partition, assert_same_tree

Tree = NDArray[np.float64]

METHODS = ["single", "complete", "average", "ward"]
X = np.random.default_rng(0).random((40, 3))
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 9), dtype=np.uint8)
each_method = pytest.mark.parametrize("method", METHODS)

# Few values in two columns: equal rows, and trees of nothing but them, are common.
pixel_rows = st.lists(
    st.tuples(st.sampled_from([0, 1, 128, 255]), st.sampled_from([0, 1, 128, 255])),
    min_size=2,
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
    assert condensed.tolist() == [5, 1, np.sqrt(18)]


@settings(deadline=None, max_examples=60)
@given(pixel_rows)
def test_distances_of_images_are_scipys_in_units_of_255(
    rows: NDArray[np.uint8],
) -> None:
    expected = pdist(rows / 255)
    np.testing.assert_allclose(condensed_distances(rows), expected, rtol=1e-14)


@pytest.mark.parametrize("tile_rows", [1, 3, 7, 100])
def test_distances_of_images_are_exact_in_tiles_of_any_size(
    tile_rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distances, "TILE_ROWS", tile_rows)
    rows = PIXELS.astype(np.int64)
    exact = [
        np.sqrt(np.square(rows[i] - rows[j]).sum()) / 255
        for i in range(len(rows))
        for j in range(i + 1, len(rows))
    ]
    assert condensed_distances(PIXELS).tolist() == exact


@pytest.mark.parametrize("rows", [[[1, 2]], [1, 2], [[1], [np.nan]]])
def test_distances_refuse_what_is_not_two_rows_of_numbers(rows: Any) -> None:
    with pytest.raises(ValueError, match=r"^X: "):
        condensed_distances(rows)


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
@settings(deadline=None, max_examples=40)
@given(rows=pixel_rows)
def test_tree_from_distances_is_scipys(method: str, rows: NDArray[np.uint8]) -> None:
    condensed = condensed_distances(rows)
    expected = hierarchy.linkage(condensed, method)
    np.testing.assert_array_equal(linkage(condensed, method), expected)
    if method != "ward":
        np.testing.assert_array_equal(linkage(rows, method), expected)


@each_method
@pytest.mark.parametrize("rows", [X, PIXELS], ids=["floats", "images"])
def test_tree_from_rows_is_scipys(rows: NDArray[Any], method: str) -> None:
    points = rows / 255 if rows.dtype == np.uint8 else rows
    expected = hierarchy.linkage(points, method)
    np.testing.assert_allclose(linkage(rows, method), expected, rtol=1e-12)


def test_tree_of_images_is_scipys() -> None:
    pixels = load_split("test").pixels[:1000]
    expected = hierarchy.linkage(pixels / 255, "average")
    assert_same_tree(linkage(pixels, "average"), expected)


def test_heights_of_ward_are_the_growth_of_inertia(trees: dict[str, Tree]) -> None:
    Z = trees["ward"]
    cost = [inertia(X, flat_clusters(Z, n_clusters=k)) for k in range(len(X), 0, -1)]
    np.testing.assert_allclose(Z[:, 2] ** 2 / 2, np.diff(cost), rtol=1e-9)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ([1, 2], "found 2 values, expected n (n - 1) / 2"),
        ([], "found 0 values, expected n (n - 1) / 2"),
        ([1, np.nan, 2], "found values that are not finite or below 0"),
        ([1, np.inf, 2], "found values that are not finite or below 0"),
        ([1, -1, 2], "found values that are not finite or below 0"),
        ([[1], [np.nan]], ""),
        ([[1, 2]], ""),
        (np.zeros((2, 2, 2)), ""),
    ],
)
@pytest.mark.parametrize("method", ["single", "ward"])
def test_linkage_refuses_what_is_neither_rows_nor_distances(
    argument: Any,
    message: str,
    method: str,
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"X_or_condensed: {message}")):
        linkage(argument, method)


def test_linkage_refuses_other_methods() -> None:
    with pytest.raises(ValueError, match=r"^method: found 'centroid'"):
        linkage(X, "centroid")


# Scale


@pytest.mark.parametrize("method", ["single", "complete", "average", "ward"])
@pytest.mark.parametrize("power", [-1000, -600, 600, 990])
def test_trees_of_distances_of_any_scale(method: str, power: int) -> None:
    distances = condensed_distances(X)
    tree = linkage(distances, method)
    scaled = linkage(np.ldexp(distances, power), method)
    np.testing.assert_array_equal(scaled[:, 2], np.ldexp(tree[:, 2], power))
    np.testing.assert_array_equal(scaled[:, [0, 1, 3]], tree[:, [0, 1, 3]])

    table = compare_linkages({method: tree}, distances)
    scaled_table = compare_linkages({method: scaled}, np.ldexp(distances, power))
    assert scaled_table["cophenetic"][method] == table["cophenetic"][method]


def test_distances_too_different_to_be_squared_are_refused() -> None:
    distances = [1e-200, 1.0, 1.0]
    with pytest.raises(ValueError, match=r"found distances from 1e-200"):
        linkage(distances, "ward")
    assert linkage(distances, "single")[:, 2].tolist() == [1e-200, 1.0]


def test_a_height_that_float64_cannot_hold_is_refused() -> None:
    distances = np.array([0.1, 1, 1, 1, 1, 0.1]) * 1.6e308
    with pytest.raises(ValueError, match=r"^X_or_condensed: found distances up"):
        linkage(distances, "ward")


def test_ids_that_are_not_whole_are_refused() -> None:
    tree = linkage(X[:5], "ward")
    tree[0, 0] += 0.5
    with pytest.raises(ValueError, match=r"^Z: found cluster ids that are not whole"):
        flat_clusters(tree, n_clusters=2)


@pytest.mark.parametrize(("height", "n_clusters"), [(10**400, 1), (-(10**400), 40)])
def test_heights_that_float64_cannot_hold_are_above_or_below_all(
    height: int, n_clusters: int
) -> None:
    labels = flat_clusters(linkage(X, "ward"), height=height)
    assert labels.max() + 1 == n_clusters


def test_no_tree_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match=r"^trees: found none, expected one or more"):
        compare_linkages({}, [1.0])


def test_equal_distances_have_no_correlation() -> None:
    tree = linkage([[0.0], [1.0], [3.0], [7.0]], "single")
    assert np.isnan(compare_linkages({"a": tree}, np.ones(6), 2)["cophenetic"]["a"])


# Memory


@pytest.fixture
def set_available_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that says how many bytes of memory are available."""

    def set_bytes(available: int) -> None:
        monkeypatch.setattr(distances, "available_memory", lambda: available)

    return set_bytes


# 40 rows have 780 pairs: their distances take 6,240 bytes, twice as much 12,480.
@pytest.mark.parametrize(
    ("function", "too_little"),
    [
        pytest.param(condensed_distances, 6239, id="condensed_distances"),
        pytest.param(lambda rows: linkage(rows, "average"), 12_479, id="linkage"),
    ],
)
def test_distances_that_do_not_fit_are_refused(
    function: Callable[[Any], Any],
    too_little: int,
    set_available_memory: Callable[[int], None],
) -> None:
    set_available_memory(too_little)
    with pytest.raises(MemoryError, match=r"^X(_or_condensed)?: "):
        function(X)
    set_available_memory(too_little + 1)
    function(X)


@pytest.mark.parametrize("rows", [X, PIXELS], ids=["floats", "images"])
def test_ward_gives_the_same_tree_whatever_memory_is_free(
    rows: NDArray[Any],
    set_available_memory: Callable[[int], None],
) -> None:
    expected = linkage(rows, "ward")
    set_available_memory(1)
    np.testing.assert_array_equal(linkage(rows, "ward"), expected)


# Gaps

GAP_COLUMNS = ["n_clusters", "low", "high", "gap", "relative gap", "ratio"]


def test_the_gap_above_equal_rows_is_infinite_in_relation() -> None:
    gaps = merge_gaps(tree_on_a_line(0, 0, 4, 4, 9)).set_index("n_clusters")
    assert gaps.loc[3, "relative gap"] == np.inf
    assert gaps.loc[2, "relative gap"] == 5 / 4


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
    ],
)
def test_gaps_by_hand(
    points: tuple[float, ...],
    rows: list[tuple[float, ...]],
) -> None:
    expected = pd.DataFrame(rows, columns=GAP_COLUMNS)
    gaps = merge_gaps(tree_on_a_line(*points))
    pd.testing.assert_frame_equal(gaps, expected, check_dtype=False)
    assert gaps["n_clusters"].dtype == np.int64


def test_a_cut_inside_a_gap_gives_its_clusters(trees: dict[str, Tree]) -> None:
    Z = trees["average"]
    for gap in merge_gaps(Z, max_clusters=39).itertuples():
        for height in (gap.low, (gap.low + gap.high) / 2):
            labels = flat_clusters(Z, height=height)
            assert labels.max() + 1 == gap.n_clusters


@pytest.mark.parametrize(
    ("options", "largest"),
    [
        ({}, 20),
        ({"max_clusters": 3}, 3),
        ({"max_clusters": 39}, 39),
        ({"max_clusters": 99}, 39),
    ],
)
def test_gaps_go_up_to_max_clusters(
    options: dict[str, int],
    largest: int,
    trees: dict[str, Tree],
) -> None:
    gaps = merge_gaps(trees["ward"], **options)
    assert sorted(gaps["n_clusters"]) == list(range(2, largest + 1))


def test_without_another_gap_there_is_no_ratio() -> None:
    gaps = merge_gaps(tree_on_a_line(0, 1, 2, 3, 8))  # merges at 1, 1, 1, 5
    assert gaps["n_clusters"].tolist() == [2]
    assert gaps["gap"].tolist() == [4]
    assert np.isnan(gaps["ratio"][0])


def test_numbers_that_no_cut_gives_are_not_in_the_table() -> None:
    # Merges at 1, 1, 4, 4: three clusters are there from 1 to 4, and no other number.
    tree = np.array([[0, 1, 1, 2], [2, 3, 1, 2], [4, 5, 4, 3], [6, 7, 4, 5]])
    gaps = merge_gaps(tree)
    assert gaps["n_clusters"].tolist() == [3]
    assert flat_clusters(tree, n_clusters=3).max() == 2
    for n_clusters in (2, 4):
        with pytest.raises(ValueError, match=r"^n_clusters: "):
            flat_clusters(tree, n_clusters=n_clusters)


@pytest.mark.parametrize("height", [0, 1])
def test_a_tree_of_equal_heights_has_no_gap(height: int) -> None:
    tree = tree_on_a_line(*(height * np.arange(6)))
    gaps = merge_gaps(tree)
    assert gaps.columns.tolist() == GAP_COLUMNS
    assert len(gaps) == 0
    condensed = pdist(height * np.arange(6.0)[:, None])
    with np.errstate(invalid="ignore"):  # SciPy's correlation of equal distances
        row = compare_linkages({"a": tree}, condensed, n_clusters=1).loc["a"]
    assert row[["gap rule", "runner-up", "ratio"]].isna().all()


@given(pixel_rows)
def test_each_number_in_the_table_has_a_cut_and_no_other(
    rows: NDArray[np.uint8],
) -> None:
    assume(len(rows) > 3)
    tree = linkage(rows, "complete")
    in_table = merge_gaps(tree)["n_clusters"].tolist()
    for n_clusters in range(2, len(rows)):
        if n_clusters in in_table:
            assert flat_clusters(tree, n_clusters=n_clusters).max() == n_clusters - 1
        else:
            with pytest.raises(ValueError, match=r"^n_clusters: "):
                flat_clusters(tree, n_clusters=n_clusters)


@pytest.mark.parametrize("max_clusters", [1, 2])
def test_gaps_of_fewer_than_three_clusters_are_refused(
    max_clusters: int,
    trees: dict[str, Tree],
) -> None:
    with pytest.raises(ValueError, match=r"^max_clusters: "):
        merge_gaps(trees["ward"], max_clusters)


@pytest.mark.parametrize("n_leaves", [2, 3])
def test_gaps_of_fewer_than_four_leaves_are_refused(n_leaves: int) -> None:
    tree = tree_on_a_line(*range(n_leaves))
    with pytest.raises(ValueError, match=f"^Z: found {n_leaves} leaves, expected 4"):
        merge_gaps(tree)


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
    assert flat_clusters(TWO_ANSWERS, height=cut.height).max() == 4


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
    names = {
        method: select_cut(TWO_ANSWERS, rule="relative", method=method).n_clusters
        for method in METHODS
    }
    assert names == {"single": 5, "complete": 5, "average": 5, "ward": 5}
    strengths = [
        select_cut(TWO_ANSWERS, rule="relative", method=method).strength
        for method in ("single", "ward", "average", "complete")
    ]
    assert strengths == sorted(strengths)
    assert len(set(strengths)) == 4


def test_few_leaves_name_few_clusters() -> None:
    # Eight leaves in pairs of nearly equal ones: a third of eight is below four.
    tree = tree_on_a_line(0, 1e-3, 10, 10.001, 21, 21.001, 33, 33.001)
    assert select_cut(tree, rule="relative").n_clusters is None
    assert select_cut(tree).n_clusters == 4


def test_cuts_go_up_to_max_clusters() -> None:
    points = np.repeat(10.0 * np.arange(25) ** 1.1, 4)
    tree = tree_on_a_line(*(points + np.tile([0, 0.5, 1, 1.5], 25)))
    assert select_cut(tree, rule="relative").n_clusters != 25
    cut = select_cut(tree, rule="relative", method="single", max_clusters=30)
    assert cut.n_clusters == 25


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


@given(pixel_rows)
def test_the_height_of_a_cut_gives_its_clusters(rows: NDArray[np.uint8]) -> None:
    assume(len(rows) > 3)
    for method in METHODS:
        tree = linkage(rows, method)
        for rule in ("longest", "relative"):
            cut = select_cut(tree, rule=rule, method=method)
            if cut.n_clusters is not None:
                labels = flat_clusters(tree, height=cut.height)
                assert labels.max() + 1 == cut.n_clusters


def test_a_cut_does_not_depend_on_the_unit() -> None:
    for rule in ("longest", "relative"):
        cut = select_cut(TWO_ANSWERS, rule=rule)
        scaled = select_cut(TWO_ANSWERS * [1, 1, 1e-200, 1], rule=rule)
        assert scaled.n_clusters == cut.n_clusters
        assert scaled.strength == pytest.approx(cut.strength)


@pytest.mark.slow
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
    ("points", "cut", "expected"),
    [
        pytest.param((0, 1, 3, 7), {"height": 2}, [0, 0, 0, 1], id="at a merge"),
        pytest.param((0, 1, 3, 7), {"height": 1.99}, [0, 0, 1, 2], id="below a merge"),
        pytest.param((0, 1, 3, 7), {"height": 0.5}, [0, 1, 2, 3], id="below all"),
        pytest.param((0, 1, 3, 7), {"height": 4}, [0, 0, 0, 0], id="at the last one"),
        pytest.param((7, 3, 1, 0), {"height": 2}, [1, 0, 0, 0], id="by falling size"),
        pytest.param(
            (7, 3, 1, 0), {"n_clusters": 3}, [1, 2, 0, 0], id="then by member"
        ),
        pytest.param((5, 5, 6), {"n_clusters": 3}, [0, 1, 2], id="equal rows apart"),
        pytest.param((5, 5, 6), {"height": 0}, [0, 0, 1], id="equal rows together"),
        pytest.param((0, 1, 2, 9), {"n_clusters": 2}, [0, 0, 0, 1], id="above a tie"),
    ],
)
def test_cuts_by_hand(
    points: tuple[float, ...],
    cut: dict[str, Any],
    expected: list[int],
) -> None:
    labels = flat_clusters(tree_on_a_line(*points), **cut)
    assert labels.tolist() == expected
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({}, "n_clusters, height: found neither"),
        ({"n_clusters": 2, "height": 1.0}, "n_clusters, height: found both"),
        ({"n_clusters": 0}, "n_clusters: found 0"),
        ({"n_clusters": 41}, "n_clusters: found 41"),
        ({"height": np.nan}, "height: found nan"),
        ({"height": "high"}, "height: found 'high'"),
    ],
)
def test_impossible_cuts_are_refused(
    cut: dict[str, Any],
    message: str,
    trees: dict[str, Tree],
) -> None:
    with pytest.raises(ValueError, match=f"^{message}, expected "):
        flat_clusters(trees["ward"], **cut)


def test_a_number_of_clusters_inside_a_tie_is_refused() -> None:
    Z = tree_on_a_line(0, 1.5, 3)  # both merges at 1.5
    with pytest.raises(ValueError, match=r"^n_clusters: found 2, .* same height"):
        flat_clusters(Z, n_clusters=2)


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


@pytest.mark.parametrize("n_leaves", [2, 30, 10_000])
def test_top_of_a_deep_tree_needs_no_recursion(n_leaves: int) -> None:
    # Row i + 1 joins all rows before it at height i + 1.
    n = 10_000
    assert n > sys.getrecursionlimit()
    step = np.arange(n - 1)
    first = np.append(0, n + step[:-1])
    pairs = np.sort(np.column_stack([step + 1, first]), axis=1)
    chain = np.column_stack([pairs, step + 1.0, step + 2])
    top = truncate_tree(chain, n_leaves)
    sizes = np.bincount(top.labels).tolist()
    assert sizes == [n - n_leaves + 1] + [1] * (n_leaves - 1)


@pytest.mark.parametrize("n_leaves", [1, 41])
def test_top_of_an_impossible_size_is_refused(
    n_leaves: int,
    trees: dict[str, Tree],
) -> None:
    with pytest.raises(ValueError, match=rf"^n_leaves: found {n_leaves}, expected "):
        truncate_tree(trees["ward"], n_leaves)


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


def test_a_branch_without_shared_rows_is_like_no_other() -> None:
    top = truncate_tree(linkage(np.random.default_rng(0).random((50, 2)), "ward"), 4)
    of_some = top._replace(labels=top.labels[top.labels != 3])
    matched = match_branches(of_some, of_some)
    assert matched.loc[3, ["rows", "Jaccard"]].tolist() == [0, 0]


def test_branches_of_other_rows_are_refused() -> None:
    top = truncate_tree(linkage(np.random.default_rng(0).random((50, 2)), "ward"), 4)
    with pytest.raises(ValueError, match=r"^other.labels: found .*, expected "):
        match_branches(top, top._replace(labels=top.labels[1:]))
    with pytest.raises(ValueError, match=r"^tree.labels: found 4, expected leaves"):
        match_branches(top._replace(labels=top.labels + 1), top)


# Trees side by side


def meeting_heights(Z: Tree) -> Sequence[float]:
    """Return the height at which the rows of each pair meet, in condensed order."""
    n = len(Z) + 1
    members = [[row] for row in range(n)]
    heights = np.zeros((n, n))
    for a, b, height, _ in Z:
        for i in members[int(a)]:
            for j in members[int(b)]:
                heights[i, j] = heights[j, i] = height
        members.append(members[int(a)] + members[int(b)])
    upper: list[float] = heights[np.triu_indices(n, 1)].tolist()
    return upper


def test_linkages_side_by_side(trees: dict[str, Tree]) -> None:
    condensed = pdist(X)
    table = compare_linkages(trees, condensed, n_clusters=6)
    assert table.index.tolist() == METHODS
    for method, Z in trees.items():
        row = table.loc[method]
        top_three = [f"{height:.4g}" for height in sorted(Z[:, 2])[-3:]]
        assert row["last merges"].split(", ") == top_three[::-1]
        correlation = np.corrcoef(meeting_heights(Z), condensed)[0, 1]
        assert row["cophenetic"] == pytest.approx(correlation)

        sizes = np.bincount(hierarchy.fcluster(Z, 6, "maxclust"))[1:]
        assert row["largest share"] == sizes.max() / 40
        assert row["single rows"] == (sizes == 1).sum()

        gaps = merge_gaps(Z)
        assert row["gap rule"] == gaps["n_clusters"][0]
        assert row["runner-up"] == gaps["n_clusters"][1]
        assert row["ratio"] == gaps["ratio"][0]


def test_distances_of_other_rows_are_refused(trees: dict[str, Tree]) -> None:
    with pytest.raises(ValueError, match=r"^condensed: found 3 values, .* n = 40"):
        compare_linkages(trees, [1.0, 2.0, 2.5])


# What is no linkage matrix

FALLING = "found heights that fall or are not finite"
WRONG_IDS = "found cluster ids out of range or used twice"


@pytest.mark.parametrize(
    ("Z", "message"),
    [
        ([[0, 1, 1]], "found shape (1, 3)"),
        ([0, 1, 1, 2], "found shape (4,)"),
        (np.zeros((0, 4)), "found shape (0, 4)"),
        ([[0, 1, 2, 2], [2, 3, 1, 3]], FALLING),
        ([[0, 1, np.nan, 2], [2, 3, 1, 3]], FALLING),
        ([[0, 1, 1, 2], [2, 3, np.inf, 3]], FALLING),
        ([[0, 7, 1, 2], [2, 3, 2, 3]], WRONG_IDS),
        ([[-1, 1, 1, 2], [2, 3, 2, 3]], WRONG_IDS),
        ([[0, 1, 1, 2], [1, 3, 2, 3]], WRONG_IDS),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(merge_gaps, id="merge_gaps"),
        pytest.param(lambda Z: flat_clusters(Z, n_clusters=1), id="flat_clusters"),
        pytest.param(lambda Z: truncate_tree(Z, 2), id="truncate_tree"),
        pytest.param(
            lambda Z: compare_linkages({"a": Z}, [1.0, 2, 3]), id="compare_linkages"
        ),
    ],
)
def test_bad_trees_are_refused(
    Z: Any,
    message: str,
    function: Callable[[Any], Any],
) -> None:
    expected = rf"^(Z|trees\[.a.\]): {re.escape(message)}, expected "
    with pytest.raises(ValueError, match=expected):
        function(Z)
