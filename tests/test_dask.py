"""The same loops on a Dask cluster: two worker processes, bit-equal results."""

import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster

from fmnist_clustering import FashionMNIST, KSweep, load_split, silhouette_samples, sweep_k
from fmnist_clustering.distances import TILE_ROWS
from fmnist_clustering.kmeans import fit_prepared, prepare
from tests.notebooks.reading import ROOT

pytestmark = pytest.mark.slow

X = load_split("test").pixels[:2500]
LABELS = np.stack([np.random.default_rng(k).integers(0, k, len(X)) for k in (2, 7, 20)])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask's own
        options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(processes=True, **options) as workers, Client(workers) as client:
            yield client


def same(found: KSweep, expected: KSweep) -> None:
    for one, other in zip(found[:4], expected[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(found.centroids, expected.centroids, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_results_are_those_of_threads_to_the_bit(cluster: Client) -> None:
    silhouettes, sweep = silhouette_samples(X, LABELS), sweep_k(X, range(1, 7), n_init=3)
    pids = set(cluster.run(os.getpid).values())
    assert len(pids) == 2
    assert os.getpid() not in pids
    with joblib.parallel_config(backend="dask"):
        np.testing.assert_array_equal(silhouette_samples(X, LABELS), silhouettes)
        same(sweep_k(X, range(1, 7), n_init=3), sweep)


def where_am_i(_: int) -> int:
    return os.getpid()


def test_a_loop_really_runs_on_both_workers(cluster: Client) -> None:
    with joblib.parallel_config(backend="dask"):
        ran = joblib.Parallel(-1, prefer="threads")(joblib.delayed(where_am_i)(i) for i in range(40))
    assert set(ran) == set(cluster.run(os.getpid).values())


def test_what_crosses_the_wire() -> None:
    # README's figures: a fit takes its rows as 64-bit floats, a tile two blocks of 8-bit rows.
    rows = load_split("test").pixels
    fit = len(cloudpickle.dumps((fit_prepared, prepare(rows))))
    assert fit / 1e6 == pytest.approx(67, abs=1)
    block = rows[:TILE_ROWS]
    assert 2 * len(cloudpickle.dumps(block)) / 1e6 == pytest.approx(1.6, abs=0.05)


@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_the_lines_in_readme_run(cluster: Client) -> None:
    code = re.search(r"```python\nfrom distributed(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code
    lines = f"from distributed{code[1]}".replace('Client("scheduler:8786")', "cluster").replace("21", "4")
    names = {"cluster": cluster, "images": FashionMNIST(X[:300], X[:300, 0]), "sweep_k": sweep_k}
    exec(lines, names)
    same(names["sweep"], sweep_k(X[:300], range(1, 4)))
