"""SAGA-ReID: a feature gathered from patches by anchors (specification: saga.md §3).

Stage 1 learns words for each identity, stage 2 the image tower against them, much as CLIP-ReID does (both in
`saga_backbone`). Stage 3 freezes the tower and learns anchors and the refinement that patches get from them: 3a at a
constant, 3b at a falling learning rate (`saga_anchors`). Stage 4, off by default, trains the tower again under finished
anchors (`saga_end_to_end`). The network itself is `passerby.models.saga.network`.
"""

from pathlib import Path

from passerby.methods.method import Method, TrainingData
from passerby.methods.saga.anchor_stage import AnchorStage
from passerby.methods.saga.backbone_stage import BackboneStage, words_stage
from passerby.methods.saga.end_to_end_stage import EndToEndStage
from passerby.methods.saga.network import adopt, build, check, describe, restore, transforms
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.stage import Stage
from passerby.models.saga.network import CLASS_SIZED, HEAD, TRAINING_ONLY, Saga
from passerby.models.saga.official_files import recognise_saga


def stages(recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path) -> list[Stage]:
    """The stages that have epochs, in order."""
    planned: list[Stage] = [
        words_stage(recipe, model, data, folder),
        BackboneStage(recipe, model, data),
        AnchorStage(recipe, model, data, folder, part="a"),
        AnchorStage(recipe, model, data, folder, part="b"),
        EndToEndStage(recipe, model, data),
    ]
    return [stage for stage in planned if stage.epochs]


METHOD = Method(
    recipe=SagaRecipe,
    transforms=transforms,
    check=check,
    build=build,
    describe=describe,
    stages=stages,
    restore=restore,
    recognise=recognise_saga,
    class_sized=CLASS_SIZED,
    training_only=(*TRAINING_ONLY, *HEAD, "text_encoder."),
    adopt=adopt,
)
