"""CCAFL's network and transforms, from a recipe or from what a file says of itself."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.camera_labels import camera_labels
from passerby.data.split import Split
from passerby.distributed.roles import is_main_process
from passerby.errors import RecipeError
from passerby.methods.ccafl.association.constraints import read_decisions
from passerby.methods.ccafl.recipe import CcaflRecipe, parts_that_never_come
from passerby.methods.method import InitialWeights
from passerby.methods.networks.clip_towers import described_shape, initial_towers
from passerby.methods.stages.image_stage import refuse_too_few_identities
from passerby.models.checkpoint import load_strictly
from passerby.models.networks.ccafl import TRAINING_ONLY, Ccafl
from passerby.progress import say


def check(recipe: CcaflRecipe, train: Split) -> None:
    """Refuse what these training images cannot give; say which parts of the recipe never come.

    Raises:
        RecipeError: fewer classes than a step needs, or decisions about links where there is one camera only.
        DataError: the cameras are unknown, or decisions about links cannot be read or obeyed.
    """
    labels = camera_labels(train)
    refuse_too_few_identities("stages2and3", recipe.stages2and3, labels.classes, recipe.trainer.processes)
    if recipe.association.constraints is not None and not labels.can_associate:
        raise RecipeError(
            "association.constraints: all labels are of one camera, and nothing will be linked: leave it out"
        )
    if recipe.association.constraints is not None:
        read_decisions(recipe.association.constraints.expanduser(), labels)
    for line in parts_that_never_come(recipe) if labels.can_associate else ():
        say(line, show=is_main_process())


def transforms(recipe: CcaflRecipe) -> tuple[TrainTransform, TestTransform]:
    """The transforms that the recipe says."""
    return recipe.augmentation.transforms(recipe.model.image_size)


def build(recipe: CcaflRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Ccafl:
    """The network with CLIP's weights as the recipe says, and a fresh head; `init` is loaded by the caller.

    Raises:
        RecipeError: the recipe contradicts what `init` or CLIP's weights say of themselves.
        CheckpointError: CLIP's weights cannot be had.
    """
    del cameras
    section = recipe.model
    said = init.description if init is not None else None
    claims = [(init.source, described_shape(said).quick_gelu)] if init is not None and said and "shape" in said else []
    shape, tensors = initial_towers(section, claims)
    return Ccafl(shape, classes, prompt_prefix=section.prompt_prefix, clip_tensors=tensors)


def describe(recipe: CcaflRecipe, model: Ccafl) -> dict[str, Any]:
    """What `restore` and the embedder need, as JSON."""
    _, test_transform = transforms(recipe)
    return {"shape": asdict(model.shape), "camera_count": 0, "transform": asdict(test_transform)}


def restore(description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Ccafl:
    """A network for embedding; tensors that only training needs are left aside."""
    model = Ccafl(described_shape(description), classes=None)
    load_strictly(model, tensors, source=source, ignored=TRAINING_ONLY)
    return model


def recognise(tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """The published code's own checkpoints are not known to us."""
    del tensors
    return None
