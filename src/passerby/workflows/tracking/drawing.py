"""Write the videos once more, with the boxes and ids of tracklets drawn in."""

import colorsys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.progress import Progress
from passerby.synth.output.video_file import check_whole, open_writer
from passerby.workflows.tracking.boxes import read_boxes
from passerby.workflows.tracking.folder import TrackFolder
from passerby.workflows.tracking.source_work import SourceJob, open_tracked

_CODECS = ("mp4v", "vp09")
"""By preference: the first takes a tenth of the time of the second."""

_INK = (255, 255, 255)


def draw_videos(
    folder: TrackFolder, jobs: Sequence[SourceJob], outcomes: Sequence[dict[str, Any]], *, show: bool
) -> list[Path]:
    """Write `drawn/NAME.mp4` for each source, of the frames that were analysed; those that are there are left.

    Args:
        folder: whose table says where everybody is.
        jobs: the sources, which are read a second time.
        outcomes: what came of each.
        show: whether to show progress on stderr.

    Raises:
        DataError: a source cannot be read any more, or OpenCV cannot write .mp4 here.
    """
    folder.drawn.mkdir(parents=True, exist_ok=True)
    written = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        file = folder.drawn / f"{job.source.name}.mp4"
        if not file.exists():
            frames, seconds = outcome["frames_analysed"], outcome["duration"]
            rate = (frames - 1) / seconds if frames > 1 and seconds > 0 else 25.0
            with (
                Progress(f"drawing {job.source.name}", frames, unit="frames", quiet=not show) as progress,
                tempfile.TemporaryDirectory(dir=folder.drawn, prefix=".drawing-") as temporary,
            ):
                made = Path(temporary) / file.name  # whose ending tells OpenCV the container
                _draw(folder, job, made, min(rate, 120.0), progress)
                made.replace(file)
        written.append(file)
    return written


def _draw(folder: TrackFolder, job: SourceJob, file: Path, rate: float, progress: Progress) -> None:
    known = read_boxes(folder.table, job.source.name)
    colours = [_colour(name) for name in known.names]
    labels = [name.rpartition("-")[2].lstrip("0") for name in known.names]
    writer, count = None, 0
    try:
        with open_tracked(job) as source:
            for frame in source:
                image = _even(cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
                if writer is None:
                    size = (image.shape[1], image.shape[0])
                    writer = open_writer(file, _CODECS, rate, size)
                elif (image.shape[1], image.shape[0]) != size:
                    image = np.asarray(cv2.resize(image, size), np.uint8)
                first, last = np.searchsorted(known.frames, [frame.number, frame.number + 1])
                for track, box in zip(known.tracks[first:last].tolist(), known.boxes[first:last], strict=True):
                    _box(image, box, labels[track], colours[track])
                writer.write(image)
                count += 1
                progress.advance(1)
                if job.settings.reading.seconds is not None and frame.time >= job.settings.reading.seconds:
                    break
    finally:
        if writer is not None:
            writer.release()
    check_whole(file, count)


def _even(image: NDArray[Any]) -> NDArray[np.uint8]:
    """The picture with even width and height, which codecs ask for."""
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)


def _box(image: NDArray[np.uint8], box: NDArray[np.float32], label: str, colour: tuple[int, int, int]) -> None:
    left, top, right, bottom = (round(float(edge)) for edge in box)
    scale = max(0.4, image.shape[0] / 1400)
    thick = max(1, round(2 * scale))
    cv2.rectangle(image, (left, top), (right, bottom), colour, thick, cv2.LINE_AA)
    (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    base = max(top, height + 4)
    cv2.rectangle(image, (left, base - height - 4), (left + width + 6, base), colour, cv2.FILLED)
    cv2.putText(image, label, (left + 3, base - 2), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, thick, cv2.LINE_AA)


def _colour(name: str) -> tuple[int, int, int]:
    """A colour for a tracklet, BGR: neighbours in number differ much, and white can be read on all."""
    hue = int(name.rpartition("-")[2]) * 0.618034 % 1
    red, green, blue = colorsys.hls_to_rgb(hue, 0.38, 0.75)
    return round(255 * blue), round(255 * green), round(255 * red)
