"""Learning from clusters: what the network computes, exact resuming, what it starts from, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import passerby
from passerby.config import read_recipe
from passerby.data.camera_labels import camera_labels
from passerby.data.loading.loaders import Batch, EvalLoader
from passerby.errors import PasserbyError, RecipeError
from passerby.methods.cluster_contrast.method import ClusterContrastMethod, ContrastStage
from passerby.methods.cluster_contrast.network import ClusterReid
from passerby.methods.cluster_contrast.recipe import ClusterContrastRecipe
from passerby.methods.sections.learning_rate import Position, lr_at
from passerby.models.backbones.registry import create
from passerby.models.checkpoint import read_tensors
from passerby.runs.request import checked_recipe
from passerby.training.initialisation import build_model, read_init
from passerby.training.interruption import InterruptedRunError
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.small_world import write_small_world
from tests.training.started import assert_same_weights

METHOD = ClusterContrastMethod()

NANO = (
    "model.backbone=resnet_nano_ibn",
    "model.image_size=[64, 32]",
    "augmentation.padding=3",
    "clustering.k1=8",
    "clustering.k2=3",
    "training.epochs=2",
    "training.iterations=4",
    "training.identities_per_batch=3",
    "training.images_per_identity=4",
    "training.milestones=[1]",
    "trainer.accelerator=cpu",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("clusters"), identities=16)


def nano(world: Path, *more: str) -> ClusterContrastRecipe:
    data = ("data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}")
    recipe = checked_recipe(read_recipe("cluster-contrast-tiny", (*NANO, *data, *more)))
    assert isinstance(recipe, ClusterContrastRecipe)
    return recipe


def stage_of(recipe: ClusterContrastRecipe) -> ContrastStage:
    torch.manual_seed(0)
    return ContrastStage(
        recipe,
        METHOD.build(recipe, 0, 0),
        open_training_data(recipe, METHOD, decode=False).training,
    )


def test_the_neck_may_begin_with_the_statistics_of_the_images(world: Path) -> None:
    stage = stage_of(nano(world, "training.neck_from_data=true"))
    neck, plain = stage.model.bottleneck, stage_of(nano(world)).features_before(0)
    found = stage.features_before(0)
    assert neck.running_mean is not None
    images = torch.cat(
        [batch.images for batch in EvalLoader(stage.data.split, stage.data.plain, stage.data.test_transform, 16)]
    )
    with torch.no_grad():
        pooled = stage.model.eval().pooled(images)
    torch.testing.assert_close(neck.running_mean, pooled.mean(0))
    torch.testing.assert_close(neck.running_var, pooled.var(0))
    centred = torch.nn.functional.normalize((pooled - pooled.mean(0)) / (pooled.var(0) + neck.eps).sqrt())
    torch.testing.assert_close(found, centred, atol=1e-4, rtol=1e-4)
    assert float(found.mean(0).norm()) < 0.2 < float(plain.mean(0).norm())
    torch.testing.assert_close(stage.features_before(1), found, atol=1e-4, rtol=1e-4)  # only once


def test_published_rates() -> None:
    recipe = checked_recipe(read_recipe("cluster-contrast"))
    assert isinstance(recipe, ClusterContrastRecipe)
    assert [lr_at(recipe.training, Position(epoch - 1), 50) for epoch in (1, 20, 21, 40, 41, 50)] == pytest.approx(
        [3.5e-4, 3.5e-4, 3.5e-5, 3.5e-5, 3.5e-6, 3.5e-6]
    )


def test_features_are_a_generalised_mean_behind_a_neck() -> None:
    torch.manual_seed(0)
    backbone = create("resnet_nano_ibn", (64, 32))
    model = ClusterReid(backbone, generalised_mean=True).eval()
    images = torch.randn(3, 3, 64, 32)
    maps = backbone.network.forward_features(images)  # type: ignore[operator]
    pooled = maps.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
    torch.testing.assert_close(model(images), torch.nn.functional.normalize(pooled), rtol=1e-4, atol=1e-5)
    plain = ClusterReid(backbone, generalised_mean=False).eval()
    torch.testing.assert_close(plain.embed(images), backbone.embed(images), rtol=1e-4, atol=1e-5)
    assert float(model.train()(images).detach().norm(dim=1)[0]) == pytest.approx(1, abs=1e-5)


def test_clusters_take_the_place_of_identities(world: Path) -> None:
    stage = stage_of(nano(world))
    people = torch.from_numpy(stage.data.identities)
    centres = torch.nn.functional.normalize(torch.randn(8, 16, generator=torch.Generator().manual_seed(1)))
    features = centres[people] + 0.05 * torch.randn(64, 16, generator=torch.Generator().manual_seed(2))
    features[people == 0] = torch.randn(8, 16, generator=torch.Generator().manual_seed(3)) * 5  # alike nobody
    stage.begin_epoch(0, torch.nn.functional.normalize(features))
    assert stage.memory is not None
    clusters = stage.memory.clusters
    outliers = clusters < 0
    assert outliers.any()
    assert (people[outliers] == 0).all()
    assert stage.metrics == {"clusters": int(clusters.max()) + 1, "outliers": int(outliers.sum())}
    for person in range(1, 8):
        assert len(clusters[people == person].unique()) == 1
    first, second = (stage.rows(epoch, 0, 1) for epoch in (0, 1))
    assert len(first) == len(second) == 4
    assert np.concatenate(first).tolist() != np.concatenate(second).tolist()
    for batch in first:
        shown = clusters[batch].reshape(-1, 4)
        assert (shown == shown[:, :1]).all()
        assert (shown >= 0).all()
    rows = torch.from_numpy(first[0])
    images = torch.randn(len(rows), 3, 64, 32)
    stage.model.eval()
    losses = [
        float(stage.losses(Batch(images, labels, labels, rows))["loss"].detach())
        for labels in (people[rows], torch.zeros_like(rows))
    ]
    assert losses[0] == losses[1]  # identities are not looked at


def test_clusters_obey_what_people_said_also_when_the_file_has_changed_since(world: Path, tmp_path: Path) -> None:
    file, run = tmp_path / "constraints.csv", tmp_path / "run"
    recipe = nano(world, f"clustering.constraints={file}")
    training = open_training_data(nano(world), METHOD, decode=False).training
    labels = camera_labels(training.split)
    of = {labels.class_name(number): number for number in range(labels.classes)}
    one, other, third = [name.split("/") for name in list(of)[:3]]
    file.write_text(
        "decision,camera_a,local_identity_a,camera_b,local_identity_b\n"
        f"cannot-link,{','.join(one)},{','.join(other)}\nmust-link,{','.join(one)},{','.join(third)}\n"
    )
    METHOD.check(recipe, training.split)
    run.mkdir()
    (run / "recipe.yaml").touch()
    model = METHOD.build(recipe, 0, 0)
    METHOD.stages(recipe, model, training, run)
    file.write_text("damaged since")
    (stage,) = METHOD.stages(recipe, model, training, run)
    assert isinstance(stage, ContrastStage)
    features = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))[torch.arange(64) % 2]
    features += 0.01 * torch.randn(64, 16, generator=torch.Generator().manual_seed(2))
    stage.begin_epoch(0, torch.nn.functional.normalize(features))
    assert stage.memory is not None
    found = [stage.memory.clusters[labels.accumulated == of["/".join(name)]].unique() for name in (one, other, third)]
    assert [each.numel() for each in found] == [1, 1, 1]
    assert found[0] == found[2] != found[1]


def test_a_run_resumes_inside_an_epoch_with_its_clusters(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = nano(world, "trainer.checkpoint_every_steps=1")
    train(recipe, tmp_path / "whole")
    steps, inner = 0, ContrastStage.losses

    def stopped(self: ContrastStage, batch: Batch) -> Any:
        nonlocal steps
        steps += 1
        if steps in (3, 7):
            raise KeyboardInterrupt
        return inner(self, batch)

    monkeypatch.setattr(ContrastStage, "losses", stopped)
    for resume in (False, True):
        with pytest.raises((InterruptedRunError, KeyboardInterrupt)):
            train(recipe, tmp_path / "cut", resume=resume)
    train(recipe, tmp_path / "cut", resume=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")
    lines = [
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "cut")
    ]
    assert [line["clusters"] for line in lines[0]] == [line["clusters"] for line in lines[1]]
    image = np.zeros((1, 70, 30, 3), np.uint8)
    assert passerby.load(tmp_path / "whole").embed(list(image)).shape == (1, 16)


def test_it_starts_from_fine_tuned_and_bare_backbones(world: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    backbone = create("resnet_nano_ibn")
    torch.save({f"backbone.{name}": value for name, value in backbone.network.state_dict().items()}, tmp_path / "a.pth")
    tuning = ("training.epochs=1", "training.identities_per_batch=4", "training.images_per_identity=2")
    data = ("data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}")
    tuned = checked_recipe(
        read_recipe("finetune-tiny", ("model.backbone=resnet_nano_ibn", "model.image_size=[64, 32]", *tuning, *data))
    )
    train(tuned, tmp_path / "tuned")
    for init, wanted in (
        (tmp_path / "a.pth", {f"backbone.{name}": value for name, value in backbone.state_dict().items()}),
        (tmp_path / "tuned", read_tensors(tmp_path / "tuned" / "model.safetensors")),
    ):
        recipe = nano(world, f"init={init}")
        begun = build_model(
            recipe,
            METHOD,
            open_training_data(recipe, METHOD, decode=False),
            read_init(recipe, METHOD),
        ).state_dict()
        assert all(torch.equal(begun[name], wanted[name]) for name in begun if name.startswith("backbone."))
        assert float(begun["pooling.exponent"]) == 3
        assert not begun["bottleneck.running_mean"].any()


def test_what_cannot_be_is_refused(world: Path) -> None:
    stage = stage_of(nano(world, "clustering.eps=0.001"))
    features = torch.nn.functional.normalize(torch.randn(64, 16, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(PasserbyError, match="not one cluster among 64 images before epoch 3: start with pre-trained"):
        stage.begin_epoch(2, features)
    together = stage_of(nano(world, "clustering.eps=0.99"))
    with pytest.raises(PasserbyError, match=r"only one cluster among 64 images before epoch 1: .*smaller clustering"):
        together.begin_epoch(0, torch.nn.functional.normalize(features[:1] + 0.001 * features))
    split = open_training_data(nano(world), METHOD, decode=False).training.split
    with pytest.raises(RecipeError, match=r"clustering\.k1=64: with 64 training images all are neighbours of all"):
        METHOD.check(nano(world, "clustering.k1=64"), split)
    METHOD.check(nano(world, "clustering.k1=63"), split)
    recipe = nano(world, "model.backbone=convnext_tiny")
    with pytest.raises(RecipeError, match="convnext_tiny is no residual network"):
        METHOD.check(recipe, open_training_data(nano(world), METHOD, decode=False).training.split)
