"""Settings that must stand before NumPy is imported.

They count for the tests, and for the kernels that nbval starts.
"""

import os
from pathlib import Path

STAGED_ARTIFACTS = Path(__file__).parent / "build" / "test" / "artifacts"

# Notebooks that nbval executes show no live bars and write nothing into artifacts/.
os.environ.setdefault("FMNIST_CLUSTERING_ARTIFACTS", str(STAGED_ARTIFACTS))

# OpenMP threads that spin while they wait take the cores away from BLAS.
# `python -m fmnist_clustering run` sets the same for its kernels.
os.environ["OMP_WAIT_POLICY"] = "passive"

# The workers of pytest-xdist share the cores; tests that need threads ask for them.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
