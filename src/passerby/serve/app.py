"""The application: routes behind the guard, and errors in one line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from passerby.errors import NotInGalleryError, PasserbyError, StoreError, SupersededError
from passerby.printable import printable_line
from passerby.serve.api import decisions, documentation, health, jobs, overview, people, search, session, tracklets
from passerby.serve.api.complaints import complaint
from passerby.serve.errors import RefusedError
from passerby.serve.jobs.runner import JobRunner
from passerby.serve.page import routes as page
from passerby.serve.security.guard import Guard, answer_of
from passerby.serve.state.loading import load_model
from passerby.serve.state.retention import retain_daily
from passerby.serve.state.service import Service
from passerby.version import __version__

_ABOUT = (
    "Search a gallery of people in videos, say who is who, and erase. Send a key as `Authorization: Bearer KEY`; "
    "`passerby gallery key add` makes one. Why one asks is sent as the header `X-Reason`, percent-encoded, and stands "
    "in the gallery's log."
)
_STATUS: dict[type[PasserbyError], int] = {NotInGalleryError: 404, SupersededError: 409, StoreError: 503}
"""Of errors that are not the asker's mistake."""

_ROUTERS = (search, tracklets, people, decisions, jobs, overview, session, health, documentation, page)


def create_app(service: Service, *, local: bool = True) -> FastAPI:
    """The application of a service, which it closes in the end.

    Args:
        service: that answers.
        local: whether it can be reached from this computer alone. Where it is not, nobody comes in without a key, and
            any name of the host is answered.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        runner = None if service.folder is None else JobRunner(service, service.folder)
        tasks = [asyncio.create_task(retain_daily(service)), asyncio.create_task(load_model(service))]
        if runner is not None:
            tasks.append(asyncio.create_task(runner.run()))
        app.state.runner = runner
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        service.close()

    app = FastAPI(
        title="passerby",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service, app.state.local = service, local
    for each in _ROUTERS:
        app.include_router(each.router)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Guard, service=service, local=local)
    documentation.describe(app)
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    answer: Response = answer_of(error)
    return answer


async def _wrong(_: Request, error: Exception) -> Response:
    """What a gallery or a model says no to."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)
    headers = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse({"error": printable_line(" ".join(str(error).split()))}, status, headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"error": complaint(error.errors())}, 422)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


_HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
    RefusedError: _refused,
    PasserbyError: _wrong,
    RequestValidationError: _invalid,
    HTTPException: _http,
}
