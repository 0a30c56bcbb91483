"""Videos as they come in: kept below the gallery's folder until they are indexed, and by nothing but their content."""

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from passerby.serve.errors import RefusedError

FOLDER = "uploads"
_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".mpg", ".mpeg")
_LONGEST_NAME = 100
_HEAD = 12
_LEFT_FREE = 500_000_000
_TRANSPORT_PACKET = b"\x47"


def checked_name(name: str) -> str:
    """The name of a video, fit for a file of ours: tracklets are called after it.

    Raises:
        RefusedError: it is no file name, or not that of a video.
    """
    if not re.fullmatch(r"\w[\w .()+-]*", name) or len(name) > _LONGEST_NAME:
        raise RefusedError(422, f"name: a file name of at most {_LONGEST_NAME} letters, digits and . _ - + ( )")
    if Path(name).suffix.lower() not in _ENDINGS:
        raise RefusedError(422, f"name: ends in one of {', '.join(_ENDINGS)}")
    return name


def looks_like_video(head: bytes) -> bool:
    """Whether a file begins as containers of videos do.

    What is text is none, whatever it is called: a play list could name files of this computer, and they would be read.
    """
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
        or head.startswith((b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", _TRANSPORT_PACKET))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
    )


async def keep_upload(gallery: Path, name: str, parts: AsyncIterator[bytes], expected: int | None) -> Path:
    """Write a video below the gallery's folder as it comes in; returns its file, relative to the gallery's folder.

    Nothing is left of one that breaks off.

    Args:
        gallery: its folder.
        name: as `checked_name` gives it.
        parts: the video.
        expected: bytes that were announced; None where nobody said.

    Raises:
        RefusedError: it is no video, empty, shorter than announced, or the disk has no room for it.
    """
    free = (await asyncio.to_thread(shutil.disk_usage, gallery)).free
    if expected is not None and free < expected + _LEFT_FREE:
        raise RefusedError(507, "the disk has no room for this video")
    folder = gallery / FOLDER / secrets.token_hex(8)
    folder.mkdir(parents=True)
    try:
        head, size = b"", 0
        with (folder / name).open("xb") as stream:
            async for part in parts:
                if len(head) < _HEAD:
                    head += part[: _HEAD - len(head)]
                    _check_head(head, whole=False)
                await asyncio.to_thread(stream.write, part)  # a slow disk holds up nobody else
                size += len(part)
            _check_head(head, whole=True)
            if expected is not None and size != expected:
                raise RefusedError(400, "the video broke off: send it again")
            stream.flush()
            await asyncio.to_thread(os.fsync, stream.fileno())
    except BaseException:
        remove_upload(gallery, folder.relative_to(gallery) / name)
        raise
    return folder.relative_to(gallery) / name


def remove_upload(gallery: Path, file: Path) -> None:
    """Remove a video that is not needed any more, and the folder of uploads when it was the last."""
    shutil.rmtree(gallery / file.parent, ignore_errors=True)
    _remove_if_empty(gallery / FOLDER)


def remove_forgotten(gallery: Path, needed: set[Path], before: float) -> None:
    """Remove what is left of uploads that broke off when an earlier service was killed.

    Args:
        gallery: its folder.
        needed: files of videos that are still to be indexed, relative to the folder.
        before: seconds since 1970; what began later is still coming in.
    """
    kept = {file.parent.name for file in needed}
    for folder in (gallery / FOLDER).glob("*"):
        if folder.name not in kept and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)
    _remove_if_empty(gallery / FOLDER)


def _check_head(head: bytes, *, whole: bool) -> None:
    if (whole or len(head) >= _HEAD) and not looks_like_video(head):
        raise RefusedError(415, "this is no video: its content begins as no MP4, MOV, MKV, WebM, AVI or MPEG file")


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
