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
NAMES = [f"{stem}-{kind}-ubyte" for stem in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
STAMP = 1504176606


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_csv", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_csv = load_script()


def idx(array: NDArray[np.uint8]) -> bytes:
    """Yann LeCun's format: 0, 0, 8 for uint8, the number of axes, their lengths, the bytes."""
    lengths = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename=name, mode="wb", fileobj=packed, mtime=STAMP) as writer:
        writer.write(content)
    return packed.getvalue()


def as_debian(name: str, packed: bytes) -> bytes:
    """Remove name and time from a gzip header, as `gzip -n` would."""
    return b"\x1f\x8b\x08\0" + bytes(4) + packed[8:10] + packed[10 + len(name) + 1 :]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three training and two test images, known to the script by their md5."""
    rng = np.random.default_rng(0)
    known = {}
    (tmp_path / "source").mkdir()
    for name in NAMES:
        n_rows = 3 if name.startswith("train") else 2
        shape, high = ((n_rows, 28, 28), 256) if "images" in name else ((n_rows,), 10)
        packed = zipped(name, idx(rng.integers(0, high, shape, dtype=np.uint8)))
        (tmp_path / "source" / f"{name}.gz").write_bytes(packed)
        known[name] = (hashlib.md5(packed).hexdigest(), STAMP)
    monkeypatch.setattr(make_csv, "SOURCES", known)
    monkeypatch.setattr(make_csv, "SPLITS", {"train": ("train", 3), "test": ("t10k", 2)})
    return tmp_path / "source"


def run(source: Path, output: Path) -> dict[str, bytes]:
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
    text = make_csv.csv_bytes(idx(images), idx(np.array([9, 0], dtype=np.uint8)), 2).decode()
    header, *rows = text.split("\n")
    assert header == "label," + ",".join(f"pixel{i}" for i in range(1, 785))
    assert rows == ["9,255,10," + 26 * "0," + "28," + 754 * "0," + "0", "0," + 783 * "0," + "7", ""]


def test_test_split_comes_back_as_committed() -> None:
    pixels, garments = load_split("test")
    text = make_csv.csv_bytes(idx(pixels.reshape(-1, 28, 28)), idx(garments), 10_000)
    committed = SCRIPT.with_name("fashion-mnist_test.csv.gz").read_bytes()
    assert text == gzip.decompress(committed)


@pytest.mark.parametrize(
    ("images", "labels", "found", "expected"),
    [
        ((2049, 2, 28, 28), (2049, 2), "images: found (2049, 2, 28, 28)", "(2051, 2, 28, 28)"),
        ((2051, 3, 28, 28), (2049, 2), "images: found (2051, 3, 28, 28)", "(2051, 2, 28, 28)"),
        ((2051, 2, 27, 28), (2049, 2), "images: found (2051, 2, 27, 28)", "(2051, 2, 28, 28)"),
        ((2051, 2, 28, 28), (2051, 2), "labels: found (2051, 2)", "(2049, 2)"),
        ((2051, 2, 28, 28), (2049, 1), "labels: found (2049, 1)", "(2049, 2)"),
    ],
    ids=["images: kind", "images: rows", "images: size", "labels: kind", "labels: rows"],
)
def test_header_of_another_file_is_refused(
    images: tuple[int, ...], labels: tuple[int, ...], found: str, expected: str
) -> None:
    packed = [struct.pack(f">{len(h)}I", *h) + bytes(2 * 784) for h in (images, labels)]
    message = f"IDX header of the {re.escape(found)}, expected {re.escape(expected)}$"
    with pytest.raises(SystemExit, match=message):
        make_csv.csv_bytes(*packed, 2)


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
    with pytest.raises(SystemExit, match=f"^{re.escape(str(path))}: not found; expected the four"):
        make_csv.read_checked(source, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", ["empty", "content", "header"])
def test_source_with_another_md5_is_refused(name: str, other: str, source: Path) -> None:
    path = source / f"{name}.gz"
    packed = path.read_bytes()
    expected = hashlib.md5(packed).hexdigest()
    content = gzip.decompress(packed)
    contents = {
        "empty": b"",
        "content": zipped(name, content[:-1] + bytes([content[-1] ^ 1])),
        "header": packed[:9] + b"?" + packed[10:],
    }
    path.write_bytes(contents[other])
    found = hashlib.md5(path.read_bytes()).hexdigest()
    message = f"^{re.escape(str(path))}: md5 is {found}; expected {expected} "
    with pytest.raises(SystemExit, match=message):
        make_csv.read_checked(source, name)


def test_files_hold_the_sources_in_order(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = run(source, tmp_path / "output")
    assert sorted(files) == ["fashion-mnist_test.csv.gz", "fashion-mnist_train.csv.gz"]
    for split, stem in [("train", "train"), ("test", "t10k")]:
        packed = files[f"fashion-mnist_{split}.csv.gz"]
        (tmp_path / "copy.csv").write_bytes(packed)
        written = read_csv(tmp_path / "copy.csv")
        images, labels = (
            gzip.decompress((source / f"{stem}-{kind}-ubyte.gz").read_bytes())
            for kind in ("images-idx3", "labels-idx1")
        )
        assert written.pixels.tobytes() == images[16:]
        assert written.garments.tobytes() == labels[8:]
    sums = [hashlib.sha256(gzip.decompress(packed)).hexdigest() for packed in files.values()]
    printed = capsys.readouterr().out.splitlines()
    names = [name.removesuffix(".gz") for name in files]
    assert sorted(printed) == sorted(f"{s}  {n}" for s, n in zip(sums, names, strict=True))


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
    with pytest.raises(SystemExit, match="md5 is"):
        make_csv.main(source, output)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]"),
        (["one", "two", "three"], "python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]"),
        (["nowhere"], f"{Path('nowhere', NAMES[0])}.gz: not found; expected the four original"),
    ],
    ids=["none", "too many", "missing folder"],
)
def test_command_line_says_what_it_expects(arguments: list[str], message: str, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
