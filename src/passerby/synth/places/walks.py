"""Paths of people before a camera: walking straight or in a bend, standing, turning on the spot."""

from dataclasses import dataclass, replace
from math import atan2, cos, hypot, pi, sin

import numpy as np

from passerby.synth.cameras.camera import Camera
from passerby.synth.cameras.tracing import Placed, View, place
from passerby.synth.people.person import Person
from passerby.synth.people.poses import GESTURES, Motion, pose


@dataclass(frozen=True)
class Standing:
    """Where a person is at one moment.

    Attributes:
        x: metres to the right of the camera.
        z: metres away from it, along the ground.
        heading: radians; 0 towards the camera, π/2 to the right.
        motion: what the limbs do.
    """

    x: float
    z: float
    heading: float
    motion: Motion


@dataclass(frozen=True)
class Walk:
    """A way of one person past one camera.

    Attributes:
        x: where they are at time 0, metres.
        z: likewise.
        heading: at time 0, radians.
        speed: metres per second; 0 for somebody who stands.
        bend: change of heading, radians per second.
        phase: of the walking cycle at time 0.
        gesture: one of `poses.GESTURES`.
    """

    x: float
    z: float
    heading: float
    speed: float
    bend: float
    phase: float
    gesture: str

    def at(self, time: float, person: Person) -> Standing:
        """Where the person is, `time` seconds from time 0."""
        turned = self.bend * time
        # A bend is an arc of a circle: the chord points half-way between the headings.
        chord = self.speed * time * (sin(turned / 2) / (turned / 2) if abs(turned) > 1e-6 else 1.0)
        towards = self.heading + turned / 2
        stride = 0.8 * person.height
        motion = Motion(
            phase=self.phase + 2 * pi * self.speed * time / stride,
            vigour=min(1.0, self.speed / 1.3),
            gesture=self.gesture,
            loaded=person.wears["bag"] in ("handbag", "shopping bag"),
        )
        return Standing(self.x + chord * sin(towards), self.z - chord * cos(towards), self.heading + turned, motion)


MIDDLE = 9.0
"""Metres from a camera to the point around which another camera stands that sees the same ground."""


def seen_from(walk: Walk, angle: float) -> Walk:
    """A way in the axes of another camera, which stands `angle` radians farther around the middle of the place."""
    sine, cosine = sin(angle), cos(angle)
    x, z = walk.x, walk.z - MIDDLE
    return replace(walk, x=x * cosine + z * sine, z=MIDDLE - x * sine + z * cosine, heading=walk.heading - angle)


def draw_walk(x: float, z: float, heading: float, generator: np.random.Generator) -> Walk:
    """A way through a point in about a direction: most people walk, some stand or turn."""
    kind = generator.choice(["walk", "bend", "stand"], p=[0.68, 0.16, 0.16])
    speed = 0.0 if kind == "stand" else float(generator.uniform(0.9, 1.6))
    bends = {"walk": 0.04, "bend": 0.45, "stand": 0.35}
    chances = [0.3, 0.16, 0.2, 0.22, 0.12] if kind == "stand" else [0.76, 0.07, 0.07, 0.07, 0.03]
    return Walk(
        x=x,
        z=z,
        heading=heading + float(generator.normal(0, 0.25)),
        speed=speed,
        bend=float(generator.normal(0, bends[str(kind)])),
        phase=float(generator.uniform(0, 2 * pi)),
        gesture=str(generator.choice(GESTURES, p=chances)),
    )


def put(person: Person, standing: Standing, camera: Camera, left: float, top: float, zoom: float) -> Placed:
    """A person before a camera, in a window of its picture.

    Args:
        person: who.
        standing: where, and how.
        camera: which.
        left: column of the camera's picture where the window begins.
        top: row likewise.
        zoom: pixels of the window per pixel of the camera's picture.
    """
    lens = camera.lens
    column, row, _ = lens.project(standing.x, standing.z)
    _, _, distance = lens.project(standing.x, standing.z, 0.5 * person.height)
    away = hypot(standing.x, standing.z)
    view = View(
        turn=standing.heading + atan2(standing.x, standing.z),
        tilt=atan2(lens.height - 0.5 * person.height, away),
        scale=lens.focal / distance * zoom,
        column=(column - left) * zoom,
        row=(row - top) * zoom,
        distance=distance,
    )
    return place(person.cones, pose(person.frame, person.gait, standing.motion), view)
