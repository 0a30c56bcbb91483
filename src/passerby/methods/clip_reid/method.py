"""CLIP-ReID (Li et al., AAAI 2023), and its baseline without prompts.

1. A prompt is learned for each identity: a few context tokens whose text feature is to lie near the features of the
   identity's images. Both towers are frozen (`prompt_stage`).
2. Prompts and text tower are frozen. The image tower learns with identity, triplet and image-to-text losses
   (`ImageStage`); the baseline has this stage alone, without the last loss.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.loading.loaders import Batch
from passerby.data.split import Split
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.contrastive import image_to_text
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.clip_reid.building import build, check_camera_embedding
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.clip_towers import described_shape
from passerby.methods.stage import Stage, StageOutput, adam_with_faster_biases
from passerby.methods.stages.gathered_triplet import gathered_triplet
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.methods.stages.text_features import TextFeatures
from passerby.models.checkpoint import load_strictly
from passerby.models.clip_reid.network import CLASS_SIZED, TRAINING_ONLY, ClipReid, ClipReidSizes
from passerby.models.clip_reid.official_files import recognise_clip_reid
from passerby.models.inspection.attention_maps import AttentionMaps, clip_attention_maps
from passerby.models.inspection.feature_variants import clip_reid_variants


def prompt_stage(recipe: ClipReidRecipe, model: ClipReid, data: TrainingData, folder: Path | None) -> PromptStage:
    """Stage 1: the context tokens of each identity's prompt."""
    return PromptStage(
        recipe,
        model,
        data,
        folder,
        context="prompt_learner.cls_ctx",
        project=lambda images: model.features(images, with_cameras=False).projected,  # as published: not in stage 1
    )


class ImageStage(ImageBatchStage):
    """Stage 2: the image tower and the heads, against the prompts of stage 1, which no longer change."""

    model: ClipReid
    takes_added_losses = True

    def __init__(self, recipe: ClipReidRecipe, model: ClipReid, data: TrainingData) -> None:
        section = recipe.stage2
        super().__init__("stage2-images", model, recipe, data, section, epochs=section.epochs, learning_rate=section)
        self.section, self.with_cameras = section, recipe.model.camera_embedding
        self._text_features = TextFeatures(model.prompt_learner, model.text_encoder) if model.sizes.prompts else None

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """w_id Σ smoothed CE (two heads) + w_tri Σ triplet (three features) + w_text smoothed CE against the texts."""
        section, labels = self.section, batch.identities
        features, logits = self.model(batch.images, batch.cameras if self.with_cameras else None)
        identity = _total(
            smoothed_cross_entropy(score, labels, label_smoothing=section.label_smoothing) for score in logits
        )
        triplet = _total(
            gathered_triplet(each, labels, margin=section.margin, gather=section.gather_triplets) for each in features
        )
        total = section.loss_weights.identity * identity + section.loss_weights.triplet * triplet
        losses = {"identity": identity, "triplet": triplet}
        if self._text_features is not None:
            text = image_to_text(
                features.projected, self._text_features(), labels, label_smoothing=section.label_smoothing
            )
            total = total + section.loss_weights.text * text
            losses["text"] = text
        joint = torch.cat([features.final, features.projected], 1)
        self.output = StageOutput(joint, logits[0], labels, batch.cameras)
        return {"loss": total} | {name: value.detach() for name, value in losses.items()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Everything but prompts, text tower and the biases of the necks."""
        frozen = ("prompt_learner.", "text_encoder.", "bottleneck.bias", "bottleneck_proj.bias")
        return [(name, p) for name, p in self.model.named_parameters() if not name.startswith(frozen)]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay; parameters whose name contains `bias` learn faster, as published."""
        section = self.section
        return adam_with_faster_biases(
            parameters, weight_decay=section.weight_decay, bias_lr_factor=section.bias_lr_factor
        )

    def on_stage_start(self) -> None:
        """Encode the prompts of all identities once: they no longer change."""
        super().on_stage_start()
        if self._text_features is not None:
            self._text_features()


class ClipReidMethod(Method[ClipReidRecipe, ClipReid]):
    """CLIP-ReID, and its baseline without prompts."""

    name = "clip-reid"
    recipe = ClipReidRecipe
    class_sized = CLASS_SIZED
    training_only = TRAINING_ONLY

    def batch_sizes(self, recipe: ClipReidRecipe) -> dict[str, BatchSizes]:
        """Those of stage 2."""
        return {"stage2": recipe.stage2}

    def check(self, recipe: ClipReidRecipe, train: Split) -> None:
        """Refuse what these training images cannot give.

        Raises:
            RecipeError: fewer identities than a step needs, or cameras that the data or the image tower do not have.
        """
        super().check(recipe, train)
        check_camera_embedding(recipe.model, train)

    def build(self, recipe: ClipReidRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> ClipReid:
        """The network with CLIP's weights as the recipe says, and fresh heads."""
        return build(recipe.model, classes, cameras, init)

    def stages(self, recipe: ClipReidRecipe, model: ClipReid, data: TrainingData, folder: Path | None) -> list[Stage]:
        """CLIP-ReID's two stages, or the baseline's one."""
        image_stage = ImageStage(recipe, model, data)
        if not recipe.model.prompts:
            return [image_stage]
        return [prompt_stage(recipe, model, data, folder), image_stage]

    def describe(self, recipe: ClipReidRecipe, model: ClipReid) -> dict[str, Any]:
        """The towers' shape, and the camera embedding."""
        return {
            "shape": asdict(model.shape),
            "camera_count": model.sizes.camera_count,
            "camera_coefficient": model.camera_coefficient,
        }

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> ClipReid:
        """The image tower; tensors that only training needs are left aside."""
        sizes = ClipReidSizes(classes=None, camera_count=description["camera_count"])
        model = ClipReid(described_shape(description), sizes, camera_coefficient=description["camera_coefficient"])
        load_strictly(model, tensors, source=source, ignored=TRAINING_ONLY)
        return model

    def recognise(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """Checkpoints of the published code."""
        return recognise_clip_reid(tensors)

    def feature_variants(self, model: nn.Module, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
        """Class token, its projection, and both joined."""
        assert isinstance(model, ClipReid)
        return clip_reid_variants(model, images, camera_ids)

    def attention_maps(self, model: nn.Module, images: Tensor, *, anchors: int = 3) -> list[AttentionMaps]:
        """Attention of the image tower's class token."""
        assert isinstance(model, ClipReid)
        return clip_attention_maps(model, images)


def _total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()
