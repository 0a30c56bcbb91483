"""Pre-training on drawn pairs: determinism, resuming, what is refused, and that it learns."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from passerby.config import read_recipe
from passerby.data.augmentation.transforms import TrainTransform
from passerby.errors import PluginError, RecipeError
from passerby.inference.loading import load
from passerby.methods.clip_pretrain.method import ClipPretrainMethod, PairStage
from passerby.methods.clip_pretrain.pairs import PairBatch, PairBatches, PairPlan
from passerby.methods.clip_pretrain.recipe import ClipPretrainRecipe, TrainingSection
from passerby.methods.clip_reid.method import ClipReidMethod
from passerby.methods.sections.learning_rate import Position, lr_at
from passerby.models.checkpoint import read_tensors
from passerby.models.clip.vocabulary import tokenise
from passerby.runs.request import TrainingRequest, checked_recipe
from passerby.synth.output.pair_drawing import Drawers
from passerby.training.initialisation import build_model, read_init
from passerby.training.interruption import InterruptedRunError
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from passerby.workflows.train import run_seeds
from tests.distributed.two_processes import in_two_processes
from tests.methods.small_world import nano_recipe, write_small_world

NANO = (
    "model.architecture=vit-nano",
    "model.image_size=[64, 32]",
    "pairs.per_epoch=24",
    "pairs.workers=0",
    "pairs.places=1",
    "training.epochs=2",
    "training.whole_epochs=1",
    "training.batch_size=8",
    "trainer.accelerator=cpu",
)
PLAN = PairPlan(
    seed=3, epoch=0, per_epoch=24, batch_size=8, passes=2, size=(64, 32), places=1, crowd=0.5, least_visible=0.3
)  # two blocks, the second of one batch
TRANSFORM = TrainTransform(size=(64, 32), padding=2, erasing=0)


def recipe(*more: str) -> ClipPretrainRecipe:
    checked = checked_recipe(read_recipe("clip-pretrain-tiny", (*NANO, *more)))
    assert isinstance(checked, ClipPretrainRecipe)
    return checked


def batches(workers: int = 0, first: int = 0, plan: PairPlan = PLAN) -> list[PairBatch]:
    drawers = Drawers(workers)
    loader = PairBatches(plan, TRANSFORM, drawers)
    loader.skip_to(first)
    try:
        return list(loader)
    finally:
        drawers.close()


def same(first: list[PairBatch], second: list[PairBatch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a, b) for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True)
    )


def test_every_pair_is_shown_once_in_every_pass() -> None:
    shown = batches()
    assert len(shown) == PLAN.steps == 6
    assert all(batch.images.shape == (8, 3, 64, 32) and batch.tokens.shape == (8, 77) for batch in shown)
    first_pass = torch.cat([shown[step].labels for step in (0, 1, 4)])
    second_pass = torch.cat([shown[step].labels for step in (2, 3, 5)])
    assert len(first_pass.unique()) > 20
    assert len(set(first_pass.tolist()) & set(second_pass.tolist())) < 20  # described anew


def test_batches_are_the_same_with_workers_and_from_any_step_on() -> None:
    whole = batches()
    assert same(batches(workers=2), whole)
    for first in (1, 3, 5):
        assert same(batches(first=first), whole[first:])


def test_processes_and_epochs_draw_different_people() -> None:
    other = PairPlan(**{**PLAN.__dict__, "process": 1, "processes": 2})
    later = PairPlan(**{**PLAN.__dict__, "epoch": 1})
    mine = set(torch.cat([batch.labels for batch in batches()]).tolist())
    for plan in (other, later):
        theirs = set(torch.cat([batch.labels for batch in batches(plan=plan)]).tolist())
        assert len(mine & theirs) < len(mine) / 2


def test_the_learning_rate_warms_up_and_falls() -> None:
    section = TrainingSection(epochs=4, lr=1.0, warmup_epochs=1, min_lr_factor=0.1, whole_epochs=0)
    ends = [Position(0, 0, 2), Position(0, 1, 2), Position(2, 0, 2), Position(3, 1, 2)]
    rates = [lr_at(section, position, 4) for position in ends]
    assert np.allclose(rates, [0.505, 1, 0.55, 0.1]), "after each of these steps, of two in an epoch"


def test_a_run_ends_with_the_same_weights_however_often_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = recipe("trainer.checkpoint_every_steps=1")
    whole = train(given, tmp_path / "whole")
    assert whole is not None

    steps = 0
    inner = PairBatches._batch

    def stopped(self: PairBatches, step: int, images: torch.Tensor, captions: list[str]) -> PairBatch:
        nonlocal steps
        steps += 1
        if steps == 9:  # in the second epoch
            raise KeyboardInterrupt
        return inner(self, step, images, captions)

    with monkeypatch.context() as patch:
        patch.setattr(PairBatches, "_batch", stopped)
        with pytest.raises((InterruptedRunError, KeyboardInterrupt)):
            train(given, tmp_path / "cut")
    cut = train(given, tmp_path / "cut", resume=True)
    assert cut is not None
    one, other = read_tensors(whole), read_tensors(cut)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def _losses_of_a_share(rank: int, folder: Path) -> None:
    """Save this process's gradient of its loss, over its half of the pairs."""
    stage, batch = stage_and_batch()
    half = PairBatch(*(part.chunk(2)[rank] for part in batch))
    loss = stage.losses(half)["loss"]
    loss.backward()
    gradient = stage.model.visual.proj.grad
    torch.save({"loss": loss.detach(), "gradient": gradient}, folder / f"{rank}.pt")


