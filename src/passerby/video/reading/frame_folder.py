"""A folder of pictures as a source, such as a sequence in MOTChallenge layout."""

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path

import numpy as np

from passerby.data.image_files import image_files
from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError
from passerby.printable import printable
from passerby.video.frame import Frame
from passerby.video.reading.source import Source, wall_time
from passerby.video.reading.summary import SourceSummary
from passerby.video.reading.time_stamps import Pace

_MOST_FRAMES = 10**8
_GAP = 1.0  # seconds without a readable picture, after which nobody can be followed


@dataclass(frozen=True)
class Sequence:
    """The pictures of a folder.

    Attributes:
        folder: where the pictures lie.
        names: their files, in order.
        numbers: the number of each, from 0; MOTChallenge's less 1.
        frame_rate: pictures a second; None where nothing says so.
        length: how many there should be.
    """

    folder: Path
    names: list[str]
    numbers: list[int]
    frame_rate: float | None
    length: int


def read_sequence(folder: Path) -> Sequence:
    """The pictures of a folder: as its `seqinfo.ini` says, or all in it, by name.

    Where the names of the files are numbers the pictures have these numbers, so that one that is missing leaves a gap.

    Raises:
        DataError: it cannot be read, holds no pictures, or its seqinfo.ini is not as MOTChallenge's.
    """
    described = folder / "seqinfo.ini"
    rate, length = None, 0
    if described.is_file():
        pictures, rate, length = _described(described)
    else:
        pictures = folder
    names = image_files(pictures)
    if not names:
        raise DataError(f"{printable(str(pictures))}: holds no pictures: give a video, or a folder of pictures")
    stems = [Path(name).stem for name in names]
    if all(stem.isascii() and stem.isdecimal() and len(stem) < 19 for stem in stems):
        first = 1 if described.is_file() else min(int(stem) for stem in stems)
        numbered = sorted((int(stem) - first, name) for stem, name in zip(stems, names, strict=True))
        numbers, names = [number for number, _ in numbered], [name for _, name in numbered]
        if len(set(numbers)) < len(numbers) or numbers[0] < 0:
            raise DataError(
                f"{printable(str(pictures))}: two pictures have one number, or one has 0: number them from 1"
            )
        if numbers[-1] > _MOST_FRAMES:
            raise DataError(
                f"{printable(str(pictures))}: the numbers of its pictures lie more than {_MOST_FRAMES:,} apart, as "
                "times do: name them by numbers of frames"
            )
    else:
        numbers = list(range(len(names)))
    return Sequence(pictures, names, numbers, rate, max(length, numbers[-1] + 1))


class FrameFolder(Source):
    """Pictures of a folder, at a constant rate.

    Args:
        name: as messages show it.
        sequence: the pictures.
        frame_rate: pictures a second.
        fps: at most so many a second are wanted; None for all.
        skip_to: the number of the first picture that is wanted.
        start: when the picture of number 0 was taken, with a time zone.
    """

    def __init__(
        self, name: str, sequence: Sequence, frame_rate: float, fps: float | None, skip_to: int, start: datetime | None
    ) -> None:
        self.name = name
        self.start = start
        self.duration = sequence.length / frame_rate
        self._sequence = sequence
        self._frame_rate = frame_rate
        self._pace = Pace(fps)
        self._skip_to = skip_to
        self._read = self._damaged = self._analysed = self._discontinuities = 0
        self._missing = sequence.length - len(sequence.names)
        self._seconds = 0.0
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        """The pictures that are to be analysed; those that cannot be read are counted and left out."""
        good: float | None = None  # the time of the last picture known to be good
        broken = False
        for number, name in zip(self._sequence.numbers, self._sequence.names, strict=True):
            if self._closed:
                return
            seconds = self._seconds = round((number - self._sequence.numbers[0]) / self._frame_rate, 6)
            self._read += 1
            jumped = good is not None and seconds - good > max(_GAP, 1.5 / self._frame_rate)
            self._discontinuities += jumped and not broken
            broken |= jumped
            if not self._pace.takes(seconds) or number < self._skip_to:
                good = seconds
                continue
            try:
                image = np.asarray(read_image(self._sequence.folder / name))
            except DataError:
                self._damaged += 1
                continue
            self._analysed += 1
            yield Frame(image, number, seconds, wall_time(self.start, seconds), broken)
            good, broken = seconds, False

    @property
    def summary(self) -> SourceSummary:
        """Counts so far."""
        return SourceSummary(
            name=self.name,
            frames_read=self._read,
            frames_analysed=self._analysed,
            frames_damaged=self._damaged,
            frames_missing=self._missing,
            discontinuities=self._discontinuities,
            duration=self._seconds,
        )

    def close(self) -> None:
        """Hand out no more pictures."""
        self._closed = True


def _described(file: Path) -> tuple[Path, float, int]:
    """The folder of the pictures, their rate, and how many there should be."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        section = parser["Sequence"]
        folder = file.parent / section.get("imDir", "img1")
        rate, length = section.getfloat("frameRate"), section.getint("seqLength", 0)
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError, ValueError) as error:
        raise DataError(
            f"{printable(str(file))} is not as MOTChallenge's: it needs [Sequence] with imDir, frameRate and seqLength"
        ) from error
    if rate is None or not (isfinite(rate) and rate > 0) or length < 0 or length > _MOST_FRAMES:
        raise DataError(f"{printable(str(file))}: frameRate must be above 0, and seqLength a count of frames")
    return folder, rate, length
