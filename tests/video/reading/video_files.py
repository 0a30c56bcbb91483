"""Video files for tests, whose every frame shows its number, and MP4 headers rewritten as recorders write them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 96, 128
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}
BITS = 8


def numbered_picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """BGR; its upper half shows the number as eight black or white columns, its lower left quarter is red."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        image[: height // 2, left:right] = 255 if number >> bit & 1 else 0
    image[height // 2 :, : width // 2] = (0, 0, 255)
    return image


def number_shown(image: NDArray[np.uint8]) -> int:
    """The number that an upright RGB picture shows."""
    height, width = image.shape[:2]
    middles = [image[height // 4, (2 * bit + 1) * width // (2 * BITS)].mean() for bit in range(BITS)]
    return sum((middle > 128) << bit for bit, middle in enumerate(middles))


def write_video(
    file: Path, frames: int = 20, *, codec: str = "mp4v", rate: float = 25.0, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), rate, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(numbered_picture(number, size[1], size[0]))
    writer.release()
    return file


class Box:
    """A box of an MP4 file, as a tree that can be changed and written again."""

    def __init__(self, name: bytes, content: bytes) -> None:
        self.name = name
        self.content = content
        self.children = boxes(content) if name in _CONTAINERS else []

    def find(self, *path: bytes) -> "Box":
        found = next(child for child in self.children if child.name == path[0])
        return found.find(*path[1:]) if path[1:] else found

    def bytes(self) -> bytes:
        content = b"".join(child.bytes() for child in self.children) if self.name in _CONTAINERS else self.content
        return struct.pack(">I4s", len(content) + 8, self.name) + content


def boxes(content: bytes) -> list[Box]:
    found = []
    start = 0
    while start < len(content):
        size, name = struct.unpack(">I4s", content[start : start + 8])
        found.append(Box(name, content[start + 8 : start + size]))
        start += size
    return found


class Mp4:
    """An MP4 file of one video track, as OpenCV writes it: the header after the frames."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.boxes = boxes(file.read_bytes())
        self.movie = next(box for box in self.boxes if box.name == b"moov")
        self.track = next(box for box in self.movie.children if box.name == b"trak")
        self.table = self.track.find(b"mdia", b"minf", b"stbl")

    def set_durations(self, seconds: Sequence[float]) -> None:
        """How long each frame is shown: `stts`, and the lengths that other boxes say."""
        units = self._media_units()
        ticks = [round(each * units) for each in seconds]
        rows = b"".join(struct.pack(">II", 1, tick) for tick in ticks)
        self.table.find(b"stts").content = struct.pack(">II", 0, len(ticks)) + rows
        self.track.find(b"mdia", b"mdhd").content = _patched(
            self.track.find(b"mdia", b"mdhd").content, 16, struct.pack(">I", sum(ticks))
        )
        movie_units = struct.unpack(">I", self.movie.find(b"mvhd").content[12:16])[0]
        length = struct.pack(">I", round(sum(seconds) * movie_units))
        for box, place in ((self.movie.find(b"mvhd"), 16), (self.track.find(b"tkhd"), 20)):
            box.content = _patched(box.content, place, length)
        self.track.children = [box for box in self.track.children if box.name != b"edts"]

    def set_rotation(self, degrees: int) -> None:
        """How far a player turns the pictures clockwise: the matrix of `tkhd`."""
        cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
        matrix = struct.pack(">9i", *(each << 16 for each in (cosine, sine, 0, -sine, cosine, 0, 0, 0)), 1 << 30)
        header = self.track.find(b"tkhd")
        header.content = _patched(header.content, 40, matrix)

    def set_created(self, seconds: int) -> None:
        """When the recording was made, in seconds since 1904."""
        header = self.movie.find(b"mvhd")
        header.content = _patched(header.content, 4, struct.pack(">I", seconds))

    def add_second_track(self) -> None:
        """A copy of the track under another number."""
        copy = boxes(self.track.bytes())[0]
        header = copy.find(b"tkhd")
        header.content = _patched(header.content, 12, struct.pack(">I", 2))
        self.movie.children.insert(self.movie.children.index(self.track) + 1, copy)

    def write(self, file: Path, *, header_first: bool = False) -> Path:
        """Write it; with the header in front, as for streaming, where the frames then start further back."""
        if header_first:
            shift = len(self.movie.bytes())
            offsets = self.table.find(b"stco")
            places = struct.unpack(f">{(len(offsets.content) - 8) // 4}I", offsets.content[8:])
            offsets.content = offsets.content[:8] + struct.pack(f">{len(places)}I", *(p + shift for p in places))
            rest = [box for box in self.boxes if box.name not in (b"moov", b"ftyp")]
            self.boxes = [self.boxes[0], self.movie, *rest]
        file.write_bytes(b"".join(box.bytes() for box in self.boxes))
        return file

    def _media_units(self) -> int:
        return int(struct.unpack(">I", self.track.find(b"mdia", b"mdhd").content[12:16])[0])


def _patched(content: bytes, place: int, value: bytes) -> bytes:
    return content[:place] + value + content[place + len(value) :]


def flip_bits(source: Path, target: Path, flips: int, first: float, last: float) -> Path:
    """A copy in which bits are flipped between two places, given as shares of the file."""
    content = bytearray(source.read_bytes())
    generator = np.random.default_rng(7)
    for place in generator.integers(int(len(content) * first), int(len(content) * last), flips):
        content[place] ^= 1 << int(generator.integers(8))
    target.write_bytes(content)
    return target
