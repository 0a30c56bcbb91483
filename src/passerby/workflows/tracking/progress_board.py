"""How far every source is, told from process to process through a small file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

_STOP = 0


class ProgressBoard:
    """A row for each of N sources: seconds done, seconds there are (NaN where unknown), frames analysed, works now.

    Args:
        file: of the board.
        sources: N, to make a new board; None to open one that is there.
    """

    def __init__(self, file: Path, sources: int | None = None) -> None:
        self.file = file
        if sources is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.zeros((sources + 1, 4)).tofile(file)
        self._rows = np.memmap(file, np.float64, "r+").reshape(-1, 4)

    def tell(self, source: int, seconds: float, duration: float | None, frames: int) -> None:
        """Write how far a source is."""
        self._rows[source + 1] = (seconds, np.nan if duration is None else duration, frames, 1.0)

    def of(self, source: int) -> tuple[float, float | None, int]:
        """Seconds done, seconds there are, and frames analysed."""
        seconds, duration, frames, _ = self._rows[source + 1].tolist()
        return seconds, None if np.isnan(duration) else duration, int(frames)

    def works(self, source: int) -> bool:
        """Whether anything was told of it."""
        return bool(self._rows[source + 1, 3])

    @property
    def stopped(self) -> bool:
        """Whether all are to stop."""
        return bool(self._rows[_STOP, 0])

    def stop(self) -> None:
        """Let all stop after the frame that they are at."""
        self._rows[_STOP, 0] = 1.0


class BoardWatch:
    """Looks on while one source is worked on, see `passerby.workflows.tracking.source_work.Watch`."""

    def __init__(self, board: ProgressBoard, source: int, then: Callable[[], None] | None = None) -> None:
        self._board, self._source, self._then = board, source, then

    def tell(self, seconds: float, duration: float | None, frames: int) -> None:
        """Write how far the source is."""
        self._board.tell(self._source, seconds, duration, frames)
        if self._then is not None:
            self._then()

    @property
    def stopped(self) -> bool:
        """Whether the work is to stop."""
        return self._board.stopped
