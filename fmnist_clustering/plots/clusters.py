"""Draw the clusters of one labeling: silhouettes, points in the plane, and counts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from fmnist_clustering._checks import FloatArray, IntArray, check_labels
from fmnist_clustering.plots._style import (
    GREY,
    HALO,
    MARK_LINE,
    cluster_color,
    remove_frame,
)
from fmnist_clustering.plots.images import draw_framed_image

PROFILE_HEIGHT = 0.84
"""The height of a cluster's silhouettes; the centers of clusters are 1 apart."""

SMALL_CLUSTER = 20
"""Clusters with fewer members would vanish among the dots of the others.

They get larger dots with a rim, and a label above them.
"""

PICTURE_DISTANCE = 36
"""Screen pixels from a table to the middle of the pictures beside it."""

ROOM_FOR_PICTURES = 52
"""Points from a table to the name of its rows or columns, if they have pictures."""

PALE = "#999999"
"""The color of a name that no cluster deserves."""

LABEL_HEIGHT = 0.05
"""The height of a label, as a share of the range of the points; with some room."""

ID_WIDTH = 0.05
"""The width of a cluster id of one or two digits, as a share of the range."""

NAME_WIDTH = 0.25
"""The width of a name such as ``T-shirt/top``, as a share of the range."""


def plot_silhouettes(
    samples: ArrayLike,
    labels: ArrayLike,
    pictures: ArrayLike,
    ax: Axes,
) -> Axes:
    """Draw the silhouettes of each cluster's members beside the cluster's picture.

    Parameters
    ----------
    samples : (n,) array-like
        Silhouettes, -1 to 1, as `fmnist_clustering.silhouette_samples` returns them.
    labels : (n,) array-like of int
        Cluster ids. Each id from 0 to k - 1 occurs.
    pictures : (k, 784) array-like
        One picture for each cluster, grey values 0-255.
    ax : Axes
        Where to draw. The pictures need room at the left, the numbers at the right.

    Returns
    -------
    Axes
        The same axes. Each cluster has the same height, whatever its size: within it,
        the members stand one below the other, by falling silhouette. Their number,
        their mean and the share below 0 are written beside them. The dashed line is
        the mean of all samples.

    Raises
    ------
    ValueError
        When the labels are no integers from 0, or there is not one picture for each.
    """
    values = np.asarray(samples, dtype=float)
    ids = check_labels(labels, len(values))
    images = np.asarray(pictures, dtype=float)

    # Cluster i stands at y = i, and y points down.
    axes_x_data_y = ax.get_yaxis_transform()
    for cluster, image in zip(np.unique(ids), images, strict=True):
        _draw_profile(values[ids == cluster], cluster, ax)
        position = (-0.07, cluster)
        draw_framed_image(image, ax, position, cluster, xycoords=axes_x_data_y)

    mean = values.mean()
    ax.axvline(mean, **MARK_LINE)
    ax.text(mean, -0.55, f" mean {mean:.3f}", va="bottom")  # above the first cluster
    ax.axvline(0, color=GREY, linewidth=0.8)
    # Half a profile and a margin below; above, room for the label of the mean.
    ax.set(ylim=(len(images) - 0.45, -0.95), xlabel="silhouette", yticks=[])
    ax.spines["left"].set_visible(False)
    return ax


