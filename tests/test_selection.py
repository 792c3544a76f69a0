import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples as silhouette_of_scikit_learn
from threadpoolctl import threadpool_limits

from fmnist_clustering import elbow, elbow_ranges, fit_kmeans, selection, silhouette_samples, sweep_k
from fmnist_clustering.selection import silhouettes_from_sums

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


@pytest.mark.parametrize("k_values", [[2, 3, 7], range(1, 4), (k for k in (1, 5)), np.array([2, 4], dtype=np.uint8)])
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


@pytest.mark.parametrize("k_values", [[], [3, 2], [2, 2], [0, 1], [2, 6], np.array([3, 2], dtype=np.uint8)], ids=str)
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
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 4)), min_size=3, max_size=14),
    st.randoms(use_true_random=False),
)
def test_silhouettes_equal_the_definition_in_any_order(rows: list[tuple[int, int, int]], random: Any) -> None:
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


def test_many_labelings_in_one_pass_equal_single_ones() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (90, 30), dtype=np.uint8)
    labelings = np.stack([rng.integers(0, k, 90) for k in (2, 5, 9)])
    together = silhouette_samples(pixels, labelings)
    assert together.shape == (3, 90)
    for row, labels in zip(together, labelings, strict=True):
        np.testing.assert_array_equal(row, silhouette_samples(pixels, labels))
        np.testing.assert_allclose(row, silhouette_of_scikit_learn(pixels / 255, labels), atol=1e-9)


def test_silhouettes_do_not_depend_by_a_bit_on_tiles_or_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (300, 784), dtype=np.uint8)
    labels = rng.integers(0, 4, 300)
    whole = silhouette_samples(pixels, labels)
    for rows, n_threads in ((300, 1), (64, 1), (64, 2), (7, 2)):
        monkeypatch.setattr(selection, "TILE_ROWS", rows)
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(silhouette_samples(pixels, labels), whole)


def test_silhouettes_far_from_the_origin() -> None:
    labels = np.arange(120) % 3
    np.testing.assert_allclose(silhouette_samples(X + 1e6, labels), silhouette_samples(X, labels), atol=1e-6)


def test_silhouettes_of_the_paper() -> None:
    # Rousseeuw 1987, tables 1 and 2: dissimilarities of twelve countries, and their silhouettes.
    lower = """5.58 7.00 6.50 7.08 7.00 3.83 4.83 5.08 8.17 5.83 2.17 5.75 6.67 6.92 4.92 6.42 5.00 5.58 6.00
        4.67 6.42 3.42 5.50 6.42 6.42 5.00 3.92 6.17 2.50 4.92 6.25 7.33 4.50 2.25 6.33 2.75 6.08 6.67 4.25
        2.67 6.00 6.17 6.17 6.92 6.17 5.25 6.83 4.50 3.75 5.75 5.42 6.08 5.83 6.67 3.67 4.75 3.00 6.08 6.67
        5.00 5.58 4.83 6.17 5.67 6.50 6.92"""
    distances_ = np.zeros((12, 12))
    distances_[np.tril_indices(12, -1)] = [float(number) for number in lower.split()]
    distances_ += distances_.T
    # Belgium, Brazil, China, Cuba, Egypt, France, India, Israel, USA, USSR, Yugoslavia, Zaire.
    two = np.array([0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0])
    three = np.array([0, 1, 2, 2, 0, 0, 1, 0, 0, 2, 2, 1])
    published = {
        2: [0.39, 0.22, 0.33, 0.40, 0.20, 0.35, -0.04, 0.30, 0.43, 0.34, 0.26, 0.19],
        3: [0.42, 0.25, 0.31, 0.48, 0.02, 0.44, 0.17, 0.37, 0.47, 0.44, 0.31, 0.28],
    }
    for ids in (two, three):
        sums = distances_ @ np.eye(12)[:, : ids.max() + 1][ids]
        np.testing.assert_allclose(silhouettes_from_sums(sums, ids).round(2), published[ids.max() + 1], atol=0.0101)


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


# Slopes of log inertia over log k: log 2 / log 2 = 1, then 0.501, then 0.25.
FALLING = [16.0, 8, 8 / 1.5**0.501, 8 / 1.5**0.501 / (4 / 3) ** 0.25]


