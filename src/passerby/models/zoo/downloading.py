"""One file from a web server: with progress, resumed where it broke off, and checked before it takes its name."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from passerby.errors import CheckpointError
from passerby.models.zoo.card_files import file_digest
from passerby.output_lock import alone_at
from passerby.printable import printable
from passerby.progress import Progress
from passerby.version import __version__

_BLOCK = 1 << 16
_MOST_BYTES = 1 << 34
_KILOBYTE = 1000


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        seconds: without a byte, after which a connection counts as broken.
        attempts: one after another without a single new byte, after which it is given up.
        pause: seconds before the second of these; doubled before each further one.
    """

    seconds: float = 30.0
    attempts: int = 4
    pause: float = 1.0


PATIENT = Patience()


class _BrokenOffError(Exception):
    """The connection ended, or gave nothing for too long; another attempt may succeed."""


def download(
    url: str, out: Path, *, digest: str, size: int = 0, patience: Patience = PATIENT, quiet: bool = False
) -> None:
    """Fetch a file; `out` exists only with the right content.

    What has come lies in `.NAME.part` beside it until all has; the same call continues there.

    Args:
        url: of http or https.
        out: the file to write.
        digest: SHA-256 or SHA-384 that it must have, in hexadecimal digits.
        size: bytes that it must have; 0: not known.
        patience: with the server.
        quiet: show no progress.

    Raises:
        CheckpointError: the server refuses, is silent for too long, or gives another file.
        DataError: another process fetches the same file.
    """
    part = out.with_name(f".{out.name}.part")
    with alone_at(out):
        resumed = part.is_file() and part.stat().st_size > 0
        _fetch(url, part, size, patience, quiet)
        if resumed and not _is(part, digest):  # the server may have another file by now: once from the beginning
            part.unlink()
            _fetch(url, part, size, patience, quiet)
        if not _is(part, digest):
            found = file_digest(part, _algorithm(digest))
            part.unlink()
            raise CheckpointError(
                f"{url}: gave a file with hash {found[:16]}…, but {digest[:16]}… is expected: it is not the published "
                "file, and was thrown away"
            )
        part.replace(out)


def check_file(file: Path, digest: str) -> bool:
    """Whether a file has this SHA-256 or SHA-384."""
    return file.is_file() and _is(file, digest)


def _is(file: Path, digest: str) -> bool:
    return file_digest(file, _algorithm(digest)) == digest.lower()


def _algorithm(digest: str) -> str:
    return "sha384" if len(digest) == 96 else "sha256"


def _fetch(url: str, part: Path, size: int, patience: Patience, quiet: bool) -> None:
    """Append to `part` until the file is complete."""
    in_vain = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            _attempt(url, part, size, patience.seconds, quiet)
            return
        except _BrokenOffError as error:
            got = part.stat().st_size if part.is_file() else 0
            in_vain = 0 if got > before else in_vain + 1
            if in_vain >= patience.attempts:
                kept = f"; {got:,} bytes are kept, and the same command continues" if got else ""
                raise CheckpointError(f"{url}: {printable(str(error))}{kept}") from None
            time.sleep(patience.pause * 2 ** max(in_vain - 1, 0) if in_vain else 0)


def _attempt(url: str, part: Path, size: int, seconds: float, quiet: bool) -> None:
    """One connection: continues `part`, or begins anew where the server does not continue."""
    have = part.stat().st_size if part.is_file() else 0
    if size and have == size:
        return
    if size and have > size:
        part.unlink()
        have = 0
    with _opened(url, have, seconds) as answer:
        if answer is None:  # it has nothing after these bytes
            return
        first = have if answer.status == 206 and _begins_at(answer.headers, have) else 0
        total = _total(answer.headers, first)
        if size and total is not None and total != size:
            raise CheckpointError(f"{url}: announces {total:,} bytes, but the published file has {size:,}")
        limit = size or total or _MOST_BYTES
        progress = Progress(
            f"fetching {part.name[1:-5]}", limit // _KILOBYTE, done=first // _KILOBYTE, unit="kB", quiet=quiet
        )
        with progress, part.open("ab" if first else "wb") as file:
            got = _copy(answer, file, first, limit, progress)
        if got > limit:
            part.unlink()
            raise CheckpointError(f"{url}: gives more than {limit:,} bytes, which the file should have")
        if (total is not None and got < total) or (size and got < size):
            raise _BrokenOffError(f"the connection broke off after {got:,} of {size or total:,} bytes")


def _copy(answer: Any, file: IO[bytes], got: int, limit: int, progress: Progress) -> int:
    """Write what comes; the bytes that the file has then, one too many where more than `limit` came."""
    while got <= limit:
        try:
            block = answer.read1(min(_BLOCK, limit + 1 - got))
        except (OSError, HTTPException) as error:
            raise _BrokenOffError(f"the connection broke off after {got:,} bytes ({_reason(error)})") from error
        if not block:
            break
        file.write(block)
        progress.advance((got + len(block)) // _KILOBYTE - got // _KILOBYTE)
        got += len(block)
    return got


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.full_url.startswith("https:") and scheme != "https"):
            raise CheckpointError(f"{req.full_url}: redirects to {printable(newurl)}, which is not safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _opened(url: str, first: int, seconds: float) -> Iterator[Any]:
    """The server's answer to a request from byte `first` on; None where the file has no more."""
    headers = {"User-Agent": f"passerby/{__version__}", "Accept-Encoding": "identity"}
    if first:
        headers["Range"] = f"bytes={first}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.build_opener(_SafeRedirects).open(request, timeout=seconds)
    except urllib.error.HTTPError as error:
        if error.code == 416 and first:
            yield None
            return
        fault = f"the server answers {error.code} {error.reason}"
        if error.code >= 500 or error.code in (408, 429):
            raise _BrokenOffError(fault) from error
        raise CheckpointError(f"{url}: {printable(fault)}") from error
    except (OSError, HTTPException) as error:  # URLError is an OSError
        raise _BrokenOffError(f"the server cannot be reached ({_reason(error)})") from error
    with answer:
        yield answer


def _begins_at(headers: Message, first: int) -> bool:
    return str(headers.get("Content-Range", "")).startswith(f"bytes {first}-")


def _total(headers: Message, first: int) -> int | None:
    """Bytes of the whole file as the server announces them; None where it does not."""
    announced = str(headers.get("Content-Length", ""))
    return first + int(announced) if announced.isdecimal() else None


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(reason).split())
