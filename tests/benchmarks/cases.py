"""What `make bench` measures: our way and those of peers, as Python code."""

from typing import NamedTuple


class Case(NamedTuple):
    """Our way and the ways of peers to the same result.

    Attributes
    ----------
    name : str
        What is computed.
    setup : str
        Code that all of them run first; this is not timed. The name ``seed`` holds the
        number of the run.
    ours : str
        Our way. If it ends with the inertia for several k, it calls these ``costs``.
    peers : dict of str to str
        The ways of others, by their names.
    reference : str
        Code that leaves the lowest ``costs`` that are known.
    slow : tuple of str
        Peers that run only once, since they take a minute or more.
    """

    name: str
    setup: str
    ours: str
    peers: dict[str, str]
    reference: str = ""
    slow: tuple[str, ...] = ()


IMAGES = """
import numpy as np
import sklearn.metrics
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from fmnist_clustering import (
    fit_kmeans, linkage, load_split, silhouette_samples, sweep_k
)
X = load_split({split!r}).pixels[:{n}]
"""

POINTS = "points = (X / 255).astype(np.float32)\n"

LABELINGS = """
from pathlib import Path
file = Path(f"build/labels-{len(X)}.npy")
if not file.exists():
    components = PCA(20, random_state=0).fit_transform(X.astype(np.float32))
    models = [KMeans(k, n_init=1, random_state=0) for k in range(2, 21)]
    file.parent.mkdir(exist_ok=True)
    np.save(file, [model.fit_predict(components) for model in models])
labels = np.load(file)
"""
"""Labelings as a sweep leaves them, made once: that takes more memory than our way."""

LABELINGS_AT_RANDOM = """
random = np.random.default_rng(0)
labels = np.stack([random.integers(0, k, len(X)) for k in range(2, 21)])
"""
"""Rows of no two clusters stay together: the worst case for our way."""

DISTANCES = """
distances = sklearn.metrics.euclidean_distances(points)
np.fill_diagonal(distances, 0)
"""

PRECOMPUTED = f"""
{DISTANCES}
for row in labels:
    sklearn.metrics.silhouette_samples(distances, row, metric="precomputed")
"""

ONE_CALL_EACH = """
for row in labels:
    sklearn.metrics.silhouette_samples(points, row)
"""

BEST_KNOWN = """
costs = [
    679218, 535144, 458680, 416463, 390453, 365898, 349520, 337697, 326651, 316752,
    308574, 300886, 294330, 288729, 284298, 280219, 276188, 272368, 268909, 265745,
]
"""
"""The lowest inertia known on the 10,000 test images, for k = 1 to 20: the best of 60
and more restarts of several methods."""

RECIPE = """
def fit_by_recipe(components, k, n_init):
    start = KMeans(k, n_init=n_init, random_state=seed).fit(components)
    means = [points[start.labels_ == i].mean(axis=0) for i in range(k)]
    return KMeans(k, init=np.array(means), n_init=1).fit(points)
"""
"""What an expert does: search in few components, and finish on the pixels."""

SWEEP_BY_RECIPE = """
components = PCA({n_components}, random_state=0).fit_transform(points)
fits = [fit_by_recipe(components, k, {n_init}) for k in range(1, 21)]
costs = [fit.inertia_ for fit in fits]
labels = [fit.labels_ for fit in fits[1:]]
"""

FAISS = """
import faiss
options = dict(niter=100, nredo=10, seed=1 + seed, max_points_per_centroid=10**6)
def faiss_inertia(k):
    model = faiss.Kmeans(784, k, **options)
    model.train(points)
    distances, _ = model.index.search(points, 1)
    return float(distances.sum(dtype=float))
"""

INTELEX = """
from sklearnex.cluster import KMeans as IntelKMeans
"""


def sklearn_costs(model: str, first: int, last: int) -> str:
    """Return code that fits a model of scikit-learn's kind for several k."""
    return f"costs = [{model}.fit(points).inertia_ for k in range({first}, {last})]"


