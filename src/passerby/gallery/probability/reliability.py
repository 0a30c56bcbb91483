"""Whether probabilities come true: what was foretold of pairs, against how often it was so.

A reliability diagram (A. Murphy and R. Winkler, 1977): pairs are put into bins by what was foretold of them. Pairs of
one person and of two weigh alike in total, as the probability means it: before looking, one is as likely as the other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from passerby.gallery.database import Transaction
from passerby.gallery.probability.calibration import FEWEST_APART, FEWEST_SAME, Calibration
from passerby.gallery.probability.evidence import gather_evidence

_BINS = 10

_CONFIRMED = 2_000
"""Of more tracklets of confirmed people, so many are compared with each other."""


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


class Reliability(NamedTuple):
    """Whether a gallery's probabilities come true.

    Attributes:
        learned: on the pairs that they were learned from: halves of tracklets, and halves of people seen at once.
        confirmed: on tracklets of people whom somebody confirmed; empty where these make fewer than 50 pairs of one
            person or 200 of two.
    """

    learned: list[ReliabilityBin]
    confirmed: list[ReliabilityBin]


def reliability_of(
    transaction: Transaction,
    model: int,
    features: NDArray[np.float16],
    identities: NDArray[np.int64],
    calibration: Calibration,
) -> Reliability:
    """Hold a gallery's probabilities against the pairs of which it knows the truth; empty where it knows none.

    Args:
        transaction: reads the gallery.
        model: the model's row.
        features: of all tracklets, float16 [N, D].
        identities: of these tracklets, int64 [N], 0 where unknown.
        calibration: what their cosines mean.
    """
    if calibration.slope is None or calibration.intercept is None:
        return Reliability([], [])
    evidence = gather_evidence(transaction, model, features.shape[1])
    learned = _held(calibration, evidence.same, evidence.halves_apart)
    vouched = [row[0] for row in transaction.rows("SELECT id FROM identities WHERE confirmed = 1")]
    rows = np.flatnonzero(np.isin(identities, np.array(vouched, np.int64)))
    if rows.size > _CONFIRMED:
        rows = np.sort(np.random.default_rng(0).choice(rows, _CONFIRMED, replace=False))
    vectors, people = features[rows].astype(np.float64), identities[rows]
    first, second = np.triu_indices(rows.size, 1)
    cosines, same = np.einsum("nd,nd->n", vectors[first], vectors[second]), people[first] == people[second]
    return Reliability(learned, _held(calibration, cosines[same], cosines[~same]))


def _held(calibration: Calibration, same: NDArray[np.float64], apart: NDArray[np.float64]) -> list[ReliabilityBin]:
    if same.size < FEWEST_SAME or apart.size < FEWEST_APART:
        return []
    odds = (calibration.slope or 0.0) * np.concatenate([same, apart]) + (calibration.intercept or 0.0)
    return reliability(expit(odds), np.arange(odds.size) < same.size)


def calibration_error(found: Sequence[ReliabilityBin]) -> float:
    """The mean distance between what was foretold and what was so (expected calibration error), between 0 and 1."""
    return sum(each.weight * abs(each.foretold - each.observed) for each in found)
