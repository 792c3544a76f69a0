"""Checks of arguments: each returns its argument in the form that is computed with.

Every error names the argument, what was found and what was expected.
"""

import reprlib
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from math import inf, isfinite
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]
RowArray = NDArray[np.uint8] | FloatArray

LARGEST_WHOLE = 2**53
"""float64 holds all whole numbers up to here."""

WHITE = 255.0
"""What counts as 1.0 in data of dtype uint8, which are images."""


def check_array(
    values: object,
    name: str,
    kinds: str = "biuf",
    expected: str = "numbers",
) -> NDArray[Any]:
    """Return an array whose data type is of an expected kind.

    Parameters
    ----------
    values : array-like
        The argument.
    name : str
        What an error message calls the argument.
    kinds : str
        NumPy's letters for the kinds of data type that are accepted.
    expected : str
        What an error message calls these kinds.

    Returns
    -------
    array
        The same values; the very same array if one was passed. The columns of a
        DataFrame may be of different types. Numbers that are Python objects become
        int64 if all of them are integers that fit, and float64 otherwise.

    Raises
    ------
    ValueError
        For anything else, such as text, other objects, missing values (pandas' NA, or
        what a mask hides), complex numbers, or nested lists of different lengths.
    """
    array = _as_array(values, name, expected)
    if array.dtype == object and array.size > 0:
        array = _numbers_of_objects(array, name, expected)
    if array.size > 0 and array.dtype.kind not in kinds:
        raise ValueError(f"{name}: found {array.dtype}, expected {expected}")
    return array


def _as_array(values: object, name: str, expected: str) -> NDArray[Any]:
    """Return an array, of the plain data type that pandas' values have inside."""
    if isinstance(values, np.ma.MaskedArray):
        _refuse_missing(np.ma.getmaskarray(values), "a masked value", name, expected)
    pandas_types = (pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray)
    if isinstance(values, pandas_types):
        dtype = _plain_dtype(values)
        if dtype is not None:
            missing = _missing_in_pandas(values)
            _refuse_missing(missing, "a missing value", name, expected)
            return np.asarray(values.to_numpy(dtype=dtype))
    try:
        return np.asarray(values)
    except ValueError:
        message = f"{name}: found lines of different length"
        raise ValueError(f"{message}, expected an array of {expected}") from None


def _plain_dtype(values: Any) -> np.dtype[Any] | None:
    """Return the data type that holds all columns; None if they are not all numbers.

    Only columns that are all of 8 bits stay so, since such data are taken for images.
    """
    dtypes = set(values.dtypes) if isinstance(values, pd.DataFrame) else {values.dtype}
    plain: set[np.dtype[Any]] = {
        getattr(dtype, "numpy_dtype", dtype) for dtype in dtypes
    }
    for dtype in plain:
        if not isinstance(dtype, np.dtype) or dtype.kind not in "biuf":
            return None
    if len(plain) == 1:
        return plain.pop()
    common: np.dtype[Any] | None = np.result_type(*plain) if plain else None
    return np.dtype(np.int64) if common == np.dtype(np.uint8) else common


def _missing_in_pandas(values: Any) -> NDArray[np.bool_]:
    """Return where pandas' NA stands. NaN in a column of plain floats is a number."""
    if not isinstance(values, pd.DataFrame):
        is_plain = isinstance(values.dtype, np.dtype)
        return np.zeros(0, dtype=bool) if is_plain else np.asarray(values.isna())
    if all(isinstance(dtype, np.dtype) for dtype in values.dtypes):
        return np.zeros(0, dtype=bool)
    missing = values.isna().to_numpy(copy=True)
    for column, dtype in enumerate(values.dtypes):
        if isinstance(dtype, np.dtype):
            missing[:, column] = False
    return np.asarray(missing)


def _refuse_missing(
    missing: NDArray[np.bool_],
    what: str,
    name: str,
    expected: str,
) -> None:
    """Refuse values of which some are missing, and name the first place."""
    if missing.any():
        place = _name_place(np.argwhere(missing)[0])
        raise ValueError(f"{name}: found {what}{place}, expected {expected}")


def _name_place(indices: Iterable[int]) -> str:
    """Return where an element stands, as the end of a sentence."""
    words = [f"{axis} {i}" for axis, i in zip(("row", "column"), indices, strict=False)]
    return f" in {', '.join(words)}" if words else ""


