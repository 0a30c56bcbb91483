"""The memory of CCAFL's inter-camera learning, made of the features at the beginning of an epoch."""

import torch
from torch import Tensor

from passerby.losses.cluster_memory import ClusterMemory


class InterMemory(ClusterMemory):
    """Centroids and text features of the clusters that camera identities form.

    Args:
        features: of all training images, [n, D].
        labels: their camera identities, int64 [n].
        clusters: of each camera identity, int64 [N], -1 for none.
        text_features: of each camera identity, [N, E].

    Attributes:
        centroids: float32 [K, D], L2-normalised.
        clusters: as given.
        text_features: float32 [K, E], the mean over the images of each cluster, not normalised: camera identities count
            by their images.
    """

    def __init__(self, features: Tensor, labels: Tensor, clusters: Tensor, text_features: Tensor) -> None:
        of_images = clusters[labels]
        super().__init__(features, of_images)
        counted = of_images >= 0
        count = int(clusters.max()) + 1 if len(clusters) else 0
        sums = torch.zeros(count, text_features.shape[1], device=text_features.device)
        sums.index_add_(0, of_images[counted], text_features[labels[counted]].float())
        sizes = of_images[counted].bincount(minlength=count)
        self.clusters = clusters
        self.text_features = sums / sizes[:, None]

    def update(self, features: Tensor, labels: Tensor, *, momentum: float = 0.1) -> None:
        """Learn from a batch: L2-normalised features [B, D] and their camera identities, int64 [B]."""
        super().update(features, self.clusters[labels], momentum=momentum)
