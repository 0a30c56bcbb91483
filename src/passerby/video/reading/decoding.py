"""Reading a source frame by frame with OpenCV, in a process that does nothing else; run by `reader_process`."""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from math import isfinite, nan
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from passerby.video.reading.decoder_complaints import DecoderComplaints
from passerby.video.reading.messages import Kind, Message, ReadRequest, write_message
from passerby.video.reading.time_stamps import Pace, TimeStamps

_SIGN_OF_LIFE = 0.5  # seconds
_LEAST_MISSING = 0.5  # seconds at the end that containers may be wrong about
_MISSING_SHARE = 0.01  # and as a share of what they announce
_MOST_FAILURES = 1000  # packets in a row that are damaged
_SLOW_FAILURE = 1.0  # seconds, as of a server that does not answer
_MISSING_STEPS = 3.0  # and as a multiple of the longest step between frames
_HELD_BACK = 16  # frames that a decoder may hand out between damage and what was lost by it


def main() -> None:
    """Answer the request on standard input on standard output; end when standard input does."""
    request = ReadRequest.of_line(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    complaints = DecoderComplaints()
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        write_message(answers, Message("alive"))
        _Reading(request, complaints, answers).run()
    except BrokenPipeError:
        os._exit(0)  # nobody wants more
    except Exception as error:
        write_message(answers, Message("failed", reason=f"{type(error).__name__}: {error}"))
    os._exit(0)  # without waiting for what a decoder's threads may wait for


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


class _Reading:
    """One pass over a source."""

    def __init__(self, request: ReadRequest, complaints: DecoderComplaints, answers: BinaryIO) -> None:
        self.request = request
        self.complaints = complaints
        self.answers = answers
        self.counts = Message("alive")
        self.longest_step = 0.0
        self.damaged = False
        self.since_damage = _HELD_BACK
        self.discontinuity = False
        self.told = time.monotonic()

    def run(self) -> None:
        capture = _open(self.request)
        if not (capture.isOpened() and capture.grab()):
            self.complaints.any_new()
            return self._tell("failed", reason=self.complaints.last or "nothing in it can be decoded")
        if (reason := _too_large(capture, self.request)) is not None:
            return self._tell("failed", reason=reason)
        if (reason := self._cannot_show(capture)) is not None:
            return self._tell("failed", reason=reason)
        duration = self.request.duration or _announced_duration(capture)
        self._tell("opened", finite=duration is not None or not self.request.live, duration=duration)
        clock = time.monotonic if self.request.live and duration is None else _container_clock(capture)
        self.complaints.any_new()  # what was said while the source was looked at is no damage of a frame
        stamps = TimeStamps(_announced_step(capture))
        pace = Pace(self.request.fps)
        again = True
        while again:
            self._take(capture, stamps, clock(), pace)
            again = self._grab(capture)
        self.counts = replace(self.counts, missing=self.counts.missing + self._missing_at_end(stamps, duration))
        return self._tell("ended")

    def _grab(self, capture: cv2.VideoCapture) -> bool:
        """Decode the next frame; False at the end.

        OpenCV also fails on a packet that is damaged, and goes on behind it when asked again.
        """
        asked = time.monotonic()
        for _ in range(_MOST_FAILURES):
            if capture.grab():
                return True
            self.damaged = True
            if self.request.live and time.monotonic() - asked > _SLOW_FAILURE:
                return False
        return False

    def _cannot_show(self, capture: cv2.VideoCapture) -> str | None:
        """Why the first frame, which was decoded, can be given no colours; None if it can."""
        self.complaints.any_new()
        capture.retrieve()
        if not self.complaints.any_new():
            return None
        if "interlaced" in self.complaints.last:
            return (
                f"its frames are interlaced, which OpenCV {cv2.__version__} cannot show: deinterlace it, as with "
                "ffmpeg -i FILE -vf yadif NEW, or install opencv-python-headless<4.13"
            )
        return self.complaints.last

    def _take(self, capture: cv2.VideoCapture, stamps: TimeStamps, stamp: float, pace: Pace) -> None:
        """Count the frame that was grabbed last, and hand it out if it is wanted."""
        step, last = stamps.usual_step, self.counts.seconds
        seconds, repaired, jumped = stamps.next(stamp)
        damaged = self.complaints.any_new() or self.damaged
        self.damaged = False
        lost = self._lost(seconds - last, step, damaged) if self.counts.read else 0
        self.longest_step = max(self.longest_step, 0.0 if jumped else seconds - last)
        self.discontinuity |= jumped
        counts = self.counts
        number = counts.number + 1
        self.counts = replace(
            counts,
            number=number,
            seconds=seconds,
            read=counts.read + 1,
            damaged=counts.damaged + damaged,
            missing=counts.missing + lost,
            repaired=counts.repaired + repaired,
            discontinuities=counts.discontinuities + jumped,
        )
        if pace.takes(seconds) and number >= self.request.skip_to:
            self._hand_out(capture)
        elif time.monotonic() - self.told > _SIGN_OF_LIFE:
            self._tell("alive")

    def _lost(self, gap: float, step: float, damaged: bool) -> int:
        """How many frames damage has cost between the last two; a decoder may have held some back after it."""
        self.since_damage = 0 if damaged else self.since_damage + 1
        recent = self.since_damage < _HELD_BACK and gap > max(_MISSING_STEPS * step, self.longest_step)
        return max(0, round(gap / step) - 1) if damaged or recent else 0

    def _hand_out(self, capture: cv2.VideoCapture) -> None:
        good, image = capture.retrieve()
        if not good or image is None or self.complaints.any_new():  # as of a frame that cannot be given colours
            self.counts = replace(self.counts, damaged=self.counts.damaged + 1)
            return
        if image.ndim == 2 or image.shape[2] == 1:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        else:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        pixels = np.asarray(image, dtype=np.uint8)
        message = replace(self.counts, kind="frame", discontinuity=self.discontinuity, image=pixels)
        write_message(self.answers, message)
        self.discontinuity = False
        self.told = time.monotonic()

    def _missing_at_end(self, stamps: TimeStamps, duration: float | None) -> int:
        """Frames that the container announces after the last one."""
        cut_off = self.complaints.any_new() or self.since_damage < _HELD_BACK
        if duration is None or not (cut_off or self.request.duration or _is_avi(self.request.location)):
            return 0  # other containers announce the length of their longest track, such as sound
        missing = duration - self.counts.seconds - stamps.usual_step
        may_be_wrong = max(_LEAST_MISSING, _MISSING_SHARE * duration, _MISSING_STEPS * self.longest_step)
        return round(missing / stamps.usual_step) if missing > may_be_wrong else 0

    def _tell(self, kind: Kind, *, reason: str = "", finite: bool = True, duration: float | None = None) -> None:
        write_message(self.answers, replace(self.counts, kind=kind, reason=reason, finite=finite, duration=duration))
        self.told = time.monotonic()


def _open(request: ReadRequest) -> cv2.VideoCapture:
    if not request.live:
        return cv2.VideoCapture(request.location, cv2.CAP_FFMPEG)
    timeouts = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(request.open_timeout * 1000)),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(request.read_timeout * 1000)),
    ]
    return cv2.VideoCapture(request.location, cv2.CAP_FFMPEG, timeouts)


def _too_large(capture: cv2.VideoCapture, request: ReadRequest) -> str | None:
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height <= request.most_pixels:
        return None
    return f"its frames have {height:,.0f}×{width:,.0f} pixels, more than the bound of {request.most_pixels:,}"


def _announced_step(capture: cv2.VideoCapture) -> float:
    rate = capture.get(cv2.CAP_PROP_FPS)
    return 1 / rate if isfinite(rate) and rate > 0 else nan


def _announced_duration(capture: cv2.VideoCapture) -> float | None:
    """Seconds, from the number and rate of frames that OpenCV itself derives from the duration where it must."""
    seconds = capture.get(cv2.CAP_PROP_FRAME_COUNT) * _announced_step(capture)
    return seconds if isfinite(seconds) and 0 < seconds < 1e9 else None


def _is_avi(location: str) -> bool:
    """Whether a file is an AVI, which announces how many frames it has."""
    try:
        with Path(location).open("rb") as stream:
            return stream.read(12)[8:] == b"AVI "
    except OSError:
        return False  # it is an address, or gone


def _container_clock(capture: cv2.VideoCapture) -> Callable[[], float]:
    return lambda: float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000


if __name__ == "__main__":
    main()
