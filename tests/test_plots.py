import io
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster import hierarchy

from fmnist_clustering import CLASS_NAMES, Quantized, condense, cut_tree, plots

matplotlib.use("agg")

# 0.5, 0.125, 0.25 and 0.125 of eight pixels
QUANTIZED = Quantized(
    np.array([[0, 0, 0], [200, 0, 0], [10, 180, 30], [255, 255, 250]], dtype=np.uint8),
    np.array([[0, 0, 2, 1], [3, 0, 2, 0]], dtype=np.uint8),
)
SHARES = [0.5, 0.125, 0.25, 0.125]
TABLE = pd.DataFrame(
    [[1234, 0, 7], [0, 500, 0]],
    index=pd.Index(["Trouser", "Bag"], name="garment"),
    columns=pd.Index([3, 0, 7], name="cluster"),
)
POINTS = np.random.default_rng(0).normal(size=(600, 2))
LABELS = np.arange(600) % 12
TREE = hierarchy.linkage(np.random.default_rng(0).normal(size=(120, 3)), "ward")
TOP = condense(TREE, 30)

CRITERIA = pd.DataFrame(
    {"inertia": [9.0, 5, 4], "stability": [np.nan, 0.9, 0.8], "standard error": [np.nan, 0.1, 0.05]},
    index=pd.Index([1, 2, 3], name="k"),
)
FOUND = pd.DataFrame(
    {
        "rule": ["elbow", "one standard error"],
        "pick": pd.array([None, 3], dtype="Int64"),
        "runner-up": [2, 2],
        "at an end": [False, True],
    },
    index=["inertia", "stability"],
)
# Eight rows: cluster 0 stays, 5 gives two rows to 2, and one row of 0 goes to 5.
LEVELS = [[0, 0, 0, 5, 5, 5, 5, 5], [0, 0, 5, 5, 5, 5, 2, 2]]
PICTURES = [np.full((2, 784), 10.0), np.stack([np.full(784, value) for value in (20.0, 30, 40)])]


def draw_criteria(panels: list[Axes]) -> list[Axes]:
    plots.plot_criteria(CRITERIA.iloc[:, : 2 * len(panels) - 1], FOUND.iloc[: len(panels)], panels)
    return panels


Draw = Callable[[Axes], Axes]
FILES = pd.DataFrame(
    [("ours", 2, 20, 21.5), ("ours", 5, 50, 25), ("ours", 10, 90, 33), ("theirs", 2, 30, 20), ("theirs", 5, 70, 30)],
    columns=["method", "k", "size", "PSNR"],
)
CASES: dict[str, Draw] = {
    "plot_images": lambda ax: plots.plot_images(np.ones((3, 784)), ax, n_columns=2, row_names="ab"),
    "plot_inertia": lambda ax: plots.plot_inertia([1, 2, 3], [9, 3, 2], ax, chosen=2),
    "plot_silhouette_scores": lambda ax: plots.plot_silhouette_scores([2, 3], [0.2, 0.1], ax),
    "plot_criteria": lambda ax: draw_criteria([ax])[0],
    "plot_members": lambda ax: plots.plot_members({"mean": np.ones((2, 1, 784)), "near": np.ones((2, 3, 784))}, ax),
    "plot_knives": lambda ax: plots.plot_knives([0.5, -0.1, 0.2], [0, 0, 1], np.ones((2, 784)), ax),
    "plot_family_tree": lambda ax: plots.plot_family_tree(LEVELS, PICTURES, ax),
    "plot_scatter": lambda ax: plots.plot_scatter(POINTS, LABELS, ax, explained=(0.3, 0.2)),
    "plot_contingency": lambda ax: plots.plot_contingency(TABLE, ax),
    "plot_dendrogram": lambda ax: plots.plot_dendrogram(TOP, ax, labels=cut_tree(TREE, height=9), cut=9),
    "plot_palette": lambda ax: plots.plot_palette(QUANTIZED, ax),
    "plot_quantized": lambda ax: plots.plot_quantized(QUANTIZED, ax, title="four"),
    "plot_rate_distortion": lambda ax: plots.plot_rate_distortion(FILES, ax, source=5),
}
every_function = pytest.mark.parametrize("draw", CASES.values(), ids=CASES.keys())


def axes() -> Axes:
    return Figure().subplots()


def render(ax: Axes) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    fig = ax.get_figure(root=True)
    assert fig is not None
    fig.savefig(stream, format="png", dpi="figure")
    return np.asarray(Image.open(stream).convert("RGB"))


def tick_texts(ax: Axes) -> tuple[list[str], list[str]]:
    x, y = ax.get_xticklabels(), ax.get_yticklabels()
    return [tick.get_text() for tick in x], [tick.get_text() for tick in y]


