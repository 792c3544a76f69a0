"""Colors: Sharma's table of CIEDE2000, published values of CIELAB, PSNR by hand."""

import math
from typing import Any

import numpy as np
import pytest

from fmnist_clustering import delta_e, psnr, srgb_to_lab
from fmnist_clustering.color import ciede2000

PICTURE = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)

# Sharma, Wu and Dalal (2005), table 1: L*, a*, b* of two colors and their difference.
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


# CIEDE2000


@pytest.mark.parametrize("row", SHARMA)
def test_ciede2000_agrees_with_the_table_of_the_paper_both_ways(row: Any) -> None:
    first, second, expected = row[:3], row[3:6], row[6]
    assert ciede2000(first, second) == pytest.approx(expected, abs=5.1e-5)
    assert ciede2000(second, first) == pytest.approx(expected, abs=5.1e-5)


def test_ciede2000_accepts_arrays_of_any_shape() -> None:
    pairs = SHARMA[:, :6].reshape(2, 17, 2, 3)
    differences = ciede2000(pairs[:, :, 0], pairs[:, :, 1])
    expected = SHARMA[:, 6].reshape(2, 17)
    np.testing.assert_allclose(differences, expected, atol=5.1e-5)
    assert differences.dtype == np.float64


@pytest.mark.parametrize("color", [(0, 0, 0), (100, 0, 0), (53.2, 80.1, 67.2)])
def test_a_color_does_not_differ_from_itself(color: Any) -> None:
    assert ciede2000(color, color) == 0


# CIELAB


@pytest.mark.parametrize("level", [0, 1, 5, 10, 11, 12, 119, 254, 255])
def test_lab_of_gray_by_the_definition(level: int) -> None:
    # IEC 61966-2-1 and CIE 15: the curve of sRGB and that of L* each begin with a line.
    srgb = level / 255
    light = srgb / 12.92 if srgb <= 0.04045 else ((srgb + 0.055) / 1.055) ** 2.4
    lightness = (
        24389 / 27 * light if light <= 216 / 24389 else 116 * light ** (1 / 3) - 16
    )
    lab = srgb_to_lab([level, level, level])
    np.testing.assert_allclose(lab, [lightness, 0, 0], atol=1e-6)


def test_lab_of_black_and_white() -> None:
    lab = srgb_to_lab([[0, 0, 0], [255, 255, 255]])
    np.testing.assert_array_equal(lab, [[0, 0, 0], [100, 0, 0]])


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        # Published for the primaries of sRGB, to the digits that all sources share.
        ((255, 0, 0), (53.24, 80.1, 67.2)),
        ((0, 255, 0), (87.73, -86.2, 83.2)),
        ((0, 0, 255), (32.30, 79.2, -107.9)),
    ],
)
def test_lab_of_the_primaries(color: Any, expected: Any) -> None:
    np.testing.assert_allclose(srgb_to_lab(color), expected, atol=0.06)


def test_lab_does_not_depend_on_number_type_and_shape() -> None:
    as_bytes = srgb_to_lab(PICTURE)
    assert as_bytes.shape == PICTURE.shape
    assert as_bytes.dtype == np.float64
    np.testing.assert_array_equal(srgb_to_lab(PICTURE.astype(float)), as_bytes)
    np.testing.assert_array_equal(srgb_to_lab(PICTURE[2, 3]), as_bytes[2, 3])


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


# Delta E


def test_delta_e_is_mean_and_95th_percentile_over_the_pixels() -> None:
    a = np.zeros((1, 100, 3), dtype=np.uint8)
    b = a.copy()
    b[0, :10] = 255  # black and white differ by 100
    assert delta_e(a, b) == pytest.approx((10, 100))
    b[0, 4:10] = 0
    assert delta_e(a, b) == pytest.approx((4, 0))
    assert delta_e(a, a) == (0, 0)


def test_delta_e_is_ciede2000_in_lab() -> None:
    a = PICTURE
    b = PICTURE[::-1]
    pixels = [
        float(ciede2000(srgb_to_lab(a[place]), srgb_to_lab(b[place])))
        for place in np.ndindex(5, 7)
    ]
    expected = (np.mean(pixels), np.percentile(pixels, 95))
    assert delta_e(a, b) == pytest.approx(expected)
    assert delta_e(b, a) == pytest.approx(expected)
