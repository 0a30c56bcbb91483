"""`passerby gallery backup`, `restore` and `erasures`: a copy of a gallery, the way back, and what stays erased."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import AsJson, argument, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import command

_BACKUP = """Copy a gallery into a new folder while others use it.

Who is erased from the gallery later lives on in every backup made before, until that is deleted.
"""

_RESTORE = """Bring a backup back: over the gallery that it was made of, or into a folder without one.

Over its gallery, log, receipts, holds and settings stay, and what was erased since stays erased. In a folder without
one only --erased-since knows what was erased since: a list that `passerby gallery erasures` wrote, a newer backup, or
the gallery itself. Of what none of them knows, it comes back.
"""

_ERASURES = """List the erasures of a gallery; with -o into a file, so that no backup brings them back.

The file holds no personal data: keyed hashes, which `passerby gallery restore --erased-since` and, after a server's
own restore, `passerby gallery erase --erased-since` go by. Write it daily, and keep it elsewhere than the gallery.
"""

ErasedSince = Annotated[
    list[str] | None,
    option("PLACE", "Knows what was erased: a list, a newer backup, the gallery; repeatable.", "--erased-since"),
]


def register_copies(gallery: typer.Typer) -> None:
    """Add the commands to the group."""
    command(gallery, "backup", backup, _BACKUP, "passerby gallery backup gallery /safe/2026-03-01 --reason weekly")
    command(
        gallery, "restore", restore, _RESTORE,
        "passerby gallery restore /safe/2026-03-01 -o gallery",
        "passerby gallery restore /safe/2026-03-01 -o gallery --erased-since /safe/erasures.json",
    )  # fmt: skip
    command(gallery, "erasures", erasures, _ERASURES, "passerby gallery erasures gallery -o /safe/erasures.json")


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
        echo(
            f"Copied {made.tracklets:,} tracklets with {made.crops:,} pictures, filmed from {made.filmed_from} to "
            f"{made.filmed_to}, into {folder}, not encrypted. Who is erased from now on lives on there."
        )


def restore(
    folder: Annotated[Path, argument("BACKUP", "A folder that `passerby gallery backup` made.")],
    out: Annotated[Path, option("GALLERY", "The gallery's folder.", "--out", "-o")],
    erased_since: ErasedSince = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, restore, print."""
    from passerby.cli.printing.output import emit
    from passerby.gallery import restore_gallery

    restored = restore_gallery(folder, out, erased_since=erased_since or (), reason=reason)
    if not emit(restored, as_json):
        echo(f"{out} has {restored.tracklets:,} tracklets.")
        if restored.erased_again:
            echo(f"{restored.erased_again:,} of the backup's were erased since it was made, and stay erased.")
        echo(
            f"Erasures are known until {restored.erasures_known_until}. Erase again what was erased later: "
            f"`passerby gallery erase {out} --erased-since PLACE`, or by number."
        )


def erasures(
    gallery: GalleryArgument,
    out: Annotated[Path | None, option("FILE", "Receives the list, .json.", "--out", "-o")] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, list, print."""
    from rich.console import Console
    from rich.table import Table

    from passerby.cli.printing.output import emit
    from passerby.gallery import open_gallery
    from passerby.gallery.upkeep.erasure_list import write_list
    from passerby.output_paths import check_output_file

    if out is not None:
        check_output_file(out, (".json",))
    with open_gallery(gallery) as opened:
        receipts, erased = opened.receipts(), opened.erasure_list()
    if out is not None:
        write_list(erased, out)
    if emit(receipts, as_json):
        return
    shown = Table("when", "who", "why", "tracklets", "files searched")
    for each in receipts:
        row = (f"{each.erased[:19]}Z", cell(each.actor), cell(each.reason), f"{each.tracklets:,}")
        shown.add_row(*row, f"{each.files_searched:,}")
    Console().print(shown)
    if out is not None:
        echo(f"{out}: {len(erased.hashes):,} hashes of what was erased until {erased.until}.")
