"""Time and peak memory beside a named peer in the same run: ``make bench``.

``python -m tests.benchmarks WORD`` measures the cases whose name contains the word, and
keeps the rows of all others. With the word ``palettes`` it measures the palettes beside
those of other tools.

Each run has a process of its own, imports are not timed, and the best of three runs
counts (of one run where a run takes minutes). For k-means, ``excess`` says how far the
worst inertia lies above the lowest one that is known: a fast fit may be a poor one.
"""

import math
import os
import sys
from typing import NamedTuple

import pandas as pd

from tests.benchmarks import palettes
from tests.benchmarks.machine import describe_machine, run_python
from tests.benchmarks.tables import BENCHMARKS, read_rows, renew_pages

RUNS = 3

HARNESS = """
import resource, time
{setup}
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, kilobytes / 1024, {excess})
"""

COLUMNS = [
    "case",
    "seconds",
    "MB",
    "excess",
    "peer",
    "peer seconds",
    "peer MB",
    "peer excess",
    "ratio",
    "runs",
]


class Case(NamedTuple):
    """Our way and a peer's way to the same result, as Python code.

    Attributes
    ----------
    name : str
        What is computed.
    setup : str
        What both run first; this is not timed.
    ours : str
        Our way.
    peer_name, peer : str
        Whose way it is compared with, and that way; empty where there is no peer.
    excess : str
        An expression for the quality of the result, evaluated after the run.
    runs : int
        How many runs are made. The fastest counts.
    """

    name: str
    setup: str
    ours: str
    peer_name: str = ""
    peer: str = ""
    excess: str = "float('nan')"
    runs: int = RUNS


class Measurement(NamedTuple):
    """The least seconds, the most megabytes and the quality of some runs."""

    seconds: float
    megabytes: float
    excess: float


IMAGES = """
import numpy as np
import sklearn.metrics
from sklearn.cluster import KMeans, MiniBatchKMeans
from fmnist_clustering import inertia, load_split, silhouette_samples, sweep_k
X = load_split({split!r}).pixels
labelings = [np.random.default_rng(k).integers(0, k, len(X)) for k in range(2, 21)]
labels = np.stack(labelings)
"""
TEST_IMAGES = IMAGES.format(split="test")
ALL_IMAGES = IMAGES.format(split="all")

# The lowest inertia known on the 10,000 test images, for k = 1 to 20: the best of 60
# and more restarts of several methods.
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
def faiss_inertia(k):
    model = faiss.Kmeans(784, k, **options)
    model.train(points32)
    distances, nearest = model.index.search(points32, 1)
    return inertia(points, nearest.ravel())
"""

TREES = """
import fastcluster
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering
from fmnist_clustering import condensed_distances, linkage, load_split
METHODS = ("single", "complete", "average", "ward")
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

PHOTOGRAPH = """
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
from fmnist_clustering import load_image, quantize
original = Image.fromarray(load_image({name!r}))
image = np.asarray(original.resize({size}, Image.Resampling.BICUBIC))
pixels = image.reshape(-1, 3).astype(float)
"""


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
    return Case(name, setup, f"load_split({split!r})", "pandas.read_csv", peer)


def sweep_case(peer_name: str, fit: str, setup: str = "") -> Case:
    """Compare a whole sweep with a peer's fits alone, which have no silhouettes."""
    return Case(
        "sweep_k, 10,000, k 1-20",
        TEST_IMAGES + BEST_KNOWN + setup,
        "costs = sweep_k(X, range(1, 21)).inertia",
        peer_name,
        f"costs = [{fit} for k in range(1, 21)]",
        "(np.array(costs) / best - 1).max()",
    )


def ward_case(n: int, peer_name: str) -> Case:
    """Compare Ward's tree from rows with a peer's."""
    return Case(
        f"Ward's tree, {n:,}",
        f"{TREES}\nX = load_split().pixels[:{n}]\npoints = X / 255",
        "linkage(X, 'ward')",
        peer_name,
        PEERS_OF_WARD[peer_name],
    )


def palette_case(
    title: str,
    photograph: str,
    size: tuple[int, int] = (640, 427),
    runs: int = RUNS,
) -> Case:
    """Compare a palette of 100 colors with one run of scikit-learn on all pixels."""
    return Case(
        f"100 colors, {title}",
        PHOTOGRAPH.format(name=photograph, size=size),
        "quantize(image, 100)",
        "KMeans(n_init=1)",
        "KMeans(100, n_init=1, random_state=0).fit(pixels)",
        runs=runs,
    )


