"""Execute notebooks and put their results in place: each file whole, the notebook last.

``python -m fmnist_clustering run [NOTEBOOK ...]``, and beside it ``clean``.
"""

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from fmnist_clustering.data import find_checkout
from fmnist_clustering.progress import ARTIFACTS_VARIABLE
from fmnist_clustering.runner import RunError
from fmnist_clustering.runner.clean import clean
from fmnist_clustering.runner.compare import difference
from fmnist_clustering.runner.files import (
    check_installed,
    find_notebooks,
    notebook_text,
    read_notebook,
    replace,
)
from fmnist_clustering.runner.lock import hold_lock
from fmnist_clustering.runner.parameters import (
    DATA_DIR,
    apply_settings,
    parse_setting,
)

# The libraries that execute notebooks are optional, and are loaded by who needs them.
if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

REQUIRED_MODULES = ("ipykernel", "nbclient", "nbformat")
"""What ``pip install 'fmnist_clustering[notebooks]'`` brings, and a run needs."""

KERNEL_ENVIRONMENT = {
    "OMP_WAIT_POLICY": "passive",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
"""Threads of OpenMP that spin while they wait would starve those of BLAS. The backend
is the one of a kernel: a reader's own could need a screen.
"""

CELL_TIMEOUT = 1800
"""Seconds after which a cell is given up. The slowest one takes a few minutes."""

STAGE_NAME = ".run"
"""Folder below ``build/`` for the results of the notebook under way."""

COMMITTED_FOLDERS = ("notebooks", "artifacts", "data")


class Targets(NamedTuple):
    """The folders in which the results of a notebook end up.

    Attributes
    ----------
    notebook : Path
        Where the executed notebook goes.
    artifacts : Path
        Where the files go that its cells save.
    build : Path
        Where all of them wait until the last cell has succeeded.
    """

    notebook: Path
    artifacts: Path
    build: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the name of the program; default: the arguments of the process.

    Returns
    -------
    int
        The exit code: 0 if every notebook succeeded, 1 after an error, 130 if the
        command was interrupted.

    Raises
    ------
    SystemExit
        With code 2 for wrong arguments, and with code 0 for ``--help``.
    """
    options = _parse_arguments(arguments)
    try:
        with _interrupted_quietly():
            if options.command == "clean":
                changed = clean(options.notebooks)
                print(f"changed notebooks: {len(changed)}")
            else:
                run(
                    options.notebooks,
                    settings=options.settings,
                    output_dir=options.output_dir,
                )
    except (RunError, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = "the notebook under way stays as it was"
        print(f"\ninterrupted: {kept}", file=sys.stderr)
        return 130
    return 0


def run(
    notebooks: Sequence[Path] = (),
    *,
    settings: dict[str, object] | None = None,
    output_dir: Path | None = None,
) -> None:
    """Execute notebooks one after the other; put the results of each one in place.

    Parameters
    ----------
    notebooks : sequence of Path
        Default: all in ``notebooks/`` of the checkout around the current folder.
    settings : dict, optional
        New values for parameters of the notebooks, by name. A parameter is a line
        ``NAME = literal`` in the cell with the tag ``parameters``.
    output_dir : Path, optional
        Where notebooks and their ``artifacts/`` go; default: back into the checkout.

    Raises
    ------
    RunError
        When something is missing, a setting fits no notebook, another run uses the
        same folder, or a cell fails.
    OSError
        When a result cannot be written.

    Notes
    -----
    A notebook is executed as a copy in memory, and its artifacts are collected in
    ``build/``. If a cell fails, all files stay as they were. If all cells succeed, each
    file whose content differs is replaced whole, one after the other, the notebook
    last. A run that is killed in between leaves some files new and the others old, but
    none half-written; the next run replaces the rest.
    """
    check_installed(*REQUIRED_MODULES)
    paths = [path.resolve() for path in notebooks] or find_notebooks()
    sources = {path: read_notebook(path) for path in paths}
    apply_settings(list(sources.values()), settings or {})
    targets = {path: _find_targets(path, output_dir) for path in sources}

    with contextlib.ExitStack() as locks:
        for build in {folders.build for folders in targets.values()}:
            locks.enter_context(hold_lock(build))
        for path, notebook in sources.items():
            _run_one(notebook, path, targets[path])


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command and its notebooks, for ``run`` also settings and a folder."""
    parser = argparse.ArgumentParser(prog="python -m fmnist_clustering")
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser(
        "run",
        help="execute notebooks in place and regenerate artifacts/",
    )
    clean_parser = commands.add_parser(
        "clean",
        help="give cells whose code is as committed their committed outputs again, "
        "and remove widgets, after a live session",
    )
    for command_parser in (run_parser, clean_parser):
        command_parser.add_argument(
            "notebooks",
            nargs="*",
            type=Path,
            metavar="NOTEBOOK",
            help="default: all in notebooks/",
        )
    _add_run_options(run_parser)
    options = parser.parse_args(arguments)
    if options.command == "run":
        options.settings = _read_settings(options, run_parser)
    return options


def _read_settings(
    options: argparse.Namespace, parser: argparse.ArgumentParser
) -> dict[str, object]:
    """Return the new values of parameters that the command line of ``run`` gives."""
    try:
        settings = dict(parse_setting(text) for text in options.set)
    except ValueError as error:
        parser.error(f"--set {error}")
    if options.data_dir is not None:
        settings[DATA_DIR] = str(options.data_dir.resolve())
    if settings and options.output_dir is None:
        reason = "committed results stay as they are"
        parser.error(f"--set and --data-dir need --output-dir: {reason}")
    return settings


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run``."""
    parser.add_argument(
        "--output-dir",
        type=Path,
        help="write notebooks and artifacts here instead",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder with other CSV files; needs --output-dir",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a parameter of the notebooks; needs --output-dir",
    )


@contextlib.contextmanager
def _interrupted_quietly() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM, the polite kill, raise KeyboardInterrupt and no more.

    Threads that talk to the kernel may lose it then, and would print a traceback.
    """
    excepthook = threading.excepthook

    def interrupt(number: int, frame: FrameType | None) -> None:
        threading.excepthook = _ignore_error_of_thread
        signal.default_int_handler(number, frame)

    signals = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signals.append(signal.SIGINT)  # in the background it may be ignored
    previous = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)
        threading.excepthook = excepthook


