"""Draw trees: how clusters split as k grows, and the merges of a hierarchy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation, Transform
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy

from fmnist_clustering._checks import FloatArray, IntArray, check_labels
from fmnist_clustering.hierarchy import TruncatedTree
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

SMALLEST_FLOW = 0.01
"""Edges through which a smaller share of all rows would flow are not drawn."""

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

    `clusters` are the k ids that occur, rising, and `x` the place of each, from 0 to 1.
    `flows` (k_above, k) holds the share of all rows that lie in cluster i of the level
    above and in cluster j of this one. The first level has nothing above: (0, k).
    """

    clusters: IntArray
    x: FloatArray
    flows: FloatArray


def plot_family_tree(
    labels: ArrayLike,
    pictures: Sequence[ArrayLike],
    ax: Axes,
    *,
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
    first_level : int
        Levels above this one, counted from 0, are left out. The others stand where they
        would stand below them.

    Returns
    -------
    Axes
        The same axes. An edge is as wide as the share of the rows that flow along it;
        below 1 % it is left out. Within a level clusters are ordered so that edges run
        steeply.
    """
    levels = family_tree_layout(np.asarray(labels))
    drawn = range(first_level, len(levels))
    for y in drawn:
        level = levels[y]
        if y > first_level:
            _draw_flows(levels[y - 1].x, level, y, ax)
        images = np.asarray(pictures[y], dtype=float)
        for cluster, x, image in zip(level.clusters, level.x, images, strict=True):
            draw_framed_image(image, ax, (x, y), cluster)
    # The first level is on top.
    ax.set(xlim=(-0.02, 1), ylim=(len(levels) - 0.55, first_level - 0.45))
    remove_frame(ax)
    ax.set_yticks(drawn, [f"k = {len(levels[y].clusters)}" for y in drawn])
    return ax


def family_tree_layout(labelings: Iterable[IntArray]) -> list[FamilyTreeLevel]:
    """Return where the clusters of a family tree stand, for labelings of the same rows.

    The clusters of the first level stand by rising id. In each other level they stand
    in the order of their barycenters: the mean place of a cluster's rows in the level
    above. Equal barycenters are ordered by id, up to rounding. (The barycenter rule for
    layered drawings is that of Sugiyama, Tagawa and Toda 1981,
    doi:10.1109/TSMC.1981.4308636.)
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
        the color of their cluster; all others are grey. Needs `cut`.
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
        A name for each cluster of `labels`, written below its leaves. Needs these.
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
    ValueError
        When there is not one label for each row, or one picture for each leaf.
    """
    leaves, links = dendrogram_layout(tree.Z)
    heights = tree.Z[:, 2]
    if bottom is None:
        bottom = ROOM_BELOW * heights[heights > 0].min() if logarithmic else 0
    clusters = None
    if labels is not None:
        clusters = clusters_of_leaves(labels, tree)[leaves]

    if gap is not None:
        ax.axhspan(*gap, color=BAND_COLOR, zorder=0)
    colors = link_colors(links, clusters, cut)
    links[:, :, 1] = np.maximum(links[:, :, 1], bottom)
    ax.add_collection(LineCollection(list(links), colors=colors, linewidths=1.5))
    ax.set_xlim(0, LEAF_SPACING * len(leaves))
    _set_height_axis(ax, bottom, heights[-1], logarithmic)
    _write_leaves(leaves, tree.labels, branch_notes, ax)
    if pictures is not None:
        ax.tick_params(axis="x", pad=50, rotation=0)  # in points: below the pictures
        draw_leaf_pictures(pictures, leaves, clusters, ax, bottom, -PICTURE_DROP)
    if len(branch_notes) > 0:
        _write_above(links, branch_notes[len(leaves) :], ax)
    if cut is not None:
        _draw_cut(cut, note, ax)
    if clusters is not None and branch_names is not None:
        drop = NAME_DROP if pictures is None else NAME_DROP_BELOW_PICTURES
        _draw_branch_names(branch_names, clusters, ax, drop)
    return ax


def dendrogram_layout(Z: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return where SciPy's `dendrogram` draws a tree, whatever its depth.

    SciPy's function calls itself once for each level of the tree, so a chain of a
    thousand leaves is too deep for it.

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
    """
    n_leaves = len(Z) + 1
    leaves = hierarchy.leaves_list(Z).astype(np.int64)
    left, right = Z[:, :2].astype(np.int64).T
    # Leaves and merges are numbered together, leaves first.
    y = np.concatenate([np.zeros(n_leaves), Z[:, 2]])
    x = np.empty(len(y))
    x[:n_leaves] = leaf_places(leaves)
    for merge in range(len(Z)):
        x[n_leaves + merge] = (x[left[merge]] + x[right[merge]]) / 2

    link_x = np.stack([x[left], x[left], x[right], x[right]], axis=1)
    link_y = np.stack([y[left], y[n_leaves:], y[n_leaves:], y[right]], axis=1)
    links = np.stack([link_x, link_y], axis=2)
    return leaves, links


def leaf_places(leaves: IntArray) -> FloatArray:
    """Return the x of each leaf by its id; `leaves` are the ids from left to right."""
    places = np.empty(len(leaves))
    places[leaves] = LEAF_SPACING * (np.arange(len(leaves)) + 0.5)
    return places


def clusters_of_leaves(labels: ArrayLike, tree: TruncatedTree) -> IntArray:
    """Return the cluster of each leaf by its id; `labels` are those of all rows."""
    ids = check_labels(labels, len(tree.labels))
    # The leaves are numbered from 0, so they come out of np.unique in this order.
    _, first_row = np.unique(tree.labels, return_index=True)
    return ids[first_row]


def draw_leaf_pictures(
    pictures: ArrayLike,
    leaves: IntArray,
    clusters: IntArray | None,
    ax: Axes,
    y: float,
    rise: int = 0,
) -> None:
    """Draw the picture of each leaf at y, or so many screen pixels above.

    Pictures go by the id of their leaf; leaves and clusters go from left to right.
    """
    images = np.asarray(pictures, dtype=float)
    if len(images) != len(leaves):
        expected = f"one for each of {len(leaves)} leaves"
        raise ValueError(f"pictures: found {len(images)}, expected {expected}")
    for i, leaf in enumerate(leaves):
        x = LEAF_SPACING * (i + 0.5)
        cluster = None if clusters is None else clusters[i]
        draw_framed_image(images[leaf], ax, (x, y), cluster, offset=(0, rise))


def link_colors(
    links: FloatArray,
    clusters: IntArray | None,
    cut: float | None,
) -> list[str]:
    """Return a color for each link: that of its cluster, and grey above the cut.

    The links are those of `dendrogram_layout`, the clusters those of the leaves from
    left to right.
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
) -> None:
    """Draw the edges from the level above, at y - 1, to one level, at y."""
    lines = []
    widths = []
    colors = []
    for above, below in np.argwhere(level.flows >= SMALLEST_FLOW):
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


def _write_leaves(
    leaves: IntArray, labels: IntArray, notes: Sequence[str], ax: Axes
) -> None:
    """Write below each leaf its number of rows, and then its note if there are any."""
    sizes = np.bincount(labels)
    texts = []
    for leaf in leaves:
        text = f"{sizes[leaf]:,}"
        if len(notes) > 0:
            text += f"\n{notes[leaf]}"
        texts.append(text)
    positions = LEAF_SPACING * (np.arange(len(leaves)) + 0.5)
    ax.set_xticks(positions, texts, rotation=90, fontsize=8)
    ax.tick_params(axis="x", length=0)


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


def _write_above(links: FloatArray, notes: Sequence[str], ax: Axes) -> None:
    """Write a text above the bracket of each merge."""
    for link, note in zip(links, notes, strict=True):
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
    """Write names below the leaves of each cluster, under a line `drop` points down."""
    # The clusters go from left to right, and the leaves of one cluster are neighbors.
    for cluster in np.unique(clusters):
        places = np.flatnonzero(clusters == cluster)
        left = LEAF_SPACING * (places[0] + 0.1)
        right = LEAF_SPACING * (places[-1] + 0.9)
        color = cluster_color(cluster)
        line = _below_axis(ax, drop)
        ax.plot([left, right], [0, 0], color=color, transform=line, clip_on=False)
        ax.text(
            (left + right) / 2,
            0,
            names[cluster],
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
