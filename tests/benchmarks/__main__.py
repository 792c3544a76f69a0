"""Time and peak memory beside a named peer in the same run: ``make bench``.

``python -m tests.benchmarks WORD`` measures the cases whose name holds the word, and keeps the others' rows;
with the word ``palettes`` it measures those beside other tools.

Each run has a process of its own, imports are not timed, and the best of three runs counts (one for
Ward's tree of 70,000 images, which takes minutes). For k-means ``excess`` tells the largest inertia
above the lowest known one: speed alone proves little.
"""

import math
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from typing import NamedTuple

import pandas as pd

from tests.benchmarks import palettes
from tests.benchmarks.machine import processor
from tests.benchmarks.table import CSV, README, renewed
from tests.notebooks.reading import ROOT

RUNS = 3
HARNESS = """
import resource, time
{setup}
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, {quality})
"""


COLUMNS = ["case", "seconds", "MB", "excess", "peer", "peer seconds", "peer MB", "peer excess", "ratio", "runs"]


class Case(NamedTuple):
    """Our way and a peer's way to the same result."""

    name: str
    setup: str
    ours: str
    peer_name: str = ""
    peer: str = ""
    quality: str = "float('nan')"
    runs: int = RUNS


def reading(name: str, split: str, files: tuple[str, ...]) -> Case:
    """Compare load_split with plain pandas, which checks nothing."""
    peer = f"[pd.read_csv(f'data/fashion-mnist_{{s}}.csv.gz', dtype='uint8') for s in {files}]"
    setup = "import numpy, pandas as pd\nfrom fmnist_clustering import load_split"
    return Case(name, setup, f"load_split({split!r})", "pandas.read_csv", peer)


IMAGES = """
import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import silhouette_samples as theirs
from fmnist_clustering import inertia, load_split, silhouette_samples, sweep_k
X = load_split({split!r}).pixels
labels = np.stack([np.random.default_rng(k).integers(0, k, len(X)) for k in range(2, 21)])
"""
SMALL, LARGE = (IMAGES.format(split=split) for split in ("test", "all"))
# Lowest inertia known on the 10,000 test images, k = 1..20: 60 and more restarts of several methods.
BEST_KNOWN = """
best = np.array([
    679218, 535144, 458680, 416463, 390453, 365898, 349520, 337697, 326651, 316752,
    308574, 300886, 294330, 288729, 284298, 280219, 276188, 272368, 268909, 265745,
])
points = X / 255
"""
FAISS = """
import faiss
points32 = points.astype(np.float32)
options = dict(niter=100, nredo=10, seed=1, max_points_per_centroid=10**6)
def of_faiss(k):
    model = faiss.Kmeans(784, k, **options)
    model.train(points32)
    return inertia(points, model.index.search(points32, 1)[1].ravel())
"""


def sweep_against(peer_name: str, peer: str, setup: str = "") -> Case:
    """Compare the whole sweep with a peer's fits alone, which have no silhouettes."""
    ours = "costs = sweep_k(X, range(1, 21)).inertia"
    peer = f"costs = [{peer} for k in range(1, 21)]"
    excess = "(np.array(costs) / best - 1).max()"
    return Case("sweep_k, 10,000, k 1-20", SMALL + BEST_KNOWN + setup, ours, peer_name, peer, excess)


TREES = """
import fastcluster
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering
from fmnist_clustering import condensed_distances, linkage, load_split
METHODS = ("single", "complete", "average", "ward")
def ours():
    distances = condensed_distances(X)
    return [linkage(distances, method) for method in METHODS]
"""
PEERS_OF_WARD = {
    "scipy": "hierarchy.linkage(points, 'ward')",
    "fastcluster": "fastcluster.linkage(points, 'ward')",
    "fastcluster, vectors": "fastcluster.linkage_vector(points, 'ward')",
    "AgglomerativeClustering": "AgglomerativeClustering(2, compute_full_tree=True).fit(points)",
}


def ward_against(n: int, peer: str) -> Case:
    """Compare Ward's tree from rows with a peer's from observations."""
    setup = f"{TREES}\nX = load_split().pixels[:{n}]\npoints = X / 255"
    return Case(f"Ward's tree, {n:,}", setup, "linkage(X, 'ward', condensed=False)", peer, PEERS_OF_WARD[peer])


