import re
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from fmnist_clustering import checks, distances
from fmnist_clustering.distances import map_tiles, squared_distances

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
    points = checks.points(rows)
    assert points.dtype == np.float64
    np.testing.assert_array_equal(points, np.array(expected, dtype=np.float64))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([1, 2], "found shape (2,), expected (rows, columns), rows >= 1", id="1-D"),
        pytest.param(np.zeros((2, 3, 1)), "found shape (2, 3, 1), expected (rows, ", id="3-D"),
        pytest.param(5, "found shape (), expected (rows, columns), rows >= 1", id="number"),
        pytest.param(np.zeros((0, 3)), "found shape (0, 3), expected (rows, ", id="no rows"),
        pytest.param(np.zeros((3, 0)), "found shape (3, 0), expected (rows, ", id="no columns"),
        pytest.param([[0, 1], [2, np.nan]], "found nan in row 1, column 1, expected numbers", id="NaN"),
        pytest.param([[0, 1], [-np.inf, 2]], "found -inf in row 1, column 0, expected numbers", id="infinity"),
        pytest.param([["coat"]], "found <U4, expected numbers", id="not numeric"),
        pytest.param([[1, 2], [3]], "found lines of different length, expected an array of numbers", id="ragged"),
    ],
)
@pytest.mark.parametrize("name", ["X", "points"])
def test_error_names_argument_and_fault(rows: Any, message: str, name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name}: {message}")):
        checks.points(rows, name)


def test_argument_is_called_x_by_default() -> None:
    with pytest.raises(ValueError, match=r"^X: "):
        checks.points([])


@pytest.mark.parametrize("columns", [1, 784, 1024, 1025])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_distances_of_images_are_exact_to_the_bit(columns: int, n_threads: int) -> None:
    rng = np.random.default_rng(columns)
    a, b = (rng.integers(0, 256, (n, columns), dtype=np.uint8) for n in (70, 41))
    a[0], b[0] = 0, 255  # the farthest pair there is
    a[1] = b[1]
    exact = [[int(((x - y) ** 2).sum()) for y in b.astype(np.int64)] for x in a.astype(np.int64)]
    with threadpool_limits(n_threads):
        found = squared_distances(a, b)
        parts = [squared_distances(a[i : i + 9], b) for i in range(0, 70, 9)]
    np.testing.assert_array_equal(found, exact)
    np.testing.assert_array_equal(np.concatenate(parts), exact)


def test_distances_of_float_rows() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 20)), rng.normal(size=(50, 20))
    b[:10] = a[:10]
    found = squared_distances(a, b)
    np.testing.assert_allclose(found, cdist(a, b, "sqeuclidean"), rtol=1e-12, atol=1e-12)
    assert (np.diag(found)[:10] == 0).all()


def test_rows_keep_their_kind() -> None:
    pixels = np.array(PIXELS, dtype=np.uint8)
    rows, unit = checks.rows(pixels)
    assert rows is pixels
    assert unit == 255
    rows, unit = checks.rows(PIXELS)
    assert rows.dtype == np.float64
    assert unit == 1


@pytest.mark.parametrize("n_blocks", [1, 2, 5])
def test_every_pair_of_blocks_is_visited_once_in_order(n_blocks: int) -> None:
    blocks = [10 * (i + 1) for i in range(n_blocks)]
    visits = [*map_tiles(lambda a, b: (a, b), blocks, "tiles")]
    expected = [(i, j) for i in range(n_blocks) for j in range(i, n_blocks)]
    assert [(i, j) for i, j, _ in visits] == expected
    for i, j, (a, b) in visits:
        assert a == blocks[i]
        assert b == (None if i == j else blocks[j])


def first(ours: int, _: int | None) -> int:
    return ours


def test_several_tiles_go_to_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def parallel(n_jobs: int, **options: Any) -> Any:
        asked.append(n_jobs)
        return joblib.Parallel(n_jobs, **options)

    monkeypatch.setattr(distances, "Parallel", parallel)
    assert [*map_tiles(first, [7], "tiles")] == [(0, 0, 7)]
    assert [*map_tiles(first, [7, 8], "tiles")] == [(0, 0, 7), (0, 1, 7), (1, 1, 8)]
    assert asked == [1, -1]
