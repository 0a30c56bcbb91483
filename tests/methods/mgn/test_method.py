"""MGN: its features and losses, its schedule, what is frozen at first, and what it starts from."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.nn.functional import normalize

import passerby
from passerby.config import read_recipe
from passerby.errors import RecipeError
from passerby.methods.mgn.method import MgnMethod, MgnStage
from passerby.methods.mgn.network import Mgn
from passerby.methods.mgn.recipe import MgnRecipe
from passerby.methods.sections.learning_rate import Position, lr_at
from passerby.models.backbones.registry import create
from passerby.runs.request import checked_recipe
from passerby.training.initialisation import build_model, read_init
from passerby.training.lightning_stage import LightningStage
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.small_world import write_small_world

METHOD = MgnMethod()

NANO = (
    "model.backbone=resnet_nano_ibn",
    "model.image_size=[96, 32]",
    "model.width=6",
    "augmentation.padding=3",
    "training.epochs=3",
    "training.warmup_epochs=1",
    "training.constant_epochs=2",
    "training.frozen_epochs=1",
    "training.identities_per_batch=3",
    "training.images_per_identity=4",
    "training.lr=0.01",
    "trainer.accelerator=cpu",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("mgn"), identities=12)


def mgn(*overrides: str) -> MgnRecipe:
    recipe = checked_recipe(read_recipe("mgn", overrides))
    assert isinstance(recipe, MgnRecipe)
    return recipe


def nano(world: Path, *more: str) -> MgnRecipe:
    return mgn(*NANO, "data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}", *more)


def test_rates_are_those_published() -> None:
    section = mgn().training

    def rate_at(epoch: int, done: float) -> float:
        return lr_at(section, Position(epoch, int(done * 2), 2), 60)

    assert rate_at(0, 0.0) == pytest.approx(3.5e-6)
    assert rate_at(4, 0.5) == pytest.approx(3.5e-4 * (0.01 + 0.99 * 0.45))
    assert [rate_at(epoch, 0.5) for epoch in (10, 29, 30)] == [3.5e-4] * 3
    assert rate_at(45, 0.0) == pytest.approx(7.7e-7 + 0.5 * (3.5e-4 - 7.7e-7))
    assert rate_at(59, 0.0) == pytest.approx(7.7e-7, abs=1.1e-6)
    ending = mgn("training.min_lr_factor=0").training
    assert math.isclose(lr_at(ending, Position(60), 60), 0, abs_tol=1e-12)


def test_features_of_the_whole_and_of_stripes_from_the_top_down() -> None:
    torch.manual_seed(0)
    backbone = create("resnet_nano_ibn", (96, 32))
    network: Any = copy.deepcopy(backbone.network).eval()
    model = Mgn(backbone, 5, width=6).eval()
    images = torch.randn(2, 3, 96, 32)
    maps = network.forward_features(images)  # all branches begin as the backbone
    assert maps.shape[2:] == (6, 2)
    features = model.features(images)
    stripes = [maps, maps, maps, maps[:, :, :3], maps[:, :, 3:], maps[:, :, :2], maps[:, :, 2:4], maps[:, :, 4:]]
    for head, stripe, feature in zip(model.heads, stripes, features.in_order(), strict=True):
        seen = stripe / math.sqrt(1 + 1e-5)  # the branch's own norm, with the statistics it begins with
        pooled = seen.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
        expected = pooled @ head.reduction.weight.T / math.sqrt(1 + 1e-5)
        torch.testing.assert_close(feature, expected, rtol=1e-3, atol=1e-5)
    assert [len(parts) for parts in features.parts] == [2, 3]
    torch.testing.assert_close(model.embed(images), normalize(torch.cat(features.in_order(), 1)))
    assert model.embed_dim == 48
    cosines = model.cosines(features.in_order())
    assert [each.shape for each in cosines] == [(2, 5)] * 8
    directions = normalize(model.classifiers[3].weight)
    torch.testing.assert_close(cosines[3], normalize(features.parts[0][0]) @ directions.T, rtol=1e-4, atol=1e-5)


def test_the_published_network_has_features_of_2048() -> None:
    with torch.device("meta"):
        model = Mgn(create("resnet50_ibn", (384, 128)), 751)
    assert model.embed_dim == 2048
    assert [head.reduction.weight.shape for head in model.heads] == [(256, 2048)] * 8
    blocks = [sum("downsample.0" in name for name, _ in branch.named_modules()) for branch in model.branches]
    assert blocks == [1, 1, 1]  # of the last group; the first block of the third is shared


class States(Callback):
    """The model before every epoch and after the last."""

    def __init__(self) -> None:
        self.seen: list[dict[str, torch.Tensor]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.seen.append(copy.deepcopy(pl_module.stage.model.state_dict()))


def test_what_is_pre_trained_waits_for_what_is_new(world: Path) -> None:
    recipe = nano(world)
    data = open_training_data(recipe, METHOD, decode=False).training
    torch.manual_seed(0)
    stage = MgnStage(recipe, METHOD.build(recipe, data.classes, 0), data)
    before, states = copy.deepcopy(stage.model.state_dict()), States()
    stage.set_trainable()
    Trainer(
        accelerator="cpu", max_epochs=2, logger=False, enable_checkpointing=False, callbacks=[states],
        enable_progress_bar=False, enable_model_summary=False, reload_dataloaders_every_n_epochs=1,
    ).fit(LightningStage(stage))  # fmt: skip
    frozen = [name for name in before if name.startswith(("trunk.", "branches."))]
    first, second = states.seen
    assert all(torch.equal(before[name], first[name]) for name in frozen)
    assert not all(torch.equal(first[name], second[name]) for name in frozen)
    new = [name for name in before if name not in frozen and not name.endswith("neck.bias")]
    assert not any(torch.equal(before[name], first[name]) for name in new)
    assert all(not second[name].any() for name in before if name.endswith("neck.bias"))


def test_a_run_learns_embeds_and_starts_another(world: Path, tmp_path: Path) -> None:
    train(nano(world), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]
    image = np.random.default_rng(0).integers(0, 256, (1, 70, 30, 3), dtype=np.uint8)
    assert passerby.load(tmp_path / "run").embed(list(image)).shape == (1, 48)
    recipe = nano(world, f"init={tmp_path / 'run'}", "data.validation.identities=2")
    build_model(recipe, METHOD, open_training_data(recipe, METHOD, decode=False), read_init(recipe, METHOD))


def test_all_branches_start_from_a_bare_backbone(world: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    weights = create("resnet_nano_ibn").network.state_dict()
    torch.save({"teacher": {f"module.backbone.{name}": value for name, value in weights.items()}}, tmp_path / "a.pth")
    recipe = nano(world, f"init={tmp_path / 'a.pth'}")
    data = open_training_data(recipe, METHOD, decode=False)
    begun = build_model(recipe, METHOD, data, read_init(recipe, METHOD)).state_dict()
    assert torch.equal(begun["trunk.0.weight"], weights["conv1.weight"])
    assert torch.equal(begun["trunk.6.conv1.weight"], weights["layer3.0.conv1.weight"])
    for branch in range(3):
        assert torch.equal(begun[f"branches.{branch}.0.conv1.weight"], weights["layer4.0.conv1.weight"])


def test_other_networks_and_schedules_are_refused(world: Path) -> None:
    split = open_training_data(nano(world), METHOD, decode=False).training.split
    with pytest.raises(RecipeError, match="MGN needs a residual network"):
        METHOD.check(mgn("model.backbone=convnext_tiny"), split)
    with pytest.raises(RecipeError, match=r"a map of 4 rows, which cannot be cut into 3 stripes: .* at least 65"):
        METHOD.check(nano(world, "model.image_size=[64, 32]"), split)
    with pytest.raises(RecipeError, match="must grow"):
        mgn("training.constant_epochs=60")
