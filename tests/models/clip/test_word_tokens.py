"""Token numbers from a list of words, held against CLIP's own tokenizer."""

import string

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from passerby.models.bundled import bundled_file, bundled_model_file
from passerby.models.checkpoint import read_description
from passerby.models.clip.tokenizer import tokenizer
from passerby.models.clip.vocabulary import numbers_by_word, tokenise
from passerby.models.clip.word_tokens import END, START, WordTokenizer, split_text
from passerby.models.zoo.card import TextSection
from passerby.models.zoo.card_files import read_card
from passerby.synth.words.vocabulary import caption_words

FILE = bundled_model_file("tiny-clip")
assert FILE is not None
SECTION = read_card(FILE.with_name("model-fp16.card.yaml")).text
assert SECTION is not None
WORDS = sorted(SECTION.vocabulary)
TOKENIZER = WordTokenizer(SECTION.vocabulary, SECTION.unknown)

spaces = st.text(" \t\n", min_size=1, max_size=3)
known = st.sampled_from(WORDS).flatmap(lambda word: st.sampled_from([word, word.upper(), word.title()]))
sentences = st.lists(st.tuples(known, spaces), max_size=60).map(lambda each: "".join(map("".join, each)))


@given(sentences)
def test_sentences_of_learned_words_have_clips_numbers(text: str) -> None:
    np.testing.assert_array_equal(TOKENIZER.tokenise([text], 77), tokenise([text]).numpy())


@given(st.lists(st.one_of(known, st.text(string.printable, max_size=8)), max_size=12).map(" ".join))
@example("a man's T-shirt, 'red' &amp; 2 blue_bags... I'll; <b>he</b>")
@example("A ‘red’ coat – “long”")
@example("ｒｅｄ coat")
def test_any_text_is_split_as_clip_splits_it(text: str) -> None:
    said = "".join(tokenizer().decoder[number] for number in tokenizer().encode(text) if number < START)
    assert bytes(tokenizer().byte_decoder[letter] for letter in said.replace("</w>", "")).decode() == "".join(
        split_text(text)
    )
    assert said.count("</w>") == len(split_text(text))


@given(st.lists(st.one_of(known, st.text(string.ascii_lowercase, min_size=1)), max_size=20))
def test_words_never_read_share_one_number_and_leave_the_others_alone(words: list[str]) -> None:
    numbers = TOKENIZER.encode(" ".join(words))
    expected = [tuple(tokenizer().encode(word)) if word.lower() in SECTION.vocabulary else (1,) for word in words]
    assert numbers == [START, *(number for each in expected for number in each), END]


def test_what_is_too_long_is_cut_before_the_end() -> None:
    text = "man " * 80
    assert TOKENIZER.count(text) == 82
    np.testing.assert_array_equal(TOKENIZER.tokenise([text, "man"], 77), tokenise([text, "man"]).numpy())


def test_the_packaged_words_are_those_that_captions_teach() -> None:
    assert set(SECTION.words) == set(caption_words())
    assert set(SECTION.words) <= set(WORDS)
    file = bundled_file("tiny-clip")
    assert file is not None
    tokens = (read_description(file) or {})["tokens"]
    assert SECTION.unknown not in tokens
    assert {number for each in SECTION.vocabulary.values() for number in each} <= set(tokens)


def test_words_of_several_pieces_are_kept_whole_or_not_at_all() -> None:
    pieces = tokenizer().encode("heavyset")
    assert len(pieces) > 1
    assert numbers_by_word(["heavyset"], [], pieces)["heavyset"] == tuple(pieces)
    assert "heavyset" not in numbers_by_word(["heavyset"], [], pieces[:1])


def test_a_vocabulary_in_a_card_is_one_text_or_a_mapping() -> None:
    text = TextSection.model_validate({"file": "text.onnx", "vocabulary": "a=320 heavyset=12048/1167 ==30 /=270"})
    assert text.vocabulary == {"a": (320,), "heavyset": (12048, 1167), "=": (30,), "/": (270,)}
    assert TextSection.model_validate(text.model_dump()) == text
    assert TextSection.model_validate({"file": "text.onnx", "vocabulary": dict(text.vocabulary)}) == text
    with pytest.raises(ValidationError, match="vocabulary"):
        TextSection.model_validate({"file": "text.onnx", "vocabulary": "a=x"})
