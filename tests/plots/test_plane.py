import numpy as np
from matplotlib.colors import to_rgb
from scipy.spatial.distance import cdist

from fmnist_clustering import plots
from tests.plots.reading import hex_colors, new_axes, notes

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 3.0], [5.0, 3.0]])
LABELS = np.array([0, 0, 1, 1])
CENTROIDS = np.array([[0.5, 0.0], [4.5, 3.0]])


def test_ten_clusters_have_colors_of_their_own_and_all_others_are_grey() -> None:
    points = np.arange(24).reshape(12, 2)
    ax = plots.plot_plane(points, range(11, -1, -1), new_axes())
    (dots,) = ax.collections
    np.testing.assert_array_equal(dots.get_offsets(), points)
    colors = hex_colors(dots.get_facecolor())
    assert colors == [plots.GREY, plots.GREY, *reversed(plots.COLORS)]
    assert len(set(colors)) == 11
    assert not ax.images, "no centroids, no cells"


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
    before = np.array([[-3.0, 9.0], CENTROIDS[1]])
    ax = plots.plot_plane(
        POINTS, LABELS, new_axes(), centroids=CENTROIDS, moved_from=before
    )
    _, crosses = ax.collections
    np.testing.assert_array_equal(crosses.get_offsets(), CENTROIDS)
    assert hex_colors(crosses.get_facecolor()) == list(plots.COLORS[:2])
    assert notes(ax) == {"": (0.5, 0.0)}, "the second one has not moved"
    (arrow,) = ax.texts
    assert arrow.get_position() == (-3, 9)
    # Both axes have one scale and hold everything.
    assert ax.get_aspect() == 1
    everything = np.concatenate([POINTS, CENTROIDS, before])
    all_limits = (ax.get_xlim(), ax.get_ylim())
    for limits, column in zip(all_limits, everything.T, strict=True):
        assert limits[0] < column.min()
        assert limits[1] > column.max()
