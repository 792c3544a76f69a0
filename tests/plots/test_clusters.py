import itertools
from collections.abc import Mapping

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fmnist_clustering import CLASS_NAMES, plots
from fmnist_clustering.plots.clusters import label_positions, lift_overlapping
from tests.plots.reading import (
    bars,
    framed_images,
    hex_colors,
    new_axes,
    render,
    texts,
    upright_lines,
    x_tick_texts,
    y_tick_texts,
)

POINTS = np.random.default_rng(0).normal(size=(600, 2))
LABELS = np.arange(600) % 12
COUNTS = pd.DataFrame(
    [[1234, 0, 7], [0, 500, 0]],
    index=pd.Index(["Trouser", "Bag"], name="garment"),
    columns=pd.Index([3, 0, 7], name="cluster"),
)

# plot_silhouettes


def test_each_cluster_shows_its_silhouettes_by_falling_value() -> None:
    samples = [0.1, -0.2, 0.3, 0.25, 0.05]
    labels = [0, 0, 0, 1, 1]
    by_falling_value = [[0.3, 0.1, -0.2], [0.25, 0.05]]
    ax = plots.plot_silhouettes(samples, labels, np.full((2, 784), 7.0), new_axes())
    profiles = [item for item in ax.collections if isinstance(item, PolyCollection)]
    assert len(profiles) == 2
    for cluster, profile in enumerate(profiles):
        corners = np.asarray(profile.get_paths()[0].vertices)
        curve = corners[corners[:, 0] != 0]
        from_top = curve[np.argsort(curve[:, 1])]  # y points down
        values = np.array(list(dict.fromkeys(from_top[:, 0].tolist())))
        assert values == pytest.approx(by_falling_value[cluster])
        assert curve[:, 1].min() == pytest.approx(cluster - 0.42)
        assert curve[:, 1].max() == pytest.approx(cluster + 0.42)
        assert hex_colors(profile.get_facecolor()) == [plots.COLORS[cluster]]
    left, right = ax.get_xlim()
    assert left < -0.2
    assert right > 0.3
    assert ax.get_ylim() == (1.55, -0.95), "the first cluster is on top"


def test_numbers_of_the_silhouettes_are_written() -> None:
    samples = [0.1, -0.2, 0.3, 0.3, 0.0]
    pictures = np.stack([np.full(784, 10.0), np.full(784, 20.0)])
    ax = plots.plot_silhouettes(samples, [0, 0, 0, 1, 1], pictures, new_axes())
    assert upright_lines(ax) == [pytest.approx(0.1), 0]
    (mean,) = [text for text in ax.texts if text.get_text() == " mean 0.100"]
    x, y = mean.get_position()
    assert x == pytest.approx(0.1)
    assert y == -0.55, "above all clusters"
    assert "3 images\nmean 0.067\n33% below 0" in texts(ax)
    assert "2 images\nmean 0.150\n0% below 0" in texts(ax)
    blue, red = plots.COLORS[:2]
    assert framed_images(ax) == {(-0.07, 0): (10, blue), (-0.07, 1): (20, red)}


# plot_scatter


def test_every_point_has_the_color_of_its_cluster() -> None:
    dots, _ = plots.plot_scatter(POINTS, LABELS, new_axes()).collections
    row_of = {tuple(point): row for row, point in enumerate(POINTS)}
    order = [row_of[tuple(point)] for point in np.asarray(dots.get_offsets())]
    assert sorted(order) == list(range(600))
    colors = [*plots.COLORS, plots.GREY, plots.GREY]
    expected = [colors[LABELS[row]] for row in order]
    assert hex_colors(dots.get_facecolor()) == expected


def test_no_cluster_hides_another_by_its_id() -> None:
    labels = np.repeat([0, 1], 300)
    dots, _ = plots.plot_scatter(POINTS, labels, new_axes()).collections
    last_half = hex_colors(dots.get_facecolor())[300:]
    assert 120 < last_half.count(plots.COLORS[0]) < 180


@pytest.mark.parametrize(("n_members", "n_rims"), [(1, 1), (19, 19), (20, 0)])
def test_clusters_of_fewer_than_twenty_have_a_rim(n_members: int, n_rims: int) -> None:
    labels = np.repeat([0, 3], [600 - n_members, n_members])
    _, rimmed = plots.plot_scatter(POINTS, labels, new_axes()).collections
    np.testing.assert_array_equal(rimmed.get_offsets(), POINTS[600 - n_rims :])
    if n_rims > 0:
        assert set(hex_colors(rimmed.get_facecolor())) == {plots.COLORS[3]}
        assert set(hex_colors(rimmed.get_edgecolor())) == {"#000000"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, ["0", "2", "11"]),
        ({0: "Bag", 2: "Coat", 11: "Dress", 5: "Shirt"}, ["Bag", "Coat", "Dress"]),
    ],
    ids=["ids", "names"],
)
def test_clusters_are_named_at_their_median(
    names: Mapping[int, str] | None, expected: list[str]
) -> None:
    # One point of each cluster lies far out, so the mean is elsewhere.
    cluster = np.array([[0, 0], [1, 2], [2, 1], [3, 3], [30, 40]])
    corners = np.array([[0, 0], [0, 100], [100, 0]])
    points = np.tile((corners[:, None] + cluster).reshape(15, 2), (4, 1))
    labels = np.tile(np.repeat([0, 2, 11], 5), 4)
    ax = plots.plot_scatter(points, labels, new_axes(), names=names)
    assert texts(ax) == expected
    places = [text.get_position() for text in ax.texts]
    assert places == [(2, 2), (2, 102), (102, 2)]