def curve(ax: Axes) -> Line2D:
    (line,) = [line for line in ax.lines if line.get_marker() == "o"]
    return line


def upright_lines(ax: Axes) -> list[float]:
    """Return where lines stand from the bottom to the top of the axes."""
    lines = [np.asarray(line.get_xydata()) for line in ax.lines]
    return [float(line[0, 0]) for line in lines if line[:, 1].tolist() == [0, 1]]


def notes(ax: Axes) -> dict[str, tuple[float, float]]:
    """Return the texts that belong to points, and their points."""
    return {note.get_text(): note.xy for note in ax.texts if isinstance(note, Annotation)}


def hex_colors(rgba: object) -> list[str]:
    return [to_hex(color) for color in np.atleast_2d(np.asarray(rgba))]


def test_every_plot_function_is_drawn_here() -> None:
    assert {name for name in vars(plots) if name.startswith("plot_")} == set(CASES)


@every_function
def test_draws_on_the_given_axes_only(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(plt, "show", shown.append)
    current = plt.figure()
    ax, neighbor = Figure().subplots(1, 2)
    before = current.get_children(), neighbor.get_children()
    try:
        assert draw(ax) is ax
        assert plt.get_fignums() == [current.number]
    finally:
        plt.close("all")
    assert (current.get_children(), neighbor.get_children()) == before
    assert ax.figure.axes == [ax, neighbor]
    assert not shown


# Under two styles, since setting what already holds would not be seen.
@pytest.mark.parametrize("style", ["default", "fmnist_clustering.notebook"])
@every_function
def test_rcparams_stay(draw: Draw, style: str) -> None:
    with matplotlib.style.context(style, after_reset=True):
        before = dict(matplotlib.rcParams.copy())
        draw(axes())
        assert dict(matplotlib.rcParams.copy()) == before


# plot_criteria


def test_criteria_are_marked_where_they_point() -> None:
    first, second = draw_criteria([*Figure().subplots(2, 1)])
    assert first.get_title(loc="center") == "inertia: elbow, finds none"
    assert second.get_title(loc="center") == "stability: one standard error"
    assert (upright_lines(first), upright_lines(second)) == ([], [3])
    assert notes(second) == {"k = 3": (3, 0)}
    for panel, column in ((first, "inertia"), (second, "stability")):
        line, ring = [line for line in panel.lines if line.get_marker() == "o"]
        known = CRITERIA[column].dropna()
        np.testing.assert_array_equal(line.get_xydata(), np.column_stack([known.index, known]))
        assert np.asarray(ring.get_xydata()).tolist() == [[2, CRITERIA.loc[2, column]]]
        assert panel.get_ylim()[0] == 0
    (bars,) = [item for item in second.collections if isinstance(item, LineCollection)]
    heights = [segment[:, 1].tolist() for segment in bars.get_segments()]
    assert heights == [pytest.approx([0.8, 1.0]), pytest.approx([0.75, 0.85])]


# plot_members


def test_members_stand_in_groups_with_a_gap_and_a_title() -> None:
    groups = {"mean": np.full((2, 1, 784), 50), "far": np.full((2, 2, 784), 200)}
    ax = plots.plot_members(groups, axes(), row_names=["0", "1"])
    page = np.array(ax.images[0].get_array())
    assert page.shape == (2 * 29 - 1, 4 * 29 - 1)
    assert page[:28, :28].min() == page[29:, :28].max() == 50
    assert page[:, 28:58].max() == 0
    assert page[:28, 58:86].min() == page[29:, 87:].min() == 200
    assert {text.get_text(): text.get_position()[0] for text in ax.texts} == {"mean": 0, "far": 58}
    assert tick_texts(ax)[1] == ["0", "1"]


# plot_knives


def test_blades_hold_the_sorted_silhouettes_of_their_cluster() -> None:
    samples, labels = [0.1, -0.2, 0.3, 0.25, 0.05], [0, 0, 0, 1, 1]
    ax = plots.plot_knives(samples, labels, np.full((2, 784), 7.0), axes())
    blades = [polygon for polygon in ax.collections if isinstance(polygon, PolyCollection)]
    for cluster, (blade, expected) in enumerate(zip(blades, ([0.3, 0.1, -0.2], [0.25, 0.05]), strict=True)):
        corners = blade.get_paths()[0].vertices
        edge = np.asarray(corners)[np.asarray(corners)[:, 0] != 0]
        assert sorted(set(edge[:, 0].tolist()), reverse=True) == pytest.approx(expected)
        assert (edge[:, 1].min(), edge[:, 1].max()) == pytest.approx((cluster - 0.42, cluster + 0.42))
        assert hex_colors(blade.get_facecolor()) == [plots.cluster_color(cluster)]
    assert upright_lines(ax) == [pytest.approx(0.1), 0]
    texts = [text.get_text() for text in ax.texts]
    assert "3 images\nmean 0.067\n33% below 0" in texts
    assert "2 images\nmean 0.150\n0% below 0" in texts
    assert ax.get_xlim()[0] < -0.2
    assert ax.get_xlim()[1] > 0.3


# plot_family_tree


def framed(ax: Axes) -> dict[tuple[float, float], tuple[float, str]]:
    """Return where pictures stand: their grey, and the color of their frame."""
    boxes = [box for box in ax.artists if isinstance(box, AnnotationBbox)]
    return {
        (round(float(box.xy[0]), 3), box.xy[1]): (
            float(np.asarray(cast(OffsetImage, box.offsetbox).get_data()).mean()),
            to_hex(box.patch.get_edgecolor()),
        )
        for box in boxes
    }


def test_family_tree_has_a_picture_for_each_cluster_of_each_level() -> None:
    ax = plots.plot_family_tree(LEVELS, PICTURES, axes())
    blue, purple, grey = plots.COLORS[0], plots.COLORS[2], plots.COLORS[5]
    assert framed(ax) == {
        (0.25, 0): (10, blue),
        (0.75, 0): (10, grey),
        (0.167, 1): (20, blue),
        (0.5, 1): (40, grey),  # one row from the left: left of cluster 2
        (0.833, 1): (30, purple),
    }
    assert [text.get_text() for text in ax.texts] == ["0", "5", "0", "2", "5"]
    assert tick_texts(ax)[1] == ["k = 2", "k = 3"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "few clusters above"


@pytest.mark.parametrize(("smallest", "drawn"), [(0.01, 4), (0.2, 3), (0.3, 1)])
def test_family_tree_edges_are_as_wide_as_what_flows(smallest: float, drawn: int) -> None:
    ax = plots.plot_family_tree(LEVELS, PICTURES, axes(), smallest=smallest)
    (edges,) = [item for item in ax.collections if isinstance(item, LineCollection)]
    places = {(0.25, 0.167): (2, 0), (0.25, 0.5): (1, 5), (0.75, 0.5): (3, 5), (0.75, 0.833): (2, 2)}
    flows = {}
    drawn_edges = zip(
        edges.get_segments(), np.atleast_1d(edges.get_linewidth()), hex_colors(edges.get_color()), strict=True
    )
    for segment, width, color in drawn_edges:
        rows, cluster = places[round(float(segment[0, 0]), 3), round(float(segment[1, 0]), 3)]
        assert color == plots.cluster_color(cluster)
        flows[rows, cluster] = width / rows
    assert len(flows) == drawn
    assert np.ptp([*flows.values()]) == pytest.approx(0)


# plot_images


def test_images_stand_row_by_row_with_white_between() -> None:
    images = np.random.default_rng(0).integers(1, 256, (7, 784))
    ax = plots.plot_images(images.tolist(), axes(), n_columns=3, gap=4)
    page = np.array(ax.images[0].get_array())
    assert page.shape == (3 * 28 + 2 * 4, 3 * 28 + 2 * 4)
    for i, image in enumerate(images):
        top, left = 32 * (i // 3), 32 * (i % 3)
        cell = page[top : top + 28, left : left + 28]
        np.testing.assert_array_equal(cell, image.reshape(28, 28))
        cell[:] = 0
    assert not page.any(), "all the rest is white"


def test_images_are_dark_on_white_whatever_their_range() -> None:
    drawn = plots.plot_images(np.full((2, 784), 100), axes(), n_columns=2).images[0]
    shades = hex_colors(drawn.cmap(drawn.norm(np.array([0, 100, 255]))))
    assert drawn.cmap.name == "gray_r"
    assert drawn.get_clim() == (0, 255)
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
    images = np.random.default_rng(0).choice([0, 255], (6, 28, 28))
    images[:, [0, -1]] = images[:, :, [0, -1]] = 255  # so that what is dark ends where images end
    if isinstance(position, str):
        ax = Figure(size, dpi=100, layout=position).subplots()
    else:
        ax = Figure(size, dpi=100).add_axes(position)
    before = ax.get_position()
    plots.plot_images(images.reshape(6, 784), ax, n_columns=3, zoom=zoom, gap=gap)
    screen = render(ax)[..., 0]
    rows, columns = np.nonzero(screen < 255)
    found = screen[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    page = 255 - np.asarray(ax.images[0].get_array())
    np.testing.assert_array_equal(found, np.kron(page, np.ones((zoom, zoom))))
    np.testing.assert_allclose(ax.bbox.extents, np.rint(ax.bbox.extents), rtol=0, atol=1e-6)
    height, width = screen.shape
    assert columns.min() == pytest.approx(before.x0 * width, abs=0.5)
    assert rows.min() == pytest.approx((1 - before.y1) * height, abs=0.5)


@pytest.mark.parametrize("gap", [0, 9])
def test_row_names_stand_left_of_their_row(gap: int) -> None:
    fig = Figure((8, 4))
    ax = fig.add_axes((0.15, 0.01, 0.84, 0.98))
    plots.plot_images(np.zeros((5, 784)), ax, n_columns=2, row_names=CLASS_NAMES[:3], gap=gap)
    render(ax)
    assert tick_texts(ax) == ([], ["T-shirt/top", "Trouser", "Pullover"])
    for row, label in enumerate(ax.get_yticklabels()):
        box = label.get_window_extent()
        assert box.x1 < ax.bbox.x0
        middle = ax.bbox.y1 - 2 * (row * (28 + gap) + 14)
        assert (box.y0 + box.y1) / 2 == pytest.approx(middle, abs=3)


def test_images_without_names_have_no_ticks() -> None:
    ax = plots.plot_images(np.zeros((2, 784)), axes(), n_columns=2)
    assert tick_texts(ax) == ([], [])


@pytest.mark.parametrize("shape", [(784,), (2, 28, 28), (3, 783)], ids=str)
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    found = str(shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"^images: found shape {found}, expected \(m, 784\)$"):
        plots.plot_images(np.zeros(shape), axes(), n_columns=2)


# plot_inertia, plot_silhouette_scores

CURVES = {
    "inertia": (plots.plot_inertia, [9000.0, 4000, 1000, 900, 850]),
    "inertia to 0": (plots.plot_inertia, [5.0, 3, 2, 1, 0]),
    "silhouette": (plots.plot_silhouette_scores, [0.3, 0.5, 0.2, 0.1, 0.15]),
    "silhouette above and below 0": (plots.plot_silhouette_scores, [0.3, -0.2, 0.1, -0.4, 0.0]),
    "silhouette below 0": (plots.plot_silhouette_scores, [-0.3, -0.2, -0.1, -0.4, -0.25]),
}
K_VALUES = [2, 3, 5, 8, 9]
every_curve = pytest.mark.parametrize(("plot", "values"), CURVES.values(), ids=CURVES.keys())
Plot = Callable[..., Axes]


@every_curve
def test_curve_holds_every_point(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, axes())
    np.testing.assert_array_equal(curve(ax).get_xydata(), np.column_stack([K_VALUES, values]))
    assert [*ax.get_xticks()] == K_VALUES
    assert ax.get_xlabel() == "number of clusters k"
    assert ax.get_ylabel() == ("inertia" if plot is plots.plot_inertia else "mean silhouette")


@every_curve
def test_axes_hold_zero_and_every_point(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, axes())
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < min(K_VALUES) < max(K_VALUES) < right
    assert low <= min(0, *values)
    assert high >= max(0, *values)


@pytest.mark.parametrize("name", ["inertia", "inertia to 0", "silhouette"])
def test_y_starts_at_zero_where_nothing_is_below(name: str) -> None:
    plot, values = CURVES[name]
    assert plot(K_VALUES, values, axes()).get_ylim()[0] == 0


@every_curve
def test_chosen_k_is_marked(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, axes(), chosen=5)
    assert upright_lines(ax) == [5]
    word = "elbow" if plot is plots.plot_inertia else "highest"
    assert notes(ax)[f"{word}: k = 5"] == (5, values[2])


@every_curve
def test_none_draws_no_mark(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, axes(), chosen=None)
    assert upright_lines(ax) == []
    assert notes(ax).keys() <= {"chord"}


def test_chord_joins_the_ends_of_the_curve() -> None:
    ax = plots.plot_inertia(K_VALUES, [9.0, 4, 3, 2, 1], axes())
    (chord,) = [line for line in ax.lines if line is not curve(ax)]
    np.testing.assert_array_equal(chord.get_xydata(), [[2, 9], [9, 1]])
    assert notes(ax) == {"chord": (5.5, 5)}


def test_inertia_is_written_with_thousands() -> None:
    ax = plots.plot_inertia([1, 2, 3], [316_752.4, 2e5, 1e5], axes())
    assert ax.yaxis.get_major_formatter()(316_752.4, 0) == "316,752"


def test_silhouette_of_one_cluster_is_left_out() -> None:
    ax = plots.plot_silhouette_scores([1, 2, 3], [np.nan, 0.4, 0.3], axes(), chosen=2)
    np.testing.assert_array_equal(curve(ax).get_xydata(), [[2, 0.4], [3, 0.3]])
    assert [*ax.get_xticks()] == [2, 3]
    assert upright_lines(ax) == [2]


# plot_scatter


def test_every_point_has_the_color_of_its_cluster() -> None:
    drawn, _ = plots.plot_scatter(POINTS, LABELS, axes()).collections
    rows = {tuple(point): row for row, point in enumerate(POINTS)}
    order = [rows[tuple(point)] for point in np.asarray(drawn.get_offsets())]
    assert sorted(order) == [*range(600)]
    expected = [(*plots.COLORS, plots.GREY, plots.GREY)[LABELS[row]] for row in order]
    assert hex_colors(drawn.get_facecolor()) == expected


def test_no_cluster_hides_another_by_its_id() -> None:
    labels = np.repeat([0, 1], 300)
    drawn, _ = plots.plot_scatter(POINTS, labels, axes()).collections
    late = hex_colors(drawn.get_facecolor())[300:]
    assert 120 < late.count(plots.COLORS[0]) < 180


@pytest.mark.parametrize("n_few", [1, 19])
def test_clusters_of_fewer_than_twenty_are_ringed(n_few: int) -> None:
    labels = np.repeat([0, 3], [600 - n_few, n_few])
    _, rings = plots.plot_scatter(POINTS, labels, axes()).collections
    np.testing.assert_array_equal(rings.get_offsets(), POINTS[600 - n_few :])
    assert set(hex_colors(rings.get_facecolor())) == {plots.COLORS[3]}
    assert set(hex_colors(rings.get_edgecolor())) == {"#000000"}


def test_clusters_of_twenty_are_not_ringed() -> None:
    _, rings = plots.plot_scatter(POINTS, np.repeat([0, 3], [580, 20]), axes()).collections
    assert np.asarray(rings.get_offsets()).size == 0


def test_name_of_a_ringed_dot_stands_above_it() -> None:
    ax = plots.plot_scatter(POINTS, np.repeat([0, 3], [599, 1]), axes())
    x, y = ax.texts[1].get_position()
    assert x == POINTS[-1, 0]
    assert y >= POINTS[-1, 1] + 0.05 * np.ptp(POINTS[:, 1])


def test_name_of_a_few_dots_stands_above_one_of_them() -> None:
    points = np.vstack([POINTS[:500], [[-3, 0], [3, 4]], [[0, 2]]])
    ids = np.repeat([0, 1, 2], [500, 2, 1])
    places = {text.get_text(): text.get_position() for text in plots.plot_scatter(points, ids, axes()).texts}
    assert places["1"][0] == 3, "not in the middle, where the dot of cluster 2 is"
    assert places["1"][1] > 4
    assert places["2"][0] == 0


def test_seed_alone_sets_the_drawing_order() -> None:
    first, again, other = (
        np.asarray(plots.plot_scatter(POINTS, LABELS, axes(), seed=seed).collections[0].get_offsets())
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("names", "expected"),
    [(None, ["0", "2", "11"]), ({0: "Bag", 2: "Coat", 11: "Dress"}, ["Bag", "Coat", "Dress"])],
    ids=["ids", "names"],
)
def test_clusters_are_named_at_their_median(names: Mapping[int, str] | None, expected: list[str]) -> None:
    # One far point a cluster: the mean lies elsewhere.
    cluster = np.array([[0, 0], [1, 2], [2, 1], [3, 3], [30, 40]])
    corners = np.array([[0, 0], [0, 100], [100, 0]])
    points = np.tile((corners[:, None] + cluster).reshape(15, 2), (4, 1))
    ax = plots.plot_scatter(points, np.tile(np.repeat([0, 2, 11], 5), 4), axes(), names=names)
    placed = {text.get_text(): text.get_position() for text in ax.texts}
    assert placed == dict(zip(expected, [(2, 2), (2, 102), (102, 2)], strict=True))
    assert {text.get_horizontalalignment() for text in ax.texts} == {"center"}
    assert {text.get_verticalalignment() for text in ax.texts} == {"center"}


@pytest.mark.parametrize("spread", [0, 0.3, 1, 2])
@pytest.mark.parametrize(
    ("n_panels", "size", "names"),
    [(2, (8, 4.5), dict(enumerate(CLASS_NAMES))), (3, (8, 3.6), None)],
    ids=["names", "ids"],
)
def test_labels_do_not_overlap(
    n_panels: int, size: tuple[float, float], names: Mapping[int, str] | None, spread: float
) -> None:
    labels = np.repeat(np.arange(10), 60)
    centers = np.random.default_rng(1).normal(scale=spread, size=(10, 2))
    points = centers[labels] + np.tile(POINTS[:60], (10, 1))
    with matplotlib.style.context("fmnist_clustering.notebook"):
        ax = Figure(size).subplots(1, n_panels)[0]
        plots.plot_scatter(points, labels, ax, names=names, explained=(0.29, 0.18))
        render(ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 10
    for a, b in itertools.combinations(boxes, 2):
        assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0


@pytest.mark.parametrize(
    ("explained", "expected"),
    [((), ("", "")), ((0.29, 0.176), ("component 1 (29% of variance)", "component 2 (18% of variance)"))],
    ids=["none", "two"],
)
def test_axes_say_what_they_hold(explained: Sequence[float], expected: tuple[str, str]) -> None:
    ax = plots.plot_scatter(POINTS, LABELS, axes(), explained=explained)
    assert (ax.get_xlabel(), ax.get_ylabel()) == expected


@pytest.mark.parametrize(
    ("points", "labels", "found"),
    [
        (np.zeros((4, 3)), [0, 0, 1, 1], r"\(4, 3\) and \(4,\)"),
        (np.zeros(4), [0, 0, 1, 1], r"\(4,\) and \(4,\)"),
        (np.zeros((4, 2)), [0, 0, 1], r"\(4, 2\) and \(3,\)"),
    ],
    ids=["three columns", "one-dimensional", "a label short"],
)
def test_points_of_another_shape_are_refused(points: NDArray[np.float64], labels: list[int], found: str) -> None:
    with pytest.raises(ValueError, match=rf"^points, labels: found {found}, expected \(n, 2\)"):
        plots.plot_scatter(points, labels, axes())


# plot_contingency


def test_only_counts_above_zero_are_written() -> None:
    ax = plots.plot_contingency(TABLE, axes())
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(0, 0): "1,234", (2, 0): "7", (1, 1): "500"}
    assert len(ax.texts) == 3


def test_contingency_keeps_the_order_of_the_table() -> None:
    ax = plots.plot_contingency(TABLE, axes())
    np.testing.assert_array_equal(ax.images[0].get_array(), TABLE)
    assert tick_texts(ax) == (["3", "0", "7"], ["Trouser", "Bag"])
    assert ([*ax.get_xticks()], [*ax.get_yticks()]) == ([0, 1, 2], [0, 1])
    assert ax.get_ylim() == (1.5, -0.5), "first row at the top"
    assert ax.get_xlabel() == "cluster"


def test_more_images_are_darker_and_their_number_readable() -> None:
    def luminance(color: tuple[float, float, float]) -> float:  # WCAG 2
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    counts = np.arange(100).reshape(10, 10)
    ax = plots.plot_contingency(pd.DataFrame(counts), axes())
    drawn = ax.images[0]
    cells = [luminance(to_rgb(c)) for c in hex_colors(drawn.cmap(drawn.norm(counts.ravel())))]
    assert cells[0] == pytest.approx(1)
    assert (np.diff(cells) < 0).all()
    for text in ax.texts:
        pair = sorted([luminance(to_rgb(text.get_color())), cells[int(text.get_text())]])
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3


# plot_dendrogram

N_LEAVES = 30


def links_of(ax: Axes) -> list[NDArray[np.float64]]:
    (drawn,) = ax.collections
    assert isinstance(drawn, LineCollection)
    return [np.asarray(link) for link in drawn.get_segments()]


def sizes_of(ax: Axes) -> dict[float, int]:
    """Return the number written under each leaf, by its place on the x-axis."""
    written = tick_texts(ax)[0]
    return dict(zip(ax.get_xticks(), (int(text.replace(",", "")) for text in written), strict=True))


@pytest.fixture(params=["single", "complete", "average", "ward"])
def tree(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(150, 3)) + rng.normal(scale=4, size=(6, 3))[rng.integers(6, size=150)]
    return np.asarray(hierarchy.linkage(points, request.param))


@pytest.mark.parametrize(("asked", "drawn"), [(30, 30), (2, 2), (120, 120)])
def test_dendrogram_holds_the_top_merges(asked: int, drawn: int) -> None:
    ax = plots.plot_dendrogram(condense(TREE, asked), axes())
    links = links_of(ax)
    assert all(link[1, 1] == link[2, 1] for link in links), "links are flat"
    assert sorted(link[1, 1] for link in links) == TREE[120 - drawn :, 2].tolist()
    assert len(ax.get_xticks()) == drawn
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > TREE[-1, 2]
    feet = np.concatenate(links)[:, 0]
    assert ax.get_xlim()[0] < feet.min() < feet.max() < ax.get_xlim()[1]


def test_numbers_under_the_leaves_are_the_sizes_of_their_branches(tree: NDArray[np.float64]) -> None:
    ax = plots.plot_dendrogram(condense(tree, N_LEAVES), axes())
    sizes = sizes_of(ax)
    assert sum(sizes.values()) == 150
    branches = {node.dist: node for node in hierarchy.to_tree(tree, rd=True)[1] if node.count > 1}
    below: dict[tuple[float, float], int] = {(x, 0.0): size for x, size in sizes.items()}
    for link in sorted(links_of(ax), key=lambda link: float(link[1, 1])):
        found = [below.pop((foot[0], foot[1])) for foot in (link[0], link[3])]
        node = branches[link[1, 1]]
        assert sorted(found) == sorted([node.left.count, node.right.count])
        below[link[1:3, 0].mean(), link[1, 1]] = sum(found)
    assert [*below.values()] == [150]


@pytest.mark.parametrize(("n_clusters", "between"), [(2, 0.5), (14, 0.5), (5, 0.0)], ids=["2", "14", "at a merge"])
def test_links_below_the_cut_have_the_color_of_their_cluster(
    tree: NDArray[np.float64], n_clusters: int, between: float
) -> None:
    low, high = tree[[-n_clusters, 1 - n_clusters], 2]
    cut = low + between * (high - low)
    # Ids in another order than that of the sizes, as match_labels may give them.
    labels = np.random.default_rng(0).permutation(n_clusters)[cut_tree(tree, height=cut)]
    ax = plots.plot_dendrogram(condense(tree, N_LEAVES), axes(), labels=labels, cut=cut)
    branches = {node.dist: node for node in hierarchy.to_tree(tree, rd=True)[1]}
    n_below = 0
    for link, color in zip(links_of(ax), hex_colors(ax.collections[0].get_edgecolor()), strict=True):
        ids = {int(labels[member]) for member in branches[link[1, 1]].pre_order()}
        if link[1, 1] <= cut:
            (cluster,) = ids
            assert color == (plots.COLORS[cluster] if cluster < 10 else plots.GREY)
            n_below += 1
        else:
            assert len(ids) > 1
            assert color == plots.GREY
    assert n_below == N_LEAVES - n_clusters


@pytest.mark.parametrize(
    "given", [{}, {"cut": 5.0}, {"labels": np.zeros(120, dtype=int)}], ids=["none", "cut", "labels"]
)
def test_links_are_grey_without_labels_and_cut(given: dict[str, object]) -> None:
    ax = plots.plot_dendrogram(TOP, axes(), **given)  # type: ignore[arg-type]
    assert set(hex_colors(ax.collections[0].get_edgecolor())) == {plots.GREY}


def test_cut_is_a_line_with_its_note() -> None:
    ax = plots.plot_dendrogram(TOP, axes(), cut=7.5, note="cut at 7.5: 5 clusters")
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[0, 7.5], [1, 7.5]])
    assert line.get_transform() == ax.get_yaxis_transform(which="grid"), "from side to side"
    (note,) = ax.texts
    assert (note.get_text(), note.get_position()[1]) == ("cut at 7.5: 5 clusters", 7.5)


def test_without_cut_there_is_no_line() -> None:
    ax = plots.plot_dendrogram(TOP, axes(), note="cut")
    assert not [*ax.lines, *ax.texts]


def test_leaves_carry_their_pictures_with_id_and_color_of_the_cluster() -> None:
    top, labels = condense(TREE, 5), cut_tree(TREE, n_clusters=3)
    cut = TREE[-3:-1, 2].mean()
    pictures = np.arange(5)[:, None] * np.full(784, 10.0)
    ax = plots.plot_dendrogram(top, axes(), labels=labels, cut=cut, pictures=pictures)
    sizes = sizes_of(ax)
    found = framed(ax)
    assert sorted(found) == [(5 + 10 * i, 0) for i in range(5)]
    for (place, _), (grey, color) in found.items():
        leaf = round(grey / 10)
        assert sizes[place] == (top.labels == leaf).sum()
        (cluster,) = set(labels[top.labels == leaf].tolist())
        assert color == plots.COLORS[cluster]


@pytest.mark.parametrize("bulk_first", [False, True], ids=["bulk right", "bulk left"])
def test_chain_of_ten_thousand_leaves_needs_no_deep_recursion(bulk_first: bool) -> None:
    n, limit = 10_000, sys.getrecursionlimit()
    step = np.arange(n - 1)
    leaf, bulk = np.append(1, step[1:] + 1), np.append(0, n + step[:-1])
    pair = (bulk, leaf) if bulk_first else (leaf, bulk)
    chain = np.column_stack([*pair, step + 1.0, step + 2])
    labels = np.append(np.full(n - 10, 3), np.arange(10))
    ax = plots.plot_dendrogram(condense(chain, 30), axes(), labels=labels, cut=n - 10.5)
    assert sys.getrecursionlimit() == limit
    assert sorted(sizes_of(ax).values()) == [1] * 29 + [n - 29]
    for link, color in zip(links_of(ax), hex_colors(ax.collections[0].get_edgecolor()), strict=True):
        assert color == (plots.COLORS[3] if link[1, 1] < n - 10.5 else plots.GREY)


# plot_palette, plot_quantized, plot_rate_distortion


def bars(ax: Axes) -> list[Rectangle]:
    patches = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(patches) == len(ax.patches)
    return patches


def many_colors() -> Quantized:
    rng = np.random.default_rng(0)
    palette = rng.permutation(256)[:100, None] * np.ones(3)
    return Quantized(palette.astype(np.uint8), rng.integers(90, size=(40, 50), dtype=np.uint8))


def test_strip_is_as_wide_as_the_shares() -> None:
    ax = plots.plot_palette(QUANTIZED, axes())
    drawn = [(bar.get_x(), bar.get_width(), bar.get_y(), bar.get_height()) for bar in bars(ax)]
    lefts = [0, 0.5, 0.625, 0.875]
    assert drawn == [(x, share, 0, 1) for x, share in zip(lefts, SHARES, strict=True)]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 1))
    assert tick_texts(ax) == ([], [])


