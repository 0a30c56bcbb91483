"""The errors of a tracker, each dialled alone, against the truth it was given."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import DataError
from passerby.synth.output.tracker import BACKGROUND, Tracked, TrackerNoise, follow, overlap
from passerby.synth.places.crops import Box
from passerby.synth.places.traffic import Seen

FRAMES = 60


def walkers(people: int, *, visible: float = 1.0) -> list[list[Seen]]:
    """People who walk on parallel ways, two of whom meet in the middle of the video."""
    frames = []
    for frame in range(FRAMES):
        seen = [Seen(n, Box(20.0 * frame, 250.0 * n, 60, 160), visible) for n in range(1, people - 1)]
        seen.append(Seen(people - 1, Box(10.0 * frame, 10, 60, 160), visible))
        seen.append(Seen(people, Box(10.0 * (FRAMES - frame), 10, 60, 160), visible))
        frames.append(seen)
    return frames


def tracked(noise: TrackerNoise, people: int = 4, seed: int = 0) -> list[Tracked]:
    return follow(walkers(people), noise, np.random.default_rng(seed))


def people_by_track(found: list[Tracked]) -> dict[int, Counter[int]]:
    counted: dict[int, Counter[int]] = defaultdict(Counter)
    for each in found:
        counted[each.track][each.person] += 1
    return counted


def test_a_perfect_tracker_tells_the_truth() -> None:
    found = tracked(TrackerNoise.none())
    assert len(found) == 4 * FRAMES
    assert len(people_by_track(found)) == 4
    truth = {(frame, seen.number): seen.box for frame, frames in enumerate(walkers(4)) for seen in frames}
    assert all(truth[each.frame, each.person] == each.box for each in found)


def test_misses_take_boxes_away_and_nothing_else() -> None:
    found = tracked(replace(TrackerNoise.none(), miss=0.3))
    assert len(found) == pytest.approx(0.7 * 4 * FRAMES, rel=0.15)
    assert all(len(people) == 1 for people in people_by_track(found).values())


def test_the_hidden_are_overlooked() -> None:
    noise = replace(TrackerNoise.none(), min_visible=0.5)
    assert follow(walkers(4, visible=0.4), noise, np.random.default_rng(0)) == []
    assert follow(walkers(4, visible=0.0), TrackerNoise.none(), np.random.default_rng(0)) == []


def test_cuts_break_tracks_without_mixing_people() -> None:
    by_track = people_by_track(tracked(replace(TrackerNoise.none(), cut=0.1)))
    assert 12 < len(by_track) < 60
    assert all(len(people) == 1 for people in by_track.values())
    assert sum(people.total() for people in by_track.values()) == 4 * FRAMES


def test_switches_happen_once_per_meeting_to_those_who_meet() -> None:
    by_track = people_by_track(tracked(replace(TrackerNoise.none(), switch=1.0, overlap=0.3)))
    mixed = [set(people) for people in by_track.values() if len(people) > 1]
    assert mixed == [{3, 4}, {3, 4}]
    assert all(35 > count > 15 for people in by_track.values() if len(people) > 1 for count in people.values())


def test_foreign_boxes_are_around_others_of_the_same_frame() -> None:
    found = tracked(replace(TrackerNoise.none(), foreign=0.2))
    by_track = people_by_track(found)
    main = {track: people.most_common(1)[0][0] for track, people in by_track.items()}
    foreign = [each for each in found if each.person != main[each.track]]
    assert len(foreign) == pytest.approx(0.2 * 4 * FRAMES, rel=0.35)
    assert len(by_track) == 4


def test_background_boxes_are_around_nobody() -> None:
    found = tracked(replace(TrackerNoise.none(), background=0.2), people=3)
    nobody = [each for each in found if each.person == BACKGROUND]
    assert len(nobody) == pytest.approx(0.2 * 3 * FRAMES, rel=0.35)
    frames = walkers(3)
    touched = [max(overlap(each.box, seen.box) for seen in frames[each.frame]) for each in nobody]
    assert max(touched) < 0.35
    assert np.mean(touched) < 0.05


def test_ghosts_are_whole_tracks_around_nobody() -> None:
    found = tracked(replace(TrackerNoise.none(), ghosts=1.0))
    by_track = people_by_track(found)
    ghosts = [track for track, people in by_track.items() if set(people) == {BACKGROUND}]
    assert len(ghosts) == 4
    assert all(len(people) == 1 for people in by_track.values())


def test_jitter_moves_boxes_by_its_share_of_their_height() -> None:
    found = tracked(replace(TrackerNoise.none(), jitter=0.05))
    truth = {(frame, seen.number): seen.box for frame, frames in enumerate(walkers(4)) for seen in frames}
    moved = [
        (each.box.y + each.box.height / 2) - (box.y + box.height / 2)
        for each in found
        for box in [truth[each.frame, each.person]]
    ]
    assert np.std(moved) == pytest.approx(0.05 * 160, rel=0.2)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), factor=st.floats(0, 3))
def test_whatever_the_noise_a_track_is_in_a_frame_at_most_once(seed: int, factor: float) -> None:
    found = follow(walkers(5), TrackerNoise().scaled(factor), np.random.default_rng(seed))
    keys = [(each.frame, each.track) for each in found]
    assert len(keys) == len(set(keys))
    assert keys == sorted(keys)
    assert all(each.box.width > 0 and each.box.height > 0 for each in found)


def test_more_noise_means_less_pure_tracks() -> None:
    def purity(factor: float) -> float:
        right = total = 0
        for seed in range(6):
            for people in people_by_track(tracked(TrackerNoise().scaled(factor), people=6, seed=seed)).values():
                right += people.most_common(1)[0][1]
                total += people.total()
        return right / total

    purities = [purity(factor) for factor in (0.0, 0.5, 1.0, 2.0)]
    assert purities[0] == 1
    assert purities == sorted(purities, reverse=True)


def test_noise_out_of_range_is_named() -> None:
    with pytest.raises(DataError, match="miss must be from 0 to 1"):
        TrackerNoise(miss=1.5)


def test_overlap_of_boxes() -> None:
    first = Box(0, 0, 10, 10)
    assert overlap(first, first) == 1
    assert overlap(first, Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap(first, Box(20, 0, 10, 10)) == 0
