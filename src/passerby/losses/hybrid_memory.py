"""The memory of CCAFL's intra-camera learning: what each class of a camera looks like, and how differently it can."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from passerby.losses.centroids import class_centroids
from passerby.losses.memory import Memory
from passerby.losses.products import inner_products


def instance_contrast(features: Tensor, labels: Tensor, instances: Tensor, *, temperature: float = 0.05) -> Tensor:
    r"""Contrast images with the hardest instances of the classes of their camera.

    With :math:`s_{ikr} = x_i \cdot v_{kr} / \tau`:

    .. math::
        L = -\frac{1}{B} \sum_i \log \frac{e^{\min_r s_{i, y_i, r}}}
        {e^{\min_r s_{i, y_i, r}} + \sum_{k \ne y_i} e^{\max_r s_{i, k, r}}}

    The hardest positive is the least similar instance of the own class, the hardest negative of every other class its
    most similar one. Products are taken in float32, also under autocast.

    Args:
        features: x, L2-normalised [B, D], images of one camera.
        labels: y, int64 [B], rows of the memory.
        instances: v, L2-normalised [n, R, D], of the camera's n classes.
        temperature: τ.

    Source: CCAFL (TCSVT 2025), ICDL; the "hybrid v2" memory of HHCL (arXiv 2109.12333) inside each camera.
    """
    classes, per_class, width = instances.shape
    similarities = inner_products(features, instances.reshape(-1, width)).view(-1, classes, per_class)
    own = torch.arange(classes, device=labels.device) == labels[:, None]
    hardest = torch.where(own, similarities.amin(2), similarities.amax(2))
    return cross_entropy(hardest / temperature, labels)


def updated_centroids(centroids: Tensor, features: Tensor, labels: Tensor, *, momentum: float = 0.1) -> Tensor:
    """Centroids of the classes in a batch, moved towards the mean of their images.

    Args:
        centroids: L2-normalised [N, D]; features: L2-normalised [B, D]; labels: int64 [B], rows of `centroids`.
        momentum: how much of the old centroid stays.

    Returns:
        [N, D], L2-normalised; classes that are not in the batch as they were.
    """
    present, batch_rows, counts = labels.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(present), features.shape[1], dtype=centroids.dtype, device=centroids.device)
    means = sums.index_add_(0, batch_rows, features.to(centroids.dtype)) / counts[:, None]
    updated = centroids.clone()
    updated[present] = normalize(momentum * centroids[present] + (1 - momentum) * means)
    return updated


class HybridMemory(Memory):
    """Centroids and instances of all classes of all cameras; the state of an epoch, and no part of the network.

    Args:
        features: of all training images, [n, D].
        labels: their classes, int64 [n], each of the N classes at least once.
        instances: R, draws with replacement from each class; None: every image (of classes with fewer images than the
            largest, some repeatedly, which changes neither minimum nor maximum).
        generator: of the draws, on the CPU.

    Attributes:
        centroids: float32 [N, D], L2-normalised.
        instances: float32 [N, R, D], L2-normalised.
    """

    def __init__(self, features: Tensor, labels: Tensor, *, instances: int | None, generator: torch.Generator) -> None:
        directions = normalize(features.float())
        self.centroids = class_centroids(directions, labels)
        self.instances = directions[_drawn_rows(labels.cpu(), instances, generator).to(directions.device)]

    def update(self, features: Tensor, labels: Tensor, *, momentum: float = 0.1) -> None:
        """Learn from a batch after its loss: its features become the first instances of their classes.

        Args:
            features: L2-normalised [B, D], without gradient; labels: int64 [B].
            momentum: see `updated_centroids`.
        """
        self.centroids = updated_centroids(self.centroids, features, labels, momentum=momentum)
        order = labels.argsort(stable=True)
        _, counts = labels[order].unique_consecutive(return_counts=True)
        starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
        slots = torch.arange(len(labels), device=labels.device) - starts
        kept = slots < self.instances.shape[1]
        self.instances[labels[order][kept], slots[kept]] = features[order][kept].to(self.instances.dtype)


def _drawn_rows(labels: Tensor, instances: int | None, generator: torch.Generator) -> Tensor:
    """Rows of the images that stand for each class, int64 [N, R]."""
    order = labels.argsort(stable=True)
    counts = labels.bincount()
    starts = counts.cumsum(0) - counts
    if instances is None:
        places = torch.arange(int(counts.max()))[None, :] % counts[:, None]
    else:
        uniforms = torch.rand(len(counts), instances, generator=generator, dtype=torch.float64)
        places = (uniforms * counts[:, None]).long()
    return order[starts[:, None] + places]
