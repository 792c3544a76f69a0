"""The tables in README.md, each made from files of artifacts/ and nothing else: ``make`` renews them."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from tests.notebooks.reading import ROOT

CSV = ROOT / "artifacts" / "benchmarks.csv"
PALETTES = ROOT / "artifacts" / "benchmarks-palettes.csv"
ORIGINAL = ROOT / "artifacts" / "benchmarks-original.csv"
SECONDS = "seconds", "peer seconds"
README = ROOT / "README.md"


def rows_of(csv: Path) -> pd.DataFrame:
    """Return a CSV as text."""
    return pd.read_csv(csv, dtype=str, keep_default_na=False)


def grid(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [[*heads], *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def where(row: "pd.Series[str]") -> str:
    """Return a line on where a table was measured."""
    machine = f"{row['processor']}, {row['cores']} cores, Python {row['python']}"
    packages = ", ".join(f"{name} {row[name]}" for name in row.index[[*row.index].index("python") + 1 :])
    return f"Measured on: {machine}; {packages}."


def benchmarks() -> str:
    """Return the table of times beside their peers, and how Ward's time grows."""
    rows = rows_of(CSV)
    heads = ["", "ours", "peak", "excess", "peer", "its time", "its peak", "its excess", "times faster"]
    lines = []
    for row in rows.to_dict("records"):
        theirs = [f"{row['peer seconds']} s", f"{row['peer MB']} MB"] if row["peer"] else ["", ""]
        ours = [row["case"], f"{row['seconds']} s", f"{row['MB']} MB", row["excess"]]
        lines.append([*ours, row["peer"], *theirs, row["peer excess"], row["ratio"]])
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
    return "\n\n".join([grid(heads, lines), grown, where(rows.iloc[0])])


def palettes() -> str:
    """Return the table of palettes beside those of other tools."""
    rows = rows_of(PALETTES)
    tools = [*dict.fromkeys(rows["tool"])]
    decibels = rows.set_index(["picture", "colors", "tool"])["PSNR"]
    pairs = [*dict.fromkeys(zip(rows["picture"], rows["colors"], strict=True))]
    quality = [[*pair, *(f"{float(decibels[*pair, tool]):.2f}" for tool in tools)] for pair in pairs]
    largest = rows[rows["colors"] == rows["colors"].iloc[-1]].set_index(["tool", "picture"])
    pictures = [*dict.fromkeys(rows["picture"])]
    costs = [
        [tool, *(str(largest.loc[(tool, picture), what]) for picture in pictures for what in ("seconds", "bytes"))]
        for tool in tools
    ]
    costs = [["below 0.01" if cell == "0.00" else cell for cell in row] for row in costs]
    heads = ["", *(f"{picture}, {what}" for picture in pictures for what in ("s", "bytes"))]
    return "\n\n".join(
        [
            grid(["PSNR, dB", "colors", *tools], quality),
            f"And at {rows['colors'].iloc[-1]} colors:",
            grid(heads, costs),
            where(rows.iloc[0]),
        ]
    )


def original() -> str:
    """Return the table of the first version's whole work beside ours."""
    rows = rows_of(ORIGINAL)
    heads = ["", "first version", "ours", "times faster", "results differ by at most"]
    columns = ["part", "original seconds", "our seconds", "ratio", "results differ by at most"]
    lines = [[part, f"{before} s", f"{after} s", *rest] for part, before, after, *rest in rows[columns].to_numpy()]
    return "\n\n".join([grid(heads, lines), where(rows.iloc[0].drop("ratio"))])


def results() -> str:
    """Return the results that README tells, each from the artifact that holds it."""
    folder = ROOT / "artifacts"
    silhouette = pd.read_csv(folder / "criteria.csv").set_index("k")["silhouette"]
    stability = pd.read_csv(folder / "criteria.csv").set_index("k")["stability"]
    photograph = pd.read_csv(folder / "quantized.csv").set_index("k")
    lines = [
        ["highest mean silhouette, 10,000 images", f"{silhouette.max():.4f} at k = {silhouette.idxmax()}", "criteria"],
        ["highest stability, 10,000 images", f"ARI {stability.max():.4f} at k = {stability.idxmax()}", "criteria"],
    ]
    for n, name in (("10,000", "dendogram"), ("70,000", "dendrogram-all")):
        gap = pd.read_csv(folder / f"{name}.csv").iloc[0]
        found = f"{gap['n_clusters']:.0f} clusters, {gap['ratio']:.2f} times the runner-up's"
        lines.append([f"widest gap of Ward's tree, {n} images", found, name])
    for k in (5, 10, 100):
        size = (folder / f"cluster-{k}.png").stat().st_size
        error = f"{photograph['PSNR (dB)'][k]:.2f} dB, mean delta-E {photograph['mean delta-E'][k]:.2f}"
        lines.append([f"the photograph in {k} colors", f"{error}, {size:,} bytes", "quantized"])
    linked = [[what, found, f"[{name}.csv](artifacts/{name}.csv)"] for what, found, name in lines]
    return grid(["", "found", "from"], linked)


TABLES: dict[str, Callable[[], str]] = {
    "results": results,
    "benchmarks": benchmarks,
    "palettes": palettes,
    "original": original,
}


def marks(name: str) -> tuple[str, str]:
    """Return the comments before and after a table."""
    return f"<!-- {name}: made from artifacts/ -->", f"<!-- end of {name} -->"


def renewed(text: str) -> str:
    """Return README's text with every table between its two marks made anew."""
    for name, make in TABLES.items():
        start, end = marks(name)
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n{make()}\n{end}{rest.partition(end)[2]}" if rest else text
    return text


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
