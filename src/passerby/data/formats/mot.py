"""MOTChallenge's files: comma-separated rows of a frame, an identity and a box; what `passerby synth` writes, too.

| file | columns after frame, identity, left, top, width, height |
|---|---|
| ground truth, MOT16 and later | flag (0: to be ignored), class, visible fraction |
| ground truth, MOT15 | flag, and three of a place in the world |
| result, detections (identity -1) | score, and three that are -1 |

Frames count from 1 in files and from 0 here. Boxes are taken as they stand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_text_atomically
from passerby.errors import DataError
from passerby.printable import printable

_MOT15_COLUMNS = 10
_LARGEST = 2**53  # beyond it, floats are not whole numbers


class MotBoxes(NamedTuple):
    """Rows of a result, by frame as in the file.

    Attributes:
        frames: int64 [N], from 0.
        identities: int64 [N], of tracks; -1 where nobody was followed.
        boxes: float64 [N, 4], left, top, right, bottom in pixels.
        scores: float64 [N]; 1 where the file has none.
    """

    frames: NDArray[np.int64]
    identities: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


class MotTruth(NamedTuple):
    """Rows of a ground truth.

    Attributes:
        frames, identities, boxes: as in `MotBoxes`.
        considered: bool [N], whether the box counts.
        classes: int64 [N], 1 is a pedestrian; None in a file of MOT15.
        visible: float64 [N], visible fraction; None in a file of MOT15.
    """

    frames: NDArray[np.int64]
    identities: NDArray[np.int64]
    boxes: NDArray[np.float64]
    considered: NDArray[np.bool_]
    classes: NDArray[np.int64] | None
    visible: NDArray[np.float64] | None


def read_mot_result(file: Path) -> MotBoxes:
    """Read tracks (`tracks/C1.txt`) or detections (`det/det.txt`).

    Raises:
        DataError: the file cannot be read, or a line is not as it should be.
    """
    rows = _read(file, least=6)
    frames, identities, boxes = _common(rows, file)
    scores = rows[:, 6] if rows.shape[1] > 6 else np.ones(len(rows))
    return MotBoxes(frames, identities, boxes, scores)


def read_mot_truth(file: Path) -> MotTruth:
    """Read a ground truth (`gt/gt.txt`).

    Raises:
        DataError: the file cannot be read, or a line is not as it should be.
    """
    rows = _read(file, least=7)
    frames, identities, boxes = _common(rows, file)
    if not len(rows):
        return MotTruth(frames, identities, boxes, np.empty(0, np.bool_), np.empty(0, np.int64), np.empty(0))
    considered = rows[:, 6] != 0
    if rows.shape[1] not in (8, 9):
        return MotTruth(frames, identities, boxes, considered, None, None)
    classes = _whole(rows[:, 7], "class", file)
    visible = rows[:, 8] if rows.shape[1] == 9 else None
    return MotTruth(frames, identities, boxes, considered, classes, visible)


def write_mot_result(file: Path, result: MotBoxes) -> None:
    """Write tracks as MOTChallenge wants them, by frame and identity."""
    order = np.lexsort((result.identities, result.frames))
    corner, size = result.boxes[:, :2], result.boxes[:, 2:] - result.boxes[:, :2]
    lines = [
        f"{result.frames[row] + 1},{result.identities[row]},"
        f"{','.join(f'{value:.2f}' for value in (*corner[row], *size[row]))},{result.scores[row]:.4f},-1,-1,-1\n"
        for row in order
    ]
    write_text_atomically(file, "".join(lines))


def _common(rows: NDArray[np.float64], file: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    frames = _whole(rows[:, 0], "frame", file)
    if len(frames) and frames.min() < 1:
        raise DataError(f"{printable(str(file))} has frame {frames.min()}: frames count from 1")
    corner, size = rows[:, 2:4], rows[:, 4:6]
    return frames - 1, _whole(rows[:, 1], "identity", file), np.concatenate([corner, corner + size], axis=1)


def _whole(values: NDArray[np.float64], name: str, file: Path) -> NDArray[np.int64]:
    broken = values[(values != np.floor(values)) | (np.abs(values) > _LARGEST)]
    if len(broken):
        raise DataError(f"{printable(str(file))} has {name} {broken[0]:g}: it must be a whole number")
    return values.astype(np.int64)


def _read(file: Path, *, least: int) -> NDArray[np.float64]:
    """The numbers of a file, float64 [N, columns]; all lines have as many."""
    rows: list[list[float]] = []
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            row = [float(value) for value in line.split(",")]
        except ValueError:
            shown = printable(line.strip()[:60])
            raise DataError(f"{printable(str(file))}, line {number}: {shown!r} is not numbers and commas") from None
        expected = len(rows[0]) if rows else max(len(row), least)
        if len(row) != expected or len(row) > _MOT15_COLUMNS:
            raise DataError(f"{printable(str(file))}, line {number} has {len(row)} columns: expected are {expected}")
        if not np.isfinite(row).all():
            raise DataError(f"{printable(str(file))}, line {number} holds NaN or infinity")
        rows.append(row)
    return np.array(rows, np.float64).reshape(len(rows), -1 if rows else least)


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8") as opened:
            yield from opened
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DataError(
            f"{printable(str(file))}: cannot be read ({reason}): name a text file of MOTChallenge"
        ) from None
