"""The public functions, the kind of each of their arguments, and what may become of it.

A kind has an example, forms of it that must give the same result, and changes that must
be refused. `tests/test_bad_input.py` tries them all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import fmnist_clustering as fc
from fmnist_clustering import explore, notebook, plots

Change = Callable[[Any], Any]

N_ROWS = 18  # not n (n - 1) / 2, so that no row of numbers passes for distances


# Examples. They are computed when a test asks for them, and not when pytest collects.


@cache
def rows() -> NDArray[np.float64]:
    """Return three clouds in the plane, in quarters, which float32 holds, too."""
    corners = np.repeat([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]], 6, axis=0)
    return corners + np.random.default_rng(7).integers(0, 9, (N_ROWS, 2)) / 4


@cache
def labels() -> NDArray[np.int64]:
    return np.repeat([0, 1, 2], 6)


@cache
def sweep() -> fc.KSweep:
    return fc.sweep_k(rows(), range(1, 8))


@cache
def replicates() -> pd.DataFrame:
    points = np.repeat(rows(), 3, axis=0)
    noise = np.random.default_rng(0).random(points.shape)
    return fc.stability(points + noise, range(2, 8), n_resamples=3, n_init=2)


@cache
def gaps() -> pd.DataFrame:
    return fc.gap_statistic(rows(), range(1, 8), n_references=2, n_init=1)


@cache
def scores() -> pd.DataFrame:
    return fc.selection_scores(rows(), sweep(), replicates(), gaps())


@cache
def selected() -> pd.DataFrame:
    return fc.select_k(scores())


@cache
def condensed() -> NDArray[np.float64]:
    return fc.condensed_distances(rows())


@cache
def tree() -> NDArray[np.float64]:
    return fc.linkage(rows(), "ward")


@cache
def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (6, 7, 3), dtype=np.uint8)


@cache
def indexed() -> fc.IndexedImage:
    return fc.quantize(picture(), 4)


@cache
def garment_images() -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (3, 784), dtype=np.uint8)


@cache
def counts() -> pd.DataFrame:
    return fc.contingency(np.arange(N_ROWS) % 10, labels())


@cache
def files() -> pd.DataFrame:
    data = {"method": "a", "k": [2, 3], "size": [1.0, 2.0], "PSNR": [20.0, 30.0]}
    return pd.DataFrame(data)


def new_axes() -> Axes:
    return Figure().subplots()


# Changes


def nested(values: Any) -> Any:
    """Return an array as lists of lists."""
    return np.asarray(values).tolist()


def read_only(values: Any) -> Any:
    copy = np.array(values)
    copy.flags.writeable = False
    return copy


def view(values: Any) -> Any:
    """Return a view that is contiguous in no direction."""
    values = np.asarray(values)
    wide = np.zeros([2 * length for length in values.shape], dtype=values.dtype)
    every_other = wide[tuple(slice(None, None, 2) for _ in values.shape)]
    every_other[...] = values
    return every_other


def with_first(values: Any, first: float) -> Any:
    """Return floats of which the first is replaced."""
    changed = np.array(values, dtype=np.float64)
    changed.flat[0] = first
    return changed


def ragged(values: Any) -> Any:
    return [*nested(values)[:-1], [1, 2, 3, 4, 5]]


def as_type(dtype: Any) -> Change:
    return lambda values: np.asarray(values).astype(dtype)


def constant(value: Any) -> Change:
    return lambda _: value


def without_column(name: str) -> Change:
    return lambda frame: frame.drop(columns=name)


def with_index(index: Callable[[int], Any]) -> Change:
    return lambda frame: frame.set_axis(index(len(frame)))


def all_but(changes: dict[str, Change], *names: str) -> dict[str, Change]:
    return {name: change for name, change in changes.items() if name not in names}


ARRAYS: dict[str, Change] = {
    "list": nested,
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "view": view,
}
NO_NUMBERS: dict[str, Change] = {
    "None": constant(None),
    "text": constant("numbers"),
    "text of digits": as_type(str),
    "objects": lambda values: np.full(np.shape(values), object()),
    "complex": as_type(complex),
    "ragged": ragged,
    "mapping": constant({"a": 1}),
}
NOT_FINITE: dict[str, Change] = {
    "NaN": lambda values: with_first(values, np.nan),
    "infinite": lambda values: with_first(values, np.inf),
}
EMPTY: dict[str, Change] = {
    "no rows": lambda values: np.asarray(values)[:0],
    "empty list": constant([]),
}
NO_NUMBER: dict[str, Change] = {
    "text": constant("3"),
    "boolean": constant(True),
    "NaN": constant(np.nan),
    "list": lambda value: [value],
    "array": lambda value: np.array([value, value]),
}
NO_INTEGER = NO_NUMBER | {"fraction": constant(2.5), "float": float}
OTHER_TYPES: dict[str, Change] = {
    "None": constant(None),
    "list": constant([1, 2]),
    "array": constant(np.zeros((3, 4))),
    "text": constant("some text"),
    "mapping": constant({"a": 1}),
}
NO_TEXT: dict[str, Change] = {
    "None": constant(None),
    "number": constant(3),
    "list": lambda value: [value],
    "bytes": constant(b"a.png"),
}
NO_PATH = all_but(NO_TEXT, "None") | {"array": constant(np.zeros(2))}
SHORT_OR_LONG: dict[str, Change] = {
    "too short": lambda values: np.asarray(values)[:-1],
    "too long": lambda values: np.append(values, np.asarray(values)[-1:], axis=0),
}
FRAMES_WITHOUT_CELLS: dict[str, Change] = {
    "no rows": lambda frame: frame.iloc[:0],
    "no columns": lambda frame: frame.iloc[:, :0],
    "no cells": constant(pd.DataFrame()),
}
OTHER_INDEX: dict[str, Change] = {
    "index of text": with_index(lambda n: [f"k = {k}" for k in range(1, n + 1)]),
    "index that falls": with_index(lambda n: range(n, 0, -1)),
    "index with one k twice": with_index(lambda n: [1, *range(1, n)]),
    "index from 0": with_index(range),
    "index of fractions": with_index(lambda n: np.arange(n) + 0.5),
}


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    Attributes
    ----------
    example : callable
        Returns an argument that is fine.
    same : dict of str to callable
        Forms of the same values, which must give the same result to the bit.
    bad : dict of str to callable
        Changes that must be refused under the name of this argument.
    misfits : dict of str to callable
        Changes by which it no longer fits another argument. Either may be named.
    """

    example: Callable[[], Any]
    same: dict[str, Change] = field(default_factory=dict)
    bad: dict[str, Change] = field(default_factory=dict)
    misfits: dict[str, Change] = field(default_factory=dict)


