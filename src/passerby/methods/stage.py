"""A stage of learning: what is trained, on which batches, with which loss and schedule.

The runner, which is Lightning's, owns the devices, precision, checkpoints, logs and progress around a stage, and calls
the hooks of LightningModule that it defines. Everything random in a stage is keyed by (seed, stage, epoch, step,
process), and learning rates are functions of the epoch, so that a stage resumed from a checkpoint continues exactly as
if it had not been interrupted.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from passerby.errors import PasserbyError
from passerby.methods.nan_guard import STEPS_BETWEEN_CHECKS, NanGuard
from passerby.methods.sections.learning_rate import LearningRate, Position, lr_at

if TYPE_CHECKING:  # Lightning takes two seconds, and a model that only embeds comes through here too
    from lightning.pytorch import Trainer


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


class StageOutput(NamedTuple):
    """What a stage computed of a batch, for losses that are added from outside.

    Attributes:
        features: the feature that the stage trains, before the neck and not normalised, [B, D].
        logits: of its first identity classifier, [B, C]; None for a stage without one.
        identities: the labels that it learns from (identities, camera identities or clusters), int64 [B].
        cameras: int64 [B], -1 where unknown.
    """

    features: Tensor
    logits: Tensor | None
    identities: Tensor
    cameras: Tensor


LossFunction = Callable[[StageOutput], Tensor]
"""A loss of one's own: a scalar from what a stage computed of a batch."""


class AddedLoss(NamedTuple):
    """A loss of one's own beside those of a stage.

    Attributes:
        name: in reports.
        function: computes it.
        weight: multiplies it in the sum that is minimised; it is reported without.
    """

    name: str
    function: LossFunction
    weight: float = 1.0


class Preparation(NamedTuple):
    """Work that a stage does once before its first step, in equal pieces.

    Attributes:
        pieces: how many, on each process.
        piece: does one, on random images.
    """

    pieces: int
    piece: Callable[[], object]


