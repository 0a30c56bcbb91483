"""What stages 2 and 3 of CCAFL minimise, from features and memories."""

from dataclasses import dataclass

import torch
from torch import Tensor

from passerby.data.camera_labels import CameraLabels
from passerby.losses.camera_adversary import camera_adversarial
from passerby.losses.centroids import centroid_contrast
from passerby.losses.contrastive import image_to_text
from passerby.losses.hybrid_memory import instance_contrast
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.ccafl.memories import InterMemory, IntraMemory
from passerby.methods.ccafl.network import CcaflFeatures
from passerby.methods.ccafl.recipe import CcaflRecipe
from passerby.models.layers import cosines


@dataclass(frozen=True)
class Classes:
    """The classes that images are sorted into, camera by camera.

    Attributes:
        cameras: of each class, int64 [N].
        ranges: the first class and the number of classes of each camera.
    """

    cameras: Tensor
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, labels: CameraLabels) -> "Classes":
        """The classes of a training split."""
        ranges = zip(labels.first_classes.tolist(), labels.counts.tolist(), strict=True)
        return cls(torch.from_numpy(labels.class_cameras), tuple(ranges))

    def to(self, device: torch.device) -> "Classes":
        """The same on a device."""
        return Classes(self.cameras.to(device), self.ranges)


def intra_camera_losses(
    features: CcaflFeatures, labels: Tensor, classes: Classes, memory: IntraMemory, texts: Tensor, recipe: CcaflRecipe
) -> dict[str, Tensor]:
    """Stage 2: inside each camera, contrast with its memory, its texts and triplets; summed over the cameras.

    Args:
        features: of a batch.
        labels: classes of its images, int64 [B].
        classes: all there are.
        memory: of the epoch.
        texts: of all classes, [N, E].
        recipe: says which losses, and how they are weighted.
    """
    loop, intra, cameras = recipe.stages2and3, recipe.intra, classes.cameras[labels]
    found: dict[str, list[Tensor]] = {}
    for camera in cameras.unique().tolist():
        first, count = classes.ranges[camera]
        own, here = cameras == camera, slice(first, first + count)
        images, joint, local = features.retrieval[own], features.joint[own], labels[own] - first
        centroids, instances = memory.classes.centroids[here], memory.classes.instances[here]
        found.setdefault("icdl", []).append(_icdl(images, local, centroids, instances, recipe))
        if intra.text:
            text = image_to_text(joint, texts[here], local, smoothing=loop.label_smoothing)
            found.setdefault("text", []).append(text)
        if intra.memory_triplet:
            every = torch.arange(count, device=local.device)
            triplet = batch_hard_triplet(
                images, local, margin=loop.margin, others=centroids, other_labels=every, lonely="zero"
            )
            found.setdefault("memory_triplet", []).append(triplet)
        if intra.batch_triplet:
            triplet = batch_hard_triplet(images, local, margin=loop.margin, lonely="zero")
            found.setdefault("batch_triplet", []).append(triplet)
    return {name: torch.stack(terms).sum() for name, terms in found.items()}


def inter_camera_losses(
    features: CcaflFeatures,
    labels: Tensor,
    classes: Classes,
    memory: InterMemory,
    class_rows: Tensor,
    recipe: CcaflRecipe,
    epoch: int,
) -> dict[str, Tensor]:
    """Stage 3: contrast with clusters, their texts, triplets, and the adversary's, as far as the epoch has them.

    Args:
        features: of a batch.
        labels: classes of its images, int64 [B]; those in no cluster add nothing.
        classes: all there are.
        memory: of the epoch.
        class_rows: the classifier's, without gradient, [N, D].
        recipe: says which losses, when, and how they are weighted.
        epoch: from 0.
    """
    loop, inter, ical = recipe.stages2and3, recipe.inter, recipe.ical
    own = memory.clusters[labels] >= 0
    images, joint, local, clusters = (
        features.retrieval[own],
        features.joint[own],
        labels[own],
        memory.clusters[labels[own]],
    )
    some = bool(own.any())
    nothing = features.retrieval.new_zeros(())
    centroids = memory.centroids.centroids
    contrast = (
        centroid_contrast(images, clusters, centroids, temperature=recipe.memory.temperature) if some else nothing
    )
    found = {"contrast": contrast}
    if inter.text and epoch >= inter.text_from:
        found["text"] = (
            image_to_text(joint, memory.texts, clusters, smoothing=loop.label_smoothing) if some else nothing
        )
    if inter.batch_triplet:
        triplet = batch_hard_triplet(images, clusters, margin=loop.margin, lonely="zero") if some else nothing
        found["batch_triplet"] = triplet
    if ical.enabled and ical.first_epoch <= epoch < ical.end_epoch:
        found["adversary"] = _adversary(images, local, classes, memory, class_rows, recipe) if some else nothing
    return found


def positive_classes(labels: Tensor, clusters: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """Which classes an image should be near, and which are of its camera; bool [B, N] each.

    Near are its own class and those of the same cluster in other cameras: classes of its cluster and camera cannot be
    the same person.

    Args:
        labels: classes of the images, int64 [B].
        clusters, cameras: of each class, int64 [N].
    """
    same_camera = cameras[labels][:, None] == cameras
    same_cluster = (clusters[labels][:, None] == clusters) & (clusters[labels] >= 0)[:, None]
    own = torch.arange(len(cameras), device=labels.device) == labels[:, None]
    return own | (same_cluster & ~same_camera), same_camera


def _icdl(images: Tensor, local: Tensor, centroids: Tensor, instances: Tensor, recipe: CcaflRecipe) -> Tensor:
    """λ · contrast with centroids + (1 - λ) · contrast with instances."""
    share = {"both": recipe.intra.centroid_share, "centroid": 1.0, "instance": 0.0}[recipe.intra.icdl]
    total, temperature = images.new_zeros(()), recipe.memory.temperature
    if share > 0:
        total = total + share * centroid_contrast(images, local, centroids, temperature=temperature)
    if share < 1:
        total = total + (1 - share) * instance_contrast(images, local, instances, temperature=temperature)
    return total


def _adversary(
    images: Tensor, local: Tensor, classes: Classes, memory: InterMemory, class_rows: Tensor, recipe: CcaflRecipe
) -> Tensor:
    ical = recipe.ical
    positives, same_camera = positive_classes(local, memory.clusters, classes.cameras)
    return camera_adversarial(
        cosines(images, class_rows),
        local,
        positives,
        same_camera,
        scale=ical.scale,
        smoothing=ical.epsilon,
        margin=ical.margin,
        reweight=ical.camera_reweight,
    )
