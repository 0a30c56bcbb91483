"""k-reciprocal encoding: each row described by weights of its mutual neighbours.

Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding (CVPR 2017), sections 3.2 to 3.4, with sets
held as sparse matrices [N, N] of a few entries per row.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.distances.all_pairs import NearestRows
from passerby.metrics.distances.distance import Block

if TYPE_CHECKING:
    from scipy import sparse

_ROWS = 8192
"""Rows whose sets are compared at a time: bounds the memory of the products of sets."""

_PAIR_BYTES = 2**21
"""Pairs are compared in pieces of this size, which stay in the cache."""


def reciprocal_sets(indices: NDArray[np.int32], k1: int) -> "sparse.csr_array":
    """Compute the expanded k-reciprocal sets R*(i, k1), a boolean matrix [N, N].

    R(i, k) holds the rows among the k + 1 nearest of i (i itself included) that have i among theirs. R* adds
    R(j, k1/2) for every j in R(i, k1) that shares more than two thirds of it; k1/2 is rounded to even, as NumPy does.

    Args:
        indices: int [N, at least k1 + 1 or N], nearest rows first.
        k1: size of the neighbourhoods.
    """
    from scipy import sparse

    whole = _mutual(indices[:, : k1 + 1])
    half = _mutual(indices[:, : half_neighbourhood(k1) + 1])
    sizes = np.diff(half.indptr)
    expanded = []
    for start in range(0, len(indices), _ROWS):
        part = whole[start : start + _ROWS]
        shared = (part @ half.T).multiply(part).tocoo()  # |R(i, k1) ∩ R(j, k1/2)|, for j in R(i, k1)
        taken = 3 * shared.data > 2 * sizes[shared.col]
        entries = (np.ones(np.count_nonzero(taken), dtype=np.int32), (shared.row[taken], shared.col[taken]))
        expanded.append((part + sparse.csr_array(entries, shape=part.shape) @ half).astype(bool))
    joined: sparse.csr_array = sparse.vstack(expanded, format="csr")
    joined.sort_indices()
    return joined


def half_neighbourhood(k1: int) -> int:
    """Return half of `k1`, rounded, halves to the even number: 3 for 6, 2 for 5, 4 for 7."""
    return int(np.around(k1 / 2))


def _mutual(nearest: NDArray[np.int32]) -> "sparse.csr_array":
    """Mark the rows that are among each other's `nearest` [N, k], as ones of int32 [N, N]."""
    from scipy import sparse

    count, k = nearest.shape
    starts = np.arange(0, count * k + 1, k)
    forward = sparse.csr_array((np.ones(count * k, dtype=np.int32), nearest.ravel(), starts), shape=(count, count))
    return forward.multiply(forward.T).tocsr()


def pair_distances(sets: "sparse.csr_array", rows: Block) -> NDArray[np.float32]:
    """Compute the squared distance of every entry of `sets`, in its order, in single precision.

    It is a sum over the difference of two rows, so it does not depend on the others, nor on blocks.
    """
    first = np.repeat(np.arange(sets.shape[0]), np.diff(sets.indptr))
    distances = np.empty(sets.nnz, dtype=np.float32)
    step = max(1, _PAIR_BYTES // (4 * rows.centred.shape[1]))
    for start in range(0, sets.nnz, step):
        part = slice(start, start + step)
        difference = rows.centred[sets.indices[part]]
        difference -= rows.centred[first[part]]
        np.einsum("ij,ij->i", difference, difference, out=distances[part])
    return distances


def weigh(sets: "sparse.csr_array", distances: NDArray[np.float32], dtype: Any = np.float32) -> "sparse.csr_array":
    """Weigh the sets by exp(-distance), divided by the sum of each row, stored as `dtype`.

    Args:
        sets: boolean [N, N].
        distances: float32, one per entry.
        dtype: scipy's sparse matrices know no float16: such weights are rounded to it and held as float32.
    """
    from scipy import sparse

    weights = np.exp(-distances)
    counts = np.diff(sets.indptr)
    sums = np.add.reduceat(np.append(weights, np.float32(0)), sets.indptr[:-1]) if weights.size else np.zeros(0)
    weights /= np.repeat(sums, counts).astype(np.float32)  # reduceat of an empty row is not its sum, and is not used
    return sparse.csr_array((_stored(weights, dtype), sets.indices, sets.indptr), shape=sets.shape)


def average_neighbours(
    encoding: "sparse.csr_array", nearest: NearestRows, k2: int, dtype: Any = np.float32
) -> "sparse.csr_array":
    """Expand locally: every row becomes the mean over its `k2` nearest rows, itself among them."""
    from scipy import sparse

    indices = nearest.indices[:, :k2]
    count, k2 = indices.shape
    if k2 == 1:
        return encoding
    choice = sparse.csr_array(
        (np.ones(count * k2, dtype=np.float32), indices.ravel(), np.arange(0, count * k2 + 1, k2)),
        shape=(count, count),
    )
    parts = [choice[start : start + _ROWS] @ encoding for start in range(0, count, _ROWS)]
    found: sparse.csr_array = sparse.vstack(parts, format="csr")
    found.data = _stored(found.data / np.float32(k2), dtype)
    if dtype == np.float16:
        found.eliminate_zeros()  # the smallest weights vanish in half precision
    found.sort_indices()
    return found


def _stored(values: NDArray[np.float32], dtype: Any) -> NDArray[np.float32]:
    """Round the values to `dtype` and back."""
    return values.astype(dtype).astype(np.float32)
