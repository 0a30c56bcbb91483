"""`passerby synth`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from passerby.synth import TrackerNoise

_EXAMPLE = """Draw a synthetic world: people, cameras, crops in the layout of Market-1501, videos, tracklets.

[bold]Example[/bold]: passerby synth --identities 500 --cameras 6 --seed 7 -o world --contact-sheet

The same seed gives the same people. Needs no data, weights, GPU or network.
"""

RECIPE, RECIPE_BATCH = "clip-reid-rn50-tiny", 16
"""The recipe that is proposed, and its `stage2.identities_per_batch`: to read the recipe would import torch."""

_GOES_WITH = {
    **dict.fromkeys(("images", "crowd", "train", "masks", "processes"), ("crops",)),
    "height": ("crops", "--tracklets"),
    "overlapping": ("--videos",),
    "noise": ("--videos", "--tracklets"),
}
"""What options say something about; with anything else they would do nothing."""

_SPELT = {
    "images_per_camera": "--images",
    "train_fraction": "--train",
    "the height in size": "--height",
    "the width in size": "--height",
    "seconds": "--videos",
    "videos": "--tracklets",
    "factor": "--noise",
}
"""Options whose names differ from the arguments' in Python."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("synth", help=_EXAMPLE)(synth)


def synth(
    context: typer.Context,
    out: Path = typer.Option(
        Path("world"), "--out", "-o", help="The folder to write to; one of the same arguments is drawn anew."
    ),
    identities: int | None = typer.Option(None, "--identities", help="People; 80, or in videos one every 2 seconds."),
    cameras: int = typer.Option(4, "--cameras", help="Cameras, each with a place, light and colours of its own."),
    images: int = typer.Option(4, "--images", help="Crops of every person in every camera, at least 2."),
    height: int = typer.Option(
        128, "--height", help="Height of the crops in pixels, at least 32; they are half as wide."
    ),
    crowd: float = typer.Option(1.0, "--crowd", help="How many others are near a person, on average."),
    train: float = typer.Option(0.5, "--train", help="Share of the identities that are for training."),
    seed: int = typer.Option(7, "--seed", min=0, help="Everything follows from it."),
    masks: bool = typer.Option(False, "--masks", help="Write a mask of the visible person beside every crop."),
    videos: float | None = typer.Option(
        None, "--videos", help="Film every camera for so many seconds instead of crops."
    ),
    overlapping: bool = typer.Option(False, "--overlapping", help="All cameras film the same moments."),
    tracklets: int | None = typer.Option(
        None, "--tracklets", help="Track people with errors in so many videos instead."
    ),
    noise: float = typer.Option(1.0, "--noise", help="How much the tracker errs; 0 is perfect, 1 is usual."),
    sheet: bool = typer.Option(False, "--contact-sheet", help="Write a page of samples beside the folder as well."),
    replace: bool = typer.Option(False, "--replace", help="Replace a world of other arguments that is in the folder."),
    processes: int = typer.Option(os.cpu_count() or 1, "--processes", help="How many draw crops at once."),
) -> None:
    """Parse, write, print."""
    from passerby import synth as world
    from passerby.synth.output.contact_sheet import check_contact_sheet

    _refuse_without_effect(context, videos is not None, tracklets is not None)
    size = (height, height // 2)
    common: dict[str, Any] = {"cameras": cameras, "seed": seed, "replace": replace}
    page = _beside(out)
    if sheet:  # found out before minutes are spent on the world
        check_contact_sheet(page, crowd=crowd, **common)
    with _naming_options():
        if videos is not None:
            people = _people_in_videos(videos) if identities is None else identities
            dialled = _tracker_noise(noise)
            made = world.write_videos(
                out, identities=people, seconds=videos, overlapping=overlapping, noise=dialled, **common
            )
            typer.echo(f"Videos: {made / 'videos'}, truth: {made / 'gt'}, tracks: {made / 'tracks'}")
        elif tracklets is not None:
            people, each = 80 if identities is None else identities, min(3, tracklets)
            dialled = _tracker_noise(noise)
            made = world.write_tracklets(
                out, identities=people, videos=tracklets, appearances=each, noise=dialled, size=size, **common
            )
            typer.echo(f"Tracklets: {made / 'tracklets.parquet'}")
        else:
            people = 80 if identities is None else identities
            drawn: dict[str, Any] = {"train_fraction": train, "crowd": crowd, "masks": masks, "processes": processes}
            made = world.write_market(out, identities=people, images_per_camera=images, size=size, **drawn, **common)
            typer.echo(f"World: {made}, the truth about every crop: {made / 'people.parquet'}")
            _print_next(made, people, train)
    if sheet:
        typer.echo(f"Samples: {world.write_contact_sheet(page, crowd=crowd, **common)}")


def _beside(folder: Path) -> Path:
    """The page of samples that belongs to a folder, however that is named: `.` too has a name and a parent."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}.png") if named.name else named / "world.png"


def _refuse_without_effect(context: typer.Context, videos: bool, tracklets: bool) -> None:
    """Refuse options that were given and would do nothing."""
    if videos and tracklets:
        raise typer.BadParameter("choose --videos or --tracklets", param_hint="--videos")
    drawn = "--videos" if videos else "--tracklets" if tracklets else "crops"
    for name, kinds in _GOES_WITH.items():
        source = context.get_parameter_source(name)
        if drawn not in kinds and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"goes with {' or '.join(kinds)}, not with {drawn}", param_hint=f"--{name}")


@contextmanager
def _naming_options() -> Iterator[None]:
    """Let errors about an argument in Python be about the option."""
    from passerby.errors import DataError
    from passerby.synth.output.output_folder import ArgumentError

    try:
        yield
    except ArgumentError as error:
        raise DataError(f"{_SPELT.get(error.argument, f'--{error.argument}')} {error.problem}") from error


def _print_next(folder: Path, people: int, train: float) -> None:
    """How to train on the world, where it has the two people that takes."""
    from passerby.synth.output.market import trained_identities

    trained = trained_identities(people, train)
    if trained < 2:
        return
    words = ["passerby", "train", RECIPE, "data.name=market-layout", f"data.root={folder}"]
    if trained < RECIPE_BATCH:
        words.append(f"stage2.identities_per_batch={trained}")
    typer.echo(f"Next: `{join(words)}`")


def _people_in_videos(seconds: float) -> int:
    """One every two seconds, of seconds that videos can have; NaN, which no comparison keeps, is refused later."""
    return round(min(max(4, seconds), 3600) / 2)


def _tracker_noise(factor: float) -> "TrackerNoise":
    from passerby.synth import TrackerNoise

    return TrackerNoise.none() if factor == 0 else TrackerNoise().scaled(factor)
