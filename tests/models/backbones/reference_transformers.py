"""ReIDZoo's transformers under their official names: ViT with ICS stem (also without, and PASS), VOLO, Swin."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.models.backbones.reference_layers import (
    Bank,
    attend,
    batch_norm,
    conv,
    instance_batch_norm,
    layer_norm,
    linear,
    mlp,
    numbered,
    self_attention,
)

Grid = tuple[int, int]


def resampled(grid: Tensor, wanted: Grid) -> Tensor:
    """Positions [rows, columns, D] at another size, as DINO's code does it: sample by sample, bicubic (a = −0.75)."""
    rows, columns = grid.shape[:2]
    if (rows, columns) == wanted:
        return grid
    down = _bicubic(rows, wanted[0], (wanted[0] + 0.1) / rows)
    across = _bicubic(columns, wanted[1], (wanted[1] + 0.1) / columns)
    return torch.einsum("ir,jc,rcd->ijd", down, across, grid)


def _bicubic(have: int, wanted: int, factor: float) -> Tensor:
    """Weights [wanted, have] of bicubic interpolation at the scale factor."""
    weights = torch.zeros(wanted, have)
    for row in range(wanted):
        place = (row + 0.5) / factor - 0.5
        first = math.floor(place)
        for step in range(-1, 3):
            weights[row, min(max(first + step, 0), have - 1)] += _cubic(abs(place - first - step))
    return weights


def _cubic(distance: float, a: float = -0.75) -> float:
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * (distance**3 - 5 * distance**2 + 8 * distance - 4) if distance < 2 else 0.0


def stem(bank: Bank, x: Tensor, width: int, patch: int, norms: tuple[Callable[[Bank, Tensor], Tensor], ...]) -> Tensor:
    """Three convolutions at half resolution, then patches: [B, 3, H, W] → [B, rows, columns, width]."""
    for place, (norm, kernel) in enumerate(zip(norms, (7, 3, 3), strict=True)):
        x = conv(bank.at(f"conv.{3 * place}"), x, 64, kernel, stride=2 if place == 0 else 1)
        x = F.relu(norm(bank.at(f"conv.{3 * place + 1}"), x))
    return conv(bank.at("proj"), x, width, patch, stride=patch, bias=True, pad=False).permute(0, 2, 3, 1)


def vit(bank: Bank, x: Tensor, native: Grid, width: int, heads: int, *, ics: bool = True, parts: int = 0) -> Tensor:
    embed = bank.at("patch_embed")
    if ics:
        patches = stem(embed, x, width, 8, (instance_batch_norm, instance_batch_norm, batch_norm))
    else:
        patches = conv(embed.at("proj"), x, width, 16, stride=16, bias=True, pad=False).permute(0, 2, 3, 1)
    shape = (patches.shape[1], patches.shape[2])
    names = ["cls_token", *(f"part_token{number + 1}" for number in range(parts))]
    tokens = torch.cat([bank.normal(name, 1, 1, width) for name in names], 1)
    if parts:
        positions = bank.normal("pos_embed", 1, native[0] * native[1], width)
        own = ["cls_pos", *(f"part{number + 1}_pos" for number in range(parts))]
        tokens = tokens + torch.cat([bank.normal(name, 1, 1, width) for name in own], 1)
    else:
        both = bank.normal("pos_embed", 1, 1 + native[0] * native[1], width)
        tokens, positions = tokens + both[:, :1], both[:, 1:]
    placed = patches + resampled(positions[0].unflatten(0, native), shape)
    x = torch.cat([tokens.expand(len(x), -1, -1), placed.flatten(1, 2)], 1)
    for part in numbered(bank, "blocks", 12):
        x = x + self_attention(part.at("attn"), layer_norm(part.at("norm1"), x), heads, bias=True)
        x = x + mlp(part.at("mlp"), layer_norm(part.at("norm2"), x), 4)
    x = layer_norm(bank.at("norm"), x)
    return torch.cat([x[:, 0], x[:, 1 : 1 + parts].mean(1)], 1) if parts else x[:, 0]


def volo(bank: Bank, x: Tensor, native: Grid, depths: tuple[int, ...], widths: Grid, heads: Grid) -> Tensor:
    x = stem(bank.at("patch_embed"), x, widths[0], 4, (batch_norm, batch_norm, batch_norm))
    for part in numbered(bank, "network.0", depths[0]):
        x = x + _outlook(part.at("attn"), _norm(part.at("norm1"), x), heads[0])
        x = x + mlp(part.at("mlp"), _norm(part.at("norm2"), x), 3)
    down = bank.at("network.1.proj")
    x = conv(down, x.permute(0, 3, 1, 2), widths[1], 2, stride=2, bias=True, pad=False).permute(0, 2, 3, 1)
    x = x + resampled(bank.normal("pos_embed", 1, *native, widths[1])[0], (x.shape[1], x.shape[2]))
    x = x.flatten(1, 2)
    for stage, depth in enumerate(depths[1:]):
        for part in numbered(bank, f"network.{stage + 2}", depth):
            x = x + self_attention(part.at("attn"), _norm(part.at("norm1"), x), heads[1], bias=False)
            x = x + mlp(part.at("mlp"), _norm(part.at("norm2"), x), 3)
    token = bank.normal("cls_token", 1, 1, widths[1]).expand(len(x), -1, -1)
    for part in numbered(bank, "post_network", 2):
        normal = _norm(part.at("norm1"), torch.cat([token, x], 1))
        token = token + _class_attention(part.at("attn"), normal, heads[1])
        token = token + mlp(part.at("mlp"), _norm(part.at("norm2"), token), 3)
    return _norm(bank.at("norm"), token)[:, 0]


