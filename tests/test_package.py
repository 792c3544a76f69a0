"""What holds for every module: imports, public names, documentation, size, files."""

import ast
import importlib
import inspect
import io
import json
import logging
import os
import pkgutil
import re
import subprocess
import sys
import tokenize
import tomllib
import typing
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import matplotlib
import matplotlib.style
import pytest

import fmnist_clustering
from fmnist_clustering import plots

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "fmnist_clustering"
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}


def import_all_modules() -> dict[str, ModuleType]:
    """Return all modules by their names, those of subpackages among them."""
    found = pkgutil.walk_packages(fmnist_clustering.__path__, "fmnist_clustering.")
    names = ["fmnist_clustering", *(module.name for module in found)]
    return {name: importlib.import_module(name) for name in names}


MODULES = import_all_modules()


def public_names(kind: Callable[[object], bool]) -> dict[str, typing.Any]:
    """Return what modules define without a leading underscore."""
    found = {}
    for module_name, module in MODULES.items():
        for name, value in vars(module).items():
            is_defined_here = kind(value) and value.__module__ == module_name
            if is_defined_here and not name.startswith("_"):
                found[f"{module_name}.{name}"] = value
    return found


FUNCTIONS = public_names(inspect.isfunction)
CLASSES = public_names(inspect.isclass)
PROPERTIES = {
    f"{class_name}.{name}": value.fget
    for class_name, cls in CLASSES.items()
    for name, value in vars(cls).items()
    if isinstance(value, property)
}
each_function = pytest.mark.parametrize(
    "function",
    FUNCTIONS.values(),
    ids=FUNCTIONS.keys(),
)
each_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES.keys())


# Importing


def run_python(
    code: str,
    *arguments: str,
    cwd: Path,
) -> subprocess.CompletedProcess[str]:
    """Run code in a new process that has the package on its path."""
    # Not the whole environment: importing may have changed it in this process.
    needed = os.environ.keys() & {"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={name: os.environ[name] for name in needed} | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("fmnist_clustering", {"matplotlib", "IPython", "nbformat"}),
        ("fmnist_clustering.plots", {"matplotlib.pyplot", "IPython", "nbformat"}),
        (
            "fmnist_clustering.runner.execute",
            {"matplotlib", "IPython", "nbformat", "nbclient"},
        ),
    ],
)
def test_an_import_is_silent_and_loads_nothing_heavy(
    module: str,
    heavy: set[str],
    tmp_path: Path,
) -> None:
    code = f"import sys, {module}; print(*sys.modules.keys() & {heavy!r})"
    result = run_python(code, cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.split() == []
    assert result.stderr == ""


STATE = """
import importlib, json, os, random, signal, sys, warnings
{third_party_imports}
import matplotlib, numpy, pandas

def state():
    return {{
        "environment": dict(os.environ),
        "warnings": [str(entry) for entry in warnings.filters],
        "rcParams": dict(matplotlib.rcParams.copy()),
        "random": random.getstate(),
        "numpy.random": str(numpy.random.get_state(legacy=False)),
        "numpy errors": numpy.geterr(),
        "numpy print options": numpy.get_printoptions(),
        "pandas options": pandas.describe_option(_print_desc=False),
        "recursion": sys.getrecursionlimit(),
        "folder": os.getcwd(),
        "path": sys.path[:],
        "interrupt": signal.getsignal(signal.SIGINT),
    }}

changed = {{}}
for module in sys.argv[1:]:
    before = state()
    importlib.import_module(module)
    after = state()
    changed[module] = [name for name in before if before[name] != after[name]]
print(json.dumps(changed))
"""


def third_party_imports() -> str:
    """Return the statements by which the package imports other packages.

    Those change state themselves: scikit-learn sets environment variables, and SciPy
    adds a filter of warnings.
    """
    statements = set()
    for source in SOURCES.values():
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                statements.add(ast.unparse(node))
    return "\n".join(sorted(line for line in statements if "fmnist_" not in line))


@pytest.mark.slow
def test_an_import_changes_no_state_of_the_process(tmp_path: Path) -> None:
    code = STATE.format(third_party_imports=third_party_imports())
    result = run_python(code, *MODULES, cwd=tmp_path)
    assert result.stderr == ""
    assert json.loads(result.stdout) == {module: [] for module in MODULES}


@pytest.mark.slow
def test_an_import_leaves_no_file(tmp_path: Path) -> None:
    code = "; ".join(f"import {module}" for module in MODULES)
    assert run_python(code, cwd=tmp_path).returncode == 0
    assert not list(tmp_path.iterdir())


# Public names


@pytest.mark.parametrize("module", [fmnist_clustering, plots])
def test_all_is_complete(module: ModuleType) -> None:
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    ]
    assert sorted(module.__all__) == sorted(names)