CASES = [
    reading_case("load 10,000 images", "test", ("test",)),
    reading_case("load 70,000 images", "all", ("train", "test")),
    Case(
        "silhouettes, 10,000, k 2-20",
        TEST_IMAGES + "points = X / 255",
        "silhouette_samples(X, labels)",
        "19 x scikit-learn",
        "[sklearn.metrics.silhouette_samples(points, row) for row in labels]",
    ),
    Case(
        "silhouettes, 70,000, k 2-20",
        ALL_IMAGES,
        "silhouette_samples(X, labels)",
    ),
    sweep_case(
        "KMeans(n_init=10)",
        "KMeans(k, n_init=10, random_state=0).fit(points).inertia_",
    ),
    sweep_case(
        "MiniBatchKMeans(n_init=10)",
        "MiniBatchKMeans(k, n_init=10, random_state=0).fit(points).inertia_",
    ),
    sweep_case("faiss, nredo=10", "faiss_inertia(k)", FAISS),
    Case("sweep_k, 70,000, k 1-20", ALL_IMAGES, "sweep_k(X, range(1, 21))"),
    Case(
        "four linkages, 10,000",
        TREES + "X = load_split().pixels\npoints = X / 255",
        "four_trees()",
        "4 x scipy",
        "[hierarchy.linkage(points, method) for method in METHODS]",
    ),
    ward_case(2500, "scipy"),
    ward_case(5000, "scipy"),
    ward_case(10_000, "scipy"),
    ward_case(10_000, "fastcluster"),
    ward_case(10_000, "fastcluster, vectors"),
    ward_case(10_000, "AgglomerativeClustering"),
    Case(
        "Ward's tree, 70,000",
        TREES + "X = load_split('all').pixels",
        "linkage(X, 'ward')",
        runs=1,
    ),
    palette_case("china", "china"),
    palette_case("flower", "flower"),
    palette_case("flower, 12 megapixels", "flower", (4240, 2829), runs=1),
]


def measure(case: Case, code: str) -> Measurement:
    """Run the code of a case as often as the case says."""
    script = HARNESS.format(setup=case.setup, code=code, excess=case.excess)
    runs = [run_python(script).split() for _ in range(case.runs)]
    return Measurement(
        seconds=min(float(seconds) for seconds, _, _ in runs),
        megabytes=max(float(megabytes) for _, megabytes, _ in runs),
        excess=float(runs[0][2]),
    )


def measure_case(case: Case) -> dict[str, str]:
    """Measure our way and the peer's, and return a row of the table."""
    ours = measure(case, case.ours)
    row = {
        "case": case.name,
        "seconds": f"{ours.seconds:.2f}",
        "MB": f"{ours.megabytes:.0f}",
        "excess": format_excess(ours.excess),
        "peer": case.peer_name,
        "runs": str(case.runs),
    }
    if case.peer:
        peer = measure(case, case.peer)
        row["peer seconds"] = f"{peer.seconds:.2f}"
        row["peer MB"] = f"{peer.megabytes:.0f}"
        row["peer excess"] = format_excess(peer.excess)
        row["ratio"] = f"{peer.seconds / ours.seconds:.1f}"
    return row


def format_excess(excess: float) -> str:
    """Return a share in percent, or nothing where there is none."""
    return "" if math.isnan(excess) else f"{excess:.2%}"


def main() -> None:
    """Measure each case, print it, and renew the CSV and the tables made from it."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    known = read_rows(BENCHMARKS).set_index(["case", "peer"])
    rows = []
    for case in CASES:
        key = (case.name, case.peer_name)
        if wanted in case.name or key not in known.index:
            row = measure_case(case)
            print("  ".join(f"{name} {text}" for name, text in row.items() if text))
            sys.stdout.flush()
        else:
            row = {"case": case.name, "peer": case.peer_name, **known.loc[key]}
        rows.append(row)

    machine = describe_machine("numpy", "pandas", "scikit-learn", "scipy")
    table = pd.DataFrame(rows).fillna("").assign(**machine)
    unfinished = BENCHMARKS.with_suffix(".part")
    columns = [*COLUMNS, *machine]
    table[columns].to_csv(unfinished, index=False, lineterminator="\n")
    os.replace(unfinished, BENCHMARKS)
    if wanted in "palettes":
        palettes.main()
    renew_pages()


if __name__ == "__main__":
    main()
