"""``python -m fmnist_clustering``: execute the notebooks, keep their results."""


class RunError(Exception):
    """A run that ended before all its results were in place; the message says why."""
