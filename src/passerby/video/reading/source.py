"""What every source of frames is and can do."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from passerby.errors import DataError
from passerby.video.frame import Frame
from passerby.video.reading.messages import Message
from passerby.video.reading.summary import SourceSummary


class Source(ABC):
    """Frames of one source, in order, each once: `with open_source(path) as frames: for frame in frames: …`.

    Attributes:
        name: as messages show it; without a password.
        start: when it began, with a time zone; None where nobody said. A stream begins with its first frame.
        duration: seconds that it announces; None where unknown, as for streams.
    """

    name: str
    start: datetime | None
    duration: float | None

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames that are to be analysed."""

    @property
    @abstractmethod
    def summary(self) -> SourceSummary:
        """Counts so far."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file or the connection."""

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def wall_time(start: datetime | None, seconds: float) -> datetime | None:
    """The moment so many seconds after another one; None where that is not known.

    Raises:
        DataError: no calendar reaches so far.
    """
    try:
        return None if start is None else start + timedelta(seconds=seconds)
    except OverflowError as error:
        raise DataError(
            f"{seconds:g} seconds from {start} no calendar has a date: correct the start, the clock's offset, or the "
            "rate and the numbers of pictures"
        ) from error


def summary_of(name: str, counts: Message, analysed: int) -> SourceSummary:
    """The summary of what a process that reads has counted."""
    return SourceSummary(
        name=name,
        frames_read=counts.read,
        frames_analysed=analysed,
        frames_damaged=counts.damaged,
        frames_missing=counts.missing,
        repaired_times=counts.repaired,
        discontinuities=counts.discontinuities,
        duration=counts.seconds,
    )
