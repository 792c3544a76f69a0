"""Pictures in few colors: palettes, dithering, loss, files, and their bytes."""

import io
import math
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from fmnist_clustering import (
    IndexedImage,
    apply_palette,
    indexed_png,
    load_image,
    psnr,
    quantize,
    size_report,
)

Picture = NDArray[np.uint8]

# Few enough levels that many pixels have equal colors: the counts matter.
PICTURE = np.random.default_rng(0).binomial(12, 0.4, (40, 50, 3)).astype(np.uint8) * 20
COLORS = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def row_of_colors(n_colors: int) -> Picture:
    """Return a picture of one row, whose pixels all differ."""
    values = np.arange(n_colors)
    channels = [values // 65536, values // 256 % 256, values % 256]
    return np.stack(channels, axis=1).astype(np.uint8)[None]


def indexed_image(*counts: int) -> IndexedImage:
    """Return a picture of 2 x 4 pixels with given numbers of pixels of each color."""
    indices = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    return IndexedImage(row_of_colors(len(counts))[0], indices.reshape(2, 4))


def png_size(pixels: Picture) -> int:
    """Return how many bytes Pillow's best PNG of a picture has."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", optimize=True)
    return len(stream.getvalue())


def squared_errors(image: Picture, palette: Picture) -> NDArray[np.int64]:
    """Return the squared error of each pixel (rows) in each color (columns)."""
    pixels = image.reshape(-1, 1, 3).astype(np.int64)
    return np.asarray(np.square(pixels - palette.astype(np.int64)).sum(axis=2))


def assert_palette_is_in_order(image: IndexedImage) -> None:
    """Check that all colors are used, that all differ, and that they get lighter."""
    n_colors = len(image.palette)
    assert image.palette.dtype == np.uint8
    assert np.unique(image.indices).tolist() == list(range(n_colors))
    assert len(np.unique(image.palette, axis=0)) == n_colors
    lightness = image.palette @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert (np.diff(lightness) >= -1e-9).all()


# quantize: colors by hand


def test_one_color_is_the_rounded_mean() -> None:
    mean = PICTURE.reshape(-1, 3).mean(axis=0)
    assert quantize(PICTURE, 1).palette.tolist() == [[round(x) for x in mean.tolist()]]


def test_palette_is_rounded_not_truncated() -> None:
    # The means are 10.6, 0.4 and 200.6.
    row = [[10, 0, 200], [10, 0, 201], [11, 0, 201], [11, 0, 201], [11, 2, 200]]
    palette = quantize(np.array([row], dtype=np.uint8), 1).palette
    assert palette.tolist() == [[11, 0, 201]]


def test_equally_light_colors_are_sorted_by_red() -> None:
    # 299 red + 587 green + 114 blue = 102,138, and sums of fractions would differ.
    colors = [[0, 174, 0], [30, 156, 14], [60, 138, 28], [252, 0, 235]]
    picture = np.array([colors[::-1]], dtype=np.uint8)
    assert quantize(picture, 4).palette.tolist() == colors


@pytest.mark.parametrize("surplus", [0, 1000])
def test_enough_colors_give_the_picture_back(surplus: int) -> None:
    unique = np.unique(COLORS.reshape(-1, 3), axis=0)
    same = quantize(COLORS, len(unique) + surplus)
    np.testing.assert_array_equal(same.image, COLORS)
    assert sorted(same.palette.tolist()) == unique.tolist()


# quantize: what holds for every picture


@pytest.mark.parametrize("n_colors", [1, 3, 64])
def test_every_pixel_takes_the_nearest_color(n_colors: int) -> None:
    few = quantize(PICTURE, n_colors)
    errors = squared_errors(PICTURE, few.palette)
    own = errors[np.arange(len(errors)), few.indices.ravel()]
    np.testing.assert_array_equal(own, errors.min(axis=1))


@pytest.mark.parametrize("n_colors", [2, 300])
def test_palette_is_sorted_and_indices_draw_the_picture(n_colors: int) -> None:
    few = quantize(PICTURE, n_colors)
    assert_palette_is_in_order(few)
    assert len(few.palette) == n_colors
    assert few.image.dtype == np.uint8
    for place in np.ndindex(few.indices.shape):
        color = few.palette[few.indices[place]]
        assert few.image[place].tolist() == color.tolist()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((8,), [1.0]),
        ((5, 3), [0.625, 0.375]),
        ((2, 0, 6), [0.25, 0.0, 0.75]),
        ((8, 0), [1.0, 0.0]),
    ],
)
def test_shares_by_hand(counts: tuple[int, ...], expected: list[float]) -> None:
    assert indexed_image(*counts).shares.tolist() == expected


# quantize: how good the palette is


def assert_palette_is_nearly_a_fixed_point(image: Picture, n_colors: int) -> None:
    """Check that Lloyd's iterations on all pixels hardly improve the palette."""
    pixels = image.reshape(-1, 3).astype(np.float64)
    few = quantize(image, n_colors)
    start = few.palette.astype(np.float64)
    further = KMeans(n_colors, init=start, n_init=1, tol=0).fit(pixels)
    ours = np.square(image - few.image.astype(np.float64)).sum()
    # Rounding to whole numbers costs at most a quarter of a square for each channel.
    assert further.inertia_ <= ours <= 1.005 * further.inertia_ + 0.25 * pixels.size


@pytest.mark.parametrize("n_colors", [3, 64])
def test_palette_cannot_be_moved_to_a_much_better_one(n_colors: int) -> None:
    assert_palette_is_nearly_a_fixed_point(PICTURE, n_colors)


@pytest.mark.parametrize("name", ["china", "flower"])
def test_palette_of_a_photograph_is_refined_from_cubes_to_colors(name: str) -> None:
    # Left as the search in cubes finds it, the palette would cost 2 % more.
    assert_palette_is_nearly_a_fixed_point(load_image(name)[::3, ::3], 64)


def test_more_colors_are_nearer() -> None:
    quality = [psnr(quantize(PICTURE, k).image, PICTURE) for k in (1, 4, 16, 64)]
    assert (np.diff(quality) > 2).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["china", "flower"])
