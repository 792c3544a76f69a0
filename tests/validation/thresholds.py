"""Where the thresholds of ``select_cut(rule="relative")`` come from.

Builds trees of rows without clusters, with other seeds than the study, and prints for
each linkage the scale that one tree in a hundred exceeds, and how often the scale of
the package is exceeded. Takes a few minutes.
"""

import os

# Each process uses one core, and BLAS is started with the first import of NumPy.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from itertools import product

import joblib
import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist

from fmnist_clustering.hierarchy import (
    LEAVES_PER_CLUSTER,
    METHODS,
    THRESHOLD_POWER,
    THRESHOLD_SCALE,
)
from tests.validation.data_sets import Generator, Points, exponential, gaussian, uniform

DIMENSIONS = (1, 2, 3, 5, 10, 20, 50)
REPEATS = {50: 100, 100: 100, 200: 100, 500: 60, 1000: 40, 2000: 15}
"""How many trees of each size, for each kind of cloud and each dimension."""
FIRST_SEED = 1000
MAX_CLUSTERS = 20


def ball(rng: Generator, n: int, d: int) -> Points:
    directions = rng.normal(size=(n, d))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    return np.asarray(directions * rng.uniform(size=(n, 1)) ** (1 / d))


def long(rng: Generator, n: int, d: int) -> Points:
    return np.asarray(rng.normal(size=(n, d)) * np.geomspace(1, 0.1, d))


def student(rng: Generator, n: int, d: int) -> Points:
    """Student's t with five degrees of freedom."""
    scale = np.sqrt(rng.chisquare(5, size=(n, 1)) / 5)
    return np.asarray(rng.normal(size=(n, d)) / scale)


CLOUDS = (uniform, ball, gaussian, long, exponential, student)


def scales(kind: int, n: int, d: int, seed: int) -> dict[str, float]:
    """Return for each linkage the scale at which its tree would just be cut."""
    rng = np.random.default_rng([seed, n, d, kind])
    distances = pdist(CLOUDS[kind](rng, n, d))
    k = np.arange(2, min(MAX_CLUSTERS, n // LEAVES_PER_CLUSTER) + 1)
    found = {"d": float(d)}
    for method in METHODS:
        heights = linkage(distances, method)[::-1, 2]
        ratios = heights[k - 2] / heights[k - 1]
        best = ratios.argmax()
        found[method] = (ratios[best] - 1) * (k[best] - 1) ** THRESHOLD_POWER
    return found


def main() -> None:
    """Build all trees, on all cores, and print the table."""
    settings = [
        (kind, n, d, FIRST_SEED + repeat)
        for kind, (n, n_repeats), d in product(
            range(len(CLOUDS)), REPEATS.items(), DIMENSIONS
        )
        for repeat in range(n_repeats)
    ]
    jobs = (joblib.delayed(scales)(*setting) for setting in settings)
    trees = pd.DataFrame(joblib.Parallel(n_jobs=-1)(jobs))
    print(f"{len(trees)} trees")
    is_on_a_line = trees["d"] == 1
    for method in METHODS:
        named = trees[method] >= THRESHOLD_SCALE[method]
        print(
            f"{method}: one in a hundred above {trees[method].quantile(0.99):.2f}; "
            f"above {THRESHOLD_SCALE[method]}: {named.mean():.2%}, "
            f"in one dimension {named[is_on_a_line].mean():.1%}, "
            f"in more {named[~is_on_a_line].mean():.2%}"
        )


if __name__ == "__main__":
    main()
