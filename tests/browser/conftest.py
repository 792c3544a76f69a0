"""A copy of the notebooks in a small checkout, JupyterLab on it, and a browser."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fmnist_clustering import load_image
from tests.checkouts import git
from tests.notebooks.reading import NOTEBOOKS, ROOT

# Only `make browser` installs what drives a browser.
if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]

PICTURES = ROOT / "build" / "browser"
"""Where screenshots and times are kept."""

SMALL = {
    "N_IMAGES = 10_000": "N_IMAGES = 300",
    "FULL_SCALE = True": "FULL_SCALE = False",
    'IMAGE = "flower"': 'IMAGE = "small.png"',
}
"""Other values of parameters, with which the notebooks take a minute or less."""


def copy_small(notebook: Path, folder: Path) -> None:
    """Copy a notebook, and change its parameters."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            source = "".join(cell["source"])
            smaller = source
            for old, new in SMALL.items():
                smaller = smaller.replace(old, new)
            assert smaller != source, notebook
            cell["source"] = smaller.splitlines(keepends=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / notebook.name).write_text(text + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout whose notebooks have small parameters, all committed."""
    root: Path = tmp_path_factory.mktemp("checkout")
    notebooks = root / "notebooks"
    for name in ("notebooks", "artifacts"):
        (root / name).mkdir()
    (root / "pyproject.toml").touch()
    (root / "data").symlink_to(ROOT / "data")
    (root / ".gitignore").write_text("build/\n.ipynb_checkpoints/\n")
    for path in NOTEBOOKS:
        copy_small(path, notebooks)
    flower = load_image("flower", max_pixels=20_000)
    Image.fromarray(flower).save(notebooks / "small.png")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "small")
    return root


@pytest.fixture(scope="session")
def server(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.browser.lab import jupyter_lab

    log = tmp_path_factory.mktemp("lab") / "log.txt"
    with jupyter_lab(checkout / "notebooks", log) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import CHROMIUM_OPTIONS, find_chromium

    with sync_playwright() as started:
        yield started.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_OPTIONS
        )


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    opened = chromium.new_page(viewport={"width": 1200, "height": 1000})
    yield opened
    opened.close()
