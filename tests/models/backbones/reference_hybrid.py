"""ReIDZoo's mixtures of convolution and attention under their official names: EdgeNeXt, FastViT."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.models.backbones.reference_convolutional import downsampled, inverted
from tests.models.backbones.reference_layers import (
    Bank,
    batch_norm,
    conv,
    layer_norm,
    linear,
    mlp,
    numbered,
    self_attention,
    squeeze_excite,
)

_EDGE_KERNELS, _EDGE_SCALES = (3, 5, 7, 9), (2, 2, 3, 4)
_FOURIER_WIDTH = 32


def edgenext(bank: Bank, x: Tensor, depths: tuple[int, ...], widths: tuple[int, ...], heads: int) -> Tensor:
    """The last block of every stage but the first is a split depth-wise transposed attention (SDTA) encoder."""
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        x = downsampled(bank, x, stage, width)
        for number, part in enumerate(numbered(bank, f"stages.{stage}", depth)):
            if stage and number == depth - 1:
                x = _transposed_attention(part, x, heads, _EDGE_SCALES[stage], placed=stage == 1)
            else:
                x = inverted(part, x, _EDGE_KERNELS[stage])
    return layer_norm(bank.at("norm"), x.mean((2, 3)))


def _transposed_attention(bank: Bank, x: Tensor, heads: int, scale: int, *, placed: bool) -> Tensor:
    batch, width, height, columns = x.shape
    pieces = x.split(math.ceil(width / scale), 1)
    done: list[Tensor] = []
    for part, piece in zip(numbered(bank, "convs", scale - 1), pieces, strict=False):
        mixed = piece + done[-1] if done else piece
        done.append(conv(part, mixed, piece.shape[1], 3, groups=piece.shape[1], bias=True))
    y = torch.cat([*done, *pieces[len(done) :]], 1)
    if placed:
        waves = _fourier(height, columns)
        y = y + conv(bank.at("pos_embd.token_projection"), waves, width, 1, bias=True)
    tokens = y.flatten(2).transpose(1, 2)
    attended = _channel_attention(bank.at("xca"), layer_norm(bank.at("norm_xca"), tokens), heads)
    tokens = tokens + bank.uniform("gamma_xca", width) * attended
    z = mlp(bank, layer_norm(bank.at("norm"), tokens), 4, names=("pwconv1", "pwconv2"))
    z = (bank.uniform("gamma", width) * z).transpose(1, 2)
    return x + z.reshape(batch, width, height, columns)


def _channel_attention(bank: Bank, x: Tensor, heads: int) -> Tensor:
    """Channels of a head attend to each other (XCiT)."""
    batch, count, width = x.shape
    joined = linear(bank.at("qkv"), x, 3 * width).view(batch, count, 3, heads, width // heads)
    queries, keys, values = joined.permute(2, 0, 3, 4, 1)  # each [B, heads, d, N]
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1)
    scores = scores * bank.uniform("temperature", heads, 1, 1)
    attended = (scores.softmax(-1) @ values).permute(0, 3, 1, 2).flatten(2)
    return linear(bank.at("proj"), attended, width)


def _fourier(height: int, width: int) -> Tensor:
    """Sines and cosines of rows, then of columns, [1, 64, height, width]."""
    waves = []
    for count, shape in ((height, (-1, 1)), (width, (1, -1))):
        place = 2 * math.pi * torch.arange(1, count + 1) / (count + 1e-6)
        for number in range(_FOURIER_WIDTH):
            angle = place / 10000 ** (2 * (number // 2) / _FOURIER_WIDTH)
            waves.append((angle.cos() if number % 2 else angle.sin()).view(shape).expand(height, width))
    return torch.stack(waves)[None]


def fastvit(bank: Bank, x: Tensor, depths: tuple[int, ...], widths: tuple[int, ...], *, attention: bool) -> Tensor:
    """Stages, what stands between them, and the position encoding are numbered in one row."""
    for part, stride, grouped in zip(numbered(bank, "patch_embed", 3), (2, 2, 1), (False, True, False), strict=True):
        x = F.gelu(_branched(part, x, widths[0], 3 if stride == 2 else 1, stride=stride, depthwise=grouped))
    number = 0
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        if stage:
            x = _patch_merging(bank.at(f"network.{number}.proj"), x, width)
            number += 1
        attentive = attention and stage == len(depths) - 1
        if attentive:
            x = x + conv(bank.at(f"network.{number}.pe"), x, width, 7, groups=width, bias=True)
            number += 1
        for part in numbered(bank, f"network.{number}", depth):
            x = _attention_block(part, x) if attentive else _rep_mixer_block(part, x)
        number += 1
    x = _branched(bank.at("conv_exp"), x, 2 * widths[-1], 3, depthwise=True)
    gate = squeeze_excite(bank.at("conv_exp.se"), x, x.shape[1] // 16, ("reduce", "expand"))
    return F.gelu(x * gate.sigmoid()).mean((2, 3))


def _conv_bn(bank: Bank, x: Tensor, out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> Tensor:
    return batch_norm(bank.at("bn"), conv(bank.at("conv"), x, out, kernel, stride=stride, groups=groups))


def _branched(bank: Bank, x: Tensor, out: int, kernel: int, *, stride: int = 1, depthwise: bool = False) -> Tensor:
    """MobileOne's block before its activation: convolutions of two sizes and, where it can be, the input."""
    inputs = x.shape[1]
    groups = inputs if depthwise else 1
    y = _conv_bn(bank.at("rbr_conv.0"), x, out, kernel, stride=stride, groups=groups)
    if kernel > 1:
        y = y + _conv_bn(bank.at("rbr_scale"), x, out, 1, stride=stride, groups=groups)
    return y + batch_norm(bank.at("rbr_skip"), x) if inputs == out and stride == 1 else y


