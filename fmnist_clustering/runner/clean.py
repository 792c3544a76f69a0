"""Undo what a live session left in notebooks that are kept with their outputs."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_clustering.runner.files import (
    check_installed,
    find_notebooks,
    notebook_text,
    read_notebook,
    write_whole,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode


def clean(notebooks: Sequence[Path] = ()) -> list[Path]:
    """Undo what a live session left in notebooks; keep what somebody wrote.

    Parameters
    ----------
    notebooks : sequence of Path
        Default: all in ``notebooks/`` of the checkout around the current folder.

    Returns
    -------
    list of Path
        The notebooks that were changed.

    Raises
    ------
    RunError
        When a notebook is missing or cannot be read.
    OSError
        When a notebook cannot be written. It stays as it was.

    Notes
    -----
    A cell whose code is as committed gets its committed outputs again, even if it now
    depends on a cell that somebody has changed: only a run computes them anew. All
    other cells lose widgets, which a saved notebook cannot show, and empty outputs.
    Without git, and in a notebook that is not committed, those are all cells.

    Text, code, tags and the order of cells stay. The metadata of the notebook become
    those that any Python kernel gives it.
    """
    check_installed("nbformat")
    paths = [path.resolve() for path in notebooks] or find_notebooks()
    notebooks_by_path = {path: read_notebook(path) for path in paths}
    changed = []
    for path, notebook in notebooks_by_path.items():
        committed = _committed_cells(path)
        for cell in notebook.cells:
            _clean_cell(cell, committed)
        content = notebook_text(notebook).encode()
        if content != path.read_bytes():
            write_whole(path, content)
            changed.append(path)
    return changed


def before_saving(model: dict[str, Any], **_place: object) -> None:
    """Remove from a notebook what it cannot show when it is opened again.

    `make lab` gives this to JupyterLab, which calls it before it saves a file.

    Parameters
    ----------
    model : dict
        What will be written. From a notebook widgets with their state, empty outputs
        and the version of Python are removed; all other files stay as they are.
    _place : object
        Where it will be written, which does not matter.
    """
    if model.get("type") != "notebook":
        return
    notebook = model["content"]
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"].get("language_info", {}).pop("version", None)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            _remove_dead_outputs(cell)


def _committed_cells(path: Path) -> dict[tuple[str, str], "NotebookNode"]:
    """Return the code cells of a notebook as committed, by their id and source."""
    import nbformat

    command = ["git", "show", f"HEAD:./{path.name}"]
    try:
        shown = subprocess.run(
            command, cwd=path.parent, capture_output=True, check=True
        )
        cells = nbformat.reads(shown.stdout.decode(), as_version=4).cells
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError):
        return {}  # there is no git, or nothing is committed
    return {(cell.id, cell.source): cell for cell in cells if cell.cell_type == "code"}


def _clean_cell(
    cell: "NotebookNode", committed: Mapping[tuple[str, str], "NotebookNode"]
) -> None:
    """Give a cell its committed outputs, or remove what cannot be shown any more."""
    # All else, such as times and whether it is folded, is the state of a front end.
    kept = cell.metadata.keys() & {"tags"}
    cell.metadata = {name: cell.metadata[name] for name in kept}
    if cell.cell_type != "code":
        return
    original = committed.get((cell.id, cell.source))
    if original is None:
        _remove_dead_outputs(cell)
    else:
        cell.outputs = original.outputs
        cell.execution_count = original.execution_count


def _remove_dead_outputs(cell: dict[str, Any]) -> None:
    """Remove widgets from a code cell, and outputs that have nothing to show."""
    kept = []
    for output in cell["outputs"]:
        data = output.get("data")
        if data is None:  # a printed text, or an error
            kept.append(output)
            continue
        views = [mime_type for mime_type in data if "jupyter.widget" in mime_type]
        for mime_type in views:
            del data[mime_type]
        # Beside a widget a text only says how the widget was made.
        has_content = data.keys() - {"text/plain"} if views else data
        if has_content:
            kept.append(output)
    cell["outputs"] = kept
