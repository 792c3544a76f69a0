"""The whole work of the project's first version, in plain library calls and with ours.

Its three parts: k-means for k = 1 to 14 with 30 starts each and the inertia by a loop
over rows, and silhouettes for k = 2 to 11; three dendrograms, each computed from the
images and drawn; a picture in seven numbers of colors, by k-means on all of its pixels.
Each part runs in a process of its own, once in scikit-learn and SciPy calls and once
with this package, and prints numbers that show that both did the same.
"""

import json
from typing import NamedTuple

import pandas as pd

from tests.benchmarks.machine import describe_machine, run_python
from tests.benchmarks.tables import ORIGINAL, renew_pages

HARNESS = """
import json, os, sys, time
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.cluster import hierarchy
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
import fmnist_clustering as fc
from fmnist_clustering import plots

sys.setrecursionlimit(10**6)
X = fc.load_split("test").pixels
image = fc.load_image("flower")
points = X / 255
pixels = image.reshape(-1, 3).astype(float)
COLORS = (2, 5, 10, 20, 50, 75, 100)

def draw(fig):
    fig.savefig(os.devnull, format="png")
    plt.close(fig)

start = time.perf_counter()
{code}
print(json.dumps([time.perf_counter() - start, *map(float, results)]))
"""


class Part(NamedTuple):
    """A part of the first version's work, as it was and with this package."""

    first_version: str
    ours: str


PARTS = {
    "k-means": Part(
        first_version="""
results = []
for k in range(1, 15):
    fit = KMeans(k, n_init=30, random_state=0).fit(points)
    cost = 0
    for row, label in zip(points, fit.labels_):
        cost += ((row - fit.cluster_centers_[label]) ** 2).sum()
    results.append(cost)
for k in range(2, 12):
    labels = KMeans(k, n_init=10, random_state=0).fit_predict(points)
    results.append(silhouette_score(points, labels))
KMeans(10, init="random", n_init=10, random_state=0).fit(points)
PCA(2).fit_transform(points)
""",
        ours="""
sweep = fc.sweep_k(X, range(1, 15))
fc.fit_kmeans(X, 10, init="random")
PCA(2).fit_transform(points)
results = [*sweep.inertia, *sweep.silhouette[1:11]]
""",
    ),
    "trees": Part(
        first_version="""
results = []
for method in ("complete", "single", "ward"):
    Z = hierarchy.linkage(points, method)
    fig, ax = plt.subplots()
    hierarchy.dendrogram(Z, ax=ax)
    draw(fig)
    hierarchy.fcluster(Z, 4, "maxclust")
    results += [*Z[-5:, 2]]
""",
        ours="""
results = []
condensed = fc.condensed_distances(X)
for method in ("complete", "single", "ward"):
    Z = fc.linkage(condensed, method)
    fig, ax = plt.subplots()
    plots.plot_dendrogram(fc.truncate_tree(Z, 30), ax)
    draw(fig)
    fc.flat_clusters(Z, n_clusters=4)
    results += [*Z[-5:, 2]]
""",
    ),
    "colors": Part(
        first_version="""
results = []
for k in COLORS:
    fit = KMeans(k, n_init=10, random_state=0).fit(pixels)
    picture = fit.cluster_centers_[fit.predict(pixels)].reshape(image.shape)
    results.append(fc.psnr(image, np.rint(picture)))
""",
        ours="results = [fc.psnr(image, fc.quantize(image, k).image) for k in COLORS]",
    ),
}


class Measurement(NamedTuple):
    """How long a part took, and the numbers that it computed."""

    seconds: float
    results: list[float]


def measure(code: str) -> Measurement:
    """Run one way through a part."""
    seconds, *results = json.loads(run_python(HARNESS.format(code=code)))
    return Measurement(seconds, results)


def largest_difference(expected: list[float], results: list[float]) -> str:
    """Return how far apart numbers are at most, in percent of the expected ones."""
    pairs = zip(expected, results, strict=True)
    return f"{max(abs(a - b) / abs(a) for a, b in pairs):.2%}"


def main() -> None:
    """Measure all parts, print the ratios, and renew the CSV and its table."""
    rows = []
    for name, part in PARTS.items():
        first = measure(part.first_version)
        ours = measure(part.ours)
        difference = largest_difference(first.results, ours.results)
        row = {
            "part": name,
            "original seconds": first.seconds,
            "our seconds": ours.seconds,
            "results differ by at most": difference,
        }
        rows.append(row)
        print(f"{name}: {first.seconds:.1f} s, ours {ours.seconds:.1f} s")

    table = pd.DataFrame(rows)
    total = table[["original seconds", "our seconds"]].sum()
    table.loc[len(table)] = {"part": "all", **total, "results differ by at most": ""}
    table["ratio"] = table["original seconds"] / table["our seconds"]
    print(table[["part", "ratio"]].round(1).to_string(index=False))
    table = table.assign(**describe_machine("numpy", "scikit-learn", "scipy"))
    table.to_csv(ORIGINAL, index=False, float_format="%.1f", lineterminator="\n")
    renew_pages()


if __name__ == "__main__":
    main()
