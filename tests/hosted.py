"""Do the notebooks run with the versions that Colab brings? ``make hosted``

Makes an environment with the versions that Colab published for July 2026, installs the
project there with a plain ``pip install``, checks that this changed none of them, and
executes the three notebooks without what takes long. Kaggle's versions are close.

Colab ran on Python 3.12: that is taken where it is found, else this interpreter.
Nothing but the standard library is needed to start this.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "hosted"
PYTHON = FOLDER / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
RESULTS = FOLDER / "results"

# What we import, and what would be newer if it were left to pip.
VERSIONS = (
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "ipywidgets==7.7.1",
    "joblib==1.5.3",
    "jupyter-client==7.4.9",
    "matplotlib-inline==0.2.2",
    "matplotlib==3.10.0",
    "nbclient==0.10.4",
    "nbformat==5.10.4",
    "numpy==2.0.2",
    "pandas==2.2.2",
    "pillow==11.3.0",
    "pyparsing==3.3.2",
    "pyzmq==26.2.1",
    "scikit-image==0.25.2",
    "scikit-learn==1.6.1",
    "scipy==1.16.3",
    "threadpoolctl==3.6.0",
    "tornado==6.5.7",
    "tqdm==4.67.3",
    "traitlets==5.7.1",
)


def find_python() -> str:
    """Return the interpreter that is nearest to Colab's."""
    path = shutil.which("python3.12")
    if path is not None:
        probe = [path, "-c", "import ensurepip, venv"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return path
    return sys.executable


def pip(*arguments: str) -> str:
    """Run pip in the new environment and return what it prints."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return ran.stdout


def installed() -> set[str]:
    """Return what is installed, as lines ``name==version``, without the project."""
    lines = pip("list", "--format", "freeze").splitlines()
    return {line for line in lines if not line.startswith("fmnist")}


def copy_of_the_project() -> Path:
    """Return a folder to install from, as pip leaves files where it builds."""
    folder = FOLDER / "source"
    shutil.copytree(
        ROOT / "fmnist_clustering",
        folder / "fmnist_clustering",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def execute_notebooks() -> None:
    """Execute the three notebooks with the installed package."""
    RESULTS.mkdir()
    variables = os.environ | {"FMNIST_CLUSTERING_ARTIFACTS": str(RESULTS / "artifacts")}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        command = [str(PYTHON), "-m", "papermill", str(path), str(RESULTS / path.name)]
        command += ["--cwd", str(path.parent), "--no-progress-bar"]
        if "N_IMAGES =" in path.read_text(encoding="utf-8"):
            command += ["-p", "FULL_SCALE", "False", "-p", "N_IMAGES", "2000"]
        print(path.name, flush=True)
        # From another folder, so that the package in this one is not imported.
        subprocess.run(command, cwd=RESULTS, env=variables, check=True)


def warnings_shown() -> list[str]:
    """Return what the cells wrote to stderr: nothing, unless something is wrong."""
    texts = []
    for path in sorted(RESULTS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            outputs = cell.get("outputs", ())
            errors = [out["text"] for out in outputs if out.get("name") == "stderr"]
            texts += [f"{path.name}: {''.join(lines)}" for lines in errors]
    return texts


def main() -> int:
    """Install, compare, execute; 0 where all is well."""
    started = time.monotonic()
    python = find_python()
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(PYTHON.parents[1])], check=True)
    version = subprocess.run(
        [str(PYTHON), "--version"], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    print(f"{version.stdout.strip()} with {', '.join(VERSIONS)}", flush=True)
    pip("install", "--quiet", *VERSIONS, "papermill")

    before = installed()
    pip("install", "--quiet", str(copy_of_the_project()))
    changed = sorted(before ^ installed())
    if changed:
        print(f"error: pip install changed {', '.join(changed)}")
        return 1
    print("pip install changed none of them", flush=True)

    execute_notebooks()
    texts = warnings_shown()
    if texts:
        print("error: warnings in the notebooks\n" + "\n".join(texts))
        return 1
    print(f"three notebooks, no warning, {time.monotonic() - started:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
