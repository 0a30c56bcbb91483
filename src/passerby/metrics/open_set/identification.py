"""Open-set identification: name the person of a query, or say that it is nobody in the gallery."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.labels import JUNK
from passerby.metrics.arrays import Integers, as_array, as_labels
from passerby.metrics.distances.distance import Metric
from passerby.metrics.open_set.verification import threshold_at
from passerby.metrics.ranking.matches import Matches
from passerby.metrics.ranking.neighbours import top_k


@dataclass(frozen=True, eq=False)
class Identification:
    """The nearest gallery images of queries of known and of unknown people.

    Attributes:
        known_scores: float32 [K], the score of the nearest image of the query's own person, -inf where it is not among
            the first `max_rank`.
        known_ranks: int64 [K], its rank; 0 where it is not among them.
        unknown_scores: float32 [U], ascending: the highest score of each query whose person is not in the gallery.
    """

    known_scores: NDArray[np.float32]
    known_ranks: Integers
    unknown_scores: NDArray[np.float32]

    def far(self, threshold: float) -> float:
        """False alarm rate: share of unknown people's queries whose best score reaches the threshold."""
        return 1 - float(np.searchsorted(self.unknown_scores, threshold, side="left")) / self.unknown_scores.size

    def dir(self, threshold: float, rank: int = 1) -> float:
        """Detection and identification rate: share of known people found within `rank` with at least this score."""
        found = (self.known_ranks >= 1) & (self.known_ranks <= rank) & (self.known_scores >= threshold)
        return float(found.mean())

    def threshold_at(self, far: float) -> float:
        """Find the lowest threshold whose false alarm rate is at most `far`.

        Raises:
            EvaluationError: `far` is not between 0 and 1, or below what this number of queries can show.
        """
        return threshold_at(self.unknown_scores, far)

    def dir_at(self, far: float, rank: int = 1) -> float:
        """Detection and identification rate at the lowest threshold whose false alarm rate is at most `far`."""
        return self.dir(self.threshold_at(far), rank)


def identify(
    query: Any,
    gallery: Any,
    query_identities: Any,
    gallery_identities: Any,
    query_cameras: Any = None,
    gallery_cameras: Any = None,
    *,
    unknown: Any = None,
    unknown_share: float = 0.5,
    seed: int = 0,
    max_rank: int = 1,
    metric: Metric = "cosine",
) -> Identification:
    """Search for every query in a gallery from which some people are removed.

    Queries of a known person without an admissible image in the gallery, as under the camera rule, are left out.

    Args:
        query: float [Q, D], array or torch tensor.
        gallery: float [G, D].
        query_identities: integer [Q], as for `rank`.
        gallery_identities: integer [G].
        query_cameras: integer [Q], or None, as for `rank`.
        gallery_cameras: integer [G], or None where the queries have none.
        unknown: integers, the identities to remove; by default drawn among those of the queries.
        unknown_share: how many of them are drawn, between 0 and 1.
        seed: of the draw. Draws differ: give their mean and spread over several.
        max_rank: up to which rank `dir` can be asked for.
        metric: `"cosine"` or `"euclidean"`.

    Raises:
        EvaluationError: features or labels as `rank` refuses them, no query of a known or of an unknown person, or an
            option out of range.
    """
    if max_rank < 1:
        raise EvaluationError(f"max_rank must be at least 1, not {max_rank}")
    queries = as_labels(query_identities, len(as_array(query)), "query identities")
    others = as_labels(gallery_identities, len(as_array(gallery)), "gallery identities")
    removed = draw_people(queries, unknown_share, seed) if unknown is None else np.unique(as_array(unknown))
    others = np.where(np.isin(others, removed), JUNK, others)
    if not (others != JUNK).any():
        raise EvaluationError("nobody is left in the gallery: remove fewer people")
    labels: dict[str, Any] = {"query_identities": queries, "gallery_identities": others}
    cameras: dict[str, Any] = {"query_cameras": query_cameras, "gallery_cameras": gallery_cameras}
    found = top_k(query, gallery, max_rank, metric=metric, **labels, **cameras)
    is_known = ~np.isin(queries, removed)
    findable = is_known & _can_be_found(queries, others, query_cameras, gallery_cameras)
    positive = (found.indices >= 0) & (others[found.indices] == queries[:, None])
    return _identified(positive, found.scores if metric == "cosine" else -found.scores, is_known, findable)


def _identified(
    positive: NDArray[np.bool_], scores: NDArray[np.float32], is_known: NDArray[np.bool_], findable: NDArray[np.bool_]
) -> Identification:
    """Collect ranks and scores from the nearest images [Q, k], of which `positive` are of the query's person."""
    if not findable.any() or is_known.all():
        kind = "an unknown" if is_known.all() else "a known"
        raise EvaluationError(f"no query shows {kind} person: check the identities removed")
    first = np.argmax(positive, axis=1)
    ranks = np.where(positive.any(axis=1), first + 1, 0)
    own = np.where(ranks > 0, scores[np.arange(len(scores)), first], np.float32(-np.inf))
    return Identification(own[findable], ranks[findable].astype(np.int64), np.sort(scores[~is_known, 0]))


def draw_people(identities: Integers, share: float, seed: int) -> Integers:
    """A share of the people that `identities` [Q] name, at least one and not all; each once.

    Raises:
        EvaluationError: the share is not between 0 and 1, or there is only one person.
    """
    if not 0 < share < 1:
        raise EvaluationError(f"unknown_share must be between 0 and 1, not {share}")
    people = np.unique(identities)
    if people.size < 2:
        raise EvaluationError("the queries show one person: open-set identification needs at least two")
    count = min(max(1, round(share * people.size)), people.size - 1)
    return np.random.default_rng(seed).choice(people, count, replace=False)


def _can_be_found(queries: Integers, others: Integers, by_query: Any, by_gallery: Any) -> Any:
    """Whether the gallery holds an admissible image of each query's person, bool [Q]."""
    return Matches.of(queries.size, others.size, queries, others, by_query, by_gallery).counts > 0
