"""What CCAFL's stages minimise: every term against numpy, every switch seen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.camera_labels import CameraLabels
from passerby.data.loading.loaders import Batch
from passerby.losses.hybrid_memory import HybridMemory
from passerby.methods.ccafl.association_stage import association_function
from passerby.methods.ccafl.losses import positive_classes
from passerby.methods.ccafl.memories import InterMemory
from passerby.methods.ccafl.method import CameraStage
from tests.methods.ccafl.ccafl_world import begun_loop, ccafl_recipe
from tests.methods.clip_reid.test_method import cross_entropy, triplet
from tests.methods.small_world import write_small_world

Numbers = NDArray[np.float64]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"), identities=12)


@pytest.fixture(scope="module")
def plain(world: Path) -> dict[int, dict[str, float]]:
    """The losses of the first batch inside cameras and across them, as the recipe is."""
    loops = {epoch: begun_loop(world, epoch=epoch) for epoch in (0, 3)}
    return {epoch: computed(loop, first_batch(loop, epoch))[0] for epoch, loop in loops.items()}


def first_batch(loop: CameraStage, epoch: int) -> Batch:
    return next(iter(loop.batches(epoch, 0, 1)))


def computed(loop: CameraStage, batch: Batch) -> tuple[dict[str, float], Numbers, Numbers]:
    """The losses, and both features of the batch as they are before it."""
    with torch.no_grad():
        features = loop.model.features(batch.images)
        state = {name: value.clone() for name, value in loop.model.state_dict().items()}
        loop.model.load_state_dict(state)
        found = {name: float(value) for name, value in loop.losses(batch).items()}
    return found, features.retrieval.double().numpy(), features.joint.double().numpy()


def normalised(rows: Numbers) -> Numbers:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_the_intra_camera_loss_is_the_sum_over_cameras(world: Path) -> None:
    loop = begun_loop(world, "stages2and3.margin=0.4", "intra.centroid_share=0.7", "memory.instances=5", epoch=0)
    memory = loop.memory
    assert isinstance(memory, HybridMemory)
    centroids, instances = memory.centroids.double().numpy(), memory.instances.double().numpy()
    texts, batch = loop.text_features().double().numpy(), first_batch(loop, 0)
    found, images, joint = computed(loop, batch)
    labels, cameras = batch.identities.numpy(), batch.cameras.numpy()
    expected = {"icdl": 0.0, "text": 0.0, "memory_triplet": 0.0, "batch_triplet": 0.0}
    assert set(cameras.tolist()) == {0, 1}
    for camera in range(2):
        own, classes = cameras == camera, np.arange(6 * camera, 6 * camera + 6)
        x, y = images[own], labels[own] - 6 * camera
        by_centroid = cross_entropy(x @ centroids[classes].T / 0.05, y, 0.0)
        scores = np.einsum("bd,krd->bkr", x, instances[classes]) / 0.05
        hardest = np.where(y[:, None] == np.arange(6), scores.min(2), scores.max(2))
        expected["icdl"] += 0.7 * by_centroid + 0.3 * cross_entropy(hardest, y, 0.0)
        expected["text"] += cross_entropy(joint[own] @ texts[classes].T, y, 0.1)
        distances = np.linalg.norm(x[:, None] - centroids[classes][None], axis=2)
        mine = distances[np.arange(len(y)), y]
        other = np.where(y[:, None] == np.arange(6), np.inf, distances).min(1)
        expected["memory_triplet"] += float(np.maximum(0, mine - other + 0.4).mean())
        expected["batch_triplet"] += triplet(x, y, 0.4) if len(set(y.tolist())) > 1 else 0.0
    expected["loss"] = sum(expected.values())
    identity = found.pop("classifier")
    assert found == pytest.approx(expected, rel=2e-3, abs=1e-4)
    assert identity > 0


def test_the_inter_camera_loss_is_over_clusters(world: Path) -> None:
    loop = begun_loop(world, "stages2and3.margin=0.4", "ical.enabled=false", "association.pairs_per_class=0.3", epoch=2)
    memory = loop.memory
    assert isinstance(memory, InterMemory)
    assert 0 < len(memory.centroids) < 6
    batch = first_batch(loop, 2)
    found, images, joint = computed(loop, batch)
    clusters = memory.clusters[batch.identities].numpy()
    linked = clusters >= 0
    assert linked.any()
    assert not linked.all()
    x, y, f = images[linked], clusters[linked], joint[linked]
    expected = {
        "contrast": cross_entropy(x @ memory.centroids.double().numpy().T / 0.05, y, 0.0),
        "text": cross_entropy(f @ memory.text_features.double().numpy().T, y, 0.1),
        "batch_triplet": triplet(x, y, 0.4) if len(set(y.tolist())) > 1 else 0.0,
    }
    expected["loss"] = sum(expected.values())
    found.pop("classifier")
    assert found == pytest.approx(expected, rel=2e-3, abs=1e-4)


def test_texts_of_clusters_count_classes_by_their_images() -> None:
    labels, clusters = torch.tensor([0, 0, 0, 1, 2]), torch.tensor([0, 0, -1])
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0], [7.0, 7.0]])
    memory = InterMemory(torch.eye(5), labels, clusters, texts)
    torch.testing.assert_close(memory.text_features, torch.tensor([[0.75, 0.25]]))
    assert InterMemory(torch.eye(5), labels, torch.full((3,), -1), texts).text_features.shape == (0, 2)


def test_an_image_should_be_near_its_class_and_its_cluster_in_other_cameras() -> None:
    clusters, cameras = torch.tensor([0, 0, 0, -1, -1, 1]), torch.tensor([0, 0, 1, 1, 2, 2])
    positives, same = positive_classes(torch.tensor([0, 2, 3]), clusters, cameras)
    assert [row.nonzero().flatten().tolist() for row in positives] == [[0, 2], [0, 1, 2], [3]]
    assert [row.nonzero().flatten().tolist() for row in same] == [[0, 1], [2, 3], [2, 3]]


@pytest.mark.parametrize(
    ("switch", "epoch"),
    [
        ("intra.icdl=centroid", 0),
        ("intra.icdl=instance", 0),
        ("intra.centroid_share=0.2", 0),
        ("intra.text=false", 0),
        ("intra.memory_triplet=false", 0),
        ("intra.batch_triplet=false", 0),
        ("memory.instances=1", 0),
        ("memory.temperature=0.1", 0),
        ("model.prompt_prefix=5", 0),
        ("model.prompt_prefix=6", 0),
        ("stages2and3.intra_epochs=5", 3),
        ("inter.text=false", 3),
        ("inter.text_from=4", 3),
        ("inter.batch_triplet=false", 3),
        ("stages2and3.margin=0.9", 3),
        ("stages2and3.label_smoothing=0.5", 3),
        ("ical.enabled=false", 3),
        ("ical.first_epoch=4", 3),
        ("ical.end_epoch=3", 3),
        ("ical.margin=0.1", 3),
        ("ical.camera_reweight=0", 3),
        ("ical.epsilon=0.1", 3),
        ("ical.scale=8", 3),
        ("association.pairs_per_class=0.3", 3),
        ("stages2and3.iterations=1", 3),
    ],
)
def test_every_switch_changes_what_is_minimised(
    world: Path, plain: dict[int, dict[str, float]], switch: str, epoch: int
) -> None:
    loop = begun_loop(world, switch, epoch=epoch)
    found, changed = plain[epoch], computed(loop, first_batch(loop, epoch))[0]
    assert found.keys() != changed.keys() or found["loss"] != pytest.approx(changed["loss"], rel=1e-5)


def test_all_images_may_stand_for_a_class(world: Path) -> None:
    memory = begun_loop(world, "memory.instances=all", epoch=0).memory
    assert isinstance(memory, HybridMemory)
    assert memory.instances.shape[:2] == (12, 4)
    assert len(memory.instances.flatten(0, 1).unique(dim=0)) == 48


def test_guard_rate_and_decisions_reach_the_association(world: Path, tmp_path: Path) -> None:
    labels = CameraLabels(
        np.arange(4), np.array([0, 0, 1, 2]), ("x", "y", "x", "z"), ("c1", "c2", "c3"), np.array([2, 1, 1])
    )
    angles = np.deg2rad([0.0, 10.0, 1.0, 12.0])
    features = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    decided = tmp_path / "constraints.csv"
    header = "decision,camera_a,local_identity_a,camera_b,local_identity_b"
    decided.write_text(f"{header}\ncannot-link,c1,x,c2,x\nmust-link,c1,x,c3,z\n")
    links = {}
    for more in ("pairs_per_class=9", "pairs_per_class=0.5", "one_class_per_camera=true", f"constraints={decided}"):
        recipe = ccafl_recipe(world, "association.pairs_per_class=9", f"association.{more}")
        found = association_function(recipe, labels, tmp_path / "run")(features)
        links[more.partition("=")[0] + more[-1]] = {tuple(pair) for pair in found.links.tolist()}
    assert links == {
        "pairs_per_class9": {(0, 2), (1, 3), (2, 3)},
        "pairs_per_class5": {(0, 2), (1, 3)},
        "one_class_per_camerae": {(0, 2), (1, 3)},
        "constraintsv": {(0, 3), (1, 2)},
    }


@pytest.mark.parametrize("epoch", [0, 3])
def test_the_classifier_learns_from_itself_and_the_tower_not_from_it(world: Path, epoch: int) -> None:
    loop = begun_loop(world, epoch=epoch)
    batch, before = first_batch(loop, epoch), loop.model.classifier.weight.detach().clone()
    losses = loop.losses(batch)
    stepped = loop.model.classifier.weight.detach().clone()
    assert not torch.equal(before, stepped)
    losses["loss"].backward()
    assert loop.model.classifier.weight.grad is None
    assert torch.equal(loop.model.classifier.weight, stepped)
    idle = begun_loop(world, "ical.classifier_lr=0", epoch=epoch)
    idle.losses(batch)["loss"].backward()
    assert torch.equal(idle.model.classifier.weight, before)
    assert all(parameter.grad is None for name, parameter in loop.model.named_parameters() if "text_encoder" in name)
    for (name, one), (_, other) in zip(loop.model.named_parameters(), idle.model.named_parameters(), strict=True):
        if one.grad is not None:
            assert other.grad is not None
            same = torch.equal(one.grad, other.grad)
            assert same or epoch == 3, f"{name}: only the adversary may carry what the classifier learned"


@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize("choose", [lambda labels: labels == labels[0], lambda labels: labels >= 0])
def test_a_batch_in_which_a_camera_has_one_person_survives(
    world: Path, epoch: int, choose: Callable[[Tensor], Tensor]
) -> None:
    loop = begun_loop(world, epoch=epoch)
    whole = first_batch(loop, epoch)
    own = choose(whole.identities)
    losses = loop.losses(Batch(*(column[own] for column in whole)))
    assert all(torch.isfinite(value) for value in losses.values())
    losses["loss"].backward()
    for name, parameter in loop.trainable_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    loop.on_after_backward()


def test_images_of_unlinked_classes_teach_the_classifier_alone(world: Path) -> None:
    loop = begun_loop(world, "association.pairs_per_class=0", epoch=3)
    losses = loop.losses(first_batch(loop, 3))
    losses["loss"].backward()
    assert losses["loss"].item() == 0
    assert losses["classifier"].item() > 0
    assert all(
        parameter.grad is not None and parameter.grad.eq(0).all() for _, parameter in loop.trainable_parameters()
    )
    loop.on_after_backward()
