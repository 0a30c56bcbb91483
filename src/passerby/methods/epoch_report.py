"""What a stage reports while it runs: losses to the logs, a line per epoch to `metrics.jsonl`, progress to a person."""

import time
from typing import Any

from lightning.pytorch import Callback, Trainer

from passerby.data.progress import Progress
from passerby.methods.run_directory import RunDirectory
from passerby.methods.stage import Stage

_STEPS_BETWEEN_LOGS = 20


class EpochReport(Callback):
    """Averages losses over an epoch; what it has summed survives a resume inside the epoch."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._sums: dict[str, float] = {}
        self._steps = 0
        self._seconds = 0.0
        self._last = 0.0
        self._progress: Progress | None = None

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Begin to show progress, from where the stage stands."""
        stage: Stage = pl_module
        if trainer.is_global_zero:
            self.run.forget_epochs(stage.name, trainer.current_epoch + 1)
        done = trainer.current_epoch * trainer.num_training_batches + trainer.fit_loop.epoch_loop.batch_idx + 1
        total = int(stage.epochs * trainer.num_training_batches)
        self._progress = Progress(stage.name, total, done=int(done), unit="steps", quiet=not trainer.is_global_zero)
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Sum the losses; every so often, log them."""
        del batch
        values = {name: float(value) for name, value in outputs.items()}
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1
        now = time.monotonic()
        self._seconds, self._last = self._seconds + now - self._last, now
        if (batch_idx + 1) % _STEPS_BETWEEN_LOGS == 0:
            self._log(trainer, {f"{pl_module.name}/step_{name}": value for name, value in values.items()})
        if self._progress is not None:
            note = f"epoch {trainer.current_epoch + 1}/{pl_module.epochs}  loss {values['loss']:.4f}"
            self._progress.advance(1, note)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Write the epoch's averages, and begin the next."""
        averages = {name: total / max(self._steps, 1) for name, total in self._sums.items()}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        epoch = trainer.current_epoch + 1
        if trainer.is_global_zero:
            self.run.record(
                stage=pl_module.name,
                epoch=epoch,
                steps=self._steps,
                seconds=round(self._seconds, 3),
                learning_rate=rate,
                **averages,
            )
        values = {f"{pl_module.name}/{name}": value for name, value in averages.items()}
        self._log(trainer, values | {f"{pl_module.name}/learning_rate": rate, "epoch": epoch})
        self._sums, self._steps, self._seconds = {}, 0, 0.0

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Say how long it took."""
        del trainer, pl_module
        if self._progress is not None:
            self._progress.__exit__(None, None, None)

    def state_dict(self) -> dict[str, Any]:
        """What has been summed in this epoch."""
        return {"sums": self._sums, "steps": self._steps, "seconds": self._seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue summing."""
        self._sums, self._steps = dict(state_dict["sums"]), state_dict["steps"]
        self._seconds = state_dict["seconds"]

    @staticmethod
    def _log(trainer: Trainer, values: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(values, step=trainer.global_step)
