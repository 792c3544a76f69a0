"""The answers of the exercises run, and print what the text says that they print."""

import re
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import papermill
import pytest

from tests.notebooks.reading import NOTEBOOKS, printed, prose, read

pytestmark = pytest.mark.nightly

PARTS = [path for path in NOTEBOOKS if "## Exercises" in prose(read(path).cells)]


def answers(path: Path) -> list[tuple[str, str]]:
    """Return the code of each folded answer, and what the text says that it prints."""
    found = []
    for folded in re.findall(r"<details>.*?</details>", prose(read(path).cells), re.S):
        blocks = r"```python\n(.*?)```(?:\s+```text\n(.*?)```)?"
        for code, output in re.findall(blocks, folded, re.S):
            found.append((code.strip(), output.strip()))
    return found


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_there_are_four_to_six_exercises_with_folded_answers(path: Path) -> None:
    text = prose(read(path).cells)
    exercises = re.findall(r"^\*\*Exercise (\d)\.", text, re.M)
    assert exercises == [str(i + 1) for i in range(len(exercises))]
    assert 4 <= len(exercises) <= 6
    assert len(answers(path)) == len(exercises)


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_answers_print_what_the_text_says(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FMNIST_CLUSTERING_ARTIFACTS", str(tmp_path / "artifacts"))
    notebook = read(path)
    expected = answers(path)
    notebook.cells += [v4.new_code_cell(code) for code, _ in expected]
    longer = tmp_path / path.name
    nbformat.write(notebook, longer)
    has_full_scale = any("FULL_SCALE =" in cell.source for cell in notebook.cells)
    executed = papermill.execute_notebook(
        longer,
        tmp_path / "executed.ipynb",
        {"FULL_SCALE": False} if has_full_scale else {},
        cwd=path.parent,
        progress_bar=False,
    )
    cells = executed.cells[-len(expected) :]
    for cell, (code, output) in zip(cells, expected, strict=True):
        assert printed(cell).strip() == output, code
