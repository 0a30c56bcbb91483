"""Self-distillation between the views of all images of an identity, as CION does it."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softmax

Form = Literal["official", "paper"]


def identity_distillation(
    student: Tensor,
    teacher: Tensor,
    centre: Tensor,
    *,
    images_per_identity: int,
    form: Form = "official",
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    r"""What the student says of any view of a person should be what the teacher says of any other.

    With :math:`q = \mathrm{softmax}((t - c) / \tau_t)` of view a of image i and
    :math:`\log p = \log \mathrm{softmax}(s / \tau_s)` of view v of image j, both of one identity with N images, and
    :math:`H = -\sum_k q_k \log p_k`:

    - `paper` (Eq. 9) averages H over all (a, i, v, j) but the literally same view of the same image;
    - `official`, as the published code computes it, averages over the pairs of views :math:`a \ne v`

      .. math:: \frac{1}{N(N-1) + 1} \Bigl( \frac{1}{N} \sum_i H_{ii} + \sum_{i \ne j} H_{ij} \Bigr),

      which leaves out pairs of images seen in the same view, and weighs an image with itself as one pair of images.

    For N = 1 both are DINO's loss. H is linear in q and in log p, so sums over pairs are products of sums: the cost
    grows with the images, not with the pairs, and only one tensor of the student's size is kept for the gradient.

    Args:
        student: logits [V, B, K]; the first A views are those that the teacher sees too. Rows of B are groups of N
            consecutive images of one identity.
        teacher: logits [A, B, K]; no gradient reaches them.
        centre: [K] or [1, K], the running mean of the teacher's logits.
        images_per_identity: N, which divides B.
        form: how terms are chosen and weighted.
        student_temperature: τ_s.
        teacher_temperature: τ_t.

    Returns:
        A float32 scalar, the mean over groups.

    Source: CION (NeurIPS 2024), Eq. 8 and 9, and its published code.
    """
    views, batch, _ = student.shape
    seen, n = len(teacher), images_per_identity
    with torch.no_grad():
        targets = softmax((teacher.float() - centre.float()) / teacher_temperature, dim=2)
        every_target: Tensor = targets.sum(0)
    scaled = student.float() / student_temperature
    normaliser = scaled.logsumexp(2, keepdim=True)
    every_prediction = scaled.sum(0) - normaliser.sum(0)  # Σ_v log p, [B, K]
    own_prediction = scaled[:seen] - normaliser[:seen]
    identical = -(targets * own_prediction).sum() / batch  # Σ_a H of a view with itself, mean over images
    group_targets, group_predictions = _summed(every_target, n), _summed(every_prediction, n)
    everything = -(group_targets * group_predictions).sum() * n / batch  # Σ over all pairs of a group, mean over groups
    if form == "paper":
        over_pairs: Tensor = (everything - n * identical) / (seen * views * n * n - seen * n)
        return over_pairs
    same_image = -(every_target * every_prediction).sum() / batch
    group_own = own_prediction.unflatten(1, (-1, n)).sum(2)
    same_view = -(targets.unflatten(1, (-1, n)).sum(2) * group_own).sum() * n / batch
    of_one_image = same_image - identical
    across_images = everything - same_view - n * of_one_image
    loss: Tensor = (of_one_image + across_images) / (seen * (views - 1) * (n * (n - 1) + 1))
    return loss


def moved_centre(centre: Tensor, mean_logits: Tensor, *, momentum: float = 0.9) -> Tensor:
    """The centre after a batch: momentum · centre + (1 - momentum) · mean of the teacher's logits, [K] or [1, K].

    Args:
        centre: before.
        mean_logits: mean over images and views of all processes.
        momentum: share of the former centre.
    """
    return centre * momentum + mean_logits.float() * (1 - momentum)


def _summed(values: Tensor, n: int) -> Tensor:
    """Sums over groups of n rows: [B, K] to [B / n, K]."""
    sums: Tensor = values.unflatten(0, (-1, n)).sum(1)
    return sums
