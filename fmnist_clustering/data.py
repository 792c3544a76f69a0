"""The Fashion-MNIST CSV files: read them, check them, choose a split."""

import gzip
import io
import re
import warnings
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmnist_clustering._validation import check_option, check_path

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""The ten garments; the position is the label in the CSV."""

N_PIXELS = 784
COLUMNS = ("label", *(f"pixel{i}" for i in range(1, N_PIXELS + 1)))
MAX_LABEL = len(CLASS_NAMES) - 1
MAX_PIXEL = 255

SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}

FINGERPRINTS = {"train": (6000, 3_431_114_169), "test": (1000, 573_469_082)}
"""Images of each garment, and the sum of all pixels: both are true in any row order."""

ALLOWED_BYTES = b'0123456789, "\r\n'
"""All that a line of numbers may hold. pandas would also read "1e2" or "true"."""

DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)

GZIP_START = b"\x1f\x8b"
ZIP_START = b"PK\x03\x04"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FashionMNIST(NamedTuple):
    """Images and their true garments, row by row.

    Attributes
    ----------
    pixels : (n, 784) uint8
        Grey values 0-255 of 28 x 28 pixels, row by row; higher is darker.
    garments : (n,) uint8
        The true garment, 0-9: its position in `CLASS_NAMES`.
    """

    pixels: NDArray[np.uint8]
    garments: NDArray[np.uint8]


def find_checkout(start: str | Path) -> Path | None:
    """Return the nearest folder at or above `start` that is a checkout of this project.

    Parameters
    ----------
    start : str or Path
        Where the search upward begins.

    Returns
    -------
    Path or None
        A folder that holds both ``pyproject.toml`` and ``notebooks/``; None if there
        is none.
    """
    first = Path(start).resolve()
    for folder in (first, *first.parents):
        has_project_file = (folder / "pyproject.toml").is_file()
        if has_project_file and (folder / "notebooks").is_dir():
            return folder
    return None


def load_split(split: str = "test", data_dir: str | Path | None = None) -> FashionMNIST:
    """Load one split of Fashion-MNIST.

    Parameters
    ----------
    split : {"test", "train", "all"}
        10,000 test images, 60,000 training images, or all 70,000 (train, then test).
    data_dir : str or Path, optional
        A folder with ``fashion-mnist_train.csv`` and ``fashion-mnist_test.csv``, each
        plain or as ``.csv.gz`` (which wins if both exist). Default: ``data/`` of the
        checkout that holds the package or the current folder.

    Returns
    -------
    FashionMNIST
        ``.pixels`` (n, 784) uint8 and ``.garments`` (n,) uint8, in the order of the
        files.

    Raises
    ------
    ValueError
        For an unknown split, or a file that `read_csv` refuses.
    FileNotFoundError
        When a file is in none of the places that were tried; the message lists them.

    Notes
    -----
    About 0.6 s for the test split and 4 s for all images on one core. Peak memory is
    0.6 GB for all images.
    """
    check_option(split, "split", SPLITS)
    parts = []
    for name in SPLITS[split]:
        path = _find_csv(name, data_dir)
        images = _read_images(path)
        _warn_if_not_fashion(path, images)
        parts.append(images)
    return FashionMNIST(
        pixels=np.concatenate([part.pixels for part in parts]),
        garments=np.concatenate([part.garments for part in parts]),
    )


def read_csv(path: str | Path) -> FashionMNIST:
    """Read one CSV file in Kaggle's layout, and check every value.

    Parameters
    ----------
    path : str or Path
        UTF-8 text (a byte-order mark and CRLF are fine), plain or gzip, whatever its
        name. The first line is ``label,pixel1,...,pixel784``; the columns may have
        another order, since they are taken by name. Each further line is one image:
        integers, the label 0-9 and the pixels 0-255.

    Returns
    -------
    FashionMNIST
        ``.pixels`` (n, 784) uint8 and ``.garments`` (n,) uint8, n >= 1, in the order
        of the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        For any other layout; the message names file, line and column.

    Warns
    -----
    UserWarning
        When a file named ``fashion-mnist_train`` or ``fashion-mnist_test`` holds other
        images: MNIST's digits are often found under these names.
    """
    csv_path = check_path(path, "path")
    if csv_path.is_dir():
        raise FileNotFoundError(f"{csv_path}: found a folder, expected a CSV file")
    if not csv_path.is_file():
        raise FileNotFoundError(f"{csv_path}: found no such file, expected a CSV file")

    images = _read_images(csv_path)
    _warn_if_not_fashion(csv_path, images)
    return images


def _find_csv(split: str, data_dir: str | Path | None) -> Path:
    """Return the path of a split's CSV file."""
    if data_dir is not None:
        folders = [check_path(data_dir, "data_dir")]
    else:
        starts = (Path(__file__).parent, Path.cwd())
        checkouts = [find_checkout(start) for start in starts]
        folders = [checkout / "data" for checkout in checkouts if checkout]
    names = [f"fashion-mnist_{split}.csv.gz", f"fashion-mnist_{split}.csv"]
    unique_folders = dict.fromkeys(folders)
    candidates = [folder / name for folder in unique_folders for name in names]
    for path in candidates:
        if path.is_file():
            return path

    if candidates:
        places = ", ".join(str(path) for path in candidates)
    else:
        places = f"no checkout at or above {Path.cwd()}"
    advice = (
        "Clone the repository, which holds the data, or pass data_dir= with a folder "
        "that holds Kaggle's CSV files"
    )
    raise FileNotFoundError(f"{names[0]}: not found; tried {places}. {advice}")


