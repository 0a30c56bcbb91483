"""What networks on CLIP's towers have in common: their shape, their first weights, and whether these use QuickGELU."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from passerby.errors import RecipeError
from passerby.methods.sections.clip import TowersSection
from passerby.models.clip.pretrained import clip_weights
from passerby.models.clip.towers import (
    ClipShape,
    architecture_configuration,
)


def described_shape(description: Mapping[str, Any]) -> ClipShape:
    """The shape of CLIP's towers that a CLIP-ReID file says of itself."""
    shape = ClipShape(**description["shape"])
    return replace(shape, image_size=(shape.image_size[0], shape.image_size[1]))


def agreed_quick_gelu(architecture: str, wanted: bool | None, declared: Iterable[tuple[str, bool | None]]) -> bool:
    """What recipe and files say; with random weights, or where no file says, what the architecture is known for.

    Args:
        architecture: as `ClipShape.architecture`.
        wanted: what the recipe's `model.quick_gelu` says.
        declared: sources of weights, and what they declare about themselves.

    Raises:
        RecipeError: two of them contradict each other, or nobody says.
    """
    declared = list(declared)
    known = [(source, value) for source, value in declared if value is not None]
    if wanted is not None:
        known.append(("model.quick_gelu", wanted))
    with_it, without_it = ([source for source, value in known if value is with_gelu] for with_gelu in (True, False))
    if with_it and without_it:
        raise RecipeError(
            f"{with_it[0]} says QuickGELU, {without_it[0]} says GELU: weights compute something else with another "
            "activation than they were trained with; make them agree (model.quick_gelu=null: as the weights say)"
        )
    if known:
        return bool(with_it)
    by_name = bool(architecture_configuration(architecture).get("quick_gelu", False))
    if declared and not by_name:
        raise RecipeError(
            f"{declared[0][0]}: does not say whether it was trained with QuickGELU: set model.quick_gelu=true "
            "(OpenAI's weights and everything trained from them) or false"
        )
    return by_name


def initial_towers(
    section: TowersSection, declared: Iterable[tuple[str, bool | None]]
) -> tuple[ClipShape, Mapping[str, Tensor] | None]:
    """The shape of CLIP's towers, and their weights (None: random), as a recipe says.

    Args:
        section: of the recipe.
        declared: the activation that other sources of weights, such as `init`, declare; see `agreed_quick_gelu`.

    Raises:
        RecipeError: recipe and weights contradict each other.
        CheckpointError: the weights cannot be had.
    """
    weights = clip_weights(section.weights, section.architecture, allow_torchscript=section.allow_torchscript)
    own = [] if weights.tensors is None else [(f"model.weights={section.weights}", weights.quick_gelu)]
    quick_gelu = agreed_quick_gelu(section.architecture, section.quick_gelu, [*own, *declared])
    return ClipShape(section.architecture, section.image_size, section.stride, quick_gelu), weights.tensors
