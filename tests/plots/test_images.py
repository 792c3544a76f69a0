from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from fmnist_clustering import CLASS_NAMES, plots
from fmnist_clustering.plots.images import draw_framed_image
from tests.plots.reading import (
    framed_images,
    hex_colors,
    new_axes,
    render,
    texts,
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
    assert shades == ["#ffffff", "#9b9b9b", "#000000"]  # 255, 155 and 0


@pytest.mark.parametrize(
    ("size", "layout", "gap"),
    [
        ((8, 6.7), (0.15, 0.01, 0.84, 0.98), 5),
        ((8, 6.7), "constrained", 2),
        ((7.37, 3.11), (0.123, 0.234, 0.7, 0.7), 0),
    ],
    ids=["notebook", "constrained", "odd"],
)
def test_an_image_pixel_is_two_screen_pixels(
    size: tuple[float, float], layout: Any, gap: int
) -> None:
    # The edges of all images are dark, so that what is dark ends where images end.
    images = np.random.default_rng(0).choice([0, 255], (6, 28, 28))
    images[:, [0, -1]] = 255
    images[:, :, [0, -1]] = 255
    if layout == "constrained":
        ax = Figure(size, dpi=100, layout=layout).subplots()
    else:
        ax = Figure(size, dpi=100).add_axes(layout)
    before = ax.get_position()
    plots.plot_images(images.reshape(6, 784), ax, n_columns=3, gap=gap)

    screen = render(ax)[..., 0]
    rows, columns = np.nonzero(screen < 255)
    dark = screen[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    page = 255 - np.asarray(ax.images[0].get_array())
    np.testing.assert_array_equal(dark, np.kron(page, np.ones((2, 2))))
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


def test_members_stand_in_groups_with_a_gap_and_a_title() -> None:
    near = np.arange(1, 5).reshape(2, 2, 1) * np.full(784, 10)
    far = np.arange(5, 11).reshape(2, 3, 1) * np.full(784, 10)
    groups = {"near": near, "far": far}
    ax = plots.plot_members(groups, new_axes(), row_names=["0", "1"])
    page = np.array(ax.images[0].get_array())
    assert page.shape == (2 * 29 - 1, 6 * 29 - 1)
    upper_left_corners = page[::29, ::29]
    blank = 0
    np.testing.assert_array_equal(
        upper_left_corners,
        [[10, 20, blank, 50, 60, 70], [30, 40, blank, 80, 90, 100]],
    )
    assert page[:, 57:87].max() == 0, "the gap is as wide as an image"
    assert texts(ax) == ["near", "far"]
    assert [text.get_position() for text in ax.texts] == [(0, -4), (87, -4)]
    assert y_tick_texts(ax) == ["0", "1"]


@pytest.mark.parametrize("offset", [(0, 0), (0, -40), (-30, 10)])
def test_a_framed_image_stands_at_its_position_with_its_id_in_the_corner(
    offset: tuple[int, int],
) -> None:
    ax = Figure((4, 4), dpi=100).add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    black = np.full(784, 255.0)
    position = (0.5, 0.25)  # of 400 pixels: column 200, and row 300 from the top
    draw_framed_image(black, ax, position, 7, offset=offset)
    (text,) = ax.texts
    text.set_color("white")
    is_black = render(ax)[..., 0] == 0
    rows = np.flatnonzero(is_black.any(axis=1))
    columns = np.flatnonzero(is_black.any(axis=0))
    assert len(rows) == len(columns) == 56, "two screen pixels for each of the image"
    assert columns.mean() == pytest.approx(199.5 + offset[0], abs=1)
    assert rows.mean() == pytest.approx(299.5 - offset[1], abs=1)
    assert framed_images(ax) == {position: (255, plots.COLORS[7])}
    assert text.get_text() == "7"
    box = text.get_window_extent()
    assert box.x0 == pytest.approx(columns.min() + 1, abs=2)
    assert 400 - box.y1 == pytest.approx(rows.min() + 1, abs=2)


def test_short_rows_are_filled_with_white() -> None:
    images = np.arange(1, 4)[:, np.newaxis] * np.full((3, 784), 10)
    rows = plots.fill_rows([images[:1], images[:0], images[1:]], 2)
    assert rows.shape == (3, 2, 784)
    assert rows[:, :, 0].tolist() == [[10, 0], [0, 0], [20, 30]]
    assert rows[:, :, 783].tolist() == [[10, 0], [0, 0], [20, 30]]
