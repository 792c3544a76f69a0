import io
import math
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image
from threadpoolctl import threadpool_limits

from fmnist_clustering import (
    SAMPLES,
    Quantized,
    apply_palette,
    ciede2000,
    delta_e,
    indexed_png,
    load_image,
    psnr,
    quantize,
    size_report,
    source_bytes,
    srgb_to_lab,
)

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


def squared_errors(image: Picture, palette: Picture) -> NDArray[np.int64]:
    """Return the squared error of each pixel (rows) in each color (columns), in whole numbers."""
    pixels = image.reshape(-1, 1, 3).astype(np.int64)
    return np.asarray(np.square(pixels - palette.astype(np.int64)).sum(axis=2))


@pytest.mark.parametrize("n_colors", [1, 2, 3, 16, 64])
def test_every_pixel_takes_the_nearest_color(n_colors: int) -> None:
    quantized = quantize(PICTURE, n_colors)
    errors = squared_errors(PICTURE, quantized.palette)
    np.testing.assert_array_equal(errors[np.arange(2000), quantized.indices.ravel()], errors.min(axis=1))
    # The definition of PSNR, by hand.
    mean = errors.min(axis=1).sum() / PICTURE.size
    assert psnr(PICTURE, quantized.image) == pytest.approx(10 * math.log10(255**2 / mean))


@pytest.mark.parametrize("n_colors", [2, 3, 16, 64])
def test_palette_cannot_be_moved_to_a_much_better_one(n_colors: int) -> None:
    pixels, palette = PICTURE.reshape(-1, 3).astype(np.float64), quantize(PICTURE, n_colors).palette
    ours = squared_errors(PICTURE, palette).min(axis=1).sum()
    further = KMeans(n_colors, init=palette.astype(np.float64), n_init=1, tol=0).fit(pixels)
    # Rounding to whole numbers costs a quarter of a square a channel at most.
    assert further.inertia_ <= ours <= 1.005 * further.inertia_ + 0.25 * pixels.size


@pytest.mark.parametrize("name", ["china", "flower"])
@pytest.mark.parametrize("n_colors", [5, 10, 20])
def test_photographs_are_as_near_as_scikit_learns_best_of_three(name: str, n_colors: int) -> None:
    image = load_image(name)
    pixels = image.reshape(-1, 3).astype(np.float64)
    fits = [KMeans(n_colors, n_init=1, random_state=seed).fit(pixels) for seed in range(3)]
    theirs = [psnr(image, np.rint(fit.cluster_centers_)[fit.labels_].reshape(image.shape)) for fit in fits]
    assert psnr(image, quantize(image, n_colors).image) > max(theirs) - 0.02


def test_photographs_get_a_better_palette_than_pillows() -> None:
    image = load_image("flower")
    ours = psnr(image, quantize(image, 100).image)
    for method in Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE, Image.Quantize.FASTOCTREE:
        theirs = Image.fromarray(image).quantize(100, method, dither=Image.Dither.NONE)
        assert ours > psnr(image, np.asarray(theirs.convert("RGB"))) + 1


PALETTE_DIGEST = """
import hashlib
from threadpoolctl import threadpool_info
from fmnist_clustering import load_image, quantize
print({pool["architecture"] for pool in threadpool_info() if pool["internal_api"] == "openblas"})
quantized = quantize(load_image("china"), 100)
print(hashlib.sha256(quantized.palette.tobytes() + quantized.indices.tobytes()).hexdigest())
"""


