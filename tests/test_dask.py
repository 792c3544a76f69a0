"""The same loops on a Dask cluster of two processes: equal results, little traffic."""

import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.parallel import ThreadingBackend
from numpy.typing import NDArray

from fmnist_clustering import (
    FashionMNIST,
    KSweep,
    load_split,
    silhouette_samples,
    sweep_k,
)
from tests.notebooks.reading import ROOT

cloudpickle = pytest.importorskip("cloudpickle")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.slow

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def images() -> Images:
    return load_split("test").pixels[:2500]


@pytest.fixture(scope="module")
def labels(images: Images) -> NDArray[np.int64]:
    """Return three random labelings."""
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(0, k, len(images)) for k in (2, 7, 20)])


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask's own
        cluster = distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        )
        with cluster, distributed.Client(cluster) as client:
            yield client


def assert_same_sweep(sweep: KSweep, expected: KSweep) -> None:
    for name in ("k_values", "inertia", "silhouette", "labels"):
        np.testing.assert_array_equal(getattr(sweep, name), getattr(expected, name))
    for centroids, expected_ones in zip(
        sweep.centroids, expected.centroids, strict=True
    ):
        np.testing.assert_array_equal(centroids, expected_ones)


def process_id(_: int) -> int:
    return os.getpid()


def test_a_loop_runs_on_both_workers(client: Any) -> None:
    workers = set(client.run(os.getpid).values())
    assert len(workers) == 2
    assert os.getpid() not in workers
    with joblib.parallel_config(backend="dask"):
        loop = joblib.Parallel(-1, prefer="threads")
        found = loop(joblib.delayed(process_id)(i) for i in range(40))
    assert set(found) == workers


@pytest.mark.usefixtures("client")
@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_a_sweep_is_that_of_threads_to_the_bit(images: Images) -> None:
    expected = sweep_k(images, range(1, 7), n_init=3)
    with joblib.parallel_config(backend="dask"):
        assert_same_sweep(sweep_k(images, range(1, 7), n_init=3), expected)


@pytest.mark.usefixtures("client")
@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_silhouettes_are_those_of_threads_to_the_bit(
    images: Images,
    labels: NDArray[np.int64],
) -> None:
    expected = silhouette_samples(images, labels)
    with joblib.parallel_config(backend="dask"):
        np.testing.assert_array_equal(silhouette_samples(images, labels), expected)


@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_the_lines_in_readme_run(client: Any, images: Images) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(from distributed .+?)```", readme, re.DOTALL)
    assert code
    lines = code[1].replace('Client("scheduler:8786")', "client")
    lines = lines.replace("range(1, 21)", "range(1, 4)")
    few = images[:300]
    names = {
        "client": client,
        "images": FashionMNIST(few, few[:, 0]),
        "sweep_k": sweep_k,
    }
    exec(lines, names)
    assert_same_sweep(names["sweep"], sweep_k(few, range(1, 4)))


# What a task takes with it


SUBMIT = "submit" if hasattr(ThreadingBackend, "submit") else "apply_async"


@pytest.fixture
def task_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that collects the bytes of each task, if it were sent somewhere."""
    sizes: list[int] = []
    run = getattr(ThreadingBackend, SUBMIT)

    def measure_and_run(self: Any, task: Any, callback: Any = None) -> Any:
        sizes.append(len(cloudpickle.dumps(task)))
        return run(self, task, callback)

    monkeypatch.setattr(ThreadingBackend, SUBMIT, measure_and_run)
    return sizes


def test_a_fit_takes_little_more_than_its_rows(
    task_sizes: list[int],
    images: Images,
) -> None:
    few = images[:500]
    with joblib.parallel_config(
        n_jobs=2
    ):  # fits of few rows stay in one thread otherwise
        sweep_k(few, [2, 3, 4, 5], n_init=1)
    rows_as_floats = 8 * few.size
    assert max(task_sizes) < 1.1 * rows_as_floats


def test_a_tile_takes_two_blocks_of_rows_and_not_all(
    task_sizes: list[int],
    labels: NDArray[np.int64],
    images: Images,
) -> None:
    silhouette_samples(np.repeat(images, 4, axis=0), np.repeat(labels, 4, axis=1))
    n_blocks = 10  # of 1,024 rows
    assert len(task_sizes) == n_blocks * (n_blocks + 1) / 2
    assert max(task_sizes) < 2e6
