"""Thread settings that must stand before NumPy is imported, here and in the kernels of nbval."""

import os

# Spinning OpenMP threads starve the BLAS ones; the same setting as in notebooks/runner.py.
os.environ["OMP_WAIT_POLICY"] = "passive"
