"""Products of features in full precision."""

import torch
from torch import Tensor


def inner_products(a: Tensor, b: Tensor) -> Tensor:
    """Products of the rows of a [A, D] with those of b [B, D], float32 [A, B], also under autocast.

    Features before the losses are not normalised: their products reach hundreds, where neighbouring numbers lie 0.25
    (float16) or 2 (bfloat16) apart. That is more than the differences that the losses are about.
    """
    with torch.autocast(a.device.type, enabled=False):
        return a.float() @ b.float().T
