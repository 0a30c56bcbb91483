"""Diversity and decorrelation regularisers, and the triplet loss over anchors, of SAGA."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu


def anchor_diversity(anchors: Tensor) -> Tensor:
    r"""Mean squared cosine between different anchors.

    .. math:: L = \frac{1}{K(K-1)} \sum_{i \ne j} \cos(a_i, a_j)^2

    Args:
        anchors: [K, D]; a single anchor has nothing to differ from, and gives 0.

    Source: SAGA-ReID's published code, weighted there by λ_div.
    """
    count = len(anchors)
    directions = normalize(anchors.float(), dim=1)
    itself = torch.eye(count, dtype=torch.bool, device=anchors.device)
    squares = (directions @ directions.T).square().masked_fill(itself, 0.0)
    return squares.sum() / max(count * (count - 1), 1)


def classifier_diversity(weights: Sequence[Tensor]) -> Tensor:
    """Mean squared cosine between different classifiers [C, D], each taken as one vector; 0 for a single one.

    Source: SAGA-ReID's published code, weighted there by λ_cls_div.
    """
    return anchor_diversity(torch.stack([weight.flatten() for weight in weights]))


def anchor_triplet(features: Tensor, mass: Tensor, labels: Tensor, *, margin: float = 0.3) -> Tensor:
    r"""Features of one anchor should be alike within an identity, where the anchor drew attention.

    Per anchor k and image b, :math:`l_{kb} = \max(0, m - (\min_{p} s_{bp} - \max_{n} s_{bn}))` with cosines s to the
    images of the same identity (without b itself) and of others; an image without a positive has
    :math:`l_{kb} = 0`. With :math:`w_{kb} = M_{kb} / \max_b M_{kb}` the loss is
    :math:`\sum w_{kb} l_{kb} / \sum w_{kb}`; images without a positive count in the divisor, as published.

    Args:
        features: one per image and anchor, [B, K, D].
        mass: attention that each anchor drew, [B, K].
        labels: int64 [B].
        margin: m, of cosines.

    Returns:
        A float32 scalar; NaN, on every device, if the batch holds a single identity. Recipes rule that out.

    Source: SAGA-ReID's published code, there L_anc.
    """
    same = labels[:, None] == labels[None, :]
    alone = same.all()
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    directions = normalize(features.float(), dim=2).transpose(0, 1)
    cosines = directions @ directions.transpose(1, 2)
    hardest_positive = cosines.masked_fill(~positive, torch.inf).amin(2)
    hardest_negative = cosines.masked_fill(same, -torch.inf).amax(2).masked_fill(alone, torch.nan)
    terms = relu(margin - (hardest_positive - hardest_negative))  # 0 where there is no positive: -inf before relu
    weights = (mass / mass.amax(0, keepdim=True).clamp(min=1e-12)).T
    return (weights * terms).sum() / weights.sum().clamp(min=1e-12)


def decorrelation(features: Tensor, reference: Tensor) -> Tensor:
    """Mean squared correlation between the columns of two sets of features [B, D] and [B, E] of the same images.

    Columns are standardised over the batch (unbiased deviation, at least 1e-4). No gradient reaches the reference.

    Source: SAGA-ReID's published code, weighted there by λ_orth.
    """
    first, second = _standardised(features.float()), _standardised(reference.detach().float())
    return (first.T @ second / (len(features) - 1)).square().mean()


def _standardised(values: Tensor) -> Tensor:
    return (values - values.mean(0)) / values.std(0).clamp(min=1e-4)
