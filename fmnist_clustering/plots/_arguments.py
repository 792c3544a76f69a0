"""Checks of arguments that several plot functions share.

As in `fmnist_clustering._validation`, each check returns its argument in the form that
is drawn, or raises an error that names the argument, what was found and what was
expected.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fmnist_clustering._validation import (
    FloatArray,
    check_columns,
    check_numbers,
    check_rows,
)
from fmnist_clustering.data import MAX_PIXEL, N_PIXELS

ROUNDING = 1e-6
"""How far a mean of grey values may lie outside of their range."""


def check_images(images: ArrayLike, name: str, n: int | None = None) -> FloatArray:
    """Return images as float64, one in each row.

    Parameters
    ----------
    images : (m, 784) array-like
        The argument: grey values of 28 x 28 pixels, row by row.
    name : str
        What an error message calls the argument.
    n : int, optional
        The number of images that is expected; default: one or more.

    Returns
    -------
    (m, 784) float64
        The same values.

    Raises
    ------
    ValueError
        When the argument has another shape, or holds no grey values.
    """
    pixels = check_numbers(images, name)
    is_table = pixels.ndim == 2 and pixels.shape[1] == N_PIXELS and len(pixels) > 0
    if not is_table or (n is not None and len(pixels) != n):
        expected = f"({'m' if n is None else n}, {N_PIXELS})"
        raise ValueError(f"{name}: found shape {pixels.shape}, expected {expected}")
    check_grey(pixels, name)
    return pixels


def check_plane(points: ArrayLike, name: str) -> FloatArray:
    """Return points in the plane as float64.

    Parameters
    ----------
    points : (n, 2) array-like
        The argument: coordinates.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n, 2) float64
        The same values.

    Raises
    ------
    ValueError
        When the argument has another shape, or holds no finite numbers.
    """
    rows, _ = check_rows(points, name)
    if rows.shape[1] != 2:
        raise ValueError(f"{name}: found shape {rows.shape}, expected (n, 2)")
    return rows.astype(np.float64)


def check_grey(values: FloatArray, name: str) -> None:
    """Refuse what is no grey value, 0 to 255.

    Parameters
    ----------
    values : array of float64
        The argument.
    name : str
        What an error message calls the argument.

    Raises
    ------
    ValueError
        When a value is NaN, or lies outside by more than rounding errors.
    """
    expected = f"grey values, 0 to {MAX_PIXEL}"
    check_range(values, name, -ROUNDING, MAX_PIXEL + ROUNDING, expected)


def check_range(
    values: FloatArray,
    name: str,
    minimum: float,
    maximum: float,
    expected: str,
) -> None:
    """Refuse numbers outside of a range, and NaN.

    Parameters
    ----------
    values : array of float64
        The argument; no values at all are fine.
    name : str
        What an error message calls the argument.
    minimum, maximum : float
        The lowest and the highest value that is accepted.
    expected : str
        What an error message says about the range.

    Raises
    ------
    ValueError
        When a value is NaN, or lies outside.
    """
    is_fine = (values >= minimum) & (values <= maximum)  # False for NaN
    if not is_fine.all():
        found = f"{values[~is_fine][0]:g}"
        raise ValueError(f"{name}: found {found}, expected {expected}")


def check_table(table: object, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """Return a table that has each of certain columns once, and at least one row.

    Parameters
    ----------
    table : DataFrame
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
        When a column is missing or there twice, or there is no row.
    """
    needed = list(columns)
    checked = check_columns(table, name, needed)
    for column in needed:
        n_found = list(checked.columns).count(column)
        if n_found > 1:
            found = f"{n_found} columns {column!r}"
            raise ValueError(f"{name}: found {found}, expected one")
    return checked
