"""The notebooks in a real browser: explorers that follow, and nothing left behind."""

import re
import statistics
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4
from playwright.sync_api import Page

from tests.browser.conftest import PICTURES
from tests.browser.lab import Lab, Server
from tests.checkouts import git, run_in
from tests.notebooks.reading import NOTEBOOKS, ROOT

K_MEANS, HIERARCHY, COLORS = (path.name for path in NOTEBOOKS)

RESULTS_AT_FULL_SIZE = """
import fmnist_clustering as fc
from fmnist_clustering import explore
X = fc.load_split("test").pixels
sweep = fc.sweep_k(X, range(2, 11), n_init=1)
pictures = [255 * means for means in sweep.centroids]
silhouettes = fc.silhouette_samples(X, sweep.labels)
tree = fc.linkage(X, "ward")
means = 255 * fc.cluster_means(X, fc.truncate_tree(tree, 10).labels)
flower = fc.load_image("flower")
plain = {k: fc.quantize(flower, k) for k in (2, 5, 10, 20, 50, 75, 100)}
dithered = {
    k: fc.apply_palette(flower, few.palette, dither=True) for k, few in plain.items()
}"""
EXPLORERS = {
    "kmeans": "explore.kmeans(sweep.labels, pictures, silhouettes)",
    "tree": "explore.tree(tree, means)",
    "palette": "explore.palette(flower, plain, dithered)",
}


def outputs(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [out for cell in content["cells"] for out in cell.get("outputs", [])]


def take_pictures(lab: Lab, name: str) -> None:
    """Keep what the page looks like, by day and by night."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme in ("Dark", "Light"):
        lab.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        lab.page.wait_for_timeout(500)
        lab.page.screenshot(path=PICTURES / f"{name}-{theme.lower()}.png")


@pytest.mark.parametrize("name", [K_MEANS, HIERARCHY, COLORS])
def test_a_live_session(name: str, page: Page, server: Server, checkout: Path) -> None:
    lab = Lab(page, server, name)
    lab.run_all()
    lab.show_explorer()

    use_the_keyboard(lab, what="colors" if name == COLORS else "clusters")
    if name == COLORS:
        page.get_by_label("dithering").focus()
        lab.press("Space")
        upload_another_picture(lab)
    take_pictures(lab, Path(name).stem)

    assert git(checkout, "status", "--porcelain") == ""  # nothing was saved so far
    check_saved(lab.save())
    lab.reload()
    lab.scroll_to_explorer()
    page.get_by_role("heading", name="Play with it").wait_for()
    assert "Error displaying widget" not in page.content()
    assert lab.errors == []

    assert run_in(checkout, command="clean").code == 0
    assert git(checkout, "status", "--porcelain") == ""


def use_the_keyboard(lab: Lab, what: str) -> None:
    """Move the slider, and fill in the field; text and picture have to follow."""
    field = lab.page.get_by_label(f"number of {what}")
    field.focus()
    lab.page.keyboard.press("Tab")
    assert lab.slider.evaluate("handle => handle === document.activeElement")
    said = lab.sentence.inner_text()
    lab.press("ArrowRight")
    assert field.input_value() != "2"
    assert lab.sentence.inner_text() != said
    assert lab.picture.get_attribute("alt") == ""  # the sentence says it
    field.fill("10")
    lab.press("Enter")
    assert lab.sentence.inner_text().startswith(f"10 {what}")


def check_saved(content: dict[str, Any]) -> None:
    """Find no widget and no bar in the file, no error, and nothing on stderr."""
    saved = outputs(content)
    kinds = {output["output_type"] for output in saved}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert {output.get("name", "stdout") for output in saved} == {"stdout"}
    assert all(output.get("data") != {} for output in saved)
    assert "jupyter.widget" not in str(content)
    assert not re.search(r"\d/\d+ \[\d\d:\d\d", str(saved))  # as tqdm counts


def upload_another_picture(lab: Lab) -> None:
    source = lab.picture.get_attribute("src") or ""
    own = ROOT / "artifacts" / "cluster-5.png"
    button = lab.page.get_by_role("button", name="your own picture")
    with lab.page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files(own)
    lab.wait_for_other(source)


@pytest.mark.parametrize("name", [K_MEANS, HIERARCHY, COLORS])
def test_opened_and_saved_nothing_changes(
    name: str, page: Page, server: Server, checkout: Path
) -> None:
    lab = Lab(page, server, name)
    before = lab.path.stat().st_mtime_ns
    lab.save()
    assert lab.path.stat().st_mtime_ns != before
    assert git(checkout, "diff", "--unified=0") == ""


@pytest.mark.parametrize("name", EXPLORERS)
def test_times_are_measured_at_full_size(name: str, page: Page, server: Server) -> None:
    """Write down how long a picture takes after a key; a slow machine is no error."""
    path = server.root / f"{name}.ipynb"
    cells = [v4.new_code_cell(code) for code in (RESULTS_AT_FULL_SIZE, EXPLORERS[name])]
    kernel = {"display_name": "Python 3 (ipykernel)", "name": "python3"}
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    try:
        lab = Lab(page, server, path.name)
        lab.run_all()
        lab.show_explorer()
        lab.slider.focus()
        first = [lab.press("ArrowRight") for _ in range(6)]
        again = [lab.press("ArrowLeft") for _ in range(6)]
    finally:
        path.unlink()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (PICTURES / "times.csv").open("a") as file:
        for kind, seconds in (("drawn", first), ("drawn before", again)):
            file.write(f"{name},{kind},{statistics.median(seconds):.3f}\n")
