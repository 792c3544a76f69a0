import re
from typing import Any, Literal

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fmnist_clustering import CLASS_NAMES, plots
from fmnist_clustering.plots.images import draw_framed_image
from tests.plots.reading import (
    framed_images,
    hex_colors,
    new_axes,
    render,
    texts,
    x_tick_texts,
    y_tick_texts,
)


def test_images_stand_row_by_row_with_white_between() -> None:
    images = np.random.default_rng(0).integers(1, 256, (7, 784))
    ax = plots.plot_images(images.tolist(), new_axes(), n_columns=3, gap=4)
    page = np.array(ax.images[0].get_array())
    assert page.shape == (3 * 28 + 2 * 4, 3 * 28 + 2 * 4)
    for i, image in enumerate(images):
        row, column = divmod(i, 3)
        cell = page[32 * row : 32 * row + 28, 32 * column : 32 * column + 28]
        np.testing.assert_array_equal(cell, image.reshape(28, 28))
        cell[:] = 0
    assert not page.any(), "all the rest is white"


def test_images_are_dark_on_white_whatever_their_range() -> None:
    ax = plots.plot_images(np.full((2, 784), 100), new_axes(), n_columns=2)
    page = ax.images[0]
    shades = hex_colors(page.cmap(page.norm(np.array([0, 100, 255]))))
    assert page.cmap.name == "gray_r"
    assert page.get_clim() == (0, 255)
    assert shades == ["#ffffff", "#9b9b9b", "#000000"]  # 255, 155 and 0


