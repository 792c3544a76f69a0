"""Colors as the eye orders them: CIELAB, and the difference of two colors by CIEDE2000."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# sRGB's primaries and white point D65 (IEC 61966-2-1), each row of the matrix divided by the white's value.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TO_RELATIVE_XYZ = TO_XYZ / TO_XYZ.sum(axis=1, keepdims=True)
KINK = 6 / 29


def srgb_to_lab(colors: ArrayLike) -> NDArray[np.float64]:
    """Return sRGB colors in CIELAB (CIE 1976), where equal distances look about equally far.

    Parameters
    ----------
    colors : (..., 3) array-like
        sRGB values 0-255, of any number type.

    Returns
    -------
    (..., 3) float64
        L* from 0 (black) to 100 (white); a* from green to red and b* from blue to yellow, both 0
        for grey and within about -110 to 110. Rounded to 1e-6, so that it is the same everywhere.

    Raises
    ------
    ValueError
        For values that are not three a color or lie outside 0-255.
    """
    srgb = np.asarray(colors, dtype=np.float64) / 255
    if srgb.shape[-1:] != (3,) or not ((srgb >= 0) & (srgb <= 1)).all():
        raise ValueError(f"colors: found shape {srgb.shape}, expected (..., 3) with values from 0 to 255")
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = light @ TO_RELATIVE_XYZ.T
    x, y, z = np.moveaxis(np.where(xyz > KINK**3, np.cbrt(xyz), xyz / (3 * KINK**2) + 4 / 29), -1, 0)
    return np.round(np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1), 6)


def ciede2000(lab: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Return how different colors look, by CIEDE2000 (Sharma, Wu and Dalal 2005).

    Parameters
    ----------
    lab, other : (..., 3) array-like
        Colors in CIELAB, of shapes that broadcast.

    Returns
    -------
    (...) float64
        0 for equal colors; about 1 is just seen side by side, 100 is black beside white.
    """
    (light, a, b), (light2, a2, b2) = (np.moveaxis(np.asarray(part, np.float64), -1, 0) for part in (lab, other))
    stretch = 1.5 - 0.5 * _saturating((np.hypot(a, b) + np.hypot(a2, b2)) / 2)
    chroma, chroma2 = np.hypot(stretch * a, b), np.hypot(stretch * a2, b2)
    hue, hue2 = (np.arctan2(y, stretch * x) % (2 * np.pi) for x, y in ((a, b), (a2, b2)))
    turn = hue2 - hue - 2 * np.pi * np.rint((hue2 - hue) / (2 * np.pi))
    middle = np.degrees(np.where(chroma * chroma2 > 0, hue + turn / 2, hue + hue2)) % 360
    mean_chroma, lightness = (chroma + chroma2) / 2, ((light + light2) / 2 - 50) ** 2
    terms = ((-0.17, 1, 30), (0.24, 2, 0), (0.32, 3, -6), (-0.20, 4, 63))
    weight = 1 + sum(size * np.cos(np.radians(times * middle - shift)) for size, times, shift in terms)
    dL = (light2 - light) / (1 + 0.015 * lightness / np.sqrt(20 + lightness))
    dC = (chroma2 - chroma) / (1 + 0.045 * mean_chroma)
    dH = 2 * np.sqrt(chroma * chroma2) * np.sin(turn / 2) / (1 + 0.015 * mean_chroma * weight)
    rotation = -2 * _saturating(mean_chroma) * np.sin(np.radians(60 * np.exp(-(((middle - 275) / 25) ** 2))))
    return np.asarray(np.sqrt(dL**2 + dC**2 + dH**2 + rotation * dC * dH))


def _saturating(chroma: NDArray[Any]) -> NDArray[Any]:
    """Return the formula's term that goes from 0 for grey to 1 for strong colors."""
    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
