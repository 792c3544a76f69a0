"""Prediction strength of the images, beside clouds of the same covariance.

A cloud has the images' first 30 principal components, but each drawn from a normal
distribution of the same variance, so that nothing but the covariance is left of them.
"""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from fmnist_clustering import load_split, prediction_strength

K_VALUES = range(2, 15)
N_CLOUDS = 10
N_COMPONENTS = 30


def main() -> pd.DataFrame:
    """Return the mean prediction strength at each k: of the images, and each cloud."""
    pixels = load_split("test").pixels
    pca = PCA(N_COMPONENTS, svd_solver="covariance_eigh").fit(pixels / 255)
    spread = np.sqrt(pca.explained_variance_)
    strengths = {"images": prediction_strength(pixels, K_VALUES).mean(axis=1)}
    for number in range(1, N_CLOUDS + 1):
        rng = np.random.default_rng([number, 20_261_201])
        cloud = rng.normal(size=(len(pixels), N_COMPONENTS)) * spread
        of_cloud = prediction_strength(cloud, K_VALUES, random_state=number)
        strengths[f"cloud {number}"] = of_cloud.mean(axis=1)
    return pd.DataFrame(strengths)
