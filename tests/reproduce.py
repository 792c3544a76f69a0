"""Do the notebooks print the same on other machines? ``make reproduce``

Executes the three notebooks, without what takes long, four times: with OpenBLAS made to believe that it runs on
older processors, and with other numbers of threads. Says which kernel was in force, and compares all that is
printed and all numbers behind the figures.
"""

import os
import shutil
import subprocess
import sys

from tests.notebooks.reading import ROOT, code_cells, printed, read

RUNS = (("Haswell", 1), ("Haswell", 4), ("Sandybridge", 2), ("Prescott", 2))
NAMES = {"Prescott": "Katmai"}  # the first name of the same kernel
IN_FORCE = """
import numpy
from threadpoolctl import threadpool_info
print(*{pool["architecture"] for pool in threadpool_info() if pool["internal_api"] == "openblas"})
"""


def environment(kernel: str, threads: int) -> dict[str, str]:
    """Return the environment of a run."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return os.environ | limits | {"OPENBLAS_CORETYPE": kernel}


def execute(kernel: str, threads: int) -> dict[str, str]:
    """Return what the notebooks printed, and the numbers of their artifacts, by name."""
    env, folder = environment(kernel, threads), ROOT / "build" / "reproduce" / f"{kernel}-{threads}"
    found = subprocess.run([sys.executable, "-c", IN_FORCE], env=env, check=True, capture_output=True, text=True)
    in_force = found.stdout.strip()
    if in_force not in (kernel, NAMES.get(kernel)):
        sys.exit(f"error: asked OpenBLAS for {kernel}, found {in_force or 'another BLAS'}")
    print(f"{kernel} with {threads} threads: in force", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "fmnist_clustering",
        "run",
        "--set",
        "FULL_SCALE=False",
        "--output-dir",
        str(folder),
    ]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    texts = {path.name: "\n".join(map(printed, code_cells(read(path)))) for path in sorted(folder.glob("*.ipynb"))}
    return texts | {path.name: path.read_text() for path in sorted((folder / "artifacts").glob("*.csv"))}


def differences(first: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return what differs, a line each."""
    if first.keys() != other.keys():
        return [f"files: {first.keys() ^ other.keys()}"]
    found = []
    for name, text in first.items():
        for line, (a, b) in enumerate(zip(text.split("\n"), other[name].split("\n"), strict=False), start=1):
            if a != b:
                found.append(f"{name}, line {line}: {a.strip()!r} and {b.strip()!r}")
                break
        else:
            if text != other[name]:
                found.append(f"{name}: not of one length")
    return found


def main() -> int:
    """Run and compare; 0 where nothing differs."""
    results = {f"{kernel}-{threads}": execute(kernel, threads) for kernel, threads in RUNS}
    (name, first), *others = results.items()
    n_lines = sum(text.count("\n") for text in first.values())
    failed = False
    for other_name, other in others:
        found = differences(first, other)
        failed |= bool(found)
        print(f"{name} and {other_name}: {len(first)} files, {n_lines:,} lines, {len(found)} files differ")
        print("\n".join(found[:20]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
