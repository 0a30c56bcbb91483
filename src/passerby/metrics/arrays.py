"""Checks that turn what users pass to a metric into NumPy arrays, and the array types of this room."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError

Integers = NDArray[np.int64]
Features = NDArray[np.floating[Any]]


def as_array(values: Any) -> NDArray[Any]:
    """Convert values to a NumPy array on the CPU, without a copy where none is needed.

    Takes arrays, sequences and torch tensors of any device; bfloat16, which NumPy lacks, becomes float32.
    """
    torch = sys.modules.get("torch")  # whoever hands over a tensor has imported torch already
    if torch is not None and isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return np.asarray(values)


def as_features(features: Any, name: str) -> Features:
    """Check features [N, D] of a floating dtype, N and D at least 1; anything else is an EvaluationError."""
    array = as_array(features)
    if array.ndim != 2:
        raise EvaluationError(f"{name} features must have shape [N, D], not {list(array.shape)}")
    if not np.issubdtype(array.dtype, np.floating):
        raise EvaluationError(f"{name} features must be floating point, not {array.dtype}: convert them to float32")
    if 0 in array.shape:
        raise EvaluationError(f"{name} features are empty, shape {list(array.shape)}: there is nothing to rank")
    return array


def as_labels(labels: Any, count: int, name: str) -> Integers:
    """Check labels [count] and return them as int64; anything else is an EvaluationError."""
    array = as_array(labels)
    if array.shape != (count,):
        raise EvaluationError(
            f"{name} must have one entry per feature, shape [{count}], but their shape is {list(array.shape)}"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise EvaluationError(f"{name} must be integer labels, not {array.dtype}: number the names first")
    if array.size and int(array.max()) >= 2**63:
        raise EvaluationError(f"{name} must be below 2**63, but one is {array.max()}: number the names first")
    return array.astype(np.int64, copy=False)


def squared_norms(features: Features, name: str) -> NDArray[np.float64]:
    """Return the squared length of every row, float64 [N]; an EvaluationError if a row holds NaN or an infinity.

    A row's value depends on that row alone, bit for bit: equal rows have equal norms wherever they stand.
    """
    norms = np.empty(len(features), dtype=np.float64)
    for start in range(0, len(features), 256):  # float64 copies of 256 rows stay in the cache
        rows = features[start : start + 256].astype(np.float64)
        norms[start : start + 256] = np.add.reduce(np.multiply(rows, rows, out=rows), axis=1)
    broken = np.flatnonzero(~np.isfinite(norms))
    if broken.size:
        raise EvaluationError(
            f"{name} features hold NaN or infinity in {broken.size} of {len(features)} rows, first in row {broken[0]}:"
            " the model's output is broken, there is nothing to rank"
        )
    return norms
