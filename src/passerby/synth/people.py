"""Who walks through the synthetic world, and what they wear.

People come in families of look-alikes: a family shares one outfit, and each member draws only a few attributes anew, so
that colour alone does not tell them apart. Everything about a person follows from (seed, identity): adding people
changes nobody.

Clothes are painted as maps that wrap around a part of the body: rows run along the part, columns around it, from the
back over the right side, the front (middle column) and the left side to the back again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 64, 128
"""Size of a clothes map."""

FAMILY = 3
"""People who share an outfit but for a few attributes."""

REDRAWN = 3
"""Attributes that each member of a family draws anew."""

Map = NDArray[np.float32]
"""A clothes map: float32 [ROWS, COLUMNS, 3], RGB from 0 to 255."""

Grid = NDArray[np.floating]
"""A number for every cell of a clothes map, [ROWS, COLUMNS] or a shape that broadcasts to it."""

Region = NDArray[np.bool_]
"""Cells of a clothes map, bool [ROWS, COLUMNS] or a shape that broadcasts to it."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (30, 30, 34),
    "charcoal": (66, 68, 74),
    "grey": (132, 134, 138),
    "white": (232, 230, 224),
    "navy": (34, 44, 84),
    "blue": (54, 98, 172),
    "sky": (142, 182, 216),
    "denim": (74, 98, 136),
    "beige": (202, 184, 150),
    "brown": (110, 76, 52),
    "red": (182, 42, 44),
    "burgundy": (106, 30, 48),
    "orange": (220, 122, 44),
    "yellow": (226, 190, 66),
    "green": (52, 122, 74),
    "olive": (98, 102, 60),
    "teal": (38, 122, 126),
    "pink": (222, 146, 166),
    "purple": (104, 66, 132),
    "blond": (206, 170, 104),
    "silver": (178, 176, 172),
    "pale": (224, 184, 158),
    "tan": (196, 146, 112),
    "dark": (126, 84, 60),
}

_CLOTHES = [
    *("black", "charcoal", "grey", "white", "navy", "blue", "sky", "beige", "brown"),
    *("red", "burgundy", "orange", "yellow", "green", "olive", "teal", "pink", "purple"),
]

_CHOICES: dict[str, tuple[list[str], list[float]]] = {
    "skin": (["pale", "tan", "dark"], [5, 3, 2]),
    "hair": (["short", "long", "bun", "afro", "bald"], [9, 6, 2, 1, 1]),
    "hair_colour": (["black", "brown", "blond", "silver"], [4, 4, 2, 1]),
    "hat": (["none", "cap", "beanie"], [10, 2, 1]),
    "upper": (["t-shirt", "shirt", "jacket", "coat", "vest"], [5, 5, 4, 2, 1]),
    "upper_colour": (_CLOTHES, [5, 2, 3, 5, 3, 3, 2, 2, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1]),
    "pattern": (
        ["plain", "stripes", "pinstripes", "checks", "dots", "blocks", "band", "logo"],
        [6, 3, 1, 2, 1, 3, 2, 5],
    ),
    "second_colour": (_CLOTHES, [2, 1, 2, 5, 2, 2, 2, 2, 1, 3, 1, 2, 2, 1, 1, 1, 2, 1]),
    "lower": (["trousers", "shorts", "skirt", "dress"], [9, 4, 2, 2]),
    "lower_colour": (
        ["black", "charcoal", "denim", "navy", "beige", "olive", "grey", "white", "brown", "burgundy"],
        [5, 2, 6, 3, 3, 1, 2, 1, 1, 1],
    ),
    "side_stripe": (["no", "yes"], [6, 1]),
    "shoe_colour": (["white", "black", "brown", "red", "blue", "grey"], [5, 5, 2, 1, 1, 2]),
    "bag": (["none", "backpack", "shoulder bag", "handbag"], [5, 4, 2, 2]),
    "bag_colour": (["black", "navy", "red", "olive", "brown", "teal", "yellow", "purple"], [5, 2, 2, 2, 2, 1, 1, 1]),
}

ATTRIBUTES = tuple(_CHOICES)
"""What is written about a person beside the images, in this order."""


