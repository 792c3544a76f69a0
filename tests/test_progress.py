import builtins
import io
import sys
import types
from typing import Any

import pytest

from fmnist_clustering.progress import ARTIFACTS_VARIABLE, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr, from within the test: pytest puts its own there before."""
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    return screen


def test_a_pipe_gets_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert [*track("abc", 3, "letters")] == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    shown = terminal.getvalue()
    assert "letters" in shown
    assert "0/2" in shown
    assert shown.rsplit("\r", 1)[1] == ""
    assert shown.rsplit("\r", 2)[1].strip() == ""


def test_an_error_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        [*track((1 // number for number in (1, 0)), 2, "numbers")]
    assert "numbers" in terminal.getvalue()


def test_a_live_notebook_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def bar(items: Any, *described: Any, **options: Any) -> Any:
        made.append((described, options))
        return items

    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr("tqdm.auto.tqdm", bar)
    assert [*track("abc", 3, "letters")] == ["a", "b", "c"]
    assert made == [(("letters", 3), {"leave": False})]


def test_a_notebook_under_a_runner_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    monkeypatch.setenv(ARTIFACTS_VARIABLE, "somewhere")
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    assert terminal.getvalue() == ""


def test_without_tqdm_the_items_come_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    given = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return given(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    assert terminal.getvalue() == ""
