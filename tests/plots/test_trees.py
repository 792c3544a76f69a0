import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from fmnist_clustering import flat_clusters, plots, truncate_tree
from fmnist_clustering.plots.trees import (
    dendrogram_layout,
    family_tree_layout,
    link_colors,
)
from tests.plots.reading import (
    bars,
    framed_images,
    hex_colors,
    line_collection,
    new_axes,
    segments,
    texts,
    x_tick_texts,
    y_tick_texts,
)

BLUE, RED, PURPLE, BROWN, ORANGE, SLATE = plots.COLORS[:6]

# plot_family_tree

# Eight rows. Cluster 0 gives one row to 5, and 5 gives two rows to 2.
LEVELS = [[0, 0, 0, 5, 5, 5, 5, 5], [0, 0, 5, 5, 5, 5, 2, 2]]
PICTURES = [
    np.full((2, 784), 10.0),
    np.stack([np.full(784, grey) for grey in (20.0, 30.0, 40.0)]),
]


def test_family_tree_has_a_picture_for_each_cluster_of_each_level() -> None:
    ax = plots.plot_family_tree(LEVELS, PICTURES, new_axes())
    assert framed_images(ax) == {
        (0.25, 0): (10, BLUE),
        (0.75, 0): (10, SLATE),
        (0.167, 1): (20, BLUE),
        (0.5, 1): (40, SLATE),  # one row from the left, so it stands left of cluster 2
        (0.833, 1): (30, PURPLE),
    }
    assert texts(ax) == ["0", "5", "0", "2", "5"]
    assert y_tick_texts(ax) == ["k = 2", "k = 3"]
    assert ax.get_xlim() == (-0.02, 1)
    assert ax.get_ylim() == (1.45, -0.45), "the first level is on top"


def test_family_tree_may_leave_out_the_first_levels() -> None:
    levels = [*LEVELS, [0, 0, 5, 5, 5, 7, 2, 2]]
    pictures = [*PICTURES, np.full((4, 784), 50.0)]
    whole = plots.plot_family_tree(levels, pictures, new_axes())
    lower = plots.plot_family_tree(levels, pictures, new_axes(), first_level=1)
    below = {
        place: each for place, each in framed_images(whole).items() if place[1] > 0
    }
    assert framed_images(lower) == below
    assert len(lower.collections) == len(whole.collections) - 1
    assert y_tick_texts(lower) == ["k = 3", "k = 4"]
    assert lower.get_ylim() == (2.45, 0.55)


@pytest.mark.parametrize(
    ("smallest", "n_edges"),
    [(0, 6), (0.01, 4), (0.125, 4), (0.2, 3), (0.3, 1), (1, 0)],
)
def test_family_tree_draws_the_flows_that_are_large_enough(
    smallest: float,
    n_edges: int,
) -> None:
    ax = plots.plot_family_tree(LEVELS, PICTURES, new_axes(), smallest=smallest)
    assert len(segments(line_collection(ax))) == n_edges


def test_family_tree_edges_are_as_wide_as_the_share_that_flows() -> None:
    ax = plots.plot_family_tree(LEVELS, PICTURES, new_axes())
    edges = line_collection(ax)
    found = {}
    widths = np.atleast_1d(edges.get_linewidth())
    colors = hex_colors(edges.get_color())
    for segment, width, color in zip(segments(edges), widths, colors, strict=True):
        (x_above, y_above), (x, y) = segment
        assert (y_above, y) == (0, 1)
        found[round(x_above, 3), round(x, 3)] = (width, color)
    # 60 points are all eight rows.
    assert found == {
        (0.25, 0.167): (60 * 2 / 8, BLUE),
        (0.25, 0.5): (60 * 1 / 8, SLATE),
        (0.75, 0.5): (60 * 3 / 8, SLATE),
        (0.75, 0.833): (60 * 2 / 8, PURPLE),
    }


def layout_of(*labelings: list[int]) -> list[dict[int, float]]:
    """Return the place of each cluster, for each level."""
    layout = family_tree_layout([np.array(labels) for labels in labelings])
    return [
        dict(zip(level.clusters.tolist(), level.x.round(3).tolist(), strict=True))
        for level in layout
    ]


