"""From a cosine to the probability of one person, and from a false-match rate to a threshold.

The probability is a logistic function of the cosine (J. Platt, Probabilistic outputs for support vector machines, 1999,
with his targets), fitted to halves of tracklets against halves of tracklets seen at once. Both kinds weigh the same,
so it holds for pairs of which, before looking, one is as likely as the other. Thresholds are quantiles of the cosines
of tracklets seen at once; where few pairs are beyond, the tail of a normal distribution is followed, on the scale on
which correlations are nearly normal, their inverse hyperbolic tangent (R. Fisher, 1915).

People seen at once by one camera are more alike than those whom a search compares, of several cameras and days. For
searches, thresholds are therefore moved on that scale as the upper half of any pairs lies to that of those seen at
once. These give the tail, which nobody knows where some pairs are one person; any pairs give where it begins.
"""

import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from passerby.errors import GalleryError
from passerby.gallery.database import Database
from passerby.gallery.probability.evidence import Evidence, Float64, gather_evidence
from passerby.gallery.schema import read_setting

FEWEST_SAME, FEWEST_APART = 50, 200
"""Pairs of one person, and of two, without which nothing is fitted."""

_HIGHEST_RATE = 0.5
_FARTHEST = 0.01
"""The tail is followed down to a rate at which so many of the pairs compared would pass."""

_COUNTED, _TAIL_SHARE = 50, 0.1
"""Thresholds that fewer pairs pass come from a line through the highest tenth."""

_MIDDLE = (0.5, 0.9)
"""Quantiles between which distributions are compared: above, pairs of one person would count."""

_RATES = 64
_LARGEST_COSINE = 1 - 1e-6
_GROWN = 1.5


@dataclass(frozen=True)
class Calibration:
    """What cosines of one model mean in a gallery.

    Attributes:
        slope, intercept: of the log odds of being one person; None where the gallery knows too few pairs.
        rates: false-match rates, descending; empty where the gallery knows too few pairs of two people.
        thresholds: the cosine that so many pairs of two people seen at once reach.
        searched: the cosine that so many pairs of two people reach whom a search compares.
        same, apart: how many pairs of one person and of two people were compared.
        tracklets: how many tracklets the gallery had then.
    """

    slope: float | None
    intercept: float | None
    rates: tuple[float, ...]
    thresholds: tuple[float, ...]
    same: int
    apart: int
    tracklets: int
    searched: tuple[float, ...] = ()

    def probability(self, cosine: float) -> float | None:
        """The probability that two features of this cosine are of one person; None where too few pairs are known."""
        if self.slope is None or self.intercept is None:
            return None
        return float(expit(self.slope * cosine + self.intercept))

    def cosine(self, probability: float) -> float:
        """The cosine from which on two features are of one person with at least this probability.

        Raises:
            GalleryError: not a probability between 0 and 1, or too few pairs are known.
        """
        if not 0 < probability < 1:
            raise GalleryError(f"a probability lies between 0 and 1, not at {probability}")
        if self.slope is None or self.intercept is None:
            raise GalleryError(
                f"probabilities are not known: the gallery has {self.same} tracklets with halves and {self.apart} "
                f"pairs seen at once, of {FEWEST_SAME} and {FEWEST_APART} needed, or its features do not tell people "
                "apart: choose among what a search finds, by number"
            )
        return float((logit(probability) - self.intercept) / self.slope)

    def threshold(self, false_match_rate: float) -> float:
        """The cosine that pairs of two different people reach at this rate, of those whom a search compares.

        Raises:
            GalleryError: not a rate between 0 and 0.5, or lower than the pairs known can tell.
        """
        if not self.rates:
            raise GalleryError(
                f"only {self.apart} pairs of tracklets were seen at once in one video, and {FEWEST_APART} are needed "
                "to know a false-match rate: add more videos, or leave out false_match_rate"
            )
        if not 0 < false_match_rate <= _HIGHEST_RATE:
            raise GalleryError(f"false_match_rate is a share above 0 and at most 0.5, not {false_match_rate}")
        if false_match_rate * self.apart < 1 - 1e-9:
            raise GalleryError(
                f"a false-match rate of {false_match_rate:g} cannot be told from {self.apart:,} pairs of tracklets "
                f"seen at once: ask for {1 / self.apart:.2g} or more, or add more videos"
            )
        return self._threshold(false_match_rate, self.searched)

    def careful_threshold(self, false_match_rate: float) -> float:
        """The same of people seen at once, who are more alike; also for rates that pairs known tell roughly only."""
        return self._threshold(false_match_rate, self.thresholds)

    def _threshold(self, false_match_rate: float, thresholds: tuple[float, ...]) -> float:
        rate = min(max(false_match_rate, self.rates[-1]), self.rates[0])
        return float(np.interp(np.log(rate), np.log(self.rates[::-1]), thresholds[::-1]))


def fit(evidence: Evidence, tracklets: int) -> Calibration:
    """Fit the probability and the thresholds to pairs that a gallery is sure about.

    Args:
        evidence: their cosines.
        tracklets: how many the gallery has.
    """
    slope = intercept = None
    if evidence.same.size >= FEWEST_SAME and evidence.halves_apart.size >= FEWEST_APART:
        fitted = fit_logistic(evidence.same, evidence.halves_apart)
        if fitted[0] > 0:  # otherwise the features do not tell people apart
            slope, intercept = fitted
    rates, thresholds = _thresholds(np.sort(evidence.apart))
    searched = _as_searched(np.array(thresholds), evidence.apart, evidence.anybody)
    pairs = evidence.same.size, evidence.apart.size
    return Calibration(slope, intercept, rates, thresholds, *pairs, tracklets, searched)


