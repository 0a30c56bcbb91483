"""Values that change at every step: functions of the epoch and of the place in it, so they need no state.

Epochs may have different numbers of steps, as they do under a curriculum: what counts is how much of an epoch is done.
For epochs of one length the values are those of the arrays that DINO and CION prepare in advance.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class StepSchedule:
    """Linear warm-up from 0 to `start`, then half a cosine to `end`.

    Attributes:
        start: value after the warm-up.
        end: value that the last step almost reaches.
        epochs: of the whole.
        warmup_epochs: of the warm-up; its last step has the value `start`.

    Source: `cosine_scheduler` of DINO (Caron et al. 2021), as CION uses it.
    """

    start: float
    end: float
    epochs: int
    warmup_epochs: int = 0

    def at(self, epoch: int, step: int, steps: int) -> float:
        """The value at a step (0-based) of an epoch (0-based) of so many steps."""
        done = epoch + step / steps
        if epoch < self.warmup_epochs:
            return self.start * done / max(self.warmup_epochs - 1 / steps, 1 / steps)
        share = (done - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.end + 0.5 * (self.start - self.end) * (1 + math.cos(math.pi * share))
