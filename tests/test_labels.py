"""Cluster ids: renumbered, matched with others, and held against the garments."""

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from fmnist_clustering import CLASS_NAMES, contingency, external_scores, match_labels
from fmnist_clustering.labels import canonical_labels

Labels = NDArray[np.int64]

some_labels = st.lists(st.integers(0, 9), min_size=1, max_size=15)


def pairs_of_labels(
    first: st.SearchStrategy[int],
    second: st.SearchStrategy[int],
) -> st.SearchStrategy[Labels]:
    """Draw two labelings of the same rows."""
    pairs = st.lists(st.tuples(first, second), min_size=1, max_size=12)
    return pairs.map(lambda rows: np.array(rows, dtype=np.int64).T)


def is_same_cluster(labels: Any) -> NDArray[np.bool_]:
    """Return for each pair of rows whether they share a cluster: the partition."""
    ids = np.asarray(labels)
    return np.asarray(ids[:, None] == ids)


# canonical_labels


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param([5, 5, 2, 2, 2, 9], [1, 1, 0, 0, 0, 2], id="by falling size"),
        pytest.param([3, 1, 3, 1], [0, 1, 0, 1], id="equal sizes by first member"),
        pytest.param([7], [0], id="one row"),
        pytest.param([9, 0, 4, 4, 0], [2, 0, 1, 1, 0], id="size before first member"),
    ],
)
def test_canonical_labels_by_hand(labels: list[int], expected: list[int]) -> None:
    assert canonical_labels(labels).tolist() == expected


@given(some_labels)
def test_canonical_labels_are_those_of_plain_sorting(labels: list[int]) -> None:
    by_first_member = sorted(set(labels), key=labels.index)
    by_falling_size = sorted(by_first_member, key=labels.count, reverse=True)
    expected = [by_falling_size.index(label) for label in labels]
    assert canonical_labels(labels).tolist() == expected


# match_labels


