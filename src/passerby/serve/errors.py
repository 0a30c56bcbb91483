"""What a request is answered that is not answered otherwise: a status and one line."""

from collections.abc import Mapping


class RefusedError(Exception):
    """A request that is not let in, or cannot be answered.

    Args:
        status: of HTTP.
        message: one line: what is wrong, and what to do.
        headers: to send along.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})