def test_same_palette_for_any_blas_kernel_and_number_of_threads() -> None:
    found = {}
    for kernel, threads in (("Haswell", "1"), ("Haswell", "4"), ("Prescott", "2")):
        env = os.environ | {"OPENBLAS_CORETYPE": kernel, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        run = subprocess.run(
            [sys.executable, "-c", PALETTE_DIGEST], env=env, check=True, capture_output=True, text=True
        )
        in_force, digest = run.stdout.splitlines()
        if in_force != "set()":  # a build of NumPy on another BLAS has no such switch
            # Newer ones call Prescott by the first name of the same kernel.
            assert in_force in {f"{{{name!r}}}" for name in (kernel, {"Prescott": "Katmai"}.get(kernel))}
        found[kernel, threads] = digest
    assert len(set(found.values())) == 1, found


def test_rounding_merges_colors_and_unused_ones_go() -> None:
    # Three colors a third of a level apart in the mean: two clusters round to the same color.
    pixels = np.array([[[10, 10, 10]] * 4 + [[11, 10, 10]] * 3 + [[200, 0, 0]]], dtype=np.uint8)
    assert quantize(pixels, 3).palette.tolist() == [[10, 10, 10], [11, 10, 10], [200, 0, 0]]
    shades = np.array([[[10, 10, value] for value in (0, 1, 2, 3)]], dtype=np.uint8)
    quantized = quantize(np.repeat(shades, 5, axis=0), 2)
    assert len(quantized.palette) <= 2
    assert sorted(quantized.shares.tolist()) == sorted((np.bincount(quantized.indices.ravel()) / 20).tolist())


# A given palette

BLACK_WHITE_RED = [[255, 255, 255], [0, 0, 0], [255, 0, 0]]


def test_given_colors_by_hand() -> None:
    picture = np.array([[[10, 10, 10], [250, 240, 255], [200, 90, 90], [0, 0, 0]]], dtype=np.uint8)
    quantized = apply_palette(picture, BLACK_WHITE_RED)
    assert quantized.palette.tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 255]]
    assert quantized.indices.tolist() == [[0, 2, 1, 0]]


@pytest.mark.parametrize("n_colors", [1, 7, 256, 300])
def test_given_colors_are_the_nearest(n_colors: int) -> None:
    palette = np.random.default_rng(2).integers(0, 256, (n_colors, 3), dtype=np.uint8)
    quantized = apply_palette(PICTURE, palette)
    drawn = np.square(PICTURE.astype(np.int64) - quantized.image).sum(axis=2).ravel()
    np.testing.assert_array_equal(drawn, squared_errors(PICTURE, palette).min(axis=1))
    assert {*map(tuple, quantized.palette.tolist())} <= {*map(tuple, palette.tolist())}
    assert quantized.shares.min() > 0


def test_own_palette_changes_nothing() -> None:
    quantized = quantize(PICTURE, 12)
    again = apply_palette(quantized.image, quantized.palette)
    np.testing.assert_array_equal(again.palette, quantized.palette)
    np.testing.assert_array_equal(again.indices, quantized.indices)


def test_dithering_is_right_on_average_where_the_nearest_color_is_not() -> None:
    grey = np.full((64, 64, 3), 64, dtype=np.uint8)
    plain = apply_palette(grey, [[0, 0, 0], [255, 255, 255]])
    dithered = apply_palette(grey, [[0, 0, 0], [255, 255, 255]], dither=True)
    assert plain.palette.tolist() == [[0, 0, 0]]
    assert dithered.palette.tolist() == [[0, 0, 0], [255, 255, 255]]
    for block in dithered.image.reshape(4, 16, 4, 16, 3).mean(axis=(1, 3, 4)).ravel():
        assert block == pytest.approx(64, abs=9)


@pytest.mark.parametrize("dither", [False, True])
def test_exact_colors_stay_exact(dither: bool) -> None:
    checks = np.indices((8, 8)).sum(axis=0) % 2
    picture = np.asarray([[1, 2, 3], [201, 202, 203]], dtype=np.uint8)[checks]
    np.testing.assert_array_equal(apply_palette(picture, [[201, 202, 203], [1, 2, 3]], dither=dither).image, picture)


