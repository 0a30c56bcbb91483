"""What sits between features and losses."""

from torch import nn


def bottleneck(width: int) -> nn.BatchNorm1d:
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
