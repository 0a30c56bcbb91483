"""From the cosine of two looks to the probability that they are of the same person, learnt from the stream itself."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST = 30
"""Pairs of each kind before anything is said."""
_NARROWEST = 0.03
"""Standard deviation of cosines below which they are taken for too few to tell."""


class Likeness:
    """A calibration without labels: two people in one frame are two people, and one track is one person.

    Cosines of both kinds of pairs are taken for normal with a common variance, so that the log odds are linear in the
    cosine (linear discriminant analysis with even prior odds).
    """

    def __init__(self) -> None:
        self._same = np.zeros(3)
        self._different = np.zeros(3)

    def learn(self, same: Floats, different: Floats) -> None:
        """Take cosines of pairs of either kind."""
        for sums, cosines in ((self._same, same), (self._different, different)):
            sums += np.array([len(cosines), cosines.sum(), cosines @ cosines])

    def line(self) -> tuple[float, float] | None:
        """Slope and middle of the log odds, `slope × (cosine - middle)`; None before enough was seen."""
        if min(self._same[0], self._different[0]) < _LEAST:
            return None
        kinds = self._same, self._different
        means = [total / count for count, total, _ in kinds]
        around = sum(squares - count * (total / count) ** 2 for count, total, squares in kinds)
        variance = max(around / (self._same[0] + self._different[0]), _NARROWEST**2)
        return (means[0] - means[1]) / variance, (means[0] + means[1]) / 2

    def probability(self, cosines: Floats, *, unknown: float) -> Floats:
        """The probability of each cosine's pair to be one person; `unknown` before enough was seen."""
        line = self.line()
        if line is None or line[0] <= 0:
            return np.full_like(cosines, unknown)
        return 1 / (1 + np.exp(np.clip(-line[0] * (cosines - line[1]), -50, 50)))