class Stage(nn.Module, ABC):
    """One stage; a subclass defines its batches and losses, what it trains and with which optimiser.

    It may define any hook of Lightning's LightningModule, such as `on_after_backward`.

    Args:
        name: names the stage in checkpoints and logs.
        model: the whole model; its parameters outside `trained` are frozen while the stage runs.
        epochs: how many.
        seed: of the recipe.
        learning_rate: the keys of its learning rate.

    Attributes:
        takes_added_losses: whether `losses` leaves an `output`, which `added_losses` need.
        added_losses: computed beside the stage's own, without another forward pass.
        output: what `losses` computed of the batch.
    """

    takes_added_losses: bool = False

    def __init__(self, name: str, model: nn.Module, *, epochs: int, seed: int, learning_rate: LearningRate) -> None:
        super().__init__()
        self.name = name
        self.model = model
        self.epochs = epochs
        self.seed = seed
        self.learning_rate = learning_rate
        self.metrics: dict[str, int | float | None] = {}
        """Of the running epoch, besides losses; alike in all processes."""
        self.progress_note = ""
        """What to show of them while it runs."""
        self.added_losses: list[AddedLoss] = []
        self.output: StageOutput | None = None
        self._trainer: Trainer | None = None
        self._first_step = 0
        self._nan_guard = NanGuard()

    @property
    def trainer(self) -> "Trainer":
        """Lightning's trainer, while it runs this stage."""
        if self._trainer is None:
            raise RuntimeError(f"{self.name}: no trainer runs this stage")
        return self._trainer

    def run_by(self, trainer: "Trainer") -> None:
        """Make known who runs this stage."""
        self._trainer = trainer

    @property
    def global_rank(self) -> int:
        """Which of the processes this is, from 0."""
        return 0 if self._trainer is None else self._trainer.global_rank

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

    @abstractmethod
    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """The batches of an epoch (0-based) for one of several processes."""

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Named scalar losses of a batch of this stage's kind; the one called `loss` is minimised.

        A stage that `takes_added_losses` sets `output` here.
        """

    def all_losses(self, batch: Any) -> dict[str, Tensor]:
        """The stage's `losses` and the added ones by name, `loss` being their weighted sum.

        Raises:
            PasserbyError: an added loss has the name of another, or is no scalar.
        """
        losses = self.losses(batch)
        output, self.output = self.output, None  # keep no graph longer than its batch
        if output is None:
            return losses
        for name, function, weight in self.added_losses:
            if name in losses:
                raise PasserbyError(f"{self.name}: a loss called {name!r} is there already: give yours another name")
            value = function(output)
            if not isinstance(value, Tensor) or value.ndim:
                found = f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
                raise PasserbyError(f"{self.name}: the loss {name!r} must be a scalar tensor, not {found}")
            losses = losses | {"loss": losses["loss"] + weight * value, name: value.detach()}
        return losses

    @abstractmethod
    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The parameters that this stage changes, by name."""

    @abstractmethod
    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """An optimiser over the trained parameters; learning rates are set at every step.

        A group's `lr_scale` multiplies its learning rate, and `peak_factor` is as in `lr_at`.
        """

    @abstractmethod
    def steps_per_epoch(self, processes: int) -> int:
        """Steps of an epoch, on average, without touching an image."""

    @abstractmethod
    def example_batch(self) -> Any:
        """A batch of the usual shape with random content, on the stage's device."""

    def on_stage_start(self) -> None:
        """Put the model into the mode that it learns in, and compute what stays constant; also after a resume.

        By default training mode, in which batch statistics move.
        """
        self.model.train()

    def preparations(self, processes: int) -> Sequence[Preparation]:
        """Work before the first step besides `on_stage_start`, for an estimate of its cost; none by default."""
        return ()

    @property
    def next_step(self) -> int:
        """The step of the running epoch that comes next (0-based); 0 between two epochs."""
        progress = self.trainer.fit_loop.epoch_loop.batch_progress
        return 0 if progress.is_last_batch else int(progress.current.ready)

    def set_trainable(self) -> None:
        """Freeze everything but what this stage trains."""
        trained = {id(parameter) for _, parameter in self.trainable_parameters()}
        for parameter in self.model.parameters():
            parameter.requires_grad_(id(parameter) in trained)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Lightning's hook."""
        return self.optimiser(
            [(name, parameter) for name, parameter in self.trainable_parameters() if parameter.requires_grad]
        )

    def train_dataloader(self) -> EpochLoader:
        """Lightning's hook, called at every epoch: the epoch's batches, fast-forwarded after a resume."""
        loader = self.batches(self.trainer.current_epoch, self.global_rank, self.trainer.world_size)
        loader.skip_to(self._first_step)
        self._first_step = 0
        return loader

    def on_train_start(self) -> None:
        """Lightning's hook."""
        self.on_stage_start()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set learning rates, and key the global random generators by the step."""
        position = self.position(batch_idx)
        torch.manual_seed(keyed_seed(self.seed, self.name, position.epoch, batch_idx, self.global_rank))
        for group in self.trainer.optimizers[0].param_groups:
            rate = lr_at(self.learning_rate, position, self.epochs, peak_factor=group.get("peak_factor", 1.0))
            group["lr"] = rate * group.get("lr_scale", 1.0)

    def position(self, batch_idx: int) -> Position:
        """The place of a step in the stage."""
        trainer = self.trainer
        return Position(trainer.current_epoch, batch_idx, int(trainer.num_training_batches), trainer.global_step)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
        """Lightning's hook: `loss` to minimise, and `losses` as they are, for reports."""
        losses = self.all_losses(batch)
        self._nan_guard.note(batch_idx + 1, losses)
        reported = {name: value.detach() for name, value in losses.items()}
        return {"loss": losses["loss"] * self._share_correction(batch_idx), "losses": reported}

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Every so often, and before an epoch ends, check that the losses are finite."""
        done = batch_idx + 1
        if done % STEPS_BETWEEN_CHECKS == 0 or done == self.trainer.num_training_batches:
            self._nan_guard.check(self.name, self.trainer, self.device)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """Lightning's hook: step, which computes losses and gradients first."""
        optimizer.step(closure=optimizer_closure)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the place in the epoch, 0 at its end; spoiled weights are not saved."""
        self._nan_guard.check(self.name, self.trainer, self.device)
        checkpoint["passerby"] = {"stage": self.name, "next_step": self.next_step}

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Continue at that place."""
        self._first_step = checkpoint["passerby"]["next_step"]

    def _share_correction(self, batch_idx: int) -> float:
        """The factor by which Lightning divides the loss too much at the end of an epoch.

        It divides by `trainer.accumulate` always, also where fewer batches are left for the epoch's last step.
        """
        steps, accumulate = int(self.trainer.num_training_batches), self.trainer.accumulate_grad_batches
        left = steps % accumulate
        return accumulate / left if left and batch_idx >= steps - left else 1.0


def keyed_seed(*key: int | str) -> int:
    """A seed below 2**63 from a key; the same on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "little") >> 1


def adam_with_faster_biases(
    parameters: Sequence[tuple[str, nn.Parameter]], *, weight_decay: float, bias_lr_factor: float
) -> torch.optim.Adam:
    """Adam with coupled weight decay, in which parameters whose name contains `bias` have a rate of their own."""
    groups = [
        {"params": [p for name, p in parameters if "bias" not in name], "lr_scale": 1.0},
        {"params": [p for name, p in parameters if "bias" in name], "lr_scale": bias_lr_factor},
    ]
    return torch.optim.Adam(groups, lr=0.0, weight_decay=weight_decay)
