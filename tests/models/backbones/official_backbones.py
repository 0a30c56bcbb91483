"""Official files of backbones, written from the references, with the features that they stand for."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.models.backbones import reference_convolutional as convolutional
from tests.models.backbones import reference_hybrid as hybrid
from tests.models.backbones import reference_transformers as transformers
from tests.models.backbones.reference_layers import Bank

Reference = Callable[[Bank, Tensor], Tensor]

NATIVE = (16, 8)
_SIZES = {"tiny": (192, 3), "small": (384, 6), "base": (768, 12)}
_LAYERS = {"18": (2, 2, 2, 2), "50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
_FASTVIT_WIDTHS = (64, 128, 256, 512)


def _resnet(layers: str, *, ibn: bool) -> Reference:
    return partial(convolutional.resnet, blocks=_LAYERS[layers], bottleneck=layers != "18", ibn=ibn)


def _vit(size: str, **options: bool | int) -> Reference:
    width, heads = _SIZES[size]
    return partial(transformers.vit, native=NATIVE, width=width, heads=heads, **options)  # type: ignore[arg-type]


REIDZOO: Mapping[str, Reference] = {
    "ghostnet_0_5": partial(convolutional.ghostnet, width=0.5),
    "ghostnet_1_0": partial(convolutional.ghostnet, width=1.0),
    "ghostnet_1_3": partial(convolutional.ghostnet, width=1.3),
    "edgenext_x_small": partial(hybrid.edgenext, depths=(3, 3, 9, 3), widths=(32, 64, 100, 192), heads=4),
    "edgenext_small": partial(hybrid.edgenext, depths=(3, 3, 9, 3), widths=(48, 96, 160, 304), heads=8),
    "edgenext_base": partial(hybrid.edgenext, depths=(3, 3, 9, 3), widths=(80, 160, 288, 584), heads=8),
    "repvit_m0_9": partial(convolutional.repvit, widths=(48, 96, 192, 384), depths=(2, 2, 14, 2)),
    "repvit_m1_0": partial(convolutional.repvit, widths=(56, 112, 224, 448), depths=(2, 2, 14, 2)),
    "repvit_m1_5": partial(convolutional.repvit, widths=(64, 128, 256, 512), depths=(4, 4, 24, 4)),
    "fastvit_s12": partial(hybrid.fastvit, depths=(2, 2, 6, 2), widths=_FASTVIT_WIDTHS, attention=False),
    "fastvit_sa12": partial(hybrid.fastvit, depths=(2, 2, 6, 2), widths=_FASTVIT_WIDTHS, attention=True),
    "fastvit_sa24": partial(hybrid.fastvit, depths=(4, 4, 12, 4), widths=_FASTVIT_WIDTHS, attention=True),
    **{f"resnet{layers}": _resnet(layers, ibn=False) for layers in _LAYERS},
    **{f"resnet{layers}_ibn": _resnet(layers, ibn=True) for layers in _LAYERS},
    "convnext_tiny": partial(convolutional.convnext, depths=(3, 3, 9, 3), widths=(96, 192, 384, 768)),
    "convnext_small": partial(convolutional.convnext, depths=(3, 3, 27, 3), widths=(96, 192, 384, 768)),
    "convnext_base": partial(convolutional.convnext, depths=(3, 3, 27, 3), widths=(128, 256, 512, 1024)),
    "volo_d1": partial(transformers.volo, native=NATIVE, depths=(4, 4, 8, 2), widths=(192, 384), heads=(6, 12)),
    "volo_d2": partial(transformers.volo, native=NATIVE, depths=(6, 4, 10, 4), widths=(256, 512), heads=(8, 16)),
    "volo_d3": partial(transformers.volo, native=NATIVE, depths=(8, 8, 16, 4), widths=(256, 512), heads=(8, 16)),
    **{f"vit_{size}": _vit(size) for size in _SIZES},
    "swin_tiny": partial(transformers.swin, depths=(2, 2, 6, 2), width=96, heads=3),
    "swin_small": partial(transformers.swin, depths=(2, 2, 18, 2), width=96, heads=3),
    "swin_base": partial(transformers.swin, depths=(2, 2, 18, 2), width=128, heads=4),
}

OTHERS: Mapping[str, Reference] = {
    "vit_small_plain": _vit("small", ics=False),
    "vit_small_parts": _vit("small", parts=3),
    "vit_base_parts": _vit("base", parts=3),
}
"""TransReID-SSL's without ICS, and PASS's."""

_WITHOUT_BATCH_NORM = ("convnext", "edgenext", "swin")
"""Their teachers stand in no wrapper for several processes."""


@dataclass(frozen=True)
class Official:
    """A network as its authors' code has it: tensors by official name, images, and their features."""

    tensors: dict[str, Tensor]
    images: Tensor
    features: Tensor


def official(name: str, size: tuple[int, int] = (128, 64), seed: int = 0) -> Official:
    """A network with random weights, and the features of two random images."""
    reference = {**REIDZOO, **OTHERS}[name]
    bank = Bank(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        images = torch.randn(2, 3, *size, generator=bank.generator)
        return Official(bank.tensors, images, reference(bank, images))


def write_reidzoo_file(path: Path, name: str, tensors: Mapping[str, Tensor]) -> Path:
    """A file as CION's training writes it."""
    wrapper = "" if name.startswith(_WITHOUT_BATCH_NORM) else "module."
    teacher = {f"{wrapper}backbone.{key}": tensor for key, tensor in tensors.items()}
    teacher[f"{wrapper}head.mlp.0.weight"] = torch.zeros(2, 2)
    teacher[f"{wrapper}head.last_layer.weight_g"] = torch.ones(2, 1)
    content = {
        "student": teacher,
        "teacher": teacher,
        "optimizer": {"state": {}, "param_groups": [{"lr": np.float64(1e-3), "params": [0]}]},
        "epoch": 100,
        "args": argparse.Namespace(arch=name, global_crops_size=[256, 128], seed=0),
        "Loss": {"center": torch.zeros(1, 4)},
        "fp16_scaler": {"scale": 65536.0, "growth_tracker": 3},
    }
    torch.save(content, path)
    return path
