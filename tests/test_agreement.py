import itertools
import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from fmnist_clustering import CLASS_NAMES, agreement, contingency

SCORES = ["ARI", "NMI", "accuracy", "purity"]
GRID = np.array(list(itertools.product(range(10), range(10))))

labelings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=2, max_size=15).map(
    lambda pairs: np.array(pairs, dtype=np.int64).T
)


def most_kept(labels: NDArray[np.int64], garments: NDArray[np.int64]) -> int:
    cells = Counter(zip(labels.tolist(), garments.tolist(), strict=True))
    clusters = sorted(set(labels.tolist()))
    return max(
        sum(cells[pair] for pair in zip(clusters, names, strict=True))
        for names in itertools.permutations(range(10), len(clusters))
    )


def test_contingency_by_hand() -> None:
    #              Ankle boot x2, Trouser | Trouser x2 | Sneaker x3, Ankle boot
    garments = np.array([9, 9, 1, 1, 1, 7, 7, 7, 9], dtype=np.uint8)
    table = contingency([0, 0, 0, 2, 2, 5, 5, 5, 5], garments)
    expected = pd.DataFrame(
        [[3, 0, 0], [0, 2, 1], [1, 0, 2]],
        index=pd.Index(["Sneaker", "Trouser", "Ankle boot"], name="garment"),
        columns=pd.Index([5, 2, 0], name="cluster"),
    )
    pd.testing.assert_frame_equal(table.iloc[:3], expected)
    assert sorted(table.index) == sorted(CLASS_NAMES)
    assert not table.iloc[3:].to_numpy().any()


@pytest.mark.parametrize("n_clusters", [1, 2, 10, 13])
def test_every_image_is_counted_in_its_cell(n_clusters: int) -> None:
    rng = np.random.default_rng(n_clusters)
    labels = np.concatenate([np.arange(n_clusters), rng.integers(0, n_clusters, 187)]) * 2
    garments = rng.integers(0, 10, len(labels))
    table = contingency(labels, garments)
    assert sorted(table.columns) == list(range(0, 2 * n_clusters, 2))
    assert sorted(table.index) == sorted(CLASS_NAMES)
    assert set(table.dtypes) == {np.dtype(np.int64)}
    for garment, cluster in itertools.product(range(10), table.columns):
        expected = ((labels == cluster) & (garments == garment)).sum()
        assert table.loc[CLASS_NAMES[garment], cluster] == expected


@settings(deadline=None, derandomize=True, max_examples=60)
@given(labelings)
def test_diagonal_is_the_best_assignment(pair: NDArray[np.int64]) -> None:
    labels, garments = pair
    table = contingency(labels, garments)
    diagonal = np.diag(table)
    assert table.to_numpy().sum() == len(labels)
    assert diagonal.sum() == most_kept(labels, garments)
    assert (np.diff(diagonal) <= 0).all()


@settings(deadline=None, derandomize=True, max_examples=60)
@given(labelings)
def test_scores_equal_scikit_learn_and_brute_force(pair: NDArray[np.int64]) -> None:
    labels, garments = pair
    kept = sum(max(Counter(garments[labels == cluster]).values()) for cluster in set(labels))
    expected = [
        adjusted_rand_score(garments, labels),
        normalized_mutual_info_score(garments, labels),
        most_kept(labels, garments) / len(labels),
        kept / len(labels),
    ]
    scores = agreement(labels, garments)
    assert scores.index.tolist() == SCORES
    np.testing.assert_allclose(scores, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "garments", "expected"),
    [
        # Pairs together: 1 by cluster, 2 by garment, 1 by both, of 6. By chance 1 * 2 / 6 = 1/3.
        # ARI (1 - 1/3) / (3/2 - 1/3). Entropies 1.5 and 1 bit, shared 1 bit: NMI 1 / 1.25.
        pytest.param([0, 1, 2, 2], [0, 0, 1, 1], [4 / 7, 0.8, 0.75, 1], id="a garment in two"),
        pytest.param([2, 2, 0, 0, 1], [7, 7, 3, 3, 9], [1, 1, 1, 1], id="perfect, renamed"),
        pytest.param([4] * 5, [0, 0, 0, 1, 2], [0, 0, 0.6, 0.6], id="one cluster"),
        # No pair together in both: ARI -E / (450 - E) with E = 450 * 450 / 4950.
        pytest.param(GRID[:, 0], GRID[:, 1], [-0.1, 0, 0.1, 0.1], id="even grid"),
        # A cluster an image: pure, yet only two of twenty images stand on the diagonal.
        # Entropies log 20 and log 2, shared log 2: NMI log 2 / (log 40 / 2).
        pytest.param(range(20), [0, 1] * 10, [0, 2 * math.log(2) / math.log(40), 0.1, 1], id="purity is no accuracy"),
    ],
)
def test_scores_by_hand(labels: Any, garments: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(agreement(labels, garments), expected, atol=1e-12)


def test_chance_scores_nothing() -> None:
    labels, garments = np.random.default_rng(0).integers(0, 10, (2, 100_000))
    scores = agreement(labels, garments)
    assert abs(scores["ARI"]) < 1e-4
    assert abs(scores["NMI"]) < 1e-3
    assert scores["accuracy"] == pytest.approx(0.1, abs=0.01)
    assert scores["purity"] == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("function", [contingency, agreement])
@pytest.mark.parametrize(
    ("labels", "garments", "message"),
    [
        ([0, 1], [0, 1, 2], "labels: found shape (2,), expected (3,)"),
        ([0, 1], [0, 10], "garments: found 10, expected 0 to 9"),
        ([0, 1], [0.0, 1.0], "garments: found float64, expected integers from 0"),
        ([0, 1], ["Bag", "Coat"], "garments: found <U4, expected integers from 0"),
        ([[0, 1]], [0, 1], "labels: found shape (1, 2), expected (2,)"),
        ([], [], "garments: found shape (0,), expected (n,)"),
    ],
)
def test_error_names_argument_and_fault(function: Any, labels: Any, garments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        function(labels, garments)
