"""What a notebook needs around a figure: show it, save it, and write a table."""

import base64
import io
import os
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path

import matplotlib.pyplot as plt
import matplotlib.style
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from fmnist_clustering._validation import (
    check_instance,
    check_integer,
    check_number,
)
from fmnist_clustering.data import FashionMNIST, find_checkout
from fmnist_clustering.progress import ARTIFACTS_VARIABLE

STYLE = "fmnist_clustering.notebook"
"""The settings of the notebooks' figures. They count after a reset to the defaults."""

N_DIGITS = 4
"""Significant digits of the numbers in a table."""

SMALLEST_PLAIN = 1e-3
"""Smaller numbers are written with an exponent."""

WIDTH = 8
"""Inches: the width of a figure."""

MAX_COLORS = 256
"""A PNG file with a palette can hold so many."""

TITLE_HEIGHT = 0.25
"""Inches: the room above a gallery, for titles of its columns."""

PANEL_ITEM_HEIGHT = 0.7
"""Inches: the room for one item of a panel, such as a mean image."""

PANEL_FRAME_HEIGHT = 0.8
"""Inches: the room for the title and the axis of a panel."""

LARGEST_PLAIN = 1e9
"""Numbers from here on are written with an exponent."""


def artifacts_dir() -> Path:
    """Return the folder that figures and numbers are saved in.

    Returns
    -------
    Path
        The folder that the runner has set in the environment. Without a runner it is
        ``build/artifacts`` in the checkout, or in the current folder where there is no
        checkout, so that a live session leaves the committed artifacts as they are.
    """
    folder = os.environ.get(ARTIFACTS_VARIABLE)
    if folder:
        return Path(folder)
    root = find_checkout(Path.cwd()) or Path.cwd()
    return root / "build" / "artifacts"


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

    Raises
    ------
    ValueError
        When an argument is out of range.
    """
    height = check_number(height, "height", minimum=0.1, maximum=100)
    left = check_number(left, "left", minimum=0, maximum=1)
    fig, ax = plt.subplots(figsize=(WIDTH, height), layout="none")
    title_height = TITLE_HEIGHT / height
    ax.set_position((left, 0, 1 - left, 1 - title_height))
    return fig, ax


def panel_grid(n_items: Sequence[int]) -> tuple[Figure, list[Axes]]:
    """Return a figure with two panels in a row, high enough for what they list.

    Parameters
    ----------
    n_items : sequence of int
        For each panel how many things it lists from top to bottom, 1 or more.

    Returns
    -------
    fig, panels : Figure, list of Axes
        One panel for each number. Both panels of a row are as high as the one that
        lists more. Figures are 8 inches wide.

    Raises
    ------
    TypeError, ValueError
        When there are no numbers, or one of them is no integer from 1 on.
    """
    check_instance(n_items, "n_items", Sequence)
    numbers = [check_integer(n, "n_items") for n in n_items]
    if not numbers:
        raise ValueError("n_items: found none, expected a number for each panel")
    longest = [max(numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
    height = PANEL_FRAME_HEIGHT * len(longest) + PANEL_ITEM_HEIGHT * sum(longest)
    fig, axes = plt.subplots(
        len(longest),
        2,
        figsize=(WIDTH, height),
        height_ratios=longest,
        squeeze=False,
    )
    panels = list(axes.flat)
    for unused in panels[len(numbers) :]:
        unused.remove()
    return fig, panels[: len(numbers)]


def first_images(
    images: FashionMNIST,
    n_images: int,
    *,
    at_least: int,
) -> FashionMNIST:
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
        When `n_images` is no integer, when it is below `at_least`, or when there are
        not as many images. The message names the parameter of the notebook, too.
    """
    check_instance(images, "images", FashionMNIST)
    check_integer(at_least, "at_least")
    try:
        check_integer(n_images, "n_images", minimum=at_least)
    except ValueError as error:
        raise ValueError(f"{error}; it is the parameter N_IMAGES") from None
    if len(images.pixels) < at_least:
        found = f"{len(images.pixels)} in the test split"
        expected = f"expected {at_least} or more"
        raise ValueError(f"images: found {found} of DATA_DIR, {expected}")
    return FashionMNIST(images.pixels[:n_images], images.garments[:n_images])


def save_artifact(name: str, content: bytes) -> Path:
    """Write one artifact, whole or not at all.

    Parameters
    ----------
    name : str
        A file name without a folder.
    content : bytes
        The content of the file.

    Returns
    -------
    Path
        The path of the file, in `artifacts_dir`.

    Raises
    ------
    TypeError, ValueError
        When `name` is no bare file name, or `content` is no bytes.
    OSError
        When the file cannot be written. An older file of this name stays as it was.
    """
    _check_file_name(name, "name")
    check_instance(content, "content", bytes)
    path = artifacts_dir() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader sees the old file or the new one, since a file is replaced in one step.
    unfinished = path.with_name(f".{name}.part")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
    return path


