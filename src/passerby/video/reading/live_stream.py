"""A stream that does not end, and is opened anew whenever it stalls or breaks."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from passerby.errors import DataError
from passerby.video.frame import Frame
from passerby.video.reading.messages import Message, ReadRequest
from passerby.video.reading.reader_process import ReaderError, ReaderProcess, start_reading
from passerby.video.reading.source import Source, summary_of, wall_time
from passerby.video.reading.summary import SourceSummary

FIRST_DELAY, LONGEST_DELAY = 0.5, 5.0
"""Seconds before a stream is opened anew: the first after it broke, doubled up to the second while that fails."""


@dataclass(frozen=True)
class _Connection:
    """A connection, and how its counts continue those of the connections before.

    Attributes:
        process: that reads it.
        began: seconds from the stream's first frame to the connection's.
        wall_time: of the connection's first frame.
        number: the stream's number of the connection's first frame.
    """

    process: ReaderProcess
    began: float
    wall_time: datetime
    number: int


class LiveStream(Source):
    """A stream, with the times at which its frames arrived.

    Frames that are not taken in time are dropped, the oldest first. The first frame after a break says that something
    is missing before it; numbers go on, and times say how long it took.

    Args:
        name: as messages show it.
        request: what to read.
        process: that has opened it.
        give_up_after: seconds without a connection, after which it is an error; None for never.
        tell: is given a line when the stream breaks and when it is back.
    """

    def __init__(
        self,
        name: str,
        request: ReadRequest,
        process: ReaderProcess,
        *,
        give_up_after: float | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self.start = datetime.now(UTC)
        self.duration = None
        self._request = request
        self._give_up_after = give_up_after
        self._tell = tell or _say_nothing
        self._began = time.monotonic()
        self._connection = _Connection(process, 0.0, self.start, 0)
        self._before = self._counts = Message("alive")  # of the connections that are over, and of this one
        self._analysed = self._dropped = self._reconnections = 0
        self._broken = False
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        """The frames that are to be analysed, until the stream is closed.

        Raises:
            DataError: it could not be opened for longer than `give_up_after`.
        """
        while not self._closed.is_set():
            message = self._connection.process.next(self._request.read_timeout)
            if message is None or message.kind in ("failed", "ended"):
                self._reconnect()
                continue
            self._counts = message
            if message.image is not None:
                self._analysed += 1
                frame = self._frame(message)
                self._broken = False
                yield frame

    @property
    def summary(self) -> SourceSummary:
        """Counts so far."""
        counts = _added(self._before, self._counts)
        return replace(
            summary_of(self.name, replace(counts, seconds=self._connection.began + counts.seconds), self._analysed),
            discontinuities=counts.discontinuities + self._reconnections,
            frames_dropped=self._dropped + self._connection.process.queue.dropped,
            reconnections=self._reconnections,
        )

    def close(self) -> None:
        """End the connection; from another thread too."""
        self._closed.set()
        self._connection.process.end()

    def _frame(self, message: Message) -> Frame:
        seconds = round(self._connection.began + message.seconds, 6)
        taken = wall_time(self._connection.wall_time, message.seconds)
        number = self._connection.number + message.number
        assert message.image is not None
        return Frame(message.image, number, seconds, taken, self._broken or message.discontinuity)

    def _reconnect(self) -> None:
        """Open the stream anew, waiting longer each time that it fails."""
        old = self._connection
        old.process.end()
        self._dropped += old.process.queue.dropped
        broke, delay = time.monotonic(), FIRST_DELAY
        last_time = old.began + self._counts.seconds
        self._before = _added(self._before, self._counts)
        self._counts = Message("alive")
        if not self._closed.is_set():
            self._tell(f"{self.name}: the stream broke off; opening it again")
        while not self._closed.wait(delay):
            try:
                process = start_reading(self._request, drop_oldest=True)
            except ReaderError as error:
                self._check_patience(time.monotonic() - broke, str(error))
                delay = min(2 * delay, LONGEST_DELAY)
                continue
            began = max(time.monotonic() - self._began, last_time + 0.001)
            self._connection = _Connection(process, began, datetime.now(UTC), self._before.read)
            self._reconnections += 1
            self._broken = True
            if self._closed.is_set():  # while it was opened
                process.end()
            self._tell(f"{self.name}: the stream is back after {time.monotonic() - broke:.1f} s")
            return

    def _check_patience(self, seconds: float, reason: str) -> None:
        if self._give_up_after is not None and seconds > self._give_up_after:
            raise DataError(f"{self.name}: could not be opened again for {seconds:.0f} s: {reason}")


def _say_nothing(line: str) -> None:
    del line


def _added(before: Message, counts: Message) -> Message:
    return replace(
        counts,
        image=None,
        read=before.read + counts.read,
        damaged=before.damaged + counts.damaged,
        missing=before.missing + counts.missing,
        repaired=before.repaired + counts.repaired,
        discontinuities=before.discontinuities + counts.discontinuities,
    )
