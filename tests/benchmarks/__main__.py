"""Time and peak memory beside named peers in the same run: ``make bench``.

``python -m tests.benchmarks WORD`` measures the cases whose name contains the word, and
keeps the rows of all others. With the word ``palettes`` it measures the palettes beside
those of other tools, and with ``growth`` how time and memory grow with the images.

Each run has a process of its own, and imports and setup are not timed. The median of
three runs counts, which differ in the seed; a peer that takes a minute or more runs
once. For k-means two columns say how good the result is, because a fast fit may be a
poor one: how far the worst inertia lies above the lowest one that is known, and for how
many k it is more than 0.1 % above.
"""

import os
import sys

import numpy as np
import pandas as pd

from tests.benchmarks import growth, palettes
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.machine import RUNS, describe_machine, measure
from tests.benchmarks.tables import BENCHMARKS, read_rows, renew_pages

MISSED = 1e-3
"""A fit whose inertia is further above the lowest one that is known has missed it."""

COLUMNS = [
    "case",
    "who",
    "seconds",
    "MB",
    "excess",
    "missed",
    "times ours",
    "runs",
]


def measure_case(case: Case) -> list[dict[str, str]]:
    """Measure our way and those of all peers, and return a row for each."""
    measure(case.setup, "", n_runs=1)  # what it writes, and the files it reads
    found = {"ours": measure(case.setup, case.ours)}
    for name, code in case.peers.items():
        n_runs = 1 if name in case.slow else RUNS
        found[name] = measure(case.setup, code, n_runs)
    all_costs = [measurement.costs for measurement in found.values()]
    if case.reference:
        all_costs.append(measure(case.setup, case.reference, n_runs=1).costs)
    lowest = np.vstack(all_costs).min(axis=0)

    rows = []
    for name, measurement in found.items():
        seconds = measurement.seconds
        row = {
            "case": case.name,
            "who": name,
            "seconds": f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}",
            "MB": f"{measurement.megabytes:.0f}",
            "runs": str(len(measurement.costs)),
        }
        excess = measurement.costs / lowest - 1
        if case.reference:
            row["excess"] = f"{excess.max():.2%}"
            row["missed"] = f"{(excess > MISSED).sum()} of {excess.size}"
        if name != "ours":
            row["times ours"] = f"{seconds / found['ours'].seconds:.1f}"
        rows.append(row)
        print("  ".join(f"{name} {text}" for name, text in row.items()), flush=True)
    return rows


def main() -> None:
    """Measure each case, print it, and renew the CSV and the tables made from it."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    known = read_rows(BENCHMARKS)
    rows: list[dict[str, str]] = []
    for case in CASES:
        known_rows = known[known["case"] == case.name]
        if wanted in case.name or known_rows.empty:
            rows.extend(measure_case(case))
        else:
            rows.extend(known_rows[COLUMNS].to_dict("records"))

    machine = describe_machine("numpy", "pandas", "scikit-learn", "scipy")
    table = pd.DataFrame(rows).fillna("").assign(**machine)
    unfinished = BENCHMARKS.with_suffix(".part")
    columns = [*COLUMNS, *machine]
    table[columns].to_csv(unfinished, index=False, lineterminator="\n")
    os.replace(unfinished, BENCHMARKS)
    if wanted in "growth":
        growth.main()
    if wanted in "palettes":
        palettes.main()
    renew_pages()


if __name__ == "__main__":
    main()
