import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from fmnist_clustering import condensed_distances, cut_tree, inertia, linkage, merge_gaps

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
    ([[0, 1, 2, 2], [2, 3, 1, 3]], "Z: heights fall or are not finite, expected a monotone"),
    ([[0, 1, np.nan, 2], [2, 3, 1, 3]], "Z: heights fall or are not finite, expected a monotone"),
    ([[0, 1, 1, 2], [2, 3, np.inf, 3]], "Z: heights fall or are not finite, expected a monotone"),
    ([[0, 7, 1, 2], [2, 3, 2, 3]], "Z: cluster ids are out of range or used twice, expected"),
    ([[-1, 1, 1, 2], [2, 3, 2, 3]], "Z: cluster ids are out of range or used twice, expected"),
    ([[0, 1, 1, 2], [1, 3, 2, 3]], "Z: cluster ids are out of range or used twice, expected"),
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


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2]], "X: found 1 row, expected 2 or more"),
        ([1, 2], "X: found shape (2,), expected (rows, columns), not empty"),
        ([[1], [np.nan]], "X: found nan in row 1, column 0, expected numbers"),
    ],
)
def test_distance_error_names_argument_and_fault(rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        condensed_distances(rows)


@every_method
@settings(deadline=None, derandomize=True, max_examples=40)
@given(rows=pixel_rows)
def test_linkage_equals_scipy(method: str, rows: NDArray[np.uint8]) -> None:
    expected = hierarchy.linkage(pdist(rows / 255), method)
    np.testing.assert_allclose(linkage(rows, method), expected, rtol=1e-12)
    np.testing.assert_array_equal(linkage(condensed_distances(rows), method), linkage(rows, method))


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
        ([1, np.nan, 2], "ward", "X_or_condensed: found values that are not finite, expected dist"),
        ([1, np.inf, 2], "single", "X_or_condensed: found values that are not finite, expected"),
        ([[1], [np.nan]], "ward", "X_or_condensed: found nan in row 1, column 0, expected numbers"),
        (np.zeros((2, 2, 2)), "ward", "X_or_condensed: found shape (2, 2, 2), expected (rows, "),
        ([[1, 2]], "ward", "X_or_condensed: found "),
    ],
)
def test_linkage_error_names_argument_and_fault(rows: Any, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        linkage(rows, method)


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
            "n_clusters: found 2, but merges tie at height 1.5: no cut gives that many",
        ),
        *((Z, {"n_clusters": 1}, message) for Z, message in BAD_TREES),
    ],
)
def test_cut_error_names_argument_and_fault(Z: Any, cut: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        cut_tree(Z, **cut)
