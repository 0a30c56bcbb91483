"""The cones of a dressed person: the body first, then clothes and what is carried."""

from passerby.synth.people.cones import Cones, Measures, Tailor, Wrap
from passerby.synth.people.wardrobe import Wears

SIDES = (("left", 1.0), ("right", -1.0))
_DEEP = 0.68
"""Depth of the trunk as a share of its width."""

NECK = 0.325
"""Height of the upper edge of what is worn on the trunk, above the hips."""

HEMS = {"shorts": 0.80, "skirt": 0.86, "long skirt": 1.55, "dress": 0.92}
"""Where a garment ends, as a share of the thigh; beyond 1 it covers the shin."""

SLEEVES = {"t-shirt": 0.5, "polo shirt": 0.55, "tank top": 0.0, "blouse": 0.62}
"""How much of the upper arm is covered; long sleeves unless listed."""

LONG_OUTER = frozenset({"jacket", "coat", "cardigan"})
"""Outer garments with long sleeves."""


def tailor(wears: Wears, measures: Measures) -> Cones:
    """All cones of a person.

    Args:
        wears: attributes of the person.
        measures: the body.
    """
    work = Tailor()
    _trunk(work, wears, measures)
    _legs(work, wears, measures)
    _arms(work, wears, measures)
    _head(work, wears, measures)
    _hair(work, wears, measures)
    _hat(work, wears, measures)
    _bag(work, wears, measures)
    return work.cones(measures.height)


def has_long_sleeves(wears: Wears) -> bool:
    """Whether cloth covers the forearms."""
    return wears["outer"] in LONG_OUTER or wears["upper"] not in SLEEVES


def _thickness(wears: Wears, body: Measures) -> float:
    """What clothes add to the radius of the trunk."""
    outer = {"none": 0.0, "vest": 0.006, "cardigan": 0.004, "jacket": 0.008, "coat": 0.010}[wears["outer"]]
    upper = {"hoodie": 0.009, "sweater": 0.007, "shirt": 0.005, "blouse": 0.005}.get(wears["upper"], 0.004)
    return (outer + upper) * body.loose


def _trunk(work: Tailor, wears: Wears, body: Measures) -> None:
    more, waist, hips, wide = _thickness(wears, body), body.waist * body.girth, body.hips * body.girth, body.shoulders
    chest = 0.5 * (waist + wide) * (0.94 + 0.1 * (body.girth - 1))
    flat = (_DEEP, 1.0, 1.0)
    wrap = Wrap("chest", "torso", NECK, -0.075, 0.0, _DEEP)
    work.add("upper", wrap, (0, 0, 0.05), (0.004, 0, 0.165), (waist + more, chest + more), stretch=flat)
    work.add("upper", wrap, (0.004, 0, 0.165), (-0.004, 0, 0.23), (chest + more, 0.062 + more), stretch=flat)
    work.add("upper", wrap, (-0.006, 0, 0.255), (-0.004, 0, 0.297), (0.05 + 0.5 * more, 0.031 + 0.5 * more))
    for _, side in SIDES:
        end = (-0.004, side * (wide - 0.01), 0.257 - body.slope)
        work.add("upper", wrap, (-0.006, 0, 0.262), end, (0.041 + 0.4 * more, 0.031 + 0.5 * more))
    if wears["sex"] == "woman":
        for _, side in SIDES:
            work.add("upper", wrap, (0.034, side * 0.036, 0.185), (0.036, side * 0.036, 0.18), 0.036 + 0.6 * more)
    if body.girth > 1.12:
        work.add("upper", wrap, (0.03, 0, 0.07), (0.03, 0, 0.03), (0.06 * body.girth, 0.066 * body.girth))
    under = Wrap("pelvis", "hips", 0.06, -0.075, 0.0, 0.75)
    work.add("lower", under, (0, 0, 0.035), (0, 0, -0.03), (waist + 0.004, hips), stretch=(0.74, 1, 1))
    for _, side in SIDES:
        work.add("lower", under, (-0.026, side * 0.042, -0.012), (-0.022, side * 0.042, -0.03), 0.052 * body.girth)
    _hem(work, wears, body)


