"""Centroids of classes or clusters, and the contrast of images with them."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from passerby.losses.products import inner_products


def class_centroids(features: Tensor, labels: Tensor) -> Tensor:
    """L2-normalised means of the features [n, D] of each class, float32 [K, D].

    Args:
        features: of any length.
        labels: int64 [n], each of `0..K-1` at least once; what carries -1 is left out.
    """
    counted = labels >= 0
    classes = int(labels.max()) + 1 if counted.any() else 0
    sums = torch.zeros(classes, features.shape[1], device=features.device)
    return normalize(sums.index_add_(0, labels[counted], features[counted].float()))


def centroid_contrast(features: Tensor, labels: Tensor, centroids: Tensor, *, temperature: float = 0.05) -> Tensor:
    r"""Each image picks the centroid of its own class.

    .. math:: L = -\frac{1}{B} \sum_i \log \mathrm{softmax}_k(x_i \cdot c_k / \tau)[y_i]

    Products are taken in float32, also under autocast.

    Args:
        features: x, L2-normalised [B, D]; labels: y, int64 [B], rows of `centroids`.
        centroids: c, L2-normalised [K, D]; temperature: τ.

    Source: Cluster-Contrast (ACCV 2022); CCAFL (TCSVT 2025), L_inter, and the first half of ICDL.
    """
    return cross_entropy(inner_products(features, centroids) / temperature, labels)
