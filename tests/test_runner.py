"""What a run changes, what it leaves alone, and what it says."""

import base64
import contextlib
import importlib.util
import io
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from nbformat import NotebookNode
from PIL import Image

import fmnist_clustering
from fmnist_clustering.runner import RunError, execute
from fmnist_clustering.runner.lock import hold_lock
from tests.checkouts import (
    FOLDERS,
    NEW,
    OLD,
    Ended,
    add_notebook,
    make_checkout,
    outputs_of,
    parameters_cell,
    posix_only,
    read_artifacts,
    read_notebook,
    run_in,
    saving_cell,
    state,
    waiting_cell,
)

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "fmnist_clustering", "run")

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
path = save_artifact("early.csv", b"k\\n6\\n")"""
FIGURE = """\
import matplotlib.pyplot as plt
from fmnist_clustering.notebook import show
fig, ax = plt.subplots(figsize=(2, 1))
ax.plot([0, 1])
show(fig, alt="A line that rises", save="line.png")"""
TOUR = (
    "# Tour",
    parameters_cell(PARAMETERS),
    "## Where it runs",
    WHERE,
    "### Detail",
    SAVE,
    "## Figure",
    FIGURE,
)

INTERRUPTED = "\ninterrupted: the notebook under way stays as it was\n"


class Tour(NamedTuple):
    """A checkout after a run, its notebook before the run, and how the run ended."""

    checkout: Path
    before: NotebookNode
    ended: Ended


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Tour:
    checkout = make_checkout(tmp_path_factory.mktemp("tour") / "checkout", *TOUR)
    before = read_notebook(checkout / "notebooks" / "tour.ipynb")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)  # conftest.py sets it, too
        return Tour(checkout, before, run_in(checkout))


# A run that succeeds


def test_cells_run_in_this_interpreter_beside_the_notebook(tour: Tour) -> None:
    assert (tour.ended.code, tour.ended.err) == (0, "")
    outputs = outputs_of(tour.checkout / "notebooks" / "tour.ipynb")
    parameters, where, save, figure = outputs
    text = f"{sys.executable}\nnotebooks passive\n"
    assert where == [{"output_type": "stream", "name": "stdout", "text": text}]
    assert parameters == save == []
    assert figure[0].metadata == {"image/png": {"alt": "A line that rises"}}


def test_only_outputs_counts_and_metadata_of_a_notebook_change(tour: Tour) -> None:
    content = (tour.checkout / "notebooks" / "tour.ipynb").read_bytes()
    assert content.endswith(b"}\n")
    assert b"\r" not in content
    after = json.loads(content)
    code_cells = [cell for cell in after["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code_cells] == [1, 2, 3, 4]
    for cell, old in zip(after["cells"], tour.before.cells, strict=True):
        same = cell | {"source": "".join(cell["source"])}
        for name in ("outputs", "execution_count"):
            same.pop(name, None)
            old.pop(name, None)
        assert same == old


def test_metadata_are_those_that_jupyterlab_saves_without_the_version(
    tour: Tour,
) -> None:
    # In a process of its own: tqdm takes one that has imported ipykernel for a kernel.
    code = """
