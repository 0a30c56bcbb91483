"""The commands of galleries: `passerby index`, `search`, `serve`, `gallery` and `adapt`."""

import typer

from passerby.cli.gallery.adapt import register_adapt
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
    register_adapt(app)
