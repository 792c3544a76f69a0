"""Draw trees: how clusters split as k grows, and the merges of a hierarchy."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation, Transform
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy

from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    check_array,
    check_instance,
    check_integer,
    check_labels,
    check_names,
    check_number,
    check_numbers,
)
from fmnist_clustering.hierarchy import TruncatedTree, check_truncated_tree
from fmnist_clustering.plots._arguments import check_images
from fmnist_clustering.plots._style import (
    GREY,
    HALO,
    MARK_LINE,
    cluster_color,
    remove_frame,
)
from fmnist_clustering.plots.images import draw_framed_image

FLOW_WIDTH = 60
"""The width of an edge, in points, through which all rows would flow."""

LEAF_SPACING = 10
"""The distance of leaves on SciPy's x-axis; the first leaf stands at half of it."""

PICTURE_DROP = 34
"""Screen pixels from a leaf down to the middle of its picture, which is 56 high."""


NAME_DROP = 40
"""Points from a dendrogram's axis down to the lines above the names of branches."""

NAME_DROP_BELOW_PICTURES = 68
"""The same where pictures stand between them."""

NAME_GAP = 4
"""Points between such a line and the name."""

BAND_COLOR = "#e4e4e4"
"""The color of a shaded band."""

ROOM_ABOVE = 0.06
"""The room above the highest merge, as a share of what is drawn below it."""

ROOM_BELOW = 0.9
"""A logarithmic axis starts at this share of the lowest merge."""


class FamilyTreeLevel(NamedTuple):
    """Where the clusters of one labeling stand, and which rows reach them.

    Attributes
    ----------
    clusters : (k,) int64
        The ids that occur, rising.
    x : (k,) float64
        The place of each cluster, between 0 and 1.
    flows : (k_above, k) float64
        The share of all rows that lie in cluster i of the level above and in cluster j
        of this one. The first level has nothing above: (0, k).
    """

    clusters: IntArray
    x: FloatArray
    flows: FloatArray


def plot_family_tree(
    labels: ArrayLike,
    pictures: Sequence[ArrayLike],
    ax: Axes,
    *,
    smallest: float = 0.01,
    first_level: int = 0,
) -> Axes:
    """Draw how clusters split and mix as k grows: one level for each k.

    Parameters
    ----------
    labels : (m, n) array-like of int
        One labeling for each level, with rising k. A cluster keeps its color as long as
        it keeps its id, which `fmnist_clustering.match_labels` sees to.
    pictures : sequence of (k, 784) array-like
        For each level one picture of each cluster, by rising id, grey values 0-255.
    ax : Axes
        Where to draw.
    smallest : float
        Flows with a smaller share of all rows than this are not drawn.
    first_level : int
        Levels above this one, counted from 0, are left out. The others stand where they
        would stand below them.

    Returns
    -------
    Axes
        The same axes. An edge is as wide as the share of the rows that flow along it.
        Within a level clusters are ordered so that edges run steeply.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, or there is not one picture for each
        cluster of each level.
    """
    labelings = _check_labelings(labels)
    levels = family_tree_layout(labelings)
    images = _check_level_pictures(pictures, levels)
    check_number(smallest, "smallest", minimum=0, maximum=1)
    check_integer(first_level, "first_level", 0, len(levels) - 1)
    check_instance(ax, "ax", Axes)

    drawn = range(first_level, len(levels))
    for y in drawn:
        level = levels[y]
        if y > first_level:
            _draw_flows(levels[y - 1].x, level, y, ax, smallest)
        for cluster, x, image in zip(level.clusters, level.x, images[y], strict=True):
            draw_framed_image(image, ax, (x, y), cluster)
    # The first level is on top.
    ax.set(xlim=(-0.02, 1), ylim=(len(levels) - 0.55, first_level - 0.45))
    remove_frame(ax)
    ax.set_yticks(drawn, [f"k = {len(levels[y].clusters)}" for y in drawn])
    return ax


