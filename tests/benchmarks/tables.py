"""The tables of artifacts/README.md: ``make tables`` renews them.

Each table is made from files of artifacts/ and nothing else. It stands between two
comments, which `marks` returns.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from fmnist_clustering.hierarchy import THRESHOLD_POWER, THRESHOLD_SCALE
from tests.notebooks.reading import ROOT

ARTIFACTS = ROOT / "artifacts"
BENCHMARKS = ARTIFACTS / "benchmarks.csv"
GROWTH = ARTIFACTS / "benchmarks-growth.csv"
GROWTH_PICTURE = ARTIFACTS / "benchmarks-growth.png"
PALETTES = ARTIFACTS / "benchmarks-palettes.csv"
ORIGINAL = ARTIFACTS / "benchmarks-original.csv"
VALIDATION = ARTIFACTS / "validation.csv"
VALIDATION_IMAGES = ARTIFACTS / "validation-images.csv"

SPEEDS = {
    ("silhouettes, 10,000, k 2-20", "distances once, precomputed"): (
        "silhouettes of 10,000 images for 19 numbers of clusters",
        "scikit-learn, with distances computed once",
    ),
    ("sweep_k, 10,000, k 1-20", "PCA(20), n_init=60, Lloyd; silhouettes"): (
        "k-means and silhouettes of 10,000 images for k = 1 to 20",
        "scikit-learn in 20 principal components, `n_init=60`, then on pixels",
    ),
    ("Ward's tree, 10,000", "scipy"): ("Ward's tree of 10,000 images", "SciPy"),
    ("100 colors, flower, 12 megapixels", "KMeans(n_init=1)"): (
        "100 colors for a photograph of 12 megapixels",
        "scikit-learn on all pixels, `n_init=1`",
    ),
}
"""The rows of benchmarks.csv that are shown first, and what it calls them."""


def read_rows(csv: Path) -> pd.DataFrame:
    """Return a CSV as text."""
    return pd.read_csv(csv, dtype=str, keep_default_na=False)


def round_half_up(number: str, places: int) -> str:
    """Round a decimal number that is given as text.

    As a float, 24.345 lies a little below itself and would become 24.34.
    """
    step = Decimal(1).scaleb(-places)
    return str(Decimal(number).quantize(step, ROUND_HALF_UP))


def markdown_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    cells = [list(heads)]
    cells.append(["---"] * len(cells[0]))
    cells.extend(list(row) for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def measured_on(row: "pd.Series[str]") -> str:
    """Return a sentence on where and with which versions a row was measured."""
    # Everything after the column "python" is a package.
    first_package = row.index.get_loc("python") + 1
    versions = row.iloc[first_package:]
    packages = [f"{name} {version}" for name, version in versions.items()]
    machine = f"{row['processor']}, {row['cores']} cores, Python {row['python']}"
    return f"Measured on: {machine}; {', '.join(packages)}."


def results_table() -> str:
    """Return some results of the notebooks, each from the artifact that holds it."""
    criteria = pd.read_csv(ARTIFACTS / "criteria.csv").set_index("k")
    silhouette = criteria["silhouette"]
    strength = criteria["prediction strength"]
    largest = strength.index[strength >= 0.8].max()
    rows = [
        (
            "highest mean silhouette, 10,000 images",
            f"{silhouette.max():.4f} at k = {silhouette.idxmax()}",
            "criteria",
        ),
        (
            "largest k with a prediction strength of 0.8 or more, 10,000 images",
            f"k = {largest}, with {strength[largest]:.4f}",
            "criteria",
        ),
    ]
    for n_images, name in (("10,000", "dendogram"), ("70,000", "dendrogram-all")):
        widest = pd.read_csv(ARTIFACTS / f"{name}.csv").iloc[0]
        result = f"{widest['n_clusters']:.0f} clusters, as the rule always names some"
        rows.append((f"longest vertical of Ward's tree, {n_images}", result, name))
        rows.append(
            (f"the same, by the ratio of heights, {n_images}", _say_cut(name), name)
        )

    photograph = read_rows(ARTIFACTS / "quantized.csv").set_index("k")
    for k in ("5", "10", "100"):
        decibels = round_half_up(photograph.loc[k, "PSNR (dB)"], 2)
        delta_e = round_half_up(photograph.loc[k, "mean delta-E"], 2)
        size = (ARTIFACTS / f"cluster-{k}.png").stat().st_size
        result = f"{decibels} dB, mean delta-E {delta_e}, {size:,} bytes"
        rows.append((f"the photograph in {k} colors", result, "quantized"))

    linked = [
        (what, result, f"[{name}.csv]({name}.csv)") for what, result, name in rows
    ]
    return markdown_table(["", "result", "from"], linked)


def _say_cut(name: str) -> str:
    """Say what the relative rule makes of a table of gaps."""
    gaps = pd.read_csv(ARTIFACTS / f"{name}.csv")
    largest = gaps.loc[gaps["relative gap"].idxmax()]
    k = int(largest["n_clusters"])
    ratio = largest["relative gap"]
    by_chance = 1 + THRESHOLD_SCALE["ward"] / (k - 1) ** THRESHOLD_POWER
    answer = f"{k} clusters" if ratio >= by_chance else "declines"
    return f"{answer}: {ratio:.2f} at {k}, where chance reaches {by_chance:.2f}"


def speeds_table() -> str:
    """Return a few speeds, those that matter most."""
    benchmarks = read_rows(BENCHMARKS).set_index(["case", "who"])
    rows = []
    for (case, peer), (task, peers_way) in SPEEDS.items():
        ours, theirs = (benchmarks.loc[(case, who)] for who in ("ours", peer))
        cells = [f"{row['seconds']} s, {row['MB']} MB" for row in (ours, theirs)]
        rows.append([task, cells[0], peers_way, cells[1], theirs["times ours"]])
    heads = ["", "ours", "peer", "its time and memory", "times ours"]
    return f"{markdown_table(heads, rows)}\n\n{measured_on(benchmarks.iloc[0])}"


def benchmarks_table() -> str:
    """Return all times and peaks of memory, ours first, and then those of peers."""
    benchmarks = read_rows(BENCHMARKS)
    heads = ["", "who", "time", "peak", "excess", "missed", "times ours", "runs"]
    rows = []
    for _, row in benchmarks.iterrows():
        case = row["case"] if row["who"] == "ours" else ""
        measured = [f"{row['seconds']} s", f"{row['MB']} MB"]
        quality = [row["excess"], row["missed"]]
        rows.append(
            [case, row["who"], *measured, *quality, row["times ours"], row["runs"]]
        )
    machine = measured_on(benchmarks.iloc[0])
    return f"{markdown_table(heads, rows)}\n\n{growth_sentence()}\n\n{machine}"


def growth_sentence() -> str:
    """Say with which power of the number of images the times grow."""
    growth = read_rows(GROWTH)
    parts = []
    for task, of_task in growth.groupby("task", sort=False):
        powers = [
            f"{_power(of_one):.1f} ({who})"
            for who, of_one in of_task.groupby("who", sort=False)
        ]
        parts.append(f"{task}: {' and '.join(powers)}")
    return (
        "In the picture time grows like some power of the number of images. From "
        f"10,000 images on it is, for {'; for '.join(parts)}."
    )


def _power(rows: pd.DataFrame) -> float:
    """Return the slope of time over images, both as logarithms, from 10,000 on."""
    images = rows["images"].astype(float)
    many = images >= 10_000
    seconds = rows["seconds"].astype(float)
    slope, _ = np.polyfit(np.log(images[many]), np.log(seconds[many]), 1)
    return float(slope)


def palettes_table() -> str:
    """Return the tables of palettes beside those of other tools."""
    palettes = read_rows(PALETTES)
    photographs = palettes["picture"].unique()
    all_colors = palettes["colors"].unique()
    tools = palettes["tool"].unique()
    by_case = palettes.set_index(["picture", "colors", "tool"])

    losses = {"PSNR": "PSNR, dB", "mean delta-E": "mean delta-E (lower is better)"}
    quality = {}
    for column, head in losses.items():
        rows = []
        for photograph in photographs:
            for n_colors in all_colors:
                scores = [by_case[column][photograph, n_colors, x] for x in tools]
                cells = [round_half_up(score, 2) for score in scores]
                rows.append([photograph, n_colors, *cells])
        quality[column] = markdown_table([head, "colors", *tools], rows)

    most_colors = all_colors[-1]
    costs = []
    for tool in tools:
        cells = [tool]
        for photograph in photographs:
            row = by_case.loc[(photograph, most_colors, tool)]
            is_instant = row["seconds"] == "0.00"
            cells.append("below 0.01" if is_instant else row["seconds"])
            cells.append(f"{int(row['bytes']):,}")
        costs.append(cells)

    cost_heads = [""]
    for photograph in photographs:
        cost_heads += [f"{photograph}, s", f"{photograph}, bytes"]
    parts = [
        *quality.values(),
        f"With {most_colors} colors:",
        markdown_table(cost_heads, costs),
        measured_on(palettes.iloc[0]),
    ]
    return "\n\n".join(parts)


def original_table() -> str:
    """Return the table of the first version's whole work beside ours."""
    original = read_rows(ORIGINAL)
    heads = [
        "",
        "first version",
        "ours",
        "times faster",
        "results differ by at most",
    ]
    rows = []
    for _, row in original.iterrows():
        first = f"{row['original seconds']} s"
        ours = f"{row['our seconds']} s"
        difference = row["results differ by at most"]
        rows.append([row["part"], first, ours, row["ratio"], difference])
    return f"{markdown_table(heads, rows)}\n\n{measured_on(original.iloc[0])}"


