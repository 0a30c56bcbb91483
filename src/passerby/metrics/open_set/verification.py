"""Verification: acceptance and error rates over pairs of images, for every threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import as_array


@dataclass(frozen=True, eq=False)
class Verification:
    """Sorted scores of genuine and impostor pairs. A pair is accepted if its score is at least the threshold.

    Attributes:
        genuine: float [A], ascending.
        impostor: float [B], ascending.
    """

    genuine: NDArray[np.floating[Any]]
    impostor: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, genuine: Any, impostor: Any) -> "Verification":
        """Build it from scores in any order, larger where more alike.

        Raises:
            EvaluationError: no score of one kind, or NaN among them.
        """
        columns = []
        for name, scores in (("genuine", genuine), ("impostor", impostor)):
            column = np.sort(as_array(scores), axis=None)
            if not column.size:
                raise EvaluationError(f"there are no {name} scores")
            if np.isnan(column[-1]):  # sorted last
                raise EvaluationError(f"{name} scores hold NaN: whatever made them is broken")
            columns.append(column)
        return cls(*columns)

    def far(self, threshold: float) -> float:
        """False acceptance rate: share of impostor pairs that are accepted."""
        return 1 - float(np.searchsorted(self.impostor, threshold, side="left")) / self.impostor.size

    def tar(self, threshold: float) -> float:
        """True acceptance rate: share of genuine pairs that are accepted."""
        return 1 - float(np.searchsorted(self.genuine, threshold, side="left")) / self.genuine.size

    def threshold_at(self, far: float) -> float:
        """Find the lowest threshold whose false acceptance rate is at most `far`.

        Raises:
            EvaluationError: `far` is not between 0 and 1, or below what this number of impostor pairs can show.
        """
        return threshold_at(self.impostor, far)

    def tar_at(self, far: float) -> float:
        """True acceptance rate at the lowest threshold whose false acceptance rate is at most `far`."""
        return self.tar(self.threshold_at(far))

    def roc(self, points: int = 512) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute false and true acceptance rates [≤ points], both rising from 0 to 1, denser at low rates."""
        size = self.impostor.size
        counts = np.unique(np.round(np.geomspace(1, size, max(2, points - 2))).astype(np.int64))
        thresholds = self.impostor[size - counts]
        far = 1 - np.searchsorted(self.impostor, thresholds, side="left") / size
        tar = 1 - np.searchsorted(self.genuine, thresholds, side="left") / self.genuine.size
        first = 1 - float(np.searchsorted(self.genuine, self.impostor[-1], side="right")) / self.genuine.size
        return np.concatenate([[0, 0], far, [1]]), np.concatenate([[0, first], tar, [1]])

    @property
    def eer(self) -> float:
        """Equal error rate: where as many impostors are accepted as genuine pairs refused, between two thresholds."""
        thresholds = np.unique(np.concatenate([self.genuine, self.impostor[self._near_crossing()]]))
        false_accepts = 1 - np.searchsorted(self.impostor, thresholds, side="left") / self.impostor.size
        false_rejects = np.searchsorted(self.genuine, thresholds, side="left") / self.genuine.size
        false_accepts, false_rejects = np.append(false_accepts, 0.0), np.append(false_rejects, 1.0)
        after = int(np.argmax(false_rejects >= false_accepts))
        before = max(after - 1, 0)
        gap_before = false_accepts[before] - false_rejects[before]
        gap_after = false_accepts[after] - false_rejects[after]
        share = gap_before / (gap_before - gap_after) if gap_before > gap_after else 0.0
        return float(false_accepts[before] + share * (false_accepts[after] - false_accepts[before]))

    @property
    def auc(self) -> float:
        """Area under the curve: the chance that a genuine pair scores higher than an impostor pair, ties by half."""
        below = np.searchsorted(self.impostor, self.genuine, side="left").mean()
        not_above = np.searchsorted(self.impostor, self.genuine, side="right").mean()
        return float((below + not_above) / 2 / self.impostor.size)

    def _near_crossing(self) -> slice:
        """Find the impostor scores around the crossing of the error rates, so that not all are sorted again."""
        low, high = 0, self.impostor.size - 1
        while low < high:  # the first impostor score at which at least as many are refused as accepted
            middle = (low + high) // 2
            score = float(self.impostor[middle])
            if 1 - self.tar(score) >= self.far(score):
                high = middle
            else:
                low = middle + 1
        first = float(self.impostor[low])
        before = int(np.searchsorted(self.impostor, first, side="left"))
        return slice(max(before - 1, 0), low + 1)


def threshold_at(impostor: NDArray[np.floating[Any]], far: float) -> float:
    """Find the lowest threshold that at most a share `far` of ascending impostor scores reaches.

    Raises:
        EvaluationError: `far` is not between 0 and 1, or below one in the number of scores.
    """
    if not 0 < far < 1:
        raise EvaluationError(f"a false acceptance rate must be between 0 and 1, not {far:g}")
    allowed = int(np.floor(far * impostor.size * (1 + 1e-12)))
    if not allowed:
        raise EvaluationError(
            f"{impostor.size:,} impostor scores cannot show a false acceptance rate of {far:g}: ask for one of at "
            f"least {1 / impostor.size:.1g}, or give more images"
        )
    return float(np.nextafter(impostor[impostor.size - allowed - 1], impostor.dtype.type(np.inf)))
