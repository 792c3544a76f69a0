"""Draw palettes, pictures in few colors, and what they cost."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fmnist_clustering._validation import check_columns, check_instance, check_numbers
from fmnist_clustering.plots._arguments import check_number
from fmnist_clustering.plots._style import (
    COLORS,
    GREY,
    HALO,
    MARK_LINE,
    N_LINE_COLORS,
    remove_frame,
)
from fmnist_clustering.quantization import IndexedImage

MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
"""The marker of each method; they start again after the last one."""


def plot_palette(image: IndexedImage, ax: Axes) -> Axes:
    """Draw a palette from dark to light, each color as wide as its share.

    Parameters
    ----------
    image : IndexedImage
        A picture in few colors.
    ax : Axes
        Where to draw.

    Returns
    -------
    Axes
        The same axes. The whole width stands for all pixels of the picture.

    Raises
    ------
    TypeError
        When an argument is of another type.
    """
    check_instance(image, "image", IndexedImage)
    check_instance(ax, "ax", Axes)
    widths = image.shares
    left_edges = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    ax.bar(
        left_edges,
        1,
        widths,
        align="edge",
        color=image.palette / 255,
        linewidth=0,
    )
    remove_frame(ax)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return ax


def plot_quantized(image: IndexedImage, ax: Axes, *, title: str = "") -> Axes:
    """Draw a picture in few colors, with its palette as a strip below.

    Parameters
    ----------
    image : IndexedImage
        A picture in few colors.
    ax : Axes
        Where to draw. The strip needs room below.
    title : str
        A text above the picture.

    Returns
    -------
    Axes
        The same axes. The strip is one of their child axes.

    Raises
    ------
    TypeError
        When an argument is of another type.
    """
    check_instance(image, "image", IndexedImage)
    check_instance(ax, "ax", Axes)
    check_instance(title, "title", str)
    ax.imshow(image.image)
    remove_frame(ax)
    ax.set_title(title, fontsize=10)
    strip = ax.inset_axes((0, -0.1, 1, 0.08))
    plot_palette(image, strip)
    return ax


def plot_rate_distortion(
    table: pd.DataFrame,
    ax: Axes,
    *,
    source: float | None = None,
) -> Axes:
    """Draw how well pictures are kept against their size: one line for each method.

    Parameters
    ----------
    table : DataFrame
        Each row is one file. The columns are ``method``; ``k``, which is written at
        the points of the first method; ``size``, which rises within a method, in a unit
        that the caller writes on the x-axis; ``PSNR`` in dB, higher is nearer to the
        original.
    ax : Axes
        Where to draw.
    source : float, optional
        The size of the file that the picture came from, which is drawn as a dashed
        line.

    Returns
    -------
    Axes
        The same axes. Each line ends with the name of its method. The x-axis starts at
        0; the y-axis does not, and its label says so.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, or a column is missing.
    """
    check_columns(table, "table", ["method", "k", "size", "PSNR"])
    check_numbers(table[["size", "PSNR"]], "table")
    if source is not None:
        check_number(source, "source", minimum=0)
    check_instance(ax, "ax", Axes)

    for i, (method, files) in enumerate(table.groupby("method", sort=False)):
        color = COLORS[i] if i < N_LINE_COLORS else GREY
        marker = MARKERS[i % len(MARKERS)]
        _draw_method(str(method), files, ax, color, marker)
        if i == 0:
            _write_numbers_of_colors(files, ax, color)
    if source is not None:
        ax.axvline(source, **MARK_LINE)
        ax.text(source, table["PSNR"].min(), "source file ", ha="right")
    ax.margins(y=0.12)
    largest = max(table["size"].max(), source or 0)
    ax.set(xlim=(0, 1.05 * largest), ylabel="PSNR, dB (not from 0)")
    return ax


def _draw_method(
    method: str,
    files: pd.DataFrame,
    ax: Axes,
    color: str,
    marker: str,
) -> None:
    """Draw the line of one method, with its name at the last point."""
    ax.plot(files["size"], files["PSNR"], color=color, marker=marker)
    last = files.iloc[-1]
    _annotate(method, (last["size"], last["PSNR"]), (8, 0), ax, color, va="center")


def _write_numbers_of_colors(files: pd.DataFrame, ax: Axes, color: str) -> None:
    """Write the number of colors above each point of one method."""
    for k, size, quality in zip(files["k"], files["size"], files["PSNR"], strict=True):
        point = (size, quality)
        _annotate(str(k), point, (0, 7), ax, color, ha="center", fontsize=8)


def _annotate(
    text: str,
    point: tuple[float, float],
    offset: tuple[float, float],
    ax: Axes,
    color: str,
    **options: Any,
) -> None:
    """Write a text with a halo at an offset, in points, from a point of a line."""
    ax.annotate(
        text,
        point,
        offset,
        textcoords="offset points",
        color=color,
        path_effects=HALO,
        **options,
    )
