"""How time and memory grow with the number of images: ``make bench`` draws it.

Three tasks on 2,500 to 40,000 images, ours and by what an expert would do with
scikit-learn and SciPy. A peer stops where it would need more than `LARGEST_MEMORY`: all
of these hold the distances of all pairs, so memory grows with the square of the images.
"""

import os
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
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
from tests.benchmarks.machine import RUNS, describe_machine, measure
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

COLORS = {"ours": "tab:blue", "peer": "tab:red"}


def fits_in_memory(rows: list[dict[str, str]], who: str) -> bool:
    """Return whether twice as many images would still fit, given what was measured."""
    measured = [float(row["MB"]) for row in rows if row["who"] == who]
    return not measured or 4 * measured[-1] <= LARGEST_MEMORY


def measure_task(task: Task) -> list[dict[str, str]]:
    """Measure one task for all sizes, ours and the peer's, and return the rows."""
    rows: list[dict[str, str]] = []
    last_seconds = {"ours": 0.0, task.peer_name: 0.0}
    for n in SIZES:
        split = "test" if n <= 10_000 else "all"
        setup = IMAGES.format(split=split, n=n) + task.setup
        measure(setup, "", n_runs=1)  # what it writes, and the files it reads
        for who, code in (("ours", task.ours), (task.peer_name, task.peer)):
            if who != "ours" and not fits_in_memory(rows, who):
                continue
            n_runs = 1 if last_seconds[who] > SLOW / 4 else RUNS
            measurement = measure(setup, code, n_runs)
            last_seconds[who] = measurement.seconds
            row = {
                "task": task.name,
                "who": who,
                "images": str(n),
                "seconds": f"{measurement.seconds:.2f}",
                "MB": f"{measurement.megabytes:.0f}",
                "runs": str(n_runs),
            }
            rows.append(row)
            print("  ".join(f"{name} {text}" for name, text in row.items()), flush=True)
    return rows


def draw(table: pd.DataFrame) -> Figure:
    """Draw time and memory over the number of images, both axes logarithmic."""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True, sharey="row")
    for column, (task, rows) in enumerate(table.groupby("task", sort=False)):
        times, peaks = panels[:, column]
        for who, of_one in rows.groupby("who", sort=False):
            draw_one(who, of_one, times, peaks)
        times.set_title(task, fontsize=10)
        times.legend(fontsize=8, loc="upper left", frameon=False)
        times.grid(alpha=0.3)
        peaks.axhline(LARGEST_MEMORY, color="black", linewidth=1)
        peaks.set_xlabel("images")
        peaks.set_xticks(SIZES, [f"{n:,}" for n in SIZES], rotation=30)
        peaks.set_xticks([], minor=True)
        peaks.grid(alpha=0.3)

    times, peaks = panels[:, 0]
    times.set_ylabel("time (seconds)")
    times.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    times.set_ylim(0.05, 600)
    gigabytes = [0.25, 0.5, 1, 2, 4, 8]
    peaks.set_ylabel("peak memory (GB)")
    peaks.set_yticks([1000 * size for size in gigabytes], map(str, gigabytes))
    peaks.set_yticks([], minor=True)
    peaks.set_ylim(200, 16_000)
    return figure


def draw_one(who: str, rows: pd.DataFrame, times: Axes, peaks: Axes) -> None:
    """Draw the times and peaks of one way, and what the next size would take."""
    color = COLORS["ours" if who == "ours" else "peer"]
    label = who.replace("; ", ";\n")
    images = rows["images"].astype(int)
    megabytes = rows["MB"].astype(float)
    times.loglog(images, rows["seconds"].astype(float), "o-", color=color, label=label)
    peaks.loglog(images, megabytes, "o-", color=color)
    last = images.iloc[-1]
    if last < SIZES[-1]:
        peak = megabytes.iloc[-1]
        peaks.plot([last, 2 * last], [peak, 4 * peak], "--", color=color)


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
