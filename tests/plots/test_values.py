"""Tables and arrays of the right type that hold what cannot be drawn."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from fmnist_clustering import plots
from tests.plots.reading import new_axes

SCORES = pd.DataFrame(
    {"inertia": [9.0, 5, 4], "stability": [np.nan, 0.9, 0.8], "standard error": 0.1},
    index=pd.Index([1, 2, 3], name="k"),
)
SELECTED = pd.DataFrame(
    {"rule": "maximum", "pick": [3, 2], "runner-up": [2, 3]},
    index=["inertia", "stability"],
)
COUNTS = pd.DataFrame([[3, 0], [1, 2]])
FILES = pd.DataFrame({"method": "ours", "k": [2, 5], "size": [5, 9], "PSNR": [20, 25]})
IMAGES = np.full((2, 784), 100.0)
SQUARE = np.array([[0.0, 0], [1, 2]])

Draw = Callable[[Axes], object]


def draw_scores(scores: pd.DataFrame) -> Draw:
    return lambda ax: plots.plot_selection(scores, SELECTED, [ax, new_axes()])


def draw_files(files: pd.DataFrame) -> Draw:
    return lambda ax: plots.plot_rate_distortion(files, ax)


REFUSED: dict[str, tuple[Draw, str]] = {
    "score twice": (draw_scores(pd.concat([SCORES, SCORES], axis=1)), "scores"),
    "k twice": (draw_scores(SCORES.set_axis([1, 2, 2])), "scores"),
    "k falls": (draw_scores(SCORES[::-1]), "scores"),
    "k as text": (draw_scores(SCORES.set_axis([*"123"])), "scores"),
    "stability above 1": (draw_scores(SCORES.assign(stability=220.57)), "scores"),
    "infinite inertia": (draw_scores(SCORES.assign(inertia=np.inf)), "scores"),
    "error below 0": (draw_scores(SCORES.assign(**{"standard error": -1})), "scores"),
    "error as text": (draw_scores(SCORES.assign(**{"standard error": "a"})), "scores"),
    "error twice": (
        draw_scores(pd.concat([SCORES, SCORES[["standard error"]]], axis=1)),
        "scores",
    ),
    "counts below 0": (lambda ax: plots.plot_contingency(COUNTS - 2, ax), "table"),
    "column twice": (draw_files(pd.concat([FILES, FILES], axis=1)), "table"),
    "file without method": (draw_files(FILES.assign(method=None)), "table"),
    "file without k": (draw_files(FILES.assign(k=np.nan)), "table"),
    "cost below 0": (
        lambda ax: plots.plot_inertia([2, 3], [5, -1], ax),
        "inertia",
    ),
    "silhouette below -1": (
        lambda ax: plots.plot_silhouettes([0.5, -1.5], [0, 1], IMAGES, ax),
        "samples",
    ),
    "no silhouette": (
        lambda ax: plots.plot_silhouettes([0.5, np.nan], [0, 1], IMAGES, ax),
        "samples",
    ),
    "percent as shares": (
        lambda ax: plots.plot_scatter(SQUARE, [0, 1], ax, explained=[30, 20]),
        "explained",
    ),
    "too dark": (
        lambda ax: plots.plot_images(3 * IMAGES, ax, n_columns=1),
        "images",
    ),
    "no grey": (
        lambda ax: plots.plot_images(np.nan * IMAGES, ax, n_columns=1),
        "images",
    ),
    "pictures too light": (
        lambda ax: plots.plot_family_tree([[0, 1]], [-IMAGES], ax),
        "pictures",
    ),
    "rows too light": (lambda _: plots.fill_rows([-IMAGES], 2), "rows"),
    "groups too dark": (
        lambda ax: plots.plot_members({"near": 3 * IMAGES[:, np.newaxis]}, ax),
        "groups",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_cannot_be_are_refused(case: str) -> None:
    draw, name = REFUSED[case]
    with pytest.raises(ValueError, match=rf"^{name}: found .*, expected "):
        draw(new_axes())


def test_names_are_text() -> None:
    names = {0: "Bag", 1: 5}
    with pytest.raises(TypeError, match=r"^names\[1\]: found int, expected str$"):
        plots.plot_scatter(SQUARE, [0, 1], new_axes(), names=names)  # type: ignore[arg-type]


def test_a_mean_of_white_images_may_be_off_by_rounding() -> None:
    plots.plot_images(np.full((1, 784), 255 + 1e-9), new_axes(), n_columns=1)
