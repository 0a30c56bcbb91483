"""What a stage reports while it runs: the steps that are done and those to come, also after a resume."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from passerby.progress import Progress
from passerby.runs.run_directory import RunDirectory
from passerby.training import epoch_report
from passerby.training.checkpoints import AtomicCheckpointIO, SaveState
from passerby.training.epoch_report import EpochReport
from passerby.training.lightning_stage import LightningStage
from tests.training.counted_stage import CountedStage, Numbers

STEPS = (4, 4, 4)


class SkippingNumbers(Numbers):
    first = 0

    def __iter__(self) -> Iterator[Tensor]:
        return iter([torch.tensor([float(step)]) for step in range(self.first + 1, self.steps + 1)])

    def skip_to(self, step: int) -> None:
        self.first = step


class ResumableStage(CountedStage):
    def batches(self, epoch: int, process: int, processes: int) -> Numbers:
        return SkippingNumbers(self.steps[epoch])


class Stop(Callback):
    """Ends the process after a step, or after the epoch in which that step is."""

    def __init__(self, step: int, *, after_epoch: bool) -> None:
        self.step, self.after_epoch = step, after_epoch

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if not self.after_epoch and trainer.global_step == self.step:
            raise SystemExit

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        if self.after_epoch and trainer.global_step >= self.step:
            raise SystemExit


@pytest.mark.parametrize(("step", "after_epoch"), [(2, False), (4, True), (6, False), (8, True)])
def test_progress_goes_on_from_where_a_resumed_stage_stands(
    step: int, after_epoch: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[int, Progress]] = []  # done at the beginning, and afterwards

    def noted(*arguments: Any, done: int, **options: Any) -> Progress:
        shown.append((done, Progress(*arguments, done=done, **options | {"quiet": True})))
        return shown[-1][1]

    def fit(*callbacks: Callback, state: Path | None = None) -> None:
        own = (EpochReport(RunDirectory(tmp_path)), SaveState(tmp_path / "state.ckpt", 1))
        trainer = Trainer(
            accelerator="cpu", max_epochs=len(STEPS), callbacks=[*own, *callbacks], logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            reload_dataloaders_every_n_epochs=1, plugins=[AtomicCheckpointIO()], default_root_dir=tmp_path,
        )  # fmt: skip
        trainer.fit(LightningStage(ResumableStage("counted", STEPS)), ckpt_path=state)

    monkeypatch.setattr(epoch_report, "Progress", noted)
    with pytest.raises(SystemExit):
        fit(Stop(step, after_epoch=after_epoch))
    fit(state=tmp_path / "state.ckpt")
    (_, _), (begun_at, progress) = shown
    assert begun_at == step
    assert progress.done == progress.total == sum(STEPS)
