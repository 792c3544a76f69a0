"""Programs that execute notebooks get no bar and no widget: nobody sits there."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from tests.browser.lab import free_port

CELLS = """
import numpy as np
import fmnist_clustering as fc
from fmnist_clustering import explore
rows = np.random.default_rng(0).integers(0, 256, (60, 784), dtype=np.uint8)
---
sweep = fc.sweep_k(rows, range(2, 5))
pictures = [255 * means for means in sweep.centroids]
---
explore.kmeans(sweep.labels, pictures, fc.silhouette_samples(rows, sweep.labels))
---
print("done")"""

COMMANDS = {
    "nbconvert": ["nbconvert", "--execute", "--to", "notebook", "--inplace"],
    "jupyter execute": ["execute", "--inplace"],
}


def environment() -> Mapping[str, str]:
    """Return the environment of somebody who has not started our runner."""
    return {
        name: value for name, value in os.environ.items() if name != ARTIFACTS_VARIABLE
    }


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "tour.ipynb"
    cells = [v4.new_code_cell(source.strip()) for source in CELLS.split("---")]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    content = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(content, path)
    return path


def run(command: Sequence[str], folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def check_outputs(path: Path) -> None:
    executed = nbformat.read(path, as_version=4)
    *silent, last = [
        cell.outputs for cell in executed.cells if cell.cell_type == "code"
    ]
    assert silent == [[], [], []]
    assert [output.text for output in last] == ["done\n"]
    assert "widgets" not in executed.metadata


@pytest.mark.parametrize("name", COMMANDS)
def test_jupyter_leaves_nothing(name: str, notebook: Path) -> None:
    run(["jupyter", *COMMANDS[name], notebook.name], notebook.parent)
    check_outputs(notebook)


def test_papermill_leaves_nothing(notebook: Path) -> None:
    run(["papermill", notebook.name, "out.ipynb"], notebook.parent)
    check_outputs(notebook.with_name("out.ipynb"))


def test_voila_shows_nothing_dead(notebook: Path) -> None:
    port = free_port()
    command = ["voila", "--no-browser", f"--port={port}", notebook.name]
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=notebook.parent,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            page = read_page(f"http://127.0.0.1:{port}/")
        finally:
            process.terminate()
    assert re.search(r"<pre>\s*done\s*</pre>", page)
    assert "widget-view" not in page
    assert "it/s" not in page


def read_page(address: str) -> str:
    """Return a page as soon as a server has one."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(address, timeout=120) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("Voila: no answer in half a minute")
