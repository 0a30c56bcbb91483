"""Moments as the gallery keeps them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

from passerby.errors import GalleryError

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT = timedelta(microseconds=1)


def now() -> int:
    """This moment."""
    return microseconds(datetime.now(UTC))


def microseconds(moment: datetime) -> int:
    """A moment as the gallery keeps it.

    Raises:
        GalleryError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise GalleryError(f"{moment.isoformat()}: a time needs a time zone, such as {moment.isoformat()}+00:00")
    return (moment - _BEGIN) // _UNIT


def seconds_to_microseconds(seconds: float) -> int:
    """Seconds from the start of a video in the same unit."""
    return round(seconds * 1_000_000)


def moment(kept: int) -> datetime:
    """The moment that was kept, in UTC."""
    return _BEGIN + kept * _UNIT
