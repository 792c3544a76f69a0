"""The study of rules for k: its data, and that the rules keep what it found."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from fmnist_clustering import cluster_means, elbow, linkage, select_cut, sweep_k
from tests.benchmarks.tables import RULES, VALIDATION
from tests.validation.data_sets import DataSet, data_sets, make_blobs

ANSWERS = pd.read_csv(VALIDATION)
BLOBS = ANSWERS[ANSWERS["family"] == "blobs"]
CLOUDS = ANSWERS[ANSWERS["family"] == "clouds"]


@pytest.fixture(scope="module")
def every() -> list[DataSet]:
    return list(data_sets())


def test_the_study_is_that_of_these_data_sets(every: list[DataSet]) -> None:
    assert ANSWERS["data"].tolist() == [data.name for data in every]
    assert ANSWERS["k"].tolist() == [data.k for data in every]
    assert set(ANSWERS.columns[3:]) == set(RULES)


@pytest.mark.parametrize("imbalance", [1, 5])
def test_blobs_are_as_far_apart_and_as_large_as_they_should(imbalance: float) -> None:
    k, separation, n = 4, 50, 4000
    rng = np.random.default_rng(0)
    X = make_blobs(rng, k, 3, separation, n, imbalance)
    labels = np.repeat(
        np.arange(k), np.diff(np.round(np.linspace(0, n, k + 1)).astype(int))
    )
    if imbalance > 1:
        labels = sweep_k(X, [k]).labels[0]
    sizes = np.bincount(labels)
    assert sizes.max() / sizes.min() == pytest.approx(imbalance, rel=0.01)
    centers = cluster_means(X, labels)
    assert pdist(centers).min() == pytest.approx(separation, abs=0.3)
    assert (X - centers[labels]).std() == pytest.approx(1, abs=0.03)


def wrong_share(rule: str) -> float:
    """Return which share of the answers on blobs are wrong."""
    named = BLOBS[BLOBS[rule].notna()]
    return float((named[rule] != named["k"]).mean())


@pytest.mark.parametrize("rule", ["elbow", "relative, ward"])
def test_what_declines_is_right_when_it_speaks(rule: str) -> None:
    assert wrong_share(rule) <= 0.02
    assert (CLOUDS[rule] > 1).mean() <= 0.05


def test_declining_is_no_way_out() -> None:
    is_right = ANSWERS[list(RULES)].eq(ANSWERS["k"], axis=0)[
        ANSWERS["family"] == "blobs"
    ]
    n_right = is_right.sum()
    assert n_right["relative, ward"] > n_right["longest, ward"]
    assert n_right["elbow"] > n_right[["chord", "kneed"]].max()


@pytest.mark.slow
def test_the_rules_still_give_the_answers_of_the_study(every: list[DataSet]) -> None:
    for data, row in list(zip(every, ANSWERS.itertuples(), strict=True))[::40]:
        expected = ANSWERS.loc[row.Index]
        curve = elbow(range(1, 17), sweep_k(data.X, range(1, 17)).inertia)
        cut = select_cut(linkage(data.X, "ward"), rule="relative")
        for rule, k in (("elbow", curve.k), ("relative, ward", cut.n_clusters)):
            assert (k is None) == pd.isna(expected[rule]), data.name
            assert k is None or k == expected[rule], data.name