@pytest.mark.parametrize(
    ("palette", "dither", "message"),
    [
        ([1, 2, 3], False, "palette: found int64 (3,), expected (k, 3) whole numbers from 0 to 255"),
        ([[1, 2]], False, "palette: found int64 (1, 2), expected (k, 3)"),
        (np.zeros((0, 3), dtype=np.uint8), False, "palette: found uint8 (0, 3), expected (k, 3)"),
        ([[0, 0, 256]], False, "palette: found int64 (1, 3), expected (k, 3) whole numbers"),
        ([[0, 0, -1]], False, "palette: found int64 (1, 3), expected (k, 3) whole numbers"),
        ([[0, 0, 0.5]], False, "palette: found float64 (1, 3), expected (k, 3) whole numbers"),
        ([[0, 0, np.nan]], False, "palette: found float64 (1, 3), expected (k, 3) whole numbers"),
        (with_colors(257)[0], True, "palette: found 257 colors, expected at most 256 to dither"),
    ],
)
def test_palette_error_names_argument_and_fault(palette: Any, dither: bool, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        apply_palette(PICTURE, palette, dither=dither)


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


def test_delta_e_is_mean_and_95th_percentile_over_the_pixels() -> None:
    a = np.zeros((1, 100, 3), dtype=np.uint8)
    b = a.copy()
    b[0, :10] = 255  # black beside white is 100
    assert delta_e(a, b) == pytest.approx((10.0, 100.0))
    b[0, 4:10] = 0
    assert delta_e(a, b) == pytest.approx((4.0, 0.0))
    assert delta_e(a, a) == (0.0, 0.0)


def test_delta_e_is_ciede2000_in_lab() -> None:
    a, b = COLORS, COLORS[::-1]
    places = np.ndindex(5, 7)
    pixels = [float(ciede2000(srgb_to_lab(a[place]), srgb_to_lab(b[place]))) for place in places]
    assert delta_e(a, b) == pytest.approx((np.mean(pixels), np.percentile(pixels, 95)))
    assert delta_e(b, a) == pytest.approx(delta_e(a, b))


def test_delta_e_refuses_pictures_of_different_shapes() -> None:
    message = "a, b: found shapes (5, 7, 3) and (5, 1, 3), expected equal"
    with pytest.raises(ValueError, match=re.escape(message)):
        delta_e(COLORS, COLORS[:, :1])


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
    assert report.columns.tolist() == ["depth", "bytes", "ratio", "bits_per_pixel"]
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
        (np.zeros((2, 4, 3)), "original: found float64, expected a uint8 array"),
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


@pytest.mark.parametrize(("dtype", "suffix"), [(np.uint16, "png"), (np.uint16, "tif"), (np.int32, "tif")])
def test_16_bits_of_grey_are_brought_to_8(tmp_path: Path, dtype: Any, suffix: str) -> None:
    # 65535 / 257 = 255; 128 / 257 = 0.498 and 129 / 257 = 0.502 round apart.
    values = np.array([[0, 128, 129], [257, 40_000, 65_535]])
    path = saved(tmp_path / f"deep.{suffix}", Image.fromarray(values.astype(dtype)))
    expected = [[0, 0, 1], [1, 156, 255]]
    assert load_image(path).tolist() == [[[value] * 3 for value in row] for row in expected]


def test_16_bits_of_color_are_brought_to_8(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + struct.pack(">6H", 0, 65_535, 32_896, 257, 514, 40_000) for _ in range(2))
    chunks = (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    path = tmp_path / "deep.png"
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    np.testing.assert_allclose(load_image(path), [[[0, 255, 128], [1, 2, 156]]] * 2, atol=1)


@pytest.mark.parametrize(("dtype", "mode"), [(np.int32, "I"), (np.float32, "F")])
@pytest.mark.parametrize(("low", "high"), [(0, 70_000), (-1, 100)])
def test_what_has_no_known_white_is_refused_not_clipped(
    tmp_path: Path, dtype: Any, mode: str, low: int, high: int
) -> None:
    path = saved(tmp_path / "deep.tif", Image.fromarray(np.array([[low, high]], dtype=dtype)))
    found = f"found {mode} pixels from {dtype(low)} to {dtype(high)}, expected whole numbers of 8 or 16 bits"
    with pytest.raises(ValueError, match=re.escape(f"deep.tif: cannot be read as a picture ({found})")):
        load_image(path)


def test_floats_are_refused_whatever_their_range(tmp_path: Path) -> None:
    path = saved(tmp_path / "deep.tif", Image.fromarray(np.array([[0, 1]], dtype=np.float32)))
    with pytest.raises(ValueError, match=r"deep.tif: .*found F pixels from 0.0 to 1.0, expected whole numbers"):
        load_image(path)


def test_cmyk_is_converted_without_profile(tmp_path: Path) -> None:
    # Without black a channel is 255 less its ink.
    path = saved(tmp_path / "ink.tif", Image.new("CMYK", (2, 1), (255, 55, 0, 0)))
    assert load_image(path).tolist() == [[[0, 200, 255]] * 2]


def test_picture_too_large_to_be_safe_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "wide.png", Image.new("RGB", (20, 10)))
    for limit, refused in ((200, False), (199, True), (99, True)):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        if refused:
            with pytest.raises(ValueError, match=r"wide.png: cannot be read as a picture \(Image size \(200 pixels\)"):
                load_image(path)
        else:
            assert load_image(path).shape == (10, 20, 3)


def test_samples_are_credited() -> None:
    assert SAMPLES == {"china": "danielbuechele on Flickr, CC BY 2.0", "flower": "vultilion on Flickr, CC BY 2.0"}


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