RULES = {
    "elbow": "`elbow`",
    "chord": "chord",
    "kneed": "kneed",
    "silhouette": "silhouette",
    "Calinski-Harabasz": "Calinski-Harabasz",
    "Davies-Bouldin": "Davies-Bouldin",
    "prediction strength": "`prediction_strength`, 0.8 or more",
    "gap": "`gap_statistic`, the published rule",
    "relative, ward": '`select_cut(rule="relative")`, Ward',
    "relative, average": "the same, average linkage",
    "relative, complete": "the same, complete linkage",
    "relative, single": "the same, single linkage",
    "longest, ward": '`select_cut(rule="longest")`, Ward',
    "longest, average": "the same, average linkage",
    "longest, complete": "the same, complete linkage",
    "longest, single": "the same, single linkage",
}
"""The columns of validation.csv that hold answers, and what the page calls them."""


def validation_table() -> str:
    """Return how often each rule for k was right on data whose answer is known."""
    answers = pd.read_csv(VALIDATION)
    blobs = answers[answers["family"] == "blobs"]
    clouds = answers[answers["family"] == "clouds"]
    rows = []
    for rule, name in RULES.items():
        named = blobs[rule].notna()
        off_by = (blobs[rule] - blobs["k"]).abs()
        n_right = (off_by == 0).sum()
        counts = [
            n_right,
            (off_by <= 1).sum(),
            named.sum() - n_right,
            (~named).sum(),
            (clouds[rule] > 1).sum(),
        ]
        rows.append([name, *map(str, counts)])
    heads = [
        f"{len(blobs)} sets of blobs, {len(clouds)} clouds",
        "right",
        "within one",
        "wrong",
        "declined",
        "false claims",
    ]
    parts = [
        markdown_table(heads, rows),
        classes_table(answers),
        prediction_strength_table(),
    ]
    return "\n\n".join(parts)


