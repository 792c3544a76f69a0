"""Run code in a fresh process, and describe the machine that it runs on."""

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.notebooks.reading import ROOT


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
