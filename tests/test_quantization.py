import io
import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image
from threadpoolctl import threadpool_limits

from fmnist_clustering import Quantized, indexed_png, inertia, load_image, psnr, quantize, size_report, source_bytes

Picture = NDArray[np.uint8]

# Few enough levels for many pixels of equal color: the counts matter.
PICTURE = np.random.default_rng(0).binomial(12, 0.4, (40, 50, 3)).astype(np.uint8) * 20
GRAY_STEPS = np.arange(18, dtype=np.uint8).reshape(3, 6) * 10
COLORS = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def with_colors(n_colors: int) -> Picture:
    """Return a picture in one row of that many different colors."""
    values = np.arange(n_colors)
    channels = np.stack([values // 65536, values // 256 % 256, values % 256], axis=1)
    return channels.astype(np.uint8)[None]


def drawn_with(*counts: int) -> Quantized:
    """Return a quantized picture of 2 x 4 pixels, as many of each color as told."""
    indices = np.repeat(np.arange(len(counts), dtype=np.uint8), counts).reshape(2, 4)
    return Quantized(with_colors(len(counts))[0], indices)


def saved(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def as_png(pixels: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def lightness(palette: Picture) -> NDArray[np.float64]:
    return np.asarray(palette @ np.array([0.299, 0.587, 0.114]))


# Quantizing


def test_one_color_is_the_rounded_mean() -> None:
    assert quantize(PICTURE, 1).palette.tolist() == [
        [round(mean) for mean in PICTURE.reshape(-1, 3).mean(axis=0).tolist()]
    ]


def test_palette_is_rounded_not_truncated() -> None:
    # Means 10.6, 0.4 and 200.6
    rows = [[10, 0, 200], [10, 0, 201], [11, 0, 201], [11, 0, 201], [11, 2, 200]]
    assert quantize(np.array([rows], dtype=np.uint8), 1).palette.tolist() == [[11, 0, 201]]


@pytest.mark.parametrize("n_colors", [1, 2, 3, 16, 64])
def test_palette_holds_the_means_of_all_pixels_at_a_fixed_point(n_colors: int) -> None:
    quantized = quantize(PICTURE, n_colors)
    pixels, ids = PICTURE.reshape(-1, 3).astype(np.float64), quantized.indices.ravel()
    means = np.array([pixels[ids == color].mean(axis=0) for color in range(n_colors)])
    np.testing.assert_array_equal(quantized.palette, np.rint(means))
    distances = np.array([((pixels - mean) ** 2).sum(axis=1) for mean in means])
    np.testing.assert_array_equal(distances.argmin(axis=0), ids)
    # Error = cost by the definition of k-means + what rounding the means adds.
    counts = np.bincount(ids)
    error = ((pixels - quantized.image.reshape(-1, 3)) ** 2).sum()
    rounding = (counts * ((quantized.palette - means) ** 2).sum(axis=1)).sum()
    assert error == pytest.approx(distances.min(axis=0).sum() + rounding, rel=1e-12)
    assert inertia(pixels, ids) == pytest.approx(distances.min(axis=0).sum(), rel=1e-12)


@pytest.mark.parametrize("n_colors", [2, 10, 256, 300])
def test_palette_is_sorted_and_indices_draw_the_picture(n_colors: int) -> None:
    quantized = quantize(PICTURE, n_colors)
    assert quantized.palette.dtype == np.uint8
    assert len(np.unique(quantized.palette, axis=0)) == n_colors
    assert (np.diff(lightness(quantized.palette)) >= 0).all()
    assert np.unique(quantized.indices).tolist() == list(range(n_colors))
    assert quantized.image.dtype == np.uint8
    for row, column in np.ndindex(quantized.indices.shape):
        color = quantized.palette[quantized.indices[row, column]]
        assert quantized.image[row, column].tolist() == color.tolist()


@pytest.mark.parametrize(
    ("n_colors", "dtype"), [(1, np.uint8), (256, np.uint8), (257, np.uint16), (65_536, np.uint16), (65_537, np.uint32)]
)
def test_indices_have_the_least_type_that_holds_them(n_colors: int, dtype: Any) -> None:
    picture = with_colors(n_colors)
    quantized = quantize(picture, n_colors)
    np.testing.assert_array_equal(quantized.image, picture)
    assert quantized.indices.shape == (1, n_colors)
    assert quantized.indices.dtype == dtype


@pytest.mark.parametrize("surplus", [0, 1, 1000])
def test_enough_colors_give_the_picture_back(surplus: int) -> None:
    unique = np.unique(COLORS.reshape(-1, 3), axis=0)
    quantized = quantize(COLORS, len(unique) + surplus)
    np.testing.assert_array_equal(quantized.image, COLORS)
    assert sorted(quantized.palette.tolist()) == unique.tolist()


def test_one_color_too_few_does_not() -> None:
    unique = np.unique(COLORS.reshape(-1, 3), axis=0)
    quantized = quantize(COLORS, len(unique) - 1)
    assert len(quantized.palette) == len(unique) - 1
    assert psnr(quantized.image, COLORS) < math.inf


def test_more_colors_are_nearer() -> None:
    quality = [psnr(quantize(PICTURE, n_colors).image, PICTURE) for n_colors in (1, 4, 16, 64)]
    assert (np.diff(quality) > 2).all()


def test_same_seed_same_palette_on_one_and_two_threads() -> None:
    found = []
    for n_threads in (1, 2, 2):
        with threadpool_limits(n_threads):
            found.append(quantize(PICTURE, 24, seed=5))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].palette, other.palette)
        np.testing.assert_array_equal(found[0].indices, other.indices)


def test_other_seeds_draw_other_starts() -> None:
    palettes = {quantize(PICTURE, 24, seed=seed).palette.tobytes() for seed in range(3)}
    assert len(palettes) > 1


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((8,), [1.0]), ((5, 3), [0.625, 0.375]), ((2, 0, 6), [0.25, 0.0, 0.75]), ((8, 0), [1.0, 0.0])],
)
def test_shares_by_hand(counts: tuple[int, ...], expected: list[float]) -> None:
    assert drawn_with(*counts).shares.tolist() == expected


