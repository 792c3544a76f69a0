"""Every rule for k, on one data set."""

import numpy as np
import pandas as pd
from kneed import KneeLocator
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from fmnist_clustering import (
    gap_statistic,
    linkage,
    prediction_strength,
    select_cut,
    select_k,
    sweep_k,
)
from tests.validation.data_sets import DataSet, Points

K_VALUES = range(1, 17)
"""The last k that the elbow may name is 12."""

LINKAGES = ("ward", "average", "complete", "single")


def apply_rules(data: DataSet) -> dict[str, object]:
    """Return the k that each rule names, None where it names none."""
    print(f"{data.family}: {data.name}", flush=True)
    described = {"family": data.family, "data": data.name, "k": data.k}
    return described | _select_k(data.X) | _select_cut(data.X)


def _select_k(X: Points) -> dict[str, int | None]:
    sweep = sweep_k(X, K_VALUES)
    scores = pd.DataFrame(
        {"inertia": sweep.inertia, "silhouette": sweep.silhouette},
        index=pd.Index(sweep.k_values, name="k"),
    )
    labels = dict(zip(sweep.k_values[1:], sweep.labels[1:], strict=True))
    for name, score in {
        "Calinski-Harabasz": calinski_harabasz_score,
        "Davies-Bouldin": davies_bouldin_score,
    }.items():
        scores[name] = pd.Series({k: score(X, labels[k]) for k in labels})
    strengths = prediction_strength(X, K_VALUES[1:])
    scores["prediction strength"] = strengths.mean(axis=1)
    gaps = gap_statistic(X, K_VALUES)
    scores = scores.join(gaps[["gap", "gap standard error"]])

    picks = select_k(scores)["pick"].rename({"inertia": "elbow"})
    named = {rule: None if pd.isna(k) else int(k) for rule, k in picks.items()}
    named["chord"] = _chord(sweep.inertia)
    knee = KneeLocator(K_VALUES, sweep.inertia, curve="convex", direction="decreasing")
    named["kneed"] = None if knee.knee is None else int(knee.knee)
    return named


def _chord(inertia: Points) -> int:
    """Return the k farthest below the line from the first point to the last one."""
    x = np.linspace(0, 1, len(inertia))
    y = (inertia - inertia[-1]) / (inertia[0] - inertia[-1])
    return K_VALUES[int((x + y).argmin())]


def _select_cut(X: Points) -> dict[str, int | None]:
    named = {}
    for method in LINKAGES:
        tree = linkage(X, method)
        for rule in ("longest", "relative"):
            cut = select_cut(tree, rule=rule, method=method)
            named[f"{rule}, {method}"] = cut.n_clusters
    return named
