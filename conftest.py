"""The environment of the tests, and of the kernels that nbval and they start."""

import os
from pathlib import Path

# OpenMP and BLAS read these when NumPy is imported, so they stand above our import.
os.environ["OMP_WAIT_POLICY"] = "passive"
if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores; tests that need threads ask for them.
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"

from fmnist_clustering.notebook import ARTIFACTS_VARIABLE
from fmnist_clustering.run import kernel_environment

ROOT = Path(__file__).parent
BUILD = ROOT / "build" / "test"
IPYTHON = BUILD / "ipython"

IPYTHON.mkdir(parents=True, exist_ok=True)
os.environ.update(kernel_environment(ROOT, IPYTHON))
# Notebooks that tests execute show no live bars and write nothing into artifacts/.
os.environ.setdefault(ARTIFACTS_VARIABLE, str(BUILD / "artifacts"))
