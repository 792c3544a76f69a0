"""What holds for every plot function."""

from collections.abc import Callable

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import linkage

from fmnist_clustering import IndexedImage, plots, truncate_tree

Draw = Callable[[Axes], object]

K_VALUES = [2, 3]
IMAGES = np.full((2, 784), 100.0)
LABELS = np.array([0, 0, 1])
SCORES = pd.DataFrame({"inertia": [9.0, 5], "silhouette": [0.2, 0.1]}, index=K_VALUES)
SELECTED = pd.DataFrame(
    {"rule": ["maximum"], "pick": [2], "runner-up": [3]},
    index=["silhouette"],
)
POINTS = np.array([[0.0, 0], [1, 2], [3, 1]])
COUNTS = pd.DataFrame([[3, 0], [1, 2]])
TREE = truncate_tree(linkage(POINTS), 3)
PALETTE = np.array([[0, 0, 0], [200, 0, 0]], dtype=np.uint8)
PICTURE = IndexedImage(PALETTE, np.array([[0, 1], [1, 1]], dtype=np.uint8))
FILES = pd.DataFrame(
    {"method": "ours", "k": K_VALUES, "size": [5, 9], "PSNR": [20, 25]}
)

CASES: dict[str, Draw] = {
    "plot_images": lambda ax: plots.plot_images(IMAGES, ax, n_columns=2),
    "plot_members": lambda ax: plots.plot_members({"mean": IMAGES[:, None]}, ax),
    "plot_inertia": lambda ax: plots.plot_inertia(K_VALUES, [9, 3], ax, chosen=2),
    "plot_silhouette_scores": lambda ax: plots.plot_silhouette_scores(
        K_VALUES,
        [0.2, 0.1],
        ax,
    ),
    "plot_selection": lambda ax: plots.plot_selection(SCORES, SELECTED, [ax]),
    "plot_silhouettes": lambda ax: plots.plot_silhouettes(
        [0.5, -0.1, 0.2],
        LABELS,
        IMAGES,
        ax,
    ),
    "plot_scatter": lambda ax: plots.plot_scatter(POINTS, LABELS, ax),
    "plot_plane": lambda ax: plots.plot_plane(
        POINTS,
        LABELS,
        ax,
        centroids=POINTS[:2],
        moved_from=POINTS[1:],
    ),
    "plot_picks": lambda ax: plots.plot_picks(pd.Series([2, 3]), ax, true_k=2),
    "plot_contingency": lambda ax: plots.plot_contingency(COUNTS, ax),
    "plot_family_tree": lambda ax: plots.plot_family_tree([LABELS], [IMAGES], ax),
    "plot_dendrogram": lambda ax: plots.plot_dendrogram(TREE, ax, cut=1),
    "plot_tanglegram": lambda ax: plots.plot_tanglegram(
        TREE,
        TREE,
        ax,
        pictures=np.zeros((3, 784)),
        lower_pictures=np.zeros((3, 784)),
        labels=TREE.labels,
        is_recovered=[True, False],
    ),
    "plot_color_cloud": lambda ax: plots.plot_color_cloud(
        PALETTE, ax, palette=PALETTE[:1]
    ),
    "plot_palette": lambda ax: plots.plot_palette(PICTURE, ax),
    "plot_quantized": lambda ax: plots.plot_quantized(PICTURE, ax, title="two"),
    "plot_rate_distortion": lambda ax: plots.plot_rate_distortion(FILES, ax, source=5),
}


def projection_of(draw: Draw) -> str | None:
    """Return the projection of the axes that a plot needs; None is the usual one."""
    return "3d" if draw is CASES["plot_color_cloud"] else None


every_function = pytest.mark.parametrize("draw", CASES.values(), ids=CASES.keys())


def test_every_plot_function_is_drawn_here() -> None:
    functions = {name for name in plots.__all__ if name.startswith("plot_")}
    assert functions == set(CASES)


@every_function
def test_draws_on_the_given_axes_only(
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[object] = []
    monkeypatch.setattr(plt, "show", shown.append)
    current = plt.figure()
    projection = {"projection": projection_of(draw)}
    ax, neighbor = Figure().subplots(1, 2, subplot_kw=projection)
    children_of_current = current.get_children()
    children_of_neighbor = neighbor.get_children()
    try:
        result = draw(ax)
        assert plt.get_fignums() == [current.number]
    finally:
        plt.close("all")
    assert result is ax or draw is CASES["plot_selection"]
    assert current.get_children() == children_of_current
    assert neighbor.get_children() == children_of_neighbor
    assert ax.figure.axes == [ax, neighbor]
    assert not shown


# Under two styles, since setting what holds anyway would not be seen.
@pytest.mark.parametrize("style", ["default", "fmnist_clustering.notebook"])
@every_function
def test_settings_of_matplotlib_stay(draw: Draw, style: str) -> None:
    with matplotlib.style.context(style, after_reset=True):
        before = dict(matplotlib.rcParams.copy())
        draw(Figure().add_subplot(projection=projection_of(draw)))
        assert dict(matplotlib.rcParams.copy()) == before


def test_ten_colors_differ_and_all_others_are_grey() -> None:
    colors = [plots.cluster_color(cluster) for cluster in range(10)]
    assert colors == list(plots.COLORS)
    assert len({to_rgb(color) for color in [*colors, plots.GREY]}) == 11
    for cluster in (10, 11, 99):
        assert plots.cluster_color(cluster) == plots.GREY


def test_there_is_no_color_below_0() -> None:
    with pytest.raises(ValueError, match=r"^cluster: found -1, expected "):
        plots.cluster_color(-1)
