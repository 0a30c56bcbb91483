"""Files of `ClipPair`, as weights for CLIP's towers elsewhere."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from passerby.models.clip.vocabulary import Vocabulary

METHOD = "clip-pretrain"
"""The method that the description of such a file names."""


def is_clip_pair(description: Mapping[str, Any] | None) -> bool:
    """Whether a description is that of a `ClipPair`."""
    return description is not None and description.get("method") == METHOD


def as_clip(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors with a token embedding for CLIP's whole vocabulary, as open_clip's model has it."""
    name = "token_embedding.weight"
    return {**tensors, name: Vocabulary(description["tokens"]).expand(tensors[name])}
