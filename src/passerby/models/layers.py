"""What sits between features and losses."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def bn_neck(width: int) -> nn.BatchNorm1d:
    """BNNeck: batch normalisation [B, width] whose bias is frozen at 0, between the triplet and the identity loss.

    Source: Luo et al. 2019, "Bag of tricks", section 3.5.
    """
    layer = nn.BatchNorm1d(width)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    layer.bias.requires_grad_(False)
    return layer


def identity_classifier(width: int, classes: int) -> nn.Linear:
    """A linear classifier [B, width] → [B, classes] without bias, drawn from N(0, 0.001)."""
    layer = nn.Linear(width, classes, bias=False)
    nn.init.normal_(layer.weight, std=0.001)
    return layer


class GeneralisedMean(nn.Module):
    """GeM: (mean of x^p)^(1/p) with a learnable exponent p that starts at 3; x is cut off below at 1e-6.

    Source: Radenović et al. 2018, Eq. 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor([3.0]))

    def forward(self, places: Tensor) -> Tensor:
        """[B, N, D] → [B, D]."""
        return places.clamp(min=1e-6).pow(self.exponent).mean(1).pow(1 / self.exponent)


class CosineClassifier(nn.Module):
    """A row of length 1 for each class; what it gives are cosines, if features have length 1 too.

    State: `weight` [C, D], xavier-uniform at first, of any length.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, width)))

    def forward(self, features: Tensor) -> Tensor:
        """Features [B, D] → float32 [B, C], also under autocast."""
        return cosines(features, self.weight)


def cosines(features: Tensor, rows: Tensor) -> Tensor:
    """Products of features [B, D], of length 1, with the directions of rows [C, D]; float32 [B, C], never in half."""
    with torch.autocast(features.device.type, enabled=False):
        return features.float() @ F.normalize(rows.float()).T
