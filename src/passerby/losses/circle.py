"""Circle loss over classes, and label smoothing over the other classes only."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot


def circle_logits(cosines: Tensor, labels: Tensor, *, scale: float = 64.0, margin: float = 0.35) -> Tensor:
    r"""Logits that weigh each cosine s by how far it is from where it should be, for a cross-entropy.

    The own class gets :math:`\gamma \alpha_p (s - 1 + m)`, the others get :math:`\gamma \alpha_n (s - m)`,
    with :math:`\alpha_p = [1 + m - s]_+` and :math:`\alpha_n = [s + m]_+`, through which no gradient goes.

    Args:
        cosines: of features with the directions of the classes, [B, C].
        labels: int64 [B].
        scale: γ.
        margin: m.

    Returns:
        float32 [B, C].

    Source: Sun et al., Circle Loss (CVPR 2020), Eq. 8, with classes for proxies.
    """
    cosines = cosines.float()
    weight = cosines.detach()
    own = (1 + margin - weight).clamp(min=0) * (cosines - (1 - margin))
    other = (weight + margin).clamp(min=0) * (cosines - margin)
    return scale * torch.where(one_hot(labels, cosines.shape[1]).bool(), own, other)


def cross_entropy_smoothed_over_others(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.1) -> Tensor:
    """Cross-entropy against 1 - s for the own class and s / (C - 1) for each other, a mean.

    Args:
        logits: [B, C], C at least 2; labels: int64 [B]; label_smoothing: s, what the other classes share.
    """
    classes = logits.shape[1]
    return cross_entropy(logits.float(), labels, label_smoothing=label_smoothing * classes / (classes - 1))
