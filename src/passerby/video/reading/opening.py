"""Open whatever frames can be read from."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, tzinfo
from math import isfinite
from pathlib import Path
from urllib.parse import urlsplit

from passerby.data.limits import MAX_PIXELS, check_regular, limit
from passerby.errors import DataError
from passerby.printable import printable
from passerby.video.reading.frame_folder import FrameFolder, read_sequence
from passerby.video.reading.live_stream import LiveStream
from passerby.video.reading.messages import ReadRequest
from passerby.video.reading.mp4_boxes import Mp4Facts, read_mp4_facts
from passerby.video.reading.reader_process import ReaderError, ReaderProcess, start_reading
from passerby.video.reading.source import Source
from passerby.video.reading.start_time import find_start
from passerby.video.reading.video_file import VideoFile

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "rtp", "srt")
_SLOWEST, _FASTEST = 1e-5, 1e4  # pictures a second, from one a day on
TIMEOUT = 10.0
"""Seconds that a server may take to open a stream, and to send the next frame, by default."""


def is_stream(source: str | Path) -> bool:
    """Whether a source is named by the address of a stream."""
    return isinstance(source, str) and source.partition("://")[0].lower() in STREAM_SCHEMES and "://" in source


def shown_name(source: str | Path) -> str:
    """A source as messages, tables and pages show it: printable, and without the password or query of an address."""
    if not is_stream(source):
        return printable(str(source))
    try:
        parts = urlsplit(str(source))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return printable(str(source).partition("://")[0] + "://…")
    return printable(f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}")


def open_source(
    source: str | Path,
    *,
    fps: float | None = None,
    skip_to: int = 0,
    start: datetime | None = None,
    start_pattern: str | None = None,
    time_zone: tzinfo | None = None,
    frame_rate: float | None = None,
    open_timeout: float = TIMEOUT,
    read_timeout: float = TIMEOUT,
    give_up_after: float | None = None,
    tell: Callable[[str], None] | None = None,
) -> Source:
    """Open a video file, a folder of pictures or a stream.

    Args:
        source: a file, a folder (MOTChallenge's, with `seqinfo.ini`, or of pictures), or an address that begins with
            `rtsp://`, `http://` and the like.
        fps: analyse at most so many frames a second, which lie at least 1 / fps apart by their times; None for all.
        skip_to: hand out no frame before the one of this number. Which frames are handed out after it, and their
            numbers and times, does not depend on it; damage to a folder's skipped pictures is not counted.
        start: when the source began. Otherwise it is what the file's name says, or else its container.
        start_pattern: the form of the time in the file's name, see `start_of_name`.
        time_zone: of times that name none.
        frame_rate: pictures a second, for a folder without seqinfo.ini.
        open_timeout: seconds without an answer at opening, after which a stream is tried again and a file given up.
        read_timeout: seconds without a frame, after which a stream is opened anew and a file given up.
        give_up_after: seconds without a connection, after which a stream is an error; None for never.
        tell: is given a line when a stream breaks and when it is back.

    Raises:
        DataError: it is not there, cannot be decoded, or an option is out of range or does not fit it.
    """
    _check_numbers(skip_to, fps=fps, frame_rate=frame_rate, open_timeout=open_timeout, read_timeout=read_timeout)
    name, live, path = shown_name(source), is_stream(source), Path(source).expanduser()
    location = str(source) if live else str(path.absolute())
    request = ReadRequest(location, live, fps, skip_to, None, open_timeout, read_timeout, limit(MAX_PIXELS))
    if live:
        if skip_to or start is not None or start_pattern is not None or frame_rate is not None:
            raise DataError(f"{name} is a stream, stamped as it arrives: leave out skip_to, start and frame_rate")
        return _open_stream(name, request, give_up_after, tell)
    facts = None if path.is_dir() else _facts(path, name)
    began = find_start(path, facts, start=start, pattern=start_pattern, time_zone=time_zone)
    if path.is_dir():
        return _open_folder(path, name, fps, skip_to, frame_rate, began)
    if frame_rate is not None:
        raise DataError(f"{name} has times of its own: leave out frame_rate, which is for folders of pictures")
    request = replace(request, duration=None if facts is None else facts.duration)
    return VideoFile(name, _started(name, request), began, read_timeout)


def _open_stream(
    name: str, request: ReadRequest, give_up_after: float | None, tell: Callable[[str], None] | None
) -> Source:
    process = _started(name, request)
    if not process.opened.finite:
        return LiveStream(name, request, process, give_up_after=give_up_after, tell=tell)
    return VideoFile(name, process, None, request.read_timeout)


def _started(name: str, request: ReadRequest) -> ReaderProcess:
    try:
        return start_reading(request, drop_oldest=request.live)
    except ReaderError as error:
        remedy = "see that it is there and sends" if request.live else "give a file that plays"
        reason = printable(str(error).replace(request.location, name))
        raise DataError(f"{name} cannot be read as a video ({reason}): {remedy}") from error


def _facts(path: Path, name: str) -> Mp4Facts | None:
    try:
        check_regular(path)
        return read_mp4_facts(path)
    except FileNotFoundError as error:
        raise DataError(f"{name} is missing: give a video, a folder of pictures or a stream's address") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name} cannot be read: {reason}") from error


def _open_folder(
    path: Path, name: str, fps: float | None, skip_to: int, frame_rate: float | None, start: datetime | None
) -> FrameFolder:
    sequence = read_sequence(path)
    rate = frame_rate or sequence.frame_rate
    if rate is None:
        raise DataError(
            f"{name}: nothing says at which rate its pictures were taken: give frame_rate (--set "
            "reading.frame_rate=25), or a seqinfo.ini"
        )
    if not _SLOWEST <= rate <= _FASTEST:
        raise DataError(
            f"{name}: a rate of {rate:g} pictures a second is not between {_SLOWEST:g} and {_FASTEST:,g}: correct "
            "frame_rate, or its seqinfo.ini"
        )
    return FrameFolder(name, sequence, rate, fps, skip_to, start)


def _check_numbers(skip_to: int, **options: float | None) -> None:
    if skip_to < 0:
        raise DataError(f"skip_to must be a frame's number, 0 or above, not {skip_to}")
    for name, value in options.items():
        if value is not None and not (isfinite(value) and value > 0):
            raise DataError(f"{name} must be above 0, not {value:g}")
