"""SAGA-ReID: a feature gathered from an image's patches by anchors, some of which lie in the text space of CLIP.

1. A prompt is learned for each identity, as in CLIP-ReID (`prompt_stage`).
2. The image tower learns from identities, triplets and the prompts (`BackboneStage`).
   With `anchors.visibility`, a head then learns which patches are hidden (`VisibilityStage`); off as published.
3. The tower is frozen. Anchors, the refinement that patches get from them, and classifiers of the refined feature
   learn: 3a at a constant, 3b at a falling learning rate (`AnchorStage`).
4. Off by default: the tower learns again, under anchors that no longer change (`EndToEndStage`).

The network is `passerby.models.saga.network`. Numbers follow the published code. Stage 4 of the published code
fails; it is implemented here as described, for both of its variants.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.loading.loaders import Batch
from passerby.data.split import Split
from passerby.errors import RecipeError
from passerby.losses.anchors import anchor_diversity, anchor_triplet, classifier_diversity, decorrelation
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.contrastive import image_to_text
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.saga.building import adopt, build, restore
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.saga.token_batches import TokenBatch
from passerby.methods.saga.token_stage import TokenStage
from passerby.methods.saga.tower_stages import FinishedHeadStage, TowerStage
from passerby.methods.saga.visibility_stage import VisibilityStage
from passerby.methods.stage import Stage, StageOutput
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.models.clip_reid.network import ClipReid
from passerby.models.inspection.attention_maps import AttentionMaps, clip_attention_maps, saga_attention_maps
from passerby.models.inspection.feature_variants import clip_reid_variants, saga_variants
from passerby.models.saga.network import CLASS_SIZED, HEAD, TRAINING_ONLY, VISIBILITY, Saga
from passerby.models.saga.official_files import recognise_saga
from passerby.models.saga.poolings import PoolingBranch
from passerby.printable import printable


def prompt_stage(recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path | None) -> PromptStage:
    """Stage 1: eight context tokens of each identity, by contrast of images with prompts; nothing else learns."""
    return PromptStage(
        recipe,
        model,
        data,
        folder,
        context="prompt_learner.ctx_generic",
        project=lambda images: model.tokens(images).projected,
    )


class BackboneStage(TowerStage):
    """Stage 2: the image tower, by one identity loss, one triplet loss and the prompts of stage 1."""

    takes_added_losses = True

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """w_id · smoothed CE + w_tri · triplet (class token) + w_text · smoothed CE of its projection with prompts."""
        section, labels, model = self.section, batch.identities, self.model
        tokens = model.tokens(batch.images)
        logits = model.classifier(model.bottleneck(tokens.final))
        identity = smoothed_cross_entropy(logits, labels, label_smoothing=section.label_smoothing)
        triplet = batch_hard_triplet(tokens.final, labels, margin=section.margin)
        total = section.loss_weights.identity * identity + section.loss_weights.triplet * triplet
        losses = {"identity": identity, "triplet": triplet}
        if section.loss_weights.text:
            text = image_to_text(
                tokens.projected, self.text_features(), labels, label_smoothing=section.label_smoothing
            )
            total = total + section.loss_weights.text * text
            losses["text"] = text
        self.output = StageOutput(tokens.final, logits, labels, batch.cameras)
        return {"loss": total} | {name: value.detach() for name, value in losses.items()}


class AnchorStage(TokenStage):
    """Stages 3a and 3b: anchors, refinement and classifiers, on tokens of the frozen image tower."""

    takes_added_losses = True

    def token_losses(self, batch: TokenBatch) -> dict[str, Tensor]:
        """Σ w · (mean smoothed CE of the classifiers, triplet of the refined feature, diversity of anchors and of
        classifiers, triplet of each anchor's own feature), and the losses of other poolings.
        """
        model, section, labels, weights = self.model, self.section, batch.identities, self.section.loss_weights
        aggregated = model.aggregate(batch.patches, batch.projected, batch.cameras)
        normalised = F.dropout(model.bn(aggregated.refined), self.classifier_dropout, self.training)
        logits = [classifier(normalised) for classifier in model.classifiers]
        losses = {
            "identity": _mean_cross_entropy(logits, labels, section.label_smoothing),
            "triplet": batch_hard_triplet(aggregated.refined, labels, margin=section.margin),
        }
        if weights.anchor_diversity:
            losses["anchor_diversity"] = anchor_diversity(aggregated.text_anchors)
        if weights.classifier_diversity and len(logits) > 1:
            losses["classifier_diversity"] = classifier_diversity(list(model.classifiers.parameters()))
        if weights.anchor_triplet:
            by_anchor = model.by_anchor(aggregated)
            losses["anchor_triplet"] = anchor_triplet(*by_anchor, labels, margin=section.margin or 0.0)
        poolings = {kind: self._pooling_loss(branch, batch) for kind, branch in model.poolings.items()}
        total = torch.stack([*(getattr(weights, name) * value for name, value in losses.items()), *poolings.values()])
        self.output = StageOutput(aggregated.refined, logits[0], labels, batch.cameras)
        return {"loss": total.sum()} | {name: value.detach() for name, value in (losses | poolings).items()}

    def _pooling_loss(self, branch: nn.Module, batch: TokenBatch) -> Tensor:
        """Identity and triplet loss of another pooling of the same tokens, weighted as the anchors' own."""
        assert isinstance(branch, PoolingBranch)
        feature, section, weights = branch(batch.patches, batch.projected), self.section, self.section.loss_weights
        logits = branch.logits(feature)
        identity = smoothed_cross_entropy(logits, batch.identities, label_smoothing=section.label_smoothing)
        triplet = batch_hard_triplet(feature, batch.identities, margin=section.margin)
        return weights.identity * identity + weights.triplet * triplet


class EndToEndStage(FinishedHeadStage):
    """Stage 4: the image tower again; the head and the anchors stay as they are."""

    takes_added_losses = True

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Mean smoothed CE of the classifiers + triplet of the refined feature + w_dec · correlation of refined feature
        and class token + w_text · smoothed CE of the projected class token with the prompts.
        """
        head, labels, model, weights = self.head, batch.identities, self.model, self.section.loss_weights
        tokens = model.tokens(batch.images)
        refined = model.aggregate(tokens.patches, tokens.projected, batch.cameras).refined
        normalised = model.bn(refined)
        logits = [classifier(normalised) for classifier in model.classifiers]
        losses = {
            "identity": _mean_cross_entropy(logits, labels, head.label_smoothing),
            "triplet": batch_hard_triplet(refined, labels, margin=head.margin),
        }
        total = losses["identity"] + losses["triplet"]
        if weights.decorrelation:
            losses["decorrelation"] = decorrelation(refined, tokens.final)
            total = total + weights.decorrelation * losses["decorrelation"]
        if weights.text:
            text_features = self.text_features()
            losses["text"] = image_to_text(
                tokens.projected, text_features, labels, label_smoothing=head.label_smoothing
            )
            total = total + weights.text * losses["text"]
        self.output = StageOutput(refined, logits[0], labels, batch.cameras)
        return {"loss": total} | {name: value.detach() for name, value in losses.items()}


class SagaMethod(Method[SagaRecipe, Saga]):
    """SAGA-ReID."""

    name = "saga"
    recipe = SagaRecipe
    class_sized = CLASS_SIZED
    training_only = (*TRAINING_ONLY, *HEAD, *VISIBILITY, "text_encoder.")

    def transforms(self, recipe: SagaRecipe) -> tuple[TrainTransform, TestTransform]:
        """Those of the recipe; the published code resizes test images otherwise than training images."""
        train, test = super().transforms(recipe)
        return train, replace(test, interpolation="bilinear") if recipe.official else test

    def batch_sizes(self, recipe: SagaRecipe) -> dict[str, BatchSizes]:
        """Those of the stages that have epochs."""
        by_head = recipe.stage3a.epochs + recipe.stage3b.epochs + recipe.stage4.epochs
        by_sight = recipe.visibility.epochs if recipe.anchors.visibility else 0
        sections: tuple[tuple[str, int, BatchSizes], ...] = (
            ("stage2", recipe.stage2.epochs, recipe.stage2),
            ("visibility", by_sight, recipe.visibility),
            ("stage3", by_head, recipe.stage3),
        )
        return {key: section for key, epochs, section in sections if epochs}

    def check(self, recipe: SagaRecipe, train: Split) -> None:
        """Refuse what these training images cannot give.

        Raises:
            RecipeError: fewer identities than a step needs, or no cameras for camera-conditioned anchors.
        """
        super().check(recipe, train)
        if recipe.anchors.domain == "camera" and not train.camera_names:
            raise RecipeError("anchors.domain=camera, but the training images have no cameras: set it to image")
        if recipe.anchors.visibility:
            _check_visibility(recipe)

    def adopt(self, recipe: SagaRecipe, init: InitialWeights) -> InitialWeights:
        """Weights of SAGA's own or official files, or of a CLIP-ReID checkpoint, under SAGA's names."""
        return adopt(recipe, init)

    def build(self, recipe: SagaRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Saga:
        """The network with CLIP's weights as the recipe says, and a fresh head."""
        return build(recipe, classes, cameras, init)

    def stages(self, recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path | None) -> list[Stage]:
        """The stages that have epochs, in order."""
        planned: list[Stage] = [
            prompt_stage(recipe, model, data, folder),
            BackboneStage(recipe, model, data),
            VisibilityStage(recipe, model, data),
            AnchorStage(recipe, model, data, folder, part="a"),
            AnchorStage(recipe, model, data, folder, part="b"),
            EndToEndStage(recipe, model, data),
        ]
        return [stage for stage in planned if stage.epochs]

    def describe(self, recipe: SagaRecipe, model: Saga) -> dict[str, Any]:
        """The network's shape, and its cameras."""
        return {"network": model.shape.description(), "camera_count": model.sizes.cameras}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Saga | ClipReid:
        """The network without what only training needs; an official file of stage 2 embeds as CLIP-ReID does."""
        return restore(description, tensors, source)

    def freeze(self, model: nn.Module) -> nn.Module:
        """Shared anchors are computed, and the text tower is no longer needed."""
        if isinstance(model, Saga):
            model.freeze_anchors()
        return model

    def recognise(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """Checkpoints of the published code."""
        return recognise_saga(tensors)

    def feature_variants(self, model: nn.Module, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
        """Every feature of the same patches: class token, poolings, anchors, and the fused embedding."""
        if isinstance(model, Saga):
            return saga_variants(model, images, camera_ids)
        assert isinstance(model, ClipReid)
        return clip_reid_variants(model, images, camera_ids)

    def attention_maps(self, model: nn.Module, images: Tensor, *, anchors: int = 3) -> list[AttentionMaps]:
        """Weights of patches, the strongest anchors, and attention of the image tower's class token."""
        if isinstance(model, Saga):
            return saga_attention_maps(model, images, anchors=anchors)
        assert isinstance(model, ClipReid)
        return clip_attention_maps(model, images)


def _check_visibility(recipe: SagaRecipe) -> None:
    if not recipe.visibility.epochs and recipe.init is None:
        raise RecipeError(
            "anchors.visibility=true, but nothing trains its head: set visibility.epochs above 0, or init to a run "
            "that has one"
        )
    masks = recipe.visibility.masks
    if masks is not None and not masks.expanduser().is_dir():
        raise RecipeError(
            f"visibility.masks={printable(str(masks))}: no such folder: draw one with `passerby synth --masks`"
        )


def _mean_cross_entropy(logits: list[Tensor], labels: Tensor, smoothing: float) -> Tensor:
    return torch.stack([smoothed_cross_entropy(each, labels, label_smoothing=smoothing) for each in logits]).mean()
