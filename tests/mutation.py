"""Would the tests notice? ``make mutation``

Draws changes of single operators and numbers in three modules, by a seed, puts each into a copy of the
project, and runs the unit tests of the module there. A change that no test notices survives, and is printed.
"""

import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.notebooks.reading import ROOT

SEED, N_MUTANTS, TIMEOUT = 0, 40, 600
TESTS = {
    "distances": ["test_distances", "test_selection", "test_hierarchy", "test_properties"],
    "hierarchy": ["test_hierarchy", "test_bad_input", "test_properties"],
    "selection": ["test_selection", "test_criteria", "test_bad_input", "test_properties"],
}
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


class Mutant(NamedTuple):
    """A changed module."""

    module: str
    line: int
    before: str
    after: str
    source: str


def changed(node: ast.AST) -> ast.AST | None:
    """Return a node that does something else, or None where there is nothing to change."""
    new = copy.deepcopy(node)
    if isinstance(new, ast.BinOp | ast.BoolOp) and type(new.op) in SWAPS:
        new.op = SWAPS[type(new.op)]()  # type: ignore[assignment]
    elif isinstance(new, ast.Compare) and type(new.ops[0]) in SWAPS:
        new.ops[0] = SWAPS[type(new.ops[0])]()  # type: ignore[call-overload]
    elif isinstance(new, ast.Constant) and type(new.value) in (int, float):
        new.value = new.value + 1  # type: ignore[operator]
    elif isinstance(new, ast.UnaryOp) and isinstance(new.op, ast.Not | ast.USub):
        return new.operand
    else:
        return None
    return new


def mutants(module: str) -> list[Mutant]:
    """Return every mutant of a module, those in annotations and in what errors say left out."""
    source = (ROOT / "fmnist_clustering" / f"{module}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = [node.exc] if isinstance(node, ast.Raise) else []
        if isinstance(node, ast.FunctionDef):
            parts += [node.returns, *(argument.annotation for argument in node.args.args + node.args.kwonlyargs)]
        if isinstance(node, ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.JoinedStr):
            parts.append(node)
        skipped |= {id(inner) for part in parts if part is not None for inner in ast.walk(part)}
    found = []
    for node in ast.walk(tree):
        new = changed(node) if id(node) not in skipped else None
        if new is not None and isinstance(node, ast.expr):
            text = ast.unparse(replaced(tree, node, new))
            found.append(Mutant(module, node.lineno, ast.unparse(node), ast.unparse(new), text))
    return found


def replaced(tree: ast.Module, old: ast.AST, new: ast.AST) -> ast.Module:
    """Return a tree in which one node is another; the given tree stays as it is."""
    memo = {id(old): new}
    return copy.deepcopy(tree, memo)


def killed(mutant: Mutant) -> bool:
    """Return whether a test fails, or does not end."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("fmnist_clustering", "tests", "notebooks", "artifacts"):
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
        (place / "data").symlink_to(ROOT / "data")
        for name in ("pyproject.toml", "conftest.py", "README.md"):
            shutil.copy(ROOT / name, place / name)
        (place / "fmnist_clustering" / f"{mutant.module}.py").write_text(mutant.source, encoding="utf-8")
        tests = [f"tests/{name}.py" for name in TESTS[mutant.module]]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        command += ["-k", "not damaged and not reads_back"]  # of files, which these modules do not read
        try:
            run = subprocess.run(command, cwd=place, capture_output=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return True
        return run.returncode != 0  # a crash tells as much as a failed test


def main() -> int:
    """Print each mutant with its fate, and the share that was killed; 0 where that is nine tenths."""
    pool = [mutant for module in TESTS for mutant in mutants(module)]
    drawn = random.Random(SEED).sample(pool, N_MUTANTS)
    print(f"{len(pool)} mutants of {', '.join(TESTS)}; {N_MUTANTS} drawn with seed {SEED}", flush=True)
    with ThreadPoolExecutor(2) as workers:
        fates = []
        for mutant, dead in zip(drawn, workers.map(killed, drawn), strict=True):
            fates.append(dead)
            fate = "killed  " if dead else "SURVIVED"
            print(f"{fate} {mutant.module}.py:{mutant.line}: {mutant.before}  ->  {mutant.after}", flush=True)
    print(f"{sum(fates)} of {len(fates)} killed, {sum(fates) / len(fates):.0%}")
    return int(sum(fates) < 0.9 * len(fates))


if __name__ == "__main__":
    sys.exit(main())
