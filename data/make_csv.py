"""Make the two CSV files of this folder from the four original Fashion-MNIST files.

    python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]

SOURCE_DIR holds train-images-idx3-ubyte.gz and its three siblings. They are in the
Fashion-MNIST repository and in Debian's package dataset-fashion-mnist. Their MD5 sums
are checked first. The rows keep their original order, and the same zlib writes the
same bytes every time, since no time stamp goes into the gzip header.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

# File name: (MD5 sum that Zalando published, time stamp in the file's gzip header).
SOURCES = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}
# Name of the split in our files: its name in the original files.
SPLITS = {"train": "train", "test": "t10k"}

# An IDX file begins with its kind and the length of each axis, 4 bytes each.
IMAGES_HEADER_SIZE = 16
LABELS_HEADER_SIZE = 8
N_PIXELS = 28 * 28


def read_checked(folder: Path, name: str) -> bytes:
    """Return the uncompressed content of one source file.

    Ends the program if the file is missing or is not the original.
    """
    expected, time_stamp = SOURCES[name]
    path = folder / f"{name}.gz"
    if not path.is_file():
        sys.exit(f"{path}: not found; expected the four original Fashion-MNIST files")
    packed = path.read_bytes()
    md5 = hashlib.md5(packed).hexdigest()
    md5_restored = hashlib.md5(with_header(packed, name, time_stamp)).hexdigest()
    if expected not in (md5, md5_restored):
        sys.exit(
            f"{path}: found MD5 {md5}, expected {expected}"
            " (with or without name and time in its gzip header)"
        )
    return gzip.decompress(packed)


def with_header(packed: bytes, name: str, time_stamp: int) -> bytes:
    """Return a gzip file with the name and the time in its header.

    Debian removes exactly these two and leaves all other bytes alone.
    """
    has_name = b"\x08"
    header = b"\x1f\x8b\x08" + has_name + struct.pack("<I", time_stamp) + packed[8:10]
    return header + name.encode() + b"\0" + packed[10:]


def csv_bytes(images: bytes, labels: bytes) -> bytes:
    """Return Kaggle's layout: label,pixel1,...,pixel784, then one line per image."""
    text = [str(value) for value in range(256)]
    names = ["label"] + [f"pixel{i}" for i in range(1, N_PIXELS + 1)]
    lines = [",".join(names)]
    start = IMAGES_HEADER_SIZE
    for label in labels[LABELS_HEADER_SIZE:]:
        pixels = images[start : start + N_PIXELS]
        lines.append(",".join(text[value] for value in (label, *pixels)))
        start += N_PIXELS
    return ("\n".join(lines) + "\n").encode()


def main(source: Path, output: Path) -> None:
    """Write both files and print the SHA-256 sums of their uncompressed content."""
    # All four are read before anything is written, so that a bad one changes nothing.
    contents = {name: read_checked(source, name) for name in SOURCES}
    for split, stem in SPLITS.items():
        images = contents[f"{stem}-images-idx3-ubyte"]
        labels = contents[f"{stem}-labels-idx1-ubyte"]
        csv = csv_bytes(images, labels)
        name = f"fashion-mnist_{split}.csv"
        packed = gzip.compress(csv, compresslevel=9, mtime=0)
        (output / f"{name}.gz").write_bytes(packed)
        print(f"{hashlib.sha256(csv).hexdigest()}  {name}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    output_dir = sys.argv[2] if len(sys.argv) == 3 else Path(__file__).parent
    main(Path(sys.argv[1]), Path(output_dir))
