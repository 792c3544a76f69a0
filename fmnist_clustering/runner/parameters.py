"""The parameters of a notebook: the literals in its cell with the tag ``parameters``.

papermill and VS Code know the cell by the same tag.
"""

import ast
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_clustering.runner import RunError

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "parameters"
DATA_DIR = "DATA_DIR"
"""The parameter for another folder with data. Its value is always a path."""

ASSIGNMENT = re.compile(r"^([A-Z][A-Z0-9_]*) = (.+)$", re.MULTILINE)

# What `ast.literal_eval` raises for text that is no literal.
NOT_A_LITERAL = (ValueError, SyntaxError, TypeError)


def parse_setting(text: str) -> tuple[str, object]:
    """Read ``NAME=VALUE`` from the command line.

    Parameters
    ----------
    text : str
        A name, an equals sign and a value. A value that is no Python literal is text.

    Returns
    -------
    name : str
        The name of the parameter.
    value : object
        Its value. The path of an existing file, and any value of ``DATA_DIR``, is made
        absolute, since the kernel runs in the folder of the notebook.

    Raises
    ------
    ValueError
        When there is no equals sign, or no name before it.
    """
    name, equals, literal = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"{text}: expected NAME=VALUE")
    value: object = literal
    with contextlib.suppress(*NOT_A_LITERAL):
        value = ast.literal_eval(literal)
    if isinstance(value, str) and (name == DATA_DIR or _is_file(value)):
        value = str(Path(value).resolve())
    return name, value


def apply_settings(
    notebooks: Sequence["NotebookNode"],
    settings: dict[str, object],
) -> None:
    """Change parameters of notebooks in memory.

    Parameters
    ----------
    notebooks : sequence of NotebookNode
        Each one that has a parameter of this name is changed.
    settings : dict
        New values by name.

    Raises
    ------
    RunError
        When no notebook has a parameter of this name, or its value is of another type.
    """
    for name, value in settings.items():
        accepted = [_set_parameter(notebook, name, value) for notebook in notebooks]
        if any(accepted):
            continue
        known = {known for notebook in notebooks for known in read_parameters(notebook)}
        if known:
            reason = f"known are {', '.join(sorted(known))}"
        else:
            reason = f"no notebook assigns one in a cell with the tag {TAG!r}"
        raise RunError(f"--set {name}: no such parameter; {reason}")


def read_parameters(notebook: "NotebookNode") -> dict[str, object]:
    """Return the parameters of a notebook and their values.

    Parameters
    ----------
    notebook : NotebookNode
        A notebook with or without a cell for parameters.

    Returns
    -------
    dict
        The value of each line ``NAME = literal`` by its name, in capitals. A line with
        a computed value is no parameter.
    """
    cell = _find_cell(notebook)
    parameters = {}
    for name, value in ASSIGNMENT.findall(cell.source if cell else ""):
        with contextlib.suppress(*NOT_A_LITERAL):
            parameters[name] = ast.literal_eval(value)
    return parameters


def _find_cell(notebook: "NotebookNode") -> "NotebookNode | None":
    """Return the first code cell with the tag, if there is one."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and TAG in cell.metadata.get("tags", []):
            return cell
    return None


def _set_parameter(notebook: "NotebookNode", name: str, value: object) -> bool:
    """Replace the line of one parameter; False if the notebook has no such parameter.

    A value of another type is refused. A parameter that is None accepts any type.
    """
    parameters = read_parameters(notebook)
    cell = _find_cell(notebook)
    if cell is None or name not in parameters:
        return False
    default = parameters[name]
    if default is not None and type(value) is not type(default):
        expected = f"expected a value of type {type(default).__name__}"
        raise RunError(f"--set {name}: found {value!r}, {expected}")

    def assign(match: re.Match[str]) -> str:
        return f"{name} = {value!r}" if match[1] == name else match[0]

    cell.source = ASSIGNMENT.sub(assign, cell.source)
    return True


def _is_file(text: str) -> bool:
    """Return whether a text is the path of a file."""
    try:
        return Path(text).is_file()
    except OSError:  # too long for a path
        return False
