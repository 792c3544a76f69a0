"""Palette, index image, error, and the size that is really saved."""

import io
import math
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps
from PIL.Image import DecompressionBombError

from fmnist_clustering.kmeans import fit_kmeans

SAMPLES = ("china", "flower")
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


class Quantized(NamedTuple):
    """A picture in few colors.

    Attributes
    ----------
    palette : (k, 3) uint8
        sRGB colors from dark to light, no two equal.
    indices : (h, w) uint8, or as many bits as more than 256 colors need
        For each pixel its row in the palette.
    """

    palette: NDArray[np.uint8]
    indices: NDArray[np.unsignedinteger]

    @property
    def image(self) -> NDArray[np.uint8]:
        """(h, w, 3) uint8: the picture drawn with the palette."""
        picture: NDArray[np.uint8] = self.palette[self.indices]
        return picture

    @property
    def shares(self) -> NDArray[np.float64]:
        """(k,) float64: share of the pixels that each color covers, summing to 1."""
        return np.bincount(self.indices.ravel(), minlength=len(self.palette)) / self.indices.size


def load_image(source: str | Path) -> NDArray[np.uint8]:
    """Load a picture as sRGB.

    Parameters
    ----------
    source : {"china", "flower"} or path
        One of scikit-learn's two sample photographs, or a picture file that Pillow reads.
        Transparency is composed on white, an EXIF rotation is applied, and of an animation the
        first frame is taken.

    Returns
    -------
    (h, w, 3) uint8
        0-255 for red, green, blue.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not a picture of 8 bits a channel that can be read whole.
    """
    path = _find_image(source)
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith(("I", "F")):
                raise ValueError(f"found {picture.mode} pixels, expected 8 bits a channel")
            rgba = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, RuntimeError, ValueError, SyntaxError, DecompressionBombError) as error:
        raise ValueError(f"{path}: cannot be read as a picture ({error})") from None
    page = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(page, rgba).convert("RGB"))


def source_bytes(source: str | Path) -> int:
    """Return the size of the file that a picture comes from.

    Parameters
    ----------
    source : {"china", "flower"} or path
        As `load_image`.

    Returns
    -------
    int
        Bytes on disk.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    """
    return _find_image(source).stat().st_size


def quantize(image: NDArray[np.uint8], n_colors: int, *, seed: int = 0) -> Quantized:
    """Redraw a picture in `n_colors` colors, by k-means on its colors.

    k-means runs on the unique colors weighted by their pixel counts, which has the same cost as
    running it on all pixels. The means are rounded to 8 bits.

    Parameters
    ----------
    image : (h, w, 3) uint8
        An sRGB picture.
    n_colors : int
        1 or more. With as many as the picture has, or more, it comes back unchanged.
    seed : int
        Makes the search repeatable.

    Returns
    -------
    Quantized
        ``.palette`` (k, 3), ``.indices`` (h, w) and ``.image``. k is `n_colors`, or less where
        the picture has fewer colors or rounding makes two of them equal.

    Raises
    ------
    ValueError
        When `image` is not (h, w, 3) uint8, is empty, or `n_colors` is below 1.
    """
    _check_image(image)
    if n_colors < 1:
        raise ValueError(f"n_colors: found {n_colors}, expected 1 or more")
    packed = image.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    values, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.uint8)
    mapped = colors
    if n_colors < len(colors):
        fit = fit_kmeans(colors.astype(np.float64), n_colors, sample_weight=counts, n_init=4, seed=seed)
        mapped = np.rint(fit.centroids).astype(np.uint8)[fit.labels]
    palette, color_index = np.unique(mapped, axis=0, return_inverse=True)
    by_lightness = np.argsort(palette @ LUMA, kind="stable")
    rank = np.argsort(by_lightness)[color_index.ravel()]
    indices = rank[inverse].reshape(image.shape[:2]).astype(np.min_scalar_type(len(palette) - 1))
    return Quantized(palette[by_lightness], indices)


