"""Tracklets and their pictures."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from passerby.serve.api.access import Number, PictureViewer, Viewer
from passerby.serve.api.answers import TrackletAnswer, tracklet_answers

Place = Annotated[int, Path(ge=0, le=1_000_000)]

router = APIRouter(prefix="/v1", tags=["tracklets"])


@router.get("/tracklets/{tracklet}", summary="Show a tracklet")
async def show_tracklet(tracklet: Number, caller: Viewer) -> TrackletAnswer:
    """A tracklet; the log tells of it."""

    def work() -> TrackletAnswer:
        found = caller.gallery.get([tracklet])
        caller.gallery.note_view(tracklet=tracklet, reason=caller.reason)
        caller.service.shown.add(caller.actor, tracklet)
        return tracklet_answers(caller.gallery, found)[0]

    return await caller.service.run(work)


@router.get(
    "/tracklets/{tracklet}/crops/{place}",
    summary="Show a picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The picture."}},
)
async def show_crop(tracklet: Number, place: Place, caller: PictureViewer) -> Response:
    """A picture of a tracklet, by its place from 0.

    One of a list that the log tells of, such as the hits of a search, has no entry of its own.
    """

    def work() -> bytes:
        crop = caller.gallery.crop(tracklet, place)
        if not caller.service.shown.covers(caller.actor, tracklet):
            caller.gallery.note_view(tracklet=tracklet, reason=caller.reason)
            caller.service.shown.add(caller.actor, tracklet)
        return crop.jpeg

    return Response(await caller.service.run(work), media_type="image/jpeg")