def _ignore_error_of_thread(_error: threading.ExceptHookArgs) -> None:
    """Print nothing about the end of a thread."""


def _find_targets(path: Path, output_dir: Path | None) -> Targets:
    """Return where the results of a notebook go."""
    if output_dir is None:
        checkout = find_checkout(path.parent)
        if checkout is None or path.parent != checkout / "notebooks":
            raise RunError(
                f"{path}: not in notebooks/ of a checkout; give --output-dir"
            )
        return Targets(path.parent, checkout / "artifacts", checkout / "build")

    output = output_dir.resolve()
    if _holds_committed_results(output):
        found = "holds committed results"
        raise RunError(f"--output-dir {output_dir}: {found}; expected another folder")
    return Targets(output, output / "artifacts", output / "build")


def _holds_committed_results(folder: Path) -> bool:
    """Return whether a folder is a checkout or lies in one where results are kept."""
    checkout = find_checkout(folder)
    if checkout is None:
        return False
    committed = [checkout / name for name in COMMITTED_FOLDERS]
    return folder == checkout or any(map(folder.is_relative_to, committed))


def _run_one(notebook: "NotebookNode", path: Path, targets: Targets) -> None:
    """Execute one notebook and put its results in place."""
    started = time.monotonic()
    with _staging(targets.build) as stage:
        artifacts = stage / "artifacts"
        artifacts.mkdir()
        _execute(notebook, path, artifacts)
        staged_notebook = stage / path.name
        text = notebook_text(notebook)
        staged_notebook.write_text(text, encoding="utf-8", newline="\n")

        results = {
            staged: targets.artifacts / staged.name
            for staged in sorted(artifacts.iterdir())
        }
        results[staged_notebook] = targets.notebook / path.name
        n_changed = _put_in_place(results)
    _print_line(f"{path.name}  done, {n_changed} files changed", started, live=False)


