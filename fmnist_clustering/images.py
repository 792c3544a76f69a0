"""Picture files: load them as sRGB, and look up their size on disk."""

import warnings
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fmnist_clustering._validation import check_path

SAMPLES = {
    "china": "danielbuechele on Flickr, CC BY 2.0",
    "flower": "vultilion on Flickr, CC BY 2.0",
}
"""The photographs that scikit-learn ships, with the credit that each one needs."""


def load_image(source: str | Path) -> NDArray[np.uint8]:
    """Load a picture as sRGB.

    Parameters
    ----------
    source : {"china", "flower"} or path
        One of scikit-learn's two sample photographs, or a file that Pillow can read.

    Returns
    -------
    (h, w, 3) uint8
        Red, green and blue from 0 to 255.

    Raises
    ------
    TypeError
        When `source` is not a path.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read as a whole picture: it is damaged, is empty, has
        pixels whose white is unknown (floats, or integers of more than 16 bits), or is
        larger than Pillow considers safe (89 million pixels).

    Notes
    -----
    Pillow converts gray, palette and CMYK pictures, without color profiles. 16 bits for
    each channel become 8, where 65535 is white. Transparent pictures are put on white.
    A rotation that EXIF asks for is applied. The first frame of an animation is taken.
    """
    path = _find_image(source)
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
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


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


def _to_rgba(picture: Image.Image) -> Image.Image:
    """Return an open picture upright, as 8 bits of red, green, blue and opacity."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith(("I", "F")):  # integers of 16 or 32 bits, or floats
        upright = _to_8_bits(upright)
    return upright.convert("RGBA")


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Return a gray picture of 16 bits in 8 bits."""
    values = np.asarray(picture)
    low = values.min()
    high = values.max()
    if picture.mode == "F" or low < 0 or high > 65535:
        found = f"{picture.mode} pixels from {low} to {high}"
        raise ValueError(f"found {found}, expected whole numbers of 8 or 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))  # 65535 / 257 = 255
