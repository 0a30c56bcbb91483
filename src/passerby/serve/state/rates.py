"""How often somebody may ask: buckets that fill up with time."""

import threading
import time
from collections import OrderedDict
from typing import Literal

from passerby.serve.settings import ServiceSettings

Kind = Literal["request", "picture", "failure"]
_REMEMBERED = 10_000


class Bucket:
    """So many at once, and then so many a second."""

    def __init__(self, size: float, per_second: float) -> None:
        self.size, self.per_second = size, per_second
        self.left, self.seen = size, time.monotonic()

    def fill(self) -> None:
        """Add what has come since."""
        now = time.monotonic()
        self.left = min(self.size, self.left + (now - self.seen) * self.per_second)
        self.seen = now


class Rates:
    """A bucket for every kind of request of everybody who was seen lately.

    Args:
        settings: how large they are.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._sizes: dict[Kind, tuple[float, float]] = {
            "request": (settings.burst, settings.requests_per_second),
            "picture": (settings.burst * 5, settings.picture_requests_per_second),
            "failure": (settings.failures_per_minute, settings.failures_per_minute / 60),
        }
        self._buckets: OrderedDict[tuple[Kind, str], Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, kind: Kind, who: str) -> float:
        """Take one; returns 0, or after how many seconds there will be one where there is none."""
        with self._lock:
            bucket = self._bucket(kind, who)
            if bucket.left < 1:
                return (1 - bucket.left) / bucket.per_second
            bucket.left -= 1
            return 0.0

    def wait(self, kind: Kind, who: str) -> float:
        """After how many seconds there will be one, without taking it."""
        with self._lock:
            bucket = self._bucket(kind, who)
            return 0.0 if bucket.left >= 1 else (1 - bucket.left) / bucket.per_second

    def _bucket(self, kind: Kind, who: str) -> Bucket:
        bucket = self._buckets.get((kind, who))
        if bucket is None:
            bucket = self._buckets[kind, who] = Bucket(*self._sizes[kind])
        self._buckets.move_to_end((kind, who))
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.fill()
        return bucket
