"""Videos to index, and how far that is."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from passerby.gallery.jobs import ENDED, Job, JobState
from passerby.serve.api.access import Admin, Number, Viewer, asked_of
from passerby.serve.api.answers import Answer
from passerby.serve.api.searching import Moment
from passerby.serve.errors import RefusedError
from passerby.serve.jobs.runner import JobRunner, check_can_index
from passerby.serve.jobs.uploads import checked_name, keep_upload, remove_upload
from passerby.serve.security.callers import Asked, Caller, caller_of
from passerby.serve.state.service import Service

router = APIRouter(prefix="/v1", tags=["videos"])

_DEFAULT_MODEL = "tiny-clip"
_SECONDS_BETWEEN = 0.5
_HEARTBEAT = 15.0
_BODY = {
    "requestBody": {
        "required": True,
        "description": "The video itself, not a form.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


Camera = Annotated[str | None, Query(max_length=100, pattern="^[^=]+$", description="Default: as the video.")]


class ProgressAnswer(Answer):
    """How far a job is."""

    phase: str | None = Field(default=None, examples=["gate"])
    """What it does: the video's name while it is looked at, then what follows."""
    done: int = 0
    """Units done."""
    total: int | None = None
    """Of how many; null where nobody knows."""
    unit: str | None = Field(default=None, examples=["frames"])
    """What is counted."""
    new: int | None = None
    """Of one that is done: tracklets that are new,"""
    known: int | None = None
    """that were there before,"""
    erased: int | None = None
    """that had been erased and were not added,"""
    tracklets: int | None = None
    """and that the gallery has now."""


class JobAnswer(Answer):
    """A video that is indexed in the background."""

    job: int = Field(examples=[3])
    """Its number."""
    state: JobState
    """queued, running, cancelling, done, failed or cancelled."""
    video: str = Field(examples=["gate.mp4"])
    """Its name."""
    camera: str | None
    """Which filmed it."""
    actor: str
    """Who sent it."""
    made: datetime
    """When it was sent."""
    changed: datetime
    """When something changed last."""
    progress: ProgressAnswer
    """How far it is."""
    message: str
    """Why it failed."""


@router.post("/videos", summary="Add a video", status_code=202, openapi_extra=_BODY)
async def add_video(
    request: Request,
    caller: Admin,
    name: Annotated[str, Query(description="Its file name, which names camera and tracklets.", examples=["gate.mp4"])],
    camera: Camera = None,
    start: Annotated[Moment | None, Query(description="When it began, with time zone.")] = None,
    fps: Annotated[float | None, Query(gt=0, le=1000, description="Frames a second to analyse; default: all.")] = None,
) -> JobAnswer:
    """Index a video in the background: find and follow the people in it, and add them to the gallery.

    The body is the video itself (`curl -T gate.mp4 -X POST`). It is kept until it is indexed.
    """
    service = caller.service
    folder = check_can_index(service)
    length = request.headers.get("content-length")
    try:
        file = await keep_upload(folder, checked_name(name), request.stream(), None if length is None else int(length))
    except ClientDisconnect:
        raise RefusedError(400, "the video broke off: send it again") from None
    except OSError as error:
        raise RefusedError(507, f"the video cannot be stored ({error.strerror}): nothing of it was kept") from error
    asked = {"video": name, "camera": camera, "start": start and start.isoformat(), "fps": fps}
    try:
        job = await service.run(_add, caller, file, asked)
    except Exception:
        remove_upload(folder, file)
        raise
    runner_of(request).wake()
    return _answer(job)


def _add(caller: Caller, file: Path, asked: dict[str, Any]) -> Job:
    service = caller.service
    known = caller.gallery.models()
    model = service.model or (known[-1].name if known else _DEFAULT_MODEL)
    chosen = {"file": str(file), "model": str(model), "detector": str(service.detector), "device": service.device}
    return caller.gallery.add_job({**asked, **chosen, "threads": None}, reason=caller.reason)


@router.get("/jobs", summary="List jobs")
async def list_jobs(caller: Viewer, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[JobAnswer]:
    """Videos that were sent, the newest first."""
    return [_answer(job) for job in await caller.service.run(caller.gallery.jobs, limit=limit)]


@router.get("/jobs/{job}", summary="Show a job")
async def show_job(job: Number, caller: Viewer) -> JobAnswer:
    """How far a video is."""
    return _answer(await caller.service.run(caller.gallery.job, job))


@router.delete("/jobs/{job}", summary="Cancel a job")
async def cancel_job(job: Number, request: Request, caller: Admin) -> JobAnswer:
    """End a job that has not ended; what it added to the gallery stays."""
    check_can_index(caller.service)
    return _answer(await runner_of(request).cancel(job, caller.actor))


@router.get(
    "/jobs/{job}/events",
    summary="Follow a job",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "An event `job` for every change."}},
)
async def follow_job(job: Number, caller: Viewer, request: Request) -> StreamingResponse:
    """Server-sent events: a `job` as `GET /v1/jobs/{job}` answers it, whenever it changes, until it has ended.

    It ends as well when the key is removed, or the session is over.
    """
    first = await caller.service.run(caller.gallery.job, job)
    return StreamingResponse(_events(caller.service, first, asked_of(request)), media_type="text/event-stream")


async def _events(service: Service, job: Job, asked: Asked) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    said, told = None, loop.time()
    while True:
        answer = _answer(job).model_dump(mode="json")
        if answer != said:
            said, told = answer, loop.time()
            yield f"event: job\ndata: {json.dumps(answer)}\n\n"
        elif loop.time() - told > _HEARTBEAT:
            told = loop.time()
            yield ": still here\n\n"
        if job.state in ENDED:
            return
        await asyncio.sleep(_SECONDS_BETWEEN)
        try:
            await service.run(caller_of, service, asked)
        except RefusedError:
            return
        job = await service.run(service.gallery.job, job.number)


def runner_of(request: Request) -> JobRunner:
    """Who carries out the jobs."""
    runner: JobRunner = request.app.state.runner
    return runner


def _answer(job: Job) -> JobAnswer:
    return JobAnswer(
        job=job.number,
        state=job.state,
        video=job.request["video"],
        camera=job.request["camera"],
        actor=job.actor,
        made=job.made,
        changed=job.changed,
        progress=ProgressAnswer.model_validate(dict(job.progress)),
        message=job.message,
    )
