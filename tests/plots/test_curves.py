from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
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

Plot = Callable[..., Axes]

K_VALUES = [2, 3, 5, 8, 9]
CURVES: dict[str, tuple[Plot, list[float]]] = {
    "inertia": (plots.plot_inertia, [9000.0, 4000, 1000, 900, 850]),
    "inertia to 0": (plots.plot_inertia, [5.0, 3, 2, 1, 0]),
    "silhouette": (plots.plot_silhouette_scores, [0.3, 0.5, 0.2, 0.1, 0.15]),
    "mixed signs": (plots.plot_silhouette_scores, [0.3, -0.2, 0.1, -0.4, 0.0]),
    "below 0": (plots.plot_silhouette_scores, [-0.3, -0.2, -0.1, -0.4, -0.25]),
}
every_curve = pytest.mark.parametrize(
    ("plot", "values"),
    CURVES.values(),
    ids=CURVES.keys(),
)
both_functions = pytest.mark.parametrize(
    "plot",
    [plots.plot_inertia, plots.plot_silhouette_scores],
)

SCORES = pd.DataFrame(
    {
        "inertia": [9.0, 5, 4],
        "stability": [np.nan, 0.9, 0.8],
        "standard error": [np.nan, 0.1, 0.05],
    },
    index=pd.Index([1, 2, 3], name="k"),
)
SELECTED = pd.DataFrame(
    {
        "rule": ["elbow", "one standard error"],
        "pick": pd.array([None, 3], dtype="Int64"),
        "runner-up": [2, 2],
    },
    index=["inertia", "stability"],
)


@every_curve
def test_curve_holds_every_point(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, new_axes())
    (curve,) = lines_with_dots(ax)
    np.testing.assert_array_equal(curve.get_xdata(), K_VALUES)
    np.testing.assert_array_equal(curve.get_ydata(), values)
    assert list(ax.get_xticks()) == K_VALUES
    assert ax.get_xlabel() == "number of clusters k"
    is_inertia = plot is plots.plot_inertia
    assert ax.get_ylabel() == ("inertia" if is_inertia else "mean silhouette")


@every_curve
def test_axes_hold_zero_and_every_point(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, new_axes())
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    assert left < min(K_VALUES)
    assert right > max(K_VALUES)
    assert bottom <= min(0, *values)
    assert top >= max(0, *values)


@pytest.mark.parametrize("name", ["inertia", "inertia to 0", "silhouette"])
def test_y_starts_at_zero_where_nothing_is_below(name: str) -> None:
    plot, values = CURVES[name]
    ax = plot(K_VALUES, values, new_axes())
    assert ax.get_ylim()[0] == 0


@every_curve
def test_chosen_k_is_marked(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, new_axes(), chosen=5)
    assert upright_lines(ax) == [5]
    reason = "elbow" if plot is plots.plot_inertia else "highest"
    assert notes(ax)[f"{reason}: k = 5"] == (5, values[2])


@every_curve
def test_without_choice_there_is_no_mark(plot: Plot, values: list[float]) -> None:
    ax = plot(K_VALUES, values, new_axes(), chosen=None)
    assert upright_lines(ax) == []
    assert notes(ax).keys() <= {"chord"}


@both_functions
def test_chosen_k_is_one_of_the_curve(plot: Plot) -> None:
    with pytest.raises(ValueError, match=r"^chosen: found 4, expected one of"):
        plot([2, 3, 5], [3, 2, 1], new_axes(), chosen=4)


@both_functions
@pytest.mark.parametrize("values", [[], [np.nan, np.nan]], ids=["empty", "NaN"])
def test_curve_without_points_is_refused(plot: Plot, values: list[float]) -> None:
    k_values = range(2, 2 + len(values))
    with pytest.raises(ValueError, match=r"^k_values, \w+: found no finite point"):
        plot(k_values, values, new_axes())


def test_chord_joins_the_ends_of_the_curve() -> None:
    ax = plots.plot_inertia(K_VALUES, [9.0, 4, 3, 2, 1], new_axes())
    (chord,) = [line for line in ax.lines if line.get_linestyle() == ":"]
    np.testing.assert_array_equal(chord.get_xydata(), [[2, 9], [9, 1]])
    assert notes(ax) == {"chord": (5.5, 5)}


