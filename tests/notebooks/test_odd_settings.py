"""The notebooks with few images, with other images, and with other pictures."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.cluster import hierarchy
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from fmnist_clustering import CLASS_NAMES, FashionMNIST, load_split
from fmnist_clustering.data import COLUMNS
from tests.checkouts import Ended, run_in
from tests.notebooks.reading import NOTEBOOKS, ROOT, code_cells, printed

pytestmark = pytest.mark.slow

K_MEANS, HIERARCHY, COLORS = NOTEBOOKS

SIDE = 56
"""Screen pixels along an edge of an image in a gallery: 28 x 28, twice enlarged."""


class Page(NamedTuple):
    """What a notebook has printed and saved."""

    cells: list[str]
    artifacts: Path

    def line(self, start: str) -> str:
        """Return the only printed line that starts like this."""
        lines = "\n".join(self.cells).splitlines()
        (found,) = [line for line in lines if line.startswith(start)]
        return found

    def numbers(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.artifacts / name)

    def picture(self, name: str) -> NDArray[np.uint8]:
        with Image.open(self.artifacts / name) as picture:
            return np.asarray(picture.convert("L"))


def run_notebook(notebook: Path, output: Path, settings: Mapping[str, object]) -> Ended:
    options = [f"--set={name}={value}" for name, value in settings.items()]
    return run_in(ROOT, notebook, *options, f"--output-dir={output}")


def read_page(notebook: Path, output: Path, settings: Mapping[str, object]) -> Page:
    """Run a notebook to its end; nothing that it prints may be no number."""
    ended = run_notebook(notebook, output, settings)
    assert ended.code == 0, ended.err
    cells = code_cells(nbformat.read(output / notebook.name, as_version=4))
    texts = [printed(cell) for cell in cells]
    for text in texts:
        assert not re.search(r"\bnan\b|Warning: (?!.*these are not)", text, re.I), text
    return Page(texts, output / "artifacts")


def write_csv(folder: Path, split: str, images: FashionMNIST) -> None:
    folder.mkdir(exist_ok=True)
    rows = np.column_stack([images.garments, images.pixels])
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.to_csv(folder / f"fashion-mnist_{split}.csv", index=False)


def choose(images: FashionMNIST, rows: NDArray[np.int64]) -> FashionMNIST:
    return FashionMNIST(images.pixels[rows], images.garments[rows])


@pytest.fixture(scope="module")
def test_split() -> FashionMNIST:
    return load_split("test")


@pytest.fixture(scope="module")
def few_classes(test_split: FashionMNIST) -> FashionMNIST:
    """Return 137 images of four garments in another order; boots are rare."""
    order = np.random.default_rng(3).permutation(len(test_split.garments))
    garments = test_split.garments[order]
    boots = order[garments == 9][:4]
    others = order[np.isin(garments, [1, 4, 8])][:133]
    shuffled = np.random.default_rng(4).permutation(np.concatenate([others, boots]))
    return choose(test_split, shuffled)


# Part 1


def assert_row_shows(
    page: NDArray[np.uint8],
    corner: tuple[int, int],
    expected: NDArray[np.uint8],
    n_columns: int,
) -> None:
    """Check one row of a gallery: these images first, and then nothing but white.

    `corner` is the upper left one. The images of a gallery are 5 image pixels apart.
    """
    top, left = corner
    for column in range(n_columns):
        x = left + column * (SIDE + 10)
        found = page[top : top + SIDE : 2, x : x + SIDE : 2].astype(int)
        image = np.zeros(784, dtype=np.uint8)  # 0 is white
        if column < len(expected):
            image = expected[column]
        assert np.abs(255 - found.ravel() - image).max() <= 1


def check_part_1(
    page: Page, images: FashionMNIST, names: Sequence[str] = CLASS_NAMES
) -> None:
    """Check the galleries and what they say, from the images and the labels alone."""
    listed = page.numbers("dataset.csv")
    gallery = page.picture("dataset.png")
    for garment in range(10):
        rows = np.flatnonzero(images.garments == garment)[:10]
        assert listed["image"][listed["garment"] == garment].tolist() == rows.tolist()
        corner = (25 + garment * (SIDE + 10), 120)
        assert_row_shows(gallery, corner, images.pixels[rows], 10)

    X = images.pixels / 255
    labels = page.numbers("pca-clusters.csv")["cluster"].to_numpy()
    members = page.numbers("members.csv").set_index("cluster")
    for cluster in range(10):
        rows = np.flatnonzero(labels == cluster)
        distance = np.square(X[rows] - X[rows].mean(axis=0)).sum(axis=1)
        from_center = rows[np.argsort(distance, kind="stable")]
        of_cluster = members.loc[[cluster]]
        assert of_cluster["nearest"].tolist() == from_center[:5].tolist()
        assert of_cluster["farthest"].tolist() == from_center[::-1][:5].tolist()

    counts = page.numbers("contingency.csv")
    counts = counts.set_index(counts.columns[0])
    for garment, row in counts.iterrows():
        of_garment = labels[images.garments == names.index(str(garment))]
        expected = np.bincount(of_garment, minlength=10)
        assert row.rename(int).sort_index().tolist() == expected.tolist()
    present = {names[garment] for garment in images.garments}
    assert set(counts.index) == present, "no row for what the file does not hold"


@pytest.mark.parametrize("n_images", [50, 100, 137])
def test_part_1_with_few_images(
    tmp_path: Path,
    test_split: FashionMNIST,
    n_images: int,
) -> None:
    settings = {"N_IMAGES": n_images, "FULL_SCALE": False}
    page = read_page(K_MEANS, tmp_path, settings)
    check_part_1(page, choose(test_split, np.arange(n_images)))


def test_part_1_with_a_shuffled_file_without_some_garments(
    tmp_path: Path,
    few_classes: FashionMNIST,
) -> None:
    write_csv(tmp_path / "data", "test", few_classes)
    write_csv(tmp_path / "data", "train", few_classes)
    page = read_page(K_MEANS, tmp_path / "out", {"DATA_DIR": tmp_path / "data"})
    check_part_1(page, few_classes)
    assert page.line("137 images, ")
    assert page.line("274 images")


def test_part_1_says_when_every_start_is_the_best(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # Ten tight heaps along a line of grey, the first of them far from the others.
    grey = np.repeat(np.arange(10), 6) * 20 + 70
    pixels = grey[:, np.newaxis] + rng.integers(0, 2, (60, 784))
    images = FashionMNIST(pixels.astype(np.uint8), np.repeat(np.arange(10), 6))
    write_csv(tmp_path / "data", "test", images)
    settings = {"DATA_DIR": tmp_path / "data", "FULL_SCALE": False}
    page = read_page(K_MEANS, tmp_path / "out", settings)
    (study,) = [text for text in page.cells if "reached best" in text]
    (line,) = [line for line in study.splitlines() if line.startswith("k-means++")]
    _way, reached, _worst, agreement = line.split()
    assert (reached, agreement) == ("30", "1.000")


@pytest.fixture(scope="module")
def digits() -> FashionMNIST:
    """Return scikit-learn's digits, enlarged to 28 x 28 pixels and 256 levels."""
    bunch = load_digits()
    small = (bunch.images * (255 / 16)).astype(np.uint8)
    large = [Image.fromarray(image).resize((28, 28)) for image in small]
    pixels = np.stack([np.asarray(image).ravel() for image in large])
    return FashionMNIST(pixels, bunch.target.astype(np.uint8))


