"""Fine-tuning a backbone with identities, as ReIDZoo's were for their published figures.

One global feature; cross-entropy behind a batch-normalised neck, and a soft-margin triplet loss before it. The authors
call it TransReID, whose parts (jigsaw, camera embedding, overlapping patches) it does without. Specification: section
4.1 of our specification of CION.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.loading.loaders import Batch
from passerby.data.split import Split
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.finetune.recipe import FinetuneRecipe
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.backbones import (
    adopt_backbone,
    describe_backbone,
    described_backbone,
    new_backbone,
    part_of,
    recognise_nothing,
)
from passerby.methods.stage import Stage
from passerby.methods.stages.image_stage import ImageBatchStage, refuse_too_few_identities
from passerby.models.backbones.backbone import Backbone
from passerby.models.checkpoint import load_strictly
from passerby.models.networks.finetune import CLASS_SIZED, TRAINING_ONLY, BackboneReid


class FineTuningStage(ImageBatchStage):
    """The one stage: everything but the neck's bias."""

    model: BackboneReid

    def __init__(self, recipe: FinetuneRecipe, model: BackboneReid, data: TrainingData) -> None:
        section = recipe.training
        of_weights, self._of_biases = recipe.schedules()
        super().__init__("finetuning", model, epochs=section.epochs, seed=recipe.seed, schedule=of_weights)
        self.section, self.data, self.sizes, self.prefetch = section, data, recipe.batch, recipe.trainer.prefetch

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """w_id · cross-entropy behind the neck + w_tri · triplet loss before it."""
        section, labels = self.section, batch.identities
        features, logits = self.model(batch.images)
        identity = smoothed_cross_entropy(logits, labels, smoothing=section.label_smoothing)
        triplet = batch_hard_triplet(features, labels, margin=section.margin)
        total = section.loss_weights.identity * identity + section.loss_weights.triplet * triplet
        return {"loss": total, "identity": identity.detach(), "triplet": triplet.detach()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Everything but the bias of the neck, which stays 0."""
        return [(name, p) for name, p in self.model.named_parameters() if name != "bottleneck.bias"]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Stochastic gradient descent with momentum; biases have a rate of their own."""
        biases = [p for name, p in parameters if "bias" in name]
        others = [p for name, p in parameters if "bias" not in name]
        section = self.section
        return torch.optim.SGD(
            [{"params": others}, {"params": biases}],
            lr=0.0,
            momentum=section.momentum,
            weight_decay=section.weight_decay,
        )

    def on_stage_start(self) -> None:
        """Let batch statistics move."""
        self.model.train()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """As in all stages, with the biases' own schedule."""
        super().on_train_batch_start(batch, batch_idx)
        _, biases = self.trainer.optimizers[0].param_groups
        biases["lr"] = self._of_biases(self.trainer.current_epoch + 1)


def transforms(recipe: FinetuneRecipe) -> tuple[TrainTransform, TestTransform]:
    """The transforms that the recipe says."""
    return recipe.augmentation.transforms(recipe.model.image_size)


def check(recipe: FinetuneRecipe, train: Split) -> None:
    """Refuse batches of more identities than the training images show, with a RecipeError."""
    refuse_too_few_identities("training", recipe.batch, train.identity_count, recipe.trainer.processes)


def build(recipe: FinetuneRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> BackboneReid:
    """The network with random weights; those of `init` are loaded by the caller."""
    del cameras, init
    return BackboneReid(new_backbone(recipe.model), classes)


def describe(recipe: FinetuneRecipe, model: BackboneReid) -> dict[str, Any]:
    """What `restore` and the embedder need, as JSON."""
    return describe_backbone(model.backbone, transforms(recipe)[1])


def restore(description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Backbone:
    """The backbone alone."""
    backbone = described_backbone(description)
    load_strictly(backbone, part_of(tensors), source=source)
    return backbone


def stages(recipe: FinetuneRecipe, model: BackboneReid, data: TrainingData, folder: Path) -> list[Stage]:
    """One stage."""
    del folder
    return [FineTuningStage(recipe, model, data)]


def adopt(recipe: FinetuneRecipe, init: InitialWeights) -> InitialWeights:
    """Weights of CION's runs, of bare backbones and of official files, under this network's names."""
    return adopt_backbone(init, recipe.model, own_method="finetune")


METHOD = Method(
    recipe=FinetuneRecipe,
    transforms=transforms,
    check=check,
    build=build,
    describe=describe,
    stages=stages,
    restore=restore,
    recognise=recognise_nothing,
    class_sized=CLASS_SIZED,
    training_only=TRAINING_ONLY,
    adopt=adopt,
)
