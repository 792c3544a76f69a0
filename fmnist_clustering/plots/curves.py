"""Draw scores over the number of clusters k."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from fmnist_clustering._checks import FloatArray
from fmnist_clustering.plots._style import GREY, MARK_LINE

NO_PICK = 0
"""The x of a rule that picks no k."""

LABEL_WIDTH = 24
"""Screen pixels that a k on the x-axis needs."""

LOGARITHMIC_ROOM = 1.2
"""On a logarithmic axis a label is at least this many times the one before."""


def plot_inertia(
    k_values: ArrayLike,
    inertia: ArrayLike,
    ax: Axes,
    *,
    chosen: int | None = None,
    chord: int | None = None,
    logarithmic: bool = False,
) -> Axes:
    """Draw inertia over k, with the chord from the first to the last point.

    Parameters
    ----------
    k_values, inertia : (m,) array-like
        The curve, finite numbers.
    ax : Axes
        Where to draw.
    chosen : int, optional
        The elbow, one of `k_values`, as `fmnist_clustering.elbow` returns it; with None
        no k is marked.
    chord : int, optional
        The k farthest below the chord, one of `k_values`. It gets a ring.
    logarithmic : bool
        Whether both axes are logarithmic. A power of k is a straight line then. The
        chord, which is straight on linear axes, is left out.

    Returns
    -------
    Axes
        The same axes. A linear y-axis starts at 0.
    """
    k = np.asarray(k_values)
    cost = np.asarray(inertia, dtype=float)
    if not logarithmic:
        # A ring at its k says what the line is.
        _draw_chord(k, cost, ax, name="chord" if chord is None else "")
    _draw_curve(k, cost, ax, "inertia")
    if logarithmic:
        _make_logarithmic(k, cost, ax)
    if chosen is not None:
        _mark_k(chosen, k, cost, ax, "elbow")
    if chord is not None:
        point = (chord, cost[k == chord][0])
        _draw_ring(*point, ax)
        ax.annotate(f"chord: k = {chord}", point, (8, 8), textcoords="offset points")
    ax.yaxis.set_major_formatter(_format_score)
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
    """
    score = np.asarray(silhouette, dtype=float)
    is_known = ~np.isnan(score)
    k = np.asarray(k_values)[is_known]
    score = score[is_known]
    _draw_curve(k, score, ax, "mean silhouette")
    if chosen is not None:
        _mark_k(chosen, k, score, ax, "highest")
    return ax


def plot_picks(picks: pd.Series, ax: Axes, *, true_k: int, largest_k: int) -> Axes:
    """Draw which k each of several rules picks, beside the true one.

    Parameters
    ----------
    picks : Series of Int64
        The k that each rule (the index) picks, missing where it names none.
    ax : Axes
        Where to draw. The rules stand one below the other.
    true_k : int
        The true number of clusters. With 1, to name none is right, too.
    largest_k : int
        The largest k among which the rules picked; the axis ends there.

    Returns
    -------
    Axes
        The same axes. A full dot is a right pick, a ring a wrong one; rules that name
        none stand at the left. The dashed line marks the true k.
    """
    places = picks.astype("Int64").fillna(NO_PICK)
    right = {true_k} if true_k > 1 else {true_k, NO_PICK}
    ax.axvline(true_k, **MARK_LINE)
    for row, place in enumerate(places):
        face = GREY if place in right else "white"
        ax.plot(place, row, "o", color=GREY, markerfacecolor=face, markersize=8)
    _label_picks(largest_k, ax)
    ax.set_yticks(range(len(places)), places.index)
    ax.set(xlim=(NO_PICK - 0.6, largest_k + 0.6), ylim=(len(places) - 0.5, -0.5))
    ax.grid(visible=True, axis="both")
    return ax