@pytest.mark.parametrize(
    ("size", "position", "zoom", "gap"),
    [
        ((8, 6.7), (0.15, 0.01, 0.84, 0.98), 2, 5),
        ((8, 6.7), "constrained", 1, 2),
        ((8, 6.7), "tight", 2, 2),
        ((7.37, 3.11), (0.123, 0.234, 0.7, 0.7), 3, 0),
        ((9, 4), (0.0333, 0.1, 0.9, 0.8777), 4, 7),
    ],
    ids=["notebook", "constrained", "tight", "odd", "large"],
)
def test_an_image_pixel_is_zoom_screen_pixels(
    size: tuple[float, float],
    position: tuple[float, float, float, float] | Literal["constrained", "tight"],
    zoom: int,
    gap: int,
) -> None:
    # The edges of all images are dark, so that what is dark ends where images end.
    images = np.random.default_rng(0).choice([0, 255], (6, 28, 28))
    images[:, [0, -1]] = 255
    images[:, :, [0, -1]] = 255
    if isinstance(position, str):
        ax = Figure(size, dpi=100, layout=position).subplots()
    else:
        ax = Figure(size, dpi=100).add_axes(position)
    before = ax.get_position()
    rows_of_images = images.reshape(6, 784)
    plots.plot_images(rows_of_images, ax, n_columns=3, zoom=zoom, gap=gap)

    screen = render(ax)[..., 0]
    rows, columns = np.nonzero(screen < 255)
    dark = screen[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    page = 255 - np.asarray(ax.images[0].get_array())
    np.testing.assert_array_equal(dark, np.kron(page, np.ones((zoom, zoom))))
    corners = ax.bbox.extents
    np.testing.assert_allclose(corners, np.rint(corners), rtol=0, atol=1e-6)
    height, width = screen.shape
    assert columns.min() == pytest.approx(before.x0 * width, abs=0.5)
    assert rows.min() == pytest.approx((1 - before.y1) * height, abs=0.5)


@pytest.mark.parametrize("gap", [0, 9])
def test_row_names_stand_left_of_their_row(gap: int) -> None:
    ax = Figure((8, 4)).add_axes((0.15, 0.01, 0.84, 0.98))
    names = CLASS_NAMES[:3]
    plots.plot_images(np.zeros((5, 784)), ax, n_columns=2, row_names=names, gap=gap)
    render(ax)
    assert y_tick_texts(ax) == ["T-shirt/top", "Trouser", "Pullover"]
    for row, label in enumerate(ax.get_yticklabels()):
        box = label.get_window_extent()
        middle_of_row = ax.bbox.y1 - 2 * (row * (28 + gap) + 14)
        assert box.x1 < ax.bbox.x0
        assert (box.y0 + box.y1) / 2 == pytest.approx(middle_of_row, abs=3)


def test_images_without_names_have_no_ticks() -> None:
    ax = plots.plot_images(np.zeros((2, 784)), new_axes(), n_columns=2)
    assert x_tick_texts(ax) == []
    assert y_tick_texts(ax) == []


@pytest.mark.parametrize("shape", [(784,), (2, 28, 28), (3, 783), (0, 784)], ids=str)
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    message = f"images: found shape {shape}, expected (m, 784)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        plots.plot_images(np.zeros(shape), new_axes(), n_columns=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_columns": 0}, "n_columns: found 0"),
        ({"zoom": 0}, "zoom: found 0"),
        ({"gap": -1}, "gap: found -1"),
        ({"row_names": ["a"]}, "row_names: found 1 names, expected 2"),
        ({"row_names": "ab"}, "row_names: found str"),
        ({"row_names": [0, 1]}, "row_names: found a sequence of int"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_that_make_no_grid_are_refused(
    options: dict[str, Any],
    message: str,
) -> None:
    ax = new_axes()
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        plots.plot_images(np.zeros((3, 784)), ax, **({"n_columns": 2} | options))
    assert not ax.images, "nothing was drawn"


def test_members_stand_in_groups_with_a_gap_and_a_title() -> None:
    groups = {"mean": np.full((2, 1, 784), 50), "far": np.full((2, 2, 784), 200)}
    ax = plots.plot_members(groups, new_axes(), row_names=["0", "1"])
    page = np.array(ax.images[0].get_array())
    assert page.shape == (2 * 29 - 1, 4 * 29 - 1)
    assert page[:28, :28].min() == page[29:, :28].max() == 50
    assert page[:, 28:58].max() == 0
    assert page[:28, 58:86].min() == page[29:, 87:].min() == 200
    assert texts(ax) == ["mean", "far"]
    assert [text.get_position() for text in ax.texts] == [(0, -4), (58, -4)]
    assert y_tick_texts(ax) == ["0", "1"]


def test_members_stand_in_the_row_of_their_cluster() -> None:
    first = np.arange(4).reshape(2, 2, 1) * np.ones(784)
    second = np.arange(4, 10).reshape(2, 3, 1) * np.ones(784)
    ax = plots.plot_members({"near": first, "far": second}, new_axes())
    upper_left_corners = np.array(ax.images[0].get_array())[::29, ::29]
    blank = 0
    np.testing.assert_array_equal(
        upper_left_corners,
        [[0, 1, blank, 4, 5, 6], [2, 3, blank, 7, 8, 9]],
    )


NO_GROUPS: dict[str, Any] = {
    "none": {},
    "other k": {"a": np.zeros((2, 1, 784)), "b": np.zeros((3, 1, 784))},
    "flat": {"a": np.zeros((2, 784))},
    "no members": {"a": np.zeros((2, 0, 784))},
    "narrow": {"a": np.zeros((2, 1, 783))},
    "text": {"a": "b"},
}


@pytest.mark.parametrize("groups", NO_GROUPS.values(), ids=NO_GROUPS.keys())
def test_groups_that_do_not_fit_are_refused(groups: dict[str, NDArray[Any]]) -> None:
    with pytest.raises(ValueError, match=r"^groups: found .*, expected "):
        plots.plot_members(groups, new_axes())


@pytest.mark.parametrize("offset", [(0, 0), (0, -40), (-30, 10)])
def test_framed_image_stands_at_its_position(offset: tuple[int, int]) -> None:
    ax = Figure((4, 4), dpi=100).add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    black = np.full(784, 255.0)
    position = (0.5, 0.25)  # of 400 pixels: column 200, and row 300 from the top
    draw_framed_image(black, ax, position, None, offset=offset)
    is_black = render(ax)[..., 0] == 0
    rows = np.flatnonzero(is_black.any(axis=1))
    columns = np.flatnonzero(is_black.any(axis=0))
    assert len(rows) == len(columns) == 56, "two screen pixels for each of the image"
    assert columns.mean() == pytest.approx(199.5 + offset[0], abs=1)
    assert rows.mean() == pytest.approx(299.5 - offset[1], abs=1)


@pytest.mark.parametrize("offset", [(0, 0), (0, -40), (-30, 10)])
def test_id_stands_in_the_upper_left_corner_of_its_image(
    offset: tuple[int, int],
) -> None:
    ax = Figure((4, 4), dpi=100).add_axes((0, 0, 1, 1))
    draw_framed_image(np.zeros(784), ax, (0.5, 0.5), 7, offset=offset)
    render(ax)
    assert framed_images(ax) == {(0.5, 0.5): (0, plots.COLORS[7])}
    (text,) = ax.texts
    assert text.get_text() == "7"
    box = text.get_window_extent()
    left = 200 - 28 + offset[0]
    top = 200 + 28 + offset[1]
    assert box.x0 == pytest.approx(left + 1, abs=1)
    assert box.y1 == pytest.approx(top - 1, abs=1)


# fill_rows


def test_short_rows_are_filled_with_white() -> None:
    images = np.arange(1, 4)[:, np.newaxis] * np.full((3, 784), 10)
    rows = plots.fill_rows([images[:1], images[:0], images[1:]], 2)
    assert rows.shape == (3, 2, 784)
    assert rows[:, :, 0].tolist() == [[10, 0], [0, 0], [20, 30]]
    assert rows[:, :, 783].tolist() == [[10, 0], [0, 0], [20, 30]]


def test_a_row_is_never_cut() -> None:
    with pytest.raises(ValueError, match=r"^rows: found shape \(3, 784\), expected "):
        plots.fill_rows([np.zeros((3, 784))], 2)
