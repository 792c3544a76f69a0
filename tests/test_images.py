import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from fmnist_clustering import SAMPLES, image_file_size, load_image

COLORS = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
GRAY_STEPS = np.arange(18, dtype=np.uint8).reshape(3, 6) * 10


def save(path: Path, picture: Image.Image, **options: Any) -> Path:
    """Write a picture, and return its path."""
    picture.save(path, **options)
    return path


def gray(values: NDArray[Any]) -> NDArray[Any]:
    """Return a picture whose three channels are equal."""
    return np.stack([values, values, values], axis=2)


# Samples


@pytest.mark.parametrize(("name", "size"), [("china", 196_653), ("flower", 142_987)])
def test_samples_are_those_of_scikit_learn(name: str, size: int) -> None:
    picture = load_image(name)
    assert picture.shape == (427, 640, 3)
    np.testing.assert_array_equal(picture, load_sample_image(f"{name}.jpg"))
    assert image_file_size(name) == size


def test_samples_are_credited() -> None:
    assert SAMPLES == {
        "china": "danielbuechele on Flickr, CC BY 2.0",
        "flower": "vultilion on Flickr, CC BY 2.0",
    }


# Kinds of pictures


@pytest.mark.parametrize(
    ("name", "picture", "expected"),
    [
        pytest.param("a.png", Image.fromarray(COLORS), COLORS, id="RGB"),
        pytest.param("a.bmp", Image.fromarray(COLORS), COLORS, id="BMP"),
        pytest.param(
            "a.png",
            Image.fromarray(GRAY_STEPS),
            gray(GRAY_STEPS),
            id="gray",
        ),
        pytest.param(
            "a.png",
            Image.fromarray(GRAY_STEPS > 80),
            gray((GRAY_STEPS > 80) * 255),
            id="black and white",
        ),
        pytest.param(
            "a.png",
            Image.fromarray(COLORS).quantize(256),
            COLORS,
            id="palette of all colors",
        ),
    ],
)
def test_file_is_loaded_as_rgb(
    tmp_path: Path,
    name: str,
    picture: Image.Image,
    expected: NDArray[Any],
) -> None:
    path = save(tmp_path / name, picture)
    for source in (path, str(path)):
        loaded = load_image(source)
        np.testing.assert_array_equal(loaded, expected)
        assert loaded.dtype == np.uint8
        assert image_file_size(source) == len(path.read_bytes())


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        # Opacity 51/255 = 0.2: 0.2 * 200 + 0.8 * 255 = 244
        ("RGBA", (200, 100, 0, 51), [244, 224, 204]),
        ("RGBA", (200, 100, 0, 0), [255, 255, 255]),
        ("RGBA", (200, 100, 0, 255), [200, 100, 0]),
        ("LA", (100, 51), [224, 224, 224]),
    ],
)
def test_transparent_pictures_are_put_on_white(
    tmp_path: Path,
    mode: str,
    pixel: tuple[int, ...],
    expected: list[int],
) -> None:
    path = save(tmp_path / "a.png", Image.new(mode, (2, 1), pixel))
    assert load_image(path).tolist() == [[expected, expected]]


def test_transparent_palette_color_is_white(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    path = save(tmp_path / "a.png", picture, transparency=0)
    assert load_image(path).tolist() == [[[255, 255, 255], [40, 50, 60]]]


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, COLORS),
        (2, COLORS[:, ::-1]),
        (3, COLORS[::-1, ::-1]),
        (4, COLORS[::-1]),
        (5, COLORS.transpose(1, 0, 2)),
        (6, np.rot90(COLORS, -1)),
        (7, COLORS[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(COLORS)),
    ],
)
def test_exif_rotation_is_applied(
    tmp_path: Path,
    orientation: int,
    upright: NDArray[np.uint8],
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(COLORS), exif=exif)
    np.testing.assert_array_equal(load_image(path), upright)


def test_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (3, 2), color) for color in ("red", "lime", "blue")]
    path = save(
        tmp_path / "a.gif",
        frames[0],
        save_all=True,
        append_images=frames[1:],
    )
    assert load_image(path).tolist() == [[[255, 0, 0]] * 3] * 2


def test_cmyk_is_converted_without_profile(tmp_path: Path) -> None:
    # Without black, a channel is 255 less its ink.
    path = save(tmp_path / "ink.tif", Image.new("CMYK", (2, 1), (255, 55, 0, 0)))
    assert load_image(path).tolist() == [[[0, 200, 255]] * 2]


