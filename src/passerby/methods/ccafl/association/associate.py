"""Links between the nearest camera identities, at most one to each camera, and the components that they form.

A camera identity is one person in one camera. The algorithm is that of Precise-ICS (Wang et al., WACV 2021), which
CCAFL repeats at every epoch: of all pairs of camera identities of different cameras, the `rate * N` nearest are gone
through from the nearest on, and a pair is linked if neither of the two has a link to the other's camera yet.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.errors import EvaluationError
from passerby.methods.ccafl.association.linkages import Linkage, average_pairs, mutual_pairs, stranger_distance
from passerby.methods.ccafl.association.linker import Linker
from passerby.methods.ccafl.association.nearest_pairs import NearestPairs, nearest_pairs

Integers = NDArray[np.int64]
Float32 = NDArray[np.float32]

UNASSOCIATED = -1
"""The label of a camera identity that is linked to no other."""


@dataclass(frozen=True)
class Association:
    """What was linked.

    Attributes:
        labels: int64 [N], the component of each camera identity, numbered by its first member; single ones are
            `UNASSOCIATED`.
        links: int64 [L, 2], pairs of camera identities, the smaller number first; those that were decided, then the
            nearest.
        distances: float32 [L], squared Euclidean distance of the two mean features.
        margins: float32 [L], by how much nearer the two are than the nearest other that either could be linked to, one
            of the other's camera: 4 beyond doubt, below 0 where another is nearer.
        decided: bool [L], whether a person said so (a must-link).
        cameras: int64 [N], as they were given.
    """

    labels: Integers
    links: Integers
    distances: Float32
    margins: Float32
    decided: NDArray[np.bool_]
    cameras: Integers

    @property
    def clusters(self) -> int:
        """Number of components of two camera identities or more."""
        return int(self.labels.max(initial=UNASSOCIATED)) + 1

    @property
    def unassociated(self) -> int:
        """Number of camera identities that are linked to no other."""
        return int((self.labels == UNASSOCIATED).sum())

    @property
    def clusters_with_duplicate_cameras(self) -> int:
        """Number of components that hold two camera identities of one camera, who cannot be the same person."""
        linked = self.labels != UNASSOCIATED
        pairs, counts = np.unique(np.stack([self.labels[linked], self.cameras[linked]]), axis=1, return_counts=True)
        return int(np.unique(pairs[0][counts > 1]).size)


def associate(
    features: ArrayLike,
    cameras: ArrayLike,
    rate: float,
    *,
    linkage: Linkage = "nearest",
    stranger_share: float = 0.3,
    one_class_per_camera: bool = False,
    must_link: ArrayLike | None = None,
    cannot_link: ArrayLike | None = None,
    persons: ArrayLike | None = None,
) -> Association:
    """Link camera identities of different cameras and take connected components.

    Constraints go before distances. Pairs that must be linked are, whatever their distance, the number of links to a
    camera or `one_class_per_camera` say, and count as links to the other's camera. A link is refused if it would put a
    pair that cannot be linked, or two known people, into one component. Constraints use up nothing of the rate.

    Args:
        features: float [N, D], the mean feature of each camera identity's images; of any length but 0.
        cameras: int [N], the camera of each camera identity.
        rate: pairs gone through, as a multiple of N (rounded down); with `linkage="nearest"` only.
        linkage: see `Linkage`.
        stranger_share: of certain strangers, who are nearer than links of `"mutual"` or `"average"` may be; 0 to 1.
        one_class_per_camera: refuse links that would put two camera identities of one camera into one component.
        must_link: int [M, 2], pairs of camera identities that are one person.
        cannot_link: int [K, 2], pairs that are not.
        persons: int [N], which known person each is, -1 for none.

    Raises:
        EvaluationError: features without a direction, columns that do not fit, or decisions that contradict each other.
    """
    _check_amounts(rate, stranger_share)
    directions, labels = _checked(features, cameras)
    must, cannot = (_pairs(pairs, labels) for pairs in (must_link, cannot_link))
    linker = Linker(labels, must, cannot, known := _persons(persons, len(labels)), one_class_per_camera)
    budget = math.floor(min(rate, len(labels)) * len(labels)) * (linkage == "nearest")  # N² are more than there are
    found = nearest_pairs(directions, labels, budget, np.concatenate([must, cannot]), known)
    candidates, measured = _candidates(found, linkage, stranger_share)
    accepted = linker.link(candidates)
    links = np.concatenate([must, candidates[accepted]])
    distances = np.concatenate([found.measured(must), measured[accepted]])
    return Association(
        labels=_components(links, len(labels)),
        links=links,
        distances=distances,
        margins=found.nearest_alternative(links) - distances,
        decided=np.arange(len(links)) < len(must),
        cameras=labels,
    )


def _check_amounts(rate: float, stranger_share: float) -> None:
    if not (math.isfinite(rate) and rate >= 0):
        raise EvaluationError(f"rate {rate}: pairs gone through per class must be a number of at least 0")
    if not 0 <= stranger_share <= 1:
        raise EvaluationError(f"stranger_share {stranger_share}: must be a share, from 0 to 1")


def _candidates(found: NearestPairs, linkage: Linkage, stranger_share: float) -> tuple[Integers, Float32]:
    """The pairs that may be linked, nearest first, int64 [P, 2], and their distances."""
    if linkage == "nearest":
        return found.pairs, found.distances
    choose = {"mutual": mutual_pairs, "average": average_pairs}[linkage]
    pairs = choose(found, stranger_distance(found, stranger_share))
    return pairs, found.measured(pairs)


def _components(links: Integers, count: int) -> Integers:
    """Components of two camera identities or more, numbered by first members, int64 [count]; else `UNASSOCIATED`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), np.bool_), (links[:, 0], links[:, 1])), shape=(count, count))
    _, found = connected_components(graph, directed=False)
    _, first, inverse, sizes = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    numbers = np.full(len(sizes), UNASSOCIATED, dtype=np.int64)
    several = np.flatnonzero(sizes > 1)
    numbers[several[np.argsort(first[several])]] = np.arange(several.size)
    return numbers[inverse.reshape(-1)]


