"""Find the tracklets, or identities, that are most like a query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.columns.columns import UNKNOWN_TIME, Columns
from passerby.gallery.columns.matrix import best
from passerby.gallery.records import Tracklet
from passerby.gallery.times import microseconds


@dataclass(frozen=True)
class Filters:
    """Which tracklets a search considers; by default all.

    Attributes:
        cameras: only these.
        since, until: only those that were filmed, at least in part, between these moments; tracklets whose time nobody
            knows are left out then.
        min_height: pixels of the person, at least.
        min_visible: share of the person that is not behind others, at least.
    """

    cameras: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_height: float = 0.0
    min_visible: float = 0.0

    def allowed(self, columns: Columns) -> NDArray[np.bool_] | None:
        """The rows that pass, bool [N]; None where all do.

        Raises:
            GalleryError: a camera that the gallery does not have.
        """
        tests: list[NDArray[np.bool_]] = []
        if self.cameras is not None:
            if unknown := sorted(set(self.cameras) - set(columns.camera_names)):
                raise GalleryError(
                    f"no tracklet of camera {unknown[0]}: the cameras are {', '.join(sorted(columns.camera_names))}"
                )
            places = [columns.camera_names.index(name) for name in self.cameras]
            tests.append(np.isin(columns.cameras, places))
        if self.since is not None:
            tests.append(columns.taken_to >= microseconds(self.since))
        if self.until is not None:
            tests.append((columns.taken_from <= microseconds(self.until)) & (columns.taken_from != UNKNOWN_TIME))
        if self.min_height > 0:
            tests.append(columns.heights >= self.min_height)
        if self.min_visible > 0:
            tests.append(columns.visible >= self.min_visible)
        return np.logical_and.reduce(tests) if tests else None


EVERYTHING = Filters()


@dataclass(frozen=True)
class Hit:
    """A tracklet that was found.

    Attributes:
        tracklet: the gallery's.
        score: cosine between its feature and the query's.
        probability: that both show the same person, if that were as likely as not before looking, as calibrated on the
            gallery itself; None for a sentence, and where the gallery knows too few pairs to learn that from.
    """

    tracklet: Tracklet
    score: float
    probability: float | None


class Hits(list[Hit]):
    """What a search found, best first.

    Args:
        hits: the tracklets found.
        recall: share of the ten most alike tracklets that such a search finds, as measured on the gallery; None where
            it compared every tracklet that passes the filters, and so is exact.
        note: why an index of features that is there was not used; None where there is none, or it was.
    """

    def __init__(self, hits: Iterable[Hit] = (), recall: float | None = None, note: str | None = None) -> None:
        super().__init__(hits)
        self.recall, self.note = recall, note

    @property
    def exact(self) -> bool:
        """Whether every tracklet that passes the filters was compared."""
        return self.recall is None


class Found(NamedTuple):
    """What is most like a query.

    Attributes:
        tracklets: numbers and cosines, best first.
        exact: whether every tracklet that passes the filters was compared.
    """

    tracklets: list[tuple[int, float]]
    exact: bool


class Shortlist(Protocol):
    """Knows which rows are likely the most alike."""

    @property
    def most(self) -> int:
        """How many hits may be looked for among them; for more, too few are found."""
        ...

    def rows(self, query: NDArray[np.float32], total: int) -> NDArray[np.int64]:
        """Rows, int64 [M], ascending, of `total`, to compare with a query, float32 [D] of length 1."""
        ...


def pooled(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """One query of the features of several pictures of a person, float32 [Q, D] or [D]: their mean, of length 1.

    Raises:
        GalleryError: no feature, not finite, or features that cancel out.
    """
    rows = np.atleast_2d(features).astype(np.float64)
    mean = rows.mean(0) if rows.size else np.zeros(1)
    length = float(np.linalg.norm(mean))
    if not (np.isfinite(length) and length > 0):
        raise GalleryError("the query's features are not finite, or have no mean: give pictures of one person")
    return (mean / length).astype(np.float32)


def nearest(
    columns: Columns,
    query: NDArray[np.float32],
    filters: Filters,
    count: int,
    *,
    by_identity: bool,
    shortlist: Shortlist | None = None,
) -> Found:
    """Numbers of the tracklets most like a query and their cosines, best first.

    Args:
        columns: where to search.
        query: float32 [D], of length 1.
        filters: which tracklets count.
        count: how many at most.
        by_identity: of each identity only its best tracklet; one without identity stands for itself.
        shortlist: of whom to compare; None to compare all. It is not asked where a filter is set, for nobody has
            measured what it misses then.
    """
    if query.shape != (columns.features.shape[1],):
        raise GalleryError(
            f"the query has {query.shape[-1]} dimensions, the gallery's features {columns.features.shape[1]}: "
            "search with the model that the gallery was made with"
        )
    allowed, asked = filters.allowed(columns), count
    passing = None if allowed is None else np.flatnonzero(allowed)
    most = 0 if shortlist is None or passing is not None else shortlist.most
    likely = None if shortlist is None or count > most else shortlist.rows(query, len(columns.tracklets))
    while True:
        exact = likely is None or asked > most
        rows, scores = best(columns, query, passing if exact else likely, asked)
        kept = _first_of_each(columns.identities[rows]) if by_identity else np.arange(len(rows))
        if len(kept) >= count or (exact and len(rows) < asked):
            return Found([(int(columns.tracklets[rows[at]]), float(scores[at])) for at in kept[:count]], exact)
        asked *= 4


def _first_of_each(identities: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first = np.unique(identities, return_index=True)
    return np.sort(np.concatenate([first[identities[first] != 0], np.flatnonzero(identities == 0)]))