def save_numbers(name: str, data: pd.DataFrame) -> Path:
    """Write the numbers behind a figure as CSV, with eight significant digits.

    Parameters
    ----------
    name : str
        A file name without a folder.
    data : DataFrame
        The numbers. An index that has a name becomes the first column.

    Returns
    -------
    Path
        The path of the file, in `artifacts_dir`.

    Raises
    ------
    TypeError, ValueError
        When `name` is no bare file name, or `data` is no DataFrame.
    """
    check_instance(data, "data", pd.DataFrame)
    text = data.to_csv(
        index=data.index.name is not None,
        float_format="%.8g",
        lineterminator="\n",
    )
    return save_artifact(name, text.encode())


def show(
    fig: Figure,
    *,
    alt: str,
    save: str | None = None,
    data: pd.DataFrame | None = None,
    n_colors: int | None = None,
) -> None:
    """Display a figure with alternative text, save it, and close it.

    Parameters
    ----------
    fig : Figure
        A matplotlib figure. It is drawn at its own size and resolution.
    alt : str
        What the figure shows, for readers who do not see it.
    save : str, optional
        The name of a PNG file in `artifacts_dir`; default: the figure is not saved.
    data : DataFrame, optional
        The numbers of the figure. They are saved beside it as CSV, with the same stem.
    n_colors : int, optional
        Draw it in so many colors, 2 to 256, where thousands of soft shades would make
        the file large; default: in the very colors that were drawn.

    Raises
    ------
    TypeError, ValueError
        When an argument is of another type, `alt` is empty, `save` is no bare name of a
        PNG file, there is `data` without `save`, or `n_colors` is out of range.
    """
    check_instance(fig, "fig", Figure)
    if not check_instance(alt, "alt", str).strip():
        raise ValueError(
            "alt: found no text, expected a sentence that states a finding"
        )
    if save is not None:
        _check_file_name(save, "save", suffix=".png")
    if data is not None:
        check_instance(data, "data", pd.DataFrame)
        if save is None:
            raise ValueError("data: found without save, expected a file name for it")
    if n_colors is not None:
        check_integer(n_colors, "n_colors")
        check_number(n_colors, "n_colors", minimum=2, maximum=MAX_COLORS)

    png = _draw_png(fig, n_colors)
    plt.close(fig)
    if save is not None:
        save_artifact(save, png)
    if save is not None and data is not None:
        save_numbers(save.removesuffix(".png") + ".csv", data)
    bundle = {"image/png": base64.b64encode(png).decode(), "text/plain": f"[{alt}]"}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


def table(data: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers of a table for reading, with four significant digits.

    Parameters
    ----------
    data : DataFrame
        Any table. What is no number stays as it is.

    Returns
    -------
    DataFrame
        The same table with numbers as text. Missing values become a dash.

    Raises
    ------
    TypeError
        When `data` is no DataFrame.
    """
    check_instance(data, "data", pd.DataFrame)
    return data.map(_as_text)


def _draw_png(fig: Figure, n_colors: int | None = None) -> bytes:
    """Return a figure as the bytes of a PNG file, in its own colors or in fewer."""
    drawing = io.BytesIO()
    # matplotlib looks up some settings when it draws, not when a figure is created.
    # Those are the notebooks', too, whatever the reader has set.
    with matplotlib.style.context(STYLE, after_reset=True):
        fig.savefig(drawing, format="png", dpi="figure", backend="agg")
    # Figures are opaque: without the channel for opacity the file is a tenth smaller.
    compact = io.BytesIO()
    with Image.open(drawing) as picture:
        opaque = picture.convert("RGB")
    indexed = opaque.quantize(n_colors or MAX_COLORS, dither=Image.Dither.NONE)
    # Of up to 256 colors a palette loses none, and the file is half as large.
    is_exact = indexed.convert("RGB").tobytes() == opaque.tobytes()
    has_palette = is_exact or n_colors is not None
    saved = indexed if has_palette else opaque
    saved.save(compact, format="png", optimize=True)
    return compact.getvalue()


def _as_text(value: object) -> object:
    """Return a number as text, a dash for a missing value, and all else as it is."""
    if pd.isna(value):
        return "-"
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return f"{value:,}"
    if isinstance(value, float):
        return _round_to_text(value)
    return value


def _round_to_text(value: float) -> str:
    """Return a number with four significant digits, such as 679,200 or 12.35.

    A number below 1 has four decimals, so that columns stay aligned (0.0018), and more
    where its digits need them (0.001234).
    """
    rounded = f"{value:.{N_DIGITS}g}"
    if value == 0 or not SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN:
        return rounded  # 0, inf, or with an exponent
    number = float(rounded)
    whole, _, decimals = f"{abs(number):f}".rstrip("0").partition(".")
    n_digits_before_point = 0 if whole == "0" else len(whole)
    n_decimals = max(N_DIGITS - n_digits_before_point, len(decimals))
    return f"{number:,.{n_decimals}f}"


def _check_file_name(value: str, name: str, suffix: str = "") -> None:
    """Refuse what is no bare file name with a suffix (default: any suffix)."""
    check_instance(value, name, str)
    path = Path(value)
    if path.name != value or not path.suffix:
        raise ValueError(
            f"{name}: found {value!r}, expected a file name without a folder",
        )
    if not value.endswith(suffix):
        raise ValueError(
            f"{name}: found {value!r}, expected a name that ends with {suffix}",
        )
