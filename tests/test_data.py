"""The CSV files: what is read, what is refused, and where they are looked for."""

import gzip
import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from fmnist_clustering import data
from fmnist_clustering.data import CLASS_NAMES, FashionMNIST, find_checkout, load_split

pytestmark = pytest.mark.filterwarnings("ignore:.*these are not the images:UserWarning")

Table = NDArray[np.integer]
"""One row for each image: the label, then 784 pixels."""

DATA = Path(__file__).parents[1] / "data"
PAGE = (DATA / "README.md").read_text(encoding="utf-8")
HEADER = ["label", *(f"pixel{i}" for i in range(1, 785))]

# Rows, SHA-256 of the pixels and of the labels. They were computed from Zalando's IDX
# files without their headers, and without this package.
ORIGINAL = {
    "train": (
        60_000,
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    ),
    "test": (
        10_000,
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
}


def table(n_rows: int = 3) -> Table:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n_rows)
    pixels = rng.integers(0, 256, (n_rows, 784))
    return np.column_stack([labels, pixels])


def cells(values: Table) -> list[list[str]]:
    """Return the cells of a table as text, in lists that may be changed."""
    return [[str(value) for value in row] for row in values]


def as_csv(rows: list[list[str]], header: list[str] = HEADER) -> bytes:
    lines = [",".join(line) + "\n" for line in [header, *rows]]
    return "".join(lines).encode()


def load(folder: Path, content: bytes, end: str = "") -> FashionMNIST:
    """Read a file's content as the test split."""
    (folder / f"fashion-mnist_test.csv{end}").write_bytes(content)
    return load_split("test", folder)


def refusal(folder: Path, content: bytes, end: str = "") -> str:
    """Return what the error about a file says after its path."""
    path = folder / f"fashion-mnist_test.csv{end}"
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: ") as caught:
        load(folder, content, end)
    return str(caught.value).removeprefix(f"{path}: ")


def check_equal(images: FashionMNIST, values: Table) -> None:
    np.testing.assert_array_equal(images.garments, values[:, 0])
    np.testing.assert_array_equal(images.pixels, values[:, 1:])
    assert images.pixels.dtype == images.garments.dtype == np.uint8


# The committed data


def check_is_original(images: FashionMNIST, split: str) -> None:
    n_rows, sha_of_pixels, sha_of_garments = ORIGINAL[split]
    assert images.pixels.shape == (n_rows, 784)
    assert images.pixels.dtype == images.garments.dtype == np.uint8
    assert hashlib.sha256(images.pixels.tobytes()).hexdigest() == sha_of_pixels
    assert hashlib.sha256(images.garments.tobytes()).hexdigest() == sha_of_garments


def test_the_default_is_the_test_split() -> None:
    with warnings.catch_warnings(action="error"):
        check_is_original(load_split(), "test")


@pytest.mark.slow
def test_all_is_train_then_test() -> None:
    with warnings.catch_warnings(action="error"):
        images = load_split("all")
    n_train, *_ = ORIGINAL["train"]
    train = FashionMNIST(images.pixels[:n_train], images.garments[:n_train])
    test = FashionMNIST(images.pixels[n_train:], images.garments[n_train:])
    check_is_original(train, "train")
    check_is_original(test, "test")


def row_of_the_data_page(head: str) -> list[str]:
    row = re.search(rf"^\| {head} \| (.+) \|$", PAGE, re.MULTILINE)
    assert row
    return row[1].split(" | ")


def test_class_names_are_those_of_the_data_page() -> None:
    assert row_of_the_data_page("label") == [str(label) for label in range(10)]
    assert tuple(row_of_the_data_page("garment")) == CLASS_NAMES


@pytest.mark.parametrize("split", ["train", "test"])
def test_sha256_is_that_of_the_data_page(split: str) -> None:
    name = f"fashion-mnist_{split}.csv.gz"
    _, sha256 = row_of_the_data_page(f"`{name}`")
    content = gzip.decompress((DATA / name).read_bytes())
    assert f"`{hashlib.sha256(content).hexdigest()}`" == sha256