def plot_scatter(
    points: ArrayLike,
    labels: ArrayLike,
    ax: Axes,
    *,
    names: Mapping[int, str] | None = None,
    explained: Sequence[float] = (),
) -> Axes:
    """Draw points in the plane, colored and named by cluster.

    Parameters
    ----------
    points : (n, 2) array-like
        The coordinates.
    labels : (n,) array-like of int
        Cluster ids, 0 or more. Cluster i has color i, and all beyond ten are grey. The
        members of clusters of fewer than twenty are drawn as larger dots with a rim.
    ax : Axes
        Where to draw. The dots are drawn in random order (the same each time), so that
        no cluster hides another just because of its id.
    names : mapping of int to str, optional
        A name for each id that occurs; default: the id itself. A name stands at the
        median of its cluster, or just above a small cluster, and higher where names
        would overlap.
    explained : sequence of float
        The share of the variance that each of the two coordinates holds, 0-1, for the
        axis labels; default: no axis labels.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    ValueError
        When there is not one label, an integer from 0, for each point.
    """
    xy = np.asarray(points, dtype=float)
    ids = check_labels(labels, len(xy))
    _draw_dots(xy, ids, ax)
    label_width = ID_WIDTH if names is None else NAME_WIDTH
    positions = label_positions(xy, ids, label_width)
    for (x, y), cluster in zip(positions, np.unique(ids), strict=True):
        ax.text(
            x,
            y,
            str(cluster) if names is None else names[cluster],
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            path_effects=HALO,
        )
    if len(explained) > 0:
        first, second = explained
        ax.set_xlabel(f"component 1 ({first:.0%} of variance)")
        ax.set_ylabel(f"component 2 ({second:.0%} of variance)")
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    return ax


def plot_contingency(
    table: pd.DataFrame,
    ax: Axes,
    *,
    pictures: ArrayLike | None = None,
    row_pictures: ArrayLike | None = None,
) -> Axes:
    """Draw a table of counts, the larger the darker.

    Parameters
    ----------
    table : DataFrame
        Counts (integers), as `fmnist_clustering.contingency` returns them.
    ax : Axes
        Where to draw.
    pictures : (k, 784) array-like, optional
        One picture for each column, whose name is its cluster id, grey values 0-255.
        They stand below the columns, in the colors of their clusters. Then the largest
        count of each column is framed, and the name of a row without any frame is grey:
        no cluster is mostly made of it. Default: neither.
    row_pictures : (m, 784) array-like, optional
        One picture at the left of each row, instead of its name, which is a cluster id,
        too. It has the color of its cluster.

    Returns
    -------
    Axes
        The same axes. Cells with the count 0 stay blank. The x-axis has the name of the
        table's columns.
    """
    counts = table.to_numpy()
    _draw_counts(counts, ax)
    remove_frame(ax)
    ax.set_xticks(range(table.shape[1]), table.columns)
    ax.set_yticks(range(table.shape[0]), table.index)
    ax.set_xlabel(str(table.columns.name or ""))
    if pictures is not None:
        images = np.asarray(pictures, dtype=float)
        _draw_columns_as_clusters(counts, images, table.columns, ax)
    if row_pictures is not None:
        images = np.asarray(row_pictures, dtype=float)
        _draw_rows_as_clusters(images, table.index, ax)
    return ax


def label_positions(xy: FloatArray, ids: IntArray, label_width: float) -> FloatArray:
    """Return the center of each cluster's label, by rising id, so that none overlap.

    A large cluster has its label at its median, a small one just above its highest
    point. `label_width` is a share of the range of x.
    """
    clusters = np.unique(ids)
    x_range, y_range = np.ptp(xy, axis=0)
    width = label_width * x_range
    height = LABEL_HEIGHT * y_range
    wanted = np.empty((len(clusters), 2))
    for i, cluster in enumerate(clusters):
        members = xy[ids == cluster]
        if len(members) < SMALL_CLUSTER:
            wanted[i] = members[members[:, 1].argmax()]
            wanted[i, 1] += height  # above the dot, not on it
        else:
            wanted[i] = np.median(members, axis=0)
    return lift_overlapping(wanted, width, height)


def lift_overlapping(centers: FloatArray, width: float, height: float) -> FloatArray:
    """Move the centers of labels of one size up until the labels no longer overlap.

    Labels are placed from the lowest to the highest. Each is compared with those that
    are placed already, also from the lowest to the highest. Where two overlap, the new
    one moves up to stand on the other.
    """
    positions = centers.copy()
    from_lowest = np.argsort(centers[:, 1])
    for i, label in enumerate(from_lowest):
        others = from_lowest[:i]
        others_from_lowest = others[np.argsort(positions[others, 1])]
        for other in others_from_lowest:
            dx, dy = np.abs(positions[label] - positions[other])
            if dx < width and dy < height:
                positions[label, 1] = positions[other, 1] + height
    return positions


