"""Loops: threads are as before, answers equal everywhere, bars only where seen."""

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.cluster  # noqa: F401  # loads OpenMP
from joblib import delayed
from threadpoolctl import threadpool_info, threadpool_limits

import fmnist_clustering as fc
from fmnist_clustering._parallel import run_parallel, single_threaded

MANY_ROWS = np.random.default_rng(0).normal(size=(4002, 2))
"""Fits of 2,000 rows or fewer are not spread over the cores."""
TWO_TILES = np.random.default_rng(0).normal(size=(1100, 5))
IMAGES = np.random.default_rng(0).integers(0, 256, (50, 30), dtype=np.uint8)
PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def thread_limits() -> list[int]:
    """Return how many threads each library may use now."""
    libraries = sorted(threadpool_info(), key=lambda library: str(library["filepath"]))
    return [library["num_threads"] for library in libraries]


@pytest.fixture(autouse=True)
def _threads_are_as_before() -> Iterator[None]:
    """See that each test leaves the libraries their threads, within five seconds.

    Tasks that are under way when another one fails still come to their end.
    """
    with threadpool_limits(2):  # in the workers of pytest-xdist they are 1
        before = thread_limits()
        yield
        deadline = time.monotonic() + 5
        while thread_limits() != before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert thread_limits() == before


# Limits of threads


def test_one_thread_inside_and_as_before_outside() -> None:
    with single_threaded():
        with single_threaded():
            assert set(thread_limits()) == {1}
        assert set(thread_limits()) == {1}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_restores_the_limits(error: type[BaseException]) -> None:
    with pytest.raises(error), single_threaded():
        raise error


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_two_threads_that_overlap(first_to_leave: int) -> None:
    inside = [threading.Event(), threading.Event()]
    leave = [threading.Event(), threading.Event()]
    seen: list[int] = []

    def work(number: int) -> None:
        with single_threaded():
            inside[number].set()
            assert leave[number].wait(30)
            seen.extend(thread_limits())

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for number in (0, 1):
        threads[number].start()
        assert inside[number].wait(30)
    for number in (first_to_leave, 1 - first_to_leave):
        leave[number].set()
        threads[number].join()
    assert set(seen) == {1}


def square(number: int) -> tuple[int, set[int]]:
    time.sleep(0.001)
    return number**2, set(thread_limits())


def loop_in_a_task(number: int) -> list[Any]:
    return list(run_parallel(map(delayed(square), range(number)), number))


def test_loops_in_loops_give_results_in_order_each_with_one_thread() -> None:
    found = list(run_parallel(map(delayed(loop_in_a_task), range(9)), 9, "loops"))
    assert found == [[(i**2, {1}) for i in range(n)] for n in range(9)]


def fail_at_three(number: int) -> int:
    time.sleep(0.01 * (number != 3))
    if number == 3:
        raise OSError("three")
    return number


def test_a_task_that_fails() -> None:
    for _ in range(5):
        with pytest.raises(OSError, match="three"):
            list(run_parallel(map(delayed(fail_at_three), range(30)), 30))


# The same answers

PUBLIC_CALLS: dict[str, Callable[[], Any]] = {
    "fit_kmeans": lambda: fc.fit_kmeans(MANY_ROWS, 3).labels,
    "sweep_k": lambda: fc.sweep_k(MANY_ROWS, [2, 3]).labels,
    "prediction_strength": lambda: fc.prediction_strength(MANY_ROWS, [3], n_splits=2),
    "gap_statistic": lambda: fc.gap_statistic(MANY_ROWS, [2], n_references=2),
    "silhouettes": lambda: fc.silhouette_samples(TWO_TILES, [0, 1] * 550),
    "distances": lambda: fc.condensed_distances(TWO_TILES),
    "ward": lambda: fc.linkage(TWO_TILES, "ward"),
    "ward of images": lambda: fc.linkage(IMAGES, "ward"),
    "quantize": lambda: fc.quantize(PICTURE, 5).image,
}
each_call = pytest.mark.parametrize("name", PUBLIC_CALLS)


@each_call
def test_one_thread_gives_the_same(name: str) -> None:
    expected = PUBLIC_CALLS[name]()
    with joblib.parallel_config(backend="sequential"), threadpool_limits(1):
        found = PUBLIC_CALLS[name]()
    np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def dask() -> Iterator[None]:
    """Start a Dask cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask's own
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        )
        with cluster, distributed.Client(cluster):
            yield


@pytest.mark.nightly
@pytest.mark.usefixtures("dask")
@pytest.mark.filterwarnings("ignore:Sending large graph")
@each_call
def test_several_machines_give_the_same(name: str) -> None:
    expected = PUBLIC_CALLS[name]()
    with joblib.parallel_config(backend="dask"):
        found = PUBLIC_CALLS[name]()
    np.testing.assert_array_equal(found, expected)


# Bars

LOOP = """
import sys
from joblib import delayed
from fmnist_clustering._parallel import run_parallel
letters = [*run_parallel(map(delayed(str.upper), "ab"), 2, "letters")]
assert letters == ["A", "B"]
"""


def test_a_pipe_gets_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(run_parallel(map(delayed(abs), [-1, 2]), 2, "numbers")) == [1, 2]
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_terminal_gets_a_bar_that_is_wiped() -> None:
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-c", LOOP + "sys.stderr.write('end')"]
    subprocess.run(command, check=True, stderr=theirs)
    *drawn, wiped, end = os.read(ours, 100_000).decode().split("\r")
    os.close(theirs)
    os.close(ours)
    assert "letters" in drawn[1]
    assert "0/2" in drawn[1]
    assert wiped.isspace()
    assert end == "end"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    """Yield a client of a kernel."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(extra_arguments=["--log-level=ERROR"])
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
        code, allow_stdin=allow_stdin, output_hook=keep, timeout=120
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
def test_a_live_kernel_gets_a_bar_of_text_that_is_wiped(kernel: Any) -> None:
    shown = messages(kernel, LOOP + LOOP, allow_stdin=True)
    kinds = {message["msg_type"] for message in shown}
    assert kinds == {"display_data", "update_display_data"}  # no comm: no widget
    texts = [message["content"]["data"].get("text/plain", "") for message in shown]
    assert any("letters" in text and "/2" in text for text in texts)
    assert after_updates(shown) == [{}]


@pytest.mark.slow
def test_a_bar_vanishes_when_an_error_ends_the_loop(kernel: Any) -> None:
    code = LOOP.replace('"ab"', '["a", 1]')
    empty, error = after_updates(messages(kernel, code, allow_stdin=True))
    assert empty == {}
    assert error["ename"] == "TypeError"


@pytest.mark.slow
def test_a_program_that_executes_cells_gets_no_bar(kernel: Any) -> None:
    assert messages(kernel, LOOP, allow_stdin=False) == []
