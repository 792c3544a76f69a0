"""The script that made the CSV files, on small files of the same format."""

import gzip
import hashlib
import importlib.util
import re
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from fmnist_clustering.data import load_split

SCRIPT = Path(__file__).parents[1] / "data" / "make_csv.py"
NAME = "t10k-labels-idx1-ubyte"


@pytest.fixture
def make_csv() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_csv", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def idx(array: NDArray[np.uint8]) -> bytes:
    """Return Yann LeCun's format.

    First 0, 0, 8 for uint8, and the number of axes; then their lengths; then the bytes.
    """
    lengths = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def test_test_split_comes_back_as_committed(make_csv: ModuleType) -> None:
    pixels, garments = load_split("test")
    text = make_csv.csv_bytes(idx(pixels.reshape(-1, 28, 28)), idx(garments))
    committed = SCRIPT.with_name("fashion-mnist_test.csv.gz").read_bytes()
    assert text == gzip.decompress(committed)


def test_both_files_are_written(
    make_csv: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {}
    for value, name in enumerate(make_csv.SOURCES):
        shape = (2, 28, 28) if "images" in name else (2,)
        packed = gzip.compress(idx(np.full(shape, value, dtype=np.uint8)))
        (tmp_path / f"{name}.gz").write_bytes(packed)
        sources[name] = (hashlib.md5(packed).hexdigest(), 0)
    monkeypatch.setattr(make_csv, "SOURCES", sources)
    make_csv.main(tmp_path, tmp_path)
    # Each source is filled with its place in the list: images 0 and 2, labels 1 and 3.
    for split, label, pixel in (("train", "1", ",0"), ("test", "3", ",2")):
        packed = (tmp_path / f"fashion-mnist_{split}.csv.gz").read_bytes()
        _, *rows = gzip.decompress(packed).decode().splitlines()
        assert rows == [label + 784 * pixel] * 2


def test_a_source_may_be_stripped_as_in_debian(
    make_csv: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripped = gzip.compress(b"content", mtime=0)
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", 1504176627) + stripped[8:10]
    original = header + NAME.encode() + b"\0" + stripped[10:]
    assert gzip.decompress(original) == b"content"
    known = {NAME: (hashlib.md5(original).hexdigest(), 1504176627)}
    monkeypatch.setattr(make_csv, "SOURCES", known)
    for packed in (original, stripped):
        (tmp_path / f"{NAME}.gz").write_bytes(packed)
        assert make_csv.read_checked(tmp_path, NAME) == b"content"


def test_a_source_that_is_missing_or_another_is_named(
    make_csv: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / f"{NAME}.gz"
    with pytest.raises(SystemExit, match=f"^{re.escape(str(path))}: not found"):
        make_csv.read_checked(tmp_path, NAME)
    path.write_bytes(gzip.compress(b"another"))
    with pytest.raises(SystemExit, match=f"^{re.escape(str(path))}: found MD5"):
        make_csv.read_checked(tmp_path, NAME)
