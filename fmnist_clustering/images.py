"""Picture files: load them as sRGB, and look up their size on disk."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SAMPLES = {
    "china": "danielbuechele on Flickr, CC BY 2.0",
    "flower": "vultilion on Flickr, CC BY 2.0",
}
"""The photographs that scikit-learn ships, with the credit that each one needs."""

START_OF_VIDEO = re.compile(rb"\0\0\0.ftyp", re.DOTALL)
"""How an MP4 file begins: the length of its first part, and the name of it."""


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
        as many (Lanczos resampling); 1 or more. Default: the size is kept.

    Returns
    -------
    (h, w, 3) uint8
        Red, green and blue from 0 to 255.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read as a whole picture: it is damaged or empty, has
        pixels whose white is unknown (floats, integers of 32 bits, CIELAB), or is
        larger than Pillow considers safe (179 million pixels).

    Notes
    -----
    Pillow converts gray, palette and CMYK pictures, without color profiles. 16 bits for
    each channel become 8, where 65535 is white. Transparent pictures are put on white;
    one that is transparent everywhere shows its colors. A rotation that EXIF asks for
    is applied. The first frame of an animation is taken.
    """
    with _opened(_find_image(source)) as picture:
        image = _to_rgb(picture)
    if max_pixels is not None:
        image = _shrink(image, max_pixels)
    return np.array(image)  # a copy: the pixels of Pillow are read-only


def image_file_size(source: str | Path) -> int | None:
    """Return the size of the file that a picture comes from.

    Parameters
    ----------
    source : {"china", "flower"} or path
        As for `load_image`.

    Returns
    -------
    int or None
        Bytes on disk. None for a file that holds more than the picture that
        `load_image` shows (an animation, several pages, a video behind a photograph):
        its size says nothing about this one picture.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is no picture.
    """
    path = _find_image(source)
    with _opened(path) as picture:
        has_more_pictures = getattr(picture, "n_frames", 1) > 1
        is_jpeg = picture.format == "JPEG"
    # Phones write the seconds around a photograph behind it, in the same file.
    has_video = is_jpeg and START_OF_VIDEO.search(path.read_bytes()) is not None
    return None if has_more_pictures or has_video else path.stat().st_size


def _find_image(source: str | Path) -> Path:
    """Return the path of a picture file that exists."""
    if source in SAMPLES:
        folder = resources.files("sklearn.datasets.images")
        return Path(str(folder / f"{source}.jpg"))
    path = Path(source)
    if not path.is_file():
        samples = ", ".join(repr(name) for name in SAMPLES)
        expected = f"a picture, or one of {samples}"
        raise FileNotFoundError(f"{path}: no such file; expected {expected}")
    return path


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; whatever fails inside names the file."""
    try:
        with Image.open(path) as picture:
            yield picture
    except Exception as error:  # on damaged bytes Pillow may raise anything
        message = f"{path}: cannot be read as a picture ({error})"
        raise ValueError(message) from None


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Return an open picture upright, as 8 bits of red, green and blue."""
    # Pillow below 11 opens PNG files of 16 bits as its mode of 32 bits.
    is_deep_png = picture.mode == "I" and picture.format == "PNG"
    is_deep = is_deep_png or picture.mode.startswith("I;16")
    if picture.mode in ("I", "F", "LAB") and not is_deep:
        # Pillow would clip numbers, and take L, a and b for red, green and blue.
        expected = "gray of 8 or 16 bits, RGB or CMYK"
        raise ValueError(f"found pixels of mode {picture.mode}, expected {expected}")
    upright = ImageOps.exif_transpose(picture)
    if is_deep:
        gray = np.rint(np.asarray(upright) / 257)  # 65535 becomes 255
        return Image.fromarray(gray.astype(np.uint8)).convert("RGB")
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    return _on_white(upright.convert("RGBA"))


def _on_white(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture on white, or its colors if nothing would be seen."""
    _, highest_opacity = picture.getchannel("A").getextrema()
    if highest_opacity == 0:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _shrink(picture: Image.Image, max_pixels: int) -> Image.Image:
    """Return a picture of about `max_pixels` pixels; a smaller one stays as it is."""
    width, height = picture.size
    scale = math.sqrt(max_pixels / (width * height))
    if scale >= 1:
        return picture
    smaller = (max(1, round(scale * width)), max(1, round(scale * height)))
    return picture.resize(smaller, Image.Resampling.LANCZOS)
