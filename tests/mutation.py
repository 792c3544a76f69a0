"""Would the tests notice? ``make mutation``

Makes small changes in the modules that compute something, one at a time: another
operator, another number, ``max`` for ``min``. Each changed module is put into a copy of
the project, and its tests run there. A change that no test notices survives, and is
listed. 60 changes are drawn by a fixed seed, evenly over the modules.

``python -m tests.mutation kmeans color`` draws the changes of these two modules only.
"""

import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.notebooks.reading import ROOT

SEED = 0
N_MUTANTS = 60
N_WORKERS = 2
LEAST_SHARE_KILLED = 0.9

TESTS = {
    "distances": ["test_distances", "test_silhouette", "test_hierarchy"],
    "kmeans": ["test_kmeans"],
    "_search": ["test_kmeans", "test_search"],
    "_lloyd": ["test_lloyd", "test_kmeans"],
    "silhouette": ["test_silhouette"],
    "selection": ["test_selection", "test_selection_scores"],
    "sweep": ["test_sweep"],
    "hierarchy": ["test_hierarchy"],
    "_ward": ["test_ward"],
    "quantization": ["test_quantization"],
    "color": ["test_color"],
    "labels": ["test_labels"],
    "images": ["test_images"],
    "_resources": ["test_resources"],
    "_threads": ["test_threads"],
    "_validation": ["test_validation"],
    "plots/clusters": ["plots/test_clusters"],
    "plots/images": ["plots/test_images"],
    "plots/palettes": ["plots/test_palettes"],
    "plots/plane": ["plots/test_plane"],
    "plots/tanglegram": ["plots/test_tanglegram"],
    "plots/trees": ["plots/test_trees"],
    "explore": ["test_explore"],
    "notebook": ["test_notebook"],
    "runner/clean": ["test_clean"],
    "runner/compare": ["test_compare"],
}
"""The tests of each module that computes something."""

TESTS_OF_ALL = ["test_bad_input", "test_properties"]
"""These take longer, so only the mutants that are left meet them."""

SPEED_ONLY = {
    "BLOCK_ROWS",
    "BLOCK_VALUES",
    "FEW_CLUSTERS",
    "LARGEST_SHARE_BY_PAIRS",
    "MANY_SURVIVORS",
    "MAX_DIFFERENCES",
    "MAX_SWAPPED",
    "N_CANDIDATES",
    "PAIR_ROWS",
    "TILE_ROWS",
    "is_quick",
    "n_jobs",
}
"""These variables change nothing but time and memory, so no test can see them."""

SPEED_ONLY_ARGUMENTS = {"assume_unique", "copy", "n_jobs"}
"""The same for arguments by name."""

GUARDS = {"strict"}
"""Arguments that make wrong code stop, and change nothing in right code."""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

NAME_SWAPS = {
    "min": "max",
    "max": "min",
    "argmin": "argmax",
    "argmax": "argmin",
    "minimum": "maximum",
    "maximum": "minimum",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
}


class Mutant(NamedTuple):
    """A changed module.

    Attributes
    ----------
    module : str
        A name of `TESTS`.
    line : int
        Where the change is.
    code : str
        The whole line there.
    before, after : str
        The changed piece of code.
    source : str
        The whole changed module.
    """

    module: str
    line: int
    code: str
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        place = f"{self.module}.py:{self.line}"
        return f"{place}: {self.code}    [{self.before}  ->  {self.after}]"


def change(node: ast.AST) -> ast.AST | None:
    """Return a copy of a node that does something else, or None."""
    new = copy.deepcopy(node)
    match new:
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(new.op) in SWAPS:
            new.op = SWAPS[type(new.op)]()  # type: ignore[assignment]
        case ast.Compare() if type(new.ops[0]) in SWAPS:
            new.ops[0] = SWAPS[type(new.ops[0])]()  # type: ignore[call-overload]
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            return new.operand
        case ast.Constant(value=bool()):
            new.value = not new.value
        case ast.Constant(value=(int() | float()) as number):
            # 0 and 1 for each other: the other axis is a better test than a third one.
            new.value = 1 - number if number in (0, 1) else number + 1
        case ast.Attribute() if new.attr in NAME_SWAPS:
            new.attr = NAME_SWAPS[new.attr]
        case ast.Name() if new.id in NAME_SWAPS:
            new.id = NAME_SWAPS[new.id]
        case _:
            return None
    return new


def left_out(node: ast.AST) -> list[ast.AST | None]:
    """Return the parts of a node that are not changed.

    These are annotations, what errors say, how axes are drawn on (a matter of taste),
    and what changes nothing but time and memory.
    """
    match node:
        case ast.Raise():
            return [node.exc]
        case ast.JoinedStr():
            return [node]
        case ast.FunctionDef():
            arguments = node.args.args + node.args.kwonlyargs
            draws = any(argument.arg in ("ax", "axes") for argument in arguments)
            annotations = [argument.annotation for argument in arguments]
            return [node] if draws else [node.returns, *annotations]
        case ast.AnnAssign():
            return [node.annotation]
        case ast.Assign(targets=[ast.Name(id=name)]) if name in SPEED_ONLY:
            return [node]
        case ast.Call(func=ast.Name(id="Parallel")):
            return [node]
        case ast.keyword(arg=str(name)) if name in SPEED_ONLY_ARGUMENTS | GUARDS:
            return [node]
    return []


