"""Stability, the table of criteria, their picks, and the sentence made from them."""

import itertools
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from fmnist_clustering import criteria, kmeans, picks, selection, stability, sweep_k, verdict

LINE = np.array([[1.0], [2], [3], [10], [11], [12]])


def blobs(n_blobs: int, d: int = 2) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    corners = 20.0 * np.array([*itertools.product([0, 1], repeat=3)])[:n_blobs]
    centers = np.pad(corners, ((0, 0), (0, 30)))[:, :d] if d > 2 else corners[:, 1:]
    return np.asarray(centers[np.arange(240) % n_blobs] + rng.normal(size=(240, d)))


# Stability


@pytest.mark.parametrize("d", [2, 30])
def test_blobs_come_back_from_every_half_and_cuts_through_them_do_not(d: int) -> None:
    table = stability(blobs(4, d), [4, 9])
    assert (table.loc[4] == 1).all()
    assert table.loc[9].max() < 0.95


def test_all_pairs_of_resamples_are_kept() -> None:
    table = stability(blobs(4), range(2, 5), n_resamples=5)
    assert table.index.tolist() == [2, 3, 4]
    assert table.index.name == "k"
    assert table.columns.tolist() == [*itertools.combinations(range(5), 2)]
    assert table.columns.names == ["first", "second"]
    assert table.notna().all(axis=None)


def test_replicates_are_the_ari_of_fits_on_half_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[NDArray[np.float64]] = []

    def fit_many(requests: list[Any], what: str) -> list[Any]:  # noqa: ARG001
        seen.extend(request["problem"].points for request in requests)
        return fits(requests)

    fits = kmeans.fit_many
    monkeypatch.setattr(selection, "fit_many", fit_many)
    centers = np.array([[0, 0], [3, 0], [0, 4]])  # near enough that halves draw other borders
    X = centers[np.arange(200) % 3] + np.random.default_rng(3).normal(size=(200, 2))
    table = stability(X, [3], n_resamples=3, n_init=10)
    labelings = []
    for half in seen:
        assert len(half) == len(np.unique(half, axis=0)) == 100
        assert {*map(tuple, half)} < {*map(tuple, X)}
        labelings.append(KMeans(3, n_init=20, random_state=0).fit(half).predict(X))
    expected = [adjusted_rand_score(labelings[a], labelings[b]) for a, b in table.columns]
    assert max(expected) < 1
    np.testing.assert_allclose(table.loc[3], expected, rtol=1e-12)


def test_stability_depends_on_the_seed_and_not_on_threads() -> None:
    X = np.random.default_rng(1).integers(0, 256, (300, 60), dtype=np.uint8)
    tables = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            tables.append(stability(X, [3, 5], n_resamples=3, seed=1))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert not tables[0].equals(stability(X, [3, 5], n_resamples=3, seed=2))


def test_stability_does_not_depend_on_the_unit() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (100, 30), dtype=np.uint8)
    in_pixels, in_units = stability(pixels, [3], n_resamples=3), stability(pixels / 255, [3], n_resamples=3)
    np.testing.assert_allclose(in_pixels, in_units, atol=0.05)


@pytest.mark.parametrize(
    ("k_values", "options", "message"),
    [
        ([1, 2], {}, "k_values: found [1, 2], expected one or more rising integers from 2 to 119"),
        ([120], {}, "k_values: found [120], expected one or more rising integers from 2 to 119"),
        ([2], {"n_resamples": 2}, "n_resamples: found 2, expected 3 or more"),
        ([2], {"n_init": 0}, "n_init: found 0, expected 1 or more"),
    ],
)
def test_stability_error_names_argument_and_fault(k_values: Any, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        stability(blobs(4), k_values, **options)


# The table


def replicates(rows: dict[int, list[float]]) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples([(0, 1), (0, 2), (1, 2)], names=["first", "second"])
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def test_criteria_by_hand() -> None:
    sweep = sweep_k(LINE, [1, 2, 3])
    table = criteria(LINE, sweep, replicates({2: [0.9, 0.6, 0.3], 3: [1, 1, 1]}))
    assert table.index.tolist() == [1, 2, 3]
    assert table["n"].tolist() == [6, 6, 6]
    assert table["inertia"].tolist() == pytest.approx([125.5, 4, 2.5])
    # Between: 6 (4.5)^2 = 121.5 with 1 degree of freedom; within: 4 with 6 - 2.
    assert table.loc[2, "Calinski-Harabasz"] == pytest.approx(121.5)
    # Mean distance to the own mean 2/3 on either side, means 9 apart.
    assert table.loc[2, "Davies-Bouldin"] == pytest.approx((2 / 3 + 2 / 3) / 9)
    assert table.loc[2, "silhouette"] == pytest.approx((0.85 + 8 / 9 + 6.5 / 8) / 3)
    assert table.loc[[2, 3], "stability"].tolist() == pytest.approx([0.6, 1])
    # Without resample 2, 1, 0 there are 0.9, 0.6, 0.3: sqrt(2/3 (0.09 + 0 + 0.09)).
    assert table.loc[[2, 3], "standard error"].tolist() == pytest.approx([np.sqrt(0.12), 0])
    undefined = ["silhouette", "Calinski-Harabasz", "Davies-Bouldin", "stability", "standard error"]
    assert table.loc[1, undefined].isna().all()


def test_criteria_take_pixels_in_units_of_255() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 12), dtype=np.uint8)
    halves = replicates({2: [1, 1, 1]})
    ours, plain = (criteria(X, sweep_k(X, [1, 2, 4]), halves) for X in (pixels, pixels / 255))
    pd.testing.assert_frame_equal(ours, plain, rtol=1e-9)


