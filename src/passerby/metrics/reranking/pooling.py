"""Pooling of several features to one: tracklets of a video, or all queries of a person and camera (multi-query)."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers, as_array, as_labels
from passerby.metrics.reranking.query_expansion import unit_rows

Pooling = Literal["mean", "attention", "max"]

_ROWS = 4096
"""Rows summed at a time."""


class Pooled(NamedTuple):
    """Features of P groups, ordered by their number.

    Attributes:
        features: float32 [P, D], of unit length.
        groups: int64 [P], the groups' numbers.
        first: int64 [P], the first row of each: its identity and camera are those of the group.
    """

    features: NDArray[np.float32]
    groups: Integers
    first: Integers


def pool(features: Any, groups: Any, *, how: Pooling = "mean", temperature: float = 0.1) -> Pooled:
    """Pool rows of unit length by group.

    `"mean"` weighs all alike. `"attention"` weighs a row by softmax(cos(row, mean) / temperature): frames unlike the
    rest, such as occluded ones and detections of another person, count less. `"max"` takes the largest value of each
    dimension.

    Args:
        features: float [N, D], array or torch tensor; need not be normalised.
        groups: integer [N], in any order.
        how: see above.
        temperature: of the attention; large ones come to the mean.

    Raises:
        EvaluationError: features or groups that do not fit, a group whose mean is zero, or options out of range.
    """
    if how not in ("mean", "attention", "max"):
        raise EvaluationError(f"pooling {how!r} is not known: choose 'mean', 'attention' or 'max'")
    if not temperature > 0:
        raise EvaluationError(f"temperature must be positive, not {temperature}")
    units = unit_rows(features, "given")
    labels, first, numbers = np.unique(as_labels(groups, len(units), "groups"), return_index=True, return_inverse=True)
    if how == "max":
        pooled = np.full((labels.size, units.shape[1]), -np.inf, dtype=np.float32)
        np.maximum.at(pooled, numbers, units)
    else:
        weights = np.ones(len(units), dtype=np.float32)
        pooled = _sums(units, numbers, weights, labels.size)
        if how == "attention":
            means = unit_rows(pooled, "pooled")
            cosines = np.concatenate(
                [
                    np.einsum("ij,ij->i", units[start : start + _ROWS], means[numbers[start : start + _ROWS]])
                    for start in range(0, len(units), _ROWS)
                ]
            )
            # Cosines are at most 1, so this never overflows, and dividing by the sum is left to the unit length.
            pooled = _sums(units, numbers, np.exp((cosines - 1) / np.float32(temperature)), labels.size)
    return Pooled(unit_rows(pooled, "pooled"), labels, first.astype(np.int64))


def query_groups(identities: Any, cameras: Any) -> Integers:
    """Number the groups of multi-query evaluation, int64 [Q]: queries of one person and one camera."""
    columns = [as_array(identities), as_array(cameras)]
    both = np.stack(
        [as_labels(columns[0], columns[0].size, "identities"), as_labels(columns[1], columns[0].size, "cameras")]
    )
    _, groups = np.unique(both, axis=1, return_inverse=True)
    return groups.reshape(-1).astype(np.int64)


def _sums(
    units: NDArray[np.float32], numbers: Integers, weights: NDArray[np.float32], count: int
) -> NDArray[np.float32]:
    """Sum each group's rows with weights, float32 [count, D]."""
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(count + 1))
    sums = np.empty((count, units.shape[1]), dtype=np.float32)
    for group in range(count):
        rows = order[starts[group] : starts[group + 1]]
        sums[group] = weights[rows] @ units[rows]
    return sums