DIGITS = [f"digit {i}" for i in range(10)]


def read_page_of_digits(notebook: Path, folder: Path, digits: FashionMNIST) -> Page:
    """Run a notebook on other images, and check that it says so."""
    write_csv(folder / "data", "test", digits)
    settings = {
        "DATA_DIR": folder / "data",
        "FULL_SCALE": False,
        "CLASS_NAMES": DIGITS,
    }
    page = read_page(notebook, folder / "out", settings)
    assert page.line("These are other images: the text describes Fashion-MNIST.")
    return page


def test_part_1_with_other_images(tmp_path: Path, digits: FashionMNIST) -> None:
    page = read_page_of_digits(K_MEANS, tmp_path, digits)
    check_part_1(page, digits, DIGITS)


# Part 2


def cut_anew(pixels: NDArray[np.uint8], n_clusters: int) -> NDArray[np.int64]:
    """Cut SciPy's own tree."""
    tree = hierarchy.linkage(pixels / 255, "ward")
    return np.asarray(hierarchy.fcluster(tree, n_clusters, "maxclust"))


def branches_above(pixels: NDArray[np.uint8], n_leaves: int) -> list[frozenset[int]]:
    """Return the branches of Ward's tree down to its last leaves, without the whole."""
    found: set[frozenset[int]] = set()
    for n_clusters in range(2, n_leaves + 1):
        labels = cut_anew(pixels, n_clusters)
        for cluster in np.unique(labels):
            found.add(frozenset(np.flatnonzero(labels == cluster).tolist()))
    return list(found)


