"""``python -m fmnist_clustering``: starts ``notebooks/runner.py`` of the checkout."""

import runpy
import sys
from pathlib import Path

from fmnist_clustering.data import find_checkout

checkouts = [checkout for place in (__file__, Path.cwd()) if (checkout := find_checkout(place))]
folders = [checkout / "notebooks" for checkout in checkouts if (checkout / "notebooks" / "runner.py").is_file()]
if not folders:
    sys.exit(f"error: no checkout at or above {Path.cwd()}; the notebooks and their runner are in the repository")
sys.path.insert(0, str(folders[0]))
runpy.run_module("runner", run_name="__main__")
