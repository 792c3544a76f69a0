"""Figures are ours, whatever a reader has set in a personal `matplotlibrc`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure

from fmnist_clustering import IndexedImage, plots
from fmnist_clustering.notebook import show
from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from tests.notebooks.reading import NOTEBOOKS, code_cells
from tests.plots.reading import new_axes, render

# mypy would have the name of every setting spelled out.
rc_context: Any = matplotlib.rc_context

HOSTILE = {
    "savefig.bbox": "tight",
    "savefig.pad_inches": "1",
    "savefig.dpi": "37",
    "savefig.format": "svg",
    "savefig.transparent": "True",
    "savefig.facecolor": "black",
    "savefig.edgecolor": "red",
    "figure.dpi": "220",
    "figure.figsize": "3, 3",
    "figure.facecolor": "yellow",
    "figure.autolayout": "True",
    "figure.subplot.left": "0.4",
    "figure.constrained_layout.w_pad": "0.5",
    "figure.titlesize": "30",
    "image.cmap": "jet",
    "image.origin": "lower",
    "image.aspect": "auto",
    "image.interpolation": "bicubic",
    "axes.prop_cycle": "cycler('color', ['lime', 'pink'])",
    "axes.spines.left": "False",
    "axes.linewidth": "5",
    "axes.xmargin": "0.4",
    "axes.grid.which": "both",
    "axes.titlepad": "30",
    "axes.titlecolor": "red",
    "axes.labelpad": "20",
    "axes.labelweight": "bold",
    "axes.unicode_minus": "False",
    "axes.formatter.limits": "-1, 1",
    "axes.autolimit_mode": "round_numbers",
    "font.style": "italic",
    "font.weight": "bold",
    "text.usetex": "True",
    "text.color": "red",
    "text.antialiased": "False",
    "lines.linestyle": "--",
    "lines.marker": "x",
    "lines.antialiased": "False",
    "markers.fillstyle": "none",
    "patch.force_edgecolor": "True",
    "hatch.linewidth": "4",
    "legend.loc": "lower left",
    "legend.fontsize": "20",
    "legend.shadow": "True",
    "grid.linestyle": ":",
    "grid.alpha": "0.2",
    "scatter.marker": "s",
    "scatter.edgecolors": "red",
    "errorbar.capsize": "9",
    "xtick.direction": "in",
    "xtick.labelsize": "20",
    "xtick.major.width": "4",
    "xtick.minor.visible": "True",
    "xtick.top": "True",
    "ytick.right": "True",
    "ytick.labelleft": "False",
    "path.sketch": "3, 50, 5",
}

SCRIPT = """
import sys
import numpy as np
import matplotlib
import matplotlib.pyplot as plt
exec(sys.argv[1])
from fmnist_clustering import plots
from fmnist_clustering.notebook import show
import fmnist_clustering.notebook
fmnist_clustering.notebook.display = lambda *_, **__: None
exec(sys.argv[2])

fig, axes = plt.subplots(2, 2, figsize=(8, 6))
axes[0, 0].plot([-1, 0, 10_000_000], [3, -1, 2], label="loss")
axes[0, 0].legend()
axes[0, 0].set(title="Curve", xlabel="k", ylabel="loss")
axes[0, 1].imshow(np.arange(12).reshape(3, 4))
axes[1, 0].bar([1, 2], [3, 4])
axes[1, 0].scatter([1, 2], [3, 4])
axes[1, 0].errorbar([1, 2], [2, 3], [1, 1])
plots.plot_inertia([1, 2, 3], [9.0, 5, 4], axes[1, 1], chosen=2)
show(fig, alt="All", save="all.png")

