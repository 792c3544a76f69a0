"""Every number in prose is printed by its section, or is a constant with a reason.

A number may be rounded, but rightly, and to two or more digits: a printed 0.1922 is
"0.192" or "0.19" in prose, and "19.2 %" or "19 %" if it is a share. The opening says
what was found, so it may use what that section prints.
"""

import ast
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

import nbformat.v4 as v4
import pandas as pd
import pytest
from nbformat import NotebookNode

from tests.notebooks.reading import (
    NOTEBOOKS,
    ROOT,
    code_cells,
    printed,
    prose,
    read,
    sections,
)

NUMBER = re.compile(
    r"""
    (?<![\w.])          # not within a name or another number
    (\d[\d,]*           # whole part, with commas between thousands
    (?:\.\d+)?          # decimals
    (?:e[+-]\d+)?)      # exponent
    (?!\w|\.\d)         # the number ends here
    (\s?(?:%|per\s?cent\b))?
    """,
    re.VERBOSE,
)

MIN_DIGITS = 2
"""A single digit, such as "about 5", agrees with too many numbers."""

NOT_A_RESULT = {
    r"\]\([^)]*\)": "targets of links",
    r"\bFigure \d+": "figures are numbered",
    r"\(\d\)": "questions and answers are numbered",
    r"(?s)\$\$?.+?\$\$?": "formula",
    r"(?m)^\d\. ": "items of a list are numbered",
    r"(?s)```.*?```": "code of an answer, and what it prints",
    r"\(\d{4}\)": "year of a publication",
    r"\([^()]*\b(?:19|20)\d\d\)": "a publication and its year",
    r"\bExercise \d": "exercises are numbered",
    r"\bpart \d": "the parts are numbered",
    r"\b[123] (?=k-means\b|hierarchical|color q)": "the parts are named, too",
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
    "5,000": ("01", "images that the gap statistic looks at"),
    "0.4": ("01", "strength from which a bend is an elbow"),
    "0.8": ("01", "prediction strength from which clusters are said to come back"),
    "0.75": ("02", "Jaccard index from which a branch is called stable"),
    "17,430": ("02", "trees without clusters, from which the limit of a rule comes"),
}


# Reading numbers


class Number(NamedTuple):
    """A number as it stands in a text."""

    token: str
    is_percentage: bool = False

    @property
    def value(self) -> Decimal:
        return Decimal(self.token.replace(",", ""))


def numbers(text: str) -> list[Number]:
    for pattern in NOT_A_RESULT:
        text = re.sub(pattern, " ", text)
    found = NUMBER.findall(text)
    return [Number(token.rstrip(","), bool(percent)) for token, percent in found]


def round_to(value: Decimal, place: int) -> set[Decimal]:
    """Return a value rounded to 10 ** place; a half may go up, or to the even digit."""
    unit = Decimal(1).scaleb(place)
    modes = (ROUND_HALF_UP, ROUND_HALF_EVEN)
    return {(value / unit).quantize(Decimal(1), mode) * unit for mode in modes}


def is_rounding(written: Decimal, value: Decimal) -> bool:
    """Return whether a value may be written like this, with two or more digits."""
    _, digits, last_place = written.as_tuple()
    assert isinstance(last_place, int)
    if last_place == 0:
        # The zeros of 680,000 may be digits, or stand for digits that were rounded.
        places = list(range(len(digits) - MIN_DIGITS + 1))
    else:
        places = [last_place]
    return len(digits) >= MIN_DIGITS and any(
        written in round_to(value, place) for place in places
    )


def is_supported(number: Number, shown: Iterable[Number]) -> bool:
    """Return whether a number in prose is one that is shown, or rounds it."""
    for other in shown:
        value = other.value
        is_share = value <= 1 and not other.is_percentage
        if number.is_percentage and is_share:
            value *= 100
        if number.value == value or is_rounding(number.value, value):
            return True
    return False


# Prose without support


REMEDY = (
    "Correct the text, print the number in a cell of the section, write two or more "
    "digits, or add a constant with its reason to CONSTANTS"
)


class Unsupported(NamedTuple):
    """A number in prose that its section does not print."""

    section: str
    token: str
    nearest: str

    def __str__(self) -> str:
        return (
            f'"{self.section}" says {self.token}, and prints no number that rounds to '
            f"it; the nearest is {self.nearest}"
        )


def nearest(number: Number, known: Iterable[Number]) -> str:
    """Return the printed number that is nearest to one in prose, as it is printed."""
    candidates = sorted(known, key=lambda other: abs(other.value - number.value))
    return candidates[0].token if candidates else "none, since nothing is printed"


