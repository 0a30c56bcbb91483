"""What an erasure would take away, before somebody asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.errors import NotInGalleryError
from passerby.gallery.database import Transaction, in_parts
from passerby.gallery.holding import held_tracklets


@dataclass(frozen=True)
class ErasurePreview:
    """What an erasure would take away.

    Attributes:
        tracklets: how many.
        crops, features: how many pictures and features of them.
        cameras: that filmed them, sorted.
        names: of identities that have no other tracklets, and would go.
        held: numbers of those under a legal hold, ascending: nothing can be erased until they are released.
        files: pages, pictures and tables that this gallery knows to show them; videos, folders of `passerby track`, and
            copies that somebody made elsewhere are not touched.
    """

    tracklets: int
    crops: int
    features: int
    cameras: tuple[str, ...]
    names: tuple[str, ...]
    held: tuple[int, ...]
    files: tuple[str, ...]


def preview_erasure(transaction: Transaction, numbers: Sequence[int]) -> ErasurePreview:
    """What erasing tracklets would take away.

    Raises:
        NotInGalleryError: there is no such tracklet.
    """
    wanted = sorted(set(numbers))
    there: set[int] = set()
    cameras: set[str] = set()
    files: set[str] = set()
    counts = {"crops": 0, "features": 0}
    leaving: dict[int, int] = {}
    for some, marks in in_parts(wanted):
        for number, camera, identity in transaction.rows(
            f"SELECT id, camera, identity FROM tracklets WHERE id IN ({marks})", some
        ):
            there.add(number)
            cameras.add(camera)
            if identity is not None:
                leaving[identity] = leaving.get(identity, 0) + 1
        for table in counts:
            statement = f"SELECT count(*) FROM {table} WHERE tracklet IN ({marks})"
            counts[table] += int(transaction.rows(statement, some)[0][0])
        showing = f"SELECT path FROM written JOIN shown ON shown.written = written.id WHERE tracklet IN ({marks})"
        files.update(path for (path,) in transaction.rows(showing, some))
    if missing := [number for number in wanted if number not in there]:
        raise NotInGalleryError(f"there is no tracklet {missing[0]}: it was never added, or is erased")
    return ErasurePreview(
        tracklets=len(wanted),
        **counts,
        cameras=tuple(sorted(cameras)),
        names=tuple(_names(transaction, leaving)),
        held=tuple(sorted(held_tracklets(transaction) & there)),
        files=tuple(sorted(files)),
    )


def _names(transaction: Transaction, leaving: dict[int, int]) -> list[str]:
    """Names of identities that lose all their tracklets."""
    names = []
    for identity, gone in sorted(leaving.items()):
        ((name, total),) = transaction.rows(
            "SELECT name, (SELECT count(*) FROM tracklets WHERE identity = identities.id) FROM identities WHERE id = ?",
            (identity,),
        )
        if name is not None and total == gone:
            names.append(name)
    return names
