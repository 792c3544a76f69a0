"""Distances are exact for images, precise for other rows, and computed on all cores."""

import math
import threading
from collections.abc import Callable
from itertools import combinations
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from threadpoolctl import threadpool_info, threadpool_limits

from fmnist_clustering import condensed_distances
from fmnist_clustering._validation import FloatArray
from fmnist_clustering.distances import (
    DIRECT_COLUMNS,
    TILE_ROWS,
    direct_distances,
    euclidean_distances,
    map_tiles,
)

# euclidean_distances


def random_images(seed: int, n_rows: int, n_pixels: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n_rows, n_pixels), dtype=np.uint8)


def squares_of_integers(
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Return squared distances in integer arithmetic, which does not round."""
    differences = a.astype(np.int64)[:, None] - b.astype(np.int64)
    return np.asarray(np.square(differences).sum(axis=2))


@pytest.mark.parametrize("n_pixels", [1, 784, 1024, 1025])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_distances_of_images_are_exact(n_pixels: int, n_threads: int) -> None:
    a = random_images(0, 70, n_pixels)
    b = random_images(1, 41, n_pixels)
    a[0] = 0
    b[0] = 255  # the farthest pair there is
    a[1] = b[1]
    with threadpool_limits(n_threads):
        found = euclidean_distances(a, b)
    np.testing.assert_array_equal(found, np.sqrt(squares_of_integers(a, b)))


def test_distances_of_wide_images_are_exact() -> None:
    # Pixels of 1 become -127. The product of two such rows, 1041 * 127 ** 2, is the
    # first odd one that float32 cannot hold.
    rows = np.ones((2, 1041), dtype=np.uint8)
    assert euclidean_distances(rows, rows).tolist() == [[0, 0], [0, 0]]


def test_distances_of_images_do_not_depend_on_the_block() -> None:
    a = random_images(0, 70, 784)
    b = random_images(1, 41, 784)
    parts = [euclidean_distances(a[i : i + 9], b) for i in range(0, 70, 9)]
    np.testing.assert_array_equal(np.concatenate(parts), euclidean_distances(a, b))


def ordinary(rng: np.random.Generator, d: int) -> FloatArray:
    return rng.normal(size=(70, d))


def far_from_the_origin(rng: np.random.Generator, d: int) -> FloatArray:
    return rng.normal(size=(70, d)) + 1e9


def one_row_far_out(rng: np.random.Generator, d: int) -> FloatArray:
    rows = rng.normal(size=(70, d))
    rows[17] = 1e10
    return rows


def fill_value_in_a_column(rng: np.random.Generator, d: int) -> FloatArray:
    rows = rng.normal(size=(70, d))
    rows[::3, 0] = -1e20
    return rows


def two_distant_groups(rng: np.random.Generator, d: int) -> FloatArray:
    rows = rng.normal(scale=1e-3, size=(70, d))
    rows[::2] += 1e8
    return rows


def nearly_equal(rng: np.random.Generator, d: int) -> FloatArray:
    return np.asarray(1 + rng.integers(0, 3, (70, d)) * np.finfo(np.float64).eps)


def very_small(rng: np.random.Generator, d: int) -> FloatArray:
    return rng.normal(size=(70, d)) * 1e-200


def very_large(rng: np.random.Generator, d: int) -> FloatArray:
    return rng.normal(size=(70, d)) * 1e300


def all_scales(rng: np.random.Generator, d: int) -> FloatArray:
    return np.asarray(
        rng.normal(size=(70, d)) * 10.0 ** rng.integers(-290, 290, 70)[:, None]
    )


FAMILIES = [
    ordinary,
    far_from_the_origin,
    one_row_far_out,
    fill_value_in_a_column,
    two_distant_groups,
    nearly_equal,
    very_small,
    very_large,
    all_scales,
]


@pytest.mark.parametrize("n_columns", [1, 3, DIRECT_COLUMNS + 1, 200])
@pytest.mark.parametrize("family", FAMILIES)
def test_distances_of_float_rows_are_right_wherever_they_lie(
    family: Callable[..., FloatArray],
    n_columns: int,
) -> None:
    rows = family(np.random.default_rng(0), n_columns)
    a = rows[:40]
    b = rows[30:]
    expected = [[math.dist(x, y) for y in b] for x in a]
    np.testing.assert_allclose(euclidean_distances(a, b), expected, rtol=1e-9, atol=0)
    np.testing.assert_allclose(direct_distances(a, b), expected, rtol=1e-14, atol=0)

    condensed = condensed_distances(rows)
    pairs = [math.dist(x, y) for x, y in combinations(rows, 2)]
    np.testing.assert_allclose(condensed, pairs, rtol=1e-14, atol=0)


def test_ordinary_distances_come_from_a_product() -> None:
    # Else the test above would not see whether the product is precise enough.
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 200))
    assert (
        euclidean_distances(rows[:20], rows[20:]) != cdist(rows[:20], rows[20:])
    ).any()


@pytest.mark.parametrize("n_columns", [20, 200])
def test_equal_float_rows_are_at_distance_0(n_columns: int) -> None:
    rows = np.random.default_rng(0).normal(size=(60, n_columns))
    distances = euclidean_distances(rows, rows)
    assert (np.diag(distances) == 0).all()
    assert np.count_nonzero(distances) == 60 * 59


@pytest.mark.parametrize("function", [euclidean_distances, direct_distances])
def test_a_distance_that_float64_cannot_hold_is_refused(
    function: Callable[..., FloatArray],
) -> None:
    rows = np.array([[-1e308], [1e308]])
    with pytest.raises(ValueError, match="X: found rows whose distance is larger than"):
        function(rows, rows)


# condensed_distances


@pytest.mark.parametrize("n_rows", [2, 3, TILE_ROWS + 5, 2 * TILE_ROWS + 1])
def test_images_have_scipys_distances_in_scipys_order(n_rows: int) -> None:
    images = random_images(0, n_rows, 12)
    expected = pdist(images.astype(np.float64)) / 255
    np.testing.assert_allclose(condensed_distances(images), expected, rtol=1e-14)


# map_tiles


@pytest.mark.parametrize("n_blocks", [1, 2, 5])
def test_every_pair_of_blocks_is_visited_once_in_order(n_blocks: int) -> None:
    blocks = [f"block {i}" for i in range(n_blocks)]
    visits = list(map_tiles(lambda first, second: (first, second), blocks, "tiles"))
    expected: list[tuple[int, int, tuple[str, str | None]]] = []
    for i, block in enumerate(blocks):
        expected.append((i, i, (block, None)))
        expected += [(i, j, (block, blocks[j])) for j in range(i + 1, n_blocks)]
    assert visits == expected


def wait_for_another_thread() -> Callable[..., int]:
    """Return a task that ends when two threads work on it, and says how many do."""
    threads: set[int] = set()
    has_company = threading.Event()

    def task(*_blocks: Any) -> int:
        threads.add(threading.get_ident())
        if len(threads) > 1:
            has_company.set()
        has_company.wait(timeout=30)
        return len(threads)

    return task


@pytest.mark.skipif(joblib.cpu_count() < 2, reason="needs two cores")
def test_several_tiles_are_computed_at_the_same_time() -> None:
    results = list(map_tiles(wait_for_another_thread(), [1, 2, 3], "tiles"))
    assert len(results) == 6
    assert all(n_threads > 1 for _, _, n_threads in results)


def test_each_tile_is_computed_by_one_thread_of_blas() -> None:
    def threads_of_blas(*_blocks: Any) -> list[int]:
        libraries = threadpool_info()
        blas = [library for library in libraries if library["user_api"] == "blas"]
        return [library["num_threads"] for library in blas]

    with threadpool_limits(2):
        for _, _, counts in map_tiles(threads_of_blas, [1, 2], "tiles"):
            assert all(n_threads == 1 for n_threads in counts)
