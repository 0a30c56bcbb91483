"""What a search is asked, and how it is carried out: every person of every picture, and why an input is refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from PIL import Image
from pydantic import AfterValidator, Field

from passerby.errors import CheckpointError, DataError, PasserbyError, StoreError
from passerby.gallery.search import Filters
from passerby.progress import log_line
from passerby.serve.api.answers import Answer, Asked, GivenNumber, HitAnswer, hit_answers
from passerby.serve.security.callers import Caller
from passerby.serve.security.pictures import read_picture
from passerby.workflows.indexing.searcher import Query


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone, such as 2026-05-01T08:00:00+02:00")
    return moment


Moment = Annotated[datetime, AfterValidator(_with_zone)]


class SearchAsked(Asked):
    """Whom to look for, and where."""

    text: str | None = Field(default=None, max_length=1000, examples=["a man in a red coat"])
    """A sentence about the person, for models that understand them."""
    tracklet: GivenNumber | None = Field(default=None, examples=[17])
    """A tracklet of the gallery: who else is like that?"""
    count: int = Field(default=20, ge=1, le=500)
    """Hits at most, of each person looked for."""
    cameras: list[str] | None = Field(default=None, max_length=1000, examples=[["gate"]])
    """Only of these."""
    since: Moment | None = None
    """Filmed then or later."""
    until: Moment | None = None
    """Filmed then or earlier."""
    min_height: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Pixels of the person, at least."""
    min_visible: float = Field(default=0.0, ge=0, le=1)
    """Share of the person that nobody hides, at least."""
    by_identity: bool = False
    """Of each identity only its best tracklet."""
    false_match_rate: float | None = Field(default=None, gt=0, le=0.5)
    """Leave out who is less alike than all but this share of different people."""
    reason: str | None = Field(default=None, max_length=500)
    """Why, for the log; as the header X-Reason."""

    def filters(self) -> Filters:
        """Which tracklets count."""
        return Filters(self.cameras or None, self.since, self.until, self.min_height, self.min_visible)


class Upload(NamedTuple):
    """A file that came with a search."""

    kind: Literal["picture", "crop"]
    name: str
    content: bytes


class QueryAnswer(Answer):
    """One person who was looked for, and who is like that."""

    input: str = Field(examples=["street.jpg"])
    """What showed the person."""
    kind: Literal["picture", "crop", "text", "tracklet"]
    """A whole photograph, crops of one person, a sentence, or a tracklet."""
    person: int | None = Field(examples=[1])
    """Of a photograph which one, from left to right; null otherwise."""
    box: list[float] | None = Field(examples=[[120.0, 40.5, 210.0, 330.0]])
    """Left, top, right, bottom in pixels of the upright photograph; null otherwise."""
    detection: float | None
    """How sure the detector is of the person, between 0 and 1; null otherwise."""
    size: list[int] | None
    """Width and height of the upright photograph in pixels; null otherwise."""
    recall: float | None
    """Share of the ten most alike that an index of features finds; null where every tracklet was compared."""
    hits: list[HitAnswer]
    """Best first."""


class RefusedInput(Answer):
    """What could not be used."""

    input: str = Field(examples=["page.svg"])
    """Which."""
    reason: str = Field(examples=["image page.svg cannot be read: it is empty, damaged, or of no known format"])
    """Why."""
    cause: Literal["no_detector", "nobody_found"] | None = None
    """For programs that have words of their own: people in photographs cannot be found here, or in this one nobody was;
    null for everything else."""


class _NotInPhotographError(DataError):
    """Nobody to look for was cut out of a photograph, which may be searched whole."""

    def __init__(self, message: str, cause: Literal["no_detector", "nobody_found"]) -> None:
        super().__init__(message)
        self.cause = cause


class SearchAnswer(Answer):
    """Everybody who was looked for."""

    queries: list[QueryAnswer]
    """One for each person of each photograph, and one for crops, a sentence or a tracklet."""
    refused: list[RefusedInput]
    """Inputs that could not be used, and why."""


