"""Color: CIELAB, CIEDE2000, and how far two pictures differ."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fmnist_clustering._checks import WHITE, FloatArray

RGB_TO_XYZ = np.array(
    [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ],
)
"""From linear sRGB to CIE XYZ (IEC 61966-2-1).

The sums of the rows are X, Y and Z of white, the illuminant D65.
"""

LAB_BEND = 6 / 29
"""The cube root of the lightness at which CIELAB turns into a straight line."""

LAB_DECIMALS = 6
"""CIELAB values are rounded to this many digits, far below what anybody sees.

The last digits of a matrix product depend on the BLAS; the rounded ones do not.
"""


class DeltaE(NamedTuple):
    """How different two pictures look, by CIEDE2000.

    Attributes
    ----------
    mean : float
        Mean over the pixels: 0 or more, lower is nearer.
    p95 : float
        95th percentile: 5 % of the pixels differ more.
    """

    mean: float
    p95: float


def psnr(a: ArrayLike, b: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit pictures.

    Parameters
    ----------
    a, b : (h, w, 3) array-like
        Two pictures of the same shape, with values from 0 to 255.

    Returns
    -------
    float
        10 log10(255^2 / mean squared error), in decibels (dB). Higher is nearer; equal
        pictures give infinity. Below about 30 dB the loss is easy to see, above about
        40 dB it is hard to see.

    Raises
    ------
    ValueError
        When the pictures differ in shape.
    """
    first, second = _check_pair(a, b)
    mean_squared_error = float(np.square(first - second).mean())
    if mean_squared_error == 0:
        return math.inf
    return 10 * math.log10(WHITE**2 / mean_squared_error)


def delta_e(a: ArrayLike, b: ArrayLike) -> DeltaE:
    """Return how different two pictures look, pixel by pixel, by CIEDE2000.

    Parameters
    ----------
    a, b : (h, w, 3) array-like
        Two sRGB pictures of the same shape, with values from 0 to 255.

    Returns
    -------
    DeltaE
        ``.mean`` and ``.p95``, the mean and the 95th percentile of `ciede2000` over the
        pixels. A value of 1 is just visible side by side.

    Raises
    ------
    ValueError
        When the pictures differ in shape.

    Notes
    -----
    Pixels are compared one by one. The pattern that they form, such as the grain of
    dithering, does not count.
    """
    first, second = _check_pair(a, b)
    differences = ciede2000(srgb_to_lab(first), srgb_to_lab(second))
    mean = float(differences.mean())
    p95 = float(np.percentile(differences, 95))
    return DeltaE(mean, p95)


def srgb_to_lab(colors: ArrayLike) -> FloatArray:
    """Convert sRGB colors to CIELAB (CIE 1976).

    In CIELAB, colors at equal distances look about equally different.

    Parameters
    ----------
    colors : (..., 3) array-like
        sRGB colors of any number type, with values from 0 to 255.

    Returns
    -------
    (..., 3) float64
        L* from 0 (black) to 100 (white); a* from green to red and b* from blue to
        yellow, each within about -110 to 110, and 0 for gray. Rounded to 1e-6, so that
        the result is the same on every machine.
    """
    values = np.asarray(colors, dtype=np.float64)

    # Undo the gamma curve of sRGB, which is a straight line near black.
    srgb = values / WHITE
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)

    # X, Y and Z relative to white.
    white = RGB_TO_XYZ.sum(axis=1, keepdims=True)
    xyz = linear @ (RGB_TO_XYZ / white).T

    # What we see grows like the cube root of the light, or like a line near black.
    line = xyz / (3 * LAB_BEND**2) + 4 / 29
    seen = np.where(xyz > LAB_BEND**3, np.cbrt(xyz), line)
    x, y, z = np.moveaxis(seen, -1, 0)
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
    return np.round(lab, LAB_DECIMALS)