@pytest.mark.parametrize("n_colors", [5, 20])
def test_photographs_are_as_near_as_the_best_of_three_of_scikit_learn(
    name: str,
    n_colors: int,
) -> None:
    image = load_image(name)
    pixels = image.reshape(-1, 3).astype(np.float64)
    theirs = []
    for seed in range(3):
        fit = KMeans(n_colors, n_init=1, random_state=seed).fit(pixels)
        redrawn = np.rint(fit.cluster_centers_)[fit.labels_]
        theirs.append(psnr(image, redrawn.reshape(image.shape)))
    assert psnr(image, quantize(image, n_colors).image) > max(theirs) - 0.03


# quantize: the same on every machine


def test_other_seeds_give_other_palettes() -> None:
    palettes = [
        quantize(PICTURE, 24, random_state=seed).palette.tobytes() for seed in range(3)
    ]
    assert len(set(palettes)) > 1
    assert quantize(PICTURE, 24).palette.tobytes() == palettes[0]


def test_same_seed_same_palette_on_one_and_two_threads() -> None:
    results = []
    for n_threads in (1, 2, 2):
        with threadpool_limits(n_threads):
            results.append(quantize(PICTURE, 24, random_state=5))
    for result in results[1:]:
        np.testing.assert_array_equal(result.palette, results[0].palette)
        np.testing.assert_array_equal(result.indices, results[0].indices)


# apply_palette


def test_given_colors_by_hand() -> None:
    picture = np.array(
        [[[10, 10, 10], [250, 240, 255], [200, 90, 90], [0, 0, 0]]],
        dtype=np.uint8,
    )
    redrawn = apply_palette(picture, [[255, 255, 255], [0, 0, 0], [255, 0, 0]])
    assert redrawn.palette.tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 255]]
    assert redrawn.indices.tolist() == [[0, 2, 1, 0]]


@pytest.mark.parametrize("n_colors", [1, 7, 300])
def test_given_colors_are_the_nearest(n_colors: int) -> None:
    rng = np.random.default_rng(2)
    palette = rng.integers(0, 256, (n_colors, 3), dtype=np.uint8)
    redrawn = apply_palette(PICTURE, palette)
    errors = np.square(PICTURE.astype(np.int64) - redrawn.image).sum(axis=2)
    nearest = squared_errors(PICTURE, palette).min(axis=1)
    np.testing.assert_array_equal(errors.ravel(), nearest)
    assert_palette_is_in_order(redrawn)
    given = {tuple(color) for color in palette.tolist()}
    assert {tuple(color) for color in redrawn.palette.tolist()} <= given