def test_narrow_axes_label_fewer_k() -> None:
    k_values = np.arange(1, 15)
    ax = plots.plot_inertia(k_values, 9 / k_values, Figure(figsize=(2, 2)).subplots())
    step = int(np.diff(ax.get_xticks())[0])
    assert step > 1
    assert list(ax.get_xticks()) == list(k_values[::step])


def test_inertia_is_written_with_thousands() -> None:
    ax = plots.plot_inertia([1, 2, 3], [316_752.4, 2e5, 1e5], new_axes())
    assert ax.yaxis.get_major_formatter()(316_752.4, 0) == "316,752"


def test_the_k_farthest_below_the_chord_gets_a_ring() -> None:
    ax = plots.plot_inertia(K_VALUES, [9.0, 4, 3, 2, 1], new_axes(), chord=3)
    _, ring = lines_with_dots(ax)
    np.testing.assert_array_equal(ring.get_xydata(), [[3, 4]])
    assert ring.get_markerfacecolor() == "none"
    assert notes(ax)["chord: k = 3"] == (3, 4)
    assert upright_lines(ax) == []


def test_a_power_of_k_is_straight_on_logarithmic_axes() -> None:
    k_values = np.arange(1, 15)
    ax = plots.plot_inertia(k_values, 679_217 / k_values, new_axes(), logarithmic=True)
    (curve,) = lines_with_dots(ax)
    pixels = ax.transData.transform(curve.get_xydata())
    first, last = pixels[0], pixels[-1]
    share = (pixels[:, 0] - first[0]) / (last[0] - first[0])
    np.testing.assert_allclose(pixels[:, 1], first[1] + share * (last[1] - first[1]))
    assert list(ax.get_xticks()) == list(k_values)
    labels = [text for text in x_tick_texts(ax) if text]
    assert labels == ["1", "2", "3", "4", "5", "7", "9", "11", "14"]
    assert notes(ax) == {}, "the chord is straight on linear axes only"


def test_an_inertia_of_zero_has_no_logarithm() -> None:
    with pytest.raises(ValueError, match=r"^inertia: found 0, expected costs above 0"):
        plots.plot_inertia([1, 2], [3.0, 0], new_axes(), logarithmic=True)


def test_the_k_of_the_chord_is_one_of_the_curve() -> None:
    with pytest.raises(ValueError, match=r"^chord: found 4, expected one of"):
        plots.plot_inertia([2, 3, 5], [3, 2, 1], new_axes(), chord=4)


def test_silhouette_of_one_cluster_is_left_out() -> None:
    scores = [np.nan, 0.4, 0.3]
    ax = plots.plot_silhouette_scores([1, 2, 3], scores, new_axes(), chosen=2)
    (curve,) = lines_with_dots(ax)
    np.testing.assert_array_equal(curve.get_xydata(), [[2, 0.4], [3, 0.3]])
    assert list(ax.get_xticks()) == [2, 3]
    assert upright_lines(ax) == [2]


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
    ax = plots.plot_picks(PICKS.replace(2, 1), new_axes(), true_k=1)
    faces = [line.get_markerfacecolor() for line in ax.lines[1:]]
    assert faces == ["white", plots.GREY, plots.GREY]
    assert list(ax.get_xticks()) == [0, 1, 2, 3, 4]


def test_narrow_axes_leave_room_for_none() -> None:
    ax = Figure(figsize=(3, 2)).subplots()
    plots.plot_picks(PICKS, ax, true_k=2, largest_k=14)
    first, second, third, *_ = ax.get_xticks()
    assert first == 0
    assert second == 2 * (third - second)


