"""Two results are the same within a tolerance; otherwise the difference is named."""

import base64
import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fmnist_clustering.runner.compare import difference, read_pixels

Pixels = NDArray[np.uint8]
# 10,000 pixels, each of them four numbers.
GRAY = np.full((100, 100, 4), (100, 100, 100, 255), dtype=np.uint8)
CSV = "garment,share\nBag,0.25\nCoat,-1.5\n"


def as_png(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png", **options)
    return stream.getvalue()


def change(channel: int, by: int, count: int) -> Pixels:
    """Return the gray picture with one channel of some pixels changed."""
    pixels = GRAY.copy()
    pixels.reshape(-1, 4)[:count, channel] += np.uint8(by % 256)
    return pixels


def compare(
    folder: Path,
    suffix: str,
    old: bytes | str,
    new: bytes | str,
) -> str | None:
    """Write two files and return how they differ."""
    paths = folder / f"old{suffix}", folder / f"new{suffix}"
    for path, content in zip(paths, (old, new), strict=True):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return difference(*paths)


def test_equal_pixels_in_other_bytes_are_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    old, new = as_png(pixels, compress_level=0), as_png(pixels, compress_level=9)
    assert old != new
    assert compare(tmp_path, ".png", old, new) is None


def test_palette_and_rgb_show_the_same(tmp_path: Path) -> None:
    palette = Image.new("P", (5, 4), 1)
    palette.putpalette([0, 0, 0, 200, 150, 100])
    stream = io.BytesIO()
    palette.save(stream, format="png")
    rgb = as_png(np.full((4, 5, 3), (200, 150, 100), dtype=np.uint8))
    assert compare(tmp_path, ".png", stream.getvalue(), rgb) is None


def reason(rms: str, share: str) -> str:
    return f"pixels differ by {rms} (root mean square), {share} of them by > 32"


# One channel of all 10,000 pixels off by 1 is a root mean square of
# sqrt(10,000 / 40,000) = 0.5. Two of 10,000 pixels are 0.02 %.
@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        pytest.param(change(0, 1, 10_000), None, id="root mean square at the limit"),
        pytest.param(
            np.maximum(change(0, 1, 10_000), change(1, 1, 1)),
            reason("0.5", "0.00%"),
            id="root mean square above",
        ),
        pytest.param(change(2, -2, 10_000), reason("1", "0.00%"), id="darker"),
        pytest.param(change(1, 33, 1), None, id="0.01 % far off"),
        pytest.param(change(1, 33, 2), reason("0.233", "0.02%"), id="0.02 % far off"),
        pytest.param(
            change(1, -33, 2), reason("0.233", "0.02%"), id="0.02 % far darker"
        ),
        pytest.param(change(1, 32, 2), None, id="0.02 % off, not far"),
        pytest.param(change(3, -100, 2), reason("0.707", "0.02%"), id="opacity"),
    ],
)
def test_picture_tolerance(
    tmp_path: Path, pixels: Pixels, expected: str | None
) -> None:
    assert compare(tmp_path, ".png", as_png(GRAY), as_png(pixels)) == expected


def test_both_sizes_of_pictures_are_named(tmp_path: Path) -> None:
    found = compare(tmp_path, ".png", as_png(GRAY), as_png(GRAY[:50, :80]))
    assert found == "size 80 x 50 pixels, was 100 x 100"


def test_pixels_are_read_with_opacity() -> None:
    translucent = np.full((2, 3, 4), (10, 20, 30, 40), dtype=np.uint8)
    np.testing.assert_array_equal(read_pixels(as_png(translucent)), translucent)
    opaque = np.full((2, 3, 4), (10, 20, 30, 255), dtype=np.uint8)
    np.testing.assert_array_equal(read_pixels(as_png(translucent[..., :3])), opaque)
    assert read_pixels(as_png(opaque)).dtype == np.float64


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.25", "0.2500002", None),
        ("0.25", "0.2500003", "line 2: 0.2500003, was 0.25"),
        ("-1.5", "-1.500001", None),
        ("-1.5", "-1.500002", "line 3: -1.500002, was -1.5"),
        ("-1.5", "1.5", "line 3: 1.5, was -1.5"),
        ("0.25", "2.5e-1", None),
        ("0.25", "", "line 2: , was 0.25"),
        ("0.25", "nan", "line 2: nan, was 0.25"),
        ("0.25", "a quarter", "line 2: a quarter, was 0.25"),
        ("Bag", "bag", "line 2: bag, was Bag"),
        ("share", "part", "line 1: part, was share"),
        ("Coat,-1.5\n", "", "2 lines, was 3, or lines of other length"),
        ("Coat,-1.5", "Coat", "3 lines, was 3, or lines of other length"),
        ("Bag", '"Bag"', None),
    ],
)
def test_csv_tolerance(
    tmp_path: Path,
    old: str,
    new: str,
    expected: str | None,
) -> None:
    assert compare(tmp_path, ".csv", CSV, CSV.replace(old, new)) == expected


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e6, 1e300])
def test_csv_tolerance_is_relative_at_any_scale(tmp_path: Path, scale: float) -> None:
    old, near, off = (f"{factor * scale:.9g}" for factor in (1.795, 1.795001, 1.795004))
    assert compare(tmp_path, ".csv", f"loss\n{old}\n", f"loss\n{near}\n") is None
    found = compare(tmp_path, ".csv", f"loss\n{old}\n", f"loss\n{off}\n")
    assert found == f"line 2: {off}, was {old}"


