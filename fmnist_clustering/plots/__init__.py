"""Draw given numbers on given axes.

Nothing here fits a model, opens a window, or changes matplotlib's settings. Each
``plot_`` function draws results on given axes and returns them. Where a layout has to
be computed first, a function of its own does that.
"""

from fmnist_clustering.plots._style import COLORS, GREY
from fmnist_clustering.plots.clusters import (
    plot_contingency,
    plot_scatter,
    plot_silhouettes,
)
from fmnist_clustering.plots.curves import (
    plot_inertia,
    plot_picks,
    plot_selection,
    plot_silhouette_scores,
)
from fmnist_clustering.plots.images import fill_rows, plot_images, plot_members
from fmnist_clustering.plots.palettes import (
    plot_color_cloud,
    plot_palette,
    plot_quantized,
    plot_rate_distortion,
)
from fmnist_clustering.plots.plane import plot_plane
from fmnist_clustering.plots.tanglegram import plot_tanglegram
from fmnist_clustering.plots.trees import plot_dendrogram, plot_family_tree

__all__ = [
    "COLORS",
    "GREY",
    "fill_rows",
    "plot_color_cloud",
    "plot_contingency",
    "plot_dendrogram",
    "plot_family_tree",
    "plot_images",
    "plot_inertia",
    "plot_members",
    "plot_palette",
    "plot_picks",
    "plot_plane",
    "plot_quantized",
    "plot_rate_distortion",
    "plot_scatter",
    "plot_selection",
    "plot_silhouette_scores",
    "plot_silhouettes",
    "plot_tanglegram",
]