KINDS: dict[str, Kind] = {}

# Rows and labels

KINDS["rows"] = Kind(
    rows,
    same=ARRAYS
    | {"frame": pd.DataFrame, "float32": as_type("f4"), "big-endian": as_type(">f8")},
    bad=NO_NUMBERS
    | NOT_FINITE
    | EMPTY
    | {
        "one axis": lambda x: x[:, 0],
        "three axes": lambda x: x[None],
        "scalar": constant(3.0),
        "no columns": lambda x: x[:, :0],
    },
)
KINDS["any labels"] = Kind(
    labels,
    same=ARRAYS | {"series": pd.Series, "int8": as_type("i1"), "uint64": as_type("u8")},
    bad=NO_NUMBERS
    | NOT_FINITE
    | EMPTY
    | {
        "floats": as_type(float),
        "booleans": as_type(bool),
        "below 0": lambda x: x - 1,
        "two axes": lambda x: x[:, None],
        "scalar": constant(3),
    },
)
KINDS["labels"] = replace(KINDS["any labels"], misfits=SHORT_OR_LONG)
KINDS["garments"] = replace(
    KINDS["labels"],
    bad=KINDS["labels"].bad | {"above 9": lambda x: x + 9},
)
KINDS["weights"] = Kind(
    lambda: labels() + 1.5,
    same=ARRAYS | {"series": pd.Series, "float32": as_type("f4")},
    bad=all_but(NO_NUMBERS, "None")
    | NOT_FINITE
    | EMPTY
    | {"zero": lambda x: 0 * x, "negative": lambda x: -x, "scalar": constant(3.0)},
    misfits=SHORT_OR_LONG,
)

# Numbers, words and flags

KINDS["count"] = Kind(
    lambda: 3,
    same={"int64": np.int64, "uint8": np.uint8},
    bad=NO_INTEGER
    | {"None": constant(None), "zero": constant(0), "negative": constant(-1)},
)
KINDS["starts"] = replace(KINDS["count"], example=lambda: 1)  # more take long
KINDS["count or 0"] = replace(KINDS["count"], bad=all_but(KINDS["count"].bad, "zero"))
KINDS["optional count"] = replace(
    KINDS["count"],
    bad=all_but(KINDS["count"].bad, "None"),
)
# Bad sizes are not refused yet.
KINDS["size in bytes"] = Kind(lambda: 3, same=KINDS["count"].same)
KINDS["height"] = Kind(
    lambda: 5.0,
    same={"float32": np.float32, "integer": int},
    bad=all_but(NO_NUMBER, "boolean"),
)
KINDS["counts"] = Kind(
    lambda: [2, 5, 3],
    same={"tuple": tuple},
    bad={
        "None": constant(None),
        "number": constant(3),
        "empty": constant([]),
        "zero": lambda x: [0, *x],
        "floats": lambda x: [float(n) for n in x],
        "text": constant("23"),
    },
)
KINDS["inches"] = Kind(
    lambda: 3.0,
    same={"float32": np.float32, "integer": int},
    bad=NO_NUMBER | {"zero": constant(0), "infinite": constant(np.inf)},
)
KINDS["share"] = Kind(
    lambda: 0.25,
    same={"float32": np.float32},
    bad=NO_NUMBER | {"above 1": constant(1.5), "below 0": constant(-0.1)},
)
KINDS["optional number"] = replace(
    KINDS["height"],
    bad=NO_NUMBER | {"infinite": constant(np.inf)},
)
KINDS["optional size"] = replace(
    KINDS["optional number"],
    bad=KINDS["optional number"].bad | {"negative": constant(-1)},
)
KINDS["flag"] = Kind(lambda: True, same={"bool of NumPy": np.bool_})
KINDS["text"] = Kind(lambda: "some text", bad=NO_TEXT)
KINDS["alt text"] = replace(KINDS["text"], bad=NO_TEXT | {"blank": constant(" ")})


