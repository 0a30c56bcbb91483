"""CLIP-ReID's stages: what they compute, what they move, and with which rates."""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

import passerby
from passerby.errors import DataError
from passerby.methods.clip_reid.method import ClipReidMethod, ImageStage
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.methods.stage import Stage
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.models.checkpoint import read_tensors
from passerby.models.clip_reid.network import ClipReid
from passerby.training.initialisation import build_model
from passerby.training.lightning_stage import LightningStage
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.distributed.two_processes import in_two_processes
from tests.methods.small_world import nano_recipe, write_small_world

METHOD = ClipReidMethod()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


def stages_of(world: Path, *overrides: str, folder: Path = Path()) -> tuple[ClipReidRecipe, ClipReid, list[Stage]]:
    recipe = nano_recipe(world, *overrides)
    assert isinstance(recipe, ClipReidRecipe)
    data = open_training_data(recipe, METHOD)
    model = build_model(recipe, METHOD, data, None)
    assert isinstance(model, ClipReid)
    return recipe, model, METHOD.stages(recipe, model, data.training, folder)


def image_stage(world: Path, *overrides: str) -> ImageStage:
    _, _, stages = stages_of(world, *overrides)
    stage = stages[-1]
    assert isinstance(stage, ImageStage)
    stage.set_trainable()
    stage.on_stage_start()
    return stage


Numbers = NDArray[np.float64]


def cross_entropy(scores: Numbers, labels: Numbers, smoothing: float) -> float:
    """Against (1 - ε) one-hot + ε / C, term by term."""
    terms = []
    for row, label in zip(scores, labels, strict=True):
        logs = row - row.max() - np.log(np.exp(row - row.max()).sum())
        target = np.full(len(row), smoothing / len(row))
        target[int(label)] += 1 - smoothing
        terms.append(-(target * logs).sum())
    return float(np.mean(terms))


def triplet(features: Numbers, labels: Numbers, margin: float) -> float:
    """Farthest of the same identity against nearest of another."""
    terms = []
    for feature, label in zip(features, labels, strict=True):
        distances = np.linalg.norm(features - feature, axis=1)
        terms.append(max(0.0, distances[labels == label].max() - distances[labels != label].min() + margin))
    return float(np.mean(terms))


def normalised(features: Numbers) -> Numbers:
    """Batch normalisation in training, at its first values."""
    return (features - features.mean(0)) / np.sqrt(features.var(0) + 1e-5)


@pytest.mark.parametrize("prompts", [True, False])
def test_the_image_loss_is_the_published_sum(world: Path, prompts: bool) -> None:
    weights = ("stage2.loss_weights.identity=0.3", "stage2.loss_weights.triplet=0.7", "stage2.loss_weights.text=0.9")
    more = ("stage2.label_smoothing=0.2", "stage2.margin=0.4", f"model.prompts={str(prompts).lower()}")
    stage = image_stage(world, *weights, *more)
    batch = next(iter(stage.batches(0, 0, 1)))
    with torch.no_grad():
        found = {name: float(value) for name, value in stage.losses(batch).items()}
        features = [each.double().numpy() for each in stage.model.features(batch.images)]
    labels = batch.identities.double().numpy()
    state = {name: value.double().numpy() for name, value in stage.model.state_dict().items()}
    heads = zip(features[1:], ("classifier", "classifier_proj"), strict=True)
    identity = sum(cross_entropy(normalised(each) @ state[f"{head}.weight"].T, labels, 0.2) for each, head in heads)
    triplets = sum(triplet(each, labels, 0.4) for each in features)
    expected = {"identity": identity, "triplet": triplets, "loss": 0.3 * identity + 0.7 * triplets}
    if prompts:
        with torch.no_grad():
            texts = stage.model.prompt_features(torch.arange(4)).double().numpy()
        expected["text"] = cross_entropy(features[2] @ texts.T, labels, 0.2)
        expected["loss"] += 0.9 * expected["text"]
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_prompt_loss_is_the_published_sum(world: Path) -> None:
    _, model, (stage, _) = stages_of(world)
    torch.manual_seed(0)
    stage.on_stage_start()
    batch = stage.example_batch()
    with torch.no_grad():
        found = {name: float(value) for name, value in stage.losses(batch).items()}
        texts = model.prompt_features(batch.identities).double()
    products, same = batch.features.double() @ texts.T, batch.identities[:, None] == batch.identities
    expected = {
        name: float(
            -torch.stack([row.log_softmax(0)[mask].mean() for row, mask in zip(each, same, strict=True)]).mean()
        )
        for name, each in (("image_to_text", products), ("text_to_image", products.T))
    }
    assert found == pytest.approx({"loss": sum(expected.values()), **expected}, rel=1e-5)


def names_of(parameters: Iterable[Tensor], model: ClipReid) -> set[str]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(parameter)] for parameter in parameters}


