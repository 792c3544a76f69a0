import io
import sys
from typing import Any

import IPython
import ipywidgets
import pytest

from fmnist_clustering.progress import ARTIFACTS_VARIABLE, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Kernel:
    kernel = "a live one"


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stand in for a notebook front end: what it was told to display."""
    shown: list[Any] = []
    monkeypatch.delenv(ARTIFACTS_VARIABLE, raising=False)
    monkeypatch.setattr(IPython, "get_ipython", Kernel)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    return shown


def test_a_pipe_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert [*track("abc", 3, "letters")] == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_one_line_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    assert terminal.getvalue() == "\r\x1b[Kletters 1 of 2\r\x1b[Kletters 2 of 2\r\x1b[K"


def test_the_line_is_wiped_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with pytest.raises(ZeroDivisionError):
        [*track((1 // number for number in (1, 0)), 2, "numbers")]
    assert terminal.getvalue().endswith("numbers 1 of 2\r\x1b[K")


def test_a_live_notebook_gets_a_widget_alone(displayed: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[ipywidgets.IntProgress] = []
    make = ipywidgets.IntProgress

    def keep(**options: Any) -> ipywidgets.IntProgress:
        bars.append(make(**options))
        return bars[0]

    monkeypatch.setattr(ipywidgets, "IntProgress", keep)
    steps = track("abc", 3, "letters")
    next(steps)
    next(steps)
    assert (bars[0].value, bars[0].max, bars[0].description) == (33, 100, "letters")
    assert [[*bundle] for bundle in displayed] == [["application/vnd.jupyter.widget-view+json"]]
    assert [*steps] == ["c"]
    assert bars[0].value == 100
    assert bars[0].comm is None, "closed"


def test_a_widget_gets_a_hundred_messages_at_most(displayed: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    make = ipywidgets.IntProgress

    def watch(**options: Any) -> ipywidgets.IntProgress:
        bar = make(**options)
        bar.observe(lambda change: sent.append(change["new"]), "value")
        return bar

    monkeypatch.setattr(ipywidgets, "IntProgress", watch)
    assert sum(1 for _ in track(range(70_000), 70_000, "merges")) == 70_000
    assert sent == [*range(1, 101)]
    assert len(displayed) == 1


def test_a_notebook_under_a_runner_gets_nothing(displayed: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARTIFACTS_VARIABLE, "somewhere")
    assert [*track("ab", 2, "letters")] == ["a", "b"]
    assert displayed == []
