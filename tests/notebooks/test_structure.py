"""What nbval does not see: order, completeness, alt text, size, links."""

import ast
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.notebooks.reading import NOTEBOOKS, ROOT, code_cells, printed, read, sections

PARAMETERS = {
    "01": {"FULL_SCALE", "N_IMAGES", "SEED"},
    "02": {"FULL_SCALE", "N_IMAGES", "SEED"},
    "03": {"IMAGE", "SEED"},
}
CONTRACT = ["dataset", "elbow", "silhoutte", "dendogram", "cluster-5", "cluster-10", "cluster-100"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def notebook(path: Path) -> NotebookNode:
    return read(path)


def images(notebook: NotebookNode) -> list[NotebookNode]:
    outputs = [out for cell in code_cells(notebook) for out in cell.outputs]
    return [out for out in outputs if "image/png" in out.get("data", {})]


def test_there_are_three_notebooks() -> None:
    names = [path.name for path in NOTEBOOKS]
    assert names == ["01_kmeans.ipynb", "02_hierarchical.ipynb", "03_color_quantization.ipynb"]


def test_cells_ran_once_from_top_to_bottom(notebook: NotebookNode) -> None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_every_cell_that_shows_something_has_an_output(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        last = ast.parse(cell.source).body[-1]
        if re.search(r"\b(show|print|table)\(", cell.source) or isinstance(last, ast.Expr):
            assert cell.outputs or "save_artifact" in cell.source, cell.source


def test_outputs_are_clean(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        kinds = {out.output_type for out in cell.outputs}
        assert kinds <= {"stream", "display_data", "execute_result"}, cell.source
        assert all(out.name == "stdout" for out in cell.outputs if out.output_type == "stream")
        shown = printed(cell)
        assert not re.search(r"/(home|root|tmp|work|Users)/|0x[0-9a-f]{6,}|\x1b", shown), shown


def test_metadata_hold_no_trace_of_the_machine(notebook: NotebookNode) -> None:
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert all(cell.metadata == {} for cell in notebook.cells)


def test_code_is_short_and_plain(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook)[1:]:
        assert len(cell.source.splitlines()) <= 12, cell.source
    for cell in code_cells(notebook):
        assert not re.search(r"^[%!]|import \*|;\s*$", cell.source, re.MULTILINE), cell.source


def test_second_cell_holds_imports_and_parameters(path: Path, notebook: NotebookNode) -> None:
    body = ast.parse(notebook.cells[1].source).body
    names = {node.targets[0].id for node in body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    assert names >= PARAMETERS[path.name[:2]]
    imports = [cell for cell in code_cells(notebook) if re.search(r"^import|^from", cell.source)]
    assert imports == [notebook.cells[1]]


def test_every_picture_has_alt_text_of_its_own(notebook: NotebookNode) -> None:
    texts = [out.metadata["image/png"]["alt"] for out in images(notebook)]
    assert len(texts) == len(set(texts))
    assert all(len(text) >= 40 for text in texts)


def test_figures_are_captioned_in_order(notebook: NotebookNode) -> None:
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    captions = [int(number) for number in re.findall(r"^\*\*Figure (\d+)\.\*\*", prose, re.MULTILINE)]
    assert captions == list(range(1, len(images(notebook)) + 1))
    assert len(captions) <= 14


def test_every_section_is_a_question_with_a_reading(notebook: NotebookNode) -> None:
    titles = [title for title, _ in sections(notebook)]
    assert titles[-1] == "What we found"
    for title, cells in [*sections(notebook)][1:-1]:
        assert title.endswith("?"), title
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert "**Reading.**" in prose, title


def test_closing_section_has_claims_questions_and_references(notebook: NotebookNode) -> None:
    closing = notebook.cells[-1].source
    for part in ("| claim | evidence | how sure |", "**Check yourself.**", "**References.**"):
        assert part in closing


def test_nothing_is_left_to_fill_in(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        assert not re.search(r"PLACEHOLDER|TODO|FIXME|XXX", cell.source), cell.source


def test_relative_links_resolve(path: Path, notebook: NotebookNode) -> None:
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", prose) if not t.startswith("https://")]
    assert targets
    for target in targets:
        assert (path.parent / target).exists(), target


def test_size_suits_github(path: Path) -> None:
    assert path.stat().st_size < 1_500_000


def test_contract_names_are_written_by_the_notebooks() -> None:
    sources = "\n".join(cell.source for path in NOTEBOOKS for cell in code_cells(read(path)))
    for name in CONTRACT:
        assert name in sources or name.startswith("cluster-"), name
        assert (ROOT / "artifacts" / f"{name}.png").is_file()
