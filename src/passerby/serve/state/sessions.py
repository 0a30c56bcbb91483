"""Who is signed in with the page. Sessions live in memory only: a service that is started again knows of none."""

import hashlib
import secrets
import threading
import time
from datetime import datetime
from typing import NamedTuple

from passerby.gallery.access.keys import AccessKey

COOKIE = "passerby_session"
_MOST = 10_000


class Session(NamedTuple):
    """Somebody who is signed in.

    Attributes:
        name: of the key.
        made: when that key was made: another one of the same name does not count.
        reason: why, for the log, where a request says nothing else.
        until: when it ends, by the monotonic clock.
    """

    name: str
    made: datetime
    reason: str
    until: float


class Sessions:
    """The sessions of a service, by the hash of what their cookies hold.

    Args:
        seconds: how long one lasts.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, key: AccessKey, reason: str) -> str:
        """Sign somebody in; returns what the cookie holds."""
        token = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._lock:
            for ended in [name for name, each in self._sessions.items() if each.until <= now]:
                del self._sessions[ended]
            while len(self._sessions) >= _MOST:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[_hash(token)] = Session(key.name, key.made, reason, now + self.seconds)
        return token

    def find(self, token: str) -> Session | None:
        """Whose cookie it is; None where nobody is signed in with it any more."""
        with self._lock:
            session = self._sessions.get(_hash(token))
        return session if session is not None and session.until > time.monotonic() else None

    def end(self, token: str) -> None:
        """Sign out."""
        with self._lock:
            self._sessions.pop(_hash(token), None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
