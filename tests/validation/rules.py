"""Every rule for k, on one data set."""

from collections import Counter

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
    picks = [None if pd.isna(k) else int(k) for k in selected["pick"]]
    pick_of = dict(zip(selected.index, picks, strict=True))

    named = {rule: pick_of[criterion] for criterion, rule in CRITERIA.items()}
    votes = Counter(k for k in named.values() if k is not None)
    for n_votes in (5, 4, 3):
        named[f"{n_votes} of 5 agree"] = _agreed(votes, n_votes)
    enough = gaps.index[gaps["enough"]]
    named["gap statistic"] = int(enough[0]) if len(enough) > 0 else None
    named["gap: one cluster"] = pick_of["gap"]
    named["chord"] = _chord(sweep.inertia)
    knee = KneeLocator(K_VALUES, sweep.inertia, curve="convex", direction="decreasing")
    named["kneed"] = None if knee.knee is None else int(knee.knee)
    return named


def _agreed(votes: Counter[int], n_votes: int) -> int | None:
    """Return the k that has exactly this many votes, the most of all; else None."""
    if not votes:
        return None
    k, most_votes = votes.most_common(1)[0]
    return k if most_votes == n_votes else None


def _chord(inertia: Points) -> int:
    """Return the k farthest below the chord of the whole curve."""
    ranges = elbow_ranges(K_VALUES, inertia).set_index(["first", "last"])
    return int(ranges.loc[(K_VALUES[0], K_VALUES[-1]), "chord"])


def _select_cut(X: Points) -> dict[str, int | None]:
    named = {}
    for method in LINKAGES:
        tree = linkage(X, method)
        for rule in ("longest", "relative"):
            cut = select_cut(tree, rule=rule, method=method)
            named[f"{rule}, {method}"] = cut.n_clusters
    return named
