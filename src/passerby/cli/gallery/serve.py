"""`passerby serve`: a gallery as a service."""

from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument
from passerby.cli.options import MODEL, Device, Settings, keys_option, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import START, command

if TYPE_CHECKING:
    from passerby.serve.settings import ServiceSettings

_ABOUT = """Serve a gallery on this computer: an HTTP interface to search, correct, add and erase.

While the gallery has no keys, whoever sits at this computer may do everything. `passerby gallery key add` makes a key;
from then on nobody comes in without one. To listen at another address than this computer's own, a key is needed.
"""

_EXAMPLES = ("passerby serve gallery", "passerby serve gallery --port 9000 --host 0.0.0.0")


def _schema() -> "type[ServiceSettings]":
    from passerby.serve.settings import ServiceSettings

    return ServiceSettings


def register_serve(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "serve", serve, _ABOUT, *_EXAMPLES, panel=START)


def serve(
    gallery: GalleryArgument,
    port: Annotated[int, option("N", "Where to listen; 0 for any that is free.", at_least=0, at_most=65535)] = 8000,
    host: Annotated[str, option("ADDRESS", "At which address of this computer.")] = "127.0.0.1",
    model: Annotated[
        str | None, option("MODEL", "The one the gallery was made with; default: as it was named then.", panel=MODEL)
    ] = None,
    detector: Annotated[
        str, option("NAME", "Finds the people of photographs: yolox-nano, hog, or a model file.", panel=MODEL)
    ] = "yolox-nano",
    device: Device = None,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_schema)] = False,
) -> None:
    """Parse, serve."""
    from passerby.config import read_settings
    from passerby.serve.running import serve as run

    read = read_settings(_schema(), settings or ())
    run(gallery, host=host, port=port, model=model, device=device, detector=detector, settings=read, started=_started)


def _started(address: str, keys: bool) -> None:
    echo(f"Listening at {address}, a page for the browser; programs: see {address}/docs. Ctrl-C ends it.")
    if not keys:
        echo("The gallery has no keys: whoever sits at this computer may do everything.")