@pytest.mark.parametrize("dither", [False, True])
@pytest.mark.parametrize("n_colors", [5, 200])
def test_equal_and_unused_colors_are_left_out(n_colors: int, dither: bool) -> None:
    # At most 27 different colors, with many repeats, in random order.
    rng = np.random.default_rng(n_colors)
    palette = 100 * rng.integers(0, 3, (n_colors, 3), dtype=np.uint8)
    palette = np.concatenate([palette, palette[::-1], palette[:1]])[:256]
    redrawn = apply_palette(PICTURE, palette, dither=dither)
    assert_palette_is_in_order(redrawn)


@pytest.mark.parametrize("dither", [False, True])
def test_black_and_white_are_not_added_to_the_palette(dither: bool) -> None:
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[:4] = 255
    redrawn = apply_palette(picture, [[90, 160, 90], [90, 80, 90]], dither=dither)
    assert redrawn.palette.tolist() == [[90, 80, 90], [90, 160, 90]]
    assert redrawn.indices.tolist() == [[1] * 8] * 4 + [[0] * 8] * 4


def test_own_palette_changes_nothing() -> None:
    few = quantize(PICTURE, 12)
    again = apply_palette(few.image, few.palette)
    np.testing.assert_array_equal(again.palette, few.palette)
    np.testing.assert_array_equal(again.indices, few.indices)


def test_dithering_is_right_on_average_where_the_nearest_color_is_not() -> None:
    gray = np.full((64, 64, 3), 64, dtype=np.uint8)
    black_and_white = [[0, 0, 0], [255, 255, 255]]
    plain = apply_palette(gray, black_and_white)
    dithered = apply_palette(gray, black_and_white, dither=True)
    assert plain.palette.tolist() == [[0, 0, 0]]
    assert dithered.palette.tolist() == black_and_white
    blocks = dithered.image.reshape(4, 16, 4, 16, 3).mean(axis=(1, 3, 4))
    np.testing.assert_allclose(blocks, 64, atol=9)


@pytest.mark.parametrize("n_colors", [1, 2, 256])
def test_dithering_keeps_colors_of_the_palette_that_are_11_levels_apart(
    n_colors: int,
) -> None:
    # Neighbors on this grid are 12 apart; the offset leaves the multiples of 4.
    grid = 3 + 12 * np.stack(np.unravel_index(np.arange(20**3), (20, 20, 20)), axis=1)
    rng = np.random.default_rng(n_colors)
    palette = rng.permutation(grid)[:n_colors].astype(np.uint8)
    picture = palette[rng.integers(0, n_colors, (40, 50))]
    dithered = apply_palette(picture, palette, dither=True)
    np.testing.assert_array_equal(dithered.image, picture)


def test_dithering_by_hand() -> None:
    # In black and white, and Pillow drops fractions. 100 becomes 0 and passes on 100:
    # 43 to the right, 500/16 down and 100/16 to the lower right. 100 + 43 becomes 255
    # and passes on -112: -49 to the right, where 0 stays 0, -336/16 to the lower left
    # and -560/16 down. Below, 100 + 164/16 becomes 0 and passes 770/16 to the right,
    # where 100 + 310/16 becomes 0, too, and passes 833/16 to the right.
    levels = np.array([[100, 100, 0], [100, 100, 0]], dtype=np.uint8)
    gray = np.stack([levels] * 3, axis=2)
    dithered = apply_palette(gray, [[0, 0, 0], [255, 255, 255]], dither=True)
    assert dithered.image[:, :, 0].tolist() == [[0, 255, 0], [0, 0, 0]]


def test_dithering_takes_at_most_256_colors() -> None:
    palette = row_of_colors(257)[0]
    with pytest.raises(ValueError, match="found 257 colors, expected at most 256"):
        apply_palette(PICTURE, palette, dither=True)


# PSNR


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([7, 8, 9], [8, 9, 10], 48.1308, id="off by one: 20 log10(255)"),
        pytest.param([0, 0, 0], [255, 255, 255], 0.0, id="black and white"),
        pytest.param([0, 0, 0], [10, 0, 0], 32.9020, id="mean squared error 100 / 3"),
        pytest.param([3, 2, 1], [3, 2, 1], math.inf, id="equal"),
    ],
)
def test_psnr_by_hand_both_ways(a: Any, b: Any, expected: float) -> None:
    first = np.array([[a]], dtype=np.uint8)
    second = np.array([[b]], dtype=np.uint8)
    assert psnr(first, second) == pytest.approx(expected, abs=1e-4)
    assert psnr(second, first) == psnr(first, second)


