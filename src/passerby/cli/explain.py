"""`passerby explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import AllowTorchscript, AsJson, Device, ModelArgument, argument, option
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import TRAINING, command

if TYPE_CHECKING:
    from passerby.workflows.explain import Occluder

ORDER = 14

_ABOUT = """Draw what a model looks at: weights of patches and the strongest anchors, as maps over each image.

For SAGA the maps are the weights that pool the patches, the anchors that drew most attention, and the class token's
attention in the last block; for CLIP-ReID the last. With --occlusion each image is shown whole and occluded.
"""

_EXAMPLE = "passerby explain runs/saga query/0003_c1.jpg --occlusion rectangle --level 0.4"

_OCCLUSION = "Occlusion"
Condition = Annotated[
    str | None,
    option("NAME", "Also occlude each image: rectangle, bottom, patches or people.", "--occlusion", panel=_OCCLUSION),
]
Level = Annotated[
    float | None,
    option("X", "Share of the image that is occluded; default: 0.4.", panel=_OCCLUSION, at_least=0, at_most=1),
]
Fill = Annotated[
    str | None,
    option("NAME", "What an occluded pixel becomes: grey, noise or mean; default: grey.", panel=_OCCLUSION),
]
Donor = Annotated[
    Path | None, option("FILE", "The image of another person, who stands in front (people).", panel=_OCCLUSION)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "explain", with_plugins(explain), _ABOUT, _EXAMPLE, panel=TRAINING)


def explain(
    model: ModelArgument,
    images: Annotated[list[Path], argument("IMAGE", "Image files.")],
    out: Annotated[Path, option("FILE", "The picture: .png, .svg or .pdf.", "--out", "-o")] = Path("explain.png"),
    anchors: Annotated[int, option("N", "How many of SAGA's anchors to show.", at_least=0)] = 3,
    condition: Condition = None,
    level: Level = None,
    fill: Fill = None,
    donor: Donor = None,
    device: Device = None,
    allow_torchscript: AllowTorchscript = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.explain import explain as explain_images

    occluder = _occluder(condition, level, fill, donor)
    explained = explain_images(
        model,
        images,
        out,
        occluder=occluder,
        anchors=anchors,
        device=device,
        allow_torchscript=allow_torchscript,
    )
    shown = [
        {
            "image": each.name,
            "occluded": None if each.occluded is None else float(each.occluded.mean()),
            "on_occluded": each.weight_on_occluded(),
        }
        for each in explained
    ]
    if not emit({"out": out, "images": shown}, as_json):
        echo(f"{out}: {len(explained)} images")


def _occluder(condition: str | None, level: float | None, fill: str | None, donor: Path | None) -> "Occluder | None":
    """The options of occlusion; a usage error names one that is wrong or does nothing."""
    from typing import Any, cast, get_args

    from passerby.data.occlusion.occlude import Condition, Fill
    from passerby.workflows.explain import Occluder

    options: dict[str, Any] = {"level": level, "fill": fill, "donor": donor}
    given = {name: value for name, value in options.items() if value is not None}
    for name, value, known in (("occlusion", condition, get_args(Condition)), ("fill", fill, get_args(Fill))):
        if value is not None and value not in known:
            raise typer.BadParameter(f"--{name} must be one of {', '.join(known)}, not {value!r}")
    if condition is None:
        if given:
            raise typer.BadParameter(f"{', '.join(f'--{name}' for name in given)}: does nothing without --occlusion")
        return None
    return Occluder(cast("Condition", condition), **given)
