"""Names of tensors in official files of each family of backbones, translated to those of timm.

Every rule takes names to names and is exact: a tensor it does not know keeps its name and is then refused as not used.
Source: the published files of ReIDZoo, LUPerson, TransReID-SSL and PASS.
"""

import bisect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""A regular expression, and what takes its place."""

_CONVNEXT: Sequence[Rule] = (
    (r"^downsample_layers\.0\.", "stem."),
    (r"^downsample_layers\.(\d+)\.", r"stages.\1.downsample."),
    (r"^stages\.(\d+)\.(\d+)\.", r"stages.\1.blocks.\2."),
    (r"\.dwconv\.", ".conv_dw."),
    (r"\.pwconv(\d)\.", r".mlp.fc\1."),
    (r"^norm\.", "head.norm."),
)

_FASTVIT: Sequence[Rule] = (
    (r"^patch_embed\.", "stem."),
    (r"\brbr_conv\b", "conv_kxk"),
    (r"\brbr_scale\b", "conv_scale"),
    (r"\brbr_skip\b", "identity"),
    (r"\blkb_origin\b", "large_conv"),
    (r"\bconvffn\b", "mlp"),
    (r"\b(layer_scale(?:_\d)?)$", r"\1.gamma"),
    (r"^conv_exp\.", "final_conv."),
    (r"\bse\.reduce\b", "se.fc1"),
    (r"\bse\.expand\b", "se.fc2"),
)

_REPVIT_BLOCK: Sequence[Rule] = (
    (r"^token_mixer\.0\.", "token_mixer."),
    (r"^token_mixer\.1\.conv_reduce\.", "se.fc1."),
    (r"^token_mixer\.1\.conv_expand\.", "se.fc2."),
    (r"^channel_mixer\.m\.0\.", "channel_mixer.conv1."),
    (r"^channel_mixer\.m\.2\.", "channel_mixer.conv2."),
)

_REPVIT_DOWNSAMPLING: Sequence[Rule] = (
    (r"^token_mixer\.0\.", "spatial_downsample."),
    (r"^token_mixer\.2\.", "channel_downsample."),
    (r"^channel_mixer\.m\.0\.", "ffn.conv1."),
    (r"^channel_mixer\.m\.2\.", "ffn.conv2."),
)

Renaming = Callable[[Sequence[str], nn.Module], dict[str, str]]
"""Names of an official file, and the network they are for → the network's name of each."""


def _convnext(names: Sequence[str], network: nn.Module) -> dict[str, str]:
    del network
    return {name: _apply(_CONVNEXT, name) for name in names}


def _swin(names: Sequence[str], network: nn.Module) -> dict[str, str]:
    """Official stages end with merging patches; timm's begin with it."""
    del network

    def later(match: re.Match[str]) -> str:
        return f"layers.{int(match[1]) + 1}.downsample."

    moved = {name: re.sub(r"^layers\.(\d+)\.downsample\.", later, name) for name in names}
    return {name: re.sub(r"^norm3\.", "norm.", ours) for name, ours in moved.items()}


def _fastvit(names: Sequence[str], network: nn.Module) -> dict[str, str]:
    """Official files number stages, downsampling and position encodings in one row; timm nests them."""
    del network
    ends = sorted({int(match[1]) for name in names if (match := re.match(r"network\.(\d+)\.proj\.", name))})

    def nested(match: re.Match[str]) -> str:
        stage = bisect.bisect_right(ends, int(match[1]))
        part = {"proj": "downsample.proj", "pe": "pos_emb.pos_enc"}.get(match[2], f"blocks.{match[2]}")
        return f"stages.{stage}.{part}."

    return {name: re.sub(r"^network\.(\d+)\.(\w+)\.", nested, _apply(_FASTVIT, name)) for name in names}


def _repvit(names: Sequence[str], network: Any) -> dict[str, str]:
    """Official files number all blocks in one row, the stem first; timm has them in stages."""
    places: list[tuple[str, Sequence[Rule]]] = []
    for number, stage in enumerate(network.stages):
        if number:
            places.append((f"stages.{number}.downsample.pre_block.", _REPVIT_BLOCK))
            places.append((f"stages.{number}.downsample.", _REPVIT_DOWNSAMPLING))
        places.extend((f"stages.{number}.blocks.{block}.", _REPVIT_BLOCK) for block in range(len(stage.blocks)))

    def renamed(name: str) -> str:
        match = re.match(r"features\.(\d+)\.(.+)", name)
        if match is None:
            return name
        number, rest = int(match[1]), match[2]
        if number == 0:
            return _apply(((r"^0\.", "stem.conv1."), (r"^2\.", "stem.conv2.")), rest)
        if number > len(places):
            return name
        prefix, rules = places[number - 1]
        return prefix + _apply(rules, rest)

    return {name: renamed(name) for name in names}


