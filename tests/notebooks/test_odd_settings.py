"""The notebooks on few images, on other images, and on other pictures.

They are executed by papermill, as README says.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.cluster import hierarchy
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from fmnist_clustering import CLASS_NAMES, FashionMNIST, load_split
from fmnist_clustering.data import COLUMNS
from tests.notebooks.reading import NOTEBOOKS, code_cells, printed

pytestmark = pytest.mark.nightly

K_MEANS, HIERARCHY, COLORS = NOTEBOOKS
DIGITS = [f"digit {i}" for i in range(10)]


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


Execute = Callable[[Path, Mapping[str, object]], Page]


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Return a function that runs a notebook with some parameters to its end."""
    artifacts = tmp_path / "artifacts"
    monkeypatch.setenv("FMNIST_CLUSTERING_ARTIFACTS", str(artifacts))

    def run(notebook: Path, parameters: Mapping[str, object]) -> Page:
        executed = tmp_path / notebook.name
        papermill.execute_notebook(
            notebook,
            executed,
            dict(parameters),
            cwd=notebook.parent,
            progress_bar=False,
        )
        cells = code_cells(nbformat.read(executed, as_version=4))
        texts = [printed(cell) for cell in cells]
        for text in texts:
            surprise = r"\bnan\b|Warning: (?!.*these are not)"
            assert not re.search(surprise, text, re.IGNORECASE), text
        return Page(texts, artifacts)

    return run


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
def digits() -> FashionMNIST:
    """Return scikit-learn's digits, enlarged to 28 x 28 pixels and 256 levels."""
    bunch = load_digits()
    small = (bunch.images * (255 / 16)).astype(np.uint8)
    large = [Image.fromarray(image).resize((28, 28)) for image in small]
    pixels = np.stack([np.asarray(image).ravel() for image in large])
    return FashionMNIST(pixels, bunch.target.astype(np.uint8))


# Part 1


def check_part_1(
    page: Page, images: FashionMNIST, names: Sequence[str] = CLASS_NAMES
) -> None:
    """Check what the galleries list, from the images and the labels alone."""
    listed = page.numbers("dataset.csv")
    for garment in range(10):
        rows = np.flatnonzero(images.garments == garment)[:10]
        assert listed["image"][listed["garment"] == garment].tolist() == rows.tolist()

    X = images.pixels / 255
    labels = page.numbers("pca-clusters.csv")["cluster"].to_numpy()
    members = page.numbers("members.csv").set_index("cluster")
    for cluster in range(10):
        rows = np.flatnonzero(labels == cluster)
        distance = np.square(X[rows] - X[rows].mean(axis=0)).sum(axis=1)
        from_center = rows[np.argsort(distance, kind="stable")]
        nearest = members.loc[[cluster], "nearest"]
        assert nearest.tolist() == from_center[:5].tolist()

    counts = page.numbers("contingency.csv")
    counts = counts.set_index(counts.columns[0])
    for garment, row in counts.iterrows():
        of_garment = labels[images.garments == names.index(str(garment))]
        expected = np.bincount(of_garment, minlength=10)
        assert row.rename(int).sort_index().tolist() == expected.tolist()
    present = {names[garment] for garment in images.garments}
    assert set(counts.index) == present, "no row for what the file does not hold"


@pytest.mark.parametrize("n_images", [50, 137])
def test_part_1_with_few_images(
    execute: Execute, test_split: FashionMNIST, n_images: int
) -> None:
    page = execute(K_MEANS, {"N_IMAGES": n_images, "FULL_SCALE": False})
    check_part_1(page, choose(test_split, np.arange(n_images)))


def test_part_1_with_own_files_that_lack_some_classes(
    execute: Execute, tmp_path: Path, test_split: FashionMNIST
) -> None:
    rows = np.flatnonzero(np.isin(test_split.garments, [1, 4, 8]))[:137]
    images = choose(test_split, np.random.default_rng(3).permutation(rows))
    write_csv(tmp_path / "data", "test", images)
    write_csv(tmp_path / "data", "train", images)
    page = execute(K_MEANS, {"DATA_DIR": str(tmp_path / "data")})
    check_part_1(page, images)
    assert page.line("274 images")


def test_part_1_with_digits(
    execute: Execute, tmp_path: Path, digits: FashionMNIST
) -> None:
    page = run_on_digits(execute, K_MEANS, tmp_path / "data", digits)
    check_part_1(page, digits, DIGITS)


