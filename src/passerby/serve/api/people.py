"""Identities: list, show, name, merge, split, hold, erase, and take back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from passerby.gallery.gallery import Gallery
from passerby.gallery.identities.listing import Listed, Order
from passerby.gallery.identities.people import Identity
from passerby.serve.api.access import Admin, Number, Reviewer, Viewer
from passerby.serve.api.answers import (
    Answer,
    Asked,
    GivenNumber,
    IdentityAnswer,
    WholeIdentityAnswer,
    identity_fields,
    tracklet_answers,
)
from passerby.serve.security.callers import Caller

router = APIRouter(prefix="/v1", tags=["identities"])

_PICTURED = 12


class IdentityList(Answer):
    """Some of the identities."""

    identities: list[IdentityAnswer]
    """Those of this page."""
    total: int
    """How many there are with these filters."""


class NameAsked(Asked):
    """How an identity is called."""

    name: str | None = Field(default=None, max_length=200, examples=["Anna"])
    """The name; an empty text removes it, null leaves it."""
    notes: str | None = Field(default=None, max_length=10_000)
    """Likewise."""
    confirm: bool = True
    """False takes a confirmation back."""


class MergeAsked(Asked):
    """Identities that are one person."""

    into: GivenNumber = Field(examples=[7])
    """Keeps its number and name."""
    others: list[GivenNumber] = Field(min_length=1, examples=[[12]])
    """Go into it."""


class SplitAsked(Asked):
    """Tracklets that are somebody else."""

    tracklets: list[GivenNumber] = Field(min_length=1, examples=[[103, 104]])
    """Their numbers."""


class SplitAnswer(Answer):
    """Both halves of a split."""

    identity: IdentityAnswer
    """What remained."""
    new: IdentityAnswer
    """Whoever left it."""


class ChangeAnswer(Answer):
    """A change of identities."""

    change: int
    """Its number; grows with time."""
    happened: datetime
    """When."""
    kind: str = Field(examples=["merge"])
    """identify, merge, split, name, decide or import."""
    actor: str
    """Who made it."""
    undone: bool
    """Whether it was taken back."""
    moved: int
    """How many tracklets it gave another identity."""


class UndoAsked(Asked):
    """What to take back."""

    change: GivenNumber | None = Field(default=None, examples=[12])
    """Its number; null for the newest."""


class PreviewAnswer(Answer):
    """What an erasure would take away."""

    tracklets: int
    """How many."""
    crops: int
    """Their pictures."""
    features: int
    """Their features."""
    cameras: list[str]
    """That filmed them."""
    names: list[str]
    """Of identities that would go with them."""
    held: list[int]
    """Tracklets under a legal hold: nothing can be erased until they are released."""
    files: list[str]
    """Pages, pictures and tables that this gallery knows to show them; videos, folders of `passerby track`, and copies
    that somebody made elsewhere are not touched."""


class ReceiptAnswer(Answer):
    """That something was erased, without saying who it was."""

    erased: str = Field(examples=["2026-12-01T12:00:00+00:00"])
    """When."""
    actor: str
    """Who erased."""
    reason: str
    """Why."""
    tracklets: int
    """How many are gone."""
    crops: int
    """Pictures that are gone."""
    features: int
    """Features that are gone."""
    identities: int
    """Identities that are gone."""
    pieces_searched: int
    """Pieces of what was erased that were looked for in the files, and not found."""
    files_searched: int
    """Files that were searched."""
    bytes_searched: int
    """Their size."""
    pieces_hash: str
    """SHA-256 over all pieces; proves later what was erased to somebody who still has it."""
    files_removed: int
    """Pages and pictures written from the gallery that showed them, and were removed too."""
    files_left: list[str]
    """Files likewise that may still show them: look into them. Videos, folders of `passerby track`, and copies that
    somebody made elsewhere were not touched."""


@router.get("/identities", summary="List identities")
async def list_identities(
    caller: Viewer,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    order: Order = "tracklets",
    name: Annotated[str | None, Query(description="Only those whose name holds this, or whose number it is.")] = None,
    camera: Annotated[str | None, Query(description="Only those that this camera saw.")] = None,
    confirmed: Annotated[bool | None, Query(description="Only those that are, or are not.")] = None,
) -> IdentityList:
    """Identities, those with most tracklets first."""

    def work() -> IdentityList:
        listed = Listed(order, name, camera, confirmed)
        some, total = caller.gallery.identity_page(listed, offset=offset, limit=limit)
        caller.gallery.note_view(identities=len(some), reason=caller.reason)
        caller.service.shown.add(caller.actor, *_pictured(some))
        return IdentityList(identities=_identity_answers(caller, some), total=total)

    return await caller.service.run(work)


@router.get("/identities/{identity}", summary="Show an identity")
async def show_identity(identity: Number, caller: Viewer) -> WholeIdentityAnswer:
    """An identity with all its tracklets."""

    def work() -> WholeIdentityAnswer:
        caller.gallery.note_view(identity=identity, reason=caller.reason)
        return _whole(caller, caller.gallery.identity(identity))

    return await caller.service.run(work)


@router.patch("/identities/{identity}", summary="Name an identity")
async def name_identity(identity: Number, asked: NameAsked, caller: Reviewer) -> IdentityAnswer:
    """Name an identity, write notes, confirm it or take that back."""

    def work() -> IdentityAnswer:
        gallery = caller.gallery
        gallery.name(identity, asked.name, notes=asked.notes, confirm=asked.confirm, reason=caller.reason)
        return _identity_answers(caller, [gallery.identity(identity)])[0]

    return await caller.service.run(work)


@router.post("/identities/merge", summary="Merge identities")
async def merge_identities(asked: MergeAsked, caller: Reviewer) -> IdentityAnswer:
    """Make identities one, which is confirmed by that."""

    def work() -> IdentityAnswer:
        caller.gallery.merge(asked.into, *asked.others, reason=caller.reason)
        return _identity_answers(caller, [caller.gallery.identity(asked.into)])[0]

    return await caller.service.run(work)


@router.post("/identities/{identity}/split", summary="Split an identity")
async def split_identity(identity: Number, asked: SplitAsked, caller: Reviewer) -> SplitAnswer:
    """Take tracklets out of an identity, into a new one; both are confirmed by that."""

    def work() -> SplitAnswer:
        new = caller.gallery.split(identity, asked.tracklets, reason=caller.reason)
        both = [caller.gallery.identity(each) for each in (identity, new)]
        rest, left = _identity_answers(caller, both)
        return SplitAnswer(identity=rest, new=left)

    return await caller.service.run(work)


@router.get("/identities/{identity}/erasure", summary="Preview an erasure")
async def preview_identity_erasure(identity: Number, caller: Admin) -> PreviewAnswer:
    """What erasing an identity would take away; nothing is changed, and the log tells who looked."""

    def work() -> PreviewAnswer:
        caller.gallery.note_view(identity=identity, reason=caller.reason)
        tracklets = caller.gallery.identity(identity).tracklets
        return PreviewAnswer.model_validate(asdict(caller.gallery.preview_erasure(tracklets)))

    return await caller.service.run(work)


@router.delete("/identities/{identity}", summary="Erase an identity")
async def erase_identity(identity: Number, caller: Admin) -> ReceiptAnswer:
    """Erase an identity from every file of the gallery, and prove it."""
    return await caller.service.run(_erase, caller, identity)


def _erase(caller: Caller, identity: int) -> ReceiptAnswer:
    receipt = caller.gallery.erase(caller.gallery.identity(identity).tracklets, reason=caller.reason)
    return ReceiptAnswer.model_validate(asdict(receipt))


@router.post(
    "/undo", summary="Take a change back", responses={409: {"description": "A later change is about the same."}}
)
async def undo(caller: Reviewer, asked: UndoAsked | None = None) -> ChangeAnswer:
    """Take back the change that is meant, or, where none is named, the newest that is not undone, whoever made it.

    A change is named so that nobody else's is taken back. It is refused with 409 if it is undone already, or if a later
    one is about the same tracklets, identities or decision.
    """
    change = await caller.service.run(caller.gallery.undo, asked.change if asked else None, reason=caller.reason)
    return _change(change._asdict())


@router.get("/changes", summary="List changes")
async def list_changes(
    caller: Viewer, limit: Annotated[int, Query(ge=1, le=1000, description="The newest so many.")] = 50
) -> list[ChangeAnswer]:
    """Changes of identities, the newest first; those undone too."""
    changes = await caller.service.run(caller.gallery.history)
    return [_change(each._asdict()) for each in reversed(changes[-limit:])]


def _change(fields: dict[str, object]) -> ChangeAnswer:
    return ChangeAnswer.model_validate({"change": fields.pop("number"), **fields})


def _identity_answers(caller: Caller, identities: list[Identity]) -> list[IdentityAnswer]:
    files = caller.gallery.crop_files(_pictured(identities))
    return [IdentityAnswer.model_validate(identity_fields(each, files)) for each in identities]


def _pictured(identities: list[Identity]) -> list[int]:
    """Tracklets among which the picture of each identity is chosen."""
    return [number for each in identities for number in each.tracklets[:_PICTURED]]


def _whole(caller: Caller, identity: Identity) -> WholeIdentityAnswer:
    gallery: Gallery = caller.gallery
    tracklets = gallery.get(identity.tracklets)
    by_clock = all(each.taken_from is not None for each in tracklets)
    tracklets.sort(key=lambda each: (each.taken_from if by_clock else each.begins, each.number))
    caller.service.shown.add(caller.actor, *identity.tracklets)
    seen = tracklet_answers(gallery, tracklets)
    fields = identity_fields(identity, gallery.crop_files(identity.tracklets))
    holds = [each.number for each in gallery.holds() if each.identity == identity.number]
    return WholeIdentityAnswer.model_validate({**fields, "seen": seen, "holds": holds})
