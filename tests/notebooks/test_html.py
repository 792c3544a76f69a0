"""Pages made of the notebooks say what is in each figure."""

from html.parser import HTMLParser
from pathlib import Path

from nbconvert import HTMLExporter

import fmnist_clustering
from tests.notebooks.reading import NOTEBOOKS, outputs, read

TEMPLATES = Path(fmnist_clustering.__file__).parent / "templates"


class AlternativeTexts(HTMLParser):
    """The texts of all images of a page, in their order; None where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.texts.append(dict(attrs).get("alt"))


def test_every_figure_has_its_alternative_text() -> None:
    exporter = HTMLExporter(
        template_name="alt", extra_template_basedirs=[str(TEMPLATES)]
    )
    for path in NOTEBOOKS:
        notebook = read(path)
        page = AlternativeTexts()
        page.feed(exporter.from_notebook_node(notebook)[0])
        figures = [o for o in outputs(notebook) if "image/png" in o.get("data", {})]
        assert page.texts == [o.metadata["image/png"]["alt"] for o in figures]
