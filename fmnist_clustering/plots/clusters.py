"""Draw the clusters of one labeling: silhouettes, points in the plane, and counts."""

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    check_array,
    check_columns,
    check_instance,
    check_integer,
    check_labels,
    check_numbers,
)
from fmnist_clustering.plots._arguments import check_images, check_plane, check_range
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
    TypeError, ValueError
        When an argument is of another kind, the lengths differ, or the ids are not
        0 to k - 1.
    """
    ids = check_labels(labels)
    images = check_images(pictures, "pictures")
    _check_each_occurs(ids, len(images))
    values = check_numbers(samples, "samples")
    if values.shape != ids.shape:
        expected = f"{ids.shape}, one for each label"
        raise ValueError(f"samples: found shape {values.shape}, expected {expected}")
    check_range(values, "samples", -1, 1, "silhouettes, -1 to 1")
    check_instance(ax, "ax", Axes)

    # Cluster i stands at y = i, and y points down.
    axes_x_data_y = ax.get_yaxis_transform()
    for cluster, image in enumerate(images):
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
    random_state: int = 0,
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
        Where to draw.
    names : mapping of int to str, optional
        A name for each id that occurs; default: the id itself. A name stands at the
        median of its cluster, or just above a small cluster, and higher where names
        would overlap.
    explained : sequence of float
        The share of the variance that each of the two coordinates holds, 0-1, for the
        axis labels; default: no axis labels.
    random_state : int
        Seed of the order in which the dots are drawn. The order is random so that no
        cluster hides another just because of its id.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, there is not one label for each point, or
        a name is missing.
    """
    xy = check_plane(points, "points")
    ids = check_labels(labels, len(xy))
    texts = _check_cluster_names(names, ids)
    shares = _check_explained(explained)
    check_integer(random_state, "random_state", minimum=0)
    check_instance(ax, "ax", Axes)

    _draw_dots(xy, ids, ax, random_state)
    label_width = ID_WIDTH if names is None else NAME_WIDTH
    positions = label_positions(xy, ids, label_width)
    for (x, y), text in zip(positions, texts, strict=True):
        ax.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            path_effects=HALO,
        )
    if len(shares) > 0:
        ax.set_xlabel(f"component 1 ({shares[0]:.0%} of variance)")
        ax.set_ylabel(f"component 2 ({shares[1]:.0%} of variance)")
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
        One picture at the left of each row, instead of its name: in the color of its
        cluster where the name is a cluster id, and grey otherwise.

    Returns
    -------
    Axes
        The same axes. Cells with the count 0 stay blank. The x-axis has the name of the
        table's columns.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, or the table is empty.
    """
    check_columns(table, "table", [])
    counts = check_array(table, "table", "iu", "counts, which are integers")
    if counts.size == 0:
        raise ValueError("table: found no columns, expected one or more")
    if counts.min() < 0:
        raise ValueError(f"table: found {counts.min()}, expected counts, 0 or more")
    images = None
    if pictures is not None:
        images = check_images(pictures, "pictures", counts.shape[1])
    row_images = None
    if row_pictures is not None:
        row_images = check_images(row_pictures, "row_pictures", counts.shape[0])
    check_instance(ax, "ax", Axes)

    _draw_counts(counts, ax)
    remove_frame(ax)
    ax.set_xticks(range(table.shape[1]), table.columns)
    ax.set_yticks(range(table.shape[0]), table.index)
    ax.set_xlabel(str(table.columns.name or ""))
    if images is not None:
        _draw_columns_as_clusters(counts, images, table.columns, ax)
    if row_images is not None:
        _draw_rows_as_clusters(row_images, table.index, ax)
    return ax


def label_positions(
    xy: FloatArray,
    ids: IntArray,
    label_width: float,
) -> FloatArray:
    """Return where the labels of clusters stand, so that none covers another.

    Parameters
    ----------
    xy : (n, 2) float64
        The coordinates of all points.
    ids : (n,) int64
        Their cluster ids.
    label_width : float
        The width of a label, as a share of the range of x.

    Returns
    -------
    (k, 2) float64
        The center of the label of each cluster that occurs, by rising id. A large
        cluster has its label at its median, a small one just above its highest point.
        Labels that would overlap are moved up.
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
    """Move labels up until they no longer overlap.

    Parameters
    ----------
    centers : (k, 2) float64
        Where the centers of the labels would best stand.
    width, height : float
        The size of each label, in the units of the two columns of `centers`.

    Returns
    -------
    (k, 2) float64
        The new centers. Labels are placed from the lowest to the highest. Each is
        compared with those that are placed already, also from the lowest to the
        highest. Where two overlap, the new one moves up to stand on the other.
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


def _draw_dots(xy: FloatArray, ids: IntArray, ax: Axes, random_state: int) -> None:
    """Draw all points in random order, and small clusters again, larger, with a rim."""
    clusters, inverse, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    colors = np.array([cluster_color(cluster) for cluster in clusters])[inverse]
    order = np.random.default_rng(random_state).permutation(len(xy))
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
    for column, (row, cluster) in enumerate(zip(largest, clusters, strict=True)):
        color = cluster_color(int(cluster))
        corner = (column - 0.5, row - 0.5)
        frame = Rectangle(corner, 1, 1, fill=False, edgecolor=color, linewidth=2)
        ax.add_patch(frame)
        draw_framed_image(
            images[column],
            ax,
            (column, 0),
            int(cluster),
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
            int(cluster) if isinstance(cluster, Integral) else None,
            offset=(-PICTURE_DISTANCE, 0),
            xycoords=ax.get_yaxis_transform(),
        )
    ax.set_yticklabels([])
    ax.set_ylabel(str(clusters.name or ""), labelpad=ROOM_FOR_PICTURES)


def _check_each_occurs(ids: IntArray, k: int) -> None:
    """Reject ids unless they are exactly 0 to k - 1."""
    found = np.unique(ids)
    if not np.array_equal(found, np.arange(k)):
        expected = f"each of 0 to {k - 1}, as there are {k} pictures"
        raise ValueError(f"labels: found ids {found.tolist()}, expected {expected}")


def _check_cluster_names(
    names: Mapping[int, str] | None,
    ids: IntArray,
) -> list[str]:
    """Return the name of each cluster that occurs, by rising id."""
    clusters = np.unique(ids).tolist()
    if names is None:
        return [str(cluster) for cluster in clusters]
    check_instance(names, "names", Mapping)
    for cluster in clusters:
        if cluster not in names:
            raise ValueError(
                f"names: found names of {list(names)}, expected one for {cluster}, too",
            )
        check_instance(names[cluster], f"names[{cluster}]", str)
    return [names[cluster] for cluster in clusters]


def _check_explained(explained: Sequence[float]) -> FloatArray:
    """Return shares of variance, two or none."""
    shares = check_numbers(explained, "explained")
    if shares.shape not in ((0,), (2,)):
        raise ValueError(
            f"explained: found shape {shares.shape}, expected (2,) or none",
        )
    check_range(shares, "explained", 0, 1, "shares of the variance, 0 to 1")
    return shares
