"""What explorers draw and say for one setting, and when they show themselves."""

import base64
import io
import re
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_hex
from matplotlib.offsetbox import AnnotationBbox
from numpy.typing import NDArray
from PIL import Image

import fmnist_clustering as fc
from fmnist_clustering import explore, plots

ipywidgets = pytest.importorskip("ipywidgets")

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


def numbers_in(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


# Clusters


def profiles(ax: Axes) -> list[NDArray[np.float64]]:
    """Return the silhouettes that are drawn for each cluster, from left to right.

    A curve is filled down to 0; what is drawn at 0 is left out.
    """
    outlines = [
        np.asarray(each.get_paths()[0].vertices)
        for each in ax.collections
        if isinstance(each, FillBetweenPolyCollection)
    ]
    outlines.sort(key=lambda outline: outline[:, 0].min())
    # Their corners by rising x, each once.
    corners = [np.unique(outline, axis=0) for outline in outlines]
    return [y[y != 0] for _, y in (each.T for each in corners)]


def sizes_below(ax: Axes) -> list[str]:
    """Return the texts of the ticks from left to right."""
    texts = [label.get_text() for label in ax.get_xticklabels()]
    return [texts[i] for i in np.argsort(ax.get_xticks())]


def test_each_cluster_has_its_size_and_its_silhouettes() -> None:
    drawing = explore.draw_clusters(LABELS, PICTURES, SILHOUETTES, 2)
    family, columns = drawing.figure.axes
    shown = [label.get_text() for label in family.get_yticklabels()]
    assert shown == ["k = 3", "k = 4"]
    # By their barycenters 0 stands left of 2, which comes from 0, then 3, then 1.
    from_left_to_right = [0, 2, 3, 1]
    assert sizes_below(columns) == ["4", "2", "3", "3"]
    for cluster, curve in zip(from_left_to_right, profiles(columns), strict=True):
        members = SILHOUETTES[2][LABELS[2] == cluster]
        np.testing.assert_allclose(curve, np.sort(members)[::-1])


def test_heights_can_be_compared_between_levels() -> None:
    limits = set()
    for level in range(3):
        _, columns = explore.draw_clusters(
            LABELS, PICTURES, SILHOUETTES, level
        ).figure.axes
        limits.add(columns.get_ylim())
    ((lowest, highest),) = limits
    assert lowest < -0.3
    assert highest > 0.6


def test_the_sentence_names_the_weakest_cluster_and_where_a_new_one_comes_from() -> (
    None
):
    sentence = explore.draw_clusters(LABELS, PICTURES, SILHOUETTES, 2).sentence
    assert sentence == (
        "4 clusters of 2 to 4 images, mean silhouette 0.31. Cluster 3 has the lowest, "
        "0.00; 33% of its images are below 0. Cluster 3 is new: 67% of its images come "
        "from cluster 1."
    )


def test_the_first_level_has_nothing_above() -> None:
    drawing = explore.draw_clusters(LABELS, PICTURES, SILHOUETTES, 0)
    family, _ = drawing.figure.axes
    assert [label.get_text() for label in family.get_yticklabels()] == ["k = 2"]
    assert "new" not in drawing.sentence


def test_large_clusters_are_drawn_by_quantiles() -> None:
    many = np.linspace(-0.5, 0.9, 5000)
    labels = np.repeat([[0, 1]], 2500, axis=1)
    pictures = [np.zeros((2, 784))]
    drawing = explore.draw_clusters(labels, pictures, many[None], 0)
    _, columns = drawing.figure.axes
    first, second = profiles(columns)
    assert len(first) < 1000
    assert first[[0, -1]] == pytest.approx([many[2499], -0.5])
    assert second[[0, -1]] == pytest.approx([0.9, many[2500]])


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


def test_the_line_of_a_cut_lies_in_its_gap() -> None:
    (ax,) = explore.draw_cut(TREE, BRANCHES, 3).figure.axes
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    heights = [np.asarray(line.get_ydata())[0] for line in dashed]
    assert heights == [pytest.approx((TREE[-3, 2] + TREE[-2, 2]) / 2)]


def test_the_widest_gap_is_number_one() -> None:
    widest = int(fc.merge_gaps(TREE, 6)["n_clusters"][0])
    assert "this is number 1 by" in explore.draw_cut(TREE, BRANCHES, widest).sentence


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


def test_a_tree_of_ties_offers_only_what_a_cut_can_give(
    shown: list[dict[str, Any]],
) -> None:
    square_and_one = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1], [9, 9]])
    tree = fc.linkage(square_and_one, "single")
    pictures = np.zeros((4, 784))
    explore.tree(tree, pictures)
    assert Explorer(shown).field.options == ("2",)
    with pytest.raises(ValueError, match=r"several merges have the same height"):
        explore.draw_cut(tree, pictures, 3)


