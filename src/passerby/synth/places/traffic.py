"""The people of a video: who passes a camera when, and on which path."""

from dataclasses import dataclass, replace

import numpy as np

from passerby.synth.cameras.camera import HEIGHT, WIDTH
from passerby.synth.places.crops import Box
from passerby.synth.places.scene import Place, Somebody, Window, shoot
from passerby.synth.places.walks import Walk, draw_walk, put, seen_from
from passerby.synth.places.world import World, occluded_by_furniture, spot
from passerby.synth.randomness import keyed_generator

_FARTHEST, _NEAREST = 16.0, 2.5
"""Metres from a camera between which people are."""

_ABROAD = 9.0
"""Seconds before and after the middle of a walk that it lasts at most."""

_TRIES = 8
_COARSE = 0.3
"""Zoom at which visible fractions are measured where no picture is wanted."""


@dataclass(frozen=True)
class Actor:
    """Somebody who comes by.

    Attributes:
        number: of the person.
        walk: their way; its time 0 is the middle of their visit.
        middle: seconds from the beginning of the video.
    """

    number: int
    walk: Walk
    middle: float


@dataclass(frozen=True)
class Seen:
    """One person at one moment of a video: ground truth.

    Attributes:
        number: of the person.
        box: around the whole person in the camera's picture, whoever stands before them.
        visible: share of the whole person that is seen, 0 to 1.
    """

    number: int
    box: Box
    visible: float


@dataclass(frozen=True)
class Video:
    """The people in one video of a camera.

    Attributes:
        name: of the video.
        camera: number of the camera.
        seconds: how long it is.
        actors: who comes by.
    """

    name: str
    camera: int
    seconds: float
    actors: tuple[Actor, ...]

    def numbers(self) -> list[int]:
        """The people who come by, in ascending order."""
        return sorted(actor.number for actor in self.actors)

    def present(self, world: World, time: float) -> list[tuple[int, Somebody]]:
        """The people before the camera at a time in seconds, and where they are."""
        people = []
        for actor in self.actors:
            if abs(time - actor.middle) <= _ABROAD or actor.walk.speed == 0:
                person = world.person(actor.number)
                somebody = person, actor.walk.at(time - actor.middle, person)
                if _NEAREST < somebody[1].z < _FARTHEST:
                    people.append((actor.number, somebody))
        return people

    def truth(self, world: World, time: float) -> list[Seen]:
        """Who is seen at a time in seconds; visible fractions are measured on a coarse picture."""
        present = self.present(world, time)
        window = Window(0.0, 0.0, _COARSE, round(HEIGHT * _COARSE), round(WIDTH * _COARSE))
        shot = shoot(world.place(self.camera), [somebody for _, somebody in present], window)
        fractions = [shot.visible_fraction(index) for index in range(len(present))]
        return boxes(world.place(self.camera), present, fractions)


def same_from(video: Video, camera: int, angle: float) -> Video:
    """The same people at the same times, filmed by another camera from `angle` radians farther around them."""
    actors = tuple(replace(actor, walk=seen_from(actor.walk, angle)) for actor in video.actors)
    return Video(f"c{camera}-{camera:03d}", camera, video.seconds, actors)


def boxes(place: Place, present: list[tuple[int, Somebody]], fractions: list[float]) -> list[Seen]:
    """Ground truth of one moment: those of whom at least a quarter of the box is in the picture."""
    seen = []
    for (number, somebody), visible in zip(present, fractions, strict=True):
        left, top, right, bottom = put(*somebody, place.camera, 0.0, 0.0, 1.0).outline()
        inside = max(0.0, min(right, WIDTH) - max(left, 0)) * max(0.0, min(bottom, HEIGHT) - max(top, 0))
        if inside > 0.25 * (right - left) * (bottom - top):
            seen.append(Seen(number, Box(left, top, right - left, bottom - top), visible))
    return seen


def make_video(world: World, number: int, camera: int, cast: list[int], seconds: float) -> Video:
    """A video in which everybody of the cast comes by once.

    Args:
        world: gives people and places.
        number: of the video in the world, from 1.
        camera: number of the camera.
        cast: numbers of the people.
        seconds: how long it is.
    """
    actors: list[Actor] = []
    for person in cast:
        generator = keyed_generator(world.seed, "visit", number, person)
        tries = [_visit(world, camera, person, seconds, generator) for _ in range(_TRIES)]
        free = [actor for actor in tries if all(_apart(world, actor, other) > 0.4 for other in actors)]
        actors.append((free or tries)[0])
    return Video(f"c{camera}-{number:03d}", camera, seconds, tuple(actors))


def share_out(seed: int, identities: int, videos: int, appearances: int) -> list[list[int]]:
    """The cast of every video: each person, from 1, is in `appearances` different videos."""
    casts: list[list[int]] = [[] for _ in range(videos)]
    for person in range(1, identities + 1):
        generator = keyed_generator(seed, "appearances", person)
        for video in generator.choice(videos, min(appearances, videos), replace=False):
            casts[int(video)].append(person)
    return casts


def _visit(world: World, camera: int, number: int, seconds: float, generator: np.random.Generator) -> Actor:
    place, person = world.place(camera), world.person(number)
    walk = None
    for _ in range(6):
        x, z = spot(place, generator)
        turned = np.pi if generator.random() < 0.35 else 0.0
        walk = draw_walk(x, z, place.camera.direction + turned, generator)
        if occluded_by_furniture(place, (person, walk.at(0.0, person))) < 0.3:
            break
    if walk is None:
        raise AssertionError("at least one way is drawn")
    return Actor(number, walk, float(generator.uniform(0, seconds)))


def _apart(world: World, actor: Actor, other: Actor) -> float:
    """The least distance between two people while both are there, metres."""
    first, second = world.person(actor.number), world.person(other.number)
    begin = max(actor.middle, other.middle) - _ABROAD
    end = min(actor.middle, other.middle) + _ABROAD
    least = np.inf
    for time in np.arange(begin, end, 0.4):
        here = actor.walk.at(float(time) - actor.middle, first)
        there = other.walk.at(float(time) - other.middle, second)
        least = min(least, float(np.hypot(here.x - there.x, here.z - there.z)))
    return least
