"""Frames of a drawn video with its ground truth: whoever comes by has the same colour and number at every camera."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.data.formats.mot import MotTruth, read_mot_truth
from passerby.errors import DataError

_GOLDEN = 0.618034
"""Turns of the colour wheel from one person to the next: no two of many are alike."""

_INK, _LARGEST_LETTERS = (255, 255, 255), 0.45


def true_stills(video: Path, truth: Path, count: int) -> list[Image.Image]:
    """Frames of a video with the boxes of the truth, RGB: of equal stretches of it, those with most people.

    Args:
        video: the file.
        truth: of it, as `passerby.synth.write_videos` writes it.
        count: how many, in the order of time.

    Raises:
        DataError: a file cannot be read.
    """
    boxes = read_mot_truth(truth)
    capture = cv2.VideoCapture(str(video))
    try:
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return [_still(capture, video, number, boxes) for number in _chosen(boxes, frames, count)]
    finally:
        capture.release()


def _chosen(boxes: MotTruth, frames: int, count: int) -> list[int]:
    """Numbers of frames, from 0."""
    crowds: defaultdict[int, int] = defaultdict(int)
    for frame in boxes.frames.tolist():
        crowds[frame] += 1
    ends = [place * frames // count for place in range(count + 1)]
    stretches = [range(begin, max(end, begin + 1)) for begin, end in pairwise(ends)]
    return [max(stretch, key=lambda frame: (crowds[frame], -frame)) for stretch in stretches]


def _still(capture: cv2.VideoCapture, video: Path, number: int, boxes: MotTruth) -> Image.Image:
    capture.set(cv2.CAP_PROP_POS_FRAMES, number)
    there, read = capture.read()
    if not there:
        raise DataError(f"{video}: frame {number:,} cannot be read: remove its folder, and let it be drawn anew")
    image = np.asarray(read, np.uint8)
    rows = np.flatnonzero(boxes.frames == number)
    # Far people first, so that the numbers of near ones are not drawn over.
    for row in rows[np.argsort(boxes.boxes[rows, 3])]:
        _draw(image, boxes.boxes[row], int(boxes.identities[row]))
    return Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _draw(image: NDArray[np.uint8], box: NDArray[np.float64], person: int) -> None:
    left, top, right, bottom = (round(float(edge)) for edge in box)
    colour = _colour(person)
    cv2.rectangle(image, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
    letters = _LARGEST_LETTERS
    (width, height), _ = cv2.getTextSize(str(person), cv2.FONT_HERSHEY_SIMPLEX, letters, 1)
    base = max(top, height + 6)
    cv2.rectangle(image, (left - 1, base - height - 6), (left + width + 5, base), colour, cv2.FILLED)
    cv2.putText(image, str(person), (left + 2, base - 3), cv2.FONT_HERSHEY_SIMPLEX, letters, _INK, 1, cv2.LINE_AA)


def _colour(person: int) -> Sequence[int]:
    """Blue, green and red."""
    hue = round(180 * ((person * _GOLDEN) % 1))
    colour: list[int] = cv2.cvtColor(np.array([[[hue, 200, 165]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return colour
