"""CCAFL (Tan et al., TCSVT 2025): learning from labels that hold only inside each camera.

A *camera identity* is one person in one camera; no label says which of them are the same person. Three stages:

1. A prompt is learned for each camera identity, by contrast of images and texts inside each camera (`prompt_stage`).
2. Intra-camera learning: the image tower learns to distinguish the camera identities of each camera.
3. Inter-camera learning: before every epoch camera identities of different cameras are linked where their mean features
   are near, and the image tower learns to distinguish the clusters that the links form.

Stages 2 and 3 are one loop with one optimiser (`CameraStage`). Beside it a classifier learns to distinguish all camera
identities; for some epochs of stage 3 the features learn to hide from it which camera they come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.camera_labels import CameraLabels, camera_labels, true_identities_of_classes
from passerby.data.constraints import read_constraints
from passerby.data.loading.loaders import Batch
from passerby.data.split import Split
from passerby.distributed.roles import is_main_process
from passerby.errors import RecipeError
from passerby.losses.centroids import centroid_contrast
from passerby.losses.contrastive import image_to_text
from passerby.losses.hybrid_memory import HybridMemory
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.ccafl.association.files import FOLDER, association_epochs
from passerby.methods.ccafl.association.record import AssociationRecord
from passerby.methods.ccafl.association_stage import AssociationStage, association_function
from passerby.methods.ccafl.losses import connected_zero, ical, icdl
from passerby.methods.ccafl.memories import InterMemory
from passerby.methods.ccafl.network import CLASS_SIZED, TRAINING_ONLY, Ccafl, CcaflFeatures
from passerby.methods.ccafl.recipe import CcaflRecipe, parts_that_never_come
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.clip_towers import described_shape, initial_towers
from passerby.methods.stage import Stage, StageOutput, adam_with_faster_biases
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.models.checkpoint import load_strictly
from passerby.progress import log_line


def prompt_stage(
    recipe: CcaflRecipe, model: Ccafl, data: TrainingData, labels: CameraLabels, folder: Path | None
) -> PromptStage:
    """Stage 1: a prompt for each camera identity; images of other cameras are no negatives: they may be the person."""
    return PromptStage(
        recipe,
        model,
        data,
        folder,
        context="prompt_learner.cls_ctx",
        project=lambda images: model.features(images).joint,
        groups=torch.from_numpy(labels.class_cameras),
    )


class CameraStage(AssociationStage):
    """Stages 2 and 3: the image tower learns inside cameras, then across them."""

    takes_added_losses = True

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The classifier learns first; then the losses of stage 2 or 3, all of weight 1, and last the memory."""
        pooled, joint = self.model.pooled(batch.images)
        features = CcaflFeatures(self.model.after_bnneck(pooled), joint)
        classifier = self.classifier_step(features.retrieval, batch.identities)
        if isinstance(self.memory, HybridMemory):
            terms = self._intra_camera_losses(features, batch.identities, self.memory)
        else:
            assert self.memory is not None
            terms = self._inter_camera_losses(features, batch.identities, self.memory)
        self.remember(features.retrieval, batch.identities)
        self.output = StageOutput(pooled, None, batch.identities, batch.cameras)
        total = torch.stack([*terms.values(), connected_zero(*features)]).sum()
        return {"loss": total, **{name: value.detach() for name, value in terms.items()}, "classifier": classifier}

    def _intra_camera_losses(self, features: CcaflFeatures, labels: Tensor, memory: HybridMemory) -> dict[str, Tensor]:
        """Stage 2: in each camera contrast with its memory (ICDL), its texts and triplets; summed over the cameras."""
        section, switches, known = self.section, self.recipe.intra, self.camera_identities
        cameras, text_features = known.cameras[labels], self.text_features()
        terms: dict[str, list[Tensor]] = {}
        for camera in cameras.unique().tolist():
            first, count = known.ranges[camera]
            own, here = cameras == camera, slice(first, first + count)
            images, joint, local = features.retrieval[own], features.joint[own], labels[own] - first
            centroids = memory.centroids[here]
            term = icdl(images, local, centroids, memory.instances[here], self.recipe)
            terms.setdefault("icdl", []).append(term)
            if switches.text:
                term = image_to_text(joint, text_features[here], local, label_smoothing=section.label_smoothing)
                terms.setdefault("text", []).append(term)
            if switches.memory_triplet:
                every = torch.arange(count, device=local.device)
                term = batch_hard_triplet(
                    images,
                    local,
                    margin=section.margin,
                    candidates=centroids,
                    candidate_labels=every,
                    no_negative="zero",
                )
                terms.setdefault("memory_triplet", []).append(term)
            if switches.batch_triplet:
                term = batch_hard_triplet(images, local, margin=section.margin, no_negative="zero")
                terms.setdefault("batch_triplet", []).append(term)
        return {name: torch.stack(each).sum() for name, each in terms.items()}

    def _inter_camera_losses(self, features: CcaflFeatures, labels: Tensor, memory: InterMemory) -> dict[str, Tensor]:
        """Stage 3: contrast with clusters, their texts, triplets, and ICAL, as far as the epoch has them.

        Images whose camera identity is in no cluster add nothing.
        """
        section, switches, adversary, epoch = self.section, self.recipe.inter, self.recipe.ical, self._epoch
        own = memory.clusters[labels] >= 0
        images, joint, local = features.retrieval[own], features.joint[own], labels[own]
        clusters = memory.clusters[local]
        with_text = switches.text and epoch >= switches.text_from
        with_adversary = adversary.enabled and adversary.first_epoch <= epoch < adversary.end_epoch
        if not own.any():
            present = {"contrast": True, "text": with_text, "batch_triplet": switches.batch_triplet}
            present["adversary"] = with_adversary
            return {name: features.retrieval.new_zeros(()) for name, is_present in present.items() if is_present}
        temperature = self.recipe.memory.temperature
        terms = {"contrast": centroid_contrast(images, clusters, memory.centroids, temperature=temperature)}
        if with_text:
            terms["text"] = image_to_text(
                joint, memory.text_features, clusters, label_smoothing=section.label_smoothing
            )
        if switches.batch_triplet:
            terms["batch_triplet"] = batch_hard_triplet(images, clusters, margin=section.margin, no_negative="zero")
        if with_adversary:
            rows, cameras = self.model.classifier.weight, self.camera_identities.cameras
            terms["adversary"] = ical(images, local, memory.clusters, cameras, rows, self.recipe)
        return terms

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Image tower, exponent of the pooling, and the neck but for its bias; the classifier has a step of its own."""
        learning = ("image_encoder.", "pooling.", "bottleneck.weight")
        return [(name, p) for name, p in self.model.named_parameters() if name.startswith(learning)]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay; biases learn faster, as published."""
        section = self.section
        return adam_with_faster_biases(
            parameters, weight_decay=section.weight_decay, bias_lr_factor=section.bias_lr_factor
        )


