"""What tests read from the three committed notebooks, and from pages in Markdown."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def prose(cells: list[NotebookNode]) -> str:
    """Return the text of all Markdown cells."""
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def printed(cell: NotebookNode) -> str:
    """Return what a code cell shows as text."""
    # A kernel may send one text in several pieces.
    stream = "".join(output.get("text", "") for output in cell.outputs)
    results = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join([stream, *results])


def sections(notebook: NotebookNode) -> Iterator[tuple[str, list[NotebookNode]]]:
    """Yield each heading of level 1 or 2 with the cells down to the next one."""
    title = ""
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        heading = None
        if cell.cell_type == "markdown":
            heading = re.match(r"##? (.+)", cell.source)
        if heading:
            if cells:
                yield title, cells
            title = heading[1]
            cells = []
        cells.append(cell)
    yield title, cells


def headings(page: Path) -> list[str]:
    """Return the anchors of the headings of a page in Markdown, as GitHub does."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [title.lower().replace(" ", "-") for title in titles]


def tracked_files() -> list[str]:
    """Return the files that git knows: what else lies around is nobody's business."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    command = ["git", "ls-files", "-z"]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    names = run.stdout.decode("utf-8").split("\0")
    return [name for name in names if (ROOT / name).is_file()]
