"""One identity: attributes in words, a body, and painted clothes."""

from dataclasses import dataclass, replace

import numpy as np

from passerby.synth.look import Look
from passerby.synth.people.clothes import Atlas, paint
from passerby.synth.people.cones import Cones, Measures
from passerby.synth.people.poses import Frame, Gait
from passerby.synth.people.street_body import varied
from passerby.synth.people.tailoring import tailor
from passerby.synth.people.wardrobe import Wears, dress
from passerby.synth.randomness import keyed_generator


@dataclass(frozen=True)
class Person:
    """One identity.

    Attributes:
        identity: number of the person.
        wears: a value for each of `wardrobe.ATTRIBUTES`.
        height: metres.
        frame: lengths between joints.
        gait: the way of moving.
        cones: the shape.
        atlas: the painted clothes.
    """

    identity: int
    wears: Wears
    height: float
    frame: Frame
    gait: Gait
    cones: Cones
    atlas: Atlas


def make_person(seed: int, identity: int, look: Look = "plain") -> Person:
    """The person with this number in the world of this seed."""
    wears = dress(seed, identity)
    generator = keyed_generator(seed, "body", identity)
    measures = _measure(wears, generator)
    gait = Gait(
        stride=float(generator.uniform(0.36, 0.52)),
        swing=float(generator.uniform(0.4, 0.95)),
        lean=float(generator.normal(0.045, 0.03)),
        spread=float(generator.uniform(0.06, 0.15)) + 0.12 * max(0.0, measures.girth - 1),
    )
    if look == "street":
        own = keyed_generator(seed, "street body", identity)
        measures, gait = varied(measures, own), replace(gait, stride=gait.stride * float(own.uniform(0.6, 1.0)))
    atlas = paint(wears, keyed_generator(seed, "clothes", identity), look)
    return Person(identity, wears, measures.height, measures.frame(), gait, tailor(wears, measures), atlas)


def _measure(wears: Wears, generator: np.random.Generator) -> Measures:
    """A body that fits the words."""
    man = wears["sex"] == "man"
    middle = {"short": -0.085, "average": 0.0, "tall": 0.085}[wears["stature"]]
    girth = {"slim": 0.88, "average": 1.0, "heavy": 1.2}[wears["build"]]

    def about(value: float, spread: float) -> float:
        return value * float(np.clip(generator.normal(1, spread), 1 - 2 * spread, 1 + 2 * spread))

    return Measures(
        height=about((1.755 if man else 1.635) + middle, 0.015),
        girth=about(girth, 0.035),
        shoulders=about(0.110 if man else 0.094, 0.03),
        waist=about(0.083 if man else 0.073, 0.03),
        hips=about(0.09 if man else 0.096, 0.03),
        limbs=about(1.0 if man else 0.92, 0.04),
        head=about(1.0, 0.02),
    )
