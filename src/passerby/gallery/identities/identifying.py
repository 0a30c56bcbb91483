"""Find out who is who: CION's correlation of all tracklets, around what people have confirmed and decided.

Every run compares all tracklets, so the outcome does not depend on the order in which they came. Groups that it finds
keep the number of the identity that most of their tracklets had, so that an identity stays the same when some join it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.columns.columns import Columns
from passerby.gallery.database import Database, Transaction
from passerby.gallery.identities.apart import Circumstances, read_circumstances
from passerby.gallery.identities.decisions import persons_of, read_confirmed, read_decisions
from passerby.gallery.identities.history import Move, begin_change, move, state_of_identities
from passerby.gallery.identities.people import found_identity
from passerby.gallery.probability.calibration import Calibration
from passerby.progress import Progress
from passerby.tracklets.grouping import group_decided
from passerby.tracklets.thresholds.calibration import FALSE_LINKS

Integers = NDArray[np.int64]

_LAXEST = 0.01
"""Of pairs of different people no more than this share is ever taken for one person: it matters in small galleries."""

_ATTEMPTS = 5


class Identified(NamedTuple):
    """What became of identities.

    Attributes:
        identities: how many the tracklets compared belong to now.
        founded: how many of them are new.
        moved: how many tracklets have another identity than before, or one for the first time.
        threshold: the cosine from which on two groups of tracklets, on average, were taken for one person.
    """

    identities: int
    founded: int
    moved: int
    threshold: float


def threshold_for(calibration: Calibration, false_links: float, tracklets: int) -> float:
    """The cosine from which on tracklets are taken for one person.

    Args:
        calibration: of the gallery.
        false_links: how many tracklets of other people each may be as similar to, on average.
        tracklets: how many are compared.

    Raises:
        GalleryError: the gallery knows too few pairs of different people, or `false_links` is not above 0.
    """
    if not false_links > 0:
        raise GalleryError(f"false_links is a number above 0, not {false_links}")
    if not calibration.rates:
        calibration.threshold(_LAXEST)  # says what is missing
    return calibration.careful_threshold(min(_LAXEST, false_links / max(1, tracklets - 1)))


def default_false_links() -> float:
    """How many wrong links a tracklet may have, as when tracklets of videos are denoised by average linkage."""
    return FALSE_LINKS["average"]


class _Known(NamedTuple):
    """What a run starts from: of T tracklets, ascending by number."""

    state: tuple[str | None, str | None]
    numbers: Integers
    features: NDArray[np.float32]
    identities: Integers  # 0 for none
    together: Integers
    circumstances: Circumstances


def identify(database: Database, columns: Columns, threshold: float, actor: str, *, show: bool = False) -> Identified:
    """Find out who is who, and keep it.

    Tracklets of identities that are confirmed stay where they are; others may join them.

    Args:
        database: of the gallery.
        columns: of the model by which tracklets are compared; tracklets without its features are left as they are.
        threshold: the cosine from which on groups of tracklets, on average, are one person.
        actor: who asks for it.
        show: whether to show progress.

    Raises:
        GalleryError: not a cosine between -1 and 1, or others keep changing identities meanwhile.
    """
    if not -1 < threshold < 1:
        raise GalleryError(f"threshold is a cosine between -1 and 1, not {threshold}")
    for _ in range(_ATTEMPTS):
        with database.reading() as transaction:
            known = _read(transaction, columns)
        with Progress("identify", known.numbers.size, unit="tracklets", quiet=not show) as progress:
            groups = group_decided(
                known.features,
                1 - threshold,
                together=known.together,
                apart=known.circumstances.apart,
                advance=progress.advance,
            )
        with database.writing() as transaction:
            if state_of_identities(transaction) == known.state:
                founded, moved = _keep(transaction, known, groups, actor)
                return Identified(int(groups.max(initial=-1)) + 1, founded, moved, threshold)
    raise GalleryError(f"{database.location}: others keep changing identities: identify again when they are done")


def _read(transaction: Transaction, columns: Columns) -> _Known:
    rows = transaction.rows("SELECT id, coalesce(identity, 0) FROM tracklets ORDER BY id")
    owners = np.array(rows, np.int64).reshape(len(rows), 2)
    order = np.argsort(columns.tracklets)
    order = order[np.isin(columns.tracklets[order], owners[:, 0])]  # some may have been erased meanwhile
    numbers = columns.tracklets[order]
    confirmed, decisions = read_confirmed(transaction), read_decisions(transaction)
    persons = persons_of(confirmed, decisions)
    features = columns.features[order].astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    places = np.unique([persons.get(number, 0) for number in numbers.tolist()], return_inverse=True)[1]
    unknown = np.array([number not in persons for number in numbers.tolist()], np.bool_)
    return _Known(
        state=state_of_identities(transaction),
        numbers=numbers,
        features=features,
        identities=owners[np.searchsorted(owners[:, 0], numbers), 1],
        together=np.where(unknown, -1, places).astype(np.int64),
        circumstances=read_circumstances(transaction, numbers, confirmed, decisions),
    )


def _keep(transaction: Transaction, known: _Known, groups: Integers, actor: str) -> tuple[int, int]:
    """Write the identities of groups; how many were founded, and how many tracklets moved."""
    owners = owners_of(groups, known.identities, known.circumstances.confirmed)
    unowned = np.flatnonzero(owners == 0)
    if not unowned.size and (owners[groups] == known.identities).all():
        return 0, 0
    change = begin_change(transaction, "identify", actor)
    owners[unowned] = [found_identity(transaction) for _ in unowned]
    new = owners[groups]
    moved = np.flatnonzero(new != known.identities)
    moves = zip(*(each[moved].tolist() for each in (known.numbers, known.identities, new)), strict=True)
    move(transaction, change, [Move(tracklet, old or None, identity) for tracklet, old, identity in moves])
    return unowned.size, moved.size


def owners_of(groups: Integers, identities: Integers, confirmed: Integers) -> Integers:
    """The identity that each group goes on as, int64 [G]; 0 for a new one.

    A group with tracklets of a confirmed identity is that identity. Of the others, those that share most tracklets with
    an identity get its number first, and of equal ones the identity, then the group, that is older.

    Args:
        groups: int64 [T], 0..G-1.
        identities: int64 [T], before; 0 for none.
        confirmed: int64 [T], the same where it is confirmed; else 0.
    """
    owners = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
    owners[groups[confirmed > 0]] = confirmed[confirmed > 0]
    free = (identities > 0) & (confirmed == 0) & (owners[groups] == 0)
    pairs, counts = np.unique(np.stack([identities[free], groups[free]]), axis=1, return_counts=True)
    taken: set[int] = set(owners.tolist())
    for place in _by_size(pairs, counts):
        identity, group = pairs[:, place].tolist()
        if not owners[group] and identity not in taken:
            owners[group] = identity
            taken.add(identity)
    return owners


def _by_size(pairs: Integers, counts: Integers) -> Sequence[int]:
    ordered: list[int] = np.lexsort((pairs[1], pairs[0], -counts)).tolist()
    return ordered
