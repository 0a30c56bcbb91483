"""ResNets for re-identification: last stride 1, and instance-batch normalisation (IBN-a).

Residual networks of timm, whose tensors carry torchvision's names, which official files use too. The last group keeps
the resolution of the one before (16×8 at 256×128), with ordinary convolutions, not with dilated ones.
"""

from typing import Any, cast

import torch
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn

from passerby.errors import RecipeError

LAYERS: dict[str, tuple[bool, tuple[int, int, int, int]]] = {
    "resnet18": (False, (2, 2, 2, 2)),
    "resnet50": (True, (3, 4, 6, 3)),
    "resnet101": (True, (3, 4, 23, 3)),
    "resnet152": (True, (3, 8, 36, 3)),
}
"""Whether blocks are bottlenecks, and how many each group has."""

SMALL: dict[str, tuple[int, int, int, int]] = {"resnet_tiny": (32, 64, 128, 256), "resnet_nano": (8, 8, 16, 16)}
"""Channels of networks of our own with one basic block in each group: tiny for two cores, nano for tests."""

NAMES = (*LAYERS, *SMALL)
IBN_SUFFIX = "_ibn"
"""Behind one of `NAMES`: with instance-batch normalisation."""

_IBN_GROUPS = ("layer1", "layer2", "layer3")


class InstanceBatchNorm(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the others (IBN-a).

    Source: Pan et al., Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net, ECCV 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.IN = nn.InstanceNorm2d(half, affine=True)
        self.BN = nn.BatchNorm2d(channels - half)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] → the same.

        Raises:
            RecipeError: a map has one place only, over which there are no statistics.
        """
        if maps.shape[2] * maps.shape[3] == 1:
            raise RecipeError(
                "images or views of this size leave a single place for instance normalisation (IBN), which needs two: "
                "make model.image_size or views.local_size larger, or take the backbone without _ibn"
            )
        first, second = maps.split([self.IN.num_features, self.BN.num_features], 1)
        return torch.cat([self.IN(first), self.BN(second)], 1)


def build_resnet(name: str, **options: Any) -> nn.Module:
    """A residual network of these names, `_ibn` appended for IBN-a, with average-pooled features.

    Args:
        name: of `LAYERS` or `SMALL`.
        options: of timm's `ResNet`.
    """
    plain = name.removesuffix(IBN_SUFFIX)
    if plain in SMALL:
        bottlenecks, layers, channels = False, (1, 1, 1, 1), SMALL[plain]
    else:
        (bottlenecks, layers), channels = LAYERS[plain], (64, 128, 256, 512)
    block: Any = Bottleneck if bottlenecks else BasicBlock
    # As published, the last normalisation of a block starts at 1, not at 0.
    network = ResNet(block, layers, num_classes=0, channels=channels, zero_init_last=False, **options)
    keep_last_resolution(network)
    if name.endswith(IBN_SUFFIX):
        for group in _IBN_GROUPS:
            for part in network.get_submodule(group).children():
                part.bn1 = InstanceBatchNorm(cast(nn.BatchNorm2d, part.bn1).num_features)
    return network


def keep_last_resolution(network: ResNet) -> None:
    """Give the first block of the last group stride 1."""
    first = network.get_submodule("layer4.0")
    strided = first.conv2 if isinstance(first, Bottleneck) else first.conv1
    for convolution in (strided, cast(nn.Sequential, first.downsample)[0]):
        cast(nn.Conv2d, convolution).stride = (1, 1)
