"""When are two results the same? Pixels within a tolerance, equal numbers, equal text.

Drawing differs in single pixels, and arithmetic in the last digits, from one processor
to the next. Files that show the same are not replaced, and tests take them as equal.
"""

import base64
import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_RMS = 0.5
"""Root mean square of the difference of two pictures, in units of 8 bits."""

FAR_OFF = 32
"""A pixel is far off if one of its channels differs by more than this."""

MAX_SHARE_FAR_OFF = 1e-4
"""Share of the pixels that may be far off."""

RELATIVE_TOLERANCE = 1e-6
"""Numbers in a CSV may differ by this share. They are written with eight digits."""

ABSOLUTE_TOLERANCE = 1e-15
"""Numbers that differ by this little are rounding errors around 0."""

MAX_SHOWN = 80
"""Characters of a value that a message shows."""


def difference(first: Path, second: Path) -> str | None:
    """Say how two files of results differ.

    Parameters
    ----------
    first, second : Path
        Two PNG, CSV or notebook files. Files of any other type are compared byte by
        byte.

    Returns
    -------
    str or None
        The first difference in one line; None if both files show the same.

    Raises
    ------
    FileNotFoundError
        When either file is missing.

    Notes
    -----
    Two pictures show the same if they differ by at most `MAX_RMS`, and if at most
    `MAX_SHARE_FAR_OFF` of the pixels differ by more than `FAR_OFF`. Numbers in a CSV
    may differ by `RELATIVE_TOLERANCE`. In a notebook this holds for pictures; all else
    must be equal.
    """
    old = first.read_bytes()
    new = second.read_bytes()
    if old == new:
        return None
    compare_by_suffix = {
        ".png": _png_difference,
        ".csv": _csv_difference,
        ".ipynb": _notebook_difference,
    }
    compare = compare_by_suffix.get(first.suffix)
    if compare is None:
        return f"{len(new)} bytes, were {len(old)} other bytes"
    try:
        return compare(old, new)
    except (OSError, SyntaxError, ValueError, csv.Error) as error:
        # One of them is damaged. Pillow raises SyntaxError for a broken PNG.
        return f"{type(error).__name__}: {error}"


def read_pixels(png: bytes) -> NDArray[np.float64]:
    """Return a picture as numbers, with its opacity.

    Parameters
    ----------
    png : bytes
        The content of a picture file.

    Returns
    -------
    (h, w, 4) float64
        Red, green, blue and opacity, 0-255.
    """
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=np.float64)


def _png_difference(old: bytes, new: bytes) -> str | None:
    """Say how two pictures differ, beyond the tolerance."""
    old_pixels = read_pixels(old)
    new_pixels = read_pixels(new)
    if old_pixels.shape != new_pixels.shape:
        old_height, old_width, _ = old_pixels.shape
        new_height, new_width, _ = new_pixels.shape
        return f"size {new_width} x {new_height} pixels, was {old_width} x {old_height}"
    distance = np.abs(new_pixels - old_pixels)
    rms = float(np.sqrt(np.mean(distance**2)))
    largest_of_pixel = distance.max(axis=2)
    share_far_off = float(np.mean(largest_of_pixel > FAR_OFF))
    if rms <= MAX_RMS and share_far_off <= MAX_SHARE_FAR_OFF:
        return None
    return (
        f"pixels differ by {rms:.3g} (root mean square), "
        f"{share_far_off:.2%} of them by > {FAR_OFF}"
    )


def _csv_difference(old: bytes, new: bytes) -> str | None:
    """Say how two tables differ: in their shape, in a text, or in a number."""
    old_rows = _read_rows(old)
    new_rows = _read_rows(new)
    if [len(row) for row in old_rows] != [len(row) for row in new_rows]:
        counts = f"{len(new_rows)} lines, was {len(old_rows)}"
        return f"{counts}, or lines of other length"
    pairs = zip(old_rows, new_rows, strict=True)
    for number, (old_row, new_row) in enumerate(pairs, start=1):
        for old_cell, new_cell in zip(old_row, new_row, strict=True):
            if not _cells_agree(old_cell, new_cell):
                return f"line {number}: {new_cell}, was {old_cell}"
    return None


def _read_rows(content: bytes) -> list[list[str]]:
    """Return the cells of a CSV file, row by row."""
    return list(csv.reader(io.StringIO(content.decode("utf-8"))))


def _cells_agree(old: str, new: str) -> bool:
    """Return whether two cells hold the same text, or numbers within the tolerance."""
    if old == new:
        return True
    try:
        old_number = float(old)
        new_number = float(new)
    except ValueError:
        return False
    return bool(
        np.isclose(
            old_number,
            new_number,
            rtol=RELATIVE_TOLERANCE,
            atol=ABSOLUTE_TOLERANCE,
        )
    )


def _notebook_difference(old: bytes, new: bytes) -> str | None:
    """Say how two notebooks differ; pictures have a tolerance, all else has none."""
    return _json_difference(json.loads(old), json.loads(new), "notebook")


def _json_difference(old: object, new: object, where: str) -> str | None:
    """Say how two JSON values differ, and where; ``image/png`` holds a picture."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        members = [(old[key], new[key], f"{where}.{key}") for key in old]
        return _first_difference(members)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        elements = [(old[i], new[i], f"{where}[{i}]") for i in range(len(old))]
        return _first_difference(elements)
    if where.endswith(".image/png") and isinstance(old, str) and isinstance(new, str):
        reason = _png_difference(base64.b64decode(old), base64.b64decode(new))
        return f"{where}: {reason}" if reason else None
    if old == new:
        return None
    return f"{where}: {str(new)[:MAX_SHOWN]!r}, was {str(old)[:MAX_SHOWN]!r}"


def _first_difference(pairs: Iterable[tuple[object, object, str]]) -> str | None:
    """Return the first difference of several pairs of JSON values."""
    for old, new, where in pairs:
        reason = _json_difference(old, new, where)
        if reason:
            return reason
    return None
