"""Cluster ids: renumber them, match them, and hold clusters against the garments."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from fmnist_clustering._checks import IntArray, check_labels
from fmnist_clustering.data import CLASS_NAMES


def canonical_labels(labels: ArrayLike) -> IntArray:
    """Renumber clusters 0..k-1 by falling size.

    Parameters
    ----------
    labels : (n,) array-like of int
        Cluster ids, 0 or more, in any numbering.

    Returns
    -------
    (n,) int64
        The same partition. Clusters of equal size are ordered by their first member, so
        equal partitions get equal labels.

    Raises
    ------
    ValueError
        When `labels` is not one-dimensional, is empty, or holds no such ids.
    """
    ids = check_labels(labels)
    _, first_member, inverse, sizes = np.unique(
        ids,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    # The last key counts first.
    by_falling_size = np.lexsort((first_member, -sizes))
    new_id = np.empty(len(sizes), dtype=np.int64)
    new_id[by_falling_size] = np.arange(len(sizes))
    return new_id[inverse]


def match_labels(labels: ArrayLike, reference: ArrayLike) -> IntArray:
    """Renumber clusters so that as many rows as possible keep the id of a reference.

    Parameters
    ----------
    labels, reference : (n,) array-like of int
        Two labelings of the same rows, ids 0 or more.

    Returns
    -------
    (n,) int64
        The partition of `labels`. Ids are assigned one to one, so that as many rows as
        possible have the same id as in `reference` (Kuhn 1955,
        doi:10.1002/nav.3800020109). Clusters that are left over take the ids after the
        last one of `reference`, by falling size.

    Raises
    ------
    ValueError
        When the two differ in length, or hold no such ids.
    """
    reference_ids = check_labels(reference, name="reference")
    names, targets = np.unique(reference_ids, return_inverse=True)
    ids = canonical_labels(check_labels(labels, len(targets)))
    n_clusters = int(ids.max()) + 1

    overlap = contingency_matrix(ids, targets)
    clusters, partners = linear_sum_assignment(overlap, maximize=True)
    new_id = np.full(n_clusters, -1, dtype=np.int64)
    new_id[clusters] = names[partners]

    left_over = new_id < 0
    new_id[left_over] = names[-1] + 1 + np.arange(left_over.sum())
    return new_id[ids]


def contingency(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    class_names: Sequence[str] = (),
) -> pd.DataFrame:
    """Count the images of each garment in each cluster.

    Parameters
    ----------
    labels_true : (n,) array-like of int
        True garments, 0-9. The order of the two arguments is scikit-learn's.
    labels_pred : (n,) array-like of int
        Cluster ids, 0 or more.
    class_names : sequence of ten str
        The names of the labels 0-9; default: the garments.

    Returns
    -------
    DataFrame
        Ten rows (garments, or classes where names are given) and one column for each
        cluster id that occurs, int64 counts that sum to n. Rows and columns are ordered
        so that the best one-to-one assignment of clusters to garments is the diagonal,
        its largest count first.

    Raises
    ------
    ValueError
        For different lengths, garments outside 0-9, or another number of names than
        ten.
    """
    garments = check_labels(labels_true, name="labels_true")
    ids = check_labels(labels_pred, len(garments), "labels_pred")
    n_garments = len(CLASS_NAMES)
    if class_names and len(class_names) != n_garments:
        found = f"{len(class_names)} names"
        raise ValueError(f"class_names: found {found}, expected {n_garments}")
    names = class_names or CLASS_NAMES
    if garments.max() >= n_garments:
        found = garments.max()
        raise ValueError(f"labels_true: found {found}, expected garments, 0 to 9")

    clusters, columns = np.unique(ids, return_inverse=True)
    counts = np.zeros((n_garments, len(clusters)), dtype=np.int64)
    np.add.at(counts, (garments, columns), 1)
    matched_rows, matched_columns = linear_sum_assignment(counts, maximize=True)
    largest_first = np.argsort(-counts[matched_rows, matched_columns], kind="stable")
    row_order = _matched_first(matched_rows[largest_first], n_garments)
    column_order = _matched_first(matched_columns[largest_first], len(clusters))
    return pd.DataFrame(
        counts[np.ix_(row_order, column_order)],
        index=pd.Index(
            [names[row] for row in row_order],
            name="class" if class_names else "garment",
        ),
        columns=pd.Index(clusters[column_order], name="cluster"),
    )


def external_scores(labels_true: ArrayLike, labels_pred: ArrayLike) -> pd.Series:
    """Score how well clusters agree with the garments.

    Parameters
    ----------
    labels_true : (n,) array-like of int
        True garments, 0-9. The order of the two arguments is scikit-learn's; `purity`
        and the table behind it change when they are swapped.
    labels_pred : (n,) array-like of int
        Cluster ids, 0 or more, of the same images.

    Returns
    -------
    Series of float
        ``ARI``, the adjusted Rand index (Hubert and Arabie 1985,
        doi:10.1007/BF01908075): on which share of all pairs of images do both agree,
        corrected so that chance gives 0; 1 is best. ``NMI``, the normalized mutual
        information with the arithmetic mean: from 0 to 1, which is best. ``accuracy``:
        the share of images on the best one-to-one assignment of clusters to garments.
        ``purity``: the share of images that belong to the most frequent garment of
        their cluster; it rises by itself with the number of clusters, and is no
        accuracy.

    Raises
    ------
    ValueError
        As `contingency`.
    """
    counts = contingency(labels_true, labels_pred).to_numpy()
    n_images = counts.sum()
    return pd.Series(
        {
            "ARI": adjusted_rand_score(labels_true, labels_pred),
            "NMI": normalized_mutual_info_score(labels_true, labels_pred),
            "accuracy": np.trace(counts) / n_images,
            "purity": counts.max(axis=0).sum() / n_images,
        },
    )


def _matched_first(matched: IntArray, n: int) -> IntArray:
    """Return the numbers 0..n-1: the matched ones in their order, then the others."""
    unmatched = np.setdiff1d(np.arange(n), matched)
    return np.concatenate([matched, unmatched])
