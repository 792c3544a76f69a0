"""What `python -m fmnist_clustering clean` takes back, and what it leaves alone."""

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode, v4

from fmnist_clustering.runner.clean import before_saving
from fmnist_clustering.runner.files import METADATA, notebook_text
from tests.checkouts import git, make_checkout, read_notebook, run_in

VIEW = "application/vnd.jupyter.widget-view+json"


def text(words: str) -> NotebookNode:
    return v4.new_output("stream", text=words)


def shown(data: dict[str, Any]) -> NotebookNode:
    return v4.new_output("display_data", data=data)


def cell(source: str, count: int | None, *outputs: NotebookNode) -> NotebookNode:
    return v4.new_code_cell(source, execution_count=count, outputs=[*outputs])


WIDGET = shown({VIEW: {"model_id": "7", "version_major": 2, "version_minor": 0}})
EMPTY = shown({})
FIGURE = shown({"image/png": "AAAA", "text/plain": "[a curve]"})


@pytest.fixture
def tour(tmp_path: Path) -> Path:
    """Return a notebook that is committed with its outputs."""
    make_checkout(tmp_path)
    path = tmp_path / "notebooks" / "tour.ipynb"
    cells = [
        v4.new_markdown_cell("# A tour"),
        cell("print(1)", 1, text("1\n")),
        cell("draw()", 2, FIGURE),
        cell("explore()", 3),
    ]
    path.write_text(notebook_text(v4.new_notebook(cells=cells)), encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return path


def save(path: Path, notebook: NotebookNode) -> None:
    """Save as a front end does: with the metadata of its kernel."""
    notebook.metadata = {
        "kernelspec": {"name": "conda", "display_name": "Conda"},
        "language_info": {"name": "python", "version": "3.13.1"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {}},
    }
    nbformat.write(notebook, path)


def clean(path: Path) -> str:
    ended = run_in(path.parent, command="clean")
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def test_what_ran_live_is_taken_back(tour: Path) -> None:
    notebook = read_notebook(tour)
    _, first, figure, explorer = notebook.cells
    first.outputs = [EMPTY, text("1\n")]
    first.execution_count = 14
    figure.outputs = [shown({"image/png": "BBBB", "text/plain": "[a curve]"})]
    explorer.outputs = [WIDGET]
    save(tour, notebook)
    assert git(tour.parent, "status", "--porcelain")
    assert clean(tour) == "changed notebooks: 1\n"
    assert git(tour.parent, "status", "--porcelain") == ""


def test_what_somebody_wrote_stays(tour: Path) -> None:
    notebook = read_notebook(tour)
    title, first, _, explorer = notebook.cells
    title.source = "# My tour"
    first.source = "print(2)"
    first.outputs = [EMPTY, text("2\n"), WIDGET]
    first.execution_count = 8
    mine = v4.new_code_cell("mine", outputs=[FIGURE], execution_count=9)
    explorer.outputs = [WIDGET]
    notebook.cells = [title, explorer, mine, first]  # the figure is deleted
    save(tour, notebook)
    clean(tour)
    found = read_notebook(tour)
    sources = ["# My tour", "explore()", "mine", "print(2)"]
    assert [each.source for each in found.cells] == sources
    _, explorer, mine, first = found.cells
    assert (explorer.outputs, explorer.execution_count) == ([], 3)
    assert (mine.outputs, mine.execution_count) == ([FIGURE], 9)
    assert (first.outputs, first.execution_count) == ([text("2\n")], 8)
    assert found.metadata == METADATA


def test_equal_cells_keep_their_own_outputs(tour: Path) -> None:
    notebook = read_notebook(tour)
    twice = [cell("show()", 4, text("first")), cell("show()", 5, text("second"))]
    notebook.cells += twice
    tour.write_text(notebook_text(notebook), encoding="utf-8")
    git(tour.parent, "commit", "--all", "--quiet", "--message", "twice")
    save(tour, notebook)
    clean(tour)
    assert git(tour.parent, "status", "--porcelain") == ""


def test_tags_stay_and_the_state_of_a_front_end_goes(tour: Path) -> None:
    notebook = read_notebook(tour)
    notebook.cells[1].metadata = {"tags": ["mine"], "collapsed": True}
    notebook.cells[2].metadata = {"execution": {"iopub.execute_input": "now"}}
    save(tour, notebook)
    clean(tour)
    _, first, figure, _ = read_notebook(tour).cells
    assert first.metadata == {"tags": ["mine"]}
    assert figure.metadata == {}


def test_a_picture_beside_a_widget_stays(tour: Path) -> None:
    notebook = read_notebook(tour)
    both = WIDGET.data | FIGURE.data
    words = WIDGET.data | {"text/plain": "VBox(children=...)"}
    cells = [cell("new", 1, shown(both)), cell("newer", 2, shown(words))]
    notebook.cells += cells
    save(tour, notebook)
    clean(tour)
    *_, new, newer = read_notebook(tour).cells
    assert new.outputs == [FIGURE]
    assert newer.outputs == []


def test_a_clean_notebook_is_not_touched(tour: Path) -> None:
    before = tour.stat().st_mtime_ns
    assert clean(tour) == "changed notebooks: 0\n"
    assert tour.stat().st_mtime_ns == before


def test_without_a_commit_only_widgets_go(tmp_path: Path) -> None:
    make_checkout(tmp_path)
    path = tmp_path / "notebooks" / "new.ipynb"
    cells = [cell("a", 1, text("a"), WIDGET), cell("b", 2, FIGURE, EMPTY)]
    save(path, v4.new_notebook(cells=cells))
    clean(path)
    first, second = read_notebook(path).cells
    assert first.outputs == [text("a")]
    assert second.outputs == [FIGURE]


def test_without_git_only_widgets_go(
    tour: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notebook = read_notebook(tour)
    notebook.cells[1].outputs = [text("other"), WIDGET]
    save(tour, notebook)
    monkeypatch.setenv("PATH", str(tmp_path))
    clean(tour)
    assert read_notebook(tour).cells[1].outputs == [text("other")]


def test_what_is_no_notebook_is_refused(tour: Path) -> None:
    notebook = read_notebook(tour)
    notebook.cells[3].outputs = [WIDGET]
    save(tour, notebook)
    broken = tour.with_name("zzz-broken.ipynb")  # it comes after the tour
    broken.write_text("{", encoding="utf-8")
    before = tour.read_bytes()
    ended = run_in(tour.parent, command="clean")
    assert ended.code == 1
    assert "zzz-broken.ipynb: not a notebook" in ended.err
    assert tour.read_bytes() == before


# When JupyterLab saves


def test_what_is_saved_has_no_widget_and_no_version() -> None:
    content = v4.new_notebook(
        metadata={
            "language_info": {"name": "python", "version": "3.12.4"},
            "widgets": {"application/vnd.jupyter.widget-state+json": {}},
        },
        cells=[v4.new_markdown_cell("text"), cell("a", 5, EMPTY, text("a"), WIDGET)],
    )
    before_saving({"type": "notebook", "content": content}, path="tour.ipynb")
    title, code = content.cells
    assert title.source == "text"
    assert (code.outputs, code.execution_count) == ([text("a")], 5)
    assert content.metadata == {"language_info": {"name": "python"}}


def test_a_notebook_without_a_kernel_is_saved() -> None:
    content = v4.new_notebook(cells=[cell("a", 1, FIGURE)])
    as_it_was = copy.deepcopy(content)
    before_saving({"type": "notebook", "content": content})
    assert content == as_it_was


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_other_files_are_saved_as_they_are(kind: str) -> None:
    model = {"type": kind, "content": "text"}
    before_saving(model)
    assert model == {"type": kind, "content": "text"}
