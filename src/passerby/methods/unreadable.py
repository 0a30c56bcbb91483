"""What a user is told when an image turns out to be unreadable in the middle of the work."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from passerby.data.pixels import read_image
from passerby.data.reading import in_threads, refuse_unreadable
from passerby.data.split import Split
from passerby.errors import DataError


@contextmanager
def explaining_unreadable(split: Split, *, quiet: bool = False) -> Iterator[None]:
    """Turn the complaint about the first unreadable image into one that counts them all and says what can be done.

    The first tells neither how much of the data is damaged nor that the rest could be used; decoding everything once is
    cheap beside finding one image per attempt.
    """
    try:
        yield
    except DataError as error:
        complaints = _complaints(split, quiet=quiet)
        if not complaints:  # it was about something else
            raise
        try:
            refuse_unreadable(complaints, len(split))
        except DataError as explained:
            raise explained from error


def _complaints(split: Split, *, quiet: bool) -> list[str]:
    def check(row: int) -> str | None:
        try:
            read_image(split.path(row))
        except DataError as error:
            return str(error)
        return None

    rows = np.arange(len(split))
    blocks = in_threads(check, rows, "looking for other unreadable images", show=not quiet)
    return [complaint for _, found in blocks for complaint in found if complaint is not None]
