"""Results to play with: a slider above a picture that follows it.

Each explorer (`kmeans`, `tree`, `palette`) puts controls above a function that draws
one setting (`draw_clusters`, `draw_cut`, `draw_palette`). Whatever takes long is
computed before and passed in.

An explorer appears only in a notebook that a person has open. A program that executes
the notebook gets no output, so that no broken widget is saved in the file.
"""

import base64
import functools
import html
import io
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets as widgets
import matplotlib.style
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fmnist_clustering._checks import ByteArray, FloatArray, IntArray
from fmnist_clustering._parallel import is_live
from fmnist_clustering.hierarchy import flat_clusters, merge_gaps, truncate_tree
from fmnist_clustering.images import load_image
from fmnist_clustering.notebook import STYLE
from fmnist_clustering.plots import plot_dendrogram, plot_family_tree, plot_palette
from fmnist_clustering.plots._style import GREY, cluster_color, remove_frame
from fmnist_clustering.plots.trees import family_tree_layout
from fmnist_clustering.quantization import (
    IndexedImage,
    apply_palette,
    indexed_png,
    psnr,
    quantize,
)

COLUMN_WIDTH = 0.84
"""The width of a cluster's silhouettes; the centers of clusters are 1 apart."""

MOST_POINTS = 200
"""The silhouettes of a cluster are drawn as at most so many quantiles."""

DPI = 100
"""Screen pixels in an inch of a figure."""

ENLARGED_EDGE = 400
"""Screen pixels. A smaller picture is enlarged by a whole number, up to this size."""

STRIP_HEIGHT = 40
"""Screen pixels: the height of a palette below its picture."""

STRIP_GAP = 6
"""Screen pixels between the two."""

UPLOAD_PIXELS = 100_000
"""Uploaded pictures are made smaller, so that their palettes are there in a moment."""

SLIDER: dict[str, Any] = {
    "continuous_update": False,
    "layout": {"width": "450px"},
    "style": {"description_width": "initial"},
}
"""What all sliders have in common."""


class Drawing(NamedTuple):
    """What an explorer shows for one setting.

    Attributes
    ----------
    figure : Figure
        The picture.
    sentence : str
        What it shows. It is written above the picture and read by screen readers.
    """

    figure: Figure
    sentence: str


def draw_clusters(
    labels: ArrayLike,
    pictures: Sequence[ArrayLike],
    silhouettes: ArrayLike,
    level: int,
) -> Drawing:
    """Draw the clusters of one k: where they come from, how well separated they are.

    Parameters
    ----------
    labels : (m, n) array-like of int
        One labeling for each k, with rising k, as for
        `fmnist_clustering.plots.plot_family_tree`.
    pictures : sequence of (k, 784) array-like
        For each labeling one picture of each cluster, by rising id, grey values 0-255.
    silhouettes : (m, n) array-like
        The silhouettes of each labeling, -1 to 1.
    level : int
        Which labeling is drawn, 0 to m - 1.

    Returns
    -------
    Drawing
        The mean images of the clusters, with the edges of the family tree that lead to
        them from the labeling before; and below each one how many rows it holds, and
        their silhouettes from the highest to the lowest.
    """
    ids = np.asarray(labels)[: level + 1]
    values = np.asarray(silhouettes)
    above = max(level - 1, 0)
    with matplotlib.style.context(STYLE, after_reset=True):
        fig = Figure(figsize=(8, 5.2))
        n_levels = len(ids[above:])
        tree_ax, columns_ax = fig.subplots(2, height_ratios=[1.7 * n_levels, 2.2])
        plot_family_tree(ids, pictures[: level + 1], tree_ax, first_level=above)
        # Each column stands below the mean image of its cluster.
        layout = family_tree_layout(ids)[-1]
        _draw_columns(values[level], ids[-1], layout.clusters, layout.x, columns_ax)
        # The same for all k, so that they can be compared.
        columns_ax.set_ylim(values.min() - 0.02, values.max() + 0.02)
    return Drawing(fig, _describe_clusters(values[level], ids[-1], ids[above]))


