"""Every argument of every public function, in other forms and in bad ones.

A bad argument is refused by a ValueError or TypeError that names it, and says what was
found and what was expected.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from inspect import isfunction, signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray

import fmnist_clustering as fc
from fmnist_clustering import explore, notebook, plots
from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from tests.arguments import (
    CALLS,
    KINDS,
    N_ROWS,
    Call,
    Change,
    as_type,
    condensed,
    labels,
    nested,
    read_only,
    rows,
    tree,
    view,
)


def each_change(group: str) -> pytest.MarkDecorator:
    """Run a test for each call, each of its arguments, and each change of that one."""
    found = []
    for call in CALLS:
        for argument, kind in call.kinds.items():
            changes: dict[str, Change] = getattr(KINDS[kind], group)
            for name, change in changes.items():
                case_id = f"{call.function.__name__}-{argument}-{name}"
                found.append(pytest.param(call, argument, change, id=case_id))
    return pytest.mark.parametrize(("call", "argument", "change"), found)


# The matrix meets everything


def public_functions() -> list[Callable[..., Any]]:
    exported = [getattr(fc, name) for name in fc.__all__]
    exported += [getattr(plots, name) for name in plots.__all__]
    for module in (explore, notebook):
        for name, value in vars(module).items():
            is_of_module = getattr(value, "__module__", None) == module.__name__
            if is_of_module and not name.startswith("_"):
                exported.append(value)
    return [value for value in exported if isfunction(value)]


@pytest.mark.parametrize("function", public_functions(), ids=lambda f: f.__name__)
def test_the_matrix_meets_every_argument_of_every_public_function(
    function: Callable[..., Any],
) -> None:
    met: set[str] = set()
    for call in CALLS:
        if call.function is function:
            met.update(call.kinds)
    assert met == set(signature(function).parameters)


def test_every_kind_of_argument_is_used_and_tried() -> None:
    used = {kind for call in CALLS for kind in call.kinds.values()}
    assert used == set(KINDS)
    assert all(kind.same or kind.bad for kind in KINDS.values())


# Other forms


def drawn(ax: Axes) -> list[Any]:
    """Return the numbers and texts on axes."""
    labels_of_ticks = [*ax.get_xticklabels(), *ax.get_yticklabels()]
    return [
        *[line.get_xydata() for line in ax.lines],
        *[np.asarray(points.get_offsets()) for points in ax.collections],
        *[np.asarray(image.get_array()) for image in ax.images],
        *[patch.get_extents().bounds for patch in ax.patches],
        *[text.get_text() for text in (*ax.texts, *labels_of_ticks)],
    ]


def results_of(function: Callable[..., Any], arguments: Mapping[str, Any]) -> list[Any]:
    """Return what a function returns, and what it draws on the axes that it gets."""
    result = function(**arguments)
    if function in (notebook.image_page, notebook.panel_grid):
        fig, axes = result
        places = [ax.get_position().bounds for ax in np.ravel(axes)]
        return [fig.get_size_inches(), *places]
    if isinstance(result, explore.Drawing):
        return [result.sentence, *map(drawn, result.figure.axes)]
    results = [] if isinstance(result, Axes) else [result]
    for name in ("ax", "axes"):
        axes = np.asarray(arguments.get(name, []), dtype=object)
        results += [drawn(ax) for ax in axes.ravel()]
    return results


@cache
def plain_results(call: Call) -> list[Any]:
    return results_of(call.function, call.arguments())


def assert_equal(found: Any, expected: Any, rtol: float = 0) -> None:
    """Compare results of any type, to the bit unless a tolerance is given."""
    assert type(found) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(
            found,
            expected,
            check_exact=rtol == 0,
            rtol=rtol,
        )
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(
            found,
            expected,
            check_exact=rtol == 0,
            rtol=rtol,
        )
    elif isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for item, expected_item in zip(found, expected, strict=True):
            assert_equal(item, expected_item, rtol)
    elif isinstance(expected, np.ndarray | float) and rtol > 0:
        np.testing.assert_allclose(found, expected, rtol=rtol)
    else:
        np.testing.assert_array_equal(found, expected)


def copy_of(values: Any) -> Any:
    """Return a copy of an array or a table; anything else is returned itself."""
    is_array = isinstance(values, np.ndarray | pd.DataFrame | pd.Series)
    return values.copy() if is_array else values


@each_change("same")
def test_another_form_gives_the_same_and_stays_as_it_is(
    call: Call,
    argument: str,
    change: Change,
) -> None:
    arguments = call.arguments()
    form = change(arguments[argument])
    before = copy_of(form)
    results = results_of(call.function, arguments | {argument: form})
    assert_equal(results, plain_results(call))
    assert_equal(form, before)


# Units: data of dtype uint8 are images, all other data are taken as they are


@cache
def images() -> NDArray[np.uint8]:
    """Return three clouds of images, all distances between them different."""
    rng = np.random.default_rng(4)
    centers = rng.integers(0, 200, (3, 6))
    return (np.repeat(centers, 6, axis=0) + rng.integers(0, 56, (18, 6))).astype("u1")


TAKES_ROWS = [
    pytest.param(call, argument, id=call.function.__name__)
    for call in CALLS
    for argument, kind in call.kinds.items()
    if kind == "rows"
]
each_function_of_rows = pytest.mark.parametrize(("call", "argument"), TAKES_ROWS)


def result_for(call: Call, argument: str, value: Any) -> Any:
    return call.function(**call.arguments() | {argument: value})


@each_function_of_rows
@pytest.mark.parametrize("form", [pd.DataFrame, read_only, np.asfortranarray, view])
def test_images_are_images_in_any_container(
    call: Call,
    argument: str,
    form: Change,
) -> None:
    expected = result_for(call, argument, images())
    assert_equal(result_for(call, argument, form(images())), expected)


@each_function_of_rows
def test_255_counts_as_1_in_images(call: Call, argument: str) -> None:
    expected = result_for(call, argument, images() / 255)
    assert_equal(result_for(call, argument, images()), expected, rtol=1e-9)


OTHER_TYPES = {
    "list": nested,
    "int64": as_type(np.int64),
    "uint16": as_type(np.uint16),
    "frame of int64": lambda values: pd.DataFrame(values, dtype=np.int64),
}


@each_function_of_rows
@pytest.mark.parametrize("form", OTHER_TYPES.values(), ids=OTHER_TYPES.keys())
def test_numbers_of_another_type_are_taken_as_they_are(
    call: Call,
    argument: str,
    form: Change,
) -> None:
    expected = result_for(call, argument, images().astype(np.float64))
    assert_equal(result_for(call, argument, form(images())), expected)


# Bad arguments


def check_message(message: str, names: list[str]) -> None:
    """Check that an error names an argument, what was found and what was expected.

    Our words are "name: found X, expected Y"; those of scikit-learn are fine, too.
    """
    name = f"({'|'.join(names)})"
    is_named = rf"^[^:]*\b{name}\b[^:]*: |\b{name} == |'{name}' parameter|Input {name} "
    assert re.search(is_named, message), message
    assert re.search(r"\bfound\b|\bgot\b|==|\bcontains\b", message, re.I), message
    assert re.search(r"\bexpected\b|\bmust\b|\bshould\b", message, re.I), message


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty folder that artifacts go to."""
    monkeypatch.setenv(ARTIFACTS_VARIABLE, str(tmp_path))
    return tmp_path