import json
from ipykernel.ipkernel import IPythonKernel
print(json.dumps(IPythonKernel.language_info))"""
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    language_info = json.loads(printed)
    del language_info["version"]
    display_name = "Python 3 (ipykernel)"
    kernelspec = {"display_name": display_name, "language": "python", "name": "python3"}
    after = read_notebook(tour.checkout / "notebooks" / "tour.ipynb")
    assert after.metadata == {
        "kernelspec": kernelspec,
        "language_info": language_info,
    }


def test_artifacts_of_a_notebook_that_succeeded_are_in_place(tour: Tour) -> None:
    names = {path.name for path in tour.checkout.iterdir()}
    assert names == {*FOLDERS, "pyproject.toml"}
    artifacts = read_artifacts(tour.checkout)
    figure = outputs_of(tour.checkout / "notebooks" / "tour.ipynb")[3]
    png = base64.b64decode(figure[0].data["image/png"])
    assert artifacts == {"early.csv": NEW, "other.csv": OLD, "line.png": png}


def test_progress_in_a_pipe_is_plain_lines(tour: Tour) -> None:
    lines = re.sub(r"  \d+ s$", "  N s", tour.ended.out, flags=re.MULTILINE)
    assert lines.splitlines() == [
        "tour.ipynb  cell 1/4 (Tour)  N s",
        "tour.ipynb  cell 2/4 (Where it runs)  N s",
        "tour.ipynb  cell 3/4 (Where it runs)  N s",
        "tour.ipynb  cell 4/4 (Figure)  N s",
        "tour.ipynb  done, 3 files changed  N s",
    ]


def reencode(png: bytes) -> bytes:
    """Return a picture in other bytes; one pixel differs within the tolerance."""
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.array(picture)
    pixels[0, 0, :3] -= 1
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png")
    return stream.getvalue()


@pytest.mark.parametrize("other_pictures", [False, True], ids=["same", "other bytes"])
def test_a_second_run_rewrites_nothing(
    tour: Tour,
    tmp_path: Path,
    other_pictures: bool,
) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(tour.checkout, checkout)
    if other_pictures:
        picture = checkout / "artifacts" / "line.png"
        old = picture.read_bytes()
        new = reencode(old)
        assert new != old
        picture.write_bytes(new)
        notebook = checkout / "notebooks" / "tour.ipynb"
        content = notebook.read_bytes()
        assert base64.b64encode(old) in content
        notebook.write_bytes(
            content.replace(base64.b64encode(old), base64.b64encode(new))
        )
    before = state(checkout)
    ended = run_in(checkout)
    assert ended.code == 0
    assert "tour.ipynb  done, 0 files changed" in ended.out
    assert state(checkout) == before


@pytest.mark.parametrize("name", ["dot.png", "early.csv"])
def test_a_damaged_artifact_is_replaced(tmp_path: Path, name: str) -> None:
    dot = """\