def _hem(work: Tailor, wears: Wears, body: Measures) -> None:
    """What hangs below the waist: shirt tails, a jacket's hem, a coat over the thighs."""
    low = -0.08 if wears["outer"] in ("jacket", "coat", "cardigan") else -0.06
    low = -0.03 if wears["outer"] == "none" and wears["upper"] in ("blouse", "tank top") else low
    low -= body.hem
    wrap = Wrap("chest", "torso", NECK, low, 0.0, _DEEP)
    more, waist, hips = _thickness(wears, body), body.waist * body.girth, body.hips * body.girth
    ends = (waist + more + 0.002, hips + more + body.flare)
    if wears["lower"] != "dress":
        stretch = (0.84, 1.0, 1.0)
        work.add("upper", wrap, (0, 0, 0.05), (0, 0, low), ends, stretch=stretch, cut=True, cover=0.022, bone="pelvis")
    if wears["outer"] == "coat":
        tail = Wrap("pelvis", "tail", 0.0, -0.24, 0.0, 0.8)
        for name, side in SIDES:
            thigh, start, end = f"{name} thigh", (0, -side * 0.012, 0.02), (0, -side * 0.012, -0.19)
            work.add("upper", tail, start, end, (0.088, 0.102), stretch=(0.9, 1, 1), cut=True, cover=0.015, bone=thigh)


def _legs(work: Tailor, wears: Wears, body: Measures) -> None:
    thick, lower = body.limbs * (0.6 + 0.4 * body.girth), wears["lower"]
    covered = lower in ("trousers", "jeans", "leggings")
    loose = {"trousers": 0.007, "jeans": 0.005, "leggings": 0.001}.get(lower, 0.0) * body.loose
    boots = wears["shoes"] == "boots"
    for name, _ in SIDES:
        thigh = Wrap(f"{name} thigh", "thigh", 0.05, -0.238)
        region = "lower" if covered else "skin"
        radii = (0.06 * thick + loose, 0.036 * thick + loose)
        work.add(region, thigh, (0, 0, -0.012), (0.004, 0, -0.235), radii)
        shin = Wrap(f"{name} shin", "shin", 0.0, -0.215)
        calf = 0.033 * thick + (1.1 * loose if covered else 0.0)
        work.add(region, shin, (0.004, 0, 0), (-0.012, 0, -0.085), (0.035 * thick + loose, calf))
        ankle = 0.02 * thick + (1.7 * loose if covered else 0.0)
        work.add(region, shin, (-0.012, 0, -0.085), (-0.002, 0, -0.212), (calf, ankle), cut=covered)
        _shoe(work, wears, name)
        if boots:
            work.add("shoes", Wrap(f"{name} shin", "shoe", -0.1, -0.25), (-0.008, 0, -0.13), (0, 0, -0.22), 0.032)
    if lower == "shorts":
        for name, side in SIDES:
            low = -0.238 * HEMS["shorts"]
            leg = Wrap(f"{name} thigh", "skirt", 0.05, low)
            work.add(
                "lower",
                leg,
                (0, -side * 0.004, 0),
                (0, 0, low),
                (0.066 * thick, (0.046 + 0.008 * body.loose) * thick),
                cut=True,
            )
    if lower in ("skirt", "long skirt", "dress"):
        _skirt(work, lower, body)


def _skirt(work: Tailor, lower: str, body: Measures) -> None:
    """Cloth around both legs: it hangs from the hips and follows each thigh."""
    region = "upper" if lower == "dress" else "lower"
    low = -0.238 * HEMS[lower]
    wrap = Wrap("pelvis", "skirt", 0.05, low, 0.0, 0.8)
    hips = body.hips * body.girth + 0.006
    flare = 0.05 if lower == "long skirt" else 0.03
    for name, side in SIDES:
        middle = -side * 0.5 * body.hips
        end = (0, 0.6 * middle, low)
        ends = (hips - 0.004, hips - 0.012 + flare)
        work.add(
            region, wrap, (0, middle, 0.0), end, ends, stretch=(0.8, 1, 1), cut=True, cover=0.012, bone=f"{name} thigh"
        )
    work.add(region, wrap, (0, 0, 0.04), (0, 0, -0.05), (hips - 0.012, hips + 0.004), stretch=(0.78, 1, 1))


