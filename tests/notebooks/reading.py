"""What the notebook tests read from the three committed notebooks."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
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
    streams = [output.get("text", "") for output in cell.outputs]
    results = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join([*streams, *results])


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
