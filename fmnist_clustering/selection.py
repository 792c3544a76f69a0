"""The criteria over k: inertia and its elbow, silhouette, and others; where they disagree."""

from collections.abc import Iterable
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score

from fmnist_clustering import checks
from fmnist_clustering.checks import Floats, Ids, Rows
from fmnist_clustering.distances import TILE_ROWS, map_tiles, squared_distances
from fmnist_clustering.kmeans import SEARCH_COLUMNS, Problem, fit_many, prepare

Block = tuple[Rows, Ids]

RULES = {"inertia": "elbow", "silhouette": "maximum", "Calinski-Harabasz": "maximum"}
RULES |= {"Davies-Bouldin": "minimum", "stability": "one standard error"}
"""How each criterion picks k."""
ELBOW_STRENGTH = 0.5


class KSweep(NamedTuple):
    """One k-means fit for each k.

    Attributes
    ----------
    k_values : (m,) int64
        The numbers of clusters.
    inertia : (m,) float64
        Cost of each fit, see `fmnist_clustering.kmeans.inertia`.
    silhouette : (m,) float64
        Mean silhouette of each fit over all rows; NaN at k = 1, where it is not defined.
    labels : (m, n) int64
        One labeling a row.
    centroids : list of (k, d) float64
        The clusters' means.
    """

    k_values: Ids
    inertia: Floats
    silhouette: Floats
    labels: Ids
    centroids: list[Floats]


class Elbow(NamedTuple):
    """Where a curve of inertia over k stops paying.

    Attributes
    ----------
    k : int or None
        The last k that pays; None where no step stands out.
    strength : float
        1 - (best later step) / (step to k), from 0 (some later step pays as much) to 1 (nothing
        pays after k). Above 1/2 there is an elbow.
    """

    k: int | None
    strength: float


def sweep_k(X: ArrayLike, k_values: Iterable[int], *, n_init: int = 10, seed: int = 0) -> KSweep:
    """Fit k-means for each k and score each fit.

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    k_values : iterable of int
        Numbers of clusters, each from 1 to n - 1, rising.
    n_init, seed : int
        See `fmnist_clustering.kmeans.fit_kmeans`.

    Returns
    -------
    KSweep
        ``.k_values .inertia .silhouette .labels .centroids``.

    Raises
    ------
    ValueError
        For k values that are none, do not rise, or are out of range.
    """
    problem = prepare(X)
    ks = _as_k_values(k_values, 1, len(problem.points) - 1)
    fits = fit_many([{"problem": problem, "n_clusters": int(k), "n_init": n_init, "seed": seed} for k in ks])
    labels = np.stack([fit.labels for fit in fits])
    silhouette = np.full(len(ks), np.nan)
    if (ks > 1).any():
        silhouette[ks > 1] = silhouette_samples(X, labels[ks > 1]).mean(axis=1)
    return KSweep(ks, np.array([fit.inertia for fit in fits]), silhouette, labels, [f.centroids for f in fits])


def _as_k_values(k_values: Iterable[int], lowest: int, highest: int) -> Ids:
    """Return numbers of clusters, checked."""
    given = checks.array([*k_values] if isinstance(k_values, Iterable) else k_values, "k_values", "iu", "integers")
    ks = given.astype(np.int64)
    if not (ks.ndim == 1 and ks.size and ks[0] >= lowest and ks[-1] <= highest and (np.diff(ks) > 0).all()):
        expected = f"one or more rising integers from {lowest} to {highest}"
        raise ValueError(f"k_values: found {given.tolist()}, expected {expected}")
    return ks


