"""Backbones by name: ReIDZoo's 32, TransReID-SSL's and PASS's transformers, small ones, and everything timm has.

ReIDZoo's are timm's networks with the changes that its weights need (section 3.3 of our specification of CION). Every
backbone is random until weights are loaded (`passerby.models.zoo`).
"""

import difflib
from collections.abc import Callable
from typing import Any

import timm
from torch import nn

from passerby.errors import RecipeError
from passerby.models import backbone_resnet, backbone_vit, backbone_volo
from passerby.models.backbone import Backbone
from passerby.models.backbone_repvit import build_repvit
from passerby.models.backbone_timm import build_timm

TIMM_PREFIX = "timm:"
"""Before a name that ReIDZoo has too: timm's own network of this name, unchanged."""

_SWIN = {"window_size": 8, "always_partition": True, "strict_img_size": False}
"""As ReIDZoo's: windows of 8×8 everywhere, filled up where the map is smaller (timm would shrink the window)."""


def create(name: str, image_size: tuple[int, int] = (256, 128), **options: Any) -> Backbone:
    """A backbone with random weights and without classifier.

    Args:
        name: one of `names()`, or any model of timm; `timm:NAME` where both have one and timm's is meant.
        image_size: height and width it is made for. Images of other sizes work too: position embeddings are
            interpolated, windows filled up.
        options: of the network: `drop_path_rate`, …

    Returns:
        a module from normalised images [B, 3, H, W] to pooled features, float32 [B, feature_dim].

    Raises:
        RecipeError: no such name, or one that cannot take images of this size.
    """
    build = _builders().get(name)
    if build is not None:
        return build(name, image_size, options)
    timm_name = name.removeprefix(TIMM_PREFIX)
    if not timm.is_model(timm_name):
        raise RecipeError(f"backbone: unknown name {name!r}; {_nearest(name)}")
    network, feature_dim = build_timm(timm_name, image_size, options)
    return Backbone(name, network, feature_dim, image_size)


def names() -> list[str]:
    """Backbones that are ours or ReIDZoo's; all names of timm come on top."""
    return list(_builders())


def _nearest(name: str) -> str:
    known = [*_builders(), *timm.list_models()]
    near = difflib.get_close_matches(name.removeprefix(TIMM_PREFIX), known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "see `passerby zoo list`, or timm.list_models()"


Builder = Callable[[str, tuple[int, int], dict[str, Any]], Backbone]
"""Name, image size, options → the backbone."""


def _builders() -> dict[str, Builder]:
    residual = [*backbone_resnet.LAYERS, *backbone_resnet.SMALL]
    return {
        "ghostnet_0_5": _renamed("ghostnet_050"),
        "ghostnet_1_0": _renamed("ghostnet_100"),
        "ghostnet_1_3": _renamed("ghostnet_130"),
        **{f"edgenext_{size}": _renamed(f"edgenext_{size}") for size in ("x_small", "small", "base")},
        **{f"repvit_{size}": _repvit for size in ("m0_9", "m1_0", "m1_5")},
        **{f"fastvit_{size}": _renamed(f"fastvit_{size}") for size in ("s12", "sa12", "sa24")},
        **dict.fromkeys(residual, _resnet),
        **{f"{name}{backbone_resnet.IBN_SUFFIX}": _resnet for name in residual},
        **{f"convnext_{size}": _renamed(f"convnext_{size}") for size in ("tiny", "small", "base")},
        **dict.fromkeys(backbone_volo.NETWORKS, _volo),
        **dict.fromkeys(backbone_vit.SHAPES, _vit),
        **{f"swin_{size}": _swin for size in ("tiny", "small", "base")},
    }


def _renamed(timm_name: str) -> Builder:
    def build(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
        network: nn.Module = timm.create_model(timm_name, num_classes=0, **options)
        return Backbone(name, network, _width(network), image_size)

    return build


def _resnet(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    network = backbone_resnet.build_resnet(name, **options)
    return Backbone(name, network, _width(network), image_size)


def _repvit(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    network = build_repvit(name, **options)
    return Backbone(name, network, _width(network), image_size)


def _swin(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    network: nn.Module = timm.create_model(
        f"{name}_patch4_window7_224", num_classes=0, img_size=image_size, **(_SWIN | options)
    )
    return Backbone(name, network, _width(network), image_size)


def _vit(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    _check_multiple(name, image_size, backbone_vit.PATCH)
    network = backbone_vit.build_vit(name, image_size, **options)
    return Backbone(name, network, network.shape.feature_dim, image_size)


def _volo(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    _check_multiple(name, image_size, backbone_volo.PATCH)
    network = backbone_volo.build_volo(name, image_size, **options)
    return backbone_volo.VoloBackbone(name, network, _width(network), image_size)


def _check_multiple(name: str, image_size: tuple[int, int], patch: int) -> None:
    if any(side % patch or side < patch for side in image_size):
        raise RecipeError(
            f"backbone {name}: image sides must be multiples of {patch} pixels, not {image_size[0]}×{image_size[1]}"
        )


def _width(network: Any) -> int:
    """Length of timm's features before the classifier."""
    return int(network.head_hidden_size)
