"""Distances against Python's own, where digits are easily lost."""

import math
from itertools import combinations

import numpy as np
import pytest

from fmnist_clustering import condensed_distances


@pytest.mark.parametrize("kind", ["offset", "outliers"])
def test_distances_are_pythons_wherever_the_rows_lie(kind: str) -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    if kind == "offset":
        X += 1e6
    else:
        X[:5] += 1e8
    expected = [math.dist(a, b) for a, b in combinations(X, 2)]
    np.testing.assert_allclose(condensed_distances(X), expected, rtol=1e-12)
