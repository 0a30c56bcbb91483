"""The memories of CCAFL against values of the published code and against loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from passerby.losses.centroids import centroid_contrast, class_centroids
from passerby.losses.cluster_memory import ClusterMemory, hardest_updated
from passerby.losses.hybrid_memory import HybridMemory, instance_contrast, updated_centroids


def at(*degrees: float) -> Tensor:
    """Unit vectors [n, 2] by angle."""
    angles = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], 1).float()


def degrees(vectors: Tensor) -> list[float]:
    return (torch.atan2(vectors[..., 1], vectors[..., 0]) * 180 / math.pi).flatten().tolist()


CENTROIDS = at(0, 60, 150)
INSTANCES = torch.stack([at(-10, 40, 140), at(10, 70, 170)], 1)
QUERIES, LABELS = at(5, 20, 65), torch.tensor([0, 0, 1])


def filled() -> HybridMemory:
    return HybridMemory.restored({"centroids": CENTROIDS, "instances": INSTANCES.clone()}, torch.device("cpu"))


def test_both_halves_of_the_intra_camera_loss_are_as_published() -> None:
    assert centroid_contrast(QUERIES, LABELS, CENTROIDS).item() == pytest.approx(0.010259, abs=1e-6)
    assert instance_contrast(QUERIES, LABELS, INSTANCES).item() == pytest.approx(0.577569, abs=1e-6)


def test_the_hybrid_memory_is_updated_as_published() -> None:
    memory = filled()
    memory.update(QUERIES, LABELS)
    assert degrees(memory.centroids) == pytest.approx([11.2475, 64.5005, 150], abs=1e-3)
    assert degrees(memory.instances[:, 0]) == pytest.approx([5, 65, 140], abs=1e-3)
    assert degrees(memory.instances[:, 1]) == pytest.approx([20, 70, 170], abs=1e-3)


def test_more_images_than_slots_fill_the_slots() -> None:
    memory = filled()
    memory.update(at(1, 2, 3, 4), torch.tensor([2, 2, 0, 2]))
    assert degrees(memory.instances) == pytest.approx([3, 10, 40, 70, 1, 2], abs=1e-3)


def test_clusters_follow_their_hardest_image_as_published() -> None:
    assert degrees(hardest_updated(CENTROIDS, QUERIES, LABELS)) == pytest.approx([18.0293, 64.5005, 150], abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_updates_equal_loops(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    centroids = normalize(torch.randn(6, 8, generator=generator))
    features = normalize(torch.randn(20, 8, generator=generator))
    labels = torch.randint(5, (20,), generator=generator)
    hardest, means = centroids.clone(), centroids.clone()
    for label in labels.unique():
        own = features[labels == label]
        least = min(own, key=lambda feature: float(feature @ centroids[label]))
        hardest[label] = normalize(0.3 * centroids[label] + 0.7 * least, dim=0)
        means[label] = normalize(0.3 * centroids[label] + 0.7 * own.mean(0), dim=0)
    torch.testing.assert_close(hardest_updated(centroids, features, labels, momentum=0.3), hardest)
    torch.testing.assert_close(updated_centroids(centroids, features, labels, momentum=0.3), means)


def test_the_instance_loss_equals_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    features, labels = normalize(torch.randn(9, 6, generator=generator)), torch.randint(4, (9,), generator=generator)
    instances = normalize(torch.randn(4, 3, 6, generator=generator), dim=2)
    terms = []
    for feature, label in zip(features, labels.tolist(), strict=True):
        scores = [(instances[k] @ feature / 0.05).double() for k in range(4)]
        positive = scores[label].min().exp()
        terms.append(-torch.log(positive / (positive + sum(scores[k].max().exp() for k in range(4) if k != label))))
    found = instance_contrast(features, labels, instances)
    assert found.item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-5)


def test_a_camera_with_one_person_has_no_intra_camera_loss() -> None:
    features = QUERIES.clone().requires_grad_()
    alone = torch.zeros(3, dtype=torch.int64)
    loss = centroid_contrast(features, alone, CENTROIDS[:1]) + instance_contrast(features, alone, INSTANCES[:1])
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None
    assert features.grad.eq(0).all()


def test_a_memory_begins_with_means_and_with_draws_of_each_class() -> None:
    generator = torch.Generator().manual_seed(1)
    features, labels = 3 * torch.randn(12, 4, generator=generator), torch.tensor([2, 0, 0, 1, 2, 0, 2, 0, 0, 2, 0, 1])
    memory = HybridMemory(features, labels, instances=32, generator=generator)
    for label in range(3):
        own = normalize(features)[labels == label]
        torch.testing.assert_close(memory.centroids[label], normalize(own.mean(0), dim=0))
        found = {tuple(row.tolist()) for row in memory.instances[label]}
        assert found <= {tuple(row.tolist()) for row in own}
        assert len(found) > 1
    every = HybridMemory(features, labels, instances=None, generator=generator)
    assert every.instances.shape == (3, 6, 4)
    for label in range(3):
        own = {tuple(row.tolist()) for row in normalize(features)[labels == label]}
        assert {tuple(row.tolist()) for row in every.instances[label]} == own


def test_clusters_begin_with_means_of_all_their_images_and_leave_the_others_out() -> None:
    features, clusters = QUERIES.repeat(2, 1), torch.tensor([0, 1, -1, 0, 1, 1])
    memory = ClusterMemory(features, clusters)
    torch.testing.assert_close(memory.centroids, class_centroids(features[clusters >= 0], clusters[clusters >= 0]))
    assert memory.centroids.shape == (2, 2)
    before = memory.centroids.clone()
    memory.update(QUERIES, torch.tensor([-1, -1, -1]))
    torch.testing.assert_close(memory.centroids, before)
    memory.update(QUERIES, torch.tensor([-1, 1, -1]))
    torch.testing.assert_close(memory.centroids[0], before[0])
    assert not torch.equal(memory.centroids[1], before[1])
    assert class_centroids(features, torch.full((6,), -1)).shape == (0, 2)