def option(word: str) -> Kind:
    bad = all_but(NO_TEXT, "bytes")
    return Kind(lambda: word, bad=bad | {"unknown": constant("median")})


KINDS["way to start"] = option("random")
KINDS["linkage"] = option("ward")
KINDS["rule for a cut"] = option("relative")
KINDS["split"] = option("test")

# Curves and scores over k

KINDS["k values"] = Kind(
    lambda: [2, 3],
    same=ARRAYS
    | {
        "tuple": tuple,
        "range": constant(range(2, 4)),
        "generator": iter,
        "series": pd.Series,
    },
    bad=EMPTY
    | {
        "None": constant(None),
        "number": constant(3),
        "text": constant("23"),
        "floats": as_type(float),
        "below the range": lambda x: [0, *x],
        "above the range": lambda x: [*x, 99],
        "falling": lambda x: x[::-1],
        "twice the same": lambda x: [x[0], x[0]],
        "two axes": lambda x: [x],
    },
)
KINDS["curve"] = Kind(
    lambda: sweep().inertia,
    same=ARRAYS | {"series": pd.Series},
    bad=NO_NUMBERS
    | NOT_FINITE
    | EMPTY
    | {"three points": lambda x: x[:3], "below 0": lambda x: with_first(x, -1)},
    misfits=SHORT_OR_LONG,
)
KINDS["k of a curve"] = replace(
    KINDS["curve"],
    example=lambda: sweep().k_values,
    bad=KINDS["curve"].bad | {"falling": lambda x: x[::-1]},
)
KINDS["drawn curve"] = Kind(
    lambda: np.array([9.0, 5.0, 4.0]),
    same=ARRAYS | {"series": pd.Series},
    bad=NO_NUMBERS | EMPTY | {"two axes": lambda x: x[None]},
    misfits=SHORT_OR_LONG,
)
KINDS["k of a drawn curve"] = replace(
    KINDS["drawn curve"],
    example=lambda: np.array([2, 3, 4]),
)
KINDS["marked k"] = replace(KINDS["optional count"], misfits={"other k": constant(9)})
KINDS["sweep"] = Kind(
    sweep,
    bad=OTHER_TYPES | {"plain tuple": tuple},
    misfits={
        "labels of fewer rows": lambda x: x._replace(labels=x.labels[:, :-1]),
        "labels of fewer k": lambda x: x._replace(labels=x.labels[:-1]),
        "fewer inertias": lambda x: x._replace(inertia=x.inertia[:-1]),
        "fewer silhouettes": lambda x: x._replace(silhouette=x.silhouette[:-1]),
    },
)
KINDS["replicates"] = Kind(
    replicates,
    bad=OTHER_TYPES
    | FRAMES_WITHOUT_CELLS
    | OTHER_INDEX
    | {
        "one pair of resamples": lambda x: x.iloc[:, :1],
        "a pair is missing": lambda x: x.iloc[:, :2],
        "other columns": lambda x: x.set_axis(list("abc"), axis=1),
        "text in the cells": as_type(str),
        "values beyond 1": lambda x: 2 + x,
        "another table": lambda _: scores(),
    },
)
KINDS["gaps"] = Kind(
    gaps,
    bad=all_but(OTHER_TYPES, "None")
    | FRAMES_WITHOUT_CELLS
    | OTHER_INDEX
    | {
        "no gap": without_column("gap"),
        "no standard error": without_column("standard error"),
        "text in the cells": lambda x: x.astype(str),
        "infinite": lambda x: x.assign(gap=np.inf),
        "error below 0": lambda x: x.assign(**{"standard error": -0.1}),
        "another table": lambda _: scores(),
    },
)
KINDS["scores"] = Kind(
    scores,
    bad=OTHER_TYPES
    | FRAMES_WITHOUT_CELLS
    | OTHER_INDEX
    | {
        "no standard error": without_column("standard error"),
        "no error of the gap": without_column("gap standard error"),
        "text in the cells": lambda x: x.astype(str),
        "other columns": lambda x: x.add_suffix(" of something else"),
        "one row": lambda x: x.iloc[:1],
        "another table": lambda _: files(),
    },
)
KINDS["selected"] = Kind(
    selected,
    bad=OTHER_TYPES
    | FRAMES_WITHOUT_CELLS
    | {
        "no pick": without_column("pick"),
        "no runner-up": without_column("runner-up"),
        "no end": without_column("at an end"),
        "no smallest": without_column("smallest"),
        "another table": lambda _: scores(),
    },
)
KINDS["drawn scores"] = Kind(
    scores,
    bad=OTHER_TYPES
    | FRAMES_WITHOUT_CELLS
    | {
        "a column is missing": without_column("silhouette"),
        "text in the cells": lambda x: x.astype(str),
        "another table": lambda _: files(),
    },
    misfits={"other k": lambda x: x.set_axis(x.index + 50)},
)
KINDS["drawn selection"] = replace(
    KINDS["selected"],
    bad=all_but(KINDS["selected"].bad, "no end", "no smallest")
    | {"no rule": without_column("rule")},
    misfits={
        "other criteria": lambda x: x.add_suffix(" of something else", axis=0),
        "other picks": lambda x: x.assign(pick=50),
        "fewer criteria": lambda x: x.iloc[:-1],
    },
)