@pytest.mark.parametrize(
    ("image", "n_colors", "message"),
    [
        (PICTURE / 255, 4, "image: found float64, expected a uint8 array"),
        (PICTURE.astype(np.int64), 4, "image: found int64, expected a uint8 array"),
        (PICTURE.tolist(), 4, "image: found list, expected a uint8 array"),
        (PICTURE[:, :, 0], 4, "image: found shape (40, 50), expected (h, w, 3), not empty"),
        (np.zeros((4, 5, 4), dtype=np.uint8), 4, "image: found shape (4, 5, 4), expected (h, w, 3), not empty"),
        (PICTURE[:0], 4, "image: found shape (0, 50, 3), expected (h, w, 3), not empty"),
        (PICTURE, 0, "n_colors: found 0, expected 1 or more"),
        (PICTURE, -3, "n_colors: found -3, expected 1 or more"),
    ],
)
def test_quantize_error_names_argument_and_fault(image: Any, n_colors: int, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        quantize(image, n_colors)


# Error


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([[[7, 8, 9]]], [[[8, 9, 10]]], 48.1308, id="off by one: 20 log10(255)"),
        pytest.param([[[0, 0, 0]]], [[[255, 255, 255]]], 0.0, id="black and white"),
        pytest.param([[[0, 0, 0]]], [[[10, 0, 0]]], 32.9020, id="mean squared error 100/3"),
        pytest.param([[[3, 2, 1]]], [[[3, 2, 1]]], math.inf, id="equal"),
    ],
)
def test_psnr_by_hand_both_ways(a: Any, b: Any, expected: float) -> None:
    first, second = np.array(a, dtype=np.uint8), np.array(b, dtype=np.uint8)
    assert psnr(first, second) == pytest.approx(expected, abs=1e-4)
    assert psnr(second, first) == psnr(first, second)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (PICTURE, COLORS, "a, b: found shapes (40, 50, 3) and (5, 7, 3), expected equal"),
        (COLORS, COLORS[:, :1], "a, b: found shapes (5, 7, 3) and (5, 1, 3), expected equal"),
        (PICTURE[:0], PICTURE[:0], "a, b: found shapes (0, 50, 3) and (0, 50, 3), expected "),
    ],
)
def test_psnr_error_names_arguments_and_shapes(a: Picture, b: Picture, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        psnr(a, b)


# Size


@pytest.mark.parametrize(("n_colors", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)])
def test_indexed_png_is_lossless_at_least_bits(n_colors: int, bits: int) -> None:
    quantized = quantize(PICTURE, n_colors)
    content = indexed_png(quantized)
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), quantized.image)
    assert content[12:16] == b"IHDR"
    assert content[24] == bits
    start = content.index(b"PLTE")
    assert struct.unpack(">I", content[start - 4 : start]) == (3 * n_colors,)


