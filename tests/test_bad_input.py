"""Every public function against every kind of bad argument that makes sense for it.

A case either works, and then equals the plain case of the same values, or is refused by our own code:
a ValueError or TypeError whose message names the argument, what was found and what was expected. That no
warning escapes is seen to by pytest's settings.
"""

import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

import fmnist_clustering as fc
from fmnist_clustering import notebook, plots

PACKAGE = Path(fc.__file__).parent
RNG = np.random.default_rng(7)
# Quarters: float32 holds them too.
ROWS = np.repeat([[0.0, 0], [8, 0], [0, 8]], 5, axis=0) + RNG.integers(0, 9, (15, 2)) / 4
IDS = np.repeat([0, 1, 2], 5)
GARMENTS = np.arange(15) % 10
CONDENSED = fc.condensed_distances(ROWS)
TREE = fc.linkage(ROWS, "ward")
SWEEP = fc.sweep_k(ROWS, range(1, 8))
REPLICATES = fc.stability(np.repeat(ROWS, 3, axis=0) + RNG.random((45, 2)), range(2, 8), n_resamples=3)
CRITERIA = fc.criteria(ROWS, SWEEP, REPLICATES)
PICKS = fc.picks(CRITERIA)
PICTURE = RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8)
QUANTIZED = fc.quantize(PICTURE, 4)
LAB = RNG.uniform(-50, 50, (5, 3))
IMAGES = RNG.integers(0, 256, (3, 784), dtype=np.uint8)
FILES = pd.DataFrame({"method": "a", "k": [2, 3], "size": [1.0, 2.0], "PSNR": [20.0, 30.0]})


class Argument(NamedTuple):
    """One argument of one function, and a call that is fine but for it."""

    function: str
    name: str
    good: Any
    call: Callable[[Any], Any]
    kind: str


def axes() -> Any:
    return Figure().subplots()


def drawn(ax: Any) -> list[Any]:
    """Return the numbers that were drawn on axes."""
    lines = [line.get_xydata() for line in ax.lines]
    points = [np.asarray(each.get_offsets()) for each in ax.collections]
    texts = [np.array([text.get_text()]) for text in ax.texts]
    return [*lines, *points, *(np.asarray(image.get_array()) for image in ax.images), *texts]


def given(function: str, name: str, good: Any, kind: str, call: Callable[[Any], Any]) -> Argument:
    return Argument(function, name, good, call, kind)


