"""SAGA's stages 1 and 2: words for each identity, and an image tower that learns from them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.loading.loaders import Batch
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.contrastive import image_to_text
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.method import TrainingData
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.saga.schedules import backbone_rate, words_schedule
from passerby.methods.stage import StageOutput
from passerby.methods.stages.image_stage import ImageBatchStage, estimated_steps
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.methods.stages.text_features import TextFeatures
from passerby.models.saga.network import Saga


def words_stage(recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path) -> PromptStage:
    """Stage 1: eight words of each identity."""
    return PromptStage(
        "stage1-words",
        model,
        recipe.stage1,
        data,
        folder,
        seed=recipe.seed,
        schedule=words_schedule(recipe.stage1),
        words="prompt_learner.ctx_generic",
        project=lambda images: model.tokens(images).projected,
        texts=model.prompt_features,
        width=model.joint_dim,
    )


class BackboneStage(ImageBatchStage):
    """Stage 2: the image tower, by one identity loss, one triplet loss and the fixed texts of stage 1."""

    model: Saga
    takes_added_losses = True

    def __init__(self, recipe: SagaRecipe, model: Saga, data: TrainingData) -> None:
        section = recipe.stage2
        super().__init__("stage2-images", model, epochs=section.epochs, seed=recipe.seed, schedule=lambda _: section.lr)
        self.section, self.data, self.sizes, self.prefetch = section, data, section, recipe.trainer.prefetch
        self._text_features = TextFeatures(model.prompt_learner, model.text_encoder)
        self._estimated_steps = estimated_steps(data.identities, section)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Smoothed CE and triplet of the class token, and smoothed CE of the projected one against the texts."""
        section, labels, model = self.section, batch.identities, self.model
        tokens = model.tokens(batch.images)
        scores = model.classifier(model.bottleneck(tokens.final))
        identity = smoothed_cross_entropy(scores, labels, smoothing=section.label_smoothing)
        triplet = batch_hard_triplet(tokens.final, labels, margin=section.margin)
        total = section.loss_weights.identity * identity + section.loss_weights.triplet * triplet
        losses = {"identity": identity, "triplet": triplet}
        if section.loss_weights.text:
            text = image_to_text(tokens.projected, self._text_features(), labels, smoothing=section.label_smoothing)
            total = total + section.loss_weights.text * text
            losses["text"] = text
        self.output = StageOutput(tokens.final, scores, labels, batch.cameras)
        return {"loss": total} | {name: value.detach() for name, value in losses.items()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The image tower, the neck (its bias only if the recipe says so) and the classifier."""
        fixed = () if self.section.train_neck_bias else ("bottleneck.bias",)
        learning = ("backbone.", "bottleneck.", "classifier.")
        without_gradient = () if self.section.loss_weights.text else ("backbone.proj",)
        return [
            (name, p)
            for name, p in self.model.named_parameters()
            if name.startswith(learning) and name not in (*fixed, *without_gradient)
        ]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay, all parameters alike."""
        return torch.optim.Adam([p for _, p in parameters], lr=0.0, weight_decay=self.section.weight_decay)

    def on_stage_start(self) -> None:
        """Let batch statistics move."""
        self.model.train()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """As every stage, but the warm-up is counted in steps."""
        super().on_train_batch_start(batch, batch_idx)
        rate = backbone_rate(
            self.section,
            epoch=self.trainer.current_epoch + 1,
            step=self.trainer.global_step,
            estimated_steps=self._estimated_steps,
        )
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate
