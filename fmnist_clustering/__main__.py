"""``python -m fmnist_clustering``: the command line of the package."""

import sys

from fmnist_clustering.runner.execute import main

if __name__ == "__main__":
    sys.exit(main())
