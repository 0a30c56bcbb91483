"""What CCAFL knows during one epoch: the memory of its losses, made of the features at its beginning."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from passerby.losses.cluster_memory import ClusterMemory
from passerby.losses.hybrid_memory import HybridMemory


@dataclass(frozen=True)
class IntraMemory:
    """Of an epoch of intra-camera learning.

    Attributes:
        classes: centroids and instances of the classes of all cameras.
    """

    classes: HybridMemory

    def update(self, features: Tensor, labels: Tensor, *, momentum: float) -> None:
        """Learn from a batch: L2-normalised features [B, D] and their classes, int64 [B]."""
        self.classes.update(features, labels, momentum=momentum)

    def state(self) -> dict[str, Any]:
        """What a run that is resumed inside the epoch needs."""
        return {"classes": self.classes.state()}


@dataclass(frozen=True)
class InterMemory:
    """Of an epoch of inter-camera learning.

    Attributes:
        clusters: the cluster of each class, int64 [N], -1 where it is in none.
        centroids: of the clusters.
        texts: float32 [K, E], the mean of the texts of each cluster's images.
    """

    clusters: Tensor
    centroids: ClusterMemory
    texts: Tensor

    def update(self, features: Tensor, labels: Tensor, *, momentum: float) -> None:
        """Learn from a batch: L2-normalised features [B, D] and their classes, int64 [B]."""
        self.centroids.update(features, self.clusters[labels], momentum=momentum)

    def state(self) -> dict[str, Any]:
        """What a run that is resumed inside the epoch needs."""
        return {"clusters": self.clusters.cpu(), "centroids": self.centroids.state(), "texts": self.texts.cpu()}


def inter_memory(features: Tensor, labels: Tensor, clusters: Tensor, texts: Tensor) -> InterMemory:
    """The memory at the beginning of an epoch.

    Args:
        features: of all training images, [n, D].
        labels: their classes, int64 [n].
        clusters: of each class, int64 [N], -1 for none.
        texts: of each class, [N, E]. Those of a cluster's images are averaged, so classes count by their images; the
            mean is as long as it comes out.
    """
    of_images = clusters[labels]
    counted = of_images >= 0
    count = int(clusters.max()) + 1 if len(clusters) else 0
    sums = torch.zeros(count, texts.shape[1], device=texts.device)
    sums.index_add_(0, of_images[counted], texts[labels[counted]].float())
    sizes = of_images[counted].bincount(minlength=count)
    return InterMemory(clusters, ClusterMemory(features, of_images), sums / sizes[:, None])


def restored_memory(state: dict[str, Any], device: torch.device) -> IntraMemory | InterMemory:
    """The memory that `state` described."""
    if "classes" in state:
        return IntraMemory(HybridMemory.restored(state["classes"], device))
    centroids = ClusterMemory.restored(state["centroids"], device)
    return InterMemory(state["clusters"].to(device), centroids, state["texts"].to(device))
