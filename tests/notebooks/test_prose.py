"""Every number in a Markdown cell is printed by its section, or is a constant with a reason."""

import re

import nbformat.v4 as v4
import pytest
from nbformat import NotebookNode

from tests.benchmarks.table import TABLES, marks, renewed
from tests.notebooks.reading import NOTEBOOKS, ROOT, code_cells, printed, read, sections

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")

NOT_A_RESULT = {
    r"\]\([^)]*\)": "targets of links",
    r"\bFigure \d+": "figures are numbered",
    r"\(\d\)": "questions and answers are numbered",
    r"\(\d{4}\)": "year of a publication",
    r"\b[123] (?=k-means\b|hierarchical|color q)": "the parts are numbered, with their names",
    r"\bpart \d": "the parts are numbered",
    r"CC BY 2\.0": "name of a licence",
}
EVERYWHERE = "01 02 03"
CONSTANTS = {  # number: (the notebooks where it is one, reason)
    "0": (EVERYWHERE, "end of a scale"),
    "1": (EVERYWHERE, "end of a scale"),
    "28": ("01", "pixels a side of an image"),
    "784": ("01 02", "pixels of an image"),
    "255": ("01 03", "largest value of 8 bits"),
    "10,000": ("01 02", "images of the test split"),
    "70,000": ("01 02", "images of both splits"),
    "24": ("03", "bits of a color"),
    "10": ("03", "factor in the definition of the decibel"),
    "30": ("03", "rule of thumb for PSNR"),
    "95": ("01", "confidence level, per cent"),
    "99": ("01", "certainty asked for, per cent"),
}


def numbers(text: str) -> list[str]:
    for pattern in NOT_A_RESULT:
        text = re.sub(pattern, " ", text)
    return [token.rstrip(",") for token in NUMBER.findall(text)]


def value(token: str) -> float:
    return float(token.replace(",", ""))


def unsupported(notebook: NotebookNode, part: str) -> list[str]:
    """Return each number that stands in prose without support, with its section."""
    found = []
    constants = [token for token, (parts, _) in CONSTANTS.items() if part in parts]
    for title, cells in sections(notebook):
        outputs = "\n".join(printed(cell) for cell in cells if cell.cell_type == "code")
        known = {value(token) for token in [*numbers(outputs), *constants]}
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        found += [f"{title}: {token}" for token in numbers(prose) if value(token) not in known]
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_in_prose_is_printed_by_its_section(path) -> None:  # type: ignore[no-untyped-def]
    assert unsupported(read(path), path.name[:2]) == []


@pytest.mark.parametrize(("part", "token"), [(p, t) for t, (parts, _) in CONSTANTS.items() for p in parts.split()])
def test_constants_are_in_use(part: str, token: str) -> None:
    path = next(path for path in NOTEBOOKS if path.name.startswith(part))
    assert any(token in numbers(cell.source) for cell in read(path).cells if cell.cell_type == "markdown")


def a_notebook(prose: str, output: str) -> NotebookNode:
    stream = v4.new_output("stream", text=output)
    cells = [v4.new_markdown_cell("## One?"), v4.new_code_cell("x", outputs=[stream])]
    return v4.new_notebook(cells=[*cells, v4.new_markdown_cell(prose), v4.new_markdown_cell("## Two?\n\nNo 3.")])


@pytest.mark.parametrize(
    ("prose", "output", "expected"),
    [
        ("The mean is 0.1946.", "mean 0.1946", []),
        ("The mean is 0.1947.", "mean 0.1946", ["One?: 0.1947"]),
        ("The mean is 0.194.", "mean 0.1946", ["One?: 0.194"]),
        ("In all 9,997 images.", "9997", []),
        ("In all 9,997 images.", "9979", ["One?: 9,997"]),
        ("Figure 7 (1999), [a](b3.md), 784 pixels", "", []),
        ("It says 4, 6 or 8.", "4 6 7", ["One?: 8"]),
        ("A factor of 4.4.", "44", ["One?: 4.4"]),
        ("It holds 68%.", "68.0%", []),
    ],
)
def test_drift_is_found(prose: str, output: str, expected: list[str]) -> None:
    assert unsupported(a_notebook(prose, output), "01") == [*expected, "Two?: 3"]


def test_outputs_are_read() -> None:
    for path in NOTEBOOKS:
        assert len(numbers("\n".join(map(printed, code_cells(read(path)))))) > 50


# README

README = (ROOT / "README.md").read_text(encoding="utf-8")
README_CONSTANTS = {
    "60,000": "images of the training split",
    "28": "pixels a side of an image",
    "3.11": "the oldest Python",
    "67": "MB of a fit on Dask, see tests/test_dask.py",
    "1.6": "MB of a tile on Dask, see tests/test_dask.py",
    "64": "bits of a float",
    "8": "bits of a pixel",
}


def unsupported_in_readme(text: str) -> list[str]:
    """Return each number of README's prose that no notebook prints, and each table that is not the artifacts'."""
    prose = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    for name in TABLES:
        start, end = marks(name)
        prose = re.sub(f"{re.escape(start)}.*?{re.escape(end)}", " ", prose, flags=re.DOTALL)
    outputs = "\n".join(printed(cell) for path in NOTEBOOKS for cell in code_cells(read(path)))
    known = {value(token) for token in [*numbers(outputs), *README_CONSTANTS]}
    drifted = [name for name in TABLES if made(text, name) != made(renewed(text), name)]
    return [token for token in numbers(prose) if value(token) not in known] + drifted


def made(text: str, name: str) -> str:
    """Return what stands between the marks of a table."""
    start, end = marks(name)
    return text.partition(start)[2].partition(end)[0]


def test_every_number_of_readme_is_printed_or_made_from_artifacts() -> None:
    assert unsupported_in_readme(README) == []


@pytest.mark.parametrize("token", README_CONSTANTS)
def test_constants_of_readme_are_in_use(token: str) -> None:
    assert token in numbers(README)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("of clothes, 10,000 and then", "of clothes, 10,100 and then", ["10,100"]),
        ("60,000 training", "50,000 training", ["50,000"]),
        ("0.1946 at k = 2", "0.1964 at k = 2", ["results"]),
        ("1.83 times the runner-up's", "1.38 times the runner-up's", ["results"]),
        ("| china | 5 | 22.78 |", "| china | 5 | 22.79 |", ["palettes"]),
    ],
)
def test_drift_of_readme_is_found(before: str, after: str, expected: list[str]) -> None:
    assert README.count(before) == 1
    assert unsupported_in_readme(README.replace(before, after)) == expected


@pytest.mark.parametrize(
    ("part", "where", "before", "after"),
    [
        ("01", "prose", "0.1882", "0.1883"),
        ("01", "output", "316,754", "316,745"),
        ("02", "prose", "0.7822", "0.7823"),
        ("02", "output", "516.3", "516.2"),
        ("03", "prose", "62,941", "62,914"),
        ("03", "output", "34.39", "34.93"),
    ],
)
def test_drift_of_a_notebook_is_found(part: str, where: str, before: str, after: str) -> None:
    path = next(path for path in NOTEBOOKS if path.name.startswith(part))
    notebook = read(path)
    for cell in notebook.cells:
        if where == "prose" and cell.cell_type == "markdown":
            cell.source = cell.source.replace(before, after)
        for out in cell.get("outputs", []) if where == "output" else []:
            for holder, key in ((out, "text"), (out.get("data", {}), "text/plain")):
                if key in holder:
                    holder[key] = holder[key].replace(before, after)
    drifted = after if where == "prose" else before
    assert {found.rpartition(": ")[2] for found in unsupported(notebook, part)} == {drifted}
