"""Tell one model's weights from another's, for the names of what is computed with them."""

import hashlib
from collections.abc import Iterable

from torch import Tensor


def add_weights(digest: "hashlib.blake2b", weights: Iterable[tuple[str, Tensor]]) -> None:
    """Let names and values of weights, in their order, count in a digest; on whichever device they lie."""
    for name, tensor in weights:
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