def _numbers_of_objects(
    array: NDArray[Any],
    name: str,
    expected: str,
) -> NDArray[Any]:
    """Return an array of Python's numbers as int64, float64 or bool."""
    for indices, element in np.ndenumerate(array):
        if not isinstance(element, Real | Decimal | np.bool_):
            found = f"{reprlib.repr(element)}{_name_place(indices)}"
            raise ValueError(f"{name}: found {found}, expected {expected}")
    elements = array.ravel().tolist()
    if all(isinstance(element, bool | np.bool_) for element in elements):
        return array.astype(bool)
    if all(isinstance(element, Integral) for element in elements):
        largest = max(elements, key=abs)
        if -(2**63) <= largest < 2**63:
            return array.astype(np.int64)
    try:
        return array.astype(np.float64)
    except (OverflowError, ValueError):  # an int above 1e308, or a signaling NaN
        found = "a number that does not fit into float64"
        raise ValueError(f"{name}: found {found}, expected {expected}") from None


def check_numbers(values: object, name: str) -> FloatArray:
    """Return an array of real numbers as float64.

    Parameters
    ----------
    values : array-like
        The argument.
    name : str
        What an error message calls the argument.

    Returns
    -------
    array of float64
        The same values; they may be NaN or infinite.

    Raises
    ------
    ValueError
        As `check_array`.
    """
    return check_array(values, name).astype(np.float64, copy=False)


def check_integer(
    value: object,
    name: str,
    minimum: int = 1,
    maximum: int | None = None,
) -> int:
    """Return an integer that lies in a range.

    Parameters
    ----------
    value : int
        The argument; a NumPy integer is fine, a bool or a float is not.
    name : str
        What an error message calls the argument.
    minimum : int
        The lowest value that is accepted.
    maximum : int, optional
        The highest value that is accepted; default: no limit.

    Returns
    -------
    int
        The same value.

    Raises
    ------
    ValueError
        For anything else.
    """
    if maximum is None:
        expected = f"an integer, {minimum} or more"
    else:
        expected = f"an integer, {minimum} to {maximum}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name}: found {value!r}, expected {expected}")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name}: found {number}, expected {expected}")
    return number


def check_number(
    value: object,
    name: str,
    minimum: float = -inf,
    maximum: float = inf,
) -> float:
    """Return a finite number that lies in a range.

    Parameters
    ----------
    value : float
        The argument; integers are fine, a bool is not.
    name : str
        What an error message calls the argument.
    minimum, maximum : float
        The lowest and the highest value that is accepted.

    Returns
    -------
    float
        The same value.

    Raises
    ------
    ValueError
        For anything else.
    """
    expected = f"a finite number from {minimum:g} to {maximum:g}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name}: found {value!r}, expected {expected}")
    number = float(value)
    if not isfinite(number) or not minimum <= number <= maximum:
        raise ValueError(f"{name}: found {number}, expected {expected}")
    return number