@pytest.mark.parametrize("quantized", [QUANTIZED, many_colors()], ids=["4", "100, ten unused"])
def test_strip_has_the_colors_of_the_palette(quantized: Quantized) -> None:
    drawn = bars(plots.plot_palette(quantized, axes()))
    assert hex_colors([bar.get_facecolor() for bar in drawn]) == [
        f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in quantized.palette
    ]
    shares = [(quantized.indices == i).mean() for i in range(len(quantized.palette))]
    widths = [bar.get_width() for bar in drawn]
    np.testing.assert_allclose(widths, shares, rtol=0, atol=1e-12)
    assert sum(widths) == pytest.approx(1, abs=1e-12)


def test_quantized_picture_stands_above_its_palette() -> None:
    ax = plots.plot_quantized(QUANTIZED, axes(), title="k = 4")
    expected = [[QUANTIZED.palette[i] for i in row] for row in QUANTIZED.indices]
    np.testing.assert_array_equal(ax.images[0].get_array(), expected)
    assert ax.get_title() == "k = 4"
    (strip,) = ax.child_axes
    assert isinstance(strip, Axes)
    assert [bar.get_width() for bar in bars(strip)] == SHARES
    render(ax)
    assert strip.bbox.y1 < ax.bbox.y0
    assert (strip.bbox.x0, strip.bbox.x1) == pytest.approx((ax.bbox.x0, ax.bbox.x1))


