"""The model before its first stage."""

from pathlib import Path

import torch
from torch import nn

from passerby.config import Recipe
from passerby.errors import RecipeError
from passerby.methods.method import InitialWeights, Method
from passerby.methods.run_directory import RunDirectory
from passerby.methods.training_data import OpenedData
from passerby.models.checkpoint import load_strictly, read_description, read_tensors
from passerby.models.clip_pair_files import METHOD, is_clip_pair
from passerby.models.packaged import place_of


def build_model(recipe: Recipe, method: Method, data: OpenedData) -> nn.Module:
    """The model before its first stage, from the recipe's seed, and from `init` if the recipe names one.

    Raises:
        RecipeError: the recipe contradicts what the file of `init` says of itself.
        CheckpointError: a file cannot be read, or does not fit the model.
    """
    init = None if recipe.init is None else method.adopt(recipe, _read_init(recipe.init, recipe.method))
    torch.manual_seed(recipe.seed)
    model = method.build(recipe, data.training.classes, len(data.training.split.camera_names), init)
    if init is not None:
        _load_init(model, init, method)
    return model


def check_init(recipe: Recipe, method: Method) -> None:
    """Refuse a recipe whose `init` cannot be read or is no network of the method, before any work is done for it.

    Raises:
        RecipeError, CheckpointError: as `build_model`.
    """
    if recipe.init is not None:
        method.adopt(recipe, _read_init(recipe.init, recipe.method))


def _read_init(init: Path, method: str) -> InitialWeights:
    source = place_of(init)
    file = RunDirectory(source).model_file if source.is_dir() else source
    weights = InitialWeights(f"init={init}", read_tensors(file), read_description(file))
    if is_clip_pair(weights.description) and method != METHOD:
        raise RecipeError(
            f"init={init}: holds CLIP's towers, not a network of {method}: set model.weights={init} instead"
        )
    return weights


def _load_init(model: nn.Module, init: InitialWeights, method: Method) -> None:
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
