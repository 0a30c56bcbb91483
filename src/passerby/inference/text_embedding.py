"""Sentences as features, to search images by words."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.errors import CheckpointError, DataError
from passerby.models.clip.vocabulary import token_count, tokenise, words_of

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
    listed = _listed(texts)
    _warn_of_unknown(listed, description.get("words"))
    parts = [listed[first : first + _BATCH] for first in range(0, len(listed), _BATCH)]
    text_model = cast(TextEmbeddingModel, model)
    with torch.inference_mode():
        found = [text_model.embed_text(tokenise(part).to(device)).float().cpu().numpy() for part in parts]
    width = int(cast(Any, model).embed_dim)
    return np.concatenate([np.empty((0, width), np.float32), *found])


def _listed(texts: str | Sequence[str]) -> list[str]:
    """The texts one by one, checked."""
    alone = isinstance(texts, str | bytes) or not isinstance(texts, Iterable)
    listed = [cast(str, texts)] if alone else list(texts)
    for text in listed:
        _check(text)
    return listed


def _check(text: object) -> None:
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"a text must be a sentence about a person, not {text!r}")
    tokens = token_count(text)
    if tokens > _MOST_TOKENS:
        raise DataError(f"a text has {tokens} tokens, at most {_MOST_TOKENS} can be read: shorten {text[:40]!r}…")


def _warn_of_unknown(texts: Sequence[str], words: Sequence[str] | None) -> None:
    if words is None:
        return
    known = frozenset(words)
    unknown = dict.fromkeys(word for text in texts for word in words_of(text) if word not in known)
    if unknown:
        warnings.warn(
            f"the model has never read these words, which therefore tell it nothing: {', '.join(unknown)}",
            stacklevel=4,
        )
