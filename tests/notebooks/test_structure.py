"""What nbval does not see: a live session's traces, alternative texts, order, links."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat.v4 as v4
import pytest
from nbformat import NotebookNode

from tests.notebooks.reading import (
    NOTEBOOKS,
    code_cells,
    headings,
    outputs,
    printed,
    prose,
    read,
    sections,
)

PARAMETERS = {
    "01": {"CLASS_NAMES", "FULL_SCALE", "N_IMAGES", "SEED"},
    "02": {"CLASS_NAMES", "FULL_SCALE", "N_IMAGES", "SEED"},
    "03": {"IMAGE", "SEED"},
}
MAX_LINES_OF_A_CELL = 20
MAX_WORDS_OF_A_CELL = 120
MAX_BYTES = 1_500_000
"""GitHub does not show much larger notebooks."""

REMEDY = "`make` executes the notebooks anew, `git restore notebooks` takes them back"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def notebook(path: Path) -> NotebookNode:
    return read(path)


def has_picture(output: NotebookNode) -> bool:
    return "image/png" in output.get("data", {})


# What a live session leaves


def faults(notebook: NotebookNode) -> Iterator[str]:
    """Yield what a run of all cells from top to bottom would not have left."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"cells ran in the order {counts}"
    for cell in code_cells(notebook):
        if not cell.outputs and ought_to_show(cell):
            yield f"no output below {cell.source!r}"
    for output in outputs(notebook):
        yield from faults_of_output(output)
    if "widgets" in notebook.metadata:
        yield "the state of widgets"
    if "version" in notebook.metadata.get("language_info", {}):
        yield "the version of Python"
    names = {name for cell in notebook.cells for name in cell.metadata}
    for name in names - {"tags"}:
        yield f"cells with metadata {name!r}"


def ought_to_show(cell: NotebookNode) -> bool:
    """Return whether a cell has an output when no one watches; explorers have none."""
    if re.search(r"\b(style\.use|save_artifact|explore\.\w+)\(", cell.source):
        return False
    statements = ast.parse(cell.source).body
    ends_with_value = bool(statements) and isinstance(statements[-1], ast.Expr)
    return ends_with_value or bool(re.search(r"\b(show|print|table)\(", cell.source))


def faults_of_output(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"an error: {output.ename}"
    if output.get("name") == "stderr":
        yield f"a warning: {output.text}"
    if output.get("data", "text") == {}:
        yield "an empty output, where a bar was"
    if any("widget" in kind for kind in output.get("data", {})):
        yield "a widget"


def test_outputs_are_those_of_one_run(notebook: NotebookNode) -> None:
    found = list(faults(notebook))
    if found:
        pytest.fail("\n".join([*found, REMEDY]), pytrace=False)


WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "7"}}
STRAY_OUTPUTS = {
    "a widget": v4.new_output("display_data", data=WIDGET),
    "an empty output, where a bar was": v4.new_output("display_data", data={}),
    "a warning: careful": v4.new_output("stream", name="stderr", text="careful"),
    "an error: KeyError": v4.new_output("error", ename="KeyError", evalue="k"),
}


@pytest.mark.parametrize("fault", STRAY_OUTPUTS)
def test_a_stray_output_is_refused(fault: str) -> None:
    cell = v4.new_code_cell("1", execution_count=1, outputs=[STRAY_OUTPUTS[fault]])
    assert list(faults(v4.new_notebook(cells=[cell]))) == [fault]


def test_a_missing_output_and_state_of_widgets_are_refused() -> None:
    cells = [
        v4.new_code_cell("print(1)", execution_count=2),
        v4.new_code_cell("explore.tree(Z)", execution_count=3),
    ]
    notebook = v4.new_notebook(cells=cells, metadata={"widgets": {}})
    assert list(faults(notebook)) == [
        "cells ran in the order [2, 3]",
        "no output below 'print(1)'",
        "the state of widgets",
    ]


def test_outputs_hold_no_path_address_or_color_code(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        text = printed(cell)
        machine = r"/(home|root|tmp|work|Users)/|0x[0-9a-f]{6,}|\x1b"
        assert not re.search(machine, text), text


def test_every_picture_has_alt_text_of_its_own(notebook: NotebookNode) -> None:
    pictures = [output for output in outputs(notebook) if has_picture(output)]
    texts = [picture.metadata["image/png"]["alt"] for picture in pictures]
    assert len(texts) == len(set(texts))
    assert all(len(text) >= 40 for text in texts)


def test_size_suits_github(path: Path) -> None:
    assert path.stat().st_size < MAX_BYTES


# Code


def test_parameters_are_assigned_plain_values(
    path: Path,
    notebook: NotebookNode,
) -> None:
    tagged = [
        cell
        for cell in code_cells(notebook)[:2]
        if "parameters" in cell.metadata.get("tags", [])
    ]
    assert len(tagged) == 1, "papermill looks for one cell with the tag"
    names = set()
    for statement in ast.parse(tagged[0].source).body:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        ast.literal_eval(statement.value)
        names.add(target.id)
    assert names >= PARAMETERS[path.name[:2]]


def test_imports_come_first_and_cells_are_short(notebook: NotebookNode) -> None:
    _imports, *others = code_cells(notebook)
    for cell in others:
        assert not re.search(r"(?m)^\s*(import|from)\b", cell.source), cell.source
        assert not re.search(r"(?m)^[%!]", cell.source), cell.source
        n_lines = len(cell.source.splitlines())
        assert n_lines <= MAX_LINES_OF_A_CELL, cell.source


# Text


def test_each_figure_has_its_caption_directly_below(notebook: NotebookNode) -> None:
    n_figures = 0
    for cell, below in itertools.pairwise(notebook.cells):
        if any(has_picture(output) for output in cell.get("outputs", [])):
            n_figures += 1
            assert below.source.startswith(f"**Figure {n_figures}.**"), cell.source
    assert prose(notebook.cells).count("\n**Figure ") == n_figures


def test_paragraphs_are_short(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "|---|" not in cell.source:
            read_aloud = re.sub(r"\(https?://[^)]+\)", "", cell.source)
            read_aloud = re.sub(r"(?s)\$\$?.+?\$\$?", " formula ", read_aloud)
            read_aloud = re.sub(r"(?s)```.+?```", "", read_aloud)
            assert len(read_aloud.split()) <= MAX_WORDS_OF_A_CELL, cell.source


def test_the_end_has_what_a_lesson_needs(notebook: NotebookNode) -> None:
    titles = [title for title, _ in sections(notebook)]
    assert titles[-4:] == ["What we found", "Exercises", "Glossary", "References"]


def test_every_reference_is_cited_and_linked(notebook: NotebookNode) -> None:
    *lesson, (_, references) = sections(notebook)
    text = "\n".join(prose(cells) for _, cells in lesson)
    entries = re.findall(r"^- (.+)$", prose(references), re.MULTILINE)
    assert entries
    for entry in entries:
        authors_and_year = re.match(r"(\w+).*?\((\d{4})\)", entry)
        assert authors_and_year, entry
        assert "](https://" in entry, entry
        name, year = authors_and_year.groups()
        assert re.search(rf"{name}[^.]*?{year}", text), entry


def test_relative_links_resolve(path: Path, notebook: NotebookNode) -> None:
    links = re.findall(r"\]\(([^)]+)\)", prose(notebook.cells))
    for link in links:
        if not link.startswith("https://"):
            file, _, anchor = link.partition("#")
            page = path.parent / file
            assert page.exists(), link
            assert not anchor or anchor in headings(page), link
