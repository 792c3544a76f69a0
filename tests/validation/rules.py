"""Every rule for k, on one data set."""

import pandas as pd
from kneed import KneeLocator

from fmnist_clustering import (
    elbow_ranges,
    gap_statistic,
    linkage,
    select_cut,
    select_k,
    selection_scores,
    stability,
    sweep_k,
)
from tests.validation.data_sets import DataSet, Points

K_VALUES = range(1, 17)
"""The last k that the elbow may name is 12."""

CRITERIA = {
    "inertia": "elbow",
    "silhouette": "silhouette",
    "Calinski-Harabasz": "Calinski-Harabasz",
    "Davies-Bouldin": "Davies-Bouldin",
    "stability": "stability",
}
"""The criteria of `select_k` that vote, and what the study calls their rules."""

LINKAGES = ("ward", "average", "complete", "single")


def apply_rules(data: DataSet) -> dict[str, object]:
    """Return the k that each rule names, None where it names none."""
    print(f"{data.family}: {data.name}", flush=True)
    described = {"family": data.family, "data": data.name, "k": data.k}
    return described | _select_k(data.X) | _select_cut(data.X)


def _select_k(X: Points) -> dict[str, int | None]:
    sweep = sweep_k(X, K_VALUES)
    replicates = stability(X, K_VALUES[1:])
    gaps = gap_statistic(X, K_VALUES)
    selected = select_k(selection_scores(X, sweep, replicates, gaps))
    picks = (
        selected["pick"]
        .rename(CRITERIA)
        .astype(object)
        .where(selected["pick"].rename(CRITERIA).notna(), None)
    )
    named: dict[str, int | None] = {rule: picks[rule] for rule in CRITERIA.values()}
    for n_votes in (5, 4, 3):
        named[f"{n_votes} of 5 agree"] = _agreed(
            picks[list(CRITERIA.values())], n_votes
        )
    enough = gaps.index[gaps["enough"]]
    named["gap statistic"] = int(enough[0]) if len(enough) > 0 else None
    named["gap: one cluster"] = picks["gap"]
    chord = elbow_ranges(K_VALUES, sweep.inertia)
    is_whole = (chord["first"] == K_VALUES[0]) & (chord["last"] == K_VALUES[-1])
    named["chord"] = int(chord.loc[is_whole, "chord"].iloc[0])
    knee = KneeLocator(K_VALUES, sweep.inertia, curve="convex", direction="decreasing")
    named["kneed"] = None if knee.knee is None else int(knee.knee)
    return named


def _agreed(picks: "pd.Series[object]", n_votes: int) -> int | None:
    """Return the k that exactly so many criteria pick, None if there is none."""
    votes = picks.dropna().value_counts()
    if len(votes) == 0 or votes.iloc[0] != n_votes:
        return None
    return int(votes.index[0])


def _select_cut(X: Points) -> dict[str, int | None]:
    named = {}
    for method in LINKAGES:
        tree = linkage(X, method)
        for rule in ("longest", "relative"):
            cut = select_cut(tree, rule=rule, method=method)
            named[f"{rule}, {method}"] = cut.n_clusters
    return named
