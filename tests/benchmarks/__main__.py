"""Time and peak memory beside a named peer in the same run: ``make bench``.

Each run has a process of its own, imports are not timed, and the median of the runs counts.
"""

import os
import platform
import re
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tests.benchmarks.table import CSV, in_readme
from tests.notebooks.reading import ROOT

RUNS = 3
HARNESS = """
import resource, time
{setup}
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


class Case(NamedTuple):
    """Our way and a peer's way to the same result."""

    name: str
    setup: str
    ours: str
    peer_name: str = ""
    peer: str = ""
    runs: int = RUNS


def reading(name: str, split: str, files: tuple[str, ...]) -> Case:
    """Compare load_split with plain pandas, which checks nothing."""
    peer = f"[pd.read_csv(f'data/fashion-mnist_{{s}}.csv.gz', dtype='uint8') for s in {files}]"
    setup = "import numpy, pandas as pd\nfrom fmnist_clustering import load_split"
    return Case(name, setup, f"load_split({split!r})", "pandas.read_csv", peer)


IMAGES = """
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples as theirs
from fmnist_clustering import load_split, silhouette_samples, sweep_k
X = load_split({split!r}).pixels
points = X / 255
labels = np.stack([np.random.default_rng(k).integers(0, k, len(X)) for k in range(2, 21)])
"""
SMALL, LARGE = IMAGES.format(split="test"), IMAGES.format(split="all").replace("points = X / 255", "")
CASES = [
    reading("load 10,000 images", "test", ("test",)),
    reading("load 70,000 images", "all", ("train", "test")),
    Case(
        "silhouettes, 10,000, k 2-20",
        SMALL,
        "silhouette_samples(X, labels)",
        "19 x scikit-learn",
        "[theirs(points, row) for row in labels]",
        1,
    ),
    Case("silhouettes, 70,000, k 2-20", LARGE, "silhouette_samples(X, labels)", runs=1),
    Case(
        "sweep_k, 10,000, k 1-20",
        SMALL,
        "sweep_k(X, range(1, 21))",
        "KMeans(n_init=10), no silhouettes",
        "[KMeans(k, n_init=10, random_state=0).fit(points) for k in range(1, 21)]",
        1,
    ),
    Case("sweep_k, 70,000, k 1-20", LARGE, "sweep_k(X, range(1, 21))", runs=1),
]


def measure(case: Case, code: str) -> tuple[float, float]:
    """Return the median seconds and the peak memory in MB."""
    command = [sys.executable, "-c", HARNESS.format(setup=case.setup, code=code)]
    printed = [
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout for _ in range(case.runs)
    ]
    seconds, peaks = zip(*(map(float, line.split()) for line in printed), strict=True)
    return statistics.median(seconds), max(peaks)


def main() -> None:
    """Measure each case, print it, and renew the CSV and README's table."""
    rows = []
    for case in CASES:
        (seconds, peak), row = measure(case, case.ours), {"case": case.name}
        row |= {"seconds": f"{seconds:.2f}", "MB": f"{peak:.0f}", "peer": case.peer_name}
        if case.peer:
            peer, peer_peak = measure(case, case.peer)
            row |= {"peer seconds": f"{peer:.2f}", "peer MB": f"{peer_peak:.0f}", "ratio": f"{peer / seconds:.1f}"}
        rows.append(row | {"runs": str(case.runs)})
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    versions = {name: version(name) for name in ("numpy", "pandas", "scikit-learn", "scipy")}
    machine = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    table = pd.DataFrame(rows).fillna("").assign(**machine, **versions)
    beside = CSV.with_suffix(".part")
    table.to_csv(beside, index=False, lineterminator="\n")
    os.replace(beside, CSV)
    readme = ROOT / "README.md"
    readme.write_text(in_readme(readme.read_text(encoding="utf-8"), CSV), encoding="utf-8")


def processor() -> str:
    """Return what the processor calls itself, where the system tells."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.is_file() else []
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