def unsupported(notebook: NotebookNode, part: str) -> list[Unsupported]:
    """Return the numbers that stand in prose without support."""
    constants = []
    for token, (parts, _reason) in CONSTANTS.items():
        if part in parts:
            constants.append(Number(token).value)
    found = []
    opening, _ = next(sections(notebook))
    found_cells = dict(sections(notebook)).get("What we found", [])
    for title, cells in sections(notebook):
        printing = [*cells, *found_cells] if title == opening else cells
        code = [cell for cell in printing if cell.cell_type == "code"]
        shown = numbers("\n".join(printed(cell) for cell in code))
        for number in numbers(prose(cells)):
            if number.value in constants or is_supported(number, shown):
                continue
            found.append(Unsupported(title, number.token, nearest(number, shown)))
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_in_prose_is_printed_by_its_section(path: Path) -> None:
    found = unsupported(read(path), path.name[:2])
    if found:
        lines = [str(item) for item in found]
        pytest.fail("\n".join([*lines, REMEDY]), pytrace=False)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_constants_are_in_use(path: Path) -> None:
    used = {number.token for number in numbers(prose(read(path).cells))}
    here = {token for token, (parts, _) in CONSTANTS.items() if path.name[:2] in parts}
    assert here <= used


def test_figures_of_pngquant_are_those_of_the_benchmark() -> None:
    colors = NOTEBOOKS[2]
    (cell,) = [c for c in code_cells(read(colors)) if "PNGQUANT = {" in c.source]
    assignment = ast.parse(cell.source).body[-1]
    assert isinstance(assignment, ast.Assign)
    typed = ast.literal_eval(assignment.value)
    measured = pd.read_csv(ROOT / "artifacts" / "benchmarks-palettes.csv")
    measured = measured.set_index(["picture", "colors", "tool"])
    columns = ["PSNR", "mean delta-E", "95th percentile"]
    assert set(typed) == {"flower", "china"}
    for picture, by_k in typed.items():
        for k, scores in by_k.items():
            row = measured.loc[(picture, k, "pngquant"), columns]
            assert scores == tuple(row.astype(float).round(3))


# README

README_CONSTANTS = {
    "60,000": "images of the training split",
    "28": "pixels a side of an image",
    "3.11": "the oldest Python",
}


def test_every_number_of_readme_is_printed_by_a_notebook() -> None:
    texts = [printed(cell) for path in NOTEBOOKS for cell in code_cells(read(path))]
    # All notebooks print so many numbers that some would round to almost any number.
    known = {number.value for number in numbers("\n".join(texts))}
    known.update(Number(token).value for token in README_CONSTANTS)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    without_code = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    used = numbers(without_code)
    assert [number.token for number in used if number.value not in known] == []


# Does the test itself see what it should?


def refused(text: str, output: str) -> list[str]:
    """Return the numbers of a text that a section with this output does not support."""
    stream = v4.new_output("stream", text=output)
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("## One?"),
            v4.new_code_cell("x", outputs=[stream]),
            v4.new_markdown_cell(text),
            v4.new_markdown_cell("## Two?"),
        ],
    )
    return [item.token for item in unsupported(notebook, "01")]


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("The mean is 0.1946.", "mean 0.1946"),
        ("In all 9,997 images.", "9997"),
        ("Figure 7 (1999), [a](b3.md), 784 pixels", ""),
        ("About 5.", "5"),
        ("It is 0.19.", "0.1922"),
        ("It is 0.020.", "0.0196"),
        ("It is 12.", "11.5"),
        ("It is 680,000.", "679,213"),
        ("It is 1,000.", "999.6"),
        ("It is 0.12 or 0.13.", "0.125 0.125"),  # both ways to round a half
        ("It is 0.00010.", "9.97e-05"),
        ("It holds 68%.", "68.0%"),
        ("It holds 19.2 %, or 19 per cent.", "share 0.1922"),
    ],
)
def test_printed_numbers_and_correct_roundings_are_accepted(
    text: str, output: str
) -> None:
    assert refused(text, output) == []


@pytest.mark.parametrize(
    ("token", "output"),
    [
        ("0.1947", "0.1946"),
        ("0.194", "0.1946"),
        ("0.1920", "0.1922"),
        ("9,997", "9979"),
        ("4.4", "44"),
        ("690,000", "679,213"),
        ("0.13", "0.1249"),
        ("0.2", "0.1922"),  # a single digit is no rounding
        ("700,000", "650,000"),
        ("780", ""),  # 784 is a constant, and is not rounded
        ("192 %", "1.922"),  # no share
        ("19 %", "share 0.1922%"),
    ],
)
def test_wrong_roundings_are_refused(token: str, output: str) -> None:
    assert refused(f"It is {token}, not 1.", output) == [token.removesuffix(" %")]


def test_a_number_that_another_section_prints_is_refused() -> None:
    assert refused("## Three?\n\nIt is 0.1946.", "0.1946") == ["0.1946"]
