from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fmnist_clustering import plots
from tests.plots.reading import (
    line_collection,
    lines_with_dots,
    new_axes,
    notes,
    segments,
    upright_lines,
    x_tick_texts,
    y_tick_texts,
)

K_VALUES = [2, 3, 5, 8, 9]


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("inertia", [9000.0, 4000, 1000, 900, 850]),
        ("inertia", [5.0, 3, 2, 1, 0]),
        ("mean silhouette", [0.3, 0.5, 0.2, 0.1, 0.15]),
        ("mean silhouette", [0.3, -0.2, 0.1, -0.4, 0.0]),
        ("mean silhouette", [-0.3, -0.2, -0.1, -0.4, -0.25]),
    ],
)
def test_a_curve_shows_every_point_and_zero(label: str, values: list[float]) -> None:
    plot: Any = plots.plot_silhouette_scores
    note = "highest: k = 5"
    if label == "inertia":
        plot = plots.plot_inertia
        note = "elbow: k = 5"
    ax = plot(K_VALUES, values, new_axes(), chosen=5)
    (curve,) = lines_with_dots(ax)
    np.testing.assert_array_equal(curve.get_xdata(), K_VALUES)
    np.testing.assert_array_equal(curve.get_ydata(), values)
    assert list(ax.get_xticks()) == K_VALUES
    assert ax.get_xlabel() == "number of clusters k"
    assert ax.get_ylabel() == label
    bottom, top = ax.get_ylim()
    assert bottom == 0 or bottom < min(values) < 0
    assert top == 0 or top > max(values) > 0
    assert upright_lines(ax) == [5]
    assert notes(ax)[note] == (5, values[2])
    assert upright_lines(plot(K_VALUES, values, new_axes())) == []


def test_chord_joins_the_ends_of_the_curve() -> None:
    ax = plots.plot_inertia(K_VALUES, [9.0, 4, 3, 2, 1], new_axes())
    (chord,) = [line for line in ax.lines if line.get_linestyle() == ":"]
    np.testing.assert_array_equal(chord.get_xydata(), [[2, 9], [9, 1]])
    assert notes(ax) == {"chord": (5.5, 5)}


def test_the_k_farthest_below_the_chord_gets_a_ring() -> None:
    ax = plots.plot_inertia(K_VALUES, [9.0, 4, 3, 2, 1], new_axes(), chord=3)
    _, ring = lines_with_dots(ax)
    np.testing.assert_array_equal(ring.get_xydata(), [[3, 4]])
    assert ring.get_markerfacecolor() == "none"
    assert notes(ax) == {"chord: k = 3": (3, 4)}


def test_narrow_axes_label_fewer_k() -> None:
    k_values = np.arange(1, 15)
    ax = plots.plot_inertia(k_values, 9 / k_values, Figure(figsize=(2, 2)).subplots())
    step = int(np.diff(ax.get_xticks())[0])
    assert step > 1
    assert list(ax.get_xticks()) == list(k_values[::step])


def test_a_power_of_k_is_straight_on_logarithmic_axes() -> None:
    k_values = np.arange(1, 15)
    ax = plots.plot_inertia(k_values, 679_217 / k_values, new_axes(), logarithmic=True)
    (curve,) = lines_with_dots(ax)
    pixels = ax.transData.transform(curve.get_xydata())
    first, last = pixels[0], pixels[-1]
    share = (pixels[:, 0] - first[0]) / (last[0] - first[0])
    np.testing.assert_allclose(pixels[:, 1], first[1] + share * (last[1] - first[1]))
    labels = [text for text in x_tick_texts(ax) if text]
    assert labels == ["1", "2", "3", "4", "5", "7", "9", "11", "14"]
    assert notes(ax) == {}, "the chord is straight on linear axes only"


def test_silhouette_of_one_cluster_is_left_out() -> None:
    scores = [np.nan, 0.4, 0.3]
    ax = plots.plot_silhouette_scores([1, 2, 3], scores, new_axes(), chosen=2)
    (curve,) = lines_with_dots(ax)
    np.testing.assert_array_equal(curve.get_xydata(), [[2, 0.4], [3, 0.3]])
    assert list(ax.get_xticks()) == [2, 3]


# plot_picks

PICKS = pd.Series([4, None, 2], ["silhouette", "elbow", "gap"], dtype="Int64")


def test_right_picks_are_full_and_wrong_ones_are_rings() -> None:
    ax = plots.plot_picks(PICKS, new_axes(), true_k=4, largest_k=9)
    dots = [
        (*np.asarray(line.get_xydata())[0], line.get_markerfacecolor())
        for line in ax.lines[1:]
    ]
    assert dots == [(4, 0, plots.GREY), (0, 1, "white"), (2, 2, "white")]
    assert upright_lines(ax) == [4]
    name = ax.xaxis.get_major_formatter()
    assert [name(k, 0) for k in ax.get_xticks()] == ["none", *"123456789"]
    assert y_tick_texts(ax) == ["silhouette", "elbow", "gap"]
    assert ax.get_ylim() == (2.5, -0.5), "the first rule is on top"


def test_without_clusters_to_name_none_is_right() -> None:
    ax = plots.plot_picks(PICKS.replace(2, 1), new_axes(), true_k=1, largest_k=4)
    faces = [line.get_markerfacecolor() for line in ax.lines[1:]]
    assert faces == ["white", plots.GREY, plots.GREY]


def test_narrow_axes_leave_room_for_none() -> None:
    ax = Figure(figsize=(3, 2)).subplots()
    plots.plot_picks(PICKS, ax, true_k=2, largest_k=14)
    first, second, third, *_ = ax.get_xticks()
    assert first == 0
    assert second == 2 * (third - second)


# plot_selection

SCORES = pd.DataFrame(
    {
        "inertia": [9.0, 5, 4, 3],
        "gap": [np.nan, 0.9, 0.8, 0.7],
        "gap standard error": [np.nan, 0.1, 0.05, 0.05],
    },
    index=pd.Index([1, 2, 3, 4], name="k"),
)
SELECTED = pd.DataFrame(
    {
        "pick": pd.array([None, 3], dtype="Int64"),
        "why none": ["no bend", ""],
        "at edge": False,
    },
    index=["inertia", "gap"],
)


def test_each_score_has_its_curve_and_a_pick_its_line() -> None:
    without_pick, with_pick = Figure().subplots(2, 1)
    plots.plot_selection(SCORES, SELECTED, [without_pick, with_pick])
    (curve,) = lines_with_dots(without_pick)
    np.testing.assert_array_equal(curve.get_xydata(), [[1, 9], [2, 5], [3, 4], [4, 3]])
    assert without_pick.get_title() == "inertia: no bend"
    assert upright_lines(without_pick) == []
    assert not without_pick.collections

    curve = lines_with_dots(with_pick)[0]
    np.testing.assert_array_equal(curve.get_xydata(), [[2, 0.9], [3, 0.8], [4, 0.7]])
    assert with_pick.get_title() == "gap: k = 3"
    assert upright_lines(with_pick) == [3]
    bars = segments(line_collection(with_pick))
    assert [bar[:, 0].tolist() for bar in bars] == [[2, 2], [3, 3], [4, 4]]
    assert bars[0][:, 1] == pytest.approx([0.8, 1.0])
    assert bars[1][:, 1] == pytest.approx([0.75, 0.85])
    for panel in (without_pick, with_pick):
        assert panel.get_ylim()[0] > 0, "the shape counts, not the height above 0"
        assert list(panel.get_xticks()) == [1, 2, 3, 4]