def ciede2000(lab: ArrayLike, other: ArrayLike) -> FloatArray:
    """Return how different colors look, by CIEDE2000.

    Parameters
    ----------
    lab, other : (..., 3) array-like
        Colors in CIELAB, of shapes that broadcast.

    Returns
    -------
    (...) float64
        0 for equal colors. A value of 1 is just visible side by side, and black and
        white differ by 100.

    Notes
    -----
    The steps and the numbers of the equations are those of Sharma, Wu and Dalal (2005),
    doi:10.1002/col.20070, with k_L = k_C = k_H = 1. A trailing p stands for a prime.
    All hues are in degrees.
    """
    L1, a1, b1 = np.moveaxis(np.asarray(lab), -1, 0)
    L2, a2, b2 = np.moveaxis(np.asarray(other), -1, 0)

    # Step 1: chroma C' and hue h' of both colors.
    C1 = np.hypot(a1, b1)  # (2)
    C2 = np.hypot(a2, b2)
    C_bar = (C1 + C2) / 2  # (3)
    G = 0.5 * (1 - np.sqrt(C_bar**7 / (C_bar**7 + 25**7)))  # (4)
    C1p, h1p = _chroma_and_hue(a1, b1, G)
    C2p, h2p = _chroma_and_hue(a2, b2, G)

    # Step 2: differences in lightness, chroma and hue. For a gray, whose hue is
    # undefined, (10) sets dhp to 0; here C1p * C2p = 0 makes dHp 0 in any case.
    dLp = L2 - L1  # (8)
    dCp = C2p - C1p  # (9)
    dhp = _hue_difference(h1p, h2p)
    dHp = 2 * np.sqrt(C1p * C2p) * np.sin(np.radians(dhp / 2))  # (11)

    # Step 3: the weights of the three differences, and the difference of the colors.
    L_bar_p = (L1 + L2) / 2  # (12)
    C_bar_p = (C1p + C2p) / 2  # (13)
    h_bar_p = _mean_hue(C1p, h1p, C2p, h2p)
    S_L, S_C, S_H, R_T = _weights(L_bar_p, C_bar_p, h_bar_p)
    lightness = dLp / S_L
    chroma = dCp / S_C
    hue = dHp / S_H
    squared = lightness**2 + chroma**2 + hue**2 + R_T * chroma * hue
    return np.asarray(np.sqrt(squared))  # (22)


def _chroma_and_hue(
    a: FloatArray,
    b: FloatArray,
    G: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return C' and h' of one color; h' of a gray is 0."""
    ap = (1 + G) * a  # (5)
    Cp = np.hypot(ap, b)  # (6)
    hp = np.degrees(np.arctan2(b, ap)) % 360  # (7)
    return Cp, hp


def _hue_difference(h1p: FloatArray, h2p: FloatArray) -> FloatArray:
    """Return the angle from one hue to the other, the short way: -180 to 180."""
    dhp = h2p - h1p  # (10)
    return np.select(
        [np.abs(dhp) <= 180, dhp > 180],
        [dhp, dhp - 360],
        default=dhp + 360,
    )


def _mean_hue(
    C1p: FloatArray,
    h1p: FloatArray,
    C2p: FloatArray,
    h2p: FloatArray,
) -> FloatArray:
    """Return the hue in the middle of the shorter arc between two hues.

    If one color is a gray, its hue is 0, and the sum is the hue of the other color.
    """
    total = h1p + h2p  # (14)
    return np.select(
        [C1p * C2p == 0, np.abs(h1p - h2p) <= 180, total < 360],
        [total, total / 2, (total + 360) / 2],
        default=(total - 360) / 2,
    )


def _weights(
    L_bar_p: FloatArray,
    C_bar_p: FloatArray,
    h_bar_p: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return S_L, S_C, S_H and R_T, from the means of two colors."""
    T = (
        1
        - 0.17 * np.cos(np.radians(h_bar_p - 30))
        + 0.24 * np.cos(np.radians(2 * h_bar_p))
        + 0.32 * np.cos(np.radians(3 * h_bar_p + 6))
        - 0.20 * np.cos(np.radians(4 * h_bar_p - 63))
    )  # (15)
    dtheta = 30 * np.exp(-(((h_bar_p - 275) / 25) ** 2))  # (16)
    R_C = 2 * np.sqrt(C_bar_p**7 / (C_bar_p**7 + 25**7))  # (17)
    from_middle = (L_bar_p - 50) ** 2
    S_L = 1 + 0.015 * from_middle / np.sqrt(20 + from_middle)  # (18)
    S_C = 1 + 0.045 * C_bar_p  # (19)
    S_H = 1 + 0.015 * C_bar_p * T  # (20)
    R_T = -np.sin(np.radians(2 * dtheta)) * R_C  # (21)
    return S_L, S_C, S_H, R_T


def _check_pair(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return two pictures of the same shape as float64."""
    first = np.asarray(a, dtype=np.float64)
    second = np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        shapes = f"{first.shape} and {second.shape}"
        raise ValueError(f"a, b: found shapes {shapes}, expected the same")
    return first, second
