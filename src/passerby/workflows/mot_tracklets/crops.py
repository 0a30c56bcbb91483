"""The crops of a sequence, cut out of its frames, each written once and whole."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.progress import Progress
from passerby.video.collection import CropOptions
from passerby.video.collection.quality import as_jpeg, cut
from passerby.video.reading import open_source
from passerby.workflows.mot_tracklets.boxes import TrackedBoxes

_ANY_RATE = 25.0
"""Pictures a second of folders that do not say: only their numbers are used."""


def crop_files(folder: Path, boxes: TrackedBoxes) -> list[Path]:
    """Where the crop of each box is to lie."""
    names = zip(boxes.tracks, boxes.frames.tolist(), strict=True)
    return [folder / f"{track}-{frame + 1:06d}.jpg" for track, frame in names]


def cut_crops(frames: Path, boxes: TrackedBoxes, files: list[Path], progress: Progress) -> None:
    """Write the crops that are not there yet, with the margin and quality of `passerby track`.

    Boxes outside their frame, and of frames that are missing or damaged, get none.

    Args:
        frames: a video, or a folder of pictures.
        boxes: N of them.
        files: where to, N.
        progress: counts boxes.

    Raises:
        DataError: the frames cannot be read.
    """
    wanted: dict[int, list[int]] = {}
    for row, (frame, file) in enumerate(zip(boxes.frames.tolist(), files, strict=True)):
        if not file.is_file():
            wanted.setdefault(frame, []).append(row)
    missing = sum(map(len, wanted.values()))
    progress.skip(len(boxes) - missing)
    if not wanted:
        return
    rate = _ANY_RATE if frames.is_dir() and not (frames / "seqinfo.ini").is_file() else None
    last = max(wanted)
    with open_source(frames, skip_to=min(wanted), frame_rate=rate) as source:
        for frame in source:
            rows = wanted.pop(frame.number, [])
            for row in rows:
                _write_crop(frame.image, boxes.boxes[row], files[row])
            progress.advance(len(rows))
            if frame.number >= last:
                break
    progress.advance(sum(map(len, wanted.values())))


def _write_crop(image: NDArray[np.uint8], box: NDArray[np.float64], file: Path) -> None:
    height, width = image.shape[:2]
    inside = np.minimum(box[2:], (width, height)) - np.maximum(box[:2], 0)
    if (inside < 1).any():
        return
    options = CropOptions()
    crop = cut(image, box.astype(np.float32), margin=options.margin)
    with write_atomically(file) as temporary:
        temporary.write_bytes(as_jpeg(crop, options.jpeg_quality))
