"""Looks keep people apart who cross, and join people who come back; without a model the result is another."""

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.video.detection.detector import Detections
from passerby.video.tracking import TRACKERS, make_tracker
from passerby.video.tracking.likeness import Likeness
from tests.video.tracking.walkers import Told, detections, follow, walker

RATE = 25


def looks(people: list[int], generator: np.random.Generator) -> NDArray[np.float32]:
    """A noisy look at each person, float32 [N, 16]."""
    rows = np.eye(16)[people] + generator.normal(0, 0.15, (len(people), 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def film_of(seen: list[list[tuple[int, tuple[float, ...]]]]) -> tuple[list[Detections], list[NDArray[np.float32]]]:
    """Frames out of who is where in each, and what they look like."""
    generator = np.random.default_rng(0)
    return (
        [detections([box for _, box in frame]) for frame in seen],
        [looks([person for person, _ in frame], generator) for frame in seen],
    )


def back_after(gap: int, *, person: int = 0, far: float = 0.0) -> list[list[tuple[int, tuple[float, ...]]]]:
    """Three bystanders, and somebody who is away for some frames; then this person is at the place, or farther on."""
    bystanders = [(number, walker(200 * number, 0, 0, y=300)) for number in (1, 2, 3)]
    seen = []
    for frame in range(150 + gap):
        there = [(0, walker(100, 1, frame))] if frame < 75 else []
        if frame >= 75 + gap:
            there = [(person, walker(100 + far, 1, frame))]
        seen.append(bystanders + there)
    return seen


def numbers_of_the_last(told: Told, film: list[Detections]) -> set[int]:
    """By which numbers the last of four detections was told of."""
    return {track for (frame, place), track in told.items() if place == 3 and len(film[frame]) == 4}


@pytest.mark.parametrize("name", list(TRACKERS))
def test_somebody_who_comes_back_after_a_long_gap_is_recognised(name: str) -> None:
    film, features = film_of(back_after(100))
    assert len(numbers_of_the_last(follow(make_tracker(name), film, features=features), film)) == 1
    assert len(numbers_of_the_last(follow(make_tracker(name), film), film)) == 2


@pytest.mark.parametrize(
    ("gap", "person", "far"),
    [(100, 7, 0.0), (300, 0, 0.0), (60, 0, 1500.0)],
    ids=["somebody else", "away for too long", "too far to walk"],
)
def test_nobody_else_is_taken_for_who_is_missing(gap: int, person: int, far: float) -> None:
    film, features = film_of(back_after(gap, person=person, far=far))
    assert len(numbers_of_the_last(follow(make_tracker("bytetrack"), film, features=features), film)) == 2


def test_two_tracks_that_overlap_in_time_are_never_joined() -> None:
    """A second detection of the same person beside the first is another track, however alike."""
    seen = back_after(0)
    for frame in range(100, 150):
        seen[frame].append((0, walker(400, 1, frame)))
    film, features = film_of(seen)
    told = follow(make_tracker("bytetrack"), film, features=features)
    for frame in range(100, 150):
        tracks = [track for (when, _), track in told.items() if when == frame]
        assert len(tracks) == len(set(tracks)) == 5


def test_people_who_turn_back_where_they_meet_keep_their_numbers_by_looks_alone() -> None:
    """Two people come together, merge into one box, and each goes back: motion would have them walk through."""
    seen = []
    for frame in range(80):
        near = abs(40 - frame) * 3
        two = [(0, walker(300 - near, 0, 0)), (1, walker(300 + near, 0, 0))]
        seen.append([two[frame % 2]] if near < 20 else two)
    film, features = film_of(seen)

    def kept(told: Told) -> bool:
        before, after = ([told.get((frame, place)) for place in (0, 1)] for frame in (25, 75))
        return before == after

    assert kept(follow(make_tracker("bytetrack"), film, features=features))
    assert not kept(follow(make_tracker("bytetrack", {"buffer": 2.0}), film))


def test_features_of_another_model_or_only_now_and_then_are_refused() -> None:
    tracker = make_tracker("bytetrack")
    tracker.update(detections([walker(0, 0, 0)]), frame=0, time=0.0, features=np.ones((1, 4), np.float32) / 2)
    for features in (None, np.ones((1, 9), np.float32) / 3):
        with pytest.raises(DataError, match="features of one model in every frame"):
            tracker.update(detections([walker(0, 0, 0)]), frame=1, time=0.1, features=features)
    for features, message in ((np.full((1, 4), np.nan, np.float32), "NaN"), (np.ones((3, 4), np.float32), r"\[1, D\]")):
        with pytest.raises(DataError, match=message):
            tracker.update(detections([walker(0, 0, 0)]), frame=1, time=0.1, features=features)


def test_frames_without_anybody_need_no_features() -> None:
    tracker = make_tracker("bytetrack")
    look = np.ones((1, 4), np.float32) / 2
    told = 0
    for frame, features in enumerate((None, look, np.empty((0, 9), np.float32), look, look)):
        there = [walker(0, 0, 0)] if features is look else []
        told += len(tracker.update(detections(there), frame=frame, time=frame / RATE, features=features).tracks)
    assert told + len(tracker.break_off().tracks) >= 2


def test_what_is_held_back_while_somebody_is_looked_at_is_told_at_the_end() -> None:
    film, features = film_of(back_after(100)[:180])  # five frames after the return
    tracker = make_tracker("bytetrack")
    for frame, (each, look) in enumerate(zip(film, features, strict=True)):
        tracker.update(each, frame=frame, time=frame / RATE, features=look)
    held_back = tracker.break_off()
    assert set(held_back.frames) == {175, 176, 177, 178, 179}
    assert not len(tracker.break_off().tracks)


def test_probabilities_are_those_of_two_normal_kinds_of_pairs() -> None:
    """Against Bayes' rule with the densities that the cosines are drawn from."""
    generator = np.random.default_rng(0)
    likeness = Likeness()
    assert list(likeness.probability(np.array([0.9]), unknown=0.25)) == [0.25]
    likeness.learn(generator.normal(0.7, 0.1, 20000), generator.normal(0.3, 0.1, 20000))
    cosines = np.linspace(0.2, 0.8, 7)
    same, different = (np.exp(-(((cosines - mean) / 0.1) ** 2) / 2) for mean in (0.7, 0.3))
    np.testing.assert_allclose(likeness.probability(cosines, unknown=0.0), same / (same + different), atol=0.01)


def test_looks_that_tell_nothing_join_nobody() -> None:
    likeness = Likeness()
    generator = np.random.default_rng(0)
    likeness.learn(generator.normal(0.3, 0.1, 1000), generator.normal(0.5, 0.1, 1000))
    assert list(likeness.probability(np.array([0.1, 0.9]), unknown=0.0)) == [0, 0]