ARGUMENTS = [
    given("fit_kmeans", "X", ROWS, "rows", lambda x: fc.fit_kmeans(x, 3)),
    given("fit_kmeans", "sample_weight", IDS + 1.5, "weights", lambda x: fc.fit_kmeans(ROWS, 3, sample_weight=x)),
    given("fit_kmeans", "n_clusters", 3, "count", lambda x: fc.fit_kmeans(ROWS, x)),
    given("fit_kmeans", "n_init", 3, "count", lambda x: fc.fit_kmeans(ROWS, 3, n_init=x)),
    given("fit_kmeans", "seed", 3, "seed", lambda x: fc.fit_kmeans(ROWS, 3, seed=x)),
    given("fit_kmeans", "init", "forgy", "choice", lambda x: fc.fit_kmeans(ROWS, 3, init=x)),
    given("inertia", "X", ROWS, "rows", lambda x: fc.inertia(x, IDS)),
    given("inertia", "labels", IDS, "labels", lambda x: fc.inertia(ROWS, x)),
    given("inertia", "sample_weight", IDS + 1.5, "weights", lambda x: fc.inertia(ROWS, IDS, sample_weight=x)),
    given("cluster_means", "X", ROWS, "rows", lambda x: fc.cluster_means(x, IDS)),
    given("cluster_means", "labels", IDS, "labels", lambda x: fc.cluster_means(ROWS, x)),
    given("canonical_labels", "labels", IDS, "any labels", fc.canonical_labels),
    given("match_labels", "labels", IDS, "labels", lambda x: fc.match_labels(x, IDS)),
    given("match_labels", "reference", IDS, "any labels", lambda x: fc.match_labels(IDS, x)),
    given("sweep_k", "X", ROWS, "rows", lambda x: fc.sweep_k(x, [2, 3])),
    given("sweep_k", "k_values", [2, 3, 4], "k values", lambda x: fc.sweep_k(ROWS, x)),
    given("sweep_k", "n_init", 2, "count", lambda x: fc.sweep_k(ROWS, [2], n_init=x)),
    given("sweep_k", "seed", 2, "seed", lambda x: fc.sweep_k(ROWS, [2], seed=x)),
    given("stability", "X", ROWS, "rows", lambda x: fc.stability(x, [2], n_resamples=3, n_init=2)),
    given("stability", "k_values", [2, 3], "k values", lambda x: fc.stability(ROWS, x, n_resamples=3, n_init=2)),
    given("stability", "n_resamples", 3, "count", lambda x: fc.stability(ROWS, [2], n_resamples=x, n_init=2)),
    given("stability", "n_init", 2, "count", lambda x: fc.stability(ROWS, [2], n_resamples=3, n_init=x)),
    given("stability", "seed", 2, "seed", lambda x: fc.stability(ROWS, [2], n_resamples=3, n_init=2, seed=x)),
    given("criteria", "X", ROWS, "rows", lambda x: fc.criteria(x, SWEEP, REPLICATES)),
    given("criteria", "sweep", SWEEP, "made", lambda x: fc.criteria(ROWS, x, REPLICATES)),
    given("criteria", "replicates", REPLICATES, "made", lambda x: fc.criteria(ROWS, SWEEP, x)),
    given("picks", "table", CRITERIA, "made", fc.picks),
    given("verdict", "found", PICKS, "made", fc.verdict),
    given("silhouette_samples", "X", ROWS, "rows", lambda x: fc.silhouette_samples(x, IDS)),
    given("silhouette_samples", "labels", IDS, "labels", lambda x: fc.silhouette_samples(ROWS, x)),
    given("elbow", "k_values", SWEEP.k_values, "curve", lambda x: fc.elbow(x, SWEEP.inertia)),
    given("elbow", "inertia", SWEEP.inertia, "curve", lambda x: fc.elbow(SWEEP.k_values, x)),
    given("elbow_ranges", "k_values", SWEEP.k_values, "curve", lambda x: fc.elbow_ranges(x, SWEEP.inertia)),
    given("elbow_ranges", "inertia", SWEEP.inertia, "curve", lambda x: fc.elbow_ranges(SWEEP.k_values, x)),
    given("condensed_distances", "X", ROWS, "rows", fc.condensed_distances),
    given("linkage", "X_or_condensed", ROWS, "rows", lambda x: fc.linkage(x, "average")),
    given("linkage", "X_or_condensed", CONDENSED, "condensed", lambda x: fc.linkage(x, "average")),
    given("linkage", "method", "ward", "choice", lambda x: fc.linkage(ROWS, x)),
    given("merge_gaps", "Z", TREE, "tree", fc.merge_gaps),
    given("merge_gaps", "max_clusters", 5, "count", lambda x: fc.merge_gaps(TREE, x)),
    given("cut_tree", "Z", TREE, "tree", lambda x: fc.cut_tree(x, n_clusters=3)),
    given("cut_tree", "n_clusters", 3, "count", lambda x: fc.cut_tree(TREE, n_clusters=x)),
    given("cut_tree", "height", 5.0, "height", lambda x: fc.cut_tree(TREE, height=x)),
    given("condense", "Z", TREE, "tree", lambda x: fc.condense(x, 4)),
    given("condense", "n_leaves", 4, "count", lambda x: fc.condense(TREE, x)),
    given("compare_linkages", "condensed", CONDENSED, "condensed", lambda x: fc.compare_linkages({"w": TREE}, x, 3)),
    given("compare_linkages", "trees", {"w": TREE}, "made", lambda x: fc.compare_linkages(x, CONDENSED, 3)),
    given("compare_linkages", "n_clusters", 3, "count", lambda x: fc.compare_linkages({"w": TREE}, CONDENSED, x)),
    given("contingency", "labels", IDS, "labels", lambda x: fc.contingency(x, GARMENTS)),
    given("contingency", "garments", GARMENTS, "garments", lambda x: fc.contingency(IDS, x)),
    given("agreement", "labels", IDS, "labels", lambda x: fc.agreement(x, GARMENTS)),
    given("agreement", "garments", GARMENTS, "garments", lambda x: fc.agreement(IDS, x)),
    given("quantize", "image", PICTURE, "image", lambda x: fc.quantize(x, 4)),
    given("quantize", "n_colors", 4, "many", lambda x: fc.quantize(PICTURE, x)),
    given("quantize", "seed", 4, "seed", lambda x: fc.quantize(PICTURE, 4, seed=x)),
    given("apply_palette", "image", PICTURE, "image", lambda x: fc.apply_palette(x, QUANTIZED.palette)),
    given("apply_palette", "palette", QUANTIZED.palette, "palette", lambda x: fc.apply_palette(PICTURE, x)),
    given("psnr", "a", PICTURE, "picture", lambda x: fc.psnr(x, PICTURE[::-1])),
    given("psnr", "b", PICTURE, "picture", lambda x: fc.psnr(PICTURE[::-1], x)),
    given("delta_e", "a", PICTURE, "picture", lambda x: fc.delta_e(x, PICTURE[::-1])),
    given("delta_e", "b", PICTURE, "picture", lambda x: fc.delta_e(PICTURE[::-1], x)),
    given("srgb_to_lab", "colors", QUANTIZED.palette, "colors", fc.srgb_to_lab),
    given("ciede2000", "lab", LAB, "colors", lambda x: fc.ciede2000(x, LAB[::-1])),
    given("ciede2000", "other", LAB, "colors", lambda x: fc.ciede2000(LAB[::-1], x)),
    given("indexed_png", "quantized", QUANTIZED, "made", fc.indexed_png),
    given("size_report", "quantized", QUANTIZED, "made", lambda x: fc.size_report(x, PICTURE)),
    given("size_report", "original", PICTURE, "image", lambda x: fc.size_report(QUANTIZED, x)),
    given("load_image", "source", "china", "path", fc.load_image),
    given("source_bytes", "source", "china", "path", fc.source_bytes),
    given("load_split", "split", "test", "choice", lambda x: fc.load_split(x, "nowhere")),
    given("load_split", "data_dir", None, "path or none", lambda x: fc.load_split("test", x)),
    given("read_csv", "path", None, "path", fc.read_csv),
    given("plot_images", "images", IMAGES, "pictures", lambda x: drawn(plots.plot_images(x, axes(), n_columns=2))),
    given("plot_inertia", "k_values", [1, 2, 3], "drawn", lambda x: drawn(plots.plot_inertia(x, [9, 5, 4], axes()))),
    given("plot_inertia", "inertia", [9.0, 5, 4], "drawn", lambda x: drawn(plots.plot_inertia([1, 2, 3], x, axes()))),
    given(
        "plot_silhouette_scores",
        "silhouette",
        [0.5, 0.2, 0.1],
        "drawn",
        lambda x: drawn(plots.plot_silhouette_scores([2, 3, 4], x, axes())),
    ),
    given("plot_scatter", "points", ROWS, "drawn", lambda x: drawn(plots.plot_scatter(x, IDS, axes()))),
    given("plot_scatter", "labels", IDS, "drawn", lambda x: drawn(plots.plot_scatter(ROWS, x, axes()))),
    given(
        "plot_contingency", "table", fc.contingency(IDS, GARMENTS), "made", lambda x: plots.plot_contingency(x, axes())
    ),
    given("plot_rate_distortion", "table", FILES, "made", lambda x: plots.plot_rate_distortion(x, axes())),
    given("plot_dendrogram", "top", fc.condense(TREE, 4), "made", lambda x: plots.plot_dendrogram(x, axes())),
    given("plot_palette", "quantized", QUANTIZED, "made", lambda x: plots.plot_palette(x, axes())),
    given("plot_quantized", "quantized", QUANTIZED, "made", lambda x: plots.plot_quantized(x, axes())),
    given("save_numbers", "data", FILES, "made", lambda x: notebook.save_numbers("a.csv", x)),
    given("table", "data", FILES, "made", notebook.table),
]