def keyed_generator(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A generator of its own for one thing in the world, whatever was drawn before it."""
    return np.random.default_rng([seed, crc32(name.encode()), *numbers])


@dataclass(frozen=True)
class Person:
    """One identity.

    Attributes:
        identity: number of the person.
        wears: a name for each of `ATTRIBUTES`.
        height: metres.
        girth: width of the body, about 1.
        shoulders: width of the shoulders, about 1.
        stride: swing of the thighs, radians.
        lean: forward lean of the torso, radians.
        maps: the painted clothes, by part of the body.
    """

    identity: int
    wears: dict[str, str]
    height: float
    girth: float
    shoulders: float
    stride: float
    lean: float
    maps: dict[str, Map]


def make_person(seed: int, identity: int) -> Person:
    """The person with this number in the world of this seed."""
    outfit = keyed_generator(seed, "outfit", identity // FAMILY)
    wears = {name: _draw(outfit, name) for name in ATTRIBUTES}
    own = keyed_generator(seed, "person", identity)
    for name in own.choice(ATTRIBUTES, REDRAWN, replace=False):
        wears[name] = _draw(own, name)
    return Person(
        identity=identity,
        wears=wears,
        height=float(np.clip(own.normal(1.72, 0.09), 1.5, 1.95)),
        girth=float(np.clip(own.normal(1.0, 0.12), 0.8, 1.35)),
        shoulders=float(np.clip(own.normal(1.0, 0.06), 0.86, 1.15)),
        stride=float(own.uniform(0.34, 0.52)),
        lean=float(own.normal(0.04, 0.03)),
        maps=_paint(wears, own),
    )


def _draw(generator: np.random.Generator, attribute: str) -> str:
    names, weights = _CHOICES[attribute]
    return names[int(generator.choice(len(names), p=np.array(weights) / sum(weights)))]


_along: Grid = ((np.arange(ROWS, dtype=np.float32) + 0.5) / ROWS)[:, None]
"""Position along the part, 0 at its upper end, 1 at its lower end."""

_around: Grid = (((np.arange(COLUMNS, dtype=np.float32) + 0.5) / COLUMNS - 0.5) * 2 * np.pi)[None, :]
"""Angle around the part in radians, 0 in front, positive to the person's left."""


def _paint(wears: dict[str, str], generator: np.random.Generator) -> dict[str, Map]:
    """The clothes maps of one person; the generator gives shades, sizes of patterns and folds."""

    def shade(attribute: str) -> Map:
        colour = np.array(COLOURS[wears[attribute]], dtype=np.float32)
        return np.clip(colour * generator.normal(1, 0.06) + generator.normal(0, 4, 3), 8, 248).astype(np.float32)

    skin, hair, bag = shade("skin"), shade("hair_colour"), shade("bag_colour")
    upper, second, lower, shoe = (shade(f"{name}_colour") for name in ("upper", "second", "lower", "shoe"))
    cloth = _folded(_patterned(wears["pattern"], upper, second, generator), generator)
    trousers = _folded(_legs(lower, second, wears["side_stripe"] == "yes"), generator)
    sleeve = _folded(_sleeve(wears["pattern"], cloth, upper, second), generator)
    bare = np.broadcast_to(skin, (ROWS, COLUMNS, 3)).astype(np.float32)
    long_sleeves = wears["upper"] in ("shirt", "jacket", "coat")
    dress = wears["lower"] == "dress"
    bare_legs = wears["lower"] in ("shorts", "skirt", "dress")
    short = _along < (0.85 if wears["lower"] == "shorts" else 0.2)
    return {
        "torso": _torso(cloth, wears, skin, second, bag),
        "pelvis": sleeve if dress else trousers,
        "skirt": sleeve if dress else trousers,
        "upper arm": sleeve
        if long_sleeves
        else _where(_along < (0.6 if wears["upper"] != "vest" else 0), sleeve, bare),
        "forearm": _where(_along < 0.72, sleeve, bare) if long_sleeves else bare,
        "thigh": _where(short, trousers, bare) if bare_legs else trousers,
        "shin": _where(_along > 0.86, _plain(shoe * 0.6 + 90), bare) if bare_legs else trousers,
        "shoe": _plain(shoe),
        "head": _head(wears, skin, hair, _plain(second)),
        "hair": _folded(_plain(hair), generator),
        "bag": _folded(_where(np.abs(_along - 0.35) < 0.03, _plain(bag * 0.6), _plain(bag)), generator),
        "hat": _plain(second),
    }


def _plain(colour: Map) -> Map:
    return np.clip(np.broadcast_to(colour, (ROWS, COLUMNS, 3)), 0, 250).astype(np.float32)


def _where(region: Region, inside: Map, outside: Map) -> Map:
    return np.where(region[..., None], inside, outside).astype(np.float32)


def _folded(cloth: Map, generator: np.random.Generator) -> Map:
    """Cloth with soft folds, seamless at the back."""
    coarse = generator.normal(0, 1, (6, 8)).astype(np.float32)
    coarse = np.concatenate([coarse, coarse[:, :2]], axis=1)
    folds = cv2.resize(coarse, (COLUMNS * 10 // 8, ROWS), interpolation=cv2.INTER_CUBIC)[:, :COLUMNS]
    return np.clip(cloth * (1 + 0.045 * folds[..., None]), 0, 255).astype(np.float32)


def _patterned(pattern: str, first: Map, second: Map, generator: np.random.Generator) -> Map:
    """Cloth for the upper body in one of the patterns; sizes come from the generator."""
    size = float(generator.uniform(0.7, 1.4))
    mark = float(generator.uniform(0.12, 0.22))
    shapes: dict[str, Callable[[], Grid | Region]] = {
        "plain": lambda: 0.0 * _along,
        "stripes": lambda: (_along * 9 * size) % 1 < 0.45,
        "pinstripes": lambda: (_around * 2.4 * size) % 1 < 0.4,
        "checks": lambda: 0.5 * ((_along * 7 * size) % 1 < 0.5) + 0.5 * ((_around * 1.9 * size) % 1 < 0.5),
        "dots": lambda: np.hypot((_along * 8 * size) % 1 - 0.5, (_around * 2.2 * size) % 1 - 0.5) < 0.28,
        "blocks": lambda: _along < 0.2 + 1.4 * mark,
        "band": lambda: np.abs(_along - 0.45) < 0.5 * mark,
        "logo": lambda: _emblem(mark, square=size > 1.05),
    }
    weight = np.broadcast_to(shapes[pattern](), (ROWS, COLUMNS)).astype(np.float32)[..., None]
    return (first * (1 - weight) + second * weight).astype(np.float32)


def _emblem(size: float, *, square: bool) -> Region:
    """A mark on the chest and a larger, different one on the back."""
    along, around = np.abs(_along - 0.42) / size, np.abs(_around) / (3.2 * size)
    front = np.maximum(along, around) < 0.8 if square else np.hypot(along, around) < 1
    behind = np.pi - np.abs(_around)
    lines = (np.abs(_along - 0.4) < 1.1 * size) & (behind < 3.4 * size) & ((_along * 12) % 1 < 0.6)
    marked: Region = front | lines
    return marked


def _sleeve(pattern: str, cloth: Map, first: Map, second: Map) -> Map:
    """Sleeves and skirts continue a pattern that repeats; an emblem stays on the torso, blocks give their colour."""
    if pattern in ("stripes", "checks", "dots", "pinstripes"):
        return cloth
    return _plain(second if pattern == "blocks" else first)


def _legs(colour: Map, second: Map, side_stripe: bool) -> Map:
    """Trousers, a little faded in front, with or without a stripe down the sides."""
    faded = 1 + 0.1 * np.exp(-((_around / 0.7) ** 2) - ((_along - 0.5) / 0.4) ** 2)
    trousers = (_plain(colour) * faded[..., None]).astype(np.float32)
    return _where(np.abs(np.abs(_around) - np.pi / 2) < 0.3, _plain(second), trousers) if side_stripe else trousers


def _torso(cloth: Map, wears: dict[str, str], skin: Map, second: Map, bag: Map) -> Map:
    """The upper garment with neck, opening, hem and straps."""
    torso = cloth
    if wears["upper"] in ("jacket", "coat"):
        inside = np.clip(255 - second, 30, 235) * 0.5 + 60
        torso = _where((np.abs(_around) < 0.22 + 0.25 * (1 - _along)), _plain(inside), torso)
    if wears["bag"] == "backpack":
        torso = _where((np.abs(np.abs(_around) - 0.75) < 0.13) & (_along < 0.62), _plain(bag), torso)
    if wears["bag"] == "shoulder bag":
        torso = _where(np.abs(_along - (0.5 + 0.36 * np.sin(_around))) < 0.045, _plain(bag), torso)
    neck = 0.13 + 0.07 * np.exp(-((_around / 0.5) ** 2))
    torso = _where(_along < neck, _plain(skin * 0.93), torso)
    return (torso * (1 - 0.12 * (_along > 0.95)[..., None])).astype(np.float32)


def _head(wears: dict[str, str], skin: Map, hair: Map, hat: Map) -> Map:
    """A face in front, hair above and behind, or a hat."""
    head = _plain(skin)
    eyes = (np.abs(_along - 0.5) < 0.035) & (np.abs(np.abs(_around) - 0.42) < 0.14)
    mouth = (np.abs(_along - 0.78) < 0.025) & (np.abs(_around) < 0.25)
    head = _where(eyes, _plain(skin * 0.35), head)
    head = _where(mouth, _plain(skin * 0.7), head)
    if wears["hair"] != "bald":
        low = 0.82 if wears["hair"] == "short" else 0.98
        line = 0.3 + (low - 0.3) / (1 + np.exp(-(np.abs(_around) - 1.35) * 7))
        head = _where(line > _along, _plain(hair), head)
    if wears["hat"] != "none":
        edge = 0.36 if wears["hat"] == "cap" else 0.42
        head = _where(np.broadcast_to(_along < edge, (ROWS, COLUMNS)), hat, head)
    return head
