"""Notebook files: find, read and write them."""

import errno
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_clustering.data import find_checkout
from fmnist_clustering.runner import RunError

# The libraries for notebooks are optional, and are loaded by who needs them.
if TYPE_CHECKING:
    from nbformat import NotebookNode

METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
"""What JupyterLab writes when it saves, without the version of Python.

It is the same on every machine, so that a run changes nothing but results.
"""


def check_installed(*modules: str) -> None:
    """Refuse to go on without libraries that are optional for the package.

    Parameters
    ----------
    modules : str
        Their names.

    Raises
    ------
    RunError
        When one of them is missing.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            advice = "install with: pip install 'fmnist_clustering[notebooks]'"
            raise RunError(f"{module} is not installed; {advice}")


def find_notebooks() -> list[Path]:
    """Find the notebooks of the checkout around the current folder or this file.

    Returns
    -------
    list of Path
        All in its folder ``notebooks/``, by name.

    Raises
    ------
    RunError
        When there is no checkout, or no notebook in it.
    """
    place = find_checkout(Path.cwd()) or find_checkout(Path(__file__).parent)
    if place is None:
        place = Path.cwd()
    notebooks = sorted((place / "notebooks").glob("*.ipynb"))
    if not notebooks:
        advice = "go to a checkout of the repository, or name notebooks"
        raise RunError(f"{place}: found no notebooks; {advice}")
    return notebooks


def read_notebook(path: Path) -> "NotebookNode":
    """Read a notebook.

    Parameters
    ----------
    path : Path
        A file in the format of Jupyter.

    Returns
    -------
    NotebookNode
        Its content, in version 4 of the format.

    Raises
    ------
    RunError
        When there is no such file, or when it is no notebook.
    """
    import nbformat

    if not path.is_file():
        raise RunError(f"{path}: no such notebook")
    not_a_notebook = (
        AttributeError,
        TypeError,
        ValueError,
        nbformat.ValidationError,
        nbformat.reader.NotJSONError,
    )
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except not_a_notebook as error:
        raise RunError(f"{path}: not a notebook ({error})") from None
    return notebook


def notebook_text(notebook: "NotebookNode") -> str:
    """Return what JupyterLab would write for a notebook, on any machine.

    Parameters
    ----------
    notebook : NotebookNode
        A notebook. Its metadata become those that every Python kernel has.

    Returns
    -------
    str
        The content of the file.
    """
    import nbformat

    notebook.metadata = METADATA
    text: str = nbformat.writes(notebook)
    return text.rstrip("\n") + "\n"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step; a reader sees the old or the new one, whole.

    Parameters
    ----------
    path : Path
        Where it goes.
    content : bytes
        What is in it.

    Raises
    ------
    OSError
        When it cannot be written. An older file stays as it was.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Move a file over another one; a reader sees the old or the new one, whole.

    Parameters
    ----------
    source, target : Path
        Two files, which may be on different file systems.

    Raises
    ------
    OSError
        When the target cannot be written. It stays as it was.
    """
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # They are on different file systems, where no file can be moved in one step.
        write_whole(target, source.read_bytes())