def nested(values: Any) -> Any:
    """Return an array as lists of lists."""
    return np.asarray(values).tolist()


def with_first(values: Any, new: float) -> Any:
    """Return floats of which the first is replaced."""
    changed = np.array(values, dtype=np.float64)
    changed.flat[0] = new
    return changed


def read_only(values: Any) -> Any:
    copy = np.array(values)
    copy.flags.writeable = False
    return copy


def view(values: Any) -> Any:
    """Return a view that is contiguous in no direction."""
    values = np.asarray(values)
    wide = np.zeros(tuple(2 * length for length in values.shape), dtype=values.dtype)
    every_other = wide[tuple(slice(None, None, 2) for _ in values.shape)]
    every_other[...] = values
    return every_other


def ragged(values: Any) -> Any:
    return [*nested(values)[:-1], [1, 2, 3, 4, 5]]


SAME: dict[str, Callable[[Any], Any]] = {
    "list": nested,
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "view": view,
}
NOT_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "None": lambda _: None,
    "text": lambda _: "numbers",
    "text of digits": lambda values: np.asarray(values).astype(str),
    "objects": lambda values: np.asarray(values, dtype=object),
    "complex": lambda values: np.asarray(values) + 0j,
    "ragged": ragged,
    "mapping": lambda _: {"a": 1},
}
SPOILED: dict[str, Callable[[Any], Any]] = {
    "NaN": lambda values: with_first(values, np.nan),
    "infinite": lambda values: with_first(values, np.inf),
}
EMPTY: dict[str, Callable[[Any], Any]] = {"empty": lambda values: np.asarray(values)[:0], "empty list": lambda _: []}
NO_PATH: dict[str, Callable[[Any], Any]] = {
    "number": lambda _: 3,
    "list": lambda _: ["china"],
    "array": lambda _: np.zeros(2),
    "bytes": lambda _: b"china",
}
# kind: (what works like the plain case, what is refused)
KINDS: dict[str, tuple[dict[str, Callable[[Any], Any]], dict[str, Callable[[Any], Any]]]] = {
    "rows": (
        SAME
        | {"frame": pd.DataFrame, "float32": lambda x: x.astype(np.float32), "big-endian": lambda x: x.astype(">f8")},
        NOT_NUMBERS
        | SPOILED
        | EMPTY
        | {
            "one axis": lambda x: x[:, 0],
            "three axes": lambda x: x[None],
            "scalar": lambda _: 3.0,
            "no columns": lambda x: x[:, :0],
        },
    ),
    "labels": (
        SAME | {"series": pd.Series, "int8": lambda x: x.astype(np.int8), "uint64": lambda x: x.astype(np.uint64)},
        NOT_NUMBERS
        | SPOILED
        | EMPTY
        | {
            "floats": lambda x: x.astype(np.float64),
            "booleans": lambda x: x > 0,
            "below 0": lambda x: x - 1,
            "too short": lambda x: x[:-1],
            "two axes": lambda x: x[:, None],
            "scalar": lambda _: 3,
        },
    ),
    "weights": (
        SAME | {"series": pd.Series, "float32": lambda x: x.astype(np.float32)},
        {name: make for name, make in NOT_NUMBERS.items() if name != "None"}
        | SPOILED
        | EMPTY
        | {"zero": lambda x: x * 0, "too short": lambda x: x[:-1], "scalar": lambda _: 3.0},
    ),
    "count": (
        {"int64": np.int64, "uint8": np.uint8},
        {
            "zero": lambda _: 0,
            "negative": lambda _: -1,
            "fraction": lambda _: 2.5,
            "float": float,
            "text": lambda _: "3",
            "NaN": lambda _: np.nan,
            "boolean": lambda _: True,
            "array": lambda x: np.array([x, x]),
        },
    ),
    "seed": (
        {"int64": np.int64},
        {"negative": lambda _: -1, "fraction": lambda _: 2.5, "text": lambda _: "3", "None": lambda _: None},
    ),
    "height": (
        {"float32": np.float32, "int": int},
        {"NaN": lambda _: np.nan, "text": lambda _: "5", "array": lambda x: np.array([x, x]), "list": lambda x: [x]},
    ),
    "choice": (
        {},
        {"unknown": lambda _: "median", "None": lambda _: None, "number": lambda _: 3, "list": lambda x: [x]},
    ),
    "k values": (
        SAME | {"tuple": tuple, "range": lambda x: range(x[0], x[-1] + 1), "generator": iter, "series": pd.Series},
        EMPTY
        | {
            "floats": lambda x: np.asarray(x, dtype=float),
            "below range": lambda x: [0, *x],
            "beyond range": lambda x: [*x, 99],
            "falling": lambda x: x[::-1],
            "twice": lambda x: [x[0], x[0]],
            "number": lambda _: 3,
            "None": lambda _: None,
            "text": lambda _: "23",
            "two axes": lambda x: [x],
        },
    ),
    "curve": (
        SAME | {"series": pd.Series},
        NOT_NUMBERS | SPOILED | EMPTY | {"too short": lambda x: x[:3], "below 0": lambda x: with_first(x, -1)},
    ),
    "condensed": (
        SAME | {"series": pd.Series},
        NOT_NUMBERS | SPOILED | EMPTY | {"no n (n - 1) / 2": lambda x: x[:-1], "below 0": lambda x: with_first(x, -1)},
    ),
    "tree": (
        SAME | {"frame": pd.DataFrame},
        NOT_NUMBERS
        | SPOILED
        | EMPTY
        | {
            "three columns": lambda x: x[:, :3],
            "falling": lambda x: x[::-1],
            "ids twice": lambda x: np.vstack([x[:1], x[:-1]]),
        },
    ),
    "image": (
        {name: make for name, make in SAME.items() if name != "list"},
        {
            "list": nested,
            "None": lambda _: None,
            "text": lambda _: "china",
            "floats": lambda x: x / 255,
            "int64": lambda x: x.astype(np.int64),
            "grey": lambda x: x[:, :, 0],
            "four channels": lambda x: np.concatenate([x, x[:, :, :1]], axis=2),
            "empty": lambda x: x[:0],
        },
    ),
    "picture": (SAME, NOT_NUMBERS | {"other shape": lambda x: x[:3], "empty": lambda x: x[:0]}),
    "palette": (
        SAME | {"frame": pd.DataFrame, "floats": lambda x: x.astype(float)},
        NOT_NUMBERS
        | SPOILED
        | EMPTY
        | {"fraction": lambda x: with_first(x, 0.5), "beyond": lambda x: with_first(x, 256)},
    ),
    "colors": (
        SAME | {"frame": pd.DataFrame},
        NOT_NUMBERS | {"two channels": lambda x: x[:, :2], "scalar": lambda _: 3.0},
    ),
    "pictures": (
        SAME | {"frame": pd.DataFrame},
        NOT_NUMBERS | EMPTY | {"narrow": lambda x: x[:, :-1], "one": lambda x: x[0]},
    ),
    "drawn": (
        SAME,
        {"text of digits": NOT_NUMBERS["text of digits"], "ragged": ragged, "too short": lambda x: np.asarray(x)[:-1]},
    ),
    "made": (
        {},
        {
            "None": lambda _: None,
            "list": lambda _: [1, 2],
            "array": lambda _: np.zeros((3, 4)),
            "text": lambda _: "made",
        },
    ),
    "path": ({}, NO_PATH | {"None": lambda _: None}),
    "path or none": ({}, NO_PATH),
}
KINDS["any labels"] = (
    KINDS["labels"][0],
    {name: make for name, make in KINDS["labels"][1].items() if name != "too short"},
)
KINDS["garments"] = (KINDS["labels"][0], KINDS["labels"][1] | {"beyond 9": lambda x: x + 9})
KINDS["many"] = KINDS["count"]


