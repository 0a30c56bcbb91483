"""A vocabulary inside CLIP's."""

import torch

from passerby.models.clip.prompts import CLIP_REID_PROMPT
from passerby.models.clip.vocabulary import Vocabulary, tokenise, vocabulary_of
from passerby.models.clip.word_tokens import words_of
from passerby.models.saga.anchor_phrases import PHRASES, phrase_tokens
from passerby.models.saga.anchors import prompt_tokens

END = 49407


def test_rows_follow_clips_order_and_everything_else_shares_the_first() -> None:
    vocabulary = Vocabulary([END, 7, 320, 7])
    assert vocabulary.tokens == (7, 320, END)
    assert vocabulary.rows(torch.tensor([[320, 5], [END, 7]])).tolist() == [[2, 0], [3, 1]]


def test_expanded_rows_lie_where_clip_looks_for_them() -> None:
    vocabulary = Vocabulary([7, 320, END])
    table = vocabulary.expand(torch.arange(4.0)[:, None])
    assert table.shape == (49408, 1)
    assert [table[token].item() for token in (7, 320, END, 8, 0)] == [1, 2, 3, 0, 0]


def test_captions_prompts_and_phrases_have_rows() -> None:
    vocabulary = vocabulary_of({"t", "shirt", "heavyset"}, PHRASES)
    texts = ["A heavyset t-shirt, shirt.", CLIP_REID_PROMPT, *PHRASES]
    for text in texts:
        (tokens,) = tokenise([text])
        assert (vocabulary.rows(tokens[: int(tokens.argmax()) + 1]) > 0).all(), text
    words = prompt_tokens()
    assert (vocabulary.rows(words[: int(words.argmax()) + 1]) > 0).all()
    assert (vocabulary.rows(phrase_tokens(3)) > 0).all()
    assert vocabulary.rows(tokenise(["umbrella"]))[0, 1] == 0


def test_words_are_those_that_the_tokenizer_separates() -> None:
    assert words_of("A T-shirt, two tall men's T-shirts & 12 über-hats") == [
        *["a", "t", "shirt", "two", "tall", "men", "s", "shirts", "1", "2", "über", "hats"]
    ]
