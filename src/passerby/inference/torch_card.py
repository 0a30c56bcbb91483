"""The card of a network in torch, from what its file declares."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import nn

from passerby.data.augmentation.transforms import TestTransform
from passerby.methods.method import EmbeddingModel
from passerby.models.zoo.card import InputSection, LicenceSection, ModelCard, OutputSection
from passerby.models.zoo.card_files import file_digest

_PIXEL_RANGE = 255.0


def card_of_network(
    model: nn.Module, transform: TestTransform, description: Mapping[str, Any], file: Path | None
) -> ModelCard:
    """What a network takes and gives.

    Args:
        model: an `EmbeddingModel`.
        transform: from an image to its input.
        description: what its file declares.
        file: of its weights; None for a network in memory.
    """
    name = description.get("weights") or description.get("method") or description.get("architecture")
    return ModelCard(
        kind="clip" if hasattr(model, "embed_text") else "embedder",
        name=str(name or type(model).__name__),
        input=InputSection(
            size=transform.size,
            channels="rgb",
            scale=_PIXEL_RANGE,
            mean=transform.mean,
            std=transform.std,
            interpolation=transform.interpolation,
            antialias=True,
        ),
        output=OutputSection(form="features", normalised=True, dim=cast(EmbeddingModel, model).embed_dim),
        licence=LicenceSection(weights=str(description.get("licence", "not stated"))),
        sha256="" if file is None else file_digest(file),
    )
