"""The body of a walking person: tapered tubes between the joints of a small skeleton.

All lengths are shares of the person's height; a point is (forward, left, up) from the ground between the feet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.synth.people import ROWS, Person

Point = tuple[float, float, float]

Profile = NDArray[np.float32]
"""Half-width along a part, float32 [ROWS]."""

_THIGH, _SHIN, _ANKLE = 0.242, 0.234, 0.045
_ARM, _FOREARM = 0.16, 0.165
_TRUNK = 0.35
"""From the hip joints to the chin."""


@dataclass(frozen=True)
class Part:
    """One tube of the body.

    Attributes:
        clothes: which map of the person is wrapped around it.
        start: its upper end.
        end: its lower end.
        wide: half-width to the sides.
        deep: half-width to front and back.
        nearer: how much nearer it is painted than it is, for what lies over something else.
        profile: how the half-width changes along it; a key of `PROFILES`, the name of the clothes unless given.
    """

    clothes: str
    start: Point
    end: Point
    wide: float
    deep: float
    nearer: float = 0.0
    profile: str = ""


def skeleton(person: Person, phase: float) -> list[Part]:
    """The parts of a person at one moment of the walking cycle (radians; the left leg is forward at π/2)."""
    legs = [_leg_angles(person, phase + side) for side in (0, np.pi)]
    hip = max(_THIGH * np.cos(thigh) + _SHIN * np.cos(shin) for thigh, shin in legs) + _ANKLE
    lean = float(np.sin(person.lean)) * _TRUNK
    parts = [*_trunk(person, hip, lean), *_head(person, hip + _TRUNK - 0.002, lean), *_bags(person, hip)]
    for side, (thigh, shin) in zip((1, -1), legs, strict=True):
        parts += _leg(person, side, hip, thigh, shin)
        parts += _arm(person, side, hip, lean, -0.75 * person.stride * float(np.sin(phase)) * side)
    return parts


def _leg_angles(person: Person, phase: float) -> tuple[float, float]:
    """Angles of thigh and shin from the vertical, forward positive: the knee bends while the leg swings forward."""
    thigh = person.stride * np.sin(phase) + 0.05
    knee = 0.08 + 2.0 * person.stride * max(0.0, np.cos(phase + 0.5)) ** 2
    return float(thigh), float(thigh - knee)


def _leg(person: Person, side: int, hip: float, thigh: float, shin: float) -> list[Part]:
    """Thigh, shin and shoe; trousers are wider than bare shins."""
    apart = 0.054 * side
    wide = 0.056 * person.girth
    calf = wide if person.wears["lower"] == "trousers" else 0.82 * wide
    knee, under = _THIGH * np.sin(thigh), hip - _THIGH * np.cos(thigh)
    ankle, ground = knee + _SHIN * np.sin(shin), under - _SHIN * np.cos(shin)
    pitch = 0.45 * min(shin, 0.0)  # the heel of the leg behind is lifted
    heel = (ankle - 0.02, 0.85 * apart, ground - 0.012)
    toe = (ankle + 0.092 * np.cos(pitch), 1.1 * apart, ground - 0.02 + 0.092 * np.sin(pitch))
    return [
        Part("thigh", (0.0, apart, hip + 0.04), (knee, apart, under - 0.018), wide, 1.05 * wide, nearer=0.012),
        Part("shin", (knee, apart, under + 0.018), (ankle, 0.85 * apart, ground), calf, calf),
        Part("shoe", heel, toe, 0.03, 0.03),
    ]


def _arm(person: Person, side: int, hip: float, lean: float, swing: float) -> list[Part]:
    """Upper arm and forearm with the hand, and a handbag in the left one."""
    half = _shoulders(person)
    thick = 0.017 + 0.017 * person.girth
    shoulder = hip + 0.283
    elbow = lean * 0.8 + _ARM * np.sin(swing), half + 0.007, shoulder - _ARM * np.cos(swing)
    bend = swing + 0.22 + 0.35 * max(0.0, swing)
    hand = elbow[0] + _FOREARM * np.sin(bend), half + 0.01, elbow[2] - _FOREARM * np.cos(bend)
    top = (lean * 0.8, side * (half - 0.75 * thick), shoulder + 0.5 * thick)
    middle, end = (elbow[0], side * elbow[1], elbow[2]), (hand[0], side * hand[1], hand[2])
    parts = [Part("upper arm", top, middle, thick, thick, 0.03), Part("forearm", middle, end, thick, thick, 0.032)]
    if person.wears["bag"] == "handbag" and side == 1:
        parts.append(Part("bag", end, (end[0], end[1], end[2] - 0.13), 0.035, 0.075, nearer=0.02))
    return parts


def _shoulders(person: Person) -> float:
    """Half the width of the trunk at the shoulders."""
    return 0.12 * person.shoulders * (0.6 + 0.4 * person.girth)


def _trunk(person: Person, hip: float, lean: float) -> list[Part]:
    """Hips, upper garment, and the skirt that hangs over the thighs."""
    girth, lower, upper = person.girth, person.wears["lower"], person.wears["upper"]
    hem = {"coat": -0.17, "jacket": -0.025, "shirt": -0.01}.get(upper, 0.01) if lower != "dress" else 0.03
    over = 0.13 if hem < -0.1 else 0.035
    top = (lean, 0.0, hip + _TRUNK + 0.006)
    parts = [
        Part("pelvis", (0.0, 0.0, hip + 0.1), (0.0, 0.0, hip - 0.035), 0.102 * girth, 0.074 * girth, nearer=0.018),
        Part("torso", top, (0.0, 0.0, hip + hem), _shoulders(person), 0.075 * girth, nearer=over),
    ]
    if lower in ("skirt", "dress"):
        parts.append(Part("skirt", (0.0, 0.0, hip + 0.09), (0.0, 0.0, hip - 0.2), 0.135 * girth, 0.122 * girth, 0.13))
    return parts


def _head(person: Person, chin: float, lean: float) -> list[Part]:
    """Head, hair and the peak of a cap."""
    style, wide, crown = person.wears["hair"], 0.049, chin + (0.14 if person.wears["hair"] != "bald" else 0.132)
    fuller = 1.0 if style == "bald" else 1.06
    face = Part("head", (lean, 0.0, crown), (lean + 0.006, 0.0, chin), wide * fuller, wide * fuller * 1.12, nearer=0.06)
    behind = lean - 0.4 * wide
    hair = {
        "long": Part("hair", (behind, 0.0, crown - 0.012), (behind - 0.01, 0.0, chin - 0.06), 0.051, 0.037, 0.035),
        "bun": Part(
            "hair", (behind - 0.033, 0.0, crown), (behind - 0.04, 0.0, crown - 0.055), 0.027, 0.027, 0.06, "ball"
        ),
        "afro": Part(
            "hair", (behind, 0.0, crown + 0.03), (behind - 0.012, 0.0, chin + 0.01), 0.074, 0.07, 0.025, "ball"
        ),
    }
    parts = [face]
    if style in hair and not (style == "afro" and person.wears["hat"] != "none"):
        parts.append(hair[style])
    if person.wears["hat"] == "cap":
        brow = crown - 0.045
        parts.append(
            Part("hat", (lean + 0.03, 0.0, brow + 0.012), (lean + 0.11, 0.0, brow - 0.012), 0.042, 0.016, 0.07, "ball")
        )
    return parts


def _bags(person: Person, hip: float) -> list[Part]:
    """What is carried on the back or at the left hip."""
    if person.wears["bag"] == "backpack":
        back = -0.074 * person.girth - 0.03
        return [Part("bag", (back + 0.012, 0.0, hip + 0.29), (back - 0.012, 0.0, hip + 0.06), 0.098, 0.06, 0.05)]
    if person.wears["bag"] == "shoulder bag":
        side = 0.102 * person.girth + 0.03
        return [Part("bag", (0.0, side, hip + 0.08), (0.0, side, hip - 0.07), 0.035, 0.08, nearer=0.04)]
    return []


def _profile(*knots: tuple[float, float]) -> Profile:
    """Half-width along a part, interpolated between (position, half-width)."""
    positions, widths = zip(*knots, strict=True)
    profile: Profile = np.interp((np.arange(ROWS) + 0.5) / ROWS, positions, widths).astype(np.float32)
    return profile


def _tube(start: float, end: float, *, bulge: float = 0.0, cap: float) -> Profile:
    """A limb: widths at both ends, a bulge near the start, and ends rounded over the share `cap` of the length."""
    along = (np.arange(ROWS) + 0.5) / ROWS
    width = start + (end - start) * along + bulge * np.exp(-(((along - 0.3) / 0.22) ** 2))
    rounded = np.minimum(1, np.minimum(along, 1 - along) / cap)
    profile: Profile = (width * np.sqrt(1 - (1 - rounded) ** 2)).astype(np.float32)
    return profile


def _round(profile: Profile) -> tuple[Profile, Profile]:
    """A part that looks the same from the front and from the side."""
    return profile, profile


_SKULL = ((0, 0.3), (0.04, 0.55), (0.15, 0.86), (0.35, 1), (0.6, 0.95), (0.85, 0.68), (0.97, 0.4), (1, 0.3))
_CHEST = ((0, 0.3), (0.11, 0.31), (0.14, 0.45), (0.17, 0.7), (0.22, 0.94), (0.3, 1), (0.62, 0.83), (1, 0.92))
_RIBS = ((0, 0.5), (0.11, 0.52), (0.2, 0.84), (0.36, 1), (0.62, 0.93), (0.85, 1.02), (1, 1))

PROFILES = {
    "torso": (_profile(*_CHEST), _profile(*_RIBS)),
    "pelvis": (_tube(0.9, 1, cap=0.2), _tube(0.95, 1, cap=0.2)),
    "skirt": (_profile((0, 0.66), (0.25, 0.82), (1, 1)), _profile((0, 0.6), (0.25, 0.8), (1, 1))),
    "head": _round(_profile(*_SKULL)),
    "upper arm": _round(_tube(1.1, 0.82, cap=0.2)),
    "forearm": _round(_tube(0.86, 0.66, cap=0.12)),
    "thigh": _round(_tube(1.05, 0.76, cap=0.12)),
    "shin": _round(_tube(0.76, 0.6, bulge=0.12, cap=0.06)),
    "shoe": _round(_tube(0.9, 1, cap=0.4)),
    "hair": _round(_tube(0.9, 1, cap=0.3)),
    "bag": _round(_tube(0.9, 1, cap=0.16)),
    "ball": _round(_tube(1, 1, cap=0.5)),
}
"""Half-widths along each kind of part, seen from the front and from the side, relative to the part's own."""
