"""What a process that reads a source is asked, and what it answers, over pipes.

The request is one line of JSON. Every answer is the length of a header as four bytes, the header as JSON, and for a
frame its pixels, uint8 [height, width, 3] RGB. Nothing is pickled.
"""

import json
import struct
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["opened", "frame", "alive", "ended", "failed"]
_LENGTH = struct.Struct(">I")
_MOST_HEADER = 1 << 16


@dataclass(frozen=True)
class ReadRequest:
    """What to read and how.

    Attributes:
        location: a file's path or a stream's address.
        live: whether it is an address; one that turns out to have an end is read like a file.
        fps: at most so many frames a second are wanted; None for all.
        skip_to: the number of the first frame that is wanted.
        duration: seconds that the container announces; None where unknown.
        open_timeout, read_timeout: seconds that a server may take.
        most_pixels: of a frame.
    """

    location: str
    live: bool
    fps: float | None
    skip_to: int
    duration: float | None
    open_timeout: float
    read_timeout: float
    most_pixels: int

    def to_line(self) -> bytes:
        """The request as a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> "ReadRequest":
        """The request in a line of JSON."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Message:
    """An answer.

    Attributes:
        kind: "opened" once, then "frame" for each that is wanted and "alive" now and then, "ended" or "failed" at last.
        read, damaged, missing, repaired, discontinuities: counts so far, see `SourceSummary`.
        number: of the newest frame that was read.
        seconds: its time.
        discontinuity: of a frame: whether something is missing since the one handed out before.
        finite: of an opened source: whether it has an end.
        duration: of an opened source: seconds that it announces; None where unknown.
        reason: of a failure, in a few words.
        image: of a frame.
    """

    kind: Kind
    read: int = 0
    damaged: int = 0
    missing: int = 0
    repaired: int = 0
    discontinuities: int = 0
    number: int = -1
    seconds: float = 0.0
    discontinuity: bool = False
    finite: bool = True
    duration: float | None = None
    reason: str = ""
    image: NDArray[np.uint8] | None = None


def write_message(stream: BinaryIO, message: Message) -> None:
    """Write a message, whole.

    Raises:
        OSError: nobody reads any more.
    """
    fields: dict[str, Any] = {key: value for key, value in vars(message).items() if key != "image"}
    fields["shape"] = None if message.image is None else message.image.shape[:2]
    header = json.dumps(fields).encode()
    _write_all(stream, memoryview(_LENGTH.pack(len(header)) + header))
    if message.image is not None:
        _write_all(stream, np.ascontiguousarray(message.image).data.cast("B"))


def read_message(stream: BinaryIO) -> Message | None:
    """The next message; None at the end, also where the writer died in the middle of one."""
    start = _read_all(stream, bytearray(_LENGTH.size))
    if start is None:
        return None
    (length,) = _LENGTH.unpack(start)
    header = _read_all(stream, bytearray(min(length, _MOST_HEADER)))
    if header is None:
        return None
    fields = json.loads(bytes(header))
    shape = fields.pop("shape")
    message = Message(**fields)
    if shape is None:
        return message
    image = np.empty((*shape, 3), np.uint8)
    return None if _read_all(stream, image.data.cast("B")) is None else replace(message, image=image)


def _write_all(stream: BinaryIO, content: memoryview) -> None:
    while content:
        content = content[stream.write(content) :]


def _read_all(stream: BinaryIO, buffer: bytearray | memoryview) -> bytearray | memoryview | None:
    """The buffer, filled; None if the stream ends first."""
    left = memoryview(buffer)
    while left:
        count = stream.readinto(left)  # type: ignore[attr-defined]  # of all binary streams that are not writers alone
        if not count:
            return None
        left = left[count:]
    return buffer
