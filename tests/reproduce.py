"""Do the notebooks print the same on other machines? ``make reproduce``

Executes the three notebooks four times, without the sections on all 70,000 images: with
OpenBLAS made to believe that it runs on older processors, and with other numbers of
threads. Then it compares all that is printed, and all numbers behind the figures.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

from tests.notebooks.reading import ROOT, code_cells, printed, read

MAX_SHOWN = 20
"""How many differences of two machines are printed."""


class Machine(NamedTuple):
    """A kernel of OpenBLAS, named after a processor, and a number of threads."""

    kernel: str
    n_threads: int

    def __str__(self) -> str:
        return f"{self.kernel}-{self.n_threads}"


MACHINES = (
    Machine("Haswell", 1),
    Machine("Haswell", 4),
    Machine("Sandybridge", 2),
    Machine("Prescott", 2),
)
OTHER_NAMES = {"Prescott": "Katmai"}
"""What OpenBLAS calls a kernel where it is not called as it was asked for."""

PRINT_KERNEL = """
import numpy
from threadpoolctl import threadpool_info
pools = threadpool_info()
print(*{pool["architecture"] for pool in pools if pool["internal_api"] == "openblas"})
"""


def environment(machine: Machine) -> dict[str, str]:
    """Return the environment variables of a run."""
    return os.environ | {
        "OMP_NUM_THREADS": str(machine.n_threads),
        "OPENBLAS_NUM_THREADS": str(machine.n_threads),
        "OPENBLAS_CORETYPE": machine.kernel,
    }


def check_kernel(machine: Machine) -> None:
    """Stop if OpenBLAS uses another kernel than it was asked for."""
    run = subprocess.run(
        [sys.executable, "-c", PRINT_KERNEL],
        env=environment(machine),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    kernel = run.stdout.strip()
    if kernel not in (machine.kernel, OTHER_NAMES.get(machine.kernel)):
        sys.exit(f"OpenBLAS: found {kernel or 'none'}, expected {machine.kernel}")


def execute(machine: Machine) -> dict[str, str]:
    """Run the notebooks; return what each prints, and each CSV file, by file name."""
    folder = ROOT / "build" / "reproduce" / str(machine)
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "fmnist_clustering", "run"]
    command += ["--set", "FULL_SCALE=False", "--output-dir", str(folder)]
    subprocess.run(
        command,
        cwd=ROOT,
        env=environment(machine),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    texts = {}
    for path in sorted(folder.glob("*.ipynb")):
        outputs = [printed(cell) for cell in code_cells(read(path))]
        texts[path.name] = "\n".join(outputs)
    for path in sorted((folder / "artifacts").glob("*.csv")):
        texts[path.name] = path.read_text(encoding="utf-8")
    return texts


def find_differences(first: dict[str, str], second: dict[str, str]) -> Iterator[str]:
    """Yield for each text that differs where it first does so."""
    for name in sorted(first.keys() ^ second.keys()):
        yield f"{name}: only one of the two has it"
    for name in sorted(first.keys() & second.keys()):
        lines = first[name].split("\n")
        other_lines = second[name].split("\n")
        pairs = zip(lines, other_lines, strict=False)
        for number, (line, other) in enumerate(pairs, start=1):
            if line != other:
                yield f"{name}, line {number}: {line.strip()!r} and {other.strip()!r}"
                break
        else:
            if len(lines) != len(other_lines):
                yield f"{name}: {len(lines)} and {len(other_lines)} lines"


def main() -> int:
    """Run the notebooks on each machine and compare; return 0 where nothing differs."""
    results = {}
    for machine in MACHINES:
        check_kernel(machine)
        print(f"{machine.kernel} with {machine.n_threads} threads", flush=True)
        results[machine] = execute(machine)

    reference, *others = MACHINES
    expected = results[reference]
    n_lines = sum(text.count("\n") for text in expected.values())
    n_differences = 0
    for machine in others:
        differences = list(find_differences(expected, results[machine]))
        n_differences += len(differences)
        compared = f"{len(expected)} files with {n_lines:,} lines"
        print(f"{reference} and {machine}: {compared}, {len(differences)} differ")
        for difference in differences[:MAX_SHOWN]:
            print(difference)
    return 1 if n_differences else 0


if __name__ == "__main__":
    sys.exit(main())
