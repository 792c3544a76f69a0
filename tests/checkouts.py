"""Small checkouts to run notebooks in, and what the runner's tests read from them."""

import contextlib
import io
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbformat import NotebookNode

from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from fmnist_clustering.runner import execute

FOLDERS = ("artifacts", "data", "notebooks")

OLD = b"k\n5\n"
NEW = b"k\n6\n"

posix_only = pytest.mark.skipif(
    os.name != "posix",
    reason="signals, terminals and scripts are those of POSIX systems",
)


class Ended(NamedTuple):
    """How a run ended."""

    code: Any
    out: str
    err: str


def run_in(folder: Path, *arguments: object, command: str = "run") -> Ended:
    """Run the command line in this process, with another current folder."""
    out = io.StringIO()
    err = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code: Any = execute.main([command, *map(str, arguments)])
        except SystemExit as end:
            code = end.code
    return Ended(code, out.getvalue(), err.getvalue())


def saving_cell(name: str) -> str:
    """Return a cell that saves `NEW` without the package, whose import takes long."""
    return f"""\
import os, pathlib
folder = pathlib.Path(os.environ[{ARTIFACTS_VARIABLE!r}])
size = (folder / {name!r}).write_bytes({NEW!r})"""


def waiting_cell(marker: Path, hold: Path) -> str:
    """Return a cell that writes its process id and waits while `hold` exists."""
    return f"""\
import os, pathlib, time
size = pathlib.Path({str(marker)!r}).write_text(f"{{os.getpid()}}.")
while pathlib.Path({str(hold)!r}).exists():
    time.sleep(0.05)"""


def parameters_cell(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})


def add_notebook(path: Path, *cells: str | NotebookNode) -> Path:
    """Write a notebook that somebody else's kernel has left in another state.

    Text that starts with "#" becomes a Markdown cell, other text a code cell.
    """
    metadata = {
        "kernelspec": {
            "name": "no-such-kernel",
            "display_name": "Conda",
            "language": "python",
        },
        "language_info": {"name": "python", "version": "3.5.0"},
        "widgets": {},
    }
    nodes = [_as_node(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=nodes, metadata=metadata), path)
    return path


def _as_node(cell: str | NotebookNode) -> NotebookNode:
    if isinstance(cell, NotebookNode):
        return cell
    if cell.startswith("#"):
        return nbformat.v4.new_markdown_cell(cell)
    stale = nbformat.v4.new_output("stream", text="stale")
    return nbformat.v4.new_code_cell(cell, execution_count=99, outputs=[stale])


def make_checkout(folder: Path, *cells: str | NotebookNode) -> Path:
    """Create a checkout with two artifacts and, given cells, one notebook."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    for name in ("early.csv", "other.csv"):
        (folder / "artifacts" / name).write_bytes(OLD)
    if cells:
        add_notebook(folder / "notebooks" / "tour.ipynb", *cells)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return identity, time and content of each file, those in `build/` apart."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_relative_to(folder / "build"):
            status = path.stat()
            identity = (status.st_ino, status.st_mtime_ns, path.read_bytes())
            files[path.relative_to(folder).as_posix()] = identity
    return files


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody who has told it a name; return what it prints."""
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", *name, *arguments]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    )
    return ended.stdout


def read_notebook(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def outputs_of(path: Path) -> list[Any]:
    """Return the outputs of each code cell."""
    cells = read_notebook(path).cells
    return [cell.outputs for cell in cells if cell.cell_type == "code"]


def read_artifacts(checkout: Path) -> dict[str, bytes]:
    folder = checkout / "artifacts"
    return {path.name: path.read_bytes() for path in folder.iterdir()}
