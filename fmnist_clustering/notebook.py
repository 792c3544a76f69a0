"""What a notebook needs around a figure: show it, save it with its numbers, set a table."""

import base64
import io
import os
from numbers import Integral
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from fmnist_clustering import checks
from fmnist_clustering.data import find_checkout
from fmnist_clustering.progress import ARTIFACTS_VARIABLE


def artifacts_dir() -> Path:
    """Return where figures are saved.

    Returns
    -------
    Path
        What the runner said; in a live session ``build/artifacts`` of the checkout (or of the
        current folder where there is none), so that committed artifacts stay as they are.
    """
    told = os.environ.get(ARTIFACTS_VARIABLE)
    return Path(told) if told else (find_checkout(Path.cwd()) or Path.cwd()) / "build" / "artifacts"


def save_artifact(name: str, content: bytes) -> Path:
    """Write one artifact, whole or not at all.

    Parameters
    ----------
    name : str
        File name, without folder.
    content : bytes
        What it shall hold.

    Returns
    -------
    Path
        The file written, in `artifacts_dir`.

    Raises
    ------
    ValueError
        When `name` is not a bare file name.
    """
    if Path(name).name != name or not Path(name).suffix:
        raise ValueError(f"name: found {name!r}, expected a file name without folder")
    path = artifacts_dir() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{name}.part")
    beside.write_bytes(content)
    os.replace(beside, path)
    return path


def save_numbers(name: str, data: pd.DataFrame) -> Path:
    """Write the numbers behind a figure as CSV, with eight significant digits.

    Parameters
    ----------
    name : str
        File name, without folder.
    data : DataFrame
        The numbers; an index that has a name becomes the first column.

    Returns
    -------
    Path
        The file written, in `artifacts_dir`.
    """
    named = checks.made(data, "data", pd.DataFrame).index.name is not None
    text = data.to_csv(index=named, float_format="%.8g", lineterminator="\n")
    return save_artifact(name, text.encode())


def show(fig: Figure, *, alt: str, save: str | None = None, data: pd.DataFrame | None = None) -> None:
    """Display a figure with alternative text, save it, and close it.

    Parameters
    ----------
    fig : Figure
        A matplotlib figure, drawn at its own size and resolution.
    alt : str
        What the figure finds, for readers who do not see it.
    save : str, optional
        PNG file name in `artifacts_dir`.
    data : DataFrame, optional
        The numbers of the figure, saved beside it as CSV under the same stem.

    Raises
    ------
    ValueError
        When `alt` is empty, `save` is not a PNG name, or there is `data` without `save`.
    """
    if not alt.strip():
        raise ValueError("alt: found no text, expected a sentence that states the finding")
    if save is not None and not save.endswith(".png"):
        raise ValueError(f"save: found {save!r}, expected a name that ends with .png")
    if data is not None and save is None:
        raise ValueError("data: found without save, expected a file name to go with it")
    drawn, stream = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png")
    plt.close(fig)
    with Image.open(drawn) as picture:  # a tenth smaller without opacity, which is 1 everywhere
        picture.convert("RGB").save(stream, format="png", optimize=True)
    png = stream.getvalue()
    if save is not None:
        save_artifact(save, png)
        if data is not None:
            save_numbers(save.removesuffix(".png") + ".csv", data)
    bundle = {"image/png": base64.b64encode(png).decode(), "text/plain": f"[{alt}]"}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


def table(data: pd.DataFrame) -> pd.DataFrame:
    """Set a table for reading: numbers with four significant digits.

    Parameters
    ----------
    data : DataFrame
        Any numbers.

    Returns
    -------
    DataFrame
        The same as text; what is missing becomes a dash.
    """
    return checks.made(data, "data", pd.DataFrame).map(_as_text)


def _as_text(value: object) -> object:
    """Write a number with four significant digits, an exponent only below 0.001 and from 1e9."""
    if pd.isna(value):
        return "-"
    if isinstance(value, bool) or not isinstance(value, (Integral, float)):
        return value
    if isinstance(value, Integral):
        return f"{value:,}"
    short = f"{value:.4g}"
    if value == 0 or not 1e-3 <= abs(value) < 1e9:
        return short
    whole, _, decimals = f"{float(short):f}".rstrip("0").partition(".")
    return f"{float(short):,.{max(len(decimals), 4 - len(whole.lstrip('-0')))}f}"
