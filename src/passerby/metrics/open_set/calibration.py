"""Calibration: choose a verification threshold on held-out people, with a confidence interval.

Never calibrate on the query and gallery that are reported: cut a validation split from the training half.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.labels import JUNK
from passerby.metrics.arrays import Integers, as_labels
from passerby.metrics.distances.distance import Distances, Metric
from passerby.metrics.distances.sweep import similarity
from passerby.metrics.ranking.bootstrap import Interval

_HEADROOM = 30
"""The highest impostor scores are kept, this many times the share wanted: resamples move the threshold little."""

_ROWS = 512


@dataclass(frozen=True)
class Calibration:
    """A threshold for a false acceptance rate, with intervals over the held-out people.

    Attributes:
        threshold: cosine, or minus the Euclidean distance, at and above which a pair is accepted.
        tar: share of genuine pairs accepted with the threshold, which was chosen on the same people.
        far: the rate asked for.
        genuine, impostor: number of pairs.
    """

    threshold: Interval
    tar: Interval
    far: float
    genuine: int
    impostor: int


def calibrate(
    features: Any,
    identities: Any,
    cameras: Any = None,
    *,
    far: float = 1e-3,
    metric: Metric = "cosine",
    confidence: float = 0.95,
    repeats: int = 500,
    seed: int = 0,
) -> Calibration:
    """Choose the threshold at which a share `far` of the impostor pairs is accepted.

    All pairs of images are compared; with cameras only those from two cameras, which is what search across cameras
    meets. The intervals come from drawing people with replacement, each with all their images: pairs are not
    independent.

    Args:
        features: float [N, D] of the held-out people, array or torch tensor.
        identities: integer [N]; -1 is left out.
        cameras: integer [N], or None.
        far: false acceptance rate wanted.
        metric: `"cosine"` or `"euclidean"`.
        confidence: of the intervals, between 0 and 1.
        repeats: how often people are drawn for them.
        seed: of the drawing.

    Raises:
        EvaluationError: features that cannot be compared, fewer than three people, no genuine pair, or a rate below
            what this number of pairs can show.
    """
    pairs = _Pairs.of(features, identities, cameras, metric, far)
    generator = np.random.default_rng(seed)
    people = pairs.images.people
    everybody = np.ones(people)
    threshold = pairs.threshold(everybody, far)
    drawn = [generator.multinomial(people, np.full(people, 1 / people)).astype(float) for _ in range(repeats)]
    thresholds = np.array([pairs.threshold(weights, far) for weights in drawn])
    rates = np.array([pairs.tar(weights, each) for weights, each in zip(drawn, thresholds, strict=True)])
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.nanquantile(thresholds, ends)
    tar_low, tar_high = np.nanquantile(rates, ends)
    return Calibration(
        Interval(threshold, float(low), float(high)),
        Interval(pairs.tar(everybody, threshold), float(tar_low), float(tar_high)),
        far,
        pairs.genuine.size,
        int(pairs.images.pairs(everybody)),
    )


@dataclass(frozen=True, eq=False)
class _Images:
    """Counts of the images of P people in each view (camera).

    Attributes:
        people: P.
        person, view, count: integer [E], one entry for each person in each view where there are any.
    """

    people: int
    person: Integers
    view: Integers
    count: Integers

    @classmethod
    def of(cls, people: Integers, views: Integers) -> "_Images":
        """Count N images whose people are numbered 0..P-1."""
        names, numbers = np.unique(views, return_inverse=True)
        cells, count = np.unique(people * names.size + numbers, return_counts=True)
        return cls(int(people.max()) + 1, cells // names.size, cells % names.size, count)

    def pairs(self, weights: NDArray[np.float64]) -> float:
        """Count the impostor pairs from two views when each person counts `weights` times.

        All pairs of images, less those of one view, less the same of each person alone: no table of people by people
        is needed.
        """
        weighted = weights[self.person] * self.count
        by_person, by_view = np.bincount(self.person, weighted), np.bincount(self.view, weighted)
        all_pairs = weighted.sum() ** 2 - by_person @ by_person
        return float(all_pairs - by_view @ by_view + weighted @ weighted) / 2


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Scores of pairs with their people, to be counted under weights of people.

    Attributes:
        genuine: float32 [A], and `genuine_people` int64 [A].
        impostor: float32 [B], the highest impostor scores, falling; `first`, `second`: int64 [B].
        images: of all people, from which impostor pairs are counted.
    """

    genuine: NDArray[np.float32]
    genuine_people: Integers
    impostor: NDArray[np.float32]
    first: Integers
    second: Integers
    images: _Images

    @classmethod
    def of(cls, features: Any, identities: Any, cameras: Any, metric: Metric, far: float) -> "_Pairs":
        if not 0 < far < 1:
            raise EvaluationError(f"a false acceptance rate must be between 0 and 1, not {far:g}")
        distances = Distances(features, features, metric)
        total = len(distances.gallery)
        labels = as_labels(identities, total, "identities")
        views = np.arange(total) if cameras is None else as_labels(cameras, total, "cameras")
        rows = np.flatnonzero(labels != JUNK)
        names, people = np.unique(labels[rows], return_inverse=True)
        if names.size < 3:
            raise EvaluationError(f"{names.size} people are too few to calibrate on: hold out more")
        images = _Images.of(people, views[rows])
        impostors = int(images.pairs(np.ones(names.size)))
        if far * impostors < 1:
            raise EvaluationError(
                f"{impostors:,} impostor pairs cannot show a false acceptance rate of {far:g}: hold out more people"
            )
        kept = min(impostors, int(np.ceil(_HEADROOM * far * impostors)))
        genuine, impostor = _scored(distances, rows, people, views[rows], kept)
        if not genuine[0].size:
            raise EvaluationError("nobody has two images to compare: calibration needs genuine pairs")
        order = np.argsort(-impostor[0], kind="stable")[:kept]
        scores = [distances.scores(np.maximum(-2 * column, 0)) for column in (genuine[0], impostor[0][order])]
        return cls(
            scores[0], people[genuine[1]], scores[1], people[impostor[1][order]], people[impostor[2][order]], images
        )

    def threshold(self, weights: NDArray[np.float64], far: float) -> float:
        """Find the threshold when each person counts `weights` times; NaN if no impostor pair is left."""
        total = self.images.pairs(weights)
        if total == 0:
            return float("nan")
        reached = np.cumsum(weights[self.first] * weights[self.second])
        place = int(np.searchsorted(reached, far * total * (1 + 1e-12), side="right"))
        return float(np.nextafter(self.impostor[min(place, self.impostor.size - 1)], np.float32(np.inf)))

    def tar(self, weights: NDArray[np.float64], threshold: float) -> float:
        """True acceptance rate when each person counts `weights` times; NaN if no genuine pair is left."""
        pairs = weights[self.genuine_people]
        return float(pairs[self.genuine >= threshold].sum() / pairs.sum()) if pairs.any() else float("nan")