@contextlib.contextmanager
def _staging(build: Path) -> Iterator[Path]:
    """Yield an empty folder below `build` and remove it at the end.

    The lock on `build` is held, so what is there already was left by a killed run.
    """
    stage = build / STAGE_NAME
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _execute(notebook: "NotebookNode", path: Path, artifacts: Path) -> None:
    """Run all cells in a new kernel; the outputs replace the old ones."""
    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        km=_create_kernel_manager(),
        timeout=CELL_TIMEOUT,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    environment = os.environ | KERNEL_ENVIRONMENT | {ARTIFACTS_VARIABLE: str(artifacts)}
    # ZeroMQ needs a loop of this type, which is not the default one on Windows.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(_run_cells(client, path, environment))


def _create_kernel_manager() -> object:
    """Return a manager that starts this interpreter, whatever is registered."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class CurrentInterpreter(AsyncKernelManager):  # type: ignore[misc]
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
                "--log-level=ERROR",
            ]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    return CurrentInterpreter()


async def _run_cells(
    client: "NotebookClient",
    path: Path,
    environment: dict[str, str],
) -> None:
    """Start a kernel beside the notebook, run all cells, and end the kernel.

    `NotebookClient.execute` would do the same, but it takes Ctrl-C and SIGTERM as
    orders to stop the kernel, and reports a dead kernel instead of an interrupted run.
    """
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    started = time.monotonic()
    manager = client.km  # the client forgets it if the kernel does not start
    place = path.name
    try:
        await client.async_start_new_kernel(env=environment, cwd=str(path.parent))
        await client.async_start_new_kernel_client()
        places = _name_cells(client.nb)
        for index, cell in enumerate(client.nb.cells):
            place = f"{path.name}, {places[index]}"
            if cell.cell_type == "code":
                _print_line(f"{path.name}  {places[index]}", started)
            await client.async_execute_cell(cell, index)
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
        # RuntimeError: there is no kernel, or it died. nbclient takes a cell that was
        # cancelled, by Ctrl-C, for a dead kernel, too.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from None
        raise RunError(f"{place}: {_describe_error(error)}") from None
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await manager.shutdown_kernel(now=True)


def _name_cells(notebook: "NotebookNode") -> list[str]:
    """Name each cell by its place among the code cells and the title of its section."""
    n_code_cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    names = []
    title = ""
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            number += 1
        if cell.cell_type == "markdown":
            headings = re.findall(r"^##? +(.+)$", cell.source, flags=re.MULTILINE)
            title = headings[-1] if headings else title
        suffix = f" ({title})" if title else ""
        names.append(f"cell {number}/{n_code_cells}{suffix}")
    return names


def _describe_error(error: Exception) -> str:
    """Return the name and the message of an error, then its traceback if known."""
    name = getattr(error, "ename", type(error).__name__)
    message = getattr(error, "evalue", "") or str(error).strip()
    traceback = getattr(error, "traceback", "")
    without_colors = re.sub(r"\x1b\[[0-9;]*m", "", traceback)
    return f"{name}: {message}\n{without_colors}".rstrip()


def _print_line(text: str, started: float, *, live: bool = True) -> None:
    """Print a line with the time elapsed; on a terminal a live line is overwritten."""
    line = f"{text}  {time.monotonic() - started:.0f} s"
    # A title may hold characters that the terminal or the pipe cannot show.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    line = line.encode(encoding, "replace").decode(encoding)
    if not sys.stdout.isatty():
        print(line, flush=True)
        return
    # A line as wide as the terminal would wrap, and could not be overwritten.
    width = shutil.get_terminal_size().columns - 1
    print(f"\r{line[:width]:<{width}}", end="" if live else "\n", flush=True)


def _put_in_place(results: dict[Path, Path]) -> int:
    """Replace each target that differs from its result; return how many did."""
    n_changed = 0
    for result, target in results.items():
        if target.exists() and difference(target, result) is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(result, target)
        n_changed += 1
    return n_changed
