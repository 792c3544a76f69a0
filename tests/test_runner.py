import base64
import contextlib
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import numpy as np
import pytest
from PIL import Image

import fmnist_clustering
import runner
from fmnist_clustering.progress import ARTIFACTS_VARIABLE

pytestmark = pytest.mark.slow

PARAMETERS = """\
N_CLUSTERS = 10  # as many as garments
SHARE = 0.5
IMAGE = "china"
DATA_DIR = None
SEED = None
K_VALUES = [5, 10]
lowercase = 1"""
KNOWN = "DATA_DIR, IMAGE, K_VALUES, N_CLUSTERS, SEED, SHARE"
WHERE = """\
import os, pathlib, sys
print(sys.executable, flush=True)
print(pathlib.Path.cwd().name, os.environ["OMP_WAIT_POLICY"])"""
SAVE = """\
from fmnist_clustering.notebook import save_artifact
save_artifact("early.csv", b"k\\n6\\n");"""
SAVE_LATE = 'save_artifact("late.csv", b"late\\n");'
FIGURE = """\
import matplotlib.pyplot as plt
from fmnist_clustering.notebook import show
fig, ax = plt.subplots(figsize=(2, 1))
ax.plot([0, 1])
show(fig, alt="A line that rises", save="line.png")"""
TOUR = ("# Tour", PARAMETERS, "## Where it runs", WHERE, "### Detail", SAVE, "## Figure", FIGURE)

INTERRUPTED = "\ninterrupted: nothing of the notebook under way was published\n"
FOLDERS = ("artifacts", "data", "notebooks")


class Ran(NamedTuple):
    code: Any
    out: str
    err: str


def run_in(folder: Path, *arguments: object) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: Any = runner.main(["run", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
    return Ran(code, out.getvalue(), err.getvalue())


def write(name: str) -> str:
    """Return a cell that writes an artifact without the package, whose import takes long."""
    return f"""\
import os, pathlib
pathlib.Path(os.environ[{ARTIFACTS_VARIABLE!r}], {name!r}).write_text("k\\n6\\n");"""


def add_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook that somebody else's kernel has left in another state."""
    made = [
        nbformat.v4.new_markdown_cell(cell)
        if cell.startswith("#")
        else nbformat.v4.new_code_cell(
            cell, execution_count=99, outputs=[nbformat.v4.new_output("stream", text="stale")]
        )
        for cell in cells
    ]
    metadata = {
        "kernelspec": {"name": "no-such-kernel", "display_name": "Conda", "language": "python"},
        "language_info": {"name": "python", "version": "3.5.0"},
        "widgets": {},
    }
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)
    return path


def make_checkout(folder: Path, *cells: str) -> Path:
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    for name in ("early.csv", "other.csv"):
        (folder / "artifacts" / name).write_text("k\n5\n")
    if cells:
        add_notebook(folder / "notebooks" / "tour.ipynb", *cells)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return identity, time and content of each file, `build/` apart."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns, content)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_relative_to(folder / "build")
        for content in [path.read_bytes()]
    }


def read_notebook(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def outputs_of(path: Path) -> list[Any]:
    return [cell.outputs for cell in read_notebook(path).cells if cell.cell_type == "code"]


def read_artifacts(checkout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (checkout / "artifacts").iterdir()}


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Ran]:
    checkout = make_checkout(tmp_path_factory.mktemp("toured") / "checkout", *TOUR)
    before = read_notebook(checkout / "notebooks" / "tour.ipynb")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)  # conftest.py sets it, too
        return checkout, before, run_in(checkout)


def test_cells_run_in_this_interpreter_beside_the_notebook(toured: tuple[Path, Any, Ran]) -> None:
    checkout, _, ran = toured
    assert (ran.code, ran.err) == (0, "")
    parameters, where, save, figure = outputs_of(checkout / "notebooks" / "tour.ipynb")
    expected = f"{sys.executable}\nnotebooks passive\n"
    assert where == [{"output_type": "stream", "name": "stdout", "text": expected}]
    assert parameters == save == []
    assert figure[0].metadata == {"image/png": {"alt": "A line that rises"}}


