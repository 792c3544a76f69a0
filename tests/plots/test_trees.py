import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from fmnist_clustering import flat_clusters, plots, truncate_tree
from fmnist_clustering.plots.trees import dendrogram_layout, family_tree_layout
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
    whole = framed_images(plots.plot_family_tree(levels, pictures, new_axes()))
    lower = plots.plot_family_tree(levels, pictures, new_axes(), first_level=1)
    below = {place: each for place, each in whole.items() if place[1] > 0}
    assert framed_images(lower) == below
    assert {segment[0, 1] for segment in segments(line_collection(lower))} == {1}
    assert y_tick_texts(lower) == ["k = 3", "k = 4"]
    assert lower.get_ylim() == (2.45, 0.55)


def test_family_tree_edges_are_as_wide_as_the_share_that_flows() -> None:
    # One row of a thousand, from 5 to 0, is too little for an edge.
    upper = 125 * LEVELS[0]
    lower = 125 * LEVELS[1]
    lower[3] = 0
    ax = plots.plot_family_tree([upper, lower], PICTURES, new_axes())
    edges = line_collection(ax)
    found = {}
    widths = np.atleast_1d(edges.get_linewidth())
    colors = hex_colors(edges.get_color())
    for segment, width, color in zip(segments(edges), widths, colors, strict=True):
        (x_above, y_above), (x, y) = segment
        assert (y_above, y) == (0, 1)
        found[round(x_above, 3), round(x, 3)] = (pytest.approx(width), color)
    # 60 points are all rows.
    assert found == {
        (0.25, 0.167): (60 * 250 / 1000, BLUE),
        (0.25, 0.5): (60 * 125 / 1000, SLATE),
        (0.75, 0.5): (60 * 374 / 1000, SLATE),
        (0.75, 0.833): (60 * 250 / 1000, PURPLE),
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


# plot_dendrogram

TREE = hierarchy.linkage(np.random.default_rng(0).normal(size=(120, 3)), "ward")
TOP = truncate_tree(TREE, 30)


def colors_of_links(ax: Axes) -> list[str]:
    return hex_colors(line_collection(ax).get_color())


@pytest.mark.parametrize("n_leaves", [2, 30, 120])
def test_dendrogram_holds_the_top_merges(n_leaves: int) -> None:
    top = truncate_tree(TREE, n_leaves)
    ax = plots.plot_dendrogram(top, new_axes())
    links = segments(line_collection(ax))
    assert all(link[1, 1] == link[2, 1] for link in links), "links are flat"
    heights = sorted(link[1, 1] for link in links)
    assert heights == TREE[120 - n_leaves :, 2].tolist()
    bottom, top_end = ax.get_ylim()
    assert bottom == 0
    assert top_end == pytest.approx(1.06 * TREE[-1, 2])
    assert set(colors_of_links(ax)) == {plots.GREY}, "there are no labels"
    sizes = np.bincount(top.labels)
    order = hierarchy.dendrogram(top.Z, no_plot=True)["leaves"]
    assert x_tick_texts(ax) == [str(sizes[leaf]) for leaf in order]
    assert ax.get_xticks().tolist() == [5 + 10 * leaf for leaf in range(n_leaves)]
    assert ax.get_xlim() == (0, 10 * n_leaves)


@pytest.mark.parametrize(
    ("n_clusters", "fraction"),
    [(2, 0.5), (14, 0.5), (5, 0.0)],
    ids=["2", "14", "at a merge"],
)
@pytest.mark.parametrize("method", ["single", "ward"])
def test_links_below_the_cut_have_the_color_of_their_cluster(
    method: str, n_clusters: int, fraction: float
) -> None:
    rng = np.random.default_rng(0)
    tree = hierarchy.linkage(rng.normal(size=(150, 3)), method)
    low, high = tree[[-n_clusters, 1 - n_clusters], 2]
    cut = low + fraction * (high - low)
    # Ids in another order than that of the sizes, as match_labels may give them.
    labels = rng.permutation(n_clusters)[flat_clusters(tree, n_clusters=n_clusters)]
    top = truncate_tree(tree, 30)
    ax = plots.plot_dendrogram(top, new_axes(), labels=labels, cut=cut)
    nodes = hierarchy.to_tree(tree, rd=True)[1]
    node_at_height = {node.dist: node for node in nodes}
    n_below = 0
    links = segments(line_collection(ax))
    for link, color in zip(links, colors_of_links(ax), strict=True):
        height = link[1, 1]
        cluster, *others = np.unique(labels[node_at_height[height].pre_order()])
        if height <= cut:
            assert not others
            assert color == (plots.COLORS[cluster] if cluster < 10 else plots.GREY)
            n_below += 1
        else:
            assert others
            assert color == plots.GREY
    assert n_below == 30 - n_clusters


def test_cut_is_a_line_with_its_note() -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), cut=7.5, note="cut at 7.5: 5 clusters")
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[0, 7.5], [1, 7.5]])
    transform = ax.get_yaxis_transform(which="grid")
    assert line.get_transform() == transform, "from side to side"
    (note,) = ax.texts
    assert note.get_text() == "cut at 7.5: 5 clusters"
    assert note.get_position() == (300, 7.5)


