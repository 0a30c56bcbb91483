"""Initial phrases of the text anchors: short descriptions of a person, as token embeddings in a prompt."""

import torch
from torch import Tensor

from passerby.models.clip.tokenizer import tokenizer

PHRASES = (
    "a head with short or long hair",
    "the chest and belly of a person",
    "the legs and knees of a person",
    "the shoes and feet of a person",
    "the jacket or coat of a person",
    "the bag carried by a person",
    "the trousers or skirt of a person",
    "the shirt or sweater of a person",
    "the person in long or short sleeves",
    "the top over the waist of trousers",
    "the neck and shoulders of a person",
    "the back of a walking person",
    "the hat or hood of a person",
    "the glasses worn by a person",
    "the thing held by a person",
    "the colour of upper clothes on a person",
    "the colour of lower clothes on a person",
    "the colour of shoes on a person",
    "all the colours on a person",
    "the pattern of clothes on a person",
    "a logo or print on a person",
    "the outline and build of a person",
    "the pose and gait of a person",
    "the skin tone of a person",
)
"""Our own list; coarse parts come first, so that a few anchors cover the whole body. Nothing ties an anchor to its
phrase once it learns."""


def phrase_tokens(number: int) -> Tensor:
    """Token numbers of the phrase of anchor `number`, int64 [T], without start and end; beyond 24 they are reused."""
    tokens: Tensor = tokenizer()([PHRASES[number % len(PHRASES)]])[0]
    return tokens[1 : int(tokens.argmax())]


def spread_over_slots(embeddings: Tensor, slots: int) -> Tensor:
    """Embeddings [T, W] of a phrase in a number of slots, [slots, W].

    Fewer slots than tokens take tokens at even distances, the first and the last among them; the slots that remain
    after all tokens take their mean.
    """
    count = len(embeddings)
    if slots <= count:
        return embeddings[torch.linspace(0, count - 1, slots, dtype=torch.float64).floor().long()]
    return torch.cat([embeddings, embeddings.mean(0, keepdim=True).expand(slots - count, -1)])
