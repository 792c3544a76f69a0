import re
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits

from fmnist_clustering import (
    compare_linkages,
    condense,
    condensed_distances,
    cut_tree,
    inertia,
    linkage,
    load_split,
    merge_gaps,
)
from fmnist_clustering import hierarchy as ours

METHODS = ["single", "complete", "average", "ward"]
X = np.random.default_rng(0).random((40, 3))
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 9), dtype=np.uint8)
every_method = pytest.mark.parametrize("method", METHODS)
# Few values in few columns: pairs and whole trees of equal rows are common.
pixel_rows = st.lists(st.lists(st.sampled_from([0, 1, 128, 255]), min_size=2, max_size=2), min_size=2, max_size=12).map(
    lambda rows: np.array(rows, dtype=np.uint8)
)
BAD_TREES: list[tuple[Any, str]] = [
    ([[0, 1, 1]], "Z: found shape (1, 3), expected (n - 1, 4)"),
    ([0, 1, 1, 2], "Z: found shape (4,), expected (n - 1, 4)"),
    (np.zeros((0, 4)), "Z: found shape (0, 4), expected (n - 1, 4)"),
    ([[0, 1, 2, 2], [2, 3, 1, 3]], "Z: found heights that fall or are not finite, expected a monotone"),
    ([[0, 1, np.nan, 2], [2, 3, 1, 3]], "Z: found heights that fall or are not finite, expected a monotone"),
    ([[0, 1, 1, 2], [2, 3, np.inf, 3]], "Z: found heights that fall or are not finite, expected a monotone"),
    ([[0, 7, 1, 2], [2, 3, 2, 3]], "Z: found cluster ids out of range or used twice, expected"),
    ([[-1, 1, 1, 2], [2, 3, 2, 3]], "Z: found cluster ids out of range or used twice, expected"),
    ([[0, 1, 1, 2], [1, 3, 2, 3]], "Z: found cluster ids out of range or used twice, expected"),
]


def on_a_line(*points: float) -> NDArray[np.float64]:
    return np.array(points, dtype=np.float64)[:, None]


