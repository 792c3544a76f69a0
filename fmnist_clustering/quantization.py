"""Pictures in few colors: palettes, loss, and what a file really takes."""

import io
import math
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.spatial import KDTree
from sklearn.cluster import KMeans
from sklearn.utils import check_scalar

from fmnist_clustering._checks import WHITE, ByteArray, FloatArray, IntArray
from fmnist_clustering._parallel import single_threaded
from fmnist_clustering.kmeans import fit_kmeans

CUBE_WIDTHS = (8, 4, 2, 1)
"""How many levels wide the cubes of color space may be; 1 means single colors."""

CUBES_PER_COLOR = 15
"""The search needs this many cubes for each color of the palette."""

FINAL_ITERATIONS = 20
"""Lloyd iterations on the unique colors. Rounding hides what more would gain."""

JITTER = 1e-6
"""So far the search moves colors off the integers, where distances tie exactly."""

MAX_INDEXED_COLORS = 256
"""An indexed PNG has at most 8 bits for each pixel, and so has Pillow's dithering."""

BYTE_WEIGHTS = np.array([65536, 256, 1], dtype=np.uint32)
"""Red, green and blue as the three bytes of one number."""

LUMA_WEIGHTS = np.array([299, 587, 114])
"""How bright red, green and blue look (ITU-R BT.601), in thousandths.

Whole numbers, because sums of fractions would break ties by their rounding errors.
"""


class IndexedImage(NamedTuple):
    """A picture in few colors.

    Attributes
    ----------
    palette : (k, 3) uint8
        sRGB colors from dark to light, no two equal.
    indices : (h, w) uint8
        The row of the palette for each pixel. With more than 256 colors the type is
        uint16 or uint32.
    """

    palette: ByteArray
    indices: NDArray[np.unsignedinteger]

    @property
    def image(self) -> ByteArray:
        """(h, w, 3) uint8: the picture drawn with the palette."""
        return np.asarray(self.palette[self.indices])

    @property
    def shares(self) -> FloatArray:
        """(k,) float64: share of the pixels that each color covers; they sum to 1."""
        counts = np.bincount(self.indices.ravel(), minlength=len(self.palette))
        return counts / self.indices.size


@single_threaded()
def quantize(
    image: ByteArray,
    n_colors: int,
    *,
    random_state: int = 0,
) -> IndexedImage:
    """Redraw a picture in k colors that k-means finds.

    Parameters
    ----------
    image : (h, w, 3) uint8
        An sRGB picture.
    n_colors : int
        k, 1 or more. If the picture has no more than k colors, it comes back unchanged.
    random_state : int
        Seed of the random numbers, 0 or more: the same seed gives the same result.

    Returns
    -------
    IndexedImage
        ``.palette`` (k, 3), ``.indices`` (h, w) and ``.image``. There are fewer than k
        colors if the picture has fewer, or if some become equal when they are rounded.

    Raises
    ------
    ValueError
        When `image` is not (h, w, 3) uint8 or is empty, or a number is out of range.

    Notes
    -----
    k-means runs on the unique colors, weighted by their numbers of pixels, which lowers
    the same cost as k-means on all pixels.

    1. Search: `fmnist_clustering.fit_kmeans` on the mean colors of cubes of color
       space. The cubes are 8 levels wide, or narrower until there are 15 for each color
       of the palette.
    2. Refinement: at most 20 of Lloyd's iterations on the unique colors.
    3. The means are rounded to 8 bits, and each pixel takes the nearest of them.

    640 x 427 pixels take about 0.4 s for 100 colors.
    """
    check_picture(image)
    check_scalar(n_colors, "n_colors", Integral, min_val=1)
    packed, inverse, counts = np.unique(
        _pack(image),
        return_inverse=True,
        return_counts=True,
    )
    colors = _unpack(packed)
    color_of_pixel = inverse.reshape(image.shape[:2])
    if n_colors >= len(colors):
        return _indexed(colors, color_of_pixel)

    means, weight = _coarsest_cubes(colors, counts, n_colors)
    means += np.random.default_rng(0).uniform(-JITTER, JITTER, means.shape)
    fit = fit_kmeans(means, n_colors, sample_weight=weight, random_state=random_state)
    model = KMeans(
        n_colors, init=fit.centroids, n_init=1, max_iter=FINAL_ITERATIONS
    ).fit(colors.astype(np.float64), sample_weight=counts)
    palette = np.rint(model.cluster_centers_).astype(np.uint8)
    return _indexed(palette, _nearest_color(colors, palette)[color_of_pixel])