def _apply(rules: Sequence[Rule], name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


OFFICIAL: Mapping[str, tuple[str, Renaming]] = {
    "convnext": (r"^downsample_layers\.", _convnext),
    "edgenext": (r"^downsample_layers\.", _convnext),
    "fastvit": (r"^network\.", _fastvit),
    "repvit": (r"^features\.", _repvit),
    "swin": (r"^layers\.0\.downsample\.", _swin),
}
"""Family → what only names of official files look like, and how to rename them. Other families use one set of names."""

_TORCHVISION_CONVNEXT: Sequence[Rule] = (
    (r"^features\.0\.", "stem."),
    (r"\.block\.0\.", ".conv_dw."),
    (r"\.block\.2\.", ".norm."),
    (r"\.block\.3\.", ".mlp.fc1."),
    (r"\.block\.5\.", ".mlp.fc2."),
    (r"\.layer_scale$", ".gamma"),
    (r"^classifier\.0\.", "head.norm."),
)

_TORCHVISION_VIT: Sequence[Rule] = (
    (r"^class_token$", "cls_token"),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^conv_proj\.", "patch_embed.proj."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
    (r"\.ln_(\d)\.", r".norm\1."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.(0|linear_1)\.", ".mlp.fc1."),
    (r"\.mlp\.(3|linear_2)\.", ".mlp.fc2."),
    (r"^encoder\.ln\.", "norm."),
)


_EFFICIENTNET_ENDS: Sequence[Rule] = (
    (r"^_conv_stem\.", "conv_stem."),
    (r"^_bn0\.", "bn1."),
    (r"^_conv_head\.", "conv_head."),
    (r"^_bn1\.", "bn2."),
    (r"^_fc\.", "classifier."),
)
"""What stands before and after the blocks of EfficientNet-PyTorch."""


def _efficientnet(names: Sequence[str], network: Any) -> dict[str, str]:
    """EfficientNet-PyTorch numbers all blocks in one row, and norms from 0; timm has stages, and norms from 1."""
    places = [f"blocks.{stage}.{block}." for stage, blocks in enumerate(network.blocks) for block in range(len(blocks))]

    def renamed(name: str) -> str:
        match = re.match(r"_blocks\.(\d+)\.(\w+)\.(\w+)$", name)
        if match is None or int(match[1]) >= len(places):
            return _apply(_EFFICIENTNET_ENDS, name)
        expands = f"_blocks.{match[1]}._expand_conv.weight" in names
        rules = (
            (r"^_expand_conv$", "conv_pw"),
            (r"^_depthwise_conv$", "conv_dw"),
            (r"^_project_conv$", "conv_pwl" if expands else "conv_pw"),
            (r"^_bn(\d)$", lambda norm: f"bn{int(norm[1]) + expands}"),  # without expansion the first norm is _bn1
        )
        return f"{places[int(match[1])]}{_apply(rules, match[2])}.{match[3]}"

    return {name: renamed(name) for name in names}


def _torchvision_convnext(name: str) -> str:
    """Of torchvision's eight groups, those with even numbers stand between stages."""
    match = re.match(r"features\.([1-7])\.(.+)", name)
    if match is None:
        return _apply(_TORCHVISION_CONVNEXT, name)
    group = int(match[1])
    part = "blocks" if group % 2 else "downsample"
    return _apply(_TORCHVISION_CONVNEXT, f"stages.{group // 2}.{part}.{match[2]}")


def renaming(family: str | None, names: Iterable[str], network: nn.Module) -> dict[str, str] | None:
    """The network's name for each name of an official file; None if these names are the network's own, or unknown.

    Args:
        family: of `passerby.models.backbones.registry.FAMILIES`; None for networks of timm.
        names: of all tensors of the file.
        network: that they are for.
    """
    names = list(names)
    mark, rename = OFFICIAL.get(family or "", (None, None))
    if mark and rename and any(re.match(mark, name) for name in names):
        return rename(names, network)
    if "features.0.0.weight" in names and "classifier.0.weight" in names:
        return {name: _torchvision_convnext(name) for name in names}
    if "encoder.pos_embedding" in names:
        return {name: _apply(_TORCHVISION_VIT, name) for name in names}
    if "_conv_stem.weight" in names and hasattr(network, "blocks"):
        return _efficientnet(names, network)
    return None