# More than 8 bits


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_of_16_bits_becomes_8_bits(tmp_path: Path, suffix: str) -> None:
    # 65535 / 257 = 255; 128 / 257 = 0.498 and 129 / 257 = 0.502 are rounded apart.
    values = np.array([[0, 128, 129], [257, 40_000, 65_535]], dtype=np.uint16)
    path = save(tmp_path / f"deep.{suffix}", Image.fromarray(values))
    expected = np.array([[0, 0, 1], [1, 156, 255]])
    np.testing.assert_array_equal(load_image(path), gray(expected))


def test_color_of_16_bits_becomes_8_bits(tmp_path: Path) -> None:
    # Pillow cannot write such a file: signature, header, two rows of two pixels, end.
    row = b"\0" + struct.pack(">6H", 0, 65_535, 32_896, 257, 514, 40_000)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(row + row),
        b"IEND": b"",
    }
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks.items():
        content += struct.pack(">I", len(data)) + name + data
        content += struct.pack(">I", zlib.crc32(name + data))
    path = tmp_path / "deep.png"
    path.write_bytes(content)
    expected = [[[0, 255, 128], [1, 2, 156]]] * 2
    np.testing.assert_allclose(load_image(path), expected, atol=1)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (np.int32, 0, 70_000),
        (np.int32, 0, 65_536),
        (np.int32, -1, 100),
        (np.float32, 0, 70_000),
        (np.float32, -1, 100),
        (np.float32, 0, 1),
    ],
)
def test_pixels_without_a_known_white_are_refused_not_clipped(
    tmp_path: Path,
    dtype: Any,
    low: int,
    high: int,
) -> None:
    values = np.array([[low, high]], dtype=dtype)
    path = save(tmp_path / "deep.tif", Image.fromarray(values))
    mode = {np.int32: "I", np.float32: "F"}[dtype]
    found = f"found {mode} pixels from {dtype(low)} to {dtype(high)}"
    message = f"deep.tif: cannot be read as a picture ({found}, expected whole numbers"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_image(path)


# Files that are no pictures


def test_picture_too_large_to_be_safe_is_refused_before_it_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = save(tmp_path / "wide.png", Image.new("RGB", (20, 10)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    assert load_image(path).shape == (10, 20, 3)
    for limit in (199, 99):  # Pillow warns up to twice the limit, and then raises
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(ValueError, match=r"wide\.png: .*Image size \(200 pixels\)"):
            load_image(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp"])
def test_truncated_file_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut.{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf"cut\.{suffix}: cannot be read"):
        load_image(path)


def test_unknown_encoding_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "odd.dds", Image.fromarray(COLORS))
    content = bytearray(path.read_bytes())
    content[80:84] = struct.pack(
        "<I", 1 << 20
    )  # the flags that say how pixels are stored
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"odd\.dds: cannot be read"):
        load_image(path)


def png_of_zeros() -> bytes:
    """Return a PNG file with an empty chunk of pixels, and then no chunk.

    Pillow answers with a SyntaxError.
    """
    stream = io.BytesIO()
    Image.fromarray(COLORS).save(stream, format="PNG")
    before_pixels, *_ = stream.getvalue().split(b"IDAT")
    return before_pixels[:-4] + b"\0\0\0\0IDAT\x35\xaf\x06\x1e" + bytes(40)


AVIF_HEADER = (
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"
    b"\0\0\0\x2dmeta\0\0\0\0\0\0\0\x21hdlr\0\0\0\0\0\0\0\0pict"
) + bytes(13)
"""Pillow answers with a plain RuntimeError."""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no picture", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="PNG signature"),
        pytest.param(b"\xff\xd8\xff", id="JPEG signature"),
        pytest.param(b"P5 20000 20000 255 ", id="decompression bomb"),
        pytest.param(png_of_zeros(), id="PNG of zeros"),
        pytest.param(AVIF_HEADER, id="AVIF header"),
    ],
)
def test_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "note.png"
    path.write_bytes(content)
    message = r"note\.png: cannot be read as a picture \(.+\)"
    with pytest.raises(ValueError, match=message):
        load_image(path)


@pytest.mark.parametrize("function", [load_image, image_file_size])
@pytest.mark.parametrize("name", ["chinaa", "missing.png", "."])
def test_missing_file_is_named_beside_the_samples(
    tmp_path: Path,
    function: Any,
    name: str,
) -> None:
    path = tmp_path / name
    message = f"{path}: no such file; expected a picture, or one of 'china', 'flower'"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        function(path)
