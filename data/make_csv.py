"""Make the two CSV files of this folder from the four original Fashion-MNIST files.

    python data/make_csv.py SOURCE_DIR [OUTPUT_DIR]

SOURCE_DIR holds train-images-idx3-ubyte.gz and its three siblings. They are in the
Fashion-MNIST repository and in Debian's package dataset-fashion-mnist. Their MD5 sums
are checked first. The rows keep their original order, and the same zlib writes the
same bytes every time, since no time stamp goes into the gzip header.
"""

import gzip
import hashlib
import os
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
# Name of the split in our files: (its name in the original files, number of rows).
SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}

# The first number of an IDX file says what it holds: 8 stands for bytes, the last
# digit for the number of axes. One big-endian length per axis follows.
MAGIC_IMAGES = 0x0803
MAGIC_LABELS = 0x0801
IMAGES_HEADER_SIZE = 16
LABELS_HEADER_SIZE = 8
SIDE = 28
N_PIXELS = SIDE * SIDE


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


def check_header(kind: str, content: bytes, expected: tuple[int, ...]) -> None:
    """End the program if an IDX file holds something other than expected."""
    found = struct.unpack_from(f">{len(expected)}I", content)
    if found != expected:
        sys.exit(f"IDX header of the {kind}: found {found}, expected {expected}")


def csv_bytes(images: bytes, labels: bytes, n_rows: int) -> bytes:
    """Return Kaggle's layout: label,pixel1,...,pixel784, then one line per image."""
    check_header("images", images, (MAGIC_IMAGES, n_rows, SIDE, SIDE))
    check_header("labels", labels, (MAGIC_LABELS, n_rows))
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
    for split, (stem, n_rows) in SPLITS.items():
        images = contents[f"{stem}-images-idx3-ubyte"]
        labels = contents[f"{stem}-labels-idx1-ubyte"]
        csv = csv_bytes(images, labels, n_rows)
        csv_name = f"fashion-mnist_{split}.csv"
        unfinished = output / f"{csv_name}.part"
        unfinished.write_bytes(gzip.compress(csv, compresslevel=9, mtime=0))
        os.replace(unfinished, output / f"{csv_name}.gz")
        print(f"{hashlib.sha256(csv).hexdigest()}  {csv_name}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    output_dir = sys.argv[2] if len(sys.argv) == 3 else Path(__file__).parent
    main(Path(sys.argv[1]), Path(output_dir))
