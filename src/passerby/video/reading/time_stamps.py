"""Times of frames that grow, whatever a container says, and the choice of frames to analyse by those times."""

from collections import deque
from math import isfinite, nan
from statistics import median
from typing import NamedTuple

_REMEMBERED = 25
_JUMP = 1.0  # seconds, and as many times the usual step as the next constant says
_USUAL_STEPS = 5.0
_NO_TIME = 1e9  # seconds
_LEAST_STEP = 5e-7  # seconds: times are to the microsecond
_ROUNDING = 0.001  # containers such as Matroska round to milliseconds


class FrameTime(NamedTuple):
    """The time of a frame.

    Attributes:
        seconds: since the first frame of the source, to the microsecond; more than the frame's before.
        repaired: whether the time stamp was missing or did not grow, and was replaced.
        jumped: whether it lies far from that of the frame before: something is missing between the two.
    """

    seconds: float
    repaired: bool
    jumped: bool


class TimeStamps:
    """Turns a source's time stamps into times that grow.

    A time stamp that is missing (no number, or the same as the frame's before) or lies a little back is replaced by the
    time of the frame before and the usual step. Those that grow after it but still lie behind go on at half their pace,
    until they have caught up. One that goes back by more than a second is where a clock was set or another recording
    begins: times go on from there without a leap, and the place counts as a jump. A zero may be a missing stamp or a
    beginning; the one after it tells.

    Args:
        step: seconds between frames, until some were seen.
    """

    def __init__(self, step: float) -> None:
        self._first_step = step if isfinite(step) and step > 0 else 0.04
        self._steps: deque[float] = deque(maxlen=_REMEMBERED)
        self._offset = 0.0
        self._raw: float | None = None
        self._last: float | None = None

    @property
    def usual_step(self) -> float:
        """Seconds between frames, the median of the last ones."""
        return median(self._steps) if self._steps else self._first_step

    def next(self, stamp: float) -> FrameTime:
        """The time of the next frame.

        Args:
            stamp: its own time stamp, seconds; NaN where it has none.
        """
        stamp = stamp if abs(stamp) < _NO_TIME else nan
        if self._last is None:
            return self._begin(stamp)
        seconds = stamp + self._offset
        step = seconds - self._last
        own_step = nan if self._raw is None else stamp - self._raw
        if isfinite(step) and step > _LEAST_STEP:
            jumped = step > max(_JUMP, _USUAL_STEPS * self.usual_step)
            self._steps.append(step)
            return self._accept(stamp, seconds, repaired=False, jumped=jumped)
        if own_step > 2 * _LEAST_STEP:
            return self._accept(stamp, self._last + min(own_step, self.usual_step) / 2, repaired=True, jumped=False)
        seconds = self._last + self.usual_step
        if stamp == 0.0:
            return self._accept(nan, seconds, repaired=True, jumped=False)
        reset = own_step < 0 and step < -_JUMP
        if reset:
            self._offset = seconds - stamp
        return self._accept(stamp, seconds, repaired=True, jumped=reset)

    def _begin(self, stamp: float) -> FrameTime:
        known = isfinite(stamp)
        self._offset = -stamp if known else 0.0
        return self._accept(stamp, 0.0, repaired=not known, jumped=False)

    def _accept(self, stamp: float, seconds: float, *, repaired: bool, jumped: bool) -> FrameTime:
        self._raw = stamp if isfinite(stamp) else self._raw
        self._last = round(seconds, 6)
        return FrameTime(self._last, repaired, jumped)


class Pace:
    """Chooses frames that lie at least so far apart in time.

    Args:
        fps: at most so many frames a second; None for all.
    """

    def __init__(self, fps: float | None) -> None:
        self._apart = 0.0 if fps is None else 1 / fps - min(_ROUNDING, 0.1 / fps)
        self._last: float | None = None

    def takes(self, seconds: float) -> bool:
        """Whether the frame of this time, later than all before, is to be analysed."""
        if self._last is not None and seconds - self._last < self._apart:
            return False
        self._last = seconds
        return True
