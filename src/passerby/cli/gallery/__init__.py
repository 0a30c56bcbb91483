"""The commands of galleries: `passerby index`, `passerby search`, `passerby serve` and `passerby gallery`."""

import typer

from passerby.cli.gallery.index import register_index
from passerby.cli.gallery.keep import register_keep
from passerby.cli.gallery.search import register_search
from passerby.cli.gallery.serve import register_serve

ORDER = 3


def register(app: typer.Typer) -> None:
    """Add the commands."""
    register_index(app)
    register_search(app)
    register_serve(app)
    register_keep(app)
