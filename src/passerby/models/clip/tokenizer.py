"""CLIP's tokenizer."""

from functools import cache
from typing import Any

import open_clip


@cache
def tokenizer() -> Any:
    """CLIP's tokenizer; to make one reads and sorts the whole vocabulary, so it is made once."""
    return open_clip.get_tokenizer("ViT-B-16")
