"""The boxes of a sequence that are worth a crop: of which tracklet each is, and whom it shows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.formats.mot import MotTruth, read_mot_result, read_mot_truth
from passerby.errors import DataError
from passerby.metrics.tracking import Rules, Trajectories, drop_ignored, people_shown
from passerby.printable import printable
from passerby.workflows.mot_tracklets.sequences import MotSequence


@dataclass(frozen=True)
class TrackedBoxes:
    """N boxes of a sequence, by tracklet and frame.

    Attributes:
        tracks: names of their tracklets, N.
        frames: int64 [N], from 0.
        boxes: float64 [N, 4], left, top, right, bottom in pixels.
        scores: float64 [N], the detector's; None of a truth.
        visible: float64 [N], the truth's; None where nothing says it.
        people: int64 [N], whom they show by the truth, -1 for nobody; None without a truth.
    """

    tracks: list[str]
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64] | None
    visible: NDArray[np.float64] | None
    people: NDArray[np.int64] | None

    def __len__(self) -> int:
        """How many boxes there are."""
        return len(self.frames)


def read_tracked_boxes(sequence: MotSequence, *, gap: int, every: int) -> TrackedBoxes:
    """The boxes of a sequence's tracks or, without tracks, of the people of its truth.

    Of a truth what MOTChallenge counts: boxes that are to be considered, of pedestrians, and of these the ones of which
    anything is visible. Of tracks all boxes but those that follow what MOTChallenge ignores.

    Args:
        sequence: which.
        gap: of people of a truth, whose tracklets end where they are not seen for so many frames.
        every: only every so many-th frame is read.

    Raises:
        DataError: a file cannot be read, is not as it should be, or holds detections in place of tracks.
        EvaluationError: a number is twice in a frame, or the truth has unknown classes.
    """
    truth = None if sequence.truth is None else _of_frames(read_mot_truth(sequence.truth), every)
    if sequence.tracks is not None:
        return _of_tracks(sequence.tracks, truth, sequence.name, every)
    assert truth is not None
    return _of_truth(truth, gap)


def _of_frames(truth: MotTruth, every: int) -> MotTruth:
    taken = truth.frames % every == 0
    return MotTruth(*(None if column is None else column[taken] for column in truth))  # type: ignore[arg-type]


def _of_truth(truth: MotTruth, gap: int) -> TrackedBoxes:
    people = Trajectories(truth.frames, truth.identities, truth.boxes)
    people.checked("truth")
    counted = truth.considered.copy()
    if truth.classes is not None:
        counted &= truth.classes == 1
    if truth.visible is not None:
        counted &= truth.visible > 0
    rows = np.flatnonzero(counted)
    rows = rows[np.lexsort((truth.frames[rows], truth.identities[rows]))]
    identities, frames = truth.identities[rows], truth.frames[rows]
    return TrackedBoxes(
        tracks=_cut_at_gaps(identities, frames, gap),
        frames=frames,
        boxes=truth.boxes[rows],
        scores=None,
        visible=None if truth.visible is None else truth.visible[rows],
        people=identities,
    )


def _cut_at_gaps(identities: NDArray[np.int64], frames: NDArray[np.int64], gap: int) -> list[str]:
    """Names of tracklets, such as `17_0` and, after a gap, `17_1`; of rows by identity and frame."""
    names, part = [], 0
    for row, identity in enumerate(identities.tolist()):
        same = row > 0 and identity == identities[row - 1]
        part = (part + int(frames[row] - frames[row - 1] >= gap)) if same else 0
        names.append(f"{identity}_{part}")
    return names


def _of_tracks(file: Path, truth: MotTruth | None, name: str, every: int) -> TrackedBoxes:
    found = read_mot_result(file)
    if (found.identities < 0).any():
        raise DataError(f"{printable(str(file))} holds detections, of track -1: name a file of tracks")
    taken = np.flatnonzero(found.frames % every == 0)
    taken = taken[np.lexsort((found.frames[taken], found.identities[taken]))]
    frames, identities, boxes = found.frames[taken], found.identities[taken], found.boxes[taken]
    Trajectories(frames, identities, boxes).checked("tracks")
    people = None
    if truth is not None:
        kept, people = _judged(truth, Trajectories(frames, np.arange(len(taken)), boxes), name)
        taken, frames, identities, boxes = taken[kept], frames[kept], identities[kept], boxes[kept]
    return TrackedBoxes([str(each) for each in identities], frames, boxes, found.scores[taken], None, people)


def _judged(truth: MotTruth, rows: Trajectories, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of rows, numbered by their identities, that are not ignored, and whom each shows."""
    rules: Rules = "MOT15" if truth.classes is None else "MOT20" if name.startswith("MOT20") else "MOT17"
    people, kept = drop_ignored(
        Trajectories(truth.frames, truth.identities, truth.boxes),
        rows,
        considered=truth.considered.astype(np.int64),
        classes=truth.classes,
        rules=rules,
    )
    order = np.argsort(kept.identities)
    return kept.identities[order], people_shown(people, kept)[order]
