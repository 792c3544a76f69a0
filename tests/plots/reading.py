"""Read back what was drawn on axes."""

import io
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from numpy.typing import NDArray
from PIL import Image

matplotlib.use("agg")


def new_axes() -> Axes:
    return Figure().subplots()


def render(ax: Axes) -> NDArray[np.uint8]:
    """Return the pixels of the whole figure."""
    fig = ax.get_figure(root=True)
    assert fig is not None
    stream = io.BytesIO()
    fig.savefig(stream, format="png", dpi="figure")
    with Image.open(stream) as picture:
        return np.asarray(picture.convert("RGB"))


def x_tick_texts(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def y_tick_texts(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def notes(ax: Axes) -> dict[str, tuple[float, float]]:
    """Return the texts that belong to points, and their points."""
    return {
        text.get_text(): text.xy for text in ax.texts if isinstance(text, Annotation)
    }


def lines_with_dots(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if line.get_marker() == "o"]


def upright_lines(ax: Axes) -> list[float]:
    """Return the x of each line from the bottom to the top of the axes."""
    lines = [np.asarray(line.get_xydata()) for line in ax.lines]
    return [float(line[0, 0]) for line in lines if line[:, 1].tolist() == [0, 1]]


def line_collection(ax: Axes) -> LineCollection:
    """Return the only collection of lines."""
    (lines,) = [item for item in ax.collections if isinstance(item, LineCollection)]
    return lines


def segments(lines: LineCollection) -> list[NDArray[np.float64]]:
    return [np.asarray(segment) for segment in lines.get_segments()]


def bars(ax: Axes) -> list[Rectangle]:
    rectangles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(rectangles) == len(ax.patches)
    return rectangles


def hex_colors(rgba: Any) -> list[str]:
    return [to_hex(color) for color in np.atleast_2d(np.asarray(rgba))]


def framed_images(ax: Axes) -> dict[tuple[float, float], tuple[float, str]]:
    """Return the mean grey and the frame color of each framed image, by its place."""
    found = {}
    for box in ax.artists:
        if isinstance(box, AnnotationBbox):
            x, y = box.xy
            grey = np.asarray(cast(OffsetImage, box.offsetbox).get_data()).mean()
            frame_color = to_hex(box.patch.get_edgecolor())
            found[round(float(x), 3), y] = (float(grey), frame_color)
    return found
