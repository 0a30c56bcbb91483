"""The part of a gallery that knows people: identities, decisions, cameras, and their history."""

from collections.abc import Iterable, Sequence

from passerby.gallery.audit import write_entry
from passerby.gallery.identities import cameras, decisions, history, people
from passerby.gallery.identities.cameras import Camera
from passerby.gallery.identities.decisions import Decision
from passerby.gallery.identities.doubtful import THRESHOLD, Doubtful
from passerby.gallery.identities.history import Change
from passerby.gallery.identities.identifying import Identified, default_false_links, identify, threshold_for
from passerby.gallery.identities.labelled import LabelledPerson, take_over
from passerby.gallery.identities.listing import Listed, read_page
from passerby.gallery.identities.people import Identity
from passerby.gallery.probability.calibration import Calibration, calibration_of
from passerby.gallery.probability.reliability import Reliability, reliability_of
from passerby.gallery.records import ModelKey
from passerby.gallery.schema import write_setting


class WhoIsWho(Doubtful):
    """Identities of a gallery. Every change is in the history and can be undone, the newest first."""

    def calibration(self, model: ModelKey | None = None) -> Calibration:
        """What cosines of a model mean: learned from pairs that the gallery is sure about, and kept until it has grown.

        Raises:
            GalleryError: the gallery has no features of this model, or of several and none is named.
        """
        matrix = self._matrix(model)
        return calibration_of(self._database, matrix.model, matrix.dim, len(matrix.columns().tracklets))

    def reliability(self, model: ModelKey | None = None) -> Reliability:
        """Whether probabilities come true, on the pairs of which the gallery knows the truth.

        Raises:
            GalleryError: the gallery has no features of this model, or of several and none is named.
        """
        matrix = self._matrix(model)
        columns = matrix.columns()
        calibration = calibration_of(self._database, matrix.model, matrix.dim, len(columns.tracklets))
        with self._database.reading() as transaction:
            return reliability_of(transaction, matrix.model, columns.features, columns.identities, calibration)

    def identify(
        self,
        *,
        model: ModelKey | None = None,
        false_links: float | None = None,
        threshold: float | None = None,
        reason: str = "",
        show: bool = False,
    ) -> Identified:
        """Find out who is who among all tracklets, and keep it: CION's correlation, by average linkage.

        People seen at once are kept apart, by their times in a video and, where travel times are known, by the clock;
        decisions are honoured. What is confirmed stays as it is, and others may join it. Identities keep their numbers.

        Args:
            model: by whose features tracklets are compared; those without are left as they are.
            false_links: how many tracklets of other people each may be as similar to, on average; fewer find fewer
                people wrongly joined, and more of them in pieces. By default 1, of which average linkage outvotes most.
            threshold: the cosine from which on groups are one person, on average; by default as follows from
                `false_links` and the pairs of different people in the gallery.
            reason: for the log.
            show: whether to show progress: time grows with the square of the number of tracklets.

        Raises:
            GalleryError: without `threshold`, the gallery knows fewer than 200 pairs of tracklets seen at once.
        """
        columns = self._matrix(model).columns()
        if threshold is None:
            links = default_false_links() if false_links is None else false_links
            threshold = threshold_for(self.calibration(model), links, len(columns.tracklets))
        outcome = identify(self._database, columns, threshold, self._actor, show=show)
        with self._database.writing() as transaction:
            write_setting(transaction, THRESHOLD, repr(outcome.threshold))
            write_entry(transaction, self._actor, "identify", reason, outcome._asdict())
        return outcome

    def identities(self) -> list[Identity]:
        """All identities, by number."""
        with self._database.reading() as transaction:
            return people.read_identities(transaction)

    def identity_page(self, listed: Listed, *, offset: int = 0, limit: int = 50) -> tuple[list[Identity], int]:
        """Some identities of a list, from `offset` on, and how many it has in all; others are not read.

        Args:
            listed: which identities, and in which order.
            offset: how many to pass over.
            limit: how many at most.
        """
        with self._database.reading() as transaction:
            return read_page(transaction, listed, offset, limit)

    def identity(self, number: int) -> Identity:
        """An identity by its number.

        Raises:
            GalleryError: there is none.
        """
        with self._database.reading() as transaction:
            return people.read_identity(transaction, number)

    def identity_names(self, numbers: Iterable[int]) -> dict[int, people.Named]:
        """How identities are called, whether they are confirmed, by number; unknown ones are left out."""
        with self._database.reading() as transaction:
            return people.read_names(transaction, numbers)

    def merge(self, into: int, *others: int, reason: str = "") -> None:
        """Make identities one, which keeps its number and name, and is confirmed; without a name it takes another's.

        Raises:
            GalleryError: one does not exist, or there is nothing to merge.
        """
        with self._database.writing() as transaction:
            people.merge(transaction, self._actor, into, others)
            write_entry(transaction, self._actor, "merge", reason, {"into": into, "others": len(others)})

    def split(self, identity: int, tracklets: Sequence[int], *, reason: str = "") -> int:
        """Take tracklets out of an identity and make them a new one, whose number is returned; both are confirmed.

        Raises:
            GalleryError: it does not exist, they are not its, or nothing of it would remain.
        """
        with self._database.writing() as transaction:
            number = people.split(transaction, self._actor, identity, tracklets)
            write_entry(transaction, self._actor, "split", reason, {"from": identity, "into": number})
        return number

    def name(
        self,
        identity: int,
        label: str | None = None,
        *,
        notes: str | None = None,
        confirm: bool = True,
        reason: str = "",
    ) -> None:
        """Name an identity, write notes, and confirm it: what is confirmed is never taken apart by `identify`.

        Args:
            identity: its number.
            label, notes: None leaves them, an empty text removes them.
            confirm: False takes a confirmation back.
            reason: for the log.

        Raises:
            GalleryError: there is no such identity.
        """
        with self._database.writing() as transaction:
            people.name(transaction, self._actor, identity, label, notes, confirm=confirm)
            write_entry(transaction, self._actor, "name", reason, {"identity": identity})

    def take_over(self, labelled: Sequence[LabelledPerson], *, reason: str = "") -> int:
        """Give tracklets without identity those that somebody else knows; returns how many identities were founded.

        A person of whom the gallery has tracklets with an identity joins that one. Said twice, it changes nothing more.
        """
        with self._database.writing() as transaction:
            founded = take_over(transaction, self._actor, labelled)
            write_entry(transaction, self._actor, "import", reason, {"identities": founded})
        return founded

    def decide(self, first: int, second: int, *, same: bool | None, reason: str = "") -> None:
        """Say that two tracklets are one person, or two, or that it is open again (None); `identify` keeps to that.

        Raises:
            GalleryError: there is no such tracklet, or it contradicts other decisions or confirmed identities.
        """
        with self._database.writing() as transaction:
            decisions.decide(transaction, self._actor, first, second, same)
            write_entry(transaction, self._actor, "decide", reason)

    def decisions(self) -> list[Decision]:
        """What was said of pairs of tracklets."""
        with self._database.reading() as transaction:
            return decisions.read_decisions(transaction)

    def undo(self, change: int | None = None, *, reason: str = "") -> Change:
        """Take a change of identities back.

        Args:
            change: its number, so that nobody else's is taken back; None for the newest that is not undone.
            reason: for the log.

        Raises:
            GalleryError: there is nothing to undo.
            SupersededError: it is undone already, or a later one is about the same tracklets, identities or decision.
        """
        with self._database.writing() as transaction:
            undone = history.undo(transaction, change)
            write_entry(transaction, self._actor, "undo", reason, {"change": undone.number})
        return undone

    def history(self) -> list[Change]:
        """All changes of identities, oldest first; those undone too."""
        with self._database.reading() as transaction:
            return history.read_changes(transaction)

    def camera_network(self) -> list[Camera]:
        """What is known of all cameras, by name: clocks, and travel times between them."""
        with self._database.reading() as transaction:
            return cameras.read_cameras(transaction)

    def set_clock(self, camera: str, offset: float) -> None:
        """Set by how many seconds a camera's clock is ahead of the true time.

        Raises:
            GalleryError: there is no such camera, or this is no number.
        """
        with self._database.writing() as transaction:
            cameras.set_clock(transaction, camera, offset)

    def set_travel_time(self, camera: str, other: str, seconds: float | None) -> None:
        """Set the least seconds that anybody needs between two cameras: 0 where nobody is seen by both at once.

        None, as at first: one person may be in both views. It counts where times of day are known.

        Raises:
            GalleryError: there is no such camera, or this is no time.
        """
        with self._database.writing() as transaction:
            cameras.set_travel_time(transaction, camera, other, seconds)
