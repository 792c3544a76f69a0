"""README.md and the pages of artifacts/ and data/ say what is there."""

import re
import shutil
import subprocess

import pytest

from fmnist_clustering.runner.clean import before_saving
from tests.benchmarks.tables import PAGES, TABLES, marks, renewed
from tests.notebooks.reading import ROOT

ALL_PAGES = ["README.md", "CONTRIBUTING.md", "artifacts/README.md", "data/README.md"]


def read_page(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


README = read_page("README.md")
CONTRIBUTING = read_page("CONTRIBUTING.md")
ARTIFACTS = read_page("artifacts/README.md")


@pytest.fixture
def tracked_files() -> list[str]:
    """Return the files that git knows: what else lies around is nobody's business."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    command = ["git", "ls-files", "-z"]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    names = run.stdout.decode("utf-8").split("\0")
    return [name for name in names if (ROOT / name).is_file()]


def layout_block() -> str:
    block = re.search(r"## Layout\n\n```\n(.+?)```", CONTRIBUTING, re.DOTALL)
    assert block
    return block[1]


@pytest.mark.parametrize("page", ALL_PAGES)
def test_relative_links_resolve(page: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", read_page(page))
    folder = (ROOT / page).parent
    missing = []
    for link in links:
        target, _, _ = link.partition("#")
        if not link.startswith("https://") and not (folder / target).exists():
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("page", ALL_PAGES)
def test_links_to_headings_resolve(page: str) -> None:
    folder = (ROOT / page).parent
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", read_page(page)):
        linked = folder / target if target else ROOT / page
        text = linked.read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)", text, re.MULTILINE)
        assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_figures_of_the_original_are_shown_with_alt_text() -> None:
    shown = re.findall(r"!\[([^\]]{20,})\]\(artifacts/([^)]+)\)", README)
    names = {name for _, name in shown}
    assert {"dataset.png", "elbow.png", "silhoutte.png", "dendogram.png"} <= names
    assert {"cluster-5.png", "cluster-10.png", "cluster-100.png"} <= names
    assert README.count("![") == len(shown)


@pytest.mark.slow
def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"```python\n(.+?)```", README, re.DOTALL)
    assert code
    assert len([line for line in code[1].splitlines() if line]) <= 5
    exec(code[1], {})
    assert capsys.readouterr().out.startswith("Elbow(k=")


def test_the_front_page_is_short() -> None:
    assert len(README.splitlines()) < 150


# Layout


def test_layout_is_the_tree(tracked_files: list[str]) -> None:
    listed = set(re.findall(r"^(\S+)", layout_block(), re.MULTILINE))
    there = set()
    for name in tracked_files:
        top, slash, _ = name.partition("/")
        if not top.startswith("."):
            there.add(top + slash)
    assert listed == there


def test_layout_lists_the_modules(tracked_files: list[str]) -> None:
    listed = set(re.findall(r"^    (\S+)", layout_block(), re.MULTILINE))
    there = set()
    for name in tracked_files:
        match = re.match(r"fmnist_clustering/(\w+(?:/|\.py$))", name)
        if match:
            there.add(match[1])
    # __main__ has a name of Python's, and starts the runner.
    assert listed == there - {"__init__.py", "__main__.py"}


def test_commands_name_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in ALL_PAGES:
        in_prose = re.findall(r"`make ([a-z-]+)`", read_page(page))
        in_blocks = re.findall(r"^make ([a-z-]+)", read_page(page), re.MULTILINE)
        assert {*in_prose, *in_blocks} <= targets


# Tables


@pytest.mark.parametrize("page", PAGES)
def test_every_table_is_in_its_place(page: str) -> None:
    text = read_page(page)
    on_page = [name for name in TABLES if marks(name)[0] in text]
    assert tuple(on_page) == PAGES[page]
    for name in on_page:
        start, end = marks(name)
        assert text.count(start) == 1
        assert text.count(end) == 1
        assert text.index(start) < text.index(end)


@pytest.mark.parametrize("page", PAGES)
def test_tables_are_those_of_the_artifacts(page: str) -> None:
    assert renewed(read_page(page)) == read_page(page), "run `make tables`"


def test_a_changed_number_is_renewed() -> None:
    assert ARTIFACTS.count("24.35 dB") == 1
    assert renewed(ARTIFACTS.replace("24.35 dB", "24.34 dB")) == ARTIFACTS


def test_the_loss_of_a_palette_is_written_in_one_way() -> None:
    found = r"in (\d+) colors \| ([\d.]+) dB, .+?, ([\d,]+) bytes"
    results = re.findall(found, ARTIFACTS)
    assert len(results) == 3
    for n_colors, decibels, _ in results:
        assert f"| flower | {n_colors} | {decibels} |" in ARTIFACTS
    size_of_100_colors = results[-1][2]
    assert re.search(rf"\| ours \|.+\| {size_of_100_colors} \|", ARTIFACTS)


# Artifacts


def test_every_artifact_is_explained_and_every_explained_one_exists() -> None:
    page = read_page("artifacts/README.md")
    # A link in a table: one in the text explains nothing.
    explained = re.findall(r"^\| \[(\S+)\]\(\1\) \|", page, re.MULTILINE)
    explained += re.findall(r" \| \[(\S+)\]\(\1\): ", page)
    there = [path.name for path in (ROOT / "artifacts").glob("[!.]*")]
    there.remove("README.md")
    assert sorted(explained) == sorted(there)


def test_make_lab_names_the_function() -> None:
    name = f"{before_saving.__module__}.{before_saving.__qualname__}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"--ContentsManager.pre_save_hook={name}\n" in makefile
