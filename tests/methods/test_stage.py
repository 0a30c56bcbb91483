"""What every stage does for itself: it stops before spoiled weights are saved."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn

from passerby.errors import PasserbyError
from passerby.methods.nan_guard import NanGuard
from passerby.methods.sections.learning_rate import LearningRate
from passerby.methods.stage import Stage
from passerby.training.lightning_stage import LightningStage
from tests.distributed.two_processes import in_two_processes
from tests.training.counted_stage import CountedStage, Numbers


class Line(CountedStage):
    """One weight; the loss is not finite at the steps that `broken` says."""

    def __init__(self, steps: int, broken: Sequence[int]) -> None:
        super().__init__("line", [steps], rate=0.01)
        self.broken, self.seen = broken, 0
        self.share: tuple[int, int] | None = None  # (process, processes)

    def batches(self, epoch: int, process: int, processes: int) -> Numbers:
        self.share = process, processes
        return super().batches(epoch, process, processes)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        self.seen = int(batch)
        loss = self.model(torch.ones(1, 1)).square().mean()
        if self.seen in self.broken:
            loss = loss * torch.nan
        return {"loss": loss, "half": loss.detach() / 2}


class SaveEvery(Callback):
    """Saves after every step, as an impatient user may ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def trainer(*callbacks: Callback, half: bool = False, **settings: Any) -> Trainer:
    plugins = [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))] if half else []
    return Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=list(callbacks), plugins=plugins, **settings,
    )  # fmt: skip


def test_a_stage_must_say_what_it_is() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Stage("nothing", nn.Linear(1, 1), epochs=1, seed=0, learning_rate=LearningRate())  # type: ignore[abstract]


@pytest.mark.parametrize(("steps", "broken", "noticed"), [(50, [7, 8], 20), (10, [10], 10), (25, [23], 25)])
def test_a_loss_that_is_not_finite_stops_the_stage_and_names_the_first(
    steps: int, broken: list[int], noticed: int
) -> None:
    stage = Line(steps, broken)
    with pytest.raises(PasserbyError) as caught:
        trainer().fit(LightningStage(stage))
    assert str(caught.value) == (
        f"line: the loss is not finite in epoch 1, step {broken[0]} (loss nan, half nan): "
        "start a new run with a lower learning rate"
    )
    assert stage.seen == noticed


def _fail_in_the_second_process(rank: int, folder: Path) -> None:
    """The second process meets a loss that is not finite in the last step; each writes what it says."""
    stage = Line(10, [10] if rank == 1 else [])
    with pytest.raises(PasserbyError) as caught:
        trainer(devices=2, strategy="ddp").fit(LightningStage(stage))
    (folder / f"{rank}.txt").write_text(f"{stage.share}\n{caught.value}")


def test_a_process_names_the_failure_it_saw_and_no_other(tmp_path: Path) -> None:
    in_two_processes(_fail_in_the_second_process, tmp_path)
    remedy = "start a new run with a lower learning rate"
    for rank, seen in enumerate(("in another process", "step 10 (loss nan, half nan)")):
        share, said = (tmp_path / f"{rank}.txt").read_text().splitlines()
        assert share == f"({rank}, 2)"
        assert said == f"line: the loss is not finite in epoch 1, {seen}: {remedy}"


def test_spoiled_weights_are_never_saved(tmp_path: Path) -> None:
    with pytest.raises(PasserbyError, match="step 7"):
        trainer(SaveEvery(tmp_path)).fit(LightningStage(Line(50, [7])))
    assert sorted(int(file.stem) for file in tmp_path.iterdir()) == [1, 2, 3, 4, 5, 6]
    for file in tmp_path.iterdir():
        weight = torch.load(file, weights_only=True)["state_dict"]["model.weight"]
        assert torch.isfinite(weight).all()


def test_half_precision_may_skip_steps_but_not_too_many() -> None:
    often = Line(200, range(101, 141))
    trainer(half=True).fit(LightningStage(often))
    assert often.seen == 200
    assert torch.isfinite(often.model.weight).all()
    always = Line(400, range(100, 401))
    with pytest.raises(PasserbyError, match="has skipped some 50 steps up to epoch 1") as caught:
        trainer(half=True).fit(LightningStage(always))
    assert str(caught.value).endswith("start a new run with a lower learning rate or trainer.precision=32")
    assert 150 <= always.seen <= 180
    assert torch.isfinite(always.model.weight).all()


def test_the_watch_keeps_the_first_failure_until_it_is_cleared() -> None:
    watch = NanGuard()
    assert watch.first_failure() is None
    assert watch.broken(torch.device("cpu")) == 0
    for step, loss in enumerate((1.0, math.inf, math.nan, 2.0), start=1):
        watch.note(step, {"loss": torch.tensor(loss), "part": torch.tensor(step, dtype=torch.float64)})
    watch.broken(torch.device("cpu")).zero_()  # as a reduction in place may
    assert watch.broken(torch.device("cpu")) == 1
    assert watch.first_failure() == (2, {"loss": math.inf, "part": 2.0})
    watch.clear()
    watch.note(5, {"loss": torch.tensor(1.0)})
    assert watch.first_failure() is None