Scored = tuple[NDArray[np.float32], Integers, Integers]
"""Minus half squared distances of pairs, and their two rows."""


def _scored(
    distances: Distances, rows: Integers, people: Integers, views: Integers, kept: int
) -> tuple[Scored, Scored]:
    """Score all genuine pairs, and at least the `kept` most similar impostor pairs, each pair once."""
    everything = distances.candidates(rows)
    genuine: list[Scored] = []
    impostor: list[Scored] = []
    bound, pending = np.float32(-np.inf), 0
    for start in range(0, rows.size, _ROWS):
        own = np.arange(start, min(start + _ROWS, rows.size))
        values = similarity(distances.candidates(rows[own]), everything)
        allowed = (np.arange(rows.size) > own[:, None]) & (views != views[own, None])
        same = people == people[own, None]
        for into, mask in ((genuine, allowed & same), (impostor, allowed & ~same & (values >= bound))):
            first, second = np.nonzero(mask)
            into.append((values[mask], first + start, second))
        pending += impostor[-1][0].size
        if pending > 4 * kept:
            joined = _joined(impostor)
            best = np.argpartition(-joined[0], kept - 1)[:kept]
            impostor, pending = [(joined[0][best], joined[1][best], joined[2][best])], kept
            bound = impostor[0][0].min()
    return _joined(genuine), _joined(impostor)


def _joined(parts: list[Scored]) -> Scored:
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )
