"""``python -m fmnist_clustering``: see `fmnist_clustering.runner`."""

import sys

from fmnist_clustering.runner import main

sys.exit(main())
