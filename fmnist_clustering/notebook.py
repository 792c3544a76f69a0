"""What a notebook needs around its results: a sample, figures, tables and files."""

import base64
import io
import os
from numbers import Integral
from pathlib import Path

import matplotlib.pyplot as plt
import matplotlib.style
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from sklearn.utils import check_scalar

from fmnist_clustering.data import ARTIFACTS_VARIABLE, FashionMNIST, find_checkout

STYLE = "fmnist_clustering.notebook"
"""The settings of the notebooks' figures. They count after a reset to the defaults."""

N_DIGITS = 4
"""Significant digits of floats in a table."""

SMALLEST_PLAIN = 1e-3
"""Smaller numbers are written with an exponent."""

LARGEST_PLAIN = 1e9
"""Numbers from here on are written with an exponent."""

WIDTH = 8
"""Inches: the width of a figure."""

TITLE_HEIGHT = 0.25
"""Inches: the room above a gallery, for titles of its columns."""

MAX_COLORS = 256
"""A PNG file with a palette can hold so many."""


def first_images(images: FashionMNIST, n_images: int, *, at_least: int) -> FashionMNIST:
    """Return the sample that a notebook looks at: the first images of the test split.

    Parameters
    ----------
    images : FashionMNIST
        The test split.
    n_images : int
        The notebook's parameter ``N_IMAGES``. Where there are fewer images, all of them
        are taken.
    at_least : int
        How many images the sections of the notebook need.

    Returns
    -------
    FashionMNIST
        Pixels and garments of the first images.

    Raises
    ------
    TypeError, ValueError
        When `n_images` is no integer or too small, or when there are too few images.
    """
    check_scalar(n_images, "N_IMAGES", Integral, min_val=at_least)
    n_found = len(images.pixels)
    if n_found < at_least:
        raise ValueError(f"images: found {n_found}, expected {at_least} or more")
    return FashionMNIST(images.pixels[:n_images], images.garments[:n_images])


def image_page(*, height: float, left: float = 0.02) -> tuple[Figure, Axes]:
    """Return a figure for a gallery of images, whose pixels must not be resampled.

    Parameters
    ----------
    height : float
        The height in inches; figures are 8 inches wide.
    left : float
        The room for names at the left, as a share of the width, 0 to 1.

    Returns
    -------
    fig, ax : Figure, Axes
        Axes for `fmnist_clustering.plots.plot_images` or
        `fmnist_clustering.plots.plot_members`, which give them the right size. No
        layout engine moves them.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, height), layout="none")
    title_height = TITLE_HEIGHT / height
    ax.set_position((left, 0, 1 - left, 1 - title_height))
    return fig, ax


def show(
    fig: Figure,
    *,
    alt: str,
    save: str | None = None,
    data: pd.DataFrame | None = None,
    n_colors: int | None = None,
) -> None:
    """Display a figure with alternative text, save it, and close it.

    Outside of a notebook the alternative text is printed.

    Parameters
    ----------
    fig : Figure
        A matplotlib figure. It is drawn at its own size and resolution.
    alt : str
        What the figure shows, for readers who do not see it.
    save : str, optional
        The name of a PNG file, for `save_artifact`; default: the figure is not saved.
    data : DataFrame, optional
        The numbers of the figure. They are saved beside it as CSV, with the same stem.
    n_colors : int, optional
        Draw it in so many colors, 2 to 256, where thousands of soft shades would make
        the file large; default: in the very colors that were drawn.

    Raises
    ------
    ValueError
        When `alt` is empty, or there is `data` without `save`.
    """
    if not alt.strip():
        raise ValueError("alt: found no text, expected what the figure shows")
    if data is not None and save is None:
        raise ValueError("data: found without save, expected a file name for it")
    png = _draw_png(fig, n_colors)
    plt.close(fig)
    if save is not None:
        save_artifact(save, png)
        if data is not None:
            save_numbers(f"{Path(save).stem}.csv", data)
    plain = f"[{alt}]"
    if get_ipython() is None:
        print(plain)  # noqa: T201
        return
    # Of the two forms IPython shows the plain text in a terminal.
    bundle = {"image/png": base64.b64encode(png).decode(), "text/plain": plain}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


def table(data: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers of a table as text: floats with four digits, integers with all.

    Parameters
    ----------
    data : DataFrame
        Any table. What is no number stays as it is.

    Returns
    -------
    DataFrame
        The same table with numbers as text. Missing values become a dash.
    """
    return data.map(_as_text)