def draw_cut(Z: ArrayLike, pictures: ArrayLike, n_clusters: int) -> Drawing:
    """Draw the top of a tree, cut into clusters.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    pictures : (n_leaves, 784) array-like
        One picture for each branch of ``truncate_tree(Z, n_leaves)``, grey values
        0-255; 2 to 20 of them, fewer than n.
    n_clusters : int
        The number of clusters, 2 to n_leaves.

    Returns
    -------
    Drawing
        The dendrogram of the branches with their pictures. The heights at which a cut
        gives these clusters are shaded, and below the branches of a cluster stands how
        many rows it holds. When a cluster is divided, one part keeps its color, and all
        other clusters keep theirs.

    Raises
    ------
    ValueError
        When no cut gives so many clusters, because several merges have the same height.
    """
    n_leaves = len(np.asarray(pictures))
    clusters = flat_clusters(Z, n_clusters)
    top = truncate_tree(Z, n_leaves)
    gaps = merge_gaps(Z).set_index("n_clusters")
    gaps = gaps[gaps.index <= n_leaves]
    low, high = gaps.loc[n_clusters, ["low", "high"]]

    # Leaves are numbered by falling size. A cluster takes the number of its largest
    # leaf as its id, so that when it is divided one part keeps its color.
    largest_leaf = np.full(n_clusters, n_leaves)
    np.minimum.at(largest_leaf, clusters, top.labels)
    ids = largest_leaf[clusters]
    sizes = {int(leaf): int((ids == leaf).sum()) for leaf in largest_leaf}

    with matplotlib.style.context(STYLE, after_reset=True):
        fig = Figure(figsize=(8, 5.2))
        ax = fig.subplots()
        plot_dendrogram(
            top,
            ax,
            pictures=pictures,
            labels=ids,
            cut=(low + high) / 2,
            gap=(low, high),
            branch_names={leaf: f"{size:,}" for leaf, size in sizes.items()},
        )
        ax.set_title(f"{n_clusters} clusters")
    return Drawing(fig, _describe_cut(sizes, gaps, n_clusters))