@pytest.mark.parametrize(
    ("k_values", "inertia", "k", "strength"),
    [
        pytest.param([1, 2, 3, 4], FALLING, None, 0.499, id="less than half"),
        pytest.param([1, 2, 3, 4], [16, 8, 7, 6.9], 2, 1 - np.log(8 / 7) / np.log(1.5), id="by hand"),
        pytest.param([1, 2, 3, 4], [16, 8, 8, 8], 2, 1, id="nothing pays later"),
        pytest.param([1, 2, 3, 4, 5], [16, 15, 1, 0.99, 0.98], 3, 0.9932, id="second step"),
        pytest.param([2, 4, 8, 16], [8, 4, 3.9, 3.8], 4, 1 - np.log(39 / 38) / np.log(2), id="k doubles"),
        pytest.param([1, 2, 3, 4, 5], [9, 5, 0, 0, 0], 3, 1, id="down to 0"),
        pytest.param([1, 2, 3, 4, 5], [9, 5, 4.9, 4.8, 9], 2, 0.9155, id="a later rise is no step"),
        pytest.param([1, 2, 3, 4, 5], [10, 8, 6, 4, 2], None, 0, id="straight line"),
        pytest.param(range(1, 9), [100 * k**-0.3 for k in range(1, 9)], None, 0, id="power law"),
        pytest.param([1, 2, 3, 4], [5, 5, 5, 5], None, 0, id="flat"),
        pytest.param([1, 2, 3, 4], [0, 0, 0, 0], None, 0, id="flat at 0"),
        pytest.param([1, 2, 3, 4], [1, 2, 9, 10], None, 0, id="rising"),
    ],
)
def test_elbow_by_hand(k_values: Any, inertia: Any, k: int | None, strength: float) -> None:
    found = elbow(k_values, inertia)
    assert found.k == k
    assert found.strength == pytest.approx(strength, abs=1e-4)


def test_elbow_does_not_depend_on_the_unit() -> None:
    plain, scaled = (elbow([1, 2, 3, 4], unit * np.array([16, 8, 7, 6.9])) for unit in (1, 1e-6))
    assert scaled.k == plain.k
    assert scaled.strength == pytest.approx(plain.strength)


def curve(X: NDArray[np.float64]) -> list[float]:
    return [KMeans(k, n_init=3, random_state=0).fit(X).inertia_ for k in range(1, 11)]


def test_structureless_data_have_no_elbow() -> None:
    found = []
    with threadpool_limits(1):
        for seed in range(10):
            rng = np.random.default_rng(seed)
            for d in (2, 3, 4, 5, 8, 10, 15, 20, 30, 50):
                found += [elbow(range(1, 11), curve(draw(size=(200, d)))).k for draw in (rng.uniform, rng.normal)]
    assert len(found) == 200
    assert sum(k is not None for k in found) <= 10  # 5 %


def blobs(n_blobs: int, d: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian clouds whose centers are at least four times their root mean square radius apart."""
    centers: list[NDArray[np.float64]] = []
    side = 4.0 * np.sqrt(d)
    while len(centers) < n_blobs:
        drawn = rng.uniform(-side, side, d)
        if all(np.linalg.norm(drawn - center) >= 4 * np.sqrt(d) for center in centers):
            centers.append(drawn)
        side *= 1.01
    return np.array(centers)[np.arange(240) % n_blobs] + rng.normal(size=(240, d))


def test_elbow_finds_separated_blobs() -> None:
    cases = [(n_blobs, d, seed) for n_blobs in range(2, 8) for d in (2, 5, 10, 20) for seed in range(3)]
    right = 0
    with threadpool_limits(1):
        for n_blobs, d, seed in cases:
            X = blobs(n_blobs, d, np.random.default_rng([n_blobs, d, seed]))
            right += elbow(range(1, 11), curve(X)).k == n_blobs
    assert right >= 0.95 * len(cases)


def test_chord_moves_with_the_range_and_elbow_does_not() -> None:
    table = elbow_ranges(range(1, 15), PUBLISHED)
    chord = table.set_index(["first", "last"])["chord"]
    assert chord.loc[[(1, 14), (2, 14), (3, 14)]].tolist() == [4, 6, 7]  # published with the curve
    assert chord.nunique() > 5
    assert table["elbow"].isna().all()
    assert len(table) == 11 * 12 / 2


def test_chord_by_hand() -> None:
    # Scaled: x = 0, 1/3, 2/3, 1 and y = 1, 1/3, 1/9, 0; below the chord by 1 - x - y: 1/3 and 2/9.
    table = elbow_ranges([1, 2, 3, 4], [10, 4, 2, 1])
    assert table[["first", "last", "chord"]].to_dict("list") == {"first": [1], "last": [4], "chord": [2]}


@pytest.mark.parametrize("function", [elbow, elbow_ranges])
@pytest.mark.parametrize(
    ("k_values", "inertia", "message"),
    [
        ([1, 2, 3], [2, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
        ([1, 2, 3, 4], [2, 1], "k_values, inertia: found shapes (4,) and (2,), expected (m,) and (m,)"),
        ([[1, 2, 3]] * 3, [[3, 2, 1]] * 3, "found shapes (3, 3) and (3, 3), expected (m,)"),
        ([1, 2, 3, 4], [3, np.nan, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
        ([1, 2, 3, 4], [np.inf, 2, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
        ([1, 2, 3, 4], [3, 2, 1, -1], "expected 4 or more k that rise from 1, and costs from 0"),
        ([0, 1, 2, 3], [3, 2, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
        ([1, 3, 2, 4], [3, 2, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
        ([1, 2, 2, 3], [3, 2, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
        ([1, 2, 3, np.nan], [3, 2, 1, 0], "expected 4 or more k that rise from 1, and costs from 0"),
    ],
)
def test_elbow_error_names_argument_and_fault(function: Any, k_values: Any, inertia: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        function(k_values, inertia)
