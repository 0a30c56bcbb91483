"""`passerby gallery key`: who may use a gallery through `passerby serve`."""

from typing import Annotated, Literal

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import AsJson, argument, flag, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import command, group

_ABOUT = "Keys of a gallery's service: who may use it through `passerby serve`."

_ADD = """Make a key, and print it once: the gallery keeps only its hash.

A viewer may search and look, a reviewer may also say who is who and place holds, an admin may also add videos, erase,
and read the log.
"""

_LIST = "List the keys of a gallery; not the keys themselves, which only their owners have."

_REMOVE = "Remove a key: from then on it opens nothing."

_REASONS = "Ask for a reason for every search, view and erasure, or do not."

NameArgument = Annotated[str, argument("NAME", "Whose it is; stands in the gallery's log.")]


def register_keys(gallery: typer.Typer) -> None:
    """Add the commands to the group."""
    keys = group(_ABOUT, "passerby gallery key add gallery anna --role reviewer")
    command(keys, "add", add, _ADD, "passerby gallery key add gallery anna --role reviewer")
    command(keys, "list", list_, _LIST, "passerby gallery key list gallery")
    command(keys, "remove", remove, _REMOVE, "passerby gallery key remove gallery anna")
    gallery.add_typer(keys, name="key")
    command(gallery, "reasons", reasons, _REASONS, "passerby gallery reasons gallery --required")


def add(
    gallery: GalleryArgument,
    name: NameArgument,
    role: Annotated[Literal["viewer", "reviewer", "admin"], option("ROLE", "viewer, reviewer or admin.")] = "viewer",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, make, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        key = opened.add_key(name, role, reason=reason)
    if not emit({"name": name, "role": role, "key": key}, as_json):
        echo(key)
        typer.echo(f"The key of {name} ({role}). It is not shown again.", err=True)


def list_(gallery: GalleryArgument, as_json: AsJson = False) -> None:
    """Parse, list, print."""
    from rich.console import Console
    from rich.table import Table

    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        keys = opened.keys()
    if emit([{"name": each.name, "role": each.role, "made": each.made.isoformat()} for each in keys], as_json):
        return
    shown = Table("name", "role", "made")
    for each in keys:
        shown.add_row(cell(each.name), each.role, f"{each.made:%F %T}Z")
    Console().print(shown)


def remove(gallery: GalleryArgument, name: NameArgument, reason: Reason = "", as_json: AsJson = False) -> None:
    """Parse, remove, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        opened.remove_key(name, reason=reason)
    if not emit({"removed": name}, as_json):
        echo(f"The key of {name} opens nothing any more.")


def reasons(
    gallery: GalleryArgument,
    required: Annotated[bool, flag("--required", "A reason is needed.")] = False,
    optional: Annotated[bool, flag("--optional", "A reason may be left out.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, set, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    if required + optional != 1:
        raise typer.BadParameter("say one of --required and --optional")
    with open_gallery(gallery) as opened:
        opened.ask_for_reasons(asked=required, reason=reason)
    if not emit({"required": required}, as_json):
        echo("A reason is needed from now on." if required else "A reason may be left out from now on.")
