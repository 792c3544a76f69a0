"""Clusters against garments: four scores that are often mixed up, kept apart."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from fmnist_clustering import checks
from fmnist_clustering.data import CLASS_NAMES


def contingency(labels: ArrayLike, garments: ArrayLike) -> pd.DataFrame:
    """Count the images of each garment in each cluster.

    Parameters
    ----------
    labels : (n,) array-like of int
        Cluster ids from 0.
    garments : (n,) array-like of int
        True garments, 0-9.

    Returns
    -------
    DataFrame
        Ten rows (garments by name), one column a cluster id that occurs, int64 counts summing to
        n. Rows and columns stand so that the best one-to-one assignment is the diagonal.

    Raises
    ------
    ValueError
        For different lengths, or garments outside 0-9.
    """
    truth = checks.labels(garments, name="garments")
    ids = checks.labels(labels, len(truth))
    if truth.max() >= len(CLASS_NAMES):
        raise ValueError(f"garments: found {truth.max()}, expected 0 to 9")
    clusters, columns = np.unique(ids, return_inverse=True)
    counts = np.zeros((len(CLASS_NAMES), len(clusters)), dtype=np.int64)
    np.add.at(counts, (truth, columns), 1)
    rows, chosen = linear_sum_assignment(counts, maximize=True)
    by_share = np.argsort(-counts[rows, chosen], kind="stable")
    row_order = [*rows[by_share], *np.setdiff1d(np.arange(len(CLASS_NAMES)), rows)]
    column_order = [*chosen[by_share], *np.setdiff1d(np.arange(len(clusters)), chosen)]
    names = [CLASS_NAMES[row] for row in row_order]
    table = pd.DataFrame(counts[np.ix_(row_order, column_order)], names, clusters[column_order])
    return table.rename_axis(index="garment", columns="cluster")


def agreement(labels: ArrayLike, garments: ArrayLike) -> pd.Series:
    """Score how far clusters are garments.

    Parameters
    ----------
    labels, garments : (n,) array-like of int
        Cluster ids from 0 and true garments 0-9 of the same images.

    Returns
    -------
    Series of float
        ``ARI`` adjusted Rand index (Hubert & Arabie 1985): share of pairs on which both agree,
        corrected so that chance gives 0; 1 is best. ``NMI`` normalized mutual information,
        arithmetic mean: 0 to 1. ``accuracy`` share of images on the best one-to-one assignment of
        clusters to garments. ``purity`` share of images in a cluster's most frequent garment;
        it rises by itself with the number of clusters, and is not an accuracy.

    Raises
    ------
    ValueError
        As `contingency`.
    """
    share = contingency(labels, garments).to_numpy() / np.size(labels)
    scores = {"ARI": adjusted_rand_score(garments, labels), "NMI": normalized_mutual_info_score(garments, labels)}
    return pd.Series(scores | {"accuracy": np.trace(share), "purity": share.max(axis=0).sum()})
