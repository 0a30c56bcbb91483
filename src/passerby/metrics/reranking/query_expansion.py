"""α query expansion and database augmentation: features averaged with their neighbours.

Radenović, Tolias, Chum, Fine-tuning CNN Image Retrieval with No Human Annotation (TPAMI 2019), section 3.4. Average
query expansion (Chum et al. 2007) is α = 0; database augmentation (Arandjelović, Zisserman 2012) does the same to a
gallery.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Integers, as_features, squared_norms
from passerby.metrics.distances.all_pairs import Search, nearest_rows
from passerby.metrics.distances.distance import Distances
from passerby.metrics.ranking.neighbours import top_k

_ROWS = 4096
"""Rows summed at a time."""


def expand_queries(query: Any, gallery: Any, *, k: int = 10, alpha: float = 3.0) -> NDArray[np.float32]:
    """Expand queries by their nearest gallery images: q + Σ cos(q, gᵢ)^α · gᵢ over the `k` nearest, of unit length.

    Negative cosines count as 0. The gallery is used as a whole, but no other query is, so this can be done for a single
    search. Neither labels nor cameras are used.

    Args:
        query: float [Q, D], array or torch tensor; need not be normalised.
        gallery: float [G, D].
        k: gallery images added to a query.
        alpha: how fast their weight falls with the cosine; 0 weighs all alike.

    Returns:
        float32 [Q, D], to be compared with the gallery by cosine.

    Raises:
        EvaluationError: features that cannot be compared, `k` below 1, or a negative `alpha`.
    """
    _check(k, alpha)
    units = unit_rows(gallery, "gallery")
    found = top_k(query, gallery, min(k, len(units)))
    return _joined(unit_rows(query, "query"), units, found.indices, found.scores, alpha)


def augment_gallery(gallery: Any, *, k: int = 10, alpha: float = 3.0, search: Search = "numpy") -> NDArray[np.float32]:
    """Expand every gallery image by its nearest others, as `expand_queries` does queries; float32 [G, D].

    Args:
        gallery: float [G, D], array or torch tensor; need not be normalised.
        k: other images added to each.
        alpha: how fast their weight falls with the cosine.
        search: how neighbours are found, see `passerby.metrics.distances.all_pairs`.

    Raises:
        EvaluationError: as `expand_queries`.
    """
    _check(k, alpha)
    units = unit_rows(gallery, "gallery")
    indices, distances = nearest_others(gallery, k, search=search)
    return _joined(units, units, indices, 1 - distances / np.float32(2), alpha)


def nearest_others(features: Any, k: int, *, search: Search = "numpy") -> tuple[Integers, NDArray[np.float32]]:
    """Find the `k` nearest rows of every row besides itself, int64 [N, min(k, N - 1)], and their squared distances.

    Features are compared by cosine; equally near rows come in their order.
    """
    distances = Distances(features, features, "cosine")
    rows = distances.candidates(np.arange(len(distances.gallery)))
    nearest = nearest_rows(distances, rows, k + 1, search=search)
    count, width = nearest.indices.shape
    others = nearest.indices != np.arange(count)[:, None]
    others[others.all(axis=1), -1] = False  # where so many copies come first that the row itself is not listed
    indices, distances = nearest.indices[others], nearest.distances[others]
    return indices.reshape(count, width - 1).astype(np.int64), distances.reshape(count, width - 1)


def unit_rows(features: Any, name: str) -> NDArray[np.float32]:
    """Divide rows by their length, float32 [N, D]; rows of zeros are refused."""
    rows = as_features(features, name)
    norms = np.sqrt(squared_norms(rows, name))
    if (norms == 0).any():
        raise EvaluationError(f"{name} features are all zero in row {np.flatnonzero(norms == 0)[0]}: mend the model")
    return (rows / norms[:, None]).astype(np.float32)


def _joined(
    rows: NDArray[np.float32],
    others: NDArray[np.float32],
    indices: Integers,
    cosines: NDArray[np.float32],
    alpha: float,
) -> NDArray[np.float32]:
    """Add to unit rows the weighted sum of their neighbours; of unit length again."""
    weights = np.maximum(cosines, 0) ** np.float32(alpha)
    joined = rows.copy()
    for place in range(indices.shape[1]):
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            joined[part] += weights[part, place, None] * others[indices[part, place]]
    return unit_rows(joined, "expanded")


def _check(k: int, alpha: float) -> None:
    if k < 1:
        raise EvaluationError(f"k must be at least 1, not {k}")
    if not alpha >= 0:
        raise EvaluationError(f"alpha must not be negative, but is {alpha}")
