"""Bounding the gradient of each tensor by itself."""

from collections.abc import Sequence

import torch
from torch import Tensor

_SMALL = 1e-6


@torch.no_grad()
def clip_each(gradients: Sequence[Tensor], largest: float, *, scale: float = 1.0) -> None:
    """Shorten, in place, every gradient whose Euclidean length is above `largest`, without asking the device for any.

    Args:
        gradients: of the loss, one for each tensor.
        largest: the bound.
        scale: gradients are judged as if multiplied by it. CION's published code clips before it undoes the scaling of
            half precision, so that with a scale of 65,536 nearly every gradient comes out with length largest / scale.
    """
    if not gradients:
        return
    lengths = torch._foreach_norm(list(gradients))
    factors = [(largest / (length * scale + _SMALL)).clamp(max=1.0) for length in lengths]
    torch._foreach_mul_(list(gradients), factors)
