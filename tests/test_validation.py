"""What errors about arguments say.

Many functions share these checks. Their messages are asserted here and nowhere else;
that every function makes them is tested in test_bad_input.py.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fmnist_clustering._validation import (
    as_points,
    check_columns,
    check_curve,
    check_instance,
    check_integer,
    check_k_values,
    check_labels,
    check_option,
    check_path,
    check_rows,
    check_weight,
)


def message_of(call: Callable[[], Any], kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


# Rows

ROWS_EXPECTED = "expected (rows, columns), rows >= 1"


@pytest.mark.parametrize(
    ("X", "message"),
    [
        pytest.param([1, 2], f"found shape (2,), {ROWS_EXPECTED}", id="one axis"),
        pytest.param(
            np.zeros((2, 3, 1)),
            f"found shape (2, 3, 1), {ROWS_EXPECTED}",
            id="three axes",
        ),
        pytest.param(5, f"found shape (), {ROWS_EXPECTED}", id="number"),
        pytest.param([], f"found shape (0,), {ROWS_EXPECTED}", id="empty list"),
        pytest.param(
            np.zeros((0, 3)),
            f"found shape (0, 3), {ROWS_EXPECTED}",
            id="no rows",
        ),
        pytest.param(
            np.zeros((3, 0)),
            f"found shape (3, 0), {ROWS_EXPECTED}",
            id="no columns",
        ),
        pytest.param(
            [[0, 1], [2, np.nan]],
            "found nan in row 1, column 1, expected finite numbers",
            id="NaN",
        ),
        pytest.param(
            [[0, 1], [-np.inf, 2]],
            "found -inf in row 1, column 0, expected finite numbers",
            id="infinity",
        ),
        pytest.param([["coat"]], "found <U4, expected numbers", id="text"),
        pytest.param([[1j]], "found complex128, expected numbers", id="complex"),
        pytest.param(
            [[1, 2], [3]],
            "found lines of different length, expected an array of numbers",
            id="ragged",
        ),
    ],
)
@pytest.mark.parametrize("name", ["X", "points"])
def test_rows_are_finite_numbers_on_two_axes(X: Any, message: str, name: str) -> None:
    assert message_of(lambda: check_rows(X, name)) == f"{name}: {message}"
    assert message_of(lambda: as_points(X, name)) == f"{name}: {message}"


def test_too_few_rows() -> None:
    message = "X: found shape (1, 2), expected (rows, columns), rows >= 2"
    assert message_of(lambda: check_rows([[1, 2]], min_rows=2)) == message


PIXELS = [[0, 51], [102, 255]]


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(np.array(PIXELS, dtype=np.uint8), id="array"),
        pytest.param(pd.DataFrame(PIXELS, dtype=np.uint8), id="frame"),
    ],
)
def test_data_of_uint8_count_in_units_of_255(images: Any) -> None:
    rows, unit = check_rows(images)
    assert rows.dtype == np.uint8
    assert unit == 255
    np.testing.assert_array_equal(rows, PIXELS)
    np.testing.assert_array_equal(as_points(images), [[0.0, 0.2], [0.4, 1.0]])


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(PIXELS, id="list"),
        pytest.param(np.array(PIXELS, dtype=np.int64), id="int64"),
        pytest.param(np.array(PIXELS, dtype=np.uint16), id="uint16"),
        pytest.param(np.array(PIXELS, dtype=np.float32), id="float32"),
        pytest.param(np.array(PIXELS, dtype=">f8"), id="big-endian"),
        pytest.param(pd.DataFrame(PIXELS), id="frame"),
        pytest.param(
            pd.DataFrame(PIXELS).astype({0: np.uint8, 1: np.uint16}),
            id="frame, not all of it uint8",
        ),
    ],
)
def test_all_other_data_are_taken_as_they_are(numbers: Any) -> None:
    rows, unit = check_rows(numbers)
    assert rows.dtype == as_points(numbers).dtype == np.float64
    assert unit == 1
    np.testing.assert_array_equal(rows, PIXELS)
    np.testing.assert_array_equal(as_points(numbers), PIXELS)


def test_an_array_of_the_right_type_is_not_copied() -> None:
    for rows in (np.array(PIXELS, dtype=np.uint8), np.array(PIXELS, dtype=float)):
        checked, _ = check_rows(rows)
        assert checked is rows


# Labels and weights


@pytest.mark.parametrize(
    ("labels", "n", "message"),
    [
        ([0, 1, 1], 2, "found shape (3,), expected (2,)"),
        ([[0, 1]], None, "found shape (1, 2), expected (n,)"),
        ([], None, "found shape (0,), expected (n,)"),
        ([0, 0.5], None, "found float64, expected integers, 0 or more"),
        (["a"], None, "found <U1, expected integers, 0 or more"),
        ([True, False], None, "found bool, expected integers, 0 or more"),
        ([0, -3], None, "found -3, expected integers, 0 or more"),
    ],
)
def test_labels_are_ids_from_0(labels: Any, n: int | None, message: str) -> None:
    found = message_of(lambda: check_labels(labels, n, "reference"))
    assert found == f"reference: {message}"


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], "found shape (2,), expected (3,)"),
        ([1, 0, 2], "found 0.0, expected positive numbers"),
        ([1, -2, 2], "found -2.0, expected positive numbers"),
        ([1, np.nan, 2], "found nan, expected positive numbers"),
        ([1, np.inf, 2], "found inf, expected positive numbers"),
        (["a", "b", "c"], "found <U1, expected numbers"),
    ],
)
def test_weights_are_positive(weight: Any, message: str) -> None:
    found = message_of(lambda: check_weight(weight, 3))
    assert found == f"sample_weight: {message}"


def test_without_weights_each_row_counts_once() -> None:
    assert check_weight(None, 3).tolist() == [1, 1, 1]


# Numbers of clusters


@pytest.mark.parametrize("value", [0, -1, 2.0, "2", True, None, np.nan, [2]])
def test_an_integer_below_its_range_or_of_another_type(value: Any) -> None:
    found = message_of(lambda: check_integer(value, "n_init"))
    assert found == f"n_init: found {value!r}, expected an integer, 1 or more"


@pytest.mark.parametrize("value", [1, 16])
def test_an_integer_outside_of_both_ends(value: int) -> None:
    found = message_of(lambda: check_integer(value, "k", 2, 15))
    assert found == f"k: found {value}, expected an integer, 2 to 15"


@pytest.mark.parametrize("value", [2, 15, np.int64(3), np.uint8(3)])
def test_an_integer_within_its_range(value: Any) -> None:
    number = check_integer(value, "k", 2, 15)
    assert number == value
    assert type(number) is int


@pytest.mark.parametrize(
    ("k_values", "found"),
    [
        ([], "[]"),
        ([1, 2], "[1, 2]"),
        ([2, 3, 10], "[2, 3, 10]"),
        ([3, 2], "[3, 2]"),
        ([2, 2], "[2, 2]"),
        (3, "3"),
        ([[2, 3]], "[[2, 3]]"),
    ],
)
def test_k_values_rise_within_their_range(k_values: Any, found: str) -> None:
    expected = "expected one or more rising integers from 2 to 9"
    message = message_of(lambda: check_k_values(k_values, 2, 9))
    assert message == f"k_values: found {found}, {expected}"


def test_k_values_are_integers() -> None:
    k_values: Any = [2.0, 3.0]
    message = "k_values: found float64, expected integers"
    assert message_of(lambda: check_k_values(k_values, 2, 9)) == message


@pytest.mark.parametrize("make", [list, tuple, iter, np.array, pd.Series])
def test_k_values_may_be_any_iterable(make: Callable[[list[int]], Any]) -> None:
    k = check_k_values(make([2, 5]), 2, 9)
    assert k.dtype == np.int64
    assert k.tolist() == [2, 5]


@pytest.mark.parametrize("values", [[1.0, 2, 3], [[1.0, 2]], 1.0])
def test_a_curve_has_one_value_at_each_k(values: Any) -> None:
    message = message_of(lambda: check_curve([1, 2], values, "inertia"))
    found = f"k_values, inertia: found shapes (2,) and {np.shape(values)}"
    assert message == f"{found}, expected (m,) and (m,)"


# Words, paths, types and tables


@pytest.mark.parametrize("value", ["median", "", None, 3, ["mean"]])
def test_an_option_is_one_of_several_words(value: Any) -> None:
    message = message_of(lambda: check_option(value, "method", ("mean", "mode")))
    assert message == f"method: found {value!r}, expected one of 'mean', 'mode'"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(3, "int"), (None, "NoneType"), (["a"], "list"), (b"a", "bytes")],
)
def test_what_is_no_path(value: Any, kind: str) -> None:
    message = message_of(lambda: check_path(value, "source"), TypeError)
    assert message == f"source: found {kind}, expected a str or a path"


def test_any_object_that_stands_for_a_path_will_do() -> None:
    class Elsewhere:
        def __fspath__(self) -> str:
            return "a/b"

    for value in ("a/b", Path("a/b"), Elsewhere()):
        assert check_path(value, "source") == Path("a", "b")


def test_an_object_of_another_type() -> None:
    message = message_of(lambda: check_instance([], "sweep", dict), TypeError)
    assert message == "sweep: found list, expected dict"
    message = message_of(lambda: check_instance([], "sweep", (dict, str)), TypeError)
    assert message == "sweep: found list, expected dict or str"


def test_a_table_that_lacks_a_column() -> None:
    frame = pd.DataFrame({"a": [1], "b": [2]})
    message = message_of(lambda: check_columns(frame, "scores", ["b", "c", "d"]))
    assert message == "scores: found columns ['a', 'b'], expected also 'c'"
    assert check_columns(frame, "scores", ["b"]) is frame


def test_a_table_without_rows() -> None:
    frame = pd.DataFrame({"a": []})
    message = message_of(lambda: check_columns(frame, "scores", ["a"]))
    assert message == "scores: found no rows, expected one or more"


def test_what_is_no_table() -> None:
    message = message_of(lambda: check_columns([[1]], "scores", []), TypeError)
    assert message == "scores: found list, expected DataFrame"


# Containers of numbers


NULLABLE = pd.DataFrame(
    {
        "a": np.array([1, 2], dtype=np.int64),
        "b": pd.array([3, 4], dtype="Int64"),
        "c": np.array([5, 6], dtype=np.uint8),
        "d": [True, False],
    },
)


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        pytest.param(NULLABLE, [[1, 3, 5, 1], [2, 4, 6, 0]], id="mixed"),
        pytest.param(NULLABLE[["c", "d"]], [[5, 1], [6, 0]], id="uint8 and bool"),
        pytest.param(NULLABLE[["b"]], [[3], [4]], id="Int64"),
        pytest.param(NULLABLE[["d"]].astype("boolean"), [[1], [0]], id="boolean"),
        pytest.param(NULLABLE.astype("Float64") / 2, None, id="Float64"),
        pytest.param(
            NULLABLE.astype(object), [[1, 3, 5, 1], [2, 4, 6, 0]], id="object"
        ),
        pytest.param([[Decimal("0.5"), Fraction(1, 4)]], [[0.5, 0.25]], id="exact"),
        pytest.param([[10**30, 1]], [[1e30, 1]], id="large integers"),
        pytest.param(np.ma.array([[1, 2]]), [[1, 2]], id="masked array without a mask"),
    ],
)
def test_numbers_of_any_container_are_rows(X: Any, expected: Any) -> None:
    rows, unit = check_rows(X)
    if expected is None:
        expected = [[0.5, 1.5, 2.5, 0.5], [1, 2, 3, 0]]
    assert rows.dtype == np.float64
    assert unit == 1.0
    assert rows.tolist() == expected


@pytest.mark.parametrize("dtype", ["uint8", "UInt8"])
def test_a_table_is_an_image_if_all_columns_are_of_8_bits(dtype: str) -> None:
    rows, unit = check_rows(pd.DataFrame([[0, 255]], dtype=dtype))
    assert rows.dtype == np.uint8
    assert unit == 255.0


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "UInt8", "boolean"])
def test_missing_values_are_refused_by_place(dtype: str) -> None:
    X = pd.DataFrame({"a": [1.5, np.nan], "b": pd.array([1, None], dtype=dtype)})
    message = "X: found a missing value in row 1, column 1, expected numbers"
    assert message_of(lambda: check_rows(X)) == message
    labels = pd.Series([1, None], dtype=dtype)
    message = "labels: found a missing value in row 1, expected integers, 0 or more"
    assert message_of(lambda: check_labels(labels)) == message
    assert message_of(lambda: check_labels(labels.array)) == message
    message = "sample_weight: found a missing value in row 1, expected numbers"
    assert message_of(lambda: check_weight(labels, 2)) == message


def test_nan_in_a_column_of_floats_is_named_as_such() -> None:
    X = pd.DataFrame({"a": [1.5, np.nan], "b": pd.array([1, 2], dtype="Int64")})
    message = "X: found nan in row 1, column 0, expected finite numbers"
    assert message_of(lambda: check_rows(X)) == message


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([[1, pd.NA]], "<NA> in row 0, column 1"),
        ([[1, None]], "None in row 0, column 1"),
        (pd.DataFrame({"a": [1], "b": ["coat"]}), "'coat' in row 0, column 1"),
        (np.array([1, 2j], dtype=object), "2j in row 1"),
        (np.array([1, "2"], dtype=object), "'2' in row 1"),
        ([10**400], "a number that does not fit into float64"),
        (
            np.ma.array([[1, 2]], mask=[[False, True]]),
            "a masked value in row 0, column 1",
        ),
    ],
)
def test_objects_that_are_no_numbers_are_named(values: Any, found: str) -> None:
    message = message_of(lambda: check_rows(values))
    assert message == f"X: found {found}, expected numbers"


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", object])
def test_labels_and_k_values_of_pandas(dtype: Any) -> None:
    values = pd.Series([1, 3, 5], dtype=dtype)
    for found in (check_labels(values), check_k_values(values, 1, 9)):
        assert found.tolist() == [1, 3, 5]
        assert found.dtype == np.int64


def test_labels_that_int64_cannot_hold() -> None:
    largest = 2**63 - 1
    assert check_labels(np.array([largest], dtype=np.uint64)).tolist() == [largest]
    message = f"labels: found {2**63}, expected at most {largest}"
    labels = np.array([0, 2**63], dtype=np.uint64)
    assert message_of(lambda: check_labels(labels)) == message
    message_of(lambda: check_labels([2**64]))


@pytest.mark.parametrize("k_values", [[5, 3], [2**63], [2, 2**63 + 2], [2**64 + 2]])
def test_k_values_that_wrap_around(k_values: Any) -> None:
    dtype = np.uint64 if max(k_values) < 2**64 else object
    values = np.array(k_values, dtype=dtype)
    message = message_of(lambda: check_k_values(values, 1, 10))
    assert message.startswith("k_values: found ")


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_whole_numbers_that_float64_would_round_are_refused(dtype: Any) -> None:
    assert check_rows(np.array([[2**53]], dtype=dtype))[0].tolist() == [[2.0**53]]
    with pytest.raises(ValueError, match=r"^X: found 9007199254740993, expected"):
        check_rows(np.array([[1], [2**53 + 1]], dtype=dtype))
