"""Writing .mp4 files, with checks that OpenCV does not make."""

from collections.abc import Sequence
from pathlib import Path

import cv2

from passerby.errors import DataError


def open_writer(file: Path, codecs: Sequence[str], frames_per_second: float, size: tuple[int, int]) -> cv2.VideoWriter:
    """A writer for the first of these codecs that this build of OpenCV can write.

    Args:
        file: must end in .mp4.
        codecs: their four letters.
        frames_per_second: of the video.
        size: width and height in pixels, even.

    Raises:
        DataError: it can write none.
    """
    for letters in codecs:
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*letters), frames_per_second, size)
        if writer.isOpened():
            return writer
    raise DataError(f"{file}: this build of OpenCV writes no .mp4; install opencv-python-headless from PyPI")


def check_whole(file: Path, frames: int) -> None:
    """Check that all frames are in a video that has been written and released.

    Raises:
        DataError: some are not, as on a full disk.
    """
    capture = cv2.VideoCapture(str(file))
    written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    if written != frames:
        raise DataError(f"{file}: {written} of {frames:,} frames could be written: see that there is room")