def test_all_plot_functions_are_exported() -> None:
    defined = {name.rpartition(".")[2] for name in FUNCTIONS}
    drawing = {name for name in defined if name.startswith("plot_")}
    assert drawing == {name for name in plots.__all__ if name.startswith("plot_")}


def test_the_version_is_that_of_the_distribution() -> None:
    assert re.match(r"\d+\.\d+\.\d+", fmnist_clustering.__version__)
    settings = read_pyproject()
    assert "version" in settings["project"]["dynamic"]
    attribute = settings["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attribute == "fmnist_clustering.__version__"


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


@each_function
def test_docstring_explains_every_parameter(function: Callable[..., object]) -> None:
    explained = entries(sections(function).get("Parameters", ""))
    assert explained == list(inspect.signature(function).parameters)


@each_function
def test_docstring_explains_the_result(function: Callable[..., object]) -> None:
    result = sections(function).get("Returns") or sections(function).get("Yields")
    if inspect.signature(function).return_annotation is None:
        assert result is None
    else:
        assert re.match(r"\n\S.*\n    \S", result or "")


@each_function
def test_type_hints_are_complete(function: Callable[..., object]) -> None:
    annotated = set(function.__annotations__)
    assert annotated == {*inspect.signature(function).parameters, "return"}


@each_class
def test_a_class_is_explained(cls: type) -> None:
    assert vars(cls)["__doc__"]


@each_class
def test_docstring_explains_every_field(cls: type) -> None:
    fields = list(inspect.get_annotations(cls))
    assert entries(sections(cls).get("Attributes", "")) == fields


@pytest.mark.parametrize("getter", PROPERTIES.values(), ids=PROPERTIES.keys())
def test_a_property_is_explained(getter: Callable[..., object]) -> None:
    assert getter.__doc__
    assert "return" in typing.get_type_hints(getter)


# Size

MAX_BODY_LINES = 40
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines_of(first: ast.stmt, last: ast.stmt) -> set[int]:
    """Return the numbers of the lines from one statement to another."""
    assert last.end_lineno is not None
    return set(range(first.lineno, last.end_lineno + 1))


def is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code: no docstrings, no comments."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if is_docstring(node):
            lines -= lines_of(node, node)
    return lines


def body_sizes(source: str) -> dict[str, int]:
    """Return the number of lines of code below each ``def``, by name and line."""
    code = code_lines(source)
    sizes = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = lines_of(node.body[0], node.body[-1])
            sizes[f"{node.name}, line {node.lineno}"] = len(body & code)
    return sizes


SAMPLE = '''"""Module."""

A = """text
in code"""
"""About A."""


def f(
    x,  # first
):
    """Do.

    More.
    """
    # why
    y = [
        x,
    ]

    return y
'''


def test_lines_are_counted_without_documentation() -> None:
    assert code_lines(SAMPLE) == {3, 4, 8, 9, 10, 16, 17, 18, 20}
    assert body_sizes(SAMPLE) == {"f, line 8": 4}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_no_function_is_long(source: str) -> None:
    sizes = body_sizes(source)
    assert {name: size for name, size in sizes.items() if size > MAX_BODY_LINES} == {}


# Files


def read_pyproject() -> dict[str, typing.Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_style_applies_whole_and_leaves_no_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = (PACKAGE / "notebook.mplstyle").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    settings = dict(line.split(": ", 1) for line in lines)
    before = dict(matplotlib.rcParams.copy())
    with (
        caplog.at_level(logging.WARNING),
        matplotlib.style.context("fmnist_clustering.notebook"),
    ):
        applied = dict(matplotlib.rcParams.copy())
    assert not caplog.messages, "matplotlib only logs what it does not understand"
    assert before | dict(matplotlib.RcParams(settings)) == applied
    assert dict(matplotlib.rcParams.copy()) == before


def test_the_style_draws_and_saves_at_the_same_resolution() -> None:
    with matplotlib.style.context("fmnist_clustering.notebook"):
        assert matplotlib.rcParams["figure.dpi"] == 100
        assert matplotlib.rcParams["savefig.dpi"] == 100


def test_every_module_is_shipped() -> None:
    patterns = read_pyproject()["tool"]["setuptools"]["packages"]["find"]["include"]
    for path in PACKAGE.rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path
        package = ".".join(path.parent.relative_to(ROOT).parts)
        assert any(fnmatchcase(package, pattern) for pattern in patterns), package


def test_every_other_file_is_shipped() -> None:
    shipped = set()
    package_data = read_pyproject()["tool"]["setuptools"]["package-data"]
    for package, patterns in package_data.items():
        folder = ROOT / package.replace(".", "/")
        for pattern in patterns:
            shipped.update(folder.glob(pattern))
    present = {
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert {path.name for path in present} >= {"notebook.mplstyle", "py.typed"}
    assert present <= shipped
