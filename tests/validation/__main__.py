"""Try every rule for k on data whose answer is known: ``make validate``.

Writes ``artifacts/validation.csv``, one data set in each row, and
``artifacts/validation-images.csv``, the prediction strength of images and of clouds.
"""

import os

# Each process uses one core, and BLAS is started with the first import of NumPy.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time

import joblib
import pandas as pd

from tests.benchmarks.tables import VALIDATION, VALIDATION_IMAGES, renew_pages
from tests.validation import images
from tests.validation.data_sets import data_sets
from tests.validation.rules import apply_rules


def main() -> None:
    """Apply all rules to all data sets, on all cores."""
    start = time.monotonic()
    every = list(data_sets())
    answers = joblib.Parallel(n_jobs=-1)(
        joblib.delayed(apply_rules)(data) for data in every
    )
    table = pd.DataFrame(answers)
    rules = table.columns.drop(["family", "data"])
    table = table.astype(dict.fromkeys(rules, "Int64"))
    table.to_csv(VALIDATION, index=False, lineterminator="\n")
    images.main().round(3).to_csv(VALIDATION_IMAGES, lineterminator="\n")
    renew_pages()
    print(f"{len(every)} data sets in {(time.monotonic() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