def test_clusters_stand_in_the_order_of_their_barycenters() -> None:
    first = [0, 0, 0, 1, 1, 1, 2, 2]
    # Clusters 0, 1 and 2 of the first level stand at 1/6, 3/6 and 5/6. Barycenters:
    #   0: (3/6 + 5/6 + 5/6) / 3 = 13/18
    #   1: (1/6 + 1/6 + 3/6) / 3 = 5/18
    #   4: (1/6 + 3/6) / 2 = 6/18
    second = [1, 1, 4, 1, 4, 0, 0, 0]
    assert layout_of(first, second) == [
        {0: 0.167, 1: 0.5, 2: 0.833},
        {0: 0.833, 1: 0.167, 4: 0.5},
    ]


def test_barycenters_are_those_of_the_places_in_the_level_above() -> None:
    first = [0, 0, 1, 1]
    swapped = [1, 1, 0, 0]  # now cluster 1 stands left
    third = [5, 5, 3, 4]  # from cluster 1 of the level above, which stands left
    assert layout_of(first, swapped, third) == [
        {0: 0.25, 1: 0.75},
        {0: 0.75, 1: 0.25},
        {3: 0.5, 4: 0.833, 5: 0.167},
    ]


def test_equal_barycenters_keep_the_order_of_ids() -> None:
    n_clusters = 12
    one_cluster = [0] * n_clusters
    reverse = list(range(n_clusters))[::-1]
    (_, level) = layout_of(one_cluster, reverse)
    assert sorted(level, key=lambda cluster: level[cluster]) == list(range(n_clusters))


def test_flows_are_shares_of_all_rows() -> None:
    first, second = family_tree_layout([np.array(labels) for labels in LEVELS])
    assert first.flows.shape == (0, 2)
    expected = np.array([[2, 0, 1], [0, 2, 3]]) / 8
    np.testing.assert_allclose(second.flows, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("labels", "pictures", "smallest", "name"),
    [
        (LEVELS[0], PICTURES, 0.01, "labels"),
        ([[], []], PICTURES, 0.01, "labels"),
        ([[0.5, 1], [0, 1]], PICTURES, 0.01, "labels"),
        ([[-1, 1], [0, 1]], PICTURES, 0.01, "labels"),
        (LEVELS, PICTURES[:1], 0.01, "pictures"),
        (LEVELS, PICTURES[::-1], 0.01, "pictures"),
        (LEVELS, PICTURES, -0.1, "smallest"),
        (LEVELS, PICTURES, 1.1, "smallest"),
        (LEVELS, PICTURES, np.nan, "smallest"),
        (LEVELS, PICTURES, "0", "smallest"),
    ],
)
def test_family_tree_refuses_what_does_not_fit(
    labels: Any,
    pictures: Any,
    smallest: Any,
    name: str,
) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: found .*, expected "):
        plots.plot_family_tree(labels, pictures, new_axes(), smallest=smallest)


# plot_dendrogram

TREE = hierarchy.linkage(np.random.default_rng(0).normal(size=(120, 3)), "ward")
TOP = truncate_tree(TREE, 30)
N_LEAVES = 30


def sizes_by_place(ax: Axes) -> dict[float, int]:
    """Return the number written under each leaf, by the x of the leaf."""
    sizes = [int(text.replace(",", "")) for text in x_tick_texts(ax)]
    return dict(zip(ax.get_xticks(), sizes, strict=True))


def colors_of_links(ax: Axes) -> list[str]:
    return hex_colors(line_collection(ax).get_color())


@pytest.fixture(params=["single", "complete", "average", "ward"])
def tree(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=4, size=(6, 3))
    points = rng.normal(size=(150, 3)) + centers[rng.integers(6, size=150)]
    return np.asarray(hierarchy.linkage(points, request.param))