def apply_palette(
    image: ByteArray,
    palette: ArrayLike,
    *,
    dither: bool = False,
) -> IndexedImage:
    """Redraw a picture in given colors.

    Parameters
    ----------
    image : (h, w, 3) uint8
        An sRGB picture.
    palette : (k, 3) array-like
        sRGB colors, whole numbers from 0 to 255, in any order.
    dither : bool
        False: each pixel takes the nearest color. True: each pixel passes its error on
        to its neighbors (Floyd and Steinberg 1976), so that steps become grain. This
        takes at most 256 colors.

    Returns
    -------
    IndexedImage
        Its palette has each color once, and only the colors that some pixel takes.

    Raises
    ------
    ValueError
        When `image` is not (h, w, 3) uint8 or is empty, or `palette` is not as above.

    Notes
    -----
    Dithering is Pillow's. It looks for the color that is nearest to red, green and blue
    rounded down to multiples of 4, so the color that a pixel takes may be up to about
    10 levels farther away than the nearest. A picture whose colors are all in the
    palette stays as it is if they are at least 11 levels apart; of closer colors some
    pixels may take another one.
    """
    check_picture(image)
    colors = np.asarray(palette)
    if colors.ndim != 2 or colors.shape[1] != 3 or colors.size == 0:
        raise ValueError(f"palette: found shape {colors.shape}, expected (k, 3)")
    if not np.isin(colors, np.arange(256)).all():
        raise ValueError("palette: expected whole numbers from 0 to 255")
    colors = colors.astype(np.uint8)
    if not dither:
        return _indexed(colors, _nearest_color(image, colors))
    _check_at_most_256(colors, "palette")
    return _indexed(colors, _dither(image, colors))


def indexed_png(image: IndexedImage) -> bytes:
    """Return a picture as an indexed PNG file: a palette, and 1 to 8 bits a pixel.

    Parameters
    ----------
    image : IndexedImage
        A picture of at most 256 colors.

    Returns
    -------
    bytes
        The content of the file, without loss. Each pixel has 1, 2, 4 or 8 bits before
        compression, as few as the palette allows.

    Raises
    ------
    ValueError
        When it has more than 256 colors, which the format cannot hold.
    """
    _check_at_most_256(image.palette, "image")
    picture = Image.fromarray(image.indices.astype(np.uint8))
    picture.putpalette(image.palette.tobytes())
    return _png(picture)


def size_report(
    image: IndexedImage,
    original: ByteArray,
    source_size: int | None = None,
) -> pd.DataFrame:
    """Compare the sizes of a quantized picture that are often mixed up.

    Parameters
    ----------
    image : IndexedImage
        A picture of at most 256 colors.
    original : (h, w, 3) uint8
        The picture that it was made from.
    source_size : int, optional
        Bytes of the file that the original came from, see `image_file_size`.

    Returns
    -------
    DataFrame
        One row for each way to count:

        - ``raw``: 24 bits for each pixel of the original;
        - ``formula``: 24 bits for each color and ceil(log2 k) bits for each pixel;
        - ``entropy``: 24 bits for each color, and for each pixel the fewest bits that
          coding it by itself can reach (Shannon 1948,
          doi:10.1002/j.1538-7305.1948.tb01338.x);
        - ``indexed PNG`` and ``PNG-24``: the files as Pillow writes them, of the
          quantized picture and of the original;
        - ``source file``: only if `source_size` is given.

        Columns: ``depth``, bits for each pixel before compression; ``bytes``;
        ``ratio``, raw bytes divided by bytes, where higher is smaller; and
        ``bits_per_pixel``, from the bytes.

    Raises
    ------
    ValueError
        When `original` is not (h, w, 3) uint8 or has another height or width than
        `image`, or the palette has more than 256 colors.
    """
    check_picture(original, "original")
    if image.indices.shape != original.shape[:2]:
        shapes = f"{image.indices.shape} and {original.shape[:2]}"
        raise ValueError(f"image, original: found {shapes} pixels, expected the same")
    n_pixels = image.indices.size
    palette_bits = 24 * len(image.palette)
    whole_bits = math.ceil(math.log2(len(image.palette)))
    entropy = _entropy(image.shares)
    png = indexed_png(image)
    png_24 = _png(Image.fromarray(original))

    depth_and_bytes: dict[str, tuple[float, float]] = {
        "raw": (24, 3 * n_pixels),
        "formula": (whole_bits, (palette_bits + n_pixels * whole_bits) / 8),
        "entropy": (entropy, (palette_bits + n_pixels * entropy) / 8),
        "indexed PNG": (_bit_depth(png), len(png)),
        "PNG-24": (24, len(png_24)),
    }
    if source_size is not None:
        depth_and_bytes["source file"] = (math.nan, source_size)
    report = pd.DataFrame.from_dict(
        depth_and_bytes,
        orient="index",
        columns=["depth", "bytes"],
        dtype=np.float64,
    )
    size = np.ceil(report["bytes"])
    report["bytes"] = size.astype(np.int64)
    report["ratio"] = 3 * n_pixels / size
    report["bits_per_pixel"] = 8 * size / n_pixels
    return report


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
    first = np.asarray(a, dtype=np.float64)
    second = np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        shapes = f"{first.shape} and {second.shape}"
        raise ValueError(f"a, b: found shapes {shapes}, expected the same")
    mean_squared_error = float(np.square(first - second).mean())
    if mean_squared_error == 0:
        return math.inf
    return 10 * math.log10(WHITE**2 / mean_squared_error)