def check_same_rows(page: Page, sample: FashionMNIST, train: FashionMNIST) -> None:
    """Check that the two trees are compared on the rows that both hold."""
    n_train = len(train.pixels)
    everything = np.concatenate([train.pixels, sample.pixels])
    line = page.line("ARI of the cuts of both trees")
    found = dict(re.findall(r"(\d+): (-?[\d.]+)", line))
    assert found.keys() == {"2", "3", "4", "10"}
    for n_clusters, value in found.items():
        small = cut_anew(sample.pixels, int(n_clusters))
        large = cut_anew(everything, int(n_clusters))[n_train:]
        expected = adjusted_rand_score(small, large)
        assert float(value) == pytest.approx(expected, abs=1e-4)


def test_part_2_compares_the_same_rows(
    tmp_path: Path,
    test_split: FashionMNIST,
) -> None:
    test = choose(test_split, np.arange(300))
    train = choose(test_split, np.arange(1000, 1600))
    write_csv(tmp_path / "data", "test", test)
    write_csv(tmp_path / "data", "train", train)
    page = read_page(HIERARCHY, tmp_path / "out", {"DATA_DIR": tmp_path / "data"})
    check_same_rows(page, test, train)


def test_part_2_with_training_images_unlike_any_of_the_sample(
    tmp_path: Path,
    few_classes: FashionMNIST,
) -> None:
    train = choose(few_classes, np.arange(100))
    train.pixels[:40] = 255 - train.pixels[:40]
    write_csv(tmp_path / "data", "test", few_classes)
    write_csv(tmp_path / "data", "train", train)
    settings = {"DATA_DIR": tmp_path / "data", "N_IMAGES": 120}
    page = read_page(HIERARCHY, tmp_path / "out", settings)
    sample = few_classes.pixels[:120]
    everything = np.concatenate([train.pixels, few_classes.pixels])
    # A branch is a cluster of some cut. The larger tree is searched down to 60 leaves.
    of_sample = branches_above(sample, 12)
    of_whole = branches_above(everything, 60)
    in_sample = [{row - 100 for row in rows if 100 <= row < 220} for rows in of_whole]
    expected = [
        (len(rows), max(len(rows & each) / len(rows | each) for each in in_sample))
        for rows in of_sample
    ]
    found = page.numbers("two-trees.csv")
    pairs = zip(found["rows"], found["Jaccard"].round(6), strict=True)
    assert sorted(pairs) == sorted((n, round(index, 6)) for n, index in expected)


