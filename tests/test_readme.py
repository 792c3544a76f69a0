"""README.md and the other pages say what is there."""

import re
import shlex

import pytest

from tests.benchmarks.tables import PAGES, TABLES, marks, renewed
from tests.notebooks.reading import NOTEBOOKS, ROOT, headings, read, tracked_files

ALL_PAGES = ["README.md", "CONTRIBUTING.md", "artifacts/README.md", "data/README.md"]


def read_page(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


README = read_page("README.md")
CONTRIBUTING = read_page("CONTRIBUTING.md")


@pytest.mark.parametrize("page", ALL_PAGES)
def test_links_resolve(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", read_page(page)):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_figures_are_shown_with_alternative_texts() -> None:
    shown = re.findall(r"!\[([^\]]{20,})\]\(artifacts/([^)]+)\)", README)
    names = {name for _, name in shown}
    assert {"dataset.png", "elbow.png", "silhoutte.png", "dendogram.png"} <= names
    assert {"cluster-5.png", "cluster-10.png", "cluster-100.png"} <= names
    assert README.count("![") == len(shown)


# Commands


@pytest.mark.slow
def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"```python\n(.+?)```", README, re.DOTALL)
    assert code
    exec(code[1], {})
    assert capsys.readouterr().out.startswith("Elbow(k=")


def test_commands_name_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*  ## ", makefile, re.MULTILINE))
    for page in ALL_PAGES:
        in_prose = re.findall(r"`make ([a-z-]+)`", read_page(page))
        in_blocks = re.findall(r"^make ([a-z-]+)", read_page(page), re.MULTILINE)
        assert {*in_prose, *in_blocks} <= targets, page


def test_papermill_is_given_notebooks_and_parameters_that_exist() -> None:
    cells = {path.relative_to(ROOT).as_posix(): read(path).cells for path in NOTEBOOKS}
    commands = re.findall(r"^.*-m papermill .+", README, re.MULTILINE)
    assert commands
    for command in commands:
        words = shlex.split(command)
        notebook = words[words.index("papermill") + 1]
        (parameters,) = [
            cell.source
            for cell in cells[notebook]
            if "parameters" in cell.metadata.get("tags", [])
        ]
        names = re.findall(r"-p (\w+) |-y \"(\w+): ", command)
        assert names
        for name in ("".join(pair) for pair in names):
            assert re.search(rf"(?m)^{name} = ", parameters), name


# Layout


def layout() -> str:
    block = re.search(r"## Layout\n\n```\n(.+?)```", CONTRIBUTING, re.DOTALL)
    assert block
    return block[1]


def test_the_layout_is_that_of_the_folder() -> None:
    tracked = [name for name in tracked_files() if not name.startswith(".")]
    top = {re.sub(r"/.*", "/", name) for name in tracked}
    assert set(re.findall(r"^(\S+)", layout(), re.MULTILINE)) == top


def test_the_layout_lists_the_modules() -> None:
    folder = ROOT / "fmnist_clustering"
    listed = set(re.findall(r"^    (\S+)", layout(), re.MULTILINE))
    assert [name for name in listed if not (folder / name).exists()] == []
    modules = {path.name for path in folder.glob("*.py")}
    assert modules - listed == {"__init__.py", "__main__.py"}


# Tables and artifacts


@pytest.mark.parametrize("page", PAGES)
def test_tables_are_those_of_the_artifacts(page: str) -> None:
    text = read_page(page)
    assert tuple(name for name in TABLES if marks(name)[0] in text) == PAGES[page]
    assert renewed(text) == text, "run `make tables`"


def test_every_artifact_is_explained_and_every_explained_one_exists() -> None:
    page = read_page("artifacts/README.md")
    # A link in a table: one in the text explains nothing.
    explained = re.findall(r"^\| \[(\S+)\]\(\1\) \|", page, re.MULTILINE)
    explained += re.findall(r" \| \[(\S+)\]\(\1\): ", page)
    there = [path.name for path in (ROOT / "artifacts").glob("[!.]*")]
    there.remove("README.md")
    assert sorted(explained) == sorted(there)
