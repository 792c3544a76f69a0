"""The Fashion-MNIST CSV files: read them, check them, choose a split."""

import gzip
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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

ARTIFACTS_VARIABLE = "FMNIST_CLUSTERING_ARTIFACTS"
"""The environment variable that says where the notebooks save figures and numbers."""

SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}
"""The files of each split."""

FINGERPRINTS = {"train": (6000, 3_431_114_169), "test": (1000, 573_469_082)}
"""Images of each garment, and the sum of all pixels: both are true in any row order."""

ROWS_AT_ONCE = 10_000
"""pandas needs 8 bytes for a pixel: 63 MB for so many rows."""

FAULTS = (ValueError, EOFError, gzip.BadGzipFile, zlib.error, pd.errors.ParserWarning)
"""What pandas raises for a damaged file or no CSV, and what the checks raise."""


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
        A folder that holds ``pyproject.toml``, ``notebooks/`` and this package; None
        if there is none.
    """
    first = Path(start).resolve()
    for folder in (first, *first.parents):
        has_project_file = (folder / "pyproject.toml").is_file()
        has_package = (folder / "fmnist_clustering").is_dir()
        if has_project_file and has_package and (folder / "notebooks").is_dir():
            return folder
    return None


def load_split(split: str = "test", data_dir: str | Path | None = None) -> FashionMNIST:
    """Load one split of Fashion-MNIST from CSV files in Kaggle's layout.

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
        files. The columns are taken by name.

    Raises
    ------
    FileNotFoundError
        When a file is in none of the places that were tried; the message lists them.
    ValueError
        For an unknown split; for a file that is damaged or empty, has other columns
        than label, pixel1, ..., pixel784, or a cell that is no whole number, 0-255 for
        a pixel and 0-9 for a label. The message names the file, and the place in it.

    Warns
    -----
    UserWarning
        When a file holds other images than Fashion-MNIST's: MNIST's digits are often
        found under these names.

    Notes
    -----
    About 0.5 s for the test split and 3 s for all images.
    """
    if split not in SPLITS:
        choices = ", ".join(repr(name) for name in SPLITS)
        raise ValueError(f"split: found {split!r}, expected one of {choices}")
    tables = []
    for name in SPLITS[split]:
        path = _find_csv(name, data_dir)
        table = _read_csv(path)
        _warn_if_not_fashion(path, name, table)
        tables.append(table)
    images = np.concatenate(tables)
    # Copies, so that rows lie together in memory and the joined table can be freed.
    return FashionMNIST(pixels=images[:, 1:].copy(), garments=images[:, 0].copy())


def _find_csv(split: str, data_dir: str | Path | None) -> Path:
    """Return the path of a split's CSV file."""
    if data_dir is not None:
        folders = [Path(data_dir)]
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

    tried = ", ".join(str(path) for path in candidates)
    found = f"tried {tried}" if tried else f"found no checkout at or above {Path.cwd()}"
    advice = (
        "Clone the repository, which holds the data, or pass data_dir= with a folder "
        "that holds Kaggle's CSV files"
    )
    raise FileNotFoundError(f"{names[0]}: not found; {found}. {advice}")


def _read_csv(path: Path) -> NDArray[np.uint8]:
    """Return a file's rows, every value checked: the label, then 784 pixels."""
    try:
        with warnings.catch_warnings():
            # pandas only warns when it drops cells.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            _check_header(path)
            return _read_rows(path)
    except FAULTS as error:
        raise ValueError(f"{path}: {str(error).strip()}") from None


def _check_header(path: Path) -> None:
    """Refuse a first line that does not name each column once."""
    # As text without a header, since pandas renames a column that stands there twice.
    line = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
    names = line.iloc[0].tolist()
    missing = [name for name in COLUMNS if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    repeated = [name for name in COLUMNS if names.count(name) > 1]
    faults = {"missing": missing, "unknown": unknown, "repeated": repeated}
    found = [
        f"{fault} {columns[0][:40]!r}" for fault, columns in faults.items() if columns
    ]
    if found:
        expected = f"expected a header with label, pixel1, ..., pixel{N_PIXELS}"
        raise ValueError(f"line 1: {expected}, each once; {', '.join(found)}")


def _read_rows(path: Path) -> NDArray[np.uint8]:
    """Return the rows of a file whose header is right."""
    # Asked for bytes, pandas below 3.1 reads 300 as 44. Left alone it takes 64 bits.
    # With low_memory it could choose another type for each piece of a column.
    with pd.read_csv(
        path, index_col=False, chunksize=ROWS_AT_ONCE, low_memory=False
    ) as tables:
        rows = np.concatenate([_as_bytes(table[list(COLUMNS)]) for table in tables])
    if len(rows) == 0:
        raise ValueError("found a header but no rows, expected at least one image")
    return rows


def _as_bytes(table: pd.DataFrame) -> NDArray[np.uint8]:
    """Return a table of whole numbers in range, or name the first other cell."""
    numbers = table.copy()
    for name in table.select_dtypes(exclude="number"):
        numbers[name] = pd.to_numeric(table[name], errors="coerce")  # text becomes NaN
    wide = numbers.to_numpy()
    with np.errstate(invalid="ignore"):  # NaN is no byte
        values = wide.astype(np.uint8)
    is_bad = values != wide  # the cast has changed what is no byte
    is_bad[:, 0] |= values[:, 0] > MAX_LABEL
    if is_bad.any():
        row, column = np.argwhere(is_bad)[0]
        place = f"line {table.index[row] + 2}, column {COLUMNS[column]}"
        cell = table.iloc[row, column]
        found = "an empty cell" if pd.isna(cell) else repr(str(cell)[:40])
        highest = MAX_LABEL if column == 0 else MAX_PIXEL
        expected = f"expected a whole number, 0 to {highest}"
        raise ValueError(f"{place}: found {found}, {expected}")
    return values


def _warn_if_not_fashion(path: Path, split: str, rows: NDArray[np.uint8]) -> None:
    """Warn when a split's file does not hold its images."""
    n_per_garment, pixel_sum = FINGERPRINTS[split]
    counts = np.bincount(rows[:, 0], minlength=len(CLASS_NAMES))
    has_sum = rows[:, 1:].sum(dtype=np.int64) == pixel_sum
    if not has_sum or (counts != n_per_garment).any():
        warnings.warn(
            f"{path}: these are not the images of Fashion-MNIST's {split} split "
            "(MNIST's digits are often found under this name)",
            stacklevel=3,  # the line that called `load_split`
        )
