"""Draw two trees of the same rows against each other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy

from fmnist_clustering._checks import FloatArray, IntArray
from fmnist_clustering.hierarchy import TruncatedTree
from fmnist_clustering.plots._style import GREY, cluster_color, remove_frame
from fmnist_clustering.plots.trees import (
    LEAF_SPACING,
    clusters_of_leaves,
    dendrogram_layout,
    draw_leaf_pictures,
    leaf_places,
)

LEAF_HEIGHT = 0.42
"""Where the leaves of the upper tree stand; its root is at 1, the other's at -1."""

PICTURE_HEIGHT = 0.29
"""Where the middle of the pictures of the upper leaves is."""

BAND_END = 0.17
"""Where the bands start, just below these pictures."""

BAND_WIDTH = 60
"""The width of a band, in points, through which all rows would flow."""

SMALLEST_BAND = 0.005
"""Bands with a smaller share of all rows are not drawn."""

THICK = 2.0
THIN = 1.0
"""The widths of merges, in points: those that the other tree has, and all others."""

PALE = "#b5b5b5"
"""The color of merges that the other tree does not have."""


def plot_tanglegram(
    upper: TruncatedTree,
    lower: TruncatedTree,
    ax: Axes,
    *,
    pictures: ArrayLike,
    lower_pictures: ArrayLike,
    labels: ArrayLike,
    is_recovered: ArrayLike,
) -> Axes:
    """Draw the tops of two trees leaf to leaf, with bands for the rows that they share.

    Parameters
    ----------
    upper, lower : TruncatedTree
        The tops of two trees; `labels` of both are those of the same n rows.
    ax : Axes
        Where to draw. Twelve leaves fit into 8 inches.
    pictures, lower_pictures : (n_leaves, 784) array-like
        One picture for each leaf by its id, grey values 0-255.
    labels : (n,) array-like of int
        Flat clusters of the rows, by which the leaves of the upper tree and the bands
        are colored; all rows of a leaf belong to one of them.
    is_recovered : (n_leaves - 1,) array-like of bool
        For each merge of the upper tree, by rising height, whether the lower tree has
        this branch, too. The others are drawn thin and pale.

    Returns
    -------
    Axes
        The same axes, without ticks. Each tree is scaled to its highest merge. The
        branches of the lower tree are turned so that few bands cross; a band is as wide
        as the share of the rows that are in both of its leaves.

    Raises
    ------
    ValueError
        When there is not one of the labels for each row, or one picture for each leaf.
    """
    clusters = clusters_of_leaves(labels, upper)
    # The share of the rows in each leaf of the one and each leaf of the other tree.
    shared = np.zeros((len(upper.Z) + 1, len(lower.Z) + 1))
    np.add.at(shared, (upper.labels, lower.labels), 1 / len(upper.labels))
    leaves = hierarchy.leaves_list(upper.Z)
    x = leaf_places(leaves)
    Z_turned = turn_towards(lower.Z, x @ shared, shared.sum(axis=0))
    lower_leaves = hierarchy.leaves_list(Z_turned)

    _draw_bands(shared, x, leaf_places(lower_leaves), clusters, ax)
    colors = np.where(is_recovered, "black", PALE).tolist()
    widths = np.where(is_recovered, THICK, THIN).tolist()
    _draw_tree(upper.Z, 1, colors, widths, ax)
    _draw_tree(Z_turned, -1, GREY, THIN, ax)
    draw_leaf_pictures(pictures, leaves, clusters[leaves], ax, PICTURE_HEIGHT)
    draw_leaf_pictures(lower_pictures, lower_leaves, None, ax, -PICTURE_HEIGHT)
    ax.set(xlim=(0, LEAF_SPACING * max(shared.shape)), ylim=(-1.02, 1.02))
    remove_frame(ax)
    return ax


def turn_towards(
    Z: FloatArray, place_sums: FloatArray, weights: FloatArray
) -> FloatArray:
    """Swap the two sides of merges so that the leaves stand near given places.

    For each leaf there is the wanted place times its weight, and its weight, 0 or more.
    At each merge the side whose mean wanted place is lower stands at the left; sides
    without weight keep their order.
    """
    n_leaves = len(Z) + 1
    turned = Z.copy()
    sums = np.concatenate([place_sums, np.zeros(len(Z))])
    weight = np.concatenate([weights, np.zeros(len(Z))])
    for merge, (left, right) in enumerate(Z[:, :2].astype(np.int64)):
        # Compared as products, so that nothing is divided by a weight of 0.
        if sums[left] * weight[right] > sums[right] * weight[left]:
            turned[merge, :2] = (right, left)
        sums[n_leaves + merge] = sums[left] + sums[right]
        weight[n_leaves + merge] = weight[left] + weight[right]
    return turned


def _draw_tree(
    Z: FloatArray,
    side: int,
    colors: str | list[str],
    widths: float | list[float],
    ax: Axes,
) -> None:
    """Draw a tree above (`side` = 1) or below the middle (-1), scaled to its height."""
    _, links = dendrogram_layout(Z)
    highest = Z[-1, 2]
    if highest > 0:  # else all rows are equal, and there is nothing to scale
        links[:, :, 1] /= highest
    links[:, :, 1] = side * (LEAF_HEIGHT + (1 - LEAF_HEIGHT) * links[:, :, 1])
    ax.add_collection(LineCollection(list(links), colors=colors, linewidths=widths))


def _draw_bands(
    shared: FloatArray,
    x: FloatArray,
    x_lower: FloatArray,
    clusters: IntArray,
    ax: Axes,
) -> None:
    """Draw a band between each two leaves that share enough rows."""
    pairs = np.argwhere(shared >= SMALLEST_BAND)
    ends = [[(x[i], BAND_END), (x_lower[j], -BAND_END)] for i, j in pairs]
    bands = LineCollection(
        ends,
        linewidths=[BAND_WIDTH * shared[i, j] for i, j in pairs],
        colors=[cluster_color(clusters[i]) for i, _ in pairs],
        alpha=0.6,
        capstyle="butt",
    )
    ax.add_collection(bands)
