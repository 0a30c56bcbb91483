"""`passerby synth`."""

import os
from pathlib import Path

import typer

_EXAMPLE = """Draw a synthetic world: people, cameras, crops in the layout of Market-1501, videos, tracklets.

[bold]Example[/bold]: passerby synth --identities 500 --cameras 6 --seed 7 -o world --contact-sheet

The same seed gives the same people. Needs no data, weights, GPU or network.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("synth", help=_EXAMPLE)(synth)


def synth(
    out: Path = typer.Option(
        Path("world"), "--out", "-o", help="The folder to write to; one of the same arguments is drawn anew."
    ),
    identities: int | None = typer.Option(None, "--identities", help="People; 80, or in videos one every 2 seconds."),
    cameras: int = typer.Option(4, "--cameras", help="Cameras, each with a place, light and colours of its own."),
    images: int = typer.Option(4, "--images", help="Crops of every person in every camera."),
    height: int = typer.Option(128, "--height", help="Height of the crops in pixels; they are half as wide."),
    crowd: float = typer.Option(1.0, "--crowd", help="How many others are near a person, on average."),
    train: float = typer.Option(0.5, "--train", help="Share of the identities that are for training."),
    seed: int = typer.Option(7, "--seed", min=0, help="Everything follows from it."),
    masks: bool = typer.Option(False, "--masks", help="Write a mask of the visible person beside every crop."),
    videos: float = typer.Option(0.0, "--videos", help="Film every camera for so many seconds instead of crops."),
    overlapping: bool = typer.Option(False, "--overlapping", help="All cameras film the same moments."),
    tracklets: int = typer.Option(0, "--tracklets", help="Track people with errors in so many videos instead."),
    noise: float = typer.Option(1.0, "--noise", min=0, help="How much the tracker errs; 0 is perfect, 1 is usual."),
    sheet: bool = typer.Option(False, "--contact-sheet", help="Write a page of samples beside the folder as well."),
    replace: bool = typer.Option(False, "--replace", help="Replace a world of other arguments that is in the folder."),
    processes: int = typer.Option(os.cpu_count() or 1, "--processes", help="How many draw crops at once."),
) -> None:
    """Parse, write, print."""
    from passerby import synth as world

    if videos and tracklets:
        raise typer.BadParameter("choose --videos or --tracklets", param_hint="--videos")
    people = identities or (max(2, round(videos / 2)) if videos else 80)
    dialled = world.TrackerNoise().scaled(noise) if noise > 0 else world.TrackerNoise.none()
    if videos:
        made = world.write_videos(
            out,
            identities=people,
            cameras=cameras,
            seconds=videos,
            overlapping=overlapping,
            noise=dialled,
            seed=seed,
            replace=replace,
        )
        typer.echo(f"Videos: {made / 'videos'}, truth: {made / 'gt'}, tracks: {made / 'tracks'}")
    elif tracklets:
        made = world.write_tracklets(
            out,
            identities=people,
            videos=tracklets,
            cameras=cameras,
            appearances=min(3, tracklets),
            noise=dialled,
            size=(height, height // 2),
            seed=seed,
            replace=replace,
        )
        typer.echo(f"Tracklets: {made / 'tracklets.parquet'}")
    else:
        made = world.write_market(
            out,
            identities=people,
            cameras=cameras,
            images_per_camera=images,
            size=(height, height // 2),
            seed=seed,
            train_fraction=train,
            crowd=crowd,
            masks=masks,
            replace=replace,
            processes=processes,
        )
        typer.echo(f"World: {made}, the truth about every crop: {made / 'people.parquet'}")
        typer.echo(f"Next: `passerby train clip-reid-rn50-tiny data.name=market-layout data.root={made}`")
    if sheet:
        page = world.write_contact_sheet(out.with_name(f"{out.name}.png"), seed=seed, cameras=cameras, crowd=crowd)
        typer.echo(f"Samples: {page}")
