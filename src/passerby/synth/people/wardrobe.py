"""Attributes of people in words: looks and clothes, how common their values are, and look-alikes.

People come in families of look-alikes: a family shares one outfit, and each member draws only a few attributes anew, so
that colour alone does not tell them apart. Everything follows from (seed, identity): adding people changes nobody.
"""

from typing import Any

import numpy as np

from passerby.synth.randomness import keyed_generator

FAMILY = 3
"""People who share an outfit but for a few attributes."""

REDRAWN = 3
"""Attributes that each member of a family draws anew."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (30, 30, 33),
    "dark grey": (70, 72, 78),
    "grey": (136, 138, 142),
    "white": (236, 234, 230),
    "navy": (36, 44, 84),
    "blue": (52, 92, 168),
    "light blue": (146, 184, 216),
    "denim blue": (78, 100, 136),
    "beige": (200, 182, 148),
    "brown": (112, 78, 54),
    "red": (178, 40, 42),
    "burgundy": (104, 32, 48),
    "orange": (216, 116, 44),
    "yellow": (226, 192, 74),
    "green": (56, 122, 76),
    "olive": (98, 100, 62),
    "teal": (36, 122, 126),
    "pink": (220, 148, 168),
    "purple": (104, 68, 134),
}
"""RGB of dyed cloth in even light."""

SKIN = {"pale": (226, 186, 162), "tan": (200, 150, 118), "brown": (150, 104, 78), "dark": (98, 66, 50)}
"""RGB of skin in even light."""

HAIR = {"black": (30, 26, 26), "brown": (74, 52, 38), "blond": (188, 156, 100), "grey": (152, 150, 148)}
"""RGB of hair in even light."""

_DYES = {
    **{"black": 22, "white": 16, "grey": 10, "dark grey": 7, "navy": 9, "blue": 8, "light blue": 6, "red": 7},
    **{"beige": 4, "brown": 3, "burgundy": 3, "pink": 5, "green": 4, "olive": 3, "yellow": 3, "orange": 2},
    **{"teal": 3, "purple": 3},
}
_PRINTS = {**_DYES, "white": 26, "black": 14}
_LOWER_DYES = {
    **{"black": 26, "denim blue": 24, "navy": 12, "dark grey": 10, "grey": 7, "beige": 8, "white": 4, "olive": 4},
    **{"brown": 4, "burgundy": 1, "red": 1, "pink": 1, "blue": 3},
}
_UPPER = {
    "man": {"t-shirt": 42, "polo shirt": 12, "shirt": 18, "sweater": 10, "hoodie": 10, "tank top": 4},
    "woman": {"t-shirt": 34, "blouse": 20, "shirt": 8, "sweater": 10, "hoodie": 6, "tank top": 10},
}
_LOWER = {
    "man": {"trousers": 42, "jeans": 26, "shorts": 32},
    "woman": {"trousers": 20, "jeans": 22, "shorts": 18, "leggings": 8, "skirt": 14, "long skirt": 4, "dress": 16},
}
_HAIR_STYLE = {
    "man": {"short": 74, "bald": 6, "curly": 8, "long": 4, "ponytail": 2},
    "woman": {"long": 36, "ponytail": 24, "bob": 20, "bun": 10, "short": 6, "curly": 6},
}
_CHOICES: dict[str, Any] = {
    "sex": {"man": 54, "woman": 46},
    "build": {"slim": 26, "average": 52, "heavy": 22},
    "stature": {"short": 22, "average": 56, "tall": 22},
    "skin": {"pale": 46, "tan": 30, "brown": 14, "dark": 10},
    "hair": _HAIR_STYLE,
    "hair_colour": {"black": 46, "brown": 34, "blond": 11, "grey": 9},
    "hat": {"none": 80, "cap": 12, "beanie": 4, "sun hat": 4},
    "face": {"bare": 68, "glasses": 12, "sunglasses": 6, "mask": 8, "beard": 6},
    "upper": _UPPER,
    "upper_colour": _DYES,
    "pattern": {
        **{"plain": 40, "logo": 20, "stripes": 9, "vertical stripes": 4, "checks": 7, "colour block": 6, "band": 4},
        **{"dots": 4, "floral print": 6},
    },
    "pattern_colour": _PRINTS,
    "outer": {"none": 62, "jacket": 18, "coat": 7, "cardigan": 9, "vest": 4},
    "outer_colour": _DYES,
    "lower": _LOWER,
    "lower_colour": _LOWER_DYES,
    "lower_pattern": {"plain": 84, "side stripes": 6, "checks": 4, "floral print": 6},
    "shoes": {"sneakers": 46, "shoes": 26, "boots": 12, "sandals": 16},
    "shoe_colour": {"black": 36, "white": 28, "brown": 10, "grey": 10, "red": 5, "blue": 6, "pink": 3, "beige": 6},
    "bag": {"none": 40, "backpack": 30, "shoulder bag": 17, "handbag": 9, "shopping bag": 4},
    "bag_colour": {**{"black": 38, "navy": 8, "grey": 10, "brown": 12, "red": 8, "blue": 7, "pink": 4}, "beige": 5},
}

ATTRIBUTES = tuple(_CHOICES)
"""What is known about everyone, in this order."""

Wears = dict[str, str]
"""A value for each of `ATTRIBUTES`."""


def dress(seed: int, identity: int) -> Wears:
    """What the person with this number looks like, in words.

    An attribute that cannot be seen (the colour of a jacket that is not there) has a value too; `captions` and the
    table leave it out.
    """
    outfit = keyed_generator(seed, "outfit", identity // FAMILY)
    wears: Wears = {}
    for name in ATTRIBUTES:
        wears[name] = _draw(outfit, name, wears)
    own = keyed_generator(seed, "person", identity)
    free = [name for name in ATTRIBUTES if name != "sex" and matters(wears, name)]
    for name in own.choice(free, REDRAWN, replace=False):
        wears[str(name)] = _draw(own, str(name), wears)
    return wears


def matters(wears: Wears, attribute: str) -> bool:
    """Whether an attribute can show: a coat hides the pattern of most of what is under it, a dress has no trousers."""
    if attribute == "outer_colour":
        return wears["outer"] != "none"
    if attribute == "bag_colour":
        return wears["bag"] != "none"
    if attribute == "pattern_colour":
        return wears["pattern"] != "plain"
    if attribute == "hair_colour":
        return wears["hair"] != "bald"
    if attribute in ("lower_colour", "lower_pattern"):
        return wears["lower"] != "dress"
    return True


def values(attribute: str) -> list[str]:
    """Every value that an attribute can have."""
    choices = _CHOICES[attribute]
    if isinstance(next(iter(choices.values())), dict):
        return list(dict.fromkeys(value for table in choices.values() for value in table))
    return list(choices)


def _draw(generator: np.random.Generator, attribute: str, wears: Wears) -> str:
    table = _CHOICES[attribute]
    if isinstance(next(iter(table.values())), dict):
        table = table[wears["sex"]]
    weights = np.array(list(table.values()), dtype=np.float64)
    if attribute == "pattern_colour":  # a print in the cloth's own colour would be none
        weights[list(table).index(wears["upper_colour"])] = 0
    if attribute == "hair_colour" and wears["skin"] in ("brown", "dark"):
        weights[list(table).index("blond")] = 0
    if attribute == "face" and wears["sex"] == "woman":
        weights[list(table).index("beard")] = 0
    names = [str(name) for name in table]
    return names[int(generator.choice(len(weights), p=weights / weights.sum()))]
