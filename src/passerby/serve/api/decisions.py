"""Doubtful joins with both sides' evidence, and what people say to them."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from passerby.gallery.identities.doubts import Doubt
from passerby.gallery.records import ModelKey, Tracklet
from passerby.serve.api.access import Reviewer, Viewer
from passerby.serve.api.answers import Answer, Asked, GivenNumber, TrackletAnswer, tracklet_answers
from passerby.serve.security.callers import Caller

router = APIRouter(prefix="/v1", tags=["decisions"])

_EVIDENCE = 6


class SideAnswer(Answer):
    """One side of a join."""

    identity: int | None
    """Whose it is now; null where it has no identity."""
    total: int
    """How many tracklets it has."""
    tracklets: list[TrackletAnswer]
    """Some of them: the one that is asked about first, then others spread over time."""


class DoubtAnswer(Answer):
    """A join that the gallery is not certain of."""

    first: int = Field(examples=[15])
    """The tracklet that is asked about, of one side."""
    second: int = Field(examples=[88])
    """Of the other side."""
    joined: bool
    """Whether both are one identity now."""
    likeness: float
    """Mean cosine between the sides, which decides."""
    score: float
    """Cosine of the two tracklets."""
    probability: float | None
    """That the two show the same person, if that was as likely as not before looking; null where not known."""
    sides: list[SideAnswer] = Field(min_length=2, max_length=2)
    """Both, that of `first` first."""


class DecisionAsked(Asked):
    """What somebody says of two tracklets."""

    first: GivenNumber = Field(examples=[15])
    """A tracklet."""
    second: GivenNumber = Field(examples=[88])
    """Another one."""
    same: bool
    """Whether they are one person."""


class DecisionAnswer(Answer):
    """What became of it."""

    change: int
    """Its number in the history, by which `POST /v1/undo` takes it back."""
    moved: int
    """How many tracklets have another identity now."""
    identities: list[int | None] = Field(examples=[[7, 31]])
    """Of `first` and `second` now."""


class KeptDecision(Answer):
    """What was said of two tracklets."""

    first: int
    """The lower number."""
    second: int
    """The other one."""
    same: bool
    """Whether they are one person."""


@router.get("/decisions", summary="List doubtful joins")
async def list_doubts(caller: Reviewer, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> list[DoubtAnswer]:
    """Joins, the least certain first; not those that were decided, or cannot be one person."""

    def work() -> list[DoubtAnswer]:
        found = caller.gallery.doubts(limit, model=_model(caller))
        caller.gallery.note_view(doubts=len(found), reason=caller.reason)
        return _answers(caller, found)

    return await caller.service.run(work)


@router.post("/decisions", summary="Decide")
async def decide(asked: DecisionAsked, caller: Reviewer) -> DecisionAnswer:
    """Say whether two tracklets are one person; it takes effect at once, and can be undone."""

    def work() -> DecisionAnswer:
        gallery = caller.gallery
        model = _model(caller)
        settled = gallery.settle(asked.first, asked.second, same=asked.same, model=model, reason=caller.reason)
        owners = [each.identity for each in gallery.get([asked.first, asked.second])]
        return DecisionAnswer(change=settled.change, moved=settled.moved, identities=owners)

    return await caller.service.run(work)


@router.get("/decisions/made", summary="List decisions")
async def list_decisions(caller: Viewer) -> list[KeptDecision]:
    """What was said of pairs of tracklets so far."""
    kept = await caller.service.run(caller.gallery.decisions)
    return [KeptDecision.model_validate(each._asdict()) for each in kept]


def _model(caller: Caller) -> ModelKey:
    """By whose features joins are measured."""
    return caller.service.searcher.searched(caller.gallery)


def _answers(caller: Caller, found: list[Doubt]) -> list[DoubtAnswer]:
    shown = [(_spread(doubt.first, doubt.sides[0]), _spread(doubt.second, doubt.sides[1])) for doubt in found]
    numbers = sorted({number for pair in shown for side in pair for number in side})
    tracklets: list[Tracklet] = caller.gallery.get(numbers)
    answers = {each.tracklet: each for each in tracklet_answers(caller.gallery, tracklets)}
    caller.service.shown.add(caller.actor, *numbers)
    calibration = caller.gallery.calibration(_model(caller)) if found else None
    return [
        DoubtAnswer(
            first=doubt.first,
            second=doubt.second,
            joined=doubt.joined,
            likeness=doubt.likeness,
            score=doubt.score,
            probability=calibration.probability(doubt.score) if calibration else None,
            sides=[
                SideAnswer(identity=owner, total=len(side), tracklets=[answers[number] for number in some])
                for owner, side, some in zip(doubt.identities, doubt.sides, pair, strict=True)
            ],
        )
        for doubt, pair in zip(found, shown, strict=True)
    ]


def _spread(asked: int, side: tuple[int, ...]) -> list[int]:
    """The tracklet that is asked about, and a few others of its side."""
    others = [number for number in side if number != asked]
    step = max(1, len(others) / (_EVIDENCE - 1))
    places = sorted({int(place * step) for place in range(min(_EVIDENCE - 1, len(others)))})
    return [asked, *(others[place] for place in places)]
