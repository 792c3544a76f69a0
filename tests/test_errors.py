"""The faults that people meet: each gets an error that names the argument or the file.

One case for each fault at each place where it is met. The words are what a reader looks
for, so a message of scikit-learn or SciPy is as good as one of ours.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fmnist_clustering as fc
from fmnist_clustering.notebook import first_images

ROWS = np.array([[0.0, 1.0], [2.0, 2.0], [5.0, 1.0], [9.0, 7.0], [3.0, 3.0]])
ALIKE = np.repeat(ROWS[:2], 3, axis=0)
MANY_ROWS = np.zeros((50_000, 1), dtype=np.uint8)
IDS = [0, 0, 1, 1, 1]
TREE = np.array([[0.0, 1, 1, 2], [2, 5, 2, 3], [3, 6, 3, 4], [4, 7, 4, 5]])
TIE = np.array([[0.0, 1, 1, 2], [2, 3, 1, 3]])
PICTURE = np.indices((4, 8, 3)).sum(axis=0).astype(np.uint8)
FEW_COLORS = fc.IndexedImage(
    np.array([[0, 0, 0], [9, 9, 9]], dtype=np.uint8), np.eye(4, dtype=np.uint8)
)
MANY_COLORS = FEW_COLORS._replace(palette=np.zeros((257, 3), dtype=np.uint8))


def change(table: Any, place: tuple[int, int], value: float) -> Any:
    """Return a table with one number replaced."""
    changed = table.copy()
    changed[place] = value
    return changed


# A CSV file of two images

HEADER = ["label", *(f"pixel{i}" for i in range(1, 785))]
CELLS = ["9", *["0", "128", "255", "7"] * 196]


def csv(header: list[str] = HEADER, **cells: str) -> bytes:
    """Return the content of a file, with some cells of the second image replaced."""
    changed = [cells.get(name, cell) for name, cell in zip(HEADER, CELLS, strict=True)]
    lines = [",".join(line) + "\n" for line in (header, CELLS, changed)]
    return "".join(lines).encode()


def load_csv(content: bytes) -> fc.FashionMNIST:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "fashion-mnist_test.csv").write_bytes(content)
        return fc.load_split("test", folder)


def load_picture(content: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mine.png")
        path.write_bytes(content)
        return fc.load_image(path)


CSV_FAULTS = {
    "empty": (b"", "test.csv: .*(empty|No columns)"),
    "header only": (csv().split(b"\n")[0], "test.csv: .*no rows"),
    "truncated": (csv()[:-900], "test.csv: line 3"),
    "foreign": (b"name;price\ncoat;12\n", "test.csv: .*header"),
    "no header": (csv(CELLS), "test.csv: .*header"),
    "column repeated": (csv([*HEADER[:-1], "pixel1"]), "test.csv: .*pixel(1|784)'"),
    "pixel above 255": (csv(pixel3="256"), "line 3, column pixel3: found .*256"),
    "pixel below 0": (csv(pixel3="-1"), "line 3, column pixel3: found .*-1"),
    "pixel not whole": (csv(pixel3="1.5"), "line 3, column pixel3: found .*1.5"),
    "pixel missing": (csv(pixel3=""), "line 3, column pixel3"),
    "pixel a word": (csv(pixel3="coat"), "line 3, column pixel3: found .*coat"),
    "label above 9": (csv(label="10"), "line 3, column label: found .*10"),
}

# Rows that are none, in every function that takes rows

TAKE_ROWS: dict[str, Callable[[Any], Any]] = {
    "fit_kmeans": lambda X: fc.fit_kmeans(X, 2),
    "sweep_k": lambda X: fc.sweep_k(X, [2, 3]),
    "silhouette_samples": lambda X: fc.silhouette_samples(X, IDS),
    "linkage": lambda X: fc.linkage(X, "average"),
    "linkage, ward": lambda X: fc.linkage(X, "ward"),
    "condensed_distances": fc.condensed_distances,
    "prediction_strength": lambda X: fc.prediction_strength(X, [2]),
    "gap_statistic": lambda X: fc.gap_statistic(X, [2]),
}
ROW_FAULTS: dict[str, tuple[Any, str]] = {
    "NaN": (change(ROWS, (1, 1), np.nan), "X.* contains NaN"),
    "infinity": (change(ROWS, (1, 1), np.inf), "X.* contains infinity"),
    "strings": ([["coat", "bag"]] * 5, "coat"),
    "one dimension": (ROWS[:4, 0], "2D array|[Cc]ondensed"),
    "no rows": (ROWS[:0], r"0 sample\(s\)"),
}

# Trees that are none, in every function that takes a tree

TAKE_TREES: dict[str, Callable[[Any], Any]] = {
    "merge_gaps": fc.merge_gaps,
    "select_cut": fc.select_cut,
    "flat_clusters": lambda Z: fc.flat_clusters(Z, n_clusters=2),
    "truncate_tree": lambda Z: fc.truncate_tree(Z, 2),
}
TREE_FAULTS = {
    "three columns": (TREE[:, :3], "Z"),
    "heights fall": (change(TREE, (1, 2), 0.5), "Z.* fall"),
    "NaN": (change(TREE, (3, 2), np.nan), "Z.* finite"),
    "a row twice": (change(TREE, (1, 0), 0), "Z|[Ll]inkage"),
}

# All others: what is called, and what the message has to say

nan_costs = [7, 6, 5, np.nan, 3, 2, 1]
OTHER_FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "k is 0": (lambda: fc.fit_kmeans(ROWS, 0), "n_clusters"),
    "k above n": (lambda: fc.fit_kmeans(ROWS, 6), "n_clusters=6"),
    "k too large": (lambda: fc.fit_kmeans(ALIKE, 3), "n_clusters: .*3.* at most 2"),
    "k not whole": (lambda: fc.fit_kmeans(ROWS, 2.5), "n_clusters"),  # type: ignore[arg-type]
    "n_init is 0": (lambda: fc.fit_kmeans(ROWS, 2, n_init=0), "n_init"),
    "weight 0": (
        lambda: fc.fit_kmeans(ROWS, 2, sample_weight=[1, 1, 1, 1, 0]),
        "sample_weight: .*lowest 0",
    ),
    "few weights": (
        lambda: fc.fit_kmeans(ROWS, 2, sample_weight=[1, 1]),
        "sample_weight: .*expected 5",
    ),
    "sweep from 0": (lambda: fc.sweep_k(ROWS, [0, 1]), "k_values: .*0"),
    "sweep falls": (lambda: fc.sweep_k(ROWS, [3, 2]), "k_values: .*rising"),
    "sweep to n": (lambda: fc.sweep_k(ROWS, [2, 5]), "k_values: .*5.* to 4"),
    "sweep too far": (lambda: fc.sweep_k(ALIKE, [2, 3]), "found 3, expected at most 2"),
    "halves at k = 1": (lambda: fc.prediction_strength(ROWS, [1, 2]), "from 2 to 2"),
    "halves too small": (lambda: fc.prediction_strength(ROWS, [2, 3]), "from 2 to 2"),
    "gap of equal rows": (lambda: fc.gap_statistic(ALIKE, [1, 2]), "k_values: found 2"),
    "rounding errors": (
        lambda: fc.gap_statistic(np.repeat(ROWS / 7, 3, axis=0), [2, 5]),
        "k_values: found 5, at which all clusters hold equal",
    ),
    "one reference": (
        lambda: fc.gap_statistic(ROWS, [2], n_references=1),
        "n_references",
    ),
    "no split": (lambda: fc.prediction_strength(ROWS, [2], n_splits=0), "n_splits"),
    "k and cost differ": (lambda: fc.elbow(range(1, 8), [3, 2, 1]), "7, 3"),
    "cost is NaN": (lambda: fc.elbow(range(1, 8), nan_costs), "inertia: .*nan"),
    "unknown score": (
        lambda: fc.select_k(pd.DataFrame({"Silhouette": [1]}, index=[2])),
        "scores: found columns .*'Silhouette'.*'silhouette'",
    ),
    "few k": (
        lambda: fc.select_k(pd.DataFrame({"inertia": [3, 2, 1]}, index=[1, 2, 3])),
        "6 or more",
    ),
    "gap alone": (
        lambda: fc.select_k(pd.DataFrame({"gap": [0.1, 0.2]}, index=[1, 2])),
        "gap standard error",
    ),
    # Labels
    "few labels": (lambda: fc.silhouette_samples(ROWS, [0, 1]), "labels: .*expected 5"),
    "one cluster": (lambda: fc.silhouette_samples(ROWS, [0] * 5), "labels: .* 1 clus"),
    "label below 0": (lambda: fc.cluster_means(ROWS, [0, 0, 1, 1, -1]), "labels: .*-1"),
    "label not whole": (lambda: fc.match_labels([0.5, 1], [0, 1]), "labels: .*float"),
    "other reference": (lambda: fc.match_labels([0, 1], [0, 1, 1]), "labels|reference"),
    "garment 10": (
        lambda: fc.contingency([0, 10], [0, 1]),
        "labels_true: .*10.* 0 to 9",
    ),
    "few garments": (lambda: fc.external_scores([0, 1, 1], [0, 1]), "labels_.*shape"),
    # Trees
    "linkage": (
        lambda: fc.linkage(ROWS, "centroid"),
        "method: .*'centroid'.*ward",
    ),
    "no such table": (lambda: fc.linkage([1.0, 2.0], "single"), "[Cc]ondensed"),
    "NaN in a table": (lambda: fc.linkage([1, np.nan, 2], "ward"), "finite"),
    "one row": (lambda: fc.linkage(ROWS[:1], "ward"), r"1 sample\(s\)"),
    "large table": (lambda: fc.condensed_distances(MANY_ROWS), "X: .* 10.0 GB"),
    "large tree": (lambda: fc.linkage(MANY_ROWS, "average"), "10.0 GB.*'ward'"),
    "no cluster": (lambda: fc.flat_clusters(TREE, n_clusters=0), "n_clusters"),
    "a tie": (lambda: fc.flat_clusters(TIE, n_clusters=2), "n_clusters: .*same height"),
    "small tree": (lambda: fc.merge_gaps(TREE[:1]), "Z: found 2 leaves"),
    "rule": (
        lambda: fc.select_cut(TREE, rule="short"),
        "rule: found 'short'.*relative",
    ),
    # Pictures and palettes
    "floats": (lambda: fc.quantize(PICTURE / 255, 2), "image: .*float64.*uint8"),
    "gray": (lambda: fc.quantize(PICTURE[:, :, 0], 2), "image: found .*4, 8.*3"),
    "no colors": (lambda: fc.quantize(PICTURE, 0), "n_colors"),
    "one color": (lambda: fc.apply_palette(PICTURE, [1, 2, 3]), "palette: .*shape"),
    "color 256": (lambda: fc.apply_palette(PICTURE, [[0, 0, 256]]), "palette: .* 255"),
    "color 0.5": (lambda: fc.apply_palette(PICTURE, [[0, 0, 0.5]]), "palette: .*whole"),
    "two sizes": (lambda: fc.psnr(PICTURE, PICTURE[:2]), "a, b: found shapes"),
    "257 colors": (lambda: fc.indexed_png(MANY_COLORS), "image: found 257 colors"),
    "empty file": (lambda: load_picture(b""), "mine.png: cannot be read as a picture"),
    "no picture": (
        lambda: load_picture(b"no"),
        "mine.png: cannot be read as a picture",
    ),
    # Parameters
    "no such split": (lambda: fc.load_split("valid"), "split: found 'valid'.*train"),
    "no such file": (lambda: fc.load_image("none.png"), "none.png: no such file"),
    "no such folder": (lambda: fc.load_split("test", "none"), "fashion-mnist_test.csv"),
    "N_IMAGES": (lambda: first_images(fc.load_split(), 5, at_least=30), "N_IMAGES"),
}

KINDS: dict[str, type[Exception]] = {
    "gap alone": KeyError,
    "k not whole": TypeError,
    "no such file": FileNotFoundError,
    "no such folder": FileNotFoundError,
}
"""The errors that are no ValueError."""

FAULTS = OTHER_FAULTS.copy()
for fault, (content, words) in CSV_FAULTS.items():
    FAULTS[f"CSV: {fault}"] = (partial(load_csv, content), words)
for takers, faults in ((TAKE_ROWS, ROW_FAULTS), (TAKE_TREES, TREE_FAULTS)):
    for name, function in takers.items():
        for fault, (argument, words) in faults.items():
            FAULTS[f"{name}: {fault}"] = (partial(function, argument), words)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault: str) -> None:
    call, words = FAULTS[fault]
    with pytest.raises(KINDS.get(fault, ValueError), match=words):
        call()


def test_mnist_under_the_name_of_fashion_is_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"test\.csv: these are not the images"):
        assert load_csv(csv()).garments.tolist() == [9, 9]
