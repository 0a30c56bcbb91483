"""The door: what every request must keep to before a route sees it, and what every answer is sent with."""

import asyncio
import ipaddress
import time
import traceback
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from passerby.serve.errors import RefusedError
from passerby.serve.state.service import Service

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
"""What every answer is sent with."""

HEAD_BYTES = 16_384
"""Bytes that the head of a request may have."""

_JSON_BYTES = 1_000_000
_LONGEST_PATH = 2_000
_VIDEOS = "/v1/videos"
_SEARCH = "/v1/search"


class Guard:
    """Lets through what keeps to the rules.

    Args:
        app: the routes.
        service: whose settings and counts are used.
        local: whether the service listens on this computer alone.
    """

    def __init__(self, app: ASGIApp, service: Service, *, local: bool) -> None:
        self.app, self.service, self.local = app, service, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(self.service, scope, receive, send)
        metrics = self.service.metrics
        metrics.in_progress += 1
        begun = time.perf_counter()
        try:
            check_head(scope, exchange.largest, local=self.local)
            await self.app(scope, exchange.receive, exchange.send)
        except RefusedError as error:
            exchange.refusal = error
        except Exception:  # a fault of ours: whoever runs the service sees it, whoever asked only that there is one
            traceback.print_exc()
            exchange.refusal = RefusedError(500, "the service failed: whoever runs it finds the reason in its messages")
        finally:
            metrics.in_progress -= 1
            if exchange.refusal is not None:
                metrics.refused(str(exchange.refusal.status))
                await exchange.refuse()
            route = getattr(scope.get("route"), "path", None) or "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.answered(method, route, exchange.status, time.perf_counter() - begun)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Exchange:
    """One request and its answer, watched."""

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._pause = service.settings.seconds_between_bytes
        self.largest = _largest_body(scope["path"], service)
        self.refusal: RefusedError | None = None
        self.status = 500
        self._received, self._started, self._whole = 0, False, False

    async def receive(self) -> Message:
        """The next part of the request, if it comes in time and is not too much."""
        if self._whole:
            return await self._receive()  # waits until the client goes, which may take as long as it likes
        try:
            message = await asyncio.wait_for(self._receive(), self._pause)
        except TimeoutError:
            self.refusal = RefusedError(408, "the request came too slowly: send it again")
            raise self.refusal from None
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._received > self.largest:
                self.refusal = _too_large(self.largest)
                raise self.refusal
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that every answer has."""
        if self.refusal is not None and not self._started:
            return  # what a route makes of a refusal is not what is answered
        if message["type"] == "http.response.start":
            self._started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def refuse(self) -> None:
        """Answer with the refusal, where nothing was answered yet, and hang up."""
        refusal, self.refusal = self.refusal, None
        if refusal is not None and not self._started:
            headers = {"Connection": "close", **refusal.headers}
            answer = JSONResponse({"error": refusal.message}, refusal.status, headers)
            await answer(self._scope, self._receive, self.send)


def check_head(scope: Scope, largest: int, *, local: bool) -> None:
    """See that the head of a request keeps to the rules.

    Args:
        scope: of the request.
        largest: bytes that its body may have.
        local: whether the service listens on this computer alone.

    Raises:
        RefusedError: it does not.
    """
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
        raise RefusedError(431, f"the headers are too large: send at most {HEAD_BYTES:,} bytes")
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1:
        raise RefusedError(400, "a request names one host")
    if local and not is_loopback(_name_of(hosts[0])):  # any other name is a trick of a site (DNS rebinding)
        raise RefusedError(421, "this service answers on this computer only: ask http://localhost or http://127.0.0.1")
    if len(scope.get("raw_path") or b"") > _LONGEST_PATH:
        raise RefusedError(414, "the address is too long")
    length = headers.get("content-length")
    if length is not None and (not length.isdecimal() or int(length) > largest):
        raise _too_large(largest)


def _name_of(host: str) -> str:
    """The host without its port, and without the brackets of an IPv6 address."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.removeprefix("[").removesuffix("]").lower()


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this computer alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _largest_body(path: str, service: Service) -> int:
    if path == _VIDEOS:
        return service.settings.video_bytes
    return service.settings.picture_bytes if path == _SEARCH else _JSON_BYTES


def _too_large(largest: int) -> RefusedError:
    return RefusedError(413, f"the request is too large: send at most {largest:,} bytes")


def answer_of(error: RefusedError) -> Any:
    """A refusal as an answer."""
    return JSONResponse({"error": error.message}, error.status, error.headers)
