"""The search finds what ten starts of scikit-learn find, on data of many kinds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from fmnist_clustering import fit_kmeans, inertia, load_split

Generator = np.random.Generator

N_SEEDS = 20
LARGEST_EXCESS = 0.005


class Case(NamedTuple):
    """What to cluster, into how many clusters, and the weights."""

    X: NDArray[np.float64]
    k: int
    weight: NDArray[np.float64] | None = None


def blobs(rng: Generator) -> Case:
    centers = rng.uniform(-10, 10, (8, 2))
    return Case(centers[rng.integers(0, 8, 300)] + rng.normal(size=(300, 2)), 8)


def blobs_in_20_columns(rng: Generator) -> Case:
    centers = rng.uniform(-10, 10, (12, 20))
    return Case(centers[rng.integers(0, 12, 500)] + 2 * rng.normal(size=(500, 20)), 12)


def hundred_blobs_on_a_grid(rng: Generator) -> Case:
    centers = 5.0 * np.array([[i, j] for i in range(10) for j in range(10)])
    return Case(centers[np.arange(2000) % 100] + rng.normal(size=(2000, 2)), 100)


def one_large_and_eight_small_clusters(rng: Generator) -> Case:
    small = rng.uniform(-20, 20, (8, 1, 2)) + 0.3 * rng.normal(size=(8, 10, 2))
    return Case(np.vstack([rng.normal(size=(2000, 2)), small.reshape(-1, 2)]), 9)


def uniform_in_the_plane(rng: Generator) -> Case:
    return Case(rng.random((400, 2)), 10)


def uniform_in_five_columns(rng: Generator) -> Case:
    return Case(rng.random((1000, 5)), 15)


def noise_in_200_columns(rng: Generator) -> Case:
    return Case(rng.normal(size=(500, 200)), 5)


def fewer_rows_than_columns(rng: Generator) -> Case:
    return Case(rng.normal(size=(40, 100)), 8)


def long_ellipsoid(rng: Generator) -> Case:
    return Case(rng.normal(size=(600, 3)) * [30, 3, 1], 9)


def heavy_tails(rng: Generator) -> Case:
    return Case(rng.standard_t(1.5, (800, 3)), 10)


def very_heavy_tails(rng: Generator) -> Case:
    return Case(rng.standard_cauchy((1000, 2)), 6)


def integers(rng: Generator) -> Case:
    return Case(rng.integers(0, 6, (600, 3)).astype(np.float64), 12)


def thirty_categories(rng: Generator) -> Case:
    return Case(np.eye(30)[rng.integers(0, 30, 500)], 20)


def one_row_far_out(rng: Generator) -> Case:
    centers = np.array([[0, 0], [8, 0], [0, 8]])
    near = centers[np.arange(120) % 3] + rng.normal(size=(120, 2))
    return Case(np.vstack([near, [[1e4, 1e4]]]), 4)


def few_heavy_rows_far_out(rng: Generator) -> Case:
    X = rng.normal(size=(12_000, 2))
    X[:5] = 100 * rng.normal(size=(5, 2)) + rng.choice([-500, 500], (5, 2))
    weight = np.ones(12_000)
    weight[:5] = 1000
    return Case(X, 6, weight)


def weights_of_all_sizes(rng: Generator) -> Case:
    return Case(rng.normal(size=(15_000, 3)), 7, rng.pareto(1.2, 15_000) + 0.01)


def small_groups_among_many_rows(rng: Generator) -> Case:
    X = rng.normal(size=(15_000, 2))
    centers = rng.uniform(15, 30, (4, 2)) * rng.choice([-1, 1], (4, 2))
    X[:60] = np.repeat(centers, 15, axis=0) + 0.1 * rng.normal(size=(60, 2))
    return Case(X, 6)


def clusters_in_quiet_columns(rng: Generator) -> Case:
    centers = 3 * rng.normal(size=(6, 40))
    quiet = centers[np.arange(600) % 6] + 0.3 * rng.normal(size=(600, 40))
    return Case(np.hstack([5 * rng.normal(size=(600, 20)), quiet]), 6)


def clusters_in_quiet_columns_of_many(rng: Generator) -> Case:
    centers = 2 * rng.normal(size=(6, 100))
    quiet = centers[np.arange(3000) % 6] + 0.3 * rng.normal(size=(3000, 100))
    return Case(np.hstack([6 * rng.normal(size=(3000, 30)), quiet]), 6)


def each_cluster_in_a_column_of_its_own(_: Generator) -> Case:
    return Case(np.repeat(np.diag(np.arange(60, 0, -1.0)), 3, axis=0), 40)


def each_cluster_in_one_of_100_columns(_: Generator) -> Case:
    return Case(np.repeat(np.diag(np.arange(100, 0, -1.0)), 3, axis=0), 70)


def few_directions_in_300_columns(rng: Generator) -> Case:
    return Case(rng.normal(size=(500, 6)) @ rng.normal(size=(6, 300)), 12)


def images(rng: Generator) -> Case:
    pixels = load_split().pixels
    return Case(pixels[rng.choice(len(pixels), 500, replace=False)] / 255, 10)


FAMILIES = [
    blobs,
    blobs_in_20_columns,
    hundred_blobs_on_a_grid,
    one_large_and_eight_small_clusters,
    uniform_in_the_plane,
    uniform_in_five_columns,
    noise_in_200_columns,
    fewer_rows_than_columns,
    long_ellipsoid,
    heavy_tails,
    very_heavy_tails,
    integers,
    thirty_categories,
    one_row_far_out,
    few_heavy_rows_far_out,
    weights_of_all_sizes,
    small_groups_among_many_rows,
    clusters_in_quiet_columns,
    clusters_in_quiet_columns_of_many,
    each_cluster_in_a_column_of_its_own,
    each_cluster_in_one_of_100_columns,
    few_directions_in_300_columns,
    images,
]


@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES)
def test_never_half_a_percent_worse_than_ten_starts_of_scikit_learn(
    family: Callable[[Generator], Case],
) -> None:
    ratios = []
    for seed in range(N_SEEDS):
        X, k, weight = family(np.random.default_rng(seed))
        fit = fit_kmeans(X, k, sample_weight=weight, random_state=seed)
        peer = KMeans(k, n_init=10, random_state=seed).fit(X, sample_weight=weight)
        peers_inertia = inertia(X, peer.labels_, sample_weight=weight)
        ratios.append(fit.inertia / peers_inertia if peers_inertia > 0 else 1)
    assert max(ratios) <= 1 + LARGEST_EXCESS, f"seed {np.argmax(ratios)}"
    assert np.mean(ratios) <= 1.0002
