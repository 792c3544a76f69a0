from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy.spatial.distance import cdist

from fmnist_clustering import plots
from tests.plots.reading import hex_colors, new_axes, notes

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 3.0], [5.0, 3.0]])
LABELS = np.array([0, 0, 1, 1])
CENTROIDS = np.array([[0.5, 0.0], [4.5, 3.0]])


def test_each_point_has_the_color_of_its_cluster() -> None:
    ax = plots.plot_plane(POINTS, [1, 0, 12, 1], new_axes())
    (dots,) = ax.collections
    np.testing.assert_array_equal(dots.get_offsets(), POINTS)
    blue, red = plots.COLORS[:2]
    assert hex_colors(dots.get_facecolor()) == [red, blue, plots.GREY, red]
    assert not ax.images, "no centroids, no cells"


def test_both_axes_have_one_scale_and_hold_everything() -> None:
    before = np.array([[-3.0, 0.0], [9.0, 9.0]])
    ax = plots.plot_plane(
        POINTS, LABELS, new_axes(), centroids=CENTROIDS, moved_from=before
    )
    assert ax.get_aspect() == 1
    everything = np.concatenate([POINTS, CENTROIDS, before])
    all_limits = (ax.get_xlim(), ax.get_ylim())
    for limits, column in zip(all_limits, everything.T, strict=True):
        assert limits[0] < column.min()
        assert limits[1] > column.max()


def test_each_place_has_the_tint_of_its_nearest_centroid() -> None:
    ax = plots.plot_plane(POINTS, LABELS, new_axes(), centroids=CENTROIDS)
    (cells,) = ax.images
    tints = np.asarray(cells.get_array())
    left, right, bottom, top = cells.get_extent()
    assert (left, right) == ax.get_xlim()
    assert (bottom, top) == ax.get_ylim()
    assert cells.origin == "lower"
    n = len(tints)
    for row, column in [(0, 0), (n - 1, n - 1), (n // 2, n // 3), (10, n - 10)]:
        x = left + (column + 0.5) / n * (right - left)
        y = bottom + (row + 0.5) / n * (top - bottom)
        nearest = int(cdist([[x, y]], CENTROIDS).argmin())
        color = np.array(to_rgb(plots.COLORS[nearest]))
        # On the way from white to the color.
        np.testing.assert_allclose(tints[row, column], 1 - 0.22 * (1 - color))


def test_crosses_mark_the_centroids_and_arrows_where_they_come_from() -> None:
    before = np.array([[1.5, 1.0], CENTROIDS[1]])
    ax = plots.plot_plane(
        POINTS, LABELS, new_axes(), centroids=CENTROIDS, moved_from=before
    )
    _, crosses = ax.collections
    np.testing.assert_array_equal(crosses.get_offsets(), CENTROIDS)
    assert hex_colors(crosses.get_facecolor()) == list(plots.COLORS[:2])
    assert notes(ax) == {"": (0.5, 0.0)}, "the second one has not moved"
    (arrow,) = ax.texts
    assert arrow.get_position() == (1.5, 1.0)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"points": POINTS[:, :1]}, "points"),
        ({"points": [["a", "b"]] * 4}, "points"),
        ({"labels": [0, 1]}, "labels"),
        ({"labels": [0, 1, -1, 0]}, "labels"),
        ({"centroids": [1.0, 2.0]}, "centroids"),
        ({"centroids": [[np.nan, 2.0]]}, "centroids"),
        ({"moved_from": CENTROIDS}, "moved_from"),
        ({"centroids": CENTROIDS, "moved_from": CENTROIDS[:1]}, "moved_from"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], name: str) -> None:
    arguments: dict[str, Any] = {"points": POINTS, "labels": LABELS} | change
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        plots.plot_plane(ax=new_axes(), **arguments)
