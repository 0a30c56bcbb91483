"""Requests to a service, and its errors in one line."""

import json
import secrets
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from passerby.errors import ServiceError
from passerby.printable import printable_line

_LONGEST_ERROR = 100_000
_NO_SERVICE = "this is no service of passerby, or it is broken"


class _NoRedirects(HTTPRedirectHandler):
    """A key is sent to the service that was named, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


class Transport:
    """Sends requests with a key.

    Args:
        url: of the service.
        key: None where the service needs none.
        timeout: seconds to wait for an answer.

    Raises:
        ServiceError: this is no address of a service.
    """

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceError(f"{printable_line(url)}: an address is http:// or https:// and the name of a computer")
        if key is not None and (not key.isascii() or not key.isprintable()):
            raise ServiceError("the key holds characters that no key has: copy it once more")
        self._url, self._key, self._timeout = url.rstrip("/"), key, timeout
        self._opener = build_opener(_NoRedirects)

    def json(
        self,
        method: str,
        path: str,
        *,
        content: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        reason: str = "",
        body: bytes | IO[bytes] | None = None,
        kind: str = "application/json",
        length: int | None = None,
        accepted: Iterable[int] = (),
    ) -> Any:
        """What is answered.

        Args:
            method: of HTTP.
            path: below the service's address.
            content: sent as JSON.
            query: behind the path; None values are left out.
            reason: for the gallery's log.
            body: sent as it is, instead of `content`.
            kind: of the body.
            length: of a body that is a stream.
            accepted: statuses of errors whose content is given back too.

        Raises:
            ServiceError: the service cannot be reached, or says no.
        """
        data = json.dumps(dict(content)).encode() if content is not None else body
        headers = {"Content-Type": kind} if data is not None else {}
        if length is not None:
            headers["Content-Length"] = str(length)
        status, answer = self._ask(method, path + _query(query), data, headers, reason)
        if status >= 400 and status not in accepted:
            raise ServiceError(f"{self._url}{path}: {_complaint(answer, status)}")
        try:
            return json.loads(answer) if answer else None
        except ValueError as error:
            raise ServiceError(f"{self._url}{path}: {_NO_SERVICE}") from error

    def content(self, path: str, *, reason: str = "") -> bytes:
        """What is answered, as it is.

        Raises:
            ServiceError: the service cannot be reached, says no, or the path is none below its address.
        """
        if not path.startswith("/"):  # it could make another address of the service's
            raise ServiceError(f"{printable_line(path)}: begins with no /, as the addresses in answers do")
        status, answer = self._ask("GET", path, None, {}, reason)
        if status >= 400:
            raise ServiceError(f"{self._url}{path}: {_complaint(answer, status)}")
        return answer

    def _ask(
        self, method: str, path: str, data: "bytes | IO[bytes] | None", headers: dict[str, str], reason: str
    ) -> tuple[int, bytes]:
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        if reason:
            headers["X-Reason"] = quote(reason)
        request = Request(self._url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read(_LONGEST_ERROR)
        except (URLError, OSError, HTTPException) as error:
            told = getattr(error, "reason", error)
            raise ServiceError(
                f"{self._url}: does not answer ({printable_line(str(told))}): see whether `passerby serve` runs there"
            ) from error


def form_of(fields: Mapping[str, Any], files: Iterable[tuple[str, str, bytes]]) -> tuple[bytes, str]:
    """A form (multipart/form-data) and its content type.

    Args:
        fields: values by name; of a list one for each, None is left out.
        files: field, file name and content of each.
    """
    boundary = secrets.token_hex(16)
    parts = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                parts.append(
                    f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{each}\r\n'.encode()
                )
    for name, file, content in files:
        shown = quote(Path(file).name, safe=" ()[]{}+-_.,=@&")
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{shown}"\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _query(query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _complaint(answer: bytes, status: int) -> str:
    try:
        told = json.loads(answer)["error"]
    except (ValueError, KeyError, TypeError):
        told = _NO_SERVICE
    return f"{printable_line(str(told))} (status {status})"
