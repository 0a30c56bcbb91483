"""Reports of a running stage: losses to the logs, a line per epoch to `metrics.jsonl`, progress to the terminal."""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from passerby.distributed.processes import gather_numbers, process_number
from passerby.methods.stage import Stage
from passerby.progress import Progress
from passerby.runs.run_directory import RunDirectory

_STEPS_BETWEEN_LOGS = 20


class EpochReport(Callback):
    """Averages losses over an epoch; the sums are part of the state, for a resume inside the epoch."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._sums: dict[str, Tensor] = {}
        """On the device, as float64, so that no step waits for the device."""
        self._steps = 0
        self._seconds = 0.0
        self._last = 0.0
        self._note = ""
        self._device = torch.device("cpu")
        self._progress: Progress | None = None

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Begin to show progress, from the step that the stage is at."""
        stage: Stage = pl_module.stage
        self._device = stage.device
        if trainer.is_global_zero:
            self.run.forget_epochs(stage.name, trainer.current_epoch + 1)
        done = trainer.current_epoch * trainer.num_training_batches + stage.next_step
        total = int(stage.epochs * trainer.num_training_batches)
        self._progress = Progress(stage.name, total, done=int(done), unit="steps", quiet=not trainer.is_global_zero)
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Sum the losses; every so often, log those of the first process.

        Lightning's own `loss` is what is minimised, a share of the loss where gradients are accumulated.
        """
        stage: Stage = pl_module.stage
        losses: dict[str, Tensor] = outputs["losses"]
        for name, value in losses.items():
            loss = value.double()
            self._sums[name] = self._sums[name].to(loss.device) + loss if name in self._sums else loss
        self._steps += 1
        now = time.monotonic()
        self._seconds, self._last = self._seconds + now - self._last, now
        if (batch_idx + 1) % _STEPS_BETWEEN_LOGS == 0:
            self._log(trainer, {f"{stage.name}/step_{name}": float(value) for name, value in losses.items()})
        if batch_idx % _STEPS_BETWEEN_LOGS == 0:
            self._note = f"epoch {trainer.current_epoch + 1}/{stage.epochs}  loss {float(losses['loss']):.4f}"
            self._note += f"  {stage.progress_note}" if stage.progress_note else ""
        if self._progress is not None:
            self._progress.advance(1, self._note)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Write the epoch's averages over the steps of all processes, and begin the next."""
        stage: Stage = pl_module.stage
        averages = self._averages()
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        epoch = trainer.current_epoch + 1
        if trainer.is_global_zero:
            self.run.record(
                stage=stage.name,
                epoch=epoch,
                steps=self._steps,
                seconds=round(self._seconds, 3),
                learning_rate=rate,
                **averages,
                **stage.metrics,
            )
        known = {name: float(value) for name, value in stage.metrics.items() if value is not None}
        values = {f"{stage.name}/{name}": value for name, value in (averages | known).items()}
        self._log(trainer, values | {f"{stage.name}/learning_rate": rate, "epoch": epoch})
        self._sums, self._steps, self._seconds = {}, 0, 0.0
        if self._progress is not None:  # epochs may differ in length: those to come are taken to be as long as this one
            self._progress.total = self._progress.done + int((stage.epochs - epoch) * trainer.num_training_batches)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Show how long it took."""
        if self._progress is not None:
            self._progress.finish()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """Show how far it came."""
        if self._progress is not None:
            self._progress.finish(stopped=True)

    def state_dict(self) -> dict[str, Any]:
        """The sums of every process in this epoch; Lightning asks all processes and writes the state of the first."""
        return {"names": sorted(self._sums), "processes": self._gathered(), "seconds": self._seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue summing where this process was."""
        *totals, steps = state_dict["processes"][process_number()]
        totals = [torch.tensor(total, dtype=torch.float64) for total in totals]
        self._sums = dict(zip(state_dict["names"], totals, strict=True))
        self._steps, self._seconds = int(steps), state_dict["seconds"]

    def _gathered(self) -> list[list[float]]:
        """Of every process, its sums in the order of their names, and its steps."""
        return gather_numbers([*(float(self._sums[name]) for name in sorted(self._sums)), self._steps], self._device)

    def _averages(self) -> dict[str, float]:
        *totals, steps = map(sum, zip(*self._gathered(), strict=True))
        return {name: total / max(steps, 1) for name, total in zip(sorted(self._sums), totals, strict=True)}

    @staticmethod
    def _log(trainer: Trainer, values: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(values, step=trainer.global_step)