def stability(
    X: ArrayLike, k_values: Iterable[int], *, n_resamples: int = 10, n_init: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Ask whether another sample would give the same clusters.

    For each k every resample, a random half of the rows, is clustered on its own, in the first 20
    principal components of at most 10,000 rows. The centroids then label all of these rows, and
    the labelings are compared pair by pair (Ben-Hur, Elisseeff and Guyon 2002).

    Parameters
    ----------
    X : (n, d) array-like
        One point a row; a uint8 array counts in units of 255.
    k_values : iterable of int
        Numbers of clusters, each from 2 to n / 2 - 1, rising.
    n_resamples : int
        How many halves are drawn, 3 or more; all k see the same ones.
    n_init, seed : int
        See `fmnist_clustering.kmeans.fit_kmeans`.

    Returns
    -------
    DataFrame
        One row a k (the index), one column a pair of resamples (``first``, ``second``), all kept:
        their ARI, 1 for equal labelings, 0 for chance. High where the clusters do not hang on the
        sample; that alone does not make them real, since any cut that is easy to repeat is stable.

    Raises
    ------
    ValueError
        For k values out of range, or fewer than three resamples.

    Notes
    -----
    10,000 images, k 2-14: 130 fits and 585 ARI in about 20 s on two cores.
    """
    n_resamples = checks.count(n_resamples, "n_resamples", 3)
    _, _, coarse, sample, unit = prepare(X)
    points = np.ascontiguousarray(coarse[sample, :SEARCH_COLUMNS])
    rng = np.random.default_rng(checks.count(seed, "seed", 0))
    n = len(points)
    ks = _as_k_values(k_values, 2, n // 2 - 1)
    halves = [points[np.sort(rng.choice(n, n // 2, replace=False))] for _ in range(n_resamples)]
    problems = [Problem(half, np.ones(n // 2), half, np.arange(n // 2), unit) for half in halves]
    shared = {"n_init": n_init, "seed": seed}
    requests = [{"problem": problem, "n_clusters": int(k), **shared} for k in ks for problem in problems]
    fits = fit_many(requests, "k-means on resamples")
    labels = np.stack([cdist(points, fit.centroids * unit, "sqeuclidean").argmin(axis=1) for fit in fits])
    pairs = [*combinations(range(n_resamples), 2)]
    ari = [[adjusted_rand_score(row[a], row[b]) for a, b in pairs] for row in labels.reshape(len(ks), n_resamples, n)]
    columns = pd.MultiIndex.from_tuples(pairs, names=["first", "second"])
    return pd.DataFrame(ari, index=pd.Index(ks, name="k"), columns=columns)


def criteria(X: ArrayLike, sweep: KSweep, replicates: pd.DataFrame) -> pd.DataFrame:
    """Lay all criteria over k.

    Parameters
    ----------
    X : (n, d) array-like
        The rows that `sweep` clustered.
    sweep : KSweep
        What `sweep_k` returned.
    replicates : DataFrame
        What `stability` returned.

    Returns
    -------
    DataFrame
        One row a k (the index). ``n``, the rows that each value is computed on; ``inertia``, lower is
        tighter; ``silhouette``, exact, -1 to 1, higher is better; ``Calinski-Harabasz`` (1974),
        variance between over variance within clusters, each by its degrees of freedom, 0 or more,
        higher is better; ``Davies-Bouldin`` (1979), how wide each cluster is beside its distance
        to the most similar other one, 0 or more, lower is better; ``stability``, the mean of the
        replicates, and ``standard error``, by leaving out one resample at a time (jackknife).
        Missing where a criterion is not defined (k = 1).

    Raises
    ------
    ValueError
        When `sweep` does not hold one label for each row.
    """
    points = checks.points(X)
    rows = [checks.labels(row, len(points), "sweep.labels") for row in checks.made(sweep, "sweep", KSweep).labels]
    table = pd.DataFrame({"n": len(points), "inertia": sweep.inertia, "silhouette": sweep.silhouette})
    for name, score in (("Calinski-Harabasz", calinski_harabasz_score), ("Davies-Bouldin", davies_bouldin_score)):
        table[name] = [score(points, row) if row.any() else np.nan for row in rows]
    table = table.set_index(pd.Index(sweep.k_values, name="k"))
    table["stability"] = checks.made(replicates, "replicates", pd.DataFrame).mean(axis=1)
    pairs = replicates.columns.to_frame()
    without = [replicates.loc[:, (pairs != one).all(axis=1).to_numpy()].mean(axis=1) for one in np.unique(pairs)]
    error = np.std(without, axis=0) * np.sqrt(len(without) - 1)
    table["standard error"] = pd.Series(error, index=replicates.index)
    return table


def picks(table: pd.DataFrame) -> pd.DataFrame:
    """Let each criterion pick k, by the rule that suits it.

    The elbow suits a curve that always falls, and may find nothing. The optimum suits a score that
    has one. One standard error suits a score that is known with an error: the smallest k whose
    mean is within one standard error of the highest mean (Breiman et al. 1984).

    Parameters
    ----------
    table : DataFrame
        What `criteria` returned; criteria that it lacks are left out.

    Returns
    -------
    DataFrame
        One row a criterion (the index): ``rule``; ``pick``, missing where there is none;
        ``runner-up``, the best k besides; ``at an end``, whether the pick is the first or the last
        k that could be picked, where an optimum proves least: beyond it may be a better one.

    Raises
    ------
    ValueError
        When a criterion is known at fewer than two k, inertia at fewer than five.
    """
    rows, table = {}, checks.made(table, "table", pd.DataFrame)
    for name in [name for name in RULES if name in table]:
        curve, rule = table[name].dropna(), RULES[name]
        if rule == "elbow":
            k, cost = _as_curve(curve.index, curve, 5)
            score = pd.Series(_elbow_strengths(k, cost), index=curve.index[1:-2])
        else:
            score = -curve if rule == "minimum" else curve
        if len(score) < 2:
            raise ValueError(f"table: found {name} at {len(score)} k, expected two or more to choose from")
        ranked = score.sort_values(ascending=False, kind="stable").index
        pick = ranked[0] if rule != "elbow" or score.max() > ELBOW_STRENGTH else pd.NA
        if rule == "one standard error":
            pick = score.index[score >= score.max() - table["standard error"][ranked[0]]][0]
        runner_up = ranked[0] if pick is pd.NA else ranked[ranked != pick][0]
        at_an_end = pick is not pd.NA and pick in (score.index[0], score.index[-1])
        rows[name] = {"rule": rule, "pick": pick, "runner-up": runner_up, "at an end": at_an_end}
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("criterion")
    return found.astype({"pick": "Int64", "runner-up": "int64", "at an end": "bool"})


def verdict(found: pd.DataFrame) -> str:
    """Say in words where the criteria agree, and where not.

    Parameters
    ----------
    found : DataFrame
        What `picks` returned.

    Returns
    -------
    str
        One sentence for each k that is picked, one for those that name none, one for the picks at
        an end of the range, and one for how many agree.
    """
    rows = checks.made(found, "found", pd.DataFrame).iterrows()
    names = [f"{name} (runner-up {row['runner-up']})" for name, row in rows]
    by_pick = pd.Series(names, index=found.index).groupby(found["pick"], dropna=False).agg(list)
    said = [f"{'No k' if pd.isna(k) else f'k = {k}'}: {', '.join(who)}." for k, who in by_pick.items()]
    ends = found.index[found["at an end"]]
    said += [f"At an end of the range: {', '.join(ends)}."] if len(ends) else []
    votes = found["pick"].value_counts()
    most, total = int(votes.max() if len(votes) else 0), len(found)
    agreed = f"All {total} agree on {votes.index[0]}." if most == total else ""
    return " ".join([*said, agreed or f"No k is picked by more than {most} of {total}: they disagree."])


def silhouette_samples(X: ArrayLike, labels: ArrayLike) -> Floats:
    """Return each row's silhouette: how much nearer its own cluster is than the next one.

    All labelings share one pass over the distances (see `fmnist_clustering.distances`).

    Parameters
    ----------
    X : (n, d) array-like
        One point a row.
    labels : (n,) or (m, n) array-like of int
        Ids of 2 to n - 1 clusters: one labeling, or one a row.

    Returns
    -------
    (n,) or (m, n) float64
        (b - a) / max(a, b), with a the mean distance to the other members of the own cluster and
        b that to the nearest other cluster (Rousseeuw 1987). -1 to 1; 1 is best, 0 lies between
        two clusters, below 0 another cluster is nearer. 0 for a cluster of one.

    Raises
    ------
    ValueError
        When a labeling does not name 2 to n - 1 clusters, or is not one id for each row.

    Notes
    -----
    Distances are rounded to multiples of a power of two so small that it does not matter and so
    large that their sums are exact: the result does not depend on the order of summation, and so
    not on the number of threads or on the BLAS. 19 labelings of 10,000 images take about 1.5 s on
    two cores, of 70,000 about a minute and 0.6 GB.
    """
    rows, unit = checks.rows(X)
    points = rows if unit != 1 else rows - rows.mean(axis=0)
    labelings = np.atleast_2d(checks.array(labels, "labels", "iu", "integers from 0"))
    ids = np.stack([_cluster_numbers(labeling, len(rows)) for labeling in labelings])
    n_clusters = ids.max(axis=1) + 1
    ends = np.cumsum(n_clusters)
    columns = ids + (ends - n_clusters)[:, None]
    sums = _sums_to_clusters(points, columns, int(ends[-1]))
    parts = zip(ends, n_clusters, ids, strict=True)
    samples = [silhouettes_from_sums(sums[:, end - k : end], row) for end, k, row in parts]
    return np.stack(samples) if np.ndim(labels) > 1 else samples[0]


def silhouettes_from_sums(sums: Floats, ids: Ids) -> Floats:
    """Return silhouettes from what they are made of.

    Parameters
    ----------
    sums : (n, k) float64
        Sum of the distances from each row to the members of each cluster.
    ids : (n,) int64
        The cluster of each row, 0..k-1, none of them empty.

    Returns
    -------
    (n,) float64
        See `silhouette_samples`.
    """
    sizes, own = np.bincount(ids), ids[:, None]
    a = np.take_along_axis(sums, own, axis=1)[:, 0] / np.maximum(sizes[ids] - 1, 1)
    means = sums / sizes
    np.put_along_axis(means, own, np.inf, axis=1)
    b = means.min(axis=1)
    larger = np.maximum(a, b)
    defined = (sizes[ids] > 1) & (larger > 0)
    return np.asarray(np.divide(b - a, larger, out=np.zeros(len(ids)), where=defined))


def _cluster_numbers(labels: Ids, n: int) -> Ids:
    """Return ids without gaps, 0..k-1, for 2 to n - 1 clusters."""
    names, ids = np.unique(checks.labels(labels, n), return_inverse=True)
    if not 2 <= len(names) < n:
        raise ValueError(f"labels: found {len(names)} clusters in {n} rows, expected 2 to n - 1")
    return ids


def _sums_to_clusters(points: Rows, columns: Ids, n_columns: int) -> Floats:
    """Return the sum of distances from each row (n) to the members of each cluster (n_columns)."""
    n, d = points.shape
    longest = 255 * d**0.5 if points.dtype == np.uint8 else 2 * np.sqrt(np.square(points).sum(axis=1).max())
    # Adding and taking off 1.5 * 2^52 grains rounds to whole grains, 2^52 of which hold any sum.
    grain = 2.0 ** (np.ceil(np.log2(max(n * longest, 1e-300))) - 52)
    task = partial(_tile_sums, n_columns=n_columns, rounder=1.5 * 2.0**52 * grain)
    parts = [slice(first, first + TILE_ROWS) for first in range(0, n, TILE_ROWS)]
    sums = np.zeros((n, n_columns))
    blocks = [(points[part], columns[:, part]) for part in parts]
    for i, j, (ours, theirs) in map_tiles(task, blocks, "tiles of distances"):
        sums[parts[i]] += ours
        if theirs is not None:
            sums[parts[j]] += theirs
    return sums


def _tile_sums(block: Block, other: Block | None, *, n_columns: int, rounder: float) -> tuple[Floats, Floats | None]:
    """Sum a tile's distances by cluster, for its rows and for its columns."""
    points, columns = block
    others, other_columns = other or block
    distances = squared_distances(points, others)
    np.sqrt(distances, out=distances)
    distances += rounder
    distances -= rounder
    ours = distances @ _one_hot(other_columns, n_columns)
    return ours, distances.T @ _one_hot(columns, n_columns) if other else None


def _one_hot(columns: Ids, n_columns: int) -> Floats:
    """Return (rows, n_columns) with a 1 in each of a row's columns, one for each labeling."""
    marked = np.zeros((columns.shape[1], n_columns))
    np.put_along_axis(marked, columns.T, 1.0, axis=1)
    return marked


def elbow(k_values: ArrayLike, inertia: ArrayLike) -> Elbow:
    """Find the last number of clusters that pays, or say that there is none.

    A cloud without clusters loses inertia as a power law, k^(-2/d), with d its dimension (Zador
    1982). So the step to k pays s(k), the slope of log inertia over log k, and the strength of an
    elbow at k is 1 - max(s after k) / s(k). Where it is above 1/2, slopes drop by more than half:
    from k on the data behave as if they had more than twice as many dimensions, because clusters
    no longer come apart but are only cut up. Straight, flat and power-law curves have no elbow.

    Parameters
    ----------
    k_values : (m,) array-like of int
        Rising numbers of clusters from 1, m >= 4; an elbow needs one step before and two after it.
    inertia : (m,) array-like of float
        The cost at each, 0 or more.

    Returns
    -------
    Elbow
        ``.k`` or None, and the largest ``.strength``.

    Raises
    ------
    ValueError
        For fewer than four points, different lengths, NaN, a cost below 0, or k values that do not
        rise from 1 or more.
    """
    k, cost = _as_curve(k_values, inertia, 4)
    strength = _elbow_strengths(k, cost)
    best = int(np.argmax(strength))
    return Elbow(int(k[best + 1]) if strength[best] > ELBOW_STRENGTH else None, max(float(strength[best]), 0.0))


def _elbow_strengths(k: Floats, cost: Floats) -> Floats:
    """Return the strength of an elbow at each k but the first and the last two."""
    slopes = -np.diff(np.log(np.maximum(cost, np.finfo(np.float64).tiny))) / np.diff(np.log(k))
    later = np.maximum.accumulate(slopes[::-1])[::-1][1:]
    strength = np.zeros(len(slopes) - 2)
    steep = slopes[:-2] > 1e-9
    strength[steep] = 1 - np.maximum(later[:-1][steep], 0) / slopes[:-2][steep]
    return strength


def elbow_ranges(k_values: ArrayLike, inertia: ArrayLike) -> pd.DataFrame:
    """Ask for the elbow on every range of k, to see whether the answer moves with the range.

    Parameters
    ----------
    k_values, inertia : (m,) array-like
        See `elbow`.

    Returns
    -------
    DataFrame
        One row a range of at least four values: ``first`` and ``last`` k; ``chord``, the k
        farthest below the straight line from first to last point, both axes scaled to 0..1, which
        is what most tools report (Satopaa et al. 2011); ``elbow``, what `elbow` says, or missing.

    Raises
    ------
    ValueError
        As `elbow`.
    """
    k, cost = _as_curve(k_values, inertia, 4)
    rows = []
    for first, last in [(i, j) for i, j in combinations(range(len(k)), 2) if j - i >= 3]:
        x, y = k[first : last + 1], cost[first : last + 1]
        depth = (x - x[0]) / (x[-1] - x[0]) + (y - y[-1]) / max(y[0] - y[-1], 1e-300)
        rows.append((int(x[0]), int(x[-1]), int(x[depth.argmin()]), elbow(x, y).k))
    table = pd.DataFrame(rows, columns=["first", "last", "chord", "elbow"])
    return table.astype({"elbow": "Int64"})


def _as_curve(k_values: ArrayLike, inertia: ArrayLike, at_least: int) -> tuple[Floats, Floats]:
    """Return a curve of costs over rising k, checked."""
    k, cost = checks.curve(k_values, inertia, "inertia")
    if len(k) < at_least or not (np.isfinite(cost).all() and (np.diff(k) > 0).all() and k[0] >= 1 and cost.min() >= 0):
        expected = f"{at_least} or more k that rise from 1, and costs from 0"
        raise ValueError(f"k_values, inertia: found {k.tolist()} and {cost.tolist()}, expected {expected}")
    return k, cost
