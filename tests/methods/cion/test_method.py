"""CION's pre-training: what learns and what follows, exact resuming, several processes, and what is refused."""

import copy
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn

import passerby
from passerby.data.loading.view_loader import ViewBatch, ViewLoader
from passerby.errors import CheckpointError, RecipeError
from passerby.methods import find_method
from passerby.methods.cion.gradient_clipping import clip_each
from passerby.methods.cion.method import CionMethod, DistillationStage
from passerby.methods.cion.projection_head import ProjectionHead
from passerby.methods.cion.recipe import CionRecipe
from passerby.methods.cion.self_distillation import ViewEncoder
from passerby.methods.sections.learning_rate import Position, lr_at
from passerby.models.backbones.registry import create
from passerby.models.checkpoint import read_tensors
from passerby.tracklets.tables.sources import write_tracklets
from passerby.training.initialisation import build_model, read_init
from passerby.training.interruption import InterruptedRunError
from passerby.training.lightning_stage import LightningStage
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.cion.cion_world import nano_cion, nano_overrides
from tests.methods.small_world import write_small_world
from tests.training.started import assert_same_weights, finish, start

METHOD = CionMethod()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("cion"), identities=16)


class Snapshots(Callback):
    """What the stage was like after every step."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []
        self.groups: list[list[dict[str, Any]]] = []
        self.images: list[int] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: ViewBatch, batch_idx: int
    ) -> None:
        self.states.append(copy.deepcopy(pl_module.stage.model.state_dict()))
        self.groups.append([{"lr": g["lr"], "decay": g["weight_decay"]} for g in trainer.optimizers[0].param_groups])
        self.images.append(batch.images_per_identity)


def fitted(recipe: CionRecipe) -> tuple[Snapshots, dict[str, Tensor], DistillationStage]:
    """Snapshots of a training, what it began from, and the stage."""
    data = open_training_data(recipe, find_method("cion"), decode=False)
    torch.manual_seed(0)
    model = METHOD.build(recipe, 0, 0)
    before = copy.deepcopy(model.state_dict())
    (stage,) = METHOD.stages(recipe, model, data.training, Path())
    assert isinstance(stage, DistillationStage)
    stage.set_trainable()
    seen = Snapshots()
    trainer = Trainer(
        accelerator="cpu", max_epochs=stage.epochs, logger=False, enable_checkpointing=False, callbacks=[seen],
        enable_progress_bar=False, enable_model_summary=False, reload_dataloaders_every_n_epochs=1,
    )  # fmt: skip
    trainer.fit(LightningStage(stage))
    return seen, before, stage


def names_of(state: dict[str, Tensor], prefix: str) -> list[str]:
    return [name for name in state if name.startswith(prefix)]


def is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_the_student_learns_and_the_teacher_follows(world: Path) -> None:
    recipe = nano_cion(world)
    seen, before, stage = fitted(recipe)
    steps = [len(stage.batches(epoch, 0, 1)) for epoch in range(3)]
    assert seen.images == [2] * (steps[0] + steps[1]) + [3] * steps[2]
    places = [(epoch, step, count) for epoch, count in enumerate(steps) for step in range(count)]
    assert len(places) == len(seen.states)
    for place, former, now, groups in zip(places, [before, *seen.states], seen.states, seen.groups, strict=False):
        position = Position(*place)
        momentum, decay = recipe.momentum_at(position), recipe.weight_decay_at(position)
        lr = lr_at(recipe.training, position, recipe.training.epochs, peak_factor=recipe.lr_peak_factor)
        assert groups[0]["lr"] == groups[1]["lr"] == lr
        assert (groups[0]["decay"], groups[1]["decay"]) == (decay, 0)
        for name in names_of(now, "teacher."):
            if not is_statistic(name):
                followed = momentum * former[name] + (1 - momentum) * now[name.replace("teacher.", "student.")]
                torch.testing.assert_close(now[name], followed, rtol=1e-5, atol=1e-6)
        assert not torch.equal(now["centre"], former["centre"])
        assert torch.equal(now["student.head.last_layer.weight_g"], torch.ones(24, 1))
        last_layer = "student.head.last_layer.weight_v"
        assert torch.equal(now[last_layer], former[last_layer]) == (place[0] == 0 or place[1:] == (0, 0))
    statistics = [name for name in names_of(before, "teacher.") if name.endswith("running_mean")]
    last = seen.states[-1]
    assert all(not torch.equal(last[name], last[name.replace("teacher.", "student.")]) for name in statistics)


def test_the_rate_grows_with_the_images_of_a_step(world: Path) -> None:
    recipe = nano_cion(world, "trainer.devices=2", "trainer.accumulate=3", "training.lr=0.5")
    assert recipe.training.lr * recipe.lr_peak_factor == 0.5 * 12 * 2 * 3 / 256


@pytest.mark.parametrize("update", ["step", "epoch"])
def test_a_teacher_in_inference_mode_averages_the_student_s_statistics(world: Path, update: str) -> None:
    recipe = nano_cion(world, "teacher.normalisation=running", f"teacher.update={update}", "training.epochs=3")
    seen, before, stage = fitted(recipe)
    assert not stage.model.teacher.training
    name = "teacher.backbone.network.layer1.0.bn1.BN.running_mean"
    values = [before[name], *(state[name] for state in seen.states)]
    changes = [not torch.equal(a, b) for a, b in pairwise(values)]
    epochs = 3 if update == "epoch" else len(seen.states)
    assert sum(changes) == epochs
    assert changes[-1]


def test_views_of_one_size_pass_the_backbone_together() -> None:
    class Recorder(nn.Module):
        feature_dim = 3

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[int, ...]] = []

        def forward(self, images: Tensor) -> Tensor:
            self.seen.append(tuple(images.shape))
            return images.mean((2, 3))

    encoder = ViewEncoder(Recorder(), ProjectionHead(3, 7, hidden=4, bottleneck=4))  # type: ignore[arg-type]
    sizes = [(8, 4), (8, 4), (4, 4), (4, 2), (4, 2), (4, 2)]
    views = [torch.randn(2, 3, *size) for size in sizes]
    logits = encoder(views)
    assert encoder.backbone.seen == [(4, 3, 8, 4), (2, 3, 4, 4), (6, 3, 4, 2)]
    assert logits.shape == (6, 2, 7)
    for number, view in enumerate(views):
        torch.testing.assert_close(logits[number], encoder([view])[0])
    assert float(logits.detach().abs().max()) <= 1.0001  # cosines


def test_the_published_head() -> None:
    with torch.device("meta"):
        head = ProjectionHead(384)
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        "mlp.0.weight": (2048, 384), "mlp.0.bias": (2048,), "mlp.2.weight": (2048, 2048), "mlp.2.bias": (2048,),
        "mlp.4.weight": (256, 2048), "mlp.4.bias": (256,),
        "last_layer.weight_g": (65336, 1), "last_layer.weight_v": (65336, 256),
    }  # fmt: skip
    assert not head.last_layer.weight_g.requires_grad
    small = ProjectionHead(400, 9, hidden=300)
    assert float(small.mlp[0].weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    assert float(small.mlp[0].bias.detach().abs().max()) == 0


def test_a_run_ends_with_the_same_weights_however_often_it_is_interrupted(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = nano_cion(world, "trainer.checkpoint_every_steps=1", "trainer.prefetch=0")
    train(recipe, tmp_path / "whole")
    prepared, inner = 0, ViewLoader._prepare
    stops = (3, 8, 13)  # the last of them among the triples

    def stopped(self: ViewLoader, step: int) -> Any:
        nonlocal prepared
        prepared += 1
        if prepared in stops:
            raise KeyboardInterrupt
        return inner(self, step)

    monkeypatch.setattr(ViewLoader, "_prepare", stopped)
    for attempt in range(len(stops)):
        with pytest.raises((InterruptedRunError, KeyboardInterrupt)):
            train(recipe, tmp_path / "cut", resume=attempt > 0)
    train(recipe, tmp_path / "cut", resume=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")


def test_a_run_embeds_with_its_teacher_or_its_student(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 70, 40, 3), dtype=np.uint8)
    found = {}
    for network in ("teacher", "student"):
        train(nano_cion(world, f"embedding.network={network}"), tmp_path / network)
        found[network] = passerby.load(tmp_path / network).embed(images)
    assert_same_weights(tmp_path / "teacher", tmp_path / "student")
    assert found["teacher"].shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(found["teacher"], axis=1), 1, rtol=1e-5)
    assert np.abs(found["teacher"] - found["student"]).max() > 1e-3
    other = passerby.load(tmp_path / "teacher", network="student")
    np.testing.assert_array_equal(other.embed(images), found["student"])
    with pytest.raises(CheckpointError, match="has no network 'pupil': choose teacher or student"):
        passerby.load(tmp_path / "teacher", network="pupil")
    with pytest.raises(CheckpointError, match="holds one network"):
        passerby.load("tiny-clip", runtime="torch", network="student")
    lines = [json.loads(line) for line in (tmp_path / "teacher" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert {"loss", "teacher_entropy"} <= lines[0].keys()
    steps = sum(line["steps"] for line in lines)
    assert len({line["steps"] for line in lines}) > 1, "larger groups are fewer"
    assert f"{steps}/{steps} steps" in capsys.readouterr().err


def test_two_processes_train_together(world: Path, tmp_path: Path) -> None:
    more = ("trainer.devices=2", "model.batch_norm=per-process", "training.batch_size=6", "training.epochs=2")
    given = nano_overrides(world, *more, "training.images_per_identity=[2]", "training.changes=[]")
    finish(start("train", "cion-tiny", *given, "-o", str(tmp_path / "run")))
    line, _ = (json.loads(text) for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert 3 <= line["steps"] <= 5  # 8 identities of 8 images are 32 pairs, 2 × 3 of them in a step
    assert "centre" in read_tensors(tmp_path / "run" / "model.safetensors")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.batch_size=10", "no multiple of 3"),
        ("training.changes=[1, 2]", "one epoch fewer"),
        ("training.changes=[3]", "reaches beyond"),
        ("training.warmup_epochs=3", "leaves no epoch"),
        ("training.images_per_identity=[]", "one epoch fewer"),
    ],
)
def test_a_curriculum_that_cannot_be_is_refused(world: Path, override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        nano_cion(world, override)


def test_what_the_images_or_the_machine_cannot_give_is_refused(world: Path) -> None:
    recipe = nano_cion(world, "training.batch_size=30")
    split = open_training_data(nano_cion(world), find_method("cion"), decode=False).training.split
    with pytest.raises(RecipeError, match=r"15 different identities, but the training images show 8: .* at most 16"):
        METHOD.check(recipe, split)
    with pytest.raises(RecipeError, match="between GPUs only: set it to per-process"):
        METHOD.check(nano_cion(world, "trainer.devices=2", "training.batch_size=6"), split)
    for backbone, size, said in (
        ("resnet_nano_ibn", "[16, 8]", "leave a single place for instance normalisation"),
        ("timm:mixer_s16_224", "[32, 32]", r"views.local_size=\[32, 32\]: timm:mixer_s16_224 for images of"),
    ):
        given = (f"model.backbone={backbone}", f"views.local_size={size}", "model.image_size=[224, 224]")
        recipe = nano_cion(world, *given)
        with pytest.raises(RecipeError, match=said):
            METHOD.check(recipe, split)


def test_one_image_at_a_time_needs_no_identities(world: Path) -> None:
    alone = ("training.images_per_identity=[1]", "training.changes=[]", "training.batch_size=30")
    recipe = nano_cion(world, *alone)
    data = open_training_data(recipe, find_method("cion"), decode=False).training
    METHOD.check(recipe, data.split)  # of 8 people
    (stage,) = METHOD.stages(recipe, METHOD.build(recipe, 0, 0), data, Path())
    assert isinstance(stage, DistillationStage)
    assert stage.steps_per_epoch(1) == len(data.split) // 30 > 0


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_gradients_are_clipped_each_by_itself(scale: float) -> None:
    gradients = [torch.tensor([3.0, 4.0]), torch.tensor([[0.3]]), torch.zeros(2)]
    clip_each(gradients, 3.0, scale=scale)
    if scale == 1.0:
        expected = [torch.tensor([1.8, 2.4]), torch.tensor([[0.3]]), torch.zeros(2)]
    else:  # as the published code: multiplied, clipped to length 3, divided
        expected = [torch.tensor([1.8, 2.4]) / scale, torch.tensor([[3.0]]) / scale, torch.zeros(2)]
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)
    clip_each([], 3.0)


def test_it_learns_from_cion_al_s_annotations_and_from_denoised_tables(world: Path, tmp_path: Path) -> None:
    images = sorted((world / "bounding_box_train").iterdir())
    listed = [
        {"file_path": f"bounding_box_train/{image.name}", "id": number // 8} for number, image in enumerate(images)
    ]
    (world / "cional_annos.json").write_text(json.dumps(listed))
    table = tmp_path / "cional.parquet"
    assert write_tracklets("cion-al", world / "cional_annos.json", table) == 64
    denoised = tmp_path / "identities.csv"
    rows = [f"{image},{-1 if number < 3 else number // 8}" for number, image in enumerate(images)]
    denoised.write_text("\n".join(["path,identity", *rows]) + "\n")
    for file, count in ((table, 64), (denoised, 61)):
        recipe = nano_cion(world, f"data.name={file}", "data.root=null")
        data = open_training_data(recipe, find_method("cion"), decode=False).training
        assert (len(data.split), data.classes) == (count, 8)


def test_student_and_teacher_begin_with_the_weights_of_a_bare_backbone(world: Path, tmp_path: Path) -> None:
    torch.manual_seed(9)
    backbone = create("resnet_nano_ibn")
    torch.save(backbone.network.state_dict(), tmp_path / "backbone.pth")
    recipe = nano_cion(world, f"init={tmp_path / 'backbone.pth'}")
    data = open_training_data(recipe, find_method("cion"), decode=False)
    begun = build_model(recipe, METHOD, data, read_init(recipe, METHOD)).state_dict()
    for network in ("student", "teacher"):
        for name, value in backbone.state_dict().items():
            assert torch.equal(begun[f"{network}.backbone.{name}"], value)
    for name in names_of(begun, "student.head."):
        assert torch.equal(begun[name], begun[name.replace("student.", "teacher.")]), "one random head for both"
    train(nano_cion(world, f"init={tmp_path / 'backbone.pth'}"), tmp_path / "run")
    again = nano_cion(world, f"init={tmp_path / 'run'}")
    continued = build_model(again, METHOD, data, read_init(again, METHOD)).state_dict()
    finished = read_tensors(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(continued[name], value) for name, value in finished.items()), "heads and centre, too"
