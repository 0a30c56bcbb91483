"""The part of a gallery that has pictures: the crops of tracklets."""

from collections.abc import Sequence
from typing import NamedTuple

from passerby.errors import NotInGalleryError
from passerby.gallery.database import Database, in_parts
from passerby.gallery.records import Crop


class CropFile(NamedTuple):
    """A crop without its pixels.

    Attributes:
        frame: the frame's number in its video.
        size: bytes of its file.
    """

    frame: int
    size: int


class Pictured:
    """Crops of the tracklets of a gallery."""

    _database: Database

    def crops(self, number: int) -> list[Crop]:
        """The pictures of a tracklet, by frame."""
        with self._database.reading() as transaction:
            rows = transaction.rows("SELECT frame, jpeg FROM crops WHERE tracklet = ? ORDER BY frame", (number,))
        return [Crop(*row) for row in rows]

    def crop(self, number: int, place: int) -> Crop:
        """One picture of a tracklet.

        Args:
            number: of the tracklet.
            place: of the picture by frame, from 0.

        Raises:
            NotInGalleryError: there is no such picture.
        """
        statement = "SELECT frame, jpeg FROM crops WHERE tracklet = ? ORDER BY frame LIMIT 1 OFFSET ?"
        with self._database.reading() as transaction:
            rows = transaction.rows(statement, (number, place)) if place >= 0 else []
        if not rows:
            raise NotInGalleryError(f"tracklet {number} has no picture {place}, or is not in the gallery")
        return Crop(*rows[0])

    def crop_files(self, numbers: Sequence[int]) -> dict[int, list[CropFile]]:
        """Which pictures tracklets have, by frame, without reading them; those without any are not in it."""
        found: dict[int, list[CropFile]] = {}
        with self._database.reading() as transaction:
            for some, marks in in_parts(numbers):
                statement = (
                    "SELECT tracklet, frame, length(jpeg) FROM crops"
                    f" WHERE tracklet IN ({marks}) ORDER BY tracklet, frame"
                )
                for number, frame, size in transaction.rows(statement, some):
                    found.setdefault(number, []).append(CropFile(frame, size))
        return found