@pytest.mark.parametrize("spread", [0, 1])
@pytest.mark.parametrize("names", [dict(enumerate(CLASS_NAMES)), None])
def test_labels_do_not_overlap_on_the_screen(
    names: Mapping[int, str] | None, spread: float
) -> None:
    labels = np.repeat(np.arange(10), 60)
    centers = np.random.default_rng(1).normal(scale=spread, size=(10, 2))
    points = centers[labels] + np.tile(POINTS[:60], (10, 1))
    with matplotlib.style.context("fmnist_clustering.notebook"):
        ax = Figure((8, 4.4)).subplots(1, 2)[0]
        plots.plot_scatter(points, labels, ax, names=names, explained=(0.29, 0.18))
        render(ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 10
    for a, b in itertools.combinations(boxes, 2):
        are_side_by_side = a.x1 <= b.x0 or b.x1 <= a.x0
        are_above_each_other = a.y1 <= b.y0 or b.y1 <= a.y0
        assert are_side_by_side or are_above_each_other


def test_axes_say_how_much_variance_they_hold() -> None:
    ax = plots.plot_scatter(POINTS, LABELS, new_axes(), explained=(0.29, 0.176))
    assert ax.get_xlabel() == "component 1 (29% of variance)"
    assert ax.get_ylabel() == "component 2 (18% of variance)"


def test_labels_of_small_clusters_stand_above_their_highest_point() -> None:
    # The range of y is 200, so the label stands 0.05 * 200 = 10 higher.
    large = np.column_stack([np.arange(40), np.linspace(0, 200, 40)])
    small = np.array([[1000.0, 50], [900, 60]])
    ids = np.repeat([0, 1], [40, 2])
    positions = label_positions(np.vstack([large, small]), ids, label_width=0.05)
    assert positions.ravel() == pytest.approx([19.5, 100, 900, 70])


@pytest.mark.parametrize(
    ("centers", "expected"),
    [
        ([[0, 0], [5, 0]], [[0, 0], [5, 0]]),  # side by side
        ([[0, 0], [0, 2]], [[0, 0], [0, 2]]),  # one above the other
        ([[0, 1], [4, 0]], [[0, 2], [4, 0]]),  # the lower one keeps its place
        ([[0, 0], [0, 1], [0, 1.5]], [[0, 0], [0, 2], [0, 4]]),  # lifted onto a lifted
        ([[0, 0], [6, 1], [3, 1.5]], [[0, 0], [6, 1], [3, 3]]),  # over two
    ],
)
def test_lifted_labels_just_clear_those_below(
    centers: list[list[float]], expected: list[list[float]]
) -> None:
    lifted = lift_overlapping(np.array(centers, dtype=float), width=5, height=2)
    np.testing.assert_array_equal(lifted, expected)


# plot_contingency


def test_contingency_keeps_the_order_of_the_table() -> None:
    ax = plots.plot_contingency(COUNTS, new_axes())
    np.testing.assert_array_equal(ax.images[0].get_array(), COUNTS)
    written = [(text.get_position(), text.get_text()) for text in ax.texts]
    assert written == [((0, 0), "1,234"), ((2, 0), "7"), ((1, 1), "500")]
    assert x_tick_texts(ax) == ["3", "0", "7"]
    assert y_tick_texts(ax) == ["Trouser", "Bag"]
    assert list(ax.get_xticks()) == [0, 1, 2]
    assert list(ax.get_yticks()) == [0, 1]
    assert ax.get_ylim() == (1.5, -0.5), "the first row is on top"
    assert ax.get_xlabel() == "cluster"


def test_pictures_stand_below_their_columns_and_largest_counts_are_framed() -> None:
    pictures = np.stack([np.full(784, grey) for grey in (10.0, 20.0, 30.0)])
    shirts = pd.DataFrame([[0, 1, 2]], ["Shirt"], COUNTS.columns)
    table = pd.concat([COUNTS, shirts])
    ax = plots.plot_contingency(table, new_axes(), pictures=pictures)
    colors = [plots.COLORS[cluster] for cluster in (3, 0, 7)]
    assert framed_images(ax) == {
        (0, 0): (10, colors[0]),
        (1, 0): (20, colors[1]),
        (2, 0): (30, colors[2]),
    }
    frames = [(frame.get_xy(), to_hex(frame.get_edgecolor())) for frame in bars(ax)]
    corners = [(-0.5, -0.5), (0.5, 0.5), (1.5, -0.5)]
    assert frames == list(zip(corners, colors, strict=True))
    names = [str(label.get_color()) for label in ax.get_yticklabels()]
    assert names[2] == "#999999", "no cluster is mostly shirts"
    assert "#999999" not in names[:2]


def test_rows_that_are_clusters_have_pictures_in_place_of_names() -> None:
    table = pd.DataFrame([[3, 0], [1, 2]], index=pd.Index([4, 1], name="branch"))
    pictures = np.stack([np.full(784, 10.0), np.full(784, 20.0)])
    ax = plots.plot_contingency(table, new_axes(), row_pictures=pictures)
    assert framed_images(ax) == {
        (0, 0): (10, plots.COLORS[4]),
        (0, 1): (20, plots.COLORS[1]),
    }
    assert y_tick_texts(ax) == ["", ""]
    assert ax.get_ylabel() == "branch"
