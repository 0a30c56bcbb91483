"""Take identities over that somebody else knows, such as those of another gallery or of labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from passerby.gallery.database import Transaction
from passerby.gallery.identities.history import Move, begin_change, edit, move
from passerby.gallery.identities.people import found_identity


@dataclass(frozen=True)
class LabelledPerson:
    """A person whose tracklets are known.

    Attributes:
        keys: of the tracklets; those that the gallery lacks are passed over.
        name, notes: what people wrote, or None.
        confirmed: whether somebody vouched for it.
    """

    keys: list[str]
    name: str | None = None
    notes: str | None = None
    confirmed: bool = True


def take_over(transaction: Transaction, actor: str, people: Sequence[LabelledPerson]) -> int:
    """Give the tracklets that have no identity yet the one that others of the same person have, or else a new one.

    Said twice, it changes nothing more.

    Returns:
        How many identities were founded.
    """
    founded, change = 0, None
    for person in people:
        known = [
            row
            for key in person.keys
            for row in transaction.rows("SELECT id, identity FROM tracklets WHERE key = ?", (key,))
        ]
        free = [number for number, identity in known if identity is None]
        if not free:
            continue
        change = begin_change(transaction, "import", actor) if change is None else change
        having = Counter(identity for _, identity in known if identity is not None).most_common(1)
        number = having[0][0] if having else found_identity(transaction)
        move(transaction, change, [Move(tracklet, None, number) for tracklet in free])
        if not having:
            founded += 1
            edit(transaction, change, number, person.name, person.notes, person.confirmed)
    return founded