def test_a_tree_without_any_gap_is_refused() -> None:
    square = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    with pytest.raises(ValueError, match=r"Z: found only merges of the same height"):
        explore.tree(fc.linkage(square, "single"), np.zeros((3, 784)))


# Palettes


def test_a_picture_is_drawn_pixel_for_pixel_above_its_palette() -> None:
    drawing = explore.draw_palette(PHOTO, PLAIN[5])
    pixels = pixels_of(explore._png(drawing.figure))
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
    stream = io.BytesIO()
    few = Image.fromarray(PLAIN[5].indices)
    few.putpalette(PLAIN[5].palette.tobytes())
    few.save(stream, "png", optimize=True)
    found = numbers_in(explore.draw_palette(PHOTO, PLAIN[5]).sentence)
    size = len(stream.getvalue())
    assert found == [5, round(decibels, 1), size, round(PHOTO.size / size, 1)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (500, 700)])
def test_pictures_of_any_shape_are_drawn(shape: tuple[int, int]) -> None:
    photo = np.zeros((*shape, 3), dtype=np.uint8)
    drawing = explore.draw_palette(photo, fc.quantize(photo, 2))
    height, width, _ = pixels_of(explore._png(drawing.figure)).shape
    strip = explore.STRIP_GAP + explore.STRIP_HEIGHT
    assert (height - strip) / width == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert max(height - strip, width) in (400, 700, 900)


