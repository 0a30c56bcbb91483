"""What the header of an MP4 or QuickTime file says: when it was made, how long it is, how many video tracks it has.

Boxes as in ISO/IEC 14496-12: a size of 32 bits with the box itself, four letters, and the content; size 1 means that 64
bits of size follow, size 0 that the box ends with the file. Only the headers of boxes and the few fields needed are
read, however large the file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from passerby.data.limits import open_regular

_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_MOST_BOXES = 100_000
_FULL = struct.Struct(">B3x")
_HEADERS = (struct.Struct(">IIII"), struct.Struct(">QQIQ"))  # of mvhd by version: made, changed, units a second, length
_EDITS = (struct.Struct(">Ii4x"), struct.Struct(">Qq4x"))  # of elst: length, place in the track or -1 for nothing
_TRACKS = (struct.Struct(">IIIII"), struct.Struct(">QQIIQ"))  # of tkhd: made, changed, number, reserved, length


@dataclass(frozen=True)
class Mp4Facts:
    """What the header says.

    Attributes:
        created: when the recording was made, as its maker wrote it; None where nobody did.
        duration: seconds that the video track is shown, from its first frame on, of several the shortest; None where it
            is not said, as in fragmented files.
        video_tracks: how many there are.
    """

    created: datetime | None
    duration: float | None
    video_tracks: int


def read_mp4_facts(path: Path) -> Mp4Facts | None:
    """What the header of a file says; None if the file is no MP4, or its header is damaged or missing.

    Raises:
        OSError: it cannot be read.
        DataError: it is not a regular file.
    """
    with open_regular(path) as stream:
        end = stream.seek(0, 2)
        try:
            return _facts(stream, end)
        except (struct.error, _DamagedError):
            return None


class _DamagedError(Exception):
    """A box does not fit where it stands."""


def _facts(stream: BinaryIO, end: int) -> Mp4Facts | None:
    movie = _find(stream, 0, end, b"moov")
    header = _find(stream, *movie, b"mvhd") if movie else None
    if movie is None or header is None:
        return None
    made, _, units, length = _versioned(stream, header[0], _HEADERS)
    durations = [
        duration
        for kind, *box in _boxes(stream, *movie)
        if kind == b"trak"
        for duration in _video_duration(stream, box)
    ]
    known = [duration for duration in durations if 0 < duration < 2**31 * max(units, 1)]
    return Mp4Facts(
        created=_date(made),
        duration=min(known) / units if known and units and length else None,
        video_tracks=len(durations),
    )


def _video_duration(stream: BinaryIO, track: list[int]) -> Iterator[int]:
    """The length of a track in the movie's units, if it is a video track."""
    media = _find(stream, track[0], track[1], b"mdia")
    handler = _find(stream, *media, b"hdlr") if media else None
    header = _find(stream, track[0], track[1], b"tkhd")
    if handler is None or header is None:
        return
    stream.seek(handler[0] + 8)
    if stream.read(4) == b"vide":
        yield _versioned(stream, header[0], _TRACKS)[4] - _wait(stream, track)


def _wait(stream: BinaryIO, track: list[int]) -> int:
    """For how long nothing is shown before a track's first frame, in the movie's units: edits without a place."""
    edits = _find(stream, track[0], track[1], b"edts")
    table = _find(stream, *edits, b"elst") if edits else None
    if table is None:
        return 0
    version, count = struct.unpack(">B3xI", _at(stream, table[0], 8))
    edit = _EDITS[version == 1]
    wait = 0
    for row in range(min(count, (table[1] - table[0] - 8) // edit.size)):
        length, place = edit.unpack(_at(stream, table[0] + 8 + row * edit.size, edit.size))
        if place != -1:
            break
        wait += length
    return wait


def _versioned(stream: BinaryIO, start: int, layouts: tuple[struct.Struct, struct.Struct]) -> tuple[int, ...]:
    stream.seek(start)
    (version,) = _FULL.unpack(stream.read(_FULL.size))
    if version >= len(layouts):
        raise _DamagedError
    layout = layouts[version]
    return layout.unpack(stream.read(layout.size))


def _at(stream: BinaryIO, place: int, size: int) -> bytes:
    stream.seek(place)
    return stream.read(size)


def _find(stream: BinaryIO, start: int, end: int, kind: bytes) -> tuple[int, int] | None:
    return next(((first, last) for name, first, last in _boxes(stream, start, end) if name == kind), None)


def _boxes(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places of a file: name, and where the content begins and ends."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        stream.seek(start)
        size, name = struct.unpack(">I4s", stream.read(8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", stream.read(8))
            content += 8
        last = end if size == 0 else start + size
        if not content <= last <= end:
            raise _DamagedError
        yield name, content, last
        start = last


def _date(seconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=seconds) if seconds else None
    except OverflowError:
        return None
