"""Time and peak memory beside a named peer in the same run: ``make bench``.

Each run has a process of its own, imports are not timed, and the median of the runs counts.
"""

import statistics
import subprocess
import sys
from typing import NamedTuple

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
    peer_name: str
    peer: str


def reading(name: str, split: str, files: tuple[str, ...]) -> Case:
    """Compare load_split with plain pandas, which checks nothing."""
    peer = f"[pd.read_csv(f'data/fashion-mnist_{{s}}.csv.gz', dtype='uint8') for s in {files}]"
    setup = "import numpy, pandas as pd\nfrom fmnist_clustering import load_split"
    return Case(name, setup, f"load_split({split!r})", "pandas.read_csv", peer)


CASES = [
    reading("load 10,000 images", "test", ("test",)),
    reading("load 70,000 images", "all", ("train", "test")),
]


def measure(setup: str, code: str) -> tuple[float, float]:
    """Return the median seconds and the peak memory in MB."""
    command = [sys.executable, "-c", HARNESS.format(setup=setup, code=code)]
    printed = [
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for _ in range(RUNS)
    ]
    seconds, peaks = zip(*(map(float, line.split()) for line in printed), strict=True)
    return statistics.median(seconds), max(peaks)


def main() -> None:
    """Print one line a case."""
    print(f"{'median of ' + str(RUNS) + ' runs':24}{'ours':>18}  peer")
    for case in CASES:
        (ours, our_peak), (peer, peer_peak) = (
            measure(case.setup, code) for code in (case.ours, case.peer)
        )
        print(
            f"{case.name:24}{ours:8.2f} s {our_peak:5.0f} MB  {case.peer_name} "
            f"{peer:.2f} s {peer_peak:.0f} MB: {peer / ours:.2f} times as long"
        )


if __name__ == "__main__":
    main()
