"""Agreement of predicted with true identities: pairs, purity, B-cubed; in exact integers, O(N log N)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers, as_array, as_labels

DROPPED = -1
"""The predicted label of a sample that was left out."""


@dataclass(frozen=True)
class CorrelationQuality:
    """The agreement of predicted with true identities on n samples; fractions, NaN where there is nothing to divide by.

    Attributes:
        samples: n.
        clusters: predicted identities.
        identities: true identities.
        pairs_right: pairs of samples that share a predicted and a true identity.
        pairs_predicted: pairs that share a predicted identity.
        pairs_true: pairs that share a true identity.
        purity: share of samples that are of the commonest true identity of their cluster.
        inverse_purity: share of samples that are in the commonest cluster of their true identity.
        bcubed_precision: mean over samples of the share of their cluster that is of their identity.
        bcubed_recall: mean over samples of the share of their identity that is in their cluster.
        fragments: clusters per true identity, mean.
        cross_video_right: pairs of `pairs_right` from two videos; None without videos.
        cross_video_true: pairs of `pairs_true` from two videos; None without videos.
    """

    samples: int
    clusters: int
    identities: int
    pairs_right: int
    pairs_predicted: int
    pairs_true: int
    purity: float
    inverse_purity: float
    bcubed_precision: float
    bcubed_recall: float
    fragments: float
    cross_video_right: int | None = None
    cross_video_true: int | None = None

    @property
    def precision(self) -> float:
        """Share of predicted pairs that are right."""
        return _ratio(self.pairs_right, self.pairs_predicted)

    @property
    def recall(self) -> float:
        """Share of true pairs that were predicted."""
        return _ratio(self.pairs_right, self.pairs_true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, of pairs."""
        return _ratio(2 * self.pairs_right, self.pairs_predicted + self.pairs_true)

    @property
    def bcubed_f1(self) -> float:
        """Harmonic mean of B-cubed precision and recall."""
        return _ratio(2 * self.bcubed_precision * self.bcubed_recall, self.bcubed_precision + self.bcubed_recall)

    @property
    def cross_video_recall(self) -> float | None:
        """Share of true pairs from two videos that were predicted; None without videos."""
        if self.cross_video_right is None or self.cross_video_true is None:
            return None
        return _ratio(self.cross_video_right, self.cross_video_true)

    def to_dict(self) -> dict[str, int | float | None]:
        """Return all metrics, for JSON."""
        derived = ("precision", "recall", "f1", "bcubed_f1", "cross_video_recall")
        return {**self.__dict__, **{name: getattr(self, name) for name in derived}}


@dataclass(frozen=True)
class CorrelationResult:
    """The agreement on kept samples, and on all of them.

    Attributes:
        coverage: share of samples that were kept.
        kept: on kept samples alone.
        all: on all samples, with every dropped one as an identity of its own.
    """

    coverage: float
    kept: CorrelationQuality
    all: CorrelationQuality

    def to_dict(self) -> dict[str, Any]:
        """All metrics, for JSON."""
        return {"coverage": self.coverage, "kept": self.kept.to_dict(), "all": self.all.to_dict()}


def correlation_quality(predicted: Any, true: Any, videos: Any = None) -> CorrelationResult:
    """Compare predicted with true identities.

    Args:
        predicted: integer [N]; any of at least 0, and -1 for dropped samples.
        true: integer [N]; likewise, and -1 for samples of no known person (background), each an identity of its own.
        videos: labels [N], numbers or names, or None.

    Raises:
        EvaluationError: shapes or types are wrong, a label is below -1, or there are no samples.
    """
    labels = as_array(predicted)
    if labels.ndim != 1 or not labels.size:
        raise EvaluationError(f"predicted identities must have shape [N] with N at least 1, not {list(labels.shape)}")
    predicted = _renumbered(labels, labels.size, "predicted identities")
    true = _each_alone(_renumbered(true, labels.size, "true identities"))
    where = None if videos is None else as_array(videos)
    if where is not None and where.shape != labels.shape:
        raise EvaluationError(f"videos must have one entry per sample, shape [{labels.size}], not {list(where.shape)}")
    where = None if where is None else _numbered(where)
    kept = predicted != DROPPED
    return CorrelationResult(
        coverage=float(kept.mean()),
        kept=_quality(predicted[kept], true[kept], None if where is None else where[kept]),
        all=_quality(_each_alone(predicted), true, where),
    )


@dataclass(frozen=True)
class ExclusionQuality:
    """Quality of level 1 as a detector of wrong samples, and of level 2 as their correction.

    Attributes:
        excluded: samples that level 1 excluded.
        wrong: samples that do not belong to their tracklet.
        excluded_wrong: samples that are both.
        reallocated: samples that level 2 moved to another tracklet.
        reallocated_right: of those, samples whose true identity is the commonest of their new tracklet's other samples.
    """

    excluded: int
    wrong: int
    excluded_wrong: int
    reallocated: int
    reallocated_right: int

    @property
    def precision(self) -> float:
        """Share of excluded samples that were wrong."""
        return _ratio(self.excluded_wrong, self.excluded)

    @property
    def recall(self) -> float:
        """Share of wrong samples that were excluded."""
        return _ratio(self.excluded_wrong, self.wrong)

    @property
    def reallocation_accuracy(self) -> float:
        """Share of re-allocated samples that were moved to their own person."""
        return _ratio(self.reallocated_right, self.reallocated)