def test_leaves_carry_their_pictures_with_the_color_of_the_cluster() -> None:
    top = truncate_tree(TREE, 5)
    labels = flat_clusters(TREE, n_clusters=3)
    cut = TREE[-3:-1, 2].mean()
    pictures = np.repeat(10.0 * np.arange(5)[:, None], 784, axis=1)
    ax = new_axes()
    plots.plot_dendrogram(top, ax, labels=labels, cut=cut, pictures=pictures)
    framed = framed_images(ax)
    assert sorted(framed) == [(5, 0), (15, 0), (25, 0), (35, 0), (45, 0)]
    for size, (grey, color) in zip(x_tick_texts(ax), framed.values(), strict=True):
        rows = np.flatnonzero(top.labels == round(grey / 10))
        (cluster,) = np.unique(labels[rows])
        assert int(size) == len(rows)
        assert color == plots.COLORS[cluster]


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
    order = hierarchy.dendrogram(TOP.Z, no_plot=True)["leaves"]
    _, first_row = np.unique(TOP.labels, return_index=True)
    cluster_of_place = labels[first_row][order]
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
        assert places[note] == (links[height][:, 0].mean(), height)


@pytest.mark.parametrize(
    ("bottom", "logarithmic", "expected"),
    [
        (None, True, 0.9 * TOP.Z[0, 2]),  # a little below the lowest merge
        (1.5, True, 1.5),
        (float(TOP.Z[10, 2]), False, TOP.Z[10, 2]),
    ],
)
def test_leaves_stand_where_the_axis_starts(
    bottom: float | None, logarithmic: bool, expected: float
) -> None:
    ax = plots.plot_dendrogram(TOP, new_axes(), bottom=bottom, logarithmic=logarithmic)
    assert ax.get_yscale() == ("log" if logarithmic else "linear")
    low, high = ax.get_ylim()
    assert low == pytest.approx(expected)
    assert high > TOP.Z[-1, 2]
    heights = np.array(segments(line_collection(ax)))[:, :, 1]
    assert heights.min() == low
    assert sorted(heights[:, 1]) == sorted(np.maximum(TOP.Z[:, 2], low))


@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("method", ["single", "average", "ward"])
def test_the_layout_is_that_of_scipy(n: int, method: str) -> None:
    Z = hierarchy.linkage(np.random.default_rng(n).random((n, 2)), method)
    expected = hierarchy.dendrogram(Z, no_plot=True)
    leaves, links = dendrogram_layout(Z)
    assert leaves.tolist() == expected["leaves"]
    np.testing.assert_array_equal(links[:, 1, 1], Z[:, 2], "one link for each merge")
    corners = np.stack([expected["icoord"], expected["dcoord"]], axis=2)
    assert sorted(links.tolist()) == sorted(corners.tolist())


def chain(n: int) -> NDArray[np.float64]:
    """Return the tree that adds one row after another to the same cluster."""
    grown = np.arange(n - 1) + n - 1  # the cluster that the merge before has made
    grown[0] = 0
    added = np.arange(1, n)
    return np.column_stack([grown, added, added, added + 1]).astype(float)


@pytest.mark.slow
def test_a_chain_of_a_thousand_leaves_is_drawn() -> None:
    # SciPy's own function calls itself once for each level, and Python has a limit.
    tree = truncate_tree(chain(1000), 1000)
    with pytest.raises(RecursionError):
        hierarchy.dendrogram(tree.Z, no_plot=True)
    labels = flat_clusters(tree.Z, n_clusters=500)
    ax = plots.plot_dendrogram(tree, new_axes(), cut=500, labels=labels)
    corners = np.array(segments(line_collection(ax)))
    np.testing.assert_array_equal(np.sort(corners[:, 1, 1]), np.arange(1, 1000))
    feet = corners[corners[:, :, 1] == 0]
    assert np.unique(feet[:, 0]).tolist() == [5 + 10 * leaf for leaf in range(1000)]
