"""States to resume from: written atomically, read without unpickling objects."""

import shlex
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer

from passerby.atomic_files import write_atomically
from passerby.errors import CheckpointError
from passerby.models.checkpoint import explain_unreadable

_WRITER_FAILS = ("PytorchStreamWriter", "unexpected pos")
"""Parts of the RuntimeError that torch raises on a full disk."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes states atomically: a killed process leaves the last whole one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write whole, or not at all."""
        try:
            with write_atomically(Path(path)) as temporary:
                torch.save(checkpoint, temporary)
        except RuntimeError as error:
            if not any(words in str(error) for words in _WRITER_FAILS):
                raise
            raise CheckpointError(
                f"{path}: cannot be written, perhaps the disk is full; the last state is kept: free some room, then "
                f"`passerby train --resume {shlex.quote(str(Path(path).parent.parent))}`"
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read tensors and plain values only."""
        try:
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for damaged files
            raise CheckpointError(
                f"{path}: cannot be resumed from: {explain_unreadable(error)}; or delete it to train its stage from "
                "the start"
            ) from error
        return content


class SaveState(Callback):
    """Saves the state at the end of every epoch and, if asked, every so many steps inside it.

    Args:
        path: the one file, replaced each time.
        every_steps: 0 for the ends of epochs only. Rounded up to where no accumulated gradient would be lost.
    """

    def __init__(self, path: Path, every_steps: int) -> None:
        self.path = path
        self.every_steps = every_steps

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save inside an epoch; its last batch is left to the epoch's end."""
        period = self.every_steps * trainer.accumulate_grad_batches
        last = batch_idx + 1 == trainer.num_training_batches
        if self.every_steps and (batch_idx + 1) % period == 0 and not last:
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save between epochs."""
        trainer.save_checkpoint(self.path)
