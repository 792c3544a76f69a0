"""What nbval does not see: order, completeness, alt text, size, links."""

import ast
import itertools
import re
from pathlib import Path

import nbformat.v4 as v4
import pytest
from nbformat import NotebookNode

from tests.notebooks.reading import (
    NOTEBOOKS,
    ROOT,
    code_cells,
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
CLUSTER_PAGES = ["cluster-5", "cluster-10", "cluster-100"]
FIGURES_OF_THE_ORIGINAL = ["dataset", "elbow", "silhoutte", "dendogram", *CLUSTER_PAGES]

MAX_LINES_OF_A_CELL = 20
MAX_FIGURES = {"01": 20, "02": 13, "03": 13}
MAX_COLUMNS = 75
"""A PDF clips longer lines."""
MAX_WORDS = 120
MAX_BYTES = 1_500_000
"""GitHub does not show much larger notebooks."""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def notebook(path: Path) -> NotebookNode:
    return read(path)


def pictures(notebook: NotebookNode) -> list[NotebookNode]:
    return [out for out in outputs(notebook) if "image/png" in out.get("data", {})]


def parameter_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells with the tag that papermill and our runner look for."""
    cells = notebook.cells
    return [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]


def test_there_are_three_notebooks() -> None:
    names = [path.name for path in NOTEBOOKS]
    assert names == [
        "01_kmeans.ipynb",
        "02_hierarchical.ipynb",
        "03_color_quantization.ipynb",
    ]


# Outputs


def test_cells_ran_once_from_top_to_bottom(notebook: NotebookNode) -> None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_every_cell_that_shows_something_has_an_output(notebook: NotebookNode) -> None:
    _imports, *others = code_cells(notebook)
    for cell in others:
        last = ast.parse(cell.source).body[-1]
        shows = re.search(r"\b(show|print|table)\(", cell.source)
        if shows or isinstance(last, ast.Expr):
            without_output = r"\b(save_artifact|explore\.(kmeans|tree|palette))\("
            assert cell.outputs or re.search(without_output, cell.source), cell.source


def test_outputs_are_no_errors_and_no_warnings(notebook: NotebookNode) -> None:
    for output in outputs(notebook):
        assert output.output_type in {"stream", "display_data", "execute_result"}
        assert output.get("name", "stdout") == "stdout"


def test_outputs_hold_no_path_address_or_color_code(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        text = printed(cell)
        machine = r"/(home|root|tmp|work|Users)/|0x[0-9a-f]{6,}|\x1b"
        assert not re.search(machine, text), text


def dead_outputs(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the outputs that a live session leaves: empty ones, where a bar was."""
    return [output for output in outputs(notebook) if output.get("data", "text") == {}]


def mime_types_of_widgets(notebook: NotebookNode) -> set[str]:
    types = {name for output in outputs(notebook) for name in output.get("data", {})}
    types.update(notebook.metadata.get("widgets", {}))
    return {name for name in types if "widget" in name}


def test_a_live_session_left_nothing(notebook: NotebookNode) -> None:
    left = [*mime_types_of_widgets(notebook), *dead_outputs(notebook)]
    assert not left, "left by a live session; `make clean-notebooks` takes it back"


def test_a_widget_among_the_outputs_is_seen() -> None:
    view = "application/vnd.jupyter.widget-view+json"
    data = {view: {"model_id": "7"}, "text/plain": "IntSlider()"}
    output = v4.new_output("display_data", data=data)
    cell = v4.new_code_cell("slider", outputs=[output])
    assert mime_types_of_widgets(v4.new_notebook(cells=[cell])) == {view}


def test_an_empty_output_is_seen() -> None:
    output = v4.new_output("display_data", data={})
    cell = v4.new_code_cell("loop", outputs=[output, v4.new_output("stream", text="x")])
    assert dead_outputs(v4.new_notebook(cells=[cell])) == [output]


def test_the_saved_state_of_widgets_is_seen() -> None:
    state = "application/vnd.jupyter.widget-state+json"
    notebook = v4.new_notebook(metadata={"widgets": {state: {}}})
    assert mime_types_of_widgets(notebook) == {state}


def test_every_picture_has_alt_text_of_its_own(notebook: NotebookNode) -> None:
    texts = [out.metadata["image/png"]["alt"] for out in pictures(notebook)]
    assert len(texts) == len(set(texts))
    assert all(len(text) >= 40 for text in texts)


def test_size_suits_github(path: Path) -> None:
    assert path.stat().st_size < MAX_BYTES


# Metadata and parameters


def test_metadata_are_those_of_any_python_kernel(notebook: NotebookNode) -> None:
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec == {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    assert notebook.metadata.language_info.name == "python"
    assert "version" not in notebook.metadata.language_info


def test_cells_have_no_metadata_but_tags(notebook: NotebookNode) -> None:
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_one_of_the_first_code_cells_is_tagged_parameters(
    notebook: NotebookNode,
) -> None:
    cells = parameter_cells(notebook)
    assert len(cells) == 1
    assert cells[0] in code_cells(notebook)[:2]


def test_parameters_are_assigned_plain_values(
    path: Path,
    notebook: NotebookNode,
) -> None:
    (cell,) = parameter_cells(notebook)
    names = set()
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        ast.literal_eval(statement.value)
        names.add(target.id)
    assert names >= PARAMETERS[path.name[:2]]


# Code


def test_all_imports_stand_in_the_first_code_cell(notebook: NotebookNode) -> None:
    first, *others = code_cells(notebook)
    is_import = re.compile(r"^\s*(import|from)\b", re.MULTILINE)
    assert is_import.search(first.source)
    assert not [cell.source for cell in others if is_import.search(cell.source)]


def test_cells_are_short(notebook: NotebookNode) -> None:
    _imports, *others = code_cells(notebook)
    for cell in others:
        n_lines = len(cell.source.splitlines())
        assert n_lines <= MAX_LINES_OF_A_CELL, cell.source


def test_lines_of_code_fit_on_a_page(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        for line in cell.source.splitlines():
            assert len(line) <= MAX_COLUMNS, line


def test_no_line_holds_two_statements(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        first_lines = [
            node.lineno
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.stmt)
        ]
        assert len(first_lines) == len(set(first_lines)), cell.source


def test_code_is_plain_python(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        magic_star_or_semicolon = r"^[%!]|import \*|;\s*$"
        found = re.search(magic_star_or_semicolon, cell.source, re.MULTILINE)
        assert not found, cell.source


# Text


def test_figures_are_captioned_in_order(path: Path, notebook: NotebookNode) -> None:
    captions = r"^\*\*Figure (\d+)\.\*\*"
    found = re.findall(captions, prose(notebook.cells), re.MULTILINE)
    n_figures = len(pictures(notebook))
    assert found == [str(number) for number in range(1, n_figures + 1)]
    assert n_figures <= MAX_FIGURES[path.name[:2]]


def test_a_caption_stands_directly_below_its_figure(notebook: NotebookNode) -> None:
    cells = notebook.cells
    for cell, below in itertools.pairwise(cells):
        if cell.cell_type == "code" and pictures(v4.new_notebook(cells=[cell])):
            assert below.cell_type == "markdown", cell.source
            assert below.source.startswith("**Figure "), cell.source


def test_paragraphs_are_short(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        is_text = cell.cell_type == "markdown" and "|---|" not in cell.source
        if is_text:
            read_aloud = re.sub(r"\(https?://[^)]+\)", "", cell.source)
            read_aloud = re.sub(r"(?s)\$\$?.+?\$\$?", " formula ", read_aloud)
            read_aloud = re.sub(r"(?s)```.+?```", "", read_aloud)
            assert len(read_aloud.split()) <= MAX_WORDS, cell.source


def test_the_end_has_what_a_lesson_needs(notebook: NotebookNode) -> None:
    titles = [title for title, _ in sections(notebook)]
    assert titles[-4:] == ["What we found", "Exercises", "Glossary", "References"]
    assert "| claim | evidence | how sure |" in prose(notebook.cells)


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


def test_nothing_is_left_to_fill_in(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        assert not re.search(r"PLACEHOLDER|TODO|FIXME|XXX", cell.source), cell.source


def test_relative_links_resolve(path: Path, notebook: NotebookNode) -> None:
    links = re.findall(r"\]\(([^)]+)\)", prose(notebook.cells))
    targets = [link for link in links if not link.startswith("https://")]
    assert targets
    for target in targets:
        file, _, anchor = target.partition("#")
        page = path.parent / file
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_figures_of_the_original_are_written_by_the_notebooks() -> None:
    cells = [cell for path in NOTEBOOKS for cell in code_cells(read(path))]
    source = "\n".join(cell.source for cell in cells)
    for name in FIGURES_OF_THE_ORIGINAL:
        assert (ROOT / "artifacts" / f"{name}.png").is_file()
        # The pages of clusters are written in a loop over k.
        assert name in source or name in CLUSTER_PAGES, name