def test_indexed_png_refuses_more_than_256_colors() -> None:
    quantized = quantize(with_colors(257), 257)
    message = "quantized: found 257 colors, expected at most 256"
    with pytest.raises(ValueError, match=message):
        indexed_png(quantized)
    with pytest.raises(ValueError, match=message):
        size_report(quantized, with_colors(257))


@pytest.mark.parametrize(
    ("counts", "formula", "entropy"),
    [
        pytest.param((8,), 3, 3, id="1 color: 24 bits, nothing a pixel"),
        pytest.param((4, 4), 7, 7, id="2 colors: 48 + 8 * 1 bits"),
        pytest.param((7, 1), 7, 7, id="2 colors: entropy 48 + 8 * 0.5436 bits"),
        pytest.param((8, 0), 7, 6, id="2 colors, one unused: 48 + 0 bits"),
        pytest.param((4, 2, 2), 11, 11, id="3 colors: 72 + 8 * 2 and 72 + 8 * 1.5 bits"),
        pytest.param((4, 1, 1, 1, 1), 18, 17, id="5 colors: 120 + 8 * 3 and 120 + 8 * 2 bits"),
        pytest.param((1,) * 8, 27, 27, id="8 colors: 192 + 8 * 3 bits"),
    ],
)
def test_sizes_by_hand(counts: tuple[int, ...], formula: int, entropy: int) -> None:
    quantized = drawn_with(*counts)
    report = size_report(quantized, quantized.image)
    sizes = {
        "raw": 24,
        "formula": formula,
        "entropy": entropy,
        "indexed PNG": len(indexed_png(quantized)),
        "PNG-24": len(as_png(quantized.image)),
    }
    assert report["bytes"].to_dict() == sizes
    assert report["bytes"].dtype == np.int64
    assert report.columns.tolist() == ["bytes", "ratio", "bits_per_pixel"]
    for name, size in sizes.items():
        # 8 pixels: bits a pixel are bytes
        assert report.loc[name, ["ratio", "bits_per_pixel"]].tolist() == [24 / size, size]


@pytest.mark.parametrize("n_colors", [2, 3, 10, 100])
def test_sizes_of_a_picture_follow_the_formulas(n_colors: int) -> None:
    quantized = quantize(PICTURE, n_colors)
    report = size_report(quantized, PICTURE, source_bytes=1234)
    n_pixels = 40 * 50
    index_bits = {2: 1, 3: 2, 10: 4, 100: 7}[n_colors]
    counts = [int((quantized.indices == color).sum()) for color in range(n_colors)]
    entropy_bits = sum(count * math.log2(n_pixels / count) for count in counts)
    expected = {
        "raw": 3 * n_pixels,
        "formula": math.ceil((24 * n_colors + n_pixels * index_bits) / 8),
        "entropy": math.ceil((24 * n_colors + entropy_bits) / 8),
        "indexed PNG": len(indexed_png(quantized)),
        "PNG-24": len(as_png(PICTURE)),
        "source file": 1234,
    }
    assert report["bytes"].to_dict() == expected
    np.testing.assert_allclose(report["ratio"], [6000 / size for size in expected.values()])
    np.testing.assert_allclose(report["bits_per_pixel"], [8 * size / n_pixels for size in expected.values()])


