"""Bars are shown where somebody watches, and leave no trace anywhere else."""

import builtins
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fmnist_clustering.progress import ARTIFACTS_VARIABLE, is_live, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def replace_stderr(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr, as if nobody had started a runner.

    A test calls it, not a fixture: pytest puts its own stderr in place before a test.
    """
    terminal = Terminal()
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_a_pipe_gets_nothing(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    assert [*track("abc", 3, "letters")] == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_without_stderr_the_items_come_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "stderr", None)  # a Windows program without a console
    assert [*track("ab", 2, "letters")] == ["a", "b"]


def test_a_terminal_gets_a_bar_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = replace_stderr(monkeypatch)
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    drawn = terminal.getvalue()
    assert "letters" in drawn
    assert "0/2" in drawn
    assert drawn.rsplit("\r", 1)[1] == ""
    assert drawn.rsplit("\r", 2)[1].strip() == ""


def test_an_error_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = replace_stderr(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        [*track((1 // number for number in (1, 0)), 2, "numbers")]
    assert "numbers" in terminal.getvalue()


def test_under_the_runner_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = replace_stderr(monkeypatch)
    monkeypatch.setenv(ARTIFACTS_VARIABLE, "somewhere")
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    assert terminal.getvalue() == ""


def test_without_tqdm_the_items_come_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = replace_stderr(monkeypatch)
    import_module = builtins.__import__

    def import_without_tqdm(name: str, *arguments: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return import_module(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", import_without_tqdm)
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    assert terminal.getvalue() == ""


# In a kernel

LOOP = """
from fmnist_clustering.progress import track
letters = [*track("ab", 2, "letters")]"""
PRINT = "print(letters)"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    """Yield a client of a kernel that no runner has started."""
    manager = pytest.importorskip("jupyter_client.manager")
    environment = {**os.environ}
    environment.pop(ARTIFACTS_VARIABLE, None)
    arguments = ["--log-level=ERROR"]
    kernel, client = manager.start_new_kernel(
        env=environment,
        extra_arguments=arguments,
    )
    yield client
    client.stop_channels()
    kernel.shutdown_kernel(now=True)


def messages(kernel: Any, code: str, allow_stdin: bool) -> list[Any]:
    """Execute code and return what the kernel sends back to be shown."""
    shown = []

    def keep(message: Any) -> None:
        if message["msg_type"] not in ("status", "execute_input"):
            shown.append(message)

    kernel.execute_interactive(
        code,
        allow_stdin=allow_stdin,
        output_hook=keep,
        timeout=120,
    )
    return shown


def after_updates(shown: list[Any]) -> list[Any]:
    """Return the outputs that are left below a cell when it has ended."""
    outputs: dict[str, Any] = {}
    for message in shown:
        content = message["content"]
        if message["msg_type"] in ("display_data", "update_display_data"):
            outputs[content["transient"]["display_id"]] = content["data"]
        else:
            outputs[message["header"]["msg_id"]] = content
    return [*outputs.values()]


@pytest.mark.slow
def test_a_front_end_that_takes_input_gets_a_bar_of_text(kernel: Any) -> None:
    shown = messages(kernel, LOOP, allow_stdin=True)
    kinds = {message["msg_type"] for message in shown}
    assert kinds == {"display_data", "update_display_data"}  # no comm: no widget
    texts = [message["content"]["data"].get("text/plain", "") for message in shown]
    assert any("letters" in text and "/2" in text for text in texts)
    assert after_updates(shown) == [{}]


@pytest.mark.slow
def test_all_bars_of_a_cell_share_one_place(kernel: Any) -> None:
    shown = messages(kernel, f"{LOOP}\n{LOOP}", allow_stdin=True)
    assert after_updates(shown) == [{}]
    assert after_updates(messages(kernel, LOOP, allow_stdin=True)) == [{}]


@pytest.mark.slow
def test_a_bar_vanishes_when_an_error_ends_the_loop(kernel: Any) -> None:
    code = """
from fmnist_clustering.progress import track
[*track((1 // number for number in (1, 0)), 2, "numbers")]"""
    empty, error = after_updates(messages(kernel, code, allow_stdin=True))
    assert empty == {}
    assert error["ename"] == "ZeroDivisionError"


@pytest.mark.slow
@pytest.mark.parametrize(("allow_stdin", "is_live"), [(True, "True"), (False, "False")])
def test_a_session_is_live_where_somebody_may_answer(
    kernel: Any, allow_stdin: bool, is_live: str
) -> None:
    code = "from fmnist_clustering.progress import is_live; print(is_live())"
    (output,) = messages(kernel, code, allow_stdin)
    assert output["content"]["text"].strip() == is_live


def test_a_terminal_is_not_live(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_stderr(monkeypatch)
    assert not is_live()


@pytest.mark.slow
def test_a_program_that_executes_cells_gets_none(kernel: Any) -> None:
    assert messages(kernel, LOOP, allow_stdin=False) == []
    (output,) = messages(kernel, PRINT, allow_stdin=False)
    assert output["content"]["text"] == "['a', 'b']\n"


@pytest.mark.slow
def test_nbclient_leaves_no_bar_in_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    cells = [nbformat.v4.new_code_cell(source) for source in (LOOP, PRINT)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    # papermill, nbconvert, nbmake and `jupyter execute` are built on this client.
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    loop, output = notebook.cells
    assert loop.outputs == []
    assert output.outputs[0].text == "['a', 'b']\n"
    assert "widgets" not in notebook.metadata
