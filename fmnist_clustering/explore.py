"""Results to play with: controls above a picture that follows them.

Each explorer (`kmeans`, `tree`, `palette`) is a thin shell around a function that draws
one setting (`draw_clusters`, `draw_cut`, `draw_palette`). Whatever takes long is
computed before and passed in.

An explorer appears only in a notebook that somebody sits at. A program that executes
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

import matplotlib.style
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from fmnist_clustering._validation import (
    FloatArray,
    IntArray,
    check_array,
    check_instance,
    check_integer,
    check_labels,
    check_numbers,
)
from fmnist_clustering.color import psnr
from fmnist_clustering.hierarchy import flat_clusters, merge_gaps, truncate_tree
from fmnist_clustering.images import load_image
from fmnist_clustering.notebook import STYLE
from fmnist_clustering.plots import plot_dendrogram, plot_family_tree, plot_palette
from fmnist_clustering.plots._arguments import check_images, check_range
from fmnist_clustering.plots._style import GREY, cluster_color, remove_frame
from fmnist_clustering.plots.trees import family_tree_layout
from fmnist_clustering.progress import is_live
from fmnist_clustering.quantization import (
    MAX_INDEXED_COLORS,
    ByteArray,
    IndexedImage,
    apply_palette,
    check_picture,
    indexed_png,
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

FIRST_PICTURE = "first picture"
"""What the picture is called that an explorer of palettes starts with."""


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

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, shapes differ, or `level` is out of range.
    """
    labelings, values = _check_labelings(labels, pictures, silhouettes)
    check_integer(level, "level", 0, len(labelings) - 1)
    ids = [check_labels(row) for row in labelings[: level + 1]]
    above = max(level - 1, 0)
    with matplotlib.style.context(STYLE, after_reset=True):
        fig = Figure(figsize=(8, 5.2))
        n_levels = len(ids[above:])
        family, columns = fig.subplots(2, height_ratios=[1.7 * n_levels, 2.2])
        shown = slice(level + 1)
        plot_family_tree(ids, pictures[shown], family, first_level=above)
        # Each column stands below the mean image of its cluster.
        layout = family_tree_layout(ids)[-1]
        _draw_columns(values[level], ids[-1], layout.clusters, layout.x, columns)
        # The same for all k, so that they can be compared.
        columns.set_ylim(values.min() - 0.02, values.max() + 0.02)
    return Drawing(fig, _describe_clusters(values[level], ids[-1], ids[above]))


