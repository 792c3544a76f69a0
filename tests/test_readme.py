import re

import pytest

from tests.benchmarks.table import TABLES, marks, renewed
from tests.notebooks.reading import ROOT

PAGES = ["README.md", "data/README.md"]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_resolve(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", text) if not t.startswith("https://")]
    missing = [target for target in targets if not ((ROOT / page).parent / target).exists()]
    assert missing == []


def test_figures_of_the_original_are_shown_with_alt_text() -> None:
    shown = dict(re.findall(r"!\[([^\]]{20,})\]\(artifacts/([^)]+)\)", README))
    names = {"dataset", "elbow", "silhoutte", "dendogram", "cluster-5", "cluster-10", "cluster-100"}
    assert {f"{name}.png" for name in names} <= set(shown.values())
    assert README.count("![") == len(shown)


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"```python\n(.+?)```", README, re.DOTALL)
    assert code
    assert len([line for line in code[1].splitlines() if line]) <= 5
    exec(code[1], {})
    assert capsys.readouterr().out.startswith("Elbow(k=")


def test_layout_is_the_tree() -> None:
    block = re.search(r"## Layout\n\n```\n(.+?)```", README, re.DOTALL)
    assert block
    listed = {name.rstrip("/") for name in re.findall(r"^(\S+)", block[1], re.MULTILINE)}
    made = {"build", "dist"}  # ignored by git, as are hidden files and what pip leaves
    there = {path.name for path in ROOT.iterdir() if path.name[0] != "." and path.suffix != ".egg-info"}
    assert listed == there - made - {"__pycache__"}


def test_layout_lists_the_modules() -> None:
    block = re.search(r"the package: (.+?)\ndata/", README, re.DOTALL)
    assert block
    listed = set(re.findall(r"\w+", block[1])) - {"and", "for", "notebooks"}
    assert listed == {path.stem for path in (ROOT / "fmnist_clustering").glob("[!_]*.py")}


def test_commands_name_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {*re.findall(r"`make ([a-z-]+)`", README), *re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)} <= targets


def test_tables_are_those_of_the_artifacts() -> None:
    assert all(README.count(mark) == 1 for name in TABLES for mark in marks(name))
    assert renewed(README) == README