def test_criteria_refuse_a_sweep_of_other_rows() -> None:
    with pytest.raises(ValueError, match=re.escape("sweep.labels: found shape (6,), expected (5,)")):
        criteria(LINE[:5], sweep_k(LINE, [1, 2]), replicates({2: [1, 1, 1]}))


# The picks

TABLE = pd.DataFrame(
    {
        "n": 100,
        "inertia": [100.0, 50, 20, 19, 18.5, 18.2],
        "silhouette": [np.nan, 0.5, 0.4, 0.6, 0.1, 0.2],
        "Calinski-Harabasz": [np.nan, 9, 8, 7, 6, 5],
        "Davies-Bouldin": [np.nan, 2.0, 1, 1.5, 3, 0.5],
        "stability": [np.nan, 0.8, 0.91, 0.88, 0.95, 0.7],
        "standard error": [np.nan, 0.2, 0.01, 0.01, 0.05, 0.01],
    },
    index=pd.Index([1, 2, 3, 4, 5, 6], name="k"),
)


def test_each_criterion_picks_by_its_rule() -> None:
    found = picks(TABLE)
    expected = {
        "inertia": ("elbow", 3, 4, False),  # the slope to 3 is 2.26, no later one above 0.18
        "silhouette": ("maximum", 4, 2, False),
        "Calinski-Harabasz": ("maximum", 2, 3, True),
        "Davies-Bouldin": ("minimum", 6, 3, True),
        "stability": ("one standard error", 3, 5, False),  # the first above 0.95 - 0.05
    }
    assert dict(zip(found.index, found.itertuples(index=False, name=None), strict=True)) == expected
    assert found.index.name == "criterion"


def test_a_curve_without_elbow_picks_nothing_and_names_what_is_nearest() -> None:
    found = picks(TABLE[["inertia"]].assign(inertia=[100.0, 60, 40, 30, 24, 20])).loc["inertia"]
    assert found["pick"] is pd.NA
    assert found["runner-up"] in (2, 3, 4)


def test_equal_scores_pick_fewer_clusters() -> None:
    found = picks(TABLE[["silhouette"]].assign(silhouette=[np.nan, 0.1, 0.5, 0.5, 0.5, 0.1])).loc["silhouette"]
    assert (found["pick"], found["runner-up"]) == (3, 4)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE[["silhouette"]].iloc[:2], "table: found silhouette at 1 k, expected two or more"),
        (TABLE[["inertia"]].iloc[:4], "expected 5 or more k that rise from 1, and costs from 0"),
    ],
)
def test_picks_error_names_argument_and_fault(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        picks(table)


def test_verdict_says_where_criteria_agree_and_where_not() -> None:
    assert verdict(picks(TABLE)) == (
        "k = 2: Calinski-Harabasz (runner-up 3). k = 3: inertia (runner-up 4), stability (runner-up 5). "
        "k = 4: silhouette (runner-up 2). k = 6: Davies-Bouldin (runner-up 3). "
        "At an end of the range: Calinski-Harabasz, Davies-Bouldin. "
        "No k is picked by more than 2 of 5: they disagree."
    )


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ([4, 4], "k = 4: a (runner-up 9), b (runner-up 9). All 2 agree on 4."),
        (
            [4, None],
            "k = 4: a (runner-up 9). No k: b (runner-up 9). No k is picked by more than 1 of 2: they disagree.",
        ),
        ([None, None], "No k: a (runner-up 9), b (runner-up 9). No k is picked by more than 0 of 2: they disagree."),
    ],
)
def test_verdict_by_hand(chosen: list[int | None], expected: str) -> None:
    columns = {"rule": "maximum", "pick": pd.array(chosen, dtype="Int64"), "runner-up": 9, "at an end": False}
    assert verdict(pd.DataFrame(columns, index=["a", "b"])) == expected
