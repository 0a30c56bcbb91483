"""A small vocabulary inside CLIP's: the rows of its token embedding that are kept, and one row for everything else."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from passerby.models.clip.prompts import CLIP_REID_PROMPT
from passerby.models.clip.tokenizer import tokenizer
from passerby.models.clip.word_tokens import END, START, split_text

_SIGNS = (".", ",", "-")


class Vocabulary:
    """Which of CLIP's tokens have a row of their own.

    Row 0 stands for all others. The rest follow the order of CLIP's numbers, so that the end of a text, CLIP's highest
    number, keeps the highest row.

    Args:
        tokens: CLIP's numbers of the tokens that have a row.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        self.tokens = tuple(sorted(set(tokens)))
        self._rows = torch.zeros(tokenizer().vocab_size, dtype=torch.int64)
        self._rows[list(self.tokens)] = torch.arange(1, len(self.tokens) + 1)

    def __len__(self) -> int:
        """Number of rows, the shared one included."""
        return len(self.tokens) + 1

    def rows(self, tokens: Tensor) -> Tensor:
        """Rows of CLIP's token numbers, int64 of any shape."""
        return self._rows[tokens.cpu()].to(tokens.device)

    def expand(self, rows: Tensor) -> Tensor:
        """Embeddings of these rows, [len(self), W], as a table for CLIP's whole vocabulary, [49408, W]."""
        return rows[self._rows]


def vocabulary_of(words: Iterable[str], phrases: Iterable[str] = ()) -> Vocabulary:
    """What texts of these words need, besides signs, CLIP-ReID's prompt and whole phrases."""
    texts = [*sorted(words), *_SIGNS, CLIP_REID_PROMPT, *phrases]
    return Vocabulary(number for text in texts for number in tokenise([text])[0].tolist())


def tokenise(texts: Sequence[str]) -> Tensor:
    """CLIP's token numbers of texts, int64 [B, 77]: start, words, end, zeros; cut where a text is too long."""
    tokens: Tensor = tokenizer()(list(texts))
    return tokens


def token_count(text: str) -> int:
    """How many tokens a text has, start and end included, however long it is."""
    return len(tokenizer().encode(text)) + 2


def numbers_by_word(words: Iterable[str], phrases: Iterable[str], tokens: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """CLIP's numbers of every word and run of signs that these tokens are enough for; see `WordTokenizer`.

    Args:
        words: texts that a model may have read; their words are tried, and so is each token by itself.
        phrases: likewise.
        tokens: CLIP's numbers of the tokens that have a row.
    """
    known = frozenset(tokens)
    alone = [tokenizer().decode([token]).strip() for token in sorted(known - {START, END})]
    chunks = {chunk for text in (*words, *phrases, *alone, *_SIGNS, CLIP_REID_PROMPT) for chunk in split_text(text)}
    numbers = {chunk: tuple(tokenizer().encode(chunk)) for chunk in sorted(chunks)}
    return {chunk: found for chunk, found in numbers.items() if known.issuperset(found)}
