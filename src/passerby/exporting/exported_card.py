"""The card of an exported file: how to use it, what it was made of, and how it was proven."""

import hashlib
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passerby.data.benchmarks import BENCHMARKS
from passerby.exporting.graphs import EMBEDDINGS, IMAGES, TOKENS
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.json_text import json_text
from passerby.models.clip.vocabulary import numbers_by_word
from passerby.models.clip.word_tokens import START
from passerby.models.saga.anchor_phrases import PHRASES
from passerby.models.weights_digest import add_weights
from passerby.models.zoo import InputSection, LicenceSection, ModelCard, OutputSection, TextSection, file_digest
from passerby.version import __version__

CONTEXT = 77
"""Tokens that CLIP's text tower reads at most."""

TOKENIZER = (
    "CLIP's byte pair encoding in lower case (49,408 tokens): start 49406, words, end 49407, then zeros; int64 [N, L], "
    "L up to 77, texts of one batch of equal length"
)
_LIBRARIES = ("torch", "onnx", "onnxscript", "openvino", "nncf")


def exported_card(embedder: TorchEmbedder, *, licence: str | None, source: str, facts: Mapping[str, str]) -> ModelCard:
    """The card of the image tower of a model; of files and hashes it says nothing yet.

    Args:
        embedder: what is exported.
        licence: of the weights, as the user says.
        source: where the model comes from.
        facts: more to tell: precision, parity figures.
    """
    transform = embedder.transform
    cameras = int(embedder.description.get("camera_count") or 0)
    method = embedder.method.name if embedder.method is not None else embedder.description.get("architecture", "own")
    made_of = {
        "passerby": __version__,
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        "method": str(method),
        "weights_digest": weights_digest(embedder),
        "transform": json_text(transform, indent=None),
        **({"cameras": f"every image takes the mean of {cameras} trained cameras"} if cameras else {}),
        **recipe_digest(embedder),
    }
    return ModelCard(
        kind="embedder",
        name=str(method),
        input=InputSection(
            name=IMAGES,
            layout="NHWC",
            size=transform.size,
            channels="rgb",
            dtype="uint8",
            interpolation=transform.interpolation,
            antialias=True,
        ),
        output=OutputSection(names=(EMBEDDINGS,), form="features", normalised=True, dim=embedder.embed_dim),
        licence=_licence(embedder, licence),
        source=source,
        facts={**made_of, **facts},
    )


def text_section(file: Path, description: Mapping[str, Any]) -> TextSection:
    """What a card says of the text tower in a file beside the model's.

    Args:
        file: of the tower.
        description: of the model; of one that has learned few of CLIP's tokens, those go into the card.
    """
    words, tokens = (tuple(description.get(key) or ()) for key in ("words", "tokens"))
    section = TextSection(
        file=file.name, sha256=file_digest(file), input=TOKENS, output=EMBEDDINGS, context=CONTEXT, words=words
    )
    if not tokens:
        return section
    unknown = next(number for number in range(1, START) if number not in tokens)
    vocabulary = numbers_by_word(words, PHRASES, tokens)
    return section.model_copy(update={"vocabulary": vocabulary, "unknown": unknown})


def weights_digest(embedder: TorchEmbedder) -> str:
    """The SHA-256 of the file of weights; of a network in memory a BLAKE2 hash of its tensors."""
    if embedder.file is not None:
        return f"sha256:{file_digest(embedder.file)}"
    digest = hashlib.blake2b(digest_size=32)
    add_weights(digest, embedder.model.state_dict().items())
    return f"blake2b:{digest.hexdigest()}"


def recipe_digest(embedder: TorchEmbedder) -> dict[str, str]:
    """The hash of the recipe of the run that a model is of, as a fact; none where there is no run."""
    recipe = None if embedder.file is None else embedder.file.parent / "recipe.yaml"
    return {"recipe_digest": f"sha256:{file_digest(recipe)}"} if recipe is not None and recipe.is_file() else {}


def _licence(embedder: TorchEmbedder, said: str | None) -> LicenceSection:
    """What the model declares; public benchmarks forbid commerce, and so do the published backbones' data."""
    declared = embedder.description.get("licence")
    names = [str(each["name"]) for each in embedder.description.get("trained_on") or ()]
    public = {name: BENCHMARKS[name].terms for name in names if name in BENCHMARKS and BENCHMARKS[name].counts}
    listed = [f"{name} ({public[name]})" if name in public else name for name in names]
    restricted = bool(public) or (declared is not None and "research" in str(declared))
    return LicenceSection(
        code="Apache-2.0",
        weights=said or str(declared or "not stated"),
        data="; ".join(listed) or "not stated",
        commercial=not restricted,
    )