# Trees

KINDS["condensed"] = Kind(
    condensed,
    same=ARRAYS | {"series": pd.Series},
    bad=NO_NUMBERS
    | NOT_FINITE
    | EMPTY
    | {
        "not n (n - 1) / 2 values": lambda x: x[:-1],
        "below 0": lambda x: with_first(x, -1),
    },
)
KINDS["condensed of the tree"] = replace(
    KINDS["condensed"],
    misfits={"of fewer rows": lambda x: x[:15]},
)
KINDS["tree"] = Kind(
    tree,
    same=ARRAYS | {"frame": pd.DataFrame},
    bad=NO_NUMBERS
    | NOT_FINITE
    | EMPTY
    | {
        "three columns": lambda x: x[:, :3],
        "falling": lambda x: x[::-1],
        "an id twice": lambda x: np.vstack([x[:1], x[:-1]]),
        "an id out of range": lambda x: with_first(x, 99),
    },
)
KINDS["trees"] = Kind(
    lambda: {"w": tree()},
    same={"other mapping": MappingProxyType},
    bad=all_but(OTHER_TYPES, "mapping")
    | {
        "no tree": constant({"w": None}),
        "a tree of three columns": lambda x: {"w": x["w"][:, :3]},
    },
    misfits={"a tree of fewer rows": lambda _: {"w": fc.linkage(rows()[:9], "ward")}},
)
KINDS["truncated tree"] = Kind(
    lambda: fc.truncate_tree(tree(), 3),
    bad=OTHER_TYPES | {"plain tuple": tuple, "whole tree": lambda _: tree()},
)

# Pictures and colors

KINDS["picture"] = Kind(
    picture,
    same=all_but(ARRAYS, "list"),
    bad={
        "list": nested,
        "None": constant(None),
        "text": constant("china"),
        "floats": lambda x: x / 255,
        "int64": as_type(np.int64),
        "grey": lambda x: x[:, :, 0],
        "four channels": lambda x: np.concatenate([x, x[:, :, :1]], axis=2),
        "no rows": lambda x: x[:0],
    },
)
KINDS["original"] = replace(KINDS["picture"], misfits={"smaller": lambda x: x[:3]})
KINDS["compared picture"] = Kind(
    picture,
    same=ARRAYS,
    bad=NO_NUMBERS,
    misfits={"smaller": lambda x: x[:3], "no rows": lambda x: x[:0]},
)
KINDS["other picture"] = replace(
    KINDS["compared picture"],
    example=lambda: picture()[::-1],
)
KINDS["palette"] = Kind(
    lambda: indexed().palette,
    same=ARRAYS | {"frame": pd.DataFrame, "floats": as_type(float)},
    bad=NO_NUMBERS
    | NOT_FINITE
    | EMPTY
    | {
        "two channels": lambda x: x[:, :2],
        "fraction": lambda x: with_first(x, 0.5),
        "above 255": lambda x: with_first(x, 256),
        "below 0": lambda x: with_first(x, -1),
    },
)
KINDS["palette of a cloud"] = replace(
    KINDS["palette"], bad=all_but(KINDS["palette"].bad, "fraction")
)
KINDS["dots"] = replace(
    KINDS["palette of a cloud"],
    bad=all_but(KINDS["palette of a cloud"].bad, "None"),
)
KINDS["colors"] = Kind(
    lambda: indexed().palette,
    same=ARRAYS | {"frame": pd.DataFrame},
    bad=NO_NUMBERS
    | {
        "NaN": NOT_FINITE["NaN"],
        "two channels": lambda x: x[:, :2],
        "scalar": constant(3.0),
        "above 255": lambda x: with_first(x, 256),
    },
)
KINDS["Lab colors"] = Kind(
    lambda: np.random.default_rng(3).uniform(-50, 50, (5, 3)),
    same=ARRAYS | {"frame": pd.DataFrame},
    bad=NO_NUMBERS | {"two channels": lambda x: x[:, :2], "scalar": constant(3.0)},
)
KINDS["indexed image"] = Kind(
    indexed,
    bad=OTHER_TYPES | {"picture": lambda _: picture(), "plain tuple": tuple},
)

