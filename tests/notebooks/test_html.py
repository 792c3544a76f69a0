"""Pages that `make html` makes of the notebooks: texts of figures, and links."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from nbconvert import HTMLExporter

import fmnist_clustering
from tests.notebooks.reading import NOTEBOOKS, ROOT, outputs, read

TEMPLATES = Path(fmnist_clustering.__file__).parent / "templates"


class Page(HTMLParser):
    """The alternative texts of all images, the ids, and the targets of all links."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str | None] = []
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids.add(found.get("id", ""))
        if tag == "img":
            self.texts.append(found.get("alt"))
        if tag == "a" and "href" in found:
            self.links.append(unquote(found["href"]))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_have_their_texts_and_links_lead_somewhere(path: Path) -> None:
    exporter = HTMLExporter(
        template_name="alt", extra_template_basedirs=[str(TEMPLATES)]
    )
    notebook = read(path)
    page = Page()
    page.feed(exporter.from_notebook_node(notebook)[0])

    figures = [out for out in outputs(notebook) if "image/png" in out.get("data", {})]
    assert page.texts == [out.metadata["image/png"]["alt"] for out in figures]

    pages = [notebook.with_suffix(".html").name for notebook in NOTEBOOKS]
    for link in page.links:
        file, _, anchor = link.partition("#")
        if not file:
            assert anchor in page.ids, link
        elif not file.startswith("https://") and file not in pages:
            assert (ROOT / "build" / "html" / file).resolve().exists(), link
