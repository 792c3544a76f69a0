"""Draw scores over the number of clusters k."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from fmnist_clustering._validation import (
    FloatArray,
    check_curve,
    check_instance,
    check_integer,
    check_numbers,
)
from fmnist_clustering.plots._arguments import check_range, check_table
from fmnist_clustering.plots._style import GREY, MARK_LINE

BETWEEN_ONES = ("silhouette", "stability")
"""The criteria whose scores lie between -1 and 1."""
ERROR_COLUMNS = {"stability": "standard error", "gap": "gap standard error"}
"""Where the scores of a criterion have a standard error."""


def plot_inertia(
    k_values: ArrayLike,
    inertia: ArrayLike,
    ax: Axes,
    *,
    chosen: int | None = None,
) -> Axes:
    """Draw inertia over k, with the chord from the first to the last point.

    Parameters
    ----------
    k_values, inertia : (m,) array-like
        The curve. Points that are NaN are left out.
    ax : Axes
        Where to draw.
    chosen : int, optional
        The elbow, one of `k_values`, as `fmnist_clustering.elbow` returns it; with None
        no k is marked.

    Returns
    -------
    Axes
        The same axes. The y-axis starts at 0.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, the two lengths differ, no point is
        finite, or `chosen` is no k of the curve.
    """
    k, cost = _check_finite_curve(k_values, inertia, "inertia")
    _check_chosen(chosen, k)
    check_range(cost, "inertia", 0, np.inf, "costs, 0 or more")
    check_instance(ax, "ax", Axes)

    chord_k = k[[0, -1]]
    chord_cost = cost[[0, -1]]
    ax.plot(chord_k, chord_cost, color=GREY, linewidth=0.8, linestyle=":")
    middle = (chord_k.mean(), chord_cost.mean())
    ax.annotate("chord", middle, (4, 6), textcoords="offset points")
    _draw_curve(k, cost, ax, "inertia")
    if chosen is not None:
        _mark_k(chosen, k, cost, ax, "elbow")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return ax


def plot_silhouette_scores(
    k_values: ArrayLike,
    silhouette: ArrayLike,
    ax: Axes,
    *,
    chosen: int | None = None,
) -> Axes:
    """Draw the mean silhouette over k.

    Parameters
    ----------
    k_values, silhouette : (m,) array-like
        The curve, -1 to 1, higher is better. Points that are NaN (k = 1) are left out.
    ax : Axes
        Where to draw.
    chosen : int, optional
        The k of the highest score, which is marked; with None no k is marked.

    Returns
    -------
    Axes
        The same axes. The y-axis includes 0.

    Raises
    ------
    TypeError, ValueError
        As `plot_inertia`.
    """
    k, score = _check_finite_curve(k_values, silhouette, "silhouette")
    _check_chosen(chosen, k)
    check_instance(ax, "ax", Axes)

    _draw_curve(k, score, ax, "mean silhouette")
    if chosen is not None:
        _mark_k(chosen, k, score, ax, "highest")
    return ax


def plot_selection(
    scores: pd.DataFrame,
    selected: pd.DataFrame,
    axes: Sequence[Axes],
) -> None:
    """Draw each score over k, with the k that its rule picks and the runner-up.

    Parameters
    ----------
    scores : DataFrame
        The result of `fmnist_clustering.selection_scores`. Standard errors become error
        bars.
    selected : DataFrame
        The result of `fmnist_clustering.select_k`.
    axes : sequence of Axes
        One for each row of `selected`, one below the other. Every y-axis includes 0. A
        dashed line marks the pick, a ring the runner-up.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, a column is missing, `selected` names a k
        without a score, or the number of axes is not that of the rows of `selected`.
    """
    panels = _check_selection(scores, selected, axes)
    for ax, (criterion, choice) in zip(panels, selected.iterrows(), strict=True):
        known = scores[criterion].dropna()
        error = None
        error_column = ERROR_COLUMNS.get(criterion)
        if error_column in scores.columns:
            error = scores[error_column].loc[known.index]
        _draw_choice(known, error, choice, ax)

        is_undecided = pd.isna(choice["pick"])
        title = f"{criterion}: {choice['rule']}"
        ax.set_title(f"{title}, finds none" if is_undecided else title, fontsize=10)
        ax.set(xlabel="", xticks=scores.index)
        ax.yaxis.set_major_locator(MaxNLocator(3))
        ax.yaxis.set_major_formatter(_format_score)
    panels[-1].set_xlabel("number of clusters k")


def _draw_choice(
    known: pd.Series,
    error: pd.Series | None,
    choice: pd.Series,
    ax: Axes,
) -> None:
    """Draw one score, its error bars, its pick if there is one, and the runner-up."""
    _draw_curve(known.index.to_numpy(), known.to_numpy(), ax, "")
    pick = choice["pick"]
    if pd.notna(pick):
        ax.axvline(pick, **MARK_LINE)
        ax.annotate(f"k = {pick}", (pick, 0), (5, 5), textcoords="offset points")
    if error is not None:
        ax.errorbar(
            known.index,
            known,
            error,
            color=GREY,
            linewidth=0,
            elinewidth=1.2,
            capsize=3,
        )
    ax.plot(
        choice["runner-up"],
        known[choice["runner-up"]],
        "o",
        markersize=11,
        markerfacecolor="none",
        color="black",
    )


def _draw_curve(k: FloatArray, values: FloatArray, ax: Axes, name: str) -> None:
    """Draw values over k on a y-axis that includes 0."""
    ax.plot(k, values, color=GREY, marker="o")
    ax.set(xlabel="number of clusters k", ylabel=name, xticks=k)
    bottom = min(0.0, 1.1 * values.min())
    top = max(0.0, 1.1 * values.max())
    ax.set_ylim(bottom, top)


def _mark_k(
    chosen: int,
    k: FloatArray,
    values: FloatArray,
    ax: Axes,
    reason: str,
) -> None:
    """Mark one k by a dashed line and a note at its point of the curve."""
    ax.axvline(chosen, **MARK_LINE)
    point = (chosen, values[k == chosen][0])
    note = f"{reason}: k = {chosen}"
    ax.annotate(note, point, (8, 8), textcoords="offset points")


def _format_score(value: float, _position: object) -> str:
    """Write a tick label: four significant digits, or thousands with commas."""
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _check_finite_curve(
    k_values: ArrayLike,
    values: ArrayLike,
    name: str,
) -> tuple[FloatArray, FloatArray]:
    """Return the finite points of a curve, one or more."""
    k, y = check_curve(k_values, values, name)
    is_finite = np.isfinite(k) & np.isfinite(y)
    if not is_finite.any():
        raise ValueError(
            f"k_values, {name}: found no finite point, expected one or more",
        )
    return k[is_finite], y[is_finite]


def _check_chosen(chosen: int | None, k: FloatArray) -> None:
    """Refuse a choice that is no k of the curve."""
    if chosen is None:
        return
    check_integer(chosen, "chosen")
    if chosen not in k:
        found = f"chosen: found {chosen}"
        raise ValueError(f"{found}, expected one of the k_values {k.tolist()}")


def _check_selection(
    scores: pd.DataFrame,
    selected: pd.DataFrame,
    axes: Sequence[Axes],
) -> list[Axes]:
    """Return the axes as a list if scores, selection and axes fit together."""
    check_table(selected, "selected", ["rule", "pick", "runner-up"])
    _check_scores(scores, selected.index)
    for criterion, choice in selected.iterrows():
        known_k = scores[criterion].dropna().index
        marked = [choice["runner-up"]]
        if pd.notna(choice["pick"]):
            marked.append(choice["pick"])
        for k in marked:
            if k not in known_k:
                expected = f"one of the k with a score, {known_k.tolist()}"
                raise ValueError(
                    f"selected: found k = {k} for {criterion}, expected {expected}",
                )

    items = np.asarray(axes, dtype=object).ravel()
    panels = [check_instance(ax, "axes", Axes) for ax in items]
    if len(panels) != len(selected):
        expected = f"{len(selected)}, one for each row of selected"
        raise ValueError(f"axes: found {len(panels)} axes, expected {expected}")
    return panels


def _check_scores(scores: pd.DataFrame, criteria: pd.Index) -> None:
    """Refuse a table that does not hold these scores over rising k; NaN is fine."""
    check_table(scores, "scores", criteria)
    index = scores.index
    is_integer = pd.api.types.is_integer_dtype(index)
    if not is_integer or not index.is_monotonic_increasing or not index.is_unique:
        found = index.tolist()
        raise ValueError(f"scores: found index {found}, expected rising k")
    for criterion in criteria:
        known = check_numbers(scores[criterion].dropna(), "scores")
        limit = 1 if criterion in BETWEEN_ONES else np.finfo(np.float64).max
        expected = "scores from -1 to 1" if limit == 1 else "finite scores"
        check_range(known, "scores", -limit, limit, f"{expected} as {criterion}")
    for column in set(ERROR_COLUMNS.values()) & set(scores.columns):
        check_table(scores, "scores", [column])
        error = check_numbers(scores[column].dropna(), "scores")
        check_range(error, "scores", 0, np.inf, "standard errors, 0 or more")
