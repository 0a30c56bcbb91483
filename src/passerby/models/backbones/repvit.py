"""RepViT as ReIDZoo has it: another squeeze-and-excitation than timm's."""

from typing import Any

import timm
from timm.layers.squeeze_excite import SqueezeExcite
from timm.models.repvit import RepViTBlock
from torch import nn

_REDUCTION, _DIVISOR = 0.25, 4


def build_repvit(name: str, **options: Any) -> nn.Module:
    """timm's RepViT with squeezed channels in multiples of 4 (timm: 8) and a hard sigmoid as gate (timm: sigmoid).

    With timm's own, files of M0.9 and M1.0 do not fit; those of M1.5 fit and give wrong features.
    """
    network: nn.Module = timm.create_model(name, num_classes=0, **options)
    for block in network.modules():
        if isinstance(block, RepViTBlock) and isinstance(block.se, SqueezeExcite):
            channels = block.se.fc1.in_channels
            block.se = SqueezeExcite(channels, _REDUCTION, rd_divisor=_DIVISOR, gate_layer="hard_sigmoid")
    return network
