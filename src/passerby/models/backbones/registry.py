"""Backbones by name: ReIDZoo's 32, those of TransReID-SSL and PASS, small ones, CLIP's towers, and all that timm has.

ReIDZoo's are timm's networks with the changes that its published weights need. Every
backbone is random until weights are loaded (`passerby.models.backbones.official_files`).
"""

import difflib
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import timm
import torch
from torch import nn

from passerby.errors import PluginError, RecipeError
from passerby.models.backbones import resnet as backbone_resnet
from passerby.models.backbones import vit as backbone_vit
from passerby.models.backbones import volo as backbone_volo
from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.repvit import build_repvit
from passerby.models.backbones.timm_models import build_timm
from passerby.plugins import Registry

TIMM_PREFIX = "timm:"
"""Before a name that is also one of `names()`: timm's own network of this name, unchanged."""

CLIP_PREFIX = "clip:"
"""Before the name of a CLIP, as `model.architecture` of CLIP-ReID takes it: its image tower."""

_CLIP_TOWERS = "passerby.models.clip.tower_backbone"

Builder = Callable[[str, tuple[int, int], dict[str, Any]], Backbone]
"""Name, image size, options → the backbone."""

NetworkFunction = Callable[..., nn.Module]
"""Image size (height, width), options → a network from images to features."""

_TIMM_NAMES = {"ghostnet_0_5": "ghostnet_050", "ghostnet_1_0": "ghostnet_100", "ghostnet_1_3": "ghostnet_130"}

_SWIN = {"window_size": 8, "always_partition": True, "strict_img_size": False, "drop_path_rate": 0.0}
"""As ReIDZoo's: windows of 8×8 everywhere, filled up where the map is smaller (timm would shrink the window). Without
stochastic depth, like all others here, unless it is asked for; timm's default would be 0.1."""


def create(name: str, image_size: tuple[int, int] = (256, 128), **options: Any) -> Backbone:
    """A backbone with random weights and without classifier.

    Args:
        name: one of `names()`, any model of timm (`timm:NAME` where both have one and timm's is meant), the image tower
            of a CLIP (`clip:ViT-B-16`), or a backbone that a plugin registers.
        image_size: height and width it is made for. ReIDZoo's take images of other sizes too: position embeddings are
            interpolated, windows filled up.
        options: of the network: `drop_path_rate`, …

    Returns:
        a module from normalised images [B, 3, H, W] to pooled features, float32 [B, feature_dim].

    Raises:
        RecipeError: no such name, or one that cannot take images of this size, or has no such option.
    """
    try:
        return _create(name, image_size, options)
    except TypeError as error:
        option = next((option for option in options if f"unexpected keyword argument '{option}'" in str(error)), None)
        if option is None:
            raise
        raise RecipeError(f"backbone {name}: knows no {option}: leave it out, or take another backbone") from error


def names() -> list[str]:
    """Backbones that timm does not have like this; all names of timm come on top."""
    return list(BACKBONES)


def family_of(name: str) -> str | None:
    """The family of one of `names()`; None for other names."""
    return next((family for family, members in FAMILIES.items() if name in members), None)


