"""The Fashion-MNIST CSV: read, check, split."""

import gzip
import io
import re
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmnist_clustering import checks

CLASS_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
"""The ten garments; position = label in the CSV."""

COLUMNS = ("label", *(f"pixel{i}" for i in range(1, 785)))
SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}
# Images a garment and the sum of all pixels: true of the original files in any row order.
FINGERPRINTS = {"train": (6000, 3_431_114_169), "test": (1000, 573_469_082)}


class FashionMNIST(NamedTuple):
    """Images and their true garments, row by row.

    Attributes
    ----------
    pixels : (n, 784) uint8
        Grey values 0-255, 28 x 28 row by row; higher is darker.
    garments : (n,) uint8
        The true garment, 0-9, a position in `CLASS_NAMES`.
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
        A folder that holds both ``pyproject.toml`` and ``notebooks/``; None when there is none.
    """
    folders = (Path(start).resolve() / "x").parents
    return next((f for f in folders if (f / "pyproject.toml").is_file() and (f / "notebooks").is_dir()), None)


def load_split(split: str = "test", data_dir: str | Path | None = None) -> FashionMNIST:
    """Load one split of Fashion-MNIST.

    Parameters
    ----------
    split : {"test", "train", "all"}
        10,000 test images, 60,000 training images, or all 70,000 (train, then test).
    data_dir : str or Path, optional
        Folder with ``fashion-mnist_train.csv`` and ``fashion-mnist_test.csv``, each plain or as
        ``.csv.gz`` (the latter wins where both are). Default: ``data/`` of the checkout.

    Returns
    -------
    FashionMNIST
        ``.pixels`` (n, 784) uint8 and ``.garments`` (n,) uint8, in the order of the files.

    Raises
    ------
    ValueError
        For an unknown split, or a file that `read_csv` refuses.
    FileNotFoundError
        When a file is in none of the places tried; the message lists them.

    Notes
    -----
    About 0.6 s for the test split and 4 s for all on one core; peak memory 0.4 GB.
    """
    checks.choice(split, "split", SPLITS)
    parts = [read_csv(_find_csv(name, data_dir)) for name in SPLITS[split]]
    return FashionMNIST(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def read_csv(path: str | Path) -> FashionMNIST:
    """Read one CSV in Kaggle's layout, and check every value.

    Parameters
    ----------
    path : str or Path
        UTF-8 text (a byte-order mark and CRLF are fine), plain or gzip whatever its name. First
        line ``label,pixel1,...,pixel784``; the columns may stand in another order, since they are
        taken by name. Then one line an image: integers, label 0-9, pixels 0-255.

    Returns
    -------
    FashionMNIST
        ``.pixels`` (n, 784) uint8 and ``.garments`` (n,) uint8, n >= 1, in the order of the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        For anything else than the layout above; the message names file, line and column.

    Warns
    -----
    UserWarning
        When a file named ``fashion-mnist_train`` or ``fashion-mnist_test`` holds other images:
        MNIST's digits are often found under these names.
    """
    path = checks.path(path, "path")
    if not path.is_file():
        kind = "found a folder" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {kind}, expected a CSV file")
    text = _uncompressed(path)
    header, start = _read_header(path, text)
    rows = text[start:].rstrip()
    if not rows:
        raise ValueError(f"{path}: found a header but no rows, expected at least one image")
    values = _parse(path, rows, header)
    order = [header.index(name) for name in COLUMNS]
    images = FashionMNIST(np.ascontiguousarray(values[:, order[1:]]), values[:, order[0]].copy())
    _warn_if_not_fashion(path, images)
    return images


def _find_csv(split: str, data_dir: str | Path | None) -> Path:
    """Return the path of a split's CSV."""
    if data_dir is None:
        found = [find_checkout(place) for place in (Path(__file__).parent, Path.cwd())]
        folders = [checkout / "data" for checkout in found if checkout]
    else:
        folders = [checks.path(data_dir, "data_dir")]
    names = [f"fashion-mnist_{split}.csv{end}" for end in (".gz", "")]
    tried = [folder / name for folder in dict.fromkeys(folders) for name in names]
    for path in tried:
        if path.is_file():
            return path
    places = ", ".join(map(str, tried)) or f"no checkout at or above {Path.cwd()}"
    advice = "Clone the repository, which holds the data, or pass data_dir= with a folder that holds Kaggle's CSV files"
    raise FileNotFoundError(f"{names[0]}: not found; tried {places}. {advice}")


def _uncompressed(path: Path) -> bytes:
    """Return a file's content, gunzipped when it is gzip, without byte-order mark."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: gzip data damaged or truncated ({error})") from None
    if raw[:4] == b"PK\x03\x04":
        raise ValueError(f"{path}: found a zip archive, expected the CSV file inside it")
    if not raw.strip():
        raise ValueError(f"{path}: found an empty file, expected a header and one line an image")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _read_header(path: Path, text: bytes) -> tuple[list[str], int]:
    """Return the column names and where the second line starts."""
    end = text.find(b"\n") + 1 or len(text)
    names = [name.strip(' "') for name in text[:end].decode(errors="replace").strip().split(",")]
    missing, unknown = set(COLUMNS) - set(names), [name for name in names if name not in COLUMNS]
    if not missing and len(names) == len(COLUMNS):
        return names, end
    found = f", among them {unknown[0][:40]!r}" if unknown else ""
    found = " of numbers, no header" if all(re.fullmatch(r"\d+", name) for name in names) else found
    found += f", without {min(missing, key=COLUMNS.index)!r}" if missing and not unknown else ""
    expected = "expected 785 named label, pixel1, ..., pixel784"
    raise ValueError(f"{path}: line 1: found {len(names)} columns{found}, {expected}")


def _parse(path: Path, rows: bytes, header: list[str]) -> NDArray[np.uint8]:
    """Return the rows as (n, 785) uint8, or say what is wrong with the first bad cell."""
    reason: object = "lines of different length"
    # pandas would take "1e2" or "true" for a number: only digits get there
    if not rows.translate(None, b'0123456789, "\r\n'):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # pandas only warns when it drops surplus columns
                layout = {"header": None, "names": header, "index_col": False, "skip_blank_lines": False}
                frame = pd.read_csv(io.BytesIO(rows), dtype=np.uint8, **layout)
            if rows.count(b",") == frame.size - len(frame) and frame["label"].max() <= 9:
                return np.asarray(frame)
        except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
            reason = error
    fault = _first_fault(rows, header) or f"could not be read as CSV ({reason})"
    raise ValueError(f"{path}: {fault}")


def _first_fault(rows: bytes, header: list[str]) -> str | None:
    """Describe the first bad cell, line by line: slow, and only called to explain a refusal."""
    for number, line in enumerate(rows.decode(errors="replace").split("\n"), start=2):
        cells = [cell.strip(' "\r') for cell in line.split(",")]
        if len(cells) != len(header):
            return f"line {number}: found {len(cells)} columns, expected {len(header)}"
        for name, cell in zip(header, cells, strict=True):
            highest = 9 if name == "label" else 255
            if not re.fullmatch("0*[0-9]{1,3}", cell) or int(cell[-3:]) > highest:
                found = cell[:40] if re.fullmatch("-?[0-9]+", cell) else repr(cell[:40]) if cell else "an empty cell"
                return f"line {number}, column {name}: found {found}, expected an integer 0 to {highest}"
    return None


def _warn_if_not_fashion(path: Path, images: FashionMNIST) -> None:
    """Warn when a file that bears a split's name does not hold its images."""
    split = next((s for s in FINGERPRINTS if path.name.startswith(f"fashion-mnist_{s}.")), None)
    if split is None:
        return
    per_garment, pixel_sum = FINGERPRINTS[split]
    counts = np.bincount(images.garments, minlength=10)
    found = int(images.pixels.sum(dtype=np.int64))
    if found != pixel_sum or (counts != per_garment).any():
        told = f"found {counts.min()} to {counts.max()} images a class and pixel sum {found}"
        expected = f"expected {per_garment} and {pixel_sum} (MNIST's digits are often found under this name)"
        kind = f"these are not the images of Fashion-MNIST's {split} split"
        warnings.warn(f"{path}: {kind}: {told}, {expected}", stacklevel=3)
