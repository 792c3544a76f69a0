"""Draw given numbers on given axes: nothing here fits, shows, or touches rcParams."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.cluster import hierarchy

from fmnist_clustering import checks
from fmnist_clustering.hierarchy import Condensed
from fmnist_clustering.quantization import Quantized

# Petroff's ten colors, the six that are dark enough for lines first (arXiv:2107.02270).
COLORS = ("#3f90da", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#717581", "#ffa90e", "#b9ac70", "#94a4a2", "#92dadd")
"""Cluster i has color i; beyond ten clusters ids only."""
GREY = "#444444"
SIDE = 28
HALO = [patheffects.withStroke(linewidth=3, foreground="white")]
Given = ArrayLike | None
Floats = NDArray[np.float64]
Names = Mapping[int, str] | None
Shares = Sequence[float]


def plot_images(
    images: ArrayLike, ax: Axes, *, n_columns: int, row_names: Sequence[str] = (), zoom: int = 2, gap: int = 2
) -> Axes:
    """Draw images in a grid, dark on white, each pixel `zoom` screen pixels wide.

    Parameters
    ----------
    images : (m, 784) array-like
        Grey values 0-255, higher is darker; drawn row by row.
    ax : Axes
        Moved and resized to the grid; its upper left corner stays.
    n_columns : int
        Images a row.
    row_names : sequence of str
        A name at the left of each row, or none.
    zoom, gap : int
        Screen pixels an image pixel, and image pixels between images.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    ValueError
        When the images do not have 784 values each.
    """
    pixels = checks.numbers(images, "images")
    if pixels.ndim != 2 or pixels.shape[1] != SIDE * SIDE or not pixels.size:
        raise ValueError(f"images: found shape {pixels.shape}, expected (m, 784)")
    n_rows, cell = -(-len(pixels) // n_columns), SIDE + gap
    cells = np.zeros((n_rows * n_columns, cell, cell))
    cells[: len(pixels), :SIDE, :SIDE] = pixels.reshape(-1, SIDE, SIDE)
    page = np.block([list(row) for row in cells.reshape(n_rows, n_columns, cell, cell)])
    page = page[: n_rows * cell - gap, : n_columns * cell - gap]
    ax.imshow(page, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
    _bare(ax)
    ax.set_yticks([row * cell + SIDE / 2 for row in range(len(row_names))], row_names)
    fig = ax.get_figure(root=True)
    if fig is not None:
        fig.set_layout_engine("none")
        width, height = fig.get_size_inches() * fig.dpi
        box = ax.get_position()
        left, top = round(box.x0 * width) / width, round(box.y1 * height) / height
        size = page.shape[1] * zoom / width, page.shape[0] * zoom / height
        ax.set_position((left, top - size[1], *size))
    return ax


def plot_inertia(k_values: ArrayLike, inertia: ArrayLike, ax: Axes, *, chosen: int | None = None) -> Axes:
    """Draw inertia over k, the chord from first to last point, and the elbow.

    Parameters
    ----------
    k_values, inertia : (m,) array-like
        The curve.
    ax : Axes
        Where to draw.
    chosen : int, optional
        The elbow, as `fmnist_clustering.elbow` returns it; None draws none.

    Returns
    -------
    Axes
        The same axes; the y-axis starts at 0.
    """
    k, cost = checks.curve(k_values, inertia, "inertia")
    ax.plot(k[[0, -1]], cost[[0, -1]], color=GREY, linewidth=0.8, linestyle=":")
    ax.annotate("chord", (k[[0, -1]].mean(), cost[[0, -1]].mean()), (4, 6), textcoords="offset points")
    _curve(k, cost, ax, "inertia", chosen, "elbow")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return ax


def plot_silhouette_scores(k_values: ArrayLike, silhouette: ArrayLike, ax: Axes, *, chosen: int | None = None) -> Axes:
    """Draw the mean silhouette over k and its maximum.

    Parameters
    ----------
    k_values, silhouette : (m,) array-like
        The curve; NaN (k = 1) is left out.
    ax : Axes
        Where to draw.
    chosen : int, optional
        The k to mark.

    Returns
    -------
    Axes
        The same axes; the y-axis includes 0.
    """
    k, score = checks.curve(k_values, silhouette, "silhouette")
    known = np.isfinite(score)
    return _curve(k[known], score[known], ax, "mean silhouette", chosen, "highest")


def plot_criteria(table: pd.DataFrame, found: pd.DataFrame, axes: Sequence[Axes]) -> None:
    """Draw each criterion over k, one below the other, with its pick and its runner-up.

    Parameters
    ----------
    table : DataFrame
        What `fmnist_clustering.criteria` returned; standard errors become bars.
    found : DataFrame
        What `fmnist_clustering.picks` returned.
    axes : sequence of Axes
        One a row of `found`, sharing their x-axis; every y-axis includes 0. A dashed line is the
        pick, a ring the runner-up.
    """
    for ax, (name, row) in zip(axes, found.iterrows(), strict=True):
        curve = table[name].dropna()
        _curve(curve.index.to_numpy(), curve.to_numpy(), ax, "", None, "")
        if not (missing := pd.isna(row["pick"])):
            ax.axvline(row["pick"], color="black", linewidth=1.2, linestyle="--")
            ax.annotate(f"k = {row['pick']}", (row["pick"], 0), (5, 5), textcoords="offset points")
        if name == "stability" and "standard error" in table:
            error = table["standard error"].loc[curve.index]
            ax.errorbar(curve.index, curve, error, color=GREY, linewidth=0, elinewidth=1.2, capsize=3)
        ax.plot(row["runner-up"], curve[row["runner-up"]], "o", markersize=11, markerfacecolor="none", color="black")
        ax.set_title(f"{name}: {row['rule']}" + ", finds none" * missing, fontsize=10)
        ax.set(xlabel="", xticks=table.index)
        ax.yaxis.set_major_locator(MaxNLocator(3))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.4g}" if value < 1000 else f"{value:,.0f}")
    axes[-1].set_xlabel("number of clusters k")


def plot_members(groups: Mapping[str, ArrayLike], ax: Axes, *, row_names: Sequence[str] = (), zoom: int = 2) -> Axes:
    """Draw pictures of clusters, a row each, in groups with a title.

    Parameters
    ----------
    groups : mapping of str to (k, m, 784) array-like
        For each title m pictures of each of the k clusters, grey values 0-255; m may differ.
    ax : Axes
        See `plot_images`; needs room above for the titles.
    row_names : sequence of str
        A name at the left of each row, or none.
    zoom : int
        Screen pixels an image pixel.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    ValueError
        As `plot_images`.
    """
    blocks: list[Floats] = []
    for title, pictures in groups.items():
        block = np.asarray(pictures, dtype=np.float64)
        first = sum(done.shape[1] for done in blocks)
        ax.text(first * (SIDE + 1), -4, title, va="bottom")
        blocks += [block, np.zeros((len(block), 1, SIDE * SIDE))]
    rows = np.concatenate(blocks[:-1], axis=1)
    images, n_columns = rows.reshape(-1, rows.shape[2]), rows.shape[1]
    return plot_images(images, ax, n_columns=n_columns, row_names=row_names, zoom=zoom, gap=1)


def plot_knives(samples: ArrayLike, labels: ArrayLike, pictures: ArrayLike, ax: Axes) -> Axes:
    """Draw the silhouettes of each cluster's members, sorted, beside the cluster's picture.

    Parameters
    ----------
    samples : (n,) array-like
        Silhouettes, as `fmnist_clustering.silhouette_samples` returns them.
    labels : (n,) array-like of int
        Cluster ids 0..k-1.
    pictures : (k, 784) array-like
        A picture of each cluster, grey values 0-255.
    ax : Axes
        Where to draw; needs room at its left for the pictures. All blades have one height, and
        their number of members is written beside them. The dashed line is the mean of all.

    Returns
    -------
    Axes
        The same axes; limits from the data.
    """
    values, ids = np.asarray(samples, dtype=np.float64), np.asarray(labels)
    images = np.asarray(pictures)
    for cluster in range(len(images)):
        blade = np.sort(values[ids == cluster])[::-1]
        heights = cluster + np.linspace(-0.42, 0.42, len(blade))
        ax.fill_betweenx(heights, 0, blade, color=cluster_color(cluster), linewidth=0)
        text = f"{len(blade):,} images\nmean {blade.mean():.3f}\n{(blade < 0).mean():.0%} below 0"
        ax.text(1.01, cluster, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
        _picture(images[cluster], ax, (-0.07, cluster), cluster, xycoords=ax.get_yaxis_transform())
    ax.axvline(values.mean(), color="black", linewidth=1.2, linestyle="--")
    ax.text(values.mean(), -0.55, f" mean {values.mean():.3f}", va="bottom")
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set(ylim=(len(images) - 0.45, -0.95), xlabel="silhouette", yticks=[])
    ax.spines["left"].set_visible(False)
    return ax


def plot_family_tree(labels: ArrayLike, pictures: Sequence[ArrayLike], ax: Axes, *, smallest: float = 0.01) -> Axes:
    """Draw how clusters split and mix as k grows: one level a k, one picture a cluster.

    Parameters
    ----------
    labels : (m, n) array-like of int
        One labeling a level, k rising; `fmnist_clustering.match_labels` makes a cluster keep its
        id, and so its color, from level to level.
    pictures : sequence of (k, 784) array-like
        A picture of each cluster of each level by rising id, grey values 0-255.
    ax : Axes
        Where to draw. An edge is as wide as the rows that flow; within a level clusters stand
        so that edges run steeply.
    smallest : float
        Share of all rows below which a flow is not drawn.

    Returns
    -------
    Axes
        The same axes.
    """
    levels = [np.unique(row, return_inverse=True) for row in np.asarray(labels)]
    above, ids_above = np.zeros(0), levels[0][1]
    for level, (names, ids) in enumerate(levels):
        x = (np.arange(len(names)) + 0.5) / len(names)
        if level:
            flow = np.zeros((len(above), len(names)))
            np.add.at(flow, (ids_above, ids), 1 / len(ids))
            x = x[np.argsort(np.argsort(above @ flow / flow.sum(axis=0), kind="stable"))]
            edges = np.argwhere(flow >= smallest)
            lines = [[(above[a], level - 1), (x[b], level)] for a, b in edges]
            colors = [cluster_color(names[b]) for _, b in edges]
            widths = [60 * flow[a, b] for a, b in edges]
            ax.add_collection(LineCollection(lines, linewidths=widths, colors=colors, alpha=0.6, capstyle="butt"))
        for place, name, image in zip(x, names, np.asarray(pictures[level]), strict=True):
            _picture(image, ax, (place, level), name)
        above, ids_above = x, ids
    ax.set(xlim=(-0.02, 1), ylim=(len(levels) - 0.55, -0.45))
    _bare(ax)
    ax.set_yticks(range(len(levels)), [f"k = {len(names)}" for names, _ in levels])
    return ax


def plot_scatter(
    points: ArrayLike, labels: ArrayLike, ax: Axes, *, names: Names = None, explained: Shares = (), seed: int = 0
) -> Axes:
    """Draw points in two dimensions, colored and named by cluster.

    Parameters
    ----------
    points : (n, 2) array-like
        Coordinates.
    labels : (n,) array-like of int
        Cluster ids from 0; cluster i has color i, all beyond ten are grey. Members of clusters of
        fewer than twenty are ringed dots.
    ax : Axes
        Where to draw.
    names : mapping of id to str, optional
        A name for each id; default: the id itself. Written at the cluster's median.
    explained : sequence of float
        Share of the variance that each axis holds, 0-1, for the axis labels.
    seed : int
        Shuffles the drawing order, so that no cluster hides another by its id.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    ValueError
        When `points` is not (n, 2) with one label a row.
    """
    xy, ids = checks.numbers(points, "points"), checks.labels(labels)
    if xy.ndim != 2 or xy.shape[1] != 2 or ids.shape != (len(xy),):
        raise ValueError(f"points, labels: found {xy.shape} and {ids.shape}, expected (n, 2), (n,)")
    order = np.random.default_rng(seed).permutation(len(xy))
    colors = np.array([cluster_color(cluster) for cluster in range(ids.max() + 1)])
    present, sizes = np.unique(ids, return_counts=True)
    ax.scatter(xy[order, 0], xy[order, 1], c=colors[ids[order]], s=5, alpha=0.5, linewidths=0)
    few = np.isin(ids, present[sizes < 20])
    ax.scatter(xy[few, 0], xy[few, 1], c=colors[ids[few]], s=30, edgecolors="black", linewidths=0.8)
    members = [xy[ids == cluster] for cluster in present]
    centers = np.stack([m[m[:, 1].argmax()] if len(m) < 20 else np.median(m, axis=0) for m in members])
    centers[sizes < 20, 1] += 0.05 * np.ptp(xy[:, 1])  # above a ring, not on it
    room = np.ptp(xy, axis=0) * (0.25, 0.05) if names else np.ptp(xy, axis=0) * 0.05
    for cluster, (x, y) in zip(present, _apart(centers, room), strict=True):
        name = names[cluster] if names else str(cluster)
        ax.text(x, y, name, ha="center", va="center", fontsize=9, fontweight="bold", path_effects=HALO)
    for axis, share, number in zip((ax.xaxis, ax.yaxis), explained, (1, 2), strict=False):
        axis.set_label_text(f"component {number} ({share:.0%} of variance)")
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    return ax


def plot_contingency(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw a contingency table as shaded counts.

    Parameters
    ----------
    table : DataFrame
        Counts, as `fmnist_clustering.contingency` returns them.
    ax : Axes
        Where to draw.

    Returns
    -------
    Axes
        The same axes; a darker cell is more images, 0 is left blank.
    """
    counts = checks.made(table, "table", pd.DataFrame).to_numpy()
    ax.imshow(counts, cmap="gray_r", vmin=0, vmax=counts.max() * 1.25, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        value = counts[row, column]
        color = "white" if value > 0.6 * counts.max() else "#222222"
        ax.text(column, row, f"{value:,}", ha="center", va="center", color=color, fontsize=9)
    _bare(ax)
    ax.set_xticks(range(table.shape[1]), table.columns)
    ax.set_yticks(range(table.shape[0]), table.index)
    ax.set_xlabel(str(table.columns.name or ""))
    return ax


def plot_dendrogram(
    top: Condensed, ax: Axes, *, labels: Given = None, cut: float | None = None, note: str = "", pictures: Given = None
) -> Axes:
    """Draw the top of a tree; every leaf is a branch with its number of images under it.

    Parameters
    ----------
    top : Condensed
        What `fmnist_clustering.condense` returned.
    ax : Axes
        Where to draw.
    labels : (n,) array-like of int, optional
        Flat clusters, as `fmnist_clustering.cut_tree` gives them at `cut`: branches below the cut
        take the cluster's color.
    cut : float, optional
        Height of the cut, a dashed line.
    note : str
        Text at the line.
    pictures : (n_leaves, 784) array-like, optional
        A picture of each leaf, grey values 0-255, 60 screen pixels wide: twelve fit into 8 inches.

    Returns
    -------
    Axes
        The same axes; the y-axis starts at 0.
    """
    drawn = hierarchy.dendrogram(checks.made(top, "top", Condensed).Z, no_plot=True)
    x, height, leaves = np.array(drawn["icoord"]), np.array(drawn["dcoord"]), drawn["leaves"]
    _, first, sizes = np.unique(top.labels, return_index=True, return_counts=True)
    cut_below = labels is not None and cut is not None
    flat = np.asarray(labels)[first] if cut_below else np.full(len(leaves), len(COLORS))
    # Below the cut a link lies in one cluster: that of the drawn leaf under its left end.
    under = [flat[leaves[int(left // 10)]] for left in x[:, 0]]
    below = np.max(height, axis=1) <= (cut if cut_below else -1)
    colors = [cluster_color(cluster) if colored else GREY for cluster, colored in zip(under, below, strict=True)]
    links = [np.column_stack(pair) for pair in zip(x, height, strict=True)]
    ax.add_collection(LineCollection(links, colors=colors, linewidths=1.5))
    ax.set(xlim=(0, 10 * len(leaves)), ylim=(0, 1.06 * height.max()), ylabel="height of merge")
    positions = 5 + 10 * np.arange(len(leaves))
    ax.set_xticks(positions, [f"{sizes[leaf]:,}" for leaf in leaves], rotation=90, fontsize=8)
    ax.tick_params(axis="x", length=0)
    if pictures is not None:
        ax.tick_params(axis="x", pad=50, rotation=0)
        for place, leaf in zip(positions, leaves, strict=True):
            _picture(np.asarray(pictures)[leaf], ax, (float(place), 0), int(flat[leaf]), 34)
    if cut is not None:
        ax.axhline(cut, color="black", linewidth=1.2, linestyle="--")
        ax.text(10 * len(leaves), cut, note, ha="right", va="bottom", path_effects=HALO)
    return ax


def plot_palette(quantized: Quantized, ax: Axes) -> Axes:
    """Draw a palette from dark to light, each color as wide as its share of the picture.

    Parameters
    ----------
    quantized : Quantized
        A quantized picture.
    ax : Axes
        Where to draw.

    Returns
    -------
    Axes
        The same axes.
    """
    edges = np.concatenate([[0.0], np.cumsum(checks.made(quantized, "quantized", Quantized).shares)])
    ax.bar(edges[:-1], 1, quantized.shares, align="edge", color=quantized.palette / 255, linewidth=0)
    _bare(ax)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return ax


def plot_quantized(quantized: Quantized, ax: Axes, *, title: str = "") -> Axes:
    """Draw a quantized picture with its palette as a strip below.

    Parameters
    ----------
    quantized : Quantized
        A quantized picture.
    ax : Axes
        Where to draw.
    title : str
        Text above.

    Returns
    -------
    Axes
        The same axes; the strip is a child of them.
    """
    ax.imshow(checks.made(quantized, "quantized", Quantized).image)
    _bare(ax)
    ax.set_title(title, fontsize=10)
    plot_palette(quantized, ax.inset_axes((0, -0.1, 1, 0.08)))
    return ax


def plot_rate_distortion(table: pd.DataFrame, ax: Axes, *, source: float | None = None) -> Axes:
    """Draw what is kept of a picture against what it takes to store, a line a method.

    Parameters
    ----------
    table : DataFrame
        One row a file, sizes rising within a method: ``method``; ``k``, written beside the dots of the first
        method; ``size``, in a unit that the caller writes on the axis; ``PSNR``, dB, higher is nearer.
    ax : Axes
        Where to draw. A line ends with its method's name.
    source : float, optional
        Size of the file that the picture came from: a dashed line.

    Returns
    -------
    Axes
        The same axes; the x-axis starts at 0, the y-axis does not and says so.
    """
    for i, (method, rows) in enumerate(checks.made(table, "table", pd.DataFrame).groupby("method", sort=False)):
        x, y, color = rows["size"], rows["PSNR"], COLORS[i] if i < 6 else GREY  # six are dark enough
        ax.plot(x, y, color=color, marker="osD^vPX*"[i % 8])
        shared: dict[str, Any] = {"textcoords": "offset points", "color": color, "path_effects": HALO}
        ax.annotate(str(method), (x.iloc[-1], y.iloc[-1]), (8, 0), va="center", **shared)
        for k, *point in zip(rows["k"], x, y, strict=True) if i == 0 else ():
            ax.annotate(str(k), tuple(point), (0, 7), ha="center", fontsize=8, **shared)
    if source is not None:
        ax.axvline(source, color="black", linewidth=1.2, linestyle="--")
        ax.text(source, table["PSNR"].min(), "source file ", ha="right")
    ax.margins(y=0.12)
    ax.set(xlim=(0, 1.05 * max(table["size"].max(), source or 0)), ylabel="PSNR, dB (not from 0)")
    return ax


def cluster_color(cluster: int) -> str:
    """Return the color of a cluster id: ten distinct ones, then grey.

    Parameters
    ----------
    cluster : int
        Id from 0.

    Returns
    -------
    str
        A hexadecimal color.
    """
    return COLORS[cluster] if cluster < len(COLORS) else GREY


def _curve(k: NDArray[Any], values: Floats, ax: Axes, name: str, chosen: int | None, word: str) -> Axes:
    """Draw a criterion over k with the chosen k marked."""
    ax.plot(k, values, color=GREY, marker="o")
    ax.set(xlabel="number of clusters k", ylabel=name, xticks=k)
    ax.set_ylim(min(0.0, 1.1 * values.min()), max(0.0, 1.1 * values.max()))
    if chosen is not None:
        ax.axvline(chosen, color="black", linewidth=1.2, linestyle="--")
        value = values[list(k).index(chosen)]
        ax.annotate(f"{word}: k = {chosen}", (chosen, value), (8, 8), textcoords="offset points")
    return ax


def _picture(image: Floats, ax: Axes, at: tuple[float, float], cluster: int, lower: int = 0, **placed: Any) -> None:
    """Put an image, two screen pixels a pixel, with its cluster's id and color at a point or `lower` pixels below."""
    box = OffsetImage(image.reshape(SIDE, SIDE), zoom=2, dpi_cor=False, cmap="gray_r", interpolation="nearest")
    box.image.set_clim(0, 255)
    frame = {"edgecolor": cluster_color(cluster), "linewidth": 2}
    shared: dict[str, Any] = {"annotation_clip": False, **placed}
    ax.add_artist(AnnotationBbox(box, at, (0, -lower), boxcoords="offset pixels", pad=0.1, bboxprops=frame, **shared))
    name = str(cluster) if cluster < len(COLORS) else ""
    text = ax.annotate(name, at, (-27, 27 - lower), textcoords="offset pixels", **shared)
    text.set(fontsize=8, fontweight="bold", va="top", zorder=4)


def _apart(centers: Floats, room: Floats) -> Floats:
    """Lift labels that would overlap, from the lowest to the highest."""
    placed = centers.copy()
    order = np.argsort(centers[:, 1])
    for i, label in enumerate(order):
        for below in order[:i][np.argsort(placed[order[:i], 1])]:
            if (np.abs(placed[label] - placed[below]) < room).all():
                placed[label, 1] = placed[below, 1] + room[1]
    return placed


def _bare(ax: Axes) -> None:
    """Remove what a picture does not need."""
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
