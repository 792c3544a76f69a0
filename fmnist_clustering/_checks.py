"""Checks of arguments: each returns its argument in the form that is computed with."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]
ByteArray = NDArray[np.uint8]
RowArray = ByteArray | FloatArray

WHITE = 255.0
"""What counts as 1.0 in data of dtype uint8, which are images."""


def check_rows(
    X: ArrayLike, name: str = "X", min_rows: int = 1
) -> tuple[RowArray, float]:
    """Return rows as uint8 or float64, and what counts as 1.0 in them.

    This is the one place that knows the rule: data of dtype uint8 are images, where
    255 means 1.0. All other data are taken as they are.
    """
    is_image = np.asarray(X).dtype == np.uint8
    rows = check_array(
        X,
        dtype=np.uint8 if is_image else np.float64,
        order="C",  # row by row: sums in another order could differ in a last digit
        ensure_min_samples=min_rows,
        input_name=name,
    )
    return rows, WHITE if is_image else 1.0


def as_points(X: ArrayLike, name: str = "X") -> FloatArray:
    """Return rows as float64, images divided by 255."""
    rows, unit = check_rows(X, name)
    if unit == 1.0:
        return rows.astype(np.float64, copy=False)  # float64 already: this tells mypy
    return rows / unit


def check_labels(
    labels: ArrayLike, n: int | None = None, name: str = "labels"
) -> IntArray:
    """Return n cluster ids (default: any number of them) as int64."""
    ids = np.asarray(labels)
    expected = f"{n or 'n'} integers, 0 or more"
    if ids.ndim != 1 or ids.size == 0 or (n is not None and len(ids) != n):
        raise ValueError(f"{name}: found shape {ids.shape}, expected {expected}")
    if ids.dtype.kind not in "iu":
        raise ValueError(f"{name}: found {ids.dtype}, expected {expected}")
    if ids.min() < 0:
        raise ValueError(f"{name}: found {ids.min()}, expected {expected}")
    return ids.astype(np.int64)


def check_k_values(k_values: Iterable[int], minimum: int, maximum: int) -> IntArray:
    """Return numbers of clusters as int64: rising, from `minimum` to `maximum`."""
    k = np.asarray(list(k_values))
    are_integers = k.ndim == 1 and k.size > 0 and k.dtype.kind in "iu"
    if not are_integers or k[0] < minimum or k[-1] > maximum or (np.diff(k) <= 0).any():
        expected = f"one or more rising integers from {minimum} to {maximum}"
        raise ValueError(f"k_values: found {k.tolist()}, expected {expected}")
    return k.astype(np.int64)