@pytest.mark.parametrize("n_leaves", [2, 30, 120])
def test_dendrogram_holds_the_top_merges(n_leaves: int) -> None:
    ax = plots.plot_dendrogram(truncate_tree(TREE, n_leaves), new_axes())
    links = segments(line_collection(ax))
    assert all(link[1, 1] == link[2, 1] for link in links), "links are flat"
    heights = sorted(link[1, 1] for link in links)
    assert heights == TREE[120 - n_leaves :, 2].tolist()
    assert len(ax.get_xticks()) == n_leaves
    bottom, top = ax.get_ylim()
    assert bottom == 0
    assert top == pytest.approx(1.06 * TREE[-1, 2])
    feet = np.concatenate(links)[:, 0]
    left, right = ax.get_xlim()
    assert left < feet.min()
    assert right > feet.max()


def test_numbers_under_the_leaves_are_the_sizes_of_their_branches(
    tree: NDArray[np.float64],
) -> None:
    ax = plots.plot_dendrogram(truncate_tree(tree, N_LEAVES), new_axes())
    sizes = sizes_by_place(ax)
    assert sum(sizes.values()) == 150
    nodes = hierarchy.to_tree(tree, rd=True)[1]
    node_at_height = {node.dist: node for node in nodes if node.count > 1}
    # Go up through the links, and add the sizes at both feet of each.
    size_at = {(x, 0.0): size for x, size in sizes.items()}
    links = segments(line_collection(ax))
    for link in sorted(links, key=lambda link: float(link[1, 1])):
        left_foot, left_shoulder, right_shoulder, right_foot = link
        left_size = size_at.pop(tuple(left_foot))
        right_size = size_at.pop(tuple(right_foot))
        height = left_shoulder[1]
        node = node_at_height[height]
        expected = sorted([node.left.count, node.right.count])
        assert sorted([left_size, right_size]) == expected
        middle = (left_shoulder[0] + right_shoulder[0]) / 2
        size_at[middle, height] = left_size + right_size
    assert list(size_at.values()) == [150]


@pytest.mark.parametrize(
    ("n_clusters", "fraction"),
    [(2, 0.5), (14, 0.5), (5, 0.0)],
    ids=["2", "14", "at a merge"],
)
def test_links_below_the_cut_have_the_color_of_their_cluster(
    tree: NDArray[np.float64],
    n_clusters: int,
    fraction: float,
) -> None:
    low, high = tree[[-n_clusters, 1 - n_clusters], 2]
    cut = low + fraction * (high - low)
    # Ids in another order than that of the sizes, as match_labels may give them.
    other_ids = np.random.default_rng(0).permutation(n_clusters)
    labels = other_ids[flat_clusters(tree, height=cut)]
    top = truncate_tree(tree, N_LEAVES)
    ax = plots.plot_dendrogram(top, new_axes(), labels=labels, cut=cut)
    nodes = hierarchy.to_tree(tree, rd=True)[1]
    node_at_height = {node.dist: node for node in nodes}
    links = segments(line_collection(ax))
    n_below = 0
    for link, color in zip(links, colors_of_links(ax), strict=True):
        height = link[1, 1]
        members = node_at_height[height].pre_order()
        clusters = np.unique(labels[members])
        if height <= cut:
            (cluster,) = clusters
            assert color == (plots.COLORS[cluster] if cluster < 10 else plots.GREY)
            n_below += 1
        else:
            assert len(clusters) > 1
            assert color == plots.GREY
    assert n_below == N_LEAVES - n_clusters


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (0.5, [plots.GREY, plots.GREY, plots.GREY]),
        (1, [RED, plots.GREY, plots.GREY]),
        (2, [RED, ORANGE, plots.GREY]),
        (2.9, [RED, ORANGE, plots.GREY]),
    ],
)
def test_color_of_a_link_is_that_of_the_leaves_below(
    cut: float,
    expected: list[str],
) -> None:
    # Five leaves at x = 5, 15, ..., 45: (0, 1) at height 1, (3, 4) at 2, all at 3.
    links = np.array(
        [
            [[5, 0], [5, 1], [15, 1], [15, 0]],
            [[35, 0], [35, 2], [45, 2], [45, 0]],
            [[10, 1], [10, 3], [40, 3], [40, 2]],
        ],
        dtype=float,
    )
    clusters = np.array([1, 1, 0, 4, 4])
    assert link_colors(links, clusters, cut) == expected