def save_artifact(name: str, content: bytes) -> Path:
    """Write one artifact, whole or not at all.

    Parameters
    ----------
    name : str
        A file name.
    content : bytes
        The content of the file.

    Returns
    -------
    Path
        The path of the file: in the folder that the environment variable
        ``FMNIST_CLUSTERING_ARTIFACTS`` names, as while `make` runs; without it in
        ``build/artifacts`` of the checkout, or of the current folder where there is no
        checkout. So a live session leaves the committed artifacts as they are.

    Raises
    ------
    OSError
        When the file cannot be written. An older file of this name stays as it was.
    """
    path = _artifacts_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader sees the old file or the new one, since a file is replaced in one step.
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
    return path


def save_numbers(name: str, data: pd.DataFrame) -> Path:
    """Write the numbers behind a figure as CSV, with six significant digits.

    Parameters
    ----------
    name : str
        A file name.
    data : DataFrame
        The numbers. An index of one level that has a name becomes the first column.

    Returns
    -------
    Path
        The path of the file, as from `save_artifact`.
    """
    has_named_index = data.index.name is not None
    # Other processors differ in digits after these.
    text = data.to_csv(index=has_named_index, float_format="%.6g", lineterminator="\n")
    return save_artifact(name, text.encode())


def _artifacts_folder() -> Path:
    """Return the folder that figures and numbers are saved in."""
    folder = os.environ.get(ARTIFACTS_VARIABLE)
    if folder:
        return Path(folder)
    root = find_checkout(Path.cwd()) or Path.cwd()
    return root / "build" / "artifacts"


def _draw_png(fig: Figure, n_colors: int | None) -> bytes:
    """Return a figure as the bytes of a PNG file, in its own colors or in fewer."""
    drawing = io.BytesIO()
    # matplotlib looks up some settings when it draws, not when a figure is created.
    # Those are the notebooks', too, whatever the reader has set.
    with matplotlib.style.context(STYLE, after_reset=True):
        fig.savefig(drawing, format="png", dpi="figure", backend="agg")
    # Figures are opaque: without the channel for opacity the file is a tenth smaller.
    with Image.open(drawing) as picture:
        opaque = picture.convert("RGB")
    indexed = opaque.quantize(n_colors or MAX_COLORS, dither=Image.Dither.NONE)
    # Of up to 256 colors a palette loses none, and the file is half as large.
    is_exact = indexed.convert("RGB").tobytes() == opaque.tobytes()
    has_palette = is_exact or n_colors is not None
    saved = indexed if has_palette else opaque
    compact = io.BytesIO()
    saved.save(compact, format="png", optimize=True)
    return compact.getvalue()


def _as_text(value: object) -> object:
    """Return a number as text, a dash for a missing value, and all else as it is."""
    if pd.isna(value):
        return "-"
    if isinstance(value, bool):  # which is an Integral, too
        return value
    if isinstance(value, Integral):
        return f"{value:,}"
    if isinstance(value, float):
        return _round_to_text(value)
    return value


def _round_to_text(value: float) -> str:
    """Return a number with four significant digits, such as 679,200 or 0.001234."""
    rounded = f"{value:.{N_DIGITS}g}"
    if value == 0 or not SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN:
        return rounded  # 0, inf, or with an exponent
    # Below 1 there are four decimals, so that columns stay aligned, and more where the
    # digits need them (0.001234).
    number = float(rounded)
    whole, _, decimals = f"{abs(number):f}".rstrip("0").partition(".")
    n_digits_before_point = 0 if whole == "0" else len(whole)
    n_decimals = max(N_DIGITS - n_digits_before_point, len(decimals))
    return f"{number:,.{n_decimals}f}"
