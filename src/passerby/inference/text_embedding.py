"""Sentences as features, to search images by words."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.errors import CheckpointError
from passerby.inference.text_input import check_texts, warn_of_unknown
from passerby.models.clip.vocabulary import token_count, tokenise

_MOST_TOKENS = 77
_BATCH = 256


class TextEmbeddingModel(Protocol):
    """A network that also turns texts into retrieval features."""

    def embed_text(self, tokens: Tensor) -> Tensor:
        """CLIP's token numbers [B, 77] → float32 [B, embed_dim], L2-normalised."""
        ...


def embed_texts(
    model: nn.Module, description: Mapping[str, Any], texts: str | Sequence[str], device: torch.device
) -> NDArray[np.float32]:
    """Features of texts, float32 [N, D], L2-normalised, in the space of the model's image features.

    Args:
        model: a network with a text tower.
        description: of the model; `words` are those that it has learned, all if there are none.
        texts: sentences; one of them alone gives one row.
        device: where to compute.

    Raises:
        CheckpointError: the model has no text tower.
        DataError: something is no text, empty, or too long.
    """
    if not hasattr(model, "embed_text"):
        raise CheckpointError(
            "this model's features have no words: search by text with passerby.load('tiny-clip') or a run of "
            "clip-pretrain-tiny"
        )
    listed = check_texts(texts, most_tokens=_MOST_TOKENS, count=token_count)
    warn_of_unknown(listed, description.get("words"))
    parts = [listed[first : first + _BATCH] for first in range(0, len(listed), _BATCH)]
    text_model = cast(TextEmbeddingModel, model)
    with torch.inference_mode():
        found = [text_model.embed_text(tokenise(part).to(device)).float().cpu().numpy() for part in parts]
    width = int(cast(Any, model).embed_dim)
    return np.concatenate([np.empty((0, width), np.float32), *found])