# Explorers


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what is displayed, as if somebody sat at a notebook."""
    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr(explore, "is_live", lambda: True)
    monkeypatch.setattr(
        explore, "display", lambda bundle, raw: bundles.append(bundle if raw else {})
    )
    return bundles


class Explorer:
    """The controls of an explorer, and what they show."""

    def __init__(self, bundles: list[dict[str, Any]]) -> None:
        (bundle,) = bundles
        # Only a view: with a text beside it, a saved notebook would show that.
        (view,) = bundle.values()
        assert [*bundle] == ["application/vnd.jupyter.widget-view+json"]
        box = ipywidgets.widget_serialization["from_json"](
            f"IPY_MODEL_{view['model_id']}", None
        )
        row, *self.others, self._sentence, self._picture = box.children
        self.field, self.slider = row.children

    def upload(self, content: bytes) -> None:
        """Put a file into the button for uploads, as the browser does."""
        _, _, button, _ = self.others
        file = {
            "name": "mine",
            "type": "",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": 0,
        }
        button.set_state({"value": [file]})

    @property
    def problem(self) -> str:
        *_, problem = self.others
        return re.sub("<.*?>", "", problem.value)

    @property
    def sentence(self) -> str:
        return re.sub("<.*?>", "", self._sentence.value)

    @property
    def png(self) -> bytes:
        (source,) = re.findall(r"data:image/png;base64,([^\"]+)", self._picture.value)
        return base64.b64decode(source)


def test_nothing_is_shown_where_nobody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something was displayed")

    monkeypatch.setattr(explore, "display", refuse)
    explore.kmeans(LABELS, PICTURES, SILHOUETTES)
    explore.tree(TREE, BRANCHES)
    explore.palette(PHOTO, PLAIN, DITHERED)


def test_without_ipywidgets_nothing_is_shown(
    shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    explore.kmeans(LABELS, PICTURES, SILHOUETTES)
    assert shown == []


def test_the_slider_and_the_field_change_clusters(shown: list[dict[str, Any]]) -> None:
    explore.kmeans(LABELS, PICTURES, SILHOUETTES)
    explorer = Explorer(shown)
    assert explorer.field.description == "number of clusters"
    assert explorer.field.options == ("2", "3", "4")
    assert explorer.sentence.startswith("2 clusters")
    first = explorer.png
    explorer.slider.index = 2
    assert explorer.sentence.startswith("4 clusters")
    assert explorer.png != first
    explorer.field.value = "2"
    assert explorer.slider.index == 0
    assert explorer.png == first


def test_the_tree_follows(shown: list[dict[str, Any]]) -> None:
    explore.tree(TREE, BRANCHES)
    explorer = Explorer(shown)
    for k in range(2, 7):
        explorer.field.value = str(k)
        assert explorer.sentence.startswith(f"{k} clusters")


def test_a_setting_is_drawn_once(
    shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    explore.tree(TREE, BRANCHES)
    explorer = Explorer(shown)
    explorer.field.value = "3"
    monkeypatch.setattr(explore, "_png", lambda _: pytest.fail("drawn once more"))
    explorer.field.value = "2"
    explorer.field.value = "3"


def test_the_switch_dithers(shown: list[dict[str, Any]]) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    explorer = Explorer(shown)
    dither_box, *_ = explorer.others
    assert dither_box.description == "dithering"
    plain = explorer.sentence
    dither_box.value = True
    assert explorer.sentence != plain
    assert explorer.sentence == explore.draw_palette(PHOTO, DITHERED[2]).sentence


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def test_a_picture_of_ones_own_takes_the_place(shown: list[dict[str, Any]]) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    explorer = Explorer(shown)
    mine = np.zeros((40, 30, 3), dtype=np.uint8)
    mine[:20] = 250
    explorer.upload(png_of(mine))
    assert (
        explorer.sentence == explore.draw_palette(mine, fc.quantize(mine, 2)).sentence
    )
    assert explorer.sentence.startswith("2 colors: no loss,")


def test_an_upload_is_made_smaller(shown: list[dict[str, Any]]) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    explorer = Explorer(shown)
    explorer.upload(png_of(np.zeros((1000, 1500, 3), dtype=np.uint8)))
    height, width, _ = pixels_of(explorer.png).shape
    assert width * height < 150_000


def test_each_picture_can_be_chosen_again(shown: list[dict[str, Any]]) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    explorer = Explorer(shown)
    _, choice, *_ = explorer.others
    first = explorer.png
    for grey in (100, 200):
        explorer.upload(png_of(np.full((5, 5, 3), grey, dtype=np.uint8)))
    assert choice.options == ("first picture", "picture 2", "picture 3")
    assert choice.value == "picture 3"
    assert explorer.sentence.startswith("1 color: no loss,")
    choice.value = "first picture"
    assert explorer.png == first


def test_a_file_that_is_no_picture_changes_nothing(
    shown: list[dict[str, Any]],
) -> None:
    explore.palette(PHOTO, PLAIN, DITHERED)
    explorer = Explorer(shown)
    before = explorer.png
    explorer.upload(b"no picture")
    assert explorer.problem == "This file cannot be read as a picture."
    assert explorer.png == before
    explorer.field.value = "5"
    assert explorer.sentence == explore.draw_palette(PHOTO, PLAIN[5]).sentence
    explorer.upload(png_of(PHOTO))
    assert explorer.problem == ""


def test_uploads_have_the_form_of_either_version_of_ipywidgets() -> None:
    eight = ({"name": "a", "content": memoryview(b"one")},)
    seven = {"a": {"metadata": {}, "content": b"one"}}
    assert explore._contents(eight) == explore._contents(seven) == [b"one"]
    assert explore._contents(()) == explore._contents({}) == []


def test_colors_of_clusters_are_those_of_the_other_figures() -> None:
    _, columns = explore.draw_clusters(LABELS, PICTURES, SILHOUETTES, 0).figure.axes
    faces = [
        to_hex(np.asarray(each.get_facecolor())[0])
        for each in columns.collections
        if isinstance(each, FillBetweenPolyCollection)
    ]
    assert faces == [plots.cluster_color(0), plots.cluster_color(1)]
