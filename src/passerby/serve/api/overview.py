"""What a gallery holds: cameras, models, the log, legal holds."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from passerby.gallery.audit import Entry
from passerby.gallery.times import moment
from passerby.serve.api.access import Admin, Number, Reviewer, Viewer
from passerby.serve.api.answers import Answer, Asked, GivenNumber
from passerby.serve.api.searching import Moment

router = APIRouter(prefix="/v1", tags=["gallery"])


class GalleryAnswer(Answer):
    """What there is."""

    tracklets: int
    """How many."""
    identities: int
    """How many people they are, as far as that is known."""
    unknown: int
    """Tracklets that belong to nobody."""
    cameras: dict[str, int] = Field(examples=[{"gate": 120, "yard": 87}])
    """How many tracklets each camera has."""
    asks_for_reasons: bool
    """Whether searches, views and erasures need a reason."""


class ModelAnswer(Answer):
    """A model whose features the gallery has."""

    name: str = Field(examples=["tiny-clip"])
    """As it was named."""
    dim: int
    """Length of a feature."""
    fingerprint: str
    """SHA-256 of weights and transform."""
    searched: bool
    """Whether the service searches with it."""


class EntryAnswer(Answer):
    """An entry of the log."""

    number: int
    """Its place, from 1."""
    happened: datetime
    """When."""
    actor: str
    """Who did it."""
    action: str = Field(examples=["search"])
    """What was done."""
    reason: str
    """Why, in the actor's words."""
    detail: dict[str, Any] = Field(examples=[{"found": 20}])
    """Numbers that describe it."""
    previous: str
    """SHA-256 of the entry before."""
    hash: str
    """SHA-256 of this one."""


class HoldAsked(Asked):
    """Who must not be erased."""

    identity: GivenNumber | None = None
    """An identity."""
    tracklet: GivenNumber | None = None
    """Or a tracklet."""
    reason: str = Field(min_length=1, max_length=500, examples=["case 12"])
    """Why; needed."""
    until: Moment | None = None
    """When it ends; null: when it is released."""


class HoldAnswer(Answer):
    """A legal hold."""

    number: int
    """Names it."""
    identity: int | None
    """What is held."""
    tracklet: int | None
    """Or this."""
    reason: str
    """Why."""
    until: datetime | None
    """When it ends; null: when it is released."""


@router.get("/gallery", summary="Tell what the gallery holds")
async def show_gallery(caller: Viewer) -> GalleryAnswer:
    """Counts, cameras, and whether a reason is needed."""

    def work() -> GalleryAnswer:
        gallery = caller.gallery
        counts = gallery.counts()
        return GalleryAnswer(
            tracklets=counts.tracklets,
            identities=counts.identities,
            unknown=counts.unknown,
            cameras=gallery.cameras(),
            asks_for_reasons=gallery.asks_for_reasons(),
        )

    return await caller.service.run(work)


@router.get("/models", summary="List models")
async def list_models(caller: Viewer) -> list[ModelAnswer]:
    """The models whose features the gallery has, and which of them is searched with."""

    def work() -> list[ModelAnswer]:
        known = caller.gallery.models()
        searched = caller.service.searcher.searched(caller.gallery).fingerprint if known else None
        return [
            ModelAnswer(
                name=each.name, dim=each.dim, fingerprint=each.fingerprint, searched=each.fingerprint == searched
            )
            for each in known
        ]

    return await caller.service.run(work)


@router.get("/audit", summary="Read the log")
async def read_audit(
    caller: Admin,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Only entries after this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    newest: Annotated[bool, Query(description="The newest so many instead of the first.")] = False,
) -> list[EntryAnswer]:
    """What was done with the gallery, oldest first: who, what, why. Each entry holds the hash of the one before."""
    entries = await caller.service.run(caller.gallery.log, after, limit=limit, newest=newest)
    return [_entry(each) for each in entries]


@router.get("/holds", summary="List legal holds")
async def list_holds(caller: Viewer) -> list[HoldAnswer]:
    """All legal holds, oldest first; those that have ended too."""
    return [HoldAnswer.model_validate(each._asdict()) for each in await caller.service.run(caller.gallery.holds)]


@router.post("/holds", summary="Hold somebody", status_code=201)
async def hold(asked: HoldAsked, caller: Reviewer) -> HoldAnswer:
    """Keep an identity or a tracklet from being erased."""

    def work() -> HoldAnswer:
        number = caller.gallery.hold(**asked.model_dump())
        return HoldAnswer(number=number, **asked.model_dump())

    return await caller.service.run(work)


@router.delete("/holds/{hold}", summary="Release a hold", status_code=204)
async def release(hold: Number, caller: Admin) -> None:
    """End a legal hold."""
    await caller.service.run(caller.gallery.release, hold, reason=caller.reason)


def _entry(entry: Entry) -> EntryAnswer:
    return EntryAnswer.model_validate(
        {**entry._asdict(), "happened": moment(entry.happened), "detail": dict(entry.detail)}
    )
