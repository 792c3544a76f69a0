"""Palettes beside those of scikit-learn, pngquant and Pillow: decibels, bytes and seconds.

Each run has a process of its own, and the best time of three counts. scikit-learn's decibels are the
best of six runs on all pixels, its seconds those of one. pngquant (a Debian package) is measured where it
is installed, as the command that it is: from PNG to PNG, with reading and writing. No tool dithers.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping

import pandas as pd

from tests.benchmarks.table import PALETTES
from tests.notebooks.reading import ROOT

RUNS = 3
HARNESS = """
import io, subprocess, time
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
from fmnist_clustering import apply_palette, indexed_png, load_image, psnr, quantize
image, k = load_image({picture!r}), {k}
pixels, shown = image.reshape(-1, 3).astype(float), Image.fromarray(image)
def png(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
def of_kmeans(seed):
    fit = KMeans(k, n_init=1, random_state=seed).fit(pixels)
    drawn = np.rint(fit.cluster_centers_).astype(np.uint8)[fit.labels_].reshape(image.shape)
    return drawn, np.rint(fit.cluster_centers_).astype(np.uint8)
source = png(shown)
start = time.perf_counter()
result = {code}
seconds = time.perf_counter() - start
{after}
print(seconds, psnr(image, drawn), size)
"""
PILLOW_AFTER = "drawn, size = np.asarray(result.convert('RGB')), len(png(result))"
TOOLS = {  # tool: (what is timed, what follows)
    "ours": ("quantize(image, k)", "drawn, size = result.image, len(indexed_png(result))"),
    "scikit-learn KMeans": (
        "of_kmeans(0)",
        """found = [result, *map(of_kmeans, range(1, 6))]
drawn, palette = max(found, key=lambda pair: psnr(image, pair[0]))
size = len(indexed_png(apply_palette(image, palette)))""",
    ),
    "pngquant": (
        "subprocess.run(['pngquant', '--speed', '1', '--nofs', str(k), '-'], input=source, capture_output=True).stdout",
        "drawn, size = np.asarray(Image.open(io.BytesIO(result)).convert('RGB')), len(result)",
    ),
    "Pillow median cut": ("shown.quantize(k, Image.Quantize.MEDIANCUT, dither=0)", PILLOW_AFTER),
    "Pillow max coverage": ("shown.quantize(k, Image.Quantize.MAXCOVERAGE, dither=0)", PILLOW_AFTER),
    "Pillow octree": ("shown.quantize(k, Image.Quantize.FASTOCTREE, dither=0)", PILLOW_AFTER),
}
PICTURES, COLORS = ("china", "flower"), (5, 10, 20, 50, 100)


def measure(picture: str, k: int, tool: str) -> dict[str, str]:
    """Return one row of the table."""
    code, after = TOOLS[tool]
    command = [sys.executable, "-c", HARNESS.format(picture=picture, k=k, code=code, after=after)]
    runs = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True) for _ in range(RUNS)]
    seconds, decibels, size = zip(*(run.stdout.split() for run in runs), strict=True)
    best = f"{min(map(float, seconds)):.2f}"
    found = {"PSNR": f"{float(decibels[0]):.3f}", "bytes": size[0], "seconds": best}
    return {"picture": picture, "colors": str(k), "tool": tool, **found}


def write(machine: Mapping[str, object]) -> None:
    """Measure every tool that is installed, print each row, and renew the CSV."""
    tools = [tool for tool in TOOLS if tool != "pngquant" or shutil.which("pngquant")]
    rows = []
    for picture in PICTURES:
        for k in COLORS:
            for tool in tools:
                rows.append(measure(picture, k, tool))
                print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    pd.DataFrame(rows).assign(**machine).to_csv(PALETTES, index=False, lineterminator="\n")
