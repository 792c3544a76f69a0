"""Draw two trees of the same rows against each other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike, NDArray

from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    check_array,
    check_instance,
    check_labels,
)
from fmnist_clustering.hierarchy import TruncatedTree, check_truncated_tree
from fmnist_clustering.plots._arguments import check_images
from fmnist_clustering.plots._style import GREY, cluster_color, remove_frame
from fmnist_clustering.plots.images import draw_framed_image
from fmnist_clustering.plots.trees import LEAF_SPACING, dendrogram_layout

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
    TypeError, ValueError
        When an argument is of another kind, or their sizes do not fit each other.
    """
    upper = check_truncated_tree(upper, "upper")
    n_rows = len(upper.labels)
    lower = check_truncated_tree(lower, "lower", n_rows)
    n_leaves = len(upper.Z) + 1
    n_lower_leaves = len(lower.Z) + 1
    clusters = _clusters_of_leaves(labels, upper.labels, n_leaves)
    images = check_images(pictures, "pictures", n_leaves)
    lower_images = check_images(lower_pictures, "lower_pictures", n_lower_leaves)
    recovered = _check_flags(is_recovered, n_leaves - 1)
    check_instance(ax, "ax", Axes)

    # The share of the rows in each leaf of the one and each leaf of the other tree.
    shared = np.zeros((n_leaves, n_lower_leaves))
    np.add.at(shared, (upper.labels, lower.labels), 1 / n_rows)
    x = _leaf_places(upper.Z)
    Z_turned = turn_towards(lower.Z, x @ shared, shared.sum(axis=0))
    x_lower = _leaf_places(Z_turned)

    _draw_bands(shared, x, x_lower, clusters, ax)
    colors = np.where(recovered, "black", PALE).tolist()
    widths = np.where(recovered, THICK, THIN).tolist()
    _draw_tree(upper.Z, 1, colors, widths, ax)
    _draw_tree(Z_turned, -1, GREY, THIN, ax)
    for leaf, place in enumerate(x):
        above = (float(place), PICTURE_HEIGHT)
        draw_framed_image(images[leaf], ax, above, int(clusters[leaf]))
    for leaf, place in enumerate(x_lower):
        below = (float(place), -PICTURE_HEIGHT)
        draw_framed_image(lower_images[leaf], ax, below, None)
    n_columns = max(n_leaves, n_lower_leaves)
    ax.set(xlim=(0, LEAF_SPACING * n_columns), ylim=(-1.02, 1.02))
    remove_frame(ax)
    return ax


def turn_towards(
    Z: FloatArray, place_sums: FloatArray, weights: FloatArray
) -> FloatArray:
    """Swap the two sides of merges so that the leaves stand near given places.

    Parameters
    ----------
    Z : (m, 4) float64
        A linkage matrix.
    place_sums : (m + 1,) float64
        For each leaf the wanted place times its weight.
    weights : (m + 1,) float64
        The weight of each leaf, 0 or more.

    Returns
    -------
    (m, 4) float64
        The same tree. At each merge the side whose mean wanted place is lower stands at
        the left; sides without weight keep their order.
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


def _leaf_places(Z: FloatArray) -> FloatArray:
    """Return the x of each leaf by its id."""
    leaves, _ = dendrogram_layout(Z)
    places = np.empty(len(leaves))
    places[leaves] = LEAF_SPACING * (np.arange(len(leaves)) + 0.5)
    return places


def _draw_tree(
    Z: FloatArray,
    side: int,
    colors: str | list[str],
    widths: float | list[float],
    ax: Axes,
) -> None:
    """Draw a tree above (`side` = 1) or below the middle (-1), scaled to its height.

    `colors` and `widths` are those of all merges, or go by merge.
    """
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
        colors=[cluster_color(int(clusters[i])) for i, _ in pairs],
        alpha=0.6,
        capstyle="butt",
    )
    ax.add_collection(bands)


def _check_flags(is_recovered: ArrayLike, n_merges: int) -> NDArray[np.bool_]:
    """Return one flag for each merge."""
    flags = check_array(is_recovered, "is_recovered", "b", "True or False")
    if flags.shape != (n_merges,):
        expected = f"({n_merges},), one for each merge"
        raise ValueError(
            f"is_recovered: found shape {flags.shape}, expected {expected}"
        )
    return flags


def _clusters_of_leaves(
    labels: ArrayLike, leaf_of_row: IntArray, n_leaves: int
) -> IntArray:
    """Return the cluster of each leaf."""
    ids = check_labels(labels, len(leaf_of_row))
    leaves, first_row = np.unique(leaf_of_row, return_index=True)
    if len(leaves) != n_leaves:
        found = f"{len(leaves)} of {n_leaves} leaves"
        raise ValueError(f"upper.labels: found {found}, expected all of them")
    clusters = ids[first_row]
    if not np.array_equal(clusters[leaf_of_row], ids):
        raise ValueError(
            "labels: found several clusters in a leaf of the upper tree, expected one"
        )
    return clusters
