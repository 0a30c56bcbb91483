"""`passerby synth`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from passerby.cli.options import AsJson, flag, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import DATA, command

if TYPE_CHECKING:
    from passerby.workflows.synth import WorldRequest

ORDER = 31

_ABOUT = """Draw a synthetic world: people, cameras, crops in the layout of Market-1501, videos, tracklets.

The same seed gives the same people. Needs no data, weights, GPU or network.
"""

_EXAMPLES = (
    "passerby synth --identities 500 --cameras 6 --seed 7 -o world --contact-sheet",
    "passerby synth --tracklets 8 -o tracks",
)

RECIPE, RECIPE_BATCH = "clip-reid-rn50-tiny", 16
"""The recipe that is proposed, and its `stage2.identities_per_batch`: to read the recipe would import torch."""

_GOES_WITH = {
    **dict.fromkeys(("images", "crowd", "train", "masks", "people_per_city"), ("crops",)),
    "processes": ("crops", "--videos"),
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
    "people_per_city": "--people-per-city",
}
"""Options whose names differ from the arguments' in Python."""

CORES = os.cpu_count() or 1

_CROPS, _FILMED = "Crops", "Videos and tracklets"
LookOption = Annotated[
    Literal["plain", "street"], option("LOOK", "plain: clean pictures; street: as real cameras deliver them.")
]
Out = Annotated[Path, option("DIR", "Receives the world; the same arguments draw it anew.", "--out", "-o")]
ContactSheet = Annotated[bool, flag("--contact-sheet", "Write a page of samples beside the folder as well.")]
Images = Annotated[int, option("N", "Of every person in every camera, at least 2.", panel=_CROPS)]
Height = Annotated[int, option("N", "Of crops in pixels, at least 32; they are half as wide.", panel=_CROPS)]
Crowd = Annotated[float, option("X", "Others near a person, on average.", panel=_CROPS)]
Train = Annotated[float, option("X", "Share of the identities that are for training.", panel=_CROPS)]
PerCity = Annotated[
    int | None,
    option("N", "Who share cameras; then another city begins. Default: all.", panel=_CROPS, show_default=False),
]
Masks = Annotated[bool, flag("--masks", "Write a mask of the visible person beside every crop.", _CROPS)]
Processes = Annotated[int, option("N", "Drawing crops or videos at once; default: one per core.", show_default=False)]
Videos = Annotated[float | None, option("SECONDS", "Film every camera for so long, instead of crops.", panel=_FILMED)]
Overlapping = Annotated[bool, flag("--overlapping", "All cameras film the same moments.", _FILMED)]
Tracklets = Annotated[int | None, option("N", "Track people with errors in so many videos instead.", panel=_FILMED)]
Noise = Annotated[float, option("X", "How much the tracker errs; 0: not at all, 1: usual.", panel=_FILMED)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "synth", synth, _ABOUT, *_EXAMPLES, panel=DATA)


def synth(
    context: typer.Context,
    out: Out = Path("world"),
    identities: Annotated[int | None, option("N", "People; default: 80, or in videos one every 2 seconds.")] = None,
    cameras: Annotated[int, option("N", "Cameras, each with a place, light and colours of its own.")] = 4,
    seed: Annotated[int, option("N", "Everything follows from it.", at_least=0)] = 7,
    look: LookOption = "plain",
    images: Images = 4,
    height: Height = 128,
    crowd: Crowd = 1.0,
    train: Train = 0.5,
    people_per_city: PerCity = None,
    masks: Masks = False,
    processes: Processes = CORES,
    videos: Videos = None,
    overlapping: Overlapping = False,
    tracklets: Tracklets = None,
    noise: Noise = 1.0,
    contact_sheet: ContactSheet = False,
    replace: Annotated[bool, flag("--replace", "Replace a world of other arguments that is in the folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, draw, print."""
    from passerby.workflows.synth import WorldRequest, draw_world

    _refuse_without_effect(context, videos is not None, tracklets is not None)
    request = WorldRequest(
        out=out,
        identities=identities,
        cameras=cameras,
        seed=seed,
        height=height,
        images=images,
        crowd=crowd,
        train=train,
        people_per_city=people_per_city,
        look=look,
        masks=masks,
        processes=processes,
        videos=videos,
        overlapping=overlapping,
        tracklets=tracklets,
        noise=noise,
        contact_sheet=contact_sheet,
        replace=replace,
    )
    with _naming_options():
        made = draw_world(request)
    _print(request, made, as_json)


def _print(request: "WorldRequest", made: Path, as_json: bool) -> None:
    from passerby.cli.printing.output import emit

    page = request.page if request.contact_sheet else None
    if emit({"kind": request.kind, "out": made, "people": request.people, "samples": page}, as_json):
        return
    if request.kind == "videos":
        echo(f"Videos: {made / 'videos'}, truth: {made / 'gt'}, tracks: {made / 'tracks'}")
    elif request.kind == "tracklets":
        echo(f"Tracklets: {made / 'tracklets.parquet'}")
    else:
        echo(f"World: {made}, the truth about every crop: {made / 'people.parquet'}")
        _print_next(made, request.people, request.train)
    if request.contact_sheet:
        echo(f"Samples: {request.page}")


def _refuse_without_effect(context: typer.Context, videos: bool, tracklets: bool) -> None:
    """Refuse options that were given and would do nothing."""
    if videos and tracklets:
        raise typer.BadParameter("choose --videos or --tracklets", param_hint="--videos")
    drawn = "--videos" if videos else "--tracklets" if tracklets else "crops"
    for name, kinds in _GOES_WITH.items():
        source = context.get_parameter_source(name)
        if drawn not in kinds and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"goes with {' or '.join(kinds)}, not with {drawn}", param_hint=f"--{name.replace('_', '-')}"
            )


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
    echo(f"Next: `{join(words)}`")