def test_rounding_errors_around_zero_are_no_difference(tmp_path: Path) -> None:
    assert compare(tmp_path, ".csv", "gap\n0.0\n", "gap\n-3e-16\n") is None
    assert compare(tmp_path, ".csv", "gap\n0.0\n", "gap\n3e-14\n") is not None


def make_notebook(picture: Pixels) -> dict[str, Any]:
    png = base64.b64encode(as_png(picture)).decode()
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "k = 10\n"},
        {
            "output_type": "display_data",
            "data": {"image/png": png, "text/plain": "[gray]"},
            "metadata": {"image/png": {"alt": "A gray square"}},
        },
    ]
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "draw",
        "metadata": {},
        "source": "draw()",
        "outputs": outputs,
    }
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param(change(0, 1, 10_000), None, id="within tolerance"),
        pytest.param(change(1, 33, 2), reason("0.233", "0.02%"), id="far off"),
        pytest.param(
            GRAY[:50, :80], "size 80 x 50 pixels, was 100 x 100", id="other size"
        ),
    ],
)
def test_pictures_in_a_notebook_are_compared_as_pixels(
    tmp_path: Path,
    picture: Pixels,
    expected: str | None,
) -> None:
    old, new = (json.dumps(make_notebook(pixels)) for pixels in (GRAY, picture))
    assert old != new
    where = "notebook.cells[0].outputs[1].data.image/png"
    found = compare(tmp_path, ".ipynb", old, new)
    assert found == (f"{where}: {expected}" if expected else None)


def edit_text(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["outputs"][0]["text"] = "k = 11\n"


def edit_alt(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["outputs"][1]["metadata"]["image/png"]["alt"] = "A square"


def edit_source(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["source"] = "draw(2)"


def add_output(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["outputs"].append({"output_type": "stream"})


def add_metadata(notebook: dict[str, Any]) -> None:
    notebook["metadata"]["kernelspec"] = "python3"


@pytest.mark.parametrize(
    ("edit", "where", "new_value", "old_value"),
    [
        (edit_text, "cells[0].outputs[0].text", r"'k = 11\n'", r"'k = 10\n'"),
        (
            edit_alt,
            "cells[0].outputs[1].metadata.image/png.alt",
            "'A square'",
            "'A gray square'",
        ),
        (edit_source, "cells[0].source", "'draw(2)'", "'draw()'"),
        (add_output, "cells[0].outputs", "", ""),
        (add_metadata, "metadata", "\"{'kernelspec': 'python3'}\"", "'{}'"),
    ],
)
def test_all_else_in_a_notebook_must_be_equal(
    tmp_path: Path,
    edit: Callable[[dict[str, Any]], None],
    where: str,
    new_value: str,
    old_value: str,
) -> None:
    old = make_notebook(GRAY)
    new = copy.deepcopy(old)
    edit(new)
    found = compare(tmp_path, ".ipynb", json.dumps(old), json.dumps(new))
    assert found is not None
    assert found.startswith(f"notebook.{where}: {new_value}")
    assert found.endswith(old_value)
    assert len(found) < 300  # one readable line, not a whole notebook


def test_the_layout_of_a_notebook_file_does_not_matter(tmp_path: Path) -> None:
    notebook = make_notebook(GRAY)
    flat, indented = json.dumps(notebook), json.dumps(notebook, indent=1)
    assert compare(tmp_path, ".ipynb", flat, indented) is None


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("1.0", None),
        ("1.00", "4 bytes, were 3 other bytes"),
        ("1.1", "3 bytes, were 3 other bytes"),
    ],
)
def test_other_files_are_compared_byte_by_byte(
    tmp_path: Path,
    new: str,
    expected: str | None,
) -> None:
    assert compare(tmp_path, ".txt", "1.0", new) == expected


@pytest.mark.parametrize("missing", ["old.csv", "new.csv"])
def test_a_missing_file_is_an_error(tmp_path: Path, missing: str) -> None:
    compare(tmp_path, ".csv", CSV, CSV)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        difference(tmp_path / "old.csv", tmp_path / "new.csv")
