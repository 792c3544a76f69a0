from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from scipy.cluster import hierarchy

from fmnist_clustering import TruncatedTree, plots
from fmnist_clustering.plots.tanglegram import turn_towards
from tests.plots.reading import framed_images, hex_colors, new_axes, segments

# Ten rows in three leaves, twice: the lower tree holds the same leaves in the order
# 2, 0, 1, except for the last row.
UPPER = TruncatedTree(
    np.array([[0.0, 1, 2, 2], [2, 3, 5, 3]]), np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
)
LOWER = TruncatedTree(
    np.array([[0.0, 2, 1, 2], [1, 3, 4, 3]]), np.array([1, 1, 1, 1, 2, 2, 2, 0, 0, 1])
)
SETTINGS: dict[str, Any] = {
    "pictures": np.full((3, 784), 100.0),
    "lower_pictures": np.full((3, 784), 200.0),
    "labels": np.array([0, 0, 0, 0, 0, 0, 0, 4, 4, 4]),
    "is_recovered": [True, False],
}


def draw(**changes: Any) -> Any:
    ax = new_axes()
    return plots.plot_tanglegram(UPPER, LOWER, ax, **(SETTINGS | changes))


def line_collections(ax: Any) -> list[LineCollection]:
    return [item for item in ax.collections if isinstance(item, LineCollection)]


def test_bands_join_the_leaves_that_share_rows() -> None:
    # The upper leaves stand in the order 2, 0, 1. In the lower tree the merge of 0 and
    # 2 has rows whose mean place above is 17, and leaf 1 has 13: the order is 1, 0, 2.
    bands, _, _ = line_collections(draw())
    found = {}
    widths = np.atleast_1d(bands.get_linewidth())
    colors = hex_colors(bands.get_color())
    for segment, width, color in zip(segments(bands), widths, colors, strict=True):
        (x, y), (x_lower, y_lower) = segment
        assert y == -y_lower > 0
        found[x, x_lower] = (round(width), color)
    # 60 points are all ten rows.
    assert found == {
        (5, 15): (12, plots.COLORS[4]),
        (5, 5): (6, plots.COLORS[4]),
        (15, 5): (24, plots.COLORS[0]),
        (25, 25): (18, plots.COLORS[0]),
    }


def test_the_lower_tree_is_turned_so_that_few_bands_cross() -> None:
    bands, _, _ = line_collections(draw())
    crossings = 0
    ends = [(s[0][0], s[1][0]) for s in segments(bands)]
    for x, x_lower in ends:
        for other, other_lower in ends:
            crossings += (x < other) and (x_lower > other_lower)
    # At each merge there are two orders: all ways to turn the lower tree.
    fewest = crossings
    for swap_first in (False, True):
        for swap_second in (False, True):
            Z = LOWER.Z.copy()
            if swap_first:
                Z[0, :2] = Z[0, 1::-1]
            if swap_second:
                Z[1, :2] = Z[1, 1::-1]
            order = hierarchy.leaves_list(Z).tolist()
            upper_order = hierarchy.leaves_list(UPPER.Z).tolist()
            pairs = set(zip(UPPER.labels.tolist(), LOWER.labels.tolist(), strict=True))
            places = [(upper_order.index(i), order.index(j)) for i, j in pairs]
            n = sum(a < c and b > d for a, b in places for c, d in places)
            fewest = min(fewest, n)
    assert crossings == fewest


def test_turning_changes_the_order_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    Z = hierarchy.linkage(rng.normal(size=(20, 2)))
    wanted = rng.permutation(20).astype(float)
    turned = turn_towards(Z, wanted, np.ones(20))
    np.testing.assert_array_equal(np.sort(turned[:, :2]), np.sort(Z[:, :2]))
    np.testing.assert_array_equal(turned[:, 2:], Z[:, 2:])
    root = hierarchy.to_tree(turned)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if not node.is_leaf():
            left = wanted[node.left.pre_order()].mean()
            right = wanted[node.right.pre_order()].mean()
            assert left <= right
            waiting += [node.left, node.right]


def test_leaves_without_weight_keep_their_order() -> None:
    Z = np.array([[0.0, 1, 1, 2]])
    assert (
        turn_towards(Z, np.array([9.0, 0]), np.array([1.0, 0])).tolist() == Z.tolist()
    )


def test_merges_that_the_other_tree_has_are_thick_and_black() -> None:
    _, upper, lower = line_collections(draw())
    heights = [segment[1, 1] for segment in segments(upper)]
    assert heights[1] == 1, "scaled to the highest merge"
    assert heights[0] < 1
    assert hex_colors(upper.get_color())[0] == "#000000"
    assert hex_colors(upper.get_color())[1] != "#000000"
    widths = np.atleast_1d(upper.get_linewidth())
    assert widths[0] > widths[1]
    assert min(segment[1, 1] for segment in segments(lower)) == -1


def test_each_leaf_has_its_picture() -> None:
    pictures = framed_images(draw())
    above = {x: value for (x, y), value in pictures.items() if y > 0}
    below = {x: value for (x, y), value in pictures.items() if y < 0}
    assert sorted(above) == sorted(below) == [5, 15, 25]
    assert {grey for grey, _ in above.values()} == {100}
    assert {grey for grey, _ in below.values()} == {200}
    assert {color for _, color in above.values()} == {plots.COLORS[0], plots.COLORS[4]}
    assert {color for _, color in below.values()} == {plots.GREY}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"labels": np.arange(10)}, "labels"),
        ({"labels": np.zeros(9, dtype=int)}, "labels"),
        ({"is_recovered": [True]}, "is_recovered"),
        ({"is_recovered": [1, 0]}, "is_recovered"),
        ({"pictures": np.zeros((2, 784))}, "pictures"),
        ({"lower_pictures": np.zeros((2, 784))}, "lower_pictures"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: found .*, expected "):
        draw(**changes)


def test_trees_of_other_rows_are_refused() -> None:
    fewer = LOWER._replace(labels=LOWER.labels[:9])
    with pytest.raises(ValueError, match=r"^lower.labels: found .*, expected "):
        plots.plot_tanglegram(UPPER, fewer, new_axes(), **SETTINGS)
    without_a_leaf = UPPER._replace(labels=UPPER.labels // 2)
    with pytest.raises(ValueError, match=r"^upper.labels: found 2 of 3 leaves"):
        plots.plot_tanglegram(without_a_leaf, LOWER, new_axes(), **SETTINGS)
