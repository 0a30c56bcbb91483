"""Sentences as users hand them in."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from passerby.errors import DataError
from passerby.models.clip.word_tokens import words_of


def check_texts(texts: str | Sequence[str], *, most_tokens: int, count: Callable[[str], int]) -> list[str]:
    """The texts one by one.

    Args:
        texts: sentences, or one of them alone.
        most_tokens: that a text may have.
        count: how many tokens a text has, start and end included.

    Raises:
        DataError: something is no text, empty, or longer than so many of CLIP's tokens.
    """
    alone = isinstance(texts, str | bytes) or not isinstance(texts, Iterable)
    listed = [cast(str, texts)] if alone else list(texts)
    for text in listed:
        _check(text, most_tokens, count)
    return listed


def warn_of_unknown(texts: Sequence[str], words: Sequence[str] | None) -> None:
    """Warn of words in texts that are not among those that a model has learned; None: it has learned all."""
    if words is None:
        return
    known = frozenset(words)
    unknown = dict.fromkeys(word for text in texts for word in words_of(text) if word not in known)
    if unknown:
        warnings.warn(
            f"the model has never read these words, which therefore tell it nothing: {', '.join(unknown)}",
            stacklevel=4,
        )


def _check(text: object, most_tokens: int, count: Callable[[str], int]) -> None:
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"a text must be a sentence about a person, not {text!r}")
    tokens = count(text)
    if tokens > most_tokens:
        raise DataError(f"a text has {tokens} tokens, at most {most_tokens} can be read: shorten {text[:40]!r}…")
