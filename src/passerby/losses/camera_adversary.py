r"""A classifier of (camera, person) classes, and the loss by which the features fool it: CCAFL's adversarial learning.

Both take cosines :math:`s_{ij} = w_j \cdot x_i` of features with the classifier's rows, and compute in float32:
:math:`e^{16}` overflows float16.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

_NEARLY_ONE = 1 - 1e-6
"""Cosines are cut off here, where the slope of √(1 - s²) still is finite."""


def accumulated_identity_loss(cosines: Tensor, labels: Tensor, *, scale: float = 16.0) -> Tensor:
    """Cross-entropy of `scale` · cosine: the step of the classifier, taken on detached features.

    Args:
        cosines: [B, N]; labels: int64 [B], the (camera, person) class of each image.

    Source: CCAFL's published code (L_GID; a CosFace whose margin is 0).
    """
    return cross_entropy(scale * cosines.float(), labels)


def camera_adversarial(
    cosines: Tensor,
    labels: Tensor,
    positives: Tensor,
    same_camera: Tensor,
    *,
    scale: float = 16.0,
    epsilon: float = 0.8,
    margin: float = 0.5,
    reweight: float = 0.2,
) -> Tensor:
    r"""Features of one person should lie equally near the rows of that person in all cameras (L_ICAL).

    With own class y, positives P (y among them), negatives N (all others) and :math:`\psi(s) = \cos(\arccos s + m)`
    where :math:`s > \cos(\pi - m)`, else :math:`s - m \sin(\pi - m)`:

    .. math::
        z_j = \sigma \psi(s_y) \;(j = y), \quad
        z_j = \sigma ((1 + \tau') s_j + \tau') \;(j \ne y \text{ of the same camera}), \quad
        z_j = \sigma s_j \;(\text{else})

    .. math::
        L = -\frac{1}{B} \sum_i \sum_{j \in P_i} \Big((1 - \epsilon) [j = y_i] + \frac{\epsilon}{|P_i|}\Big)
        \log \frac{e^{z_j}}{e^{z_j} + \sum_{n \in N_i} e^{z_n}}

    Args:
        cosines: s [B, N], with no gradient to the classifier.
        labels: y, int64 [B].
        positives: P, bool [B, N]: the own class and those of the same cluster in other cameras.
        same_camera: bool [B, N]: classes of the image's camera.
        scale: σ; epsilon: ε, 1 treats all positives alike; margin: m, an angle; reweight: τ', how much harder people
            of the same camera are made.

    Source: CCAFL (TCSVT 2025); with m = τ' = 0 the clothes-based adversarial loss of CAL (CVPR 2022).
    """
    with torch.autocast(cosines.device.type, enabled=False):
        bounded = cosines.float().clamp(-_NEARLY_ONE, _NEARLY_ONE)
        own = torch.arange(cosines.shape[1], device=labels.device) == labels[:, None]
        harder = torch.where(same_camera, (1 + reweight) * bounded + reweight, bounded)
        logits = scale * torch.where(own, _with_margin(bounded, margin), harder)
        negatives = logits.masked_fill(positives, -torch.inf).logsumexp(1, keepdim=True)
        log_probability = logits - torch.logaddexp(logits, negatives)
        share = positives.float() / positives.sum(1, keepdim=True)
        target = (1 - epsilon) * own.float() + epsilon * share
        return -(target * log_probability).sum(1).mean()


def _with_margin(cosines: Tensor, margin: float) -> Tensor:
    """cos(arccos s + m) as long as it falls, continued by a line that keeps falling."""
    rotated = cosines * math.cos(margin) - (1 - cosines.square()).sqrt() * math.sin(margin)
    line = cosines - margin * math.sin(math.pi - margin)
    return torch.where(cosines > math.cos(math.pi - margin), rotated, line)