from PIL import Image
Image.new("L", (1, 1)).save(folder / "dot.png")"""
    checkout = make_checkout(tmp_path, "# Tour", saving_cell("early.csv"), dot)
    (checkout / "artifacts" / name).write_bytes(b"\xff")
    ended = run_in(checkout)
    assert (ended.code, ended.err) == (0, "")
    assert read_artifacts(checkout)["early.csv"] == NEW
    with Image.open(checkout / "artifacts" / "dot.png") as picture:
        assert picture.size == (1, 1)


@posix_only
def test_another_encoding_of_the_system_does_no_harm(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "# Größe ≥ 1", 'print("≥")')
    environment = os.environ | {
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    }
    done = subprocess.run(
        [*COMMAND, "notebooks/tour.ipynb"],
        cwd=checkout,
        env=environment | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"cell 1/1 (Gr??e ? 1)" in done.stdout
    notebook = read_notebook(checkout / "notebooks" / "tour.ipynb")
    assert notebook.cells[0].source == "# Größe ≥ 1"


@posix_only
def test_progress_on_a_terminal_rewrites_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pty = pytest.importorskip("pty")
    long_title = "Wide " * 20
    checkout = make_checkout(tmp_path, "# Tour", "N = 1", "N")
    add_notebook(checkout / "notebooks" / "wide.ipynb", f"# {long_title}", "N = 1")
    monkeypatch.setenv("COLUMNS", "60")
    ours, theirs = pty.openpty()
    content = b""
    with (
        os.fdopen(ours, "rb", buffering=0) as screen,
        os.fdopen(theirs, "w", encoding="utf-8") as terminal,
    ):
        with contextlib.chdir(checkout), contextlib.redirect_stdout(terminal):
            assert execute.main(["run"]) == 0
        while select.select([screen], [], [], 0.2)[0]:
            content += screen.read(4096)
    text = content.decode()
    assert text.count("\n") == 2
    lines = text.replace("\r\n", "").split("\r")[1:]
    # Each line covers the one before, and none is wrapped: it could not be overwritten.
    assert {len(line) for line in lines} == {59}
    assert [re.sub(r"\d+ s *$", "N s", line) for line in lines] == [
        "tour.ipynb  cell 1/2 (Tour)  N s",
        "tour.ipynb  cell 2/2 (Tour)  N s",
        "tour.ipynb  done, 1 files changed  N s",
        f"wide.ipynb  cell 1/1 ({long_title}"[:59],
        "wide.ipynb  done, 1 files changed  N s",
    ]


# A run that fails


def test_results_of_a_notebook_with_a_failing_cell_are_dropped(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    notebooks = checkout / "notebooks"
    save = saving_cell("early.csv")
    failing = "def deep():\n    raise ValueError('no such garment: \"hat\"')\ndeep()"
    add_notebook(notebooks / "1_good.ipynb", "# Good", "print('new')")
    add_notebook(notebooks / "2_bad.ipynb", "# Bad", save, "## Hats", failing, "1 + 1")
    add_notebook(notebooks / "3_next.ipynb", "# Next", "print('new')")
    before = state(checkout)
    ended = run_in(checkout)
    assert ended.code == 1
    message = 'error: 2_bad.ipynb, cell 2/3 (Hats): ValueError: no such garment: "hat"'
    assert ended.err.strip().splitlines()[0] == message
    assert "deep()" in ended.err  # the line that failed
    assert "\x1b" not in ended.err
    after = state(checkout)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"notebooks/1_good.ipynb"}, "what succeeded before stays in place"
    assert after.keys() == before.keys()
    assert not (checkout / "build").exists()


def test_a_kernel_that_dies_is_reported(tmp_path: Path) -> None:
    dying = "import os\nos._exit(3)"
    checkout = make_checkout(tmp_path, "# Tour", "N = 1", "## End", dying)
    before = state(checkout)
    ended = run_in(checkout)
    assert ended.code == 1
    place = "tour.ipynb, cell 2/2 (End)"
    assert ended.err.startswith(f"\nerror: {place}: DeadKernelError: Kernel died")
    assert state(checkout) == before


def test_a_cell_that_hangs_is_given_up(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # There is no other cell, which on a busy machine could take two seconds, too.
    checkout = make_checkout(tmp_path, "# Tour", "import time\ntime.sleep(600)")
    monkeypatch.setattr(execute, "CELL_TIMEOUT", 2)
    before = state(checkout)
    ended = run_in(checkout)
    assert ended.code == 1
    place = "tour.ipynb, cell 1/1 (Tour)"
    assert ended.err.startswith(f"\nerror: {place}: CellTimeoutError: A cell timed out")
    assert state(checkout) == before


@posix_only
def test_a_kernel_that_does_not_start_is_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1")
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    before = state(checkout)
    monkeypatch.setattr(sys, "executable", str(broken))
    ended = run_in(checkout)
    assert ended.code == 1
    assert re.match(r"\nerror: tour\.ipynb.*Kernel died", ended.err)
    assert state(checkout) == before


def test_an_interpreter_that_is_gone_is_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1")
    before = state(checkout)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    ended = run_in(checkout)
    assert ended.code == 1
    assert "no-such-python" in ended.err
    assert state(checkout) == before
    assert not (checkout / "build").exists()


def test_artifacts_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "# Tour", saving_cell("early.csv"))
    shutil.rmtree(checkout / "artifacts")
    (checkout / "artifacts").write_bytes(b"a file")
    before = state(checkout)
    ended = run_in(checkout)
    assert ended.code == 1
    assert ended.err.startswith("\nerror: ")
    assert str(checkout / "artifacts") in ended.err
    assert state(checkout) == before


# Ctrl-C, signals, and two runs at once


class Held(NamedTuple):
    """A checkout whose notebook waits in its second cell as long as `hold` exists."""

    checkout: Path
    hold: Path
    marker: Path

    def kernel_id(self) -> int | None:
        """Return the process id of the kernel, once it waits."""
        text = self.marker.read_text(encoding="utf-8") if self.marker.exists() else ""
        return int(text.rstrip(".")) if text.endswith(".") else None


@pytest.fixture
def held(tmp_path: Path) -> Held:
    held = Held(tmp_path / "checkout", tmp_path / "hold", tmp_path / "marker")
    make_checkout(
        held.checkout,
        "# Tour",
        saving_cell("early.csv"),
        waiting_cell(held.marker, held.hold),
        saving_cell("late.csv"),
    )
    held.hold.touch()
    return held


@contextlib.contextmanager
def running(
    held: Held,
    command: tuple[str, ...] = COMMAND,
) -> Iterator[subprocess.Popen[str]]:
    """Yield a run that has come to the cell that waits."""
    with subprocess.Popen(
        command,
        cwd=held.checkout,
        start_new_session=True,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while held.kernel_id() is None:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
            held.hold.unlink(missing_ok=True)  # releases a kernel that was left behind


def end_with_signals(
    held: Held,
    *names: str,
    command: tuple[str, ...] = COMMAND,
) -> Ended:
    """Start a run, send it signals once the cell waits, and say how it ended."""
    with running(held, command) as process:
        for name in names:
            process.send_signal(getattr(signal, name))
            time.sleep(0.05)
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def check_that_the_kernel_is_gone(held: Held) -> None:
    kernel_id = held.kernel_id()
    assert kernel_id is not None
    status = Path(f"/proc/{kernel_id}/stat")
    if status.exists():  # a dead process whose new parent has not noticed yet
        assert ") Z " in status.read_text(encoding="utf-8")
        return
    with pytest.raises(ProcessLookupError):
        os.kill(kernel_id, 0)


@posix_only
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_changes_nothing_and_ends_its_kernel(
    held: Held,
    name: str,
) -> None:
    before = state(held.checkout)
    ended = end_with_signals(held, name)
    assert (ended.code, ended.err) == (130, INTERRUPTED)
    assert "cell 2/3 (Tour)" in ended.out
    assert state(held.checkout) == before
    assert not (held.checkout / "build").exists()
    check_that_the_kernel_is_gone(held)


@posix_only
def test_impatience_leaves_no_kernel_behind(held: Held) -> None:
    before = state(held.checkout)
    ended = end_with_signals(held, "SIGINT", "SIGINT", "SIGTERM")
    assert ended.code != 0  # -15 if the last signal comes when all is cleaned up
    assert state(held.checkout) == before
    check_that_the_kernel_is_gone(held)


@posix_only
def test_a_run_in_the_background_of_a_script_can_be_ended(held: Held) -> None:
    # A shell without job control lets its background jobs ignore Ctrl-C.
    before = state(held.checkout)
    shell = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *COMMAND)
    ended = end_with_signals(held, "SIGTERM", command=shell)
    assert (ended.code, ended.err) == (130, INTERRUPTED)
    assert state(held.checkout) == before
    check_that_the_kernel_is_gone(held)


@posix_only
def test_an_interrupt_while_the_kernel_starts_is_one_too(held: Held) -> None:
    # This "kernel" never answers, and ends when it is killed or the run is gone.
    slow = held.hold.with_name("python")
    script = f"""\
