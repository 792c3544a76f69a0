"""What must hold for any input: properties, and files of which bytes were changed."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from sklearn.metrics import silhouette_samples as silhouettes_of_scikit_learn

import fmnist_clustering as fc

pytestmark = pytest.mark.slow

MANY = settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
SOME = settings(max_examples=100, deadline=None, derandomize=True)

seeds = st.integers(0, 2**32 - 1)


@st.composite
def rows(draw: Any) -> NDArray[Any]:
    """Draw images or points, from all alike to far apart."""
    rng, n, d = np.random.default_rng(draw(seeds)), draw(st.integers(4, 40)), draw(st.integers(1, 30))
    if draw(st.booleans()):
        return rng.integers(0, draw(st.sampled_from([2, 5, 256])), (n, d), dtype=np.uint8)
    return np.asarray(rng.normal(scale=10.0 ** draw(st.integers(-3, 3)), size=(n, d)) + draw(st.integers(-5, 5)))


@SOME
@given(rows(), seeds)
def test_silhouettes_are_scikit_learns_and_within_their_range(X: NDArray[Any], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, len(X))
    labels[:2] = 0, 1
    found = fc.silhouette_samples(X, labels)
    assert ((found >= -1) & (found <= 1)).all()
    points = X / 255 if X.dtype == np.uint8 else X
    np.testing.assert_allclose(found, silhouettes_of_scikit_learn(points, labels), atol=2e-7)


@SOME
@given(rows(), st.sampled_from(["single", "complete", "average", "ward"]))
def test_trees_are_scipys(X: NDArray[Any], method: str) -> None:
    points = X / 255 if X.dtype == np.uint8 else X
    distances = pdist(points)
    found = fc.linkage(X, method)
    assert hierarchy.is_valid_linkage(found)
    if len(np.unique(distances)) == len(distances):  # where distances tie the tree is not unique
        np.testing.assert_allclose(found, hierarchy.linkage(distances, method), rtol=1e-9)
    from_rows = fc.linkage(X, "ward", condensed=False)
    np.testing.assert_allclose(from_rows[-1, 3], len(X))


@SOME
@given(rows(), seeds)
def test_inertia_of_a_sweep_is_its_definition(X: NDArray[Any], seed: int) -> None:
    points = X / 255 if X.dtype == np.uint8 else X
    n_distinct = len(np.unique(points, axis=0))
    sweep = fc.sweep_k(X, range(1, min(4, n_distinct, len(X) - 1) + 1), n_init=2, seed=seed % 1000)
    for labels, centroids, cost in zip(sweep.labels, sweep.centroids, sweep.inertia, strict=True):
        means = np.array([points[labels == cluster].mean(axis=0) for cluster in range(labels.max() + 1)])
        np.testing.assert_allclose(centroids, means, rtol=1e-9, atol=1e-9 * np.abs(points).max())
        by_hand = sum(float(((point - means[label]) ** 2).sum()) for point, label in zip(points, labels, strict=True))
        assert cost == pytest.approx(by_hand, rel=1e-9, abs=1e-12 * (points**2).sum())


@SOME
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))), st.integers(1, 9))
def test_quantized_error_is_its_definition_and_at_most_that_of_one_color(image: NDArray[Any], k: int) -> None:
    quantized = fc.quantize(image, k)
    assert len(quantized.palette) <= k
    squared = 0
    for place in np.ndindex(image.shape[:2]):
        color = quantized.palette[quantized.indices[place]]
        squared += sum((int(a) - int(b)) ** 2 for a, b in zip(image[place], color, strict=True))
    if squared == 0:
        assert fc.psnr(image, quantized.image) == np.inf
    else:
        assert fc.psnr(image, quantized.image) == pytest.approx(10 * np.log10(255**2 * image.size / squared))
    one = np.square(image.astype(float) - fc.quantize(image, 1).image).sum()
    assert squared <= one


@SOME
@given(st.integers(1, 5), seeds, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_pandas_writes_reads_back(tmp_path_factory: Any, n: int, seed: int, gzip: bool, line: str) -> None:
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.integers(0, 10, n), rng.integers(0, 256, (n, 784))])
    path = tmp_path_factory.mktemp("csv") / f"a.csv{'.gz' * gzip}"
    names = ["label", *(f"pixel{i}" for i in range(1, 785))]
    pd.DataFrame(values, columns=names).to_csv(path, index=False, lineterminator=line)
    found = fc.read_csv(path)
    np.testing.assert_array_equal(found.garments, values[:, 0])
    np.testing.assert_array_equal(found.pixels, values[:, 1:])


def picture_bytes(suffix: str) -> bytes:
    rng, stream = np.random.default_rng(0), io.BytesIO()
    pixels = np.clip(np.indices((24, 32)).sum(axis=0)[..., None] * 4 + rng.integers(0, 30, (24, 32, 3)), 0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(stream, format=suffix)
    return stream.getvalue()


@st.composite
def damaged(draw: Any, whole: bytes) -> bytes:
    """Draw a file of which bytes were changed, dropped, doubled or cut off."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(content) - 1))
    length = draw(st.integers(0, 20))
    kind = draw(st.sampled_from(["as it is", "truncated", "dropped", "doubled"]))
    if kind == "truncated":
        del content[start:]
    if kind == "dropped":
        del content[start : start + length]
    if kind == "doubled":
        content[start:start] = content[start : start + length]
    return bytes(content)


@pytest.mark.parametrize("suffix", ["PNG", "JPEG"])
def test_a_damaged_picture_is_refused_or_valid(suffix: str, tmp_path: Path) -> None:
    path, seen = tmp_path / "damaged", {"refused": 0, "read": 0}

    @MANY
    @given(damaged(picture_bytes(suffix)))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        refusal = ""
        try:
            image = fc.load_image(path)
        except ValueError as error:
            refusal = str(error)
        seen["refused" if refusal else "read"] += 1
        if refusal:
            assert refusal.startswith(f"{path}: cannot be read as a picture (")
        else:
            assert image.dtype == np.uint8
            assert image.ndim == image.shape[-1] == 3
            assert image.size > 0

    check()
    assert sum(seen.values()) >= 1000
    assert min(seen.values()) > 20, seen


def csv_bytes() -> bytes:
    rng = np.random.default_rng(1)
    values = np.column_stack([rng.integers(0, 10, 3), rng.integers(0, 256, (3, 784))])
    table = pd.DataFrame(values, columns=["label", *(f"pixel{i}" for i in range(1, 785))])
    return str(table.to_csv(index=False)).encode()


def test_a_damaged_csv_is_refused_or_valid(tmp_path: Path) -> None:
    path, seen = tmp_path / "damaged.csv", {"refused": 0, "read": 0}

    @MANY
    @given(damaged(csv_bytes()))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        refusal = ""
        try:
            images = fc.read_csv(path)
        except ValueError as error:
            refusal = str(error)
        seen["refused" if refusal else "read"] += 1
        if refusal:
            assert refusal.startswith(f"{path}: ")
        else:
            assert images.pixels.shape == (len(images.garments), 784)
            assert images.pixels.dtype == images.garments.dtype == np.uint8
            assert len(images.garments) > 0
            assert images.garments.max() <= 9

    check()
    assert sum(seen.values()) >= 1000
    assert min(seen.values()) > 20, seen
