"""Clustering explored on Fashion-MNIST.

Three parts: k-means, hierarchical clustering, and color quantization.
"""

from fmnist_clustering.data import CLASS_NAMES, FashionMNIST, load_split
from fmnist_clustering.distances import condensed_distances
from fmnist_clustering.hierarchy import (
    Cut,
    TruncatedTree,
    flat_clusters,
    linkage,
    match_branches,
    merge_gaps,
    select_cut,
    truncate_tree,
)
from fmnist_clustering.images import SAMPLES, image_file_size, load_image
from fmnist_clustering.kmeans import KMeansFit, cluster_means, fit_kmeans, inertia
from fmnist_clustering.labels import (
    contingency,
    external_scores,
    match_labels,
)
from fmnist_clustering.quantization import (
    IndexedImage,
    apply_palette,
    indexed_png,
    psnr,
    quantize,
    size_report,
)
from fmnist_clustering.selection import (
    Elbow,
    elbow,
    select_k,
)
from fmnist_clustering.silhouette import silhouette_samples
from fmnist_clustering.sweep import (
    KSweep,
    gap_statistic,
    prediction_strength,
    sweep_k,
)

__version__ = "0.2.0.dev0"

__all__ = [
    "CLASS_NAMES",
    "SAMPLES",
    "Cut",
    "Elbow",
    "FashionMNIST",
    "IndexedImage",
    "KMeansFit",
    "KSweep",
    "TruncatedTree",
    "apply_palette",
    "cluster_means",
    "condensed_distances",
    "contingency",
    "elbow",
    "external_scores",
    "fit_kmeans",
    "flat_clusters",
    "gap_statistic",
    "image_file_size",
    "indexed_png",
    "inertia",
    "linkage",
    "load_image",
    "load_split",
    "match_branches",
    "match_labels",
    "merge_gaps",
    "prediction_strength",
    "psnr",
    "quantize",
    "select_cut",
    "select_k",
    "silhouette_samples",
    "size_report",
    "sweep_k",
    "truncate_tree",
]
