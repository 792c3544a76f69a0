import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from fmnist_clustering.distances import as_points

PIXELS = [[0, 51], [102, 255]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(np.array(PIXELS, dtype=np.uint8), [[0.0, 0.2], [0.4, 1.0]], id="uint8 array"),
        pytest.param(PIXELS, PIXELS, id="list"),
        pytest.param(np.array(PIXELS, dtype=np.int64), PIXELS, id="int64"),
        pytest.param(np.array(PIXELS, dtype=np.uint16), PIXELS, id="uint16"),
        pytest.param(np.array([[0.5, 255]], dtype=np.float32), [[0.5, 255]], id="float32"),
        pytest.param(np.array([[True, False]]), [[1, 0]], id="bool"),
        pytest.param(pd.DataFrame(PIXELS, dtype=np.uint8), PIXELS, id="uint8 frame"),
        pytest.param([np.array([51], dtype=np.uint8)], [[51]], id="list of uint8 arrays"),
    ],
)
def test_only_a_uint8_array_is_divided_by_255(rows: ArrayLike, expected: ArrayLike) -> None:
    points = as_points(rows)
    assert points.dtype == np.float64
    np.testing.assert_array_equal(points, np.array(expected, dtype=np.float64))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([1, 2], "found shape (2,), expected (rows, columns), not empty", id="1-D"),
        pytest.param(np.zeros((2, 3, 1)), "found shape (2, 3, 1), expected (rows, ", id="3-D"),
        pytest.param(5, "found shape (), expected (rows, columns), not empty", id="number"),
        pytest.param(np.zeros((0, 3)), "found shape (0, 3), expected (rows, ", id="no rows"),
        pytest.param(np.zeros((3, 0)), "found shape (3, 0), expected (rows, ", id="no columns"),
        pytest.param(
            [[0, 1], [2, np.nan]], "found nan in row 1, column 1, expected numbers", id="NaN"
        ),
        pytest.param(
            [[0, 1], [-np.inf, 2]], "found -inf in row 1, column 0, expected numbers", id="infinity"
        ),
        pytest.param(
            [["coat"]], "expected rows of numbers (could not convert string", id="not numeric"
        ),
        pytest.param([[1, 2], [3]], "expected rows of numbers (", id="ragged"),
    ],
)
@pytest.mark.parametrize("name", ["X", "points"])
def test_error_names_argument_and_fault(rows: Any, message: str, name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name}: {message}")):
        as_points(rows, name)


def test_argument_is_called_x_by_default() -> None:
    with pytest.raises(ValueError, match=r"^X: "):
        as_points([])
