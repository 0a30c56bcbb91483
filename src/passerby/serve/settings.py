"""Rarely used settings of the service: `passerby serve GALLERY --set picture_bytes=50000000`."""

from pydantic import Field

from passerby.config import Section


class ServiceSettings(Section):
    """What a request may cost, and how long things last."""

    picture_bytes: int = Field(20_000_000, ge=1)
    """Bytes that a request may hold, all pictures of a search together; videos apart."""

    picture_pixels: int = Field(50_000_000, ge=1)
    """Pixels of a picture, width × height."""

    pictures: int = Field(8, ge=1)
    """Pictures in one search."""

    people: int = Field(50, ge=1)
    """People in one photograph who are searched for; one that shows more is refused."""

    video_bytes: int = Field(8_000_000_000, ge=1)
    """Bytes of an uploaded video."""

    requests_per_second: float = Field(20.0, gt=0)
    """Requests that a key, or an address without one, may make every second on average; pictures of people apart."""

    burst: int = Field(200, ge=1)
    """Requests that may come at once before that counts."""

    picture_requests_per_second: float = Field(200.0, gt=0)
    """The same for pictures of people, of which a page shows many."""

    failures_per_minute: int = Field(10, ge=1)
    """Wrong keys that an address may try in a minute."""

    seconds_for_headers: float = Field(10.0, gt=0)
    """How long a client may take to send the head of a request."""

    seconds_between_bytes: float = Field(15.0, gt=0)
    """How long a client may pause while it sends the body of a request."""

    connections: int = Field(500, ge=1)
    """Connections open at once; more are answered that the service is busy."""

    hours_signed_in: float = Field(12.0, gt=0)
    """How long the page stays signed in."""

    secure_cookie: bool = False
    """Whether the page's cookie is for HTTPS only: set it where a proxy with TLS stands before the service."""

    threads: int = Field(8, ge=1)
    """Requests that are worked on at once."""
