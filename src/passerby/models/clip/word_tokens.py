"""Token numbers of sentences from a list of words, for a model that has learned few of CLIP's tokens; no torch.

CLIP splits a text into words, digits and runs of signs, and each of these into pieces of its byte pair encoding. The
pieces of a word never depend on its neighbours, so a list of the words that a model has learned, each with its numbers,
replaces the encoding: all others share one number.
"""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

START, END = 49_406, 49_407
"""CLIP's numbers of the start and of the end of a text; zeros follow."""

_WORD = re.compile(r"[^\W\d_]+|\d")
_CHUNK = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_PLAIN_QUOTES = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, as CLIP's tokenizer separates them, in order and each once."""
    return list(dict.fromkeys(_WORD.findall(text.lower())))


def split_text(text: str) -> list[str]:
    """What CLIP encodes piece by piece: words, digits, endings such as `'s` and runs of signs, in lower case.

    HTML's entities, curly quotes and letters of unusual width are read as what they stand for; control characters are
    not read.
    """
    plain = unicodedata.normalize("NFKC", html.unescape(html.unescape(_CONTROL.sub("", text)))).translate(_PLAIN_QUOTES)
    return _CHUNK.findall(plain.lower())


class WordTokenizer:
    """CLIP's token numbers of the words that a model has learned.

    Args:
        vocabulary: CLIP's numbers of each word and run of signs, as `split_text` gives them.
        unknown: the number that stands for everything else.
    """

    def __init__(self, vocabulary: Mapping[str, Sequence[int]], unknown: int) -> None:
        self._vocabulary, self._unknown = vocabulary, unknown

    def encode(self, text: str) -> list[int]:
        """Token numbers of a text, start and end included, however long it is."""
        found = [START]
        for chunk in split_text(text):
            found.extend(self._vocabulary.get(chunk, (self._unknown,)))
        return [*found, END]

    def count(self, text: str) -> int:
        """How many tokens a text has, start and end included."""
        return len(self.encode(text))

    def tokenise(self, texts: Sequence[str], context: int) -> NDArray[np.int64]:
        """Token numbers of texts, int64 [N, context]: start, words, end, zeros; cut where a text is too long."""
        tokens = np.zeros((len(texts), context), np.int64)
        for row, text in enumerate(texts):
            found = self.encode(text)[:context]
            tokens[row, : len(found)] = [*found[:-1], END]
        return tokens
