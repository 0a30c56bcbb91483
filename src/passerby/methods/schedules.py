"""Learning rates as pure functions of the epoch, so that they need no state and resume exactly.

Epochs are counted from 1 as in the papers' code.
"""

import math
from collections.abc import Callable, Sequence

Schedule = Callable[[int], float]
"""Epoch (1-based) → learning rate."""


def cosine_with_warmup(
    base: float, epochs: int, *, warmup_epochs: int = 5, warmup_from: float = 1e-5, floor: float = 1e-6
) -> Schedule:
    """Linear warm-up, then half a cosine whose phase counts from epoch 0 (the warm-up does not shift it).

    Source: CLIP-ReID's first stage (saga.md §2.3): e < 5: 1e-5 + e (base - 1e-5) / 5; afterwards
    floor + (base - floor)(1 + cos(π e / E)) / 2, which reaches the floor at e = E.
    """

    def rate(epoch: int) -> float:
        if epoch < warmup_epochs:
            return warmup_from + epoch * (base - warmup_from) / warmup_epochs
        if epoch >= epochs:
            return floor
        return floor + 0.5 * (base - floor) * (1 + math.cos(math.pi * epoch / epochs))

    return rate


def steps_with_warmup(
    base: float, milestones: Sequence[int], *, warmup_epochs: int = 10, warmup_factor: float = 0.1, decay: float = 0.1
) -> Schedule:
    """Linear warm-up by a factor that reaches 1 after `warmup_epochs`, and a decay at each milestone.

    Source: CLIP-ReID's second stage (saga.md §2.4): the factor at epoch e is warmup_factor (1 - e/10) + e/10.
    """

    def rate(epoch: int) -> float:
        progress = min(epoch / warmup_epochs, 1.0) if warmup_epochs else 1.0
        factor = warmup_factor * (1 - progress) + progress
        return base * factor * decay ** sum(epoch >= milestone for milestone in milestones)

    return rate
