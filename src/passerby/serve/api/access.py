"""Which role a route needs."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path, Request

from passerby.gallery.access.keys import Role
from passerby.serve.errors import RefusedError
from passerby.serve.security.callers import Asked, Caller, caller_of
from passerby.serve.state.rates import Kind
from passerby.serve.state.service import Service

_LARGEST = 2**63 - 1

Number = Annotated[int, Path(ge=1, le=_LARGEST)]
"""A number of a tracklet, an identity or another thing of the gallery, in a path."""


def service_of(request: Request) -> Service:
    """The service that is asked."""
    service: Service = request.app.state.service
    return service


def asked_of(request: Request) -> Asked:
    """What a request says of who asks."""
    return Asked(
        request.method,
        request.headers,
        request.cookies,
        request.client.host if request.client else "",
        request.query_params.get("reason"),
        request.app.state.local,
    )


def check_rate(service: Service, kind: Kind, who: str) -> None:
    """See that somebody does not ask too often.

    Raises:
        RefusedError: they do.
    """
    if wait := service.rates.take(kind, who):
        service.metrics.refused("rate")
        raise RefusedError(429, "too many requests: ask less often", {"Retry-After": str(int(wait) + 1)})


def _allow(role: Role, kind: Kind = "request") -> Callable[[Request], Awaitable[Caller]]:
    async def caller(request: Request) -> Caller:
        service = service_of(request)
        asked = asked_of(request)
        try:
            found = await service.run(caller_of, service, asked)
        except RefusedError:
            check_rate(service, "request", f"address {asked.address}")
            raise
        check_rate(service, kind, found.actor)
        if not found.may(role):
            raise RefusedError(403, f"this needs a key of the role {role}; yours is {found.role}")
        return found

    return caller


Viewer = Annotated[Caller, Depends(_allow("viewer"))]
PictureViewer = Annotated[Caller, Depends(_allow("viewer", "picture"))]
Reviewer = Annotated[Caller, Depends(_allow("reviewer"))]
Admin = Annotated[Caller, Depends(_allow("admin"))]
