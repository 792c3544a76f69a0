"""Draw images of garments: in a grid, in groups, or as small framed pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.transforms import Transform
from numpy.typing import ArrayLike

from fmnist_clustering._validation import (
    FloatArray,
    check_instance,
    check_integer,
    check_names,
    check_numbers,
)
from fmnist_clustering.data import N_PIXELS
from fmnist_clustering.plots._arguments import check_grey, check_images
from fmnist_clustering.plots._style import COLORS, cluster_color, remove_frame

IMAGE_SIDE = 28
"""Pixels along an edge of an image."""

FRAMED_ZOOM = 2
"""Screen pixels along an edge of each image pixel in a framed picture."""


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

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, there are no rows, or a row holds more
        than `n_columns` images.
    """
    check_instance(rows, "rows", Sequence)
    check_integer(n_columns, "n_columns")
    if len(rows) == 0:
        raise ValueError("rows: found none, expected one or more")
    filled = np.zeros((len(rows), n_columns, N_PIXELS))
    for i, images in enumerate(rows):
        pixels = check_numbers(images, "rows")
        if pixels.ndim != 2 or len(pixels) > n_columns or pixels.shape[1] != N_PIXELS:
            expected = f"(m, {N_PIXELS}) with m up to {n_columns}"
            raise ValueError(f"rows: found shape {pixels.shape}, expected {expected}")
        check_grey(pixels, "rows")
        filled[i, : len(pixels)] = pixels
    return filled


def plot_images(
    images: ArrayLike,
    ax: Axes,
    *,
    n_columns: int,
    row_names: Sequence[str] = (),
    zoom: int = 2,
    gap: int = 2,
) -> Axes:
    """Draw images in a grid, dark on white, without any resampling.

    Parameters
    ----------
    images : (m, 784) array-like
        Grey values 0-255, higher is darker. The grid is filled row by row.
    ax : Axes
        Where to draw. The axes are resized to the grid; their upper left corner stays.
    n_columns : int
        The number of images in each row of the grid.
    row_names : sequence of str
        One name for each row of the grid, written at its left; default: no names.
    zoom : int
        Screen pixels along an edge of each image pixel.
    gap : int
        Image pixels between two images.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind: images that do not have 784 values each,
        another number of names than of rows, or counts that are no integers.
    """
    pixels = check_images(images, "images")
    check_instance(ax, "ax", Axes)
    check_integer(n_columns, "n_columns")
    n_rows = math.ceil(len(pixels) / n_columns)
    names = check_names(row_names, "row_names", n_rows)
    zoom = check_integer(zoom, "zoom")
    check_integer(gap, "gap", minimum=0)

    page = _arrange_in_grid(pixels, n_rows, n_columns, gap)
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
    step = IMAGE_SIDE + gap
    middles = [row * step + IMAGE_SIDE / 2 for row in range(len(names))]
    ax.set_yticks(middles, names)
    _resize_to_pixels(ax, page.shape, zoom)
    return ax


def plot_members(
    groups: Mapping[str, ArrayLike],
    ax: Axes,
    *,
    row_names: Sequence[str] = (),
    zoom: int = 2,
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
    zoom : int
        Screen pixels along an edge of each image pixel.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    TypeError, ValueError
        When the groups do not all hold images of k clusters, or as `plot_images`.
    """
    blocks = _check_groups(groups)
    gap = 1
    # Step 1: join the groups, with a blank column before each group but the first.
    columns: list[FloatArray] = []
    first_columns = []
    n_columns = 0
    for block in blocks:
        if columns:
            columns.append(np.zeros((len(block), 1, N_PIXELS)))
            n_columns += 1
        first_columns.append(n_columns)
        columns.append(block)
        n_columns += block.shape[1]
    images = np.concatenate(columns, axis=1).reshape(-1, N_PIXELS)

    # Step 2: draw them, and write each title 4 image pixels above its first column.
    plot_images(
        images,
        ax,
        n_columns=n_columns,
        row_names=row_names,
        zoom=zoom,
        gap=gap,
    )
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
        Grey values 0-255, higher is darker. Each is 2 x 2 screen pixels large.
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
    is_colored = cluster is not None and cluster < len(COLORS)
    # All ids beyond the ten have one grey, so any of them stands for "no color".
    color = cluster_color(len(COLORS) if cluster is None else cluster)
    coordinates: dict[str, Any] = {"xycoords": xycoords, "annotation_clip": False}

    picture = OffsetImage(
        image.reshape(IMAGE_SIDE, IMAGE_SIDE),
        zoom=FRAMED_ZOOM,
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

    corner = IMAGE_SIDE * FRAMED_ZOOM // 2 - 1  # one pixel inside the image
    text = ax.annotate(
        str(cluster) if is_colored else "",
        position,
        (offset[0] - corner, offset[1] + corner),
        textcoords="offset pixels",
        **coordinates,
    )
    text.set(fontsize=8, fontweight="bold", va="top", zorder=4)


def _arrange_in_grid(
    pixels: FloatArray,
    n_rows: int,
    n_columns: int,
    gap: int,
) -> FloatArray:
    """Return one large image that holds all images in a grid, row by row."""
    step = IMAGE_SIDE + gap
    page = np.zeros((n_rows * step - gap, n_columns * step - gap))
    for i, image in enumerate(pixels):
        row, column = divmod(i, n_columns)
        top = row * step
        left = column * step
        square = image.reshape(IMAGE_SIDE, IMAGE_SIDE)
        page[top : top + IMAGE_SIDE, left : left + IMAGE_SIDE] = square
    return page


def _resize_to_pixels(ax: Axes, page_shape: tuple[int, ...], zoom: int) -> None:
    """Resize axes so that each pixel of the page is `zoom` screen pixels wide.

    The upper left corner moves to the nearest edge of a screen pixel.
    """
    fig = ax.get_figure(root=True)
    if fig is None:
        return
    fig.set_layout_engine("none")  # a layout engine would move the axes again
    screen_width, screen_height = fig.get_size_inches() * fig.dpi
    n_rows, n_columns = page_shape
    width = n_columns * zoom / screen_width
    height = n_rows * zoom / screen_height
    box = ax.get_position()
    left = round(box.x0 * screen_width) / screen_width
    top = round(box.y1 * screen_height) / screen_height
    ax.set_position((left, top - height, width, height))


def _check_groups(groups: Mapping[str, ArrayLike]) -> list[FloatArray]:
    """Return the images of each group as float64 if all have the same clusters."""
    check_instance(groups, "groups", Mapping)
    blocks = [check_numbers(images, "groups") for images in groups.values()]
    shapes = [block.shape for block in blocks]
    hold_images = all(
        len(shape) == 3 and shape[2] == N_PIXELS and 0 not in shape for shape in shapes
    )
    if not hold_images or len({shape[0] for shape in shapes}) != 1:
        expected = f"(k, m, {N_PIXELS}) with the same k"
        raise ValueError(f"groups: found shapes {shapes}, expected {expected}")
    for block in blocks:
        check_grey(block, "groups")
    return blocks