def _draw_profile(samples: FloatArray, cluster: int, ax: Axes) -> None:
    """Draw the silhouettes of one cluster as a filled curve, with their numbers."""
    by_falling_value = np.sort(samples)[::-1]
    half = PROFILE_HEIGHT / 2
    y = cluster + np.linspace(-half, half, len(samples))
    color = cluster_color(cluster)
    ax.fill_betweenx(y, 0, by_falling_value, color=color, linewidth=0)

    mean = by_falling_value.mean()
    share_below_0 = (by_falling_value < 0).mean()
    lines = [
        f"{len(samples):,} images",
        f"mean {mean:.3f}",
        f"{share_below_0:.0%} below 0",
    ]
    axes_x_data_y = ax.get_yaxis_transform()
    ax.text(
        1.01,
        cluster,
        "\n".join(lines),
        transform=axes_x_data_y,
        va="center",
        fontsize=8,
    )


def _draw_dots(xy: FloatArray, ids: IntArray, ax: Axes) -> None:
    """Draw all points in random order, and small clusters again, larger, with a rim."""
    clusters, inverse, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    colors = np.array([cluster_color(cluster) for cluster in clusters])[inverse]
    order = np.random.default_rng(0).permutation(len(xy))
    ax.scatter(
        xy[order, 0],
        xy[order, 1],
        c=colors[order],
        s=5,
        alpha=0.5,
        linewidths=0,
    )
    is_small = (sizes < SMALL_CLUSTER)[inverse]
    ax.scatter(
        xy[is_small, 0],
        xy[is_small, 1],
        c=colors[is_small],
        s=30,
        edgecolors="black",
        linewidths=0.8,
    )


def _draw_counts(counts: IntArray, ax: Axes) -> None:
    """Draw a table as gray cells with their numbers; 0 stays blank."""
    highest = counts.max()
    # White is 0. The highest count is 80 % of the way to black, so that cells stay gray
    # and their numbers are what stands out.
    ax.imshow(
        counts,
        cmap="gray_r",
        vmin=0,
        vmax=1.25 * highest,
        interpolation="nearest",
        origin="upper",
        aspect="auto",
    )
    for row, column in np.argwhere(counts > 0):
        count = counts[row, column]
        ax.text(
            column,
            row,
            f"{count:,}",
            ha="center",
            va="center",
            color="white" if count > 0.6 * highest else "#222222",
            fontsize=9,
        )


def _draw_columns_as_clusters(
    counts: IntArray, images: FloatArray, clusters: pd.Index, ax: Axes
) -> None:
    """Draw a picture below each column, and frame the largest count of each."""
    largest = counts.argmax(axis=0)
    columns = zip(largest, images, clusters, strict=True)
    for column, (row, image, cluster) in enumerate(columns):
        corner = (column - 0.5, row - 0.5)
        color = cluster_color(cluster)
        frame = Rectangle(corner, 1, 1, fill=False, edgecolor=color, linewidth=2)
        ax.add_patch(frame)
        draw_framed_image(
            image,
            ax,
            (column, 0),
            cluster,
            offset=(0, -PICTURE_DISTANCE),
            xycoords=ax.get_xaxis_transform(),
        )
    ax.set_xticklabels([])  # the pictures hold the ids
    ax.xaxis.labelpad = ROOM_FOR_PICTURES
    for row, name in enumerate(ax.get_yticklabels()):
        if row not in largest:
            name.set_color(PALE)


def _draw_rows_as_clusters(images: FloatArray, clusters: pd.Index, ax: Axes) -> None:
    """Draw a picture at the left of each row, in place of its name."""
    for row, (image, cluster) in enumerate(zip(images, clusters, strict=True)):
        draw_framed_image(
            image,
            ax,
            (0, row),
            cluster,
            offset=(-PICTURE_DISTANCE, 0),
            xycoords=ax.get_yaxis_transform(),
        )
    ax.set_yticklabels([])
    ax.set_ylabel(str(clusters.name or ""), labelpad=ROOM_FOR_PICTURES)