def _shoe(work: Tailor, wears: Wears, name: str) -> None:
    wrap = Wrap(f"{name} foot", "shoe", 0.0, -0.045, 0.03)
    big = 1.12 if wears["shoes"] in ("sneakers", "boots") else 1.0
    radii = (0.021 * big, 0.017 * big)
    work.add("shoes", wrap, (-0.016, 0, -0.024), (0.085, 0, -0.029), radii, stretch=(1, 1.05, 0.85))
    if wears["shoes"] != "sandals":
        work.add("shoes", wrap, (-0.006, 0, -0.004), (0.045, 0, -0.026), (0.023, 0.019))


def _arms(work: Tailor, wears: Wears, body: Measures) -> None:
    thick = body.limbs * (0.65 + 0.35 * body.girth)
    more = 0.75 * _thickness(wears, body)
    covered = has_long_sleeves(wears)
    part = 1.0 if covered else SLEEVES[wears["upper"]]
    shoulder, elbow, wrist = 0.031 * thick, 0.0235 * thick, 0.0165 * thick
    for name, side in SIDES:
        arm = Wrap(f"{name} arm", "sleeve", 0.035, -0.168)
        top, low = (0.0, -0.006 * side, -0.008), -0.168 * part
        if part < 1:
            work.add("skin", arm, top, (0, 0, -0.168), (shoulder, elbow))
        if part > 0:
            end = (0, 0, low)
            radii = (shoulder + more, elbow + more + 0.012 * (1 - part))
            work.add("upper", arm, top, end, radii, cut=part < 1)
        fore = Wrap(f"{name} forearm", "forearm", 0.02, -0.142)
        region, loose = ("upper", more) if covered else ("skin", 0.0)
        radii = (elbow + loose, wrist + 0.8 * loose)
        work.add(region, fore, (0, 0, 0), (0, 0, -0.138), radii, cut=covered)
        hand = Wrap(f"{name} forearm", "hand", -0.13, -0.21)
        work.add("skin", hand, (0, 0, -0.15), (0.01, 0, -0.19), (0.0165, 0.0125), stretch=(1.15, 0.75, 1))


def _head(work: Tailor, wears: Wears, body: Measures) -> None:
    size = body.head
    neck = Wrap("chest", "neck", 0.37, 0.27)
    thick = 0.031 if wears["sex"] == "man" else 0.027
    work.add("skin", neck, (-0.004, 0, 0.27), (0.006, 0, 0.355), thick * (0.5 + 0.5 * body.girth))
    if wears["upper"] == "hoodie" or wears["outer"] == "coat":
        collar = Wrap("chest", "torso", NECK, -0.075, 0.0, _DEEP)
        work.add("upper", collar, (-0.022, 0, 0.295), (-0.014, 0, 0.285), 0.047, stretch=(0.9, 1.15, 0.7))
    face = Wrap("head", "head", 0.134 * size, 0.0, 0.01)
    work.add("head", face, (0.0, 0, 0.075 * size), (0.002, 0, 0.082 * size), 0.047 * size, stretch=(1.14, 0.93, 1.05))
    work.add("head", face, (0.008, 0, 0.05 * size), (0.021, 0, 0.018 * size), (0.041 * size, 0.022 * size))
    work.add("head", face, (0.053, 0, 0.06 * size), (0.059, 0, 0.045 * size), (0.006, 0.0085))


