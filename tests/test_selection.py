import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples as silhouette_of_scikit_learn

from fmnist_clustering import elbow, fit_kmeans, silhouette_samples, sweep_k

X = np.random.default_rng(0).random((120, 3))
LINE = [[1], [2], [3], [10], [11], [12]]
# Inertia of k = 1..14 on the 10,000 test images, from the notebook that this project grew out of.
PUBLISHED = [
    *(679218, 535144, 458680, 416463, 390453, 365898, 349520),
    *(337697, 326651, 316752, 308574, 300886, 294330, 288729),
]


def silhouette_by_definition(points: NDArray[Any], labels: NDArray[Any]) -> list[float]:
    distances = cdist(points, points)
    samples = []
    for row, own in enumerate(labels):
        others = np.flatnonzero((labels == own) & (np.arange(len(labels)) != row))
        if len(others) == 0:
            samples.append(0.0)
            continue
        a = distances[row, others].mean()
        b = min(distances[row, labels == other].mean() for other in set(labels) - {own})
        samples.append((b - a) / max(a, b) if a != b else 0.0)
    return samples


@pytest.mark.parametrize(
    "k_values", [[2, 3, 7], range(1, 4), (k for k in (1, 5)), np.array([2, 4], dtype=np.uint8)]
)
def test_sweep_equals_single_fits(k_values: Any) -> None:
    sweep = sweep_k(X, k_values, n_init=2, seed=1)
    assert sweep.labels.shape == (len(sweep.k_values), len(X))
    assert sweep.k_values.dtype == np.int64
    rows = zip(*sweep, strict=True)
    for k, inertia, silhouette, labels, centroids in rows:
        fit = fit_kmeans(X, int(k), n_init=2, seed=1)
        np.testing.assert_array_equal(labels, fit.labels)
        np.testing.assert_array_equal(centroids, fit.centroids)
        assert inertia == fit.inertia
        if k == 1:
            assert np.isnan(silhouette)
        else:
            expected = silhouette_of_scikit_learn(X, fit.labels).mean()
            assert silhouette == pytest.approx(expected, abs=1e-12)


def test_sweep_keeps_the_order_of_k() -> None:
    sweep = sweep_k(LINE, [1, 2, 3])
    assert sweep.k_values.tolist() == [1, 2, 3]
    assert sweep.inertia.tolist() == pytest.approx([125.5, 4, 2.5])


@pytest.mark.parametrize(
    "k_values",
    [[], [3, 2], [2, 2], [2.0, 3.5], [0, 1], [2, 6], np.array([3, 2], dtype=np.uint8)],
    ids=str,
)
def test_sweep_refuses_all_but_rising_k_below_n(k_values: Any) -> None:
    found = np.asarray(k_values).tolist()
    message = f"k_values: found {found}, expected one or more rising integers"
    with pytest.raises(ValueError, match=re.escape(message)):
        sweep_k(LINE, k_values)


