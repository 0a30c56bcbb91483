"""Self-distillation between the views of all images of an identity, as CION does it."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function
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
    r"""Cross-entropy of the student's logits for one view of a person against the teacher's for another.

    With :math:`q = \mathrm{softmax}((t - c) / \tau_t)` of view a of image i and
    :math:`\log p = \log \mathrm{softmax}(s / \tau_s)` of view v of image j, both of one identity with N images, and
    :math:`H = -\sum_k q_k \log p_k`:

    - `paper` (Eq. 9) averages H over all (a, i, v, j) but the literally same view of the same image;
    - `official`, as the published code computes it, averages over the pairs of views :math:`a \ne v`

      .. math:: \frac{1}{N(N-1) + 1} \Bigl( \frac{1}{N} \sum_i H_{ii} + \sum_{i \ne j} H_{ij} \Bigr),

      which leaves out pairs of images seen in the same view, and weighs an image with itself as one pair of images.

    For N = 1 both are DINO's loss. H is linear in q and in log p, so sums over pairs are products of sums: the cost
    grows with the images, not with the pairs.

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
    with torch.no_grad():
        targets = softmax((teacher.float() - centre.float()) / teacher_temperature, dim=2)
        weights = _target_weights(targets, len(student), images_per_identity, form)
    loss: Tensor = _WeighedCrossEntropy.apply(student, weights, student_temperature)  # type: ignore[no-untyped-call]
    return loss


def _target_weights(targets: Tensor, views: int, n: int, form: Form) -> Tensor:
    """With which targets a prediction is compared, and how much each counts in the loss.

    Args:
        targets: q of the teacher's views, [A, B, K].
        views: V of the student.
        n: images of an identity.
        form: see `identity_distillation`.

    Returns:
        [A + 1, B, K], for predictions of each of the first A views, and for those of all others.
    """
    seen, batch, _ = targets.shape
    every = torch.cat([targets.sum(0, keepdim=True) - targets, targets.sum(0, keepdim=True)])  # of the same image
    of_group = _group_sums(every, n)
    if form == "paper":
        of_group[:seen] += _group_sums(targets, n) - targets
        return of_group.mul_(n / batch / (seen * views * n * n - seen * n))
    return of_group.mul_(n).sub_(every, alpha=n - 1).div_(batch * seen * (views - 1) * (n * (n - 1) + 1))


def _group_sums(values: Tensor, n: int) -> Tensor:
    """Of each row of [A, B, K] the sum over its group of n rows."""
    sums: Tensor = values.unflatten(1, (-1, n)).sum(2)
    return sums.repeat_interleave(n, 1)


class _WeighedCrossEntropy(Function):
    """-Σ w · log softmax(s / τ), view by view: no tensor of the student's size but its gradient is ever made."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, weights: Tensor, temperature: float) -> Tensor:
        total = torch.zeros((), device=student.device)
        for view, logits in enumerate(student):
            weight = weights[min(view, len(weights) - 1)]
            scaled = logits.float() / temperature
            total -= (weight * scaled).sum() - (weight.sum(1) * scaled.logsumexp(1)).sum()
        ctx.save_for_backward(student, weights)
        ctx.temperature = temperature
        return total

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        student, weights = ctx.saved_tensors
        gradient = torch.empty_like(student)
        for view, logits in enumerate(student):
            weight = weights[min(view, len(weights) - 1)]
            found = (logits.float() / ctx.temperature).softmax(1).mul_(weight.sum(1, keepdim=True)).sub_(weight)
            gradient[view] = found.mul_(slope / ctx.temperature)
        return gradient, None, None


def moved_centre(centre: Tensor, mean_logits: Tensor, *, momentum: float = 0.9) -> Tensor:
    """The centre after a batch: momentum · centre + (1 - momentum) · mean of the teacher's logits, [K] or [1, K].

    Args:
        centre: before.
        mean_logits: mean over images and views of all processes.
        momentum: share of the former centre.
    """
    return centre * momentum + mean_logits.float() * (1 - momentum)
