"""Results that differ by noise are taken as the same; a real difference is named."""

import base64
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.notebooks.compare import difference, main

# 10,000 pixels, each of them three numbers.
GRAY = np.full((100, 100, 3), 100, dtype=np.uint8)


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png")
    return stream.getvalue()


def change(by: int, n_pixels: int) -> bytes:
    """Return the gray picture with some brighter pixels."""
    pixels = GRAY.copy()
    pixels.reshape(-1, 3)[:n_pixels] += np.uint8(by)
    return as_png(pixels)


def as_notebook(text: str, picture: bytes) -> bytes:
    data = {"image/png": base64.b64encode(picture).decode(), "text/plain": "[gray]"}
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": [text]},
        {"output_type": "display_data", "data": data, "metadata": {}},
    ]
    cell = {"cell_type": "code", "source": "draw()", "outputs": outputs}
    return json.dumps({"cells": [cell], "metadata": {}}).encode()


# All pixels off by 1 are a root mean square of sqrt(3 / 4), as opacity is the same; a
# quarter of them, half of that. Two of 10,000 pixels are 0.02 %.
@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (change(1, 2_500), None),
        (change(1, 10_000), "pixels differ by 0.866 (root mean square), 0.00%"),
        (change(33, 1), None),
        (change(33, 2), "pixels differ by 0.404 (root mean square), 0.02%"),
        (as_png(GRAY[:50]), "shape (50, 100, 4), was (100, 100, 4)"),
    ],
)
def test_pictures_may_differ_a_little(new: bytes, reason: str | None) -> None:
    found = difference("a.png", as_png(GRAY), new)
    assert found is None if reason is None else str(found).startswith(reason)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("0.250001", "0.250002", None),
        ("0.250001", "0.250009", "first diff: 0.250001 != 0.250009"),
        ("1e-16", "-3e-16", None),
        ("Bag", "Coat", "Bag"),
        ("0.5\n0.5", "0.5", "DataFrame are different"),
    ],
)
def test_numbers_may_differ_in_the_last_digit(
    old: str, new: str, reason: str | None
) -> None:
    found = difference("a.csv", f"share\n{old}".encode(), f"share\n{new}".encode())
    assert found is None if reason is None else reason in str(found)


def test_texts_of_notebooks_are_equal_and_their_pictures_nearly() -> None:
    old = as_notebook("k = 10\n", as_png(GRAY))
    near = as_notebook("k = 10\n", change(1, 100))
    other_text = as_notebook("k = 11\n", as_png(GRAY))
    other_picture = as_notebook("k = 10\n", change(50, 100))
    assert difference("a.ipynb", old, near) is None
    assert "cell 1: another code, text" in str(difference("a.ipynb", old, other_text))
    assert "cell 1: pixels" in str(difference("a.ipynb", old, other_picture))


@pytest.mark.slow
def test_the_command_restores_what_shows_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    (tmp_path / "notebooks").mkdir()
    for name in ("same.png", "other.png"):
        (artifacts / name).write_bytes(as_png(GRAY))
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)

    (artifacts / "same.png").write_bytes(change(1, 1))
    (artifacts / "other.png").write_bytes(change(99, 99))
    main(tmp_path)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("artifacts/other.png: pixels differ by")
    assert (artifacts / "same.png").read_bytes() == as_png(GRAY)
    assert (artifacts / "other.png").read_bytes() == change(99, 99)
