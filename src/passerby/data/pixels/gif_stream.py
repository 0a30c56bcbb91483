"""How many pixels the first image of a GIF file holds, from its stream of codes (GIF89a specification, appendix F)."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

_EXTENSION, _IMAGE = b"!", b","
_WIDEST = 12  # bits of a code


def gif_pixels(stream: BinaryIO) -> tuple[int, int]:
    """Pixels of the first image of a GIF: how many there should be, and how many there are, if fewer.

    Args:
        stream: of the file, at its beginning.
    """
    header = stream.read(13)
    _skip_colours(stream, header[10])
    while (kind := stream.read(1)) == _EXTENSION:
        stream.read(1)  # which
        for _ in _blocks(stream):
            pass
    descriptor = stream.read(9)
    if kind != _IMAGE or len(descriptor) < 9:
        return 1, 0
    width, height = int.from_bytes(descriptor[4:6], "little"), int.from_bytes(descriptor[6:8], "little")
    _skip_colours(stream, descriptor[8])
    smallest = int.from_bytes(stream.read(1), "big")
    if not 1 <= smallest < _WIDEST:
        return width * height, 0
    return width * height, _count(_Codes(_blocks(stream)), smallest, width * height)


def _skip_colours(stream: BinaryIO, flags: int) -> None:
    """Skip a table of colours, whose flags say whether there is one and how long it is."""
    if flags & 0x80:
        stream.seek(3 * (2 << (flags & 7)), 1)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The blocks of data up to the empty one, or to the end of the file."""
    while size := stream.read(1):
        if not size[0]:
            return
        yield stream.read(size[0])


class _Codes:
    """Codes of changing width out of bytes, the lowest bits first."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._bytes = (byte for block in blocks for byte in block)
        self._held = self._bits = 0

    def next(self, width: int) -> int | None:
        """The next code of so many bits; None at the end."""
        while self._bits < width:
            byte = next(self._bytes, None)
            if byte is None:
                return None
            self._held |= byte << self._bits
            self._bits += 8
        code = self._held & ((1 << width) - 1)
        self._held >>= width
        self._bits -= width
        return code


def _count(codes: _Codes, smallest: int, enough: int) -> int:
    """Pixels that the codes stand for, up to `enough`; what comes after a code that stands for nothing is not read."""
    clear, end = 1 << smallest, (1 << smallest) + 1
    count = 0
    lengths, previous = [1] * clear + [0, 0], 0  # in pixels: of each code, and of the one before
    while count < enough:
        code = codes.next(min((len(lengths)).bit_length(), _WIDEST))
        if code is None or code == end:
            break
        if code == clear:
            lengths, previous = [1] * clear + [0, 0], 0
            continue
        if previous and len(lengths) < 1 << _WIDEST:
            lengths.append(previous + 1)
        if code >= len(lengths):
            break
        previous = lengths[code]
        count += previous
    return count
