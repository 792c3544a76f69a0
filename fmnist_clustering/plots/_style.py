"""Colors and line styles that the plots share."""

from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes

from fmnist_clustering._validation import check_integer

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
    """Return the color of a cluster: ten distinct ones, then grey.

    Parameters
    ----------
    cluster : int
        A cluster id, 0 or more.

    Returns
    -------
    str
        A hexadecimal color.

    Raises
    ------
    ValueError
        When `cluster` is no integer, or is below 0.
    """
    check_integer(cluster, "cluster", minimum=0)
    return COLORS[cluster] if cluster < len(COLORS) else GREY


def remove_frame(ax: Axes) -> None:
    """Remove the ticks, the grid and the frame, which a picture does not need.

    Parameters
    ----------
    ax : Axes
        The axes of a picture. Tick labels that are set later have no tick marks.
    """
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