KINDS["palettes by number"] = Kind(
    lambda: {2: indexed()},
    same={"other mapping": MappingProxyType},
    bad={
        "None": constant(None),
        "list": lambda x: [*x.values()],
        "nothing": constant({}),
        "a fraction": lambda x: {2.5: x[2]},
    },
    misfits={"other numbers": lambda x: {3: x[2]}},
)

# Files

KINDS["picture file"] = Kind(
    lambda: "china",
    bad=NO_PATH | {"None": constant(None)},
)
KINDS["CSV file"] = Kind(lambda: "a.csv", bad=NO_PATH | {"None": constant(None)})
KINDS["optional folder"] = Kind(lambda: "nowhere", bad=NO_PATH)
KINDS["file name"] = Kind(
    lambda: "a.csv",
    bad=NO_TEXT
    | {
        "in a folder": constant("b/a.csv"),
        "above": constant("../a.csv"),
        "no suffix": constant("a"),
        "blank": constant(""),
    },
)
KINDS["PNG file name"] = replace(
    KINDS["file name"],
    example=lambda: "a.png",
    bad=all_but(KINDS["file name"].bad, "None") | {"CSV": constant("a.csv")},
)
KINDS["bytes"] = Kind(lambda: b"content", bad=OTHER_TYPES)
KINDS["any table"] = Kind(files, bad=OTHER_TYPES)
KINDS["optional table"] = Kind(files, bad=all_but(OTHER_TYPES, "None"))

# What is drawn

KINDS["figure"] = Kind(Figure, bad=OTHER_TYPES | {"axes": lambda x: x.subplots()})
KINDS["axes"] = Kind(
    new_axes,
    bad=OTHER_TYPES | {"figure": lambda ax: ax.figure, "list of axes": lambda ax: [ax]},
)
KINDS["axes of a cube"] = Kind(
    lambda: Figure().add_subplot(projection="3d"),
    bad=KINDS["axes"].bad | {"flat axes": lambda _: new_axes()},
)
KINDS["axes for six scores"] = Kind(
    lambda: list(Figure().subplots(6)),
    same={"tuple": tuple, "array": np.array},
    bad=OTHER_TYPES | {"list of None": constant([None] * 6)},
    misfits={"too few": lambda axes: axes[:-1]},
)
KINDS["images"] = Kind(
    garment_images,
    same=ARRAYS | {"frame": pd.DataFrame},
    bad=NO_NUMBERS
    | EMPTY
    | {"narrow": lambda x: x[:, :-1], "one image": lambda x: x[0]},
)
KINDS["three pictures"] = replace(KINDS["images"], misfits=SHORT_OR_LONG)
KINDS["optional pictures"] = replace(
    KINDS["three pictures"],
    bad=all_but(KINDS["images"].bad, "None"),
)
KINDS["optional pictures of ten rows"] = replace(
    KINDS["optional pictures"],
    example=lambda: np.repeat(garment_images()[:1], 10, axis=0),
)
KINDS["pictures of levels"] = Kind(
    lambda: [garment_images(), garment_images()],
    same={"tuple": tuple},
    bad={
        "None": constant(None),
        "number": constant(3),
        "list of None": constant([None, None]),
        "narrow": lambda x: [images[:, :-1] for images in x],
    },
    misfits={
        "fewer levels": lambda x: x[:1],
        "fewer pictures": lambda x: [x[0], x[1][:-1]],
    },
)
KINDS["pictures of two and three"] = replace(
    KINDS["pictures of levels"],
    example=lambda: [garment_images()[:2], garment_images()],
)
KINDS["groups of images"] = Kind(
    lambda: {"near": garment_images()[:, None], "far": garment_images()[:, None]},
    same={"other mapping": MappingProxyType},
    bad=OTHER_TYPES
    | {
        "no group": constant({}),
        "two axes": lambda x: {"near": x["near"][:, 0]},
        "narrow": lambda x: {"near": x["near"][..., :-1]},
        "groups of other length": lambda x: {**x, "far": x["far"][:-1]},
    },
)
KINDS["rows of images"] = Kind(
    lambda: [garment_images()[:2], garment_images()[2:]],
    same={"tuple": tuple, "lists": lambda x: [nested(images) for images in x]},
    bad={
        "None": constant(None),
        "number": constant(3),
        "no rows": constant([]),
        "list of None": constant([None, None]),
        "narrow": lambda x: [images[:, :-1] for images in x],
        "one axis": lambda x: [images[0] for images in x],
        "a long row": lambda x: [np.tile(images, (4, 1)) for images in x],
    },
)
KINDS["test split"] = Kind(
    lambda: fc.FashionMNIST(garment_images(), np.arange(3, dtype=np.uint8)),
    bad=OTHER_TYPES
    | {
        "plain tuple": tuple,
        "too few": lambda x: fc.FashionMNIST(x.pixels[:2], x.garments[:2]),
    },
)


def names(*words: str) -> Kind:
    return Kind(
        lambda: list(words),
        same={"tuple": tuple},
        bad={
            "None": constant(None),
            "number": constant(3),
            "text": constant("abc"),
            "numbers": lambda x: list(range(len(x))),
        },
        misfits={"too many": lambda x: [*x, "one more"]},
    )


