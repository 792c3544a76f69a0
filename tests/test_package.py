import ast
import importlib
import inspect
import io
import json
import logging
import os
import re
import subprocess
import sys
import tokenize
import tomllib
import typing
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import matplotlib
import matplotlib.style
import pytest

import fmnist_clustering

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "fmnist_clustering"
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py")}
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").glob("*.py")}
MODULES = {
    stem: importlib.import_module(f"fmnist_clustering.{stem}") for stem in sorted(SOURCES) if not stem.startswith("__")
} | {stem: importlib.import_module(stem) for stem in sorted(SCRIPTS)}


def public(kind: Callable[[object], bool]) -> dict[str, typing.Any]:
    """Return what the modules define without a leading underscore."""
    return {
        f"{stem}.{name}": value
        for stem, module in MODULES.items()
        for name, value in vars(module).items()
        if kind(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


FUNCTIONS = public(inspect.isfunction)
CLASSES = public(inspect.isclass)
PROPERTIES = {
    f"{name}.{attribute}": value.fget
    for name, cls in CLASSES.items()
    for attribute, value in vars(cls).items()
    if isinstance(value, property)
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())


# Importing


def run(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Not all of os.environ: the package may have changed it when pytest imported it.
    kept = os.environ.keys() & {"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={name: os.environ[name] for name in kept}
        | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "notebooks")])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("fmnist_clustering", {"matplotlib", "IPython", "nbformat"}),
        ("fmnist_clustering.plots", {"matplotlib.pyplot", "IPython"}),
        ("runner", {"matplotlib", "IPython", "nbformat", "nbclient"}),
    ],
)
def test_import_is_silent_light_and_leaves_no_file(module: str, absent: set[str], tmp_path: Path) -> None:
    code = f"import sys, {module}; sys.exit(' '.join(sys.modules.keys() & {absent!r}) or None)"
    done = run(code, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert not [*tmp_path.iterdir()]


STATE = """
import importlib, json, os, random, signal, sys, warnings
{dependencies}
import matplotlib, numpy, pandas

def state():
    return {{
        "environment": dict(os.environ),
        "warnings": [str(entry) for entry in warnings.filters],
        "rcParams": dict(matplotlib.rcParams.copy()),
        "random": random.getstate(),
        "numpy.random": str(numpy.random.get_state(legacy=False)),
        "numpy errors": numpy.geterr(),
        "print options": (numpy.get_printoptions(), pandas.describe_option(_print_desc=False)),
        "recursion": sys.getrecursionlimit(),
        "path": (os.getcwd(), sys.path[:]),
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


def test_import_changes_no_state_of_the_process(tmp_path: Path) -> None:
    # What we import comes first: scikit-learn sets environment variables, SciPy adds a filter.
    statements = {
        ast.unparse(node)
        for source in [*SOURCES.values(), *SCRIPTS.values()]
        for node in ast.parse(source).body
        if isinstance(node, ast.Import | ast.ImportFrom) and not re.search("fmnist_|compare", ast.unparse(node))
    }
    modules = ["fmnist_clustering", *(module.__name__ for module in MODULES.values())]
    done = run(STATE.format(dependencies="\n".join(sorted(statements))), *modules, cwd=tmp_path)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {module: [] for module in modules}
    assert not [*tmp_path.iterdir()]


# Public names


def test_all_is_complete() -> None:
    names = [
        name
        for name, value in vars(fmnist_clustering).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    ]
    assert sorted(fmnist_clustering.__all__) == sorted(names)


def test_every_exported_name_is_defined_publicly_in_a_module() -> None:
    defined = {name.partition(".")[2] for name in [*FUNCTIONS, *CLASSES]}
    assert {*fmnist_clustering.__all__} - defined == {"CLASS_NAMES", "SAMPLES"}


def sections(documented: object) -> dict[str, str]:
    """Return the body of each numpydoc section by its title."""
    parts = re.split(r"^(\w+)\n-{3,}$", inspect.getdoc(documented) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> list[str]:
    """Return the names that a section explains: a line ``a, b : type``, then indented text."""
    lines = re.findall(r"^(\w[\w, ]*) : \S.*\n    \S", section, flags=re.MULTILINE)
    return [name for line in lines for name in line.split(", ")]


@every_function
def test_docstring_explains_every_parameter(function: Callable[..., object]) -> None:
    documented = entries(sections(function).get("Parameters", ""))
    assert documented == [*inspect.signature(function).parameters]


@every_function
def test_docstring_explains_the_result(function: Callable[..., object]) -> None:
    result = sections(function).get("Returns") or sections(function).get("Yields")
    if inspect.signature(function).return_annotation is None:
        assert result is None
    else:
        assert re.match(r"\n\S.*\n    \S", result or "")


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES.keys())
def test_docstring_explains_every_field(cls: type) -> None:
    fields = [*getattr(cls, "_fields", ())]
    assert vars(cls)["__doc__"]
    assert entries(sections(cls).get("Attributes", "")) == fields
    assert [*inspect.get_annotations(cls)] == fields


@pytest.mark.parametrize("getter", PROPERTIES.values(), ids=PROPERTIES.keys())
def test_property_is_explained(getter: Callable[..., object]) -> None:
    assert getter.__doc__
    assert "return" in typing.get_type_hints(getter)


@every_function
def test_type_hints_are_complete(function: Callable[..., object]) -> None:
    expected = {*inspect.signature(function).parameters, "return"}
    assert typing.get_type_hints(function).keys() == expected


# Size

MAX_CODE_LINES, MAX_BODY_LINES = 1300, 40
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def span(first: ast.stmt, last: ast.stmt) -> set[int]:
    return {*range(first.lineno, (last.end_lineno or last.lineno) + 1)}


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code, without docstrings and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = {
        number for token in tokens if token.type not in NO_CODE for number in range(token.start[0], token.end[0] + 1)
    }
    documentation = [node for node in ast.walk(ast.parse(source)) if is_docstring(node)]
    return code.difference(*(span(node, node) for node in documentation if isinstance(node, ast.Expr)))


def body_sizes(source: str) -> dict[str, int]:
    """Return the number of code lines below each ``def``."""
    code = code_lines(source)
    return {
        node.name: len(span(node.body[0], node.body[-1]) & code)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, DEFINITIONS)
    }


def test_lines_are_counted_without_documentation() -> None:
    source = '''"""Module."""

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
    assert code_lines(source) == {3, 4, 8, 9, 10, 16, 17, 18, 20}
    assert body_sizes(source) == {"f": 4}


def test_package_is_within_its_budget() -> None:
    assert sum(len(code_lines(source)) for source in SOURCES.values()) <= MAX_CODE_LINES


@pytest.mark.parametrize("stem", sorted(SOURCES | SCRIPTS))
def test_no_function_is_long(stem: str) -> None:
    sizes = body_sizes((SOURCES | SCRIPTS)[stem])
    assert {name: size for name, size in sizes.items() if size > MAX_BODY_LINES} == {}


# Dependencies: a module imports from the lines above its own only

LAYERS = [
    {"progress", "checks"},
    {"data", "distances"},
    {"kmeans"},
    {"hierarchy", "quantization", "selection", "agreement"},
    {"plots", "__init__"},
    {"notebook"},
    {"__main__"},
]
LAYER = {stem: depth for depth, stems in enumerate(LAYERS) for stem in stems}


def imported(stem: str) -> list[tuple[str, str]]:
    """Return (module, name) for all that a module imports, wherever in it."""
    found = []
    for node in ast.walk(ast.parse((SOURCES | SCRIPTS)[stem])):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found += [(str(node.module), alias.name) for alias in node.names]
    return found


def imported_modules(stem: str) -> set[str]:
    """Return the package's own modules that one of them imports."""
    own = [
        f"{module}.{name}.__init__".split(".")[1:]
        for module, name in imported(stem)
        if module.partition(".")[0] == "fmnist_clustering"
    ]
    return {next(part for part in [*parts, "__init__"] if part in SOURCES) for parts in own}


def test_every_module_has_a_layer() -> None:
    assert LAYER.keys() == SOURCES.keys()


@pytest.mark.parametrize("stem", sorted(SOURCES))
def test_imports_go_one_way(stem: str) -> None:
    assert {other for other in imported_modules(stem) if LAYER[other] >= LAYER[stem]} == set()


def test_imports_are_seen() -> None:
    assert imported_modules("agreement") == {"checks", "data"}
    assert imported_modules("runner") == {"data", "progress"}
    assert ("nbclient", "NotebookClient") in imported("runner"), "those in functions too"


def test_plots_and_notebook_know_numbers_not_fits() -> None:
    for module, name in imported("plots"):
        assert module.partition(".")[0] != "sklearn"
        if module.startswith("fmnist_clustering") and name != "checks":
            assert inspect.isclass(getattr(importlib.import_module(module), name)), name
    used = re.findall(r"\bhierarchy\.(\w+)\(", SOURCES["plots"])
    assert {*used} == {"dendrogram"}, "SciPy draws trees here and does not build them"
    assert imported_modules("notebook") == {"checks", "data", "progress"}


# Files


def test_style_applies_whole_and_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    lines = (PACKAGE / "notebook.mplstyle").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    before = dict(matplotlib.rcParams.copy())
    with caplog.at_level(logging.WARNING), matplotlib.style.context("fmnist_clustering.notebook"):
        applied = dict(matplotlib.rcParams.copy())
    assert not caplog.messages, "matplotlib only logs what it does not understand"
    assert before | dict(matplotlib.RcParams(settings)) == applied
    assert applied["savefig.dpi"] == applied["figure.dpi"] == 100, "pixel for pixel"
    assert dict(matplotlib.rcParams.copy()) == before


def test_every_file_of_the_package_is_shipped() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages = [path.parent.name for path in PACKAGE.rglob("__init__.py")]
    assert setuptools["packages"] == packages == ["fmnist_clustering"]
    shipped = {
        path.name for pattern in setuptools["package-data"]["fmnist_clustering"] for path in PACKAGE.glob(pattern)
    }
    present = {path.name for path in PACKAGE.iterdir() if path.is_file() and path.suffix != ".py"}
    assert shipped == present == {"notebook.mplstyle", "py.typed"}
