"""Execute the notebooks, then replace their results.

``python -m fmnist_clustering run [NOTEBOOK ...]`` executes notebooks of the checkout,
each in a new kernel of this interpreter. A notebook and its artifacts are replaced when
its last cell has succeeded, each file whole and the notebook last. After a failing
cell, Ctrl-C or a full disk the old files are still there.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

from fmnist_clustering.data import ARTIFACTS_VARIABLE, find_checkout

# The libraries that execute notebooks are optional, and are imported where needed.
if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_TIMEOUT = 1800
"""Seconds after which a cell is given up. The slowest one takes a few minutes."""

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; default: the arguments of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m fmnist_clustering",
        description="Execute notebooks, then replace them and their artifacts.",
    )
    parser.add_argument("command", choices=["run"])
    parser.add_argument(
        "notebooks",
        nargs="*",
        type=Path,
        metavar="NOTEBOOK",
        help="default: all in notebooks/",
    )
    options = parser.parse_args(arguments)
    # End after a polite kill as after Ctrl-C: tidily.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(options.notebooks)
    except KeyboardInterrupt:
        print("interrupted: the notebook under way stays as it was", file=sys.stderr)
        sys.exit(130)
    except (OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")


def run(notebooks: Sequence[Path] = ()) -> None:
    """Execute notebooks one after the other; replace the results of each.

    Parameters
    ----------
    notebooks : sequence of Path
        Files in ``notebooks/`` of the checkout; default: all of them.

    Raises
    ------
    SystemExit
        With a sentence when a file is no notebook of the checkout, nbclient is missing,
        or a cell fails.
    OSError
        When a file cannot be read or written.
    RuntimeError
        When the kernel does not start.
    """
    checkout = find_checkout(Path.cwd()) or find_checkout(Path(__file__).parent)
    if checkout is None:
        sys.exit("error: found no checkout; start this in a clone of the repository")
    folder = checkout / "notebooks"
    paths = [path.resolve() for path in notebooks] or sorted(folder.glob("*.ipynb"))
    for path in paths:
        if path.parent != folder:
            advice = "to execute it there, use papermill"
            sys.exit(f"error: {path}: not in {folder}; {advice}")
    for path in paths:
        _run_one(path, checkout)


def kernel_environment(checkout: Path, ipython_dir: Path) -> dict[str, str]:
    """Return variables that keep results independent of whose machine it is.

    Parameters
    ----------
    checkout : Path
        Its package is imported, not one that is installed elsewhere.
    ipython_dir : Path
        A folder without settings, in place of the personal one.

    Returns
    -------
    dict
        Variables for the environment of a kernel. ``OMP_WAIT_POLICY`` has to be set
        before NumPy is imported.
    """
    python_path = [str(checkout)]
    if os.environ.get("PYTHONPATH"):
        python_path.append(os.environ["PYTHONPATH"])
    # In place of the startup files and settings of whoever runs it:
    return {
        # Threads of OpenMP that spin while they wait would starve those of BLAS.
        "OMP_WAIT_POLICY": "passive",
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONSTARTUP": "",
        "IPYTHONDIR": str(ipython_dir),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(Path(matplotlib.get_data_path(), "matplotlibrc")),
    }


def _run_one(path: Path, checkout: Path) -> None:
    """Execute one notebook and replace its results."""
    started = time.monotonic()
    notebook = _read(path)
    build = checkout / "build"
    build.mkdir(exist_ok=True)
    (checkout / "artifacts").mkdir(exist_ok=True)
    # On Windows a kernel may hold a file for some moments after its end.
    with tempfile.TemporaryDirectory(
        prefix="run-", dir=build, ignore_cleanup_errors=True
    ) as name:
        stage = Path(name)
        artifacts = stage / "artifacts"
        artifacts.mkdir()
        environment = os.environ | kernel_environment(checkout, stage / "ipython")
        environment[ARTIFACTS_VARIABLE] = str(artifacts)
        _execute(notebook, path, environment)
        staged_notebook = stage / path.name
        _write(notebook, staged_notebook)
        for artifact in sorted(artifacts.iterdir()):
            os.replace(artifact, checkout / "artifacts" / artifact.name)
        os.replace(staged_notebook, path)
    print(f"{path.name}  done in {time.monotonic() - started:.0f} s", flush=True)


def _read(path: Path) -> "NotebookNode":
    """Return a notebook, or end with a sentence that says why not."""
    try:
        import nbclient  # noqa: F401
        import nbformat
    except ImportError as error:
        advice = "install with: pip install 'fmnist_clustering[notebooks]'"
        sys.exit(f"error: {error}; {advice}")
    try:
        return nbformat.read(path, as_version=4)
    except ValueError as error:
        sys.exit(f"error: {path}: not a notebook ({error})")


def _execute(notebook: "NotebookNode", path: Path, environment: dict[str, str]) -> None:
    """Run all cells in a new kernel; the outputs replace the old ones."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    # Without folders of kernels there is one kernel: that of this interpreter.
    manager = AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_TIMEOUT,
        record_timing=False,  # times and widgets would differ from run to run
        store_widget_state=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        extra_arguments=["--log-level=CRITICAL"],  # warnings for kernel developers
    )
    cells = [item for item in enumerate(notebook.cells) if item[1].cell_type == "code"]
    with client.setup_kernel(cleanup_kc=True, env=environment, cwd=path.parent):
        for number, (index, cell) in enumerate(cells, start=1):
            place = f"{path.name}  cell {number}/{len(cells)}"
            started = time.monotonic()
            try:
                client.execute_cell(cell, index)
            except (CellExecutionError, TimeoutError, RuntimeError) as error:
                sys.exit(f"error: {place}: {error}")
            print(f"{place}  {time.monotonic() - started:.1f} s", flush=True)


def _write(notebook: "NotebookNode", path: Path) -> None:
    """Write a notebook as JupyterLab would, with the same metadata on any machine."""
    import nbformat

    notebook.metadata = METADATA
    text = nbformat.writes(notebook).rstrip("\n")
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
