"""The whole work of the project's first version in plain scikit-learn and SciPy calls, and with ours.

Its three parts: k-means for k = 1 to 14 with 30 starts each and the cost by a loop over rows, silhouettes for
k = 2 to 11; three dendrograms, each from the images and drawn; a picture in seven numbers of colors, by k-means on
all of its pixels. Each part and side has a process of its own, and prints what shows that both did the same.
"""

import os
import platform
import subprocess
import sys
from importlib.metadata import version

import pandas as pd

from tests.benchmarks.machine import processor
from tests.benchmarks.table import ORIGINAL, README, renewed
from tests.notebooks.reading import ROOT

HARNESS = """
import json, sys, time
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
X, image = fc.load_split("test").pixels, fc.load_image("flower")
points, pixels = X / 255, image.reshape(-1, 3).astype(float)
COLORS = (2, 5, 10, 20, 50, 75, 100)
def drawn(fig):
    fig.savefig("/dev/null", format="png")
    plt.close(fig)
start = time.perf_counter()
{code}
print(json.dumps([time.perf_counter() - start, *map(float, found)]))
"""
PARTS = {
    "k-means": (
        """
found = []
for k in range(1, 15):
    fit = KMeans(k, n_init=30, random_state=0).fit(points)
    cost = 0
    for row, label in zip(points, fit.labels_):
        cost += ((row - fit.cluster_centers_[label]) ** 2).sum()
    found.append(cost)
for k in range(2, 12):
    found.append(silhouette_score(points, KMeans(k, n_init=10, random_state=0).fit_predict(points)))
KMeans(10, init="random", n_init=10, random_state=0).fit(points)
PCA(2).fit_transform(points)
""",
        """
sweep = fc.sweep_k(X, range(1, 15))
fc.fit_kmeans(X, 10, init="forgy")
PCA(2).fit_transform(points)
found = [*sweep.inertia, *sweep.silhouette[1:11]]
""",
    ),
    "trees": (
        """
found = []
for method in ("complete", "single", "ward"):
    Z = hierarchy.linkage(points, method)
    fig, ax = plt.subplots()
    hierarchy.dendrogram(Z, ax=ax)
    drawn(fig)
    hierarchy.fcluster(Z, 4, "maxclust")
    found += [*Z[-5:, 2]]
""",
        """
found, condensed = [], fc.condensed_distances(X)
for method in ("complete", "single", "ward"):
    Z = fc.linkage(condensed, method)
    fig, ax = plt.subplots()
    plots.plot_dendrogram(fc.condense(Z, 30), ax)
    drawn(fig)
    fc.cut_tree(Z, n_clusters=4)
    found += [*Z[-5:, 2]]
""",
    ),
    "colors": (
        """
found = []
for k in COLORS:
    fit = KMeans(k, n_init=10, random_state=0).fit(pixels)
    picture = fit.cluster_centers_[fit.predict(pixels)].reshape(image.shape)
    found.append(fc.psnr(image, np.rint(picture)))
""",
        "found = [fc.psnr(image, fc.quantize(image, k).image) for k in COLORS]",
    ),
}


def measure(code: str) -> list[float]:
    """Return the seconds that a side takes, and what it found."""
    command = [sys.executable, "-W", "ignore", "-c", HARNESS.format(code=code)]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [float(value) for value in run.stdout.strip("[]\n").split(",")]


def largest_difference(theirs: list[float], ours: list[float]) -> str:
    """Return how far apart the results are at most, in per cent of theirs."""
    return f"{max(abs(a - b) / abs(a) for a, b in zip(theirs, ours, strict=True)):.2%}"


def main() -> None:
    """Measure the three parts, print their ratios and that of all, and renew the CSV and README's table."""
    rows = []
    for part, (original, ours) in PARTS.items():
        (before, *theirs), (after, *found) = measure(original), measure(ours)
        seconds = {"original seconds": before, "our seconds": after}
        rows.append({"part": part, **seconds, "results differ by at most": largest_difference(theirs, found)})
        print(f"{part}: {before:.1f} s, ours {after:.1f} s, {before / after:.1f} times faster", flush=True)
    table = pd.DataFrame(rows)
    total = table[["original seconds", "our seconds"]].sum()
    table.loc[len(table)] = {"part": "all", **total, "results differ by at most": ""}
    table["ratio"] = table["original seconds"] / table["our seconds"]
    print(f"all: {table['ratio'].iloc[-1]:.1f} times faster")
    packages = {name: version(name) for name in ("numpy", "scikit-learn", "scipy")}
    machine = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    table.assign(**machine, **packages).to_csv(ORIGINAL, index=False, float_format="%.1f", lineterminator="\n")
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
