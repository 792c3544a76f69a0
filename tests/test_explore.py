"""What explorers draw and say for one setting, and how their controls change it."""

import base64
import io
import re
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.offsetbox import AnnotationBbox
from nbclient import NotebookClient
from nbformat import v4
from numpy.typing import NDArray
from PIL import Image

import fmnist_clustering as fc
from fmnist_clustering import explore

RNG = np.random.default_rng(5)

# Twelve rows in two, three and four clusters. Of the three of cluster 3, which is new
# in the end, two come from cluster 1.
LABELS = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 2, 2, 2, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 2, 2, 3, 1, 1, 1, 3, 3],
    ]
)
PICTURES = [np.full((k, 784), 90.0) for k in (2, 3, 4)]
SILHOUETTES = np.array(
    [
        [0.5] * 12,
        [0.4] * 12,
        [0.4, 0.3, 0.2, 0.1, 0.6, 0.6, -0.3, 0.5, 0.5, 0.5, 0.1, 0.19],
    ]
)

ROWS = np.concatenate(
    [center + RNG.random((n, 2)) for center, n in ((0, 9), (5, 6), (20, 5), (29, 4))]
)
TREE = fc.linkage(ROWS, "ward")
BRANCHES = np.full((6, 784), 60.0)

PHOTO = RNG.integers(0, 256, (9, 16, 3), dtype=np.uint8)
PLAIN = {k: fc.quantize(PHOTO, k) for k in (2, 5)}
DITHERED = {
    k: fc.apply_palette(PHOTO, few.palette, dither=True) for k, few in PLAIN.items()
}


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))


# Clusters


def test_each_cluster_has_its_size_below_it() -> None:
    drawing = explore.draw_clusters(LABELS, PICTURES, SILHOUETTES, 2)
    family, columns = drawing.figure.axes
    shown = [label.get_text() for label in family.get_yticklabels()]
    assert shown == ["k = 3", "k = 4"]
    texts = [label.get_text() for label in columns.get_xticklabels()]
    # By their barycenters 0 stands left of 2, which comes from 0, then 3, then 1.
    assert [texts[i] for i in np.argsort(columns.get_xticks())] == ["4", "2", "3", "3"]


def test_the_sentence_names_the_weakest_cluster_and_where_a_new_one_comes_from() -> (
    None
):
    sentence = explore.draw_clusters(LABELS, PICTURES, SILHOUETTES, 2).sentence
    assert sentence == (
        "4 clusters of 2 to 4 images, mean silhouette 0.31. Cluster 3 has the lowest, "
        "0.00; 33% of its images are below 0. Cluster 3 is new: 67% of its images come "
        "from cluster 1."
    )


# Trees


def names_below(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text().isdigit()]


@pytest.mark.parametrize("n_clusters", range(2, 7))
def test_a_cut_gives_the_clusters_of_scipy(n_clusters: int) -> None:
    drawing = explore.draw_cut(TREE, BRANCHES, n_clusters)
    sizes = np.bincount(fc.flat_clusters(TREE, n_clusters=n_clusters))
    (ax,) = drawing.figure.axes
    assert ax.get_title(loc="left") == f"{n_clusters} clusters"
    assert set(map(str, sizes)) <= set(names_below(ax))
    listed = ", ".join(str(size) for size in sorted(sizes, reverse=True))
    assert drawing.sentence.startswith(f"{n_clusters} clusters of {listed} images.")
    low, high = TREE[-n_clusters, 2], TREE[1 - n_clusters, 2]
    assert f"from {low:.4g} to {high:.4g} gives them" in drawing.sentence
    assert drawing.sentence.endswith(f"Relative gap {high / low:.2f}.")


def frame_colors(n_clusters: int) -> list[str]:
    """Return the color of each leaf's frame, from left to right."""
    (ax,) = explore.draw_cut(TREE, BRANCHES, n_clusters).figure.axes
    frames = [each for each in ax.artists if isinstance(each, AnnotationBbox)]
    frames.sort(key=lambda frame: frame.xy[0])
    return [to_hex(frame.patch.get_edgecolor()) for frame in frames]


@pytest.mark.parametrize("n_clusters", range(2, 6))
def test_when_a_cluster_is_divided_all_else_keeps_its_color(n_clusters: int) -> None:
    before = frame_colors(n_clusters)
    after = frame_colors(n_clusters + 1)
    changed = {new for old, new in zip(before, after, strict=True) if old != new}
    kept = {new for old, new in zip(before, after, strict=True) if old == new}
    (new_color,) = changed
    assert new_color not in before
    assert kept == set(before)


# Palettes


def test_a_picture_is_drawn_pixel_for_pixel_above_its_palette() -> None:
    drawing = explore.draw_palette(PHOTO, PLAIN[5])
    stream = io.BytesIO()
    drawing.figure.savefig(stream, format="png")
    pixels = pixels_of(stream.getvalue())
    zoom = explore.ENLARGED_EDGE // 16
    picture = pixels[: 9 * zoom : zoom, ::zoom]
    np.testing.assert_array_equal(picture, PLAIN[5].image)
    strip = pixels[-10]
    found, counts = np.unique(strip, axis=0, return_counts=True)
    shares = {tuple(c): n / len(strip) for c, n in zip(found, counts, strict=True)}
    for color, share in zip(PLAIN[5].palette, PLAIN[5].shares, strict=True):
        assert shares[tuple(color)] == pytest.approx(share, abs=0.01)


