"""A live bar for long loops: where somebody watches, and nowhere else."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

ARTIFACTS_VARIABLE = "FMNIST_CLUSTERING_ARTIFACTS"
"""Environment variable by which a runner tells the kernel where artifacts go."""

Item = TypeVar("Item")


def track(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield items and show how many are done.

    In a notebook that somebody sits at the bar is a widget, which is closed at the end; on a
    terminal it is one line of stderr, which is wiped at the end. A notebook under a runner, a
    pipe and a file get nothing.

    Parameters
    ----------
    items : iterable
        What to go through.
    total : int
        How many there will be.
    what : str
        A word for them.

    Yields
    ------
    item
        Each of `items`.
    """
    show, close = _bar(total, what)
    try:
        for done, item in enumerate(items, start=1):
            yield item
            show(done)
    finally:
        close()


def _bar(total: int, what: str) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Return what updates the bar, and what removes it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if hasattr(shell, "kernel"):
        return _silent() if ARTIFACTS_VARIABLE in os.environ else _widget(total, what)
    if not sys.stderr.isatty():
        return _silent()

    def show(done: int) -> None:
        _write(f"\r\x1b[K{what} {done} of {total}")

    return show, lambda: _write("\r\x1b[K")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _widget(total: int, what: str) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Show a widget by its view alone: a page without widgets shows nothing in its place."""
    try:
        from IPython.display import display
        from ipywidgets import IntProgress
    except ImportError:
        return _silent()
    bar = IntProgress(max=100, description=what, style={"description_width": "initial"})
    view = {"version_major": 2, "version_minor": 0, "model_id": bar.model_id}
    display({"application/vnd.jupyter.widget-view+json": view}, raw=True)
    # In per cent, since every change is a message to the browser, and equal values are none.
    return lambda done: setattr(bar, "value", 100 * done // total), bar.close


def _silent() -> tuple[Callable[[int], None], Callable[[], None]]:
    return lambda _: None, lambda: None
