"""Batch-hard triplet loss."""

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from passerby.losses.products import inner_products


def batch_hard_triplet(
    features: Tensor,
    labels: Tensor,
    *,
    margin: float | None = 0.3,
    others: Tensor | None = None,
    other_labels: Tensor | None = None,
) -> Tensor:
    r"""The farthest positive of each anchor should be nearer than its nearest negative.

    .. math:: L = \frac{1}{B} \sum_i \max(0,\; \max_{y_j = y_i} d_{ij} - \min_{y_j \ne y_i} d_{ij} + m)

    with Euclidean distances between features as they are. Without a margin, the soft form
    :math:`\log(1 + e^{d_{ap} - d_{an}})` is used.

    Args:
        features: anchors [B, D]; labels: int64 [B].
        margin: m, in units of distance; None for the soft form.
        others: candidates [M, D] to mine positives and negatives from, with `other_labels` int64 [M]; by default the
            anchors themselves. An anchor counts as its own positive, as published.

    Returns:
        A float32 scalar; NaN, on every device, if all candidates of an anchor carry its identity, so that it has no
        negative. Recipes rule that out: their batches hold two identities or more.

    Source: Hermans et al. 2017, Eq. 5, as used by CLIP-ReID.
    """
    candidates = features if others is None else others
    candidate_labels = labels if other_labels is None else other_labels
    same = labels[:, None] == candidate_labels[None, :]
    lonely = same.all(1)
    distance = euclidean_distance(features, candidates)
    positive = distance.masked_fill(~same, -torch.inf).amax(1)
    negative = distance.masked_fill(same, torch.inf).amin(1).masked_fill(lonely, torch.nan)
    if margin is None:
        return softplus(positive - negative).mean()
    return relu(positive - negative + margin).mean()


def euclidean_distance(a: Tensor, b: Tensor) -> Tensor:
    """Distances, float32 [A, B], between the rows of a [A, D] and b [B, D]; also under autocast.

    Squares are clamped at 1e-12 to keep gradients finite.
    """
    squares = a.float().square().sum(1)[:, None] + b.float().square().sum(1)[None, :]
    return (squares - 2 * inner_products(a, b)).clamp(min=1e-12).sqrt()