def test_biases_learn_twice_as_fast_and_what_is_frozen_not_at_all(world: Path) -> None:
    stage = image_stage(world, "stage2.bias_lr_factor=2", "model.camera_embedding=true", "stage2.weight_decay=0.01")
    others, biases = stage.configure_optimizers().param_groups
    learned, fast = names_of(others["params"], stage.model), names_of(biases["params"], stage.model)
    assert (others["lr_scale"], biases["lr_scale"]) == (1.0, 2.0)
    assert (others["weight_decay"], biases["weight_decay"]) == (0.01, 0.01)
    assert {
        "cv_embed",
        "classifier.weight",
        "classifier_proj.weight",
        "bottleneck.weight",
        "bottleneck_proj.weight",
    } < (learned)
    assert {"image_encoder.ln_pre.bias", "image_encoder.transformer.resblocks.0.attn.in_proj_bias"} < fast
    assert all("bias" in name for name in fast)
    assert not any("bias" in name for name in learned)
    left_out = set(dict(stage.model.named_parameters())) - learned - fast
    assert {name for name in left_out if not name.startswith("text_encoder.")} == {
        "prompt_learner.cls_ctx", "bottleneck.bias", "bottleneck_proj.bias",
    }  # fmt: skip
    assert {name for name, each in stage.model.named_parameters() if each.requires_grad} == learned | fast


def test_images_move_the_embedding_of_their_own_camera(world: Path) -> None:
    stage = image_stage(world, "model.camera_embedding=true")
    batch = next(iter(stage.batches(0, 0, 1)))
    stage.losses(batch._replace(cameras=torch.zeros_like(batch.cameras)))["loss"].backward()
    gradient = stage.model.cv_embed.grad
    assert gradient is not None
    assert gradient[0].abs().max() > 0
    assert gradient[1].eq(0).all()


def test_processes_see_different_images_of_different_people_in_equally_many_steps(world: Path) -> None:
    stage = image_stage(world, "stage2.identities_per_batch=2")
    for epoch in range(2):
        shares = [list(stage.batches(epoch, process, 2)) for process in range(2)]
        assert len(shares[0]) == len(shares[1]) == len(stage.batches(epoch, 0, 2)) > 0
        assert stage.steps_per_epoch(2) > 0
        seen = [torch.cat([batch.indices for batch in share]).tolist() for share in shares]
        assert len(set(seen[0] + seen[1])) == len(seen[0]) + len(seen[1])
        for own, other in zip(*shares, strict=True):
            assert not set(own.identities.tolist()) & set(other.identities.tolist())


def _triplets_of_a_share(rank: int, folder: Path) -> None:
    """The triplet loss of this process's first batch, mined within it and among those of both."""
    found = {}
    for gather in (False, True):
        gathering = f"stage2.gather_triplets={str(gather).lower()}"
        stage = image_stage(folder / "world", "stage2.identities_per_batch=2", gathering, "stage2.margin=2")
        batch = next(iter(stage.batches(0, rank, 2)))
        with torch.no_grad():
            features = [feature.double() for feature in stage.model.features(batch.images)]
            found[gather] = stage.losses(batch)["triplet"]
    torch.save({"found": found, "features": features, "labels": batch.identities}, folder / f"{rank}.pt")


def test_triplets_are_mined_within_a_process_or_among_all(tmp_path: Path) -> None:
    write_small_world(tmp_path / "world")
    in_two_processes(_triplets_of_a_share, tmp_path)
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    labels = torch.cat([part["labels"] for part in parts]).double().numpy()
    features = [torch.cat(each).numpy() for each in zip(*(part["features"] for part in parts), strict=True)]
    alone = [
        sum(triplet(each.numpy(), part["labels"].double().numpy(), 2) for each in part["features"]) for part in parts
    ]
    for part, expected in zip(parts, alone, strict=True):
        assert float(part["found"][False]) == pytest.approx(expected, rel=1e-3)
    together = sum(triplet(each, labels, 2) for each in features)
    gathered = [float(part["found"][True]) for part in parts]
    assert sum(gathered) / 2 == pytest.approx(together, rel=1e-3)
    assert gathered != pytest.approx(alone, rel=0.01)


class FirstSteps(Callback):
    """Keeps the rates of each epoch and the gradients of every optimiser step."""

    def __init__(self) -> None:
        self.rates: dict[int, list[float]] = {}  # of each epoch, from 1
        self.gradients: list[dict[str, Tensor]] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        rates = [group["lr"] for group in optimizer.param_groups]
        assert self.rates.setdefault(trainer.current_epoch + 1, rates) == rates
        named = pl_module.stage.model.named_parameters()
        self.gradients.append({name: p.grad.clone() for name, p in named if p.grad is not None})


def fit(stage: Stage, *callbacks: Callback, **settings: Any) -> None:
    Trainer(
        accelerator="cpu", max_epochs=stage.epochs, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, reload_dataloaders_every_n_epochs=1,
        callbacks=list(callbacks), **settings,
    ).fit(LightningStage(stage))  # fmt: skip


