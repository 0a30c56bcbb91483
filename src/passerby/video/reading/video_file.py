"""A video file, or a file that a server sends: a source with an end."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from passerby.errors import DataError
from passerby.video.frame import Frame
from passerby.video.reading.reader_process import ReaderProcess
from passerby.video.reading.source import Source, summary_of, wall_time
from passerby.video.reading.summary import SourceSummary


class VideoFile(Source):
    """A source with an end, decoded in a process of its own.

    Args:
        name: as messages show it.
        process: that has opened it.
        start: when it began, with a time zone.
        timeout: seconds without an answer, after which it is given up.
    """

    def __init__(self, name: str, process: ReaderProcess, start: datetime | None, timeout: float) -> None:
        self.name = name
        self.start = start
        self.duration = process.opened.duration
        self._process = process
        self._timeout = timeout
        self._counts = process.opened
        self._analysed = 0
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        """The frames that are to be analysed.

        Raises:
            DataError: nothing could be read for as long as the time limit says.
        """
        while True:
            message = self._process.next(self._timeout)
            if message is None and self._closed:
                return
            if message is None:
                self._count_rest_missing(self._process.end())
                return
            self._counts = message
            if message.kind == "failed":
                raise DataError(f"{self.name}: reading failed after frame {message.number}: {message.reason}")
            if message.kind == "ended":
                self.close()
                return
            if message.image is not None:
                self._analysed += 1
                wall = wall_time(self.start, message.seconds)
                yield Frame(message.image, message.number, message.seconds, wall, message.discontinuity)

    @property
    def summary(self) -> SourceSummary:
        """Counts so far."""
        return summary_of(self.name, self._counts, self._analysed)

    def close(self) -> None:
        """End the process that reads; from another thread too."""
        self._closed = True
        self._process.end()

    def _count_rest_missing(self, crash: str) -> None:
        """Count what a decoder that crashed did not come to, or say that it hangs."""
        if not crash:
            raise DataError(
                f"{self.name}: nothing could be read for {self._timeout:g} s after frame {self._counts.number}: see "
                "that its disk or server answers, or raise read_timeout (--set reading.timeout=60)"
            )
        read, seconds = max(1, self._counts.read), self._counts.seconds
        left = max(0.0, (self.duration or 0.0) - seconds)
        step = seconds / (read - 1) if read > 1 else 0.04
        self._counts = replace(
            self._counts, damaged=self._counts.damaged + 1, missing=self._counts.missing + round(left / step)
        )
