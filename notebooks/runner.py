"""Execute the notebooks and publish what they made, whole or not at all.

``python -m fmnist_clustering run [NOTEBOOK ...]``
"""

import argparse
import ast
import asyncio
import atexit
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compare import difference
from fmnist_clustering.data import find_checkout
from fmnist_clustering.progress import ARTIFACTS_VARIABLE

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

KERNEL_ENV = {"OMP_WAIT_POLICY": "passive"}  # spinning OpenMP threads starve the BLAS ones
PARAMETERS_CELL = 1
CELL_TIMEOUT = 1800


class RunError(Exception):
    """A run that ended without publishing; the message says where and why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; default those of the process.

    Returns
    -------
    int
        0 when every notebook succeeded; 1 after an error, 2 for wrong arguments, 130 when
        interrupted.
    """
    notebooks, output_dir, settings = _arguments(argv)
    try:
        run(notebooks, settings=settings, output_dir=output_dir)
    except (RunError, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        what = "nothing of the notebook under way was published"
        print(f"\ninterrupted: {what}", file=sys.stderr)
        return 130
    return 0


def run(
    notebooks: Sequence[Path] = (),
    *,
    settings: dict[str, object] | None = None,
    output_dir: Path | None = None,
) -> None:
    """Execute notebooks one after the other; publish each one that succeeds.

    A notebook runs on a copy in memory, and its artifacts are staged in ``build/``. Only
    then file after file is put in place with `os.replace`, where the content differs.

    Parameters
    ----------
    notebooks : sequence of Path
        Default: all in ``notebooks/`` of the checkout around the current folder.
    settings : dict, optional
        New values for names that the notebooks' second cells assign.
    output_dir : Path, optional
        Where notebooks and their ``artifacts/`` go; default: back into the checkout.

    Raises
    ------
    RunError
        When something is missing, a setting fits no notebook, or a cell fails.
    """
    paths = [path.resolve() for path in notebooks] or _all_notebooks()
    sources = {path: _read(path) for path in paths}
    for name, value in (settings or {}).items():
        if not sum(_set_parameter(notebook, name, value) for notebook in sources.values()):
            known = sorted({n for nb in sources.values() for n in _parameters(nb)})
            raise RunError(f"--set {name}: no such parameter; known are {', '.join(known)}")
    import nbformat  # after _read, which says so when it is not there

    for path, notebook in sources.items():
        places = _places(path, output_dir)
        with _staging(places["build"]) as stage:
            started = time.monotonic()
            _execute(notebook, path, stage / "artifacts")
            nbformat.write(notebook, stage / path.name)
            changed = _publish(stage, places)
        _print_line(f"{path.name}  done, {changed} files changed", started, live=False)


def _arguments(
    argv: Sequence[str] | None,
) -> tuple[list[Path], Path | None, dict[str, object]]:
    """Read the command line: notebooks, folder for results, settings."""
    parser = argparse.ArgumentParser(prog="python -m fmnist_clustering")
    commands = parser.add_subparsers(dest="command", required=True)
    summary = "execute notebooks in place and regenerate artifacts/"
    run_parser = commands.add_parser("run", help=summary)
    add, elsewhere = run_parser.add_argument, "needs --output-dir"
    all_of_them = "default: all in notebooks/"
    add("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help=all_of_them)
    add("--output-dir", type=Path, help="write notebooks and artifacts here instead")
    add("--data-dir", type=Path, help=f"folder with other CSV files; {elsewhere}")
    change = f"change a parameter of a notebook's second cell; {elsewhere}"
    add("--set", action="append", default=[], metavar="NAME=VALUE", help=change)
    args = parser.parse_args(argv)
    settings = dict(_as_setting(text, run_parser) for text in args.set)
    if args.data_dir is not None:
        settings["DATA_DIR"] = str(args.data_dir.resolve())
    if settings and args.output_dir is None:
        kept = "committed results stay as they are"
        run_parser.error(f"--set and --data-dir need --output-dir: {kept}")
    return args.notebooks, args.output_dir, settings


def _as_setting(text: str, parser: argparse.ArgumentParser) -> tuple[str, object]:
    """Read NAME=VALUE; a value that is no Python literal is text."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        parser.error(f"--set {text}: expected NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError):
        path = Path(value)
    with contextlib.suppress(OSError):  # too long for a path
        if path.is_file():
            return name, str(path.resolve())  # the kernel runs in another folder
    return name, value


def _all_notebooks() -> list[Path]:
    """Return the notebooks of the checkout around the current folder, or of this file."""
    checkout = find_checkout(Path.cwd()) or find_checkout(Path(__file__).parent)
    found = sorted((checkout / "notebooks").glob("*.ipynb")) if checkout else []
    if not found:
        place = checkout or Path.cwd()
        raise RunError(f"no notebooks found in {place}; name them, or go to a checkout")
    return found


def _read(path: Path) -> "NotebookNode":
    """Read a notebook, or say what is missing."""
    try:
        import nbclient  # noqa: F401
        import nbformat
    except ImportError as error:
        raise RunError(
            f"{error}; install with: pip install 'fmnist_clustering[notebooks]'"
        ) from None
    if not path.is_file():
        raise RunError(f"{path}: no such notebook")
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (AttributeError, TypeError, ValueError, nbformat.ValidationError,
            nbformat.reader.NotJSONError) as error:  # fmt: skip
        raise RunError(f"{path}: not a notebook ({error})") from None
    return notebook


def _parameters(notebook: "NotebookNode") -> dict[str, object]:
    """Return the value of each ``NAME = literal`` line in the second cell."""
    found = {}
    for cell in notebook.cells[PARAMETERS_CELL : PARAMETERS_CELL + 1]:
        for name, value in re.findall(
            r"^([A-Z][A-Z0-9_]*) = (.+)$", cell.source, re.MULTILINE
        ):
            with contextlib.suppress(
                ValueError, SyntaxError, TypeError
            ):  # computed: no parameter
                found[name] = ast.literal_eval(value)
    return found


def _set_parameter(notebook: "NotebookNode", name: str, value: object) -> bool:
    """Replace one parameter's line; False where the notebook has no such name."""
    if name not in (known := _parameters(notebook)):
        return False
    default = known[name]
    if default is not None and type(value) is not type(default):
        expected = type(default).__name__
        raise RunError(
            f"--set {name}: found {value!r}, expected a value of type {expected}"
        )
    cell, line = notebook.cells[PARAMETERS_CELL], f"{name} = {value!r}"
    cell.source = re.sub(rf"^{name} = .+$", lambda _: line, cell.source, flags=re.MULTILINE)
    return True


def _places(path: Path, output_dir: Path | None) -> dict[str, Path]:
    """Return where notebook, artifacts and staging of a run go."""
    if output_dir is None:
        checkout = find_checkout(path.parent)
        if checkout is None or path.parent != checkout / "notebooks":
            raise RunError(f"{path}: not in notebooks/ of a checkout; give --output-dir")
        return {
            "notebook": path.parent,
            "artifacts": checkout / "artifacts",
            "build": checkout / "build",
        }
    output = output_dir.resolve()
    checkout = find_checkout(output)
    kept = (
        [checkout / name for name in ("notebooks", "artifacts", "data")] if checkout else []
    )
    if output == checkout or any(output.is_relative_to(folder) for folder in kept):
        raise RunError(
            f"--output-dir {output_dir}: holds committed results; expected another folder"
        )
    return {
        "notebook": output,
        "artifacts": output / "artifacts",
        "build": output / "build",
    }


@contextlib.contextmanager
def _staging(build: Path) -> Iterator[Path]:
    """Yield a new folder below `build` and remove it at the end."""
    build.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix="run-", dir=build))
    (stage / "artifacts").mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: somebody else's
            build.rmdir()


