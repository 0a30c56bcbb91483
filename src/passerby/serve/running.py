"""Run a service: what `passerby serve` does."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from passerby.errors import DataError, GalleryError
from passerby.gallery.opening import shown_location
from passerby.printable import printable_line
from passerby.serve.app import create_app
from passerby.serve.security.connections import impatient_protocol
from passerby.serve.security.guard import HEAD_BYTES, is_loopback
from passerby.serve.settings import ServiceSettings
from passerby.serve.state.service import Service
from passerby.video.detection.opening import DEFAULT_DETECTOR

_BACKLOG = 512
_SECONDS_TO_FINISH = 5


def serve(
    gallery: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    model: str | Path | None = None,
    device: str | None = None,
    detector: str | Path = DEFAULT_DETECTOR,
    settings: ServiceSettings | None = None,
    started: Callable[[str, bool], None] | None = None,
) -> None:
    """Answer requests until the process is told to end (SIGINT, SIGTERM).

    Args:
        gallery: its folder, or the address of a PostgreSQL server.
        host: the address to listen at; another than this computer's own needs a key in the gallery.
        port: likewise; 0 for any that is free.
        model: as of `passerby.search`.
        device: where models compute.
        detector: finds the people of photographs.
        settings: the rarely used ones.
        started: called with the service's address, and whether it asks for keys, when it listens.

    Raises:
        GalleryError: there is no gallery, or the address can be reached from outside and the gallery has no key.
        DataError: the address cannot be listened at.
    """
    local = is_loopback(host)
    service = Service(gallery, settings, model=model, device=device, detector=detector)
    try:
        keys = bool(service.gallery.keys())
        if not local and not keys:
            raise GalleryError(
                f"{printable_line(host)} can be reached from other computers, and the gallery has no key: make one "
                f"with `passerby gallery key add {shown_location(gallery)} NAME --role admin`, or leave out --host"
            )
        listener = _listen(host, port)
    except BaseException:
        service.close()
        raise
    with listener:
        if started is not None:
            shown = f"[{host}]" if ":" in host else host
            started(f"http://{shown}:{listener.getsockname()[1]}", keys)
        try:
            uvicorn.Server(_configuration(service, local=local)).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn has ended everything in order, and raises it once more
            return


def _configuration(service: Service, *, local: bool) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service, local=local),
        http=impatient_protocol(service.settings.seconds_for_headers),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        limit_concurrency=service.settings.connections,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise DataError(f"{printable_line(host)}: is no address of this computer ({error.strerror})") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise DataError(
            f"{printable_line(host)}:{port} cannot be listened at ({error.strerror}): name another with --port"
        ) from error
    return listener