def test_only_outputs_counts_and_metadata_of_a_notebook_change(toured: tuple[Path, Any, Ran]) -> None:
    checkout, before, _ = toured
    text = (checkout / "notebooks" / "tour.ipynb").read_text(encoding="utf-8")
    after = json.loads(text)
    counts = [cell["execution_count"] for cell in after["cells"] if cell["cell_type"] == "code"]
    assert counts == [1, 2, 3, 4]
    for cell, old in zip(after["cells"], before.cells, strict=True):
        kept = cell | {"source": "".join(cell["source"])}
        assert kept == old | {key: cell[key] for key in ("outputs", "execution_count") & old.keys()}
    assert after["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")


def test_artifacts_of_a_notebook_that_succeeded_are_published(toured: tuple[Path, Any, Ran]) -> None:
    checkout, _, _ = toured
    assert {path.name for path in checkout.iterdir()} == {*FOLDERS, "pyproject.toml"}
    artifacts = read_artifacts(checkout)
    figure = outputs_of(checkout / "notebooks" / "tour.ipynb")[3]
    assert base64.b64decode(figure[0].data["image/png"]) == artifacts.pop("line.png")
    assert artifacts == {"early.csv": b"k\n6\n", "other.csv": b"k\n5\n"}


def test_progress_in_a_pipe_is_plain_lines(toured: tuple[Path, Any, Ran]) -> None:
    _, _, ran = toured
    assert re.sub(r"  \d+ s$", "  N s", ran.out, flags=re.MULTILINE).splitlines() == [
        "tour.ipynb  cell 1/4 (Tour)  N s",
        "tour.ipynb  cell 2/4 (Where it runs)  N s",
        "tour.ipynb  cell 3/4 (Where it runs)  N s",
        "tour.ipynb  cell 4/4 (Figure)  N s",
        "tour.ipynb  done, 3 files changed  N s",
    ]


def reencode(png: bytes) -> bytes:
    """Return a picture that differs in its bytes and, within the tolerance, in one pixel."""
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.array(picture)
    pixels[0, 0, :3] -= 1
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png")
    return stream.getvalue()


@pytest.mark.parametrize("other_pictures", [False, True], ids=["same", "pictures in tolerance"])
def test_a_second_run_rewrites_nothing(toured: tuple[Path, Any, Ran], tmp_path: Path, other_pictures: bool) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(toured[0], checkout)
    if other_pictures:
        picture = checkout / "artifacts" / "line.png"
        content = picture.read_bytes()
        other = reencode(content)
        assert other != content
        picture.write_bytes(other)
        notebook = checkout / "notebooks" / "tour.ipynb"
        old, new = (base64.b64encode(png).decode() for png in (content, other))
        text = notebook.read_text(encoding="utf-8")
        assert old in text
        notebook.write_text(text.replace(old, new), encoding="utf-8")
    before = state(checkout)
    ran = run_in(checkout)
    assert ran.code == 0
    assert "tour.ipynb  done, 0 files changed" in ran.out
    assert state(checkout) == before


def test_a_failing_cell_publishes_nothing_of_its_notebook(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    notebooks = checkout / "notebooks"
    failing = "def deep():\n    raise ValueError('no such garment: \"hat\"')\ndeep()"
    add_notebook(notebooks / "1_good.ipynb", "# Good", "print('new')")
    add_notebook(notebooks / "2_bad.ipynb", "# Bad", SAVE, SAVE_LATE, "## Hats", failing, "1 + 1")
    add_notebook(notebooks / "3_next.ipynb", "# Next", "print('new')")
    before = state(checkout)
    ran = run_in(checkout)
    assert ran.code == 1
    message = 'error: 2_bad.ipynb, cell 3/4 (Hats): ValueError: no such garment: "hat"'
    assert ran.err.strip().splitlines()[0] == message
    assert "deep()" in ran.err  # which line, too
    assert "\x1b" not in ran.err
    after = state(checkout)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        "notebooks/1_good.ipynb"  # a notebook that has succeeded before stays published
    }
    assert not (checkout / "build").exists()


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("import os\nos._exit(3)", "DeadKernelError: Kernel died"),
        ("import time\ntime.sleep(60)", "CellTimeoutError: A cell timed out"),
    ],
    ids=["dies", "hangs"],
)
def test_a_kernel_that_dies_or_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, error: str
) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1", "## End", cell)
    monkeypatch.setattr(runner, "CELL_TIMEOUT", 2)
    before = state(checkout)
    ran = run_in(checkout)
    assert ran.code == 1
    assert ran.err.startswith(f"\nerror: tour.ipynb, cell 2/2 (End): {error}")
    assert state(checkout) == before


