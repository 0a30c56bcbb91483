"""The part of a gallery that searches: exactly, or by an index of its features where there are very many."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.columns.matrix import Matrix
from passerby.gallery.database import Database
from passerby.gallery.nearest.building import build_index, remove_index
from passerby.gallery.nearest.feature_index import FeatureIndex, describe_indexes
from passerby.gallery.nearest.limits import write_limits
from passerby.gallery.nearest.looking import look
from passerby.gallery.nearest.shortlists import Shortlists
from passerby.gallery.probability.calibration import Calibration, calibration_of
from passerby.gallery.records import ModelKey, Tracklet
from passerby.gallery.search import EVERYTHING, Filters, Found, Hit, Hits, nearest, pooled


class Searching(ABC):
    """Finds the tracklets most like a person."""

    _database: Database
    _actor: str
    _shortlists: Shortlists

    @abstractmethod
    def _matrix(self, model: ModelKey | None) -> Matrix:
        """The features of a model."""

    @abstractmethod
    def _there(self, numbers: Sequence[int]) -> dict[int, Tracklet]:
        """Those of some tracklets that are not erased, by number."""

    def search(
        self,
        features: NDArray[np.float32],
        *,
        model: ModelKey | None = None,
        filters: Filters = EVERYTHING,
        count: int = 20,
        by_identity: bool = False,
        false_match_rate: float | None = None,
        sentence: bool = False,
        exact: bool = False,
        reason: str = "",
    ) -> Hits:
        """Find the tracklets most like a person.

        Args:
            features: of pictures of the person, float32 [Q, D] or [D]; several are pooled into one query.
            model: which computed them; may be left out where the gallery has features of one model only.
            filters: which tracklets count.
            count: how many at most.
            by_identity: of each identity only the best tracklet.
            false_match_rate: leave out hits less similar than all but this share of pairs of different people; so few
                remain for somebody whom the gallery does not have. None for all hits, however unlike.
            sentence: the features are of a sentence: what is learned of pictures says nothing of their cosines.
            exact: compare all tracklets even where there is an index of features. Sentences, searches with filters and
                for very many always do: what the index finds of those is not known, or too little.
            reason: why one searches, for the log.

        Returns:
            Best first; of equally similar ones the one that was added first. They tell whether all were compared.

        Raises:
            GalleryError: features of another model, or that cannot be compared; an unknown camera; a false-match rate
                that the gallery's pairs of different people are too few to tell, or of a sentence.
        """
        _check(count, sentence=sentence, rated=false_match_rate is not None)
        matrix = self._matrix(model)
        looked = look(
            self._database, matrix, self._shortlists, pooled(features), filters, count,
            by_identity=by_identity, exact=exact or sentence,
        )  # fmt: skip
        calibration = calibration_of(self._database, matrix.model, matrix.dim, looked.features)
        least = -math.inf if false_match_rate is None else calibration.threshold(false_match_rate)
        hits = self._hits(looked.found, least, None if sentence else calibration, reason)
        return Hits(hits, looked.recall, looked.note)

    def _alike(
        self, features: NDArray[np.float32], model: ModelKey | None, filters: Filters, probability: float, reason: str
    ) -> list[Hit]:
        """All tracklets that show a person at least as probably, best first."""
        matrix = self._matrix(model)
        columns = matrix.columns()
        calibration = calibration_of(self._database, matrix.model, matrix.dim, len(columns.tracklets))
        least = calibration.cosine(probability)
        found = nearest(columns, pooled(features), filters, max(1, len(columns.tracklets)), by_identity=False)
        return self._hits(found, least, calibration, reason)

    def _hits(self, found: Found, least: float, calibration: Calibration | None, reason: str) -> list[Hit]:
        """What a search found, after it was written into the log; without what somebody erased meanwhile."""
        alike = [(number, score) for number, score in found.tracklets if score >= least]
        with self._database.writing() as transaction:
            detail = {"found": len(alike)} if found.exact else {"found": len(alike), "approximate": 1}
            write_entry(transaction, self._actor, "search", reason, detail)
        there = self._there([number for number, _ in alike])
        return [
            Hit(there[number], score, None if calibration is None else calibration.probability(score))
            for number, score in alike
            if number in there
        ]

    def index_features(
        self,
        model: ModelKey | None = None,
        *,
        least: int | None = None,
        floor: float | None = None,
        rebuild: bool = False,
        reason: str = "",
        show: bool = False,
    ) -> FeatureIndex:
        """Make an index of the features, by which a search compares few of very many, or bring it up to date.

        What it finds of the most alike is measured on the gallery. In a folder it holds which tracklets point alike and
        means of their features; erasing takes both out of it, and tracklets added later are compared in every search
        until this is called again. On a server it is pgvector's graph, which follows everything by itself.

        Args:
            model: whose features; may be left out where the gallery has those of one model only.
            least: from how many features on the gallery searches by an index; kept; at first a million.
            floor: the least recall of an index that is used; kept; at first 0.95.
            rebuild: make it anew, even where it could be extended.
            reason: for the log.
            show: whether to show progress.

        Raises:
            GalleryError: there are too few features, the disk is full, or the server has no pgvector.
            DeviceError: FAISS is not installed.
        """
        matrix = self._matrix(model)
        with self._database.writing() as transaction:
            write_limits(transaction, least, floor)
        build_index(self._database, matrix.model, matrix.columns(), rebuild=rebuild, show=show)
        (made,) = [each for each in describe_indexes(self._database) if each.number == matrix.model]
        with self._database.writing() as transaction:
            write_entry(transaction, self._actor, "index", reason, {"features": made.indexed})
        return made

    def feature_indexes(self) -> list[FeatureIndex]:
        """What there is of each model's features and their index, oldest model first."""
        return describe_indexes(self._database)

    def drop_index(self, model: ModelKey | None = None, *, reason: str = "") -> bool:
        """Remove the index of a model's features; all are compared from then on. Returns whether there was one."""
        matrix = self._matrix(model)
        with self._database.writing() as transaction:
            there = remove_index(self._database, transaction, matrix.model)
            if there:
                write_entry(transaction, self._actor, "drop index", reason)
        return there


def _check(count: int, *, sentence: bool, rated: bool) -> None:
    if count < 1:
        raise GalleryError(f"count must be at least 1, not {count}")
    if sentence and rated:
        raise GalleryError("false-match rates are known of pictures, not of sentences: leave out false_match_rate")
