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

from compare import difference, read_pixels

Pixels = NDArray[np.uint8]
GRAY = np.full((100, 100, 4), (100, 100, 100, 255), dtype=np.uint8)  # 10,000 pixels, 40,000 numbers
CSV = "garment,share\nBag,0.25\nCoat,-1.5\n"


def as_png(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png", **options)
    return stream.getvalue()


def change(channel: int, by: int, count: int) -> Pixels:
    pixels = GRAY.copy()
    pixels.reshape(-1, 4)[:count, channel] += np.uint8(by % 256)
    return pixels


def compare(folder: Path, suffix: str, old: bytes | str, new: bytes | str) -> str | None:
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


# One channel of all 10,000 pixels off by 1 is a root mean square of sqrt(10,000 / 40,000) = 0.5;
# two of 10,000 pixels are 0.02 %.
@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        pytest.param(change(0, 1, 10_000), None, id="root mean square at the limit"),
        pytest.param(
            np.maximum(change(0, 1, 10_000), change(1, 1, 1)),
            "pixels differ by 0.5 (root mean square), 0.00% of them by > 32",
            id="root mean square above",
        ),
        pytest.param(
            change(2, -2, 10_000), "pixels differ by 1 (root mean square), 0.00% of them by > 32", id="darker"
        ),
        pytest.param(change(1, 33, 1), None, id="0.01 % far off"),
        pytest.param(
            change(1, 33, 2), "pixels differ by 0.233 (root mean square), 0.02% of them by > 32", id="0.02 % far off"
        ),
        pytest.param(
            change(1, -33, 2),
            "pixels differ by 0.233 (root mean square), 0.02% of them by > 32",
            id="0.02 % far darker",
        ),
        pytest.param(change(1, 32, 2), None, id="0.02 % off, not far"),
        pytest.param(
            change(3, -100, 2), "pixels differ by 0.707 (root mean square), 0.02% of them by > 32", id="alpha"
        ),
    ],
)
def test_picture_tolerance(tmp_path: Path, pixels: Pixels, expected: str | None) -> None:
    assert compare(tmp_path, ".png", as_png(GRAY), as_png(pixels)) == expected


def test_a_picture_of_other_size_is_told_with_both_sizes(tmp_path: Path) -> None:
    reason = compare(tmp_path, ".png", as_png(GRAY), as_png(GRAY[:50, :80]))
    assert reason == "size 80 x 50 pixels, was 100 x 100"


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
def test_csv_tolerance(tmp_path: Path, old: str, new: str, expected: str | None) -> None:
    assert compare(tmp_path, ".csv", CSV, CSV.replace(old, new)) == expected


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e6, 1e300])
def test_csv_tolerance_is_relative_at_any_scale(tmp_path: Path, scale: float) -> None:
    old, near, off = (f"{factor * scale:.9g}" for factor in (1.795, 1.795001, 1.795004))
    assert compare(tmp_path, ".csv", f"loss\n{old}\n", f"loss\n{near}\n") is None
    reason = compare(tmp_path, ".csv", f"loss\n{old}\n", f"loss\n{off}\n")
    assert reason == f"line 2: {off}, was {old}"


def make_notebook(picture: Pixels) -> dict[str, Any]:
    data = {"image/png": base64.b64encode(as_png(picture)).decode(), "text/plain": "[gray]"}
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "k = 10\n"},
        {"output_type": "display_data", "data": data, "metadata": {"image/png": {"alt": "A gray square"}}},
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
        pytest.param(
            change(1, 33, 2), "pixels differ by 0.233 (root mean square), 0.02% of them by > 32", id="far off"
        ),
        pytest.param(GRAY[:50, :80], "size 80 x 50 pixels, was 100 x 100", id="other size"),
    ],
)
def test_pictures_in_a_notebook_are_compared_as_pixels(tmp_path: Path, picture: Pixels, expected: str | None) -> None:
    old, new = (json.dumps(make_notebook(pixels)) for pixels in (GRAY, picture))
    assert old != new
    where = "notebook.cells[0].outputs[1].data.image/png"
    reason = compare(tmp_path, ".ipynb", old, new)
    assert reason == (f"{where}: {expected}" if expected else None)


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
    ("edit", "start", "end"),
    [
        (edit_text, "notebook.cells[0].outputs[0].text: 'k = 11\\n'", ", was 'k = 10\\n'"),
        (edit_alt, "notebook.cells[0].outputs[1].metadata.image/png.alt: 'A square'", ", was 'A gray square'"),
        (edit_source, "notebook.cells[0].source: 'draw(2)'", ", was 'draw()'"),
        (add_output, "notebook.cells[0].outputs: ", ""),
        (add_metadata, "notebook.metadata: \"{'kernelspec': 'python3'}\"", ", was '{}'"),
    ],
)
def test_all_else_in_a_notebook_must_be_equal(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], start: str, end: str
) -> None:
    old = make_notebook(GRAY)
    new = copy.deepcopy(old)
    edit(new)
    reason = compare(tmp_path, ".ipynb", json.dumps(old), json.dumps(new))
    assert reason is not None
    assert reason.startswith(start)
    assert reason.endswith(end)
    assert len(reason) < 300  # one readable line, not a whole notebook
    assert compare(tmp_path, ".ipynb", json.dumps(old), json.dumps(old, indent=1)) is None


@pytest.mark.parametrize(
    ("new", "expected"),
    [("1.0", None), ("1.00", "4 bytes, were 3 other bytes"), ("1.1", "3 bytes, were 3 other bytes")],
)
def test_other_files_are_compared_byte_by_byte(tmp_path: Path, new: str, expected: str | None) -> None:
    assert compare(tmp_path, ".txt", "1.0", new) == expected


@pytest.mark.parametrize("missing", ["old.csv", "new.csv"])
def test_a_missing_file_is_an_error(tmp_path: Path, missing: str) -> None:
    compare(tmp_path, ".csv", CSV, CSV)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        difference(tmp_path / "old.csv", tmp_path / "new.csv")
