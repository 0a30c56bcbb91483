"""What SAGA's stages 2 and 4 train, and how fast; their losses are in `passerby.methods.saga.method`."""

from abc import ABC
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from passerby.methods.method import TrainingData
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.sections.learning_rate import Position
from passerby.methods.stages.image_stage import ImageBatchStage, estimated_steps
from passerby.methods.stages.text_features import TextFeatures
from passerby.models.saga.network import Saga


class TowerStage(ImageBatchStage, ABC):
    """Stage 2 but for its losses: the image tower learns."""

    model: Saga

    def __init__(self, recipe: SagaRecipe, model: Saga, data: TrainingData) -> None:
        section = recipe.stage2
        super().__init__("stage2-images", model, recipe, data, section, epochs=section.epochs, learning_rate=section)
        self.section, self.official = section, recipe.official
        self.text_features = TextFeatures(model.prompt_learner, model.text_encoder)
        self._estimated_steps = estimated_steps(data.identities, section)

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The image tower, the neck (its bias only with official=true; bag-of-tricks freezes it) and the classifier."""
        fixed = () if self.official else ("bottleneck.bias",)
        learning = ("backbone.", "bottleneck.", "classifier.")
        without_gradient = () if self.section.loss_weights.reads_projection else ("backbone.proj",)
        return [
            (name, p)
            for name, p in self.model.named_parameters()
            if name.startswith(learning) and name not in (*fixed, *without_gradient)
        ]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay, all parameters alike."""
        return torch.optim.Adam([p for _, p in parameters], lr=0.0, weight_decay=self.section.weight_decay)

    def position(self, batch_idx: int) -> Position:
        """As in all stages; the published code counts milestones in steps of the sampler's estimate of an epoch."""
        found = super().position(batch_idx)
        if not self.official or self.section.decay != "steps":
            return found
        return found._replace(epoch=found.finished // self._estimated_steps)


class FinishedHeadStage(ImageBatchStage, ABC):
    """Stage 4 but for its losses: only the image tower learns; of the head, the neck's batch statistics move."""

    model: Saga

    def __init__(self, recipe: SagaRecipe, model: Saga, data: TrainingData) -> None:
        section = recipe.stage4
        super().__init__(
            "stage4-end-to-end", model, recipe, data, recipe.stage3, epochs=section.epochs, learning_rate=section
        )
        self.section, self.head = section, recipe.stage3
        self.text_features = TextFeatures(model.prompt_learner, model.text_encoder)

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """What of the image tower reaches the loss: blocks after the token layer only with a text loss."""
        names = self._reached()
        return [(name, p) for name, p in self.model.named_parameters() if name in names]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """AdamW with decoupled weight decay."""
        return torch.optim.AdamW([p for _, p in parameters], lr=0.0, weight_decay=self.head.weight_decay)

    def on_stage_start(self) -> None:
        """Inference mode but for the neck, so that anchors are computed once."""
        self.model.eval()
        self.model.bn.train()

    def _reached(self) -> set[str]:
        anchors = self.model.shape.anchors
        names = {name for name, _ in self.model.named_parameters() if name.startswith("backbone.")}
        if self.section.loss_weights.reads_projection or anchors.domain == "clip":
            return names
        deepest = max(anchors.token_layers)
        blocks = len(self.model.backbone.transformer.resblocks)
        later = tuple(f"backbone.transformer.resblocks.{number}." for number in range(deepest, blocks))
        return {name for name in names if not name.startswith((*later, "backbone.ln_post.", "backbone.proj"))}
