"""Whether the service lives, whether it can answer searches, and its counts."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse

from passerby.gallery.jobs import STATES
from passerby.serve.api.access import Viewer, service_of
from passerby.serve.api.answers import Answer

router = APIRouter(tags=["health"])


class HealthAnswer(Answer):
    """Whether all is well."""

    ok: bool
    """Whether it is."""
    reason: str | None = None
    """Why not."""


@router.get("/healthz", summary="Live")
async def live() -> HealthAnswer:
    """The process answers."""
    return HealthAnswer(ok=True)


@router.get("/readyz", summary="Ready", response_model=HealthAnswer, responses={503: {"model": HealthAnswer}})
async def ready(request: Request) -> JSONResponse:
    """The gallery can be read, and the model that searches pictures is loaded; 503 otherwise."""
    service = service_of(request)
    reason = await service.run(service.unready)
    answer = HealthAnswer(ok=reason is None, reason=None if reason is None else "see the service's own messages")
    return JSONResponse(answer.model_dump(), 200 if reason is None else 503)


@router.get("/metrics", summary="Counts", response_class=PlainTextResponse)
async def metrics(caller: Viewer) -> PlainTextResponse:
    """Counts and times in the text form of Prometheus, with a key."""
    counts = await caller.service.run(caller.gallery.counts)
    gauges = {
        "passerby_tracklets": ("Tracklets in the gallery.", float(counts.tracklets)),
        "passerby_identities": ("Identities in the gallery.", float(counts.identities)),
    }
    known = await caller.service.run(caller.gallery.jobs)
    jobs = {str(state): sum(job.state == state for job in known) for state in STATES}
    text = caller.service.metrics.text(gauges, jobs)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
