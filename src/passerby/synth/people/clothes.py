"""Paints what a person wears: one map for every slot of their figure."""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.look import Look
from passerby.synth.people.cones import SLOTS
from passerby.synth.people.fabrics import (
    ALONG,
    AROUND,
    ASIDE,
    COLUMNS,
    REPEATING,
    ROWS,
    Map,
    folded,
    painted,
    plain,
    woven,
)
from passerby.synth.people.street_fabrics import street_folded, street_shade, street_woven
from passerby.synth.people.tailoring import SLEEVES
from passerby.synth.people.wardrobe import COLOURS, HAIR, SKIN, Wears

Atlas = NDArray[np.uint8]
"""Every map of one person: uint8 RGB [len(SLOTS), ROWS, COLUMNS, 3]."""

_OPEN = {"jacket": 0.28, "coat": 0.16, "cardigan": 0.4, "vest": 0.34}
"""How far an outer garment is open, radians from the middle."""


def paint(wears: Wears, generator: np.random.Generator, look: Look = "plain") -> Atlas:
    """The clothes maps of one person; the generator gives shades, sizes of patterns and folds."""
    cloth = _Cloth(wears, generator, look)
    maps = {**_upper(cloth), **_lower(cloth), **_rest(cloth)}
    return np.ascontiguousarray(np.stack([maps[slot] for slot in SLOTS]).clip(6, 250), dtype=np.uint8)


class _Cloth:
    """The shades that one person's things are dyed in."""

    def __init__(self, wears: Wears, generator: np.random.Generator, look: Look) -> None:
        self.wears = wears
        self.generator = generator
        self.look = look
        self._bale: Map | None = None
        self.skin = self._shade(SKIN[wears["skin"]], 0.05)
        self.hair = self._shade(HAIR[wears["hair_colour"]], 0.1)
        names = ("upper", "pattern", "outer", "lower", "shoe", "bag")
        shades = {name: self._shade(COLOURS[wears[f"{name}_colour"]], 0.06) for name in names}
        self.upper, self.print, self.outer = shades["upper"], shades["pattern"], shades["outer"]
        self.lower, self.shoe, self.bag = shades["lower"], shades["shoe"], shades["bag"]
        self.second = self._shade(COLOURS[wears["pattern_colour"]], 0.06)

    def woven(self, pattern: str, first: Map, second: Map) -> Map:
        """Cloth of two colours in one of the patterns of `wardrobe`."""
        weave = street_woven if self.look == "street" else woven
        return weave(pattern, first, second, self.generator)

    def repeats(self) -> bool:
        """Whether the upper garment's pattern goes on over sleeves and skirts."""
        pattern = self.wears["pattern"]
        return pattern in REPEATING or (self.look == "street" and pattern == "plain")

    def upper_cloth(self) -> Map:
        """Cloth of the upper garment; on the street all its pieces are cut from one bale."""
        pattern = self.wears["pattern"]
        if self.look == "plain":
            return self.woven(pattern, self.upper, self.print)
        if self._bale is None:
            self._bale = self.woven(pattern, self.upper, self.print)
        return self._bale

    def uniform(self, dye: Map) -> Map:
        """Cloth of one colour; on the street it may be melange or washed."""
        return plain(dye) if self.look == "plain" else self.woven("plain", dye, dye * 0.8)

    def folded(self, cloth: Map, strength: float = 0.05, *, upright: bool = False) -> Map:
        """Cloth with folds."""
        fold = street_folded if self.look == "street" else folded
        return fold(cloth, self.generator, strength, upright=upright)

    def _shade(self, colour: tuple[int, int, int], spread: float) -> Map:
        if self.look == "street":
            return street_shade(colour, spread, self.generator)
        dyed = np.array(colour) * self.generator.normal(1, spread) + self.generator.normal(0, 4, 3)
        return dyed.clip(10, 244).astype(np.float32)


