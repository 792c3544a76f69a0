"""Palette, index image, error in numbers and to the eye, and the size that is really saved."""

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
from threadpoolctl import threadpool_limits

from fmnist_clustering import checks
from fmnist_clustering.checks import Floats
from fmnist_clustering.kmeans import fit_prepared, lloyd, prepare

SAMPLES = {"china": "danielbuechele on Flickr, CC BY 2.0", "flower": "vultilion on Flickr, CC BY 2.0"}
LUMA = np.array([299, 587, 114])  # ITU-R BT.601, in thousandths: whole numbers tie alike everywhere
PACKED = np.array([65536, 256, 1], dtype=np.uint32)
# From linear sRGB to CIE XYZ (IEC 61966-2-1); the sums of the rows are the white point D65.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
KINK = 6 / 29


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


@threadpool_limits.wrap(limits=1)  # type: ignore[untyped-decorator]
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
    checks.count(n_colors, "n_colors")
    values, inverse, counts = np.unique(image @ PACKED, return_inverse=True, return_counts=True)
    colors = _unpacked(values)
    if n_colors >= len(colors):
        return _indexed(colors, inverse.reshape(image.shape[:2]))
    width = next((width for width in (8, 4, 2) if len(_cubes(colors, counts, width)[0]) >= 20 * n_colors), 1)
    centroids = fit_prepared(prepare(*_cubes(colors, counts, width)), n_colors, n_init=3, seed=seed).centroids
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
    given = checks.array(palette, "palette")
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
    srgb = checks.numbers(colors, "colors") / 255
    if srgb.shape[-1:] != (3,) or not ((srgb >= 0) & (srgb <= 1)).all():
        raise ValueError(f"colors: found shape {srgb.shape}, expected (..., 3) with values from 0 to 255")
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = light @ (TO_XYZ / TO_XYZ.sum(axis=1, keepdims=True)).T
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

    Raises
    ------
    ValueError
        When one of them is not an array of numbers, three a color.
    """
    first, second = checks.numbers(lab, "lab"), checks.numbers(other, "other")
    if first.shape[-1:] != (3,) or second.shape[-1:] != (3,):
        raise ValueError(f"lab, other: found shapes {first.shape} and {second.shape}, expected (..., 3)")
    (light, a, b), (light2, a2, b2) = (np.moveaxis(part, -1, 0) for part in (first, second))
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


def delta_e(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Return how different two pictures look, pixel by pixel, by CIEDE2000.

    Parameters
    ----------
    a, b : (h, w, 3) uint8
        Two pictures of one shape.

    Returns
    -------
    mean, p95 : float
        Mean and 95th percentile of `ciede2000`: 0 or more, lower is nearer; about 1 is
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
    if len(checks.made(quantized, "quantized", Quantized).palette) > 256:
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
    _check_image(original, "original")
    if checks.made(quantized, "quantized", Quantized).indices.shape != original.shape[:2]:
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
    path = checks.path(source, "source")
    if source in SAMPLES:
        return Path(str(resources.files("sklearn.datasets.images") / f"{source}.jpg"))
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


def _saturating(chroma: NDArray[Any]) -> NDArray[Any]:
    """Return the formula's term that goes from 0 for grey to 1 for strong colors."""
    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))


def _as_pair(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """Return two pictures of one shape as float64."""
    first, second = checks.numbers(a, "a"), checks.numbers(b, "b")
    if first.shape != second.shape or first.size == 0:
        raise ValueError(f"a, b: found shapes {first.shape} and {second.shape}, expected equal")
    return first, second


def _check_image(image: NDArray[np.uint8], name: str = "image") -> None:
    """Refuse whatever is not a picture of 8-bit colors."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = getattr(image, "dtype", type(image).__name__)
        raise ValueError(f"{name}: found {found}, expected a uint8 array")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"{name}: found shape {image.shape}, expected (h, w, 3), not empty")


def _png(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
