"""Open a model by the name of a run, a file, or weights that come with passerby."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform
from passerby.distributed.devices import choose_device
from passerby.errors import CheckpointError
from passerby.inference.camera_embedding import declared_training_set
from passerby.inference.description_check import check_description
from passerby.inference.embedder import Embedder
from passerby.inference.image_input import type_name
from passerby.methods import METHODS, find_method
from passerby.models.backbones.official_files import log_unused
from passerby.models.bundled import resolve_path
from passerby.models.checkpoint import read_description, read_tensors
from passerby.models.state_dicts import shown_names, top_names, wrapped_parts
from passerby.models.zoo.files import describe_bare_backbone, is_bare_backbone, recognise_backbone, restore_backbone
from passerby.runs.needed_plugins import recall_needed_plugins
from passerby.runs.run_directory import RunDirectory, seed_runs

_CAMERA_OPTIONS = "--camera-embedding (in Python trained_on and camera_coefficient)"


def load(
    source: str | Path,
    *,
    device: str | torch.device | None = None,
    allow_torchscript: bool = False,
    trained_on: str | None = None,
    camera_coefficient: float | None = None,
    network: str | None = None,
) -> Embedder:
    """Open a model, ready to embed.

    Args:
        source: `tiny-clip`, which comes with passerby, a run's folder, a `model.safetensors`, or an official checkpoint
            of a method or a published backbone.
        device: `cpu`, `cuda`, …; by default a GPU where there is one.
        allow_torchscript: see `passerby.models.checkpoint.read_tensors`.
        trained_on: for an official checkpoint with camera embedding, the data set it was trained on: a benchmark's
            name, or a table or folder. On that data, and on sets filmed by the same cameras, images then take the
            embedding of their own camera instead of the mean.
        camera_coefficient: likewise, the weight of the camera embedding, which such files do not hold; 1 by default.
        network: of a file with several networks the one that embeds, such as `teacher` or `student` of a run of `cion`;
            by default as its recipe says.

    Raises:
        CheckpointError: no such file, an unfinished run, tensors that no method recognises or that cannot be weights,
            or an option for what the file declares itself or does not have.
    """
    if not isinstance(source, str | os.PathLike):
        raise CheckpointError(f"a model is named by a run's folder or a file of weights, not by {type_name(source)}")
    path = resolve_path(source)
    if path.is_dir():
        path = _model_of_run(path)
    description = read_description(path)
    tensors = read_tensors(path, allow_torchscript=allow_torchscript)
    if description is None:
        description, tensors = _recognise(path, tensors)
        description.update(_declared_cameras(path, description, trained_on, camera_coefficient))
    elif trained_on is not None or camera_coefficient is not None:
        raise CheckpointError(f"{path}: declares itself what it was trained on and how: leave out {_CAMERA_OPTIONS}")
    if network is not None:
        description["network"] = _chosen_network(path, description, network)
    model, transform = _restore(path, description, tensors)
    return Embedder(model, transform, description, choose_device(device), path)


def as_embedder(
    model: Embedder | nn.Module | str | Path,
    *,
    device: str | None = None,
    network: str | None = None,
    allow_torchscript: bool = False,
) -> Embedder:
    """An embedder of what users call a model.

    Args:
        model: an embedder, a network of one's own (see `Embedder.of`), or what `load` takes.
        device, network, allow_torchscript: for `load`.

    Raises:
        CheckpointError: see `load`.
    """
    if isinstance(model, Embedder):
        return model
    if isinstance(model, nn.Module):
        return Embedder.of(model, device=device)
    return load(model, device=device, network=network, allow_torchscript=allow_torchscript)


def _restore(
    path: Path, description: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> tuple[nn.Module, TestTransform]:
    """The network and the transform that a description declares."""
    if "method" not in description and "stage" in description:
        raise CheckpointError(
            f"{path}: holds what training keeps of stage {description['stage']}, which does not say how to embed: "
            f"give the run's folder {path.parent.parent}"
        )
    check_description(description, str(path))
    restore = restore_backbone if is_bare_backbone(description) else find_method(description["method"]).restore
    declared: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in description["transform"].items()
    }
    try:
        return restore(description, tensors, str(path)), TestTransform(**declared)
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(
            f"{path}: its description does not describe its tensors ({type(error).__name__}: {str(error)[:99]!r}): "
            "take another file"
        ) from error


def _model_of_run(folder: Path) -> Path:
    run = RunDirectory(folder)
    recall_needed_plugins(folder)
    if run.model_file.is_file():
        return run.model_file
    if run.recipe_file.is_file():
        raise CheckpointError(f"{folder}: the run is not finished: continue it with `passerby train --resume {folder}`")
    if seeds := seed_runs(folder):
        names = ", ".join(str(seed) for seed in seeds.values())
        raise CheckpointError(
            f"{folder}: holds runs of {len(seeds)} seeds, and one model is needed: name one of {names}"
        )
    raise CheckpointError(f"{folder}: holds no model.safetensors: give a run's folder or a file of weights")


def _declared_cameras(
    path: Path, description: Mapping[str, Any], trained_on: str | None, coefficient: float | None
) -> dict[str, Any]:
    """What the user declares about the camera embedding of a file of others, as keys of a description."""
    if trained_on is None and coefficient is None:
        return {}
    if coefficient is not None and not math.isfinite(coefficient):
        raise CheckpointError(f"--camera-embedding (camera_coefficient): must be a finite number, not {coefficient}")
    if not description["camera_count"]:
        raise CheckpointError(f"{path}: has no camera embedding: leave out {_CAMERA_OPTIONS}")
    declared: dict[str, Any] = {} if coefficient is None else {"camera_coefficient": coefficient}
    if trained_on is not None:
        declared["trained_on"] = [declared_training_set(trained_on, description["camera_count"], str(path))]
    return declared


def _chosen_network(path: Path, description: Mapping[str, Any], network: str) -> str:
    known = () if is_bare_backbone(description) else find_method(description.get("method")).networks
    if not known:
        raise CheckpointError(f"{path}: holds one network: leave out network")
    if network not in known:
        raise CheckpointError(f"{path}: has no network {network!r}: choose {' or '.join(known)}")
    return network


def _recognise(path: Path, tensors: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The description of a file of others, and the part of its tensors that belongs to it."""
    for prefix, part in wrapped_parts(tensors):
        for name in METHODS:
            description = find_method(name).recognise(part)
            if description is not None:
                log_unused(tensors, prefix, str(path))
                return description, part
    backbone = recognise_backbone(tensors, str(path))
    if backbone is not None:
        return describe_bare_backbone(backbone), tensors
    raise CheckpointError(
        f"{path}: no method recognises these tensors (the first is {next(iter(tensors))!r}; they are under "
        f"{shown_names(top_names(list(tensors)))}): give a run of passerby, an official CLIP-ReID checkpoint, or a "
        "file of `passerby zoo convert`"
    )
