"""A short queue of messages between the thread that takes them from a pipe and the one that wants frames."""

import threading
import time
from collections import deque
from dataclasses import replace

from passerby.video.reading.messages import Message


class MessageQueue:
    """Holds a few messages; when full it waits, or drops the oldest frame.

    Args:
        most_frames: how many frames it holds.
        drop_oldest: whether a new frame pushes out the oldest one, unless the source turns out to have an end;
            otherwise it waits until there is room.

    Attributes:
        dropped: how many frames were.
        ended: whether whoever wrote the messages is gone.
    """

    def __init__(self, most_frames: int, *, drop_oldest: bool) -> None:
        self._messages: deque[Message] = deque()
        self._most_frames = most_frames
        self._drop_oldest = drop_oldest
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0
        self.ended = False

    def put(self, message: Message) -> bool:
        """Add a message; False if nobody wants it any more."""
        with self._changed:
            while self._is_full(message) and not self._drop_oldest and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            if message.kind == "opened" and message.finite:
                self._drop_oldest = False
            full = self._is_full(message)
            if message.kind == "alive" and self._messages and self._messages[-1].kind == "alive":
                self._messages.pop()
            self._messages.append(message)
            if full:
                self._drop()
            self._changed.notify_all()
            return True

    def get(self, timeout: float) -> Message | None:
        """Take the next message; None if none comes within so many seconds, or the queue is closed and empty."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._messages:
                left = deadline - time.monotonic()
                if left <= 0 or self._closed:
                    return None
                self._changed.wait(left)
            self._changed.notify_all()
            return self._messages.popleft()

    def close(self) -> None:
        """Let go of whoever waits on either side; what lies in the queue can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_full(self, message: Message) -> bool:
        frames = sum(each.kind == "frame" for each in self._messages)
        return message.kind == "frame" and frames >= self._most_frames

    def _drop(self) -> None:
        """Forget the oldest frame; the one after it then follows upon whatever is missing before it."""
        oldest, following = [place for place, each in enumerate(self._messages) if each.kind == "frame"][:2]
        if self._messages[oldest].discontinuity:
            self._messages[following] = replace(self._messages[following], discontinuity=True)
        del self._messages[oldest]
        self.dropped += 1
