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
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from fmnist_clustering import data
from fmnist_clustering.data import CLASS_NAMES, FashionMNIST, find_checkout, load_split, read_csv

Table = NDArray[np.integer]

DATA = Path(__file__).parents[1] / "data"
PAGE = (DATA / "README.md").read_text()
HEADER = ["label", *(f"pixel{i}" for i in range(1, 785))]
TRAIN_SUM, TEST_SUM = 3_431_114_169, 573_469_082
# Rows, sum of the pixels, SHA-256 of pixels and of labels: of Zalando's IDX files without their
# headers, computed without this package.
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

loaded = cache(load_split)
small_files = pytest.mark.filterwarnings("ignore:.*these are not the images:UserWarning")


def table(n_rows: int = 3) -> Table:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.integers(0, 10, n_rows), rng.integers(0, 256, (n_rows, 784))])


def cells(values: Table) -> list[list[str]]:
    return [[str(value) for value in row] for row in values]


def as_csv(rows: list[list[str]], header: list[str] = HEADER, newline: str = "\n") -> bytes:
    return "".join(",".join(line) + newline for line in [header, *rows]).encode()


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


def check_refused(path: Path, content: bytes, message: str) -> None:
    """`message` is the pattern of what follows the path."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {message}"):
        read_csv(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "images.csv"


@pytest.fixture(scope="session")
def committed_lines() -> list[bytes]:
    return gzip.decompress((DATA / "fashion-mnist_test.csv.gz").read_bytes()).splitlines()


@pytest.fixture(scope="session")
def digits() -> Table:
    """A hundred handwritten digits, laid out like MNIST's in Kaggle's CSV."""
    small = load_digits()
    pixels = np.zeros((100, 28, 28), dtype=np.int64)
    pixels[:, 10:18, 10:18] = 15 * small.images[:100]
    return np.column_stack([small.target[:100], pixels.reshape(100, 784)])


# The committed data


@pytest.mark.parametrize("split", ORIGINAL)
def test_split_is_the_original(split: str) -> None:
    images = loaded(split)
    n_rows, pixel_sum, sha_pixels, sha_garments = ORIGINAL[split]
    assert images.pixels.shape == (n_rows, 784)
    assert images.pixels.dtype == images.garments.dtype == np.uint8
    assert images.pixels.flags.c_contiguous
    assert images.garments.flags.c_contiguous
    assert np.bincount(images.garments).tolist() == [n_rows // 10] * 10
    assert images.pixels.sum(dtype=np.int64) == pixel_sum
    assert hashlib.sha256(images.pixels.tobytes()).hexdigest() == sha_pixels
    assert hashlib.sha256(images.garments.tobytes()).hexdigest() == sha_garments


def test_all_is_train_then_test() -> None:
    images = load_split("all")
    assert images.pixels.shape == (70_000, 784)
    assert images.garments.shape == (70_000,)
    for part, rows in [("train", slice(60_000)), ("test", slice(60_000, None))]:
        assert np.array_equal(images.pixels[rows], loaded(part).pixels)
        assert np.array_equal(images.garments[rows], loaded(part).garments)
    assert images.pixels.dtype == images.garments.dtype == np.uint8
    assert images.pixels.flags.c_contiguous


def test_default_is_the_test_split() -> None:
    assert np.array_equal(load_split().pixels, loaded("test").pixels)


def test_first_garments_of_the_test_split() -> None:
    names = [CLASS_NAMES[garment] for garment in loaded("test").garments[:5]]
    assert names == ["Ankle boot", "Pullover", "Trouser", "Trouser", "Shirt"]


def test_class_names_are_those_of_the_data_page() -> None:
    rows = [re.search(rf"^\| {head} \| (.+) \|$", PAGE, re.M) for head in ("label", "garment")]
    labels, garments = (row[1].split(" | ") for row in rows if row)
    assert labels == [str(label) for label in range(10)]
    assert tuple(garments) == CLASS_NAMES


@pytest.mark.parametrize("split", ["train", "test"])
def test_sha256_is_that_of_the_data_page(split: str) -> None:
    name = f"fashion-mnist_{split}.csv.gz"
    printed = re.search(rf"^\| `{name}` \| [\d,]+ \| `(\w+)` \|$", PAGE, re.M)
    assert printed
    content = gzip.decompress((DATA / name).read_bytes())
    assert hashlib.sha256(content).hexdigest() == printed[1]


# What is read


@pytest.mark.parametrize("name", ["images.csv", "images.csv.gz", "images"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_content_decides_not_the_name(name: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(pack(as_csv(cells(table()))))
    check_equal(read_csv(tmp_path / name), table())
    check_equal(read_csv(str(tmp_path / name)), table())


LF, CRLF = as_csv(cells(table())), as_csv(cells(table()), newline="\r\n")
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BOM + LF, id="byte-order mark"),
        pytest.param(CRLF, id="CRLF"),
        pytest.param(BOM + CRLF, id="mark and CRLF"),
        pytest.param(gzip.compress(BOM + LF), id="mark in gzip"),
        pytest.param(gzip.compress(LF[:9000]) + gzip.compress(LF[9000:]), id="gzip in two parts"),
        pytest.param(LF.removesuffix(b"\n"), id="no final newline"),
        pytest.param(CRLF.removesuffix(b"\r\n"), id="no final CRLF"),
        pytest.param(LF + b"\n\n\n", id="trailing blank lines"),
        pytest.param(CRLF + b"\r\n \r\n", id="trailing blank lines, CRLF"),
        pytest.param(as_csv(cells(table()), [f'"{name}"' for name in HEADER]), id="quoted names"),
    ],
)
def test_harmless_variants_are_read(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    check_equal(read_csv(path), table())


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(np.roll(np.arange(785), -1), id="label last"),
        pytest.param(np.arange(785)[::-1], id="reversed"),
        pytest.param(np.random.default_rng(0).permutation(785), id="shuffled"),
    ],
)
def test_columns_are_taken_by_name(order: Table, path: Path) -> None:
    path.write_bytes(as_csv(cells(table()[:, order]), [HEADER[column] for column in order]))
    check_equal(read_csv(path), table())


def test_extreme_values_are_kept(path: Path) -> None:
    values = np.array([[0] + [255] * 784, [9] + [0] * 784])
    save(path, values)
    check_equal(read_csv(path), values)


@st.composite
def valid_tables(draw: st.DrawFn) -> Table:
    n_rows = draw(st.integers(1, 4))
    labels = draw(arrays(np.uint8, n_rows, elements=st.integers(0, 9)))
    return np.column_stack([labels, draw(arrays(np.uint8, (n_rows, 784)))])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    values=valid_tables(),
    seed=st.integers(0, 99),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    compression=st.sampled_from([None, "gzip"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_pandas_writes_reads_back_equal(
    values: Table,
    seed: int,
    newline: str,
    encoding: str,
    compression: str | None,
    quoting: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "pandas.csv"
    order = np.random.default_rng(seed).permutation(HEADER)
    pd.DataFrame(values, columns=HEADER)[order].to_csv(
        path, index=False, lineterminator=newline, encoding=encoding, compression=compression, quoting=quoting
    )
    check_equal(read_csv(path), values)


# What is refused: the file


@pytest.mark.parametrize(("name", "found"), [("images.csv", "no such file"), ("", "found a folder")])
def test_path_without_a_file_is_refused(name: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / name
    message = f"^{re.escape(str(path))}: {found}, expected a CSV file$"
    with pytest.raises(FileNotFoundError, match=message):
        read_csv(path)


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("fashion-mnist_test.csv", content)
    return archive.getvalue()


EMPTY = "found an empty file, expected a header and one line an image"
NO_ROWS = "found a header but no rows, expected at least one image"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", EMPTY, id="empty"),
        pytest.param(b" \r\n\t\n", EMPTY, id="whitespace"),
        pytest.param(gzip.compress(b""), EMPTY, id="empty gzip"),
        pytest.param(as_csv([]), NO_ROWS, id="header only"),
        pytest.param(as_csv([]).strip(), NO_ROWS, id="header without newline"),
        pytest.param(as_csv([]) + b"\n \n", NO_ROWS, id="header and blank lines"),
        pytest.param(zipped(LF), "found a zip archive, expected the CSV file inside it", id="zip"),
        pytest.param(gzip.compress(LF) + b"rest", "gzip data damaged or truncated", id="rest after gzip"),
    ],
)
def test_file_that_is_no_csv_is_refused(content: bytes, message: str, path: Path) -> None:
    check_refused(path, content, message)


PACKED = gzip.compress(as_csv(cells(table(1))))


@pytest.mark.parametrize("length", [2, 9, 10, 11, 20, 1000, len(PACKED) - 8, len(PACKED) - 1])
def test_truncated_gzip_is_refused(length: int, path: Path) -> None:
    check_refused(path, PACKED[:length], "gzip data damaged or truncated")


def test_gzip_damaged_anywhere_is_refused(path: Path) -> None:
    # Up to byte 9 is the gzip header, whose time stamp may be anything; the last 8 are its sums.
    for place in [*range(10, len(PACKED), 61), *range(len(PACKED) - 8, len(PACKED))]:
        damaged = bytearray(PACKED)
        damaged[place] ^= 0xFF
        check_refused(path, bytes(damaged), "gzip data damaged or truncated")


# What is refused: the header


def renamed(old: str, new: str) -> list[str]:
    return [new if name == old else name for name in HEADER]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        pytest.param(cells(table())[0], "785 columns of numbers, no header", id="no header"),
        pytest.param(HEADER[:-1], "784 columns, without 'pixel784'", id="784"),
        pytest.param(HEADER[1:], "784 columns, without 'label'", id="784, no label"),
        pytest.param(HEADER[:50], "50 columns, without 'pixel50'", id="50"),
        pytest.param([*HEADER, "id"], "786 columns, among them 'id'", id="786"),
        pytest.param([*HEADER, ""], "786 columns, among them ''", id="786, trailing comma"),
        pytest.param([*HEADER, "pixel1"], "786 columns", id="786, one twice"),
        pytest.param(renamed("pixel7", "pixel8"), "785 columns, without 'pixel7'", id="twice"),
        pytest.param(renamed("pixel7", "label"), "785 columns, without 'pixel7'", id="two labels"),
        pytest.param(renamed("pixel784", "pixel785"), "785 columns, among them 'pixel785'", id="unknown"),
        pytest.param(renamed("label", "Label"), "785 columns, among them 'Label'", id="case"),
        pytest.param(
            ["label", *(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))],
            "785 columns, among them '1x1'",
            id="names of Kaggle's MNIST",
        ),
        pytest.param([";".join(HEADER)], f"1 columns, among them '{';'.join(HEADER)[:40]}'", id="semicolons"),
    ],
)
def test_header_must_name_the_785_columns(header: list[str], found: str, path: Path) -> None:
    rows = [(2 * row)[: len(header)] for row in cells(table())]
    expected = "expected 785 named label, pixel1, ..., pixel784$"
    check_refused(path, as_csv(rows, header), f"line 1: found {re.escape(found)}, {expected}")


# What is refused: the rows


@pytest.mark.parametrize(
    ("rows", "column", "line"),
    [
        pytest.param([0], 1, 2, id="first row"),
        pytest.param([1], 400, 3, id="middle row"),
        pytest.param([2], 784, 4, id="last cell"),
        pytest.param([0, 1, 2], 28, 2, id="every row"),
    ],
)
@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((text, repr(text)) for text in ("abc", "1.5", "1.0", "1e2", "nan", "NA", "inf")),
        *((text, repr(text)) for text in ("true", "True", "0x1F", "1_0", "1 2", "\0", "\u0663")),
        pytest.param("x" * 99, repr("x" * 40), id="long"),
        pytest.param("", "an empty cell", id="empty"),
        pytest.param("  ", "an empty cell", id="blank"),
        pytest.param('""', "an empty cell", id="quoted empty"),
        *((text, text) for text in ("-1", "256", "65536", "4294967296", str(2**64), str(10**30))),
        pytest.param("1" + 5000 * "0", "1" + 39 * "0", id="10**5000"),
    ],
)
def test_value_that_is_no_gray_is_refused(
    rows: list[int], column: int, line: int, value: str, found: str, path: Path
) -> None:
    content = cells(table())
    for row in rows:
        content[row][column] = value
    expected = "(an integer )?0 to 255$"
    where = f"line {line}, column pixel{column}"
    check_refused(path, as_csv(content), f"{where}: found {re.escape(found)}, expected {expected}")


@pytest.mark.parametrize("label", ["10", "255", "256", "-1", str(10**30), "abc", ""])
def test_label_outside_0_to_9_is_refused(label: str, path: Path) -> None:
    content = cells(table())
    content[1][0] = label
    found = re.escape(label) or "an empty cell"
    check_refused(path, as_csv(content), rf"line 3\b.* label.* '?{found}'?, expected .*\b0 to 9$")


def test_label_is_checked_where_it_stands_last(path: Path) -> None:
    content = [[*row[1:], row[0]] for row in cells(table())]
    content[2][-1] = "10"
    file = as_csv(content, [*HEADER[1:], "label"])
    check_refused(path, file, "line 4, column label: found 10, expected an integer 0 to 9$")


@pytest.mark.parametrize("filler", ["7", ""], ids=["value", "empty"])
@pytest.mark.parametrize(
    ("lengths", "line", "found"),
    [
        ([784, 785, 785], 2, 784),
        ([786, 785, 785], 2, 786),
        ([785, 784, 785], 3, 784),
        ([785, 786, 785], 3, 786),
        ([785, 785, 784], 4, 784),
        ([785, 785, 786], 4, 786),
        # As many commas as three good rows have:
        ([786, 784, 785], 2, 786),
        ([784, 786, 785], 2, 784),
        ([785, 786, 784], 3, 786),
        ([785, 784, 786], 3, 784),
        ([784, 784, 784], 2, 784),
        ([786, 786, 786], 2, 786),
        ([786], 2, 786),
        ([784], 2, 784),
        ([785, 1, 785], 3, 1),
    ],
    ids=str,
)
def test_row_of_another_length_is_refused(lengths: list[int], line: int, found: int, filler: str, path: Path) -> None:
    rows = zip(cells(table(len(lengths))), lengths, strict=True)
    content = as_csv([[*row, filler][:length] for row, length in rows])
    check_refused(path, content, f"line {line}: found {found} columns, expected 785$")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("blank", ["", "   "], ids=["empty", "spaces"])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_blank_line_between_rows_is_refused(row: int, blank: str, newline: str, path: Path) -> None:
    content = cells(table())
    content.insert(row, [blank])
    found = f"line {row + 2}: found 1 columns, expected 785$"
    check_refused(path, as_csv(content, newline=newline), found)


def test_first_of_several_faults_is_named(path: Path) -> None:
    content = cells(table(4))
    content[1].pop()
    content[2][5] = "abc"
    content[3][0] = "10"
    check_refused(path, as_csv(content), "line 3: found 784 columns, expected 785$")


def test_unclosed_quote_is_refused(path: Path) -> None:
    content = cells(table())
    content[1][5] = '"7'
    check_refused(path, as_csv(content), "could not be read as CSV .*inside string")


# Other images under the names of Fashion-MNIST


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fashion-mnist_test.csv", ("test", 1000, TEST_SUM)),
        ("fashion-mnist_test.csv.gz", ("test", 1000, TEST_SUM)),
        ("fashion-mnist_train.csv", ("train", 6000, TRAIN_SUM)),
    ],
)
def test_digits_under_the_name_of_a_split_warn_once(
    name: str, expected: tuple[str, int, int], digits: Table, tmp_path: Path
) -> None:
    save(tmp_path / name, digits)
    split, per_garment, pixel_sum = expected
    counts = np.bincount(digits[:, 0])
    message = (
        f"{tmp_path / name}: these are not the images of Fashion-MNIST's {split} split: found "
        f"{min(counts)} to {max(counts)} images a class and pixel sum {digits[:, 1:].sum()}, "
        f"expected {per_garment} and {pixel_sum} "
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}") as warned:
        check_equal(read_csv(tmp_path / name), digits)
    assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.parametrize("name", ["digits.csv", "mnist_test.csv", "fashion-mnist_test_small.csv", "fashion-mnist.csv"])
def test_digits_under_another_name_do_not_warn(name: str, digits: Table, tmp_path: Path) -> None:
    save(tmp_path / name, digits)
    check_equal(read_csv(tmp_path / name), digits)


def test_any_row_order_is_fashion_and_is_kept(committed_lines: list[bytes], tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(10_000)
    lines = [committed_lines[0], *(committed_lines[row + 1] for row in order)]
    path = tmp_path / "fashion-mnist_test.csv"
    path.write_bytes(b"\n".join(lines))
    images = read_csv(path)
    assert np.array_equal(images.pixels, loaded("test").pixels[order])
    assert np.array_equal(images.garments, loaded("test").garments[order])


@pytest.mark.parametrize(
    ("start", "fewest", "most", "pixel_sum"),
    [
        pytest.param(b"8,0,", 999, 1001, TEST_SUM, id="label"),
        pytest.param(b"9,1,", 1000, 1000, TEST_SUM + 1, id="pixel"),
    ],
)
def test_one_changed_value_warns(
    start: bytes, fewest: int, most: int, pixel_sum: int, committed_lines: list[bytes], tmp_path: Path
) -> None:
    header, first, *rest = committed_lines
    assert first.startswith(b"9,0,")
    path = tmp_path / "fashion-mnist_test.csv"
    path.write_bytes(b"\n".join([header, start + first[4:], *rest]))
    found = f"found {fewest} to {most} images a class and pixel sum {pixel_sum}, expected 1000 and"
    with pytest.warns(UserWarning, match=f"{found} {TEST_SUM} ") as warned:
        read_csv(path)
    assert len(warned) == 1


# load_split: which file


@pytest.mark.parametrize("split", ["digits", "Test", "", "train,test", None, 1, ["test"], b"test"])
def test_unknown_split_is_refused(split: object) -> None:
    message = f"split: found {split!r}, expected one of 'train', 'test', 'all'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_split(split)  # type: ignore[arg-type]


@small_files
@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("kind", [Path, str])
def test_data_dir_may_hold_plain_or_gzip(end: str, kind: Callable[[Path], Path | str], tmp_path: Path) -> None:
    save(tmp_path / f"fashion-mnist_test.csv{end}", table())
    check_equal(load_split("test", kind(tmp_path)), table())


@small_files
def test_gzip_wins_over_plain(tmp_path: Path) -> None:
    save(tmp_path / "fashion-mnist_test.csv", table(3))
    save(tmp_path / "fashion-mnist_test.csv.gz", table(2))
    check_equal(load_split("test", tmp_path), table(2))


@small_files
def test_splits_of_data_dir(tmp_path: Path) -> None:
    train, test = table(5)[:3], table(5)[3:]
    save(tmp_path / "fashion-mnist_train.csv.gz", train)
    save(tmp_path / "fashion-mnist_test.csv", test)
    check_equal(load_split("train", tmp_path), train)
    check_equal(load_split("test", tmp_path), test)
    check_equal(load_split("all", tmp_path), table(5))


def test_digits_in_data_dir_warn(digits: Table, tmp_path: Path) -> None:
    save(tmp_path / "fashion-mnist_test.csv", digits)
    with pytest.warns(UserWarning, match="not the images of Fashion-MNIST's test split") as warned:
        check_equal(load_split("test", tmp_path), digits)
    assert len(warned) == 1


def test_bad_file_in_data_dir_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fashion-mnist_test.csv"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {EMPTY}"):
        load_split("test", tmp_path)


def check_not_found(split: str, missing: str, places: str, data_dir: Path | None = None) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        load_split(split, data_dir)
    message = str(raised.value)
    assert message.startswith(f"fashion-mnist_{missing}.csv.gz: not found; tried {places}. ")
    assert "Clone the repository" in message
    assert "data_dir= with a folder" in message


def both(folder: Path, split: str = "test") -> str:
    path = folder / f"fashion-mnist_{split}.csv"
    return f"{path}.gz, {path}"


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_data_dir_without_the_file_lists_the_places(folder: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_not_found("test", "test", both(tmp_path / folder), tmp_path / folder)


@small_files
def test_all_needs_both_files(tmp_path: Path) -> None:
    save(tmp_path / "fashion-mnist_train.csv", table())
    check_not_found("all", "test", both(tmp_path), tmp_path)


def checkout(folder: Path) -> Path:
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
def test_no_checkout_says_where_and_what_to_do(tmp_path: Path) -> None:
    check_not_found("test", "test", f"no checkout at or above {tmp_path / 'cwd'}")


def test_checkouts_without_data_are_listed(place: Place, tmp_path: Path) -> None:
    mine, other = checkout(tmp_path / "mine"), checkout(tmp_path / "other")
    place(mine / "package", other)
    check_not_found("train", "train", ", ".join(both(c / "data", "train") for c in (mine, other)))
    place(mine / "package", mine / "notebooks")
    check_not_found("train", "train", both(mine / "data", "train"))


@small_files
def test_checkout_of_the_package_comes_before_that_around_cwd(place: Place, tmp_path: Path) -> None:
    mine, other = checkout(tmp_path / "mine"), checkout(tmp_path / "other")
    save(other / "data/fashion-mnist_test.csv.gz", table(2))
    place(mine / "package", other / "notebooks")
    check_equal(load_split("test"), table(2))
    save(mine / "data/fashion-mnist_test.csv", table(3))
    check_equal(load_split("test"), table(3))


def test_nearest_checkout_is_found(tmp_path: Path) -> None:
    outer = checkout(tmp_path / "outer")
    inner = checkout(outer / "deep/inner")
    (inner / "a/b").mkdir(parents=True)
    assert find_checkout(inner / "a/b") == inner
    assert find_checkout(str(inner)) == inner
    assert find_checkout(inner / "pyproject.toml") == inner
    assert find_checkout(outer / "deep") == outer
    assert find_checkout(tmp_path) is None


def test_checkout_needs_both_marks(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert find_checkout(tmp_path) is None
    (tmp_path / "notebooks").touch()
    assert find_checkout(tmp_path) is None
    (tmp_path / "notebooks").unlink()
    (tmp_path / "notebooks").mkdir()
    assert find_checkout(tmp_path) == tmp_path
    (tmp_path / "pyproject.toml").unlink()
    assert find_checkout(tmp_path) is None


def test_relative_start_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout(tmp_path / "here") / "notebooks")
    assert find_checkout(".") == tmp_path / "here"