class _Sought(NamedTuple):
    """A query, and the fields of its answer."""

    query: Query
    fields: dict[str, object]


def search(caller: Caller, asked: SearchAsked, uploads: Sequence[Upload]) -> SearchAnswer:
    """Look for everybody who is asked for; inputs that cannot be used are listed with their reasons."""
    if asked.reason is not None:
        caller = caller._replace(reason=asked.reason)
    refused: list[RefusedInput] = []
    sought = _of_uploads(caller, uploads, refused)
    if asked.text is not None:
        sought.append(_sought(Query(text=asked.text), asked.text, "text"))
    if asked.tracklet is not None:
        sought.append(_sought(Query(tracklet=asked.tracklet), str(asked.tracklet), "tracklet"))
    queries: list[QueryAnswer] = []
    for each in sought:
        try:
            queries.append(_answer(caller, asked, each))
        except StoreError:
            raise
        except PasserbyError as error:
            refused.append(RefusedInput(input=str(each.fields["input"]), reason=str(error)))
    return SearchAnswer(queries=queries, refused=refused)


def _of_uploads(caller: Caller, uploads: Sequence[Upload], refused: list[RefusedInput]) -> list[_Sought]:
    """Everybody in the photographs, and the one person of the crops."""
    sought: list[_Sought] = []
    crops: list[Image.Image] = []
    names: list[str] = []
    for upload in uploads:
        try:
            picture = read_picture(upload.content, upload.name, caller.service.settings)
            if upload.kind == "picture":
                sought += _people(caller, picture, upload.name)
            else:
                crops.append(picture)
                names.append(upload.name)
        except _NotInPhotographError as error:
            refused.append(RefusedInput(input=upload.name, reason=str(error), cause=error.cause))
        except PasserbyError as error:
            refused.append(RefusedInput(input=upload.name, reason=str(error)))
    if crops:
        sought.append(_sought(Query(pictures=crops), ", ".join(names), "crop"))
    return sought


def _people(caller: Caller, photo: Image.Image, name: str) -> list[_Sought]:
    try:
        finder = caller.service.finder()
    except CheckpointError as error:
        log_line(f"people in photographs cannot be found: {error}", show=True)
        raise _NotInPhotographError(
            f"{name}: a whole photograph cannot be searched here, for the detector of people is missing: send "
            "a picture of one person and little else as `crop`; whoever runs the service finds the reason in its "
            "messages",
            "no_detector",
        ) from error
    people = finder.find(photo)
    if not people:
        raise _NotInPhotographError(
            f"{name}: nobody was found: cut the person out and send that as `crop`", "nobody_found"
        )
    most = caller.service.settings.people
    if len(people) > most:
        raise DataError(f"{name}: shows {len(people)} people, and at most {most} are looked for: send a part of it")
    return [
        _sought(
            Query(pictures=[each.picture]),
            name,
            "picture",
            person=each.number,
            box=list(each.box),
            detection=each.score,
            size=list(photo.size),
        )
        for each in people
    ]


def _sought(query: Query, name: str, kind: str, **more: object) -> _Sought:
    nothing: dict[str, object] = {"person": None, "box": None, "detection": None, "size": None}
    return _Sought(query, {"input": name, "kind": kind, **nothing, **more})


def _answer(caller: Caller, asked: SearchAsked, sought: _Sought) -> QueryAnswer:
    hits = caller.service.searcher.search(
        caller.gallery,
        sought.query,
        filters=asked.filters(),
        count=asked.count,
        by_identity=asked.by_identity,
        false_match_rate=asked.false_match_rate,
        reason=caller.reason,
    )
    caller.service.shown.add(caller.actor, *(hit.tracklet.number for hit in hits))
    return QueryAnswer.model_validate(
        {**sought.fields, "recall": hits.recall, "hits": hit_answers(caller.gallery, hits)}
    )
