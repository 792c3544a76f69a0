"""The CSV files: what is read, what is refused, and where they are looked for."""

import csv
import gzip
import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from fmnist_clustering import data
from fmnist_clustering.data import (
    CLASS_NAMES,
    FashionMNIST,
    find_checkout,
    load_split,
    read_csv,
)

Table = NDArray[np.integer]
"""One row for each image: the label, then 784 pixels."""

DATA = Path(__file__).parents[1] / "data"
PAGE = (DATA / "README.md").read_text(encoding="utf-8")
HEADER = ["label", *(f"pixel{i}" for i in range(1, 785))]
TRAIN_SUM = 3_431_114_169
TEST_SUM = 573_469_082

# Rows, sum of the pixels, SHA-256 of the pixels and of the labels. They were computed
# from Zalando's IDX files without their headers, and without this package.
ORIGINAL = {
    "train": (
        60_000,
        TRAIN_SUM,
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    ),
    "test": (
        10_000,
        TEST_SUM,
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
}

small_files = pytest.mark.filterwarnings(
    "ignore:.*these are not the images:UserWarning",
)


@cache
def table(n_rows: int = 3) -> Table:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n_rows)
    pixels = rng.integers(0, 256, (n_rows, 784))
    return np.column_stack([labels, pixels])


def cells(values: Table) -> list[list[str]]:
    """Return the cells of a table as text, in lists that may be changed."""
    return [[str(value) for value in row] for row in values]


def as_csv(
    rows: list[list[str]],
    header: list[str] = HEADER,
    newline: str = "\n",
) -> bytes:
    lines = [",".join(line) + newline for line in [header, *rows]]
    return "".join(lines).encode()