def test_a_foot_in_the_middle_of_a_branch_finds_its_cluster() -> None:
    # The left child of the link has its three leaves at x = 5, 15 and 25.
    link = np.array([[[12.5, 1], [12.5, 2], [35, 2], [35, 0]]])
    assert link_colors(link, np.array([3, 3, 3, 3, 0]), 2) == [BROWN]


@pytest.mark.parametrize("cut", [None, 5.0])
def test_links_are_grey_without_labels(cut: float | None) -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), cut=cut)
    assert set(colors_of_links(ax)) == {plots.GREY}


def test_labels_need_the_cut_that_they_belong_to() -> None:
    labels = flat_clusters(TREE, n_clusters=3)
    with pytest.raises(ValueError, match=r"^labels: found without cut, expected "):
        plots.plot_dendrogram(TOP, new_axes(), labels=labels)


def test_cut_is_a_line_with_its_note() -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), cut=7.5, note="cut at 7.5: 5 clusters")
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[0, 7.5], [1, 7.5]])
    transform = ax.get_yaxis_transform(which="grid")
    assert line.get_transform() == transform, "from side to side"
    (note,) = ax.texts
    assert note.get_text() == "cut at 7.5: 5 clusters"
    assert note.get_position() == (300, 7.5)


def test_without_cut_there_is_no_line() -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), note="cut")
    assert not ax.lines
    assert not ax.texts


def test_leaves_carry_their_pictures_with_the_color_of_the_cluster() -> None:
    top = truncate_tree(TREE, 5)
    labels = flat_clusters(TREE, n_clusters=3)
    cut = TREE[-3:-1, 2].mean()
    grey_of_leaf = 10.0 * np.arange(5)
    pictures = np.repeat(grey_of_leaf[:, None], 784, axis=1)
    ax = new_axes()
    plots.plot_dendrogram(top, ax, labels=labels, cut=cut, pictures=pictures)
    sizes = sizes_by_place(ax)
    framed = framed_images(ax)
    assert sorted(framed) == [(5, 0), (15, 0), (25, 0), (35, 0), (45, 0)]
    for (x, _), (grey, color) in framed.items():
        rows = np.flatnonzero(top.labels == round(grey / 10))
        (cluster,) = np.unique(labels[rows])
        assert sizes[x] == len(rows)
        assert color == plots.COLORS[cluster]


def test_pictures_without_labels_have_a_grey_frame_and_no_id() -> None:
    top = truncate_tree(TREE, 3)
    ax = plots.plot_dendrogram(top, new_axes(), pictures=np.zeros((3, 784)))
    assert {color for _, color in framed_images(ax).values()} == {plots.GREY}
    assert texts(ax) == ["", "", ""]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"labels": np.zeros(119, dtype=int), "cut": 5}, "labels"),
        ({"labels": np.zeros(120), "cut": 5}, "labels"),
        ({"cut": "5"}, "cut"),
        ({"cut": np.inf}, "cut"),
        ({"note": 5}, "note"),
        ({"pictures": np.zeros((29, 784))}, "pictures"),
    ],
    ids=[
        "label missing",
        "fractions",
        "text as cut",
        "no finite cut",
        "number as note",
        "picture missing",
    ],
)
def test_dendrogram_refuses_what_does_not_fit(
    options: dict[str, Any],
    name: str,
) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"^{name}: found .*, expected "):
        plots.plot_dendrogram(TOP, new_axes(), **options)