def family_tree_layout(labelings: Sequence[IntArray]) -> list[FamilyTreeLevel]:
    """Return where the clusters of a family tree stand.

    Parameters
    ----------
    labelings : sequence of (n,) int64
        One labeling of the same n rows for each level.

    Returns
    -------
    list of FamilyTreeLevel
        One for each labeling. The clusters of the first level stand by rising id. In
        each other level they stand in the order of their barycenters: the mean place of
        a cluster's rows in the level above. Equal barycenters are ordered by id, up to
        rounding. (The barycenter rule for layered drawings is that of Sugiyama, Tagawa
        and Toda 1981, doi:10.1109/TSMC.1981.4308636.)
    """
    levels: list[FamilyTreeLevel] = []
    position_above = np.empty(0, dtype=np.int64)
    for ids in labelings:
        # position[row] says which of the k clusters the row belongs to, by rising id.
        clusters, position = np.unique(ids, return_inverse=True)
        k = len(clusters)
        places = (np.arange(k) + 0.5) / k  # evenly spread, from left to right
        if not levels:
            level = FamilyTreeLevel(clusters, places, np.zeros((0, k)))
        else:
            x_above = levels[-1].x
            flows = np.zeros((len(x_above), k))
            np.add.at(flows, (position_above, position), 1 / len(ids))
            barycenters = x_above @ flows / flows.sum(axis=0)
            x = places[_rank(barycenters)]
            level = FamilyTreeLevel(clusters, x, flows)
        levels.append(level)
        position_above = position
    return levels


def plot_dendrogram(
    tree: TruncatedTree,
    ax: Axes,
    *,
    labels: ArrayLike | None = None,
    cut: float | None = None,
    note: str = "",
    pictures: ArrayLike | None = None,
    gap: tuple[float, float] | None = None,
    branch_names: Mapping[int, str] | None = None,
    branch_notes: Sequence[str] = (),
    bottom: float | None = None,
    logarithmic: bool = False,
) -> Axes:
    """Draw the top of a tree. Each leaf is a branch, with its number of rows below it.

    Parameters
    ----------
    tree : TruncatedTree
        The result of `fmnist_clustering.truncate_tree`.
    ax : Axes
        Where to draw.
    labels : (n,) array-like of int, optional
        The flat clusters of all rows at the height `cut`, as
        `fmnist_clustering.flat_clusters` returns them. Merges at or below the cut take
        the color of their cluster; all others are grey.
    cut : float, optional
        The height of a cut, which is drawn as a dashed line.
    note : str
        A text at this line.
    pictures : (n_leaves, 784) array-like, optional
        One picture for each leaf by its id, grey values 0-255. A picture is 60 screen
        pixels wide with its frame: twelve fit into 8 inches.
    gap : (low, high), optional
        Two heights; the band between them is shaded.
    branch_names : mapping of int to str, optional
        A name for each cluster of `labels`, written below its leaves.
    branch_notes : sequence of str
        A text for each branch, first the leaves by id, then the merges by rising
        height: below the number of a leaf, and above the bracket of a merge. Default:
        none.
    bottom : float, optional
        The height at which the y-axis starts and the leaves stand; merges below it are
        drawn there. Default: 0, and on a logarithmic axis a little below the lowest
        merge above 0.
    logarithmic : bool
        Whether heights are drawn on a logarithmic axis, on which equal distances are
        equal ratios.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, when `labels` are passed without `cut` or
        `branch_names` without `labels`, when a cluster has no name, when there is not
        one label for each row or one picture for each leaf, or when a logarithmic axis
        has no height above 0.
    """
    tree = _check_tree(tree)
    check_instance(ax, "ax", Axes)
    _check_cut(cut, note)
    cluster_of_leaf = _check_leaf_clusters(labels, cut, tree)
    names = _check_branch_names(branch_names, cluster_of_leaf)
    notes = check_names(branch_notes, "branch_notes", 2 * len(tree.Z) + 1)
    band = _check_gap(gap)
    lowest = _check_bottom(bottom, tree.Z[:, 2], logarithmic)
    leaves, links = dendrogram_layout(tree.Z)
    images = None
    if pictures is not None:
        images = check_images(pictures, "pictures", len(leaves))

    if band is not None:
        ax.axhspan(*band, color=BAND_COLOR, zorder=0)
    clusters = None if cluster_of_leaf is None else cluster_of_leaf[leaves]
    colors = link_colors(links, clusters, cut)
    links[:, :, 1] = np.maximum(links[:, :, 1], lowest)
    ax.add_collection(LineCollection(list(links), colors=colors, linewidths=1.5))
    ax.set_xlim(0, LEAF_SPACING * len(leaves))
    _set_height_axis(ax, lowest, tree.Z[-1, 2], logarithmic)
    _draw_leaves(leaves, _leaf_texts(tree, notes), images, clusters, ax)
    _write_above(links, notes[len(leaves) :], ax)
    if cut is not None:
        _draw_cut(cut, note, ax)
    if clusters is not None:
        drop = NAME_DROP if images is None else NAME_DROP_BELOW_PICTURES
        _draw_branch_names(names, clusters, ax, drop)
    return ax


