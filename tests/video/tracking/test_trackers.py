"""What every tracker must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import DataError, RecipeError
from passerby.video.detection.detector import Detections
from passerby.video.tracking import TRACKERS, find_tracker, make_tracker
from tests.video.tracking.walkers import detections, follow, walker

pytestmark = pytest.mark.parametrize("name", list(TRACKERS))


def test_two_people_who_walk_keep_their_numbers(name: str) -> None:
    frames = [detections([walker(10, 3, n), walker(500, -3, n, y=300)]) for n in range(30)]
    told = follow(make_tracker(name), frames)
    assert told == {(n, place): place + 1 for n in range(30) for place in range(2)}


def test_the_detections_before_a_track_is_believed_are_told_of_too(name: str) -> None:
    tracker = make_tracker(name, {"sights": 3})
    results = [tracker.update(detections([walker(10, 2, n)]), frame=n, time=n / 25) for n in range(4)]
    assert [list(each.frames) for each in results] == [[], [], [0, 1, 2], [3]]


def test_somebody_seen_once_is_never_told_of(name: str) -> None:
    frames = [detections([walker(10, 3, n), *([walker(400, 0, 0)] if n == 5 else [])]) for n in range(12)]
    assert (5, 1) not in follow(make_tracker(name), frames)


def test_somebody_who_is_hidden_for_a_moment_keeps_the_number(name: str) -> None:
    frames = [detections([walker(10, 3, n)] if not 10 <= n < 16 else []) for n in range(30)]
    told = follow(make_tracker(name), frames)
    assert set(told.values()) == {1}
    assert {frame for frame, _ in told} == {n for n in range(30) if not 10 <= n < 16}


def test_somebody_who_is_hidden_for_longer_than_the_buffer_gets_another_number(name: str) -> None:
    frames = [detections([walker(10, 0, n)] if not 10 <= n < 30 else []) for n in range(50)]
    assert set(follow(make_tracker(name, {"buffer": 0.5}), frames).values()) == {1, 2}
    assert set(follow(make_tracker(name, {"buffer": 2.0}), frames).values()) == {1}


def test_the_buffer_counts_seconds_and_not_frames(name: str) -> None:
    """Twenty frames are four fifths of a second at 25 per second, and four seconds at 5."""
    frames = [detections([walker(10, 0, n)] if not 10 <= n < 30 else []) for n in range(50)]
    for rate, numbers in ((25, {1}), (5, {1, 2})):
        assert set(follow(make_tracker(name, {"buffer": 1.5}), frames, rate=rate).values()) == numbers


def test_after_a_break_everybody_gets_another_number(name: str) -> None:
    tracker = make_tracker(name)
    frames = [detections([walker(10, 1, n)]) for n in range(20)]
    told = [tracker.update(each, frame=n, time=n / 25) for n, each in enumerate(frames[:10])]
    tracker.break_off()
    told += [tracker.update(each, frame=n, time=n / 25) for n, each in enumerate(frames[10:], start=10)]
    tracks = np.concatenate([each.tracks for each in told])
    assert set(tracks[:10]) == {1}
    assert set(tracks[10:]) == {2}
    assert len(tracks) == 20


def test_unsure_detections_continue_a_track_and_begin_none(name: str) -> None:
    frames = [detections([walker(10, 2, n), walker(400, 2, n)], [0.9 if n < 8 else 0.3, 0.3]) for n in range(20)]
    told = follow(make_tracker(name, {"high": 0.6, "new": 0.7}), frames)
    assert set(told) == {(n, 0) for n in range(20)}


def test_frames_without_anybody_are_no_trouble(name: str) -> None:
    tracker = make_tracker(name)
    assert follow(tracker, [detections([]) for _ in range(5)]) == {}


@pytest.mark.parametrize(
    ("boxes", "scores", "message"),
    [
        ([[0, 0, np.nan, 10]], [0.9], "NaN"),
        ([[0, 0, 10, 10]], [np.inf], "NaN"),
        ([[10, 0, 10, 10]], [0.9], "no area"),
        ([[0, 0, 10]], [0.9], r"\[N, 4\]"),
    ],
)
def test_broken_detections_are_refused(name: str, boxes: list[list[float]], scores: list[float], message: str) -> None:
    broken = Detections(np.array(boxes, np.float32), np.array(scores, np.float32))
    with pytest.raises(DataError, match=message):
        make_tracker(name).update(broken, frame=0, time=0.0)


def test_frames_out_of_order_are_refused(name: str) -> None:
    tracker = make_tracker(name)
    tracker.update(detections([]), frame=3, time=0.2)
    for frame, time in ((3, 0.3), (4, 0.2), (4, float("nan"))):
        with pytest.raises(DataError, match="does not come after frame 3 at 0"):
            tracker.update(detections([]), frame=frame, time=time)


def test_unknown_settings_and_scores_that_do_not_rise_are_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="bufer"):
        make_tracker(name, {"bufer": 2.0})
    with pytest.raises(RecipeError, match="must rise"):
        make_tracker(name, {"high": 0.9, "new": 0.5})


def test_every_setting_says_what_it_means(name: str) -> None:
    assert all(field.description for field in find_tracker(name).schema.model_fields.values())


boxes = st.lists(
    st.tuples(st.floats(0, 600), st.floats(0, 400), st.floats(1, 200), st.floats(1, 300), st.floats(0, 1)), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=12))
def test_whatever_is_seen_each_detection_is_told_of_at_most_once_and_a_track_once_a_frame(
    name: str, film: list[list[tuple[float, ...]]]
) -> None:
    frames = [
        detections([(x, y, x + width, y + height) for x, y, width, height, _ in seen], [each[4] for each in seen])
        for seen in film
    ]
    told = follow(make_tracker(name), frames)
    assert all(place < len(frames[frame]) for frame, place in told)
    seen = [(frame, track) for (frame, _), track in told.items()]
    assert len(seen) == len(set(seen))
    assert set(told.values()) == set(range(1, len(set(told.values())) + 1))
    assert told == follow(make_tracker(name), frames)
