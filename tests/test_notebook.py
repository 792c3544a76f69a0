"""What `show`, `table` and saving do, in a notebook and outside of one."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fmnist_clustering import FashionMNIST
from fmnist_clustering.notebook import (
    ARTIFACTS_VARIABLE,
    first_images,
    save_artifact,
    save_numbers,
    show,
    table,
)


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the folder that a run would set; nobody has created it yet."""
    folder = tmp_path / "new" / "artifacts"
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(folder))
    return folder


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Parameters

SPLIT = FashionMNIST(
    np.arange(5 * 784).reshape(5, 784).astype(np.uint8),
    np.array([9, 2, 1, 1, 0], dtype=np.uint8),
)


@pytest.mark.parametrize(
    ("n_images", "at_least", "message"),
    [
        (5, 6, r"N_IMAGES == 5, must be >= 6"),
        (1e4, 3, r"N_IMAGES must be an instance of int, not float"),
        (9, 6, "images: found 5, expected 6 or more"),
    ],
    ids=["too small", "no integer", "too few images"],
)
def test_a_wrong_number_of_images_is_refused(
    n_images: Any, at_least: int, message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        first_images(SPLIT, n_images, at_least=at_least)


def test_of_fewer_images_all_are_taken() -> None:
    pixels, garments = first_images(SPLIT, 3, at_least=3)
    assert (pixels == SPLIT.pixels[:3]).all()
    assert garments.tolist() == [9, 2, 1]
    assert len(first_images(SPLIT, 10_000, at_least=3).pixels) == 5


# Files


def test_without_a_run_results_land_below_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "fmnist_clustering").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path / "notebooks")
    path = save_artifact("note.txt", b"whole\r\n")
    assert path == tmp_path / "build" / "artifacts" / "note.txt"
    assert path.read_bytes() == b"whole\r\n"


