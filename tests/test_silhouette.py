"""Silhouettes against the definition, scikit-learn, and the paper's own table."""

import math
import re
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples as scikit_learn_silhouettes

from fmnist_clustering import silhouette_samples
from fmnist_clustering.distances import TILE_ROWS
from fmnist_clustering.silhouette import silhouettes_from_sums

SIX_POINTS = [[1], [2], [3], [10], [11], [12]]


def silhouettes_by_definition(
    points: NDArray[Any], labels: NDArray[Any]
) -> list[float]:
    """Follow Rousseeuw's definition, one row at a time."""
    distances = cdist(points, points)
    silhouettes = []
    for row, own in enumerate(labels):
        is_companion = labels == own
        is_companion[row] = False
        if not is_companion.any():
            silhouettes.append(0.0)
            continue
        a = distances[row, is_companion].mean()
        others = set(labels) - {own}
        b = min(distances[row, labels == other].mean() for other in others)
        silhouettes.append((b - a) / max(a, b) if a != b else 0.0)
    return silhouettes


@pytest.mark.parametrize(
    ("points", "labels", "expected"),
    [
        pytest.param(
            # First row: a = (1 + 2) / 2, b = (9 + 10 + 11) / 3, s = (10 - 1.5) / 10.
            [1, 2, 3, 10, 11, 12],
            [0, 0, 0, 1, 1, 1],
            [0.85, 8 / 9, 6.5 / 8, 6.5 / 8, 8 / 9, 0.85],
            id="two clusters of three",
        ),
        pytest.param([0, 1, 10], [0, 0, 1], [0.9, 8 / 9, 0], id="a cluster of one"),
        pytest.param(
            [0, 10, 11],
            [0, 0, 1],
            [1 / 11, -0.9, 0],
            id="nearer to another cluster",
        ),
        pytest.param(
            [0, 1, 5, 9],
            [0, 0, 2, 4],
            [0.8, 0.75, 0, 0],
            id="nearest of two clusters, ids with gaps",
        ),
        pytest.param([3, 3, 3, 3], [0, 0, 1, 1], [0, 0, 0, 0], id="equal rows"),
    ],
)
def test_silhouettes_by_hand(points: Any, labels: Any, expected: Any) -> None:
    silhouettes = silhouette_samples(np.reshape(points, (-1, 1)), labels)
    np.testing.assert_allclose(silhouettes, expected, rtol=1e-12)


coordinates = st.integers(-9, 9)
rows_with_labels = st.lists(
    st.tuples(coordinates, coordinates, st.integers(0, 4)),
    min_size=3,
    max_size=14,
)


@settings(deadline=None, max_examples=80)
@given(rows_with_labels, st.randoms(use_true_random=False))
def test_silhouettes_follow_the_definition_in_any_order(
    rows: list[tuple[int, int, int]],
    random: Any,
) -> None:
    table = np.array(rows, dtype=np.int64)
    points = table[:, :2]
    labels = table[:, 2]
    assume(2 <= len(np.unique(labels)) < len(labels))
    silhouettes = silhouette_samples(points, labels)
    by_definition = silhouettes_by_definition(points, labels)
    np.testing.assert_allclose(silhouettes, by_definition, rtol=0, atol=1e-12)

    order = random.sample(range(len(rows)), len(rows))
    other_ids = np.array(random.sample(range(50), 5))
    moved = silhouette_samples(points[order], other_ids[labels[order]])
    np.testing.assert_allclose(moved, silhouettes[order], rtol=0, atol=1e-12)


def silhouettes_with_math_dist(rows: Any, labels: Any) -> list[float]:
    """Follow Rousseeuw's definition with distances that are right at any scale."""
    ids = sorted(set(labels))
    silhouettes = []
    for i, x in enumerate(rows):
        distances = {label: [] for label in ids}  # type: dict[int, list[float]]
        for j, y in enumerate(rows):
            if i != j:
                distances[labels[j]].append(math.dist(x, y))
        own = distances.pop(labels[i])
        if not own:
            silhouettes.append(0.0)
            continue
        a = math.fsum(own) / len(own)
        b = min(math.fsum(other) / len(other) for other in distances.values())
        silhouettes.append((b - a) / max(a, b))
    return silhouettes