def sweep_by_recipe(n_components: int, n_init: int) -> str:
    """Return code for a whole sweep with silhouettes by the expert's recipe."""
    sweep = SWEEP_BY_RECIPE.format(n_components=n_components, n_init=n_init)
    return sweep + PRECOMPUTED


def reading_case(name: str, split: str, files: tuple[str, ...]) -> Case:
    """Compare load_split with plain pandas, which checks nothing."""
    setup = """
import numpy
import pandas as pd
from fmnist_clustering import load_split
def read(split):
    return pd.read_csv(f"data/fashion-mnist_{split}.csv.gz", dtype="uint8")
"""
    peer = f"[read(split) for split in {files}]"
    return Case(name, setup, f"load_split({split!r})", {"pandas.read_csv": peer})


def small_case(title: str, data: str) -> Case:
    """Compare fits of small data for k = 2 to 10."""
    setup = f"""
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs
from fmnist_clustering import fit_kmeans
points = {data}
fit_kmeans(points, 2)
KMeans(2, n_init=1).fit(points)
"""
    ours = """
fits = [fit_kmeans(points, k, random_state=seed) for k in range(2, 11)]
costs = [fit.inertia for fit in fits]
"""
    peer = sklearn_costs("KMeans(k, n_init=10, random_state=seed)", 2, 11)
    many = sklearn_costs("KMeans(k, n_init=100, random_state=99)", 2, 11)
    name = f"fit_kmeans, {title}, k 2-10"
    return Case(name, setup, ours, {"KMeans(n_init=10)": peer}, reference=many)


def palette_case(title: str, photograph: str, size: tuple[int, int]) -> Case:
    """Compare a palette of 100 colors with one run of scikit-learn on all pixels."""
    setup = f"""
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
from fmnist_clustering import load_image, quantize
original = Image.fromarray(load_image({photograph!r}))
image = np.asarray(original.resize({size}, Image.Resampling.BICUBIC))
pixels = image.reshape(-1, 3).astype(float)
"""
    peer = "KMeans(100, n_init=1, random_state=seed).fit(pixels)"
    peers = {"KMeans(n_init=1)": peer}
    slow = ("KMeans(n_init=1)",) if size[0] > 1000 else ()
    ours = "quantize(image, 100, random_state=seed)"
    return Case(f"100 colors, {title}", setup, ours, peers, slow=slow)


TEST_IMAGES = IMAGES.format(split="test", n=10_000)
ALL_IMAGES = IMAGES.format(split="all", n=70_000)
TEST_POINTS = TEST_IMAGES + POINTS

SILHOUETTES = "silhouette_samples(X, labels)"
PEERS_OF_SILHOUETTES = {
    "distances once, precomputed": PRECOMPUTED,
    "the same, kmedoids.silhouette": f"""
import kmedoids
{DISTANCES}
for row in labels:
    kmedoids.silhouette(distances, row)
""",
    "19 x scikit-learn": ONE_CALL_EACH,
}

FITS_BY_RECIPE = """
costs = []
for k in range(2, 21):
    components = PCA(50, random_state=0).fit_transform(points)
    costs.append(fit_by_recipe(components, k, 10).inertia_)
"""
"""Each fit with components of its own, as a single call needs them."""

SWEEP = "costs = sweep_k(X, range(1, 21), random_state=seed).inertia"
PEERS_OF_SWEEP = {
    "PCA(50), n_init=10, Lloyd; silhouettes": sweep_by_recipe(50, 10),
    "PCA(50), n_init=40, Lloyd; silhouettes": sweep_by_recipe(50, 40),
    "PCA(20), n_init=60, Lloyd; silhouettes": sweep_by_recipe(20, 60),
    "KMeans(n_init=10)": sklearn_costs(
        "KMeans(k, n_init=10, random_state=seed)", 1, 21
    ),
    "scikit-learn-intelex, n_init=10": sklearn_costs(
        "IntelKMeans(k, n_init=10, random_state=seed)", 1, 21
    ),
    "MiniBatchKMeans(n_init=10)": sklearn_costs(
        "MiniBatchKMeans(k, n_init=10, random_state=seed)", 1, 21
    ),
    "faiss, nredo=10": "costs = [faiss_inertia(k) for k in range(1, 21)]",
}