def exclusion_quality(given: Any, tracklets: Any, true: Any, *, excluded: Any, reallocated: Any) -> ExclusionQuality:
    """Compare the decisions of levels 1 and 2 on single samples with the truth.

    The person of a tracklet is its commonest true identity, the smallest of equally common ones.

    Args:
        given: integer [N], tracklets of the input, numbered over all videos.
        tracklets: integer [N], tracklets after level 2; -1 for dropped samples.
        true: integer [N]; -1 for samples of no known person.
        excluded: bool [N], by level 1.
        reallocated: bool [N], by level 2.

    Raises:
        EvaluationError: shapes or types are wrong, a label is below -1, or a given tracklet below 0.
    """
    true = as_array(true)
    count = true.size
    given = _renumbered(given, count, "given tracklets", lowest=0)
    tracklets = _renumbered(tracklets, count, "tracklets")
    true = _each_alone(_renumbered(true, count, "true identities"))
    excluded, reallocated = (as_array(mask).astype(bool) for mask in (excluded, reallocated))
    wrong = true != _commonest(given, true, np.ones(count, bool))[given]
    settled = (tracklets >= 0) & ~reallocated
    person = _commonest(np.where(tracklets < 0, 0, tracklets), true, settled)
    right = reallocated & (true == person[np.where(tracklets < 0, 0, tracklets)])
    return ExclusionQuality(
        excluded=int(excluded.sum()),
        wrong=int(wrong.sum()),
        excluded_wrong=int((excluded & wrong).sum()),
        reallocated=int(reallocated.sum()),
        reallocated_right=int(right.sum()),
    )


def _quality(predicted: Integers, true: Integers, videos: Integers | None) -> CorrelationQuality:
    clusters, cluster_sizes = np.unique(predicted, return_counts=True)
    identities, identity_sizes = np.unique(true, return_counts=True)
    (cluster, identity), sizes = _cells(predicted, true)
    of_cluster, of_identity = np.searchsorted(clusters, cluster), np.searchsorted(identities, identity)
    largest_in_cluster, largest_in_identity = np.zeros(clusters.size, int), np.zeros(identities.size, int)
    np.maximum.at(largest_in_cluster, of_cluster, sizes)
    np.maximum.at(largest_in_identity, of_identity, sizes)
    right, all_true = _pairs(sizes), _pairs(identity_sizes)
    cross_right = cross_true = None
    if videos is not None:
        seen = _numbered(true * (int(videos.max(initial=0)) + 1) + videos)  # one number for identity and video
        cross_right, cross_true = right - _pairs(_cells(predicted, seen)[1]), all_true - _pairs(np.bincount(seen))
    count = predicted.size
    return CorrelationQuality(
        samples=count,
        clusters=clusters.size,
        identities=identities.size,
        pairs_right=right,
        pairs_predicted=_pairs(cluster_sizes),
        pairs_true=all_true,
        purity=_ratio(int(largest_in_cluster.sum()), count),
        inverse_purity=_ratio(int(largest_in_identity.sum()), count),
        bcubed_precision=_mean_share(sizes, cluster_sizes[of_cluster], count),
        bcubed_recall=_mean_share(sizes, identity_sizes[of_identity], count),
        fragments=_ratio(sizes.size, identities.size),
        cross_video_right=cross_right,
        cross_video_true=cross_true,
    )


def _pairs(sizes: NDArray[np.integer[Any]]) -> int:
    """Count the pairs in groups of these sizes; Python integers where int64 could overflow."""
    if not sizes.size:
        return 0
    if int(sizes.max()) < 2**31 and int(sizes.max()) * int(sizes.sum()) < 2**62:
        return int((sizes.astype(np.int64) * (sizes.astype(np.int64) - 1) // 2).sum())
    return sum(size * (size - 1) // 2 for size in sizes.tolist())


def _mean_share(cells: NDArray[np.integer[Any]], wholes: NDArray[np.integer[Any]], count: int) -> float:
    """Sum cell² / whole over cells, exactly and by equal wholes, and divide by count."""
    if not count:
        return float("nan")
    values, place = np.unique(wholes, return_inverse=True)
    squares = np.zeros(values.size, np.int64)
    np.add.at(squares, place, cells.astype(np.int64) ** 2)
    total = sum((Fraction(int(square), int(whole)) for square, whole in zip(squares, values, strict=True)), Fraction())
    return float(total / count)


def _commonest(groups: Integers, labels: Integers, counted: NDArray[np.bool_]) -> Integers:
    """Find the commonest label of each group 0..max among the samples counted; -1 for groups without any."""
    found = np.full(int(groups.max()) + 1, -1, np.int64)
    (group, label), sizes = _cells(groups[counted], labels[counted])
    order = np.lexsort((-label, sizes))  # later writes win: the largest, and of equal ones the smallest label
    found[group[order]] = label[order]
    return found


def _cells(first: Integers, second: Integers) -> tuple[tuple[Integers, Integers], NDArray[np.intp]]:
    """List the pairs of labels that occur, and how often each does."""
    base = int(second.max(initial=0)) + 1
    keys, sizes = np.unique(first * base + second, return_counts=True)
    return (keys // base, keys % base), sizes


def _renumbered(labels: Any, count: int, name: str, lowest: int = DROPPED) -> Integers:
    """Renumber labels in their order to 0..K-1, -1 left as it is: large ones would overflow products."""
    values, numbers = np.unique(as_labels(labels, count, name), return_inverse=True)
    if values.size and values[0] < lowest:
        raise EvaluationError(f"{name} must be at least {lowest}, but one is {values[0]}")
    return numbers.astype(np.int64) - int(values.size > 0 and values[0] == DROPPED)


def _each_alone(labels: Integers) -> Integers:
    """Replace each -1 by a label of its own."""
    alone = np.flatnonzero(labels == DROPPED)
    replaced = labels.copy()
    replaced[alone] = int(labels.max(initial=0)) + 1 + np.arange(alone.size)
    return replaced


def _numbered(values: NDArray[Any]) -> Integers:
    numbers: Integers = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return numbers


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