def _hair(work: Tailor, wears: Wears, body: Measures) -> None:
    style, size = wears["hair"], body.head
    wrap = Wrap("head", "hair", 0.14 * size, -0.08)

    def lock(start: tuple[float, float], end: tuple[float, float], radii: tuple[float, float], wide: float) -> None:
        first, last = (start[0], 0.0, start[1] * size), (end[0], 0.0, end[1] * size)
        scaled = (radii[0] * size, radii[1] * size)
        work.add("hair", wrap, first, last, scaled, stretch=(1.0, wide, 1.0))

    if style != "bald":
        cap = 0.0485 if style == "short" else 0.051
        lock((-0.010, 0.085), (-0.018, 0.07), (cap, cap - 0.006), 1.0)
    if style in ("long", "ponytail", "bob", "bun"):
        lock((-0.012, 0.082), (-0.017, 0.055), (0.052, 0.042), 0.98)
    if style == "long":
        lock((-0.020, 0.06), (-0.045, -0.05), (0.046, 0.036), 1.12)
    elif style == "bob":
        lock((-0.012, 0.07), (-0.014, 0.02), (0.05, 0.045), 1.1)
    elif style == "ponytail":
        lock((-0.062, 0.095), (-0.085, 0.0), (0.02, 0.013), 1.0)
    elif style == "bun":
        lock((-0.058, 0.118), (-0.062, 0.114), (0.029, 0.029), 1.0)
    elif style == "curly":
        lock((-0.012, 0.1), (-0.016, 0.07), (0.062, 0.056), 1.06)


def _hat(work: Tailor, wears: Wears, body: Measures) -> None:
    if wears["hat"] == "none":
        return
    size, wrap = body.head, Wrap("head", "hat", 0.15, 0.09)
    low = {"cap": 0.085, "beanie": 0.075, "sun hat": 0.09}[wears["hat"]] * size
    dome = 0.056 * size
    crown = (-0.004, 0.0, 0.09 * size)
    work.add("hat", wrap, crown, (-0.004, 0.0, low), dome, stretch=(1.1, 0.96, 1.0), cut=True)
    if wears["hat"] == "cap":
        start, end = (0.03, 0.0, low + 0.008), (0.072, 0.0, low + 0.002)
        work.add("hat", wrap, start, end, (0.04, 0.034), stretch=(1, 1, 0.17))
    elif wears["hat"] == "sun hat":
        flat = (-0.002, 0.0, low + 0.006)
        work.add("hat", wrap, flat, (0.002, 0.0, low + 0.004), 0.1, stretch=(1, 0.95, 0.11))


def _bag(work: Tailor, wears: Wears, body: Measures) -> None:
    kind = wears["bag"]
    waist = body.waist * body.girth + _thickness(wears, body)
    if kind == "backpack":
        wrap = Wrap("chest", "bag", 0.27, 0.02, -0.1, 0.6)
        back = -_DEEP * waist - 0.032
        work.add("bag", wrap, (back, 0, 0.205), (back - 0.008, 0, 0.085), (0.07, 0.076), stretch=(0.62, 1.05, 0.95))
        work.add("bag", wrap, (back - 0.04, 0, 0.1), (back - 0.04, 0, 0.075), 0.05, stretch=(0.55, 1.0, 0.9))
    elif kind == "shoulder bag":
        wrap = Wrap("pelvis", "bag", 0.03, -0.12)
        side = -(body.hips * body.girth + _thickness(wears, body) + 0.022)
        start, end = (-0.015, side, -0.01), (-0.015, side, -0.075)
        work.add("bag", wrap, start, end, (0.058, 0.064), stretch=(1.2, 0.42, 0.75))
    elif kind in ("handbag", "shopping bag"):
        wrap = Wrap("left forearm", "bag", -0.18, -0.36)
        long = 0.05 if kind == "handbag" else 0.1
        start, end = (0.0, 0.008, -0.27), (0.0, 0.008, -0.27 - long)
        work.add("bag", wrap, start, end, (0.054, 0.062), stretch=(1.15, 0.5, 0.8))
        handle = Wrap("left forearm", "strap", -0.18, -0.3)
        work.add("bag", handle, (0.004, 0.004, -0.195), (0.03, 0.008, -0.25), 0.006)
        work.add("bag", handle, (0.004, 0.004, -0.195), (-0.03, 0.008, -0.25), 0.006)
