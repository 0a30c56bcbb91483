"""Official files of backbones: recognised, converted to files of passerby, and restored for embedding."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from passerby.errors import CheckpointError
from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.official_files import backbone_tensors, load_backbone, network_parts
from passerby.models.backbones.registry import FAMILIES, create
from passerby.models.checkpoint import read_description, read_tensors, save_model
from passerby.models.zoo.catalogue import COLLECTIONS, entries, split_name

METHOD = "backbone"
"""The method that the description of a bare backbone names: no method of passerby has trained it."""

_IMAGE_SIZE = (256, 128)
_SELF_DISTILLED = "backbone."
"""Before the names of the network in ReIDZoo's files; the other collections' files have nothing before them."""

_NOT_OF_IMAGENET = (
    *("vit_tiny", "vit_small", "vit_base", "vit_small_parts", "vit_base_parts"),
    *FAMILIES["repvit"],
    *FAMILIES["swin"],
)
"""Architectures that exist for people only; on ImageNet others of nearly the same structure were trained."""

_MARKS: Mapping[str, str] = {
    "ghostnet": r"blocks\.0\.0\.ghost1\.",
    "edgenext": r"stages\.\d\..*gamma_xca$",
    "repvit": r"features\.0\.0\.c\.weight$",
    "fastvit": r"(patch_embed|stem)\.0\.(rbr_conv|conv_kxk)\.",
    "resnet": r"layer1\.0\.bn1\.weight$",
    "resnet_ibn": r"layer1\.0\.bn1\.IN\.weight$",
    "convnext": r"stages\.0\.(blocks\.)?0\.(dwconv|conv_dw)\.weight$|features\.1\.0\.layer_scale$",
    "volo": r"post_network\.0\.",
    "vit": r"blocks\.0\.attn\.qkv\.weight$",
    "swin": r"layers\.0\.blocks\.0\.attn\.relative_position_bias_table$",
}
"""Family → what one of its tensors is called in the files that hold it."""


def recognise_backbone(tensors: Mapping[str, Tensor], source: str) -> str | None:
    """The name, as `split_name` takes it, of the backbone that an official file holds; None if it is no such file.

    Raises:
        CheckpointError: several collections have files like this one.
    """
    architecture = _architecture_of(tensors)
    if architecture is None:
        return None
    self_distilled = any(name.startswith(_SELF_DISTILLED) for name in tensors)
    possible = _possible_names(architecture, self_distilled=self_distilled)
    if len(possible) == 1:
        return possible[0]
    raise CheckpointError(
        f"{source}: holds {architecture}, but does not tell whose: say which it is, {' or '.join(possible)}, with "
        f"`passerby zoo convert {source} --as NAME -o FILE.safetensors`"
    )


def describe_bare_backbone(name: str, image_size: tuple[int, int] = _IMAGE_SIZE) -> dict[str, Any]:
    """The description of a bare backbone: its network, and the pixels it was pre-trained with.

    Args:
        name: as `split_name` takes it.
        image_size: height and width of images.

    Raises:
        CheckpointError: there is no such collection.
    """
    collection_name, architecture = split_name(name)
    collection = COLLECTIONS[collection_name]
    return {
        "method": METHOD,
        "architecture": architecture,
        "image_size": image_size,
        "camera_count": 0,
        "weights": name,
        "licence": collection.licence,
        "transform": {
            "size": image_size,
            "mean": collection.mean,
            "std": collection.std,
            "interpolation": "bicubic",
        },
    }


def is_bare_backbone(description: Mapping[str, Any] | None) -> bool:
    """Whether a description is that of a backbone and nothing else."""
    return description is not None and description.get("method") == METHOD


def restore_backbone(description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Backbone:
    """The backbone of a file of ours, or of an official file that was recognised, ready to embed.

    Raises:
        CheckpointError: the tensors are not those of this network.
    """
    height, width = description["image_size"]
    backbone = create(description["architecture"], (height, width))
    load_backbone(backbone, tensors, source=source)
    return backbone


def convert_backbone(
    file: Path, out: Path, name: str | None = None, image_size: tuple[int, int] = _IMAGE_SIZE
) -> dict[str, Any]:
    """Write an official file as a file of ours, which `passerby.load` opens.

    Args:
        file: what the authors publish.
        out: the `.safetensors` file to write.
        name: `ARCHITECTURE` for ReIDZoo's weights, `COLLECTION/ARCHITECTURE` for others; None: as recognised.
        image_size: height and width of the images it shall embed; position embeddings are resized.

    Returns:
        The description of the new file.

    Raises:
        CheckpointError: `out` exists or is no `.safetensors` file; the file cannot be read, is not recognised, is ours
            already, or its tensors do not fit the architecture.
    """
    if out.suffix != ".safetensors":
        raise CheckpointError(f"{out}: name a file that ends in .safetensors")
    if out.exists():
        raise CheckpointError(f"{out}: exists: name another file, or delete it")
    tensors = read_tensors(file)
    if read_description(file) is not None:
        raise CheckpointError(f"{file}: is a file of passerby already: load it as it is")
    name = recognise_backbone(tensors, str(file)) if name is None else name
    if name is None:
        raise CheckpointError(
            f"{file}: holds none of the networks that are recognised (its first tensor is {next(iter(tensors))!r}): "
            "name it with --as, see `passerby zoo list`; imagenet/timm:NAME for a network of timm"
        )
    description = describe_bare_backbone(name, image_size)
    save_model(out, restore_backbone(description, tensors, str(file)), description)
    return description


def _architecture_of(tensors: Mapping[str, Tensor]) -> str | None:
    """The architecture that needs exactly the tensors of a file."""
    for _, part in network_parts(tensors):
        shapes = {name: torch.empty(tensor.shape, device="meta") for name, tensor in part.items()}
        families = [family for family, mark in _MARKS.items() if any(re.match(mark, name) for name in part)]
        for architecture in (name for family in families for name in FAMILIES[family]):
            with torch.device("meta"):
                backbone = create(architecture)
            given = backbone_tensors(backbone, shapes, source=architecture)
            if _shapes(given) == _shapes(backbone.state_dict()):
                return architecture
    return None


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Shapes by name, without the counters that files of old versions of torch do not hold."""
    return {name: tensor.shape for name, tensor in tensors.items() if not name.endswith(".num_batches_tracked")}


def _possible_names(architecture: str, *, self_distilled: bool) -> list[str]:
    """Names of the weights that a file of this architecture may hold."""
    published = [entry.name for entry in entries() if entry.architecture == architecture]
    others = [name for name in published if name != architecture]
    if architecture not in _NOT_OF_IMAGENET:
        others.append(f"imagenet/{architecture}")
    return [architecture] if architecture in published and (self_distilled or not others) else others
