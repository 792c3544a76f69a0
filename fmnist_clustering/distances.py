"""Rows as points: what an array means before anything measures distances in it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_points(X: ArrayLike, name: str = "X") -> NDArray[np.float64]:
    """Return rows as float64 points; a uint8 array is an image array, where 255 means 1.0.

    Parameters
    ----------
    X : (n, d) array-like of numbers
        One point a row. A NumPy uint8 array is divided by 255; all else is taken as it is.
    name : str
        What an error message calls the argument.

    Returns
    -------
    (n, d) float64
        All values finite, n >= 1, d >= 1.

    Raises
    ------
    ValueError
        When `X` is not two-dimensional, empty, not numeric, or holds NaN or infinity.
    """
    try:
        points = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected rows of numbers ({error})") from None
    if points.ndim != 2 or points.size == 0:
        raise ValueError(f"{name}: found shape {points.shape}, expected (rows, columns), not empty")
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0]
        found = points[row, column]
        raise ValueError(f"{name}: found {found} in row {row}, column {column}, expected numbers")
    is_image = isinstance(X, np.ndarray) and X.dtype == np.uint8
    return points / 255.0 if is_image else points