def stage_and_batch() -> tuple[PairStage, PairBatch]:
    given = recipe()
    torch.manual_seed(0)
    stage = PairStage(given, ClipPretrainMethod().build(given, 0, 0), ClipPretrainMethod().transforms(given)[0])
    batch = PairBatch(torch.randn(8, 3, 64, 32), tokenise([f"a man in {n} coats" for n in range(8)]), torch.arange(8))
    return stage, batch


def test_two_processes_compare_all_their_pairs(tmp_path: Path) -> None:
    in_two_processes(_losses_of_a_share, tmp_path)
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    stage, batch = stage_and_batch()
    loss = stage.losses(batch)["loss"]
    loss.backward()
    assert float(sum(part["loss"] for part in parts)) / 2 == pytest.approx(float(loss.detach()), rel=1e-4)
    together = sum(part["gradient"] for part in parts) / 2
    torch.testing.assert_close(together, stage.model.visual.proj.grad, rtol=1e-3, atol=1e-6)


def test_losses_fall_and_the_result_embeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = TrainingRequest(
        "clip-pretrain-tiny",
        (*NANO, "pairs.per_epoch=32", "training.epochs=3", "training.batch_size=16", "training.lr=5e-3"),
        out=tmp_path / "run",
    )
    (outcome,) = run_seeds(request, 1)
    assert outcome.evaluations == []
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[-1]["loss"] < lines[0]["loss"]
    model = load(tmp_path / "run")
    assert model.embed(np.zeros((70, 40, 3), np.uint8)).shape == (1, 16)
    monkeypatch.setattr(ClipPretrainMethod, "after_training", lambda _, folder: ("film",))
    with pytest.raises(PluginError, match="'clip-pretrain' names the unknown kind of page 'film': name only associ"):
        run_seeds(TrainingRequest(None, resume=tmp_path / "run"), 1)


def test_a_run_goes_on_from_another_and_reid_starts_from_it(tmp_path: Path) -> None:
    shorter = ("pairs.per_epoch=8", "training.epochs=1", "training.lr=1e-9", "training.min_lr_factor=0")
    first = train(recipe(*shorter), tmp_path / "first")
    again = train(recipe(*shorter, f"init={tmp_path / 'first'}", "seed=5"), tmp_path / "again")
    assert first is not None
    assert again is not None
    before, after = read_tensors(first), read_tensors(again)
    assert load(first).description["pairs"]["drawn"] == 8
    assert load(again).description["pairs"]["drawn"] == 16
    for name, tensor in before.items():  # lengths of features are settled on each run's own city
        torch.testing.assert_close(
            after[name], tensor, atol=1e-6, rtol=0.2 if name.endswith("proj") or "projection" in name else 1e-3
        )

    world = write_small_world(tmp_path / "world")
    data = open_training_data(nano_recipe(world), ClipReidMethod())
    network = build_model(nano_recipe(world, f"model.weights={tmp_path / 'first'}"), ClipReidMethod(), data, None)
    tower = {name.removeprefix("image_encoder."): value for name, value in network.state_dict().items()}
    assert torch.equal(
        tower["transformer.resblocks.1.mlp.c_fc.weight"], before["visual.transformer.resblocks.1.mlp.c_fc.weight"]
    )
    with pytest.raises(RecipeError, match=r"set model\.weights="):
        read_init(nano_recipe(world, f"init={tmp_path / 'first'}"), ClipReidMethod())


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.name=market1501", "draws its own images"),
        ("pairs.per_epoch=20", "no multiple"),
        ("training.whole_epochs=3", "more than"),
        ("training.patches=0", "training.patches"),
    ],
)
def test_what_cannot_be_learned_is_refused(override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        recipe(override)
