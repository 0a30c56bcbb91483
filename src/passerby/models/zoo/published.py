"""Published model files: addresses, hashes, licences, figures as stated, and cards; a file each in `model_entries/`.

passerby brings none of these files. `passerby.models.zoo.fetching` gets those whose address is known.
"""

import difflib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import Field

from passerby.config import check_settings
from passerby.errors import CheckpointError
from passerby.models.zoo.card import LicenceSection, ModelCard
from passerby.models.zoo.card_files import MODEL_SUFFIXES, file_digest, weights_file
from passerby.output_paths import default_cache_folder
from passerby.recipe_section import Section
from passerby.recipe_yaml import read_yaml


class PublishedFile(Section):
    """One file of a published model."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """What it is called."""
    url: str = Field(default="", pattern=r"^(https?://.*)?$")
    """Its address; empty: not known."""
    size: int = Field(default=0, ge=0)
    """Bytes; 0: not stated."""
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """Its hash; empty: not stated."""
    sha384: str = Field(default="", pattern="^([0-9a-f]{96})?$")
    """Another hash, which Open Model Zoo states instead; empty: not stated."""

    @property
    def digest(self) -> str:
        """The hash that is known, SHA-256 first; empty: none."""
        return self.sha256 or self.sha384


class PublishedModel(Section):
    """A published model: everything that is known of it."""

    name: str
    """As `passerby zoo get` and `passerby.load` take it."""
    title: str
    """What it is."""
    files: tuple[PublishedFile, ...] = ()
    """Its files; the first .onnx or .xml is what is loaded."""
    obtain: str = ""
    """How to get what has no address or no hash."""
    training: str
    """What it was trained on."""
    figures: tuple[str, ...] = ()
    """What its makers say that it reaches."""
    parameters: float = 0.0
    """Millions, as stated; 0: not stated."""
    operations: float = 0.0
    """GFLOP for an image, as stated; 0: not stated."""
    licence: LicenceSection = LicenceSection()
    """What one may do with it, where there is no card to say so."""
    card: ModelCard | None = None
    """How it is used; null: not as a model file."""

    @property
    def kind(self) -> str:
        """What its card says it is; `clip` for what open_clip brings."""
        return "clip" if self.card is None else self.card.kind

    @property
    def terms(self) -> LicenceSection:
        """What one may do with it."""
        return self.licence if self.card is None else self.card.licence

    @property
    def model_file(self) -> PublishedFile | None:
        """The file that is loaded; None where no file is known."""
        return next((file for file in self.files if Path(file.name).suffix in MODEL_SUFFIXES), None)

    @property
    def folder(self) -> Path:
        """Where its files lie once they are fetched."""
        return default_cache_folder() / "zoo" / self.name


@cache
def published_names() -> tuple[str, ...]:
    """Names of all published model files."""
    return tuple(sorted(name for name, _ in _texts()))


@cache
def published_model(name: str) -> PublishedModel:
    """The published model of this name.

    Raises:
        CheckpointError: there is none; the nearest names are told.
    """
    text = dict(_texts()).get(name)
    if text is None:
        near = difflib.get_close_matches(name.lower(), published_names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `passerby zoo list`"
        raise CheckpointError(f"{name!r} is not in the zoo: {hint}")
    return check_settings(PublishedModel, {"name": name, **read_yaml(text)}, kind="key", listing="see the others")


def known_card(file: Path) -> ModelCard | None:
    """The catalogue's card for a model file, found by the file's SHA-256; None if the catalogue does not know it."""
    digest = file_digest(weights_file(file))
    for name, text in _texts():
        if f" {digest}\n" in text:
            model = published_model(name)
            same = any(each.sha256 == digest for each in model.files)
            return model.card.model_copy(update={"sha256": digest}) if model.card is not None and same else None
    return None


def fetched_file(name: str) -> Path | None:
    """The file to load of a published model that is in the cache; None for names that the zoo does not have.

    Raises:
        CheckpointError: the zoo has it, but it is not in the cache.
    """
    if name not in published_names():
        return None
    model = published_model(name)
    if model.model_file is None:
        raise CheckpointError(f"{name}: its file cannot be fetched: {model.obtain}")
    if not all((model.folder / each.name).is_file() for each in model.files):
        raise CheckpointError(f"{name}: is not on this machine: get it with `passerby zoo get {name}`")
    return model.folder / model.model_file.name


@cache
def _texts() -> tuple[tuple[str, str], ...]:
    return tuple(_read_texts())


def _read_texts() -> Iterator[tuple[str, str]]:
    for entry in sorted((files("passerby") / "models" / "zoo" / "model_entries").iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".yaml"):
            yield entry.name.removesuffix(".yaml"), entry.read_text("utf-8")
