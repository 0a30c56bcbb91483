"""Cards as files: `NAME.card.yaml` beside a model, or a text inside it."""

import hashlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pydantic_core import to_jsonable_python

from passerby.atomic_files import write_text_atomically
from passerby.config import check_settings
from passerby.errors import CheckpointError, RecipeError
from passerby.models.zoo.card import ModelCard
from passerby.models.zoo.onnx_metadata import read_onnx_metadata
from passerby.recipe_section import Section
from passerby.recipe_yaml import read_yaml, write_yaml

METADATA_KEY = "passerby"
"""Under this key the YAML of a card stands in the metadata of an ONNX file, and in `rt_info` of an OpenVINO file."""

CARD_SUFFIX = ".card.yaml"
MODEL_SUFFIXES = (".onnx", ".xml")
"""Files that need a card."""

_LARGEST_CARD = 1 << 20
_BLOCK = 1 << 20


def card_path(file: Path) -> Path:
    """Where the card of a model file stands: beside it, `NAME.card.yaml`."""
    return file.with_name(file.stem + CARD_SUFFIX)


def weights_file(file: Path) -> Path:
    """The file that a card's hash is of: OpenVINO keeps weights in NAME.bin beside NAME.xml, others in the file."""
    return file.with_suffix(".bin") if file.suffix == ".xml" else file


def parse_card(text: str, source: str) -> ModelCard:
    """The card that a YAML text is.

    Args:
        text: the YAML.
        source: names it in errors.

    Raises:
        CheckpointError: it is no YAML, has an unknown key (the nearest known one is named), or a value that does not
            fit.
    """
    try:
        content = read_yaml(text)
        if not isinstance(content, dict):
            raise RecipeError("is no mapping of keys to values")
        return check_settings(
            ModelCard, content, kind="key in the card", listing="`passerby zoo check --keys` lists them all"
        )
    except RecipeError as error:
        raise CheckpointError(f"{source}: {error}") from None


def card_text(card: ModelCard) -> str:
    """The YAML of a card: kind, input and output whole, of the rest what differs from its default."""
    content: dict[str, Any] = to_jsonable_python(card.model_dump(exclude_defaults=True))
    for key, section in (("input", card.input), ("output", card.output)):
        content[key] = _whole(section)
    return write_yaml({key: content[key] for key in ModelCard.model_fields if key in content}, short=True)


def read_card(path: Path) -> ModelCard:
    """The card in a YAML file.

    Raises:
        CheckpointError: it cannot be read; see `parse_card`.
    """
    try:
        if path.stat().st_size > _LARGEST_CARD:
            raise CheckpointError(f"{path}: is too large for a card")
        return parse_card(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise CheckpointError(f"{path}: is no text in UTF-8") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def write_card(card: ModelCard, path: Path) -> None:
    """Write a card as a YAML file, whole or not at all."""
    write_text_atomically(path, card_text(card))


def embedded_card(file: Path) -> ModelCard | None:
    """The card inside an ONNX file or an OpenVINO .xml; None if there is none.

    Raises:
        CheckpointError: the file cannot be read or is damaged, or its card is no card.
    """
    text = _openvino_text(file) if file.suffix == ".xml" else read_onnx_metadata(file).get(METADATA_KEY)
    return None if text is None else parse_card(text, f"{file}: its card")


def stored_card(file: Path) -> ModelCard | None:
    """The card beside a model file, else the one inside it, else None.

    Raises:
        CheckpointError: the model or its card cannot be read, or the card is that of another file.
    """
    if not file.is_file():
        raise CheckpointError(f"{file}: no such file: give a run's folder or a model file")
    inside = embedded_card(file)
    beside = card_path(file)
    if not beside.is_file():
        return inside
    card = read_card(beside)
    if card.sha256 and card.sha256 != (found := file_digest(weights_file(file))):
        raise CheckpointError(
            f"{beside}: is the card of another file: its sha256 is {card.sha256[:12]}…, that of "
            f"{weights_file(file).name} {found[:12]}…: get the right card or the right file"
        )
    return card


def file_digest(file: Path, algorithm: str = "sha256") -> str:
    """The hash of a file's bytes, in hexadecimal digits.

    Raises:
        CheckpointError: the file is missing or cannot be read.
    """
    digest = hashlib.new(algorithm)
    try:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _whole(section: Section) -> dict[str, Any]:
    content: dict[str, Any] = to_jsonable_python(section.model_dump())
    return content


def _openvino_text(file: Path) -> str | None:
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{file}: is no OpenVINO model, or damaged ({reason}): get the file again") from None
    if root.tag != "net":
        raise CheckpointError(f"{file}: is no OpenVINO model: its outermost element is <{root.tag[:40]}>, not <net>")
    node = root.find(f"rt_info/{METADATA_KEY}")
    return None if node is None else node.get("value")