def draw_palette(original: ByteArray, image: IndexedImage) -> Drawing:
    """Draw a picture in few colors, pixel for pixel, and its palette below it.

    Parameters
    ----------
    original : (h, w, 3) uint8
        The picture that it was made from.
    image : IndexedImage
        A picture in at most 256 colors.

    Returns
    -------
    Drawing
        The picture with its palette from dark to light, each color as wide as its
        share. The sentence says how near it is to the original in dB, and how many
        bytes it takes.
    """
    height, width = image.indices.shape
    zoom = max(1, ENLARGED_EDGE // max(height, width))
    pixels = np.array([zoom * width, zoom * height + STRIP_GAP + STRIP_HEIGHT])
    with matplotlib.style.context(STYLE, after_reset=True):
        fig = Figure(figsize=tuple(pixels / DPI), dpi=DPI)
        fig.set_layout_engine("none")
        below_picture = (STRIP_GAP + STRIP_HEIGHT) / pixels[1]
        ax = fig.add_axes((0, below_picture, 1, 1 - below_picture))
        ax.imshow(image.image, interpolation="nearest", aspect="auto")
        remove_frame(ax)
        plot_palette(image, fig.add_axes((0, 0, 1, STRIP_HEIGHT / pixels[1])))
    return Drawing(fig, _describe_palette(original, image))


def kmeans(
    labels: ArrayLike, pictures: Sequence[ArrayLike], silhouettes: ArrayLike
) -> None:
    """Show a slider for k, and below it what k-means finds at that k.

    Parameters
    ----------
    labels, pictures, silhouettes : as in `draw_clusters`
        The results that are shown. From one labeling to the next k rises by 1.

    Notes
    -----
    Nothing appears unless a person has the notebook open.
    """
    if not is_live():
        return
    smallest = len(np.unique(np.asarray(labels)[0]))

    def draw(k: int) -> Drawing:
        return draw_clusters(labels, pictures, silhouettes, k - smallest)

    _show(draw, _slider_of_clusters(smallest, smallest + len(pictures) - 1))


def tree(Z: ArrayLike, pictures: ArrayLike) -> None:
    """Show a slider for the number of clusters, and the cut that gives them.

    Parameters
    ----------
    Z, pictures : as in `draw_cut`
        The tree and its branches.

    Notes
    -----
    Nothing appears unless a person has the notebook open.
    """
    if is_live():
        slider = _slider_of_clusters(2, len(np.asarray(pictures)))
        _show(functools.partial(draw_cut, Z, pictures), slider)


def palette(
    image: ByteArray,
    plain: Mapping[int, IndexedImage],
    dithered: Mapping[int, IndexedImage],
) -> None:
    """Show a slider for the number of colors, and the picture in so many.

    There is a switch for dithering, and a button to upload a picture of your own. That
    is made smaller, to about 100,000 pixels, and its palettes are computed on the spot.

    Parameters
    ----------
    image : (h, w, 3) uint8
        The picture that is shown first.
    plain, dithered : mapping of int to IndexedImage
        For the same rising numbers of colors the picture in so many, without and with
        dithering.

    Notes
    -----
    Nothing appears unless a person has the notebook open.
    """
    if not is_live():
        return
    slider = widgets.SelectionSlider(
        description="number of colors", options=list(plain), **SLIDER
    )
    switch = widgets.Checkbox(description="dithering", indent=False)
    upload = widgets.FileUpload(
        description="your own picture",
        accept="image/*",
        layout={"width": "max-content"},
    )

    def draw(n_colors: int, is_dithered: bool, uploaded: bytes) -> Drawing:
        if uploaded:
            return _draw_anew(_read_upload(uploaded), n_colors, is_dithered)
        ready = dithered if is_dithered else plain
        return draw_palette(image, ready[n_colors])

    _show(draw, slider, switch, upload)


def _slider_of_clusters(smallest: int, largest: int) -> Any:
    """Return a slider, with a number beside it that can be typed."""
    return widgets.IntSlider(
        description="number of clusters",
        value=smallest,
        min=smallest,
        max=largest,
        **SLIDER,
    )


def _show(draw: Callable[..., Drawing], *controls: Any) -> None:
    """Show controls, and below them what is drawn for their values."""

    @functools.cache
    def render(*values: Any) -> str:
        return _as_html(draw(*values))

    view = widgets.HTML()

    def redraw(_change: object = None) -> None:
        try:
            view.value = render(*[_value(control) for control in controls])
        except ValueError as error:  # no cut gives so many clusters, or no picture
            view.value = _as_alert(str(error))

    for control in controls:
        control.observe(redraw, "value")
    redraw()
    box = widgets.VBox([*controls, view])
    # As `display(box)` would do, but without a text that says how the box was made.
    reference = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"application/vnd.jupyter.widget-view+json": reference}, raw=True)


def _value(control: Any) -> Any:
    """Return the value of a control; of an upload the bytes, b"" before there are."""
    if isinstance(control, widgets.FileUpload):
        return b"".join(file["content"] for file in control.value)
    return control.value


def _as_html(drawing: Drawing) -> str:
    """Return a sentence, and below it a picture, which needs no text of its own."""
    stream = io.BytesIO()
    with matplotlib.style.context(STYLE, after_reset=True):
        # It travels a short way and is not kept: better fast than small.
        options = {"compress_level": 1}
        drawing.figure.savefig(stream, format="png", pil_kwargs=options)
    png = base64.b64encode(stream.getvalue()).decode()
    source = f"data:image/png;base64,{png}"
    picture = f'<img alt="" src="{source}" style="max-width: 100%">'
    return _as_alert(drawing.sentence) + picture


def _as_alert(text: str) -> str:
    """Return a text as HTML that screen readers read out as soon as it is there."""
    return f'<p role="alert">{html.escape(text)}</p>'


