"""What holds for the whole package: exports, documentation, shipped files."""

import inspect
import re
import subprocess
import sys
import tomllib
from types import ModuleType
from typing import Any

import pytest

import fmnist_clustering
from fmnist_clustering import plots
from tests.notebooks.reading import ROOT, tracked_files

PACKAGE = ROOT / "fmnist_clustering"

EXPORTED = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (fmnist_clustering, plots)
    for name in module.__all__
}
FUNCTIONS = {name: value for name, value in EXPORTED.items() if callable(value)}
CLASSES = [value for value in FUNCTIONS.values() if inspect.isclass(value)]


# Exports


@pytest.mark.parametrize("module", [fmnist_clustering, plots])
def test_all_is_complete(module: ModuleType) -> None:
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    ]
    assert sorted(module.__all__) == sorted(names)


@pytest.mark.slow
def test_an_import_is_silent_and_loads_no_plotting() -> None:
    code = (
        "import sys, fmnist_clustering; "
        "print(*sys.modules.keys() & {'matplotlib', 'IPython', 'nbformat'})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert (ended.stdout.strip(), ended.stderr) == ("", "")


# Documentation


def sections(documented: object) -> dict[str, str]:
    """Return the body of each numpydoc section by its title."""
    text = inspect.getdoc(documented) or ""
    parts = re.split(r"^(\w+)\n-{3,}$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> list[str]:
    """Return the names that a section explains.

    An entry is a line such as ``a, b : type``, followed by indented text.
    """
    lines = re.findall(r"^(\w[\w, ]*) : \S.*\n    \S", section, flags=re.MULTILINE)
    return [name for line in lines for name in line.split(", ")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_exported_name_is_explained(name: str) -> None:
    documented = FUNCTIONS[name]
    if documented in CLASSES:
        fields = list(inspect.get_annotations(documented))
        assert entries(sections(documented)["Attributes"]) == fields
        return
    signature = inspect.signature(documented)
    explained = entries(sections(documented).get("Parameters", ""))
    assert explained == list(signature.parameters)
    if signature.return_annotation is not None:
        assert re.match(r"\n\S.*\n    \S", sections(documented)["Returns"])


# Files


def read_pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_is_that_of_the_distribution() -> None:
    assert re.match(r"\d+\.\d+\.\d+", fmnist_clustering.__version__)
    attribute = read_pyproject()["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attribute == "fmnist_clustering.__version__"


def test_every_file_is_shipped() -> None:
    shipped = set(PACKAGE.rglob("*.py"))
    package_data = read_pyproject()["tool"]["setuptools"]["package-data"]
    for pattern in package_data["fmnist_clustering"]:
        shipped.update(PACKAGE.glob(pattern))
    present = {path for path in PACKAGE.rglob("*") if path.is_file()}
    assert [path for path in present - shipped if path.suffix != ".pyc"] == []
    for path in PACKAGE.rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path


def test_tracked_files_are_small_and_do_not_name_this_folder() -> None:
    for name in tracked_files():
        if name.startswith("data/"):
            continue
        content = (ROOT / name).read_bytes()
        assert len(content) < 2_000_000, name
        assert str(ROOT).encode() not in content, name
