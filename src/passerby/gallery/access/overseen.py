"""The part of a gallery that knows who uses it: keys, views, and whether a reason must be given."""

import copy
from collections.abc import Sequence
from typing import NamedTuple, Self

from passerby.gallery.access.keys import AccessKey, Role, add_key, find_key, named_key, read_keys, remove_key
from passerby.gallery.audit import REASONS, Entry, read_entries, write_entry
from passerby.gallery.database import Database
from passerby.gallery.erasure.preview import ErasurePreview, preview_erasure
from passerby.gallery.schema import read_setting, write_setting


class Counts(NamedTuple):
    """How much a gallery holds: tracklets, the identities they have, and how many of them have none."""

    tracklets: int
    identities: int
    unknown: int


class Overseen:
    """Keys of a gallery, and its log of who looked at whom."""

    _database: Database
    _actor: str

    def acting_as(self, actor: str) -> Self:
        """The same gallery, with the same connections and features in memory, used by somebody else.

        Args:
            actor: who, for the log.
        """
        other = copy.copy(self)
        other._actor = actor
        return other

    def add_key(self, name: str, role: Role, *, reason: str = "") -> str:
        """Make a key for a service; it is returned once, and the gallery keeps only its hash.

        Args:
            name: of whoever will have it; stands in the log.
            role: `viewer`, `reviewer` (may correct who is who) or `admin` (may erase and add).
            reason: for the log.

        Raises:
            GalleryError: there is a key of this name, or name or role are none.
        """
        with self._database.writing() as transaction:
            key = add_key(transaction, name, role)
            write_entry(transaction, self._actor, "add key", reason, {"name": name, "role": role})
        return key

    def remove_key(self, name: str, *, reason: str = "") -> None:
        """Remove a key: from now on it opens nothing.

        Raises:
            GalleryError: there is none of this name.
        """
        with self._database.writing() as transaction:
            remove_key(transaction, name)
            write_entry(transaction, self._actor, "remove key", reason, {"name": name})

    def keys(self) -> list[AccessKey]:
        """All keys, by name; not the keys themselves, which nobody knows but their owners."""
        with self._database.reading() as transaction:
            return read_keys(transaction)

    def find_key(self, key: str) -> AccessKey | None:
        """Whose key this is; None where the gallery has no such key."""
        with self._database.reading() as transaction:
            return find_key(transaction, key)

    def named_key(self, name: str) -> AccessKey | None:
        """The key of a name; None where there is none."""
        with self._database.reading() as transaction:
            return named_key(transaction, name)

    def note_view(self, *, reason: str = "", **shown: int) -> None:
        """Write into the log that somebody looked at something.

        Args:
            reason: why.
            **shown: what, by number or count, such as `tracklet=17`.

        Raises:
            GalleryError: the gallery asks for a reason, and there is none.
        """
        with self._database.writing() as transaction:
            write_entry(transaction, self._actor, "view", reason, shown)

    def note_sign_in(self, address: str, *, known: bool) -> None:
        """Write into the log that somebody signed in, or tried a key that the gallery does not have.

        Args:
            address: whence.
            known: whether the gallery has the key.
        """
        with self._database.writing() as transaction:
            write_entry(transaction, self._actor, "sign in" if known else "wrong key", "", {"address": address})

    def log(self, after: int = 0, *, limit: int | None = None, newest: bool = False) -> list[Entry]:
        """Entries of the log of what was done with the gallery, oldest first.

        Args:
            after: only those after this number.
            limit: how many at most; None for all.
            newest: the newest so many instead of the first.
        """
        with self._database.reading() as transaction:
            return read_entries(transaction, after, limit, newest=newest)

    def counts(self) -> Counts:
        """How many tracklets and identities there are."""
        statement = (
            "SELECT count(*), count(DISTINCT identity), coalesce(sum(CASE WHEN identity IS NULL THEN 1 ELSE 0 END), 0)"
            " FROM tracklets"
        )
        with self._database.reading() as transaction:
            tracklets, identities, unknown = transaction.rows(statement)[0]
        return Counts(tracklets, identities, int(unknown))

    def asks_for_reasons(self) -> bool:
        """Whether searches, views, erasures and whatever leaves the gallery need a reason."""
        with self._database.reading() as transaction:
            return read_setting(transaction, REASONS) == "1"

    def ask_for_reasons(self, *, asked: bool, reason: str = "") -> None:
        """Set whether searches, views, erasures and whatever leaves the gallery need a reason."""
        with self._database.writing() as transaction:
            write_setting(transaction, REASONS, str(int(asked)))
            write_entry(transaction, self._actor, "ask for reasons", reason, {"asked": int(asked)})

    def preview_erasure(self, numbers: Sequence[int]) -> ErasurePreview:
        """What `erase` would take away, and what keeps it from it; nothing is changed.

        Raises:
            GalleryError: there is no such tracklet.
        """
        with self._database.reading() as transaction:
            return preview_erasure(transaction, numbers)
