"""What methods that train a backbone have in common: how it is made, described, and started from others' weights."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from passerby.config import Section
from passerby.errors import RecipeError
from passerby.methods.method import InitialWeights
from passerby.methods.registry import find_method
from passerby.methods.sections.clip import Pixels
from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.official_files import backbone_tensors
from passerby.models.backbones.registry import CLIP_PREFIX, create, family_of
from passerby.models.checkpoint import load_strictly
from passerby.models.clip.pair_files import is_clip_pair
from passerby.models.zoo.files import is_bare_backbone

_SWIN_DROP_PATH = 0.1
PREFIX = "backbone."
"""Before the names of the backbone's tensors in a method's network."""


class BackboneSection(Section):
    """A backbone; its weights are random, or those that `init` names."""

    backbone: str = "resnet50"
    """A name of ReIDZoo (`passerby zoo list`) or of timm."""
    image_size: tuple[Pixels, Pixels] = (256, 128)
    """Height and width in pixels."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Stochastic depth; null: as published, 0.1 for Swin and 0 for others."""


def drop_path_of(section: BackboneSection) -> float:
    """The stochastic depth that a recipe says, or that was published for its backbone."""
    if section.drop_path is not None:
        return section.drop_path
    return _SWIN_DROP_PATH if family_of(section.backbone) == "swin" else 0.0


def new_backbone(section: BackboneSection) -> Backbone:
    """The backbone that a recipe says, with random weights.

    Raises:
        RecipeError: no such name, or one that cannot take images of this size.
    """
    rate = drop_path_of(section)
    options = {"drop_path_rate": rate} if rate else {}
    return create(section.backbone, section.image_size, **options)


def describe_backbone(backbone: Backbone) -> dict[str, Any]:
    """What `described_backbone` needs, as JSON."""
    return describe_named(backbone.name, backbone.image_size)


def describe_named(name: str, image_size: tuple[int, int]) -> dict[str, Any]:
    """The same for a network that was made from a backbone of this name."""
    return {"architecture": name, "image_size": list(image_size)}


def described_backbone(description: Mapping[str, Any]) -> Backbone:
    """The backbone that a file says it holds, with random weights."""
    height, width = description["image_size"]
    return create(description["architecture"], (height, width))


def part_of(tensors: Mapping[str, Tensor], prefix: str = PREFIX) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def adopt_backbone(init: InitialWeights, section: BackboneSection, *, own_method: str) -> InitialWeights:
    """What `init` names as tensors under `backbone.`; runs of the method itself stay as they are.

    Position embeddings of another image size are resized. Of a run of CION the network that it embeds with is taken.

    Args:
        init: as read from its file: a run of CION or of a method that trains a backbone, a bare backbone, or an
            official file.
        section: what the recipe trains.
        own_method: the recipe's.

    Raises:
        RecipeError: a run of another method or of another architecture.
        CheckpointError: tensors that are not this backbone's.
    """
    description = init.description
    if description is not None:
        _check_architecture(init.source, description, section.backbone)
        if description.get("method", own_method) == own_method:  # files of a finished stage declare no method
            return init
    with torch.device("meta"):
        backbone = create(section.backbone, section.image_size)
    tensors = backbone_tensors(backbone, _part_of_init(init), source=init.source)
    load_strictly(backbone, {name: value.to("meta") for name, value in tensors.items()}, source=init.source)
    return replace(init, tensors={PREFIX + name: value for name, value in tensors.items()})


def _part_of_init(init: InitialWeights) -> Mapping[str, Tensor]:
    """The backbone's tensors, by its own names or official ones."""
    description = init.description
    if description is None or is_bare_backbone(description):
        return init.tensors
    method = find_method(description.get("method"))
    prefix = method.backbone_prefix(description)
    if prefix is None:
        raise RecipeError(
            f"{init.source}: is a run of {method.name}, which trains no backbone of this kind: give a run of a method "
            "that does, such as cion or finetune, or a file of a backbone (`passerby zoo list`)"
        )
    return part_of(init.tensors, prefix)


def _check_architecture(source: str, description: Mapping[str, Any], architecture: str) -> None:
    tower = f"{CLIP_PREFIX}{description['shape']['architecture']}" if is_clip_pair(description) else architecture
    held = description.get("architecture", tower)
    if held != architecture:
        raise RecipeError(f"{source}: holds {held}, the recipe trains {architecture}: set model.backbone={held}")
