"""Draw images of garments: in a grid, in groups, or as small framed pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.transforms import Transform
from numpy.typing import ArrayLike

from fmnist_clustering._checks import FloatArray
from fmnist_clustering.data import N_PIXELS
from fmnist_clustering.plots._style import COLORS, GREY, remove_frame

IMAGE_SIDE = 28
"""Pixels along an edge of an image."""

ZOOM = 2
"""Screen pixels along an edge of each image pixel."""


def fill_rows(rows: Sequence[ArrayLike], n_columns: int) -> FloatArray:
    """Fill rows of images with blank ones, so that a grid has them in equal columns.

    Parameters
    ----------
    rows : sequence of (m, 784) array-like
        The images of each row, grey values 0-255. The number m may differ from row to
        row, and may be 0.
    n_columns : int
        The number of images that each row gets, none smaller than m.

    Returns
    -------
    (n_rows, n_columns, 784) float64
        The images of each row, followed by white ones.
    """
    filled = np.zeros((len(rows), n_columns, N_PIXELS))
    for row, images in zip(filled, rows, strict=True):
        pixels = np.asarray(images)
        row[: len(pixels)] = pixels
    return filled


def plot_images(
    images: ArrayLike,
    ax: Axes,
    *,
    n_columns: int,
    row_names: Sequence[str] = (),
    gap: int = 2,
) -> Axes:
    """Draw images in a grid, dark on white, without any resampling.

    Parameters
    ----------
    images : (m, 784) array-like
        Grey values 0-255, higher is darker. The grid is filled row by row.
    ax : Axes
        Where to draw. The axes are resized to the grid, two screen pixels for each
        image pixel; their upper left corner stays.
    n_columns : int
        The number of images in each row of the grid.
    row_names : sequence of str
        One name for each row of the grid, written at its left; default: no names.
    gap : int
        Image pixels between two images.

    Returns
    -------
    Axes
        The same axes.
    """
    page = _arrange_in_grid(np.asarray(images, dtype=float), n_columns, gap)
    ax.imshow(
        page,
        cmap="gray_r",
        vmin=0,
        vmax=255,
        interpolation="nearest",
        origin="upper",
        aspect="auto",
    )
    remove_frame(ax)
    if len(row_names) > 0:
        middles = np.arange(IMAGE_SIDE / 2, len(page), IMAGE_SIDE + gap)
        ax.set_yticks(middles, row_names)
    _resize_to_pixels(ax, page.shape)
    return ax


def plot_members(
    groups: Mapping[str, ArrayLike],
    ax: Axes,
    *,
    row_names: Sequence[str] = (),
) -> Axes:
    """Draw members of clusters: one row for each cluster, in groups with a title.

    Parameters
    ----------
    groups : mapping of str to (k, m, 784) array-like
        For each title m images of each of the k clusters, grey values 0-255. The number
        m may differ from group to group.
    ax : Axes
        Where to draw; see `plot_images`. The titles need room above.
    row_names : sequence of str
        One name for each cluster, written at the left of its row; default: no names.

    Returns
    -------
    Axes
        The same axes.
    """
    gap = 1
    # Step 1: join the groups, with a blank column before each group but the first.
    columns: list[FloatArray] = []
    first_columns = []
    n_columns = 0
    for images in groups.values():
        block = np.asarray(images, dtype=float)
        if columns:
            columns.append(np.zeros((len(block), 1, N_PIXELS)))
            n_columns += 1
        first_columns.append(n_columns)
        columns.append(block)
        n_columns += block.shape[1]
    page = np.concatenate(columns, axis=1).reshape(-1, N_PIXELS)

    # Step 2: draw them, and write each title 4 image pixels above its first column.
    plot_images(page, ax, n_columns=n_columns, row_names=row_names, gap=gap)
    for title, first_column in zip(groups, first_columns, strict=True):
        ax.text(first_column * (IMAGE_SIDE + gap), -4, title, va="bottom")
    return ax


def draw_framed_image(
    image: FloatArray,
    ax: Axes,
    position: tuple[float, float],
    cluster: int | None,
    *,
    offset: tuple[int, int] = (0, 0),
    xycoords: str | Transform = "data",
) -> None:
    """Draw a small image with the id and the color of its cluster.

    Parameters
    ----------
    image : (784,) float64
        Grey values 0-255, higher is darker.
    ax : Axes
        Where to draw. The image may lie outside of the axes.
    position : (x, y)
        Where the center of the image stands.
    cluster : int or None
        The cluster id, written in the upper left corner; its color is that of the
        frame. With None, and beyond the ten colors, the frame is grey, without an id.
    offset : (x, y)
        How many screen pixels the image is moved from `position`, to the right and up.
    xycoords : str or Transform
        The coordinate system of `position`, as in `matplotlib.axes.Axes.annotate`.
    """
    color = GREY
    name = ""
    if cluster is not None and cluster < len(COLORS):
        color = COLORS[cluster]
        name = str(cluster)
    coordinates: dict[str, Any] = {"xycoords": xycoords, "annotation_clip": False}

    picture = OffsetImage(
        image.reshape(IMAGE_SIDE, IMAGE_SIDE),
        zoom=ZOOM,
        dpi_cor=False,
        cmap="gray_r",
        interpolation="nearest",
        origin="upper",
    )
    picture.image.set_clim(0, 255)
    frame = AnnotationBbox(
        picture,
        position,
        offset,
        boxcoords="offset pixels",
        pad=0.1,
        bboxprops={"edgecolor": color, "linewidth": 2},
        **coordinates,
    )
    ax.add_artist(frame)

    corner = IMAGE_SIDE * ZOOM // 2 - 1  # one pixel inside the image
    text = ax.annotate(
        name,
        position,
        (offset[0] - corner, offset[1] + corner),
        textcoords="offset pixels",
        **coordinates,
    )
    text.set(fontsize=8, fontweight="bold", va="top", zorder=4)


def _arrange_in_grid(images: FloatArray, n_columns: int, gap: int) -> FloatArray:
    """Return one large image that holds all images in a grid, row by row."""
    n_rows = math.ceil(len(images) / n_columns)
    step = IMAGE_SIDE + gap
    page = np.zeros((n_rows * step - gap, n_columns * step - gap))
    for i, image in enumerate(images):
        row, column = divmod(i, n_columns)
        top = row * step
        left = column * step
        square = image.reshape(IMAGE_SIDE, IMAGE_SIDE)
        page[top : top + IMAGE_SIDE, left : left + IMAGE_SIDE] = square
    return page


def _resize_to_pixels(ax: Axes, page_shape: tuple[int, ...]) -> None:
    """Give each pixel of the page its screen pixels, and start on the edge of one."""
    fig = ax.get_figure(root=True)
    assert fig is not None
    fig.set_layout_engine("none")  # a layout engine would move the axes again
    screen_width, screen_height = fig.get_size_inches() * fig.dpi
    n_rows, n_columns = page_shape
    width = n_columns * ZOOM / screen_width
    height = n_rows * ZOOM / screen_height
    box = ax.get_position()
    left = round(box.x0 * screen_width) / screen_width
    top = round(box.y1 * screen_height) / screen_height
    ax.set_position((left, top - height, width, height))