def dendrogram_layout(Z: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return where SciPy's `dendrogram` draws a tree, whatever its depth.

    Parameters
    ----------
    Z : (m, 4) float64
        A linkage matrix.

    Returns
    -------
    leaves : (m + 1,) int64
        The ids of the leaves from left to right.
    links : (m, 4, 2) float64
        The corners of the link of each merge: left foot, left shoulder, right shoulder,
        right foot.

    Notes
    -----
    SciPy's function calls itself once for each level of the tree, so a chain of a
    thousand leaves is too deep for it.
    """
    n_leaves = len(Z) + 1
    leaves = hierarchy.leaves_list(Z).astype(np.int64)
    left, right = Z[:, :2].astype(np.int64).T
    # Leaves and merges are numbered together, leaves first.
    y = np.concatenate([np.zeros(n_leaves), Z[:, 2]])
    x = np.empty(len(y))
    x[leaves] = LEAF_SPACING * (np.arange(n_leaves) + 0.5)
    for merge in range(len(Z)):
        x[n_leaves + merge] = (x[left[merge]] + x[right[merge]]) / 2

    link_x = np.stack([x[left], x[left], x[right], x[right]], axis=1)
    link_y = np.stack([y[left], y[n_leaves:], y[n_leaves:], y[right]], axis=1)
    links = np.stack([link_x, link_y], axis=2)
    return leaves, links


def link_colors(
    links: FloatArray,
    clusters: IntArray | None,
    cut: float | None,
) -> list[str]:
    """Return the color of each link of a dendrogram.

    Parameters
    ----------
    links : (m, 4, 2) float64
        The four corners of each link, in SciPy's coordinates: leaf i from the left
        stands at x = 10 i + 5.
    clusters : (n_leaves,) int64 or None
        The cluster of each leaf, from left to right.
    cut : float or None
        The height of the cut that these clusters belong to.

    Returns
    -------
    list of str
        The color of the cluster for links at or below the cut, grey for all others.
    """
    if clusters is None or cut is None:
        return [GREY] * len(links)
    colors = []
    for link in links:
        height = link[:, 1].max()
        if height > cut:
            color = GREY
        else:
            # All leaves under this link are in one cluster, so any of them tells its
            # color. The left foot stands on a leaf or at the middle of a branch, so the
            # leaf that is nearest to it is one of them.
            left_foot = link[0, 0]
            leaf = int(left_foot // LEAF_SPACING)
            color = cluster_color(clusters[leaf])
        colors.append(color)
    return colors


def _draw_flows(
    x_above: FloatArray,
    level: FamilyTreeLevel,
    y: int,
    ax: Axes,
    smallest: float,
) -> None:
    """Draw the edges from the level above, at y - 1, to one level, at y."""
    lines = []
    widths = []
    colors = []
    for above, below in np.argwhere(level.flows >= smallest):
        lines.append([(x_above[above], y - 1), (level.x[below], y)])
        widths.append(FLOW_WIDTH * level.flows[above, below])
        colors.append(cluster_color(level.clusters[below]))
    edges = LineCollection(
        lines,
        linewidths=widths,
        colors=colors,
        alpha=0.6,
        capstyle="butt",
    )
    ax.add_collection(edges)


def _draw_leaves(
    leaves: IntArray,
    texts: list[str],
    images: FloatArray | None,
    clusters: IntArray | None,
    ax: Axes,
) -> None:
    """Write a text below each leaf, and draw its picture if there are any.

    `leaves` and `clusters` go from left to right; `texts` and `images` go by leaf id.
    """
    positions = LEAF_SPACING * (np.arange(len(leaves)) + 0.5)
    ordered = [texts[leaf] for leaf in leaves]
    ax.set_xticks(positions, ordered, rotation=90, fontsize=8)
    ax.tick_params(axis="x", length=0)
    if images is None:
        return
    ax.tick_params(axis="x", pad=50, rotation=0)  # in points: below the pictures
    for i, leaf in enumerate(leaves):
        draw_framed_image(
            images[leaf],
            ax,
            (float(positions[i]), ax.get_ylim()[0]),
            None if clusters is None else int(clusters[i]),
            offset=(0, -PICTURE_DROP),
        )


def _set_height_axis(
    ax: Axes, lowest: float, highest: float, is_logarithmic: bool
) -> None:
    """Let the y-axis go from one height to a little above another one."""
    if is_logarithmic:
        top = highest * (highest / lowest) ** ROOM_ABOVE
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        top = highest + ROOM_ABOVE * (highest - lowest)
    ax.set(ylim=(lowest, top), ylabel="height of merge")


def _draw_cut(cut: float, note: str, ax: Axes) -> None:
    """Draw the line of a cut, with a text at its right end."""
    ax.axhline(cut, **MARK_LINE)
    _, right_end = ax.get_xlim()
    ax.text(right_end, cut, note, ha="right", va="bottom", path_effects=HALO)


def _leaf_texts(tree: TruncatedTree, notes: Sequence[str]) -> list[str]:
    """Return the number of rows of each leaf, and below it its note if there is one."""
    sizes = [f"{size:,}" for size in np.bincount(tree.labels)]
    if not notes:
        return sizes
    of_leaves = notes[: len(sizes)]
    return [f"{size}\n{note}" for size, note in zip(sizes, of_leaves, strict=True)]


def _write_above(links: FloatArray, notes: Sequence[str], ax: Axes) -> None:
    """Write a text above the bracket of each merge, if there are any."""
    for link, note in zip(links, notes, strict=False):
        x, y = link[1:3].mean(axis=0)
        ax.text(
            x,
            y,
            note,
            ha="center",
            va="bottom",
            fontsize=8,
            path_effects=HALO,
        )


def _draw_branch_names(
    names: Mapping[int, str], clusters: IntArray, ax: Axes, drop: float
) -> None:
    """Write the name of each cluster below its leaves, under a line in its color.

    `clusters` go from left to right; those of one cluster are neighbors. `drop` says
    how many points the line lies below the axis.
    """
    for cluster, name in names.items():
        places = np.flatnonzero(clusters == cluster)
        left = LEAF_SPACING * (places[0] + 0.1)
        right = LEAF_SPACING * (places[-1] + 0.9)
        color = cluster_color(cluster)
        line = _below_axis(ax, drop)
        ax.plot([left, right], [0, 0], color=color, transform=line, clip_on=False)
        ax.text(
            (left + right) / 2,
            0,
            name,
            transform=_below_axis(ax, drop + NAME_GAP),
            ha="center",
            va="top",
            fontsize=9,
        )


def _below_axis(ax: Axes, points: float) -> Transform:
    """Return the coordinates whose x is that of the data, and y = 0 below the axis."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    down = ScaledTranslation(0, -points / 72, figure.dpi_scale_trans)
    return ax.get_xaxis_transform() + down


def _rank(values: FloatArray) -> IntArray:
    """Return the rank of each value, 0 for the lowest; ties keep their order."""
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(len(values))
    return ranks


def _check_labelings(labels: ArrayLike) -> list[IntArray]:
    """Return one labeling for each level of a family tree."""
    rows = check_array(labels, "labels", "iu", "integers, 0 or more")
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(f"labels: found shape {rows.shape}, expected (levels, n)")
    return [check_labels(row) for row in rows]


def _check_level_pictures(
    pictures: Sequence[ArrayLike],
    levels: list[FamilyTreeLevel],
) -> list[FloatArray]:
    """Return the pictures of each level, one for each of its clusters."""
    check_instance(pictures, "pictures", Sequence)
    if len(pictures) != len(levels):
        expected = f"{len(levels)}, one for each labeling"
        raise ValueError(f"pictures: found {len(pictures)} levels, expected {expected}")
    return [
        check_images(images, "pictures", len(level.clusters))
        for images, level in zip(pictures, levels, strict=True)
    ]


def _check_tree(tree: TruncatedTree) -> TruncatedTree:
    """Return a tree with its arrays if they could come from `truncate_tree`."""
    checked = check_truncated_tree(tree, "tree")
    n_leaves = len(checked.Z) + 1
    n_found = len(np.unique(checked.labels))
    if n_found != n_leaves:
        raise ValueError(
            f"tree.labels: found {n_found} leaves, expected all {n_leaves}"
        )
    return checked


def _check_cut(cut: float | None, note: str) -> None:
    """Refuse a cut that is no height, and a note that is no text."""
    check_instance(note, "note", str)
    if cut is not None:
        check_number(cut, "cut", minimum=0)


def _check_gap(gap: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return two heights, the lower one first, or None."""
    if gap is None:
        return None
    heights = check_numbers(gap, "gap")
    if heights.shape != (2,) or not 0 <= heights[0] <= heights[1] < np.inf:
        raise ValueError(f"gap: found {gap}, expected two heights, the lower one first")
    return float(heights[0]), float(heights[1])


def _check_branch_names(
    names: Mapping[int, str] | None, cluster_of_leaf: IntArray | None
) -> dict[int, str]:
    """Return the name of each cluster, or nothing without names."""
    if names is None:
        return {}
    check_instance(names, "branch_names", Mapping)
    if cluster_of_leaf is None:
        raise ValueError("branch_names: found without labels, expected these, too")
    clusters = np.unique(cluster_of_leaf).tolist()
    missing = [cluster for cluster in clusters if cluster not in names]
    if missing:
        expected = f"one for each cluster, {missing[0]} among them"
        raise ValueError(f"branch_names: found {list(names)}, expected {expected}")
    return {i: check_instance(names[i], "branch_names", str) for i in clusters}


def _check_bottom(
    bottom: float | None, heights: FloatArray, is_logarithmic: bool
) -> float:
    """Return the height at which the axis starts."""
    if bottom is not None:
        lowest = check_number(bottom, "bottom", minimum=0, maximum=heights.max())
    elif is_logarithmic:
        lowest = ROOM_BELOW * heights[heights > 0].min(initial=np.inf)
    else:
        lowest = 0.0
    if is_logarithmic and not 0 < lowest < np.inf:
        raise ValueError(
            "logarithmic: found no height above 0 to start from, expected one"
        )
    return float(lowest)


def _check_leaf_clusters(
    labels: ArrayLike | None,
    cut: float | None,
    tree: TruncatedTree,
) -> IntArray | None:
    """Return the cluster of each leaf by its id, or None without labels."""
    if labels is None:
        return None
    if cut is None:
        raise ValueError("labels: found without cut, expected the height of their cut")
    ids = check_labels(labels, len(tree.labels))
    # The leaves are numbered from 0, so they come out of np.unique in this order.
    _, first_row = np.unique(tree.labels, return_index=True)
    return ids[first_row]
