"""The nearest rows of every row of one set, and how far its farthest is: the only pass over all pairs of re-ranking.

All N² distances are computed in blocks and forgotten, so memory grows with N alone. A distance is the same both ways:
each block serves its rows and its columns, and only half of the blocks are computed.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DeviceError, EvaluationError
from passerby.metrics.distance import Block, Distances, margin
from passerby.metrics.sweep import Screened, closeness, sweep

Search = Literal["numpy", "torch", "faiss"]

_SPARE = 8
"""Candidates kept besides the k wanted, so that near-equal distances at the k-th place can be told apart exactly."""

_PAIRS = 2**20
"""Pairs whose exact distances are computed at a time."""

_UNSURE_ROWS = 64
"""Rows compared with all others again at a time."""


class NearestRows(NamedTuple):
    """The k nearest of N rows to each of them, nearest first, equally far ones in the order of their rows.

    Attributes:
        indices: int32 [N, k]. A row is its own nearest unless copies of it come first.
        distances: float32 [N, k], squared Euclidean, of unit vectors for cosine; exact as `Distances.exact`.
        farthest: float32 [N], the squared distance of the farthest row, from a product in single precision.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    farthest: NDArray[np.float32]


def nearest_rows(distances: Distances, k: int, *, search: Search = "numpy") -> NearestRows:
    """The `k` nearest rows of every row; all N rows if k is larger than N.

    Every search finds the same neighbours: it only screens the pairs, and what is close is decided by exact distances.

    Args:
        distances: between a set and itself.
        k: how many, at least 1.
        search: `"numpy"`; `"torch"` on a GPU if there is one; or `"faiss"`, if the package is installed.

    Raises:
        EvaluationError: an unknown search.
        DeviceError: faiss is asked for and not installed.
    """
    if search not in _SEARCHES:
        raise EvaluationError(f"search {search!r} is not known: choose 'numpy', 'torch' or 'faiss'")
    count = len(distances.gallery)
    rows = distances.candidates(np.arange(count))
    slack = margin(rows, rows)
    k, width = min(k, count), min(k + _SPARE, count)
    screened = _SEARCHES[search](rows, width)
    indices, exact = _in_order(distances, screened.indices, k)
    last = np.partition(screened.values, width - k, axis=1)[:, width - k]
    unsure = np.flatnonzero(screened.values.min(axis=1) >= last - 2 * slack) if width < count else np.empty(0, int)
    for start in range(0, unsure.size, _UNSURE_ROWS):
        again = unsure[start : start + _UNSURE_ROWS]
        part = Block(rows.centred[again], rows.squares[again])
        for row, values in zip(again, closeness(part, rows), strict=True):
            # 4: the product of another shape may be off by as much in the other direction.
            candidates = np.flatnonzero(values >= last[row] - 4 * slack[row])
            found = distances.exact(int(row), candidates)
            order = np.argsort(found, kind="stable")[:k]
            indices[row], exact[row] = candidates[order], found[order]
    return NearestRows(indices, exact, np.maximum(-2 * screened.lowest, 0))


def _in_order(
    distances: Distances, candidates: NDArray[np.int32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k nearest of each row's candidates [N, K] by exact distance, and these distances."""
    count, width = candidates.shape
    candidates = np.sort(candidates, axis=1)
    indices, exact = np.empty((count, k), dtype=np.int32), np.empty((count, k), dtype=np.float32)
    step = max(1, _PAIRS // width)
    for start in range(0, count, step):
        part = candidates[start : start + step]
        rows = np.repeat(np.arange(start, start + len(part)), width)
        found = distances.pairs(rows, part.ravel().astype(np.int64)).reshape(part.shape)
        order = np.argsort(found, axis=1, kind="stable")[:, :k]
        indices[start : start + step] = np.take_along_axis(part, order, axis=1)
        exact[start : start + step] = np.take_along_axis(found, order, axis=1)
    return indices, exact


def _with_torch(rows: Block, width: int) -> Screened:
    """The same candidates as `sweep` finds, on the GPU if there is one."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # the margin is that of float32, not of TF32
    try:
        centred = torch.from_numpy(rows.centred).to(device)
        halves = torch.from_numpy((0.5 * rows.squares).astype(np.float32)).to(device)
        parts = []
        for start in range(0, len(centred), 1024):
            part = slice(start, start + 1024)
            values = centred[part] @ centred.T
            values -= halves[part, None]
            values -= halves
            best = torch.topk(values, width, dim=1, sorted=False)
            found = (best.values, best.indices.to(torch.int32), values.amin(dim=1))
            parts.append([column.cpu().numpy() for column in found])
    finally:
        torch.set_float32_matmul_precision(precision)
    return Screened(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _with_faiss(rows: Block, width: int) -> Screened:
    """The same candidates from an exhaustive index of faiss; half squares are a dimension of their own."""
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
    return Screened(values - halves[:, None], indices.astype(np.int32), -farthest[:, 0] - halves)


_SEARCHES: dict[Search, Callable[[Block, int], Screened]] = {
    "numpy": sweep,
    "torch": _with_torch,
    "faiss": _with_faiss,
}