def _draw_anew(original: ByteArray, n_colors: int, is_dithered: bool) -> Drawing:
    """Draw a picture in so many colors, which are computed now."""
    quantized = quantize(original, n_colors)
    if is_dithered:
        quantized = apply_palette(original, quantized.palette, dither=True)
    return draw_palette(original, quantized)


def _read_upload(content: bytes) -> ByteArray:
    """Return an uploaded file as a picture of a size that is quickly clustered."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        try:
            return load_image(path, max_pixels=UPLOAD_PIXELS)
        except ValueError:
            raise ValueError("This file cannot be read as a picture.") from None


def _draw_columns(
    silhouettes: FloatArray,
    ids: IntArray,
    clusters: IntArray,
    x: FloatArray,
    ax: Axes,
) -> None:
    """Draw the silhouettes of each cluster as a filled curve around its place."""
    width = COLUMN_WIDTH / len(clusters)
    for cluster, middle in zip(clusters, x, strict=True):
        members = silhouettes[ids == cluster]
        n_points = min(max(len(members), 2), MOST_POINTS)
        falling = np.quantile(members, np.linspace(1, 0, n_points))
        places = middle + width * np.linspace(-0.5, 0.5, n_points)
        color = cluster_color(cluster)
        ax.fill_between(places, 0, falling, color=color, linewidth=0)
    counts = [f"{(ids == cluster).sum():,}" for cluster in clusters]
    ax.set_xticks(x, counts)
    ax.tick_params(axis="x", length=0)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set(xlim=(-0.02, 1), ylabel="silhouette", xlabel="images in the cluster")


def _describe_clusters(silhouettes: FloatArray, ids: IntArray, above: IntArray) -> str:
    """Say what is to be seen of a labeling, and what is new after the one above."""
    clusters, sizes = np.unique(ids, return_counts=True)
    means = [silhouettes[ids == cluster].mean() for cluster in clusters]
    weakest = clusters[np.argmin(means)]
    lowest = round(min(means), 2) + 0.0  # no "-0.00"
    share_below_0 = (silhouettes[ids == weakest] < 0).mean()
    text = (
        f"{len(clusters)} clusters of {sizes.min():,} to {sizes.max():,} images, mean "
        f"silhouette {silhouettes.mean():.2f}. Cluster {weakest} has the lowest, "
        f"{lowest:.2f}; {share_below_0:.0%} of its images are below 0."
    )
    for new in np.setdiff1d(clusters, above):
        origin, n_images = np.unique(above[ids == new], return_counts=True)
        share = n_images.max() / n_images.sum()
        text += (
            f" Cluster {new} is new: {share:.0%} of its images come from cluster "
            f"{origin[n_images.argmax()]}."
        )
    return text


def _describe_cut(sizes: Mapping[int, int], gaps: pd.DataFrame, n_clusters: int) -> str:
    """Say what a cut gives, and how wide its gap is; `gaps` are from `merge_gaps`."""
    gap = gaps.loc[n_clusters]
    place = gaps.index.get_loc(n_clusters) + 1
    listed = ", ".join(f"{size:,}" for size in sorted(sizes.values(), reverse=True))
    return (
        f"{n_clusters} clusters of {listed} images. Any cut from {gap['low']:.4g} to "
        f"{gap['high']:.4g} gives them: of {len(gaps)} gaps this is number {place} by "
        f"width. Relative gap {gap['relative gap']:.2f}."
    )


def _describe_palette(original: ByteArray, image: IndexedImage) -> str:
    """Say how near a picture is to its original, and how many bytes it takes."""
    decibels = psnr(original, image.image)
    size = len(indexed_png(image))
    n_colors = len(image.palette)
    colors = "1 color" if n_colors == 1 else f"{n_colors} colors"
    loss = "no loss" if math.isinf(decibels) else f"{decibels:.1f} dB"
    return (
        f"{colors}: {loss}, {size:,} bytes as an indexed PNG file; the raw pixels take "
        f"{original.nbytes / size:.1f} times as many."
    )