def _read_images(path: Path) -> FashionMNIST:
    """Return the images of a CSV file, every value checked."""
    text = _read_text(path)
    header_line, _, rows = text.partition(b"\n")
    header = _parse_header(path, header_line)
    rows = rows.rstrip()
    if not rows:
        found = "found a header but no rows"
        raise ValueError(f"{path}: {found}, expected at least one image")

    values = _parse_rows(path, rows, header)
    label_column = header.index("label")
    pixel_columns = [header.index(name) for name in COLUMNS[1:]]
    return FashionMNIST(
        pixels=np.ascontiguousarray(values[:, pixel_columns]),
        garments=values[:, label_column].copy(),
    )


def _read_text(path: Path) -> bytes:
    """Return a file's content, unzipped if it is gzip, without a byte-order mark."""
    content = path.read_bytes()
    if content.startswith(GZIP_START):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            reason = f"gzip data damaged or truncated ({error})"
            raise ValueError(f"{path}: {reason}") from None
    if content.startswith(ZIP_START):
        found = "found a zip archive"
        raise ValueError(f"{path}: {found}, expected the CSV file inside it")
    if not content.strip():
        expected = "expected a header and one line for each image"
        raise ValueError(f"{path}: found an empty file, {expected}")
    return content.removeprefix(BYTE_ORDER_MARK)


def _parse_header(path: Path, line: bytes) -> list[str]:
    """Return the column names, or say which is missing or unknown."""
    cells = line.decode(errors="replace").strip().split(",")
    names = [cell.strip(' "') for cell in cells]
    if sorted(names) == sorted(COLUMNS):
        return names
    found = f"{len(names)} columns{_header_fault(names)}"
    expected = f"expected {len(COLUMNS)} named label, pixel1, ..., pixel{N_PIXELS}"
    raise ValueError(f"{path}: line 1: found {found}, {expected}")


def _header_fault(names: list[str]) -> str:
    """Say what is wrong with column names that are not the expected ones."""
    if all(re.fullmatch(r"\d+", name) for name in names):
        return " of numbers, no header"
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        return f", among them {unknown[0][:40]!r}"
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        return f", without {missing[0]!r}"
    return ""


