"""Colors and line styles that the plots share."""

from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes

COLORS = (
    "#3f90da",
    "#bd1f01",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#717581",
    "#ffa90e",
    "#b9ac70",
    "#94a4a2",
    "#92dadd",
)
"""Cluster i has color i. These are the ten colors of Petroff (2021, arXiv:2107.02270),
ordered so that the six that are dark enough for lines on white come first."""

N_LINE_COLORS = 6
"""How many of the colors are dark enough for lines and small text on white."""

GREY = "#444444"
"""The color of what belongs to no cluster, and of all clusters beyond the ten."""

HALO = [patheffects.withStroke(linewidth=3, foreground="white")]
"""Path effects that keep text readable on lines and points."""

MARK_LINE: dict[str, Any] = {"color": "black", "linewidth": 1.2, "linestyle": "--"}
"""How a line looks that marks one value, such as a chosen k, a cut, or a mean."""


def cluster_color(cluster: int) -> str:
    """Return the color of a cluster id, 0 or more: ten distinct ones, then grey."""
    return COLORS[cluster] if cluster < len(COLORS) else GREY


def remove_frame(ax: Axes) -> None:
    """Remove the ticks, the grid and the frame, which a picture does not need."""
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)  # for tick labels that are set later
