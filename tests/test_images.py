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


def test_32_bits_are_refused_whatever_they_hold(tmp_path: Path) -> None:
    values = np.array([[0, 200]], dtype=np.int32)
    path = save(tmp_path / "deep.tif", Image.fromarray(values))
    with pytest.raises(ValueError, match="found I pixels from 0 to 200, expected"):
        load_image(path)


def write_tiff(
    path: Path,
    samples: bytes,
    bits: int,
    *,
    sign: bool = False,
    photometric: int = 1,
) -> Path:
    """Write a gray picture of one row of two pixels, tag by tag."""
    tags = {
        256: 2,  # width
        257: 1,  # height
        258: bits,
        259: 1,  # no compression
        262: photometric,
        273: 8,  # where the samples are
        277: 1,  # samples in a pixel
        278: 1,  # rows in a strip
        279: len(samples),
        339: 2 if sign else 1,
    }
    padded = samples + bytes(len(samples) % 2)
    content = b"II*\0" + struct.pack("<I", 8 + len(padded)) + padded
    content += struct.pack("<H", len(tags))
    for tag, value in tags.items():
        content += struct.pack("<HHIHH", tag, 3, 1, value, 0)
    path.write_bytes(content + bytes(4))
    return path


def test_16_bits_with_a_sign_are_refused(tmp_path: Path) -> None:
    samples = struct.pack("<2h", 0, 32_767)
    path = write_tiff(tmp_path / "deep.tif", samples, 16, sign=True)
    with pytest.raises(ValueError, match="found I pixels from 0 to 32767, expected"):
        load_image(path)


def test_12_bits_become_8_bits(tmp_path: Path) -> None:
    # 0x800 and 0xfff: 2048 / 4095 * 255 = 127.5...
    path = write_tiff(tmp_path / "deep.tif", b"\x80\x0f\xff", 12)
    assert load_image(path).tolist() == [[[128] * 3, [255] * 3]]


def test_a_negative_of_16_bits(tmp_path: Path) -> None:
    samples = struct.pack("<2H", 0, 257 * 200)
    path = write_tiff(tmp_path / "deep.tif", samples, 16, photometric=0)
    assert load_image(path).tolist() == [[[255] * 3, [55] * 3]]


@pytest.mark.parametrize("maxval", [255, 1000, 65_535])
def test_portable_graymaps_of_any_depth(tmp_path: Path, maxval: int) -> None:
    path = tmp_path / "a.pgm"
    samples = struct.pack(">2H" if maxval > 255 else ">2B", maxval, maxval // 5)
    path.write_bytes(f"P5 2 1 {maxval} ".encode() + samples)
    assert load_image(path).tolist() == [[[255] * 3, [51] * 3]]


def png(depth: int, color_type: int, row: bytes, transparent: bytes) -> bytes:
    """Return a file of one row of two pixels with a transparent color."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 2, 1, depth, color_type, 0, 0, 0),
        b"tRNS": transparent,
        b"IDAT": zlib.compress(b"\0" + row),
        b"IEND": b"",
    }
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks.items():
        content += struct.pack(">I", len(data)) + name + data
        content += struct.pack(">I", zlib.crc32(name + data))
    return content


@pytest.mark.parametrize(
    ("depth", "row", "transparent", "opaque"),
    [
        # The transparent sample comes first in each row.
        (1, b"\x00", 1, 0),
        (1, b"\x40", 0, 255),
        (2, b"\x60", 1, 170),
        (4, b"\x38", 3, 136),
        (8, b"\x03\x07", 3, 7),
        (16, b"\x01\x2c\x01\x2d", 300, 1),
    ],
)
def test_transparent_gray_of_any_depth(
    tmp_path: Path,
    depth: int,
    row: bytes,
    transparent: int,
    opaque: int,
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(depth, 0, row, struct.pack(">H", transparent)))
    first = opaque if depth == 1 and transparent == 1 else 255
    assert load_image(path).tolist() == [[[first] * 3, [opaque] * 3]]


def test_transparent_gray_of_16_bits_is_turned_with_its_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 2  # mirrored
    values = np.array([[0, 300]], dtype=np.uint16)
    picture = Image.fromarray(values)
    path = save(tmp_path / "a.png", picture, transparency=0, exif=exif)
    assert load_image(path).tolist() == [[[1] * 3, [255] * 3]]


def test_a_transparent_color_of_16_bits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(16, 2, bytes(12), bytes(6)))
    with pytest.raises(ValueError, match="found a transparent color of 16 bits"):
        load_image(path)


def test_cielab_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.new("LAB", (2, 1)))
    with pytest.raises(ValueError, match="found CIELAB pixels"):
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
    path = tmp_path / "picture.png"
    Image.new("RGB", size, (10, 200, 30)).save(path)
    image = load_image(path, max_pixels=max_pixels)
    assert image.shape == (*expected, 3)
    assert (image == (10, 200, 30)).all(), "one color stays one color"


def test_a_picture_has_one_pixel_or_more() -> None:
    with pytest.raises(ValueError, match=r"^max_pixels: found 0, expected "):
        load_image("flower", max_pixels=0)
