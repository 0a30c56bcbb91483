"""Sentences about people, in several phrasings, from the attributes that a picture shows."""

from collections.abc import Mapping

import numpy as np

PHRASINGS = 4
"""How many ways there are to build a sentence."""

_PATTERNS = {
    "plain": "{colour} {thing}",
    "logo": "{colour} {thing} with {a_second} print",
    "stripes": "{colour} and {second} striped {thing}",
    "vertical stripes": "{colour} {thing} with {second} vertical stripes",
    "checks": "{colour} and {second} checked {thing}",
    "dots": "{colour} {thing} with {second} dots",
    "floral print": "{colour} {thing} with {a_second} floral print",
    "colour block": "two-tone {second} and {colour} {thing}",
    "band": "{colour} {thing} with {a_second} band across the chest",
}
_HAIR = {
    "short": "short {colour} hair",
    "long": "long {colour} hair",
    "bob": "a {colour} bob",
    "ponytail": "a {colour} ponytail",
    "bun": "{colour} hair in a bun",
    "curly": "curly {colour} hair",
    "bald": "a bald head",
}
_FACE = {"glasses": "glasses", "sunglasses": "sunglasses", "mask": "a face mask", "beard": "a beard"}
_PLURAL = frozenset({"trousers", "jeans", "shorts", "leggings"})


def describe(seen: Mapping[str, str], generator: np.random.Generator, *, phrasing: int | None = None) -> str:
    """A sentence about a person.

    Args:
        seen: the attributes that may be told, as `sight.seen_attributes` gives them.
        generator: chooses words, and leaves out a detail now and then, as people do.
        phrasing: which way of building the sentence, below `PHRASINGS`; any if None.
    """
    way = int(generator.integers(PHRASINGS)) if phrasing is None else phrasing
    who = _who(seen, generator)
    clothes = [words for words in (_upper(seen), _lower(seen)) if words]
    shoes, bag = _shoes(seen), _bag(seen)
    looks = [words for words in (_hair(seen), _face(seen), _hat(seen)) if words]
    if shoes and generator.random() < 0.75:
        clothes.append(shoes)
    if looks and generator.random() < 0.25:
        looks = looks[:1]
    pronoun = {"man": "he", "woman": "she"}.get(seen.get("sex", ""), "the person")
    return _PHRASES[way](who, clothes, looks, bag, pronoun)


def _wearing(who: str, clothes: list[str], looks: list[str], bag: str, _: str) -> str:
    sentence = who + (f" in {_listed(clothes)}" if clothes else "")
    more = [*looks, *([bag] if bag else [])]
    return _ended(sentence + (f", with {_listed(more)}" if more else ""))


def _two_sentences(who: str, clothes: list[str], looks: list[str], bag: str, pronoun: str) -> str:
    first = f"{who} wearing {_listed(clothes)}" if clothes else who
    verbs = [f"has {_listed(looks)}"] if looks else []
    verbs += [f"carries {bag}"] if bag else []
    return _ended(first) + (f" {_ended(f'{pronoun} {_listed(verbs)}')}" if verbs else "")


def _looks_first(who: str, clothes: list[str], looks: list[str], bag: str, _: str) -> str:
    sentence = who + (f" with {_listed(looks)}" if looks else "")
    sentence += f" wears {_listed(clothes)}" if clothes else ""
    if bag:
        sentence += f" and carries {bag}" if clothes else f" carries {bag}"
    return _ended(sentence)


def _clothes_first(who: str, clothes: list[str], looks: list[str], bag: str, pronoun: str) -> str:
    person = who[0].lower() + who[1:]
    if not clothes:
        return _wearing(who, clothes, looks, bag, pronoun)
    more = [*looks, *([bag] if bag else [])]
    return _ended(f"{_listed(clothes)} on {person}" + (f" with {_listed(more)}" if more else ""))


_PHRASES = (_wearing, _two_sentences, _looks_first, _clothes_first)


def _who(seen: Mapping[str, str], generator: np.random.Generator) -> str:
    person = seen.get("sex", "person")
    words = [word for word in (_stature(seen), _build(seen)) if word]
    if words and generator.random() < 0.6:
        person = f"{words[int(generator.integers(len(words)))]} {person}"
    return _article(person)


def _stature(seen: Mapping[str, str]) -> str:
    return "" if seen.get("stature", "average") == "average" else seen["stature"]


def _build(seen: Mapping[str, str]) -> str:
    return {"slim": "slim", "heavy": "heavyset"}.get(seen.get("build", ""), "")


def _garment(seen: Mapping[str, str], thing: str) -> str:
    """The upper garment, or the dress, with what of its pattern can be told."""
    pattern = seen.get("pattern", "plain") if "pattern_colour" in seen else "plain"
    second = seen.get("pattern_colour", "plain")
    words = _PATTERNS[pattern].format(
        colour=seen.get("upper_colour", ""), second=second, a_second=_article(second), thing=thing
    )
    return _article(" ".join(words.split()))


def _upper(seen: Mapping[str, str]) -> str:
    dress = seen.get("lower") == "dress"
    inner = _garment(seen, "dress" if dress else seen["upper"]) if "upper" in seen else "a dress" if dress else ""
    if "outer" not in seen:
        return inner
    outer = _article(f"{seen['outer_colour']} {seen['outer']}")
    return f"{outer} over {inner}" if inner else outer


def _lower(seen: Mapping[str, str]) -> str:
    thing = seen.get("lower", "dress")
    if thing == "dress":
        return ""
    pattern = {"checks": "checked ", "floral print": "floral "}.get(seen.get("lower_pattern", ""), "")
    colour = seen["lower_colour"].replace("denim blue", "blue" if thing == "jeans" else "denim blue")
    *length, garment = thing.split()
    words = " ".join([*length, colour, pattern + garment])
    if seen.get("lower_pattern") == "side stripes":
        words += " with side stripes"
    return words if thing in _PLURAL else _article(words)


def _shoes(seen: Mapping[str, str]) -> str:
    return f"{seen['shoe_colour']} {seen['shoes']}" if "shoes" in seen else ""


def _bag(seen: Mapping[str, str]) -> str:
    return _article(f"{seen['bag_colour']} {seen['bag']}") if "bag" in seen else ""


def _hair(seen: Mapping[str, str]) -> str:
    return _HAIR[seen["hair"]].format(colour=seen.get("hair_colour", "")) if "hair" in seen else ""


def _face(seen: Mapping[str, str]) -> str:
    return _FACE.get(seen.get("face", ""), "")


def _hat(seen: Mapping[str, str]) -> str:
    return _article(seen["hat"]) if "hat" in seen else ""


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _ended(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}."
