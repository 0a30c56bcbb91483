"""SAGA's stage 4: the image tower learns again, under anchors that no longer change.

The published code crashes here (saga.md §4.1); this is what it means to do, both of its variants in one: 4 with
`loss_weights.decorrelation`, 4b with `loss_weights.text`.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from passerby.data.loading.loaders import Batch
from passerby.losses.anchors import decorrelation
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.contrastive import image_to_text
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.method import TrainingData
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.saga.schedules import anchors_schedule
from passerby.methods.stage import StageOutput
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.methods.stages.text_features import TextFeatures
from passerby.models.saga.network import Saga


class EndToEndStage(ImageBatchStage):
    """Only the image tower changes; of the head, the neck's batch statistics move."""

    model: Saga
    takes_added_losses = True

    def __init__(self, recipe: SagaRecipe, model: Saga, data: TrainingData) -> None:
        section = recipe.stage4
        super().__init__(
            "stage4-end-to-end", model, epochs=section.epochs, seed=recipe.seed, schedule=anchors_schedule(section)
        )
        self.section, self.head = section, recipe.stage3
        self.data, self.sizes, self.prefetch = data, recipe.stage3, recipe.trainer.prefetch
        self._text_features = TextFeatures(model.prompt_learner, model.text_encoder)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Mean smoothed CE of the classifiers, triplet of the refined feature, and what is switched on."""
        section, head, labels, model = self.section, self.head, batch.identities, self.model
        tokens = model.tokens(batch.images)
        refined = model.aggregate(tokens.patches, tokens.projected, batch.cameras).refined
        normalised = model.bn(refined)
        scores = [cast(Tensor, classifier(normalised)) for classifier in model.classifiers]
        smoothing = head.label_smoothing
        identity = torch.stack([smoothed_cross_entropy(each, labels, smoothing=smoothing) for each in scores])
        losses = {
            "identity": identity.mean(),
            "triplet": batch_hard_triplet(refined, labels, margin=head.margin),
        }
        total = losses["identity"] + losses["triplet"]
        if section.loss_weights.decorrelation:
            losses["decorrelation"] = decorrelation(refined, tokens.final)
            total = total + section.loss_weights.decorrelation * losses["decorrelation"]
        if section.loss_weights.text:
            losses["text"] = image_to_text(
                tokens.projected, self._text_features(), labels, smoothing=head.label_smoothing
            )
            total = total + section.loss_weights.text * losses["text"]
        self.output = StageOutput(refined, scores[0], labels, batch.cameras)
        return {"loss": total} | {name: value.detach() for name, value in losses.items()}

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
        if self.section.loss_weights.text or anchors.domain == "clip":
            return names
        deepest = max(anchors.token_layers)
        blocks = len(cast(nn.ModuleList, self.model.backbone.get_submodule("transformer.resblocks")))
        later = tuple(f"backbone.transformer.resblocks.{number}." for number in range(deepest, blocks))
        return {name for name in names if not name.startswith((*later, "backbone.ln_post.", "backbone.proj"))}
