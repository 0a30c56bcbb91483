"""The model before its first stage: built by its method, with the weights that `init` names."""

from typing import Any

import torch
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from passerby.config import Recipe
from passerby.errors import RecipeError
from passerby.methods.method import InitialWeights, Method
from passerby.models.backbones.registry import CLIP_PREFIX
from passerby.models.bundled import resolve_path
from passerby.models.checkpoint import load_strictly, read_description, read_tensors
from passerby.models.clip.pair_files import METHOD, is_clip_pair
from passerby.models.state_dicts import wrapped_parts
from passerby.runs.run_directory import RunDirectory
from passerby.training.training_data import OpenedData


def read_init(recipe: Recipe, method: Method[Any, Any]) -> InitialWeights | None:
    """The weights that the recipe's `init` names, under the method's tensor names; read before any image is.

    Raises:
        RecipeError: it is no network of the method.
        CheckpointError: it cannot be read.
    """
    init = recipe.init
    if init is None:
        return None
    source = resolve_path(init)
    file = RunDirectory(source).model_file if source.is_dir() else source
    tensors, description = read_tensors(file), read_description(file)
    if description is None:  # of others, perhaps inside of what they trained
        tensors = next((part for _, part in wrapped_parts(tensors) if method.recognise(part) is not None), tensors)
    weights = InitialWeights(f"init={init}", tensors, description)
    section = getattr(recipe, "model", None)
    takes_tower = str(getattr(section, "backbone", "")).startswith(CLIP_PREFIX)
    if is_clip_pair(weights.description) and recipe.method != METHOD and not takes_tower:
        takes_clip = hasattr(section, "weights")
        remedy = (
            f"set model.weights={init} instead" if takes_clip else f"name a run of {recipe.method}, or leave it out"
        )
        raise RecipeError(f"init={init}: holds CLIP's towers, not a network of {recipe.method}: {remedy}")
    return method.adopt(recipe, weights)


def build_model(recipe: Recipe, method: Method[Any, Any], data: OpenedData, init: InitialWeights | None) -> nn.Module:
    """The model before its first stage, from the recipe's seed, and from `init`, which `read_init` gives.

    Raises:
        RecipeError: the recipe contradicts what the file of `init` says of itself.
        CheckpointError: a file cannot be read, or does not fit the model.
    """
    torch.manual_seed(recipe.seed)
    model: nn.Module = method.build(recipe, data.training.classes, len(data.training.split.camera_names), init)
    if init is not None:
        _load_init(model, init, method)
    if recipe.trainer.channels_last:
        convert_conv2d_weight_memory_format(model, torch.channels_last)
    return model


def _load_init(model: nn.Module, init: InitialWeights, method: Method[Any, Any]) -> None:
    """Copy the tensors of `init`; class-sized ones of another size, and what only training needs, may be missing."""
    wanted = model.state_dict()
    other_size = [
        name
        for name, value in init.tensors.items()
        if name.startswith(method.class_sized) and name in wanted and wanted[name].shape != value.shape
    ]
    optional = (*method.training_only, *method.class_sized)
    absent = [prefix for prefix in optional if not any(name.startswith(prefix) for name in init.tensors)]
    kept_out = [name for name in init.tensors if name.startswith(method.training_only) and name not in wanted]
    usable = {name: value for name, value in init.tensors.items() if name not in other_size}
    load_strictly(model, usable, source=init.source, ignored=kept_out, kept=[*other_size, *absent])
