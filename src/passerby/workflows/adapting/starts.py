"""The model that learning begins with, and whether it can be trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from passerby.errors import CheckpointError, PasserbyError
from passerby.inference.loading import load
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods import find_method
from passerby.models.clip.pair_files import is_clip_pair
from passerby.models.zoo.files import is_bare_backbone

Kind = Literal["towers", "clip-reid", "ccafl", "backbone"]


@dataclass(frozen=True)
class Start:
    """A model to begin with.

    Attributes:
        name: as it was named.
        file: of its weights.
        description: what they declare about themselves.
        kind: CLIP's two towers, a network of CLIP-ReID or CCAFL, or one that is a backbone.
    """

    name: str
    file: Path
    description: Mapping[str, Any]
    kind: Kind

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images that it sees."""
        height, width = self.description["transform"]["size"]
        return int(height), int(width)


def open_start(name: str, *, of_gallery: bool) -> Start:
    """The model of this name.

    Args:
        name: what `passerby.load` takes.
        of_gallery: whether it is the gallery's own, and nobody named another.

    Raises:
        CheckpointError: it cannot be opened, or not be trained.
    """
    what = f"the gallery's model {name}" if of_gallery else f"init={name}"
    try:
        model = load(name, device="cpu")
    except PasserbyError as error:
        if not of_gallery:
            raise
        raise CheckpointError(f"{what} cannot be opened ({error}): begin with another by --init") from error
    if not isinstance(model, TorchEmbedder) or model.file is None:
        raise CheckpointError(
            f"{what} is a model file, which only computes and cannot be trained: name what it was exported from, or "
            "another model, with --init, such as --init tiny-clip"
        )
    kind = _kind(model.description)
    if kind is None:
        trained_by = model.description.get("method")
        raise CheckpointError(f"{what} is of {trained_by}, from which nothing here begins: name another with --init")
    if model.description.get("camera_count"):
        raise CheckpointError(
            f"{what} has an embedding of the cameras that it was trained on, and these are others: name another with "
            "--init"
        )
    return Start(name, model.file.absolute(), model.description, kind)


def _kind(description: Mapping[str, Any]) -> Kind | None:
    if is_clip_pair(description):
        return "towers"
    if is_bare_backbone(description):
        return "backbone"
    method = find_method(description.get("method"))
    if method.name in ("clip-reid", "ccafl"):
        return "clip-reid" if method.name == "clip-reid" else "ccafl"
    return "backbone" if method.backbone_prefix(description) is not None else None
