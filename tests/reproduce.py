"""Do the notebooks print the same on other machines? ``python -m tests.reproduce``

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

from fmnist_clustering.notebook import ARTIFACTS_VARIABLE
from tests.notebooks.reading import NOTEBOOKS, ROOT, code_cells, printed, read


class Machine(NamedTuple):
    """A kernel of OpenBLAS, named after a processor, and a number of threads."""

    kernel: str
    n_threads: int


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
        "OMP_WAIT_POLICY": "passive",
        "PYTHONPATH": str(ROOT),
    }


def check_kernel(machine: Machine) -> None:
    """Stop if OpenBLAS uses another kernel than it was asked for."""
    command = [sys.executable, "-c", PRINT_KERNEL]
    printed_names = subprocess.check_output(
        command, env=environment(machine), text=True
    )
    kernel = printed_names.strip()
    if kernel not in (machine.kernel, OTHER_NAMES.get(machine.kernel)):
        sys.exit(f"OpenBLAS: found {kernel or 'none'}, expected {machine.kernel}")


def execute(machine: Machine) -> dict[str, str]:
    """Run the notebooks; return what each prints, and each CSV file, by file name."""
    folder = ROOT / "build" / "reproduce" / f"{machine.kernel}-{machine.n_threads}"
    shutil.rmtree(folder, ignore_errors=True)
    artifacts = folder / "artifacts"
    artifacts.mkdir(parents=True)
    variables = environment(machine) | {ARTIFACTS_VARIABLE: str(artifacts)}
    texts = {}
    for path in NOTEBOOKS:
        executed = folder / path.name
        command = [sys.executable, "-m", "papermill", str(path), str(executed)]
        command += ["--cwd", str(path.parent), "--no-progress-bar"]
        if "FULL_SCALE =" in path.read_text(encoding="utf-8"):
            command += ["-p", "FULL_SCALE", "False"]
        subprocess.run(command, env=variables, check=True)
        cells = code_cells(read(executed))
        texts[path.name] = "\n".join(printed(cell) for cell in cells)
    for path in artifacts.glob("*.csv"):
        texts[path.name] = path.read_text(encoding="utf-8")
    return texts


def find_differences(first: dict[str, str], second: dict[str, str]) -> Iterator[str]:
    """Yield for each text that differs where it first does so."""
    for name in sorted(first.keys() | second.keys()):
        lines = first.get(name, "no such file").split("\n")
        other_lines = second.get(name, "no such file").split("\n")
        if lines == other_lines:
            continue
        pairs = zip(lines, other_lines, strict=False)
        for number, (line, other) in enumerate(pairs, start=1):
            if line != other:
                yield f"{name}, line {number}: {line.strip()!r} and {other.strip()!r}"
                break
        else:
            yield f"{name}: {len(lines)} and {len(other_lines)} lines"


def main() -> int:
    """Run the notebooks on each machine and compare; return 0 where nothing differs."""
    expected: dict[str, str] = {}
    n_differences = 0
    for machine in MACHINES:
        check_kernel(machine)
        print(f"{machine.kernel} with {machine.n_threads} threads", flush=True)
        found = execute(machine)
        expected = expected or found
        differences = list(find_differences(expected, found))
        n_differences += len(differences)
        print(f"{len(found)} files, {len(differences)} differ", *differences, sep="\n")
    return 1 if n_differences else 0


if __name__ == "__main__":
    sys.exit(main())
