"""ReIDZoo's convolutional networks under their official names: ResNet(-IBN), GhostNet, ConvNeXt, RepViT."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.models.backbones.reference_layers import (
    Bank,
    batch_norm,
    conv,
    divisible,
    instance_batch_norm,
    layer_norm,
    map_norm,
    mlp,
    numbered,
    squeeze_excite,
)

Norm = Callable[[Bank, Tensor], Tensor]

_EXPANSION = 4


def resnet(bank: Bank, x: Tensor, blocks: tuple[int, ...], *, bottleneck: bool, ibn: bool) -> Tensor:
    x = F.relu(batch_norm(bank.at("bn1"), conv(bank.at("conv1"), x, 64, 7, stride=2)))
    x = F.max_pool2d(x, 3, 2, 1)
    for group, count in enumerate(blocks):
        stride = 2 if group in (1, 2) else 1  # the last group keeps the resolution
        first = instance_batch_norm if ibn and group < 3 else batch_norm
        for number, part in enumerate(numbered(bank, f"layer{group + 1}", count)):
            step = stride if number == 0 else 1
            branch = _bottleneck if bottleneck else _basic
            y = branch(part, x, 64 * 2**group, step, first)
            if step != 1 or y.shape[1] != x.shape[1]:
                x = conv(part.at("downsample.0"), x, y.shape[1], 1, stride=step)
                x = batch_norm(part.at("downsample.1"), x)
            x = F.relu(x + y)
    return x.mean((2, 3))


def _basic(bank: Bank, x: Tensor, width: int, stride: int, first: Norm) -> Tensor:
    y = F.relu(first(bank.at("bn1"), conv(bank.at("conv1"), x, width, 3, stride=stride)))
    return batch_norm(bank.at("bn2"), conv(bank.at("conv2"), y, width, 3))


def _bottleneck(bank: Bank, x: Tensor, width: int, stride: int, first: Norm) -> Tensor:
    y = F.relu(first(bank.at("bn1"), conv(bank.at("conv1"), x, width, 1)))
    y = F.relu(batch_norm(bank.at("bn2"), conv(bank.at("conv2"), y, width, 3, stride=stride)))
    return batch_norm(bank.at("bn3"), conv(bank.at("conv3"), y, _EXPANSION * width, 1))


_GHOST_STAGES = (
    ((3, 16, 16, 0, 1),),
    ((3, 48, 24, 0, 2),),
    ((3, 72, 24, 0, 1),),
    ((5, 72, 40, 1, 2),),
    ((5, 120, 40, 1, 1),),
    ((3, 240, 80, 0, 2),),
    ((3, 200, 80, 0, 1), (3, 184, 80, 0, 1), (3, 184, 80, 0, 1), (3, 480, 112, 1, 1), (3, 672, 112, 1, 1)),
    ((5, 672, 160, 1, 2),),
    ((5, 960, 160, 0, 1), (5, 960, 160, 1, 1), (5, 960, 160, 0, 1), (5, 960, 160, 1, 1)),
)
"""Kernel, width inside, width after, squeeze-and-excitation, stride (Han et al., CVPR 2020, table 1)."""


def ghostnet(bank: Bank, x: Tensor, width: float) -> Tensor:
    x = F.relu(batch_norm(bank.at("bn1"), conv(bank.at("conv_stem"), x, divisible(16 * width), 3, stride=2)))
    for stage, rows in enumerate(_GHOST_STAGES):
        for part, row in zip(numbered(bank, f"blocks.{stage}", len(rows)), rows, strict=True):
            kernel, inside, after, excited, stride = row
            x = _ghost_bottleneck(
                part, x, kernel, divisible(inside * width), divisible(after * width), bool(excited), stride
            )
    last = bank.at("blocks.9.0")
    x = F.relu(batch_norm(last.at("bn1"), conv(last.at("conv"), x, divisible(960 * width), 1)))
    x = x.mean((2, 3), keepdim=True)
    return F.relu(conv(bank.at("conv_head"), x, 1280, 1, bias=True)).flatten(1)


def _ghost_bottleneck(
    bank: Bank, x: Tensor, kernel: int, inside: int, after: int, excited: bool, stride: int
) -> Tensor:
    y = _ghost(bank.at("ghost1"), x, inside, active=True)
    if stride > 1:
        y = batch_norm(bank.at("bn_dw"), conv(bank.at("conv_dw"), y, inside, kernel, stride=stride, groups=inside))
    if excited:
        gate = squeeze_excite(bank.at("se"), y, divisible(inside / 4), ("conv_reduce", "conv_expand"))
        y = y * F.relu6(gate + 3) / 6
    y = _ghost(bank.at("ghost2"), y, after, active=False)
    if stride > 1 or x.shape[1] != after:
        way, inputs = bank.at("shortcut"), x.shape[1]
        x = batch_norm(way.at("1"), conv(way.at("0"), x, inputs, kernel, stride=stride, groups=inputs))
        x = batch_norm(way.at("3"), conv(way.at("2"), x, after, 1))
    return x + y


def _ghost(bank: Bank, x: Tensor, out: int, *, active: bool) -> Tensor:
    half = (out + 1) // 2
    activation = F.relu if active else torch.nn.Identity()
    primary, cheap = bank.at("primary_conv"), bank.at("cheap_operation")
    first = activation(batch_norm(primary.at("1"), conv(primary.at("0"), x, half, 1)))
    second = activation(batch_norm(cheap.at("1"), conv(cheap.at("0"), first, half, 3, groups=half)))
    return torch.cat([first, second], 1)[:, :out]


def downsampled(bank: Bank, x: Tensor, stage: int, width: int) -> Tensor:
    """The stem, or what stands between stages, of ConvNeXt and EdgeNeXt."""
    part = bank.at(f"downsample_layers.{stage}")
    if stage == 0:
        return map_norm(part.at("1"), conv(part.at("0"), x, width, 4, stride=4, bias=True, pad=False))
    return conv(part.at("1"), map_norm(part.at("0"), x), width, 2, stride=2, bias=True, pad=False)


def inverted(bank: Bank, x: Tensor, kernel: int) -> Tensor:
    """ConvNeXt's block; EdgeNeXt's convolution encoder is the same with other kernels."""
    y = conv(bank.at("dwconv"), x, x.shape[1], kernel, groups=x.shape[1], bias=True).permute(0, 2, 3, 1)
    y = mlp(bank, layer_norm(bank.at("norm"), y), 4, names=("pwconv1", "pwconv2"))
    return x + (y * bank.uniform("gamma", x.shape[1])).permute(0, 3, 1, 2)


def convnext(bank: Bank, x: Tensor, depths: tuple[int, ...], widths: tuple[int, ...]) -> Tensor:
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        x = downsampled(bank, x, stage, width)
        for part in numbered(bank, f"stages.{stage}", depth):
            x = inverted(part, x, 7)
    return layer_norm(bank.at("norm"), x.mean((2, 3)))


def repvit(bank: Bank, x: Tensor, widths: tuple[int, ...], depths: tuple[int, ...]) -> Tensor:
    """Blocks of all stages are numbered in one row; every second one, from the first of a stage, is excited."""
    x = F.gelu(_conv_bn(bank.at("features.0.0"), x, widths[0] // 2, 3, stride=2))
    x = _conv_bn(bank.at("features.0.2"), x, widths[0], 3, stride=2)
    number = 1
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if stage:
            x = _rep_block(bank.at(f"features.{number}"), x, excited=False)
            x = _rep_downsampling(bank.at(f"features.{number + 1}"), x, width)
            number += 2
        for block in range(depth):
            x = _rep_block(bank.at(f"features.{number}"), x, excited=block % 2 == 0)
            number += 1
    return x.mean((2, 3))


def _conv_bn(bank: Bank, x: Tensor, out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> Tensor:
    return batch_norm(bank.at("bn"), conv(bank.at("c"), x, out, kernel, stride=stride, groups=groups))


def _rep_block(bank: Bank, x: Tensor, *, excited: bool) -> Tensor:
    width, mixer = x.shape[1], bank.at("token_mixer.0")
    y = _conv_bn(mixer.at("conv"), x, width, 3, groups=width)
    x = batch_norm(mixer.at("bn"), y + conv(mixer.at("conv1"), x, width, 1, groups=width, bias=True) + x)
    if excited:
        gate = squeeze_excite(bank.at("token_mixer.1"), x, divisible(width / 4), ("conv_reduce", "conv_expand"))
        x = x * F.relu6(gate + 3) / 6
    return _rep_mlp(bank, x)


def _rep_downsampling(bank: Bank, x: Tensor, width: int) -> Tensor:
    x = _conv_bn(bank.at("token_mixer.0"), x, x.shape[1], 3, stride=2, groups=x.shape[1])
    return _rep_mlp(bank, _conv_bn(bank.at("token_mixer.2"), x, width, 1))


def _rep_mlp(bank: Bank, x: Tensor) -> Tensor:
    hidden = F.gelu(_conv_bn(bank.at("channel_mixer.m.0"), x, 2 * x.shape[1], 1))
    return x + _conv_bn(bank.at("channel_mixer.m.2"), hidden, x.shape[1], 1)
