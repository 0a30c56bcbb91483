"""A process that decodes one source: a decoder that hangs or crashes takes nothing else with it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO, cast

from passerby.video.reading.message_queue import MessageQueue
from passerby.video.reading.messages import Message, ReadRequest, read_message

_PIPE_BYTES = 1 << 20
_FRAMES_AHEAD = 4
_WAIT = 5.0
_START_UP = 60.0  # seconds that a new process may take on a busy machine
_GRACE = 1.0  # seconds beyond its own deadline, before a process that hangs is ended
_OF_THE_LOG = ("OPENCV_FFMPEG_DEBUG", "OPENCV_FFMPEG_LOGLEVEL")  # they would send decoders' errors elsewhere
_MANY = str(1 << 20)  # packets or frames in a row that are damaged, before OpenCV takes it for the end


class ReaderError(Exception):
    """A source cannot be opened; says why in a few words."""


class ReaderProcess:
    """Reads a source in a process of its own, which ends with this one.

    Args:
        request: what to read.
        drop_oldest: whether frames that are not taken in time are dropped, the oldest first; otherwise reading waits.

    Attributes:
        queue: of messages that are not taken yet.
        opened: the message that says that the source is open.
    """

    def __init__(self, request: ReadRequest, *, drop_oldest: bool) -> None:
        self.queue = MessageQueue(_FRAMES_AHEAD, drop_oldest=drop_oldest)
        self.opened = Message("alive")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "passerby.video.reading.decoding"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(request),
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us to answer
        )
        stdin, stdout = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        _widen(stdout)
        with contextlib.suppress(OSError):  # it died at once: there will be no message, which is told
            stdin.write(request.to_line())
        # The thread does not hold this object: one that nobody holds any more ends its process.
        self._thread = threading.Thread(target=_pump, args=(stdout, self.queue), name="passerby-reader", daemon=True)
        self._thread.start()

    def next(self, timeout: float) -> Message | None:
        """The next message; None if there is none in time, or the process is gone."""
        return self.queue.get(timeout)

    def end(self) -> str:
        """End the process, whatever it is doing; returns how it ended, in a few words, if it ended by itself."""
        if self.queue.ended:  # its pipe is closed: it is about to die, if it is not dead
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_WAIT)
        died = self._process.poll()
        self.queue.close()
        if died is None:
            self._process.kill()
        self._process.wait(_WAIT)
        self._thread.join(_WAIT)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        if died is None or died >= 0:
            return ""
        return f"the decoder crashed ({signal.Signals(-died).name})"

    def __del__(self) -> None:
        if hasattr(self, "_thread"):
            self.end()


def _pump(stdout: BinaryIO, queue: MessageQueue) -> None:
    """Take messages from the pipe for as long as there are any and somebody wants them."""
    message = read_message(stdout)
    while message is not None and queue.put(message):
        message = read_message(stdout)
    queue.ended = message is None
    queue.close()


def _environment(request: ReadRequest) -> dict[str, str]:
    """The environment of the process that reads: a user's own settings of OpenCV stand, but for those of its log."""
    variables = {
        "OPENCV_FFMPEG_THREADS": "1",  # with more, an error belongs to any of several frames
        "OPENCV_FFMPEG_READ_ATTEMPTS": _MANY,
        "OPENCV_FFMPEG_DECODE_ATTEMPTS": _MANY,
    }
    if request.location.lower().startswith("rtsp"):
        variables["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"  # over UDP, what is lost shows as grey smears
    variables.update({name: value for name, value in os.environ.items() if name not in _OF_THE_LOG})
    path = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    return {**variables, "PYTHONPATH": os.pathsep.join(each for each in path if each)}


def _widen(pipe: BinaryIO) -> None:
    """Let a pipe hold a good part of a frame, where the system can."""
    try:
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        return


def start_reading(request: ReadRequest, *, drop_oldest: bool) -> ReaderProcess:
    """Start a process that reads a source, and wait until the source is open.

    Raises:
        ReaderError: it cannot be opened, or not in time.
    """
    process = ReaderProcess(request, drop_oldest=drop_oldest)
    try:
        message = process.next(_START_UP)  # a first sign of life
        message = message and process.next(request.open_timeout + _GRACE)
    except BaseException:
        process.end()
        raise
    if message is not None and message.kind == "opened":
        process.opened = message
        return process
    crash = process.end()
    raise ReaderError(crash or (message and message.reason) or f"no answer within {request.open_timeout:g} s")