@pytest.mark.parametrize(
    ("original", "message"),
    [
        (COLORS, "quantized, original: found (2, 4) and (5, 7) pixels, expected the same"),
        (np.zeros((4, 2, 3), dtype=np.uint8), "quantized, original: found (2, 4) and (4, 2) pixels, expected the same"),
        (np.zeros((2, 4, 3)), "image: found float64, expected a uint8 array"),
    ],
)
def test_size_error_names_argument_and_fault(original: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        size_report(drawn_with(4, 4), original)


# Files


@pytest.mark.parametrize("name", ["china", "flower"])
def test_samples_are_those_of_scikit_learn(name: str) -> None:
    picture = load_image(name)
    assert picture.shape == (427, 640, 3)
    np.testing.assert_array_equal(picture, load_sample_image(f"{name}.jpg"))
    assert source_bytes(name) == {"china": 196_653, "flower": 142_987}[name]


@pytest.mark.parametrize(
    ("name", "picture", "expected"),
    [
        pytest.param("a.png", Image.fromarray(COLORS), COLORS, id="RGB"),
        pytest.param("a.bmp", Image.fromarray(COLORS), COLORS, id="BMP"),
        pytest.param("a.png", Image.fromarray(GRAY_STEPS), np.stack([GRAY_STEPS] * 3, axis=2), id="grayscale"),
        pytest.param(
            "a.png",
            Image.fromarray(GRAY_STEPS > 80),
            np.stack([(GRAY_STEPS > 80) * 255] * 3, axis=2),
            id="black and white",
        ),
        pytest.param("a.png", Image.fromarray(COLORS).quantize(256), COLORS, id="palette of all colors"),
    ],
)
def test_file_is_loaded_as_rgb(tmp_path: Path, name: str, picture: Image.Image, expected: NDArray[Any]) -> None:
    path = saved(tmp_path / name, picture)
    for source in (path, str(path)):
        found = load_image(source)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.uint8
        assert source_bytes(source) == len(path.read_bytes())


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
def test_transparency_is_composed_on_white(
    tmp_path: Path, mode: str, pixel: tuple[int, ...], expected: list[int]
) -> None:
    path = saved(tmp_path / "a.png", Image.new(mode, (2, 1), pixel))
    assert load_image(path).tolist() == [[expected] * 2]


def test_transparent_palette_color_is_white(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    path = saved(tmp_path / "a.png", picture, transparency=0)
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
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int, upright: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(COLORS), exif=exif)
    np.testing.assert_array_equal(load_image(path), upright)


def test_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (3, 2), color) for color in ("red", "lime", "blue")]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert load_image(path).tolist() == [[[255, 0, 0]] * 3] * 2


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_8_bits_are_refused_not_clipped(tmp_path: Path, mode: str) -> None:
    values = np.arange(6).reshape(2, 3) * 10_000
    dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    path = saved(tmp_path / "deep.tif", Image.fromarray(values.astype(dtype)))
    message = f"deep.tif: cannot be read as a picture (found {mode} pixels, expected 8 bits"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_image(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp"])
def test_truncated_file_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = saved(tmp_path / f"cut.{suffix}", Image.fromarray(PICTURE))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf"cut\.{suffix}: cannot be read as a picture \(.+\)"):
        load_image(path)


def test_unknown_encoding_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "odd.dds", Image.fromarray(COLORS))
    content = bytearray(path.read_bytes())
    content[80:84] = struct.pack("<I", 1 << 20)  # the flags that say how pixels are stored
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"odd\.dds: cannot be read as a picture \(Unknown"):
        load_image(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no picture", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="PNG signature"),
        pytest.param(b"\xff\xd8\xff", id="JPEG signature"),
        pytest.param(b"P5 20000 20000 255 ", id="decompression bomb"),
        # Pillow answers with a SyntaxError: after an empty chunk of pixels comes no chunk.
        pytest.param(
            as_png(COLORS).split(b"IDAT")[0][:-4] + b"\0\0\0\0IDAT\x35\xaf\x06\x1e" + bytes(40), id="PNG of zeros"
        ),
        # Pillow answers with a plain RuntimeError.
        pytest.param(
            b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"
            b"\0\0\0\x2dmeta\0\0\0\0\0\0\0\x21hdlr\0\0\0\0\0\0\0\0pict" + bytes(13),
            id="AVIF header",
        ),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "note.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"note\.png: cannot be read as a picture \(.+\)"):
        load_image(path)


@pytest.mark.parametrize("function", [load_image, source_bytes])
@pytest.mark.parametrize("name", ["chinaa", "missing.png", "."])
def test_missing_file_is_named_beside_the_samples(function: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    message = f"{path}: no such file; expected a picture, or one of 'china', 'flower'"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        function(path)
