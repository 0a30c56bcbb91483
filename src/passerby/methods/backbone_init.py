"""Pre-trained weights for methods that train a backbone: CION's runs, files of bare backbones, official files."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from passerby.errors import RecipeError
from passerby.methods.cion_network import network_tensors
from passerby.methods.method import InitialWeights
from passerby.models.backbone_files import backbone_tensors
from passerby.models.backbones import create
from passerby.models.checkpoint import load_strictly
from passerby.models.zoo_files import is_bare_backbone

PREFIX = "backbone."
"""Before the names of the backbone's tensors in the methods' networks."""


def adopt_backbone(
    init: InitialWeights, architecture: str, image_size: tuple[int, int], own_methods: tuple[str, ...]
) -> InitialWeights:
    """What `init` names as tensors under `backbone.`; runs of `own_methods` stay as they are.

    Position embeddings of another image size are resized. Of a run of CION the network that it embeds with is taken.

    Args:
        init: as read from its file.
        architecture: what the recipe trains.
        image_size: its height and width.
        own_methods: methods whose runs already have these names.

    Raises:
        RecipeError: a run of another method or of another architecture.
        CheckpointError: tensors that are not this backbone's.
    """
    description = init.description
    if description is not None:
        _refuse_another(init.source, description, architecture)
        if description.get("method") in own_methods or "method" not in description:
            return init
    tensors = init.tensors if description is None or is_bare_backbone(description) else _of_cion(init, description)
    with torch.device("meta"):
        backbone = create(architecture, image_size)
    found = backbone_tensors(backbone, tensors, source=init.source)
    load_strictly(backbone, {name: value.to("meta") for name, value in found.items()}, source=init.source)
    return replace(init, tensors={PREFIX + name: value for name, value in found.items()})


def _of_cion(init: InitialWeights, description: Mapping[str, Any]) -> dict[str, Tensor]:
    if description.get("method") != "cion":
        raise RecipeError(
            f"{init.source}: is a run of {description.get('method')}, which trains no backbone of this kind: give a "
            "run of cion or finetune, or a file of a backbone (`passerby zoo list`)"
        )
    return network_tensors(init.tensors, description["network"])


def _refuse_another(source: str, description: Mapping[str, Any], architecture: str) -> None:
    said = description.get("architecture", architecture)
    if said != architecture:
        raise RecipeError(f"{source}: holds {said}, the recipe trains {architecture}: set model.backbone={said}")
