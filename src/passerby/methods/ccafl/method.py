"""CCAFL (Tan et al., TCSVT 2025): learning from labels that only hold inside each camera (specification: ccafl.md).

A class is one person in one camera; who is who across cameras is not told. Stage 1 learns a prompt for each class, by
contrast inside each camera. Stages 2 and 3 are one loop over the image tower (`ccafl_loop`): at first inside cameras,
against a memory of their classes; then, with classes of different cameras linked anew before every epoch
(`ccafl_association`), against a memory of the clusters these links form. Beside it a classifier learns to tell all
classes apart, and for some epochs the features learn to hide from it which camera they come from. The losses of both
stages are in `ccafl_losses`, the network is `passerby.models.networks.ccafl`.
"""

from dataclasses import replace
from pathlib import Path

import torch

from passerby.data.camera_labels import CameraLabels, camera_labels, true_identities_of_classes
from passerby.distributed.roles import is_main_process
from passerby.methods.ccafl.association.associate import associate
from passerby.methods.ccafl.association.constraints import decisions_of_run
from passerby.methods.ccafl.association.record import AssociationRecord
from passerby.methods.ccafl.camera_stage import Associate, CameraLoop
from passerby.methods.ccafl.network import build, check, describe, recognise, restore, transforms
from passerby.methods.ccafl.recipe import CcaflRecipe
from passerby.methods.method import Method, TrainingData
from passerby.methods.sections.clip import prompt_schedule
from passerby.methods.stage import Stage
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.models.networks.ccafl import CLASS_SIZED, TRAINING_ONLY, Ccafl


def stages(recipe: CcaflRecipe, model: Ccafl, data: TrainingData, folder: Path) -> list[Stage]:
    """Stage 1, and stages 2 and 3 as one; neither gets to know who people are beyond their camera."""
    labels, truth = camera_labels(data.split), true_identities_of_classes(data.split)
    data = replace(data, split=data.split.without_truth())
    associating = linking(recipe, labels, folder) if labels.can_associate else None
    loop = CameraLoop(recipe, model, data, labels, associating, AssociationRecord(folder, labels, truth))
    return [prompt_stage(recipe, model, data, labels, folder), loop]


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


METHOD = Method(
    recipe=CcaflRecipe,
    transforms=transforms,
    check=check,
    build=build,
    describe=describe,
    stages=stages,
    restore=restore,
    recognise=recognise,
    class_sized=CLASS_SIZED,
    training_only=TRAINING_ONLY,
    label_scope="camera",
)