class CcaflMethod(Method[CcaflRecipe, Ccafl]):
    """CCAFL."""

    name = "ccafl"
    recipe = CcaflRecipe
    class_sized = CLASS_SIZED
    training_only = TRAINING_ONLY
    label_scope = "camera"
    run_artifacts = (FOLDER,)

    def batch_sizes(self, recipe: CcaflRecipe) -> dict[str, BatchSizes]:
        """Those of stages 2 and 3."""
        return {"stages2and3": recipe.stages2and3}

    def check(self, recipe: CcaflRecipe, train: Split) -> None:
        """Refuse what these training images cannot give; log which parts of the recipe never come.

        Raises:
            RecipeError: fewer camera identities than a step needs or than two in each camera, or constraints where
                there is one camera only.
            DataError: the cameras are unknown, or the constraints cannot be read or contradict each other.
        """
        labels = camera_labels(train)
        super().check(recipe, train)
        if labels.counts.max() < 2:
            raise RecipeError("data.name: no camera shows two people, so there is nobody to distinguish inside cameras")
        if recipe.association.constraints is not None and not labels.can_associate:
            raise RecipeError(
                "association.constraints: all labels are of one camera, and nothing will be linked: leave it out"
            )
        if recipe.association.constraints is not None:
            read_constraints(recipe.association.constraints.expanduser(), labels)
        for line in parts_that_never_come(recipe) if labels.can_associate else ():
            log_line(line, show=is_main_process())

    def build(self, recipe: CcaflRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Ccafl:
        """The network with CLIP's weights as the recipe says, and a fresh head.

        Raises:
            RecipeError: the recipe contradicts what `init` or CLIP's weights declare about themselves.
            CheckpointError: CLIP's weights cannot be had.
        """
        declared = []
        if init is not None and init.description and "shape" in init.description:
            declared.append((init.source, described_shape(init.description).quick_gelu))
        shape, tensors = initial_towers(recipe.model, declared)
        return Ccafl(shape, classes, prompt_prefix=recipe.model.prompt_prefix, clip_tensors=tensors)

    def stages(self, recipe: CcaflRecipe, model: Ccafl, data: TrainingData, folder: Path | None) -> list[Stage]:
        """Stage 1, and stages 2 and 3 as one; none of them is given identities that hold in all cameras."""
        labels, truth = camera_labels(data.split), true_identities_of_classes(data.split)
        data = replace(data, split=data.split.without_truth())
        associate = association_function(recipe, labels, folder) if labels.can_associate else None
        record = AssociationRecord(folder, labels, truth)
        return [
            prompt_stage(recipe, model, data, labels, folder),
            CameraStage(recipe, model, data, labels, associate, record),
        ]

    def describe(self, recipe: CcaflRecipe, model: Ccafl) -> dict[str, Any]:
        """The towers' shape."""
        return {"shape": asdict(model.shape)}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Ccafl:
        """The image tower; tensors that only training needs are left aside."""
        model = Ccafl(described_shape(description), classes=None)
        load_strictly(model, tensors, source=source, ignored=TRAINING_ONLY)
        return model

    def after_training(self, folder: Path) -> tuple[str, ...]:
        """A page of the links between cameras, where there are any, for a person to confirm or reject."""
        return (FOLDER,) if association_epochs(folder) else ()
