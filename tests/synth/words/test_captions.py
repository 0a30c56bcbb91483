"""Sentences hold what a picture shows, all of it now and then, and never more."""

import itertools
import re
from collections import Counter

import cv2
import numpy as np
import pytest

from passerby.synth.output.truth import picture_row
from passerby.synth.people.cones import REGION, REGIONS
from passerby.synth.people.wardrobe import ATTRIBUTES, Wears, dress, values
from passerby.synth.places.world import World
from passerby.synth.words.captions import PHRASINGS, describe
from passerby.synth.words.sight import seen_attributes

PEOPLE = [dress(5, number) for number in range(0, 300)]
ALL_SHOWN = np.full(len(REGIONS), 1 / len(REGIONS))
WORDS = {
    "bag": {"backpack", "shoulder bag", "handbag", "shopping bag"},
    "hat": {" cap", "beanie", "sun hat"},
    "shoes": {"sneakers", "shoes", "boots", "sandals"},
    "lower": {"trousers", "jeans", "shorts", "leggings", "skirt", "dress"},
    "outer": {"jacket", "coat", "cardigan", "vest"},
    "hair": {"hair", "bob", "ponytail", "bald"},
    "face": {"glasses", "mask", "beard"},
}


def sentences(wears: Wears, shown: np.ndarray = ALL_SHOWN, turn: float = 0.0) -> list[str]:
    seen = seen_attributes(wears, shown, turn)
    return [describe(seen, np.random.default_rng(n), phrasing=n % PHRASINGS) for n in range(2 * PHRASINGS)]


def mentions(sentence: str, kind: str) -> bool:
    return any(word in sentence.lower() for word in WORDS[kind])


def test_nothing_is_said_that_is_not_so() -> None:
    """Every colour, garment and thing in a sentence is an attribute of the person."""
    colours = [*sorted(values("upper_colour"), key=len, reverse=True), "blond"]
    for wears in PEOPLE:
        true_colours = {wears[name] for name in ATTRIBUTES if name.endswith("colour")} | {"blue"}
        for sentence in sentences(wears):
            text = sentence.lower()
            for colour in colours:
                if re.search(rf"\b{colour}\b", text):
                    assert any(colour in true for true in true_colours), (sentence, wears)
                    text = re.sub(rf"\b{colour}\b", "", text)
            for kind in ("bag", "hat", "outer", "face"):
                if wears[kind] in ("none", "bare"):
                    assert not mentions(sentence, kind) or kind == "hat", (sentence, wears)
            assert ("woman" in sentence.lower()) == (wears["sex"] == "woman")


@pytest.mark.parametrize("kind", ["bag", "hat", "shoes", "lower"])
def test_what_is_not_seen_is_not_said(kind: str) -> None:
    shown = ALL_SHOWN.copy()
    shown[REGION[kind]] = 0
    for wears in PEOPLE:
        for sentence in sentences(wears, shown):
            if kind == "lower" and wears["lower"] == "dress":
                continue
            assert not mentions(sentence.replace("black hair", ""), kind), (sentence, wears)


def test_hair_and_face_need_a_head() -> None:
    shown = ALL_SHOWN.copy()
    shown[[REGION["head"], REGION["hair"]]] = 0
    for wears in PEOPLE:
        for sentence in sentences(wears, shown):
            assert not mentions(sentence, "hair")
            assert not mentions(sentence, "face")


def test_from_behind_no_face_no_print_and_nothing_under_a_jacket() -> None:
    for wears in PEOPLE:
        seen = seen_attributes(wears, ALL_SHOWN, np.pi)
        assert "face" not in seen
        assert seen.get("pattern") != "logo"
        assert wears["outer"] == "none" or "upper" not in seen


def test_what_is_seen_is_said_by_some_phrasing() -> None:
    said: Counter[str] = Counter()
    for wears in PEOPLE:
        text = " ".join(sentences(wears)).lower()
        assert wears["upper_colour"] in text
        if wears["bag"] != "none":
            assert wears["bag"] in text
        if wears["lower"] != "dress":
            assert wears["lower"].split()[-1] in text
        said.update(kind for kind in WORDS if mentions(text, kind))
    assert set(said) == set(WORDS)


def test_phrasings_differ_and_are_sentences() -> None:
    different = 0
    for wears in PEOPLE:
        found = sentences(wears)
        different += len(set(found[:PHRASINGS])) == PHRASINGS
        for sentence in found:
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert "  " not in sentence
            assert "{" not in sentence
            assert " , " not in sentence
            assert not re.search(r"\ba [aeio]", sentence.lower()), sentence
            assert not re.search(r"\ban [^aeiou]", sentence.lower()), sentence
    assert different > 0.95 * len(PEOPLE)


def test_nothing_seen_is_a_person() -> None:
    nothing = seen_attributes(PEOPLE[0], np.zeros(len(REGIONS)), 0.0)
    for phrasing in range(PHRASINGS):
        assert describe(nothing, np.random.default_rng(0), phrasing=phrasing) == "A person."


COLOUR_FAMILIES = {
    "red": lambda hue, saturation, value: saturation > 120 and (hue < 15 or hue > 345),
    "blue": lambda hue, saturation, value: saturation > 60 and 195 < hue < 245,
    "green": lambda hue, saturation, value: saturation > 60 and 90 < hue < 165,
    "purple": lambda hue, saturation, value: saturation > 40 and 240 < hue < 325,
    "pink": lambda hue, saturation, value: saturation > 40 and hue > 320 and value > 150,
    "white": lambda hue, saturation, value: saturation < 50 and value > 170,
    "black": lambda hue, saturation, value: value < 75,
}


def test_colours_in_sentences_are_those_of_the_pixels() -> None:
    """The garment that a sentence names first, against the pixels of the chest, seen from before."""
    world, right = World(seed=3, steps=2, size=(128, 64), crowd=0), []
    for person, camera in itertools.product(range(0, 240, 3), (1, 2)):
        crop, box = world.crop(person, camera, 0)
        if crop.visible < 0.95 or np.cos(crop.turn) < 0.5:
            continue
        row = picture_row(crop, box, world.person(person).wears, np.random.default_rng(person))
        found = re.search(
            r"\bin an? (\w+) (?:t-shirt|shirt|sweater|hoodie|blouse|jacket|coat)\b(?! with)", row["captions"][0]
        )
        if found is None or found[1] not in COLOUR_FAMILIES:
            continue
        tall, _ = np.nonzero(crop.mask > 250)
        top, height = tall.min(), np.ptp(tall)
        chest = np.zeros_like(crop.mask, dtype=bool)
        chest[top + round(0.24 * height) : top + round(0.4 * height)] = True
        colour = np.median(crop.image[chest & (crop.mask > 250)], axis=0).astype(np.uint8)
        hue, saturation, value = cv2.cvtColor(colour.reshape(1, 1, 3), cv2.COLOR_RGB2HSV)[0, 0].tolist()
        right.append(COLOUR_FAMILIES[found[1]](2 * hue, saturation, value))
    assert len(right) > 12
    assert np.mean(right) > 0.85
