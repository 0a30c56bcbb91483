"""The part of a gallery that decides what stays: legal holds, retention, and erasure."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.database import Database
from passerby.gallery.erased_keys import erased_among, remember_hashes
from passerby.gallery.erasure.erasing import Receipt, erase, read_receipts
from passerby.gallery.erasure.plan import (
    ErasurePlan,
    count_undated,
    held_among,
    numbers_within,
    others_of_identities,
)
from passerby.gallery.holding import Hold, hold, read_holds, release
from passerby.gallery.records import ModelKey, Tracklet
from passerby.gallery.retention import keep_for, kept_for, outdated
from passerby.gallery.search import EVERYTHING, Filters, Hit
from passerby.gallery.upkeep.erasure_list import ErasureList, check_same_gallery, list_erased, read_list


class Keeping(ABC):
    """What is held stays; what is erased is gone from every file."""

    _database: Database
    _actor: str
    _places: Sequence[Path]

    @abstractmethod
    def _there(self, numbers: Sequence[int]) -> dict[int, Tracklet]:
        """Those of some tracklets that are not erased, by number."""

    @abstractmethod
    def _alike(
        self, features: NDArray[np.float32], model: ModelKey | None, filters: Filters, probability: float, reason: str
    ) -> list[Hit]:
        """All tracklets that show a person at least as probably, best first."""

    def plan_erasure(
        self,
        features: NDArray[np.float32] | None = None,
        *,
        probability: float | None = None,
        model: ModelKey | None = None,
        filters: Filters = EVERYTHING,
        reason: str = "",
    ) -> ErasurePlan:
        """What an erasure by camera and time, or by likeness, would reach; nothing is erased yet.

        Args:
            features: of pictures of the person to erase, float32 [Q, D] or [D]; None for everybody within the filters.
            probability: with features, the least probability that a tracklet shows this person, as in a hit.
            model: which computed the features; may be left out where the gallery has features of one model only.
            filters: which tracklets count.
            reason: for the log, which tells of a search by features.

        Raises:
            GalleryError: neither features nor filters are given, a camera that the gallery does not have, or features
                whose probabilities the gallery does not know.
        """
        if (features is None) != (probability is None):
            raise GalleryError("an erasure by likeness needs features and a probability: give both or neither")
        if features is None and filters == EVERYTHING:
            raise GalleryError("say what to erase: cameras, times, or features of a person")
        hits: list[Hit] = []
        if features is not None and probability is not None:
            hits = self._alike(features, model, filters, probability, reason)
        with self._database.reading() as transaction:
            found = numbers_within(transaction, filters) if features is None else [hit.tracklet.number for hit in hits]
            held = held_among(transaction, found)
            stay = set(held)
            numbers = [number for number in found if number not in stay]
            undated = count_undated(transaction, filters)
            others = [] if features is None else others_of_identities(transaction, found)
        certain = {hit.tracklet.number: hit.probability for hit in hits if hit.probability is not None}
        there = self._there(numbers)
        return ErasurePlan([there[each] for each in numbers if each in there], certain, held, undated, others)

    def erase(self, numbers: Sequence[int], *, reason: str = "") -> Receipt:
        """Erase tracklets with all that was derived from them, and prove it.

        When this returns, no file of the gallery holds their features, pictures, keys or captions, nor the names of
        identities that had no others. They are not added again when their video is.

        Raises:
            GalleryError: one of them is under a legal hold: nothing is erased then. Or a piece of them is left in some
                file, which is named.
        """
        return erase(self._database, self._places, sorted(set(numbers)), self._actor, reason)

    def erase_again(self, erased_since: Sequence[str | Path], *, reason: str = "") -> Receipt | None:
        """Erase what was erased before from a gallery that came back by other means, as a dump of a server.

        Args:
            erased_since: what knows more erasures, as of `restore_gallery`.
            reason: for the log.

        Returns:
            None where the gallery has nothing of it. None of it is added again.

        Raises:
            GalleryError: one is of another gallery, or as `erase` does.
        """
        lists = [read_list(place) for place in erased_since]
        with self._database.writing() as transaction:
            check_same_gallery(transaction, lists)
            for each in lists:
                remember_hashes(transaction, each.hashes)
            numbers = {key: number for number, key in transaction.rows("SELECT id, key FROM tracklets")}
            erased = [numbers[key] for key in erased_among(transaction, numbers)]
        return self.erase(erased, reason=reason) if erased else None

    def erasure_list(self) -> ErasureList:
        """What was erased so far, for `restore_gallery`; without personal data."""
        return list_erased(self._database)

    def receipts(self) -> list[Receipt]:
        """What was erased so far, oldest first; without personal data."""
        with self._database.reading() as transaction:
            return read_receipts(transaction)

    def hold(
        self, *, identity: int | None = None, tracklet: int | None = None, reason: str, until: datetime | None = None
    ) -> int:
        """Keep an identity or a tracklet from being erased; returns the hold's number.

        Raises:
            GalleryError: both or neither is named, it does not exist, or there is no reason.
        """
        with self._database.writing() as transaction:
            write_entry(transaction, self._actor, "hold", reason)
            return hold(transaction, identity=identity, tracklet=tracklet, reason=reason, until=until)

    def release(self, number: int, *, reason: str = "") -> None:
        """End a hold.

        Raises:
            GalleryError: there is no such hold.
        """
        with self._database.writing() as transaction:
            release(transaction, number)
            write_entry(transaction, self._actor, "release", reason, {"hold": number})

    def holds(self) -> list[Hold]:
        """All holds, oldest first; those that have ended too."""
        with self._database.reading() as transaction:
            return read_holds(transaction)

    def retain(self, days: float | None = None, *, reason: str = "retention") -> Receipt | None:
        """Erase what is older than tracklets are kept; None where nothing is.

        Args:
            days: for how many days tracklets are kept from now on, by the time they were filmed, or, where that is
                unknown, added; by default as was set before.
            reason: for the log.

        Raises:
            GalleryError: nobody has set it, or as `erase` does.
        """
        with self._database.writing() as transaction:
            if days is not None:
                keep_for(transaction, days)
            kept = kept_for(transaction)
            if kept is None:
                raise GalleryError("nobody has said for how many days tracklets are kept: give `days`")
            numbers, _ = outdated(transaction, kept)
        return self.erase(numbers, reason=reason) if numbers else None

    def retain_as_set(self) -> Receipt | None:
        """Erase what is older than tracklets are kept, where somebody has said for how long; None where nothing is.

        `open_gallery` does it, and a running service once a day.

        Raises:
            GalleryError: as `erase` does.
        """
        with self._database.reading() as transaction:
            kept = kept_for(transaction)
            numbers = [] if kept is None else outdated(transaction, kept)[0]
        return self.erase(numbers, reason="retention") if numbers else None