def prediction_strength_table() -> str:
    """Return the prediction strength of the images beside that of clouds."""
    strengths = pd.read_csv(VALIDATION_IMAGES).set_index("k")
    clouds = strengths.drop(columns="images")
    rows = []
    for k, of_clouds in clouds.iterrows():
        rows.append(
            [
                f"k = {k}",
                f"{strengths['images'][k]:.2f}",
                f"{of_clouds.mean():.2f}",
                f"{of_clouds.min():.2f} to {of_clouds.max():.2f}",
            ]
        )
    heads = ["prediction strength", "10,000 images", "clouds, mean", "clouds, range"]
    return markdown_table(heads, rows)


def classes_table(answers: pd.DataFrame) -> str:
    """Return what each rule names on measured data, whose classes are no clusters."""
    classes = answers[answers["family"] == "classes"]
    rows = []
    for rule, name in RULES.items():
        named = ["-" if pd.isna(k) else f"{k:.0f}" for k in classes[rule]]
        rows.append([name, *named])
    data = classes["data"] + " (" + classes["k"].astype(str) + ")"
    return markdown_table(["data (classes)", *data], rows)


TABLES: dict[str, Callable[[], str]] = {
    "results": results_table,
    "speeds": speeds_table,
    "validation": validation_table,
    "benchmarks": benchmarks_table,
    "palettes": palettes_table,
    "original": original_table,
}
"""What makes each table."""

PAGES = {
    "artifacts/README.md": (
        "results",
        "speeds",
        "validation",
        "benchmarks",
        "palettes",
        "original",
    ),
}
"""Which tables stand on which page."""


def marks(name: str) -> tuple[str, str]:
    """Return the comments before and after a table."""
    return f"<!-- {name}: made by `make tables` -->", f"<!-- end of {name} -->"


def renewed(text: str) -> str:
    """Return a page on which every table between its two marks is made anew."""
    for name, make_table in TABLES.items():
        start, end = marks(name)
        if start in text:
            before, _, rest = text.partition(start)
            _, _, after = rest.partition(end)
            text = f"{before}{start}\n{make_table()}\n{end}{after}"
    return text


def renew_pages() -> None:
    """Renew the tables of both pages."""
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        path.write_text(renewed(text), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    renew_pages()