#!/bin/sh
exec > /dev/null 2>&1
printf %s. $$ > '{held.marker}'
while kill -0 $PPID; do sleep 0.1; done
"""
    slow.write_text(script, encoding="utf-8")
    slow.chmod(0o755)
    code = f"""\
import sys
from fmnist_clustering.runner.execute import main
sys.executable = {str(slow)!r}
sys.exit(main(["run"]))"""
    before = state(held.checkout)
    ended = end_with_signals(held, "SIGINT", command=(sys.executable, "-c", code))
    assert state(held.checkout) == before
    assert ended == (130, "", INTERRUPTED)


@posix_only
def test_threads_that_lose_the_kernel_print_nothing(held: Held) -> None:
    # This thread ends with an error just after the interrupt has arrived.
    code = """\
import signal, socket, sys, threading, time
from fmnist_clustering.runner.execute import main

def fail_when_interrupted():
    woken.recv(1)
    time.sleep(0.05)
    raise RuntimeError("the kernel is gone")

waking, woken = socket.socketpair()
waking.setblocking(False)
signal.set_wakeup_fd(waking.fileno())
threading.Thread(target=fail_when_interrupted, daemon=True).start()
sys.exit(main(["run"]))"""
    before = state(held.checkout)
    ended = end_with_signals(held, "SIGINT", command=(sys.executable, "-c", code))
    assert state(held.checkout) == before
    assert (ended.code, ended.err) == (130, INTERRUPTED)


@posix_only
def test_after_a_kill_9_the_next_run_finishes_the_job(held: Held) -> None:
    before = state(held.checkout)
    ended = end_with_signals(held, "SIGKILL")
    assert ended.code == -signal.SIGKILL
    assert "done" not in ended.out
    assert state(held.checkout) == before
    left = {path.name for path in (held.checkout / "build").iterdir()}
    assert ".lock" in left  # nobody holds it
    assert run_in(held.checkout).code == 0
    assert read_artifacts(held.checkout) == {
        "early.csv": NEW,
        "late.csv": NEW,
        "other.csv": OLD,
    }
    assert outputs_of(held.checkout / "notebooks" / "tour.ipynb") == [[], [], []]
    assert not (held.checkout / "build").exists()


def test_the_handlers_of_signals_are_those_of_before(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    assert run_in(checkout).code == 1
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_second_run_on_the_same_folder_is_refused(held: Held) -> None:
    with running(held) as first:
        before = state(held.checkout)
        second = run_in(held.checkout)
        assert second.code == 1
        build = held.checkout / "build"
        assert second.err.startswith(f"\nerror: {build}: another run is using")
        assert second.err.count("\n") == 2
        assert second.out == ""
        assert state(held.checkout) == before
        held.hold.unlink()
        out, err = first.communicate(timeout=60)
    assert (first.returncode, err) == (0, "")
    assert "done, 3 files changed" in out
    assert not build.exists()


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    build = tmp_path / "build"
    with hold_lock(build):
        with pytest.raises(RunError, match="build: another run"), hold_lock(build):
            pass
        assert build.is_dir()
    assert not build.exists()
    with pytest.raises(ZeroDivisionError), hold_lock(build):
        _ = 1 / 0
    assert not build.exists()


def test_what_else_is_in_the_folder_of_a_lock_stays(tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    (build / ".lock").touch()  # left by a process that was killed
    (build / "test").mkdir()
    with hold_lock(build):
        pass
    assert [path.name for path in build.iterdir()] == ["test"]


@posix_only  # elsewhere a file that another run has opened cannot be removed
def test_a_lock_that_is_taken_while_another_is_given_back(tmp_path: Path) -> None:
    build = tmp_path / "build"
    holders: list[int] = []
    most: list[int] = []
    n_held = 0

    def take_often(number: int) -> None:
        nonlocal n_held
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            with contextlib.suppress(RunError), hold_lock(build):
                holders.append(number)
                n_held += 1
                time.sleep(0)  # lets the others try
                most.append(len(holders))
                holders.remove(number)

    threads = [threading.Thread(target=take_often, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n_held > 10
    assert max(most) == 1
    assert not build.exists()


# Parameters and the folder for results


def test_settings_change_a_copy_in_the_output_folder(tmp_path: Path) -> None:
    report = "print(N_CLUSTERS, SHARE, IMAGE, DATA_DIR, K_VALUES, lowercase)"
    checkout = make_checkout(
        tmp_path / "checkout",
        "# Tour",
        "import sys",
        parameters_cell(PARAMETERS),
        saving_cell("early.csv"),
        report,
    )
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "3").touch()  # the value 3 stays a number
    (tmp_path / "csv").mkdir()
    before = state(checkout)
    ended = run_in(
        tmp_path,
        *("checkout/notebooks/tour.ipynb", "--output-dir", "out"),
        *("--data-dir", "csv"),
        *("--set", "N_CLUSTERS=3"),
        *("--set", "IMAGE=photo.jpg"),
        *("--set", "SEED=None"),
        *("--set", f"K_VALUES={[7] * 200}"),
    )
    assert (ended.code, ended.err) == (0, "")
    assert state(checkout) == before
    assert state(tmp_path / "out").keys() == {"tour.ipynb", "artifacts/early.csv"}
    assert (tmp_path / "out" / "artifacts" / "early.csv").read_bytes() == NEW
    photo = str(tmp_path / "photo.jpg")
    folder = str(tmp_path / "csv")
    notebook = read_notebook(tmp_path / "out" / "tour.ipynb")
    assert notebook.cells[2].source.splitlines() == [
        "N_CLUSTERS = 3",
        "SHARE = 0.5",
        f"IMAGE = {photo!r}",
        f"DATA_DIR = {folder!r}",
        "SEED = None",
        f"K_VALUES = {[7] * 200}",
        "lowercase = 1",
    ]
    printed = f"3 0.5 {photo} {folder} {[7] * 200} 1\n"
    assert notebook.cells[4].outputs[0].text == printed


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("DATA_DIR=csv/kaggle", "csv/kaggle"),
        ("DATA_DIR='csv'", "csv"),
        ("DATA_DIR=nowhere", "nowhere"),
        ("IMAGE=photo.jpg", "photo.jpg"),
        ("IMAGE='photo.jpg'", "photo.jpg"),
    ],
)
def test_a_relative_path_is_one_from_the_current_folder(
    tmp_path: Path,
    setting: str,
    expected: str,
) -> None:
    cells = ("# Tour", parameters_cell(PARAMETERS), "print(DATA_DIR, IMAGE)")
    checkout = make_checkout(tmp_path / "checkout", *cells)
    (tmp_path / "csv" / "kaggle").mkdir(parents=True)
    (tmp_path / "china").mkdir()  # a sample has this name
    (tmp_path / "photo.jpg").touch()
    path = checkout / "notebooks" / "tour.ipynb"
    ended = run_in(tmp_path, path, "--output-dir", "out", "--set", setting)
    assert (ended.code, ended.err) == (0, "")
    values = {"DATA_DIR": "None", "IMAGE": "china"}
    values[setting.partition("=")[0]] = str(tmp_path / expected)
    printed = f"{values['DATA_DIR']} {values['IMAGE']}\n"
    assert outputs_of(tmp_path / "out" / "tour.ipynb")[1][0].text == printed


def test_a_sample_is_no_path_even_if_a_folder_has_its_name(tmp_path: Path) -> None:
    cells = ("# Tour", parameters_cell(PARAMETERS), "print(IMAGE)")
    checkout = make_checkout(tmp_path / "checkout", *cells)
    (tmp_path / "flower").mkdir()
    path = checkout / "notebooks" / "tour.ipynb"
    ended = run_in(tmp_path, path, "--output-dir", "out", "--set", "IMAGE=flower")
    assert ended.code == 0
    assert outputs_of(tmp_path / "out" / "tour.ipynb")[1][0].text == "flower\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "N_CLUSTERS=3"], "--set and --data-dir need --output-dir"),
        (["--data-dir", "data"], "--set and --data-dir need --output-dir"),
        (["--output-dir", "out", "--set", "K"], "--set K: expected NAME=VALUE"),
        (["--output-dir", "out", "--set", "=3"], "--set =3: expected NAME=VALUE"),
        (["--output-dir", "out", "--set", "2ND=3"], "--set 2ND=3: expected NAME=VALUE"),
        (["--output", "out", "--quick"], "unrecognized arguments: --quick"),
    ],
)
def test_wrong_arguments_are_refused(
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    checkout = make_checkout(tmp_path, "# Tour", parameters_cell(PARAMETERS))
    before = state(checkout)
    ended = run_in(checkout, *arguments)
    assert ended.code == 2
    assert f"error: {message}" in ended.err
    assert ended.out == ""
    assert state(checkout) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("K=3", f"K: no such parameter; known are {KNOWN}"),
        ("lowercase=3", f"lowercase: no such parameter; known are {KNOWN}"),
        ("SIZE=3", f"SIZE: no such parameter; known are {KNOWN}"),  # it is computed
        ("N_CLUSTERS=many", "N_CLUSTERS: found 'many', expected a value of type int"),
        ("N_CLUSTERS=2.5", "N_CLUSTERS: found 2.5, expected a value of type int"),
        ("N_CLUSTERS=True", "N_CLUSTERS: found True, expected a value of type int"),
        ("SHARE=half", "SHARE: found 'half', expected a value of type float"),
        ("IMAGE=3", "IMAGE: found 3, expected a value of type str"),
        ("K_VALUES=3", "K_VALUES: found 3, expected a value of type list"),
    ],
)
def test_settings_that_fit_no_parameter_are_refused(
    tmp_path: Path,
    setting: str,
    message: str,
) -> None:
    parameters = parameters_cell(f"{PARAMETERS}\nSIZE = len(K_VALUES)")
    checkout = make_checkout(tmp_path, "# Tour", parameters)
    before = state(checkout)
    ended = run_in(checkout, "--output-dir", "out", "--set", setting)
    assert ended == (1, "", f"\nerror: --set {message}\n")
    assert state(checkout) == before


def test_a_notebook_without_the_tag_has_no_parameters(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "# Tour", PARAMETERS)
    ended = run_in(checkout, "--output-dir", "out", "--set", "N_CLUSTERS=3")
    assert ended.code == 1
    assert "--set N_CLUSTERS: no such parameter" in ended.err
    assert "tag 'parameters'" in ended.err


@pytest.mark.parametrize("inside", [True, False], ids=["own", "from elsewhere"])
@pytest.mark.parametrize(
    "output",
    [".", "notebooks", "artifacts", "artifacts/new", "data/new"],
)
def test_an_output_folder_with_committed_results_is_refused(
    tmp_path: Path,
    output: str,
    inside: bool,
) -> None:
    checkout = make_checkout(tmp_path / "checkout", "# Tour", "N = 1")
    notebook = checkout / "notebooks" / "tour.ipynb"
    if not inside:
        notebook = add_notebook(tmp_path / "tour.ipynb", "# Tour", "N = 1")
    before = state(checkout)
    ended = run_in(checkout, notebook, "--output-dir", output)
    expected = "holds committed results; expected another folder"
    assert ended == (1, "", f"\nerror: --output-dir {output}: {expected}\n")
    assert state(checkout) == before


@pytest.mark.parametrize(
    "folder",
    [".", "checkout/drafts"],
    ids=["no checkout", "not notebooks/"],
)
def test_a_notebook_out_of_place_needs_an_output_folder(
    tmp_path: Path,
    folder: str,
) -> None:
    make_checkout(tmp_path / "checkout")
    (tmp_path / folder).mkdir(exist_ok=True)
    notebook = add_notebook(tmp_path / folder / "mine.ipynb", "# Mine", "N = 1")
    before = state(tmp_path)
    ended = run_in(tmp_path, notebook)
    message = f"{notebook}: not in notebooks/ of a checkout; give --output-dir"
    assert ended == (1, "", f"\nerror: {message}\n")
    assert state(tmp_path) == before


# What is missing or broken before anything runs


def test_a_missing_notebook_is_named_before_anything_runs(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1")
    before = state(checkout)
    ended = run_in(checkout, "notebooks/tour.ipynb", "notebooks/tuor.ipynb")
    missing = checkout / "notebooks" / "tuor.ipynb"
    assert ended == (1, "", f"\nerror: {missing}: no such notebook\n")
    assert state(checkout) == before


def test_a_checkout_without_notebooks_is_named(tmp_path: Path) -> None:
    ended = run_in(make_checkout(tmp_path))
    assert ended.code == 1
    assert ended.err.startswith(f"\nerror: {tmp_path}: found no notebooks")


def test_an_installed_package_asks_for_a_checkout(tmp_path: Path) -> None:
    package = Path(fmnist_clustering.__file__).parent
    shutil.copytree(package, tmp_path / "site" / "fmnist_clustering")
    (tmp_path / "other" / "notebooks").mkdir(parents=True)
    (tmp_path / "other" / "pyproject.toml").touch()  # somebody else's project
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    for folder in (tmp_path, tmp_path / "other"):
        done = subprocess.run(
            COMMAND,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"\nerror: {folder}: found no notebooks")
        assert "checkout" in done.stderr


@pytest.mark.parametrize("module", ["ipykernel", "nbclient", "nbformat"])
def test_a_missing_library_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
) -> None:
    checkout = make_checkout(tmp_path, "# Tour", "N = 1")
    monkeypatch.setitem(sys.modules, module, None)
    assert importlib.util.find_spec(module) is None
    ended = run_in(checkout)
    assert ended.code == 1
    assert ended.err.startswith(f"\nerror: {module} is not installed; install with: ")


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
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, '
        b'"cells": [{"cell_type": "code"}]}',
    ],
)
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, content: bytes) -> None:
    checkout = make_checkout(tmp_path)
    path = checkout / "notebooks" / "bad.ipynb"
    path.write_bytes(content)
    ended = run_in(checkout)
    assert ended.code == 1
    assert ended.err.startswith(f"\nerror: {path}: not a notebook (")
    assert path.read_bytes() == content
