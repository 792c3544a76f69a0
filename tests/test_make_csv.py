"""The script that made the CSV files, on small files of the same format."""

import gzip
import hashlib
import importlib.util
import io
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from fmnist_clustering import load_split, read_csv

SCRIPT = Path(__file__).parents[1] / "data" / "make_csv.py"
NAMES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]
TIME_STAMP = 1504176606


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_csv", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_csv = load_script()


def idx(array: NDArray[np.uint8]) -> bytes:
    """Return Yann LeCun's format.

    First 0, 0, 8 for uint8, and the number of axes; then their lengths; then the bytes.
    """
    lengths = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def zipped(name: str, content: bytes) -> bytes:
    """Return a gzip file with name and time in its header, as Zalando published it."""
    packed = io.BytesIO()
    with gzip.GzipFile(
        filename=name, mode="wb", fileobj=packed, mtime=TIME_STAMP
    ) as writer:
        writer.write(content)
    return packed.getvalue()


def as_debian(name: str, packed: bytes) -> bytes:
    """Remove name and time from a gzip header, as `gzip -n` would."""
    return b"\x1f\x8b\x08\0" + bytes(4) + packed[8:10] + packed[10 + len(name) + 1 :]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three training and two test images, known to the script by their md5."""
    rng = np.random.default_rng(0)
    train_images = rng.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    train_labels = rng.integers(0, 10, 3, dtype=np.uint8)
    test_images = rng.integers(0, 256, (2, 28, 28), dtype=np.uint8)
    test_labels = rng.integers(0, 10, 2, dtype=np.uint8)
    arrays = (train_images, train_labels, test_images, test_labels)

    folder = tmp_path / "source"
    folder.mkdir()
    known = {}
    for name, array in zip(NAMES, arrays, strict=True):
        packed = zipped(name, idx(array))
        (folder / f"{name}.gz").write_bytes(packed)
        known[name] = (hashlib.md5(packed).hexdigest(), TIME_STAMP)
    monkeypatch.setattr(make_csv, "SOURCES", known)
    splits = {"train": ("train", 3), "test": ("t10k", 2)}
    monkeypatch.setattr(make_csv, "SPLITS", splits)
    return folder


def run(source: Path, output: Path) -> dict[str, bytes]:
    """Return the files that the script writes, by name."""
    output.mkdir()
    make_csv.main(source, output)
    return {path.name: path.read_bytes() for path in output.iterdir()}


def test_sources_are_those_that_zalando_published() -> None:
    # The table in the README of github.com/zalandoresearch/fashion-mnist.
    assert {name: md5 for name, (md5, _) in make_csv.SOURCES.items()} == {
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    }


def test_text_of_two_images() -> None:
    images = np.zeros((2, 28, 28), dtype=np.uint8)
    images[0, 0, :2] = 255, 10
    images[0, 1, 0] = 28  # row by row: the 29th pixel
    images[1, 27, 27] = 7
    labels = np.array([9, 0], dtype=np.uint8)
    text = make_csv.csv_bytes(idx(images), idx(labels), 2).decode()
    header, *rows = text.split("\n")
    assert header == "label," + ",".join(f"pixel{i}" for i in range(1, 785))
    first = "9,255,10," + 26 * "0," + "28," + 754 * "0," + "0"
    second = "0," + 783 * "0," + "7"
    assert rows == [first, second, ""]


def test_test_split_comes_back_as_committed() -> None:
    pixels, garments = load_split("test")
    text = make_csv.csv_bytes(idx(pixels.reshape(-1, 28, 28)), idx(garments), 10_000)
    committed = SCRIPT.with_name("fashion-mnist_test.csv.gz").read_bytes()
    assert text == gzip.decompress(committed)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ((2049, 2, 28, 28), (2049, 2), "images: found (2049, 2, 28, 28)"),
        ((2051, 3, 28, 28), (2049, 2), "images: found (2051, 3, 28, 28)"),
        ((2051, 2, 27, 28), (2049, 2), "images: found (2051, 2, 27, 28)"),
        ((2051, 2, 28, 28), (2051, 2), "labels: found (2051, 2)"),
        ((2051, 2, 28, 28), (2049, 1), "labels: found (2049, 1)"),
    ],
    ids=[
        "images: kind",
        "images: rows",
        "images: size",
        "labels: kind",
        "labels: rows",
    ],
)
def test_header_of_another_file_is_refused(
    images: tuple[int, ...], labels: tuple[int, ...], message: str
) -> None:
    content = bytes(2 * 784)
    image_file = struct.pack(">4I", *images) + content
    label_file = struct.pack(">2I", *labels) + content
    with pytest.raises(SystemExit, match=re.escape(message)):
        make_csv.csv_bytes(image_file, label_file, 2)


@pytest.mark.parametrize("name", NAMES)
def test_source_may_be_stripped_as_in_debian(name: str, source: Path) -> None:
    path = source / f"{name}.gz"
    packed = path.read_bytes()
    path.write_bytes(as_debian(name, packed))
    assert path.read_bytes() != packed
    assert make_csv.read_checked(source, name) == gzip.decompress(packed)


@pytest.mark.parametrize("name", NAMES)
def test_missing_source_is_named(name: str, source: Path) -> None:
    path = source / f"{name}.gz"
    path.unlink()
    with pytest.raises(SystemExit, match=f"^{re.escape(str(path))}: not found"):
        make_csv.read_checked(source, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["empty", "content", "header"])
def test_source_with_another_md5_is_refused(
    name: str, damage: str, source: Path
) -> None:
    path = source / f"{name}.gz"
    packed = path.read_bytes()
    expected = hashlib.md5(packed).hexdigest()
    content = gzip.decompress(packed)
    with_one_bit_flipped = content[:-1] + bytes([content[-1] ^ 1])
    damaged = {
        "empty": b"",
        "content": zipped(name, with_one_bit_flipped),
        "header": packed[:9] + b"?" + packed[10:],
    }
    path.write_bytes(damaged[damage])
    found = hashlib.md5(damaged[damage]).hexdigest()
    message = f"^{re.escape(str(path))}: found MD5 {found}, expected {expected} "
    with pytest.raises(SystemExit, match=message):
        make_csv.read_checked(source, name)


@pytest.mark.parametrize(("split", "stem"), [("train", "train"), ("test", "t10k")])
def test_files_hold_the_sources_in_order(
    split: str, stem: str, source: Path, tmp_path: Path
) -> None:
    files = run(source, tmp_path / "output")
    # Under its own name, the file would have to hold all of Fashion-MNIST.
    renamed = tmp_path / "few.csv.gz"
    renamed.write_bytes(files[f"fashion-mnist_{split}.csv.gz"])
    written = read_csv(renamed)
    images = (source / f"{stem}-images-idx3-ubyte.gz").read_bytes()
    labels = (source / f"{stem}-labels-idx1-ubyte.gz").read_bytes()
    assert written.pixels.tobytes() == gzip.decompress(images)[16:]
    assert written.garments.tobytes() == gzip.decompress(labels)[8:]


def test_files_are_listed_with_the_sums_of_their_content(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = run(source, tmp_path / "output")
    assert sorted(files) == ["fashion-mnist_test.csv.gz", "fashion-mnist_train.csv.gz"]
    expected = set()
    for name, packed in files.items():
        sha256 = hashlib.sha256(gzip.decompress(packed)).hexdigest()
        expected.add(f"{sha256}  {name.removesuffix('.gz')}")
    assert set(capsys.readouterr().out.splitlines()) == expected


def test_bytes_do_not_depend_on_folder_or_header(source: Path, tmp_path: Path) -> None:
    first = run(source, tmp_path / "first")
    for name in NAMES:
        path = source / f"{name}.gz"
        path.write_bytes(as_debian(name, path.read_bytes()))
    assert run(source, tmp_path / "second") == first
    # No time stamp in the gzip header, or the bytes would change with every second.
    assert {packed[4:8] for packed in first.values()} == {bytes(4)}


def test_bad_source_leaves_written_files_alone(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    before = run(source, output)
    (source / f"{NAMES[-1]}.gz").write_bytes(b"")
    with pytest.raises(SystemExit, match=NAMES[-1]):
        make_csv.main(source, output)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]"),
        (["one", "two", "three"], "python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]"),
        (["nowhere"], f"{Path('nowhere', NAMES[0])}.gz: not found"),
    ],
    ids=["none", "too many", "missing folder"],
)
def test_command_line_says_what_it_expects(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
