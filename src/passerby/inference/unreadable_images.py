"""Errors about images that turn out to be unreadable in the middle of the work."""

from collections.abc import Iterator
from contextlib import contextmanager

from passerby.data.pixels.reading import check_readable, find_unreadable
from passerby.data.split import Split
from passerby.errors import DataError


@contextmanager
def explaining_unreadable(split: Split, *, quiet: bool = False) -> Iterator[None]:
    """Replace the error about the first unreadable image by one that counts them all and names the remedy.

    The first tells neither how much of the data is damaged nor that the rest could be used; decoding everything once is
    cheap beside finding one image per attempt.
    """
    try:
        yield
    except DataError as error:
        complaints = find_unreadable(split, "looking for other unreadable images", show=not quiet)
        if not complaints:  # it was about something else
            raise
        try:
            check_readable(list(complaints.values()), len(split))
        except DataError as explained:
            raise explained from error