@pytest.mark.parametrize("bulk_first", [False, True], ids=["right", "left"])
def test_top_of_a_chain_of_ten_thousand_leaves(bulk_first: bool) -> None:
    # Each merge adds one leaf to the bulk of all before.
    n = 10_000
    step = np.arange(n - 1)
    leaf = step + 1
    bulk = np.append(0, n + step[:-1])
    pair = (bulk, leaf) if bulk_first else (leaf, bulk)
    chain = np.column_stack([*pair, step + 1.0, step + 2])
    labels = np.append(np.full(n - 10, 3), np.arange(10))
    limit = sys.getrecursionlimit()

    ax = new_axes()
    plots.plot_dendrogram(truncate_tree(chain, 30), ax, labels=labels, cut=n - 10.5)
    assert sys.getrecursionlimit() == limit
    assert sorted(sizes_by_place(ax).values()) == [1] * 29 + [n - 29]
    links = segments(line_collection(ax))
    for link, color in zip(links, colors_of_links(ax), strict=True):
        assert color == (BROWN if link[1, 1] < n - 10.5 else plots.GREY)


# Deep trees, and trees that `truncate_tree` has not made


def chain(n: int) -> NDArray[np.float64]:
    """Return the tree that adds one row after another to the same cluster."""
    grown = np.arange(n - 1) + n - 1  # the cluster that the merge before has made
    grown[0] = 0
    added = np.arange(1, n)
    return np.column_stack([grown, added, added, added + 1]).astype(float)


@pytest.mark.parametrize("n", [2, 3, 12, 40])
@pytest.mark.parametrize("method", ["single", "average", "ward"])
def test_the_layout_is_that_of_scipy(n: int, method: str) -> None:
    points = np.random.default_rng(n).random((n, 2))
    Z = hierarchy.linkage(points, method)
    expected = hierarchy.dendrogram(Z, no_plot=True)
    leaves, links = dendrogram_layout(Z)
    assert leaves.tolist() == expected["leaves"]
    np.testing.assert_array_equal(links[:, 1, 1], Z[:, 2], "one link for each merge")
    corners = np.stack([expected["icoord"], expected["dcoord"]], axis=2)
    assert sorted(links.tolist()) == sorted(corners.tolist())


def test_a_chain_of_a_thousand_leaves_is_drawn() -> None:
    # SciPy's own function calls itself once for each level, and Python has a limit.
    tree = truncate_tree(chain(1000), 1000)
    with pytest.raises(RecursionError):
        hierarchy.dendrogram(tree.Z, no_plot=True)
    ax = new_axes()
    plots.plot_dendrogram(tree, ax, cut=500, labels=flat_clusters(tree.Z, height=500))
    corners = np.array(segments(line_collection(ax)))
    assert corners.shape == (999, 4, 2)
    np.testing.assert_array_equal(np.sort(corners[:, 1, 1]), np.arange(1, 1000))
    feet = corners[corners[:, :, 1] == 0]
    assert np.unique(feet[:, 0]).tolist() == [5 + 10 * leaf for leaf in range(1000)]


def test_a_gap_is_shaded_from_end_to_end() -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), gap=(2.5, 4))
    (band,) = bars(ax)
    assert (band.get_y(), band.get_height()) == (2.5, 1.5)
    assert band.get_width() == 1, "all of the axes"
    assert band.get_zorder() < line_collection(ax).get_zorder()


def test_branch_names_stand_below_their_leaves() -> None:
    cut = TREE[[-3, -2], 2].mean()
    ids = np.array([4, 0, 2])
    labels = ids[flat_clusters(TREE, n_clusters=3)]
    names = {0: "zero", 2: "two", 4: "four", 7: "nobody"}
    ax = plots.plot_dendrogram(
        TOP, new_axes(), labels=labels, cut=cut, branch_names=names
    )
    leaves, _ = dendrogram_layout(TOP.Z)
    _, first_row = np.unique(TOP.labels, return_index=True)
    cluster_of_place = labels[first_row][leaves]
    written = {text.get_text(): text for text in ax.texts if text.get_text()}
    assert set(written) == {"zero", "two", "four"}
    ax.figure.canvas.draw()
    bottom = ax.get_window_extent().y0
    for cluster in ids.tolist():
        text = written[names[cluster]]
        places = np.flatnonzero(cluster_of_place == cluster)
        assert text.get_position()[0] == pytest.approx(10 * places.mean() + 5)
        assert text.get_window_extent().y1 < bottom
    colors = {line.get_color() for line in ax.lines}
    assert colors >= {plots.COLORS[cluster] for cluster in ids}


