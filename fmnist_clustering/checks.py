"""What was given: checked, and in the form that is computed with; an error names the argument."""

from collections.abc import Collection
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Rows = NDArray[np.uint8] | Floats


def array(values: object, name: str, kinds: str = "biuf", expected: str = "numbers") -> NDArray[Any]:
    """Return an array of the kind that is expected.

    Parameters
    ----------
    values : array-like
        What was given.
    name : str
        What an error message calls the argument.
    kinds : str
        NumPy's letters for the kinds of data type that are taken.
    expected : str
        What an error message calls them.

    Returns
    -------
    array
        The same values; the very same array where one was given.

    Raises
    ------
    ValueError
        For anything else, such as text, objects, complex numbers, or lines of different length.
    """
    try:
        found = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: found lines of different length, expected an array of {expected}") from None
    if found.size and found.dtype.kind not in kinds:
        raise ValueError(f"{name}: found {found.dtype}, expected {expected}")
    return found


def numbers(values: object, name: str) -> NDArray[np.float64]:
    """Return an array of numbers as float64.

    Parameters
    ----------
    values : array-like
        Real numbers.
    name : str
        What an error message calls the argument.

    Returns
    -------
    array of float64
        The same values.

    Raises
    ------
    ValueError
        As `array`.
    """
    return array(values, name).astype(np.float64, copy=False)


def count(value: object, name: str, lowest: int = 1, highest: float = np.inf) -> int:
    """Return a whole number.

    Parameters
    ----------
    value : int
        What was given.
    name : str
        What an error message calls the argument.
    lowest, highest : int
        The range that is allowed.

    Returns
    -------
    int
        The same value.

    Raises
    ------
    ValueError
        For anything else than a whole number in the range.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not lowest <= value <= highest:  # type: ignore[operator]
        span = f"{lowest} or more" if highest == np.inf else f"{lowest} to {highest}"
        raise ValueError(f"{name}: found {value if whole else repr(value)}, expected {span}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def choice(value: object, name: str, choices: Collection[str]) -> str:
    """Return one of several words.

    Parameters
    ----------
    value : str
        What was given.
    name : str
        What an error message calls the argument.
    choices : collection of str
        The words that are allowed.

    Returns
    -------
    str
        The same word.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(map(repr, choices))}")
    return value


def path(value: object, name: str) -> Path:
    """Return a path.

    Parameters
    ----------
    value : str or path-like
        What was given.
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
    return Path(made(value, name, str if isinstance(value, str) else PathLike))


def made(value: Any, name: str, kind: type) -> Any:
    """Return what another function made.

    Parameters
    ----------
    value : object
        What was given.
    name : str
        What an error message calls the argument.
    kind : type
        What it has to be.

    Returns
    -------
    object
        The same.

    Raises
    ------
    TypeError
        When it is of another type.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name}: found {type(value).__name__}, expected {kind.__name__}")
    return value


def curve(k_values: ArrayLike, values: ArrayLike, name: str) -> tuple[Floats, Floats]:
    """Return values over numbers of clusters as float64.

    Parameters
    ----------
    k_values, values : (m,) array-like
        Real numbers.
    name : str
        What an error message calls the values.

    Returns
    -------
    k_values, values : (m,) float64
        The same.

    Raises
    ------
    ValueError
        As `array`, or for other shapes.
    """
    k, y = numbers(k_values, "k_values"), numbers(values, name)
    if k.ndim != 1 or k.shape != y.shape:
        raise ValueError(f"k_values, {name}: found shapes {k.shape} and {y.shape}, expected (m,) and (m,)")
    return k, y


def rows(X: ArrayLike, name: str = "X", at_least: int = 1) -> tuple[Rows, float]:
    """Return rows as they are computed with, and what counts as 1.0 in them.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        One point a row.
    name : str
        What an error message calls the argument.
    at_least : int
        How many rows are needed.

    Returns
    -------
    rows : (n, d) uint8 or float64
        All values finite, n >= `at_least`, d >= 1.
    unit : float
        255.0 for a NumPy uint8 array, which is an image array; 1.0 for all else.

    Raises
    ------
    ValueError
        When `X` is not two-dimensional, empty, too short, not numeric, or holds NaN or infinity.
    """
    is_image = isinstance(X, np.ndarray) and X.dtype == np.uint8
    given = np.asarray(X) if is_image else numbers(X, name)
    if given.ndim != 2 or given.size == 0 or len(given) < at_least:
        raise ValueError(f"{name}: found shape {given.shape}, expected (rows, columns), rows >= {at_least}")
    if not is_image and not np.isfinite(given).all():
        row, column = np.argwhere(~np.isfinite(given))[0]
        found = given[row, column]
        raise ValueError(f"{name}: found {found} in row {row}, column {column}, expected numbers")
    return given, 255.0 if is_image else 1.0


def points(X: ArrayLike, name: str = "X") -> NDArray[np.float64]:
    """Return rows as float64 points; a uint8 array is an image array, where 255 means 1.0.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        One point a row.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n, d) float64
        A NumPy uint8 array divided by 255; all else as it is.

    Raises
    ------
    ValueError
        As `rows`.
    """
    given, unit = rows(X, name)
    return np.asarray(given / unit if unit != 1 else given, dtype=np.float64)


def labels(labels: ArrayLike, n: int | None = None, name: str = "labels") -> NDArray[np.int64]:
    """Return cluster ids as int64, checked.

    Parameters
    ----------
    labels : (n,) array-like of int
        Ids, 0 or more.
    n : int, optional
        The length that is expected.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n,) int64
        The same ids.

    Raises
    ------
    ValueError
        When `labels` is not one-dimensional, empty, of another length, not integer, or negative.
    """
    ids = array(labels, name, "iu", "integers from 0")
    if ids.ndim != 1 or ids.size == 0 or len(ids) != (n or len(ids)):
        raise ValueError(f"{name}: found shape {ids.shape}, expected ({n or 'n'},)")
    if ids.min() < 0:
        raise ValueError(f"{name}: found {ids.min()}, expected integers from 0")
    return ids.astype(np.int64)
