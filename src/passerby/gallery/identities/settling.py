"""Answer whether a doubtful join is one person, and let it take effect at once, as one change that can be undone."""

from passerby.gallery.database import Transaction
from passerby.gallery.identities.decisions import check_decision
from passerby.gallery.identities.doubts import Doubt
from passerby.gallery.identities.history import Move, begin_change, identity_of, move
from passerby.gallery.identities.history import decide as write_decision
from passerby.gallery.identities.people import found_identity


def settle(
    transaction: Transaction, actor: str, first: int, second: int, *, same: bool, join: Doubt | None
) -> tuple[int, int]:
    """Keep what was said of two tracklets, and give their identities' tracklets where they belong.

    One person: their identities become one, which keeps the number of the confirmed one, or of the larger. Two people
    that were one identity: the smaller side of the join leaves it.

    Args:
        transaction: writes the gallery.
        actor: who says it.
        first: a tracklet.
        second: another one, of a higher number.
        same: whether they are one person.
        join: by which they came together, where they are one identity.

    Returns:
        The change's number, and how many tracklets moved.

    Raises:
        GalleryError: there is no such tracklet, or it contradicts other decisions or confirmed identities.
    """
    check_decision(transaction, first, second, same)
    owners = identity_of(transaction, first), identity_of(transaction, second)
    change = begin_change(transaction, "decide", actor)
    write_decision(transaction, change, first, second, same)
    moves: list[Move] = []
    if same and (owners[0] != owners[1] or owners[0] is None):
        moves = _together(transaction, (first, second), owners)
    elif not same and join is not None:
        leaving = min(reversed(join.sides), key=len)
        new = found_identity(transaction)
        moves = [Move(tracklet, owners[0], new) for tracklet in leaving]
    move(transaction, change, moves)
    return change, len(moves)


def _together(transaction: Transaction, pair: tuple[int, int], owners: tuple[int | None, int | None]) -> list[Move]:
    sizes = {}
    for owner in owners:
        if owner is not None:
            ((sure, count),) = transaction.rows(
                "SELECT confirmed, (SELECT count(*) FROM tracklets WHERE identity = identities.id) FROM identities"
                " WHERE id = ?",
                (owner,),
            )
            sizes[owner] = (-sure, -count, owner)
    into = min(sizes, key=lambda each: sizes[each]) if sizes else found_identity(transaction)
    moves = [Move(tracklet, None, into) for tracklet, owner in zip(pair, owners, strict=True) if owner is None]
    for owner in owners:
        if owner is not None and owner != into:
            rows = transaction.rows("SELECT id FROM tracklets WHERE identity = ? ORDER BY id", (owner,))
            moves += [Move(tracklet, owner, into) for (tracklet,) in rows]
    return moves
