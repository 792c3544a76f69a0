"""Draw points in the plane as k-means sees them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from fmnist_clustering._checks import FloatArray, check_labels
from fmnist_clustering.plots._style import GREY, cluster_color

CELL_TINT = 0.22
"""How much of a cluster's color its cell has; the rest is white."""

CELL_PIXELS = 300
"""Pixels along an edge of the picture of all cells."""

MARGIN = 0.06
"""The room around the points, as a share of their range."""


def plot_plane(
    points: ArrayLike,
    labels: ArrayLike,
    ax: Axes,
    *,
    centroids: ArrayLike | None = None,
    moved_from: ArrayLike | None = None,
) -> Axes:
    """Draw points in the plane in the colors of their clusters, and the centroids.

    Parameters
    ----------
    points : (n, 2) array-like
        The coordinates.
    labels : (n,) array-like of int
        Cluster ids, 0 or more. Cluster i has color i, and all beyond ten are grey.
    ax : Axes
        Where to draw. Both axes get the same scale and the same range, and no ticks.
    centroids : (k, 2) array-like, optional
        They are drawn as crosses, and the plane is tinted: each place has the color of
        its nearest centroid (Voronoi cells); default: neither.
    moved_from : (k, 2) array-like, optional
        Where the centroids were before; arrows lead from there.

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
    centers = np.empty((0, 2))
    if centroids is not None:
        centers = np.asarray(centroids, dtype=float)
    before = centers  # no centroid has moved
    if moved_from is not None:
        before = np.asarray(moved_from, dtype=float)

    _set_limits(np.concatenate([xy, centers, before]), ax)
    if centroids is not None:
        _draw_cells(centers, ax)
    colors = [cluster_color(cluster) for cluster in ids]
    ax.scatter(xy[:, 0], xy[:, 1], c=colors, s=12, linewidths=0)
    _draw_moves(before, centers, ax)
    if centroids is not None:
        _draw_centroids(centers, ax)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.grid(visible=False)
    ax.spines[:].set_visible(True)
    return ax


def _set_limits(xy: FloatArray, ax: Axes) -> None:
    """Show a square that holds the points, with some room around them."""
    low = xy.min(axis=0)
    high = xy.max(axis=0)
    # A single point needs some room, too.
    half = (0.5 + MARGIN) * max((high - low).max(), 1e-9)
    x, y = (low + high) / 2
    ax.set(xlim=(x - half, x + half), ylim=(y - half, y + half))


def _draw_cells(centroids: FloatArray, ax: Axes) -> None:
    """Tint each place of the plane in the color of its nearest centroid."""
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    # The middle of each pixel.
    steps = (np.arange(CELL_PIXELS) + 0.5) / CELL_PIXELS
    x_steps = left + steps * (right - left)
    y_steps = bottom + steps * (top - bottom)
    x, y = np.meshgrid(x_steps, y_steps)
    places = np.column_stack([x.ravel(), y.ravel()])
    nearest = cdist(places, centroids, "sqeuclidean").argmin(axis=1)
    colors = np.array([to_rgb(cluster_color(i)) for i in range(len(centroids))])
    tints = 1 - CELL_TINT * (1 - colors)
    ax.imshow(
        tints[nearest].reshape(CELL_PIXELS, CELL_PIXELS, 3),
        extent=(left, right, bottom, top),
        interpolation="nearest",
        origin="lower",
        aspect="equal",
        zorder=0,
    )


def _draw_moves(before: FloatArray, after: FloatArray, ax: Axes) -> None:
    """Draw an arrow for each centroid that has moved."""
    for start, end in zip(before, after, strict=True):
        if np.array_equal(start, end):
            continue
        arrow = {"arrowstyle": "->", "color": "black", "shrinkA": 0, "shrinkB": 4}
        ax.annotate("", end, start, arrowprops=arrow)
        ax.plot(*start, "o", markersize=4, color=GREY)


def _draw_centroids(centroids: FloatArray, ax: Axes) -> None:
    """Draw each centroid as a cross in its color, with a black rim."""
    colors = [cluster_color(i) for i in range(len(centroids))]
    ax.scatter(
        centroids[:, 0],
        centroids[:, 1],
        c=colors,
        marker="X",
        s=110,
        edgecolors="black",
        linewidths=1.2,
        zorder=3,
    )
