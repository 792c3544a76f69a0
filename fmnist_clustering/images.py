"""Picture files: load them as sRGB, and look up their size on disk."""

import math
import warnings
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fmnist_clustering._validation import check_integer, check_path

SAMPLES = {
    "china": "danielbuechele on Flickr, CC BY 2.0",
    "flower": "vultilion on Flickr, CC BY 2.0",
}
"""The photographs that scikit-learn ships, with the credit that each one needs."""

TIFF_BITS_PER_SAMPLE = 258
TIFF_PHOTOMETRIC = 262
"""Tags of TIFF files."""

TIFF_WHITE_IS_ZERO = 0
"""The value of `TIFF_PHOTOMETRIC` for a negative. Pillow heeds it up to 8 bits."""


def load_image(
    source: str | Path, *, max_pixels: int | None = None
) -> NDArray[np.uint8]:
    """Load a picture as sRGB.

    Parameters
    ----------
    source : {"china", "flower"} or path
        One of scikit-learn's two sample photographs, or a file that Pillow can read.
    max_pixels : int, optional
        A picture of more pixels is made smaller, in its proportions, until it has about
        as many (Lanczos resampling); 1 or more. Default: none is.

    Returns
    -------
    (h, w, 3) uint8
        Red, green and blue from 0 to 255.

    Raises
    ------
    TypeError
        When `source` is not a path, or `max_pixels` is no integer.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read as a whole picture: it is damaged, is empty, has
        pixels whose white is unknown (floats, integers of more than 16 bits or with a
        sign, CIELAB), has a transparent color of 16-bit RGB, or is larger than Pillow
        considers safe (89 million pixels); or when `max_pixels` is below 1.

    Notes
    -----
    Pillow converts gray, palette and CMYK pictures, without color profiles. 16 bits for
    each channel become 8, where 65535 is white. Transparent pictures are put on white.
    A rotation that EXIF asks for is applied. The first frame of an animation is taken.
    """
    path = _find_image(source)
    if max_pixels is not None:
        check_integer(max_pixels, "max_pixels")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                rgba = _to_rgba(picture)
    except Exception as error:  # on damaged bytes Pillow may raise anything
        message = f"{path}: cannot be read as a picture ({error})"
        raise ValueError(message) from None
    white = Image.new("RGBA", rgba.size, "white")
    opaque = Image.alpha_composite(white, rgba).convert("RGB")
    if max_pixels is not None:
        opaque = _shrink(opaque, max_pixels)
    return np.asarray(opaque)


def image_file_size(source: str | Path) -> int:
    """Return the size of the file that a picture comes from.

    Parameters
    ----------
    source : {"china", "flower"} or path
        As for `load_image`.

    Returns
    -------
    int
        Bytes on disk.

    Raises
    ------
    TypeError
        When `source` is not a path.
    FileNotFoundError
        When there is no such file.
    """
    return _find_image(source).stat().st_size


def _find_image(source: str | Path) -> Path:
    """Return the path of a picture file that exists."""
    path = check_path(source, "source")
    if source in SAMPLES:
        folder = resources.files("sklearn.datasets.images")
        return Path(str(folder / f"{source}.jpg"))
    if not path.is_file():
        samples = ", ".join(repr(name) for name in SAMPLES)
        expected = f"a picture, or one of {samples}"
        raise FileNotFoundError(f"{path}: no such file; expected {expected}")
    return path


def _shrink(picture: Image.Image, max_pixels: int) -> Image.Image:
    """Return a picture of about so many pixels, or the same if it has no more."""
    width, height = picture.size
    scale = math.sqrt(max_pixels / (width * height))
    if scale >= 1:
        return picture
    smaller = (max(1, round(scale * width)), max(1, round(scale * height)))
    return picture.resize(smaller, Image.Resampling.LANCZOS)


def _to_rgba(picture: Image.Image) -> Image.Image:
    """Return an open picture upright, as 8 bits of red, green, blue and opacity."""
    if picture.mode.startswith(("I", "F")):  # integers of 16 or 32 bits, or floats
        white = _white_of_gray(picture)
        is_inverted = _tiff_tag(picture, TIFF_PHOTOMETRIC) == TIFF_WHITE_IS_ZERO
        upright = ImageOps.exif_transpose(picture)
        return _gray_to_rgba(upright, white, is_inverted)
    if picture.mode == "LAB":  # Pillow would take L, a and b for red, green and blue
        raise ValueError("found CIELAB pixels, expected gray, RGB or CMYK")
    _scale_transparent_color(picture)
    upright = ImageOps.exif_transpose(picture)
    if upright.mode == "La":
        upright = upright.convert("LA")
    return upright.convert("RGBA")


def _white_of_gray(picture: Image.Image) -> int:
    """Return the value that means white in a gray picture of more than 8 bits."""
    if picture.mode.startswith("I;16") and picture.format != "FITS":
        # A TIFF file may pack 12 bits, which Pillow returns as they are.
        bits = _tiff_tag(picture, TIFF_BITS_PER_SAMPLE) or 16
        return int(2**bits - 1)
    if picture.mode == "I" and picture.format in ("PNG", "PPM"):
        return 65535  # Pillow's older mode for 16 bits; it scales what PPM files hold
    values = np.asarray(picture)
    found = f"{picture.mode} pixels from {values.min()} to {values.max()}"
    expected = "whole numbers of 8 or 16 bits without a sign"
    raise ValueError(f"found {found}, expected {expected}")


def _gray_to_rgba(picture: Image.Image, white: int, is_inverted: bool) -> Image.Image:
    """Return a gray picture of more than 8 bits in 8 bits."""
    values = np.asarray(picture).astype(np.int64)
    is_transparent = values == picture.info.get("transparency", -1)
    if is_inverted:
        values = white - values
    gray = np.rint(values * 255 / white)
    opacity = np.where(is_transparent, 0, 255)
    gray_and_opacity = np.stack([gray, opacity], axis=2).astype(np.uint8)
    return Image.fromarray(gray_and_opacity).convert("RGBA")


def _scale_transparent_color(picture: Image.Image) -> None:
    """Give the transparent color of a PNG file the depth that Pillow gives its pixels.

    Pillow scales samples of other depths to 8 bits, but not this color.
    """
    transparent = picture.info.get("transparency")
    if picture.format != "PNG" or transparent is None:
        return
    tiles: list[Any] = getattr(picture, "tile", [])
    sample_format = str(tiles[0][3])  # such as L;4, or RGB;16B
    for suffix, factor in ((";2", 85), (";4", 17)):
        if sample_format == f"L{suffix}":
            picture.info["transparency"] = transparent * factor
    if sample_format == "RGB;16B":
        raise ValueError("found a transparent color of 16 bits, expected 8 bits")


def _tiff_tag(picture: Image.Image, number: int) -> int | None:
    """Return the first value of a tag; None for other formats, or without the tag."""
    value = getattr(picture, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) else value