def same_cluster(labels: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(labels[:, None] == labels)


def test_distances_by_hand() -> None:
    assert condensed_distances([[0, 0], [3, 4], [0, 1]]).tolist() == [5, 1, np.sqrt(18)]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(pixel_rows)
def test_pixel_distances_equal_scipy_in_units_of_255(rows: NDArray[np.uint8]) -> None:
    np.testing.assert_allclose(condensed_distances(rows), pdist(rows / 255), rtol=1e-14)


@pytest.mark.parametrize("tile", [1, 3, 7, 100])
def test_pixel_distances_are_exact_whatever_the_tile(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "TILE_ROWS", tile)
    wide = PIXELS.astype(np.int64)
    exact = [np.sqrt(((a - b) ** 2).sum()) / 255 for i, a in enumerate(wide) for b in wide[i + 1 :]]
    assert condensed_distances(PIXELS).tolist() == exact


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2]], "X: found shape (1, 2), expected (rows, columns), rows >= 2"),
        ([1, 2], "X: found shape (2,), expected (rows, columns), rows >= 2"),
        ([[1], [np.nan]], "X: found nan in row 1, column 0, expected numbers"),
    ],
)
def test_distance_error_names_argument_and_fault(rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        condensed_distances(rows)


@every_method
@settings(deadline=None, derandomize=True, max_examples=40)
@given(rows=pixel_rows)
def test_linkage_of_rows_is_that_of_their_distances(method: str, rows: NDArray[np.uint8]) -> None:
    distances = condensed_distances(rows)
    np.testing.assert_array_equal(linkage(rows, method), hierarchy.linkage(distances, method))
    np.testing.assert_array_equal(linkage(distances, method), linkage(rows, method))


def assert_same_tree(found: NDArray[np.float64], expected: NDArray[np.float64], largest_norm: float) -> None:
    """Heights within 1e-9, partitions equal wherever heights are apart."""
    tolerance = max(1e-9 * float(expected[-1, 2]), 1e-7 * largest_norm)
    np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=1e-9, atol=tolerance)
    n = len(found) + 1
    apart = np.diff(np.concatenate([[-1.0], expected[:, 2]])) > 2 * tolerance
    below_gaps = np.flatnonzero(np.append(apart[1:], True)) + 1  # numbers of merges
    for kept in below_gaps[:: 1 + len(below_gaps) // 300]:
        cuts = [hierarchy.fcluster(Z, expected[kept - 1, 2] + tolerance, "distance") for Z in (found, expected)]
        assert cuts[0].max() == n - kept
        np.testing.assert_array_equal(same_cluster(cuts[0]), same_cluster(cuts[1]))


@pytest.mark.parametrize(
    ("method", "condensed"), [*((method, None) for method in METHODS), ("ward", True), ("ward", False)]
)
@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    n=st.integers(2, 300),
    d=st.integers(1, 40),
    kind=st.sampled_from(["pixels", "floats", "doubled pixels", "doubled floats", "few kinds of rows"]),
    seed=st.integers(0, 2**31),
)
def test_linkage_equals_scipy(method: str, condensed: bool | None, n: int, d: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = max(d, 8) if "pixels" in kind else d  # enough that no two distances tie
    rows: NDArray[Any] = rng.normal(size=(n, d))
    if "pixels" in kind:
        rows = rng.integers(0, 256, (n, d), dtype=np.uint8)
    if "doubled" in kind:
        rows = rows[np.arange(n) // 2]
    if kind == "few kinds of rows":
        rows = rows[rng.integers(0, min(5, n), n)]
    points = rows / 255 if rows.dtype == np.uint8 else rows
    found = linkage(rows, method, condensed=condensed)
    assert hierarchy.is_valid_linkage(found)
    n_kinds = len(np.unique(rows, axis=0))
    assert (found[: n - n_kinds, 2] == 0).all(), "identical rows merge at exactly 0"
    assert (found[n - n_kinds :, 2] > 0).all()
    norm = float(np.sqrt(np.square(points).sum(axis=1).max()))
    assert_same_tree(found, hierarchy.linkage(pdist(points), method), norm)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(rows=st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=2, max_size=25))
def test_ward_from_rows_always_merges_a_nearest_pair_also_where_distances_tie(rows: list[list[int]]) -> None:
    X = np.array(rows, dtype=np.float64)
    clusters = {i: [i] for i in range(len(X))}
    for step, (a, b, height, size) in enumerate(linkage(X, "ward", condensed=False)):
        costs = {
            (i, j): np.sqrt(
                2 * len(p) * len(q) / (len(p) + len(q)) * np.square(X[p].mean(axis=0) - X[q].mean(axis=0)).sum()
            )
            for i, p in clusters.items()
            for j, q in clusters.items()
            if i < j
        }
        assert costs[int(a), int(b)] == pytest.approx(min(costs.values()), abs=1e-7)
        assert height == pytest.approx(costs[int(a), int(b)], abs=1e-7)
        clusters[len(X) + step] = clusters.pop(int(a)) + clusters.pop(int(b))
        assert size == len(clusters[len(X) + step])


def test_ward_from_rows_sees_what_float32_does_not() -> None:
    # Two far groups of points whose neighbors are a hundredth of float32's resolution apart.
    rng = np.random.default_rng(0)
    steps = np.cumsum(1 + 1e-4 * rng.permutation(60))
    X = np.column_stack([np.append(steps + 3000, -steps - 3000), rng.normal(size=(120, 9))[:, :1] * 1e-3])
    distances = np.square(X[:, None] - X).sum(axis=2)
    rough = X.astype(np.float32)
    norms = np.square(rough).sum(axis=1)
    scanned = norms[:, None] + norms - 2 * (rough @ rough.T)
    for table in (distances, scanned):
        np.fill_diagonal(table, np.inf)
    assert (scanned.argmin(axis=1) != distances.argmin(axis=1)).mean() > 0.1, "hard enough"
    assert_same_tree(linkage(X, "ward", condensed=False), hierarchy.linkage(pdist(X), "ward"), 0)


def test_ward_from_rows_does_not_depend_by_a_bit_on_tiles_or_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(5).integers(0, 256, (200, 60), dtype=np.uint8)
    whole = linkage(X, "ward", condensed=False)
    for tile, n_threads in ((200, 1), (64, 2), (7, 2)):
        monkeypatch.setattr(ours, "TILE_ROWS", tile)
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(linkage(X, "ward", condensed=False), whole)


def test_ward_from_rows_leaves_them_alone() -> None:
    for rows in (X, PIXELS):
        before = rows.copy()
        linkage(rows, "ward", condensed=False)
        np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("method", ["ward", "average"])
def test_two_thousand_images_equal_scipy(method: str) -> None:
    pixels = load_split("test").pixels[:2000]
    expected = hierarchy.linkage(pdist(pixels / 255), method)
    for condensed in (True, False) if method == "ward" else (None,):
        assert_same_tree(linkage(pixels, method, condensed=condensed), expected, 0)


# Memory


def test_without_room_for_all_pairs_ward_works_from_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise AssertionError

    expected = linkage(X, "ward", condensed=False)
    for available, function in ((2 * 8 * 780, None), (2 * 8 * 780 - 1, refuse)):
        monkeypatch.setattr(ours, "_available_bytes", lambda room=available: room)
        if function:
            monkeypatch.setattr(ours, "condensed_distances", function)
        np.testing.assert_allclose(linkage(X, "ward"), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "needed"),
    [
        (lambda: linkage(X, "complete"), "12,480"),
        (lambda: linkage(X, "ward", condensed=True), "12,480"),
        (lambda: condensed_distances(X), "6,240"),
    ],
)
def test_memory_is_said_before_it_is_used(call: Any, needed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "_available_bytes", lambda: 1000)
    message = f"X: the distances of all pairs of 40 rows take {needed} bytes, found 1,000 available; take fewer rows"
    with pytest.raises(MemoryError, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("text", "expected"), [("MemTotal: 9 kB\nMemAvailable:    2048 kB\n", 2**21), ("MemTotal: 9 kB\n", None)]
)
def test_available_memory_is_what_the_system_says(
    text: str, expected: int | None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(ours, "MEMINFO", tmp_path / "meminfo")
    found = ours._available_bytes()
    assert found == expected if expected else found > 2**28


@pytest.mark.parametrize(
    ("method", "heights"),
    [
        ("single", [1, 2, 4]),
        ("complete", [1, 3, 7]),
        ("average", [1, 2.5, 17 / 3]),
        # sqrt(2 * |a| |b| / (|a| + |b|)) * distance of the means
        ("ward", [1, np.sqrt(2 * 2 / 3) * 2.5, np.sqrt(2 * 3 / 4) * (7 - 4 / 3)]),
    ],
)
def test_merges_by_hand(method: str, heights: list[float]) -> None:
    expected = [[0, 1, heights[0], 2], [2, 4, heights[1], 3], [3, 5, heights[2], 4]]
    for rows in (on_a_line(0, 1, 3, 7), [1, 3, 7, 2, 6, 4]):
        np.testing.assert_allclose(linkage(rows, method), expected, rtol=1e-12)


def test_ward_heights_are_the_growth_of_inertia() -> None:
    Z = linkage(X, "ward")
    cost = [inertia(X, cut_tree(Z, n_clusters=k)) for k in range(len(X), 0, -1)]
    np.testing.assert_allclose(Z[:, 2] ** 2 / 2, np.diff(cost), rtol=1e-9)


@pytest.mark.parametrize(
    ("rows", "method", "message"),
    [
        (X, "centroid", "method: found 'centroid', expected one of 'single', 'complete', 'average"),
        ([1, 2], "ward", "X_or_condensed: found 2 values, expected n (n - 1) / 2"),
        ([], "ward", "X_or_condensed: found 0 values, expected n (n - 1) / 2"),
        ([1, np.nan, 2], "ward", "X_or_condensed: found values that are not finite or below 0"),
        ([1, np.inf, 2], "single", "X_or_condensed: found values that are not finite or below 0"),
        ([1, -1, 2], "single", "X_or_condensed: found values that are not finite or below 0, expected"),
        ([[1], [np.nan]], "ward", "X_or_condensed: found nan in row 1, column 0, expected numbers"),
        (np.zeros((2, 2, 2)), "ward", "X_or_condensed: found shape (2, 2, 2), expected (rows, "),
        ([[1, 2]], "ward", "X_or_condensed: found "),
    ],
)
def test_linkage_error_names_argument_and_fault(rows: Any, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        linkage(rows, method)


@pytest.mark.parametrize(
    ("rows", "method", "found"),
    [(X, "single", "'single' and shape (40, 3)"), ([1.0, 2, 3], "ward", "'ward' and shape (3,)")],
)
def test_only_ward_works_from_rows_alone(rows: Any, method: str, found: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"condensed: found False for {found}, expected 'ward' and rows")):
        linkage(rows, method, condensed=False)


@pytest.mark.parametrize(
    ("points", "rows"),
    [
        pytest.param(
            (0, 1, 3, 7, 16),  # merges at 1, 2, 4, 9
            [(2, 4, 9, 5, 2.5), (3, 2, 4, 2, 0.4), (4, 1, 2, 1, 0.2)],
            id="last merge widest",
        ),
        pytest.param(
            (0, 1, 6, 12, 20),  # merges at 1, 5, 6, 8
            [(4, 1, 5, 4, 2), (2, 6, 8, 2, 0.5), (3, 5, 6, 1, 0.25)],
            id="sorted by gap",
        ),
        pytest.param(
            (0, 1, 3, 6, 10),  # merges at 1, 2, 3, 4
            [(2, 3, 4, 1, 1), (3, 2, 3, 1, 1), (4, 1, 2, 1, 1)],
            id="ties, fewer clusters first",
        ),
    ],
)
def test_gaps_by_hand(points: tuple[float, ...], rows: list[tuple[float, ...]]) -> None:
    expected = pd.DataFrame(rows, columns=["n_clusters", "low", "high", "gap", "ratio"])
    found = merge_gaps(linkage(on_a_line(*points), "single"))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found["n_clusters"].dtype == np.int64


def test_cut_inside_a_gap_gives_its_clusters() -> None:
    Z = linkage(X, "average")
    for gap in merge_gaps(Z, max_clusters=39).itertuples():
        for height in (gap.low, (gap.low + gap.high) / 2):
            assert cut_tree(Z, height=height).max() + 1 == gap.n_clusters


@pytest.mark.parametrize(
    ("options", "largest"), [({}, 20), ({"max_clusters": 3}, 3), ({"max_clusters": 39}, 39), ({"max_clusters": 99}, 39)]
)
def test_gaps_stop_at_max_clusters(options: dict[str, int], largest: int) -> None:
    gaps = merge_gaps(linkage(X, "ward"), **options)
    assert sorted(gaps["n_clusters"]) == list(range(2, largest + 1))


def test_no_other_gap_means_no_finite_ratio() -> None:
    gaps = merge_gaps(linkage(on_a_line(0, 1, 2, 3, 8), "single"))  # merges at 1, 1, 1, 5
    assert gaps["n_clusters"].tolist() == [2, 3, 4]
    assert not np.isfinite(gaps["ratio"][0])
    assert gaps["ratio"][1:].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("Z", "max_clusters", "message"),
    [
        (linkage(X, "ward"), 1, "max_clusters: found 1, expected 3 or more"),
        (linkage(X, "ward"), 2, "max_clusters: found 2, expected 3 or more"),
        (linkage(X[:3], "ward"), 20, "Z: found 3 leaves, expected 4 or more to compare gaps"),
        *((Z, 20, message) for Z, message in BAD_TREES),
    ],
)
def test_gap_error_names_argument_and_fault(Z: Any, max_clusters: int, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        merge_gaps(Z, max_clusters)


@every_method
@pytest.mark.parametrize("rows", [X, PIXELS], ids=["floats", "pixels"])
def test_cut_equals_scipy_for_every_number_of_clusters(rows: NDArray[Any], method: str) -> None:
    Z = linkage(rows, method)
    for n_clusters in range(1, len(rows) + 1):
        found = cut_tree(Z, n_clusters=n_clusters)
        expected = hierarchy.fcluster(Z, n_clusters, criterion="maxclust")
        np.testing.assert_array_equal(same_cluster(found), same_cluster(expected))
        sizes = np.bincount(found)
        assert len(sizes) == n_clusters
        assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize(
    ("points", "cut", "expected"),
    [
        pytest.param((0, 1, 3, 7), {"height": 2}, [0, 0, 0, 1], id="at a merge"),
        pytest.param((0, 1, 3, 7), {"height": 1.99}, [0, 0, 1, 2], id="below a merge"),
        pytest.param((0, 1, 3, 7), {"height": 0.5}, [0, 1, 2, 3], id="below all merges"),
        pytest.param((0, 1, 3, 7), {"height": 4}, [0, 0, 0, 0], id="at the last merge"),
        pytest.param((7, 3, 1, 0), {"height": 2}, [1, 0, 0, 0], id="ids by falling size"),
        pytest.param((7, 3, 1, 0), {"n_clusters": 3}, [1, 2, 0, 0], id="then by lowest member"),
        pytest.param((5, 5, 6), {"n_clusters": 3}, [0, 1, 2], id="equal rows apart"),
        pytest.param((5, 5, 6), {"height": 0}, [0, 0, 1], id="equal rows together"),
        pytest.param((0, 1, 2, 9), {"n_clusters": 2}, [0, 0, 0, 1], id="above a tie"),
    ],
)
def test_cut_by_hand(points: tuple[float, ...], cut: dict[str, Any], expected: list[int]) -> None:
    found = cut_tree(linkage(on_a_line(*points), "single"), **cut)
    assert found.tolist() == expected
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("Z", "cut", "message"),
    [
        (linkage(X, "ward"), {}, "n_clusters, height: expected exactly one of the two"),
        (linkage(X, "ward"), {"n_clusters": 2, "height": 1.0}, "n_clusters, height: expected exactly one of the two"),
        (linkage(X, "ward"), {"n_clusters": 0}, "n_clusters: found 0, expected 1 to 40"),
        (linkage(X, "ward"), {"n_clusters": 41}, "n_clusters: found 41, expected 1 to 40"),
        (
            linkage(on_a_line(0, 1.5, 3), "single"),
            {"n_clusters": 2},
            "n_clusters: found 2, but merges tie: a cut gives 1 or more than that",
        ),
        *((Z, {"n_clusters": 1}, message) for Z, message in BAD_TREES),
    ],
)
def test_cut_error_names_argument_and_fault(Z: Any, cut: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        cut_tree(Z, **cut)


# The top of a tree


def test_top_by_hand() -> None:
    # Merges: 0 + 1, then 3 + 4, then 2 joins 0 and 1, then all.
    top = condense(linkage(on_a_line(0, 1, 3, 10, 11.5), "single"), 3)
    assert top.labels.tolist() == [0, 0, 2, 1, 1]
    assert top.Z.tolist() == [[0, 2, 2, 2], [1, 3, 7, 3]]


@every_method
@pytest.mark.parametrize("n_leaves", [2, 3, 17, 40])
def test_top_holds_the_last_merges_and_the_flat_clusters(method: str, n_leaves: int) -> None:
    Z = linkage(X, method)
    top = condense(Z, n_leaves)
    assert hierarchy.is_valid_linkage(top.Z)
    assert top.Z[:, 2].tolist() == Z[len(X) - n_leaves :, 2].tolist()
    np.testing.assert_array_equal(top.labels, cut_tree(Z, n_clusters=n_leaves))
    for n_clusters in range(1, n_leaves + 1):
        small = cut_tree(top.Z, n_clusters=n_clusters)[top.labels]
        np.testing.assert_array_equal(same_cluster(small), same_cluster(cut_tree(Z, n_clusters=n_clusters)))


def test_top_of_a_chain_of_ten_thousand_needs_no_recursion() -> None:
    n, limit = 10_000, sys.getrecursionlimit()
    step = np.arange(n - 1)
    chain = np.column_stack([step + 1, np.append(0, n + step[:-1]), step + 1.0, step + 2])
    chain[:, :2].sort(axis=1)
    for n_leaves in (2, 30, n):
        top = condense(chain, n_leaves)
        assert np.bincount(top.labels).tolist() == [n - n_leaves + 1] + [1] * (n_leaves - 1)
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    ("Z", "n_leaves", "message"),
    [
        (linkage(X, "ward"), 1, "n_leaves: found 1, expected 2 to 40"),
        (linkage(X, "ward"), 41, "n_leaves: found 41, expected 2 to 40"),
        *((Z, 2, message) for Z, message in BAD_TREES),
    ],
)
def test_top_error_names_argument_and_fault(Z: Any, n_leaves: int, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        condense(Z, n_leaves)


def test_linkages_side_by_side() -> None:
    distances = pdist(X)
    trees = {method: linkage(distances, method) for method in METHODS}
    table = compare_linkages(trees, distances, n_clusters=6)
    assert table.index.tolist() == METHODS
    for method, Z in trees.items():
        row, gaps = table.loc[method], merge_gaps(Z)
        assert row["last merges"] == ", ".join(f"{height:.4g}" for height in (Z[-1, 2], Z[-2, 2], Z[-3, 2]))
        heights = np.array([[meeting_height(Z, i, j) for j in range(40)] for i in range(40)])
        pairs = np.triu_indices(40, 1)
        assert row["cophenetic"] == pytest.approx(np.corrcoef(heights[pairs], distances)[0, 1])
        sizes = np.bincount(hierarchy.fcluster(Z, 6, "maxclust"))[1:]
        assert row["largest share"] == sizes.max() / 40
        assert row["single rows"] == (sizes == 1).sum()
        assert (row["gap rule"], row["runner-up"]) == (*gaps["n_clusters"][:2],)
        assert row["ratio"] == gaps["ratio"][0]


def meeting_height(Z: NDArray[np.float64], i: int, j: int) -> float:
    """Return the height of the first merge that holds both rows."""
    members = [{row} for row in range(len(Z) + 1)]
    for a, b, height, _ in Z:
        members.append(members[int(a)] | members[int(b)])
        if {i, j} <= members[-1]:
            return float(height) if i != j else 0.0
    raise AssertionError


def test_ward_from_rows_is_as_precise_as_from_distances() -> None:
    # Images are moved to their mean, which must not stand far from them: 3e-12 would tell that it did.
    X = load_split("test").pixels[:400]
    found, expected = linkage(X, "ward", condensed=False), hierarchy.linkage(X / 255, "ward")
    np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=2e-14)
