"""The artifacts that nbval's run left under build/ show the same as the committed ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compare import difference, read_pixels
from tests.notebooks.reading import ROOT

COMMITTED = ROOT / "artifacts"
STAGED = ROOT / "build" / "test" / "artifacts"
PICTURES = ROOT / "build" / "test" / "differences"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*") if not path.name.startswith("benchmarks"))


def draw_difference(name: str) -> str:
    """Save committed, new and their difference side by side; return where."""
    old, new = (read_pixels((folder / name).read_bytes()) for folder in (COMMITTED, STAGED))
    height, width = np.maximum(old.shape[:2], new.shape[:2])
    pages = np.full((3, height, width, 3), 255.0)
    for page, pixels in zip(pages, (old, new), strict=False):
        page[: pixels.shape[0], : pixels.shape[1]] = pixels[..., :3]
    pages[2] = 255 - np.abs(pages[0] - pages[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(pages, axis=1).astype(np.uint8)).save(PICTURES / name)
    return f" (committed, new, difference: {(PICTURES / name).relative_to(ROOT)})"


def test_the_same_files_are_written() -> None:
    assert names(STAGED) == names(COMMITTED), "run `make nbval` first, then see which name is new"


@pytest.mark.parametrize("name", names(COMMITTED))
def test_content_is_the_same(name: str) -> None:
    reason = difference(COMMITTED / name, STAGED / name)
    if reason:
        picture = draw_difference(name) if name.endswith(".png") else ""
        accept = f"cp build/test/artifacts/{name} artifacts/"
        pytest.fail(f"{name}: {reason}{picture}; if the new one is right: {accept}", pytrace=False)
