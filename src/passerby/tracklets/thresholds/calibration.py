"""Thresholds for any feature extractor, from the tracklets themselves, without labels.

Two tracklets of one video that overlap in time are two people. That gives distances between different people, and what
is left open is only how many samples of a tracklet are not of its person. Without frames, or where few overlap, all
tracklets of a video are taken for different people, and nothing is made of the nearest twentieth of their distances,
which may be of fragments of one person.

*Consistency.* Deviations of samples from their tracklets are a mixture: mostly of one person, some switched. The share
of switched samples is estimated where the deviations of one person hardly reach, above the median distance of samples
to tracklets of others. What remains after their part is subtracted is the distribution of clean deviations. Proposed is
its 99th percentile, or the distance at which clean samples lost and switched samples kept are fewest, if smaller. The
threshold then cleans the centroids that deviations are measured from, a few times over.

*Sample.* Where there is much, a seeded drawing of videos gives the evidence, and only their features are read; where a
video has very many pairs, some of them are drawn.

*Discrimination.* A tracklet is compared with 2 r others, so the chance that two centroids of different people come
within sigma must stay below a few in 2 r, farther in the tail than the pairs at hand reach. Near 0 the share of
distances below d grows like a power of d (half the effective dimension); a line through the logarithms of the tail is
followed down to the share allowed. The curve is steeper than the line, and people of one video are more alike than
others, so the proposal errs on the careful side.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.config import check_settings
from passerby.errors import DataError
from passerby.metrics.arrays import as_features
from passerby.tracklets.arrangement import Arrangement, arrange
from passerby.tracklets.distance import Float32, Float64, Integers, Rows, mean_direction
from passerby.tracklets.grouping.links import closure
from passerby.tracklets.levels.chunk import ChunkRows
from passerby.tracklets.levels.cross_video import block_links
from passerby.tracklets.options import CalibrationOptions, DenoisingOptions, Linkage
from passerby.tracklets.thresholds.evidence import (
    Chunks,
    deviations_and_negatives,
    distances_between,
    drawn_chunks,
    overlaps_suffice,
)

CLEAN_QUANTILE = 0.99
FALSE_LINKS: dict[Linkage, float] = {"closure": 0.05, "mutual": 0.2, "average": 1.0}
"""Wrong links that a tracklet may have on average: few where each joins two people, more where others outvote it."""

_TAIL = {True: (0.02, 0.2), False: (0.05, 0.3)}
"""Shares of distances that the line goes through, with overlap in time and without: the very nearest may be one person,
detected twice at once or in fragments."""

_OVERLAPS = 1000

_MOVED_BY_CHANCE = 0.1

_ROUNDS = 4
_FEWEST = 200
_PERCOLATING = 5000
_GRID = 500


@dataclass(frozen=True)
class PercolationPoint:
    """What a threshold would do at level 3: the share of tracklets in the largest component, and the components."""

    sigma: float
    largest: float
    components: int


@dataclass(frozen=True)
class Calibration:
    """Proposed thresholds and the evidence.

    Attributes:
        sigma_consistency: proposal for level 1.
        sigma_discrimination: proposal for levels 2 and 3.
        sigma_reallocation: proposal for re-allocation at level 2, at most sigma_consistency: a sample of somebody who
            has no other tracklet in the video is moved with a chance of a tenth.
        switched: estimated share of samples that are not of their tracklet's person.
        lost: estimated share of clean samples that level 1 would exclude.
        deviations: float64, distance of samples to the centroid of the others of their tracklet, ascending.
        negatives: float64, distance of samples to centroids of tracklets of other people, ascending.
        between: float64, distance between centroids of tracklets of different people, ascending.
        tail: slope and intercept of the line through (log distance, log share) of the tail of `between`.
        allowed: share of pairs of different people that may be linked.
        overlapping: whether tracklets were taken for different people since they overlap in time.
        percolation: what other thresholds would do, to 5,000 tracklets in a row from the middle of those looked at.
    """

    sigma_consistency: float
    sigma_discrimination: float
    sigma_reallocation: float
    switched: float
    lost: float
    deviations: Float64 = field(repr=False)
    negatives: Float64 = field(repr=False)
    between: Float64 = field(repr=False)
    tail: tuple[float, float]
    allowed: float
    overlapping: bool
    percolation: list[PercolationPoint] = field(repr=False)


@dataclass(frozen=True)
class Sample:
    """The chunks of videos that calibration looks at.

    Attributes:
        arrangement: of all samples.
        numbers: the chunks of it that are read, ascending.
        timed: whether tracklets are different people where they overlap in time.
    """

    arrangement: Arrangement
    numbers: list[int]
    timed: bool

    @property
    def rows(self) -> Integers | None:
        """The rows of the input that are read, ascending; None for all."""
        arranged = self.arrangement
        if len(self.numbers) == arranged.chunks.size - 1:
            return None
        places = arranged.tracklets[arranged.videos[arranged.chunks]]
        return np.sort(np.concatenate([arranged.order[places[chunk] : places[chunk + 1]] for chunk in self.numbers]))

    def chunks(self, features: Rows, *, center: bool) -> list[ChunkRows]:
        """The chunks, of features [N, D] of which only `rows` need be there."""
        mean = mean_direction(features, self.rows) if center else None
        return [ChunkRows(features, self.arrangement, chunk, mean) for chunk in self.numbers]


def draw(arrangement: Arrangement, *, timed: bool) -> Sample:
    """Draw the chunks to look at; `timed` says whether frames are known."""
    timed = timed and overlaps_suffice(arrangement, _OVERLAPS)
    return Sample(arrangement, drawn_chunks(arrangement, timed=timed), timed)


def calibrate(
    features: Any,
    tracklets: Any,
    videos: Any,
    *,
    frames: Any = None,
    options: CalibrationOptions | None = None,
    **choices: Any,
) -> Calibration:
    """Propose thresholds for features [N, D] of tracklets; arguments as of `passerby.tracklets.denoise`.

    Args:
        features: float [N, D], of which only those of the sample are read.
        tracklets: labels [N], valid inside of a video.
        videos: labels [N].
        frames: integers [N]; without them all tracklets of a video are taken for different people.
        options: all choices at once; else they are given one by one, as `linkage="average"`.
        **choices: fields of `CalibrationOptions`.

    Raises:
        DataError: there are too few tracklets to calibrate from, or what `denoise` refuses.
        RecipeError: an option is unknown or out of range.
    """
    options = options or check_settings(CalibrationOptions, choices)
    array = as_features(features, "tracklet")
    sample = draw(arrange(videos, tracklets, frames), timed=frames is not None)
    return calibrate_sample(array, sample, options)


def calibrate_sample(features: Rows, sample: Sample, options: CalibrationOptions) -> Calibration:
    """Propose thresholds from a sample, of features [N, D] of which only its rows need be there."""
    arrangement, timed = sample.arrangement, sample.timed
    chunks = sample.chunks(features, center=options.center)
    deviations, negatives, (consistency, switched, lost) = _inside(chunks, timed=timed)
    between, centroids = _between(chunks, consistency, timed=timed)
    others = arrangement.tracklets.size - 2
    false_links = FALSE_LINKS[options.linkage] if options.false_links is None else options.false_links
    allowed = min(false_links / max(1, min(2 * options.half_width, others)), 0.5)
    tail = fit_tail(between, *_TAIL[timed])
    discrimination = min(float(np.exp((np.log(allowed) - tail[1]) / tail[0])), 1.0)
    return Calibration(
        sigma_consistency=consistency,
        sigma_discrimination=discrimination,
        sigma_reallocation=min(consistency, _by_chance(negatives, arrangement.videos)),
        switched=switched,
        lost=lost,
        deviations=deviations,
        negatives=negatives,
        between=between,
        tail=tail,
        allowed=allowed,
        overlapping=timed,
        percolation=percolation(_middle(centroids), max(1, min(options.half_width, others)), 2 * discrimination),
    )


def _middle(centroids: Float32) -> Float32:
    """Tracklets in a row, from the middle of those looked at."""
    begin = max(0, (len(centroids) - _PERCOLATING) // 2)
    return centroids[begin : begin + _PERCOLATING]


def _inside(chunks: Chunks, *, timed: bool) -> tuple[Float64, Float64, tuple[float, float, float]]:
    """Deviations, distances of negatives, and what they propose, after a few rounds of cleaning tracklets."""
    consistency = np.inf
    for _ in range(_ROUNDS):
        deviations, negatives = deviations_and_negatives(chunks, consistency, timed=timed)
        _require(deviations, "samples in tracklets")
        _require(negatives, "pairs of samples and tracklets of other people")
        proposed = propose_consistency(deviations, negatives)
        consistency = proposed[0]
    return deviations, negatives, proposed


def _between(chunks: Chunks, consistency: float, *, timed: bool) -> tuple[Float64, Float32]:
    """Distances between tracklets of different people, and all centroids."""
    between, centroids = distances_between(chunks, consistency, timed=timed)
    if between.size < _FEWEST:  # tracklets are short: take those as well of which little is left
        between, centroids = distances_between(chunks, consistency, timed=timed, sound_only=False)
    _require(between, "pairs of tracklets of different people")
    return between, centroids


def _by_chance(negatives: Float64, videos: Integers) -> float:
    """The distance below which a sample is to one of the tracklets of other people in its video once in ten times."""
    tracklets = np.diff(videos)
    others = max(1.0, float(np.average(tracklets, weights=tracklets)) - 1)
    return float(np.quantile(negatives, min(1.0, _MOVED_BY_CHANCE / others)))


def _require(distances: Float64, what: str) -> None:
    if distances.size < _FEWEST:
        raise DataError(
            f"{distances.size} {what} are too few to calibrate from, at least {_FEWEST} are needed: give more videos, "
            "and frames if there are any"
        )


def propose_consistency(deviations: Float64, negatives: Float64) -> tuple[float, float, float]:
    """The threshold, the share of samples switched, and the share of clean samples beyond it; arguments ascending."""
    far = float(negatives[negatives.size // 2])
    switched = min(0.5, 2 * float(np.mean(deviations >= far)))
    grid = np.linspace(0, 2 * far, _GRID)[1:]
    mixed, impure = (np.searchsorted(values, grid) / values.size for values in (deviations, negatives))
    clean = np.maximum.accumulate(np.clip((mixed - switched * impure) / (1 - switched), 0, 1))
    place = int(np.argmax(clean >= CLEAN_QUANTILE * clean[-1]))
    if switched:
        errors = (1 - switched) * (1 - clean) + switched * impure
        place = min(place, int(np.argmin(errors)))
    return float(grid[place]), switched, float(1 - clean[place])


def fit_tail(between: Float64, lowest: float, highest: float) -> tuple[float, float]:
    """Slope and intercept of log(share of distances below d) over log d, for shares in a range; `between` ascending."""
    places = np.unique(np.linspace(lowest * between.size, highest * between.size, 200).astype(np.int64))
    distances = np.maximum(between[places], 1e-6)
    shares: NDArray[np.float64] = (places + 0.5) / between.size
    slope, intercept = np.polyfit(np.log(distances), np.log(shares), 1) if places.size > 2 else (1.0, 0.0)
    return max(float(slope), 1.0), float(intercept if slope >= 1 else np.log(shares[-1]) - np.log(distances[-1]))


def percolation(centroids: Float32, half_width: int, limit: float) -> list[PercolationPoint]:
    """How the largest component grows with the threshold, in 40 steps up to `limit`."""
    options = DenoisingOptions(sigma_discrimination=min(limit, 1.5), half_width=half_width)
    forest = block_links(centroids, 0, options).links
    points = []
    for sigma in np.linspace(limit / 40, limit, 40):
        groups = closure(forest.take(np.flatnonzero(forest.distance <= sigma)), len(centroids))
        sizes = np.bincount(groups)
        points.append(PercolationPoint(float(sigma), float(sizes.max() / len(centroids)), int(sizes.size)))
    return points