def _execute(notebook: "NotebookNode", path: Path, artifacts: Path) -> None:
    """Run all cells in a fresh kernel of this interpreter; outputs replace the old ones."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    places = _cell_places(notebook)
    at = [0]

    def announce(cell: object, cell_index: int) -> None:  # noqa: ARG001
        at[0] = cell_index
        _print_line(f"{path.name}  {places[cell_index]}", started)

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_manager_class=_kernel_manager_class(),
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        on_cell_execute=announce,
    )
    started = time.monotonic()
    env = os.environ | KERNEL_ENV | {ARTIFACTS_VARIABLE: str(artifacts)}
    try:
        asyncio.run(_run_cells(client, env))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    # RuntimeError: no kernel, or a dead one
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
        raise RunError(f"{path.name}, {places[at[0]]}: {_reason(error)}") from None
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def _kernel_manager_class() -> type:
    """Return a manager that starts this interpreter, whatever kernels are registered."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class CurrentInterpreter(AsyncKernelManager):  # type: ignore[misc]
        async def start_kernel(self, **options: object) -> None:
            _interrupt_on_signals()
            await super().start_kernel(**options)

        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            argv.append("--log-level=ERROR")
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    return CurrentInterpreter


def _interrupt_on_signals() -> None:
    """Let Ctrl-C and a polite kill end the run; nbclient would only stop the kernel."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _run_cells(client: "NotebookClient", env: dict[str, str]) -> None:
    """Let nbclient run the cells; clean up what it leaves when it is interrupted."""
    try:
        await client.async_execute(env=env)
    finally:
        if client.km is not None:  # interrupted while the kernel started
            await client._async_cleanup_kernel()
        atexit.unregister(client._cleanup_kernel)
        task = asyncio.current_task()
        if (
            task is not None and task.cancelling()
        ):  # which nbclient reports as a dead kernel
            raise asyncio.CancelledError


def _cell_places(notebook: "NotebookNode") -> list[str]:
    """Name each cell by its place among the code cells and the title of its section."""
    places, title, number = [], "", 0
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^##? +(.+)$", cell.source, flags=re.MULTILINE)
            title = headings[-1] if headings else title
        number += cell.cell_type == "code"
        places.append(
            f"cell {number}/{total} ({title})" if title else f"cell {number}/{total}"
        )
    return places


def _print_line(text: str, started: float, *, live: bool = True) -> None:
    """Print a line with the time elapsed; on a terminal a live line is overwritten."""
    text = f"{text}  {time.monotonic() - started:.0f} s"
    if not sys.stdout.isatty():
        print(text, flush=True)
        return
    width = shutil.get_terminal_size().columns - 1
    print(f"\r\x1b[K{text[:width]}", end="" if live else "\n", flush=True)


def _reason(error: Exception) -> str:
    """Return the error's name and message first, then what else is known."""
    name = getattr(error, "ename", type(error).__name__)
    message = getattr(error, "evalue", "") or str(error).strip()
    trace = re.sub(r"\x1b\[[0-9;]*m", "", getattr(error, "traceback", ""))
    return f"{name}: {message}\n{trace}".rstrip()


def _publish(stage: Path, places: dict[str, Path]) -> int:
    """Put what differs in place, file by file, the notebook last; return how many."""
    staged = [
        (path, places["artifacts"]) for path in sorted((stage / "artifacts").iterdir())
    ]
    staged += [(path, places["notebook"]) for path in stage.glob("*.ipynb")]
    changed = 0
    for path, folder in staged:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / path.name
        if not target.exists() or difference(target, path):
            os.replace(path, target)
            changed += 1
    return changed


if __name__ == "__main__":
    sys.exit(main())