def draw_cut(Z: ArrayLike, pictures: ArrayLike, n_clusters: int) -> Drawing:
    """Draw the top of a tree, cut into clusters.

    Parameters
    ----------
    Z : (n - 1, 4) array-like
        A linkage matrix.
    pictures : (n_leaves, 784) array-like
        One picture for each branch of ``truncate_tree(Z, n_leaves)``, grey values
        0-255; 2 to n - 1 of them.
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
    TypeError, ValueError
        When an argument is of another kind or out of range, or when no cut gives so
        many clusters, because several merges have the same height.
    """
    images = check_images(pictures, "pictures")
    n_leaves = len(images)
    gaps = _possible_cuts(Z, n_leaves)
    check_integer(n_clusters, "n_clusters", 2, n_leaves)
    clusters = flat_clusters(Z, n_clusters=n_clusters)
    top = truncate_tree(Z, n_leaves)

    # Leaves are numbered by falling size. A cluster takes the number of its largest
    # leaf as its id, so that when it is divided one part keeps its color.
    largest_leaf = np.full(n_clusters, n_leaves)
    np.minimum.at(largest_leaf, clusters, top.labels)
    ids = largest_leaf[clusters]
    sizes = {int(leaf): int((ids == leaf).sum()) for leaf in largest_leaf}
    low, high = gaps.loc[n_clusters, ["low", "high"]]

    with matplotlib.style.context(STYLE, after_reset=True):
        fig = Figure(figsize=(8, 5.2))
        ax = fig.subplots()
        plot_dendrogram(
            top,
            ax,
            pictures=images,
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

    Raises
    ------
    TypeError, ValueError
        When an argument is of another kind, the two differ in height or width, or the
        palette has more than 256 colors.
    """
    check_picture(original, "original")
    size = len(indexed_png(image))
    if image.indices.shape != original.shape[:2]:
        shapes = f"{original.shape[:2]} and {image.indices.shape}"
        raise ValueError(f"original, image: found {shapes} pixels, expected the same")
    decibels = psnr(original, image.image)
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
    n_colors = len(image.palette)
    colors = "1 color" if n_colors == 1 else f"{n_colors} colors"
    loss = "no loss" if math.isinf(decibels) else f"{decibels:.1f} dB"
    sentence = (
        f"{colors}: {loss}, {size:,} bytes as an indexed PNG file; the raw pixels take "
        f"{original.nbytes / size:.1f} times as many."
    )
    return Drawing(fig, sentence)


def kmeans(
    labels: ArrayLike,
    pictures: Sequence[ArrayLike],
    silhouettes: ArrayLike,
) -> None:
    """Show a slider for k, and below it what k-means finds at that k.

    Parameters
    ----------
    labels, pictures, silhouettes : as in `draw_clusters`
        The results that are shown.

    Raises
    ------
    TypeError, ValueError
        As `draw_clusters`.

    Notes
    -----
    Nothing appears unless somebody sits at the notebook and ipywidgets is installed.
    """
    draw_clusters(labels, pictures, silhouettes, 0)
    levels = {str(len(np.unique(row))): i for i, row in enumerate(np.asarray(labels))}
    draw = functools.partial(draw_clusters, labels, pictures, silhouettes)
    _show_if_live(draw, "number of clusters", levels)


def tree(Z: ArrayLike, pictures: ArrayLike) -> None:
    """Show a slider for the number of clusters, and the cut that gives them.

    Parameters
    ----------
    Z, pictures : as in `draw_cut`
        The tree and its branches.

    Raises
    ------
    TypeError, ValueError
        As `draw_cut`.

    Notes
    -----
    Nothing appears unless somebody sits at the notebook and ipywidgets is installed.
    """
    n_leaves = len(check_images(pictures, "pictures"))
    possible = sorted(_possible_cuts(Z, n_leaves).index.tolist())
    draw_cut(Z, pictures, possible[0])
    draw = functools.partial(draw_cut, Z, pictures)
    _show_if_live(draw, "number of clusters", {str(k): k for k in possible})


def palette(
    image: ByteArray,
    plain: Mapping[int, IndexedImage],
    dithered: Mapping[int, IndexedImage],
) -> None:
    """Show a slider for the number of colors, and the picture in so many.

    A switch turns dithering on, and you can upload pictures of your own. Those are made
    smaller, to about 100,000 pixels, and their palettes are computed on the spot.

    Parameters
    ----------
    image : (h, w, 3) uint8
        The picture that is shown first.
    plain, dithered : mapping of int to IndexedImage
        For the same numbers of colors the picture in so many, without and with
        dithering.

    Raises
    ------
    TypeError, ValueError
        When `plain` and `dithered` are no mappings with the same numbers, 1 to 256, or
        as `draw_palette`.

    Notes
    -----
    Nothing appears unless somebody sits at the notebook and ipywidgets is installed.
    """
    _check_palettes(plain, dithered)
    check_picture(image)
    draw_palette(image, next(iter(plain.values())))
    ipywidgets = _load_widgets()
    if ipywidgets is None:
        return

    uploads: dict[str, ByteArray] = {}
    dither_box = ipywidgets.Checkbox(description="dithering", indent=False)
    choice = ipywidgets.ToggleButtons(options=[FIRST_PICTURE])

    def draw(n_colors: int, is_dithered: bool, name: str) -> Drawing:
        if name in uploads:
            return _draw_anew(uploads[name], n_colors, is_dithered)
        ready = dithered if is_dithered else plain
        return draw_palette(image, ready[n_colors])

    def add_and_choose(picture: ByteArray) -> None:
        name = f"picture {len(uploads) + 2}"
        uploads[name] = picture
        choice.options = [FIRST_PICTURE, *uploads]
        choice.value = name

    _show(
        ipywidgets,
        draw,
        "number of colors",
        {str(n_colors): n_colors for n_colors in sorted(plain)},
        controls=[dither_box, choice],
        others=_upload_button(ipywidgets, add_and_choose),
    )


def _check_labelings(
    labels: ArrayLike, pictures: Sequence[ArrayLike], silhouettes: ArrayLike
) -> tuple[NDArray[Any], FloatArray]:
    """Return labels and silhouettes, one row for each k, if all of them fit."""
    labelings = check_array(labels, "labels", "iu", "integers, 0 or more")
    if labelings.ndim != 2 or labelings.size == 0:
        raise ValueError(f"labels: found shape {labelings.shape}, expected (m, n)")
    values = check_numbers(silhouettes, "silhouettes")
    if values.shape != labelings.shape:
        expected = f"{labelings.shape}, one for each label"
        raise ValueError(
            f"silhouettes: found shape {values.shape}, expected {expected}"
        )
    check_range(values, "silhouettes", -1, 1, "silhouettes, -1 to 1")
    check_instance(pictures, "pictures", Sequence)
    if len(pictures) != len(labelings):
        expected = f"{len(labelings)}, one for each labeling"
        raise ValueError(f"pictures: found {len(pictures)} levels, expected {expected}")
    n_clusters = [len(np.unique(check_labels(row))) for row in labelings]
    if (np.diff(n_clusters) <= 0).any():
        found = f"labelings of {n_clusters} clusters"
        raise ValueError(f"labels: found {found}, expected rising numbers")
    for images, k in zip(pictures, n_clusters, strict=True):
        check_images(images, "pictures", k)
    return labelings, values


def _check_palettes(
    plain: Mapping[int, IndexedImage], dithered: Mapping[int, IndexedImage]
) -> None:
    """Refuse what is not twice the same picture in the same numbers of colors."""
    check_instance(plain, "plain", Mapping)
    check_instance(dithered, "dithered", Mapping)
    if not plain or plain.keys() != dithered.keys():
        found = f"{list(plain)} and {list(dithered)}"
        expected = "the same numbers of colors in both, one or more"
        raise ValueError(f"plain, dithered: found {found}, expected {expected}")
    for n_colors in plain:
        check_integer(n_colors, "plain", 1, MAX_INDEXED_COLORS)


def _possible_cuts(Z: ArrayLike, n_leaves: int) -> pd.DataFrame:
    """Return `merge_gaps` by number of clusters, for up to so many clusters."""
    gaps = merge_gaps(Z, max(n_leaves, 3))
    n_rows = len(np.asarray(Z)) + 1
    if not 2 <= n_leaves < n_rows:
        expected = f"2 to {n_rows - 1} of them, fewer than rows"
        raise ValueError(f"pictures: found {n_leaves}, expected {expected}")
    gaps = gaps[gaps["n_clusters"] <= n_leaves].set_index("n_clusters")
    if gaps.empty:
        found = "only merges of the same height"
        raise ValueError(f"Z: found {found}, expected a cut into 2 to {n_leaves}")
    return gaps


def _load_widgets() -> Any:
    """Return the module ipywidgets; None where nobody would see a widget."""
    if not is_live():
        return None
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets


def _show_if_live(
    draw: Callable[[int], Drawing], name: str, options: Mapping[str, int]
) -> None:
    """Show a slider over some options, where somebody sees it."""
    ipywidgets = _load_widgets()
    if ipywidgets is not None:
        _show(ipywidgets, draw, name, options)


def _show(
    ipywidgets: Any,
    draw: Callable[..., Drawing],
    name: str,
    options: Mapping[str, int],
    *,
    controls: Sequence[Any] = (),
    others: Sequence[Any] = (),
) -> None:
    """Show a slider and other controls, and below them what is drawn for their values.

    `draw` gets the option that is chosen, and the value of each of the controls. The
    other widgets only stand between them and the picture.

    A slider of ipywidgets has no name that a screen reader could read, so there is a
    field with a name beside it. Each follows the other. (A list would have a name, too,
    but JupyterLab takes the arrow keys and digits that are pressed in it.)
    """
    words = list(options)
    field = ipywidgets.Combobox(
        value=words[0],
        options=words,
        ensure_option=True,
        continuous_update=False,
        description=name,
        layout={"width": "220px"},
        style={"description_width": "initial"},
    )
    slider = ipywidgets.SelectionSlider(
        options=words, readout=False, continuous_update=False, layout={"width": "300px"}
    )
    ipywidgets.link((field, "value"), (slider, "value"))
    sentence = ipywidgets.HTML()
    picture = ipywidgets.HTML()

    @functools.cache
    def render(word: str, *settings: Any) -> tuple[str, str]:
        drawing = draw(options[word], *settings)
        png = base64.b64encode(_png(drawing.figure)).decode()
        # The sentence says what is in the picture, which needs no text of its own.
        source = f"data:image/png;base64,{png}"
        element = f'<img alt="" src="{source}" style="max-width: 100%">'
        return _as_alert(drawing.sentence), element

    def redraw(_change: object = None) -> None:
        settings = [control.value for control in controls]
        sentence.value, picture.value = render(field.value, *settings)

    for control in (field, *controls):
        control.observe(redraw, "value")
    redraw()
    rows = [ipywidgets.HBox([field, slider]), *controls, *others, sentence, picture]
    box = ipywidgets.VBox(rows)
    # As `display(box)` would do, but without a text that says how the box was made.
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"application/vnd.jupyter.widget-view+json": view}, raw=True)


def _as_alert(text: str) -> str:
    """Return a text as HTML that screen readers read out as soon as it is there."""
    return f'<p role="alert">{html.escape(text)}</p>'


def _upload_button(
    ipywidgets: Any, take: Callable[[ByteArray], None]
) -> tuple[Any, Any]:
    """Return a button that passes on uploaded pictures, and a text for problems."""
    button = ipywidgets.FileUpload(
        description="your own picture",
        accept="image/*",
        layout={"width": "max-content"},
    )
    problem = ipywidgets.HTML()

    def take_each(_change: object) -> None:
        problem.value = ""
        for content in _contents(button.value):
            try:
                take(_read_upload(content))
            except ValueError as error:
                problem.value = _as_alert(str(error))

    button.observe(take_each, "value")
    return button, problem


def _contents(files: Any) -> list[bytes]:
    """Return the content of each uploaded file."""
    # ipywidgets 8 lists them; ipywidgets 7, which Colab brings, has them by name.
    listed = files.values() if isinstance(files, dict) else files
    return [bytes(file["content"]) for file in listed]


def _png(figure: Figure) -> bytes:
    """Return a figure as a PNG file."""
    stream = io.BytesIO()
    with matplotlib.style.context(STYLE, after_reset=True):
        # It travels a short way and is not kept: better fast than small.
        figure.savefig(stream, format="png", pil_kwargs={"compress_level": 1})
    return stream.getvalue()


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