def _upper(cloth: _Cloth) -> dict[str, Map]:
    """Trunk and sleeves, with what is worn over them."""
    wears = cloth.wears
    inner = cloth.folded(cloth.upper_cloth())
    sleeve = cloth.folded(cloth.upper_cloth() if cloth.repeats() else plain(cloth.upper))
    if wears["pattern"] == "colour block":
        sleeve = cloth.folded(plain(cloth.print))
    torso = _trim(inner, cloth)
    outer = wears["outer"]
    if outer != "none":
        over = cloth.folded(plain(cloth.outer), 0.07)
        gap = _OPEN[outer] * (1 + 0.5 * (0.3 - ALONG)) * np.clip(1.4 - 1.1 * ALONG, 0.35, 1)
        torso = painted(over, gap > ASIDE, inner)
        torso = painted(torso, np.abs(ASIDE - gap) < 0.05, cloth.outer * 0.6)
        if outer != "vest":
            sleeve = cloth.folded(plain(cloth.outer), 0.07)
    torso = painted(torso, ALONG > 0.965, torso * 0.8)
    if wears["bag"] == "backpack":
        torso = painted(torso, (np.abs(ASIDE - 0.72) < 0.12) & (ALONG < 0.5), cloth.bag * 0.9)
    if wears["bag"] == "shoulder bag":
        # From the left shoulder to the right hip, in front and behind.
        line = 0.42 - 0.42 * np.sin(AROUND)
        torso = painted(torso, np.abs(ALONG - line) < 0.04, cloth.bag * 0.85)
    long_outer = outer not in ("none", "vest")
    short = wears["upper"] in SLEEVES and not long_outer
    bare = plain(cloth.skin)
    tail = painted(cloth.folded(plain(cloth.outer), 0.07, upright=True), ASIDE < 0.07, cloth.outer * 0.6)
    cuff = painted(sleeve, ALONG > 0.9, sleeve * 0.8)
    return {"torso": torso, "sleeve": sleeve, "forearm": bare if short else cuff, "tail": tail}


def _trim(torso: Map, cloth: _Cloth) -> Map:
    """Neckline, collar and buttons."""
    upper = cloth.wears["upper"]
    depth = {"blouse": 0.17, "tank top": 0.16, "t-shirt": 0.1}.get(upper, 0.085)
    neck = 0.055 + (depth - 0.055) * np.exp(-((AROUND / 0.55) ** 2))
    if upper in ("shirt", "polo shirt"):
        low = 1.0 if upper == "shirt" else 0.3
        torso = painted(torso, (ASIDE < 0.045) & (low > ALONG), cloth.upper * 0.78)
        torso = painted(torso, neck + 0.03 > ALONG, cloth.upper * 1.12)
    if upper == "hoodie":
        torso = painted(torso, (np.abs(ALONG - 0.74) < 0.012) & (ASIDE < 0.7), cloth.upper * 0.7)
    if upper == "tank top":
        torso = painted(torso, (ALONG < 0.2) & (ASIDE > 0.75) & (ASIDE < 2.3), cloth.skin)
    return painted(torso, neck > ALONG, cloth.skin * 0.94)


def _lower(cloth: _Cloth) -> dict[str, Map]:
    """Hips, legs and skirt."""
    wears = cloth.wears
    lower = wears["lower"]
    if lower == "dress":
        fabric = cloth.upper_cloth() if cloth.repeats() else plain(cloth.upper)
    elif wears["lower_pattern"] in ("checks", "floral print"):
        fabric = cloth.woven(wears["lower_pattern"], cloth.lower, cloth.second * 0.5 + cloth.lower * 0.5)
    else:
        fabric = cloth.uniform(cloth.lower)
    if wears["lower_pattern"] == "side stripes" and lower != "dress":
        fabric = painted(fabric, np.abs(ASIDE - np.pi / 2) < 0.22, cloth.second)
    if lower == "jeans":
        worn = np.exp(-((AROUND / 0.8) ** 2) - ((ALONG - 0.45) / 0.35) ** 2)
        fabric = painted(fabric, 0.22 * worn, np.array([170, 180, 196], np.float32))
    leg = cloth.folded(fabric, 0.06)
    skirt = cloth.folded(fabric, 0.09, upright=lower != "shorts")
    hips = painted(leg, ALONG < 0.12, leg * 0.7)
    bare = plain(cloth.skin)
    covered = lower in ("trousers", "jeans", "leggings")
    shin = painted(leg, (ALONG > 0.8) & (ALONG % 0.07 < 0.03), leg * 0.88) if covered else bare
    if not covered and wears["shoes"] == "sneakers":
        shin = painted(shin, ALONG > 0.84, np.array([222, 222, 220], np.float32))
    return {"hips": skirt if lower == "dress" else hips, "thigh": leg if covered else bare, "shin": shin} | {
        "skirt": painted(skirt, ALONG > 0.97, skirt * 0.85)
    }


