"""A run replaces all results of a notebook or none, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4 as v4
import pytest

from fmnist_clustering.run import run

posix_only = pytest.mark.skipif(
    os.name != "posix", reason="signals and limits are those of POSIX systems"
)

SAVE = """\
import os, pathlib
folder = pathlib.Path(os.environ["FMNIST_CLUSTERING_ARTIFACTS"])
size = (folder / "numbers.csv").write_text("new")"""

SHOW = "print('Hello')\n6 * 7"

WAIT = """\
import os, pathlib, time
size = pathlib.Path("../started").write_text(str(os.getpid()) + ".")
time.sleep(600)"""


def make_checkout(folder: Path, *cells: str) -> Path:
    """Create a checkout with one artifact and one notebook of somebody's kernel."""
    checkout = folder.resolve() / "a checkout"
    (checkout / "notebooks").mkdir(parents=True)
    (checkout / "artifacts").mkdir()
    (checkout / "fmnist_clustering").mkdir()
    (checkout / "artifacts" / "numbers.csv").write_text("old")
    (checkout / "pyproject.toml").touch()
    metadata = {
        "kernelspec": {"name": "conda", "display_name": "C", "language": "python"},
        "language_info": {"name": "python", "version": "3.5.0"},
    }
    stale = v4.new_output("stream", text="stale")
    nodes = [v4.new_code_cell(cell, outputs=[stale]) for cell in cells]
    notebook = v4.new_notebook(cells=nodes, metadata=metadata)
    nbformat.write(notebook, checkout / "notebooks" / "tour.ipynb")
    return checkout


def state(checkout: Path) -> dict[str, bytes]:
    """Return the content of each file that is not in `build/`."""
    names = ["notebooks/tour.ipynb", "artifacts/numbers.csv", "pyproject.toml"]
    files = [*checkout.glob("notebooks/*"), *checkout.glob("artifacts/*")]
    assert len(files) == 2, "nothing is left beside the results"
    return {name: (checkout / name).read_bytes() for name in names}


def texts(checkout: Path) -> list[str]:
    """Return what the last cell of the notebook shows, output by output."""
    path = checkout / "notebooks" / "tour.ipynb"
    outputs = nbformat.read(path, as_version=4).cells[-1].outputs
    return [out.text if "text" in out else out.data["text/plain"] for out in outputs]


def start(
    checkout: Path, preexec: Callable[[], Any] | None = None
) -> subprocess.Popen[str]:
    """Start the command in a checkout."""
    return subprocess.Popen(
        [sys.executable, "-m", "fmnist_clustering", "run"],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=preexec,
    )


def wait_for_the_kernel(checkout: Path) -> int:
    """Return the process id of the kernel when it is in the cell that waits."""
    marker = checkout / "started"
    deadline = time.monotonic() + 120
    while not (marker.exists() and marker.read_text().endswith(".")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(marker.read_text().rstrip("."))


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_run_replaces_everything_and_a_second_one_changes_no_byte(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkout = make_checkout(tmp_path, SAVE, SHOW)
    monkeypatch.chdir(checkout)
    run()
    first = state(checkout)
    assert first["artifacts/numbers.csv"] == b"new"
    assert texts(checkout) == ["Hello\n", "42"]
    assert b"3.5.0" not in first["notebooks/tour.ipynb"]
    assert b"conda" not in first["notebooks/tour.ipynb"]
    assert "tour.ipynb  cell 2/2  " in capsys.readouterr().out
    run([Path("notebooks/tour.ipynb")])
    assert state(checkout) == first
    assert list((checkout / "build").iterdir()) == []


@pytest.mark.slow
def test_a_failing_cell_leaves_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = make_checkout(tmp_path, SAVE, "raise ValueError('broken')")
    before = state(checkout)
    monkeypatch.chdir(checkout)
    message = r"(?s)error: tour.ipynb  cell 2/2: .*ValueError.*broken"
    with pytest.raises(SystemExit, match=message):
        run()
    assert state(checkout) == before
    assert list((checkout / "build").iterdir()) == []


@posix_only
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_says_one_line_and_leaves_every_file(
    tmp_path: Path, name: str
) -> None:
    checkout = make_checkout(tmp_path, SAVE, WAIT)
    before = state(checkout)
    process = start(checkout)
    kernel = wait_for_the_kernel(checkout)
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "interrupted: the notebook under way stays as it was\n"
    assert state(checkout) == before
    assert list((checkout / "build").iterdir()) == []
    assert not is_alive(kernel)


@posix_only
@pytest.mark.slow
def test_after_a_kill_files_are_whole_and_the_next_run_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = make_checkout(tmp_path, SAVE, WAIT)
    before = state(checkout)
    process = start(checkout)
    kernel = wait_for_the_kernel(checkout)
    process.kill()
    process.communicate(timeout=60)
    os.kill(kernel, signal.SIGKILL)
    assert state(checkout) == before
    notebook = checkout / "notebooks" / "tour.ipynb"
    notebook.write_text(notebook.read_text().replace("sleep(600)", "sleep(0)"))
    monkeypatch.chdir(checkout)
    run()
    assert state(checkout)["artifacts/numbers.csv"] == b"new"


@posix_only
@pytest.mark.slow
def test_a_full_disk_leaves_every_file(tmp_path: Path) -> None:
    import resource

    def limit_files() -> None:
        # The artifact fits, the notebook with its long output does not.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    checkout = make_checkout(tmp_path, SAVE, "print('line\\n' * 5_000)")
    before = state(checkout)
    process = start(checkout, limit_files)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors == "error: [Errno 27] File too large\n"
    assert state(checkout) == before
    assert list((checkout / "build").iterdir()) == []


@pytest.mark.slow
def test_personal_settings_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("mine = print('startup')")
    config = "c.InteractiveShell.ast_node_interactivity = 'all'\n"
    (startup.parent / "ipython_config.py").write_text(config)
    (tmp_path / "start.py").write_text("mine = 1")
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "start.py"))
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    monkeypatch.setenv("MPLBACKEND", "svg")
    look = """\
import matplotlib
"one"
print("mine" in globals(), matplotlib.rcParams["lines.linewidth"])
matplotlib.get_backend()"""
    checkout = make_checkout(tmp_path, look)
    monkeypatch.chdir(checkout)
    run()
    printed, backend = texts(checkout)
    assert printed == "False 1.5\n"
    assert "inline" in backend


@pytest.mark.slow
def test_the_package_beside_the_notebooks_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = "import fmnist_clustering\nfmnist_clustering.PLACE"
    checkout = make_checkout(tmp_path, look)
    package = checkout / "fmnist_clustering" / "__init__.py"
    package.write_text("PLACE = 'beside the notebooks'")
    monkeypatch.chdir(checkout)
    run()
    assert texts(checkout) == ["'beside the notebooks'"]


def test_what_is_no_notebook_of_the_checkout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = make_checkout(tmp_path)
    broken = checkout / "notebooks" / "broken.ipynb"
    broken.write_text("<<<<<<< HEAD")
    monkeypatch.chdir(checkout)
    with pytest.raises(SystemExit, match=r"mine\.ipynb: not in .* papermill"):
        run([tmp_path / "mine.ipynb"])
    with pytest.raises(SystemExit, match=r"broken\.ipynb: not a notebook"):
        run([broken])
    with pytest.raises(FileNotFoundError, match=r"missing\.ipynb"):
        run([checkout / "notebooks" / "missing.ipynb"])
    monkeypatch.setitem(sys.modules, "nbclient", None)
    with pytest.raises(SystemExit, match=r"pip install 'fmnist_clustering\[notebooks"):
        run()