# What is read

PLAIN = as_csv(cells(table()))

HARMLESS = {
    "byte-order mark and CRLF": b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n"),
    "no final newline": PLAIN.removesuffix(b"\n"),
    "blank lines at the end": PLAIN + b"\n\n",
    "quoted names": as_csv(cells(table()), [f'"{name}"' for name in HEADER]),
}


@pytest.mark.parametrize("content", HARMLESS.values(), ids=HARMLESS.keys())
def test_harmless_variants_are_read(content: bytes, tmp_path: Path) -> None:
    check_equal(load(tmp_path, content), table())


def test_columns_may_have_any_order(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(785)
    header = [HEADER[column] for column in order]
    check_equal(load(tmp_path, as_csv(cells(table()[:, order]), header)), table())


# What is refused

PACKED = gzip.compress(PLAIN)


def with_lines_of(*lengths: int) -> bytes:
    rows = cells(table(len(lengths)))
    pairs = zip(rows, lengths, strict=True)
    return as_csv([[*row, "7"][:length] for row, length in pairs])


NO_TABLES = {
    "empty": ("", b"", "No columns to parse from file"),
    "header only": ("", as_csv([]), "found a header but no rows"),
    "zip": ("", b"PK\x03\x04\x14\xff\xfe", "can't decode"),
    "gzip cut early": (".gz", PACKED[:9], "Compressed file ended before"),
    "gzip cut late": (".gz", PACKED[:-1], "Compressed file ended before"),
    "gzip by name only": (".gz", PLAIN, "Not a gzipped file"),
    "short line": ("", with_lines_of(785, 784), "line 3, column pixel784: found an em"),
    "long line": ("", with_lines_of(785, 786), "Expected 785 fields in line 3"),
    "long lines": ("", with_lines_of(786, 786), "Length of header or names does not"),
}


@pytest.mark.parametrize(
    ("end", "content", "words"), NO_TABLES.values(), ids=NO_TABLES.keys()
)
def test_a_file_that_is_no_whole_table_is_refused(
    end: str, content: bytes, words: str, tmp_path: Path
) -> None:
    assert words in refusal(tmp_path, content, end)


BAD_HEADERS = {
    "no header": (cells(table())[0], "missing 'label', unknown '8'"),
    "web page": (["<!DOCTYPE html>"], "missing 'label', unknown '<!DOCTYPE html>'"),
    "missing": (HEADER[:-1], "missing 'pixel784'"),
    "unknown": ([*HEADER, "id"], "unknown 'id'"),
    "repeated": ([*HEADER, "pixel1"], "repeated 'pixel1'"),
}


@pytest.mark.parametrize(
    ("header", "found"), BAD_HEADERS.values(), ids=BAD_HEADERS.keys()
)
def test_the_header_must_name_the_785_columns(
    header: list[str], found: str, tmp_path: Path
) -> None:
    rows = [(2 * row)[: len(header)] for row in cells(table())]
    message = refusal(tmp_path, as_csv(rows, header))
    expected = "expected a header with label, pixel1, ..., pixel784, each once"
    assert message == f"line 1: {expected}; {found}"


NO_PIXELS = ["-1", "256", "300", "70000", str(2**32), "1.5", "abc", "inf", ""]
NO_LABELS = ["10", "-1", "Coat"]
BAD_CELLS = [
    *[(400, "pixel400", 255, value) for value in NO_PIXELS],
    *[(0, "label", 9, value) for value in NO_LABELS],
]


@pytest.mark.parametrize(("position", "column", "highest", "value"), BAD_CELLS)
def test_a_cell_that_is_no_whole_number_in_range_is_named(
    position: int, column: str, highest: int, value: str, tmp_path: Path
) -> None:
    content = cells(table())
    content[1][position] = value
    found = repr(value) if value else "an empty cell"
    place = f"line 3, column {column}"
    message = f"{place}: found {found}, expected a whole number, 0 to {highest}"
    assert refusal(tmp_path, as_csv(content)) == message


def test_the_first_bad_cell_is_named_in_a_file_of_many_rows(tmp_path: Path) -> None:
    good = ["0"] * 785
    bad = ["0", "300", *good[2:]]
    message = refusal(tmp_path, as_csv([good] * 11_000 + [bad, good, bad]))
    assert message.startswith("line 11002, column pixel1: found '300'")


# Other images under the names of Fashion-MNIST


def test_digits_under_the_name_of_a_split_warn(tmp_path: Path) -> None:
    small = load_digits()
    pixels = np.zeros((100, 28, 28), dtype=np.int64)
    pixels[:, 10:18, 10:18] = 15 * small.images[:100]
    digits = np.column_stack([small.target[:100], pixels.reshape(100, 784)])
    with pytest.warns(UserWarning, match="these are not the images") as warned:
        check_equal(load(tmp_path, as_csv(cells(digits))), digits)

    assert [warning.filename for warning in warned] == [__file__]
    assert str(tmp_path / "fashion-mnist_test.csv") in str(warned[0].message)


def test_any_order_of_rows_is_accepted_and_kept(tmp_path: Path) -> None:
    packed = (DATA / "fashion-mnist_test.csv.gz").read_bytes()
    header, *lines = gzip.decompress(packed).splitlines()
    with warnings.catch_warnings(action="error"):
        images = load(tmp_path, b"\n".join([header, *lines[::-1]]))
    turned_back = FashionMNIST(images.pixels[::-1], images.garments[::-1])
    check_is_original(turned_back, "test")


# Which file


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^split: found 'Test', expected one of 't"):
        load_split("Test")


def test_files_of_data_dir(tmp_path: Path) -> None:
    train = table(5)[:3]
    test = table(5)[3:]
    for end, values in ((".csv", table(4)), (".csv.gz", train)):  # gzip wins
        text = as_csv(cells(values))
        path = tmp_path / f"fashion-mnist_train{end}"
        path.write_bytes(gzip.compress(text) if end == ".csv.gz" else text)
    with pytest.raises(FileNotFoundError, match=r"^fashion-mnist_test\.csv\.gz: not"):
        load_split("all", tmp_path)
    check_equal(load(tmp_path, as_csv(cells(test))), test)
    check_equal(load_split("train", str(tmp_path)), train)
    check_equal(load_split("all", tmp_path), table(5))


def make_checkout(folder: Path) -> Path:
    (folder / "notebooks").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "fmnist_clustering").mkdir()
    (folder / "pyproject.toml").touch()
    return folder


