"""A copy of the notebooks in a small checkout, JupyterLab on it, and a browser."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

from fmnist_clustering import load_image
from tests.browser.lab import Server, jupyter_lab
from tests.notebooks.reading import NOTEBOOKS, ROOT

SMALL = {
    "N_IMAGES = 10_000": "N_IMAGES = 300",
    "FULL_SCALE = True": "FULL_SCALE = False",
    'IMAGE = "flower"': 'IMAGE = "small.png"',
}
"""Other values of parameters, with which the notebooks take a minute or less."""

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody who has told it a name; return what it prints."""
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", *name, *arguments]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    )
    return ended.stdout


def copy_small(notebook: Path, folder: Path) -> None:
    """Copy a notebook, and change its parameters."""
    content = nbformat.read(notebook, as_version=nbformat.NO_CONVERT)
    for cell in content.cells:
        if "parameters" in cell.metadata.get("tags", []):
            for old, new in SMALL.items():
                cell.source = cell.source.replace(old, new)
    nbformat.write(content, folder / notebook.name)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    reason = "skipped without playwright, which `make browser` installs"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    paths = [path for path in map(shutil.which, CHROMIUM_NAMES) if path]
    if not paths:
        pytest.skip("skipped without Chromium; on Debian: apt install chromium")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=paths[0], args=CHROMIUM_OPTIONS)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    opened = chromium.new_page(viewport={"width": 1200, "height": 1000})
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout whose notebooks have small parameters, all committed."""
    root: Path = tmp_path_factory.mktemp("checkout")
    notebooks = root / "notebooks"
    notebooks.mkdir()
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
def server(
    chromium: Any,  # noqa: ARG001  (without a browser no server is started)
    checkout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    with jupyter_lab(checkout, tmp_path_factory.mktemp("lab")) as running:
        yield running
