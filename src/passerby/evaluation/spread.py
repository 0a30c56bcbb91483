"""Mean and deviation over repetitions: runs of an experiment, seeds of a training."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (0 for one repetition)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Over one value of each repetition."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)

    def percent(self) -> str:
        """`61.8 ± 0.4`."""
        return f"{100 * self.mean:.1f} ± {100 * self.deviation:.1f}"
