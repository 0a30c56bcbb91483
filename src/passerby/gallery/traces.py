"""Search files for what should be gone: features, pictures, names.

What is looked for are pieces of them. A database may cut a long value in two at the end of a page; of a value longer
than a piece there are several, so that whatever is left of it holds at least one whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PIECE = 24
"""Bytes of a piece: as good as never the same by chance."""

_STEP = 256
_BLOCK = 1 << 24
_PATTERNS_AT_ONCE = 2_000


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
        wanted: kind and byte string, none of them empty.
    """
    kinds = {piece: kind for kind, piece in wanted}
    listed = sorted(kinds)
    found: dict[bytes, Trace] = {}
    for file in files:
        for first in range(0, len(listed), _PATTERNS_AT_ONCE):
            some = listed[first : first + _PATTERNS_AT_ONCE]
            expression = re.compile(b"|".join(map(re.escape, some)))
            for offset, piece in _matches(file, expression, max(map(len, some)) - 1):
                found.setdefault(piece, Trace(file, offset, kinds[piece]))
    return found


def _matches(file: Path, expression: re.Pattern[bytes], overlap: int) -> Iterator[tuple[int, bytes]]:
    try:
        stream = file.open("rb")
    except FileNotFoundError:
        return
    with stream:
        start, rest = 0, b""
        while block := stream.read(_BLOCK):
            text = rest + block
            for match in expression.finditer(text):
                if match.end() > len(rest):  # others were found in the block before
                    yield start + match.start(), match.group()
            kept = min(overlap, len(text))
            start, rest = start + len(text) - kept, text[len(text) - kept :]