def test_a_kernel_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1")
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    before = state(checkout)
    monkeypatch.setattr(sys, "executable", str(broken))
    ran = run_in(checkout)
    assert ran.code == 1
    assert re.match(r"\nerror: tour\.ipynb.*Kernel died", ran.err)
    assert state(checkout) == before


class Held(NamedTuple):
    """A checkout whose notebook waits in its second cell for as long as `hold` exists."""

    checkout: Path
    hold: Path
    marker: Path


@pytest.fixture
def held(tmp_path: Path) -> Held:
    held = Held(tmp_path / "checkout", tmp_path / "hold", tmp_path / "marker")
    wait = f"""\
import os, pathlib, time
pathlib.Path({str(held.marker)!r}).write_text(f"{{os.getpid()}}.")
while pathlib.Path({str(held.hold)!r}).exists():
    time.sleep(0.05)"""
    make_checkout(held.checkout, "# Tour", write("early.csv"), wait, write("late.csv"))
    held.hold.touch()
    return held


def kill(held: Held, number: signal.Signals, *options: str) -> Ran:
    """Start a run, and send it a signal once there is the marker."""
    command = [sys.executable, *(options or ("-m", "fmnist_clustering", "run"))]
    with subprocess.Popen(
        command, cwd=held.checkout, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while not (held.marker.exists() and held.marker.read_text().endswith(".")):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
            held.hold.unlink(missing_ok=True)  # lets go a kernel left behind
    return Ran(process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_publishes_nothing_and_ends_its_kernel(held: Held, number: signal.Signals) -> None:
    before = state(held.checkout)
    ran = kill(held, number)
    assert ran.code == 130
    assert state(held.checkout) == before
    assert not (held.checkout / "build").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(held.marker.read_text().rstrip(".")), 0)
    assert "cell 2/3 (Tour)" in ran.out
    assert ran.err == INTERRUPTED


def test_an_interrupt_while_the_kernel_starts_is_one_too(held: Held) -> None:
    slow = held.hold.with_name("python")
    slow.write_text(
        f"#!/bin/sh\nexec > /dev/null 2>&1\nprintf %s. $$ > '{held.marker}'\nwhile kill -0 $PPID; do sleep 0.1; done\n"
    )
    slow.chmod(0o755)
    before = state(held.checkout)
    main = f"import sys; sys.path.insert(0, {str(Path(runner.__file__).parent)!r}); from runner import main"
    ran = kill(held, signal.SIGINT, "-c", f"{main}; sys.executable = {str(slow)!r}; sys.exit(main(['run']))")
    assert state(held.checkout) == before
    assert ran == (130, "", INTERRUPTED)


def test_package_without_its_checkout_says_where_the_runner_is(tmp_path: Path) -> None:
    shutil.copytree(Path(fmnist_clustering.__file__).parent, tmp_path / "site" / "fmnist_clustering")
    (tmp_path / "other" / "notebooks").mkdir(parents=True)
    (tmp_path / "other" / "pyproject.toml").touch()  # somebody else's project
    command = [sys.executable, "-m", "fmnist_clustering", "run"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    for folder in (tmp_path, tmp_path / "other"):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        message = f"error: no checkout at or above {folder}; the notebooks and their runner are in the repository\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_after_a_kill_9_the_next_run_finishes_the_job(held: Held) -> None:
    before = state(held.checkout)
    ran = kill(held, signal.SIGKILL)
    assert ran.code == -signal.SIGKILL
    assert "done" not in ran.out
    assert state(held.checkout) == before
    assert {path.name for path in held.checkout.iterdir()} <= {*FOLDERS, "pyproject.toml", "build"}
    assert run_in(held.checkout).code == 0
    assert read_artifacts(held.checkout) == {"early.csv": b"k\n6\n", "late.csv": b"k\n6\n", "other.csv": b"k\n5\n"}
    assert outputs_of(held.checkout / "notebooks" / "tour.ipynb") == [[], [], []]


def test_progress_on_a_terminal_rewrites_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1", "N", "## A title as long as " + "L" * 50)
    add_notebook(checkout / "notebooks" / "wide.ipynb", "# " + "Wide " * 20, "N = 1")
    monkeypatch.setenv("COLUMNS", "60")
    ours, theirs = pty.openpty()
    content = b""
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w") as terminal:
        with contextlib.chdir(checkout), contextlib.redirect_stdout(terminal):
            assert runner.main(["run"]) == 0
        while select.select([screen], [], [], 0.2)[0]:
            content += screen.read(4096)
    shown = re.sub(r"\d+ s\b", "N s", content.decode())
    assert shown.split("\r\x1b[K") == [
        "",
        "tour.ipynb  cell 1/2 (Tour)  N s",
        "tour.ipynb  cell 2/2 (Tour)  N s",
        "tour.ipynb  done, 1 files changed  N s\r\n",
        ("wide.ipynb  cell 1/1 (" + "Wide " * 20)[:59],  # a wrapped line cannot be taken back
        "wide.ipynb  done, 1 files changed  N s\r\n",
    ]


def test_settings_change_a_copy_in_the_output_folder(tmp_path: Path) -> None:
    report = "print(N_CLUSTERS, SHARE, IMAGE, DATA_DIR, K_VALUES, lowercase)"
    checkout = make_checkout(tmp_path / "checkout", "# Tour", PARAMETERS, write("early.csv"), report)
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "3").touch()  # a number stays one
    (tmp_path / "csv").mkdir()
    before = state(checkout)
    ran = run_in(
        tmp_path, "checkout/notebooks/tour.ipynb", "--output-dir", "out", "--data-dir", "csv",
        "--set", "N_CLUSTERS=3", "--set", "IMAGE=photo.jpg", "--set", "SEED=None",
        "--set", f"K_VALUES={[7] * 200}",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert state(checkout) == before
    assert state(tmp_path / "out").keys() == {"tour.ipynb", "artifacts/early.csv"}
    assert (tmp_path / "out" / "artifacts" / "early.csv").read_bytes() == b"k\n6\n"
    photo, folder = str(tmp_path / "photo.jpg"), str(tmp_path / "csv")
    notebook = read_notebook(tmp_path / "out" / "tour.ipynb")
    assert notebook.cells[1].source.splitlines() == [
        "N_CLUSTERS = 3",
        "SHARE = 0.5",
        f"IMAGE = {photo!r}",
        f"DATA_DIR = {folder!r}",
        "SEED = None",
        f"K_VALUES = {[7] * 200}",
        "lowercase = 1",
    ]
    assert notebook.cells[3].outputs[0].text == f"3 0.5 {photo} {folder} {[7] * 200} 1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "N_CLUSTERS=3"], "--set and --data-dir need --output-dir"),
        (["--data-dir", "data"], "--set and --data-dir need --output-dir"),
        (["--output-dir", "out", "--set", "N_CLUSTERS"], "--set N_CLUSTERS: expected NAME=VALUE"),
        (["--output-dir", "out", "--set", "=3"], "--set =3: expected NAME=VALUE"),
        (["--output-dir", "out", "--set", "2ND=3"], "--set 2ND=3: expected NAME=VALUE"),
        (["--output", "out", "--quick"], "unrecognized arguments: --quick"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    checkout = make_checkout(tmp_path, "# Tour", PARAMETERS)
    before = state(checkout)
    ran = run_in(checkout, *arguments)
    assert ran.code == 2
    assert f"error: {message}" in ran.err
    assert ran.out == ""
    assert state(checkout) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("K=3", f"--set K: no such parameter; known are {KNOWN}"),
        ("lowercase=3", f"--set lowercase: no such parameter; known are {KNOWN}"),
        ("SIZE=3", f"--set SIZE: no such parameter; known are {KNOWN}"),  # computed, no literal
        ("N_CLUSTERS=many", "--set N_CLUSTERS: found 'many', expected a value of type int"),
        ("N_CLUSTERS=2.5", "--set N_CLUSTERS: found 2.5, expected a value of type int"),
        ("N_CLUSTERS=True", "--set N_CLUSTERS: found True, expected a value of type int"),
        ("SHARE=half", "--set SHARE: found 'half', expected a value of type float"),
        ("IMAGE=3", "--set IMAGE: found 3, expected a value of type str"),
        ("K_VALUES=3", "--set K_VALUES: found 3, expected a value of type list"),
    ],
)
def test_settings_that_fit_no_parameter_are_refused(tmp_path: Path, setting: str, message: str) -> None:
    checkout = make_checkout(tmp_path, "# Tour", f"{PARAMETERS}\nSIZE = len(K_VALUES)")
    before = state(checkout)
    ran = run_in(checkout, "--output-dir", "out", "--set", setting)
    assert ran == (1, "", f"\nerror: {message}\n")
    assert state(checkout) == before


@pytest.mark.parametrize("inside", [True, False], ids=["own notebook", "notebook from elsewhere"])
@pytest.mark.parametrize("output", [".", "notebooks", "artifacts", "artifacts/new", "data/new"])
def test_an_output_folder_with_committed_results_is_refused(tmp_path: Path, output: str, inside: bool) -> None:
    checkout = make_checkout(tmp_path / "checkout", "# Tour", PARAMETERS)
    notebook = checkout / "notebooks" / "tour.ipynb"
    if not inside:
        notebook = add_notebook(tmp_path / "tour.ipynb", "# Tour", PARAMETERS)
    before = state(checkout)
    ran = run_in(checkout, notebook, "--output-dir", output)
    message = f"--output-dir {output}: holds committed results; expected another folder"
    assert ran == (1, "", f"\nerror: {message}\n")
    assert state(checkout) == before


@pytest.mark.parametrize("folder", [".", "checkout/drafts"], ids=["no checkout", "not notebooks/"])
def test_a_notebook_out_of_place_needs_an_output_folder(tmp_path: Path, folder: str) -> None:
    make_checkout(tmp_path / "checkout")
    (tmp_path / folder).mkdir(exist_ok=True)
    notebook = add_notebook(tmp_path / folder / "mine.ipynb", "# Mine", "N = 1")
    before = state(tmp_path)
    ran = run_in(tmp_path, notebook)
    message = f"{notebook}: not in notebooks/ of a checkout; give --output-dir"
    assert ran == (1, "", f"\nerror: {message}\n")
    assert state(tmp_path) == before


def test_a_missing_notebook_is_named_before_anything_runs(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1")
    before = state(checkout)
    ran = run_in(checkout, "notebooks/tour.ipynb", "notebooks/tuor.ipynb")
    missing = checkout / "notebooks" / "tuor.ipynb"
    assert ran == (1, "", f"\nerror: {missing}: no such notebook\n")
    assert state(checkout) == before


def test_a_checkout_without_notebooks_is_named(tmp_path: Path) -> None:
    ran = run_in(make_checkout(tmp_path))
    message = f"no notebooks found in {tmp_path}; name them, or go to a checkout"
    assert ran == (1, "", f"\nerror: {message}\n")


@pytest.mark.parametrize(
    "content",
    [
        b"print(1)",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"nbformat": 99}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1]}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
    ],
)
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, content: bytes) -> None:
    checkout = make_checkout(tmp_path)
    path = checkout / "notebooks" / "bad.ipynb"
    path.write_bytes(content)
    ran = run_in(checkout)
    assert ran.code == 1
    assert ran.err.startswith(f"\nerror: {path}: not a notebook (")
    assert path.read_bytes() == content


def test_artifacts_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "# Tour", write("early.csv"))
    shutil.rmtree(checkout / "artifacts")
    (checkout / "artifacts").write_text("a file")
    before = state(checkout)
    ran = run_in(checkout)
    assert ran.code == 1
    assert re.fullmatch(rf"\nerror: .*'{checkout}/artifacts'\n", ran.err)
    assert state(checkout) == before


@pytest.mark.parametrize("name", ["dot.png", "early.csv"])
def test_a_damaged_artifact_is_replaced(tmp_path: Path, name: str) -> None:
    dot = f"""\
from PIL import Image
Image.new("L", (1, 1)).save(pathlib.Path(os.environ[{ARTIFACTS_VARIABLE!r}], "dot.png"))"""
    checkout = make_checkout(tmp_path, "# Tour", write("early.csv"), dot)
    (checkout / "artifacts" / name).write_bytes(b"\xff")
    ran = run_in(checkout)
    assert (ran.code, ran.err) == (0, "")
    assert read_artifacts(checkout)["early.csv"] == b"k\n6\n"
    with Image.open(checkout / "artifacts" / "dot.png") as picture:
        assert picture.size == (1, 1)
