"""Search files for what should be gone: features, pictures, names.

What is looked for are pieces of them. A database may cut a long value in two at the end of a page; of a value longer
than a piece there are several, so that whatever is left of it holds at least one whole.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.stores.sqlite import FILE

PIECE = 24
"""Bytes of a piece: as good as never the same by chance."""

_STEP = 256
_BLOCK = 1 << 24
_STRIDE = 1 << 18
"""Bytes that are looked at together: what is computed of them fits into a processor's cache."""

_COPY = """
import shutil, sys
try:
    file = open(sys.argv[1], "rb")
except FileNotFoundError:
    sys.exit()
shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
"""


class Trace(NamedTuple):
    """A piece of what should be gone, found in a file.

    Attributes:
        file: where.
        offset: of its first byte.
        kind: what it belongs to, such as `feature`.
    """

    file: Path
    offset: int
    kind: str


def pieces(value: bytes) -> list[bytes]:
    """Pieces of a long value; none of those that are nearly all one byte, as empty parts of files are."""
    cut = [value[first : first + PIECE] for first in range(0, max(1, len(value) - PIECE + 1), _STEP)]
    return [piece for piece in cut if len(piece) == PIECE and len(set(piece)) > PIECE // 4]


def find_traces(files: Iterable[Path], wanted: Sequence[tuple[str, bytes]]) -> dict[bytes, Trace]:
    """Where byte strings stand in files: each that was found, with its first place.

    Args:
        files: to read, in blocks; one that vanishes meanwhile is passed over.
        wanted: kind and byte string, each of at least four bytes.
    """
    kinds = {piece: kind for kind, piece in wanted}
    if not kinds:
        return {}
    patterns = _Patterns(list(kinds))
    found: dict[bytes, Trace] = {}
    for file in files:
        for offset, piece in _matches(file, patterns):
            found.setdefault(piece, Trace(file, offset, kinds[piece]))
    return found


class _Patterns:
    """Byte strings to look for all at once: tables of which pairs of bytes they have where leave few places to compare.

    Args:
        pieces: the strings, each of at least four bytes.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.longest = max(map(len, pieces))
        self._begins = _pairs_at(0, pieces), _pairs_at(2, pieces)
        self._groups = []
        for size in sorted({*map(len, pieces)}):
            group = {piece for piece in pieces if len(piece) == size}
            tables = [(place, _pairs_at(place, group)) for place in range(0, size - 1, 2)]
            self._groups.append((size, group, tables))

    def find(self, text: bytes) -> Iterator[tuple[int, bytes]]:
        """Places in a text, and which string stands there."""
        for start in range(0, len(text) - 3, _STRIDE):
            read = min(_STRIDE + self.longest, len(text) - start)
            single = np.frombuffer(text, np.uint8, read, start).astype(np.uint16)
            pairs = single[:-1] | single[1:] << np.uint16(8)
            likely = np.flatnonzero(self._begins[0][pairs[:-2][:_STRIDE]])
            likely = likely[self._begins[1][pairs[likely + 2]]]
            for size, pieces, tables in self._groups:
                places = likely[likely <= read - size]
                for offset, table in tables:
                    places = places[table[pairs[places + offset]]]
                for place in (places + start).tolist():
                    if (piece := text[place : place + size]) in pieces:
                        yield place, piece


def _pairs_at(place: int, pieces: Iterable[bytes]) -> NDArray[np.bool_]:
    table = np.zeros(1 << 16, np.bool_)
    table[[int.from_bytes(piece[place : place + 2], "little") for piece in pieces]] = True
    return table


def _matches(file: Path, patterns: _Patterns) -> Iterator[tuple[int, bytes]]:
    with _opened(file) as stream:
        start, rest = 0, b""
        while block := stream.read(_BLOCK):
            text = rest + block
            for place, piece in patterns.find(text):
                if place + len(piece) > len(rest):  # others were found in the block before
                    yield start + place, piece
            kept = min(patterns.longest - 1, len(text))
            start, rest = start + len(text) - kept, text[len(text) - kept :]


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    """The content of a file, empty if it has vanished.

    The files of SQLite are read by another process: when one closes a file, the system lets go of all locks that this
    process has on it, SQLite's too; whoever then opens and closes the gallery takes itself for the last one, removes
    the log, and what this process writes afterwards is lost.
    """
    if not file.name.startswith(FILE):
        try:
            stream: IO[bytes] = file.open("rb")
        except FileNotFoundError:
            stream = BytesIO()
        with stream:
            yield stream
        return
    command = [sys.executable, "-I", "-S", "-c", _COPY, str(file)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout
    if process.returncode:
        raise GalleryError(f"{file}: cannot be searched for what was erased: see that it can be read, and erase again")
