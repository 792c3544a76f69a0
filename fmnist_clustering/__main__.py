"""``python -m fmnist_clustering``: starts ``notebooks/runner.py`` of the checkout."""

import runpy
import sys
from pathlib import Path

from fmnist_clustering.data import find_checkout

checkout = find_checkout(__file__) or find_checkout(Path.cwd())
if checkout is None:
    sys.exit(f"error: no checkout at or above {Path.cwd()}; the notebooks and their runner are in the repository")
sys.path.insert(0, str(checkout / "notebooks"))
runpy.run_module("runner", run_name="__main__")
