import re
from typing import Any

import numpy as np
import pytest

from fmnist_clustering import ciede2000, srgb_to_lab

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


@pytest.mark.parametrize("row", SHARMA)
def test_ciede2000_gives_the_papers_table_both_ways(row: Any) -> None:
    first, second, expected = row[:3], row[3:6], row[6]
    assert ciede2000(first, second) == pytest.approx(expected, abs=5.1e-5)
    assert ciede2000(second, first) == pytest.approx(expected, abs=5.1e-5)


def test_ciede2000_goes_over_any_shape() -> None:
    pairs = SHARMA[:, :6].reshape(2, 17, 2, 3)
    found = ciede2000(pairs[:, :, 0], pairs[:, :, 1])
    np.testing.assert_allclose(found, SHARMA[:, 6].reshape(2, 17), atol=5.1e-5)
    assert found.dtype == np.float64


def test_ciede2000_ends_of_the_scale() -> None:
    black, white, red = (0, 0, 0), (100, 0, 0), (53.2, 80.1, 67.2)
    assert ciede2000(black, white) == pytest.approx(100)
    assert [float(ciede2000(color, color)) for color in (black, white, red)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        # Of the definition: white and black; grey has no hue, and L* = 116 Y^(1/3) - 16
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((119, 119, 119), (116 * (((119 / 255 + 0.055) / 1.055) ** 2.4) ** (1 / 3) - 16, 0, 0)),
        # On the straight piece near black: L* = 903.3 Y
        ((1, 1, 1), (24389 / 27 / 255 / 12.92, 0, 0)),
        # Published for sRGB's primaries, to the digits that all sources share
        ((255, 0, 0), (53.24, 80.1, 67.2)),
        ((0, 255, 0), (87.73, -86.2, 83.2)),
        ((0, 0, 255), (32.30, 79.2, -107.9)),
    ],
)
def test_lab_of_known_colors(color: tuple[int, ...], expected: tuple[float, ...]) -> None:
    found = srgb_to_lab(color)
    grey = len(set(color)) == 1
    np.testing.assert_allclose(found, expected, atol=1e-6 if grey else 0.06)
    np.testing.assert_array_equal(srgb_to_lab(np.array([[color]], dtype=np.uint8)), [[found]])


def test_lab_is_on_a_grid_that_rounding_errors_do_not_reach() -> None:
    colors = np.random.default_rng(0).integers(0, 256, (100, 3))
    lab = srgb_to_lab(colors)
    np.testing.assert_array_equal(np.round(lab, 6), lab)


@pytest.mark.parametrize(
    ("colors", "message"),
    [
        ([[0, 0, 256]], "colors: found shape (1, 3), expected (..., 3) with values from 0 to 255"),
        ([[0, 0, -1]], "colors: found shape (1, 3), expected (..., 3) with values from 0 to 255"),
        ([[0, 0, np.nan]], "colors: found shape (1, 3), expected (..., 3) with values from 0 to 255"),
        ([1, 2], "colors: found shape (2,), expected (..., 3) with values from 0 to 255"),
        (7, "colors: found shape (), expected (..., 3) with values from 0 to 255"),
    ],
)
def test_lab_error_names_argument_and_fault(colors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        srgb_to_lab(colors)
