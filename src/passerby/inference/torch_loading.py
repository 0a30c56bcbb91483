"""Networks in torch, restored from the folder of a run or a file of weights."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform
from passerby.distributed.devices import check_bfloat16, choose_device
from passerby.errors import CheckpointError
from passerby.inference.camera_embedding import declared_training_set
from passerby.inference.computing import ModelPrecision
from passerby.inference.description_check import check_description
from passerby.inference.image_input import type_name
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods import METHODS, find_method
from passerby.models.backbones.official_files import log_unused
from passerby.models.checkpoint import read_description, read_tensors
from passerby.models.state_dicts import shown_names, top_names, wrapped_parts
from passerby.models.zoo.files import describe_bare_backbone, is_bare_backbone, recognise_backbone, restore_backbone
from passerby.runs.needed_plugins import recall_needed_plugins
from passerby.runs.run_directory import RunDirectory, seed_runs

_CAMERA_OPTIONS = "--camera-embedding (in Python trained_on and camera_coefficient)"


def load_network(
    path: Path,
    *,
    device: str | torch.device | None,
    allow_torchscript: bool,
    trained_on: str | None,
    camera_coefficient: float | None,
    network: str | None,
    precision: ModelPrecision = "auto",
) -> TorchEmbedder:
    """The network of a run's folder or a file of weights; see `passerby.load`.

    Raises:
        CheckpointError: see `passerby.load`.
    """
    if path.is_dir():
        path = _model_of_run(path)
    description = read_description(path)
    tensors = read_tensors(path, allow_torchscript=allow_torchscript)
    if description is None:
        description, tensors = _recognise(path, tensors)
        description.update(_declared_cameras(path, description, trained_on, camera_coefficient))
    elif trained_on is not None or camera_coefficient is not None:
        raise CheckpointError(f"{path}: declares itself what it was trained on and how: leave out {_CAMERA_OPTIONS}")
    if network is not None and ("method" in description or "stage" not in description):
        check_description(description, str(path))
        description["network"] = _chosen_network(path, description, network)
    model, transform = _restore(path, description, tensors)
    embedder = TorchEmbedder(model, transform, description, choose_device(device), path)
    if precision != "bf16":
        return embedder
    check_bfloat16(embedder.device)
    return embedder.in_bfloat16()


def embedder_of_network(network: object, device: str | None) -> TorchEmbedder:
    """An embedder of a network of one's own; see `TorchEmbedder.of`.

    Raises:
        CheckpointError: it is no network, or does not give one feature per image.
    """
    if not isinstance(network, nn.Module):
        raise CheckpointError(f"a model is named by a run's folder or a file of weights, not by {type_name(network)}")
    return TorchEmbedder.of(network, device=device)


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


def _recognised_by(name: str, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Any] | None:
    """What a method recognises in tensors; an error of one whose network is not as published names the file."""
    try:
        return find_method(name).recognise(tensors)
    except (CheckpointError, KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        reason = str(error) if isinstance(error, CheckpointError) else f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{path}: has the names of a published checkpoint of {name}, but is none ({reason}): load a network of "
            "one's own in Python and hand it to passerby.TorchEmbedder.of"
        ) from error


def _recognise(path: Path, tensors: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The description of a file of others, and the part of its tensors that belongs to it."""
    for prefix, part in wrapped_parts(tensors):
        for name in METHODS:
            description = _recognised_by(name, part, path)
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