@pytest.mark.parametrize("n_images", [50, 100, 137])
def test_part_2_with_few_images(
    tmp_path: Path,
    test_split: FashionMNIST,
    n_images: int,
) -> None:
    settings = {"N_IMAGES": n_images, "FULL_SCALE": False}
    page = read_page(HIERARCHY, tmp_path, settings)
    labels = cut_anew(test_split.pixels[:n_images], 4)
    listed = page.numbers("ward-branches.csv")
    gallery = page.picture("ward-branches.png")
    for branch, rows in listed.groupby("branch")["image"]:
        (own,) = set(labels[rows])
        assert len(rows) == min(10, (labels == own).sum())
        corner = (25 + int(str(branch)) * (SIDE + 10), 104)
        assert_row_shows(gallery, corner, test_split.pixels[rows], 10)
    assert page.line("ARI of the cuts of both trees").endswith(
        "{2: 1.0, 3: 1.0, 4: 1.0, 10: 1.0}",
    )


def test_part_2_with_other_images(tmp_path: Path, digits: FashionMNIST) -> None:
    page = read_page_of_digits(HIERARCHY, tmp_path, digits)
    counted = [text for text in page.cells if "digit 0" in text]
    assert len(counted) >= 2
    assert not any(name in text for name in CLASS_NAMES for text in counted)


# Parts 1 and 2


@pytest.mark.parametrize("notebook", [K_MEANS, HIERARCHY], ids=["part 1", "part 2"])
def test_too_few_images_are_refused(tmp_path: Path, notebook: Path) -> None:
    ended = run_notebook(notebook, tmp_path, {"N_IMAGES": 29})
    assert ended.code == 1
    message = "ValueError: n_images: found 29, expected an integer, 30 or more"
    assert f"{message}; it is the parameter N_IMAGES" in ended.err


@pytest.mark.parametrize("notebook", [K_MEANS, HIERARCHY], ids=["part 1", "part 2"])
def test_too_small_a_file_is_refused(
    tmp_path: Path,
    few_classes: FashionMNIST,
    notebook: Path,
) -> None:
    write_csv(tmp_path / "data", "test", choose(few_classes, np.arange(29)))
    ended = run_notebook(notebook, tmp_path / "out", {"DATA_DIR": tmp_path / "data"})
    assert ended.code == 1
    message = "images: found 29 in the test split of DATA_DIR, expected 30 or more"
    assert message in ended.err


# Part 3


def draw_logo() -> Image.Image:
    logo = Image.new("RGB", (60, 40), "white")
    pen = ImageDraw.Draw(logo)
    pen.rectangle((5, 5, 20, 30), fill="red")
    pen.rectangle((25, 10, 40, 38), fill="navy")
    pen.ellipse((42, 2, 57, 20), fill="green")
    return logo


def draw_gray() -> Image.Image:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    return Image.fromarray(np.tile(ramp, (30, 1)))


PICTURES = {
    "logo": (draw_logo(), 4),
    "gray": (draw_gray(), 64),
    "one pixel": (Image.new("RGB", (1, 1), (10, 200, 30)), 1),
    "blank": (Image.new("RGB", (9, 5), "white"), 1),
    "tall": (draw_gray().resize((3, 600)), 3),
}


def test_part_3_makes_a_large_picture_smaller(tmp_path: Path) -> None:
    large = Image.fromarray(np.asarray(draw_gray())).resize((1500, 1000))
    large.save(tmp_path / "large.png")
    settings = {"IMAGE": tmp_path / "large.png"}
    page = read_page(COLORS, tmp_path / "out", settings)
    assert page.line("It was made smaller, from 1500 x 1000.")
    assert page.line("This is another picture")
    assert not any("source file" in text for text in page.cells)


@pytest.mark.parametrize("name", PICTURES)
def test_part_3_with_a_picture_of_few_colors(tmp_path: Path, name: str) -> None:
    picture, n_colors = PICTURES[name]
    picture.save(tmp_path / "picture.png")
    settings = {"IMAGE": tmp_path / "picture.png"}
    page = read_page(COLORS, tmp_path / "out", settings)
    # At 100 every palette but a grid holds all colors: none is ahead.
    (gains,) = [
        text for text in page.cells if "ahead of the next best of the six:" in text
    ]
    assert gains.splitlines()[1].endswith(", 0.00 dB at 100")
    assert page.line(f"{n_colors} colors: inf dB, mean delta-E 0.0")