@pytest.mark.parametrize(
    ("points", "labels", "expected"),
    [
        pytest.param(
            # First row: a = (1 + 2) / 2, b = (9 + 10 + 11) / 3, (10 - 1.5) / 10.
            [1, 2, 3, 10, 11, 12],
            [0, 0, 0, 1, 1, 1],
            [0.85, 8 / 9, 6.5 / 8, 6.5 / 8, 8 / 9, 0.85],
            id="two clusters of three",
        ),
        pytest.param([0, 1, 10], [0, 0, 1], [0.9, 8 / 9, 0], id="one alone"),
        pytest.param([0, 10, 11], [0, 0, 1], [1 / 11, -0.9, 0], id="nearer to another cluster"),
        pytest.param([0, 1, 5, 9], [0, 0, 2, 4], [0.8, 0.75, 0, 0], id="nearest of two, ids apart"),
        pytest.param([3, 3, 3, 3], [0, 0, 1, 1], [0, 0, 0, 0], id="equal rows"),
    ],
)
def test_silhouettes_by_hand(points: Any, labels: Any, expected: Any) -> None:
    found = silhouette_samples(np.reshape(points, (-1, 1)), labels)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 4)),
        min_size=3,
        max_size=14,
    ),
    st.randoms(use_true_random=False),
)
def test_silhouettes_equal_the_definition_in_any_order(
    rows: list[tuple[int, int, int]], random: Any
) -> None:
    table = np.array(rows, dtype=np.int64)
    points, labels = table[:, :2], table[:, 2]
    assume(2 <= len(np.unique(labels)) < len(labels))
    found = silhouette_samples(points, labels)
    np.testing.assert_allclose(found, silhouette_by_definition(points, labels), atol=1e-12)
    np.testing.assert_allclose(found, silhouette_of_scikit_learn(points, labels), atol=1e-12)
    order = random.sample(range(len(rows)), len(rows))
    names = np.array(random.sample(range(50), 5))
    moved = silhouette_samples(points[order], names[labels[order]])
    np.testing.assert_allclose(moved, found[order], atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0] * 6, "labels: found 1 clusters in 6 rows, expected 2 to n - 1"),
        (range(6), "labels: found 6 clusters in 6 rows, expected 2 to n - 1"),
        ([0, 1], "labels: found shape (2,), expected (6,)"),
        ([0, 0, 0, 1, 1, 1.5], "labels: found float64, expected integers from 0"),
    ],
)
def test_silhouette_error_names_argument_and_fault(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        silhouette_samples(LINE, labels)


@pytest.mark.parametrize(
    ("k_values", "inertia", "k", "strength"),
    [
        # Scaled: x = 0, 1/3, 2/3, 1 and y = 1, 1/3, 1/9, 0; below the chord by 1 - x - y.
        pytest.param([1, 2, 3, 4], [10, 4, 2, 1], 2, 1 / 3, id="by hand"),
        # x = 0, 1/5, 1 and y = 1, 1/2, 0; taken as evenly spaced this were a straight line.
        pytest.param([1, 2, 6], [9, 5, 1], 2, 0.3, id="k unevenly spaced"),
        pytest.param([1, 2, 3, 4], [9, 9, 1, 0], 3, 2 / 9, id="first above the chord, then below"),
        pytest.param([1, 2, 3], [2, -1, 1], 2, 2.5, id="below the last point"),
        pytest.param([1, 2, 3, 4], [9, 6, 3, 0], None, 0, id="straight line"),
        pytest.param([2, 5, 7], [0.7, 0.4, 0.2], None, 0, id="straight line, but for rounding"),
        pytest.param([1, 2, 3], [10, 9, 0], None, 0, id="above the chord"),
        pytest.param([1, 2, 3], [5, 5, 5], None, 0, id="flat"),
        pytest.param([1, 2, 3], [1, 2, 9], None, 0, id="rising"),
    ],
)
def test_elbow_by_hand(k_values: Any, inertia: Any, k: int | None, strength: float) -> None:
    found = elbow(k_values, inertia)
    assert found.k == k
    assert found.strength == pytest.approx(strength)


@pytest.mark.parametrize(("first", "expected"), [(1, 4), (2, 6), (3, 7)])
def test_published_elbow_moves_with_the_first_k(first: int, expected: int) -> None:
    assert elbow(range(first, 15), PUBLISHED[first - 1 :]).k == expected


def test_elbow_does_not_depend_on_units() -> None:
    plain = elbow(range(1, 15), PUBLISHED)
    scaled = elbow(range(1, 15), 1e-6 * np.array(PUBLISHED) + 5)
    assert scaled.k == plain.k
    assert scaled.strength == pytest.approx(plain.strength)


@pytest.mark.parametrize(
    ("k_values", "inertia", "message"),
    [
        ([1, 2], [2, 1], "k_values, inertia: found shapes (2,) and (2,), expected (m,), m >= 3"),
        ([1, 2, 3], [2, 1], "k_values, inertia: found shapes (3,) and (2,), expected (m,), m"),
        ([[1, 2, 3]] * 3, [[3, 2, 1]] * 3, "found shapes (3, 3) and (3, 3), expected (m,)"),
        ([1, 2, 3], [3, np.nan, 1], "k_values, inertia: expected rising k values and finite"),
        ([1, 2, 3], [np.inf, 2, 1], "k_values, inertia: expected rising k values and finite"),
        ([1, 3, 2], [3, 2, 1], "k_values, inertia: expected rising k values and finite"),
        ([1, 2, 2], [3, 2, 1], "k_values, inertia: expected rising k values and finite"),
        ([1, 2, np.nan], [3, 2, 1], "k_values, inertia: expected rising k values and finite"),
    ],
)
def test_elbow_error_names_argument_and_fault(k_values: Any, inertia: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        elbow(k_values, inertia)
