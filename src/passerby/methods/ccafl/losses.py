"""Terms of CCAFL's losses: intra-camera discrimination (ICDL) and inter-camera adversarial learning (ICAL)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from passerby.data.camera_labels import CameraLabels
from passerby.losses.camera_adversary import camera_adversarial
from passerby.losses.centroids import centroid_contrast
from passerby.losses.hybrid_memory import instance_contrast
from passerby.methods.ccafl.recipe import CcaflRecipe
from passerby.models.layers import cosines


@dataclass(frozen=True)
class CameraIdentities:
    """The camera identities of a training split: each is one person in one camera.

    Attributes:
        cameras: of each, int64 [N].
        ranges: the first and the number of those of each camera.
    """

    cameras: Tensor
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, labels: CameraLabels) -> "CameraIdentities":
        """Those of a training split."""
        ranges = zip(labels.first_classes.tolist(), labels.counts.tolist(), strict=True)
        return cls(torch.from_numpy(labels.class_cameras), tuple(ranges))

    def to(self, device: torch.device) -> "CameraIdentities":
        """The same on a device."""
        return CameraIdentities(self.cameras.to(device), self.ranges)


def icdl(features: Tensor, labels: Tensor, centroids: Tensor, instances: Tensor, recipe: CcaflRecipe) -> Tensor:
    """λ · contrast with centroids + (1 - λ) · contrast with the hardest instances, inside one camera.

    Args:
        features: L2-normalised, [B, D].
        labels: int64 [B], counted inside the camera.
        centroids: L2-normalised, [n, D]; instances: [n, R, D].
        recipe: gives λ and the temperature.
    """
    share = {"both": recipe.intra.centroid_share, "centroid": 1.0, "instance": 0.0}[recipe.intra.icdl]
    total, temperature = features.new_zeros(()), recipe.memory.temperature
    if share > 0:
        total = total + share * centroid_contrast(features, labels, centroids, temperature=temperature)
    if share < 1:
        total = total + (1 - share) * instance_contrast(features, labels, instances, temperature=temperature)
    return total


def ical(
    features: Tensor, labels: Tensor, clusters: Tensor, cameras: Tensor, classifier_rows: Tensor, recipe: CcaflRecipe
) -> Tensor:
    """Let features hide their camera from the classifier, whose rows get no gradient.

    Args:
        features: L2-normalised, [B, D].
        labels: camera identities, int64 [B].
        clusters: of all camera identities, int64 [N].
        cameras: of all camera identities, int64 [N].
        classifier_rows: [N, D].
        recipe: gives scale, margin and the rest of its `ical`.
    """
    section = recipe.ical
    positives, same_camera = positive_classes(labels, clusters, cameras)
    return camera_adversarial(
        cosines(features, classifier_rows),
        labels,
        positives,
        same_camera,
        scale=section.scale,
        epsilon=section.epsilon,
        margin=section.margin,
        reweight=section.camera_reweight,
    )


def positive_classes(labels: Tensor, clusters: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """Which camera identities an image should be near, and which are of its camera; bool [B, N] each.

    Near are its own and those of the same cluster in other cameras: two of one cluster and camera cannot be the same
    person.

    Args:
        labels: camera identities of the images, int64 [B].
        clusters, cameras: of each camera identity, int64 [N].
    """
    same_camera = cameras[labels][:, None] == cameras
    same_cluster = (clusters[labels][:, None] == clusters) & (clusters[labels] >= 0)[:, None]
    own = torch.arange(len(cameras), device=labels.device) == labels[:, None]
    return own | (same_cluster & ~same_camera), same_camera


def connected_zero(*features: Tensor) -> Tensor:
    """0, with a gradient of 0 to everything that features are made of.

    Whether an image has a cluster, or an epoch a text loss, then decides neither which parameters decay nor, among
    processes, which of them wait for which gradients.
    """
    return 0.0 * torch.stack([each.float().sum() for each in features]).sum()
