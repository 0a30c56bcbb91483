"""The words of captions: all of them, and no others."""

import re

import numpy as np

from passerby.synth.captions import describe
from passerby.synth.cones import REGION
from passerby.synth.sight import seen_attributes
from passerby.synth.vocabulary import caption_words
from passerby.synth.wardrobe import dress


def test_captions_of_many_people_use_these_words_and_no_others() -> None:
    generator, said = np.random.default_rng(1), set()
    for person in range(4000):
        shown = 0.2 * (generator.random(len(REGION)) < 0.8)
        seen = seen_attributes(dress(3, person), shown, float(generator.uniform(0, 6.28)))
        said |= set(re.findall(r"[a-z]+", describe(seen, generator).lower()))
    assert said <= caption_words()
    assert caption_words() - said <= {"sun", "beanie"}  # the rarest
