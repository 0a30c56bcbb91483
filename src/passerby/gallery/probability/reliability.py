"""Whether probabilities come true: what was foretold of pairs, against how often it was so.

A reliability diagram (A. Murphy and R. Winkler, 1977): pairs are put into bins by what was foretold of them. Pairs of
one person and of two weigh alike in total, as the probability means it: before looking, one is as likely as the other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_BINS = 10


class ReliabilityBin(NamedTuple):
    """Pairs of which about the same was foretold.

    Attributes:
        foretold: the mean probability that they are one person.
        observed: the share that is.
        pairs: how many there are.
        weight: their share of all pairs, when both kinds weigh alike.
    """

    foretold: float
    observed: float
    pairs: int
    weight: float


def reliability(foretold: NDArray[np.float64], same: NDArray[np.bool_], bins: int = _BINS) -> list[ReliabilityBin]:
    """What was foretold of pairs, and how often it was so, in bins of equal width; empty ones are left out.

    Args:
        foretold: probabilities, float64 [P].
        same: which pairs are one person, bool [P]; some are, and some are not.
        bins: how many.
    """
    weights = np.where(same, 0.5 / max(1, int(same.sum())), 0.5 / max(1, int((~same).sum())))
    places = np.minimum((foretold * bins).astype(np.int64), bins - 1)
    found = []
    for place in np.unique(places).tolist():
        inside = places == place
        weight = float(weights[inside].sum())
        found.append(
            ReliabilityBin(
                float(weights[inside] @ foretold[inside] / weight),
                float(weights[inside] @ same[inside] / weight),
                int(inside.sum()),
                weight,
            )
        )
    return found


def calibration_error(found: Sequence[ReliabilityBin]) -> float:
    """The mean distance between what was foretold and what was so (expected calibration error), between 0 and 1."""
    return sum(each.weight * abs(each.foretold - each.observed) for each in found)