def psnr(a: ArrayLike, b: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit pictures.

    Parameters
    ----------
    a, b : (h, w, 3) uint8
        Two pictures of one shape.

    Returns
    -------
    float
        10 log10(255^2 / mean squared error) in decibel (dB); higher is nearer, infinite for equal
        pictures. Below about 30 dB the loss is easy to see, above about 40 dB hard.

    Raises
    ------
    ValueError
        For different shapes or an empty picture.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.size == 0:
        raise ValueError(f"a, b: found shapes {first.shape} and {second.shape}, expected equal")
    error = float(((first - second) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def indexed_png(quantized: Quantized) -> bytes:
    """Return the picture as an indexed PNG file: its palette, and 1, 2, 4 or 8 bits a pixel.

    Parameters
    ----------
    quantized : Quantized
        A picture of at most 256 colors.

    Returns
    -------
    bytes
        The file's content; lossless.

    Raises
    ------
    ValueError
        For more than 256 colors, which the format cannot hold.
    """
    if len(quantized.palette) > 256:
        raise ValueError(f"quantized: found {len(quantized.palette)} colors, expected at most 256")
    picture = Image.fromarray(quantized.indices)
    picture.putpalette(quantized.palette.tobytes())
    return _png(picture)


def size_report(quantized: Quantized, original: NDArray[np.uint8], source_bytes: int | None = None) -> pd.DataFrame:
    """Count what a quantized picture takes, in several ways that are often mixed up.

    Parameters
    ----------
    quantized : Quantized
        A picture of at most 256 colors.
    original : (h, w, 3) uint8
        The picture it was made from.
    source_bytes : int, optional
        Size of the file that the original came from.

    Returns
    -------
    DataFrame
        One row a way, by name: ``raw`` 24 bits a pixel; ``formula`` palette of 24 bits a color
        and ceil(log2 k) bits a pixel; ``entropy`` palette and the least bits that coding each
        pixel by itself can reach (Shannon 1948); ``indexed PNG`` and ``PNG-24``, the files as
        Pillow writes them; ``source file``. Columns ``bytes``, ``ratio`` (raw / bytes, higher is
        smaller) and ``bits_per_pixel``.

    Raises
    ------
    ValueError
        When the two pictures differ in shape, or the palette is too large.
    """
    _check_image(original)
    if quantized.indices.shape != original.shape[:2]:
        found = f"{quantized.indices.shape} and {original.shape[:2]}"
        raise ValueError(f"quantized, original: found {found} pixels, expected the same")
    n_pixels, n_colors = quantized.indices.size, len(quantized.palette)
    share = quantized.shares[quantized.shares > 0]
    bits_per_index = -float(share @ np.log2(share))
    sizes = {
        "raw": 3.0 * n_pixels,
        "formula": (24 * n_colors + n_pixels * math.ceil(math.log2(n_colors))) / 8,
        "entropy": (24 * n_colors + n_pixels * bits_per_index) / 8,
        "indexed PNG": len(indexed_png(quantized)),
        "PNG-24": len(_png(Image.fromarray(original))),
    }
    if source_bytes is not None:
        sizes["source file"] = source_bytes
    table = pd.DataFrame({"bytes": np.ceil(list(sizes.values()))}, index=pd.Index(sizes))
    table["ratio"] = sizes["raw"] / table["bytes"]
    table["bits_per_pixel"] = table["bytes"] * 8 / n_pixels
    return table.astype({"bytes": np.int64})


def _find_image(source: str | Path) -> Path:
    """Return the path of a picture, or say what is missing."""
    if source in SAMPLES:
        return Path(str(resources.files("sklearn.datasets.images") / f"{source}.jpg"))
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a picture, or one of {', '.join(map(repr, SAMPLES))}")
    return path


def _check_image(image: NDArray[np.uint8]) -> None:
    """Refuse whatever is not a picture of 8-bit colors."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = getattr(image, "dtype", type(image).__name__)
        raise ValueError(f"image: found {found}, expected a uint8 array")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"image: found shape {image.shape}, expected (h, w, 3), not empty")


def _png(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
