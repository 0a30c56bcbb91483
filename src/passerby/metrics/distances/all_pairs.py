"""The nearest rows of every row of one set, and the distance of its farthest, in one pass over all pairs.

All N² distances are computed in blocks and forgotten, so memory grows with N alone. A distance is the same both ways:
each block serves its rows and its columns, and only half of the blocks are computed.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DeviceError, EvaluationError
from passerby.metrics.arrays import Integers
from passerby.metrics.distances.distance import Block, Distances, margin
from passerby.metrics.distances.sweep import Observer, Screened, similarity, sweep

Search = Literal["numpy", "torch", "faiss"]

_SPARE = 4
"""Candidates kept besides the k wanted, so that near-equal distances at the k-th place can be told apart exactly."""

_UNSURE_ROWS = 64
"""Rows compared with all others again at a time."""

_BLOCK = 1024
"""Rows compared at a time where blocks are not those of the sweep."""


class NearestRows(NamedTuple):
    """The k nearest of N rows to each of them, nearest first, equally far ones in the order of their rows.

    Attributes:
        indices: int32 [N, k]. A row is its own nearest unless copies of it come first.
        distances: float32 [N, k], squared Euclidean, of unit vectors for cosine, in single precision.
        farthest: float32 [N], the squared distance of the farthest row, likewise.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    farthest: NDArray[np.float32]


def nearest_rows(
    distances: Distances, rows: Block, k: int, *, search: Search = "numpy", observe: Observer | None = None
) -> NearestRows:
    """Find the `k` nearest rows of every row; all N rows if k is larger than N.

    Every search finds the same neighbours: it only screens the pairs, and what is close is decided by exact distances.

    Args:
        distances: between a set and itself.
        rows: `distances.candidates` of the whole set.
        k: how many, at least 1.
        search: `"numpy"`; `"torch"` on a GPU if there is one; or `"faiss"`, if the package is installed.
        observe: is shown blocks of the upper triangle of all pairs, as `sweep` shows them.

    Raises:
        EvaluationError: an unknown search.
        DeviceError: faiss is asked for and not installed.
    """
    if search not in _SEARCHES:
        raise EvaluationError(f"search {search!r} is not known: choose 'numpy', 'torch' or 'faiss'")
    count = len(rows.squares)
    k, width = min(k, count), min(k + _SPARE, count)
    screened = _SEARCHES[search](rows, width, observe)
    slack = margin(rows, rows)
    order = np.argsort(-screened.values, axis=1)
    values = np.take_along_axis(screened.values, order, axis=1)
    indices = np.take_along_axis(screened.indices, order, axis=1)
    last = values[:, k - 1].copy()
    unsure = values[:, -1] >= last - 2 * slack if width < count else np.zeros(count, dtype=bool)
    unsure |= np.isneginf(values[:, -1])
    _settle(distances, indices, values, slack, ~unsure)
    found = NearestRows(
        np.ascontiguousarray(indices[:, :k]),
        np.maximum(-2 * values[:, :k], 0),
        np.maximum(-2 * screened.lowest, 0),
    )
    _find_again(distances, rows, np.flatnonzero(unsure), last - 4 * slack, found)
    return found


def _settle(
    distances: Distances,
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    slack: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> None:
    """Put the candidates [N, K] of the chosen rows into exact order, in place, where the screening left doubt."""
    rows = np.flatnonzero(chosen)
    close = (values[rows, :-1] - values[rows, 1:] <= 2 * slack[rows, None]).any(axis=1)
    for row in rows[close]:
        candidates = np.sort(indices[row])
        exact = distances.exact(int(row), candidates.astype(np.int64))
        order = np.argsort(exact, kind="stable")
        indices[row], values[row] = candidates[order], exact[order] * np.float32(-0.5)


def _find_again(
    distances: Distances, rows: Block, unsure: Integers, bound: NDArray[np.float64], found: NearestRows
) -> None:
    """Search all rows, exactly, for the nearest of those rows whose candidates were in doubt."""
    for start in range(0, unsure.size, _UNSURE_ROWS):
        again = unsure[start : start + _UNSURE_ROWS]
        part = Block(rows.centred[again], rows.squares[again])
        for row, values in zip(again, similarity(part, rows), strict=True):
            candidates = np.flatnonzero(values >= bound[row])
            exact = distances.exact(int(row), candidates)
            order = np.argsort(exact, kind="stable")[: found.indices.shape[1]]
            found.indices[row], found.distances[row] = candidates[order], exact[order]


def _with_torch(rows: Block, width: int, observe: Observer | None) -> Screened:
    """Find the same candidates as `sweep`, on the GPU if there is one."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # the margin is that of float32, not of TF32
    try:
        centred = torch.from_numpy(rows.centred).to(device)
        halves = torch.from_numpy((0.5 * rows.squares).astype(np.float32)).to(device)
        parts = []
        for start in range(0, len(centred), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(centred)))
            values = centred[part] @ centred.T
            values -= halves[part, None]
            values -= halves
            best = torch.topk(values, width, dim=1, sorted=False)
            found = (best.values, best.indices.to(torch.int32), values.amin(dim=1))
            parts.append([column.cpu().numpy() for column in found])
            if observe is not None:
                observe(part, slice(part.start, len(centred)), values[:, part.start :].cpu().numpy())
    finally:
        torch.set_float32_matmul_precision(precision)
    return Screened(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _with_faiss(rows: Block, width: int, observe: Observer | None) -> Screened:
    """Find the same candidates by an exhaustive index of faiss; half squares are a dimension of their own."""
    try:
        import faiss
    except ImportError as error:
        raise DeviceError("faiss is not installed: `pip install faiss-cpu`, or choose search='numpy'") from error
    halves = (0.5 * rows.squares).astype(np.float32)
    index = faiss.IndexFlatIP(rows.centred.shape[1] + 1)
    index.add(np.column_stack([rows.centred, -halves]))
    asked = np.column_stack([rows.centred, np.ones_like(halves)])
    values, indices = index.search(asked, width)
    farthest, _ = index.search(-asked, 1)
    if observe is not None:
        for start in range(0, len(halves), _BLOCK):
            part, rest = slice(start, min(start + _BLOCK, len(halves))), slice(start, len(halves))
            own, others = (Block(rows.centred[each], rows.squares[each]) for each in (part, rest))
            observe(part, rest, similarity(own, others))
    return Screened(values - halves[:, None], indices.astype(np.int32), -farthest[:, 0] - halves)


_SEARCHES: dict[Search, Callable[[Block, int, Observer | None], Screened]] = {
    "numpy": sweep,
    "torch": _with_torch,
    "faiss": _with_faiss,
}