def refusal(call: Call, argument: str, change: Change) -> str:
    """Return the message of the error that one changed argument raises."""
    arguments = call.arguments()
    arguments[argument] = change(arguments[argument])
    with pytest.raises((ValueError, TypeError)) as caught:
        call.function(**arguments)
    return str(caught.value)


@each_change("bad")
def test_a_bad_argument_is_refused_under_its_name(
    call: Call,
    argument: str,
    change: Change,
    artifacts: Path,
) -> None:
    check_message(refusal(call, argument, change), [argument])
    assert not list(artifacts.iterdir()), "a file was written"


@each_change("misfits")
def test_arguments_that_do_not_fit_each_other_are_refused(
    call: Call,
    argument: str,
    change: Change,
) -> None:
    check_message(refusal(call, argument, change), list(call.kinds))


@pytest.mark.parametrize(
    ("function", "name", "arguments"),
    [
        (fc.fit_kmeans, "n_clusters", lambda: (rows(), N_ROWS + 1)),
        (fc.truncate_tree, "n_leaves", lambda: (tree(), N_ROWS + 1)),
        (
            fc.compare_linkages,
            "n_clusters",
            lambda: ({"w": tree()}, condensed(), N_ROWS + 1),
        ),
        (fc.sweep_k, "k_values", lambda: (rows(), [N_ROWS])),
        (fc.sweep_k, "k_values", lambda: (rows()[:1], [1])),
        (fc.stability, "k_values", lambda: (rows(), [N_ROWS // 2])),
        (fc.silhouette_samples, "labels", lambda: (rows(), np.arange(N_ROWS))),
        (fc.silhouette_samples, "labels", lambda: (rows(), 0 * labels())),
        (fc.condensed_distances, "X", lambda: (rows()[:1],)),
        (fc.linkage, "X_or_condensed", lambda: (rows()[:1], "ward")),
        (fc.linkage, "X_or_condensed", lambda: (rows()[:1], "single")),
    ],
)
def test_what_the_rows_do_not_allow_is_refused(
    function: Callable[..., Any],
    name: str,
    arguments: Callable[[], tuple[Any, ...]],
) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: ") as caught:
        function(*arguments())
    check_message(str(caught.value), [name])


@pytest.mark.parametrize("cut", [{}, {"n_clusters": 2, "height": 1.0}])
def test_a_tree_is_cut_in_exactly_one_way(cut: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="n_clusters, height: found "):
        fc.flat_clusters(tree(), **cut)


# Small and constant data work

ONE_ROW = np.array([[3.0, 4.0]])
CONSTANT_ROWS = np.ones((6, 3))
TWO_PLACES = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0], [3.0, 4.0]])