def _checked(features: ArrayLike, cameras: ArrayLike) -> tuple[Float32, Integers]:
    """Features of length 1, float32 [N, D], and cameras, int64 [N]."""
    vectors = np.asarray(features, dtype=np.float32)
    labels = np.asarray(cameras)
    if vectors.ndim != 2 or labels.shape != vectors.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise EvaluationError(
            f"features must be [N, D] and cameras whole numbers [N], not {vectors.shape} and "
            f"{labels.dtype} {labels.shape}"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if wrong.size:
        raise EvaluationError(
            f"the mean features of {wrong.size:,} of {len(vectors):,} classes, the first of them class {wrong[0]}, are "
            "not finite or zero: nothing can be linked to them"
        )
    return vectors / lengths, labels.astype(np.int64)


def _persons(persons: ArrayLike | None, count: int) -> Integers:
    """Known people, int64 [N], -1 for none."""
    known = np.full(count, -1, np.int64) if persons is None else np.asarray(persons, np.int64)
    if known.shape != (count,):
        raise EvaluationError(f"persons must be whole numbers [{count}], not {known.shape}")
    return known


def _pairs(pairs: ArrayLike | None, cameras: Integers) -> Integers:
    """Decided pairs as int64 [M, 2], the smaller number first, each once."""
    found = np.empty((0, 2), np.int64) if pairs is None else np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if found.size and not (found.min() >= 0 and found.max() < len(cameras)):
        raise EvaluationError(f"decided pairs must name classes from 0 to {len(cameras) - 1}")
    same = np.flatnonzero(cameras[found[:, 0]] == cameras[found[:, 1]])
    if same.size:
        first, second = found[same[0]].tolist()
        raise EvaluationError(f"classes {first} and {second} are of one camera: there is nothing to decide about them")
    ordered = np.sort(found, axis=1)
    return ordered[np.sort(np.unique(ordered, axis=0, return_index=True)[1])] if len(ordered) else ordered
