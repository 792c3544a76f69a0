"""What must hold for any input: definitions, SciPy and scikit-learn."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from sklearn.metrics import silhouette_samples as silhouettes_of_scikit_learn

import fmnist_clustering as fc

pytestmark = pytest.mark.slow

seeds = st.integers(0, 2**32 - 1)


@st.composite
def rows(draw: st.DrawFn) -> NDArray[Any]:
    """Draw images or points, from all alike to far apart."""
    rng = np.random.default_rng(draw(seeds))
    shape = (draw(st.integers(4, 40)), draw(st.integers(1, 30)))
    if draw(st.booleans()):
        n_greys = draw(st.sampled_from([2, 5, 256]))
        return rng.integers(0, n_greys, shape, dtype=np.uint8)
    scale = 10.0 ** draw(st.integers(-3, 3))
    offset = draw(st.integers(-5, 5))
    return rng.normal(offset, scale, shape)


def as_numbers(X: NDArray[Any]) -> NDArray[np.float64]:
    """Return rows as the package counts them: 255 means 1.0 in images."""
    return X / 255 if X.dtype == np.uint8 else X


# k-means and silhouettes


@given(rows(), seeds)
def test_silhouettes_are_those_of_scikit_learn(X: NDArray[Any], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, len(X))
    labels[:2] = [0, 1]
    silhouettes = fc.silhouette_samples(X, labels)
    expected = silhouettes_of_scikit_learn(as_numbers(X), labels)
    np.testing.assert_allclose(silhouettes, expected, atol=2e-7)
    assert ((silhouettes >= -1) & (silhouettes <= 1)).all()


@given(rows(), st.integers(1, 4), st.integers(0, 999))
def test_the_inertia_of_a_sweep_is_its_definition(
    X: NDArray[Any], k: int, random_state: int
) -> None:
    points = as_numbers(X)
    k = min(k, len(np.unique(points, axis=0)), len(X) - 1)
    sweep = fc.sweep_k(X, [k], n_init=1, random_state=random_state)
    (labels,) = sweep.labels
    means = np.array([points[labels == j].mean(axis=0) for j in range(k)])
    tolerance = 1e-9 * np.abs(points).max()
    np.testing.assert_allclose(sweep.centroids[0], means, 1e-9, tolerance)
    by_definition = np.square(points - means[labels]).sum()
    tolerance = 1e-12 * np.square(points).sum()
    assert sweep.inertia[0] == pytest.approx(by_definition, 1e-9, tolerance)


# Trees


@given(rows(), st.sampled_from(["single", "complete", "average", "ward"]))
def test_trees_are_those_of_scipy(X: NDArray[Any], method: str) -> None:
    distances = pdist(as_numbers(X))
    tree = fc.linkage(X, method)
    assert hierarchy.is_valid_linkage(tree)
    assert tree[-1, 3] == len(X)
    has_ties = len(np.unique(distances)) < len(distances)
    if not has_ties:  # or else more than one tree is right
        expected = hierarchy.linkage(distances, method)
        np.testing.assert_allclose(tree, expected, rtol=1e-9)


# Pictures in few colors

small_pictures = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)),
)


def squared_error(image: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    differences = image.astype(np.int64) - other
    return int(np.square(differences).sum())


@given(small_pictures, st.integers(1, 9))
def test_a_quantized_picture_is_drawn_with_its_palette_at_its_psnr(
    image: NDArray[np.uint8],
    n_colors: int,
) -> None:
    quantized = fc.quantize(image, n_colors)
    assert 1 <= len(quantized.palette) <= n_colors
    assert quantized.image.shape == image.shape
    for place in np.ndindex(image.shape[:2]):
        color = quantized.palette[quantized.indices[place]]
        assert quantized.image[place].tolist() == color.tolist()
    error = squared_error(image, quantized.image)
    assert error <= squared_error(image, fc.quantize(image, 1).image)
    expected = 10 * np.log10(255**2 / (error / image.size)) if error else np.inf
    assert fc.psnr(image, quantized.image) == pytest.approx(expected)
