"""MGN (Wang et al., ACM MM 2018): fine-tuning a residual network with features of the whole body and of its parts.

Eight features, each with a circle loss over identities; triplet losses on the three of the whole body and on halves and
thirds put together. Settings are those of ReIDZoo's fork of FastReID.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.loading.loaders import Batch
from passerby.data.split import Split
from passerby.errors import RecipeError
from passerby.losses.circle import circle_logits, cross_entropy_smoothed_over_others
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.mgn.network import CLASS_SIZED, NEW, STRIPES, TRAINING_ONLY, Mgn
from passerby.methods.mgn.recipe import MgnRecipe
from passerby.methods.networks.backbones import (
    adopt_backbone,
    describe_named,
    described_backbone,
    new_backbone,
    part_of,
)
from passerby.methods.stage import Stage, StageOutput
from passerby.methods.stages.gathered_triplet import gathered_triplet
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.models.backbones.registry import create, family_of
from passerby.models.checkpoint import load_strictly

_PRETRAINED = ("trunk.", "branches.")
_MAP_STRIDE = 16


class MgnStage(ImageBatchStage):
    """The one stage."""

    model: Mgn
    takes_added_losses = True

    def __init__(self, recipe: MgnRecipe, model: Mgn, data: TrainingData) -> None:
        section = recipe.training
        super().__init__("mgn", model, recipe, data, section, epochs=section.epochs, learning_rate=section)
        self.section = section

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """w_id Σ smoothed circle loss (eight features) + w_tri Σ soft-margin triplet loss (wholes, halves, thirds)."""
        section, labels = self.section, batch.identities
        features = self.model.features(batch.images)
        logits = [
            circle_logits(cosines, labels, scale=section.scale, margin=section.margin)
            for cosines in self.model.cosines(features.in_order())
        ]
        identity = torch.stack(
            [
                cross_entropy_smoothed_over_others(each, labels, label_smoothing=section.label_smoothing)
                for each in logits
            ]
        ).sum()
        compared = [*features.wholes, *(torch.cat(parts, 1) for parts in features.parts)]
        triplet = torch.stack(
            [gathered_triplet(each, labels, margin=None, gather=section.gather_triplets) for each in compared]
        ).sum()
        total = section.loss_weights.identity * identity + section.loss_weights.triplet * triplet
        self.output = StageOutput(torch.cat(features.in_order(), 1), logits[0], labels, batch.cameras)
        return {"loss": total, "identity": identity.detach(), "triplet": triplet.detach()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Everything but the biases of the necks, which stay 0."""
        return [(name, p) for name, p in self.model.named_parameters() if not name.endswith("neck.bias")]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay."""
        return torch.optim.Adam([p for _, p in parameters], lr=0.0, weight_decay=self.section.weight_decay)

    def on_train_epoch_start(self) -> None:
        """Lightning's hook: while trunk and branches are frozen, so are their statistics."""
        learning = not self._frozen()
        self.model.trunk.train(learning)
        self.model.branches.train(learning)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Lightning's hook: what is frozen neither learns nor decays."""
        if self._frozen():
            for name, parameter in self.model.named_parameters():
                if name.startswith(_PRETRAINED):
                    parameter.grad = None

    def _frozen(self) -> bool:
        return self.trainer.current_epoch < self.section.frozen_epochs


class MgnMethod(Method[MgnRecipe, Mgn]):
    """MGN."""

    name = "mgn"
    recipe = MgnRecipe
    class_sized = CLASS_SIZED
    training_only = (*TRAINING_ONLY, *NEW, "norms.")

    def transforms(self, recipe: MgnRecipe) -> tuple[TrainTransform, TestTransform]:
        """Those of the recipe, with the colour that fills what erasing takes away."""
        train, test = super().transforms(recipe)
        return replace(train, fill=recipe.augmentation.fill), test

    def batch_sizes(self, recipe: MgnRecipe) -> dict[str, BatchSizes]:
        """Those of the one stage."""
        return {"training": recipe.training}

    def check(self, recipe: MgnRecipe, train: Split) -> None:
        """Refuse what MGN cannot be made of.

        Raises:
            RecipeError: a backbone without groups of blocks, images too low for stripes, or fewer identities than a
                batch takes.
        """
        backbone, size = recipe.model.backbone, recipe.model.image_size
        if family_of(backbone) not in ("resnet", "resnet_ibn"):
            raise RecipeError(f"model.backbone={backbone}: MGN needs a residual network, such as resnet50_ibn")
        rows = -(-size[0] // _MAP_STRIDE)
        if len(torch.empty(rows).chunk(max(STRIPES))) < max(STRIPES):
            raise RecipeError(
                f"model.image_size={list(size)}: leaves a map of {rows} rows, which cannot be cut into {max(STRIPES)} "
                f"stripes: take a height of at least {_MAP_STRIDE * (max(STRIPES) + 1) + 1}"
            )
        super().check(recipe, train)

    def adopt(self, recipe: MgnRecipe, init: InitialWeights) -> InitialWeights:
        """Weights of a backbone for the trunk and all branches; runs of MGN as they are."""
        section = recipe.model
        adopted = adopt_backbone(init, section, own_method=self.name)
        if adopted is init:
            return init
        backbone = create(section.backbone, section.image_size)
        load_strictly(backbone, part_of(adopted.tensors), source=init.source)
        begun = Mgn(backbone, None, width=section.width).state_dict()
        return replace(init, tensors={name: value for name, value in begun.items() if name.startswith(_PRETRAINED)})

    def build(self, recipe: MgnRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Mgn:
        """The network with random weights."""
        return Mgn(new_backbone(recipe.model), classes, width=recipe.model.width)

    def stages(self, recipe: MgnRecipe, model: Mgn, data: TrainingData, folder: Path | None) -> list[Stage]:
        """One stage."""
        return [MgnStage(recipe, model, data)]

    def describe(self, recipe: MgnRecipe, model: Mgn) -> dict[str, Any]:
        """The backbone that trunk and branches were made of, and the length of each feature."""
        return {**describe_named(model.name, model.image_size), "width": model.width}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Mgn:
        """The network without classifiers."""
        model = Mgn(described_backbone(description), None, width=description["width"])
        load_strictly(model, tensors, source=source, ignored=TRAINING_ONLY)
        return model
