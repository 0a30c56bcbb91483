"""The memory of CCAFL's inter-camera learning and of Cluster-Contrast: one centroid for each cluster."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from passerby.losses.centroids import class_centroids
from passerby.losses.memory import Memory


def hardest_updated(centroids: Tensor, features: Tensor, labels: Tensor, *, momentum: float = 0.1) -> Tensor:
    """Centroids of the clusters in a batch, moved towards the least similar of their images.

    Args:
        centroids: L2-normalised [K, D]; features: L2-normalised [B, D]; labels: int64 [B], rows of `centroids`.
        momentum: how much of the old centroid stays.

    Returns:
        [K, D], L2-normalised; clusters that are not in the batch as they were.
    """
    similarities = (features.to(centroids.dtype) * centroids[labels]).sum(1)
    present, clusters = labels.unique(return_inverse=True)
    least = torch.full((len(present),), torch.inf, dtype=similarities.dtype, device=similarities.device)
    least.scatter_reduce_(0, clusters, similarities, "amin")
    rows = torch.arange(len(labels), device=labels.device).masked_fill(similarities > least[clusters], len(labels))
    hardest = torch.full((len(present),), len(labels), device=labels.device).scatter_reduce_(0, clusters, rows, "amin")
    moved = momentum * centroids[present] + (1 - momentum) * features[hardest].to(centroids.dtype)
    updated = centroids.clone()
    updated[present] = normalize(moved)
    return updated


class ClusterMemory(Memory):
    """Centroids of clusters; the state of an epoch, and no part of the network.

    Args:
        features: of all training images, [n, D].
        clusters: of each image, int64 [n], `0..K-1`; -1 for images that belong to none.

    Attributes:
        centroids: float32 [K, D], L2-normalised means.
    """

    def __init__(self, features: Tensor, clusters: Tensor) -> None:
        self.centroids = class_centroids(features, clusters)

    def update(self, features: Tensor, labels: Tensor, *, momentum: float = 0.1) -> None:
        """Learn from a batch after its loss; see `hardest_updated`. Images with label -1 are ignored."""
        counted = labels >= 0
        if counted.any():
            self.centroids = hardest_updated(self.centroids, features[counted], labels[counted], momentum=momentum)
