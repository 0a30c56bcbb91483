"""How an association looks, and, where somebody knows who people are, how right it is."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.methods.ccafl.association.associate import Association
from passerby.metrics import correlation_quality

Integers = NDArray[np.int64]

UNKNOWN = -1
"""The true identity of a camera identity of which nobody knows who it is."""


@dataclass(frozen=True)
class AssociationStatistics:
    """Figures of one association; those that need true identities are None without.

    Precision and recall count camera identities whose person is known; None where there is nothing to divide by.

    Attributes:
        classes: N.
        links: accepted pairs of camera identities.
        decided_links: how many of them a person said.
        clusters: components of two camera identities or more.
        unassociated: camera identities linked to no other.
        duplicate_camera_clusters: components that hold two camera identities of one camera, who cannot be one person.
        cluster_size: mean number of camera identities in a component; 0 where there is none.
        largest_cluster: most camera identities in a component.
        pair_precision: share of pairs of camera identities in one component that are one person.
        pair_recall: share of pairs of camera identities of one person that are in one component.
        link_precision: share of links between camera identities of one person.
        link_recall: share of pairs of camera identities of one person that are linked directly.
    """

    classes: int
    links: int
    decided_links: int
    clusters: int
    unassociated: int
    duplicate_camera_clusters: int
    cluster_size: float
    largest_cluster: int
    pair_precision: float | None = None
    pair_recall: float | None = None
    link_precision: float | None = None
    link_recall: float | None = None

    def to_dict(self) -> dict[str, int | float | None]:
        """All figures, for JSON."""
        return asdict(self)

    def describe(self) -> str:
        """The most telling figures in a few words."""
        words = [f"{self.links:,} links", f"{self.clusters:,} clusters", f"{self.unassociated:,} single"]
        if self.duplicate_camera_clusters:
            words.append(f"{self.duplicate_camera_clusters:,} with a camera twice")
        if self.pair_precision is not None and self.pair_recall is not None:
            words.append(f"precision {100 * self.pair_precision:.1f} % recall {100 * self.pair_recall:.1f} %")
        return ", ".join(words)


def association_statistics(association: Association, true_identities: Integers | None = None) -> AssociationStatistics:
    """Figures of an association.

    Args:
        association: of N camera identities.
        true_identities: int64 [N], who each camera identity is, `UNKNOWN` where nobody knows; None if nothing is known.

    Raises:
        EvaluationError: another number of true identities than of camera identities.
    """
    linked = association.labels >= 0
    sizes = np.bincount(association.labels[linked])
    return AssociationStatistics(
        classes=len(association.labels),
        links=len(association.links),
        decided_links=int(association.decided.sum()),
        clusters=association.clusters,
        unassociated=association.unassociated,
        duplicate_camera_clusters=association.clusters_with_duplicate_cameras,
        cluster_size=float(sizes.mean()) if sizes.size else 0.0,
        largest_cluster=int(sizes.max(initial=0)),
        **({} if true_identities is None else _judged(association, np.asarray(true_identities))),
    )


def _judged(association: Association, truth: Integers) -> dict[str, float | None]:
    """Precision and recall over the camera identities whose person is known."""
    if truth.shape != association.labels.shape:
        raise EvaluationError(f"{len(truth)} true identities, but {len(association.labels)} classes")
    known = truth != UNKNOWN
    if not known.any():
        return {}
    pairs = correlation_quality(association.labels[known], truth[known]).all
    links = association.links[known[association.links].all(axis=1)]
    right = int((truth[links[:, 0]] == truth[links[:, 1]]).sum())
    return {
        "pair_precision": _share(pairs.pairs_right, pairs.pairs_predicted),
        "pair_recall": _share(pairs.pairs_right, pairs.pairs_true),
        "link_precision": _share(right, len(links)),
        "link_recall": _share(right, pairs.pairs_true),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
