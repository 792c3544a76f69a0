"""Silhouettes against the definition and scikit-learn."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples as scikit_learn_silhouettes

from fmnist_clustering import silhouette_samples


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


def test_many_labelings_in_one_pass_equal_single_ones() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (90, 784), dtype=np.uint8)
    labelings = np.stack([rng.integers(0, k, 90) for k in (2, 5, 9)])
    together = silhouette_samples(pixels, labelings)
    assert together.shape == (3, 90)
    for silhouettes, labels in zip(together, labelings, strict=True):
        alone = silhouette_samples(pixels, labels)
        np.testing.assert_allclose(silhouettes, alone, rtol=0, atol=1e-13)
        by_definition = silhouettes_by_definition(pixels / 255, labels)
        np.testing.assert_allclose(silhouettes, by_definition, rtol=0, atol=1e-12)


def test_one_labeling_in_a_table_gives_a_table() -> None:
    points = [[1], [2], [3], [10], [11], [12]]
    labels = [0, 0, 0, 1, 1, 1]
    table = silhouette_samples(points, [labels])
    assert table.shape == (1, 6)
    np.testing.assert_array_equal(table[0], silhouette_samples(points, labels))


@pytest.mark.parametrize("is_image", [False, True])
def test_silhouettes_of_many_rows_equal_scikit_learns(is_image: bool) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (2148, 5), dtype=np.uint8)
    labels = rng.integers(0, 6, len(pixels))
    reference = scikit_learn_silhouettes(pixels / 255, labels)
    silhouettes = silhouette_samples(pixels if is_image else pixels / 255, labels)
    np.testing.assert_allclose(silhouettes, reference, rtol=0, atol=1e-9)


def test_silhouettes_far_from_the_origin() -> None:
    points = np.random.default_rng(0).random((120, 3))
    labels = np.arange(120) % 3
    far = silhouette_samples(points + 1e6, labels)
    np.testing.assert_allclose(
        far, silhouette_samples(points, labels), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_one_cluster_or_n_clusters_have_no_silhouette(labels: list[int]) -> None:
    n = len(set(labels))
    with pytest.raises(ValueError, match=f"labels: found {n} clusters in 4 rows"):
        silhouette_samples([[1], [2], [3], [4]], labels)
