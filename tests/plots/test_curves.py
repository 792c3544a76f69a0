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


def test_inertia_is_written_with_thousands() -> None:
    ax = plots.plot_inertia([1, 2, 3], [316_752.4, 2e5, 1e5], new_axes())
    assert ax.yaxis.get_major_formatter()(316_752.4, 0) == "316,752"


def test_silhouette_of_one_cluster_is_left_out() -> None:
    scores = [np.nan, 0.4, 0.3]
    ax = plots.plot_silhouette_scores([1, 2, 3], scores, new_axes(), chosen=2)
    (curve,) = lines_with_dots(ax)
    np.testing.assert_array_equal(curve.get_xydata(), [[2, 0.4], [3, 0.3]])
    assert list(ax.get_xticks()) == [2, 3]
    assert upright_lines(ax) == [2]


# plot_selection


def draw_selection(scores: pd.DataFrame, selected: pd.DataFrame) -> list[Axes]:
    panels = list(Figure().subplots(len(selected), 1, squeeze=False).ravel())
    plots.plot_selection(scores, selected, panels)
    return panels


def test_each_panel_has_its_curve_and_a_ring_at_the_runner_up() -> None:
    panels = draw_selection(SCORES, SELECTED)
    for panel, criterion in zip(panels, ("inertia", "stability"), strict=True):
        curve, ring = lines_with_dots(panel)
        known = SCORES[criterion].dropna()
        np.testing.assert_array_equal(curve.get_xdata(), known.index)
        np.testing.assert_array_equal(curve.get_ydata(), known)
        np.testing.assert_array_equal(ring.get_xydata(), [[2, known[2]]])
        assert ring.get_markerfacecolor() == "none"
        assert panel.get_ylim()[0] == 0
        assert list(panel.get_xticks()) == [1, 2, 3]
    assert [panel.get_xlabel() for panel in panels] == ["", "number of clusters k"]


def test_a_pick_is_marked_and_its_absence_said() -> None:
    without_pick, with_pick = draw_selection(SCORES, SELECTED)
    assert without_pick.get_title() == "inertia: elbow, finds none"
    assert upright_lines(without_pick) == []
    assert notes(without_pick) == {}
    assert with_pick.get_title() == "stability: one standard error"
    assert upright_lines(with_pick) == [3]
    assert notes(with_pick) == {"k = 3": (3, 0)}


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
