"""CLIP's image tower as a backbone: its feature is the image's place in the joint space."""

from passerby.errors import RecipeError
from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.registry import CLIP_PREFIX
from passerby.models.clip.towers import ClipShape, build_clip, image_dims


def build_clip_tower(name: str, image_size: tuple[int, int], options: dict[str, object]) -> Backbone:
    """The image tower of a CLIP with random weights.

    Args:
        name: `clip:` and an open_clip name, or one of our small ones (`clip:vit-tiny-6`).
        image_size: height and width that it takes, and no others.
        options: it has none.

    Raises:
        RecipeError: no such CLIP, images that it cannot be cut into patches, or an option.
    """
    if options:
        raise RecipeError(f"backbone {name}: knows no {next(iter(options))}: leave it out, or take another backbone")
    tower = build_clip(ClipShape(name.removeprefix(CLIP_PREFIX), image_size)).visual
    return Backbone(name, tower, image_dims(tower)[1], image_size)
