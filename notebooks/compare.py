"""When are two results the same? Pixels within a tolerance, equal numbers, equal text."""

import base64
import csv
import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_RMS = 0.5
FAR_OFF = 32
MAX_SHARE_FAR_OFF = 1e-4
RELATIVE, ABSOLUTE = 1e-6, 1e-15


def difference(first: Path, second: Path) -> str | None:
    """Say how two files of results differ.

    Parameters
    ----------
    first, second : Path
        Two PNG, CSV or notebook files; all else is compared byte by byte.

    Returns
    -------
    str or None
        The first difference in one line; None where they show the same. Pictures may differ
        by a root mean square of 0.5 of 255, with 0.01 % of the pixels off by more than 32;
        numbers in a CSV by 1e-6 relative; in a notebook the pictures likewise, and nothing
        else.

    Raises
    ------
    FileNotFoundError
        When either is missing.
    """
    compare = {
        ".png": _png_difference,
        ".csv": _csv_difference,
        ".ipynb": _notebook_difference,
    }
    old, new = first.read_bytes(), second.read_bytes()
    if old == new:
        return None
    if first.suffix not in compare:
        return f"{len(new)} bytes, were {len(old)} other bytes"
    try:
        return compare[first.suffix](old, new)
    except (OSError, SyntaxError, ValueError, csv.Error) as error:  # one of them is damaged
        return f"{type(error).__name__}: {error}"


def read_pixels(png: bytes) -> NDArray[np.float64]:
    """Return a picture as numbers, with transparency.

    Parameters
    ----------
    png : bytes
        A picture file's content.

    Returns
    -------
    (h, w, 4) float64
        Red, green, blue, opacity, 0-255.
    """
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=np.float64)


def _png_difference(old: bytes, new: bytes) -> str | None:
    a, b = read_pixels(old), read_pixels(new)
    if a.shape != b.shape:
        return f"size {b.shape[1]} x {b.shape[0]} pixels, was {a.shape[1]} x {a.shape[0]}"
    off = np.abs(a - b)
    rms, far = float(np.sqrt((off**2).mean())), float((off.max(axis=2) > FAR_OFF).mean())
    if rms > MAX_RMS or far > MAX_SHARE_FAR_OFF:
        reason = f"pixels differ by {rms:.3g} (root mean square)"
        return f"{reason}, {far:.2%} of them by > {FAR_OFF}"
    return None


def _csv_difference(old: bytes, new: bytes) -> str | None:
    a, b = ([*csv.reader(io.StringIO(content.decode()))] for content in (old, new))
    if [len(row) for row in a] != [len(row) for row in b]:
        return f"{len(b)} lines, was {len(a)}, or lines of other length"
    for number, (row_a, row_b) in enumerate(zip(a, b, strict=True), start=1):
        for cell_a, cell_b in zip(row_a, row_b, strict=True):
            if cell_a != cell_b and not _close(cell_a, cell_b):
                return f"line {number}: {cell_b}, was {cell_a}"
    return None


def _close(a: str, b: str) -> bool:
    try:
        return bool(np.isclose(float(a), float(b), rtol=RELATIVE, atol=ABSOLUTE))
    except ValueError:
        return False


def _notebook_difference(old: bytes, new: bytes) -> str | None:
    return _json_difference(json.loads(old), json.loads(new), "notebook")


def _json_difference(old: object, new: object, where: str) -> str | None:
    """Walk two JSON values; ``image/png`` holds a picture, all else must be equal."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        pairs = [(old[key], new[key], f"{where}.{key}") for key in old]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [
            (a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(old, new, strict=True))
        ]
    elif where.endswith(".image/png") and isinstance(old, str) and isinstance(new, str):
        reason = _png_difference(base64.b64decode(old), base64.b64decode(new))
        return f"{where}: {reason}" if reason else None
    else:
        return None if old == new else f"{where}: {str(new)[:80]!r}, was {str(old)[:80]!r}"
    return next((reason for pair in pairs if (reason := _json_difference(*pair))), None)
