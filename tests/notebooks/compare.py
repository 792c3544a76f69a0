"""Do two results show the same? ``python -m tests.notebooks.compare``

Drawing differs in single pixels, and arithmetic in the last digit, from one processor
to the next. The command prints how the results in the work tree differ from those of
git's HEAD, a line for each file, and restores the files that show the same.
"""

import base64
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from tests.notebooks.reading import ROOT

MAX_RMS = 0.5
"""Root mean square of the difference of two pictures, in units of 8 bits."""

FAR_OFF = 32
"""A pixel is far off if one of its channels differs by more than this."""

MAX_SHARE_FAR_OFF = 1e-4
"""Share of the pixels that may be far off."""

RELATIVE_TOLERANCE = 2e-5
"""Numbers in a CSV have six digits. The last one may be rounded the other way."""

ABSOLUTE_TOLERANCE = 1e-15
"""Numbers that differ by this little are rounding errors around 0."""


def difference(name: str, old: bytes, new: bytes) -> str | None:
    """Say in one line how two files of this name differ; None if they show the same."""
    if old == new:
        return None
    if name.endswith(".png"):
        return png_difference(old, new)
    if name.endswith(".csv"):
        return csv_difference(old, new)
    if name.endswith(".ipynb"):
        return notebook_difference(old, new)
    return "other bytes"


def read_pixels(png: bytes) -> NDArray[np.float64]:
    """Return red, green, blue and opacity of each pixel, 0-255."""
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=np.float64)


def png_difference(old: bytes, new: bytes) -> str | None:
    """Say how two pictures differ, beyond the tolerance."""
    old_pixels = read_pixels(old)
    new_pixels = read_pixels(new)
    if old_pixels.shape != new_pixels.shape:
        return f"shape {new_pixels.shape}, was {old_pixels.shape}"
    distance = np.abs(new_pixels - old_pixels)
    rms = np.sqrt(np.mean(distance**2))
    share_far_off = np.mean(distance.max(axis=2) > FAR_OFF)
    if rms <= MAX_RMS and share_far_off <= MAX_SHARE_FAR_OFF:
        return None
    far_off = f"{share_far_off:.2%} of them by > {FAR_OFF}"
    return f"pixels differ by {rms:.3g} (root mean square), {far_off}"


def csv_difference(old: bytes, new: bytes) -> str | None:
    """Say how two tables differ: in their shape, in a text, or in a number."""
    try:
        pd.testing.assert_frame_equal(
            pd.read_csv(io.BytesIO(old)),
            pd.read_csv(io.BytesIO(new)),
            check_dtype=False,
            rtol=RELATIVE_TOLERANCE,
            atol=ABSOLUTE_TOLERANCE,
        )
    except AssertionError as error:
        lines = str(error).splitlines()
        return f"{lines[0]}; {lines[-1]}"
    return None


def notebook_difference(old: bytes, new: bytes) -> str | None:
    """Say how two notebooks differ; pictures have a tolerance, all else has none."""
    old_notebook = json.loads(old)
    new_notebook = json.loads(new)
    old_cells = old_notebook.pop("cells")
    new_cells = new_notebook.pop("cells")
    if old_notebook != new_notebook:
        return "other metadata"
    if len(old_cells) != len(new_cells):
        return f"{len(new_cells)} cells, was {len(old_cells)}"
    for number, (old_cell, new_cell) in enumerate(
        zip(old_cells, new_cells, strict=True), start=1
    ):
        old_pictures = take_pictures(old_cell)
        new_pictures = take_pictures(new_cell)
        if old_cell != new_cell:
            return f"cell {number}: another code, text or number of pictures"
        for pair in zip(old_pictures, new_pictures, strict=True):
            reason = png_difference(*pair)
            if reason:
                return f"cell {number}: {reason}"
    return None


def take_pictures(cell: dict[str, Any]) -> list[bytes]:
    """Take the pictures out of the outputs of a cell, and return them."""
    pictures = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            pictures.append(base64.b64decode(data["image/png"]))
            data["image/png"] = "taken out"
    return pictures


def git(root: Path, *arguments: str) -> bytes:
    """Run git in a checkout and return what it prints."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout


def main(root: Path = ROOT) -> None:
    """Print differences to HEAD, and restore the results that show the same."""
    changed = ["diff", "--name-only", "--diff-filter=M", "-z", "HEAD"]
    listed = git(root, *changed, "--", "artifacts", "notebooks").decode()
    for name in listed.split("\0")[:-1]:
        old = git(root, "show", f"HEAD:{name}")
        reason = difference(name, old, (root / name).read_bytes())
        if reason is None:
            git(root, "checkout", "HEAD", "--", name)
        else:
            print(f"{name}: {reason}")


if __name__ == "__main__":
    main()
