"""Limits of BLAS and OpenMP: in force while tasks run, restored afterwards."""

import linecache
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.cluster  # noqa: F401  # loads OpenMP
from joblib import delayed
from threadpoolctl import threadpool_info, threadpool_limits

from fmnist_clustering import (
    KMeansFit,
    _threads,
    condensed_distances,
    fit_kmeans,
    linkage,
    quantize,
    silhouette_samples,
    stability,
    sweep_k,
)
from fmnist_clustering._threads import (
    _Loop,
    leave_if_stopped,
    run_parallel,
    single_threaded_blas,
)
from tests.checkouts import posix_only


def limits() -> list[int]:
    """Return the limits that hold for this thread now."""
    libraries = sorted(threadpool_info(), key=lambda library: str(library["filepath"]))
    return [library["num_threads"] for library in libraries]


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    """Give each library two threads, and see that each test leaves it at that."""
    with threadpool_limits(2):
        before = limits()
        assert set(before) == {2}
        yield
        assert limits() == before
    assert not _threads._state.contexts
    assert not _threads._state.originals


def test_one_thread_inside_and_as_before_outside() -> None:
    with single_threaded_blas():
        assert set(limits()) == {1}
        with single_threaded_blas():
            assert set(limits()) == {1}
        assert set(limits()) == {1}
    assert set(limits()) == {2}


def test_another_limit_in_between() -> None:
    with single_threaded_blas():
        with threadpool_limits(2), single_threaded_blas():
            assert set(limits()) == {1}
        assert set(limits()) == {1}
    assert set(limits()) == {2}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_error_restores_the_limits(error: type[BaseException]) -> None:
    with pytest.raises(error), single_threaded_blas():
        raise error
    assert set(limits()) == {2}


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_two_threads_that_overlap(first_to_leave: int) -> None:
    """Thread 0 enters first; who leaves first must not matter."""
    inside = [threading.Event(), threading.Event()]
    leave = [threading.Event(), threading.Event()]
    seen: dict[int, list[int]] = {}

    def work(number: int) -> None:
        with single_threaded_blas():
            seen[number] = limits()
            inside[number].set()
            assert leave[number].wait(30)
            assert set(limits()) == {1}

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for number in (0, 1):
        threads[number].start()
        assert inside[number].wait(30)
    for number in (first_to_leave, 1 - first_to_leave):
        leave[number].set()
        threads[number].join()
    assert set(seen[0]) == set(seen[1]) == {1}
    assert set(limits()) == {2}


def test_openmp_gets_its_limit_back_in_each_thread() -> None:
    def openmp_threads() -> set[int]:
        return {
            library["num_threads"]
            for library in threadpool_info()
            if library["internal_api"] == "openmp"
        }

    def work(_: int) -> tuple[set[int], set[int], set[int]]:
        before = openmp_threads()
        with single_threaded_blas():
            time.sleep(0.01)
            inside = openmp_threads()
        return before, inside, openmp_threads()

    with ThreadPoolExecutor(4) as pool:
        for before, inside, after in pool.map(work, range(20)):
            assert inside <= {1}
            assert after == before


def test_pictures_in_several_threads() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(12)]
    expected = [quantize(picture, 5).image for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda picture: quantize(picture, 5).image, pictures))
    np.testing.assert_array_equal(found, expected)


def test_a_context_left_in_another_order() -> None:
    first = single_threaded_blas()
    second = single_threaded_blas()
    first.__enter__()
    second.__enter__()
    first.__exit__()
    assert set(limits()) == {1}
    second.__exit__()
    assert set(limits()) == {2}