def test_rate_distortion_draws_a_line_a_method_and_names_it_at_its_end() -> None:
    ax = plots.plot_rate_distortion(FILES, axes())
    ours, theirs = ax.lines
    np.testing.assert_array_equal(ours.get_xydata(), [[20, 21.5], [50, 25], [90, 33]])
    np.testing.assert_array_equal(theirs.get_xydata(), [[30, 20], [70, 30]])
    assert ours.get_marker() != theirs.get_marker()
    assert ours.get_color() != theirs.get_color()
    # k beside the dots of the first method only
    assert notes(ax) == {"ours": (90, 33), "theirs": (70, 30), "2": (20, 21.5), "5": (50, 25), "10": (90, 33)}


def test_rate_distortion_uses_no_pale_line() -> None:
    many = pd.DataFrame({"method": [*"abcdefgh"], "k": 2, "size": range(1, 9), "PSNR": range(20, 28)})
    colors = [line.get_color() for line in plots.plot_rate_distortion(many, axes()).lines]
    assert len({*colors[:6]}) == 6
    assert colors[6:] == [plots.GREY, plots.GREY]
    for color in colors:
        red, green, blue = to_rgb(color)
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.6


@pytest.mark.parametrize("source", [None, 30.0, 200.0])
def test_rate_distortion_holds_every_point_and_the_source(source: float | None) -> None:
    ax = plots.plot_rate_distortion(FILES, axes(), source=source)
    assert upright_lines(ax) == ([source] if source else [])
    assert ("source file " in [text.get_text() for text in ax.texts]) == (source is not None)
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > max(90, source or 0)
    assert ax.get_ylim()[0] < 20 < 33 < ax.get_ylim()[1]
    assert "not from 0" in ax.get_ylabel()


# cluster_color


def test_ten_colors_differ_and_then_all_is_grey() -> None:
    first = [plots.cluster_color(cluster) for cluster in range(10)]
    assert len({to_rgb(color) for color in [*first, plots.GREY]}) == 11
    assert {plots.cluster_color(cluster) for cluster in (10, 11, 99)} == {plots.GREY}
