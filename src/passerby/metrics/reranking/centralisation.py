"""Neighbour feature centralisation: features that are mutual neighbours move towards each other.

Yuan et al., From Poses to Identity: Training-Free Person Re-Identification via Feature Centralization (CVPR 2025), its
second half, which needs no generated images.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.distances.all_pairs import Search
from passerby.metrics.reranking.query_expansion import nearest_others, unit_rows


def centralise(features: Any, *, k1: int = 2, k2: int = 2, search: Search = "numpy") -> NDArray[np.float32]:
    """Add to each row those of its `k1` nearest others that have it among their `k2` nearest; rows of unit length.

    Centralise queries and gallery separately. It uses whole sets, as re-ranking does: report such metrics apart.

    Args:
        features: float [N, D], array or torch tensor; need not be normalised.
        k1: others considered.
        k2: of how many nearest of theirs a row must be one.
        search: how neighbours are found, see `passerby.metrics.distances.all_pairs`.

    Returns:
        float32 [N, D].

    Raises:
        EvaluationError: features that cannot be compared, or `k1` or `k2` below 1.
    """
    for name, value in (("k1", k1), ("k2", k2)):
        if value < 1:
            raise EvaluationError(f"{name} must be at least 1, not {value}")
    units = unit_rows(features, "given")
    indices, _ = nearest_others(features, max(k1, k2), search=search)
    rows = np.arange(len(units))[:, None]
    moved = units.copy()
    for place in range(min(k1, indices.shape[1])):
        other = indices[:, place]
        mutual = (indices[other, :k2] == rows).any(axis=1)
        moved[mutual] += units[other[mutual]]
    return unit_rows(moved, "centralised")