def fit_logistic(same: Float64, apart: Float64) -> tuple[float, float]:
    """Slope and intercept of the log odds that a cosine is of `same` and not of `apart`, which weigh alike.

    The likelihood is maximised by damped Newton steps, of cosines scaled to mean 0 and deviation 1.
    """
    cosines = np.concatenate([same, apart])
    centre, scale = float(cosines.mean()), max(float(cosines.std()), 1e-9)
    design = np.stack([(cosines - centre) / scale, np.ones(cosines.size)], axis=1)
    targets = np.concatenate(
        [np.full(same.size, (same.size + 1) / (same.size + 2)), np.full(apart.size, 1 / (apart.size + 2))]
    )
    weights = np.concatenate([np.full(same.size, 0.5 / same.size), np.full(apart.size, 0.5 / apart.size)])
    line = np.zeros(2)
    for _ in range(200):
        odds = design @ line
        expected = expit(odds)
        gradient = design.T @ (weights * (expected - targets))
        curvature = (design * (weights * expected * (1 - expected))[:, None]).T @ design + 1e-12 * np.eye(2)
        step, loss = np.linalg.solve(curvature, gradient), _loss(odds, targets, weights)
        while _loss(design @ (line - step), targets, weights) > loss and float(np.abs(step).max()) > 1e-9:
            step = step / 2
        line = line - step
        if float(np.abs(step).max()) <= 1e-9:
            break
    return float(line[0] / scale), float(line[1] - line[0] * centre / scale)


def _loss(odds: Float64, targets: Float64, weights: Float64) -> float:
    return float(weights @ (np.logaddexp(0, odds) - targets * odds))


def _thresholds(apart: Float64) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rates and the cosines that so many of the pairs of two people reach; `apart` ascending."""
    if apart.size < FEWEST_APART:
        return (), ()
    rates = np.geomspace(_HIGHEST_RATE, _FARTHEST / apart.size, _RATES)
    quantiles = np.quantile(apart, 1 - rates)
    thresholds = np.where(rates * apart.size >= _COUNTED, quantiles, _tail(apart, rates))
    return tuple(rates.tolist()), tuple(np.maximum.accumulate(thresholds).tolist())


def _as_searched(thresholds: Float64, apart: Float64, anybody: Float64) -> tuple[float, ...]:
    """Thresholds of pairs seen at once, moved to where any pairs lie; never up, which pairs of one person would do."""
    moved = thresholds
    if thresholds.size and anybody.size >= FEWEST_APART:
        own, any_two = (_normal(np.quantile(each, _MIDDLE)) for each in (apart, anybody))
        if own[1] > own[0]:
            scale = (any_two[1] - any_two[0]) / (own[1] - own[0])
            moved = np.minimum(thresholds, np.tanh(any_two[0] + scale * (_normal(thresholds) - own[0])))
    return tuple(moved.tolist())


def _normal(cosines: Float64) -> Float64:
    """Cosines on the scale on which correlations are nearly normal."""
    values: Float64 = np.arctanh(np.clip(cosines, -_LARGEST_COSINE, _LARGEST_COSINE))
    return values


def _tail(apart: Float64, rates: Float64) -> Float64:
    """What so many cosines would exceed if their highest part went on like a normal distribution; `apart` ascending."""
    above = np.arange(2, max(_COUNTED, int(_TAIL_SHARE * apart.size)))
    slope, intercept = np.polyfit(_upper((above + 0.5) / apart.size), _normal(apart[apart.size - 1 - above]), 1)
    tail: Float64 = np.tanh(intercept + slope * _upper(rates))
    return tail


def _upper(shares: Float64) -> Float64:
    """Where a standard normal distribution is exceeded by these shares."""
    values: NDArray[np.float64] = -ndtri(shares)
    return values


def calibration_of(database: Database, model: int, dim: int, tracklets: int) -> Calibration:
    """The calibration of a model, fitted where there is none, or the gallery has grown by half since.

    Args:
        database: of the gallery.
        model: the model's row.
        dim: length of its features.
        tracklets: how many have features of it now.
    """
    with database.reading() as transaction:
        rows = transaction.rows("SELECT content FROM calibrations WHERE model = ?", (model,))
        if rows:
            kept = Calibration(**json.loads(rows[0][0]))
            whole = len(kept.searched) == len(kept.rates)
            if whole and (tracklets < _GROWN * kept.tracklets or tracklets == kept.tracklets):
                return _with_tuples(kept)
        removals = read_setting(transaction, "removals")
        fitted = fit(gather_evidence(transaction, model, dim), tracklets)
    with database.writing() as transaction:
        if read_setting(transaction, "removals") == removals:  # otherwise it knows of what was erased meanwhile
            transaction.run(
                "INSERT INTO calibrations (model, content) VALUES (?, ?)"
                " ON CONFLICT (model) DO UPDATE SET content = excluded.content",
                (model, json.dumps(asdict(fitted))),
            )
    return fitted


def _with_tuples(kept: Calibration) -> Calibration:
    columns = {name: tuple(getattr(kept, name)) for name in ("rates", "thresholds", "searched")}
    return Calibration(**{**asdict(kept), **columns})