def _coarsest_cubes(
    colors: ByteArray, counts: IntArray, n_colors: int
) -> tuple[FloatArray, FloatArray]:
    """Return the mean colors of the widest cubes that are enough, and their weights."""
    for width in CUBE_WIDTHS:
        cubes, cube_of_color = np.unique(_pack(colors // width), return_inverse=True)
        if len(cubes) >= CUBES_PER_COLOR * n_colors:
            break
    weight = np.bincount(cube_of_color, counts).astype(np.float64)
    sums = [np.bincount(cube_of_color, counts * channel) for channel in colors.T]
    return np.stack(sums, axis=1) / weight[:, None], weight


def _nearest_color(colors: ByteArray, palette: ByteArray) -> IntArray:
    """Return the row of the nearest color of the palette, (..., 3) -> (...)."""
    _, nearest = KDTree(palette).query(colors)
    return np.asarray(nearest)


def _dither(image: ByteArray, palette: ByteArray) -> ByteArray:
    """Return the row of the palette for each pixel, by Floyd and Steinberg's method.

    Of equal colors in the palette, Pillow always takes the first.
    """
    given = Image.new("P", (1, 1))  # to Pillow a palette belongs to a picture
    given.putpalette(palette.tobytes())
    dithered = Image.fromarray(image).quantize(
        palette=given,
        dither=Image.Dither.FLOYDSTEINBERG,
    )
    return np.asarray(dithered)


def _indexed(palette: ByteArray, indices: NDArray[Any]) -> IndexedImage:
    """Return a picture whose palette has each color once, from dark to light.

    `palette` may hold equal colors, and colors that no pixel takes.
    """
    # Drop the colors that no pixel takes. This merges equal colors, too: the search for
    # the nearest color always returns the same one of them, so the others are unused.
    counts = np.bincount(indices.ravel(), minlength=len(palette))
    used = np.flatnonzero(counts)
    colors = palette[used]

    # Sort from dark to light; equally light colors by red, then green, then blue.
    lightness = colors @ LUMA_WEIGHTS
    order = np.lexsort((_pack(colors), lightness))

    # Renumber: the color that comes i-th in this order gets index i.
    new_index = np.zeros(len(palette), dtype=np.min_scalar_type(len(used) - 1))
    new_index[used[order]] = np.arange(len(used))
    return IndexedImage(colors[order], new_index[indices])


def _pack(colors: ByteArray) -> NDArray[np.uint32]:
    """Return each color as one number, (..., 3) -> (...)."""
    return np.asarray(colors @ BYTE_WEIGHTS)


def _unpack(packed: NDArray[np.uint32]) -> ByteArray:
    """Return the colors that were packed into (n,) numbers, (n, 3)."""
    red = packed >> 16
    green = packed >> 8 & 255
    blue = packed & 255
    return np.stack([red, green, blue], axis=1).astype(np.uint8)


def _entropy(shares: FloatArray) -> float:
    """Return the entropy of shares that sum to 1, in bits."""
    positive = shares[shares > 0]
    return -float(positive @ np.log2(positive))


def _png(picture: Image.Image) -> bytes:
    """Return a picture as a PNG file, compressed as well as Pillow can."""
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def _bit_depth(png: bytes) -> int:
    """Return how many bits each sample of a PNG file has; an index is one sample.

    The signature takes 8 bytes, the length and the name of the chunk IHDR 8 more, and
    the width and the height of the picture 8 more. The next byte is the bit depth.
    """
    return png[24]


def check_picture(image: ByteArray, name: str = "image") -> None:
    """Refuse whatever is not a picture of 8-bit colors."""
    array = np.asarray(image)
    has_colors = array.ndim == 3 and array.shape[2] == 3 and array.size > 0
    if array.dtype != np.uint8 or not has_colors:
        found = f"{array.dtype} of shape {array.shape}"
        raise ValueError(f"{name}: found {found}, expected (h, w, 3) uint8")


def _check_at_most_256(palette: ByteArray, name: str) -> None:
    """Refuse more colors than 8 bits can number."""
    n_colors = len(palette)
    if n_colors > MAX_INDEXED_COLORS:
        expected = f"at most {MAX_INDEXED_COLORS}"
        raise ValueError(f"{name}: found {n_colors} colors, expected {expected}")
