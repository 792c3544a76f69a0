"""``python -m fmnist_clustering``: the command line of the package."""

from fmnist_clustering.run import main

if __name__ == "__main__":
    main()
