"""CLIP's weights: those that come with passerby, a local file, open_clip's registry, or random ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import open_clip
from open_clip.pretrained import get_pretrained_cfg
from torch import Tensor

from passerby.errors import CheckpointError
from passerby.models.bundled import resolve_path
from passerby.models.checkpoint import read_description, read_tensors
from passerby.models.clip.pair_files import as_clip, is_clip_pair
from passerby.models.clip.towers import ClipShape, uses_quick_gelu
from passerby.models.state_dicts import wrapped_parts

RANDOM = "random"
REGISTRY_PREFIX = "open_clip:"

_OPENAI_MARKS = ("input_resolution", "context_length", "vocab_size")
"""Integers that only OpenAI's own files hold beside the tensors."""


@dataclass(frozen=True)
class ClipWeights:
    """Tensors of a whole CLIP model, at its native size, under open_clip's names.

    Attributes:
        tensors: None for random weights.
        quick_gelu: whether they were trained with QuickGELU; None for random weights and for files that do not say.
    """

    tensors: dict[str, Tensor] | None
    quick_gelu: bool | None = None


def clip_weights(source: str, architecture: str, *, allow_torchscript: bool = False) -> ClipWeights:
    """CLIP's weights from `random`, `tiny-clip`, `open_clip:TAG` (may download), a file, or a run of clip-pretrain.

    Raises:
        CheckpointError: no such file or tag, a file that is not a whole CLIP model or of another architecture, or no
            network.
    """
    if source == RANDOM:
        return ClipWeights(None)
    if source.startswith(REGISTRY_PREFIX):
        return _from_registry(architecture, source.removeprefix(REGISTRY_PREFIX))
    file = resolve_path(source)
    file = file / "model.safetensors" if file.is_dir() else file
    tensors = read_tensors(file, allow_torchscript=allow_torchscript)
    description = read_description(file)
    if description is not None and is_clip_pair(description):
        return _from_pair(source, architecture, tensors, description)
    tensors = next((part for _, part in wrapped_parts(tensors) if "visual.conv1.weight" in part), tensors)
    if "visual.conv1.weight" not in tensors:
        remedy = "for a ReID checkpoint use init=FILE" if "image_encoder.conv1.weight" in tensors else "give CLIP's own"
        raise CheckpointError(f"{source}: is not a whole CLIP model (no visual.conv1.weight): {remedy}")
    published_by_openai = all(mark in tensors for mark in _OPENAI_MARKS)
    kept = {name: tensor for name, tensor in tensors.items() if name not in _OPENAI_MARKS}
    return ClipWeights(kept, quick_gelu=True if published_by_openai else None)


def _from_pair(
    source: str, architecture: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]
) -> ClipWeights:
    declared = ClipShape(**description["shape"])
    if declared.architecture != architecture:
        raise CheckpointError(
            f"model.weights={source}: holds towers of {declared.architecture}, not of {architecture}: set "
            f"model.architecture={declared.architecture}, or model.weights=random"
        )
    return ClipWeights(as_clip(tensors, description), quick_gelu=uses_quick_gelu(declared))


def _from_registry(architecture: str, tag: str) -> ClipWeights:
    known = open_clip.list_pretrained_tags_by_model(architecture)
    if tag not in known:
        remedy = f"it has {', '.join(known)}" if known else "for it there are none: set model.weights=random"
        raise CheckpointError(f"model.weights: open_clip has no weights {tag!r} for {architecture}; {remedy}")
    try:
        model = open_clip.create_model(architecture, pretrained=tag)
    except Exception as error:  # the hub client raises its own kinds for a missing network, a full disk, a bad file
        reason = str(error).split("\n")[0][:120]
        raise CheckpointError(
            f"model.weights: {REGISTRY_PREFIX}{tag} cannot be fetched ({type(error).__name__}: {reason}); "
            "download the file elsewhere and give its path"
        ) from error
    configured = (open_clip.get_model_config(architecture) or {}).get("quick_gelu", False)
    quick_gelu = bool(get_pretrained_cfg(architecture, tag).get("quick_gelu", configured))
    return ClipWeights(dict(model.state_dict()), quick_gelu)
