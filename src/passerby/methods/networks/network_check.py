"""A check, before any work, that the network a recipe names can be built for images of its size."""

import torch

from passerby.config import Recipe
from passerby.methods.networks.backbones import BackboneSection, new_backbone
from passerby.methods.sections.clip import TowersSection
from passerby.models.clip.towers import ClipShape, build_clip


def check_network(recipe: Recipe) -> None:
    """Build a recipe's backbone or CLIP's towers without numbers, which takes no memory and reads no file.

    Recipes whose `model` is neither are left to their method.

    Raises:
        RecipeError: no such network, or one that cannot take images of this size.
    """
    section = getattr(recipe, "model", None)
    with torch.device("meta"):
        if isinstance(section, BackboneSection):
            new_backbone(section)
        elif isinstance(section, TowersSection):
            build_clip(ClipShape(section.architecture, section.image_size, section.stride, section.quick_gelu))