def check_option(value: object, name: str, options: Collection[str]) -> str:
    """Return one of several words.

    Parameters
    ----------
    value : str
        The argument.
    name : str
        What an error message calls the argument.
    options : collection of str
        The words that are accepted.

    Returns
    -------
    str
        The same word.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not isinstance(value, str) or value not in options:
        words = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name}: found {value!r}, expected one of {words}")
    return value


def check_path(value: object, name: str) -> Path:
    """Return a path.

    Parameters
    ----------
    value : str or path-like
        The argument.
    name : str
        What an error message calls the argument.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    TypeError
        For anything else.
    """
    if not isinstance(value, str | PathLike):
        kind = type(value).__name__
        raise TypeError(f"{name}: found {kind}, expected a str or a path")
    return Path(value)


def check_instance(value: Any, name: str, types: type | tuple[type, ...]) -> Any:
    """Return an object that is of an expected type.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        What an error message calls the argument.
    types : type or tuple of types
        What it has to be.

    Returns
    -------
    object
        The same object.

    Raises
    ------
    TypeError
        When it is of another type.
    """
    if not isinstance(value, types):
        accepted = types if isinstance(types, tuple) else (types,)
        expected = " or ".join(each.__name__ for each in accepted)
        raise TypeError(f"{name}: found {type(value).__name__}, expected {expected}")
    return value


def check_columns(frame: object, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """Return a table that has certain columns and at least one row.

    Parameters
    ----------
    frame : DataFrame
        The argument.
    name : str
        What an error message calls the argument.
    columns : iterable of str
        The columns that are needed; the table may have others.

    Returns
    -------
    DataFrame
        The same table.

    Raises
    ------
    TypeError
        When it is no DataFrame.
    ValueError
        When a column is missing, or there is no row.
    """
    table: pd.DataFrame = check_instance(frame, name, pd.DataFrame)
    missing = [column for column in columns if column not in table.columns]
    if missing:
        present = [str(column) for column in table.columns]
        raise ValueError(
            f"{name}: found columns {present}, expected also {missing[0]!r}",
        )
    if len(table) == 0:
        raise ValueError(f"{name}: found no rows, expected one or more")
    return table


def check_curve(
    k_values: ArrayLike,
    values: ArrayLike,
    name: str,
) -> tuple[FloatArray, FloatArray]:
    """Return a curve over numbers of clusters as two arrays of float64.

    Parameters
    ----------
    k_values : (m,) array-like
        Numbers of clusters.
    values : (m,) array-like
        The value at each of them.
    name : str
        What an error message calls `values`.

    Returns
    -------
    k_values, values : (m,) float64
        The same numbers.

    Raises
    ------
    ValueError
        As `check_array`, or when the shapes differ.
    """
    k = check_numbers(k_values, "k_values")
    y = check_numbers(values, name)
    if k.ndim != 1 or k.shape != y.shape:
        shapes = f"{k.shape} and {y.shape}"
        raise ValueError(
            f"k_values, {name}: found shapes {shapes}, expected (m,) and (m,)",
        )
    return k, y


def check_k_values(
    k_values: Iterable[int],
    minimum: int,
    maximum: int,
    name: str = "k_values",
) -> IntArray:
    """Return rising numbers of clusters that lie in a range.

    Parameters
    ----------
    k_values : iterable of int
        The argument.
    minimum, maximum : int
        The range that is accepted.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (m,) int64
        The same numbers, m >= 1.

    Raises
    ------
    ValueError
        When they are no integers, are none, do not rise, or are out of range.
    """
    values = list(k_values) if isinstance(k_values, Iterable) else k_values
    k = check_array(values, name, "iu", "integers")
    is_list = k.ndim == 1 and k.size > 0
    # Compared as they are: unsigned numbers have no negative differences.
    is_rising = is_list and (k[1:] > k[:-1]).all()
    if not is_rising or k[0] < minimum or k[-1] > maximum:
        expected = f"one or more rising integers from {minimum} to {maximum}"
        raise ValueError(f"{name}: found {k.tolist()}, expected {expected}")
    return k.astype(np.int64)


def check_rows(
    X: ArrayLike,
    name: str = "X",
    min_rows: int = 1,
) -> tuple[RowArray, float]:
    """Return rows in the type that they are computed in, and what counts as 1.0.

    Data of dtype uint8 are images, whatever the container: 255 means 1.0. A DataFrame
    holds images if all of its columns are uint8, or pandas' UInt8. All other data are
    taken as they are.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        Each row is one point.
    name : str
        What an error message calls the argument.
    min_rows : int
        How many rows are needed.

    Returns
    -------
    rows : (n, d) uint8 or float64
        The same values, all finite, with n >= `min_rows` and d >= 1.
    unit : float
        255.0 for images, 1.0 for all other data.

    Raises
    ------
    ValueError
        When `X` is not two-dimensional, has too few rows or no columns, is not numeric,
        or holds NaN, infinity, or whole numbers that float64 would round.
    """
    array = check_array(X, name)
    if array.ndim != 2 or array.size == 0 or len(array) < min_rows:
        expected = f"(rows, columns), rows >= {min_rows}"
        raise ValueError(f"{name}: found shape {array.shape}, expected {expected}")
    # Row by row in memory: a DataFrame holds columns, and sums in another order could
    # differ in their last digit.
    array = np.ascontiguousarray(array)
    if array.dtype == np.uint8:
        return array, WHITE
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        _check_whole_numbers(array, name)
    rows = array.astype(np.float64, copy=False)
    finite = np.isfinite(rows)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        place = f"{rows[row, column]} in row {row}, column {column}"
        raise ValueError(f"{name}: found {place}, expected finite numbers")
    return rows, 1.0


def _check_whole_numbers(array: NDArray[np.integer[Any]], name: str) -> None:
    """Refuse whole numbers that float64 would round."""
    is_large = (array > LARGEST_WHOLE) | (array < -LARGEST_WHOLE)
    if is_large.any():
        found = f"{name}: found {array[is_large][0]}"
        expected = f"whole numbers up to 2^53, {LARGEST_WHOLE:,}"
        raise ValueError(f"{found}, expected {expected}: float64 rounds larger ones")


def as_points(X: ArrayLike, name: str = "X") -> FloatArray:
    """Return rows as float64 points in their own unit.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        Each row is one point; data of dtype uint8 are images, where 255 means 1.0.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n, d) float64
        Images divided by 255; all other data as they are.

    Raises
    ------
    ValueError
        As `check_rows`.
    """
    rows, unit = check_rows(X, name)
    if unit == 1.0:
        return rows.astype(np.float64, copy=False)  # no copy: they are float64
    return rows / unit


def check_labels(
    labels: ArrayLike,
    n: int | None = None,
    name: str = "labels",
) -> IntArray:
    """Return cluster ids as int64.

    Parameters
    ----------
    labels : (n,) array-like of int
        Ids, 0 or more.
    n : int, optional
        The length that is expected; default: any.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n,) int64
        The same ids, in a new array.

    Raises
    ------
    ValueError
        When `labels` is not one-dimensional, is empty, has another length, is not
        integer, or holds negative numbers, or numbers from 2^63.
    """
    expected = "integers, 0 or more"
    ids = check_array(labels, name, "iu", expected)
    if ids.ndim != 1 or ids.size == 0 or (n is not None and len(ids) != n):
        length = "n" if n is None else n
        raise ValueError(f"{name}: found shape {ids.shape}, expected ({length},)")
    if ids.min() < 0:
        raise ValueError(f"{name}: found {ids.min()}, expected {expected}")
    largest = np.iinfo(np.int64).max
    if ids.max() > largest:
        raise ValueError(f"{name}: found {ids.max()}, expected at most {largest}")
    return ids.astype(np.int64)


def check_weight(sample_weight: ArrayLike | None, n: int) -> FloatArray:
    """Return the weights of n rows as float64.

    Parameters
    ----------
    sample_weight : (n,) array-like or None
        Positive numbers; None means 1 for each row.
    n : int
        The number of rows.

    Returns
    -------
    (n,) float64
        The weights.

    Raises
    ------
    ValueError
        When there is not one positive, finite number for each row.
    """
    if sample_weight is None:
        return np.ones(n)
    weight = check_numbers(sample_weight, "sample_weight")
    if weight.shape != (n,):
        raise ValueError(
            f"sample_weight: found shape {weight.shape}, expected ({n},)",
        )
    valid = np.isfinite(weight) & (weight > 0)
    if not valid.all():
        first = weight[~valid][0]
        raise ValueError(f"sample_weight: found {first}, expected positive numbers")
    return weight


def check_names(names: Sequence[str], name: str, n: int) -> list[str]:
    """Return n names, or none at all.

    Parameters
    ----------
    names : sequence of str
        The argument; an array or an index of str is fine, too.
    name : str
        What an error message calls the argument.
    n : int
        The number of names that is expected, unless there is none.

    Returns
    -------
    list of str
        The same names.

    Raises
    ------
    TypeError
        When the argument is no sequence of str; a single str is none.
    ValueError
        When there are names, but not n of them.
    """
    items = names.tolist() if isinstance(names, np.ndarray | pd.Index) else names
    if isinstance(items, str) or not isinstance(items, Sequence):
        found = type(names).__name__
        raise TypeError(f"{name}: found {found}, expected a sequence of str")
    for item in items:
        if not isinstance(item, str):
            found = f"a sequence of {type(item).__name__}"
            raise TypeError(f"{name}: found {found}, expected a sequence of str")
    if len(items) not in (0, n):
        raise ValueError(f"{name}: found {len(items)} names, expected {n} or none")
    return list(items)