def _patch_merging(bank: Bank, x: Tensor, out: int) -> Tensor:
    """Large and small kernel; the activation behind them is discarded, as in the published code."""
    large = _conv_bn(bank.at("0.lkb_origin"), x, out, 7, stride=2, groups=x.shape[1])
    small = _conv_bn(bank.at("0.small_conv"), x, out, 3, stride=2, groups=x.shape[1])
    return F.gelu(_branched(bank.at("1"), large + small, out, 1))


def _rep_mixer_block(bank: Bank, x: Tensor) -> Tensor:
    mixer, width = bank.at("token_mixer"), x.shape[1]
    mixed = _branched(mixer.at("mixer"), x, width, 3, depthwise=True) - batch_norm(mixer.at("norm.rbr_skip"), x)
    x = x + _scale(mixer, "layer_scale", width) * mixed
    return x + _scale(bank, "layer_scale", width) * _conv_mlp(bank.at("convffn"), x)


def _attention_block(bank: Bank, x: Tensor) -> Tensor:
    width, grid = x.shape[1], x.shape[2:]
    tokens = batch_norm(bank.at("norm"), x).flatten(2).transpose(1, 2)
    attended = self_attention(bank.at("token_mixer"), tokens, width // 32, bias=False)
    x = x + _scale(bank, "layer_scale_1", width) * attended.transpose(1, 2).unflatten(2, grid)
    return x + _scale(bank, "layer_scale_2", width) * _conv_mlp(bank.at("convffn"), x)


def _conv_mlp(bank: Bank, x: Tensor) -> Tensor:
    y = _conv_bn(bank.at("conv"), x, x.shape[1], 7, groups=x.shape[1])
    y = F.gelu(conv(bank.at("fc1"), y, 4 * x.shape[1], 1, bias=True))
    return conv(bank.at("fc2"), y, x.shape[1], 1, bias=True)


def _scale(bank: Bank, name: str, width: int) -> Tensor:
    return bank.uniform(name, width, 1, 1, low=0.0, high=1.0)
