"""Who asks: by a key, by the cookie of the page, or, on this computer alone, by sitting at it."""

import getpass
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import unquote

from passerby.gallery.access.keys import ROLES, AccessKey, Role
from passerby.gallery.gallery import Gallery
from passerby.serve.errors import RefusedError
from passerby.serve.state.service import Service
from passerby.serve.state.sessions import COOKIE, Session

PAGE_HEADER = "x-passerby"
"""A header that the page sends with what changes something: other sites cannot make a browser send it."""

UNKNOWN = "unknown"
"""How the log calls whoever tries a key that the gallery does not have."""

_LONGEST_KEY, _LONGEST_REASON = 200, 500
_BEARER = {"WWW-Authenticate": "Bearer"}
_SAFE = frozenset({"GET", "HEAD"})


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        service: that is asked.
        gallery: its gallery, used by the caller.
        actor: as the log calls them.
        role: what they may do.
        how: how that is known.
        reason: why they ask, for the log.
    """

    service: Service
    gallery: Gallery
    actor: str
    role: Role
    how: Literal["key", "cookie", "open"]
    reason: str

    def may(self, role: Role) -> bool:
        """Whether they may do what this role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Asked(NamedTuple):
    """What a request says of who asks.

    Attributes:
        method: of HTTP.
        headers: by lower-case name.
        cookies: by name.
        address: of the client.
        reason: from the query; None where it says none.
        local: whether the service listens on this computer alone.
    """

    method: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    address: str
    reason: str | None
    local: bool


def caller_of(service: Service, asked: Asked) -> Caller:
    """Who asks.

    Raises:
        RefusedError: nobody that the gallery knows, a request that another site made, or too many wrong keys.
    """
    key = given_key(asked.headers)
    if key is not None:
        found = check_key(service, key, asked.address)
        return _caller(service, asked, found.name, found.role, "key", "")
    if session := _session(service, asked):
        known = service.gallery.named_key(session.name)
        if known is None or known.made != session.made:
            raise RefusedError(401, "the key that you signed in with was removed: sign in with another")
        check_own_page(asked, header=True)
        return _caller(service, asked, known.name, known.role, "cookie", session.reason)
    if asked.local and not service.gallery.keys():
        check_own_page(asked, header=False)
        return _caller(service, asked, getpass.getuser(), "admin", "open", "")
    raise RefusedError(
        401,
        "a key is needed: send it as `Authorization: Bearer KEY`, or sign in on the page",
        _BEARER,
    )


def given_key(headers: Mapping[str, str]) -> str | None:
    """The key that a request brings along; None where there is none.

    Raises:
        RefusedError: a form of authorization that is none of ours.
    """
    if (plain := headers.get("x-api-key")) is not None:
        return plain.strip()
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "bearer":
        raise RefusedError(401, "a key is sent as `Authorization: Bearer KEY`", _BEARER)
    return value.strip()


def check_key(service: Service, key: str, address: str) -> AccessKey:
    """Whose key it is.

    Raises:
        RefusedError: nobody's, or this address has tried too many wrong ones lately.
    """
    if wait := service.rates.wait("failure", address):
        service.metrics.refused("failures")
        raise RefusedError(429, "too many wrong keys: wait a little", {"Retry-After": str(int(wait) + 1)})
    found = service.gallery.find_key(key) if 0 < len(key) <= _LONGEST_KEY else None
    if found is None:
        service.rates.take("failure", address)
        service.metrics.refused("key")
        service.gallery.acting_as(UNKNOWN).note_sign_in(address, known=False)
        raise RefusedError(401, "this key is not known: ask who looks after the gallery", _BEARER)
    return found


def check_own_page(asked: Asked, *, header: bool) -> None:
    """See that a browser's request was made by our own page: cookies and this computer's trust go along with any.

    Args:
        asked: the request.
        header: whether what changes something needs the page's header.

    Raises:
        RefusedError: another site made it, or the header is missing.
    """
    origin, host = asked.headers.get("origin"), asked.headers.get("host", "")
    site = asked.headers.get("sec-fetch-site", "none")
    foreign = (origin is not None and origin.partition("://")[2] != host) or site not in ("same-origin", "none")
    if foreign:
        raise RefusedError(403, "another site made this request: open the page of the gallery itself")
    if header and asked.method not in _SAFE and PAGE_HEADER not in asked.headers:
        raise RefusedError(403, f"what changes something needs the header `{PAGE_HEADER}: 1` beside the cookie")


def given_reason(headers: Mapping[str, str], query: str | None) -> str | None:
    """Why somebody asks: the header X-Reason (percent-encoded where it is not ASCII), or `reason` in the query.

    Raises:
        RefusedError: it is longer than a log should hold.
    """
    text = headers.get("x-reason")
    reason = unquote(text) if text is not None else query
    if reason is not None and len(reason) > _LONGEST_REASON:
        raise RefusedError(422, f"a reason has at most {_LONGEST_REASON} characters")
    return reason


def _session(service: Service, asked: Asked) -> Session | None:
    token = asked.cookies.get(COOKIE)
    return service.sessions.find(token) if token else None


def _caller(
    service: Service, asked: Asked, actor: str, role: Role, how: Literal["key", "cookie", "open"], usual: str
) -> Caller:
    reason = given_reason(asked.headers, asked.reason)
    return Caller(service, service.gallery.acting_as(actor), actor, role, how, usual if reason is None else reason)
