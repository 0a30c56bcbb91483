"""Weights for backbones from official files: ReIDZoo, LUPerson, TransReID-SSL, PASS, timm and torchvision.

Every tensor of a file goes to the network, or belongs to a part that a feature does not need and that is named here;
anything else is refused.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor

from passerby.errors import CheckpointError
from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.official_names import renaming
from passerby.models.backbones.position_embeddings import Grid, resize_positions
from passerby.models.backbones.registry import family_of
from passerby.models.backbones.vit import VisionTransformer
from passerby.models.checkpoint import load_strictly
from passerby.models.state_dicts import shown_names, top_names, wrapped_parts
from passerby.progress import log_line

_NETWORK = "network."
"""Before the names of all tensors of a `Backbone`."""

_PUBLISHED = ("backbone.", "encoder_q.")
"""What published pre-training calls the network inside of what it trains: self-distillation, and MoCo."""

_HEADS = (
    *("fc.", "fc1.", "fc2.", "embed_fc.", "classifier.", "aux_head."),
    *("head.fc.", "head.weight", "head.bias", "head.head.", "head.head_dist.", "heads."),
)
"""Classifiers and projections behind the feature, which may be left out where the network has none of that name."""

_POSITIONS = "pos_embed"

_DERIVED = ("relative_position_index", "attn_mask")
"""Last parts of names of tensors that networks compute by themselves."""


def load_backbone(backbone: Backbone, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Copy the weights of an official file, or of ours, into a backbone, so that every tensor is accounted for.

    Args:
        backbone: of the architecture that the file holds; of any image size.
        tensors: as `read_tensors` gives them.
        source: names the file in errors.

    Raises:
        CheckpointError: tensors are missing, unused or of another shape, or none fits; nothing has been copied then.
    """
    load_strictly(backbone, backbone_tensors(backbone, tensors, source=source), source=source)


def backbone_tensors(backbone: Backbone, tensors: Mapping[str, Tensor], *, source: str) -> dict[str, Tensor]:
    """The tensors of an official file, or of ours, under a backbone's names.

    Projection heads and classifiers are left out. Position embeddings of another image size are resized.

    Raises:
        CheckpointError: nothing of the file is this network's, or its names are those of another network.
    """
    if all(name.startswith(_NETWORK) for name in tensors):
        found = {name.removeprefix(_NETWORK): tensor for name, tensor in tensors.items()}
    else:
        found = _renamed(backbone, _part_for(backbone, tensors, source), source)
    known = backbone.network.state_dict()
    if not any(name in known for name in found):
        first = next(iter(found), "nothing")
        raise CheckpointError(
            f"{source}: holds no tensor of {backbone.name} (it has {first!r}, not {next(iter(known))!r}; its tensors "
            f"are under {shown_names(top_names(list(tensors)))}): see `passerby zoo list` for the architecture of each "
            "file"
        )
    return {_NETWORK + name: tensor for name, tensor in _resized(backbone, found).items()}


def network_parts(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Where in a file a network may be, as `wrapped_parts`, without buffers that networks compute by themselves."""
    for prefix, part in wrapped_parts(tensors):
        yield prefix, {name: tensor for name, tensor in part.items() if name.rpartition(".")[2] not in _DERIVED}


def _part_for(backbone: Backbone, tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The part of a file that has most of a backbone's names; the outer one where several have as many."""
    known, family = backbone.network.state_dict(), family_of(backbone.name)

    def fit(found: tuple[str, dict[str, Tensor]]) -> tuple[int, bool]:
        prefix, part = found
        names = renaming(family, part, backbone.network) or {name: name for name in part}
        return len(known.keys() & set(names.values())), prefix in _PUBLISHED

    prefix, part = max(network_parts(tensors), key=fit)
    log_unused(tensors, prefix, source)
    return part


def log_unused(tensors: Mapping[str, Tensor], prefix: str, source: str) -> None:
    """Print which tensors of a file are left aside where a network under a prefix is taken."""
    unused = [name for name in tensors if not name.startswith(prefix)]
    if unused and prefix not in _PUBLISHED:
        log_line(f"{source}: takes what is under {prefix!r}; not used: {shown_names(top_names(unused))}", show=True)


def _renamed(backbone: Backbone, tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    family = family_of(backbone.name)
    known = backbone.network.state_dict()
    names = renaming(family, tensors, backbone.network)
    if names is None:
        if family == "repvit":
            raise CheckpointError(
                f"{source}: is not named as ReIDZoo's RepViT; timm's own has another squeeze-and-excitation and would "
                f"give wrong features here: use the architecture timm:{backbone.name}"
            )
        names = {name: name for name in tensors}
    twice = sorted(name for name, count in Counter(names.values()).items() if count > 1)
    if twice:
        raise CheckpointError(f"{source}: holds {len(twice)} tensors under two names each, the first for {twice[0]}")
    kept = {ours: tensors[name] for name, ours in names.items() if ours in known or not ours.startswith(_HEADS)}
    for name in kept.keys() & known.keys():  # torchvision keeps ConvNeXt's scales as maps of one pixel
        if name.endswith(".gamma") and kept[name].numel() == known[name].numel():
            kept[name] = kept[name].reshape(known[name].shape)
    return kept


def _resized(backbone: Backbone, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """With position embeddings of another grid than the backbone's made to fit, where a grid can be told."""
    network: Any = backbone.network
    have, want = tensors.get(_POSITIONS), network.state_dict().get(_POSITIONS)
    if have is None or want is None or have.shape == want.shape or have.ndim != want.ndim:
        return tensors
    if have.ndim == 4:  # VOLO: a grid as it is
        return tensors | {_POSITIONS: resize_positions(have, (want.shape[1], want.shape[2]))}
    ours = isinstance(network, VisionTransformer)
    grid = network.grid if ours else getattr(getattr(network, "patch_embed", None), "grid_size", None)
    extra = 0 if grid is None else want.shape[1] - grid[0] * grid[1]
    native = _grid_of(have.shape[1] - extra)
    if grid is None or native is None:
        return tensors
    if not ours:
        resampled = resample_abs_pos_embed(have, grid, native, num_prefix_tokens=extra)
        return tensors | {_POSITIONS: resampled}
    patches = resize_positions(have[:, extra:].unflatten(1, native), grid).flatten(1, 2)
    return tensors | {_POSITIONS: torch.cat([have[:, :extra], patches], 1)}


def _grid_of(patches: int) -> Grid | None:
    """Rows and columns of so many patches of an image that is as high as wide, twice as high, or three times."""
    for ratio in (1, 2, 3):
        columns = math.isqrt(max(patches, 0) // ratio)
        if columns and ratio * columns**2 == patches:
            return ratio * columns, columns
    return None
