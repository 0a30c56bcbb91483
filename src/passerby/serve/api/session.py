"""Sign in and out with the page."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from passerby.gallery.access.keys import Role
from passerby.serve.api.access import asked_of, check_rate, service_of
from passerby.serve.api.answers import Answer, Asked
from passerby.serve.errors import RefusedError
from passerby.serve.security.callers import caller_of, check_key, check_own_page
from passerby.serve.state.sessions import COOKIE

router = APIRouter(prefix="/v1", tags=["session"])


class SignInAsked(Asked):
    """A key."""

    key: str = Field(min_length=1, max_length=200)
    """As `passerby gallery key add` printed it."""
    reason: str = Field(default="", max_length=500)
    """Why one works with the gallery, for the log, where requests do not say it themselves."""


class SessionAnswer(Answer):
    """Who asks."""

    signed_in: bool
    """Whether the service knows who asks."""
    actor: str | None = Field(default=None, examples=["anna"])
    """As the log calls them."""
    role: Role | None = None
    """viewer, reviewer or admin."""
    open: bool = False
    """Whether the gallery has no keys, so that everybody at this computer may do everything."""
    reason: str = ""
    """For the log, where requests do not say it themselves."""
    asks_for_reasons: bool = False
    """Whether the gallery needs one for searches, views and erasures."""


@router.post("/session", summary="Sign in")
async def sign_in(asked: SignInAsked, request: Request, response: Response) -> SessionAnswer:
    """Exchange a key for a cookie, which scripts cannot read and other sites cannot use."""
    service, who = service_of(request), asked_of(request)
    check_rate(service, "request", f"address {who.address}")
    check_own_page(who, header=False)

    def work() -> SessionAnswer:
        key = check_key(service, asked.key, who.address)
        service.gallery.acting_as(key.name).note_sign_in(who.address, known=True)
        token = service.sessions.begin(key, asked.reason)
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(service.sessions.seconds),
            httponly=True,
            samesite="strict",
            secure=service.settings.secure_cookie or request.url.scheme == "https",
            path="/",
        )
        return SessionAnswer(
            signed_in=True,
            actor=key.name,
            role=key.role,
            reason=asked.reason,
            asks_for_reasons=service.gallery.asks_for_reasons(),
        )

    return await service.run(work)


@router.get("/session", summary="Tell who asks")
async def show_session(request: Request) -> SessionAnswer:
    """Who the service takes the caller for; for nobody, where it knows them not."""
    service, who = service_of(request), asked_of(request)
    check_rate(service, "request", f"address {who.address}")

    def work() -> SessionAnswer:
        try:
            caller = caller_of(service, who)
        except RefusedError as error:
            if error.status != 401:
                raise
            return SessionAnswer(signed_in=False)
        return SessionAnswer(
            signed_in=True,
            actor=caller.actor,
            role=caller.role,
            open=caller.how == "open",
            reason=caller.reason,
            asks_for_reasons=service.gallery.asks_for_reasons(),
        )

    return await service.run(work)


@router.delete("/session", summary="Sign out", status_code=204)
async def sign_out(request: Request, response: Response) -> None:
    """End the session of the cookie."""
    check_own_page(asked_of(request), header=True)
    token = request.cookies.get(COOKIE)
    if token:
        service_of(request).sessions.end(token)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
