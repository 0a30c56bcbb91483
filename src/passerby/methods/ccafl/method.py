"""CCAFL (Tan et al., TCSVT 2025): learning from labels that only hold inside each camera (specification: ccafl.md).

A class is one person in one camera; who is who across cameras is not told. Stage 1 learns a prompt for each class, by
contrast inside each camera. Stages 2 and 3 are one loop over the image tower (`ccafl_loop`): at first inside cameras,
against a memory of their classes; then, with classes of different cameras linked anew before every epoch
(`ccafl_association`), against a memory of the clusters these links form. Beside it a classifier learns to tell all
classes apart, and for some epochs the features learn to hide from it which camera they come from. The losses of both
stages are in `ccafl_losses`, the network is `passerby.methods.ccafl.network`.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from passerby.data.camera_labels import CameraLabels, camera_labels, true_identities_of_classes
from passerby.data.split import Split
from passerby.distributed.roles import is_main_process
from passerby.errors import RecipeError
from passerby.methods.batch_sizes import BatchSizes
from passerby.methods.ccafl.association.associate import associate
from passerby.methods.ccafl.association.constraints import decisions_of_run, read_decisions
from passerby.methods.ccafl.association.files import FOLDER, association_epochs
from passerby.methods.ccafl.association.record import AssociationRecord
from passerby.methods.ccafl.camera_stage import Associate, CameraLoop
from passerby.methods.ccafl.network import CLASS_SIZED, TRAINING_ONLY, Ccafl
from passerby.methods.ccafl.recipe import CcaflRecipe, parts_that_never_come
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.clip_towers import described_shape, initial_towers
from passerby.methods.sections.clip import prompt_schedule
from passerby.methods.stage import Stage
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.models.checkpoint import load_strictly
from passerby.progress import say


def prompt_stage(
    recipe: CcaflRecipe, model: Ccafl, data: TrainingData, labels: CameraLabels, folder: Path
) -> PromptStage:
    """Stage 1: the words of each class; images of other cameras are no negatives, for they could be the same person."""
    return PromptStage(
        "stage1-prompts",
        model,
        recipe.stage1,
        data,
        folder,
        seed=recipe.seed,
        schedule=prompt_schedule(recipe.stage1),
        words="prompt_learner.cls_ctx",
        project=lambda images: model.features(images).joint,
        texts=model.prompt_features,
        width=model.joint_dim,
        groups=torch.from_numpy(labels.class_cameras),
    )


def linking(recipe: CcaflRecipe, labels: CameraLabels, folder: Path) -> Associate:
    """How classes are linked: by their mean features, as the recipe and a person's decisions say."""
    section, is_run = recipe.association, (folder / "recipe.yaml").is_file()
    decided = decisions_of_run(folder, section.constraints, labels, keep=is_main_process() and is_run)
    return lambda features: associate(
        features,
        labels.class_cameras,
        section.pairs_per_class,
        one_class_per_camera=section.one_class_per_camera,
        must_link=decided.must_link,
        cannot_link=decided.cannot_link,
    )


class CcaflMethod(Method[CcaflRecipe, Ccafl]):
    """CCAFL."""

    name = "ccafl"
    recipe = CcaflRecipe
    class_sized = CLASS_SIZED
    training_only = TRAINING_ONLY
    label_scope = "camera"
    run_artifacts = (FOLDER,)

    def batch_sizes(self, recipe: CcaflRecipe) -> dict[str, BatchSizes]:
        """Those of stages 2 and 3."""
        return {"stages2and3": recipe.stages2and3}

    def check(self, recipe: CcaflRecipe, train: Split) -> None:
        """Refuse what these training images cannot give; log which parts of the recipe never come.

        Raises:
            RecipeError: fewer classes than a step needs, or decisions about links where there is one camera only.
            DataError: the cameras are unknown, or decisions about links cannot be read or obeyed.
        """
        labels = camera_labels(train)
        super().check(recipe, train)
        if recipe.association.constraints is not None and not labels.can_associate:
            raise RecipeError(
                "association.constraints: all labels are of one camera, and nothing will be linked: leave it out"
            )
        if recipe.association.constraints is not None:
            read_decisions(recipe.association.constraints.expanduser(), labels)
        for line in parts_that_never_come(recipe) if labels.can_associate else ():
            say(line, show=is_main_process())

    def build(self, recipe: CcaflRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Ccafl:
        """The network with CLIP's weights as the recipe says, and a fresh head.

        Raises:
            RecipeError: the recipe contradicts what `init` or CLIP's weights declare about themselves.
            CheckpointError: CLIP's weights cannot be had.
        """
        declared = init.description if init is not None else None
        claims = []
        if init is not None and declared and "shape" in declared:
            claims.append((init.source, described_shape(declared).quick_gelu))
        shape, tensors = initial_towers(recipe.model, claims)
        return Ccafl(shape, classes, prompt_prefix=recipe.model.prompt_prefix, clip_tensors=tensors)

    def stages(self, recipe: CcaflRecipe, model: Ccafl, data: TrainingData, folder: Path) -> list[Stage]:
        """Stage 1, and stages 2 and 3 as one; neither gets to know who people are beyond their camera."""
        labels, truth = camera_labels(data.split), true_identities_of_classes(data.split)
        data = replace(data, split=data.split.without_truth())
        associating = linking(recipe, labels, folder) if labels.can_associate else None
        loop = CameraLoop(recipe, model, data, labels, associating, AssociationRecord(folder, labels, truth))
        return [prompt_stage(recipe, model, data, labels, folder), loop]

    def describe(self, recipe: CcaflRecipe, model: Ccafl) -> dict[str, Any]:
        """The towers' shape."""
        return {"shape": asdict(model.shape)}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Ccafl:
        """The image tower; tensors that only training needs are left aside."""
        model = Ccafl(described_shape(description), classes=None)
        load_strictly(model, tensors, source=source, ignored=TRAINING_ONLY)
        return model

    def after_training(self, folder: Path) -> tuple[str, ...]:
        """A page of the links between cameras, where there are any, for a person to confirm or reject."""
        return (FOLDER,) if association_epochs(folder) else ()
