"""`passerby gallery backup` and `restore`: a copy of a gallery, and the way back."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import AsJson, argument, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import command

_BACKUP = """Copy a gallery into a new folder while others use it.

Who is erased from the gallery later lives on in every backup made before, until that is deleted.
"""

_RESTORE = """Bring a backup back: over the gallery that it was made of, or into a folder without one.

Over its gallery, log, receipts, holds and settings stay, and what was erased since stays erased. In a folder without
one nobody knows what was erased since, and it comes back.
"""


def register_copies(gallery: typer.Typer) -> None:
    """Add the commands to the group."""
    command(gallery, "backup", backup, _BACKUP, "passerby gallery backup gallery /safe/2026-03-01 --reason weekly")
    command(gallery, "restore", restore, _RESTORE, "passerby gallery restore /safe/2026-03-01 -o gallery")


def backup(
    gallery: GalleryArgument,
    folder: Annotated[Path, argument("FOLDER", "A new folder, which receives the copy.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, copy, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery

    with open_gallery(gallery) as opened:
        made = opened.backup(folder, reason=reason)
    if not emit(made, as_json):
        echo(f"Copied {made.tracklets:,} tracklets into {folder}. Who is erased from now on lives on there.")


def restore(
    folder: Annotated[Path, argument("BACKUP", "A folder that `passerby gallery backup` made.")],
    out: Annotated[Path, option("GALLERY", "The gallery's folder.", "--out", "-o")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, restore, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import restore_gallery

    restored = restore_gallery(folder, out, reason=reason)
    if not emit(restored, as_json):
        echo(f"{out} has {restored.tracklets:,} tracklets.")
        if restored.erased_again:
            echo(f"{restored.erased_again:,} of the backup's were erased since it was made, and stay erased.")
