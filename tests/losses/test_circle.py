"""Circle logits and smoothing over the other classes, against their formulas written out."""

import pytest
import torch
from torch.nn.functional import log_softmax

from passerby.losses.circle import circle_logits, cross_entropy_smoothed_over_others


def test_each_cosine_is_weighed_by_how_far_it_has_to_go() -> None:
    cosines = torch.tensor([[0.9, 0.2, -0.6], [-0.5, 1.0, 0.4]])
    logits = circle_logits(cosines, torch.tensor([0, 1]), scale=10.0, margin=0.25)
    expected = [
        [10 * 0.35 * (0.9 - 0.75), 10 * 0.45 * (0.2 - 0.25), 0.0],
        [0.0, 10 * 0.25 * 0.25, 10 * 0.65 * 0.15],
    ]
    torch.testing.assert_close(logits, torch.tensor(expected))


def test_no_gradient_goes_through_the_weights() -> None:
    cosines = torch.tensor([[0.5, 0.3]], requires_grad=True)
    circle_logits(cosines, torch.tensor([0]), scale=2.0, margin=0.25).sum().backward()
    assert cosines.grad is not None
    assert cosines.grad[0].tolist() == pytest.approx([2 * 0.75, 2 * 0.55])


def test_the_other_classes_share_what_is_smoothed() -> None:
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 6, 1, 1])
    target = torch.full((5, 7), 0.1 / 6)
    target[torch.arange(5), labels] = 0.9
    expected = -(target * log_softmax(logits, 1)).sum(1).mean()
    torch.testing.assert_close(cross_entropy_smoothed_over_others(logits, labels), expected)
