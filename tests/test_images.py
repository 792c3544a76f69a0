"""Picture files: what is shown, what is refused, and whose size is told."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from fmnist_clustering.images import image_file_size, load_image

COLORS = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
GRAY_STEPS = np.arange(18, dtype=np.uint8).reshape(3, 6) * 10


def save(path: Path, picture: Image.Image, **options: Any) -> Path:
    """Write a picture, and return its path."""
    picture.save(path, **options)
    return path


def gray(values: NDArray[Any]) -> NDArray[Any]:
    """Return a picture whose three channels are equal."""
    return np.stack([values, values, values], axis=2)


@pytest.mark.parametrize(("name", "size"), [("china", 196_653), ("flower", 142_987)])
def test_samples_are_those_of_scikit_learn(name: str, size: int) -> None:
    picture = load_image(name)
    np.testing.assert_array_equal(picture, load_sample_image(f"{name}.jpg"))
    assert image_file_size(name) == size


KINDS = {
    "RGB": ("a.png", Image.fromarray(COLORS), COLORS),
    "BMP": ("a.bmp", Image.fromarray(COLORS), COLORS),
    "gray": ("a.png", Image.fromarray(GRAY_STEPS), gray(GRAY_STEPS)),
    "palette": ("a.png", Image.fromarray(COLORS).quantize(256), COLORS),
    # Without black, a channel is 255 less its ink.
    "CMYK": ("a.tif", Image.new("CMYK", (1, 1), (255, 55, 0, 0)), [[[0, 200, 255]]]),
}


@pytest.mark.parametrize(
    ("name", "picture", "expected"), KINDS.values(), ids=KINDS.keys()
)
def test_file_is_loaded_as_rgb(
    tmp_path: Path, name: str, picture: Image.Image, expected: NDArray[Any]
) -> None:
    path = save(tmp_path / name, picture)
    for source in (path, str(path)):
        loaded = load_image(source)
        np.testing.assert_array_equal(loaded, expected)
        assert loaded.dtype == np.uint8
        assert image_file_size(source) == len(path.read_bytes())


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_of_16_bits_becomes_8_bits(tmp_path: Path, suffix: str) -> None:
    # 65535 / 257 = 255; 128 / 257 = 0.498 and 129 / 257 = 0.502 are rounded apart.
    values = np.array([[0, 128, 129], [257, 40_000, 65_535]], dtype=np.uint16)
    path = save(tmp_path / f"deep.{suffix}", Image.fromarray(values))
    expected = np.array([[0, 0, 1], [1, 156, 255]])
    np.testing.assert_array_equal(load_image(path), gray(expected))


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (2, COLORS[:, ::-1]),
        (3, COLORS[::-1, ::-1]),
        (6, np.rot90(COLORS, -1)),
        (8, np.rot90(COLORS)),
    ],
)
def test_exif_rotation_is_applied(
    tmp_path: Path, orientation: int, upright: NDArray[np.uint8]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(COLORS), exif=exif)
    np.testing.assert_array_equal(load_image(path), upright)


# Transparency


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        # Opacity 51/255 = 0.2: 0.2 * 200 + 0.8 * 255 = 244
        ("RGBA", (200, 100, 0, 51), [244, 224, 204]),
        ("RGBA", (200, 100, 0, 255), [200, 100, 0]),
        ("LA", (100, 51), [224, 224, 224]),
    ],
)
def test_transparent_pictures_are_put_on_white(
    tmp_path: Path, mode: str, pixel: tuple[int, ...], expected: list[int]
) -> None:
    path = save(tmp_path / "a.png", Image.new(mode, (2, 1), pixel))
    assert load_image(path).tolist() == [[expected, expected]]


def test_transparent_palette_color_is_white(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    path = save(tmp_path / "a.png", picture, transparency=0)
    assert load_image(path).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_a_picture_that_is_transparent_everywhere_shows_its_colors(
    tmp_path: Path,
) -> None:
    opacity = np.zeros((5, 7, 1), dtype=np.uint8)
    picture = Image.fromarray(np.concatenate([COLORS, opacity], axis=2))
    path = save(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(load_image(path), COLORS)


# Files that hold more than one picture

FRAMES = [Image.new("RGB", (3, 2), color) for color in ("red", "lime")]


@pytest.mark.parametrize(
    ("name", "format_name"),
    [("a.gif", "GIF"), ("a.png", "PNG"), ("a.tif", "TIFF"), ("a.jpg", "MPO")],
)
def test_a_file_of_several_pictures_shows_the_first_and_has_no_size(
    tmp_path: Path, name: str, format_name: str
) -> None:
    path = tmp_path / name
    options = {"format": format_name, "save_all": True, "append_images": FRAMES[1:]}
    save(path, FRAMES[0], **options)
    expected = [[[255, 0, 0]] * 3] * 2
    np.testing.assert_allclose(load_image(path), expected, atol=2)
    assert image_file_size(path) is None


def test_a_photograph_with_a_video_behind_it_has_no_size(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", FRAMES[0])
    photograph = path.read_bytes()
    assert image_file_size(path) == len(photograph)
    path.write_bytes(photograph + b"\0\0\0\x18ftypmp42" + bytes(100))
    assert load_image(path).shape == (2, 3, 3)
    assert image_file_size(path) is None


# What is refused


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_pixels_without_a_known_white_are_refused_not_clipped(
    tmp_path: Path, mode: str
) -> None:
    path = save(tmp_path / "deep.tif", Image.new(mode, (2, 1)))
    message = rf"deep\.tif: cannot .* \(found pixels of mode {mode}, expected gray"
    with pytest.raises(ValueError, match=message):
        load_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp"])
def test_truncated_file_is_refused(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut.{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"cut\.{suffix}: cannot be read"):
        load_image(path)


@pytest.mark.parametrize("function", [load_image, image_file_size])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no picture", id="text"),
        pytest.param(b"P5 20000 20000 255 ", id="decompression bomb"),
    ],
)
def test_file_that_is_no_picture_is_refused(
    tmp_path: Path, content: bytes, function: Any
) -> None:
    path = tmp_path / "note.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"note\.png: cannot be read as a picture"):
        function(path)


@pytest.mark.parametrize("function", [load_image, image_file_size])
def test_missing_file_is_named_beside_the_samples(
    tmp_path: Path, function: Any
) -> None:
    path = tmp_path / "chinaa"
    message = f"{path}: no such file; expected a picture, or one of 'china', 'flower'"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        function(path)


@pytest.mark.parametrize(
    ("size", "max_pixels", "expected"),
    [
        ((60, 40), 2400, (40, 60)),  # as it is
        ((60, 40), 600, (20, 30)),
        ((1000, 1), 10, (1, 100)),  # no side becomes 0
    ],
)
def test_a_large_picture_is_made_smaller(
    tmp_path: Path, size: tuple[int, int], max_pixels: int, expected: tuple[int, int]
) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", size, (10, 200, 30)))
    image = load_image(path, max_pixels=max_pixels)
    assert image.shape == (*expected, 3)
    assert (image == (10, 200, 30)).all(), "one color stays one color"
