from typing import Any

import numpy as np
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
    np.array([[2.0, 0, 1, 2], [3, 1, 4, 3]]), np.array([1, 1, 1, 1, 2, 2, 2, 0, 0, 1])
)


def draw() -> Any:
    return plots.plot_tanglegram(
        UPPER,
        LOWER,
        new_axes(),
        pictures=np.repeat([[10.0], [11], [12]], 784, axis=1),
        lower_pictures=np.repeat([[20.0], [21], [22]], 784, axis=1),
        labels=np.array([0, 0, 0, 0, 0, 0, 0, 4, 4, 4]),
        is_recovered=[True, False],
    )


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


def test_turning_changes_the_order_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    Z = hierarchy.linkage(rng.normal(size=(20, 2)))
    wanted = rng.permutation(20).astype(float)
    turned = turn_towards(Z, wanted, np.ones(20))
    np.testing.assert_array_equal(np.sort(turned[:, :2]), np.sort(Z[:, :2]))
    np.testing.assert_array_equal(turned[:, 2:], Z[:, 2:])
    waiting = [hierarchy.to_tree(turned)]
    while waiting:
        node = waiting.pop()
        if not node.is_leaf():
            left = wanted[node.left.pre_order()].mean()
            right = wanted[node.right.pre_order()].mean()
            assert left <= right
            waiting += [node.left, node.right]


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
    blue, orange = plots.COLORS[0], plots.COLORS[4]
    assert above == {5: (12, orange), 15: (10, blue), 25: (11, blue)}
    assert below == {5: (21, plots.GREY), 15: (20, plots.GREY), 25: (22, plots.GREY)}
