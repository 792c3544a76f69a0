"""The benchmark table in README.md, made from artifacts/benchmarks.csv and nothing else."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tests.notebooks.reading import ROOT

CSV = ROOT / "artifacts" / "benchmarks.csv"
SECONDS = "seconds", "peer seconds"
MARKS = "<!-- benchmarks: made by `make bench` -->", "<!-- end of benchmarks -->"


def markdown(csv: Path) -> str:
    """Return the table and a line on where it was measured."""
    rows = pd.read_csv(csv, dtype=str, keep_default_na=False)
    heads = ["", "ours", "peak", "excess", "peer", "its time", "its peak", "its excess", "times faster"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows.to_dict("records"):
        theirs = [f"{row['peer seconds']} s", f"{row['peer MB']} MB"] if row["peer"] else ["", ""]
        ours = [row["case"], f"{row['seconds']} s", f"{row['MB']} MB", row["excess"]]
        lines.append(f"| {' | '.join([*ours, row['peer'], *theirs, row['peer excess'], row['ratio']])} |")
    ward = rows[(rows["peer"] == "scipy") & rows["case"].str.startswith("Ward")]
    sizes = ward["case"].str.extract(r"([\d,]+)$")[0].str.replace(",", "").astype(int)
    exponents = [np.polyfit(np.log(sizes), np.log(ward[column].astype(float)), 1)[0] for column in SECONDS]
    whole = rows.loc[rows["case"] == "Ward's tree, 70,000", "seconds"].astype(float).iloc[0]
    later = np.log(whole / float(ward["seconds"].iloc[-1])) / np.log(70_000 / sizes.iloc[-1])
    grown = (
        f"From 2,500 to 10,000 images our time for Ward's tree grows with the power {exponents[0]:.2f} of that, "
        f"since fixed costs weigh at first, and SciPy's with {exponents[1]:.2f}; from 10,000 to 70,000 ours with "
        f"{later:.2f}."
    )
    first = rows.iloc[0]
    where = f"{first['processor']}, {first['cores']} cores, Python {first['python']}"
    packages = ", ".join(f"{name} {first[name]}" for name in ("numpy", "pandas", "scikit-learn", "scipy"))
    return "\n".join([*lines, "", grown, "", f"Measured on: {where}; {packages}."])


def in_readme(text: str, csv: Path) -> str:
    """Return README's text with the table between its two marks renewed."""
    start, end = MARKS
    made = f"{start}\n{markdown(csv)}\n{end}"
    return re.sub(f"{re.escape(start)}.*{re.escape(end)}", lambda _: made, text, flags=re.DOTALL)
