"""Settings that must stand before NumPy is imported, here and in the kernels of nbval."""

import os
from pathlib import Path

# Notebooks that nbval executes show no live bars, and leave the artifacts of a live session alone.
os.environ.setdefault("FMNIST_CLUSTERING_ARTIFACTS", str(Path(__file__).parent / "build" / "test" / "artifacts"))

# Spinning OpenMP threads starve the BLAS ones; the same setting as in notebooks/runner.py.
os.environ["OMP_WAIT_POLICY"] = "passive"