def run_on_digits(
    execute: Execute, notebook: Path, data: Path, digits: FashionMNIST
) -> Page:
    """Run a notebook on other images, and check that it says so."""
    write_csv(data, "test", digits)
    parameters = {"DATA_DIR": str(data), "FULL_SCALE": False, "CLASS_NAMES": DIGITS}
    page = execute(notebook, parameters)
    assert page.line("These are other images: the text describes Fashion-MNIST.")
    return page


# Part 2


def cut_anew(pixels: NDArray[np.uint8], n_clusters: int) -> NDArray[np.int64]:
    """Cut SciPy's own tree."""
    tree = hierarchy.linkage(pixels / 255, "ward")
    return np.asarray(hierarchy.fcluster(tree, n_clusters, "maxclust"))


@pytest.mark.parametrize("n_images", [50, 137])
def test_part_2_with_few_images(
    execute: Execute, test_split: FashionMNIST, n_images: int
) -> None:
    page = execute(HIERARCHY, {"N_IMAGES": n_images, "FULL_SCALE": False})
    labels = cut_anew(test_split.pixels[:n_images], 4)
    listed = page.numbers("ward-branches.csv")
    for _, rows in listed.groupby("branch")["image"]:
        (own,) = set(labels[rows])
        assert len(rows) == min(10, (labels == own).sum())


def test_part_2_compares_the_same_rows_of_own_files(
    execute: Execute, tmp_path: Path, test_split: FashionMNIST
) -> None:
    test = choose(test_split, np.arange(300))
    train = choose(test_split, np.arange(1000, 1600))
    write_csv(tmp_path / "data", "test", test)
    write_csv(tmp_path / "data", "train", train)
    page = execute(HIERARCHY, {"DATA_DIR": str(tmp_path / "data")})

    everything = np.concatenate([train.pixels, test.pixels])
    line = page.line("ARI of the cuts of both trees")
    found = dict(re.findall(r"(\d+): (-?[\d.]+)", line))
    assert found.keys() == {"2", "3", "4", "10"}
    for n_clusters, value in found.items():
        small = cut_anew(test.pixels, int(n_clusters))
        large = cut_anew(everything, int(n_clusters))[600:]
        expected = adjusted_rand_score(small, large)
        assert float(value) == pytest.approx(expected, abs=1e-4)


def test_part_2_with_digits(
    execute: Execute, tmp_path: Path, digits: FashionMNIST
) -> None:
    page = run_on_digits(execute, HIERARCHY, tmp_path / "data", digits)
    counted = [text for text in page.cells if "digit 0" in text]
    assert counted
    assert not any(name in text for name in CLASS_NAMES for text in counted)


# Parts 1 and 2


@pytest.mark.parametrize("notebook", [K_MEANS, HIERARCHY], ids=["part 1", "part 2"])
def test_too_few_images_are_refused(execute: Execute, notebook: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError, match=r"ValueError: .*29"):
        execute(notebook, {"N_IMAGES": 29})


# Part 3


def draw_logo() -> Image.Image:
    logo = Image.new("RGB", (60, 40), "white")
    pen = ImageDraw.Draw(logo)
    pen.rectangle((5, 5, 20, 30), fill="red")
    pen.rectangle((25, 10, 40, 38), fill="navy")
    pen.ellipse((42, 2, 57, 20), fill="green")
    return logo


@pytest.mark.parametrize(
    ("picture", "n_colors"),
    [
        pytest.param(draw_logo(), 4, id="logo"),
        pytest.param(Image.new("RGB", (1, 1), (10, 200, 30)), 1, id="one pixel"),
    ],
)
def test_part_3_with_a_picture_of_few_colors(
    execute: Execute, tmp_path: Path, picture: Image.Image, n_colors: int
) -> None:
    picture.save(tmp_path / "picture.png")
    page = execute(COLORS, {"IMAGE": str(tmp_path / "picture.png")})
    assert page.line("This is another picture")
    assert page.line(f"{n_colors} colors: inf dB, mean delta-E 0.0")


def test_part_3_makes_a_large_picture_smaller(execute: Execute, tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 1500).astype(np.uint8)
    Image.fromarray(np.tile(ramp, (1000, 1))).save(tmp_path / "large.png")
    page = execute(COLORS, {"IMAGE": str(tmp_path / "large.png")})
    assert page.line("It was made smaller, from 1500 x 1000.")
