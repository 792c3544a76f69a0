"""Palettes beside those of scikit-learn, pngquant and Pillow: loss, bytes and seconds.

Loss is PSNR, and the mean and 95th percentile of CIEDE2000 over the pixels.

Each run has a process of its own, and the best time of three counts. The PSNR of
scikit-learn is that of its best run of six on all pixels; its seconds are those of one
run. pngquant (a Debian package) is measured where it is installed, as the command that
it is: from PNG to PNG, so its time includes reading and writing. No tool dithers.
"""

import shutil
from typing import NamedTuple

import pandas as pd

from tests.benchmarks.machine import describe_machine, run_python
from tests.benchmarks.tables import PALETTES

RUNS = 3
PHOTOGRAPHS = ("china", "flower")
N_COLORS = (2, 5, 10, 20, 50, 75, 100)

HARNESS = """
import io, subprocess, time
import numpy as np
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from sklearn.cluster import KMeans
from fmnist_clustering import apply_palette, indexed_png, load_image, psnr, quantize

image = load_image({photograph!r})
k = {k}
pixels = image.reshape(-1, 3).astype(float)
original = Image.fromarray(image)

def png(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()

def fit_kmeans(seed):
    fit = KMeans(k, n_init=1, random_state=seed).fit(pixels)
    palette = np.rint(fit.cluster_centers_).astype(np.uint8)
    return palette[fit.labels_].reshape(image.shape), palette

def pngquant(source):
    command = ["pngquant", "--speed", "1", "--nofs", str(k), "-"]
    return subprocess.run(command, input=source, capture_output=True).stdout

original_png = png(original)
start = time.perf_counter()
result = {timed}
seconds = time.perf_counter() - start
{afterwards}
difference = deltaE_ciede2000(rgb2lab(image), rgb2lab(drawn))
percentile = np.percentile(difference, 95)
print(seconds, psnr(image, drawn), difference.mean(), percentile, size)
"""


class Tool(NamedTuple):
    """What is timed, and the code that turns its result into a picture and a size."""

    timed: str
    afterwards: str


def pillow(method: str) -> Tool:
    """Return one of Pillow's methods."""
    return Tool(
        f"original.quantize(k, Image.Quantize.{method}, dither=0)",
        "drawn = np.asarray(result.convert('RGB')); size = len(png(result))",
    )


TOOLS = {
    "ours": Tool(
        "quantize(image, k)",
        "drawn = result.image; size = len(indexed_png(result))",
    ),
    "scikit-learn KMeans": Tool(
        "fit_kmeans(0)",
        """
fits = [result] + [fit_kmeans(seed) for seed in range(1, 6)]
drawn, palette = max(fits, key=lambda fit: psnr(image, fit[0]))
size = len(indexed_png(apply_palette(image, palette)))
""",
    ),
    "pngquant": Tool(
        "pngquant(original_png)",
        """
drawn = np.asarray(Image.open(io.BytesIO(result)).convert("RGB"))
size = len(result)
""",
    ),
    "Pillow median cut": pillow("MEDIANCUT"),
    "Pillow max coverage": pillow("MAXCOVERAGE"),
    "Pillow octree": pillow("FASTOCTREE"),
}


def measure(photograph: str, k: int, name: str) -> dict[str, str]:
    """Return one row of the table."""
    tool = TOOLS[name]
    script = HARNESS.format(
        photograph=photograph,
        k=k,
        timed=tool.timed,
        afterwards=tool.afterwards,
    )
    runs = [run_python(script).split() for _ in range(RUNS)]
    _, decibels, mean, percentile, size = runs[0]  # these are the same in each run
    seconds = min(float(run_seconds) for run_seconds, *_ in runs)
    return {
        "picture": photograph,
        "colors": str(k),
        "tool": name,
        # With all digits, because rounding twice can change the last one.
        "PSNR": f"{float(decibels):.8g}",
        "mean delta-E": f"{float(mean):.8g}",
        "95th percentile": f"{float(percentile):.8g}",
        "bytes": size,
        "seconds": f"{seconds:.2f}",
    }


def main() -> None:
    """Measure every tool that is installed, print each row, and renew the CSV."""
    names = list(TOOLS)
    if shutil.which("pngquant") is None:
        names.remove("pngquant")
    rows = []
    for photograph in PHOTOGRAPHS:
        for k in N_COLORS:
            for name in names:
                row = measure(photograph, k, name)
                print("  ".join(f"{key} {text}" for key, text in row.items()))
                rows.append(row)
    machine = describe_machine("scikit-learn", "pillow")
    table = pd.DataFrame(rows).assign(**machine)
    table.to_csv(PALETTES, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
