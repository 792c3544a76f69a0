"""How time and memory grow with the number of images: ``make bench`` draws it.

Three tasks on 2,500 to 40,000 images, ours and by what an expert would do with
scikit-learn and SciPy. A peer stops where it would need more than `LARGEST_MEMORY`: all
of these hold the distances of all pairs, so memory grows with the square of the images.
"""

import os
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tests.benchmarks.cases import (
    IMAGES,
    LABELINGS,
    POINTS,
    PRECOMPUTED,
    RECIPE,
    SILHOUETTES,
    TREES,
    sweep_by_recipe,
)
from tests.benchmarks.machine import describe_machine, run_python
from tests.benchmarks.tables import GROWTH, GROWTH_PICTURE, read_rows

SIZES = (2500, 5000, 10_000, 20_000, 40_000)

LARGEST_MEMORY = 8000
"""Megabytes that a peer may take, as many as a laptop can spare."""

SLOW = 60
"""What has taken so many seconds on half as many images runs once."""


class Task(NamedTuple):
    """One task, as code: what comes before, our way, and a peer's."""

    name: str
    setup: str
    ours: str
    peer_name: str
    peer: str


TASKS = (
    Task(
        "sweep_k, k = 1 to 20, with silhouettes",
        POINTS + RECIPE,
        "sweep_k(X, range(1, 21))",
        "PCA(50), n_init=10, Lloyd; precomputed silhouettes",
        sweep_by_recipe(50, 10),
    ),
    Task(
        "silhouettes of 19 labelings",
        POINTS + LABELINGS,
        SILHOUETTES,
        "distances once, precomputed",
        PRECOMPUTED,
    ),
    Task(
        "Ward's tree",
        TREES,
        "linkage(X, 'ward')",
        "SciPy",
        "hierarchy.linkage(points, 'ward')",
    ),
)

COLUMNS = ["task", "who", "images", "seconds", "MB", "runs"]

# A run of its own for each, as in the table; `seed` is used by the recipe.
HARNESS = """
import resource, time
seed = 0
{setup}
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, kilobytes / 1024)
"""

COLORS = {"ours": "tab:blue", "peer": "tab:red"}


def measure(setup: str, code: str, n_runs: int) -> tuple[float, float]:
    """Return the median of the seconds, and the largest peak in megabytes."""
    script = HARNESS.format(setup=setup, code=code)
    runs = [run_python(script).splitlines()[-1].split() for _ in range(n_runs)]
    seconds, megabytes = np.array(runs, dtype=float).T
    return float(np.median(seconds)), float(megabytes.max())


def fits_in_memory(rows: list[dict[str, str]], who: str) -> bool:
    """Return whether twice as many images would still fit, given what was measured."""
    measured = [float(row["MB"]) for row in rows if row["who"] == who]
    return not measured or 4 * measured[-1] <= LARGEST_MEMORY


def measure_task(task: Task) -> list[dict[str, str]]:
    """Measure one task for all sizes, ours and the peer's, and return the rows."""
    rows: list[dict[str, str]] = []
    last = {"ours": 0.0, task.peer_name: 0.0}
    for n in SIZES:
        split = "test" if n <= 10_000 else "all"
        setup = IMAGES.format(split=split, n=n) + task.setup
        measure(setup, "", n_runs=1)
        for who, code in (("ours", task.ours), (task.peer_name, task.peer)):
            if who != "ours" and not fits_in_memory(rows, who):
                continue
            n_runs = 1 if last[who] > SLOW / 4 else 3
            last[who], megabytes = measure(setup, code, n_runs)
            row = {
                "task": task.name,
                "who": who,
                "images": str(n),
                "seconds": f"{last[who]:.2f}",
                "MB": f"{megabytes:.0f}",
                "runs": str(n_runs),
            }
            rows.append(row)
            print("  ".join(f"{name} {text}" for name, text in row.items()), flush=True)
    return rows


def draw(table: pd.DataFrame) -> Figure:
    """Draw time and memory over the number of images, both axes logarithmic."""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True, sharey="row")
    for (times, peaks), (task, rows) in zip(
        panels.T, table.groupby("task", sort=False), strict=True
    ):
        for who, of_one in rows.groupby("who", sort=False):
            color = COLORS["ours" if who == "ours" else "peer"]
            images = of_one["images"].astype(int)
            seconds = of_one["seconds"].astype(float)
            megabytes = of_one["MB"].astype(float)
            label = who.replace("; ", ";\n")
            times.loglog(images, seconds, "o-", color=color, label=label)
            peaks.loglog(images, megabytes, "o-", color=color)
            n, most = images.iloc[-1], megabytes.iloc[-1]
            if n < SIZES[-1]:
                peaks.plot([n, 2 * n], [most, 4 * most], "--", color=color)
        peaks.axhline(LARGEST_MEMORY, color="black", linewidth=1)
        times.set_title(task, fontsize=10)
        times.legend(fontsize=8, loc="upper left", frameon=False)
        peaks.set_xlabel("images")
        peaks.set_xticks(SIZES, [f"{n:,}" for n in SIZES], rotation=30)
        peaks.set_xticks([], minor=True)
        for axes in (times, peaks):
            axes.grid(alpha=0.3)
    times, peaks = panels[:, 0]
    times.set_ylabel("time (seconds)")
    times.set_yticks(ticks := [0.1, 1, 10, 100], map(str, ticks))
    times.set_ylim(0.05, 600)
    peaks.set_ylabel("peak memory (GB)")
    peaks.set_yticks(
        [250, 500, 1000, 2000, 4000, 8000], ["0.25", "0.5", "1", "2", "4", "8"]
    )
    peaks.set_yticks([], minor=True)
    peaks.set_ylim(200, 16_000)
    return figure


def main() -> None:
    """Measure all tasks, and renew the CSV and the picture."""
    rows = [row for task in TASKS for row in measure_task(task)]
    machine = describe_machine("numpy", "scikit-learn", "scipy")
    unfinished = GROWTH.with_suffix(".part")
    table = pd.DataFrame(rows)[COLUMNS].assign(**machine)
    table.to_csv(unfinished, index=False, lineterminator="\n")
    os.replace(unfinished, GROWTH)
    draw_again()


def draw_again() -> None:
    """Draw the picture from the CSV."""
    figure = draw(read_rows(GROWTH))
    figure.savefig(GROWTH_PICTURE, dpi=100, metadata={"Software": None})
