"""Batch-hard triplet loss."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from passerby.losses.products import inner_products


def batch_hard_triplet(
    features: Tensor,
    labels: Tensor,
    *,
    margin: float | None = 0.3,
    candidates: Tensor | None = None,
    candidate_labels: Tensor | None = None,
    no_negative: Literal["nan", "zero"] = "nan",
) -> Tensor:
    r"""The farthest positive of each anchor should be nearer than its nearest negative.

    .. math:: L = \frac{1}{B} \sum_i \max(0,\; \max_{y_j = y_i} d_{ij} - \min_{y_j \ne y_i} d_{ij} + m)

    with Euclidean distances between features as they are. Without a margin, the soft form
    :math:`\log(1 + e^{d_{ap} - d_{an}})` is used.

    Args:
        features: anchors [B, D]; labels: int64 [B].
        margin: m, in units of distance; None for the soft form.
        candidates: [M, D], to mine positives and negatives from, with `candidate_labels` int64 [M]; by default the
            anchors themselves. An anchor counts as its own positive, as published.
        no_negative: the term of an anchor without a negative, because all candidates carry its identity. Where batches
            hold two identities or more by construction, NaN (on every device) tells that something went wrong.

    Returns:
        A float32 scalar.

    Source: Hermans et al. 2017, Eq. 5, as used by CLIP-ReID.
    """
    candidates = features if candidates is None else candidates
    candidate_labels = labels if candidate_labels is None else candidate_labels
    same = labels[:, None] == candidate_labels[None, :]
    distance = euclidean_distance(features, candidates)
    positive = distance.masked_fill(~same, -torch.inf).amax(1)
    negative = distance.masked_fill(same, torch.inf).amin(1)  # infinitely far where there is none: a term of 0
    if no_negative == "nan":
        negative = negative.masked_fill(same.all(1), torch.nan)
    if margin is None:
        return softplus(positive - negative).mean()
    return relu(positive - negative + margin).mean()


def euclidean_distance(a: Tensor, b: Tensor) -> Tensor:
    """Distances, float32 [A, B], between the rows of a [A, D] and b [B, D]; also under autocast.

    Squares are clamped at 1e-12 to keep gradients finite.
    """
    squares = a.float().square().sum(1)[:, None] + b.float().square().sum(1)[None, :]
    return (squares - 2 * inner_products(a, b)).clamp(min=1e-12).sqrt()
