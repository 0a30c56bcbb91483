"""The head that self-distillation compares views in; it is thrown away afterwards."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

OUTPUTS = 65336
"""Of the published models: a slip for 65,536, kept because their files hold so many."""

HIDDEN, BOTTLENECK = 2048, 256


class UnitWeightLinear(nn.Module):
    """A linear layer [B, D] → [B, K] without bias whose rows of weights have a fixed length of 1.

    `weight_g` (the lengths, [K, 1], never trained) and `weight_v` (the directions, [K, D]) are named as torch's weight
    normalisation names them, which published files use.
    """

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(outputs, 1), requires_grad=False)
        self.weight_v = nn.Parameter(nn.Linear(width, outputs, bias=False).weight.detach().clone())

    def forward(self, values: Tensor) -> Tensor:
        """Inner products with the rows, [B, K]."""
        return linear(values, self.weight_g * normalize(self.weight_v, eps=1e-12))


class ProjectionHead(nn.Module):
    """Features [B, width] → logits [B, outputs]: three layers, a unit vector, its cosines with `outputs` directions.

    Args:
        width: of the features.
        outputs: K.
        hidden: width of the first two layers.
        bottleneck: width of the unit vector.

    Source: DINO's head without batch normalisation, as CION uses it.
    """

    def __init__(
        self, width: int, outputs: int = OUTPUTS, *, hidden: int = HIDDEN, bottleneck: int = BOTTLENECK
    ) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, bottleneck)
        )
        self.last_layer = UnitWeightLinear(bottleneck, outputs)
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02, a=-2.0, b=2.0)
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, outputs]; the unit vector is computed in float32, also under autocast."""
        return cast(Tensor, self.last_layer(normalize(self.mlp(features).float())))
