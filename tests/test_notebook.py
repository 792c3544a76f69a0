import base64
import contextlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

import fmnist_clustering
from fmnist_clustering.notebook import (
    artifacts_dir,
    first_images,
    image_page,
    panel_grid,
    save_artifact,
    save_numbers,
    show,
    table,
)
from fmnist_clustering.progress import ARTIFACTS_VARIABLE

STYLE = Path(fmnist_clustering.__file__).with_name("notebook.mplstyle")


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the folder that a runner would set; nobody has created it yet."""
    folder = tmp_path / "new" / "artifacts"
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """Collect what is displayed, with its options, instead of displaying it."""
    calls: list[tuple[Any, dict[str, Any]]] = []

    def display(bundle: Any, **options: Any) -> None:
        calls.append((bundle, options))

    monkeypatch.setattr("fmnist_clustering.notebook.display", display)
    return calls


def new_figure(**options: Any) -> Figure:
    with plt.style.context(STYLE):
        fig = plt.figure(**options)
        ax = fig.subplots()
        ax.plot([1, 3, 2], label="loss")
        ax.legend()
    return fig


def show_and_read(name: str, **options: Any) -> bytes:
    with plt.style.context(STYLE):
        show(new_figure(**options), alt="A line", save=name)
    return (artifacts_dir() / name).read_bytes()


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("value", [None, ""], ids=["not set", "empty"])
@pytest.mark.parametrize("is_checkout", [True, False], ids=["checkout", "elsewhere"])
def test_a_live_session_saves_below_build(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_checkout: bool,
    value: str | None,
) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    if is_checkout:
        (tmp_path / "pyproject.toml").touch()
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(ARTIFACTS_VARIABLE, value)
    monkeypatch.chdir(folder)
    root = tmp_path if is_checkout else folder
    assert artifacts_dir() == root / "build" / "artifacts"


SPLIT = fmnist_clustering.FashionMNIST(
    np.arange(5 * 784, dtype=np.uint16).reshape(5, 784).astype(np.uint8),
    np.array([9, 2, 1, 1, 0], dtype=np.uint8),
)


@pytest.mark.parametrize(("n_images", "n_found"), [(3, 3), (5, 5), (10_000, 5)])
def test_a_sample_is_the_first_images(n_images: int, n_found: int) -> None:
    pixels, garments = first_images(SPLIT, n_images, at_least=3)
    np.testing.assert_array_equal(pixels, SPLIT.pixels[:n_found])
    np.testing.assert_array_equal(garments, SPLIT.garments[:n_found])


@pytest.mark.parametrize(
    ("n_images", "at_least", "message"),
    [
        (5, 6, "n_images: found 5, expected an integer, 6 or more; .* N_IMAGES$"),
        (-1, 3, "n_images: found -1, expected an integer, 3 or more; .* N_IMAGES$"),
        (9, 6, "images: found 5 in the test split of DATA_DIR, expected 6 or more$"),
    ],
)
def test_too_small_a_sample_is_refused(
    n_images: int,
    at_least: int,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        first_images(SPLIT, n_images, at_least=at_least)


def test_a_runner_says_where_artifacts_go(artifacts: Path) -> None:
    assert artifacts_dir() == artifacts
    path = save_artifact("note.txt", b"whole\r\n")
    assert path == artifacts / "note.txt"
    assert read_all(artifacts) == {"note.txt": b"whole\r\n"}


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    resource = pytest.importorskip("resource", reason="no limits on Windows")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def no_rename() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise OSError("no rename")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(os, "replace", refuse)
        yield


@pytest.mark.parametrize(
    ("failure", "message"),
    [(full_disk, "File too large"), (no_rename, "no rename")],
)
def test_a_failed_write_leaves_the_old_file_whole(
    artifacts: Path,
    failure: Any,
    message: str,
) -> None:
    path = save_artifact("numbers.csv", b"k\n5\n")
    before = path.stat()
    with failure(), pytest.raises(OSError, match=message):
        save_artifact("numbers.csv", b"k\n6\n" * 10_000)
    assert path.read_bytes() == b"k\n5\n"
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    save_artifact("numbers.csv", b"k\n7\n")
    assert read_all(artifacts) == {"numbers.csv": b"k\n7\n"}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "note", "a/b.png", "../b.png", "/b.png", "b.png/"],
)
def test_only_a_bare_name_is_saved(artifacts: Path, name: str) -> None:
    message = f"name: found '{name}', expected a file name without a folder"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        save_artifact(name, b"content")
    assert not artifacts.exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            pd.DataFrame(
                {"inertia": [679217.44812, 2 / 3, 1e-9 / 3], "k": [123456789, 2, 3]}
            ),
            "inertia,k\n679217.45,123456789\n0.66666667,2\n3.3333333e-10,3\n",
            id="eight significant digits",
        ),
        pytest.param(
            pd.DataFrame({"café": [1.5, None]}, index=pd.Index(["Bag", "T-shirt/top"])),
            'café\n1.5\n""\n',
            id="unnamed index",
        ),
        pytest.param(
            pd.DataFrame(
                {"a, b": [0.5, 1.0]}, index=pd.Index(["Bag", "Coat"], name="garment")
            ),
            'garment,"a, b"\nBag,0.5\nCoat,1\n',
            id="named index",
        ),
    ],
)
def test_numbers_are_saved_as_csv(
    artifacts: Path,
    data: pd.DataFrame,
    expected: str,
) -> None:
    path = save_numbers("numbers.csv", data)
    assert path == artifacts / "numbers.csv"
    assert path.read_bytes() == expected.encode()


@pytest.mark.parametrize(
    ("options", "size"),
    [({}, (800, 350)), ({"figsize": (3.21, 1.5)}, (321, 150))],
)
@pytest.mark.usefixtures("artifacts", "displayed")
def test_a_figure_is_100_pixels_an_inch_on_opaque_white(
    options: dict[str, Any],
    size: tuple[int, int],
) -> None:
    content = show_and_read("line.png", **options)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        assert picture.size == size
        pixels = np.asarray(picture.convert("RGBA"))
    assert (pixels[..., 3] == 255).all()
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 255)
    is_drawn = (pixels < 255).any(axis=2)
    assert is_drawn.sum() > 100, "the line is there"


@pytest.mark.usefixtures("artifacts", "displayed")
def test_the_same_figure_is_the_same_bytes() -> None:
    assert show_and_read("a.png") == show_and_read("b.png")


def test_show_displays_what_it_saves_with_alternative_text(
    artifacts: Path,
    displayed: list[tuple[Any, dict[str, Any]]],
) -> None:
    alt = "The loss peaks at k = 10"
    fig = new_figure()
    loss = pd.DataFrame({"loss": [1, 3, 2]}, index=pd.Index([5, 10, 20], name="k"))
    show(fig, alt=alt, save="loss.v2.png", data=loss)

    files = read_all(artifacts)
    assert files.keys() == {"loss.v2.png", "loss.v2.csv"}
    assert files["loss.v2.csv"] == b"k,loss\n5,1\n10,3\n20,2\n"
    ((bundle, options),) = displayed
    assert bundle.keys() == {"image/png", "text/plain"}
    assert base64.b64decode(bundle["image/png"]) == files["loss.v2.png"]
    assert alt in bundle["text/plain"]
    assert options == {"metadata": {"image/png": {"alt": alt}}, "raw": True}
    assert not plt.fignum_exists(fig.number)


def figure_with_shades(n_shades: int) -> Figure:
    """Return a picture of 300 x 100 pixels in so many colors, one of them white."""
    fig = plt.figure(figsize=(3, 1), layout="none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.axis("off")
    number = np.arange(300 * 100).reshape(100, 300) % n_shades
    shades = np.stack([255 - number % 256, 255 - number // 256, 0 * number + 255])
    ax.imshow(np.moveaxis(shades, 0, 2), interpolation="nearest", aspect="auto")
    return fig


@pytest.mark.parametrize(
    ("n_shades", "n_colors", "mode", "is_exact"),
    [
        (200, None, "P", True),
        (1000, None, "RGB", True),
        (1000, 64, "P", False),
    ],
)
@pytest.mark.usefixtures("displayed")
def test_a_palette_is_used_where_nothing_is_lost_or_where_it_is_asked_for(
    artifacts: Path, n_shades: int, n_colors: int | None, mode: str, is_exact: bool
) -> None:
    fig = figure_with_shades(n_shades)
    fig.canvas.draw()
    drawn = np.asarray(fig.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    show(fig, alt="Shades", save="shades.png", n_colors=n_colors)
    with Image.open(artifacts / "shades.png") as picture:
        assert picture.mode == mode
        saved = np.asarray(picture.convert("RGB"))
    n_saved = len(np.unique(saved.reshape(-1, 3), axis=0))
    assert n_saved == (n_shades if is_exact else n_colors)
    assert np.array_equal(saved, drawn) == is_exact


def test_a_page_for_images_has_room_for_names() -> None:
    fig, ax = image_page(height=2, left=0.25)
    assert tuple(fig.get_size_inches()) == (8, 2)
    box = ax.get_position()
    assert (box.x0, box.x1) == (0.25, 1)
    assert 0.8 < box.y1 < 1, "room for titles"
    plt.close(fig)


@pytest.mark.parametrize(("height", "left"), [(0, 0.1), (2, 1.5), ("2", 0.1)])
def test_a_page_without_room_is_refused(height: Any, left: Any) -> None:
    with pytest.raises(ValueError, match=r"^(height|left): found .*, expected "):
        image_page(height=height, left=left)


def test_panels_are_as_high_as_the_longest_list_of_their_row() -> None:
    fig, panels = panel_grid([2, 3, 7, 1, 3])
    fig.canvas.draw()
    width, height = fig.get_size_inches()
    assert width == 8
    assert len(panels) == len(fig.axes) == 5
    heights = [ax.get_position().height * height for ax in panels]
    for_each_item = [heights[0] / 3, heights[1] / 3, heights[2] / 7, heights[3] / 7]
    assert for_each_item == pytest.approx([heights[4] / 3] * 4, rel=0.01)
    assert 0.5 < heights[4] / 3 < 1
    plt.close(fig)


def test_panels_for_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^n_items: found none, expected "):
        panel_grid([])


def test_show_saves_nothing_without_a_name(
    artifacts: Path,
    displayed: list[tuple[Any, dict[str, Any]]],
) -> None:
    show(new_figure(), alt="A line")
    assert len(displayed) == 1
    assert not artifacts.exists()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"alt": ""}, "alt"),
        ({"alt": " \n"}, "alt"),
        ({"save": "loss.jpg"}, "save"),
        ({"save": ""}, "save"),
        ({"save": "a/b.png"}, "save"),
        ({"data": pd.DataFrame({"k": [1]})}, "data"),
        ({"data": [1], "save": "loss.png"}, "data"),
        ({"n_colors": 1}, "n_colors"),
        ({"n_colors": 257}, "n_colors"),
        ({"n_colors": 2.5}, "n_colors"),
    ],
    ids=[
        "no alt",
        "blank alt",
        "no PNG",
        "no name",
        "folder",
        "data without save",
        "no table",
        "one color",
        "more colors than a palette has",
        "half a color",
    ],
)
def test_show_refuses_before_it_does_anything(
    artifacts: Path,
    displayed: list[tuple[Any, dict[str, Any]]],
    options: dict[str, Any],
    name: str,
) -> None:
    fig = new_figure()
    with pytest.raises((ValueError, TypeError), match=f"^{name}: found .*, expected "):
        show(fig, **({"alt": "A line"} | options))
    assert plt.fignum_exists(fig.number)
    plt.close(fig)
    assert not displayed
    assert not artifacts.exists()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (9.54, "9.540"),
        (-9.54, "-9.540"),
        (0.0018, "0.0018"),
        (679217.3, "679,200"),
        (0.12345, "0.1235"),
        (0.012344, "0.01234"),  # four significant digits, not four decimals
        (0.0012344, "0.001234"),
        (12.345678, "12.35"),
        (9.9996, "10.00"),
        (0.99996, "1.000"),
        (999.96, "1,000"),
        (0.5, "0.5000"),
        (100.0, "100.0"),
        (0.001, "0.0010"),
        (0.00099994, "0.0009999"),
        (1.795e-08, "1.795e-08"),
        (999_900_000.0, "999,900,000"),
        (1e9, "1e+09"),
        (0.0, "0"),
        (float("inf"), "inf"),
        (float("nan"), "-"),
        (None, "-"),
        (pd.NaT, "-"),
        (pd.NA, "-"),
        (10000, "10,000"),
        (-1234567, "-1,234,567"),
        (True, True),
        ("0.123456", "0.123456"),
        ("", ""),
    ],
)
def test_a_table_has_four_significant_digits(value: object, expected: object) -> None:
    data = pd.DataFrame({"value": pd.Series([value], dtype=object)})
    assert table(data).loc[0, "value"] == expected
    assert data.loc[0, "value"] is value


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.array([9.54, np.nan], dtype=np.float32), ["9.540", "-"]),
        (np.array([10000, 2], dtype=np.uint16), ["10,000", "2"]),
        (pd.array([10000, None], dtype="Int64"), ["10,000", "-"]),
        (pd.array([9.54, None], dtype="Float64"), ["9.540", "-"]),
        (np.array([True, False]), [True, False]),
    ],
    ids=["float32", "uint16", "Int64", "Float64", "bool"],
)
def test_a_table_takes_columns_of_any_type(column: Any, expected: list[object]) -> None:
    data = pd.DataFrame(
        {"value": column}, index=pd.Index(["Bag", "Coat"], name="garment")
    )
    result = table(data)
    assert result["value"].tolist() == expected
    assert result.index.equals(data.index)
    assert list(result.columns) == ["value"]