@pytest.mark.parametrize(
    ("labels", "reference", "expected"),
    [
        pytest.param([1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], id="renamed"),
        pytest.param(
            [0, 0, 0, 1, 1],
            [4, 4, 4, 2, 2],
            [4, 4, 4, 2, 2],
            id="the reference has gaps",
        ),
        pytest.param(
            [7, 7, 7, 3, 3, 3],
            [0, 0, 0, 1, 1, 2],
            [0, 0, 0, 1, 1, 1],
            id="fewer clusters",
        ),
        # Cluster 0 was split in three. Its largest part keeps the id, and the others
        # follow by size.
        pytest.param(
            [4, 4, 4, 2, 3, 3, 1, 1, 1, 1],
            [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
            [0, 0, 0, 3, 2, 2, 1, 1, 1, 1],
            id="more clusters",
        ),
        # The reference has the ids 0 and 3, so the next one is 4.
        pytest.param(
            [0, 0, 0, 1, 1, 2],
            [0, 0, 0, 3, 3, 3],
            [0, 0, 0, 3, 3, 4],
            id="more clusters, and gaps",
        ),
        # If the largest overlap came first, rows 0 to 2 would take id 0 and nothing
        # would be left for the others: 2 rows would keep their id. This way 3 do.
        pytest.param(
            [0, 0, 0, 1, 1],
            [0, 0, 1, 0, 0],
            [1, 1, 1, 0, 0],
            id="the sum over all clusters counts",
        ),
    ],
)
def test_matched_labels_by_hand(
    labels: list[int],
    reference: list[int],
    expected: list[int],
) -> None:
    assert match_labels(labels, reference).tolist() == expected


@given(pairs_of_labels(st.integers(0, 3), st.integers(0, 3)))
def test_matching_keeps_the_partition(pair: Labels) -> None:
    labels, reference = pair
    matched = match_labels(labels, reference)
    np.testing.assert_array_equal(is_same_cluster(matched), is_same_cluster(labels))


@given(pairs_of_labels(st.integers(0, 3), st.integers(0, 3)))
def test_no_other_renaming_keeps_more_ids(pair: Labels) -> None:
    labels, reference = pair
    names = np.unique(labels)
    # The ids from 100 on stand for "no cluster of the reference".
    candidates = [*np.unique(reference), 100, 101, 102, 103]
    most_kept = 0
    for ids in itertools.permutations(candidates, len(names)):
        renamed = np.array(ids)[np.searchsorted(names, labels)]
        most_kept = max(most_kept, int((renamed == reference).sum()))
    assert (match_labels(labels, reference) == reference).sum() == most_kept


@given(some_labels, st.permutations(range(10)))
def test_matching_undoes_any_renaming(reference: list[int], names: list[int]) -> None:
    renamed = [names[label] for label in reference]
    assert match_labels(renamed, reference).tolist() == reference


# contingency

T_SHIRT, TROUSER, SNEAKER, ANKLE_BOOT = 0, 1, 7, 9

# Ten garments in up to four clusters.
garments_and_clusters = pairs_of_labels(st.integers(0, 9), st.integers(0, 3))


def most_on_diagonal(garments: Labels, clusters: Labels) -> int:
    """Return how many images the best assignment explains, by trying them all."""
    counts = Counter(zip(clusters.tolist(), garments.tolist(), strict=True))
    ids = sorted(set(clusters.tolist()))
    assignments = itertools.permutations(range(10), len(ids))
    return max(
        sum(counts[pair] for pair in zip(ids, garments_of_ids, strict=True))
        for garments_of_ids in assignments
    )


def test_classes_of_another_data_set_have_their_own_names() -> None:
    names = [f"digit {i}" for i in range(10)]
    table = contingency([0, 3, 3], [1, 0, 0], class_names=names)
    assert table.index.name == "class"
    assert table.index.tolist()[:2] == ["digit 3", "digit 0"]
    assert table.loc["digit 3", 0] == 2


def test_contingency_by_hand() -> None:
    garments = [
        *[ANKLE_BOOT, ANKLE_BOOT, TROUSER],
        *[TROUSER, TROUSER],
        *[SNEAKER, SNEAKER, SNEAKER, ANKLE_BOOT],
    ]
    table = contingency(garments, [0, 0, 0, 2, 2, 5, 5, 5, 5])
    expected = pd.DataFrame(
        [[3, 0, 0], [0, 2, 1], [1, 0, 2]],
        index=pd.Index(["Sneaker", "Trouser", "Ankle boot"], name="garment"),
        columns=pd.Index([5, 2, 0], name="cluster"),
    )
    pd.testing.assert_frame_equal(table.iloc[:3], expected)
    assert sorted(table.index) == sorted(CLASS_NAMES)
    assert not table.iloc[3:].to_numpy().any()


@given(garments_and_clusters)
def test_the_diagonal_is_the_best_assignment(pair: Labels) -> None:
    garments, clusters = pair
    table = contingency(garments, clusters)
    diagonal = np.diag(table)
    assert table.to_numpy().sum() == len(garments)
    assert diagonal.sum() == most_on_diagonal(garments, clusters)
    assert (np.diff(diagonal) <= 0).all()


# external_scores


@settings(max_examples=30)
@given(garments_and_clusters)
def test_scores_are_those_of_scikit_learn_and_of_counting(pair: Labels) -> None:
    garments, clusters = pair
    n_in_majority = 0
    for cluster in np.unique(clusters):
        n_in_majority += np.bincount(garments[clusters == cluster]).max()
    expected = {
        "ARI": adjusted_rand_score(garments, clusters),
        "NMI": normalized_mutual_info_score(garments, clusters),
        "accuracy": most_on_diagonal(garments, clusters) / len(garments),
        "purity": n_in_majority / len(garments),
    }
    scores = external_scores(garments, clusters)
    assert scores.to_dict() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("garments", "clusters", "expected"),
    [
        # Of six pairs of images, 2 share a garment, 1 shares a cluster, and 1 shares
        # both. By chance 2 * 1 / 6 would share both, so ARI is (1 - 1/3) / (3/2 - 1/3).
        # The entropies are 1 bit and 1.5 bits, and 1 bit is shared, so NMI is 1 / 1.25.
        pytest.param(
            [0, 0, 1, 1],
            [0, 1, 2, 2],
            [4 / 7, 0.8, 0.75, 1],
            id="one garment in two clusters",
        ),
        pytest.param(
            [7, 7, 3, 3, 9],
            [2, 2, 0, 0, 1],
            [1, 1, 1, 1],
            id="perfect, with other names",
        ),
        pytest.param([0, 0, 0, 1, 2], [4] * 5, [0, 0, 0.6, 0.6], id="one cluster"),
        # One image for each pair of a garment and a cluster. No two images share both.
        # 450 of 4,950 pairs share either, so E = 450 * 450 / 4950 are expected to share
        # both, and ARI is -E / (450 - E).
        pytest.param(
            np.repeat(np.arange(10), 10),
            np.tile(np.arange(10), 10),
            [-0.1, 0, 0.1, 0.1],
            id="independent",
        ),
        # Every cluster is pure, yet only two of twenty images are on the diagonal. The
        # entropies are log 2 and log 20, and log 2 is shared.
        pytest.param(
            [0, 1] * 10,
            range(20),
            [0, 2 * math.log(2) / math.log(40), 0.1, 1],
            id="purity is no accuracy",
        ),
    ],
)
def test_scores_by_hand(garments: Any, clusters: Any, expected: list[float]) -> None:
    scores = external_scores(garments, clusters)
    assert scores.index.tolist() == ["ARI", "NMI", "accuracy", "purity"]
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_garments_come_first() -> None:
    garments = [T_SHIRT, T_SHIRT, TROUSER, TROUSER]
    clusters = [0, 1, 2, 3]
    assert external_scores(garments, clusters)["purity"] == 1
    assert external_scores(clusters, garments)["purity"] == 0.5


def test_chance_scores_nothing() -> None:
    rng = np.random.default_rng(0)
    garments = rng.integers(0, 10, 100_000)
    clusters = rng.integers(0, 10, 100_000)
    scores = external_scores(garments, clusters)
    assert scores["ARI"] == pytest.approx(0, abs=1e-4)
    assert scores["NMI"] == pytest.approx(0, abs=1e-3)
    assert scores["accuracy"] == pytest.approx(0.1, abs=0.01)
    assert scores["purity"] == pytest.approx(0.1, abs=0.01)
