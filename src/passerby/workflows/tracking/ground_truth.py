"""Tracklets compared with a ground truth: figures, and the tracks that are most wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.formats.mot import read_mot_truth
from passerby.errors import DataError
from passerby.metrics.tracking import (
    Rules,
    TrackingScore,
    Trajectories,
    combine_scores,
    count_multi_camera_identity,
    drop_ignored,
    people_shown,
    score_tracklets,
)
from passerby.output_paths import expanded
from passerby.printable import printable
from passerby.video.collection import whole_track
from passerby.workflows.tracking.boxes import read_boxes
from passerby.workflows.tracking.frame_runs import frames_in
from passerby.workflows.tracking.sources import TrackedSource

WORST = 10

FIGURES = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "IDP", "IDR", "MOTA", "switches", "fragments", "purity", "coverage")
"""What a page shows of each source; all else is in the JSON."""

HEADLINES = ("HOTA", "IDF1", "MOTA", "switches", "purity", "coverage")
"""What fits on a terminal."""


@dataclass(frozen=True)
class WorstTrack:
    """A track of which many boxes are not of its person.

    Attributes:
        track: its name.
        boxes: that it has.
        of_main: of them, around the person whom it shows most often.
        people: different ones whom it shows.
        false: boxes around nobody.
    """

    track: str
    boxes: int
    of_main: int
    people: int
    false: int


@dataclass(frozen=True)
class TrackingQuality:
    """How good tracklets are.

    Attributes:
        scores: of each source, by its name.
        multi_camera_idf1: with identities that mean the same in all sources; None of one source.
        worst: the tracks with most boxes that are not of their person.
    """

    scores: dict[str, TrackingScore]
    multi_camera_idf1: float | None
    worst: list[WorstTrack]

    def figures(self) -> dict[str, dict[str, float]]:
        """All figures of each source, and of all together where there are several."""
        named = {name: score.figures() for name, score in self.scores.items()}
        if len(named) > 1:
            named["all together"] = combine_scores(list(self.scores.values())).figures()
        return named

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {"figures": self.figures(), "multi_camera_idf1": self.multi_camera_idf1, "worst": self.worst}

    def for_page(self) -> dict[str, Any]:
        """As a page shows it."""
        return {
            "names": FIGURES,
            "rows": [(name, [shown_figure(each, values[each]) for each in FIGURES])
                     for name, values in self.figures().items()],
            "worst": [{"track": each.track, "note": describe_worst(each)} for each in self.worst],
        }  # fmt: skip


def shown_figure(name: str, value: float) -> str:
    """A figure in percent, or a count."""
    return f"{value:.0f}" if name in ("switches", "fragments") else f"{100 * value:.1f}"


def describe_worst(worst: WorstTrack) -> str:
    """Such as `40 of 100 boxes show its person; 2 people; 5 boxes show nobody`."""
    people = "1 person" if worst.people == 1 else f"{worst.people} people"
    return f"{worst.of_main:,} of {worst.boxes:,} boxes show its person; {people}; {worst.false:,} boxes show nobody"


def found_truths(sources: Sequence[TrackedSource], given: str | Path | None) -> list[Path]:
    """The file with the ground truth of each source, see `find_truth`; none where none is given."""
    alone = len(sources) == 1
    return [] if given is None else [find_truth(source, expanded(given), alone=alone) for source in sources]


def find_truth(source: TrackedSource, given: Path, *, alone: bool) -> Path:
    """The file with the ground truth of a source.

    Args:
        source: which.
        given: that file, if it is the only source; else a folder that holds `NAME.txt`, `gt/NAME.txt` or
            `NAME/gt/gt.txt`.
        alone: whether it is the only source.

    Raises:
        DataError: there is none.
    """
    places = [given / f"{source.name}.txt", given / "gt" / f"{source.name}.txt", given / source.name / "gt" / "gt.txt"]
    if alone:
        places += [given, given / "gt.txt", given / "gt" / "gt.txt"]
    for place in places:
        if place.is_file():
            return place
    shown = " nor ".join(printable(str(place)) for place in places[:3])
    raise DataError(f"there is no ground truth of {source.name}: neither {shown} is a file")


def judge_tracks(
    table: Path,
    sources: Sequence[TrackedSource],
    outcomes: Sequence[dict[str, Any]],
    truths: Sequence[Path],
    rules: Rules,
    *,
    joined: bool = False,
) -> TrackingQuality:
    """Compare the tracklets of each source with the truth, in the frames that were analysed.

    Purity, coverage and the worst are of tracklets, all else is of the tracks that they were cut out of.

    Args:
        table: `tracklets.parquet`.
        sources: in it.
        outcomes: what came of each: `frame_runs` is needed.
        truths: MOTChallenge's file for each.
        rules: whose rules say what is ignored.
        joined: whether tracklets were joined, so that they themselves are the tracks.

    Raises:
        DataError: a truth cannot be read.
        EvaluationError: a truth is not as its rules ask.
    """
    scores: dict[str, TrackingScore] = {}
    pairs: list[tuple[Trajectories, Trajectories]] = []
    worst: list[WorstTrack] = []
    numbered = 0
    for source, outcome, file in zip(sources, outcomes, truths, strict=True):
        found, known = read_mot_truth(file), read_boxes(table, source.name)
        analysed = np.isin(found.frames, frames_in(outcome["frame_runs"]))
        truth = Trajectories(found.frames, found.identities, found.boxes).kept(analysed)
        truth, result = drop_ignored(
            truth,
            Trajectories(known.frames, known.tracks, known.boxes),
            considered=found.considered[analysed].astype(np.int64),
            classes=None if found.classes is None else found.classes[analysed],
            rules="MOT15" if found.classes is None else rules,
        )
        whole = result if joined else result._replace(identities=_whole(known.names)[result.identities])
        scores[source.name] = score_tracklets(truth, whole, result.identities)
        worst += worst_tracks(truth, result, known.names)
        pairs.append((truth, whole._replace(identities=whole.identities + numbered)))
        numbered += len(known.names)
    multi = count_multi_camera_identity(pairs).idf1 if len(pairs) > 1 else None
    worst.sort(key=lambda each: (each.of_main - each.boxes, each.track))
    return TrackingQuality(scores, multi, worst[:WORST])


def _whole(names: Sequence[str]) -> NDArray[np.int64]:
    """The number of the track of which each tracklet is a part, int64 [T]."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(whole_track(name), len(numbers)) for name in names], np.int64)


def worst_tracks(truth: Trajectories, result: Trajectories, names: Sequence[str]) -> list[WorstTrack]:
    """The tracks of which some boxes are not of their person; both by frame, and tracks as places in `names`."""
    shown: dict[int, Counter[int]] = {}
    boxes: Counter[int] = Counter(result.identities.tolist())
    for track, person in zip(result.identities.tolist(), people_shown(truth, result).tolist(), strict=True):
        if person >= 0:
            shown.setdefault(track, Counter())[person] += 1
    found = []
    for track, count in sorted(boxes.items()):
        of_people = shown.get(track, Counter())
        main = max(of_people.values(), default=0)
        if main < count:
            found.append(WorstTrack(names[track], count, main, len(of_people), count - of_people.total()))
    return found