KINDS["name of one row"] = names("a")
KINDS["names of three rows"] = names("a", "b", "c")
KINDS["names of ten classes"] = names(*"abcdefghij")
KINDS["notes of five branches"] = names(*"abcde")
KINDS["names by id"] = Kind(
    lambda: {0: "a", 1: "b", 2: "c"},
    same={"other mapping": MappingProxyType},
    bad=all_but(OTHER_TYPES, "None", "mapping"),
    misfits={"a name is missing": constant({0: "a", 1: "b"})},
)
KINDS["optional gap"] = Kind(
    lambda: (1.0, 2.0),
    same={"list": list, "array": np.array},
    bad={
        "number": constant(3.0),
        "text": constant("12"),
        "one height": lambda x: x[:1],
        "the higher one first": lambda x: x[::-1],
        "NaN": lambda x: (np.nan, x[1]),
        "below 0": lambda x: (-1.0, x[1]),
    },
)
KINDS["optional bottom"] = replace(
    KINDS["optional number"],
    example=lambda: 0.25,
    same={"float32": np.float32},
    bad=KINDS["optional number"].bad | {"above the tree": constant(1e9)},
)
KINDS["labels of leaves"] = replace(
    KINDS["labels"], example=lambda: fc.truncate_tree(tree(), 3).labels
)
KINDS["flags"] = Kind(
    lambda: [True, False],
    same={"tuple": tuple, "array": np.array},
    bad={"None": constant(None), "integers": constant([1, 0]), "text": constant("10")},
    misfits={"too many": lambda x: [*x, True]},
)
KINDS["plane"] = replace(
    KINDS["rows"],
    bad=KINDS["rows"].bad | {"three columns": lambda x: np.hstack([x, x[:, :1]])},
    misfits=SHORT_OR_LONG,
)
KINDS["optional centroids"] = Kind(
    lambda: np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0]]),
    same=ARRAYS,
    bad=all_but(NO_NUMBERS, "None")
    | EMPTY
    | {"one centroid": lambda x: x[0], "three columns": lambda x: x[:, [0, 1, 1]]},
)
KINDS["old centroids"] = replace(
    KINDS["optional centroids"],
    misfits=SHORT_OR_LONG,
)
KINDS["picks"] = Kind(
    lambda: pd.Series([3, None, 2], ["a", "b", "c"], dtype="Int64"),
    same={"floats": lambda x: x.astype(float)},
    bad=OTHER_TYPES
    | {
        "a list": list,
        "no picks": lambda x: x[:0],
        "zero": lambda x: x.fillna(0),
        "fractions": lambda x: x / 4,
        "text": constant(pd.Series(["a", "b"])),
    },
)
KINDS["two shares"] = Kind(
    lambda: np.array([0.5, 0.25]),
    same=ARRAYS | {"tuple": tuple},
    bad=all_but(NO_NUMBERS, "ragged") | {"one": lambda x: x[:1], "number": constant(1)},
)
KINDS["silhouettes"] = Kind(
    lambda: np.linspace(-0.2, 0.9, N_ROWS),
    same=ARRAYS | {"series": pd.Series},
    bad=NO_NUMBERS | {"two axes": lambda x: x[None]},
    misfits=SHORT_OR_LONG,
)
KINDS["silhouettes of labelings"] = Kind(
    lambda: np.stack([np.linspace(-0.2, 0.9, N_ROWS), np.linspace(0.8, 0.1, N_ROWS)]),
    same=ARRAYS,
    bad=NO_NUMBERS
    | {"NaN": NOT_FINITE["NaN"], "beyond 1": lambda x: 2 + x, "one": lambda x: x[0]},
    misfits={"fewer": lambda x: x[:1], "of fewer rows": lambda x: x[:, 1:]},
)
KINDS["level"] = Kind(
    lambda: 1,
    same={"int64": np.int64},
    bad=NO_INTEGER
    | {"None": constant(None), "negative": constant(-1), "too large": constant(2)},
)
KINDS["labels of pictures"] = replace(
    KINDS["labels"],
    misfits=SHORT_OR_LONG | {"a gap": lambda x: 2 * x, "more ids": lambda x: x + 1},
)
KINDS["labelings"] = Kind(
    lambda: np.stack([labels(), labels()[::-1]]),
    same=ARRAYS,
    bad=NO_NUMBERS
    | EMPTY
    | {
        "floats": as_type(float),
        "below 0": lambda x: x - 1,
        "one axis": lambda x: x[0],
    },
    misfits={"too few": lambda x: x[:1], "more ids": lambda x: x + np.arange(N_ROWS)},
)
KINDS["labelings of two and three"] = replace(
    KINDS["labelings"],
    example=lambda: np.stack([np.minimum(labels(), 1), labels()]),
    bad=KINDS["labelings"].bad | {"falling k": lambda x: x[::-1]},
)
KINDS["optional labels"] = replace(
    KINDS["labels"],
    bad=all_but(KINDS["labels"].bad, "None"),
)
KINDS["table of counts"] = Kind(
    counts,
    bad=OTHER_TYPES
    | FRAMES_WITHOUT_CELLS
    | {
        "floats": lambda x: x / 2,
        "text in the cells": lambda x: x.astype(str),
        "another table": lambda _: files(),
    },
)
KINDS["table of files"] = Kind(
    files,
    bad=OTHER_TYPES
    | FRAMES_WITHOUT_CELLS
    | {f"no {name}": without_column(name) for name in ("method", "k", "size", "PSNR")}
    | {
        "text in the cells": lambda x: x.assign(size="large"),
        "another table": lambda _: scores(),
    },
)


