"""What a client gives back: plain values, read from JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class FoundTracklet:
    """A person followed through one video; see `passerby.gallery.Tracklet`.

    Attributes:
        tracklet: its number.
        identity, name, confirmed: whose it is, as far as that is known.
        camera, video: where.
        begins, ends: seconds from the start of the video; since 1970 if it was indexed with a start time.
        taken_from, taken_to: when that was; None where nobody knows.
        frames, height, visible, caption: as of the gallery.
        crops: addresses of its pictures, for `Client.picture`.
        picture: of the one that shows most.
    """

    tracklet: int
    identity: int | None
    name: str | None
    confirmed: bool
    camera: str
    video: str
    begins: float
    ends: float
    taken_from: datetime | None
    taken_to: datetime | None
    frames: int
    height: float
    visible: float
    caption: str | None
    crops: list[str]
    picture: str | None


@dataclass(frozen=True)
class FoundHit(FoundTracklet):
    """A tracklet that was found: its rank from 1, the cosine, and the probability where that is known."""

    rank: int
    score: float
    probability: float | None


@dataclass(frozen=True)
class FoundPeople:
    """One person who was looked for.

    Attributes:
        input: what showed the person.
        kind: picture, crop, text or tracklet.
        person, box, detection, size: of a photograph which one, where (left, top, right, bottom), how surely, and the
            photograph's width and height; None otherwise.
        recall: share of the ten most alike that an index of features finds; None where every tracklet was compared.
        hits: best first.
    """

    input: str
    kind: str
    person: int | None
    box: list[float] | None
    detection: float | None
    size: list[int] | None
    recall: float | None
    hits: list[FoundHit]


@dataclass(frozen=True)
class RefusedPicture:
    """What could not be used, and why; `cause` is no_detector or nobody_found where a whole photograph gave nobody."""

    input: str
    reason: str
    cause: str | None


@dataclass(frozen=True)
class SearchResult:
    """Everybody who was looked for, and what could not be used."""

    queries: list[FoundPeople]
    refused: list[RefusedPicture]


@dataclass(frozen=True)
class KnownIdentity:
    """A person; see `passerby.gallery.Identity`."""

    identity: int
    name: str | None
    notes: str | None
    confirmed: bool
    tracklets: list[int]
    cameras: list[str]
    picture: str | None


@dataclass(frozen=True)
class JobStatus:
    """A video that is indexed in the background.

    Attributes:
        job: its number.
        state: queued, running, cancelling, done, failed or cancelled.
        video, camera: its name, and which filmed it.
        progress: how far it is.
        message: why it failed.
    """

    job: int
    state: str
    video: str
    camera: str | None
    progress: dict[str, Any]
    message: str


def read(kind: type[T], content: Mapping[str, Any]) -> T:
    """A value of an answer; what a newer service says beside is passed over."""
    hints = get_type_hints(kind)
    return kind(**{each.name: _read(hints[each.name], content[each.name]) for each in fields(kind)})  # type: ignore[arg-type]


def _read(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if datetime in options:
        return datetime.fromisoformat(value)
    inner = get_args(hint)
    if isinstance(value, list) and inner and hasattr(inner[0], "__dataclass_fields__"):
        return [read(inner[0], each) for each in value]
    return value
