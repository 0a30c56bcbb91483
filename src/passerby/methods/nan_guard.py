"""A guard against losses that are not finite, which does not wait for the device at every step."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from passerby.errors import PasserbyError

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

STEPS_BETWEEN_CHECKS = 20

SMALLEST_SCALE = 2.0**-34
"""The smallest scale of gradients in half precision: what 50 skipped steps leave of the usual first one, 2**16."""


class NanGuard:
    """Keeps the first losses that are not finite, on the device where they were computed, until they are asked for.

    It is empty whenever a state is saved, because saving asks first: a resumed run may begin with an empty one.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._record: Tensor | None = None  # broken (0 or 1), step, the losses of that step

    def note(self, step: int, losses: dict[str, Tensor]) -> None:
        """Remember these losses if they are the first whose `loss` is not finite; nothing is copied to the CPU."""
        self._names = tuple(losses)
        total = losses["loss"].detach()
        broken = (~torch.isfinite(total)).float()
        values = [value.detach().float() for value in losses.values()]
        record = torch.stack([broken, torch.full_like(broken, step), *values])
        earlier = self._record
        self._record = record if earlier is None else torch.where(earlier[0] > 0, earlier, record)

    def broken(self, device: torch.device) -> Tensor:
        """1 if some loss since the last `clear` was not finite, else 0; a float scalar on the device.

        It is the caller's own: processes reduce it in place, which must not touch what this one has seen.
        """
        return torch.zeros((), device=device) if self._record is None else self._record[0].clone()

    def first_failure(self) -> tuple[int, dict[str, float]] | None:
        """The step (as noted) and the losses of the first failure; None if this process saw none."""
        if self._record is None:
            return None
        broken, step, *values = self._record.tolist()
        return (int(step), dict(zip(self._names, values, strict=True))) if broken else None

    def check(self, stage: str, trainer: "Trainer", device: torch.device) -> None:
        """Stop all processes if the losses of one are not finite, or if half precision skips too many steps.

        A single overflow in half precision (16-mixed) is no failure: the step is skipped, and gradients are scaled by
        half as much from then on, until 2,000 good steps double it again. The scale is part of the saved state.

        Args:
            stage: its name, for the error.
            trainer: that runs it.
            device: that it runs on.

        Raises:
            PasserbyError: names the first step that failed here, and the remedy.
        """
        epoch, precision = trainer.current_epoch + 1, trainer.precision
        remedy = "start a new run with a lower learning rate"
        if precision != "32-true":
            remedy += " or trainer.precision=32"
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None:
            if scaler.get_scale() < SMALLEST_SCALE:
                raise PasserbyError(
                    f"{stage}: {precision} has skipped some 50 steps up to epoch {epoch}, "
                    f"because their gradients were not finite: {remedy}"
                )
        elif float(trainer.strategy.reduce(self.broken(device), reduce_op="max")) > 0:
            raise PasserbyError(f"{stage}: the loss is not finite in epoch {epoch}, {self._first_shown()}: {remedy}")
        self.clear()

    def _first_shown(self) -> str:
        failure = self.first_failure()
        if failure is None:
            return "in another process"
        return f"step {failure[0]} ({', '.join(f'{name} {value:.4g}' for name, value in failure[1].items())})"

    def clear(self) -> None:
        """Begin anew."""
        self._record = None
