"""The answers of the exercises run, and print what the text says that they print."""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat
import nbformat.v4 as v4
import pytest
from nbformat import NotebookNode

from tests.checkouts import run_in
from tests.notebooks.reading import NOTEBOOKS, ROOT, printed, prose, read

PARTS = [path for path in NOTEBOOKS if "## Exercises" in prose(read(path).cells)]


class Answer(NamedTuple):
    """A folded answer: its code, and what the text says that it prints."""

    code: str
    printed: str


def answers(notebook: NotebookNode) -> list[Answer]:
    """Return the code blocks inside of ``<details>``, with the output after each."""
    found: list[Answer] = []
    for folded in re.findall(r"<details>.*?</details>", prose(notebook.cells), re.S):
        blocks = re.findall(
            r"```python\n(.*?)```(?:\s+```text\n(.*?)```)?", folded, re.S
        )
        found.extend(Answer(code.strip(), output.strip()) for code, output in blocks)
    return found


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_there_are_four_to_six_exercises_with_folded_answers(path: Path) -> None:
    text = prose(read(path).cells)
    exercises = re.findall(r"^\*\*Exercise (\d)\.", text, re.M)
    assert exercises == [str(i + 1) for i in range(len(exercises))]
    assert 4 <= len(exercises) <= 6
    assert len(re.findall("<details>", text)) == len(exercises)
    assert len(answers(read(path))) == len(exercises)


@pytest.mark.slow
@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_answers_print_what_the_text_says(path: Path, tmp_path: Path) -> None:
    notebook = read(path)
    expected = answers(notebook)
    for answer in expected:
        notebook.cells.append(v4.new_code_cell(answer.code))
    copy = tmp_path / path.name
    nbformat.write(notebook, copy)
    output = tmp_path / "out"
    has_full_scale = any("FULL_SCALE =" in cell.source for cell in notebook.cells)
    settings = ["--set=FULL_SCALE=False"] if has_full_scale else []
    ended = run_in(ROOT, copy, *settings, f"--output-dir={output}")
    assert ended.code == 0, ended.err
    executed = nbformat.read(output / path.name, as_version=4)
    for cell, answer in zip(executed.cells[-len(expected) :], expected, strict=True):
        assert printed(cell).strip() == answer.printed, answer.code