def register_backbone(function: NetworkFunction) -> NetworkFunction:
    """Let recipes name a backbone of one's own by the name of the function that builds it; a decorator.

    Args:
        function: takes the image size (height, width), and options by keyword if it has any (`drop_path_rate` where the
            recipe says `drop_path`). It returns a network with random weights, from normalised images [B, 3, H, W] to
            features [B, D].

    Raises:
        PluginError: the name is taken, by timm too.
    """
    name = function.__name__
    if timm.is_model(name):
        raise PluginError(f"the backbone {name!r} is already there, from timm: choose another name")

    def build(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
        network = function(image_size, **options)
        return Backbone(name, network, _measured_width(name, network, image_size), image_size)

    BACKBONES.register(name, build)
    return function


def _create(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    if name.startswith(CLIP_PREFIX):
        # Imported here and not above, since it stands on what reads weights by name, which stands on this.
        tower: Backbone = import_module(_CLIP_TOWERS).build_clip_tower(name, image_size, options)
        return tower
    timm_name = name.removeprefix(TIMM_PREFIX)
    if name not in BACKBONES and timm.is_model(timm_name):
        network, feature_dim = build_timm(timm_name, image_size, options)
        return Backbone(name, network, feature_dim, image_size)
    builder = BACKBONES.find(name)
    if builder is None:
        raise RecipeError(f"backbone: unknown name {name!r}; {BACKBONES.missing_plugin(name) or _nearest(name)}")
    return builder(name, image_size, options)


@torch.no_grad()
def _measured_width(name: str, network: nn.Module, image_size: tuple[int, int]) -> int:
    """Length of the features of one's own network, found by giving it an image."""
    training = network.training
    features = network.eval()(torch.zeros(1, 3, *image_size))
    network.train(training)
    if not isinstance(features, torch.Tensor) or features.ndim != 2:
        found = list(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
        raise PluginError(f"backbone {name}: must return features [B, D] for images [B, 3, H, W], not {found}")
    return features.shape[1]


def _nearest(name: str) -> str:
    known = dict.fromkeys([*names(), *timm.list_models()])
    near = difflib.get_close_matches(name.removeprefix(TIMM_PREFIX), known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "see `passerby zoo list` and timm.list_models()"


def _build_timm(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    # Features are compared, not classified: timm would drop a fifth of GhostNet's while it trains.
    network: nn.Module = timm.create_model(_TIMM_NAMES.get(name, name), num_classes=0, **({"drop_rate": 0.0} | options))
    return Backbone(name, network, _width(network), image_size)


def _build_resnet(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    network = backbone_resnet.build_resnet(name, **options)
    return Backbone(name, network, _width(network), image_size)


def _build_repvit(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    network = build_repvit(name, **options)
    return Backbone(name, network, _width(network), image_size)


def _build_swin(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    _check_multiple(name, image_size, 4)
    network: nn.Module = timm.create_model(
        f"{name}_patch4_window7_224", num_classes=0, img_size=image_size, **(_SWIN | options)
    )
    return Backbone(name, network, _width(network), image_size)


def _build_vit(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    _check_multiple(name, image_size, backbone_vit.PATCH)
    network = backbone_vit.build_vit(name, image_size, **options)
    return Backbone(name, network, network.shape.feature_dim, image_size)


def _build_volo(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> Backbone:
    _check_multiple(name, image_size, backbone_volo.PATCH)
    network = backbone_volo.build_volo(name, image_size, **options)
    return backbone_volo.VoloBackbone(name, network, _width(network), image_size)


def _check_multiple(name: str, image_size: tuple[int, int], patch: int) -> None:
    if any(side < patch or side % patch for side in image_size):
        raise RecipeError(
            f"backbone {name}: image sides must be multiples of {patch} pixels, not {image_size[0]}×{image_size[1]}"
        )


def _width(network: Any) -> int:
    """Length of timm's features before the classifier."""
    return int(network.head_hidden_size)


_BUILDERS: Mapping[str, Builder] = {
    "ghostnet": _build_timm,
    "edgenext": _build_timm,
    "repvit": _build_repvit,
    "fastvit": _build_timm,
    "resnet": _build_resnet,
    "resnet_ibn": _build_resnet,
    "convnext": _build_timm,
    "volo": _build_volo,
    "vit": _build_vit,
    "swin": _build_swin,
}

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "ghostnet": tuple(_TIMM_NAMES),
    "edgenext": ("edgenext_x_small", "edgenext_small", "edgenext_base"),
    "repvit": ("repvit_m0_9", "repvit_m1_0", "repvit_m1_5"),
    "fastvit": ("fastvit_s12", "fastvit_sa12", "fastvit_sa24"),
    "resnet": backbone_resnet.NAMES,
    "resnet_ibn": tuple(name + backbone_resnet.IBN_SUFFIX for name in backbone_resnet.NAMES),
    "convnext": ("convnext_tiny", "convnext_small", "convnext_base"),
    "volo": tuple(backbone_volo.NETWORKS),
    "vit": tuple(backbone_vit.SHAPES),
    "swin": ("swin_tiny", "swin_small", "swin_base"),
}
"""Family → its members; those of ReIDZoo under the names that its code takes as `--arch`."""

BACKBONES: Registry[Builder] = Registry(
    "backbone", {name: _BUILDERS[family] for family, members in FAMILIES.items() for name in members}
)
"""Backbones that timm does not have like this, and those that plugins register."""
