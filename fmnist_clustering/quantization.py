"""Palette, index image, error, and the size that is really saved."""

import io
import math
import warnings
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps
from scipy.spatial import KDTree

from fmnist_clustering.color import ciede2000, srgb_to_lab
from fmnist_clustering.kmeans import fit_kmeans, lloyd

Floats = NDArray[np.float64]

SAMPLES = {"china": "danielbuechele on Flickr, CC BY 2.0", "flower": "vultilion on Flickr, CC BY 2.0"}
LUMA = np.array([299, 587, 114])  # ITU-R BT.601, in thousandths: whole numbers tie alike everywhere
PACKED = np.array([65536, 256, 1], dtype=np.uint32)


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
        return np.asarray(self.palette[self.indices])

    @property
    def shares(self) -> NDArray[np.float64]:
        """(k,) float64: share of the pixels that each color covers, summing to 1."""
        return np.bincount(self.indices.ravel(), minlength=len(self.palette)) / self.indices.size


def load_image(source: str | Path) -> NDArray[np.uint8]:
    """Load a picture as sRGB.

    Parameters
    ----------
    source : {"china", "flower"} or path
        One of scikit-learn's two sample photographs, or a picture file that Pillow reads. Grey, palette
        and CMYK pictures are converted as Pillow does, without color profiles; 16 bits a channel are
        brought to 8, with 65535 as white. Transparency is composed on white, an EXIF rotation is
        applied, and of an animation the first frame is taken.

    Returns
    -------
    (h, w, 3) uint8
        0-255 for red, green, blue.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not a picture that can be read whole: damaged, empty, of floats or 32-bit integers
        (whose white nobody knows), or of more than the 89 million pixels that Pillow thinks safe.
    """
    path = _find_image(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                upright = ImageOps.exif_transpose(picture)
                rgba = (_in_8_bits(upright) if upright.mode[0] in "IF" else upright).convert("RGBA")
    except Exception as error:  # what Pillow raises on damaged bytes may be anything
        raise ValueError(f"{path}: cannot be read as a picture ({error})") from None
    return np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))


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
    """Redraw a picture in `n_colors` colors, by k-means on its colors, coarse to fine.

    k-means on the unique colors weighted by their pixel counts has the same cost as on all pixels.
    The search (`fmnist_clustering.fit_kmeans`, three starts) runs on the means of cubes of color space,
    8 levels wide, or narrower until there are 20 of them for each color asked for. Lloyd's iterations
    then go on in cubes of half that width and, at most ten, on the unique colors. The means are rounded
    to 8 bits, and every pixel takes the nearest of them.

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

    Notes
    -----
    640 x 427 pixels: about 0.6 s for 100 colors.
    """
    _check_image(image)
    if n_colors < 1:
        raise ValueError(f"n_colors: found {n_colors}, expected 1 or more")
    values, inverse, counts = np.unique(image @ PACKED, return_inverse=True, return_counts=True)
    colors = _unpacked(values)
    if n_colors >= len(colors):
        return _indexed(colors, inverse.reshape(image.shape[:2]))
    width = next((width for width in (8, 4, 2) if len(_cubes(colors, counts, width)[0]) >= 20 * n_colors), 1)
    means, weight = _cubes(colors, counts, width)
    centroids = fit_kmeans(means, n_colors, sample_weight=weight, n_init=3, seed=seed).centroids
    for finer, max_iter in ((width // 2, 30), (1, 10)):
        if 1 <= finer < width:
            centroids = lloyd(*_cubes(colors, counts, finer), centroids, max_iter, 1e-4)[2]
    palette = np.rint(centroids).astype(np.uint8)
    return _indexed(palette, KDTree(palette).query(colors)[1][inverse].reshape(image.shape[:2]))


def apply_palette(image: NDArray[np.uint8], palette: ArrayLike, *, dither: bool = False) -> Quantized:
    """Redraw a picture in given colors.

    Parameters
    ----------
    image : (h, w, 3) uint8
        An sRGB picture.
    palette : (k, 3) array-like of uint8
        sRGB colors.
    dither : bool
        Whether the error of each pixel is passed on to its neighbors (Floyd and Steinberg 1976; Pillow's),
        which trades steps for grain. Needs at most 256 colors. Otherwise every pixel takes the nearest
        color.

    Returns
    -------
    Quantized
        Colors that no pixel takes are left out of its palette.

    Raises
    ------
    ValueError
        When `image` is not (h, w, 3) uint8, or `palette` not (k, 3) whole numbers from 0 to 255, or k above
        256 with `dither`.
    """
    _check_image(image)
    given = np.asarray(palette)
    if given.ndim != 2 or given.shape[1] != 3 or not given.size or not np.isin(given, range(256)).all():
        raise ValueError(f"palette: found {given.dtype} {given.shape}, expected (k, 3) whole numbers from 0 to 255")
    colors = given.astype(np.uint8)
    if not dither:
        return _indexed(colors, KDTree(colors).query(image)[1])
    if len(colors) > 256:
        raise ValueError(f"palette: found {len(colors)} colors, expected at most 256 to dither")
    holder = Image.new("P", (1, 1))
    holder.putpalette(colors.tobytes())
    return _indexed(colors, np.asarray(Image.fromarray(image).quantize(palette=holder)))


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
    first, second = _as_pair(a, b)
    error = float(((first - second) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def delta_e(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Return how different two pictures look, pixel by pixel, by CIEDE2000.

    Parameters
    ----------
    a, b : (h, w, 3) uint8
        Two pictures of one shape.

    Returns
    -------
    mean, p95 : float
        Mean and 95th percentile of `fmnist_clustering.color.ciede2000`: 0 or more, lower is nearer; about 1 is
        just seen side by side. It compares pixels one by one, and knows nothing of the pattern they form.

    Raises
    ------
    ValueError
        As `psnr`.
    """
    differences = ciede2000(*map(srgb_to_lab, _as_pair(a, b)))
    return float(differences.mean()), float(np.percentile(differences, 95))


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
        Pillow writes them; ``source file``. Columns ``depth``, the bits a pixel before compression (in
        the indexed PNG 1, 2, 4 or 8, read from the file), ``bytes``, ``ratio`` (raw / bytes, higher is
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
    share, png = quantized.shares[quantized.shares > 0], indexed_png(quantized)
    whole, least = math.ceil(math.log2(n_colors)), -float(share @ np.log2(share))
    rows: dict[str, tuple[float, float]] = {"raw": (24, 3 * n_pixels)}
    for name, depth in (("formula", whole), ("entropy", least)):
        rows[name] = depth, (24 * n_colors + n_pixels * depth) / 8
    rows |= {"indexed PNG": (png[24], len(png)), "PNG-24": (24, len(_png(Image.fromarray(original))))}
    if source_bytes is not None:
        rows["source file"] = np.nan, source_bytes
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["depth", "bytes"], dtype=np.float64)
    size = np.ceil(table["bytes"])
    return table.assign(bytes=size.astype(np.int64), ratio=3 * n_pixels / size, bits_per_pixel=8 * size / n_pixels)


def _find_image(source: str | Path) -> Path:
    """Return the path of a picture, or say what is missing."""
    if source in SAMPLES:
        return Path(str(resources.files("sklearn.datasets.images") / f"{source}.jpg"))
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a picture, or one of {', '.join(map(repr, SAMPLES))}")
    return path


def _in_8_bits(picture: Image.Image) -> Image.Image:
    """Return a grey picture of 16 bits in 8."""
    values = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
        found = f"{picture.mode} pixels from {values.min()} to {values.max()}"
        raise ValueError(f"found {found}, expected whole numbers of 8 or 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _cubes(colors: NDArray[np.uint8], counts: NDArray[np.int64], width: int) -> tuple[Floats, Floats]:
    """Return the mean color of each cube that holds any, `width` levels wide, and its number of pixels."""
    if width == 1:
        return colors.astype(np.float64), counts.astype(np.float64)
    ids = np.unique(colors // width @ PACKED, return_inverse=True)[1]
    weight = np.bincount(ids, counts).astype(np.float64)
    return np.stack([np.bincount(ids, counts * channel) for channel in colors.T], axis=1) / weight[:, None], weight


def _indexed(palette: NDArray[np.uint8], indices: NDArray[Any]) -> Quantized:
    """Return a picture with its palette from dark to light, each color once, and only if it is used."""
    values, ids = np.unique(palette @ PACKED, return_inverse=True)
    drawn = ids[indices]
    used = np.bincount(drawn.ravel(), minlength=len(values)) > 0
    colors = _unpacked(values)
    order = np.lexsort((values, colors @ LUMA, ~used))
    kept = colors[order[: used.sum()]]
    return Quantized(kept, np.argsort(order)[drawn].astype(np.min_scalar_type(len(kept) - 1)))


def _unpacked(values: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return colors that were packed into one number each."""
    return np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.uint8)


def _as_pair(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """Return two pictures of one shape as float64."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.size == 0:
        raise ValueError(f"a, b: found shapes {first.shape} and {second.shape}, expected equal")
    return first, second


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
