"""A service of a gallery, asked from Python."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from passerby.errors import DataError, ServiceError
from passerby.gallery.jobs import ENDED
from passerby.gallery.search import EVERYTHING, Filters
from passerby.printable import printable_line
from passerby.serve.client.answers import FoundTracklet, JobStatus, KnownIdentity, SearchResult, read
from passerby.serve.client.transport import Transport, form_of

Picture = str | Path | bytes | Image.Image
"""A file, the content of one, or a PIL image."""

_PAGE = 500


class Client:
    """A service that `passerby serve` runs.

    Examples:
        >>> client = passerby.Client("http://localhost:8000", key)
        >>> for person in client.search(picture="street.jpg", reason="lost child").queries:
        ...     print(person.box, person.hits[0].camera, person.hits[0].probability)

    Args:
        url: its address.
        key: as `passerby gallery key add` printed it; None where the service needs none.
        reason: for the gallery's log, where a call says nothing else.
        timeout: seconds to wait for an answer.

    Raises:
        ServiceError: this is no address.
    """

    def __init__(self, url: str, key: str | None = None, *, reason: str = "", timeout: float = 60.0) -> None:
        self._transport, self._reason = Transport(url, key, timeout), reason

    def search(
        self,
        *,
        picture: Picture | Sequence[Picture] = (),
        crop: Picture | Sequence[Picture] = (),
        text: str | None = None,
        tracklet: int | None = None,
        filters: Filters = EVERYTHING,
        count: int = 20,
        by_identity: bool = False,
        false_match_rate: float | None = None,
        reason: str | None = None,
    ) -> SearchResult:
        """Find people.

        Args:
            picture: whole photographs: everybody in them is looked for.
            crop: pictures of one person and little else; one query together.
            text: a sentence about a person.
            tracklet: a tracklet of the gallery.
            filters: which tracklets count, as of `passerby.search`.
            count: hits at most, of each person looked for.
            by_identity: of each identity only the best tracklet.
            false_match_rate: leave out who is less alike than all but this share of different people.
            reason: for the gallery's log.

        Raises:
            ServiceError: the service cannot be reached, or says no; not where only some pictures cannot be used, or
                all, which stand in `refused` then.
            DataError: a picture cannot be read.
        """
        files = [("picture", *_file(each)) for each in _several(picture)]
        files += [("crop", *_file(each)) for each in _several(crop)]
        fields = {
            "text": text,
            "tracklet": tracklet,
            "cameras": None if filters.cameras is None else list(filters.cameras),
            "since": filters.since and filters.since.isoformat(),
            "until": filters.until and filters.until.isoformat(),
            "min_height": filters.min_height,
            "min_visible": filters.min_visible,
            "count": count,
            "by_identity": str(by_identity).lower(),
            "false_match_rate": false_match_rate,
        }
        body, kind = form_of(fields, files)
        answer = self._json("POST", "/v1/search", body=body, kind=kind, reason=reason, accepted=[422])
        if "queries" not in answer:
            raise ServiceError(f"search: {printable_line(str(answer.get('error')))}")
        return read(SearchResult, answer)

    def tracklet(self, number: int, *, reason: str | None = None) -> FoundTracklet:
        """A tracklet by its number."""
        return read(FoundTracklet, self._json("GET", f"/v1/tracklets/{number}", reason=reason))

    def picture(self, address: str, *, reason: str | None = None) -> bytes:
        """The JPEG file of a picture, by its address in an answer."""
        return self._transport.content(address, reason=self._reason if reason is None else reason)

    def identities(self, *, name: str | None = None, reason: str | None = None) -> Iterator[KnownIdentity]:
        """All identities, those with most tracklets first; or those of a name that holds a text, or of a number."""
        offset, total = 0, 1
        while offset < total:
            query = {"offset": offset, "limit": _PAGE, "name": name}
            answer = self._json("GET", "/v1/identities", query=query, reason=reason)
            yield from (read(KnownIdentity, each) for each in answer["identities"])
            offset, total = offset + _PAGE, answer["total"]

    def identity(self, number: int, *, reason: str | None = None) -> KnownIdentity:
        """An identity by its number."""
        return read(KnownIdentity, self._json("GET", f"/v1/identities/{number}", reason=reason))

    def name(
        self, identity: int, name: str | None = None, *, notes: str | None = None, reason: str | None = None
    ) -> KnownIdentity:
        """Name an identity and write notes, which confirms it."""
        content = {"name": name, "notes": notes}
        answer = self._json("PATCH", f"/v1/identities/{identity}", content=content, reason=reason)
        return read(KnownIdentity, answer)

    def merge(self, into: int, *others: int, reason: str | None = None) -> KnownIdentity:
        """Make identities one."""
        content = {"into": into, "others": list(others)}
        return read(KnownIdentity, self._json("POST", "/v1/identities/merge", content=content, reason=reason))

    def split(self, identity: int, tracklets: Sequence[int], *, reason: str | None = None) -> KnownIdentity:
        """Take tracklets out of an identity; returns the new one."""
        content = {"tracklets": list(tracklets)}
        answer = self._json("POST", f"/v1/identities/{identity}/split", content=content, reason=reason)
        return read(KnownIdentity, answer["new"])

    def decide(self, first: int, second: int, *, same: bool, reason: str | None = None) -> None:
        """Say whether two tracklets are one person."""
        content = {"first": first, "second": second, "same": same}
        self._json("POST", "/v1/decisions", content=content, reason=reason)

    def undo(self, change: int | None = None, *, reason: str | None = None) -> dict[str, Any]:
        """Take a change of identities back: the one of this number, or the newest, whoever made it."""
        return dict(self._json("POST", "/v1/undo", content={"change": change}, reason=reason))

    def erase(self, identity: int, *, reason: str | None = None) -> dict[str, Any]:
        """Erase an identity; returns the receipt."""
        return dict(self._json("DELETE", f"/v1/identities/{identity}", reason=reason))

    def add_video(
        self,
        file: str | Path,
        *,
        camera: str | None = None,
        start: datetime | None = None,
        fps: float | None = None,
        reason: str | None = None,
    ) -> JobStatus:
        """Send a video, which is indexed in the background; `wait` waits for it.

        Args:
            file: the video.
            camera: which filmed it; by default it is called as the video.
            start: when it began, with time zone.
            fps: frames a second to analyse; None for all.
            reason: for the gallery's log.

        Raises:
            ServiceError: the service cannot be reached, or says no.
            DataError: the video cannot be read.
        """
        place = Path(file).expanduser()
        query = {"name": place.name, "camera": camera, "start": start and start.isoformat(), "fps": fps}
        try:
            opened = place.open("rb")
        except OSError as error:
            raise _unreadable(place, error, "video") from error
        with opened as stream:
            answer = self._json(
                "POST",
                "/v1/videos",
                query=query,
                body=stream,
                kind="application/octet-stream",
                length=place.stat().st_size,
                reason=reason,
            )
        return read(JobStatus, answer)

    def job(self, number: int) -> JobStatus:
        """How far a video is."""
        return read(JobStatus, self._json("GET", f"/v1/jobs/{number}"))

    def cancel(self, number: int) -> JobStatus:
        """End a job that has not ended."""
        return read(JobStatus, self._json("DELETE", f"/v1/jobs/{number}"))

    def wait(
        self, number: int, *, told: Callable[[JobStatus], None] | None = None, seconds_between: float = 1.0
    ) -> JobStatus:
        """Wait until a job has ended.

        Args:
            number: of the job.
            told: called with how far it is.
            seconds_between: looks.

        Raises:
            ServiceError: it failed; the message says why.
        """
        while True:
            job = self.job(number)
            if told is not None:
                told(job)
            if job.state == "failed":
                raise ServiceError(f"job {number} failed: {printable_line(job.message)}")
            if job.state in ENDED:
                return job
            time.sleep(seconds_between)

    def _json(self, method: str, path: str, *, reason: str | None = None, **more: Any) -> Any:
        return self._transport.json(method, path, reason=self._reason if reason is None else reason, **more)


def _several(pictures: Picture | Sequence[Picture]) -> list[Picture]:
    return [pictures] if isinstance(pictures, str | Path | bytes | Image.Image) else list(pictures)


def _file(picture: Picture) -> tuple[str, bytes]:
    if isinstance(picture, bytes):
        return "picture", picture
    if isinstance(picture, Image.Image):
        written = io.BytesIO()
        picture.convert("RGB").save(written, "PNG")
        return "picture.png", written.getvalue()
    place = Path(picture).expanduser()
    try:
        return place.name, place.read_bytes()
    except OSError as error:
        raise _unreadable(place, error, "picture") from error


def _unreadable(place: Path, error: OSError, kind: str) -> DataError:
    return DataError(f"{printable_line(str(place))}: cannot be read ({error.strerror}): name a file of a {kind}")
