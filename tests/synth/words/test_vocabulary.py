"""The words of captions: all of them, and no others."""

import re

import numpy as np

from passerby.synth.people.cones import REGION
from passerby.synth.people.wardrobe import dress
from passerby.synth.words.captions import describe
from passerby.synth.words.sight import seen_attributes
from passerby.synth.words.vocabulary import caption_words


def test_captions_of_many_people_use_these_words_and_no_others() -> None:
    generator, said = np.random.default_rng(1), set()
    for person in range(4000):
        shown = 0.2 * (generator.random(len(REGION)) < 0.8)
        seen = seen_attributes(dress(3, person), shown, float(generator.uniform(0, 6.28)))
        said |= set(re.findall(r"[a-z]+", describe(seen, generator).lower()))
    assert said <= caption_words()
    assert caption_words() - said <= {"sun", "beanie"}  # the rarest
