"""SAGA-ReID: a feature gathered from patches by anchors (specification: saga.md §3).

Stage 1 learns words for each identity, stage 2 the image tower against them, much as CLIP-ReID does (both in
`saga_backbone`). Stage 3 freezes the tower and learns anchors and the refinement that patches get from them: 3a at a
constant, 3b at a falling learning rate (`saga_anchors`). Stage 4, off by default, trains the tower again under finished
anchors (`saga_end_to_end`). The network itself is `passerby.models.saga.network`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from passerby.data.split import Split
from passerby.errors import RecipeError
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.saga.anchor_stage import AnchorStage
from passerby.methods.saga.backbone_stage import BackboneStage, words_stage
from passerby.methods.saga.end_to_end_stage import EndToEndStage
from passerby.methods.saga.network import adopt, build, restore
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.stage import Stage
from passerby.models.clip_reid.network import ClipReid
from passerby.models.inspection.attention_maps import AttentionMaps, clip_attention_maps, saga_attention_maps
from passerby.models.inspection.feature_variants import clip_reid_variants, saga_variants
from passerby.models.saga.network import CLASS_SIZED, HEAD, TRAINING_ONLY, Saga
from passerby.models.saga.official_files import recognise_saga


class SagaMethod(Method[SagaRecipe, Saga]):
    """SAGA-ReID."""

    name = "saga"
    recipe = SagaRecipe
    class_sized = CLASS_SIZED
    training_only = (*TRAINING_ONLY, *HEAD, "text_encoder.")

    def batch_sizes(self, recipe: SagaRecipe) -> dict[str, BatchSizes]:
        """Those of the stages that have epochs."""
        by_head = recipe.stage3a.epochs + recipe.stage3b.epochs + recipe.stage4.epochs
        sections: tuple[tuple[str, int, BatchSizes], ...] = (
            ("stage2", recipe.stage2.epochs, recipe.stage2),
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

    def adopt(self, recipe: SagaRecipe, init: InitialWeights) -> InitialWeights:
        """Weights of SAGA's own or official files, or of a CLIP-ReID checkpoint, under SAGA's names."""
        return adopt(recipe, init)

    def build(self, recipe: SagaRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Saga:
        """The network with CLIP's weights as the recipe says, and a fresh head."""
        return build(recipe, classes, cameras, init)

    def stages(self, recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path) -> list[Stage]:
        """The stages that have epochs, in order."""
        planned: list[Stage] = [
            words_stage(recipe, model, data, folder),
            BackboneStage(recipe, model, data),
            AnchorStage(recipe, model, data, folder, part="a"),
            AnchorStage(recipe, model, data, folder, part="b"),
            EndToEndStage(recipe, model, data),
        ]
        return [stage for stage in planned if stage.epochs]

    def describe(self, recipe: SagaRecipe, model: Saga) -> dict[str, Any]:
        """The network's shape, and its cameras."""
        return {"network": asdict(model.shape), "camera_count": model.sizes.cameras}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Saga | ClipReid:
        """The network without what only training needs; an official file of stage 2 embeds as CLIP-ReID does."""
        return restore(description, tensors, source)

    def recognise(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """Checkpoints of the published code."""
        return recognise_saga(tensors)

    def feature_variants(self, model: nn.Module, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
        """Every feature of the same patches: class token, poolings, anchors, and the fused embedding."""
        if isinstance(model, Saga):
            return saga_variants(model, images, camera_ids)
        return clip_reid_variants(cast(ClipReid, model), images, camera_ids)

    def attention_maps(self, model: nn.Module, images: Tensor, *, anchors: int = 3) -> list[AttentionMaps]:
        """Weights of patches, the strongest anchors, and attention of the image tower's class token."""
        if isinstance(model, Saga):
            return saga_attention_maps(model, images, anchors=anchors)
        return clip_attention_maps(cast(ClipReid, model), images)