def interrupt_at_line(number: int) -> tuple[Callable[..., Any], list[int]]:
    """Return a trace function that raises at the n-th line, and the lines so far."""
    lines: list[int] = []

    def trace(frame: Any, event: str, _: object) -> Any:
        file = frame.f_code.co_filename
        if file != _threads.__file__:
            return None
        # Python takes and gives back a lock without looking for interrupts in between.
        takes_lock = "with _state.lock" in linecache.getline(file, frame.f_lineno)
        if event == "line" and not takes_lock:
            lines.append(frame.f_lineno)
            if len(lines) == number:
                raise KeyboardInterrupt
        return trace

    return trace, lines


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_line() -> None:
    number = 0
    was_interrupted = True
    old_trace = sys.gettrace()
    while was_interrupted:
        number += 1
        trace, lines = interrupt_at_line(number)
        was_interrupted = False
        try:
            sys.settrace(trace)
            with single_threaded_blas():
                pass
        except KeyboardInterrupt:
            was_interrupted = True
        finally:
            sys.settrace(old_trace)
        assert set(limits()) == {2}, lines[-1]
        assert not _threads._state.contexts
    assert number > 20


@posix_only
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_forgets_the_threads_of_its_parent() -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with single_threaded_blas():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(30)
    child = os.fork()
    if child == 0:
        os._exit(0 if set(limits()) == {2} else 1)
    _, status = os.waitpid(child, 0)
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0


# Loops


def square(number: int) -> tuple[int, set[int]]:
    time.sleep(0.001)
    return number**2, set(limits())


def slow(number: int) -> int:
    time.sleep(0.05)
    return number


def fail_at_three(number: int) -> int:
    time.sleep(0.02 * (number != 3))
    if number == 3:
        raise OSError("three")
    return number


@pytest.mark.parametrize("n_calls", [0, 1, 2, 25])
def test_results_in_order_each_with_one_thread(n_calls: int) -> None:
    results = run_parallel(map(delayed(square), range(n_calls)), n_calls, "squares")
    expected = [(number**2, {1}) for number in range(n_calls)]
    assert list(results) == expected
    assert set(limits()) == {2}