def _rest(cloth: _Cloth) -> dict[str, Map]:
    """Head, hands, shoes and what is carried."""
    wears, generator = cloth.wears, cloth.generator
    shoe = painted(plain(cloth.shoe), ALONG > 0.8, np.array([196, 194, 190] if wears["shoes"] == "sneakers" else 40))
    if wears["shoes"] == "sandals":
        shoe = painted(plain(cloth.skin), (ALONG > 0.7) | ((ALONG * 5 + ASIDE) % 1 < 0.35), cloth.shoe)
    strands = cv2.resize(generator.normal(0, 1, (4, 40)).astype(np.float32), (COLUMNS, ROWS))
    hair = plain(cloth.hair) * (1 + 0.13 * strands[..., None])
    bag = cloth.folded(plain(cloth.bag), 0.06)
    bag = painted(bag, np.abs(ALONG - 0.3) < 0.022, cloth.bag * 0.55)
    pocket = (ALONG > 0.5) & (ALONG < 0.86) & (np.pi - ASIDE < 0.62)
    bag = painted(bag, pocket, cloth.bag * 0.85 + 10)
    return {
        **{"head": _face(cloth), "neck": plain(cloth.skin * 0.9), "hand": plain(cloth.skin)},
        **{"shoe": shoe, "hair": hair, "hat": cloth.folded(plain(cloth.second))},
        **{"bag": bag, "strap": plain(cloth.bag * 0.8)},
    }


def _face(cloth: _Cloth) -> Map:
    """Eyes, brows and mouth in front, hair above and behind, and what is worn on the face."""
    wears, skin = cloth.wears, cloth.skin
    face = plain(skin)
    face = painted(
        face, np.exp(-(((ALONG - 0.62) / 0.1) ** 2) - ((ASIDE - 0.5) / 0.25) ** 2) * 0.18, skin * [1, 0.7, 0.7]
    )
    face = painted(face, (np.abs(ALONG - 0.5) < 0.03) & (np.abs(ASIDE - 0.4) < 0.15), skin * 0.3)
    face = painted(face, (np.abs(ALONG - 0.43) < 0.018) & (np.abs(ASIDE - 0.42) < 0.2), cloth.hair * 0.6 + skin * 0.3)
    face = painted(face, (np.abs(ALONG - 0.79) < 0.02) & (ASIDE < 0.28), skin * [0.78, 0.55, 0.55])
    if wears["face"] == "beard":
        face = painted(
            face, (ALONG > 0.66 - 0.12 * ASIDE) & (ASIDE < 1.5) & ~((ALONG < 0.82) & (ASIDE < 0.3)), cloth.hair
        )
    if wears["face"] == "mask":
        tint = np.array([[214, 220, 224], [128, 176, 206], [40, 40, 44]][int(cloth.generator.integers(3))], np.float32)
        face = painted(face, (ALONG > 0.58) & (ASIDE < 1.25), tint)
    if wears["face"] in ("glasses", "sunglasses"):
        lens = (np.abs(ALONG - 0.5) < 0.06) & (np.abs(ASIDE - 0.42) < 0.3)
        rim = lens & ~((np.abs(ALONG - 0.5) < 0.035) & (np.abs(ASIDE - 0.42) < 0.21))
        face = painted(face, lens if wears["face"] == "sunglasses" else rim, np.array(28, np.float32))
        face = painted(face, (np.abs(ALONG - 0.48) < 0.02) & (ASIDE > 0.6) & (ASIDE < 1.6), np.array(40, np.float32))
    if wears["hair"] != "bald":
        low = 0.8 if wears["hair"] == "short" else 0.9
        line = 0.24 + (low - 0.24) / (1 + np.exp(-(ASIDE - 1.5) * 7))
        face = painted(face, line > ALONG, cloth.hair)
    return face
