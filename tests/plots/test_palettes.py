import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmnist_clustering import IndexedImage, plots
from tests.plots.reading import (
    bars,
    hex_colors,
    new_axes,
    notes,
    render,
    texts,
    upright_lines,
    x_tick_texts,
    y_tick_texts,
)

# The four colors cover 4, 1, 2 and 1 of the eight pixels.
PICTURE = IndexedImage(
    np.array([[0, 0, 0], [200, 0, 0], [10, 180, 30], [255, 255, 250]], dtype=np.uint8),
    np.array([[0, 0, 2, 1], [3, 0, 2, 0]], dtype=np.uint8),
)
SHARES = [0.5, 0.125, 0.25, 0.125]
FILES = pd.DataFrame(
    [
        ("ours", 2, 20, 21.5),
        ("ours", 5, 50, 25),
        ("ours", 10, 90, 33),
        ("theirs", 2, 30, 20),
        ("theirs", 5, 70, 30),
    ],
    columns=["method", "k", "size", "PSNR"],
)


# plot_palette, plot_quantized


def test_palette_has_its_colors_as_wide_as_their_shares() -> None:
    ax = plots.plot_palette(PICTURE, new_axes())
    drawn = bars(ax)
    assert [bar.get_x() for bar in drawn] == [0, 0.5, 0.625, 0.875]
    assert [bar.get_width() for bar in drawn] == SHARES
    colors = hex_colors([bar.get_facecolor() for bar in drawn])
    assert colors == ["#000000", "#c80000", "#0ab41e", "#fffffa"]
    assert {(bar.get_y(), bar.get_height()) for bar in drawn} == {(0, 1)}
    assert ax.get_xlim() == (0, 1)
    assert ax.get_ylim() == (0, 1)
    assert x_tick_texts(ax) == y_tick_texts(ax) == []


def test_quantized_picture_stands_above_its_palette() -> None:
    ax = plots.plot_quantized(PICTURE, new_axes(), title="k = 4")
    pixels = [[PICTURE.palette[index] for index in row] for row in PICTURE.indices]
    np.testing.assert_array_equal(ax.images[0].get_array(), pixels)
    assert ax.get_title() == "k = 4"
    (strip,) = ax.child_axes
    assert isinstance(strip, Axes)
    assert [bar.get_width() for bar in bars(strip)] == SHARES
    render(ax)
    assert strip.bbox.y1 < ax.bbox.y0
    assert strip.bbox.x0 == pytest.approx(ax.bbox.x0)
    assert strip.bbox.x1 == pytest.approx(ax.bbox.x1)


# plot_rate_distortion


def test_each_method_is_a_line_with_its_name_at_the_end() -> None:
    ax = plots.plot_rate_distortion(FILES, new_axes())
    ours, theirs = ax.lines
    np.testing.assert_array_equal(ours.get_xydata(), [[20, 21.5], [50, 25], [90, 33]])
    np.testing.assert_array_equal(theirs.get_xydata(), [[30, 20], [70, 30]])
    assert ours.get_marker() != theirs.get_marker()
    assert ours.get_color() != theirs.get_color()
    assert notes(ax) == {
        "ours": (90, 33),
        "theirs": (70, 30),
        "2": (20, 21.5),  # k stands at the points of the first method only
        "5": (50, 25),
        "10": (90, 33),
    }


@pytest.mark.parametrize("source", [None, 30.0, 200.0])
def test_axes_hold_every_point_and_the_source(source: float | None) -> None:
    ax = plots.plot_rate_distortion(FILES, new_axes(), source=source)
    assert upright_lines(ax) == ([] if source is None else [source])
    assert ("source file " in texts(ax)) == (source is not None)
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    assert left == 0
    assert right > max(90, source or 0)
    assert bottom < 20
    assert top > 33
    assert ax.get_ylabel() == "PSNR, dB (not from 0)"


def test_files_without_loss_stand_on_a_line_of_their_own() -> None:
    table = FILES.assign(PSNR=[21.5, np.inf, np.inf, 20.0, np.inf])
    ax = plots.plot_rate_distortion(table, new_axes(), source=60)
    (dotted,) = [line for line in ax.lines if line.get_linestyle() == ":"]
    level = float(np.asarray(dotted.get_ydata())[0])
    bottom, top = ax.get_ylim()
    assert bottom < 20 < 21.5 < level < top
    assert notes(ax) == {
        "ours": (90, level),
        "theirs": (70, level),
        "2": (20, 21.5),
        "5": (50, level),
        "10": (90, level),
    }
    assert " no loss: infinite PSNR" in texts(ax)


def test_files_that_all_have_no_loss_keep_their_names() -> None:
    ax = plots.plot_rate_distortion(FILES.assign(PSNR=np.inf), new_axes(), source=60)
    assert {"ours", "theirs"} <= set(notes(ax))
    assert np.isfinite([*notes(ax).values()]).all()
    assert len(ax.get_yticks()) == 0


# plot_color_cloud


def test_pixels_stand_in_the_cube_in_their_own_colors() -> None:
    colors = np.array([[0, 0, 0], [255, 0, 51], [10, 20, 30]])
    ax = Figure().add_subplot(projection="3d")
    plots.plot_color_cloud(colors, ax, palette=[[255, 255, 0]])
    cloud, dots = ax.collections
    x, y, z = cloud._offsets3d
    np.testing.assert_array_equal(np.column_stack([x, y, z]), colors)
    render(ax)  # the colors are there only when they are drawn, from back to front
    drawn = sorted(hex_colors(cloud.get_facecolor()))
    assert drawn == ["#000000", "#0a141e", "#ff0033"]
    assert hex_colors(dots.get_facecolor()) == ["#ffff00"]
    assert dots.get_sizes() > cloud.get_sizes()
    labels = (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel())
    assert labels == ("red", "green", "blue")
    for low, high in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim()):
        assert low <= 0
        assert high >= 255