def cases(refused: bool) -> Iterator[Any]:
    for argument in ARGUMENTS:
        for name, make in KINDS[argument.kind][refused].items():
            if (argument.function, name) == ("linkage", "one axis"):
                continue  # 15 values are the distances of 6 rows
            yield pytest.param(argument, make, id=f"{argument.function}-{argument.name}-{name}")


def assert_same(found: Any, plain: Any) -> None:
    """Compare results of any type, to the bit."""
    assert type(found) is type(plain)
    if isinstance(plain, pd.DataFrame | pd.Series):
        testing: Any = pd.testing
        (testing.assert_frame_equal if isinstance(plain, pd.DataFrame) else testing.assert_series_equal)(found, plain)
    elif isinstance(plain, tuple | list):
        assert len(found) == len(plain)
        for one, other in zip(found, plain, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize(("argument", "make"), [*cases(refused=False)])
def test_same_values_in_another_form_give_the_same(argument: Argument, make: Callable[[Any], Any]) -> None:
    form = make(argument.good)
    before = form.copy() if isinstance(form, np.ndarray) else None
    assert_same(argument.call(form), argument.call(argument.good))
    if before is not None:
        np.testing.assert_array_equal(form, before, "the caller's array was changed")


@pytest.mark.parametrize(("argument", "make"), [*cases(refused=True)])
def test_bad_argument_is_refused_by_our_own_code(
    argument: Argument,
    make: Callable[[Any], Any],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FMNIST_CLUSTERING_ARTIFACTS", str(tmp_path))
    with pytest.raises((ValueError, TypeError)) as caught:
        argument.call(make(argument.good))
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert Path(last.filename).is_relative_to(PACKAGE), f"raised in {last.filename}: {caught.value!r}"
    message = str(caught.value)
    # Where two arguments have to fit each other, either may be the one that is named.
    if "too short" not in request.node.name:
        assert re.match(rf"[\w., ]*\b{argument.name}\b[\w., ]*: ", message), message
    assert "found" in message, message
    assert "expected" in message, message
    assert not [*tmp_path.iterdir()], "nothing is written"


def test_the_matrix_is_large_and_meets_every_public_function() -> None:
    met = {argument.function for argument in ARGUMENTS}
    functions = {name for name in fc.__all__ if callable(getattr(fc, name)) and name[0].islower()}
    assert functions <= met
    assert sum(1 for refused in (False, True) for _ in cases(refused)) >= 150


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fc.fit_kmeans(ROWS, 16), "n_clusters: found 16, expected at most the"),
        (lambda: fc.cut_tree(TREE, n_clusters=16), "n_clusters: found 16, expected 1 to 15"),
        (lambda: fc.condense(TREE, 16), "n_leaves: found 16, expected 2 to 15"),
        (lambda: fc.compare_linkages({"w": TREE}, CONDENSED, 16), "n_clusters: found 16, expected 1 to 15"),
        (lambda: fc.silhouette_samples(ROWS, np.arange(15)), "labels: found 15 clusters in 15 rows, expected 2 to"),
        (lambda: fc.silhouette_samples(ROWS, IDS * 0), "labels: found 1 clusters in 15 rows, expected 2 to"),
        (lambda: fc.condensed_distances(ROWS[:1]), "X: found shape (1, 2), expected (rows, columns), rows >= 2"),
        (
            lambda: fc.linkage(ROWS[:1], "ward"),
            "X_or_condensed: found shape (1, 2), expected (rows, columns), rows >= 2",
        ),
        (lambda: fc.sweep_k(ROWS[:1], [1]), "k_values: found [1], expected one or more rising integers"),
    ],
)
def test_out_of_range_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