def test_a_row_far_out_changes_no_other_silhouette_by_hand() -> None:
    # Row 0: a = 1, b = (10 + 11) / 2, s = 9.5 / 10.5. Row 1: a = 1, b = 9.5.
    points = [[0.0], [1.0], [10.0], [11.0], [1e9]]
    silhouettes = silhouette_samples(points, [0, 0, 1, 1, 2])
    expected = [9.5 / 10.5, 8.5 / 9.5, 8.5 / 9.5, 9.5 / 10.5, 0]
    np.testing.assert_allclose(silhouettes, expected, rtol=1e-12)


@pytest.mark.parametrize("n_columns", [2, 50])
@pytest.mark.parametrize("scale", [1e-250, 1e-9, 1, 1e280])
@pytest.mark.parametrize("far", [0, 1e3, 1e10, 1e16])
def test_silhouettes_are_right_at_any_scale_and_distance(
    far: float, scale: float, n_columns: int
) -> None:
    rng = np.random.default_rng(4)
    labels = np.arange(31) % 3
    rows = rng.normal(size=(31, n_columns)) + 3 * labels[:, None]
    rows[-1] += far  # in one cluster with rows that are not far out
    rows[0, 0] -= far
    expected = silhouettes_with_math_dist(rows * scale, labels.tolist())
    silhouettes = silhouette_samples(rows * scale, labels)
    np.testing.assert_allclose(silhouettes, expected, rtol=0, atol=2e-9)


def test_silhouettes_of_the_smallest_numbers_there_are() -> None:
    rows = np.array([[0], [1], [10], [12], [11]])
    labels = [0, 0, 1, 1, 1]
    silhouettes = silhouette_samples(rows * 5e-324, labels)
    np.testing.assert_array_equal(silhouettes, silhouette_samples(rows, labels))


def test_sums_that_float64_cannot_hold_are_refused() -> None:
    points = [[0.0], [1e308], [1.1e308], [1.2e308]]
    with pytest.raises(ValueError, match=r"X: found 1.2e\+308, expected"):
        silhouette_samples(points, [0, 1, 1, 1])


def test_many_labelings_in_one_pass_equal_single_ones() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (90, 30), dtype=np.uint8)
    labelings = np.stack([rng.integers(0, k, 90) for k in (2, 5, 9)])
    together = silhouette_samples(pixels, labelings)
    assert together.shape == (3, 90)
    for silhouettes, labels in zip(together, labelings, strict=True):
        np.testing.assert_array_equal(silhouettes, silhouette_samples(pixels, labels))
        reference = scikit_learn_silhouettes(pixels / 255, labels)
        np.testing.assert_allclose(silhouettes, reference, rtol=0, atol=1e-9)


def test_images_keep_thirteen_digits() -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (100, 784), dtype=np.uint8)
    labels = rng.integers(0, 3, 100)
    silhouettes = silhouette_samples(pixels, labels)
    by_definition = silhouettes_by_definition(pixels.astype(np.float64), labels)
    np.testing.assert_allclose(silhouettes, by_definition, rtol=0, atol=1e-13)


def test_one_labeling_in_a_table_gives_a_table() -> None:
    labels = [0, 0, 0, 1, 1, 1]
    table = silhouette_samples(SIX_POINTS, [labels])
    assert table.shape == (1, 6)
    np.testing.assert_array_equal(table[0], silhouette_samples(SIX_POINTS, labels))


def test_many_tiles_equal_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    n = 2 * TILE_ROWS + 100
    points = rng.normal(size=(n, 5))
    labels = rng.integers(0, 6, n)
    reference = scikit_learn_silhouettes(points, labels)
    np.testing.assert_allclose(
        silhouette_samples(points, labels), reference, rtol=0, atol=1e-9
    )


