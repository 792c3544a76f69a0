"""Make the two CSV files of this folder from the four original Fashion-MNIST IDX files.

    python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]

SOURCE_DIR holds train-images-idx3-ubyte.gz and its three siblings, from the Fashion-MNIST
repository or from Debian's package dataset-fashion-mnist. Their md5 is checked first. Rows keep
the original order, and the same zlib gives the same bytes every time (gzip time stamp 0).
"""

import gzip
import hashlib
import os
import struct
import sys
from pathlib import Path

# File name: (md5 that Zalando published, the time stamp in that file's gzip header).
SOURCES = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}
SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
N_PIXELS = 784


def read_checked(folder: Path, name: str) -> bytes:
    """Return the uncompressed content of one source file, or stop if it is not the original."""
    md5, stamp = SOURCES[name]
    path = folder / f"{name}.gz"
    if not path.is_file():
        sys.exit(f"{path}: not found; expected the four original Fashion-MNIST files there")
    raw = path.read_bytes()
    # Debian drops name and time from the gzip header, and nothing else; put them back to compare.
    restored = b"\x1f\x8b\x08\x08" + struct.pack("<I", stamp) + raw[8:10]
    restored += name.encode() + b"\0" + raw[10:]
    found = [hashlib.md5(content).hexdigest() for content in (raw, restored)]
    if md5 not in found:
        sys.exit(f"{path}: md5 is {found[0]}; expected {md5} (with or without its gzip header)")
    return gzip.decompress(raw)


def csv_bytes(images: bytes, labels: bytes, n_rows: int) -> bytes:
    """Return Kaggle's layout: label,pixel1,...,pixel784 and one line an image."""
    for name, content, expected in (("images", images, (2051, n_rows, 28, 28)), ("labels", labels, (2049, n_rows))):
        found = struct.unpack_from(f">{len(expected)}I", content)
        if found != expected:
            sys.exit(f"IDX header of the {name}: found {found}, expected {expected}")
    text = [str(value) for value in range(256)]
    lines = [",".join(["label", *(f"pixel{i}" for i in range(1, N_PIXELS + 1))])]
    for row, label in enumerate(labels[8:]):
        pixels = images[16 + row * N_PIXELS : 16 + (row + 1) * N_PIXELS]
        lines.append(",".join([text[label], *(text[value] for value in pixels)]))
    return ("\n".join(lines) + "\n").encode()


def main(source: Path, output: Path) -> None:
    """Write both files and print the SHA-256 of their uncompressed content."""
    content = {name: read_checked(source, name) for name in SOURCES}
    for split, (stem, n_rows) in SPLITS.items():
        images, labels = (content[f"{stem}-{kind}-ubyte"] for kind in ("images-idx3", "labels-idx1"))
        csv = csv_bytes(images, labels, n_rows)
        path = output / f"fashion-mnist_{split}.csv.gz"
        beside = path.with_suffix(".part")
        beside.write_bytes(gzip.compress(csv, compresslevel=9, mtime=0))
        os.replace(beside, path)
        print(f"{hashlib.sha256(csv).hexdigest()}  {path.name[:-3]}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else Path(__file__).parent))
