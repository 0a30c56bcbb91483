"""A stage of learning: what is trained, on which batches, with which loss and schedule.

A stage is a LightningModule; the runner owns the devices, precision, checkpoints, logs and progress around it.
Everything random in a stage is keyed by (seed, stage, epoch, step, process), and learning rates are functions of the
epoch, so that a stage resumed from a checkpoint continues exactly as if it had not been interrupted.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from passerby.errors import PasserbyError
from passerby.methods.schedule import Schedule


class EpochLoader(Protocol):
    """The batches of one epoch on one process."""

    def __len__(self) -> int:
        """Steps of the whole epoch, whatever is skipped."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The batches, from the step that was skipped to."""
        ...

    def skip_to(self, step: int) -> None:
        """Let the next iteration begin with this step (0-based)."""
        ...


class Stage(LightningModule):
    """One stage; a subclass says `batches`, `losses` and the two parts of its optimiser.

    Args:
        name: names the stage in checkpoints and logs.
        model: the whole model; its parameters outside `trained` are frozen while the stage runs.
        epochs: how many.
        seed: of the recipe.
        schedule: learning rate by epoch (1-based).
    """

    def __init__(self, name: str, model: nn.Module, *, epochs: int, seed: int, schedule: Schedule) -> None:
        super().__init__()
        self.name = name
        self.model = model
        self.epochs = epochs
        self.seed = seed
        self.schedule = schedule
        self.images_seen = 0
        """Images of this process's last batch, for the progress display."""
        self._first_step = 0

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """The batches of an epoch (0-based) for one of several processes."""
        raise NotImplementedError(f"{type(self).__name__} must say its batches")

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Named scalar losses of a batch; the one called `loss` is minimised."""
        raise NotImplementedError(f"{type(self).__name__} must say its losses")

    def trained(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The parameters that this stage changes, by name."""
        raise NotImplementedError(f"{type(self).__name__} must say what it trains")

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """An optimiser over the trained parameters; a group's `rate_factor` scales the schedule for it."""
        raise NotImplementedError(f"{type(self).__name__} must say its optimiser")

    def steps_per_epoch(self, processes: int) -> int:
        """Steps of the first epoch, without touching an image."""
        raise NotImplementedError(f"{type(self).__name__} must say its steps")

    def example_batch(self) -> Any:
        """A batch of the usual shape with random content, on the stage's device."""
        raise NotImplementedError(f"{type(self).__name__} must give an example")

    def set_trainable(self) -> None:
        """Freeze everything but what this stage trains."""
        trained = {id(parameter) for _, parameter in self.trained()}
        for parameter in self.model.parameters():
            parameter.requires_grad_(id(parameter) in trained)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Lightning's hook."""
        return self.optimiser([(name, parameter) for name, parameter in self.trained() if parameter.requires_grad])

    def train_dataloader(self) -> EpochLoader:
        """Lightning's hook, called at every epoch: the epoch's batches, fast-forwarded after a resume."""
        loader = self.batches(self.trainer.current_epoch, self.global_rank, self.trainer.world_size)
        loader.skip_to(self._first_step)
        self._first_step = 0
        return loader

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set learning rates, and key the global random generators by the step."""
        self.images_seen = len(batch[0])
        epoch = self.trainer.current_epoch
        torch.manual_seed(keyed_seed(self.seed, self.name, epoch, batch_idx, self.global_rank))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.schedule(epoch + 1) * group.get("rate_factor", 1.0)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Lightning's hook. A loss that is not finite stops the training instead of spoiling the weights."""
        losses = self.losses(batch)
        if self.trainer.precision != "16-mixed" and not bool(torch.isfinite(losses["loss"])):
            shown = ", ".join(f"{name} {value.item():.4g}" for name, value in losses.items())
            raise PasserbyError(
                f"{self.name}: the loss is not finite in epoch {self.trainer.current_epoch + 1}, step {batch_idx + 1} "
                f"({shown}): lower the learning rate, or resume with trainer.precision=32"
            )
        return losses

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the place in the epoch; 0 at its end."""
        progress = self.trainer.fit_loop.epoch_loop.batch_progress
        next_step = 0 if progress.is_last_batch else progress.current.ready
        checkpoint["passerby"] = {"stage": self.name, "next_step": next_step}

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Continue at that place."""
        self._first_step = checkpoint["passerby"]["next_step"]


def keyed_seed(*key: int | str) -> int:
    """A seed below 2**63 from a key; the same on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "little") >> 1