def palette_of(name: str, size: tuple[int, int] | None = None) -> Case:
    """Compare a palette of 100 colors with one run of scikit-learn on all pixels."""
    setup = f"""
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
from fmnist_clustering import load_image, quantize
image = np.asarray(Image.fromarray(load_image({name!r})).resize({size or (640, 427)}, Image.Resampling.BICUBIC))
"""
    case = f"100 colors, {name}" + ", 12 megapixels" * (size is not None)
    peer = "KMeans(100, n_init=1, random_state=0).fit(image.reshape(-1, 3).astype(float))"
    return Case(case, setup, "quantize(image, 100)", "KMeans(n_init=1)", peer, runs=1 if size else RUNS)


SILHOUETTES = "silhouette_samples(X, labels)"
CASES = [
    reading("load 10,000 images", "test", ("test",)),
    reading("load 70,000 images", "all", ("train", "test")),
    Case(
        "silhouettes, 10,000, k 2-20",
        SMALL + "points = X / 255",
        SILHOUETTES,
        "19 x scikit-learn",
        "[theirs(points, row) for row in labels]",
    ),
    Case("silhouettes, 70,000, k 2-20", LARGE, SILHOUETTES),
    sweep_against("KMeans(n_init=10)", "KMeans(k, n_init=10, random_state=0).fit(points).inertia_"),
    sweep_against("MiniBatchKMeans(n_init=10)", "MiniBatchKMeans(k, n_init=10, random_state=0).fit(points).inertia_"),
    sweep_against("faiss, nredo=10", "of_faiss(k)", FAISS),
    Case("sweep_k, 70,000, k 1-20", LARGE, "sweep_k(X, range(1, 21))"),
    Case(
        "four linkages, 10,000",
        TREES + "X = load_split().pixels\npoints = X / 255",
        "ours()",
        "4 x scipy",
        "[hierarchy.linkage(points, method) for method in METHODS]",
    ),
    *(ward_against(n, "scipy") for n in (2500, 5000, 10_000)),
    *(ward_against(10_000, peer) for peer in PEERS_OF_WARD if peer != "scipy"),
    Case("Ward's tree, 70,000", TREES + "X = load_split('all').pixels", "linkage(X, 'ward', condensed=False)", runs=1),
    *(palette_of(name) for name in ("china", "flower")),
    palette_of("flower", (4240, 2829)),
]


def measure(case: Case, code: str) -> tuple[float, float, float]:
    """Return the least seconds, the most memory in MB, and the quality."""
    command = [sys.executable, "-c", HARNESS.format(setup=case.setup, code=code, quality=case.quality)]
    runs = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True) for _ in range(case.runs)]
    seconds, peaks, quality = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    return min(seconds), max(peaks), quality[0]


def main() -> None:
    """Measure each case, print it, and renew the CSV and README's table."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    known = pd.read_csv(CSV, dtype=str, keep_default_na=False).set_index(["case", "peer"])
    rows = []
    for case in CASES:
        key = case.name, case.peer_name
        if wanted not in case.name and key in known.index:
            rows.append({"case": case.name, "peer": case.peer_name, **known.loc[key]})
            continue
        (seconds, peak, quality), row = measure(case, case.ours), {"case": case.name}
        row |= {"seconds": f"{seconds:.2f}", "MB": f"{peak:.0f}", "excess": shown(quality), "peer": case.peer_name}
        if case.peer:
            peer, peer_peak, peer_quality = measure(case, case.peer)
            row |= {"peer seconds": f"{peer:.2f}", "peer MB": f"{peer_peak:.0f}", "peer excess": shown(peer_quality)}
            row["ratio"] = f"{peer / seconds:.1f}"
        rows.append(row | {"runs": str(case.runs)})
        print("  ".join(f"{key} {value}" for key, value in row.items() if value), flush=True)
    versions = {name: version(name) for name in ("numpy", "pandas", "scikit-learn", "scipy")}
    machine = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    table = pd.DataFrame(rows).fillna("").assign(**machine, **versions)[[*COLUMNS, *machine, *versions]]
    beside = CSV.with_suffix(".part")
    table.to_csv(beside, index=False, lineterminator="\n")
    os.replace(beside, CSV)
    if wanted in "palettes":
        palettes.write(machine | {name: version(name) for name in ("scikit-learn", "pillow")})
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


def shown(quality: float) -> str:
    """Return a share in per cent, or nothing where there is none."""
    return "" if math.isnan(quality) else f"{quality:.2%}"


if __name__ == "__main__":
    main()