@pytest.mark.parametrize("X", [ONE_ROW, CONSTANT_ROWS], ids=["one row", "constant"])
def test_one_cluster_of_equal_rows_has_no_inertia(X: NDArray[np.float64]) -> None:
    fit = fc.fit_kmeans(X, 1)
    assert fit.inertia == fc.inertia(X, fit.labels) == 0
    np.testing.assert_array_equal(fit.centroids, X[:1])


def test_clusters_of_constant_rows_have_no_inertia_and_one_mean() -> None:
    halves = [0, 0, 0, 1, 1, 1]
    assert fc.inertia(CONSTANT_ROWS, halves) == 0
    means = fc.cluster_means(CONSTANT_ROWS, halves)
    np.testing.assert_array_equal(means, CONSTANT_ROWS[:2])


def test_constant_rows_are_at_distance_0_and_merge_at_height_0() -> None:
    assert not fc.condensed_distances(CONSTANT_ROWS).any()
    for method in ("single", "complete", "average", "ward"):
        assert not fc.linkage(CONSTANT_ROWS, method)[:, 2].any()


def test_silhouettes_of_equal_rows() -> None:
    halves = [0, 0, 0, 1, 1, 1]
    assert fc.silhouette_samples(CONSTANT_ROWS, halves).tolist() == [0] * 6
    assert fc.silhouette_samples(TWO_PLACES, [0, 0, 1, 1]).tolist() == [1] * 4


def test_a_flat_curve_has_no_elbow() -> None:
    assert fc.elbow(range(1, 7), [5.0] * 6).k is None


def test_a_picture_of_one_color_has_a_palette_of_one() -> None:
    image = np.full((2, 3, 3), 7, dtype=np.uint8)
    assert fc.quantize(image, 5).palette.tolist() == [[7, 7, 7]]


def test_a_picture_of_one_pixel_is_equal_to_itself() -> None:
    assert fc.psnr(np.zeros((1, 1, 3)), np.zeros((1, 1, 3))) == np.inf
