from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
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


def many_colors() -> IndexedImage:
    """Return a picture whose palette has 100 greys; ten of them are not used."""
    rng = np.random.default_rng(0)
    palette = np.repeat(rng.permutation(256)[:100, None], 3, axis=1)
    indices = rng.integers(90, size=(40, 50), dtype=np.uint8)
    return IndexedImage(palette.astype(np.uint8), indices)


# plot_palette, plot_quantized


def test_palette_is_as_wide_as_the_shares() -> None:
    ax = plots.plot_palette(PICTURE, new_axes())
    drawn = bars(ax)
    assert [bar.get_x() for bar in drawn] == [0, 0.5, 0.625, 0.875]
    assert [bar.get_width() for bar in drawn] == SHARES
    assert {(bar.get_y(), bar.get_height()) for bar in drawn} == {(0, 1)}
    assert ax.get_xlim() == (0, 1)
    assert ax.get_ylim() == (0, 1)
    assert x_tick_texts(ax) == []
    assert y_tick_texts(ax) == []


@pytest.mark.parametrize("picture", [PICTURE, many_colors()], ids=["4", "100"])
def test_palette_has_its_colors(picture: IndexedImage) -> None:
    drawn = bars(plots.plot_palette(picture, new_axes()))
    colors = hex_colors([bar.get_facecolor() for bar in drawn])
    expected = [
        f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in picture.palette
    ]
    assert colors == expected
    n_colors = len(picture.palette)
    shares = [(picture.indices == color).mean() for color in range(n_colors)]
    widths = [bar.get_width() for bar in drawn]
    np.testing.assert_allclose(widths, shares, rtol=0, atol=1e-12)
    assert sum(widths) == pytest.approx(1, abs=1e-12)


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


def test_files_without_loss_stand_on_a_line_of_their_own() -> None:
    table = FILES.assign(PSNR=[21.5, np.inf, np.inf, 20.0, np.inf])
    ax = plots.plot_rate_distortion(table, new_axes(), source=60)
    (dotted,) = [line for line in ax.lines if line.get_linestyle() == ":"]
    level = float(np.asarray(dotted.get_ydata())[0])
    assert level > 21.5
    bottom, top = ax.get_ylim()
    assert bottom < 20 < level < top
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
    points = [*notes(ax).values()]
    assert np.isfinite(points).all()
    assert np.isfinite([text.get_position() for text in ax.texts]).all()
    assert len(ax.get_yticks()) == 0
    assert np.unique(render(ax)).size > 2


def many_methods() -> pd.DataFrame:
    sizes = range(1, 11)
    return pd.DataFrame(
        {"method": [*"abcdefghij"], "k": 2, "size": sizes, "PSNR": 20.0}
    )


def test_no_line_is_pale() -> None:
    ax = plots.plot_rate_distortion(many_methods(), new_axes())
    colors = [str(line.get_color()) for line in ax.lines]
    assert colors == [*plots.COLORS[:6], *[plots.GREY] * 4]
    for color in colors:
        luma = np.dot(to_rgb(color), [0.2126, 0.7152, 0.0722])
        assert luma < 0.6


def test_markers_start_again_after_the_eighth() -> None:
    ax = plots.plot_rate_distortion(many_methods(), new_axes())
    markers = [line.get_marker() for line in ax.lines]
    assert len(set(markers)) == 8
    assert markers[8:] == markers[:2]


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


@pytest.mark.parametrize(
    ("table", "source", "name"),
    [
        (FILES.drop(columns="k"), None, "table"),
        (FILES.iloc[:0], None, "table"),
        (FILES.assign(PSNR="high"), None, "table"),
        (FILES.assign(PSNR=np.nan), None, "table"),
        (FILES.assign(PSNR=-np.inf), None, "table"),
        (FILES.assign(size=np.inf), None, "table"),
        (FILES.assign(size=-1.0), None, "table"),
        (FILES, -1, "source"),
        (FILES, "5", "source"),
        (FILES, np.nan, "source"),
    ],
    ids=[
        "no k",
        "no rows",
        "text",
        "NaN",
        "infinite loss",
        "infinite size",
        "size below 0",
        "source below 0",
        "text as source",
        "NaN as source",
    ],
)
def test_files_without_sizes_are_refused(
    table: pd.DataFrame,
    source: Any,
    name: str,
) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: found .*, expected "):
        plots.plot_rate_distortion(table, new_axes(), source=source)


# plot_color_cloud


def test_pixels_stand_in_the_cube_in_their_own_colors() -> None:
    colors = np.array([[0, 0, 0], [255, 0, 51], [10, 20, 30]])
    ax = Figure().add_subplot(projection="3d")
    plots.plot_color_cloud(colors, ax, palette=[[255, 255, 0]])
    cloud, dots = ax.collections
    x, y, z = cloud._offsets3d
    np.testing.assert_array_equal(np.column_stack([x, y, z]), colors)
    render(ax)  # the colors are there only when they are drawn, from back to front
    assert sorted(hex_colors(cloud.get_facecolor())) == [
        "#000000",
        "#0a141e",
        "#ff0033",
    ]
    assert dots.get_sizes() > cloud.get_sizes()
    assert ax.get_xlim()[0] <= 0
    assert ax.get_zlim()[1] >= 255
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == (
        "red",
        "green",
        "blue",
    )


@pytest.mark.parametrize("colors", [np.zeros((3, 2)), [[0, 0, 256]], np.zeros((0, 3))])
def test_what_is_no_color_has_no_place_in_the_cube(colors: Any) -> None:
    ax = Figure().add_subplot(projection="3d")
    with pytest.raises(ValueError, match=r"^colors: found .*, expected "):
        plots.plot_color_cloud(colors, ax)
    with pytest.raises(ValueError, match=r"^palette: found .*, expected "):
        plots.plot_color_cloud([[0, 0, 0]], ax, palette=colors)