@pytest.mark.parametrize(
    "backend",
    [
        "threading",
        "sequential",
        pytest.param("loky", marks=pytest.mark.slow),
        pytest.param("multiprocessing", marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_same_with_each_backend_of_joblib(backend: str) -> None:
    expected = [(number**2, {1}) for number in range(9)]
    with joblib.parallel_config(backend=backend):
        calls = map(delayed(square), range(9))
        assert list(run_parallel(calls, 9, "squares")) == expected
        assert list(run_parallel([delayed(square)(5)], 1)) == [(25, {1})]
        found: list[int] = []
        calls = map(delayed(found.append), range(9))
        list(run_parallel(calls, 9, "numbers", shared_memory=True))
    assert sorted(found) == list(range(9))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_package_gives_the_same_with_each_backend(backend: str) -> None:
    rows = np.random.default_rng(0).normal(size=(1100, 5))  # two blocks

    def results() -> list[Any]:
        sweep = sweep_k(rows, [2, 3])
        return [
            silhouette_samples(rows, sweep.labels),
            condensed_distances(rows),
            linkage(rows, "ward"),
            sweep.inertia,
            stability(rows[:60], [2], n_resamples=3),
            silhouette_samples(rows[:50], sweep.labels[0][:50]),  # a single tile
        ]

    expected = results()
    with joblib.parallel_config(backend=backend):
        found = results()
    for result, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(result, other)


def thread_of(_: int) -> int:
    time.sleep(0.02)
    return threading.get_ident()


def test_as_many_threads_as_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(**configured: int) -> int:
        with joblib.parallel_config(**configured):
            calls = map(delayed(thread_of), range(12))
            return len({*run_parallel(calls, 12, "threads")})

    monkeypatch.setattr(_threads, "n_cores", lambda: 3)
    assert count() == 3
    assert count(n_jobs=2) == 2
    assert count(n_jobs=-1) == 3
    assert count(n_jobs=-2) == 2
    assert count(n_jobs=-9) == 1


def test_a_task_that_fails() -> None:
    results = run_parallel(map(delayed(fail_at_three), range(30)), 30, "numbers")
    with pytest.raises(OSError, match="three"):
        list(results)
    assert set(limits()) == {2}


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_iterator_that_is_closed_early(n_jobs: int) -> None:
    started: list[int] = []

    def note(number: int) -> int:
        started.append(number)
        return slow(number)

    with joblib.parallel_config(n_jobs=n_jobs):
        results = run_parallel(map(delayed(note), range(1000)), 1000, "numbers")
        assert [next(results), next(results)] == [0, 1]
        results.close()  # type: ignore[attr-defined]
    assert set(limits()) == {2}
    n_started = len(started)
    time.sleep(0.2)
    assert len(started) == n_started < 30


def test_a_task_that_takes_long_ends_with_its_loop() -> None:
    n_turns = 0

    def turn(number: int) -> int:
        nonlocal n_turns
        while number > 0 and n_turns < 3000:  # 30 seconds, if nothing ends it
            leave_if_stopped()
            n_turns += 1
            time.sleep(0.01)
        return number

    with joblib.parallel_config(n_jobs=2):
        results = run_parallel(map(delayed(turn), range(2)), 2, "numbers")
        assert next(results) == 0
        results.close()  # type: ignore[attr-defined]
    assert n_turns < 1000
    assert set(limits()) == {2}


def test_a_fit_ends_with_its_loop() -> None:
    points = np.random.default_rng(0).random((300, 30))
    results: list[object] = []

    def fit_in_another_thread(loop: _Loop, is_stopped: bool) -> None:
        def fit() -> object:
            loop.is_stopped = is_stopped
            return fit_kmeans(points, 3)

        results.append(loop.run(fit))

    for is_stopped in (False, True):
        arguments = (_Loop(), is_stopped)
        thread = threading.Thread(target=fit_in_another_thread, args=arguments)
        thread.start()
        thread.join()
    finished, stopped = results
    assert isinstance(finished, KMeansFit)
    assert stopped is None


def test_a_loop_inside_of_a_task_ends_with_the_loop_around_it() -> None:
    outer = _Loop()
    ends = []

    def inner_task() -> str:
        outer.is_stopped = True
        leave_if_stopped()
        return "went on"

    def outer_task() -> None:
        ends.append(_Loop().run(inner_task))

    thread = threading.Thread(target=outer.run, args=(outer_task,))
    thread.start()
    thread.join()
    assert ends == [None]


def test_nothing_ends_in_the_main_thread() -> None:
    loop = _Loop()

    def stop_and_go_on() -> str:
        loop.is_stopped = True
        leave_if_stopped()
        return "went on"

    assert loop.run(stop_and_go_on) == "went on"


def test_an_iterator_that_is_never_finished_limits_nothing() -> None:
    results = run_parallel(map(delayed(slow), range(4)), 4, "numbers")
    next(results)
    time.sleep(0.4)
    assert set(limits()) == {2}
    assert list(results) == [1, 2, 3]


INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np
import sklearn.cluster
from joblib import delayed
from threadpoolctl import threadpool_info, threadpool_limits
from fmnist_clustering._threads import run_parallel, single_threaded_blas

def limits():
    return [library["num_threads"] for library in threadpool_info()]

def work(number):
    matrix = np.ones((150, 150))
    for _ in range(20):
        matrix = matrix @ matrix
        matrix /= matrix.max()
    time.sleep(0.004)
    return number

def once(delay):
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        with single_threaded_blas():
            work(0)
        # Half a second. Python may lose an interrupt, so there has to be an end.
        for _ in run_parallel(map(delayed(work), range(100)), 100, "work"):
            pass
        timer.join()
    except KeyboardInterrupt:
        pass
    return limits()

threadpool_limits(2)
before = limits()
for delay in np.linspace(0.0005, 0.08, 40):
    after = once(float(delay))
    assert after == before, (delay, after, before)
print("restored")
"""


@posix_only
@pytest.mark.slow
def test_forty_interrupts() -> None:
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "restored\n", run.stderr
