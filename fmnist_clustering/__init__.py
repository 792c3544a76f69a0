"""Clustering explored on Fashion-MNIST: k-means, hierarchical clustering, color quantization."""

# fmt: off
# isort: off
from fmnist_clustering.agreement import agreement, contingency
from fmnist_clustering.data import CLASS_NAMES, FashionMNIST, load_split, read_csv
from fmnist_clustering.hierarchy import compare_linkages, condense, condensed_distances, cut_tree, linkage, merge_gaps
from fmnist_clustering.kmeans import KMeansFit, canonical_labels, cluster_means, fit_kmeans, inertia, match_labels
from fmnist_clustering.quantization import (
    SAMPLES, Quantized, apply_palette, ciede2000, delta_e, indexed_png, load_image, psnr, quantize, size_report,
    source_bytes, srgb_to_lab)
from fmnist_clustering.selection import (
    Elbow, KSweep, criteria, elbow, elbow_ranges, picks, silhouette_samples, stability, sweep_k, verdict)

__all__ = [
    "CLASS_NAMES", "SAMPLES", "Elbow", "FashionMNIST", "KMeansFit", "KSweep", "Quantized", "agreement", "apply_palette",
    "canonical_labels", "ciede2000", "cluster_means", "compare_linkages", "condense", "condensed_distances",
    "contingency", "criteria", "cut_tree", "delta_e", "elbow", "elbow_ranges", "fit_kmeans", "indexed_png", "inertia",
    "linkage", "load_image", "load_split", "match_labels", "merge_gaps", "picks", "psnr", "quantize", "read_csv",
    "silhouette_samples", "size_report", "source_bytes", "srgb_to_lab", "stability", "sweep_k",
    "verdict",
]