def test_data_of_the_package_come_before_those_around_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_checkout(tmp_path / "mine")
    other = make_checkout(tmp_path / "other")
    monkeypatch.setattr(data, "__file__", str(mine / "package" / "data.py"))
    monkeypatch.chdir(tmp_path / "other" / "notebooks")
    tried = []
    for folder in (mine, other):
        path = folder / "data" / "fashion-mnist_test.csv"
        tried += [f"{path}.gz", str(path)]
    message = re.escape(f"tried {', '.join(tried)}. Clone the repository")
    with pytest.raises(FileNotFoundError, match=message):
        load_split("test")
    Path(tried[3]).write_bytes(as_csv(cells(table(2))))
    check_equal(load_split("test"), table(2))
    Path(tried[1]).write_bytes(as_csv(cells(table(3))))
    check_equal(load_split("test"), table(3))


def test_without_a_checkout_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "__file__", str(tmp_path / "package" / "data.py"))
    monkeypatch.chdir(tmp_path)
    message = "found no checkout at or above .*Clone the repository"
    with pytest.raises(FileNotFoundError, match=message):
        load_split("test")


def test_the_nearest_checkout_is_found(tmp_path: Path) -> None:
    outer = make_checkout(tmp_path / "outer")
    inner = make_checkout(outer / "deep" / "inner")
    assert find_checkout(inner / "notebooks") == inner
    assert find_checkout(outer / "deep") == outer
    (tmp_path / "pyproject.toml").touch()
    assert find_checkout(tmp_path) is None, "a project file alone is no checkout"