def save(path: Path, values: Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = as_csv(cells(values))
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def check_equal(images: FashionMNIST, values: Table) -> None:
    np.testing.assert_array_equal(images.garments, values[:, 0])
    np.testing.assert_array_equal(images.pixels, values[:, 1:])
    assert images.pixels.dtype == images.garments.dtype == np.uint8
    assert images.pixels.flags.c_contiguous
    assert images.garments.flags.c_contiguous


def refusal(path: Path, content: bytes) -> str:
    """Return what the error about a file says after its path."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: ") as caught:
        read_csv(path)
    return str(caught.value).removeprefix(f"{path}: ")


def check_place(message: str, place: str, found: str) -> None:
    """Check that a message names the place, what was found, and what was expected."""
    assert message.startswith(f"{place}: "), message
    assert f"found {found}" in message, message
    assert "expected" in message, message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "images.csv"


@pytest.fixture(scope="session")
def committed_lines() -> list[bytes]:
    content = (DATA / "fashion-mnist_test.csv.gz").read_bytes()
    return gzip.decompress(content).splitlines()


@pytest.fixture(scope="session")
def digits() -> Table:
    """Return a hundred handwritten digits, laid out like MNIST's in Kaggle's CSV."""
    small = load_digits()
    pixels = np.zeros((100, 28, 28), dtype=np.int64)
    pixels[:, 10:18, 10:18] = 15 * small.images[:100]
    return np.column_stack([small.target[:100], pixels.reshape(100, 784)])


# The committed data


def check_is_original(images: FashionMNIST, split: str) -> None:
    n_rows, pixel_sum, sha_of_pixels, sha_of_garments = ORIGINAL[split]
    assert images.pixels.shape == (n_rows, 784)
    assert images.garments.shape == (n_rows,)
    for values in images:
        assert values.dtype == np.uint8
        assert values.flags.c_contiguous
    assert np.bincount(images.garments).tolist() == [n_rows // 10] * 10
    assert images.pixels.sum(dtype=np.int64) == pixel_sum
    assert hashlib.sha256(images.pixels.tobytes()).hexdigest() == sha_of_pixels
    assert hashlib.sha256(images.garments.tobytes()).hexdigest() == sha_of_garments


@pytest.mark.parametrize(
    "split", [pytest.param("train", marks=pytest.mark.slow), "test"]
)
def test_a_split_is_the_original(split: str) -> None:
    check_is_original(load_split(split), split)


@pytest.mark.slow
def test_all_is_train_then_test() -> None:
    images = load_split("all")
    n_train, *_ = ORIGINAL["train"]
    train = FashionMNIST(images.pixels[:n_train], images.garments[:n_train])
    test = FashionMNIST(images.pixels[n_train:], images.garments[n_train:])
    check_is_original(train, "train")
    check_is_original(test, "test")


def test_the_default_is_the_test_split() -> None:
    check_is_original(load_split(), "test")


def test_first_garments_of_the_test_split() -> None:
    garments = load_split("test").garments
    names = [CLASS_NAMES[garment] for garment in garments[:5]]
    assert names == ["Ankle boot", "Pullover", "Trouser", "Trouser", "Shirt"]


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


@pytest.mark.parametrize("name", ["images.csv", "images.csv.gz", "images"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", [Path, str])
def test_the_content_decides_and_not_the_name(
    name: str,
    pack: Callable[[bytes], bytes],
    kind: Callable[[Path], Path | str],
    tmp_path: Path,
) -> None:
    (tmp_path / name).write_bytes(pack(as_csv(cells(table()))))
    check_equal(read_csv(kind(tmp_path / name)), table())


LF = as_csv(cells(table()))
CRLF = as_csv(cells(table()), newline="\r\n")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
QUOTED_HEADER = [f'"{name}"' for name in HEADER]

HARMLESS = {
    "byte-order mark": BYTE_ORDER_MARK + LF,
    "CRLF": CRLF,
    "byte-order mark and CRLF": BYTE_ORDER_MARK + CRLF,
    "byte-order mark in gzip": gzip.compress(BYTE_ORDER_MARK + LF),
    "gzip in two parts": gzip.compress(LF[:9000]) + gzip.compress(LF[9000:]),
    "no final newline": LF.removesuffix(b"\n"),
    "no final CRLF": CRLF.removesuffix(b"\r\n"),
    "blank lines at the end": LF + b"\n\n\n",
    "blank lines at the end, CRLF": CRLF + b"\r\n \r\n",
    "quoted names": as_csv(cells(table()), QUOTED_HEADER),
}


@pytest.mark.parametrize("variant", HARMLESS)
def test_harmless_variants_are_read(variant: str, path: Path) -> None:
    path.write_bytes(HARMLESS[variant])
    check_equal(read_csv(path), table())


ORDERS = {
    "label last": np.roll(np.arange(785), -1),
    "reversed": np.arange(785)[::-1],
    "shuffled": np.random.default_rng(0).permutation(785),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_columns_are_taken_by_name(order: Table, path: Path) -> None:
    header = [HEADER[column] for column in order]
    path.write_bytes(as_csv(cells(table()[:, order]), header))
    check_equal(read_csv(path), table())


def test_extreme_values_are_kept(path: Path) -> None:
    values = np.array([[0] + [255] * 784, [9] + [0] * 784])
    save(path, values)
    check_equal(read_csv(path), values)


def test_leading_zeros_are_read(path: Path) -> None:
    content = cells(table())
    content[1] = [value.zfill(7) for value in content[1]]
    path.write_bytes(as_csv(content))
    check_equal(read_csv(path), table())


@st.composite
def valid_tables(draw: st.DrawFn) -> Table:
    n_rows = draw(st.integers(1, 4))
    labels = draw(arrays(np.uint8, n_rows, elements=st.integers(0, 9)))
    return np.column_stack([labels, draw(arrays(np.uint8, (n_rows, 784)))])


@given(
    values=valid_tables(),
    column_order=st.permutations(HEADER),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    compression=st.sampled_from([None, "gzip"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_pandas_writes_reads_back_equal(
    values: Table,
    column_order: list[str],
    newline: str,
    encoding: str,
    compression: str | None,
    quoting: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "written by pandas.csv"
    pd.DataFrame(values, columns=HEADER)[column_order].to_csv(
        path,
        index=False,
        lineterminator=newline,
        encoding=encoding,
        compression=compression,
        quoting=quoting,
    )
    check_equal(read_csv(path), values)


# What is refused: the file


@pytest.mark.parametrize(
    ("name", "found"),
    [("images.csv", "no such file"), ("", "a folder")],
)
def test_a_path_without_a_file_is_refused(
    name: str,
    found: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    with pytest.raises(FileNotFoundError) as caught:
        read_csv(path)
    check_place(str(caught.value), str(path), found)


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("fashion-mnist_test.csv", content)
    return archive.getvalue()


NO_CSV = {
    "empty": (b"", "an empty file"),
    "whitespace": (b" \r\n\t\n", "an empty file"),
    "empty gzip": (gzip.compress(b""), "an empty file"),
    "header only": (as_csv([]), "a header but no rows"),
    "header without newline": (as_csv([]).strip(), "a header but no rows"),
    "header and blank lines": (as_csv([]) + b"\n \n", "a header but no rows"),
    "zip": (zipped(LF), "a zip archive"),
}


@pytest.mark.parametrize(("content", "found"), NO_CSV.values(), ids=NO_CSV.keys())
def test_a_file_without_rows_is_refused(content: bytes, found: str, path: Path) -> None:
    message = refusal(path, content)
    assert message.startswith(f"found {found}, expected "), message


PACKED = gzip.compress(as_csv(cells(table(1))))
DAMAGED = "gzip data damaged or truncated"


@pytest.mark.parametrize(
    "length",
    [2, 9, 10, 11, 20, 1000, len(PACKED) - 8, len(PACKED) - 1],
)
def test_truncated_gzip_is_refused(length: int, path: Path) -> None:
    assert refusal(path, PACKED[:length]).startswith(DAMAGED)


def test_a_rest_after_gzip_is_refused(path: Path) -> None:
    assert refusal(path, PACKED + b"rest").startswith(DAMAGED)


def test_gzip_that_is_damaged_anywhere_is_refused(path: Path) -> None:
    # Bytes 0 to 9 are the header, whose time stamp may be anything. The last 8 are the
    # checksum and the size.
    end = len(PACKED)
    for place in (*range(10, end, 61), *range(end - 8, end)):
        damaged = bytearray(PACKED)
        damaged[place] ^= 0xFF
        assert refusal(path, bytes(damaged)).startswith(DAMAGED), place


# What is refused: the header


def renamed(old: str, new: str) -> list[str]:
    return [new if name == old else name for name in HEADER]


SEMICOLONS = ";".join(HEADER)
NAMES_OF_KAGGLES_MNIST = [f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)]

BAD_HEADERS = {
    "no header": (cells(table())[0], "785 columns of numbers, no header"),
    "784 columns": (HEADER[:-1], "784 columns, without 'pixel784'"),
    "784 columns, no label": (HEADER[1:], "784 columns, without 'label'"),
    "50 columns": (HEADER[:50], "50 columns, without 'pixel50'"),
    "786 columns": ([*HEADER, "id"], "786 columns, among them 'id'"),
    "trailing comma": ([*HEADER, ""], "786 columns, among them ''"),
    "a name twice": ([*HEADER, "pixel1"], "786 columns"),
    "a name for another": (
        renamed("pixel7", "pixel8"),
        "785 columns, without 'pixel7'",
    ),
    "two labels": (renamed("pixel7", "label"), "785 columns, without 'pixel7'"),
    "unknown name": (
        renamed("pixel784", "pixel785"),
        "785 columns, among them 'pixel785'",
    ),
    "upper case": (renamed("label", "Label"), "785 columns, among them 'Label'"),
    "names of Kaggle's MNIST": (
        ["label", *NAMES_OF_KAGGLES_MNIST],
        "785 columns, among them '1x1'",
    ),
    "semicolons": ([SEMICOLONS], f"1 columns, among them '{SEMICOLONS[:40]}'"),
}


@pytest.mark.parametrize(
    ("header", "found"),
    BAD_HEADERS.values(),
    ids=BAD_HEADERS.keys(),
)
def test_the_header_must_name_the_785_columns(
    header: list[str],
    found: str,
    path: Path,
) -> None:
    rows = [(2 * row)[: len(header)] for row in cells(table())]
    check_place(refusal(path, as_csv(rows, header)), "line 1", f"{found}, ")


# What is refused: the rows

NO_INTEGERS = [
    *["abc", "1.5", "1.0", "1e2", "nan", "NA", "inf", "true", "True"],
    *["0x1F", "1_0", "1 2", "\0", "\u0663"],
]
OUT_OF_RANGE = ["-1", "256", "65536", "4294967296", str(2**64), str(10**30)]

BAD_VALUES = {
    **{repr(text): (text, repr(text)) for text in NO_INTEGERS},
    **{text: (text, text) for text in OUT_OF_RANGE},
    "long text": ("x" * 99, repr("x" * 40)),
    "10 to the power of 5000": ("1" + 5000 * "0", "1" + 39 * "0"),
    "empty": ("", "an empty cell"),
    "blank": ("  ", "an empty cell"),
    "quoted empty": ('""', "an empty cell"),
}
each_bad_value = pytest.mark.parametrize(
    ("value", "found"),
    BAD_VALUES.values(),
    ids=BAD_VALUES.keys(),
)


@pytest.mark.parametrize(
    ("rows", "column", "line"),
    [
        pytest.param([0], 1, 2, id="first row"),
        pytest.param([1], 400, 3, id="middle row"),
        pytest.param([2], 784, 4, id="last cell"),
        pytest.param([0, 1, 2], 28, 2, id="every row"),
    ],
)
@each_bad_value
def test_a_value_that_is_no_grey_is_refused(
    rows: list[int],
    column: int,
    line: int,
    value: str,
    found: str,
    path: Path,
) -> None:
    content = cells(table())
    for row in rows:
        content[row][column] = value
    message = refusal(path, as_csv(content))
    check_place(message, f"line {line}, column pixel{column}", f"{found}, ")
    assert message.endswith("0 to 255")


@pytest.mark.parametrize("label", ["10", "255", "256", "-1", str(10**30), "abc", ""])
def test_a_label_outside_of_0_to_9_is_refused(label: str, path: Path) -> None:
    content = cells(table())
    content[1][0] = label
    message = refusal(path, as_csv(content))
    assert re.match(r"line 3, column label: found .*, expected .* 0 to 9$", message)
    assert (label or "empty") in message


def test_the_label_is_checked_where_it_is_the_last_column(path: Path) -> None:
    content = [[*row[1:], row[0]] for row in cells(table())]
    content[2][-1] = "10"
    message = refusal(path, as_csv(content, [*HEADER[1:], "label"]))
    check_place(message, "line 4, column label", "10, ")


BAD_LENGTHS = [
    ([784, 785, 785], 2, 784),
    ([786, 785, 785], 2, 786),
    ([785, 784, 785], 3, 784),
    ([785, 786, 785], 3, 786),
    ([785, 785, 784], 4, 784),
    ([785, 785, 786], 4, 786),
    # These have as many commas as three good rows.
    ([786, 784, 785], 2, 786),
    ([784, 786, 785], 2, 784),
    ([785, 786, 784], 3, 786),
    ([785, 784, 786], 3, 784),
    ([784, 784, 784], 2, 784),
    ([786, 786, 786], 2, 786),
    ([786], 2, 786),
    ([784], 2, 784),
    ([785, 1, 785], 3, 1),
]


@pytest.mark.parametrize("filler", ["7", ""], ids=["value", "empty"])
@pytest.mark.parametrize(("lengths", "line", "found"), BAD_LENGTHS, ids=str)
def test_a_row_of_another_length_is_refused(
    lengths: list[int],
    line: int,
    found: int,
    filler: str,
    path: Path,
) -> None:
    rows = cells(table(len(lengths)))
    content = []
    for row, length in zip(rows, lengths, strict=True):
        content.append([*row, filler][:length])
    message = refusal(path, as_csv(content))
    check_place(message, f"line {line}", f"{found} columns, expected 785")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("blank", ["", "   "], ids=["empty", "spaces"])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_blank_line_between_rows_is_refused(
    row: int,
    blank: str,
    newline: str,
    path: Path,
) -> None:
    content = cells(table())
    content.insert(row, [blank])
    message = refusal(path, as_csv(content, newline=newline))
    check_place(message, f"line {row + 2}", "1 columns, expected 785")


def test_the_first_of_several_faults_is_named(path: Path) -> None:
    content = cells(table(4))
    content[1].pop()
    content[2][5] = "abc"
    content[3][0] = "10"
    check_place(refusal(path, as_csv(content)), "line 3", "784 columns")


def test_an_unclosed_quote_is_refused(path: Path) -> None:
    content = cells(table())
    content[1][5] = '"7'
    assert "could not be read as CSV" in refusal(path, as_csv(content))


# Other images under the names of Fashion-MNIST


@pytest.mark.parametrize(
    ("name", "split", "n_per_garment", "pixel_sum"),
    [
        ("fashion-mnist_test.csv", "test", 1000, TEST_SUM),
        ("fashion-mnist_test.csv.gz", "test", 1000, TEST_SUM),
        ("fashion-mnist_train.csv", "train", 6000, TRAIN_SUM),
    ],
)
def test_digits_under_the_name_of_a_split_warn(
    name: str,
    split: str,
    n_per_garment: int,
    pixel_sum: int,
    digits: Table,
    tmp_path: Path,
) -> None:
    save(tmp_path / name, digits)
    with pytest.warns(UserWarning, match="these are not the images") as warned:
        check_equal(read_csv(tmp_path / name), digits)
    message = str(warned[0].message)
    counts = np.bincount(digits[:, 0])
    assert message.startswith(f"{tmp_path / name}: ")
    assert f"Fashion-MNIST's {split} split" in message
    assert re.search(f"found {counts.min()} to {counts.max()} images", message)
    assert f"pixel sum {digits[:, 1:].sum()}" in message
    assert f"expected {n_per_garment} and {pixel_sum}" in message


def read_test_csv(folder: Path) -> FashionMNIST:
    return read_csv(folder / "fashion-mnist_test.csv")


def load_test_split(folder: Path) -> FashionMNIST:
    return load_split("test", folder)


@pytest.mark.parametrize("read", [read_test_csv, load_test_split])
def test_the_warning_comes_once_and_points_to_the_caller(
    read: Callable[[Path], FashionMNIST],
    digits: Table,
    tmp_path: Path,
) -> None:
    save(tmp_path / "fashion-mnist_test.csv", digits)
    with pytest.warns(UserWarning, match="these are not the images") as warned:
        check_equal(read(tmp_path), digits)
    assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.parametrize(
    "name",
    [
        "digits.csv",
        "mnist_test.csv",
        "fashion-mnist_test_small.csv",
        "fashion-mnist.csv",
    ],
)
def test_digits_under_another_name_do_not_warn(
    name: str,
    digits: Table,
    tmp_path: Path,
) -> None:
    save(tmp_path / name, digits)
    check_equal(read_csv(tmp_path / name), digits)


def test_any_order_of_rows_is_accepted_and_kept(
    committed_lines: list[bytes],
    tmp_path: Path,
) -> None:
    header, *lines = committed_lines
    order = np.random.default_rng(0).permutation(10_000)
    path = tmp_path / "fashion-mnist_test.csv"
    path.write_bytes(b"\n".join([header, *(lines[row] for row in order)]))
    images = read_csv(path)
    in_file_order = load_split("test")
    assert np.array_equal(images.pixels, in_file_order.pixels[order])
    assert np.array_equal(images.garments, in_file_order.garments[order])


@pytest.mark.parametrize(
    ("start", "fewest", "most", "pixel_sum"),
    [
        pytest.param(b"8,0,", 999, 1001, TEST_SUM, id="label"),
        pytest.param(b"9,1,", 1000, 1000, TEST_SUM + 1, id="pixel"),
    ],
)
def test_one_changed_value_warns(
    start: bytes,
    fewest: int,
    most: int,
    pixel_sum: int,
    committed_lines: list[bytes],
    tmp_path: Path,
) -> None:
    header, first, *others = committed_lines
    assert first.startswith(b"9,0,")
    changed = start + first.removeprefix(b"9,0,")
    path = tmp_path / "fashion-mnist_test.csv"
    path.write_bytes(b"\n".join([header, changed, *others]))
    found = f"found {fewest} to {most} images .* pixel sum {pixel_sum}, "
    with pytest.warns(UserWarning, match=found):
        read_csv(path)


# load_split: which file


@pytest.mark.parametrize("split", ["digits", "Test", "", "train,test", None, 1])
def test_an_unknown_split_is_refused(split: object) -> None:
    with pytest.raises(ValueError, match=r"^split: found .*'train', 'test', 'all'$"):
        load_split(split)  # type: ignore[arg-type]


@small_files
@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("kind", [Path, str])
def test_data_dir_may_hold_plain_files_or_gzip(
    end: str,
    kind: Callable[[Path], Path | str],
    tmp_path: Path,
) -> None:
    save(tmp_path / f"fashion-mnist_test.csv{end}", table())
    check_equal(load_split("test", kind(tmp_path)), table())


@small_files
def test_gzip_wins_over_a_plain_file(tmp_path: Path) -> None:
    save(tmp_path / "fashion-mnist_test.csv", table(3))
    save(tmp_path / "fashion-mnist_test.csv.gz", table(2))
    check_equal(load_split("test", tmp_path), table(2))


@small_files
def test_splits_of_data_dir(tmp_path: Path) -> None:
    train = table(5)[:3]
    test = table(5)[3:]
    save(tmp_path / "fashion-mnist_train.csv.gz", train)
    save(tmp_path / "fashion-mnist_test.csv", test)
    check_equal(load_split("train", tmp_path), train)
    check_equal(load_split("test", tmp_path), test)
    check_equal(load_split("all", tmp_path), table(5))


def test_a_bad_file_in_data_dir_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fashion-mnist_test.csv"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: found an empty"):
        load_split("test", tmp_path)


def files_in(folder: Path, split: str = "test") -> list[Path]:
    """Return the files that are tried for a split, in this order."""
    path = folder / f"fashion-mnist_{split}.csv"
    return [path.with_name(f"{path.name}.gz"), path]


def check_not_found(
    split: str,
    missing: str,
    places: list[Path],
    data_dir: Path | None = None,
) -> None:
    """Check that the error names the missing file, where it was tried, and a remedy."""
    with pytest.raises(FileNotFoundError) as caught:
        load_split(split, data_dir)
    message = str(caught.value)
    assert message.startswith(f"fashion-mnist_{missing}.csv.gz: not found; ")
    assert f"tried {', '.join(map(str, places))}. " in message
    assert "Clone the repository" in message
    assert "data_dir= with a folder" in message


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_data_dir_without_the_file_lists_the_places(
    folder: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    data_dir = tmp_path / folder
    check_not_found("test", "test", files_in(data_dir), data_dir)


@small_files
def test_all_needs_both_files(tmp_path: Path) -> None:
    save(tmp_path / "fashion-mnist_train.csv", table())
    check_not_found("all", "test", files_in(tmp_path), tmp_path)


def make_checkout(folder: Path) -> Path:
    (folder / "notebooks").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    return folder


Place = Callable[[Path, Path], None]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Pretend that the package lies in the first folder, and work in the second."""

    def pretend(package: Path, cwd: Path) -> None:
        for folder in (package, cwd):
            folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(data, "__file__", str(package / "data.py"))
        monkeypatch.chdir(cwd)

    pretend(tmp_path / "site-packages", tmp_path / "cwd")
    return pretend


@pytest.mark.usefixtures("place")
def test_without_a_checkout_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_split("test")
    message = str(caught.value)
    assert f"tried no checkout at or above {tmp_path / 'cwd'}. " in message
    assert "Clone the repository" in message


def test_checkouts_without_data_are_listed(place: Place, tmp_path: Path) -> None:
    mine = make_checkout(tmp_path / "mine")
    other = make_checkout(tmp_path / "other")
    place(mine / "package", other)
    places = [*files_in(mine / "data", "train"), *files_in(other / "data", "train")]
    check_not_found("train", "train", places)


def test_a_checkout_is_listed_once(place: Place, tmp_path: Path) -> None:
    mine = make_checkout(tmp_path / "mine")
    place(mine / "package", mine / "notebooks")
    check_not_found("train", "train", files_in(mine / "data", "train"))


@small_files
def test_the_checkout_of_the_package_comes_before_that_around_the_current_folder(
    place: Place,
    tmp_path: Path,
) -> None:
    mine = make_checkout(tmp_path / "mine")
    other = make_checkout(tmp_path / "other")
    place(mine / "package", other / "notebooks")
    save(other / "data" / "fashion-mnist_test.csv.gz", table(2))
    check_equal(load_split("test"), table(2))
    save(mine / "data" / "fashion-mnist_test.csv", table(3))
    check_equal(load_split("test"), table(3))


def test_the_nearest_checkout_is_found(tmp_path: Path) -> None:
    outer = make_checkout(tmp_path / "outer")
    inner = make_checkout(outer / "deep" / "inner")
    (inner / "a" / "b").mkdir(parents=True)
    assert find_checkout(inner / "a" / "b") == inner
    assert find_checkout(str(inner)) == inner
    assert find_checkout(inner / "pyproject.toml") == inner
    assert find_checkout(outer / "deep") == outer
    assert find_checkout(tmp_path) is None


def test_a_project_file_alone_is_no_checkout(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert find_checkout(tmp_path) is None
    (tmp_path / "notebooks").touch()  # a file, no folder
    assert find_checkout(tmp_path) is None


def test_a_folder_of_notebooks_alone_is_no_checkout(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    assert find_checkout(tmp_path) is None


def test_the_search_may_start_at_a_relative_path(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(make_checkout(tmp_path / "here") / "notebooks")
    assert find_checkout(".") == tmp_path / "here"
