"""A film of the synthetic world with its ground truth drawn in, in a form that browsers play."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.errors import DataError
from passerby.progress import Progress
from passerby.synth.output.video_file import check_whole, open_writer

Frame = NDArray[np.uint8]

_CODECS = {"vp09": ("VP9", True), "mp4v": ("MPEG-4 Part 2 (mp4v)", False)}
"""By the four letters of each: its name, and whether browsers play it; the first that OpenCV can write is taken."""

_WIDTH, _EVERY = 480, 2
"""A smaller picture and every second frame: browsers' codecs take seconds of a core for each second of film."""

_AGAIN = "remove its folder, and let it be drawn anew"
_STILLS = 4
_MUCH_SEEN = 0.9
_SEEN, _HIDDEN, _INK = (120, 190, 60), (60, 60, 235), (255, 255, 255)  # BGR


@dataclass(frozen=True)
class Film:
    """A film with boxes, and what a page says about it.

    Attributes:
        file: the .mp4.
        codec: name of the codec.
        plays: whether browsers play that codec.
        seconds: its length.
        people: how many come by.
        stills: frames out of it, evenly spread, RGB.
    """

    file: Path
    codec: str
    plays: bool
    seconds: float
    people: int
    stills: tuple[Image.Image, ...]


@dataclass(frozen=True)
class _Box:
    """A row of the ground truth: whose, where in pixels, and the share of the person that is seen."""

    person: int
    x: float
    y: float
    width: float
    height: float
    visible: float


def draw_truth(folder: Path, file: Path, *, quiet: bool = False) -> Film:
    """Draw the boxes of the ground truth into the first video of a folder that `passerby.synth.write_videos` made.

    Args:
        folder: of the videos.
        file: the .mp4 to write, smaller and of every second frame; its folder is made, an older file replaced.
        quiet: show no progress.

    Raises:
        DataError: there is no video, it cannot be read, there is no room, or this build of OpenCV writes no .mp4.
    """
    videos = sorted((folder / "videos").glob("*.mp4"))
    if not videos:
        raise DataError(f"{folder}: holds no videos: draw them with `passerby synth --videos`")
    truth = _truth(folder / "gt" / f"{videos[0].stem}.txt")
    people = {box.person for boxes in truth.values() for box in boxes}
    capture = cv2.VideoCapture(str(videos[0]))
    try:
        rate, count = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if not count:
            raise DataError(f"{videos[0]}: cannot be read as a video: {_AGAIN}")
        file.parent.mkdir(parents=True, exist_ok=True)
        drawn = -(-count // _EVERY)
        with (
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".film-") as temporary,
            Progress("drawing boxes", drawn, unit="frames", quiet=quiet) as progress,
        ):
            written = Path(temporary) / file.name  # whose ending tells OpenCV the container
            frames = _annotated(_frames(capture, count, videos[0]), truth)
            codec, plays, stills = _encode(frames, drawn, written, rate / _EVERY, progress)
            written.replace(file)
    finally:
        capture.release()
    return Film(file, codec, plays, count / rate, len(people), stills)


def _truth(file: Path) -> dict[int, list[_Box]]:
    """Boxes by frame, from 1."""
    found: dict[int, list[_Box]] = defaultdict(list)
    for line in file.read_text("utf-8").splitlines():
        frame, person, x, y, width, height, _, _, visible = line.split(",")
        found[int(frame)].append(_Box(int(person), *map(float, (x, y, width, height, visible))))
    return found


def _frames(capture: cv2.VideoCapture, count: int, file: Path) -> Iterator[Frame]:
    for number in range(count):
        there, image = capture.read()
        if not there:
            raise DataError(f"{file}: ends after {number} of {count:,} frames: {_AGAIN}")
        yield np.asarray(image, dtype=np.uint8)


def _annotated(frames: Iterator[Frame], truth: dict[int, list[_Box]]) -> Iterator[Frame]:
    for number, image in enumerate(frames, start=1):
        if (number - 1) % _EVERY:
            continue
        zoom = _WIDTH / image.shape[1]
        size = _WIDTH, 2 * round(image.shape[0] * zoom / 2)
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        # Far people first, so that the words about near ones are not drawn over.
        for box in sorted(truth.get(number, []), key=lambda box: box.y + box.height):
            _draw(small, box, zoom)
        yield small


def _draw(image: Frame, box: _Box, zoom: float) -> None:
    colour = _SEEN if box.visible >= _MUCH_SEEN else _HIDDEN
    left, top, right, bottom = (round(zoom * edge) for edge in (box.x, box.y, box.x + box.width, box.y + box.height))
    cv2.rectangle(image, (left, top), (right, bottom), colour, 1, cv2.LINE_AA)
    words = f"{box.person}: {100 * box.visible:.0f}%"
    (width, height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.35, 1)
    base = max(top - 3, height + 2)
    cv2.rectangle(image, (left, base - height - 2), (left + width + 4, base + 3), colour, cv2.FILLED)
    cv2.putText(image, words, (left + 2, base), cv2.FONT_HERSHEY_SIMPLEX, 0.35, _INK, 1, cv2.LINE_AA)


def _encode(
    frames: Iterator[Frame], count: int, file: Path, rate: float, progress: Progress
) -> tuple[str, bool, tuple[Image.Image, ...]]:
    """Write the frames; returns the codec's name, whether browsers play it, and a few frames evenly spread."""
    shown = {(2 * still + 1) * count // (2 * _STILLS) for still in range(_STILLS)}
    first = next(frames)
    stills = []
    writer, letters = open_writer(file, list(_CODECS), rate, (first.shape[1], first.shape[0]))
    try:
        for number, image in enumerate(chain([first], frames)):
            writer.write(image)
            if number in shown:
                stills.append(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
            progress.advance(1)
    finally:
        writer.release()
    check_whole(file, count)
    return *_CODECS[letters], tuple(stills)