def test_order_of_rows_and_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(2)
    n = 2 * TILE_ROWS + 100  # three tiles on each side
    pixels = rng.integers(0, 256, (n, 20), dtype=np.uint8)
    labels = rng.integers(0, 4, n)
    silhouettes = silhouette_samples(pixels, labels)

    order = rng.permutation(n)
    moved = silhouette_samples(pixels[order], labels[order])
    np.testing.assert_array_equal(moved, silhouettes[order])
    with joblib.parallel_config(backend="sequential"):
        on_one_thread = silhouette_samples(pixels, labels)
    np.testing.assert_array_equal(on_one_thread, silhouettes)


@pytest.mark.parametrize("exponent", [-60, 60])
def test_scale_does_not_change_a_bit(exponent: int) -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(200, 3))
    labels = rng.integers(0, 4, 200)
    scaled = silhouette_samples(points * 2.0**exponent, labels)
    np.testing.assert_array_equal(scaled, silhouette_samples(points, labels))


def test_images_may_come_as_a_table() -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (40, 30), dtype=np.uint8)
    labels = np.arange(40) % 3
    from_table = silhouette_samples(pd.DataFrame(pixels), labels)
    np.testing.assert_array_equal(from_table, silhouette_samples(pixels, labels))


def test_silhouettes_far_from_the_origin() -> None:
    points = np.random.default_rng(0).random((120, 3))
    labels = np.arange(120) % 3
    far = silhouette_samples(points + 1e6, labels)
    np.testing.assert_allclose(
        far, silhouette_samples(points, labels), rtol=0, atol=1e-6
    )


def test_silhouettes_of_the_paper() -> None:
    # Rousseeuw 1987, table 1: dissimilarities of twelve countries, lower triangle.
    lower = """
        5.58
        7.00 6.50
        7.08 7.00 3.83
        4.83 5.08 8.17 5.83
        2.17 5.75 6.67 6.92 4.92
        6.42 5.00 5.58 6.00 4.67 6.42
        3.42 5.50 6.42 6.42 5.00 3.92 6.17
        2.50 4.92 6.25 7.33 4.50 2.25 6.33 2.75
        6.08 6.67 4.25 2.67 6.00 6.17 6.17 6.92 6.17
        5.25 6.83 4.50 3.75 5.75 5.42 6.08 5.83 6.67 3.67
        4.75 3.00 6.08 6.67 5.00 5.58 4.83 6.17 5.67 6.50 6.92
    """
    distances = np.zeros((12, 12))
    distances[np.tril_indices(12, -1)] = [float(number) for number in lower.split()]
    distances += distances.T
    # Table 2. Belgium, Brazil, China, Cuba, Egypt, France, India, Israel, USA, USSR,
    # Yugoslavia, Zaire.
    labels = {
        2: np.array([0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0]),
        3: np.array([0, 1, 2, 2, 0, 0, 1, 0, 0, 2, 2, 1]),
    }
    published = {
        2: [0.39, 0.22, 0.33, 0.40, 0.20, 0.35, -0.04, 0.30, 0.43, 0.34, 0.26, 0.19],
        3: [0.42, 0.25, 0.31, 0.48, 0.02, 0.44, 0.17, 0.37, 0.47, 0.44, 0.31, 0.28],
    }
    for k, ids in labels.items():
        sums = distances @ np.eye(k)[ids]
        silhouettes = silhouettes_from_sums(sums, ids).round(2)
        np.testing.assert_allclose(silhouettes, published[k], rtol=0, atol=0.0101)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0] * 6, "labels: found 1 clusters in 6 rows, expected 2 to n - 1"),
        (range(6), "labels: found 6 clusters in 6 rows, expected 2 to n - 1"),
        ([[0, 0, 0, 1, 1, 1], [0] * 6], "labels: found 1 clusters in 6 rows"),
        (np.zeros((0, 6), dtype=int), "labels: found shape (0, 6), expected (m, 6)"),
        ([0, 1], "labels: "),
        ([0, 0, 0, 1, 1, 1.5], "labels: "),
        ([[[0, 0, 0, 1, 1, 1]]], "labels: "),
    ],
    ids=["one", "n", "one in the second", "none", "short", "fraction", "three axes"],
)
def test_labelings_that_have_no_silhouette_are_refused(
    labels: Any,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        silhouette_samples(SIX_POINTS, labels)