ONE_ROW, CONSTANT = ROWS[:1], np.ones((6, 3))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: fc.fit_kmeans(ONE_ROW, 1).inertia, 0.0),
        (lambda: fc.fit_kmeans(CONSTANT, 1).inertia, 0.0),
        (lambda: fc.inertia(ONE_ROW, [0]), 0.0),
        (lambda: fc.inertia(CONSTANT, [0, 1, 0, 1, 0, 1]), 0.0),
        (lambda: fc.cluster_means(CONSTANT, [0, 0, 0, 1, 1, 1]), CONSTANT[:2]),
        (lambda: fc.condensed_distances(CONSTANT), np.zeros(15)),
        (lambda: fc.linkage(CONSTANT, "single")[:, 2], np.zeros(5)),
        (lambda: fc.linkage(CONSTANT, "ward", condensed=False)[:, 2], np.zeros(5)),
        (lambda: fc.silhouette_samples(CONSTANT, [0, 0, 0, 1, 1, 1]), np.zeros(6)),
        (lambda: fc.silhouette_samples(np.repeat(ROWS[[0, 5]], 2, axis=0), [0, 0, 1, 1]), np.ones(4)),
        (lambda: fc.elbow([1, 2, 3, 4], [5.0, 5, 5, 5]).k, None),
        (lambda: fc.quantize(np.full((2, 3, 3), 7, dtype=np.uint8), 5).palette, [[7, 7, 7]]),
        (lambda: fc.psnr(np.zeros((1, 1, 3)), np.zeros((1, 1, 3))), np.inf),
    ],
)
def test_one_row_and_constant_rows_work(call: Callable[[], Any], expected: Any) -> None:
    np.testing.assert_array_equal(call(), expected)