fig, ax = plt.subplots()
plots.plot_images(np.arange(784 * 2).reshape(2, 784) % 256, ax, n_columns=2)
show(fig, alt="Images", save="images.png")
"""


def setup_line() -> str:
    """Return the line by which the notebooks set up their figures."""
    lines = {
        line
        for path in NOTEBOOKS
        for cell in code_cells(nbformat.read(path, as_version=4))
        for line in cell.source.splitlines()
        if "style" in line and line.startswith("plt.")
    }
    (line,) = lines
    return str(line)


def draw_in_new_process(
    folder: Path,
    *,
    settings_file: Path | None = None,
    before: str = "",
) -> dict[str, bytes]:
    """Draw figures as the notebooks do, in a process that has read its settings."""
    environment = os.environ | {ARTIFACTS_VARIABLE: str(folder), "MPLBACKEND": "agg"}
    environment.pop("MATPLOTLIBRC", None)
    if settings_file is not None:
        environment["MATPLOTLIBRC"] = str(settings_file)
        del environment["MPLBACKEND"]
    arguments = [sys.executable, "-c", SCRIPT, before, setup_line()]
    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.slow
def test_a_personal_matplotlibrc_changes_nothing(tmp_path: Path) -> None:
    ours = draw_in_new_process(tmp_path / "ours")
    assert ours.keys() == {"all.png", "images.png"}
    lines = [f"{name}: {value}" for name, value in HOSTILE.items()]
    settings_file = tmp_path / "matplotlibrc"
    settings_file.write_text("\n".join(lines))
    personal = draw_in_new_process(tmp_path / "personal", settings_file=settings_file)
    assert personal == ours


@pytest.mark.slow
def test_settings_of_the_session_before_ours_change_nothing(tmp_path: Path) -> None:
    ours = draw_in_new_process(tmp_path / "ours")
    before = f"matplotlib.rcParams.update({HOSTILE!r})"
    assert draw_in_new_process(tmp_path / "session", before=before) == ours


def test_our_style_alone_undoes_what_readers_set(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fmnist_clustering.notebook.display", lambda *_, **__: None)
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(tmp_path))

    def draw(name: str, settings: dict[str, str]) -> bytes:
        with matplotlib.style.context([settings, "fmnist_clustering.notebook"]):
            fig, axes = plt.subplots(1, 3)
            axes[0].plot([-1, 0, 10_000_000], [3, -1, 2], label="loss")
            axes[0].legend()
            axes[0].set(title="Curve", xlabel="k", ylabel="loss")
            axes[1].imshow(np.arange(12).reshape(3, 4))
            axes[2].bar([1, 2], [3, 4])
            axes[2].scatter([1, 2], [3, 4])
            axes[2].errorbar([1, 2], [2, 3], [1, 1])
            show(fig, alt="All", save=name)
        return (tmp_path / name).read_bytes()

    assert draw("b.png", HOSTILE) == draw("a.png", {})


HOSTILE_AT_THE_END = {
    name: value
    for name, value in HOSTILE.items()
    if name.startswith(("savefig.", "axes.", "text.", "path.", "image.", "figure."))
}


def test_settings_that_come_after_the_figure_change_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fmnist_clustering.notebook.display", lambda *_, **__: None)
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(tmp_path))

    def draw(name: str, settings: dict[str, Any]) -> bytes:
        with matplotlib.style.context(["default", "fmnist_clustering.notebook"]):
            fig, ax = plt.subplots()
            ax.plot([-1, 0, 10_000_000], [3, -1, 2])
            with rc_context(settings):
                before = dict(matplotlib.rcParams.copy())
                show(fig, alt="A line", save=name)
                assert dict(matplotlib.rcParams.copy()) == before
        return (tmp_path / name).read_bytes()

    assert draw("b.png", HOSTILE_AT_THE_END) == draw("a.png", {})


def test_another_canvas_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fmnist_clustering.notebook.display", lambda *_, **__: None)
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(tmp_path))
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    contents = []
    for canvas in (None, FigureCanvasSVG):
        fig = Figure(figsize=(3, 2), dpi=50)
        fig.subplots().plot([1, 3, 2])
        if canvas is not None:
            canvas(fig)
        show(fig, alt="A line", save="line.png")
        contents.append((tmp_path / "line.png").read_bytes())
    assert contents[0] == contents[1]
    assert matplotlib.image.imread(tmp_path / "line.png").shape == (100, 150, 3)


# Figures of the reader's own keep the reader's fonts and colors, but no picture may
# stand on its head.


IMAGE = np.repeat(np.arange(28) * 9, 28)[np.newaxis]  # white above, black below
PICTURE = IndexedImage(
    np.array([[0, 0, 0], [255, 0, 0]], dtype=np.uint8),
    np.array([[0, 0, 0], [0, 1, 1]], dtype=np.uint8),
)

DRAWN = {
    "plot_images": lambda ax: plots.plot_images(IMAGE, ax, n_columns=1),
    "plot_silhouettes": lambda ax: plots.plot_silhouettes([0.5, 0], [0, 0], IMAGE, ax),
    "plot_family_tree": lambda ax: plots.plot_family_tree([[0, 0]], [IMAGE], ax),
    "plot_quantized": lambda ax: plots.plot_quantized(PICTURE, ax),
}


@pytest.mark.parametrize("name", DRAWN)
def test_pictures_do_not_follow_settings_of_images(name: str) -> None:
    pages = []
    for settings in ({}, {key: HOSTILE[key] for key in HOSTILE if "image." in key}):
        with rc_context(settings):
            ax = new_axes()
            DRAWN[name](ax)
            pages.append(render(ax))
    np.testing.assert_array_equal(pages[1], pages[0])