def test_the_sentence_counts_bytes_and_decibels() -> None:
    error = (PHOTO.astype(float) - PLAIN[5].image) ** 2
    decibels = 10 * np.log10(255**2 / error.mean())
    size = len(fc.indexed_png(PLAIN[5]))
    assert explore.draw_palette(PHOTO, PLAIN[5]).sentence == (
        f"5 colors: {decibels:.1f} dB, {size} bytes as an indexed PNG file; the raw "
        f"pixels take {PHOTO.size / size:.1f} times as many."
    )


# Explorers


class Explorer:
    """The controls of an explorer that is displayed, and what they show."""

    def __init__(self, bundle: dict[str, Any], raw: bool) -> None:
        # Only a view: with a text beside it, a saved notebook would show that.
        assert raw
        assert [*bundle] == ["application/vnd.jupyter.widget-view+json"]
        ((_, view),) = bundle.items()
        name = f"IPY_MODEL_{view['model_id']}"
        box = widgets.widget_serialization["from_json"](name, None)
        self.slider, *self.others, self.view = box.children

    def upload(self, content: bytes) -> None:
        """Choose a file, as the browser does."""
        _, button = self.others
        file = {"name": "mine", "type": "", "size": len(content), "last_modified": 0}
        button.set_state({"value": [file | {"content": memoryview(content)}]})

    @property
    def sentence(self) -> str:
        return re.sub("<.*?>", "", self.view.value)

    @property
    def png(self) -> bytes:
        (source,) = re.findall(r"data:image/png;base64,([^\"]+)", self.view.value)
        return base64.b64decode(source)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Explorer]:
    """Return the explorers that are displayed, as if somebody sat at a notebook."""
    explorers: list[Explorer] = []
    monkeypatch.setattr(explore, "is_live", lambda: True)
    monkeypatch.setattr(
        explore, "display", lambda *a, **b: explorers.append(Explorer(*a, **b))
    )
    return explorers


CELL = """
import numpy as np
from fmnist_clustering import explore, sweep_k
rows = np.arange(60 * 784).reshape(60, 784).astype(np.uint8)
fits = sweep_k(rows, [2, 3])
explore.kmeans(fits.labels, fits.centroids, np.zeros((2, 60)))
"""


@pytest.mark.slow
def test_a_program_that_executes_a_notebook_gets_no_output() -> None:
    notebook = v4.new_notebook(cells=[v4.new_code_cell(CELL)])
    NotebookClient(notebook, kernel_name="python3").execute()
    assert notebook.cells[0].outputs == []
    assert "widgets" not in notebook.metadata


def test_the_slider_chooses_a_labeling(shown: list[Explorer]) -> None:
    explore.kmeans(LABELS, PICTURES, SILHOUETTES)
    (explorer,) = shown
    assert (explorer.slider.min, explorer.slider.max) == (2, 4)
    assert explorer.sentence.startswith("2 clusters")
    first = explorer.png
    explorer.slider.value = 4
    assert explorer.sentence.startswith("4 clusters")
    assert explorer.png != first
    explorer.slider.value = 2
    assert explorer.png == first


def test_the_slider_cuts_a_tree(shown: list[Explorer]) -> None:
    explore.tree(TREE, BRANCHES)
    (explorer,) = shown
    for k in range(2, 7):
        explorer.slider.value = k
        assert explorer.sentence == explore.draw_cut(TREE, BRANCHES, k).sentence


def test_where_no_cut_gives_so_many_clusters_the_explorer_says_so(
    shown: list[Explorer],
) -> None:
    square_and_one = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1], [9, 9]])
    explore.tree(fc.linkage(square_and_one, "single"), np.zeros((4, 784)))
    (explorer,) = shown
    explorer.slider.value = 3
    assert "several merges have the same height" in explorer.sentence
    explorer.slider.value = 2
    assert explorer.sentence.startswith("2 clusters of 4, 1 images.")


def test_the_switch_dithers(shown: list[Explorer]) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    (explorer,) = shown
    explorer.slider.value = 5
    assert explorer.sentence == explore.draw_palette(PHOTO, PLAIN[5]).sentence
    switch, _ = explorer.others
    switch.value = True
    assert explorer.sentence == explore.draw_palette(PHOTO, DITHERED[5]).sentence


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def test_a_picture_of_ones_own_takes_the_place_of_the_first(
    shown: list[Explorer],
) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    (explorer,) = shown
    mine = np.zeros((40, 30, 3), dtype=np.uint8)
    mine[:20] = 250
    explorer.upload(png_of(mine))
    expected = explore.draw_palette(mine, fc.quantize(mine, 2)).sentence
    assert explorer.sentence == expected
    explorer.upload(png_of(np.zeros((1000, 1500, 3), dtype=np.uint8)))
    height, width, _ = pixels_of(explorer.png).shape
    assert width * height < 150_000, "it is made smaller"


def test_a_file_that_is_no_picture_gets_a_sentence(shown: list[Explorer]) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    (explorer,) = shown
    explorer.upload(b"no picture")
    assert explorer.sentence == "This file cannot be read as a picture."
    explorer.upload(png_of(PHOTO))
    assert explorer.sentence.startswith("2 colors")
