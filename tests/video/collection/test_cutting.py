"""Tracks are cut where two people may have been mixed up, and nowhere else."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.video.collection import Collector, Tracklet, TrackletId, TrackletOptions, whole_track
from passerby.video.collection.collector import Ended
from passerby.video.collection.cutting import Sight, is_cut, overlap_with
from passerby.video.detection.detector import Detections
from passerby.video.frame import Frame
from passerby.video.tracking import TrackedDetections
from tests.video.collection.drawn import picture

Box = tuple[int, int, int, int]
STANDS: Box = (100, 20, 140, 120)


def collect(people: Sequence[dict[int, Box]], count: int, options: TrackletOptions, fps: float = 25.0) -> list[Ended]:
    """What becomes of tracks that are told as they are: the box of each person in each frame, or none."""
    collector, ended = Collector("yard", tracklets=options), []
    for number in range(count):
        seen = [(track, boxes[number]) for track, boxes in enumerate(people, start=1) if number in boxes]
        detections = Detections(
            np.array([box for _, box in seen], np.float32).reshape(-1, 4), np.full(len(seen), 0.9, np.float32)
        )
        told = TrackedDetections(
            np.array([track for track, _ in seen], np.int64), np.full(len(seen), number), np.arange(len(seen))
        )
        frame = Frame(picture([box for _, box in seen], number), number, number / fps, None, False)
        ended += collector.add(frame, detections, told)
    nothing = np.empty(0, np.int64)
    return ended + collector.break_off(TrackedDetections(nothing, nothing, nothing))


def passing(count: int = 60) -> list[dict[int, Box]]:
    """Somebody stands, and somebody of the same size walks by: the boxes are one in frame 30."""
    return [
        dict.fromkeys(range(count), STANDS),
        {number: (100 + 3 * (number - 30), 20, 140 + 3 * (number - 30), 120) for number in range(count)},
    ]


def frames_by_name(ended: list[Ended]) -> dict[str, list[int]]:
    return {str(each.id): each.frames.tolist() for each in ended if isinstance(each, Tracklet)}


def test_two_who_nearly_shared_a_box_are_cut_where_they_part() -> None:
    found = frames_by_name(collect(passing(), 60, TrackletOptions()))
    parted = next(frame for frame in range(30, 60) if 3 * (frame - 30) > 40 * 0.35 / 1.65)  # overlap (40-d)/(40+d)
    assert found == {
        "yard-000001": list(range(parted)),
        "yard-000001.2": list(range(parted, 60)),
        "yard-000002": list(range(parted)),
        "yard-000002.2": list(range(parted, 60)),
    }


def test_every_part_has_crops_of_its_own_boxes() -> None:
    for each in collect(passing(), 60, TrackletOptions()):
        assert isinstance(each, Tracklet)
        assert each.crops
        assert all(0 <= crop.row < len(each) for crop in each.crops)


def test_nobody_is_cut_who_is_asked_not_to_be() -> None:
    options = TrackletOptions(cut_at_overlap=None, cut_unseen=None)
    assert set(frames_by_name(collect(passing(), 60, options))) == {"yard-000001", "yard-000002"}


@pytest.mark.parametrize("alone_too", [True, False])
def test_whoever_was_unseen_is_cut_and_if_asked_only_who_was_hidden_by_somebody(alone_too: bool) -> None:
    options = TrackletOptions() if alone_too else TrackletOptions(cut_unseen_overlap=0.1)
    stands = dict.fromkeys(range(60), STANDS)
    hidden = {number: (120, 20, 160, 120) for number in range(60) if not 20 <= number < 30}
    alone = {number: (10, 20, 50, 120) for number in range(60) if not 20 <= number < 30}
    found = frames_by_name(collect([stands, hidden, alone], 60, options))
    whole = {"yard-000001", "yard-000002", "yard-000002.2", "yard-000003"}
    assert set(found) == (whole | {"yard-000003.2"} if alone_too else whole)
    assert found["yard-000002.2"] == list(range(30, 60))


def test_a_low_rate_is_no_absence() -> None:
    people = [dict.fromkeys(range(20), STANDS), dict.fromkeys(range(20), (120, 20, 160, 120))]
    found = frames_by_name(collect(people, 20, TrackletOptions(), fps=2))
    assert set(found) == {"yard-000001", "yard-000002"}


@pytest.mark.parametrize(
    ("before", "now", "cut"),
    [
        (Sight(1, 0.04, 0.7), Sight(2, 0.08, 0.7), False),  # still together
        (Sight(1, 0.04, 0.7), Sight(2, 0.08, 0.6), True),
        (Sight(1, 0.04, 0.6), Sight(2, 0.08, 0.1), False),  # never near enough
        (Sight(1, 0.0, 0.2), Sight(7, 0.3, 0.0), True),
        (Sight(1, 0.0, 0.0), Sight(7, 0.3, 0.2), True),
        (Sight(1, 0.0, 0.05), Sight(7, 0.3, 0.05), False),
        (Sight(1, 0.0, 0.2), Sight(5, 0.2, 0.2), False),  # not for long enough
    ],
)
def test_when_a_track_is_cut(before: Sight, now: Sight, cut: bool) -> None:
    assert is_cut(before, now, TrackletOptions(cut_at_overlap=0.65, cut_unseen=0.2, cut_unseen_overlap=0.1)) is cut


def test_only_tracks_are_met() -> None:
    detections = Detections(np.array([STANDS, STANDS, (0, 0, 9, 9)], np.float32), np.ones(3, np.float32))
    assert overlap_with(detections, 0, {0, 2}) == 0
    assert overlap_with(detections, 0, {0, 1}) == 1
    assert overlap_with(detections, 0, {0}) == 0


@given(
    source=st.text(st.characters(categories=["L", "N"], include_characters="-._"), min_size=1),
    start=st.none() | st.just(datetime(2026, 5, 1, 6, tzinfo=UTC)),
    counter=st.integers(1, 10**8),
    part=st.integers(1, 999),
)
def test_the_name_of_a_part_tells_its_track(source: str, start: datetime | None, counter: int, part: int) -> None:
    name = str(TrackletId(source, start, counter, part))
    assert whole_track(name) == str(TrackletId(source, start, counter))
