"""Whether a patch shows what stands behind nothing: a small head on patch tokens. Our own; not of the published SAGA.

A patch's pooling weight is its attention to its strongest anchor, which is never below one in so many anchors, so what
is hidden keeps much of its weight. The head can take it away.
"""

from typing import cast

from torch import Tensor, nn

_HIDDEN = 64


class VisibilityHead(nn.Module):
    """Patch tokens [B, N, D] → logits [B, N] that a patch is not hidden.

    It begins with 0 everywhere, which changes no pooling weight.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Linear(_HIDDEN, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, _HIDDEN), nn.GELU(), last)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [B, N]."""
        return cast(Tensor, self.layers(tokens).squeeze(2))
