"""The adversary of CCAFL against values of the published code, a loop, and what it must not move."""

import math

import pytest
import torch
from torch import Tensor

from passerby.losses.camera_adversary import accumulated_identity_loss, camera_adversarial

COSINES = torch.tensor([[0.60, 0.20, -0.10, 0.50, 0.00, 0.30], [0.40, 0.10, 0.05, 0.70, 0.25, -0.20]])
CLASS_CAMERAS = torch.tensor([0, 0, 0, 1, 1, 2])
LABELS = torch.tensor([0, 3])
POSITIVES = torch.tensor([[1, 0, 0, 1, 0, 1], [1, 0, 0, 1, 0, 0]]).bool()
SAME_CAMERA = CLASS_CAMERAS[LABELS][:, None] == CLASS_CAMERAS


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epsilon": 0.8, "margin": 0.7}, 4.607193),
        ({"epsilon": 0.8, "margin": 0.3}, 1.467082),
        ({"epsilon": 0.8, "margin": 0.5}, 2.928047),
        ({"epsilon": 0.1, "margin": 0.0, "reweight": 0.0}, 0.007003),
        ({"epsilon": 1.0, "margin": 0.0, "reweight": 0.0}, 0.058394),
    ],
)
def test_the_adversarial_loss_is_as_published(options: dict[str, float], expected: float) -> None:
    found = camera_adversarial(COSINES, LABELS, POSITIVES, SAME_CAMERA, **options)
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_the_loss_of_the_classifier_is_as_published() -> None:
    assert accumulated_identity_loss(COSINES, LABELS).item() == pytest.approx(0.100599, abs=1e-6)


def looped(cosines: Tensor, labels: Tensor, positives: Tensor, same: Tensor, epsilon: float, margin: float) -> float:
    """Term by term, in float64."""
    terms = []
    for row, label, own, near in zip(cosines.double(), labels.tolist(), positives, same, strict=True):
        scores = []
        for j, cosine in enumerate(row.tolist()):
            if j == label:
                falls = cosine > math.cos(math.pi - margin)
                cosine = math.cos(math.acos(cosine) + margin) if falls else cosine - margin * math.sin(math.pi - margin)
            elif near[j]:
                cosine = 1.2 * cosine + 0.2
            scores.append(16 * cosine)
        negatives = [math.exp(score) for j, score in enumerate(scores) if not own[j]]
        for j in own.nonzero().flatten().tolist():
            weight = (1 - epsilon) * (j == label) + epsilon / int(own.sum())
            terms.append(-weight * math.log(math.exp(scores[j]) / (math.exp(scores[j]) + sum(negatives))))
    return sum(terms) / len(labels)


@pytest.mark.parametrize("seed", range(10))
def test_the_adversarial_loss_equals_a_loop(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    cosines = torch.rand(7, 9, generator=generator) * 1.98 - 0.99
    labels = torch.randint(9, (7,), generator=generator)
    positives = (torch.rand(7, 9, generator=generator) < 0.3).scatter(1, labels[:, None], True)
    cameras = torch.randint(3, (9,), generator=generator)
    same = cameras[labels][:, None] == cameras
    found = camera_adversarial(cosines, labels, positives, same, epsilon=0.6, margin=0.7)
    assert found.item() == pytest.approx(looped(cosines, labels, positives, same, 0.6, 0.7), rel=1e-4)


def test_gradients_are_finite_at_the_ends_and_where_nobody_is_negative() -> None:
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], requires_grad=True)
    everything = torch.ones(2, 2, dtype=torch.bool)
    for positives in (everything, torch.eye(2).bool()):
        loss = camera_adversarial(
            cosines, torch.tensor([0, 0]), positives.index_fill(1, torch.tensor([0]), True), everything
        )
        (gradient,) = torch.autograd.grad(loss, cosines)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_half_precision_cosines_are_taken_in_float32() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = camera_adversarial(COSINES, LABELS, POSITIVES, SAME_CAMERA, margin=0.7)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(4.607193, abs=1e-6)
