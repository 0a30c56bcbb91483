"""Simulation of an imperfect tracker: ground truth with errors of adjustable kinds and rates."""

from dataclasses import dataclass, fields

import numpy as np

from passerby.errors import DataError
from passerby.synth.cameras.camera import HEIGHT, WIDTH
from passerby.synth.output.output_folder import check_range
from passerby.synth.places.crops import Box
from passerby.synth.places.traffic import Seen

BACKGROUND = -1
"""In place of the number of a person, for a box that shows nobody."""


@dataclass(frozen=True)
class TrackerNoise:
    """Rates of the errors of a tracker; every value is from 0 to 1.

    Attributes:
        jitter: standard deviation of the place and size of boxes, as a share of their height.
        miss: chance that somebody is overlooked in a frame.
        min_visible: people of whom less than this share is visible are missed.
        cut: chance per frame that a track ends and another begins for the same person.
        switch: chance, once per meeting of two people, that their tracks are exchanged.
        overlap: intersection over union of two boxes at which people meet.
        foreign: chance that a box of a track is around somebody else in the same frame.
        background: chance that a box of a track is around nobody.
        ghosts: tracks around nobody, as a share of the other tracks.
    """

    jitter: float = 0.03
    miss: float = 0.06
    min_visible: float = 0.35
    cut: float = 0.02
    switch: float = 0.5
    overlap: float = 0.3
    foreign: float = 0.03
    background: float = 0.03
    ghosts: float = 0.05

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise DataError(f"tracker noise: {field.name} must be from 0 to 1, not {value}")

    @classmethod
    def none(cls) -> "TrackerNoise":
        """A perfect tracker."""
        return cls(**{field.name: 0.0 for field in fields(cls)} | {"overlap": 1.0})

    def scaled(self, factor: float) -> "TrackerNoise":
        """The same errors, more or less of each (none beyond 1); `overlap` and `min_visible` stay.

        Raises:
            ArgumentError: the factor is not from 0 to 100, at which nothing is left to spoil.
        """
        check_range("tracker noise", ("factor", factor, 0, 100))
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        dialled = values.keys() - {"overlap", "min_visible"}
        return TrackerNoise(**{n: min(1.0, v * factor) if n in dialled else v for n, v in values.items()})


@dataclass(frozen=True)
class Tracked:
    """One box of a tracker.

    Attributes:
        frame: index of the frame.
        track: number of the track in its video, from 1.
        person: whom the box is around, or `BACKGROUND`: the truth.
        box: in the camera's picture.
    """

    frame: int
    track: int
    person: int
    box: Box


_PATIENCE = 8
"""Frames without a box after which a track ends."""


def follow(frames: list[list[Seen]], noise: TrackerNoise, generator: np.random.Generator) -> list[Tracked]:
    """Track everybody through a video.

    Args:
        frames: who is seen in each frame.
        noise: how the tracker errs.
        generator: chooses when.

    Returns:
        Boxes by frame; a track is in a frame at most once.
    """
    tracker = _Tracker(noise, generator)
    boxes = [tracked for index, seen in enumerate(frames) for tracked in tracker.step(index, seen)]
    return sorted([*boxes, *_ghosts(boxes, len(frames), noise, generator)], key=lambda each: (each.frame, each.track))


class _Tracker:
    """State of the simulated tracker between two frames."""

    def __init__(self, noise: TrackerNoise, generator: np.random.Generator) -> None:
        self.noise = noise
        self.generator = generator
        self._track: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._meeting: set[tuple[int, int]] = set()
        self._count = 0

    def step(self, frame: int, seen: list[Seen]) -> list[Tracked]:
        """The boxes of one frame."""
        noise = self.noise
        clear = [each for each in seen if each.visible > 0 and each.visible >= noise.min_visible]
        self._meet(clear)
        boxes = []
        for each in clear:
            if self._chance(noise.miss):
                continue
            lost = frame - self._last.get(each.number, frame) > _PATIENCE
            if each.number not in self._track or lost or self._chance(noise.cut):
                self._count += 1
                self._track[each.number] = self._count
            self._last[each.number] = frame
            boxes.append(self._box(frame, each, clear))
        return boxes

    def _chance(self, probability: float) -> bool:
        return bool(self.generator.random() < probability)

    def _meet(self, seen: list[Seen]) -> None:
        """Exchange the tracks of some of the people who meet."""
        meeting = {
            (first.number, second.number)
            for index, first in enumerate(seen)
            for second in seen[index + 1 :]
            if overlap(first.box, second.box) > self.noise.overlap
        }
        for first, second in sorted(meeting - self._meeting):
            both = first in self._track and second in self._track
            if self._chance(self.noise.switch) and both:
                self._track[first], self._track[second] = self._track[second], self._track[first]
        self._meeting = meeting

    def _box(self, frame: int, each: Seen, seen: list[Seen]) -> Tracked:
        """The box of one person's track, which may be around another person or nobody."""
        person, box = each.number, each.box
        others = [other for other in seen if other.number != each.number]
        if self._chance(self.noise.background):
            person, box = BACKGROUND, _empty_box(box.height, [other.box for other in seen], self.generator)
        elif others and self._chance(self.noise.foreign):
            other = others[int(self.generator.integers(len(others)))]
            person, box = other.number, other.box
        return Tracked(frame, self._track[each.number], person, _shaken(box, self.noise.jitter, self.generator))


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    down = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    shared = max(0.0, across) * max(0.0, down)
    return shared / (first.width * first.height + second.width * second.height - shared)


def _shaken(box: Box, jitter: float, generator: np.random.Generator) -> Box:
    across, down, wide, high = generator.normal(0, jitter * box.height, 4)
    width, height = max(8.0, box.width + wide), max(16.0, box.height + high)
    return Box(box.x + across - (width - box.width) / 2, box.y + down - (height - box.height) / 2, width, height)


def _empty_box(height: float, taken: list[Box], generator: np.random.Generator) -> Box:
    """A box of about this height that hardly touches any of the others."""
    width = 0.45 * height
    best, least = Box(0.0, 0.0, width, height), np.inf
    for _ in range(12):
        x, y = generator.uniform((0, 0), (max(1.0, WIDTH - width), max(1.0, HEIGHT - 0.8 * height)))
        box = Box(float(x), float(y), width, height)
        touched = max((overlap(box, other) for other in taken), default=0.0)
        if touched < least:
            best, least = box, touched
    return best


def _ghosts(tracked: list[Tracked], frames: int, noise: TrackerNoise, generator: np.random.Generator) -> list[Tracked]:
    """Tracks around nobody, of things that a detector confuses with people."""
    tracks = max((each.track for each in tracked), default=0)
    count = int(generator.binomial(tracks, noise.ghosts)) if tracks else 0
    ghosts = []
    for number in range(tracks + 1, tracks + 1 + count):
        begin, length = int(generator.integers(frames)), int(generator.integers(4, 20))
        there = [each.box for each in tracked if begin <= each.frame < begin + length]
        box = _empty_box(float(generator.uniform(90, 240)), there, generator)
        for frame in range(begin, min(frames, begin + length)):
            ghosts.append(Tracked(frame, number, BACKGROUND, _shaken(box, noise.jitter, generator)))
    return ghosts
