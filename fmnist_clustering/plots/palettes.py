"""Draw palettes, pictures in few colors, and what they cost."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import ArrayLike

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
    """
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
    """
    ax.imshow(image.image, interpolation="nearest", origin="upper", aspect="equal")
    remove_frame(ax)
    ax.set_title(title, fontsize=10)
    strip = ax.inset_axes((0, -0.1, 1, 0.08))
    plot_palette(image, strip)
    return ax


def plot_color_cloud(
    colors: ArrayLike,
    ax: Axes3D,
    *,
    palette: ArrayLike | None = None,
) -> Axes3D:
    """Draw pixels as points in the cube of red, green and blue, each in its own color.

    Parameters
    ----------
    colors : (n, 3) array-like
        sRGB colors, 0 to 255. A few thousand suffice.
    ax : Axes3D
        Where to draw: axes with ``projection="3d"``.
    palette : (k, 3) array-like, optional
        Colors that are drawn as large dots with a white rim; default: none.

    Returns
    -------
    Axes3D
        The same axes. Black is at the lower left; the dots are in front of all points.
    """
    points = np.asarray(colors, dtype=float)
    ax.computed_zorder = False  # the palette before the pixels
    ax.scatter(*points.T, c=points / 255, s=3, alpha=0.5, linewidths=0)
    if palette is not None:
        dots = np.asarray(palette, dtype=float)
        ax.scatter(*dots.T, c=dots / 255, s=90, edgecolors="white", depthshade=False)
    ends = (0, 255)
    ax.set(xlim=ends, ylim=ends, zlim=ends, xticks=ends, yticks=ends, zticks=ends)
    ax.set(xlabel="red", ylabel="green", zlabel="blue")
    ax.view_init(elev=22, azim=-58)
    ax.set_box_aspect((1, 1, 1), zoom=0.9)
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
        original, and infinite where nothing is lost.
    ax : Axes
        Where to draw.
    source : float, optional
        The size of the file that the picture came from, which is drawn as a dashed
        line.

    Returns
    -------
    Axes
        The same axes. Each line ends with the name of its method. The x-axis starts at
        0; the y-axis does not, and its label says so. Files without loss stand on a
        dotted line above all others.
    """
    # What is infinite cannot be drawn to scale: it would vanish, and its name with it.
    is_lossless = np.isinf(table["PSNR"])
    level = _lossless_level(table["PSNR"][~is_lossless])
    drawn = table.assign(PSNR=table["PSNR"].mask(is_lossless, level))
    if is_lossless.any():
        ax.axhline(level, color=GREY, linewidth=0.8, linestyle=":")
        ax.text(0, level, " no loss: infinite PSNR", va="bottom", fontsize=8)
    if is_lossless.all():
        ax.set_yticks([])  # the level has no number

    for i, (method, files) in enumerate(drawn.groupby("method", sort=False)):
        color = COLORS[i] if i < N_LINE_COLORS else GREY
        marker = MARKERS[i % len(MARKERS)]
        _draw_method(str(method), files, ax, color, marker)
        if i == 0:
            _write_numbers_of_colors(files, ax, color)
    if source is not None:
        ax.axvline(source, **MARK_LINE)
        ax.text(source, drawn["PSNR"].min(), "source file ", ha="right")
    ax.margins(y=0.12)
    largest = max(table["size"].max(), source or 0)
    ax.set(xlim=(0, 1.05 * largest), ylabel="PSNR, dB (not from 0)")
    return ax


def _lossless_level(finite: pd.Series) -> float:
    """Return where files without loss stand: clearly above the finite PSNR values."""
    if finite.empty:
        return 0.0
    spread = finite.max() - finite.min()
    return float(finite.max() + max(0.2 * spread, 1.0))


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
