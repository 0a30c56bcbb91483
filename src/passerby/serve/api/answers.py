"""What routes answer, as JSON: times in ISO 8601 (UTC), seconds from the start of a video, boxes in pixels."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from passerby.gallery.gallery import Gallery
from passerby.gallery.identities.people import Identity, Named
from passerby.gallery.pictures import CropFile
from passerby.gallery.records import Tracklet
from passerby.gallery.search import Hit

GivenNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""A number of a tracklet, an identity or another thing of the gallery, as it is sent."""


class Answer(BaseModel):
    """An answer; every field's meaning is in its docstring."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class Asked(BaseModel):
    """What is sent; unknown fields are refused."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True, extra="forbid")


class TrackletAnswer(Answer):
    """A person followed through one video."""

    tracklet: int = Field(examples=[17])
    """Its number."""
    identity: int | None = Field(examples=[7])
    """Whose it is; null where that is not known."""
    name: str | None = Field(examples=["Anna"])
    """Of the identity, where somebody named it."""
    confirmed: bool
    """Whether somebody vouched for the identity."""
    camera: str = Field(examples=["gate"])
    """Which filmed it."""
    video: str = Field(examples=["gate.mp4@9f2c41d07a3b"])
    """The video, with a mark of its content."""
    begins: float = Field(examples=[3.2])
    """Seconds from the start of the video; since 1970 if it was indexed with a start time."""
    ends: float = Field(examples=[9.8])
    """Likewise."""
    taken_from: datetime | None
    """When that was; null where nobody said when the video began."""
    taken_to: datetime | None
    """Likewise."""
    frames: int
    """In how many it was observed."""
    height: float
    """Of the person in pixels, the median."""
    visible: float
    """Share of the person that is not behind others, between 0 and 1."""
    caption: str | None
    """A sentence about the person."""
    crops: list[str] = Field(examples=[["/v1/tracklets/17/crops/0", "/v1/tracklets/17/crops/1"]])
    """Addresses of its pictures (JPEG), in the order of time."""
    picture: str | None = Field(examples=["/v1/tracklets/17/crops/1"])
    """The address of the one to show where there is room for one."""


class HitAnswer(TrackletAnswer):
    """A tracklet that was found."""

    rank: int = Field(examples=[1])
    """From 1, the most alike."""
    score: float = Field(examples=[0.83])
    """Cosine between its feature and the query's."""
    probability: float | None = Field(examples=[0.97])
    """That both show the same person, if that was as likely as not before looking; null where that is not known."""


class IdentityAnswer(Answer):
    """A person."""

    identity: int = Field(examples=[7])
    """The number, which stays with the person."""
    name: str | None = Field(examples=["Anna"])
    """As somebody named it."""
    notes: str | None
    """As somebody wrote them."""
    confirmed: bool
    """Whether somebody vouched for it: it is never taken apart by itself."""
    tracklets: list[int] = Field(examples=[[15, 17, 88]])
    """Their numbers."""
    cameras: list[str] = Field(examples=[["gate", "yard"]])
    """Which saw the person."""
    picture: str | None = Field(examples=["/v1/tracklets/17/crops/1"])
    """The address of a picture."""


class WholeIdentityAnswer(IdentityAnswer):
    """A person with all that is known."""

    seen: list[TrackletAnswer]
    """The tracklets themselves, in the order of time."""
    holds: list[int]
    """Numbers of the legal holds on it."""


def crop_address(tracklet: int, place: int) -> str:
    """The address of a picture."""
    return f"/v1/tracklets/{tracklet}/crops/{place}"


def picture_of(tracklet: int, files: Sequence[CropFile]) -> str | None:
    """The address of the picture with the largest file, which shows most."""
    if not files:
        return None
    return crop_address(tracklet, max(range(len(files)), key=lambda place: files[place].size))


def tracklet_fields(tracklet: Tracklet, files: Sequence[CropFile], people: Mapping[int, Named]) -> dict[str, object]:
    """The fields of a `TrackletAnswer`."""
    person = people.get(tracklet.identity or 0)
    return {
        "tracklet": tracklet.number,
        "identity": tracklet.identity,
        "name": person.name if person else None,
        "confirmed": person.confirmed if person else False,
        "camera": tracklet.camera,
        "video": tracklet.video,
        "begins": tracklet.begins,
        "ends": tracklet.ends,
        "taken_from": tracklet.taken_from,
        "taken_to": tracklet.taken_to,
        "frames": tracklet.frames,
        "height": tracklet.height,
        "visible": tracklet.visible,
        "caption": tracklet.caption,
        "crops": [crop_address(tracklet.number, place) for place in range(len(files))],
        "picture": picture_of(tracklet.number, files),
    }


def _people(gallery: Gallery, tracklets: Sequence[Tracklet]) -> dict[int, Named]:
    return gallery.identity_names({each.identity for each in tracklets if each.identity is not None})


def tracklet_answers(gallery: Gallery, tracklets: Sequence[Tracklet]) -> list[TrackletAnswer]:
    """Tracklets, as they are answered."""
    files = gallery.crop_files([each.number for each in tracklets])
    people = _people(gallery, tracklets)
    return [
        TrackletAnswer.model_validate(tracklet_fields(each, files.get(each.number, []), people)) for each in tracklets
    ]


def hit_answers(gallery: Gallery, hits: Sequence[Hit]) -> list[HitAnswer]:
    """Hits, as they are answered."""
    tracklets = [hit.tracklet for hit in hits]
    files = gallery.crop_files([each.number for each in tracklets])
    people = _people(gallery, tracklets)
    return [
        HitAnswer.model_validate(
            {
                **tracklet_fields(hit.tracklet, files.get(hit.tracklet.number, []), people),
                "rank": rank,
                "score": hit.score,
                "probability": hit.probability,
            }
        )
        for rank, hit in enumerate(hits, start=1)
    ]


def identity_fields(identity: Identity, files: Mapping[int, Sequence[CropFile]]) -> dict[str, object]:
    """The fields of an `IdentityAnswer`."""
    pictured = [number for number in identity.tracklets if files.get(number)]
    best = max(pictured, key=lambda number: max(each.size for each in files[number])) if pictured else None
    return {
        "identity": identity.number,
        "name": identity.name,
        "notes": identity.notes,
        "confirmed": identity.confirmed,
        "tracklets": list(identity.tracklets),
        "cameras": list(identity.cameras),
        "picture": None if best is None else picture_of(best, files[best]),
    }
