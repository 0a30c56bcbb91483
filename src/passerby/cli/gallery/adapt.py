"""`passerby adapt`: learn from a gallery, without labels, to recognise the people of one's own cameras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from passerby.cli.gallery.arguments import GalleryArgument, Reason
from passerby.cli.options import MODEL, AsJson, Device, flag, option
from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import TRAINING, command

if TYPE_CHECKING:
    from passerby.workflows.adapting.adapt import Adapted

_ABOUT = """Learn from the people of a gallery, without labels, to recognise them better.

It learns from clusters of pictures or, by --method, from the gallery's identities with what people confirmed and
decided. Some people are held back, and the gallery's model and the new one are judged by them. If the new one is no
worse, the gallery gets its features beside those that it has. KEY=VALUE changes the recipe, as of `passerby train`.
Interrupted at any moment, the same command goes on.
"""

_EXAMPLES = (
    "passerby adapt gallery -o runs/own",
    "passerby adapt gallery -o runs/own --method cion --init imagenet training.epochs=10",
)

_WHOM = "Whom to learn from"

Changes = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe, as section.key=value.")
]
MethodName = Annotated[
    Literal["cluster-contrast", "identities", "cion", "ccafl"],
    option("NAME", "cluster-contrast, identities, cion or ccafl."),
]
Init = Annotated[str | None, option("MODEL", "What to begin with; default: the gallery's own model.", panel=MODEL)]
Compared = Annotated[
    str | None, option("MODEL", "Of the gallery's models the one to compare with; default: the newest.", panel=MODEL)
]
HoldBack = Annotated[
    float,
    option("X", "Share of the people held back to judge by, up to 0.5.", panel=_WHOM, at_least=0, at_most=0.5),
]
MinTracklets = Annotated[int, option("N", "Learn from people with so many tracklets.", panel=_WHOM, at_least=1)]
Embed = Annotated[bool, typer.Option("--embed/--no-embed", help="Let the gallery embed with the new model.")]


def register_adapt(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "adapt", adapt, _ABOUT, *_EXAMPLES, panel=TRAINING)


def adapt(
    gallery: GalleryArgument,
    overrides: Changes = None,
    out: Annotated[Path, option("DIR", "The run's folder.", "--out", "-o")] = Path("runs/adapted"),
    method: MethodName = "cluster-contrast",
    init: Init = None,
    model: Compared = None,
    device: Device = None,
    hold_back: HoldBack = 0.25,
    min_tracklets: MinTracklets = 2,
    seed: Annotated[int, option("N", "Everything random follows from it.", at_least=0)] = 1234,
    embed: Embed = True,
    even_if_worse: Annotated[bool, flag("--even-if-worse", "Also if the new model comes out worse.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Parse, learn, print; exit code 1 if the new model is worse."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.adapting.adapt import adapt as learn

    done = learn(
        gallery,
        out,
        method=method,
        model=model,
        init=init,
        overrides=tuple(overrides or ()),
        hold_back=hold_back,
        min_tracklets=min_tracklets,
        seed=seed,
        embed=embed,
        even_if_worse=even_if_worse,
        device=device,
        reason=reason,
        show=True,
    )
    if not emit(done, as_json):
        _print(done, gallery)
    if done.outcome.worse and not even_if_worse:
        raise typer.Exit(1)


def _print(done: "Adapted", gallery: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from passerby.gallery.opening import shown_location
    from passerby.workflows.adapting.judging import MEASURES

    outcome, named = done.outcome, shown_location(gallery)
    people = f"{outcome.people:,} people, " if outcome.people else ""
    echo(f"Learned by {outcome.method} from {people}{outcome.tracklets:,} tracklets, {outcome.pictures:,} pictures.")
    for note in outcome.notes:
        echo(note)
    held = "confirmed people" if outcome.measure == "people" else "people seen at once"
    shown = Table("", "before", "after")
    for key in MEASURES:
        if key in outcome.before and key in outcome.after:
            shown.add_row(MEASURES[key][0], f"{100 * outcome.before[key]:.1f}", f"{100 * outcome.after[key]:.1f}")
    echo(f"On {outcome.held_people:,} {held}, {outcome.held_tracklets:,} tracklets, none of them learned from:")
    Console().print(shown)
    if outcome.measure == "pairs":
        echo("By pairs inside one camera only: confirm ten people to know how well others are found across cameras.")
    if outcome.worse:
        echo(f"The new model is worse than the gallery's. It stays in {done.folder}.")
    if done.embedded is None:
        remedy = f"passerby gallery embed {named} --model {done.folder}"
        echo(f"The gallery has no features of it: `{remedy}` adds them.")
    else:
        echo(f"{done.embedded:,} tracklets have features of it now, beside those they had. It is the newest, by which")
        echo(f"`passerby search {cell(named)} PICTURE` searches; index further videos with --model {done.folder}")
