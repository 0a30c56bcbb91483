"""Fine-tuning of a backbone with identities, as ReIDZoo's were for their published results.

One global feature; cross-entropy behind a batch-normalised neck, and a soft-margin triplet loss before it. Zuo et al.
(NeurIPS 2024) call it TransReID, whose parts (jigsaw, camera embedding, overlapping patches) it does without.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.loading.loaders import Batch
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.finetune.network import CLASS_SIZED, TRAINING_ONLY, BackboneReid
from passerby.methods.finetune.recipe import FinetuneRecipe
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.backbones import (
    PREFIX,
    adopt_backbone,
    describe_backbone,
    described_backbone,
    new_backbone,
    part_of,
)
from passerby.methods.stage import Stage, StageOutput
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.models.backbones.backbone import Backbone
from passerby.models.checkpoint import load_strictly


class FineTuningStage(ImageBatchStage):
    """The one stage: everything but the neck's bias."""

    model: BackboneReid
    takes_added_losses = True

    def __init__(self, recipe: FinetuneRecipe, model: BackboneReid, data: TrainingData) -> None:
        section = recipe.training
        super().__init__("finetuning", model, recipe, data, section, epochs=section.epochs, learning_rate=section)
        self.section = section

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """w_id · cross-entropy behind the neck + w_tri · triplet loss before it."""
        section, labels = self.section, batch.identities
        features, logits = self.model(batch.images)
        identity = smoothed_cross_entropy(logits, labels, label_smoothing=section.label_smoothing)
        triplet = batch_hard_triplet(features, labels, margin=section.margin)
        total = section.loss_weights.identity * identity + section.loss_weights.triplet * triplet
        self.output = StageOutput(features, logits, labels, batch.cameras)
        return {"loss": total, "identity": identity.detach(), "triplet": triplet.detach()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Everything but the bias of the neck, which stays 0."""
        return [(name, p) for name, p in self.model.named_parameters() if name != "bottleneck.bias"]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Stochastic gradient descent with momentum; between warm-up and end biases learn faster."""
        biases = [p for name, p in parameters if "bias" in name]
        others = [p for name, p in parameters if "bias" not in name]
        section = self.section
        groups = [{"params": others, "peak_factor": 1.0}, {"params": biases, "peak_factor": section.bias_lr_factor}]
        return torch.optim.SGD(groups, lr=0.0, momentum=section.momentum, weight_decay=section.weight_decay)


class FinetuneMethod(Method[FinetuneRecipe, BackboneReid]):
    """Fine-tuning of a backbone."""

    name = "finetune"
    recipe = FinetuneRecipe
    class_sized = CLASS_SIZED
    training_only = TRAINING_ONLY

    def batch_sizes(self, recipe: FinetuneRecipe) -> dict[str, BatchSizes]:
        """Those of the one stage."""
        return {"training": recipe.training}

    def adopt(self, recipe: FinetuneRecipe, init: InitialWeights) -> InitialWeights:
        """Weights of CION's runs, of bare backbones and of official files, under this network's names."""
        return adopt_backbone(init, recipe.model, own_method=self.name)

    def build(
        self, recipe: FinetuneRecipe, classes: int, cameras: int, init: InitialWeights | None = None
    ) -> BackboneReid:
        """The network with random weights."""
        return BackboneReid(new_backbone(recipe.model), classes)

    def stages(
        self, recipe: FinetuneRecipe, model: BackboneReid, data: TrainingData, folder: Path | None
    ) -> list[Stage]:
        """One stage."""
        return [FineTuningStage(recipe, model, data)]

    def describe(self, recipe: FinetuneRecipe, model: BackboneReid) -> dict[str, Any]:
        """The backbone's name and image size."""
        return describe_backbone(model.backbone)

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Backbone:
        """The backbone alone."""
        backbone = described_backbone(description)
        load_strictly(backbone, part_of(tensors), source=source)
        return backbone

    def backbone_prefix(self, description: Mapping[str, Any]) -> str:
        """One backbone, under its own name."""
        return PREFIX