def test_a_failed_write_leaves_the_old_file_whole(artifacts: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits on Windows")
    path = save_artifact("numbers.csv", b"k\n5\n")
    before = path.stat()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_artifact("numbers.csv", b"k\n6\n" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"k\n5\n"
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    save_artifact("numbers.csv", b"k\n7\n")
    assert read_all(artifacts) == {"numbers.csv": b"k\n7\n"}


def test_numbers_are_saved_as_csv_with_six_digits(artifacts: Path) -> None:
    garments = pd.Index(["Bag", "Coat"], name="garment")
    data = pd.DataFrame({"a, b": [2 / 3, 1e-9 / 3], "n": [123456789, 2]})
    save_numbers("plain.csv", data)
    save_numbers("named.csv", data.set_index(garments))
    plain = '"a, b",n\n0.666667,123456789\n3.33333e-10,2\n'
    named = 'garment,"a, b",n\nBag,0.666667,123456789\nCoat,3.33333e-10,2\n'
    assert read_all(artifacts) == {
        "plain.csv": plain.encode(),
        "named.csv": named.encode(),
    }


# Figures


def test_show_displays_what_it_saves_with_alternative_text(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[dict[str, str], dict[str, Any]]] = []
    notebook = "fmnist_clustering.notebook"
    monkeypatch.setattr(f"{notebook}.get_ipython", object)
    monkeypatch.setattr(f"{notebook}.display", lambda *a, **b: shown.append((*a, b)))
    fig, ax = plt.subplots()
    ax.plot([1, 3, 2])
    loss = pd.DataFrame({"loss": [1, 3, 2]}, index=pd.Index([5, 10, 20], name="k"))
    show(fig, alt="The loss peaks at k = 10", save="loss.v2.png", data=loss)

    files = read_all(artifacts)
    assert files.keys() == {"loss.v2.png", "loss.v2.csv"}
    assert files["loss.v2.csv"] == b"k,loss\n5,1\n10,3\n20,2\n"
    ((bundle, options),) = shown
    assert base64.b64decode(bundle["image/png"]) == files["loss.v2.png"]
    assert bundle["text/plain"] == "[The loss peaks at k = 10]"
    alt = {"image/png": {"alt": "The loss peaks at k = 10"}}
    assert options == {"metadata": alt, "raw": True}
    assert not plt.fignum_exists(fig.number)


SCRIPT = """
import matplotlib.pyplot as plt
from fmnist_clustering.notebook import show
fig, ax = plt.subplots()
show(fig, alt="Nothing yet", save="nothing.png")
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["", "IPython"], ids=["Python", "IPython"])
def test_outside_of_a_notebook_show_prints_its_text(
    artifacts: Path, tmp_path: Path, module: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    start = ["-m", module] if module else []
    ended = subprocess.run(
        [sys.executable, *start, str(script)],
        env=os.environ | {"IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "[Nothing yet]"
    assert read_all(artifacts).keys() == {"nothing.png"}


def figure_with_shades(n_shades: int) -> Figure:
    """Return a picture of 300 x 100 pixels in so many colors."""
    fig = plt.figure(figsize=(3, 1), dpi=100, layout="none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.axis("off")
    number = np.arange(300 * 100).reshape(100, 300) % n_shades
    shades = np.stack([255 - number % 256, 255 - number // 256, 0 * number + 255])
    ax.imshow(np.moveaxis(shades, 0, 2), interpolation="nearest", aspect="auto")
    return fig


@pytest.mark.parametrize(
    ("n_shades", "n_colors", "mode", "n_saved"),
    [(200, None, "P", 200), (1000, None, "RGB", 1000), (1000, 64, "P", 64)],
)
def test_a_palette_is_used_where_nothing_is_lost_or_where_it_is_asked_for(
    artifacts: Path, n_shades: int, n_colors: int | None, mode: str, n_saved: int
) -> None:
    fig = figure_with_shades(n_shades)
    fig.canvas.draw()
    drawn = np.asarray(fig.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    show(fig, alt="Shades", save="shades.png", n_colors=n_colors)
    with Image.open(artifacts / "shades.png") as picture:
        assert picture.mode == mode
        saved = np.asarray(picture.convert("RGB"))
    assert len(np.unique(saved.reshape(-1, 3), axis=0)) == n_saved
    assert np.array_equal(saved, drawn) == (n_saved == n_shades)


@pytest.mark.parametrize(
    ("options", "name"),
    [({"alt": " \n"}, "alt"), ({"data": pd.DataFrame({"k": [1]})}, "data")],
)
def test_a_figure_needs_a_text_and_numbers_need_a_name(
    options: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        show(Figure(), **({"alt": "A line"} | options))


# Tables


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (9.54, "9.540"),
        (679217.3, "679,200"),
        (0.0018, "0.0018"),
        (0.12345, "0.1235"),
        (0.012344, "0.01234"),  # four significant digits, not four decimals
        (9.9996, "10.00"),
        (999.96, "1,000"),
        (1.795e-08, "1.795e-08"),
        (1e9, "1e+09"),
        (float("inf"), "inf"),
        (float("nan"), "-"),
        (None, "-"),
        (-1234567, "-1,234,567"),
        (True, True),
        ("0.123456", "0.123456"),
    ],
)
def test_a_table_has_four_significant_digits(value: object, expected: object) -> None:
    data = pd.DataFrame({"value": pd.Series([value], dtype=object)})
    assert table(data).loc[0, "value"] == expected
    assert data.loc[0, "value"] is value


def test_a_table_keeps_its_index_whatever_the_type_of_a_column() -> None:
    columns = {
        "float": np.array([9.54, np.nan], dtype=np.float32),
        "int": np.array([10000, 2], dtype=np.uint16),
        "or none": pd.array([10000, None], dtype="Int64"),
        "bool": np.array([True, False]),
    }
    garments = pd.Index(["Bag", "Coat"], name="garment")
    result = table(pd.DataFrame(columns, index=garments))
    assert result.index.equals(garments)
    assert result.to_dict("list") == {
        "float": ["9.540", "-"],
        "int": ["10,000", "2"],
        "or none": ["10,000", "-"],
        "bool": [True, False],
    }