def _parse_rows(path: Path, rows: bytes, header: list[str]) -> NDArray[np.uint8]:
    """Return the rows as (n, 785) uint8, or say what the first bad cell is."""
    reason = "lines of different length"
    has_only_numbers = not rows.translate(None, ALLOWED_BYTES)
    if has_only_numbers:
        try:
            values = _parse_numbers(rows, header)
        except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
            reason = str(error)
        else:
            # pandas fills short lines and drops surplus cells without a word.
            n_commas = rows.count(b",")
            is_complete = n_commas == values.size - len(values)
            labels = values[:, header.index("label")]
            if is_complete and labels.max() <= MAX_LABEL and values.max() <= MAX_PIXEL:
                return values.astype(np.uint8)
    fault = _first_fault(rows, header)
    if fault is None:
        fault = f"could not be read as CSV ({reason})"
    raise ValueError(f"{path}: {fault}")


def _parse_numbers(rows: bytes, header: list[str]) -> NDArray[Any]:
    """Return the rows as (n, 785) integers of a type in which they cannot wrap.

    Older versions of pandas read 300 as 44 if they are asked for uint8, and 65536 as 0
    if they are asked for uint16. A number that large has five digits or more.
    """
    has_long_numbers = b"00000" in rows.translate(DIGITS_TO_ZERO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas only warns when it drops cells
        frame = pd.read_csv(
            io.BytesIO(rows),
            dtype=np.int64 if has_long_numbers else np.uint16,
            header=None,
            names=header,
            index_col=False,
            skip_blank_lines=False,
        )
    return np.asarray(frame)


def _first_fault(rows: bytes, header: list[str]) -> str | None:
    """Describe the first bad cell: slow, and only called to explain a refusal."""
    lines = rows.decode(errors="replace").split("\n")
    for number, line in enumerate(lines, start=2):
        cells = [cell.strip(' "\r') for cell in line.split(",")]
        if len(cells) != len(header):
            expected = f"expected {len(header)}"
            return f"line {number}: found {len(cells)} columns, {expected}"
        for name, cell in zip(header, cells, strict=True):
            highest = MAX_LABEL if name == "label" else MAX_PIXEL
            if not _is_integer_up_to(cell, highest):
                place = f"line {number}, column {name}"
                expected = f"expected an integer, 0 to {highest}"
                return f"{place}: found {_describe_cell(cell)}, {expected}"
    return None


def _is_integer_up_to(cell: str, highest: int) -> bool:
    """Return whether a cell holds an integer from 0; leading zeros are fine."""
    return re.fullmatch("0*[0-9]{1,3}", cell) is not None and int(cell[-3:]) <= highest


def _describe_cell(cell: str) -> str:
    """Return a cell's content as it stands in an error message."""
    if not cell:
        return "an empty cell"
    is_number = re.fullmatch("-?[0-9]+", cell) is not None
    return cell[:40] if is_number else repr(cell[:40])


def _warn_if_not_fashion(path: Path, images: FashionMNIST) -> None:
    """Warn when a file that has a split's name does not hold its images."""
    split = path.name.partition(".")[0].removeprefix("fashion-mnist_")
    if split not in FINGERPRINTS or not path.name.startswith("fashion-mnist_"):
        return  # another name promises nothing
    n_per_garment, pixel_sum = FINGERPRINTS[split]
    counts = np.bincount(images.garments, minlength=len(CLASS_NAMES))
    found_sum = int(images.pixels.sum(dtype=np.int64))
    if found_sum == pixel_sum and (counts == n_per_garment).all():
        return
    per_class = f"{counts.min()} to {counts.max()} images of each class"
    warnings.warn(
        f"{path}: these are not the images of Fashion-MNIST's {split} split: "
        f"found {per_class} and pixel sum {found_sum}, "
        f"expected {n_per_garment} and {pixel_sum} "
        "(MNIST's digits are often found under this name)",
        stacklevel=3,  # the line that called `read_csv` or `load_split`
    )
