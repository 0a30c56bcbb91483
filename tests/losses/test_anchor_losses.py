"""Losses of anchors against sums written out in full, and values of the official code."""

import pytest
import torch

from passerby.losses.anchors import anchor_diversity, anchor_triplet, classifier_diversity, decorrelation
from tests.golden import golden_values


def test_decorrelation_is_that_of_the_official_code() -> None:
    first, second = (torch.from_numpy(golden_values(name, (16, 8))) for name in ("d1", "d2"))
    assert decorrelation(first, second).item() == pytest.approx(0.0599584, rel=1e-5)


def test_the_reference_of_decorrelation_gets_no_gradient() -> None:
    first, second = torch.randn(6, 3, requires_grad=True), torch.randn(6, 4, requires_grad=True)
    decorrelation(first, second).backward()
    assert first.grad is not None
    assert second.grad is None


def test_diversity_is_the_mean_squared_cosine_of_different_anchors() -> None:
    torch.manual_seed(0)
    anchors = torch.randn(5, 7)
    pairs = [
        torch.cosine_similarity(anchors[i], anchors[j], dim=0).item() ** 2 for i in range(5) for j in range(5) if i != j
    ]
    assert anchor_diversity(anchors).item() == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)
    assert anchor_diversity(anchors[:1]).item() == pytest.approx(0, abs=1e-6)
    assert anchor_diversity(torch.eye(4)).item() == pytest.approx(0, abs=1e-12)
    assert classifier_diversity([anchors, 2 * anchors]).item() == pytest.approx(1, rel=1e-5)


def test_anchor_triplet_is_the_weighted_sum_written_out() -> None:
    torch.manual_seed(1)
    features, mass, labels = torch.randn(6, 3, 5), torch.rand(6, 3) + 0.1, torch.tensor([0, 0, 1, 1, 1, 2])
    above = below = 0.0
    for anchor in range(3):
        for image in range(6):
            weight = (mass[image, anchor] / mass[:, anchor].max()).item()
            cosine = [torch.cosine_similarity(features[image, anchor], features[j, anchor], dim=0) for j in range(6)]
            positives = [cosine[j] for j in range(6) if labels[j] == labels[image] and j != image]
            negatives = [cosine[j] for j in range(6) if labels[j] != labels[image]]
            if positives:
                above += weight * max(0.0, (0.3 - (min(positives) - max(negatives))).item())
            below += weight
    assert anchor_triplet(features, mass, labels).item() == pytest.approx(above / below, rel=1e-5)


def test_an_image_without_a_positive_spoils_no_gradient() -> None:
    features = torch.randn(3, 2, 4, requires_grad=True)
    anchor_triplet(features, torch.rand(3, 2), torch.tensor([0, 0, 1])).backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_a_batch_of_one_identity_has_no_loss() -> None:
    assert anchor_triplet(torch.randn(2, 1, 3), torch.rand(2, 1), torch.tensor([4, 4])).isnan()
    assert anchor_triplet(torch.randn(2, 1, 3), torch.rand(2, 1), torch.tensor([4, 5])).isfinite()


def test_anchors_never_wait_for_a_device() -> None:
    features, mass = torch.randn(4, 3, 5, device="meta"), torch.rand(4, 3, device="meta")
    labels = torch.zeros(4, dtype=torch.int64, device="meta")  # has no numbers, so asking for one is an error
    with pytest.raises(RuntimeError):
        bool(labels.any())
    assert anchor_triplet(features, mass, labels).shape == ()
