"""Other ways to choose which camera identities may be linked: mutual neighbours, and average linkage. Our own.

Both stop at a distance that is calibrated without labels. A camera shows a person as one camera identity, so of the two
that are nearest to a camera identity in another camera the second is certainly a stranger, whatever the cameras do to
colours: how far those are tells what distances strangers have.
"""

from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.methods.ccafl.association.nearest_pairs import FARTHEST, NearestPairs

Linkage = Literal["nearest", "mutual", "average"]
"""Which pairs may be linked: the nearest, as published; those that are each other's nearest of that camera; those that
average linkage puts into one group, at most one of each camera. The last two up to a calibrated distance."""

Integers = NDArray[np.int64]

_NO_DIRECTION = 1e-4
"""A shorter difference from the mean of a camera is rounding."""


def stranger_distance(found: NearestPairs, share: float) -> float:
    """The squared distance below which a share of the nearest certain strangers lies; 0 where none is certain.

    Args:
        found: of all camera identities.
        share: from 0 to 1.
    """
    strangers = found.second[np.isfinite(found.second)]
    return float(np.quantile(strangers, share)) if strangers.size else 0.0


def centred_by_camera(features: NDArray[np.float32], cameras: Integers) -> NDArray[np.float32]:
    """Directions of features relative to the mean direction of their camera, float32 [N, D].

    What a camera does to all it sees is taken away. A camera identity that would have no direction left, such as the
    only one of its camera, keeps its own.

    Args:
        features: [N, D]; those without a direction stay as they are.
        cameras: int64 [N].
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    centred = features / np.where(lengths > 0, lengths, 1)
    for camera in np.unique(cameras):
        centred[cameras == camera] -= centred[cameras == camera].mean(axis=0)
    directed = (np.linalg.norm(centred, axis=1, keepdims=True) > _NO_DIRECTION) & (lengths > 0)
    return np.where(directed, centred, features).astype(np.float32)


def mutual_pairs(found: NearestPairs, largest: float) -> Integers:
    """Pairs of which each is the other's nearest in that camera and no farther than `largest`, nearest first.

    Returns:
        int64 [P, 2], the smaller number first.
    """
    one, camera = np.nonzero(found.nearest >= 0)
    other = found.nearest[one, camera]
    is_mutual = found.nearest[other, found.columns[one]] == one
    pairs = np.stack([one, other], axis=1)[is_mutual & (one < other)]
    return _nearest_first(found, pairs, largest)


def average_pairs(found: NearestPairs, largest: float) -> Integers:
    """All pairs inside the groups that average linkage makes up to a mean distance of `largest`, nearest first.

    No group holds two camera identities of one camera. Takes memory for all pairs of camera identities.

    Returns:
        int64 [P, 2], the smaller number first; pairs that are themselves farther than `largest` belong to it too.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    count = len(found.columns)
    if count < 2:
        return np.empty((0, 2), np.int64)
    directions = found.directions.astype(np.float64)
    distances = np.maximum(2 - 2 * (directions @ directions.T), 0)
    # So far that a mean over any group with such a pair lies beyond the largest distance there is.
    distances[found.columns[:, None] == found.columns] = float(FARTHEST) * count**2
    np.fill_diagonal(distances, 0)
    groups = fcluster(linkage(squareform(distances, checks=False), "average"), largest, "distance")
    order = np.argsort(groups, kind="stable")
    inside = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    pairs = [pair for members in inside for pair in combinations(sorted(members.tolist()), 2)]
    return _nearest_first(found, np.array(pairs, dtype=np.int64).reshape(-1, 2), np.inf)


def _nearest_first(found: NearestPairs, pairs: Integers, largest: float) -> Integers:
    distances = found.measured(pairs)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], distances))
    return pairs[order[distances[order] <= largest]]
