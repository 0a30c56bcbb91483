"""What a run folder says of a model that has learned from a gallery; figures and counts, of no person."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.errors import GalleryError
from passerby.json_text import json_text

FILE = "adaptation.json"


@dataclass(frozen=True)
class Outcome:
    """How a model came out.

    Attributes:
        method: which trained it.
        people, tracklets, pictures: that it learned from; people are camera identities where it learned inside cameras,
            and 0 where it found its own clusters.
        held_people, held_tracklets: that it was judged by.
        measure: `people` where confirmed people were searched for, `pairs` where halves of tracklets were compared.
        before, after: figures of the gallery's model and of the new one; see `judging.MEASURES`.
        worse: whether the figure that decides got worse.
        notes: what people should know, a sentence each.
    """

    method: str
    people: int
    tracklets: int
    pictures: int
    held_people: int
    held_tracklets: int
    measure: str
    before: dict[str, float]
    after: dict[str, float]
    worse: bool
    notes: list[str] = field(default_factory=list)


def begin_record(folder: Path, request: Mapping[str, Any]) -> None:
    """Note what is asked for."""
    write_text_atomically(folder / FILE, json_text({"request": dict(request)}) + "\n")


def earlier_outcome(folder: Path, request: Mapping[str, Any]) -> Outcome | None:
    """The outcome of an earlier call, where there is one.

    Raises:
        GalleryError: the folder was begun with another request, or the record is damaged.
    """
    if not is_begun(folder):
        return None
    content = _read(folder / FILE)
    if content["request"].get("gallery") != request["gallery"]:
        raise GalleryError(f"{folder}: was begun with another gallery: name another folder with --out")
    for key, value in json.loads(json_text(dict(request))).items():
        if content["request"].get(key) != value:
            raise GalleryError(
                f"{key}: is {value!r}, but {folder} was begun with {content['request'].get(key)!r}: say the same, or "
                "name another folder with --out"
            )
    return None if content.get("outcome") is None else Outcome(**content["outcome"])


def recorded_model(folder: Path) -> str | None:
    """The gallery's model that a folder was begun with; None where none was begun."""
    if not is_begun(folder):
        return None
    model: str | None = _read(folder / FILE)["request"].get("model")
    return model


def note_prepared(folder: Path) -> None:
    """Note that pictures and plan were whole once."""
    write_text_atomically(folder / FILE, json_text({**_read(folder / FILE), "prepared": True}) + "\n")


def was_prepared(folder: Path) -> bool:
    """Whether pictures and plan were whole once: where they are gone, somebody was erased."""
    return is_begun(folder) and bool(_read(folder / FILE).get("prepared"))


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Keep how the model came out."""
    write_text_atomically(folder / FILE, json_text({**_read(folder / FILE), "outcome": outcome}) + "\n")


def is_begun(folder: Path) -> bool:
    """Whether a folder is one of these."""
    return (folder / FILE).is_file()


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
        if not isinstance(content["request"], dict):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalleryError(f"{file}: is damaged: name another folder with --out") from error
    whole: dict[str, Any] = content
    return whole