@pytest.mark.parametrize(
    ("picks", "options", "name"),
    [
        (PICKS.iloc[:0], {}, "picks"),
        (PICKS.replace(2, 0), {}, "picks"),
        (pd.Series([2.5]), {}, "picks"),
        (PICKS, {"true_k": 0}, "true_k"),
        (PICKS, {"largest_k": 3}, "largest_k"),
    ],
)
def test_what_is_no_pick_is_refused(
    picks: pd.Series, options: dict[str, int], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        plots.plot_picks(picks, new_axes(), **({"true_k": 2} | options))


# plot_selection


def draw_selection(scores: pd.DataFrame, selected: pd.DataFrame) -> list[Axes]:
    panels = list(Figure().subplots(len(selected), 1, squeeze=False).ravel())
    plots.plot_selection(scores, selected, panels)
    return panels


def test_each_panel_has_its_curve_and_a_ring_at_the_runner_up_of_a_pick() -> None:
    panels = draw_selection(SCORES, SELECTED)
    for panel, criterion in zip(panels, ("inertia", "stability"), strict=True):
        curve, *rings = lines_with_dots(panel)
        known = SCORES[criterion].dropna()
        np.testing.assert_array_equal(curve.get_xdata(), known.index)
        np.testing.assert_array_equal(curve.get_ydata(), known)
        places = [np.asarray(ring.get_xydata()).tolist() for ring in rings]
        assert places == ([[[2, known[2]]]] if criterion == "stability" else [])
        assert all(ring.get_markerfacecolor() == "none" for ring in rings)
        assert panel.get_ylim()[0] > 0, "the shape counts, not the height above 0"
        assert list(panel.get_xticks()) == [1, 2, 3]
        assert panel.get_xlabel() == "number of clusters k"


def test_a_pick_is_marked_and_its_absence_said() -> None:
    without_pick, with_pick = draw_selection(SCORES, SELECTED)
    assert without_pick.get_title() == "inertia, elbow: none"
    assert upright_lines(without_pick) == []
    assert with_pick.get_title() == "stability, one standard error: k = 3"
    assert upright_lines(with_pick) == [3]


def test_standard_errors_are_bars_of_the_stability() -> None:
    _, panel = draw_selection(SCORES, SELECTED)
    bars = segments(line_collection(panel))
    assert [bar[:, 0].tolist() for bar in bars] == [[2, 2], [3, 3]]
    assert bars[0][:, 1] == pytest.approx([0.8, 1.0])
    assert bars[1][:, 1] == pytest.approx([0.75, 0.85])


def test_without_standard_errors_there_are_no_bars() -> None:
    for panel in draw_selection(SCORES.drop(columns="standard error"), SELECTED):
        assert not panel.collections


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.25, "0.25"), (0.123456, "0.1235"), (1000.4, "1,000"), (12345.6, "12,346")],
)
def test_ticks_of_scores_are_short(value: float, expected: str) -> None:
    panel, _ = draw_selection(SCORES, SELECTED)
    assert panel.yaxis.get_major_formatter()(value, 0) == expected


@pytest.mark.parametrize(
    ("scores", "selected", "n_axes", "name"),
    [
        (SCORES.drop(columns="inertia"), SELECTED, 2, "scores"),
        (SCORES.iloc[:0], SELECTED, 2, "scores"),
        (SCORES.astype(str), SELECTED, 2, "scores"),
        (SCORES, SELECTED.drop(columns="rule"), 2, "selected"),
        (SCORES, SELECTED.iloc[:0], 2, "selected"),
        (SCORES, SELECTED.assign(pick=1), 2, "selected"),  # no stability at k = 1
        (SCORES, SELECTED.assign(**{"runner-up": 9}), 2, "selected"),
        (SCORES, SELECTED, 1, "axes"),
        (SCORES, SELECTED, 3, "axes"),
    ],
    ids=[
        "no such score",
        "no scores",
        "text",
        "no rule",
        "nothing selected",
        "pick without score",
        "runner-up without score",
        "axes missing",
        "too many axes",
    ],
)
def test_what_does_not_fit_is_refused(
    scores: pd.DataFrame,
    selected: pd.DataFrame,
    n_axes: int,
    name: str,
) -> None:
    axes: Any = [new_axes() for _ in range(n_axes)]
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        plots.plot_selection(scores, selected, axes)