def _norm(bank: Bank, x: Tensor) -> Tensor:
    return layer_norm(bank, x, eps=1e-5)


def _outlook(bank: Bank, x: Tensor, heads: int, kernel: int = 3, stride: int = 2) -> Tensor:
    """Every place of a pooled map says how the 3×3 places around it mix (Yuan et al., VOLO)."""
    batch, height, width, channels = x.shape
    rows, columns, area, depth = math.ceil(height / stride), math.ceil(width / stride), kernel**2, channels // heads
    values = linear(bank.at("v"), x, channels, bias=False).permute(0, 3, 1, 2)
    values = F.unfold(values, kernel, padding=1, stride=stride).view(batch, heads, depth, area, rows * columns)
    pooled = F.avg_pool2d(x.permute(0, 3, 1, 2), stride, stride, ceil_mode=True).permute(0, 2, 3, 1)
    weights = linear(bank.at("attn"), pooled, area**2 * heads).view(batch, rows * columns, heads, area, area)
    weights = (weights / math.sqrt(depth)).softmax(-1)
    mixed = torch.einsum("bnhij,bhdjn->bhdin", weights, values).reshape(batch, channels * area, rows * columns)
    folded = F.fold(mixed, (height, width), kernel, padding=1, stride=stride).permute(0, 2, 3, 1)
    return linear(bank.at("proj"), folded, channels)


def _class_attention(bank: Bank, x: Tensor, heads: int) -> Tensor:
    batch, count, width = x.shape
    joined = linear(bank.at("kv"), x, 2 * width, bias=False).view(batch, count, 2, heads, width // heads)
    keys, values = joined.permute(2, 0, 3, 1, 4)
    queries = linear(bank.at("q"), x[:, :1], width, bias=False).view(batch, 1, heads, -1).transpose(1, 2)
    return linear(bank.at("proj"), attend(queries, keys, values), width)


def swin(bank: Bank, x: Tensor, depths: tuple[int, ...], width: int, heads: int, window: int = 8) -> Tensor:
    embed = bank.at("patch_embed")
    x = conv(embed.at("proj"), x, width, 4, stride=4, bias=True, pad=False).permute(0, 2, 3, 1)
    x = _norm(embed.at("norm"), x)
    for stage, depth in enumerate(depths):
        for number, part in enumerate(numbered(bank, f"layers.{stage}.blocks", depth)):
            shift = window // 2 * (number % 2)
            normal = _norm(part.at("norm1"), x)
            x = x + _window_attention(part.at("attn"), normal, heads * 2**stage, window, shift)
            x = x + mlp(part.at("mlp"), _norm(part.at("norm2"), x), 4)
        if stage < len(depths) - 1:
            down = bank.at(f"layers.{stage}.downsample")
            quarters = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
            x = linear(
                down.at("reduction"), _norm(down.at("norm"), torch.cat(quarters, -1)), 2 * x.shape[-1], bias=False
            )
    return _norm(bank.at("norm3"), x).mean((1, 2))


def _window_attention(bank: Bank, x: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """Attention inside windows; the map is filled up to whole windows first, then shifted."""
    batch, height, width, channels = x.shape
    full = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
    rows, columns = full.shape[1] // window, full.shape[2] // window
    full = full.roll((-shift, -shift), (1, 2))
    cut = full.view(batch, rows, window, columns, window, channels).transpose(2, 3).reshape(-1, window**2, channels)
    scores = _relative_bias(bank, heads, window)
    if shift:
        scores = scores + _not_across(rows, columns, window, shift).repeat(batch, 1, 1)[:, None]
    attended = self_attention(bank, cut, heads, bias=True, scores=scores)
    joined = attended.view(batch, rows, columns, window, window, channels).transpose(2, 3)
    whole = joined.reshape(batch, rows * window, columns * window, channels).roll((shift, shift), (1, 2))
    return whole[:, :height, :width]


def _relative_bias(bank: Bank, heads: int, window: int) -> Tensor:
    table = bank.normal("relative_position_bias_table", (2 * window - 1) ** 2, heads)
    place = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    apart = place[:, None] - place[None] + window - 1
    index = apart[..., 0] * (2 * window - 1) + apart[..., 1]
    bank.integers("relative_position_index", index)
    return table[index].permute(2, 0, 1)[None]


def _not_across(rows: int, columns: int, window: int, shift: int) -> Tensor:
    """−100 between places of a window that were not neighbours before the shift, [windows, area, area]."""

    def region(count: int) -> Tensor:
        place = torch.arange(count * window)
        return (place >= (count - 1) * window).long() + (place >= count * window - shift).long()

    regions = 3 * region(rows)[:, None] + region(columns)[None]
    cut = regions.view(rows, window, columns, window).transpose(1, 2).reshape(rows * columns, window**2)
    return -100.0 * (cut[:, :, None] != cut[:, None]).float()
