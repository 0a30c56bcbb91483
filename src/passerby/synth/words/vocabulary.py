"""The vocabulary of captions."""

import re
from functools import cache

import numpy as np

from passerby.synth.people.wardrobe import ATTRIBUTES, Wears, matters, values
from passerby.synth.words.captions import PHRASINGS, describe

_WORD = re.compile(r"[a-z]+")
_DRAWS = 8
"""Sentences per way of building them: enough that details which are left out now and then are told."""


@cache
def caption_words() -> frozenset[str]:
    """Every word, in lower case, that a caption can contain; `t-shirt` counts as `t` and `shirt`.

    Found by describing somebody again and again, with every value that an attribute can have.
    """
    generator = np.random.default_rng(0)
    usual = {name: values(name)[0] for name in ATTRIBUTES} | {"pattern": "stripes", "outer": "jacket", "bag": "handbag"}
    everybody = [usual | {name: value} for name in ATTRIBUTES for value in values(name)]
    looks = [_shown(wears) for wears in everybody]
    looks.append({name: value for name, value in looks[0].items() if name != "sex"})
    sentences = (
        describe(seen, generator, phrasing=way) for seen in looks for way in range(PHRASINGS) for _ in range(_DRAWS)
    )
    return frozenset(word for sentence in sentences for word in _WORD.findall(sentence.lower()))


def _shown(wears: Wears) -> Wears:
    """What a picture of the whole person from the front shows."""
    return {name: value for name, value in wears.items() if value not in ("none", "bare") and matters(wears, name)}
