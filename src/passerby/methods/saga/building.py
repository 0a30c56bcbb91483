"""SAGA's network: built from a recipe, started from others' weights, restored from a file."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from passerby.errors import CheckpointError, RecipeError
from passerby.methods.method import InitialWeights
from passerby.methods.networks.clip_towers import described_shape, initial_towers
from passerby.methods.saga.recipe import SagaRecipe
from passerby.models.checkpoint import load_strictly
from passerby.models.clip.towers import uses_quick_gelu
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.models.clip_reid.official_files import is_clip_reid
from passerby.models.saga.network import HEAD, TRAINING_ONLY, Saga
from passerby.models.saga.official_files import NOT_EMBEDDED_BY_STAGE_2, from_official, recognise_saga
from passerby.models.saga.shape import SagaShape, SagaSizes, shape_from_description


def build(recipe: SagaRecipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Saga:
    """The network with CLIP's weights as the recipe says, and a fresh head.

    CLIP's own weights are needed beside `init` too: the phrases of the anchors are spelt with its words.

    Raises:
        RecipeError: the recipe contradicts what `init` or CLIP's weights say of themselves.
        CheckpointError: CLIP's weights cannot be had.
    """
    declared = [] if init is None else [(init.source, _declared_quick_gelu(init))]
    clip, tensors = initial_towers(recipe.model, declared)
    by_camera = recipe.anchors.domain == "camera"
    sizes = SagaSizes(classes, recipe.stage3.classifiers, cameras if by_camera else 0)
    shape = SagaShape(clip, recipe.anchors, recipe.embedding, recipe.stage3.poolings, dropped_weights=recipe.official)
    model = Saga(shape, sizes, clip_tensors=tensors)
    if init is not None:
        _check_grid(model, init)
    return model


def adopt(recipe: SagaRecipe, init: InitialWeights) -> InitialWeights:
    """The tensors of `init` under SAGA's names: from SAGA's own or official files, or from a CLIP-ReID checkpoint.

    A camera embedding becomes part of the class token by its mean, which is what images of unknown cameras get. Where
    stage 3a runs, the head of `init` is left out, because that stage begins it anew.
    """
    tensors = dict(init.tensors)
    if init.description is None and recognise_saga(tensors) is not None:
        tensors = from_official(tensors, init.source)
    elif "image_encoder.conv1.weight" in tensors:
        tensors = _from_clip_reid(tensors, init.description)
    if recipe.stage3a.epochs:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(HEAD)}
    return InitialWeights(init.source, tensors, _with_quick_gelu(init))


def restore(description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Saga | ClipReid:
    """A network for embedding, from our own files or official ones; what only training needs is left aside.

    An official file of stage 2 holds no anchors: it embeds as CLIP-ReID does.
    """
    shape = shape_from_description(description["network"])
    official = description.get("official")
    if official == "stage 2":
        model = ClipReid(shape.clip, ClipReidSizes(classes=None))
        load_strictly(model, tensors, source=source, ignored=NOT_EMBEDDED_BY_STAGE_2)
        return model
    saga = Saga(shape, SagaSizes(classes=None, cameras=description["camera_count"]))
    mine = from_official(tensors, source) if official else tensors
    load_strictly(saga, mine, source=source, ignored=TRAINING_ONLY)
    return saga


def _from_clip_reid(tensors: Mapping[str, Tensor], description: Mapping[str, Any] | None) -> dict[str, Tensor]:
    """Image and text tower; necks, classifiers and prompts are CLIP-ReID's own and stay behind."""
    adopted = {
        f"backbone.{name.removeprefix('image_encoder.')}": tensor
        for name, tensor in tensors.items()
        if name.startswith("image_encoder.")
    }
    adopted |= {name: tensor for name, tensor in tensors.items() if name.startswith("text_encoder.")}
    if "cv_embed" in tensors:
        coefficient = 1.0 if description is None else float(description.get("camera_coefficient", 1.0))
        adopted["backbone.class_embedding"] = adopted["backbone.class_embedding"] + coefficient * tensors[
            "cv_embed"
        ].mean(0)
    return adopted


def _with_quick_gelu(init: InitialWeights) -> dict[str, Any]:
    """What is left to say of adopted tensors: their activation."""
    description, official = init.description, recognise_saga(init.tensors) is not None or is_clip_reid(init.tensors)
    if description is None:
        return {"quick_gelu": True if official else None}
    if "network" in description:
        return {"quick_gelu": uses_quick_gelu(shape_from_description(description["network"]).clip)}
    if "shape" in description:
        return {"quick_gelu": uses_quick_gelu(described_shape(description))}
    return {"quick_gelu": None}  # files of a finished stage declare no shape


def _declared_quick_gelu(init: InitialWeights) -> bool | None:
    declared: bool | None = None if init.description is None else init.description["quick_gelu"]
    return declared


def _check_grid(model: Saga, init: InitialWeights) -> None:
    """Say what a checkpoint of another stride needs, which public CLIP-ReID checkpoints mostly are.

    Raises:
        CheckpointError: `init` has no image tower.
        RecipeError: its patches are of another number.
    """
    name = "backbone.positional_embedding"
    if name not in init.tensors:
        raise CheckpointError(f"{init.source}: holds no image tower: give a run or checkpoint of CLIP-ReID or SAGA")
    theirs, ours = len(init.tensors[name]), len(model.state_dict()[name])
    if theirs != ours:
        raise RecipeError(
            f"{init.source}: its image tower has {theirs - 1} patches, the recipe's {ours - 1}: set model.stride and "
            "model.image_size as it was trained (public CLIP-ReID checkpoints mostly: stride null, 256×128)"
        )