TREES = """
import fastcluster
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering
from fmnist_clustering import condensed_distances
METHODS = ("single", "complete", "average", "ward")
points = X / 255
def four_trees():
    distances = condensed_distances(X)
    return [linkage(distances, method) for method in METHODS]
"""
PEERS_OF_WARD = {
    "scipy": "hierarchy.linkage(points, 'ward')",
    "fastcluster": "fastcluster.linkage(points, 'ward')",
    "fastcluster, vectors": "fastcluster.linkage_vector(points, 'ward')",
    "AgglomerativeClustering": (
        "AgglomerativeClustering(2, compute_full_tree=True).fit(points)"
    ),
}


def ward_case(n: int, *peers: str) -> Case:
    """Compare Ward's tree from rows with those of peers."""
    setup = IMAGES.format(split="test", n=n) + TREES
    codes = {peer: PEERS_OF_WARD[peer] for peer in peers}
    slow = ("fastcluster, vectors",)
    return Case(f"Ward's tree, {n:,}", setup, "linkage(X, 'ward')", codes, slow=slow)


CASES = [
    reading_case("load 10,000 images", "test", ("test",)),
    reading_case("load 70,000 images", "all", ("train", "test")),
    small_case("150 x 4, iris", "load_iris().data"),
    small_case("1,000 x 2, blobs", "make_blobs(1000, 2, centers=6, random_state=0)[0]"),
    small_case("1,000 x 2, uniform", "np.random.default_rng(0).random((1000, 2))"),
    small_case(
        "1,000 x 50, blobs", "make_blobs(1000, 50, centers=6, random_state=0)[0]"
    ),
    small_case("1,000 x 50, noise", "np.random.default_rng(0).normal(size=(1000, 50))"),
    Case(
        "fit_kmeans, 10,000 images, k 2-20",
        TEST_POINTS + RECIPE,
        """
fits = [fit_kmeans(X, k, random_state=seed) for k in range(2, 21)]
costs = [fit.inertia for fit in fits]
""",
        {"PCA(50), n_init=10, Lloyd": FITS_BY_RECIPE},
        reference=BEST_KNOWN + "costs = costs[1:]",
    ),
    Case(
        "sweep_k, 10,000, k 1-20",
        TEST_POINTS + RECIPE + FAISS + INTELEX,
        SWEEP,
        PEERS_OF_SWEEP,
        reference=BEST_KNOWN,
        slow=("KMeans(n_init=10)", "faiss, nredo=10"),
    ),
    Case("sweep_k, 70,000, k 1-20", ALL_IMAGES, SWEEP, {}),
    Case(
        "silhouettes, 10,000, k 2-20",
        TEST_POINTS + LABELINGS,
        SILHOUETTES,
        PEERS_OF_SILHOUETTES,
    ),
    Case(
        "silhouettes, 10,000, labels at random",
        TEST_POINTS + LABELINGS_AT_RANDOM,
        SILHOUETTES,
        {"distances once, precomputed": PRECOMPUTED},
    ),
    Case("silhouettes, 70,000, k 2-20", ALL_IMAGES + LABELINGS, SILHOUETTES, {}),
    Case(
        "four linkages, 10,000",
        TEST_IMAGES + TREES,
        "four_trees()",
        {"4 x scipy": "[hierarchy.linkage(points, method) for method in METHODS]"},
        slow=("4 x scipy",),
    ),
    ward_case(1000, "scipy"),
    ward_case(2500, "scipy"),
    ward_case(5000, "scipy"),
    ward_case(10_000, *PEERS_OF_WARD),
    Case("Ward's tree, 70,000", ALL_IMAGES, "linkage(X, 'ward')", {}),
    palette_case("china", "china", (640, 427)),
    palette_case("flower", "flower", (640, 427)),
    palette_case("flower, 12 megapixels", "flower", (4240, 2829)),
]