# Sizes


@pytest.mark.parametrize(
    ("n_colors", "bits"),
    [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)],
)
def test_indexed_png_is_lossless_in_as_few_bits_as_possible(
    n_colors: int,
    bits: int,
) -> None:
    few = quantize(PICTURE, n_colors)
    content = indexed_png(few)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), few.image)
    # Header: width, height, bit depth, color type 3 (indexed).
    assert content[12:16] == b"IHDR"
    assert struct.unpack(">IIBB", content[16:26]) == (50, 40, bits, 3)
    # The chunk of the palette: its length stands before its name.
    start = content.index(b"PLTE")
    assert struct.unpack(">I", content[start - 4 : start]) == (3 * n_colors,)
    assert size_report(few, PICTURE).loc["indexed PNG", "depth"] == bits


def test_indexed_png_holds_at_most_256_colors() -> None:
    picture = row_of_colors(257)
    too_many = quantize(picture, 257)
    message = "image: found 257 colors, expected at most 256"
    with pytest.raises(ValueError, match=message):
        indexed_png(too_many)
    with pytest.raises(ValueError, match=message):
        size_report(too_many, picture)


@pytest.mark.parametrize(
    ("counts", "formula", "entropy"),
    [
        pytest.param((8,), 3, 3, id="1 color: 24 bits, nothing for a pixel"),
        pytest.param((4, 4), 7, 7, id="2 colors: 48 + 8 * 1 bits"),
        pytest.param((7, 1), 7, 7, id="2 colors: entropy 48 + 8 * 0.5436 bits"),
        pytest.param((8, 0), 7, 6, id="2 colors, one unused: 48 + 0 bits"),
        pytest.param((4, 2, 2), 11, 11, id="3 colors: 72 + 8 * 2, 72 + 8 * 1.5 bits"),
        pytest.param((4, 1, 1, 1, 1), 18, 17, id="5 colors: 120 + 8 * 3, 8 * 2 bits"),
        pytest.param((1,) * 8, 27, 27, id="8 colors: 192 + 8 * 3 bits"),
    ],
)
def test_sizes_by_hand(counts: tuple[int, ...], formula: int, entropy: int) -> None:
    few = indexed_image(*counts)
    report = size_report(few, few.image)
    sizes = {
        "raw": 24,
        "formula": formula,
        "entropy": entropy,
        "indexed PNG": len(indexed_png(few)),
        "PNG-24": png_size(few.image),
    }
    assert report["bytes"].to_dict() == sizes
    assert report["bytes"].dtype == np.int64
    assert report.columns.tolist() == ["depth", "bytes", "ratio", "bits_per_pixel"]
    for name, size in sizes.items():
        assert report.loc[name, "ratio"] == 24 / size
        assert (
            report.loc[name, "bits_per_pixel"] == size
        )  # a byte is 8 bits, of 8 pixels


def test_depths_by_hand() -> None:
    few = indexed_image(4, 2, 2)
    depth = size_report(few, few.image, source_size=99)["depth"]
    assert depth.drop("source file").to_dict() == {
        "raw": 24,
        "formula": 2,
        "entropy": 1.5,
        "indexed PNG": 2,
        "PNG-24": 24,
    }
    assert math.isnan(depth["source file"])


@pytest.mark.parametrize(
    ("n_colors", "index_bits"),
    [(2, 1), (3, 2), (10, 4), (100, 7)],
)
def test_sizes_of_a_picture_follow_the_formulas(n_colors: int, index_bits: int) -> None:
    few = quantize(PICTURE, n_colors)
    report = size_report(few, PICTURE, source_size=1234)
    n_pixels = 40 * 50
    counts = [int((few.indices == color).sum()) for color in range(n_colors)]
    entropy_bits = sum(count * math.log2(n_pixels / count) for count in counts)
    sizes = {
        "raw": 3 * n_pixels,
        "formula": math.ceil((24 * n_colors + n_pixels * index_bits) / 8),
        "entropy": math.ceil((24 * n_colors + entropy_bits) / 8),
        "indexed PNG": len(indexed_png(few)),
        "PNG-24": png_size(PICTURE),
        "source file": 1234,
    }
    assert report["bytes"].to_dict() == sizes
    for name, size in sizes.items():
        assert report.loc[name, "ratio"] == pytest.approx(3 * n_pixels / size)
        assert report.loc[name, "bits_per_pixel"] == pytest.approx(8 * size / n_pixels)
