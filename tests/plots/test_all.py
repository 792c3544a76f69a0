"""What holds for every plot function."""

from collections.abc import Callable
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import linkage

from fmnist_clustering import IndexedImage, plots, truncate_tree
from tests.plots.reading import framed_images, new_axes

Draw = Callable[[Axes], object]

K_VALUES = [2, 3]
IMAGES = np.full((2, 784), 100.0)
LABELS = np.array([0, 0, 1])
SCORES = pd.DataFrame({"inertia": [9.0, 5], "silhouette": [0.2, 0.1]}, index=K_VALUES)
SELECTED = pd.DataFrame(
    {"pick": [2], "why none": [""], "at edge": [True]},
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
        K_VALUES, [0.2, 0.1], ax
    ),
    "plot_selection": lambda ax: plots.plot_selection(SCORES, SELECTED, [ax]),
    "plot_silhouettes": lambda ax: plots.plot_silhouettes(
        [0.5, -0.1, 0.2], LABELS, IMAGES, ax
    ),
    "plot_scatter": lambda ax: plots.plot_scatter(POINTS, LABELS, ax),
    "plot_plane": lambda ax: plots.plot_plane(
        POINTS, LABELS, ax, centroids=POINTS[:2], moved_from=POINTS[1:]
    ),
    "plot_picks": lambda ax: plots.plot_picks(
        pd.Series([2, 3]), ax, true_k=2, largest_k=3
    ),
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


def test_every_plot_function_is_drawn_here() -> None:
    functions = {name for name in plots.__all__ if name.startswith("plot_")}
    assert functions == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_draws_on_the_given_axes_and_leaves_all_else(name: str) -> None:
    current = plt.figure()
    kind = {"projection": "3d" if name == "plot_color_cloud" else None}
    ax, neighbor = Figure().subplots(1, 2, subplot_kw=kind)
    others = [*current.get_children(), *neighbor.get_children()]
    # Settings that are nobody's default: to set what holds anyway would not be seen.
    with matplotlib.style.context("fmnist_clustering.notebook", after_reset=True):
        before = dict(matplotlib.rcParams.copy())
        try:
            result = CASES[name](ax)
            assert plt.get_fignums() == [current.number]
        finally:
            plt.close("all")
        assert dict(matplotlib.rcParams.copy()) == before
    assert result is ax or name == "plot_selection"
    assert [*current.get_children(), *neighbor.get_children()] == others
    assert ax.figure.axes == [ax, neighbor]


def test_the_eleventh_picture_has_a_grey_frame() -> None:
    labels = range(11)
    images = np.zeros((11, 784))
    ax = plots.plot_silhouettes(np.zeros(11), labels, images, new_axes())
    assert framed_images(ax)[-0.07, 10] == (0, plots.GREY)
    ids = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert ids == [*"0123456789", ""]


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (plots.plot_scatter, (POINTS, [0, 1]), "labels: found shape"),
        (plots.plot_plane, (POINTS, [0, -1, 1]), "labels: found -1"),
        (plots.plot_silhouettes, ([0.5, 0.1], [0, 1], IMAGES[:1]), "shorter"),
    ],
    ids=["a label missing", "noise of DBSCAN", "a picture missing"],
)
def test_what_would_leave_out_a_cluster_is_refused(
    draw: Callable[..., Axes], arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw(*arguments, new_axes())


def test_each_leaf_needs_its_picture() -> None:
    with pytest.raises(ValueError, match=r"^pictures: found 2, expected one for each"):
        plots.plot_dendrogram(TREE, new_axes(), pictures=IMAGES)