def find_mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    path = ROOT / "fmnist_clustering" / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    tree = ast.parse(text)
    if module.startswith("plots/"):
        # Sizes and colors at the top of a module are a matter of taste, too.
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        candidates = [node for function in functions for node in ast.walk(function)]
    else:
        candidates = list(ast.walk(tree))

    untouched: set[ast.AST] = set()
    for node in candidates:
        for part in left_out(node):
            if part is not None:
                untouched.update(ast.walk(part))
    for node in candidates:
        new = None if node in untouched else change(node)
        if new is not None and isinstance(node, ast.expr | ast.stmt):
            # The second argument is what deepcopy believes that it has copied already.
            changed_tree = copy.deepcopy(tree, {id(node): new})
            yield Mutant(
                module,
                node.lineno,
                lines[node.lineno - 1].strip(),
                ast.unparse(node),
                ast.unparse(new),
                ast.unparse(changed_tree),
            )


def draw_mutants(modules: list[str]) -> list[Mutant]:
    """Draw mutants of some modules, from each as many as if all were drawn."""
    share, rest = divmod(N_MUTANTS, len(TESTS))
    drawn = []
    for i, module in enumerate(TESTS):
        if module in modules:
            mutants = list(find_mutants(module))
            n_drawn = share + 1 if i < rest else share
            # A generator for each module: a change in one moves no draw in another.
            rng = random.Random(f"{SEED} {module}")
            drawn += rng.sample(mutants, n_drawn)
            print(f"{module}.py: {n_drawn} of {len(mutants)} mutants", flush=True)
    return drawn


def copy_project(folder: Path) -> None:
    """Copy what the tests need; what they only read is linked."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("fmnist_clustering", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("artifacts", "data", "notebooks"):
        (folder / name).symlink_to(ROOT / name)


def pass_tests(folder: Path, tests: list[str], *options: str, limit: float) -> bool:
    """Return whether all tests pass in a copy of the project, within some seconds.

    A crash or a hang tells as much as a failure.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += [*options, *(f"tests/{test}.py" for test in tests)]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    if run.returncode in (4, 5):  # pytest got no such file, or found no test
        sys.exit(f"{' '.join(tests)}: found no test to run\n{run.stdout}{run.stderr}")
    return run.returncode == 0


def survives(mutant: Mutant, limit: float) -> bool:
    """Return whether all tests pass with a mutant."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        path = folder / "fmnist_clustering" / f"{mutant.module}.py"
        path.write_text(mutant.source, encoding="utf-8")
        tests = TESTS[mutant.module]
        # Most mutants end here, with the quick tests of their module.
        if not pass_tests(folder, tests, "-m", "not slow", limit=limit):
            return False
        return pass_tests(folder, [*tests, *TESTS_OF_ALL], limit=limit)


def time_limit(modules: list[str]) -> float:
    """Return after how many seconds tests count as hanging; stop if they fail as is."""
    tests = [test for module in modules for test in TESTS[module]]
    all_tests = list(dict.fromkeys([*tests, *TESTS_OF_ALL]))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        if not pass_tests(folder, all_tests, limit=3600):
            sys.exit("the tests fail without any change: see `make unit`")
    seconds = time.monotonic() - start
    print(f"without any change all tests pass, in {seconds:.0f} s", flush=True)
    # The tests of one module are fewer, but two mutants run at a time.
    return 60 + 2 * seconds


def main() -> int:
    """Print the fate of each mutant; return 0 where nine tenths were killed."""
    modules = sys.argv[1:] or list(TESTS)
    unknown = set(modules) - TESTS.keys()
    if unknown:
        sys.exit(f"modules: found {', '.join(unknown)}, expected {', '.join(TESTS)}")
    mutants = draw_mutants(modules)
    limit = time_limit(modules)

    survivors = []
    with ThreadPoolExecutor(N_WORKERS) as workers:
        fates = workers.map(lambda mutant: survives(mutant, limit), mutants)
        for mutant, has_survived in zip(mutants, fates, strict=True):
            print("SURVIVED" if has_survived else "killed  ", mutant, flush=True)
            if has_survived:
                survivors.append(mutant)

    n_killed = len(mutants) - len(survivors)
    share = n_killed / len(mutants)
    print(f"\n{n_killed} of {len(mutants)} killed, {share:.0%}; survivors by module:")
    for module, count in Counter(mutant.module for mutant in survivors).items():
        print(f"  {module}.py: {count}")
    for mutant in survivors:
        print(" ", mutant)
    return 0 if share >= LEAST_SHARE_KILLED else 1


if __name__ == "__main__":
    sys.exit(main())