def test_accumulated_batches_give_the_mean_of_their_gradients(world: Path) -> None:
    stage = image_stage(world, "stage2.identities_per_batch=2", "stage2.epochs=1")
    apart = copy.deepcopy(stage)
    batches = list(apart.batches(0, 0, 1))[:2]
    for batch in batches:  # each with its own triplets and batch statistics
        (apart.losses(batch)["loss"] / 2).backward()
    watcher = FirstSteps()
    fit(stage, watcher, accumulate_grad_batches=2, max_steps=1)
    for name, parameter in apart.model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(watcher.gradients[0][name], parameter.grad, msg=name, rtol=1e-4, atol=1e-6)


def test_rates_follow_the_schedule_by_epoch(world: Path) -> None:
    stage = image_stage(world, "stage2.lr=0.001", "stage2.decay=steps", "stage2.milestones=[3]", "stage2.epochs=3",
                        "stage2.warmup_epochs=2", "stage2.warmup_start_factor=0.1",
                        "stage2.bias_lr_factor=2")  # fmt: skip
    watcher = FirstSteps()
    fit(stage, watcher)
    expected = {1: 0.00055, 2: 0.001, 3: 0.0001}
    assert watcher.rates == {epoch: pytest.approx([rate, 2 * rate]) for epoch, rate in expected.items()}


@pytest.mark.parametrize("architecture", ["vit-nano", "resnet-nano"])
def test_stage_1_changes_nothing_but_the_words(world: Path, tmp_path: Path, architecture: str) -> None:
    shape = (f"model.architecture={architecture}", "stage2.epochs=1")
    _, model, _ = stages_of(world, *shape)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train(nano_recipe(world, *shape), tmp_path / "run")
    after = read_tensors(tmp_path / "run" / "checkpoints" / "stage1-prompts.safetensors")
    assert after.keys() == before.keys()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"prompt_learner.cls_ctx"}


@pytest.mark.parametrize("kind", ["model.architecture=resnet-nano", "model.camera_embedding=true"])
def test_stage_1_learns_from_what_the_finished_tower_sees_without_cameras(
    world: Path, tmp_path: Path, kind: str
) -> None:
    _, model, (stage, _) = stages_of(world, kind, "stage1.epochs=1", folder=tmp_path)
    if "camera" in kind:
        model.cv_embed.data.fill_(1.0)
    assert isinstance(stage, PromptStage)
    stage.set_trainable()
    fit(stage)
    stored = read_tensors(next((tmp_path / "cache").glob("stage1-features*")))["features"]
    files = [stage.data.split.path(row) for row in range(len(stage.data.split))]
    images = torch.stack([stage.data.test_transform(Image.open(file).convert("RGB")) for file in files])
    with torch.no_grad():
        if "camera" in kind:
            model.cv_embed.zero_()
        expected = model.eval().features(images).projected
    torch.testing.assert_close(stored, expected, rtol=1e-4, atol=1e-4)


def test_losses_are_float32_in_half_precision(world: Path) -> None:
    _, _, stages = stages_of(world, "stage2.margin=0.3")
    torch.manual_seed(0)
    for stage in stages:
        stage.set_trainable()
        stage.on_stage_start()
        batch = stage.example_batch() if isinstance(stage, PromptStage) else next(iter(stage.batches(0, 0, 1)))
        with torch.no_grad():
            exact = stage.losses(batch)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            losses = stage.losses(batch)
        assert {value.dtype for value in losses.values()} == {torch.float32}
        for name, value in losses.items():
            assert float(value) == pytest.approx(float(exact[name]), rel=0.05), name
            # a number of bfloat16 ends in 16 zero bits; sums of float32 products do not
            assert float(value) != float(value.bfloat16()), name


def test_cameras_and_overlapping_patches_train_and_embed(world: Path, tmp_path: Path) -> None:
    published = "clip-reid-vit-sie-olp"
    settings = ("model.image_size=[64, 32]", "model.stride=4", "model.camera_embedding=true", "augmentation.padding=3")
    recipe = nano_recipe(world, *settings, "model.weights=random", "trainer.precision=32", name=published)
    train(recipe, tmp_path / "run")
    weights = read_tensors(tmp_path / "run" / "model.safetensors")
    assert weights["cv_embed"].shape == (2, 32)
    assert weights["image_encoder.positional_embedding"].shape == (1 + 15 * 7, 32)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {line["stage"] for line in lines} == {"stage1-prompts", "stage2-images"}
    loaded = passerby.load(tmp_path / "run", device="cpu")
    assert loaded.description["camera_coefficient"] == 1.0
    file = sorted((world / "query").iterdir())[0]
    known, other, unknown = (loaded.embed([file], cameras=[camera])[0] for camera in (0, 1, -1))
    assert np.linalg.norm(known) == pytest.approx(1, rel=1e-5)
    assert np.abs(known - other).max() > 1e-4
    np.testing.assert_allclose(loaded.embed([file])[0], unknown, atol=1e-6)
    assert np.abs(known - unknown).max() > 1e-5
    with pytest.raises(DataError, match="camera 99 is not"):
        loaded.embed([file], cameras=[99])