# Functions


@dataclass(frozen=True, eq=False)
class Call:
    """One way to call a function.

    Attributes
    ----------
    function : callable
        The function.
    kinds : dict of str to str
        The kind of each argument by its name.
    """

    function: Callable[..., Any]
    kinds: dict[str, str]

    def arguments(self) -> dict[str, Any]:
        """Return an argument for each name that is fine."""
        return {name: KINDS[kind].example() for name, kind in self.kinds.items()}


COLOR = {"image": "indexed image"}
CURVE = {"k_values": "k of a curve", "inertia": "curve"}
TRUTH = {"labels_true": "garments", "labels_pred": "labels"}
TWO_PICTURES = {"a": "compared picture", "b": "other picture"}
RANDOM = {"random_state": "count or 0"}
CLUSTERS = {
    "labels": "labelings of two and three",
    "pictures": "pictures of two and three",
    "silhouettes": "silhouettes of labelings",
}
CUT = {"Z": "tree", "pictures": "images"}

CALLS = [
    Call(
        fc.fit_kmeans,
        {
            "X": "rows",
            "n_clusters": "count",
            "sample_weight": "weights",
            "n_init": "starts",
            "init": "way to start",
            **RANDOM,
        },
    ),
    Call(fc.inertia, {"X": "rows", "labels": "labels", "sample_weight": "weights"}),
    Call(fc.cluster_means, {"X": "rows", "labels": "labels"}),
    Call(fc.canonical_labels, {"labels": "any labels"}),
    Call(fc.match_labels, {"labels": "labels", "reference": "labels"}),
    Call(
        fc.sweep_k, {"X": "rows", "k_values": "k values", "n_init": "starts", **RANDOM}
    ),
    Call(
        fc.stability,
        {
            "X": "rows",
            "k_values": "k values",
            "n_resamples": "count",
            "n_init": "starts",
            **RANDOM,
        },
    ),
    Call(
        fc.near_ties,
        {
            "X": "rows",
            "k_values": "k values",
            "n_resamples": "count",
            "n_init": "starts",
            **RANDOM,
        },
    ),
    Call(
        fc.gap_statistic,
        {
            "X": "rows",
            "k_values": "k values",
            "n_references": "count",
            "n_init": "starts",
            **RANDOM,
        },
    ),
    Call(
        fc.selection_scores,
        {"X": "rows", "sweep": "sweep", "replicates": "replicates", "gaps": "gaps"},
    ),
    Call(fc.select_k, {"scores": "scores"}),
    Call(fc.describe_selection, {"selected": "selected"}),
    Call(fc.silhouette_samples, {"X": "rows", "labels": "labels"}),
    Call(fc.elbow, CURVE),
    Call(fc.elbow_ranges, CURVE),
    Call(fc.condensed_distances, {"X": "rows"}),
    Call(fc.linkage, {"X_or_condensed": "rows", "method": "linkage"}),
    Call(fc.linkage, {"X_or_condensed": "condensed", "method": "linkage"}),
    Call(fc.merge_gaps, {"Z": "tree", "max_clusters": "count"}),
    Call(
        fc.select_cut,
        {
            "Z": "tree",
            "rule": "rule for a cut",
            "method": "linkage",
            "max_clusters": "count",
        },
    ),
    Call(fc.flat_clusters, {"Z": "tree", "n_clusters": "optional count"}),
    Call(fc.flat_clusters, {"Z": "tree", "height": "height"}),
    Call(fc.truncate_tree, {"Z": "tree", "n_leaves": "count"}),
    Call(fc.match_branches, {"tree": "truncated tree", "other": "truncated tree"}),
    Call(
        fc.compare_linkages,
        {
            "trees": "trees",
            "condensed": "condensed of the tree",
            "n_clusters": "count",
        },
    ),
    Call(fc.contingency, TRUTH | {"class_names": "names of ten classes"}),
    Call(fc.external_scores, TRUTH),
    Call(fc.quantize, {"image": "picture", "n_colors": "count", **RANDOM}),
    Call(
        fc.apply_palette, {"image": "picture", "palette": "palette", "dither": "flag"}
    ),
    Call(fc.psnr, TWO_PICTURES),
    Call(fc.delta_e, TWO_PICTURES),
    Call(fc.srgb_to_lab, {"colors": "colors"}),
    Call(fc.ciede2000, {"lab": "Lab colors", "other": "Lab colors"}),
    Call(fc.indexed_png, COLOR),
    Call(
        fc.size_report,
        {**COLOR, "original": "original", "source_size": "size in bytes"},
    ),
    Call(fc.load_image, {"source": "picture file", "max_pixels": "optional count"}),
    Call(fc.image_file_size, {"source": "picture file"}),
    Call(fc.load_split, {"split": "split", "data_dir": "optional folder"}),
    Call(fc.read_csv, {"path": "CSV file"}),
    Call(plots.cluster_color, {"cluster": "count or 0"}),
    Call(plots.fill_rows, {"rows": "rows of images", "n_columns": "count"}),
    Call(
        plots.plot_images,
        {
            "images": "images",
            "ax": "axes",
            "n_columns": "count",
            "row_names": "name of one row",
            "zoom": "count",
            "gap": "count or 0",
        },
    ),
    Call(
        plots.plot_members,
        {
            "groups": "groups of images",
            "ax": "axes",
            "row_names": "names of three rows",
            "zoom": "count",
        },
    ),
    Call(
        plots.plot_inertia,
        {
            "k_values": "k of a drawn curve",
            "inertia": "drawn curve",
            "ax": "axes",
            "chosen": "marked k",
            "chord": "marked k",
            "logarithmic": "flag",
        },
    ),
    Call(
        plots.plot_silhouette_scores,
        {
            "k_values": "k of a drawn curve",
            "silhouette": "drawn curve",
            "ax": "axes",
            "chosen": "marked k",
        },
    ),
    Call(
        plots.plot_selection,
        {
            "scores": "drawn scores",
            "selected": "drawn selection",
            "axes": "axes for six scores",
        },
    ),
    Call(
        plots.plot_silhouettes,
        {
            "samples": "silhouettes",
            "labels": "labels of pictures",
            "pictures": "three pictures",
            "ax": "axes",
        },
    ),
    Call(
        plots.plot_scatter,
        {
            "points": "plane",
            "labels": "labels",
            "ax": "axes",
            "names": "names by id",
            "explained": "two shares",
            **RANDOM,
        },
    ),
    Call(
        plots.plot_contingency,
        {
            "table": "table of counts",
            "ax": "axes",
            "pictures": "optional pictures",
            "row_pictures": "optional pictures of ten rows",
        },
    ),
    Call(
        plots.plot_plane,
        {
            "points": "plane",
            "labels": "labels",
            "ax": "axes",
            "centroids": "optional centroids",
            "moved_from": "old centroids",
        },
    ),
    Call(
        plots.plot_picks,
        {
            "picks": "picks",
            "ax": "axes",
            "true_k": "count",
            "largest_k": "optional count",
        },
    ),
    Call(
        plots.plot_family_tree,
        {
            "labels": "labelings",
            "pictures": "pictures of levels",
            "ax": "axes",
            "smallest": "share",
            "first_level": "level",
        },
    ),
    Call(
        plots.plot_dendrogram,
        {
            "tree": "truncated tree",
            "ax": "axes",
            "labels": "optional labels",
            "cut": "optional number",
            "note": "text",
            "pictures": "optional pictures",
            "gap": "optional gap",
            "branch_names": "names by id",
            "branch_notes": "notes of five branches",
            "bottom": "optional bottom",
            "logarithmic": "flag",
        },
    ),
    Call(
        plots.plot_tanglegram,
        {
            "upper": "truncated tree",
            "lower": "truncated tree",
            "ax": "axes",
            "pictures": "three pictures",
            "lower_pictures": "three pictures",
            "labels": "labels of leaves",
            "is_recovered": "flags",
        },
    ),
    Call(
        plots.plot_color_cloud,
        {"colors": "palette of a cloud", "ax": "axes of a cube", "palette": "dots"},
    ),
    Call(plots.plot_palette, {**COLOR, "ax": "axes"}),
    Call(plots.plot_quantized, {**COLOR, "ax": "axes", "title": "text"}),
    Call(
        plots.plot_rate_distortion,
        {"table": "table of files", "ax": "axes", "source": "optional size"},
    ),
    Call(
        notebook.first_images,
        {"images": "test split", "n_images": "count", "at_least": "count"},
    ),
    Call(
        notebook.show,
        {
            "fig": "figure",
            "alt": "alt text",
            "save": "PNG file name",
            "data": "optional table",
            "n_colors": "optional count",
        },
    ),
    Call(notebook.image_page, {"height": "inches", "left": "share"}),
    Call(notebook.panel_grid, {"n_items": "counts"}),
    Call(notebook.table, {"data": "any table"}),
    Call(notebook.save_artifact, {"name": "file name", "content": "bytes"}),
    Call(notebook.save_numbers, {"name": "file name", "data": "any table"}),
    Call(explore.draw_clusters, CLUSTERS | {"level": "level"}),
    Call(explore.draw_cut, CUT | {"n_clusters": "count"}),
    Call(explore.draw_palette, {"original": "original", **COLOR}),
    Call(explore.kmeans, CLUSTERS),
    Call(explore.tree, CUT),
    Call(
        explore.palette,
        {
            "image": "original",
            "plain": "palettes by number",
            "dithered": "palettes by number",
        },
    ),
]
