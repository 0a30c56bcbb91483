"""The attributes of a person that a picture shows; what is occluded, cut off or turned away is not described."""

from math import cos

import numpy as np
from numpy.typing import NDArray

from passerby.synth.people.cones import REGION
from passerby.synth.people.wardrobe import ATTRIBUTES, Wears, matters

_LEAST = {"upper": 0.07, "lower": 0.05, "shoes": 0.008, "head": 0.008, "hair": 0.006, "hat": 0.006, "bag": 0.014}
"""Pixels of a region that must be seen to tell what it is, as a share of the whole person's."""

_REGION_OF = {
    **{"hair": "hair", "hair_colour": "hair", "hat": "hat", "face": "head", "skin": "head"},
    **{"upper": "upper", "upper_colour": "upper", "pattern": "upper", "pattern_colour": "upper", "outer": "upper"},
    **{"outer_colour": "upper", "lower": "lower", "lower_colour": "lower", "lower_pattern": "lower"},
    **{"shoes": "shoes", "shoe_colour": "shoes", "bag": "bag", "bag_colour": "bag"},
}

_FRONT_ONLY = frozenset({"logo"})
"""Patterns that are on the chest alone."""


def seen_attributes(wears: Wears, shown: NDArray[np.float64], turn: float) -> dict[str, str]:
    """The attributes that can be told from a picture, with their values.

    An absent thing (no hat, no bag) is not an attribute that can be seen.

    Args:
        wears: everything about the person.
        shown: pixels that are seen by region, as shares of the whole person's.
        turn: heading relative to the line of sight, radians; 0 towards the camera.
    """
    facing = cos(turn)
    visible = {name for name, least in _LEAST.items() if shown[REGION[name]] >= least}
    seen: dict[str, str] = {}
    for name in ATTRIBUTES:
        value, region = wears[name], _REGION_OF.get(name)
        if value in ("none", "bare") or not matters(wears, name) or (region and not _is_seen(name, wears, visible)):
            continue
        if name == "face" and facing < 0.3:
            continue
        if name in ("pattern", "pattern_colour") and wears["pattern"] in _FRONT_ONLY and facing < 0.3:
            continue
        if _is_under(name, wears) and facing < 0.4:
            continue
        seen[name] = value
    if not visible & {"upper", "head", "hair"}:
        seen.pop("sex", None)
    if float(shown.sum()) < 0.6:  # size and build cannot be judged from half a person
        seen.pop("build", None)
        seen.pop("stature", None)
    return seen


def _is_seen(name: str, wears: Wears, visible: set[str]) -> bool:
    region = _REGION_OF[name]
    if region == "lower" and wears["lower"] == "dress":
        return name == "lower" and "upper" in visible
    if name == "hair" and wears["hair"] == "bald":
        return "head" in visible
    return region in visible


def _is_under(name: str, wears: Wears) -> bool:
    """Whether an attribute is of a garment that an open outer one covers but in front."""
    return wears["outer"] != "none" and name in ("upper", "upper_colour", "pattern", "pattern_colour")