def plot_selection(
    scores: pd.DataFrame,
    selected: pd.DataFrame,
    axes: Sequence[Axes],
) -> None:
    """Draw each score over k, with the k that `fmnist_clustering.select_k` picks.

    Parameters
    ----------
    scores : DataFrame
        What was passed to `select_k`. Standard errors of the gap become error bars.
    selected : DataFrame
        What it has returned.
    axes : sequence or array of Axes
        One for each row of `selected`. No y-axis is made to include 0: it is the shape
        that a rule looks at. A dashed line marks the pick; the title says why there is
        none.
    """
    panels = np.ravel(np.asarray(axes))
    for ax, (criterion, choice) in zip(panels, selected.iterrows(), strict=True):
        known = scores[criterion].dropna()
        ax.plot(known.index, known, color=GREY, marker="o")
        if criterion == "gap":
            error = scores["gap standard error"][known.index]
            bars = {"linewidth": 0, "elinewidth": 1.2, "capsize": 3}
            ax.errorbar(known.index, known, error, color=GREY, **bars)
        answer = choice["why none"]
        if pd.notna(choice["pick"]):
            ax.axvline(choice["pick"], **MARK_LINE)
            answer = f"k = {choice['pick']}"
        ax.set_title(f"{criterion}: {answer}", fontsize=10)
        ax.set_xlabel("number of clusters k")
        _label_k(scores.index.to_numpy(), ax)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.yaxis.set_major_formatter(_format_score)


def _draw_ring(x: float, y: float, ax: Axes) -> None:
    """Draw a ring around one point of a curve."""
    ax.plot(x, y, "o", markersize=11, markerfacecolor="none", color="black")


def _draw_chord(k: FloatArray, cost: FloatArray, ax: Axes, name: str) -> None:
    """Draw the straight line from the first to the last point, with a name."""
    chord_k = k[[0, -1]]
    chord_cost = cost[[0, -1]]
    ax.plot(chord_k, chord_cost, color=GREY, linewidth=0.8, linestyle=":")
    middle = (chord_k.mean(), chord_cost.mean())
    if name:
        ax.annotate(name, middle, (4, 6), textcoords="offset points")


def _make_logarithmic(k: FloatArray, cost: FloatArray, ax: Axes) -> None:
    """Give both axes a logarithmic scale, with plain numbers."""
    ax.set(xscale="log", yscale="log")
    ax.set_ylim(0.9 * cost.min(), 1.1 * cost.max())
    labels = []
    last = 0.0
    for value in k:
        label = ""
        if value > LOGARITHMIC_ROOM * last:
            label = f"{value:g}"
            last = value
        labels.append(label)
    ax.set_xticks(k, labels)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 5, 7)))
    ax.minorticks_off()


def _draw_curve(k: FloatArray, values: FloatArray, ax: Axes, name: str) -> None:
    """Draw values over k on a y-axis that includes 0."""
    ax.plot(k, values, color=GREY, marker="o")
    ax.set(xlabel="number of clusters k", ylabel=name)
    _label_k(k, ax)
    bottom = min(0.0, 1.1 * values.min())
    top = max(0.0, 1.1 * values.max())
    ax.set_ylim(bottom, top)


def _label_k(k: NDArray[Any], ax: Axes) -> None:
    """Label as many k on the x-axis as there is room for, the first one among them."""
    n_labels = max(ax.get_window_extent().width / LABEL_WIDTH, 1)
    step = math.ceil(len(k) / n_labels)
    ax.set_xticks(k[::step])


def _label_picks(end: int, ax: Axes) -> None:
    """Label the x-axis of picks: "none" at the left, then k up to the end."""
    ax.set_xlabel("number of clusters k")
    ax.xaxis.set_major_formatter(_format_pick)
    _label_k(np.arange(NO_PICK, end + 1), ax)
    labeled = ax.get_xticks()
    has_all = len(labeled) == end + 1
    if not has_all:
        # "none" is longer than a number: it takes the room of the next label.
        ax.set_xticks(np.delete(labeled, 1))


def _format_pick(value: float, _position: object) -> str:
    """Write a tick label: k, or "none"."""
    return "none" if value == NO_PICK else f"{value:.0f}"


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
