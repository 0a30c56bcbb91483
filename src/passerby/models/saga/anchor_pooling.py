"""From refined patches and their attention to anchors, to one feature per image, or one per anchor."""

import torch
from torch import Tensor


def pooling_weights(attention: Tensor) -> Tensor:
    """Weight of each patch, [B, N], summing to 1: its attention to its strongest anchor, divided by the sum.

    Args:
        attention: [B, N, A], averaged over heads. Gradients flow through it.
    """
    strongest = attention.amax(2)
    return strongest / strongest.sum(1, keepdim=True).clamp(min=1e-6)


def seen_weights(weights: Tensor, visible: Tensor) -> Tensor:
    """Pooling weights [B, N] multiplied by how visible each patch is, [B, N] from 0 to 1; they sum to 1 again."""
    seen = weights * visible
    return seen / seen.sum(1, keepdim=True).clamp(min=1e-6)


def pool(tokens: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum [B, D] of tokens [B, N, D] with weights [B, N]."""
    return torch.einsum("bn,bnd->bd", weights, tokens)


def pool_by_anchor(tokens: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
    """One feature per anchor, and how much attention it drew.

    Args:
        tokens: [B, N, D].
        attention: [B, N, K].

    Returns:
        Sums over patches weighted by their attention to the anchor, [B, K, D], not normalised; and the attention that
        each anchor drew in all, [B, K].
    """
    return torch.einsum("bnk,bnd->bkd", attention, tokens), attention.sum(1)


def keep_heaviest(features: Tensor, mass: Tensor, count: int) -> Tensor:
    """Anchor features [B, K, D] with all but the `count` anchors of the largest mass [B, K] set to 0; ties are kept."""
    threshold = mass.topk(min(count, mass.shape[1]), dim=1).values[:, -1:]
    return features * (mass >= threshold)[..., None]
