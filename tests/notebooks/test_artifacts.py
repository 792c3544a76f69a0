"""What nbval's run left under build/ shows the same as the committed artifacts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.notebooks.compare import difference, read_pixels
from tests.notebooks.reading import ROOT

COMMITTED = ROOT / "artifacts"
STAGED = ROOT / "build" / "test" / "artifacts"
PICTURES = ROOT / "build" / "test" / "differences"


def names(folder: Path) -> list[str]:
    """Return the files that notebooks write: all but the results of other commands."""
    files = [path.name for path in folder.glob("[!.]*") if path.suffix != ".md"]
    others = ("benchmarks", "validation")
    return sorted(name for name in files if not name.startswith(others))


def draw_difference(name: str, old: bytes, new: bytes) -> Path:
    """Save the committed picture, the new one and their difference side by side."""
    pages = [read_pixels(content)[..., :3] for content in (old, new)]
    height, width = np.max([page.shape[:2] for page in pages], axis=0)
    canvas = np.full((3, height, width, 3), 255.0)
    for i, page in enumerate(pages):
        canvas[i, : page.shape[0], : page.shape[1]] = page
    canvas[2] = 255 - np.abs(canvas[0] - canvas[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    side_by_side = np.concatenate(list(canvas), axis=1)
    Image.fromarray(side_by_side.astype(np.uint8)).save(PICTURES / name)
    return PICTURES / name


def test_the_same_files_are_written() -> None:
    assert names(STAGED) == names(COMMITTED), (
        "run `make nbval` first; if a name differs then, that notebook writes a new "
        "file, or no longer writes an old one"
    )


@pytest.mark.parametrize("name", names(COMMITTED))
def test_content_is_the_same(name: str) -> None:
    old = (COMMITTED / name).read_bytes()
    new = (STAGED / name).read_bytes()
    reason = difference(name, old, new)
    if not reason:
        return
    lines = [f"{name}: {reason}"]
    if name.endswith(".png"):
        picture = draw_difference(name, old, new).relative_to(ROOT)
        lines.append(f"committed, new and difference side by side: {picture}")
    lines.append("if the new one is right: make")
    pytest.fail("\n".join(lines), pytrace=False)