@pytest.mark.parametrize("n_clusters", [2, 3])
def test_constant_rows_cannot_be_split(n_clusters: int) -> None:
    with pytest.raises(ValueError, match=f"n_clusters: found {n_clusters}, expected at most the 1 distinct rows"):
        fc.fit_kmeans(CONSTANT, n_clusters)


def test_duplicates_weigh_as_much_as_weights() -> None:
    doubled = fc.fit_kmeans(np.repeat(ROWS, 2, axis=0), 3)
    weighted = fc.fit_kmeans(ROWS, 3, sample_weight=np.full(15, 2))
    assert doubled.inertia == pytest.approx(weighted.inertia)
    np.testing.assert_allclose(doubled.centroids, weighted.centroids)


def test_an_image_that_is_no_file_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert fc.load_image(tmp_path / "a.png").shape == (1, 1, 3)
    with pytest.raises(FileNotFoundError, match=r"b\.png: no such file"):
        fc.load_image(tmp_path / "b.png")


def test_any_path_and_any_mapping_will_do(tmp_path: Path) -> None:
    class Elsewhere:
        def __fspath__(self) -> str:
            return str(tmp_path / "a.png")

    Image.new("RGB", (2, 1)).save(tmp_path / "a.png")
    assert fc.load_image(Elsewhere()).shape == (1, 2, 3)  # type: ignore[arg-type]
    trees = MappingProxyType({"w": TREE})
    assert_same(fc.compare_linkages(trees, CONDENSED, 3), fc.compare_linkages({"w": TREE}, CONDENSED, 3))
