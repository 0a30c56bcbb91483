"""The learning rate of a stage: its keys in a recipe, and its value at any step.

The value is a pure function of the keys and of the place in the stage, so it needs no state and resumes exactly.
Published codes count differently; what is part of a method is a constant of its section's class, not a key.
"""

import math
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from passerby.config import NotNegative, Section

Epoch = Annotated[int, Field(ge=1)]
Decay = Literal["constant", "cosine", "steps"]
_GAMMA = 0.1
"""By what a milestone multiplies the learning rate."""


class Position(NamedTuple):
    """The place of a step in its stage.

    Attributes:
        epoch: 0-based.
        step: 0-based, in the epoch.
        steps: of this epoch.
        finished: optimiser steps that the stage has taken before.
    """

    epoch: int
    step: int = 0
    steps: int = 1
    finished: int = 0


class LearningRate(Section):
    """How a learning rate begins, and how it falls."""

    lr: NotNegative = 3.5e-4
    """Learning rate after warm-up."""
    warmup_epochs: NotNegative = 0
    """Epochs of linear warm-up."""
    warmup_start_factor: NotNegative = 0.1
    """Where the warm-up begins, as a fraction of lr."""
    decay: Decay = "cosine"
    """After the warm-up: constant, half a cosine, or to a tenth at each milestone."""
    milestones: tuple[Epoch, ...] = ()
    """Epochs of the steps, with decay=steps."""
    min_lr_factor: NotNegative = 0.0
    """Where the cosine ends, as a fraction of lr, with decay=cosine."""

    COUNT_FROM: ClassVar[int] = 0
    """The number of the first epoch, and where steps count, of an epoch's first step."""
    WARMUP_BY_STEP: ClassVar[bool] = False
    """The warm-up rises at every step, not at every epoch."""
    WARMUP_REACHES_LR: ClassVar[bool] = False
    """The last step of the warm-up has the whole learning rate; otherwise the next one is the first to have it."""
    WARMUP_SCALES_DECAY: ClassVar[bool] = False
    """The warm-up multiplies the cosine, as it does steps; otherwise the cosine takes over where the warm-up ends."""
    DECAY_BY_STEP: ClassVar[bool] = False
    """The decay falls at every step, not at every epoch."""
    COSINE_AFTER_WARMUP: ClassVar[bool] = False
    """The cosine's phase begins after the warm-up, not with the first epoch."""
    COSINE_REACHES_END: ClassVar[bool] = False
    """The last epoch has the least learning rate; otherwise the epoch after it would have."""

    def idle_keys(self) -> set[str]:
        """What another decay reads, or a warm-up where there is none; everything else while a stage has no epochs."""
        if getattr(self, "epochs", 1) == 0:
            return set(type(self).model_fields) - {"epochs"}
        of_decay = {"steps": "milestones", "cosine": "min_lr_factor"}
        of_warmup = set() if self.warmup_at(Position(0))[1] else {"warmup_start_factor"}
        return of_warmup | {key for decay, key in of_decay.items() if decay != self.decay}

    def epochs_done(self, position: Position, *, by_step: bool) -> float:
        """How many epochs count as done, by whole epochs or by steps."""
        if by_step:
            return position.epoch + (position.step + self.COUNT_FROM) / position.steps
        return position.epoch + self.COUNT_FROM

    def warmup_at(self, position: Position) -> tuple[float, float]:
        """How much of the warm-up is done, and how much there is, in the same unit."""
        return self.epochs_done(position, by_step=self.WARMUP_BY_STEP), self.warmup_epochs

    def cosine_start(self) -> float:
        """Epochs before the cosine begins to fall."""
        return self.warmup_epochs if self.COSINE_AFTER_WARMUP else 0


def lr_at(section: LearningRate, position: Position, epochs: int, *, peak_factor: float = 1.0) -> float:
    """The learning rate of a step.

    Args:
        section: of the recipe.
        position: of the step.
        epochs: of the stage.
        peak_factor: by what lr is multiplied, for parameters that warm up and decay between the same ends as others but
            learn faster in between.
    """
    peak = section.lr * peak_factor
    begin, end = section.lr * section.warmup_start_factor, section.lr * section.min_lr_factor
    done, whole = section.warmup_at(position)
    if section.decay == "steps" or section.WARMUP_SCALES_DECAY:
        warmed = min(done / whole, 1.0) if whole else 1.0
        warmth = section.warmup_start_factor * (1 - warmed) + warmed
        return peak * warmth * _decay_factor(section, position, epochs)
    if done < whole:
        step = 1 / position.steps
        return begin + done * (peak - begin) / (max(whole - step, step) if section.WARMUP_REACHES_LR else whole)
    share = _cosine_share(section, position, epochs)
    return peak if share is None else half_cosine(peak, end, share)


def half_cosine(start: float, end: float, share: float) -> float:
    """The value between `start` and `end` once a share of the way is done, from 0 to 1."""
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * share))


def _decay_factor(section: LearningRate, position: Position, epochs: int) -> float:
    if section.decay == "steps":
        done = section.epochs_done(position, by_step=section.DECAY_BY_STEP)
        return _GAMMA ** sum(done >= milestone for milestone in section.milestones)
    share = _cosine_share(section, position, epochs)
    least = section.min_lr_factor
    return 1.0 if share is None else half_cosine(1.0, least, share)


def _cosine_share(section: LearningRate, position: Position, epochs: int) -> float | None:
    """How much of the cosine is done, from 0 to 1; None where it has not begun, and where there is none."""
    past = section.epochs_done(position, by_step=section.DECAY_BY_STEP) - section.cosine_start()
    if section.decay != "cosine" or past < 0:
        return None
    length = epochs - section.cosine_start() - section.COSINE_REACHES_END
    return min(past / (length if length > 0 else 1.0), 1.0)  # a single epoch that should end the cosine begins it too
