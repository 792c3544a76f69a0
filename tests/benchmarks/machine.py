"""Measure code in processes of its own, and describe the machine that it runs on."""

import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.notebooks.reading import ROOT

RUNS = 3

HARNESS = """
import json, resource, time
seed = {seed}
costs = []
{setup}
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, kilobytes / 1024, list(map(float, costs))]))
"""


class Measurement(NamedTuple):
    """Some runs of one way.

    Attributes
    ----------
    seconds : float
        The median.
    megabytes : float
        The largest peak.
    costs : (runs, m) float64
        The inertia for each of m numbers of clusters; m = 0 where there is none.
    """

    seconds: float
    megabytes: float
    costs: NDArray[np.float64]


def measure(setup: str, code: str, n_runs: int = RUNS) -> Measurement:
    """Run code several times, each in a process of its own."""
    runs = []
    for seed in range(n_runs):
        script = HARNESS.format(seed=seed, setup=setup, code=code)
        # Peers may print what they do.
        last_line = run_python(script).splitlines()[-1]
        runs.append(json.loads(last_line))
    seconds, megabytes, costs = zip(*runs, strict=True)
    return Measurement(float(np.median(seconds)), max(megabytes), np.array(costs))


def run_python(code: str) -> str:
    """Return what a Python process of its own prints when it runs the code."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    # What goes wrong is seen on the terminal: only the output is captured.
    pipe = subprocess.PIPE
    process = subprocess.run(command, cwd=ROOT, check=True, stdout=pipe, text=True)
    return process.stdout


def describe_machine(*packages: str) -> dict[str, str]:
    """Return the processor, the cores, and the versions of Python and some packages."""
    machine = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
    }
    return machine | {package: version(package) for package in packages}


def _processor() -> str:
    """Return the name of the processor, or its kind where the system has no name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        match = re.search(r"model name\s*: (.+)", info.read_text(encoding="utf-8"))
        if match:
            return match[1]
    return platform.machine()