def test_notes_stand_below_leaves_and_above_merges() -> None:
    top = truncate_tree(TREE, 3)
    ax = plots.plot_dendrogram(top, new_axes(), branch_notes=["a", "b", "c", "d", "e"])
    sizes = np.bincount(top.labels)
    order = hierarchy.leaves_list(top.Z)
    expected = [f"{sizes[leaf]}\n{'abc'[leaf]}" for leaf in order]
    assert x_tick_texts(ax) == expected
    places = {text.get_text(): text.get_position() for text in ax.texts}
    links = {link[1, 1]: link for link in segments(line_collection(ax))}
    for note, height in zip("de", top.Z[:, 2], strict=True):
        x, y = places[note]
        assert y == height
        assert x == links[height][:, 0].mean()


@pytest.mark.parametrize("bottom", [None, 1.5])
def test_a_logarithmic_axis_starts_below_the_lowest_merge(bottom: float | None) -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), logarithmic=True, bottom=bottom)
    low, high = ax.get_ylim()
    assert ax.get_yscale() == "log"
    lowest = TOP.Z[0, 2]
    assert low == (bottom or pytest.approx(0.9 * lowest))
    assert high > TOP.Z[-1, 2]
    heights = np.array(segments(line_collection(ax)))[:, :, 1]
    assert heights.min() == low, "leaves stand on the axis"
    expected = np.maximum(TOP.Z[:, 2], low)
    assert sorted(heights[:, 1]) == sorted(expected)


def test_a_tree_may_be_cropped_from_below() -> None:
    height = float(TOP.Z[10, 2])
    ax = plots.plot_dendrogram(TOP, new_axes(), bottom=height)
    low, high = ax.get_ylim()
    assert low == height
    assert high == pytest.approx(height + 1.06 * (TOP.Z[-1, 2] - height))
    heights = np.array(segments(line_collection(ax)))[:, :, 1]
    assert heights.min() == height


def test_equal_rows_have_no_logarithm() -> None:
    flat = TOP._replace(Z=TOP.Z * [1, 1, 0, 1])
    with pytest.raises(ValueError, match=r"^logarithmic: found no height above 0"):
        plots.plot_dendrogram(flat, new_axes(), logarithmic=True)
    with pytest.raises(ValueError, match=r"^logarithmic: found no height above 0"):
        plots.plot_dendrogram(TOP, new_axes(), logarithmic=True, bottom=0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"gap": (4, 2)}, "gap"),
        ({"gap": (1, np.inf)}, "gap"),
        ({"gap": 3}, "gap"),
        ({"branch_names": {0: "zero"}}, "branch_names"),
        ({"bottom": 1000}, "bottom"),
        ({"bottom": -1}, "bottom"),
    ],
)
def test_settings_that_do_not_fit_a_tree(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: found .*, expected "):
        plots.plot_dendrogram(TOP, new_axes(), **settings)


@pytest.mark.parametrize(
    "change",
    [
        {"Z": np.zeros((0, 4))},
        {"Z": TOP.Z[:, :3]},
        {"Z": TOP.Z * np.nan},
        {"Z": TOP.Z - np.array([0, 0, 99, 0])},
        {"Z": TOP.Z + np.array([9, 0, 0, 0])},
        {"Z": TOP.Z + np.array([0.5, 0, 0, 0])},
        {"Z": "text"},
        {"labels": TOP.labels[:1]},
        {"labels": TOP.labels + 1},
        {"labels": TOP.labels.astype(float)},
        {"labels": None},
    ],
    ids=[
        "no merge",
        "three columns",
        "NaN",
        "below 0",
        "unknown clusters",
        "halves of clusters",
        "text",
        "a leaf without rows",
        "a leaf too many",
        "floats as labels",
        "no labels",
    ],
)
def test_trees_that_are_none_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=r"^tree\.(Z|labels): found .*, expected "
    ):
        plots.plot_dendrogram(TOP._replace(**change), new_axes())
