"""The notebooks in a real browser: explorers that follow, and nothing left behind."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import git
from tests.browser.lab import SECOND, Lab, Server
from tests.notebooks.reading import NOTEBOOKS, ROOT

PICTURES = ROOT / "build" / "browser"
"""Where screenshots are kept."""

K_MEANS, HIERARCHY, COLORS = (path.name for path in NOTEBOOKS)


@pytest.mark.parametrize("name", [K_MEANS, HIERARCHY, COLORS])
def test_a_live_session(name: str, page: Any, server: Server, checkout: Path) -> None:
    git(checkout, "restore", "notebooks")
    lab = Lab(page, server, name)
    lab.command("notebook:run-all-cells")
    lab.scroll_to_explorer()
    lab.picture.wait_for(timeout=180 * SECOND)
    lab.picture.scroll_into_view_if_needed()

    if name == COLORS:
        choose_colors(lab)
    else:
        choose_clusters(lab)
    take_pictures(lab, Path(name).stem)

    check_saved(lab.save())
    lab.reload()
    lab.scroll_to_explorer()
    page.get_by_role("heading", name="Play with it").wait_for()
    assert "Error displaying widget" not in page.content()
    assert lab.errors == []
    # The figures of a live session land below build/, which git ignores.
    changed = git(checkout, "diff", "--name-only").split()
    assert changed == [f"notebooks/{name}"]


def choose_clusters(lab: Lab) -> None:
    """Move the slider by keyboard, and type a number beside it."""
    lab.wait_for_sentence("2 clusters")
    lab.page.locator(".widget-slider .noUi-handle").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.wait_for_sentence("3 clusters")
    lab.page.locator(".widget-readout").fill("10")
    lab.page.keyboard.press("Enter")
    lab.wait_for_sentence("10 clusters")


def choose_colors(lab: Lab) -> None:
    """Move the slider, turn the switch by keyboard, and upload a picture."""
    lab.wait_for_sentence("2 colors")
    lab.page.locator(".widget-slider .noUi-handle").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.wait_for_sentence("5 colors")
    plain = lab.sentence.inner_text()
    lab.page.get_by_label("dithering").focus()
    lab.page.keyboard.press("Space")
    lab.page.wait_for_function(
        "old => document.querySelector('[role=alert]').innerText != old", arg=plain
    )
    button = lab.page.get_by_role("button", name="your own picture")
    for file, said in (
        (ROOT / "README.md", "This file cannot be read as a picture."),
        (ROOT / "artifacts" / "cluster-10.png", "5 colors"),
    ):
        with lab.page.expect_file_chooser() as chooser:
            button.click()
        chooser.value.set_files(file)
        lab.page.get_by_text(said).first.wait_for()
    lab.wait_for_sentence("5 colors")


def take_pictures(lab: Lab, name: str) -> None:
    """Keep what the page looks like, by day and by night."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme in ("Dark", "Light"):
        lab.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        lab.page.wait_for_timeout(500)
        lab.page.screenshot(path=PICTURES / f"{name}-{theme.lower()}.png")


def check_saved(content: dict[str, Any]) -> None:
    """Find no widget and no bar in the file, no error, and nothing on stderr."""
    saved = [out for cell in content["cells"] for out in cell.get("outputs", [])]
    kinds = {output["output_type"] for output in saved}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert {output.get("name", "stdout") for output in saved} == {"stdout"}
    assert "jupyter.widget-state" not in str(content)
    assert not re.search(r"\d/\d+ \[\d\d:\d\d", str(saved))  # as tqdm counts
