"""Layers as plain functions of the tensors of a file: independent of the networks that are tested.

The functions that describe a family (`reference_*.py`) are written from the names and shapes in the published files
and from the papers. They ask a `Bank` for each tensor by its official name; it draws the tensor. So one forward pass
gives both an official file and the features that it stands for.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass
class Bank:
    """Tensors by official name, drawn when first asked for."""

    generator: torch.Generator
    prefix: str = ""
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def at(self, part: str) -> "Bank":
        """The same tensors seen from inside a part."""
        return Bank(self.generator, f"{self.prefix}{part}.", self.tensors)

    def normal(self, name: str, *shape: int, std: float = 0.5) -> Tensor:
        return self._drawn(name, lambda: std * torch.randn(shape, generator=self.generator))

    def uniform(self, name: str, *shape: int, low: float = 0.5, high: float = 1.5) -> Tensor:
        return self._drawn(name, lambda: low + (high - low) * torch.rand(shape, generator=self.generator))

    def integers(self, name: str, value: Tensor) -> None:
        self._drawn(name, lambda: value)

    def _drawn(self, name: str, draw: Callable[[], Tensor]) -> Tensor:
        if self.prefix + name not in self.tensors:
            self.tensors[self.prefix + name] = draw()
        return self.tensors[self.prefix + name]


def numbered(bank: Bank, prefix: str, count: int) -> Iterator[Bank]:
    """Parts `prefix.0`, `prefix.1`, …"""
    return (bank.at(f"{prefix}.{number}") for number in range(count))


def conv(
    bank: Bank,
    x: Tensor,
    out: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
    pad: bool = True,
) -> Tensor:
    inputs = x.shape[1] // groups
    weight = bank.normal("weight", out, inputs, kernel, kernel, std=1 / math.sqrt(inputs * kernel * kernel))
    offset = bank.normal("bias", out, std=0.1) if bias else None
    return F.conv2d(x, weight, offset, stride, kernel // 2 if pad else 0, 1, groups)


def batch_norm(bank: Bank, x: Tensor) -> Tensor:
    width = x.shape[1]
    weight, offset = bank.uniform("weight", width, low=0.3, high=0.9), bank.normal("bias", width, std=0.1)
    mean, variance = bank.normal("running_mean", width, std=0.1), bank.uniform("running_var", width)
    bank.integers("num_batches_tracked", torch.tensor(7))
    return F.batch_norm(x, mean, variance, weight, offset, eps=1e-5)


def instance_batch_norm(bank: Bank, x: Tensor) -> Tensor:
    half = x.shape[1] // 2
    weight, offset = bank.uniform("IN.weight", half), bank.normal("IN.bias", half, std=0.1)
    first = F.instance_norm(x[:, :half].contiguous(), weight=weight, bias=offset, eps=1e-5)
    return torch.cat([first, batch_norm(bank.at("BN"), x[:, half:])], 1)


def layer_norm(bank: Bank, x: Tensor, eps: float = 1e-6) -> Tensor:
    """Over the last dimension."""
    width = x.shape[-1]
    return F.layer_norm(x, (width,), bank.uniform("weight", width), bank.normal("bias", width, std=0.1), eps)


def map_norm(bank: Bank, x: Tensor) -> Tensor:
    """Over the channels of a map [B, C, H, W]."""
    return layer_norm(bank, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def linear(bank: Bank, x: Tensor, out: int, *, bias: bool = True) -> Tensor:
    weight = bank.normal("weight", out, x.shape[-1], std=1 / math.sqrt(x.shape[-1]))
    return F.linear(x, weight, bank.normal("bias", out, std=0.1) if bias else None)


def mlp(bank: Bank, x: Tensor, ratio: int, *, names: tuple[str, str] = ("fc1", "fc2")) -> Tensor:
    hidden = F.gelu(linear(bank.at(names[0]), x, ratio * x.shape[-1]))
    return linear(bank.at(names[1]), hidden, x.shape[-1])


def attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | float = 0.0) -> Tensor:
    """Attention [B, heads, N, d], heads joined: [B, N, heads · d]."""
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1]) + bias
    return (scores.softmax(-1) @ values).transpose(1, 2).flatten(2)


def self_attention(bank: Bank, x: Tensor, heads: int, *, bias: bool, scores: Tensor | float = 0.0) -> Tensor:
    """Tokens [B, N, D] → the same."""
    batch, count, width = x.shape
    joined = linear(bank.at("qkv"), x, 3 * width, bias=bias).view(batch, count, 3, heads, width // heads)
    queries, keys, values = joined.permute(2, 0, 3, 1, 4)
    return linear(bank.at("proj"), attend(queries, keys, values, scores), width)


def squeeze_excite(bank: Bank, x: Tensor, reduced: int, names: tuple[str, str]) -> Tensor:
    """The gate before its last activation, [B, C, 1, 1]."""
    hidden = F.relu(conv(bank.at(names[0]), x.mean((2, 3), keepdim=True), reduced, 1, bias=True))
    return conv(bank.at(names[1]), hidden, x.shape[1], 1, bias=True)


def divisible(value: float, divisor: int = 4) -> int:
    """Rounded to a multiple of the divisor, and not down by more than a tenth."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
