"""Figures are ours, whatever a reader has set in a personal `matplotlibrc`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
import pytest
from matplotlib.axes import Axes

from fmnist_clustering import IndexedImage, plots
from fmnist_clustering.notebook import ARTIFACTS_VARIABLE, STYLE, show
from tests.plots.reading import new_axes, render

HOSTILE = """
savefig.bbox: tight
savefig.dpi: 37
savefig.transparent: True
figure.dpi: 220
figure.figsize: 3, 3
figure.autolayout: True
image.cmap: jet
image.interpolation: bicubic
axes.prop_cycle: cycler('color', ['lime', 'pink'])
axes.linewidth: 5
axes.titlepad: 30
axes.formatter.limits: -1, 1
axes.autolimit_mode: round_numbers
font.weight: bold
text.usetex: True
text.color: red
lines.linestyle: --
legend.loc: lower left
grid.linestyle: :
errorbar.capsize: 9
xtick.direction: in
xtick.minor.visible: True
path.sketch: 3, 50, 5
"""


def draw(folder: Path, styles: list[str], later: str = "default") -> bytes:
    """Draw a figure under some styles, show it under another one; return its file."""
    with matplotlib.style.context(styles):
        fig, axes = plt.subplots(2, 2, figsize=(8, 6))
        axes[0, 0].plot([-1, 0, 10_000_000], [3, -1, 2], label="loss")
        axes[0, 0].legend()
        axes[0, 0].set(title="Curve", xlabel="k", ylabel="loss")
        axes[0, 1].imshow(np.arange(12).reshape(3, 4))
        axes[1, 0].bar([1, 2], [3, 4])
        axes[1, 0].scatter([1, 2], [3, 4])
        axes[1, 0].errorbar([1, 2], [2, 3], [1, 1])
        plots.plot_inertia([1, 2, 3], [9.0, 5, 4], axes[1, 1], chosen=2)
        with matplotlib.style.context(later):
            show(fig, alt="All", save="all.png")
    return (folder / "all.png").read_bytes()


@pytest.mark.slow
def test_personal_settings_change_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(tmp_path))
    personal = str(tmp_path / "personal.mplstyle")
    Path(personal).write_text(HOSTILE)
    ours = draw(tmp_path, ["default", STYLE])
    assert draw(tmp_path, [personal, "default", STYLE]) == ours, "as in the notebooks"
    # Some settings count when a figure is drawn, and not when it is created.
    kinds = ("savefig", "axes", "path", "image", "figure")
    lines = [line for line in HOSTILE.splitlines() if line.startswith(kinds)]
    later = tmp_path / "later.mplstyle"
    later.write_text("\n".join(lines))
    assert draw(tmp_path, ["default", STYLE], str(later)) == ours


# Figures of the reader's own keep the reader's fonts and colors, but no picture may
# stand on its head.

IMAGE = np.repeat(np.arange(28) * 9, 28)[np.newaxis]  # white above, black below
PICTURE = IndexedImage(
    np.array([[0, 0, 0], [255, 0, 0]], dtype=np.uint8),
    np.array([[0, 0, 0], [0, 1, 1]], dtype=np.uint8),
)
DRAWN: list[Callable[[Axes], Axes]] = [
    lambda ax: plots.plot_images(IMAGE, ax, n_columns=1),
    lambda ax: plots.plot_silhouettes([0.5, 0], [0, 0], IMAGE, ax),
    lambda ax: plots.plot_family_tree([[0, 0]], [IMAGE], ax),
    lambda ax: plots.plot_quantized(PICTURE, ax),
]


@pytest.mark.parametrize("plot", DRAWN, ids=["images", "framed", "tree", "quantized"])
def test_pictures_do_not_follow_settings_of_images(
    plot: Callable[[Axes], Axes],
) -> None:
    hostile: dict[str, Any] = {"image.origin": "lower", "image.cmap": "jet"}
    hostile |= {"image.interpolation": "bicubic", "image.aspect": "auto"}
    pages = []
    for settings in ({}, hostile):
        with matplotlib.style.context(["default", settings]):
            pages.append(render(plot(new_axes())))
    np.testing.assert_array_equal(pages[1], pages[0])
