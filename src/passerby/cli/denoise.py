"""`passerby denoise`: from noisy tracklets to identities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from passerby.metrics import CorrelationResult
    from passerby.tracklets import Calibration
    from passerby.workflows.denoise import ReportedDenoising

_RUN = """Turn noisy tracklets of many videos into identities (CION).

[bold]Example[/bold]: passerby denoise tracklets.parquet --features features.parquet -o identities.parquet

TABLE has the columns `path`, `video`, `track` and, better, `frame`; embeddings are
a column `embedding`, or in the file named by --features. The output is the same
table with an identity for each image and what became of it, and can be trained
on. An interrupted run continues when the same command is given again. The
thresholds are the paper's: `passerby denoise calibrate` proposes ones that fit
your features.
"""

_CALIBRATE = """Propose the two thresholds for any features, from the tracklets themselves.

[bold]Example[/bold]: passerby denoise calibrate tracklets.parquet --features features.parquet --figure evidence.png
"""

_SCORE = """Compare identities with the column `true_identity` of the same table.

[bold]Example[/bold]: passerby denoise score identities.parquet
"""

_READ = """Write the table of tracklets of a data set that is laid out its own way.

[bold]Example[/bold]: passerby denoise read market1501 /data/Market-1501-v15.09.15 -o tracklets.parquet

KIND is one of market1501, msmt17, mars (folders of images), luperson-nl (keys.pkl
or a list of keys), synth-pedes and cion-al (annotations, JSON).
"""

_SIMILAR = 0.1
"""Cosine distance between most people below which features lie in a narrow cone."""

_COMMANDS = ("run", "calibrate", "score", "read")

Table = Annotated[Path, typer.Argument(metavar="TABLE", help="CSV or Parquet with path, video, track and frame.")]
Features = Annotated[
    Path | None,
    typer.Option(help="Embeddings: a table as `passerby embed` writes it, or an array .npy in the table's order."),
]
Center = Annotated[
    bool, typer.Option("--center", help="Subtract the mean of all features first, where they lie in a narrow cone.")
]
Linkage = Annotated[
    Literal["closure", "mutual", "average"],
    typer.Option(help="How links become identities: all (the paper), mutual nearest, average linkage."),
]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a rarely used setting.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class _RunByDefault(TyperGroup):
    """`passerby denoise TABLE` is `passerby denoise run TABLE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in _COMMANDS and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def register(app: typer.Typer) -> None:
    """Add `denoise` and its commands."""
    denoise = typer.Typer(cls=_RunByDefault, no_args_is_help=True, help=_RUN)
    denoise.command("run", help=_RUN)(run)
    denoise.command("calibrate", help=_CALIBRATE)(calibrate)
    denoise.command("score", help=_SCORE)(score)
    denoise.command("read", help=_READ)(read)
    app.add_typer(denoise, name="denoise")


def run(
    table: Table,
    out: Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")] = Path("identities.parquet"),
    features: Features = None,
    sigma_consistency: Annotated[float, typer.Option(help="Level 1: excluded from this distance on.")] = 0.2,
    sigma_discrimination: Annotated[float, typer.Option(help="Levels 2 and 3: one person up to this distance.")] = 0.18,
    sigma_reallocation: Annotated[
        float | None, typer.Option(help="Level 2: re-allocated below this distance; default: --sigma-consistency.")
    ] = None,
    center: Center = False,
    levels: Annotated[str, typer.Option(help="Which levels to carry out, as 123 or 12.")] = "123",
    linkage: Linkage = "closure",
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Keep tracklets of one video that overlap in time apart.")
    ] = False,
    settings: Settings = None,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where to work: here, or on Ray.")] = "local",
    report: Annotated[bool, typer.Option(help="Write a page beside the output.")] = True,
    as_json: AsJson = False,
) -> None:
    """Parse, denoise, print."""
    from passerby.config import assign_overrides, check_settings
    from passerby.errors import DataError
    from passerby.tracklets import DenoisingOptions
    from passerby.workflows.denoise import denoise_and_report

    if not levels.isdigit():
        raise DataError(f"--levels names digits among 1, 2 and 3, such as 123, not {levels!r}")
    chosen = {
        "sigma_consistency": sigma_consistency,
        "sigma_discrimination": sigma_discrimination,
        "sigma_reallocation": sigma_reallocation,
        "center": center,
        "levels": [int(level) for level in levels],
        "linkage": linkage,
        "exclusive": exclusive,
    }
    options = check_settings(DenoisingOptions, assign_overrides(chosen, settings or ()))
    done = denoise_and_report(table, out, features=features, options=options, engine=engine, report=report, show=True)
    _print_run(done, as_json=as_json)


def calibrate(
    table: Table,
    features: Features = None,
    linkage: Linkage = "closure",
    center: Center = False,
    settings: Settings = None,
    figure: Annotated[Path | None, typer.Option(help="Write the evidence as a figure (.png, .pdf, .svg).")] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, calibrate, print."""
    from passerby.config import assign_overrides, check_settings
    from passerby.tracklets import CalibrationOptions
    from passerby.workflows.denoise import calibrate_and_draw

    chosen = assign_overrides({"linkage": linkage, "center": center}, settings or ())
    options = check_settings(CalibrationOptions, chosen)
    calibration = calibrate_and_draw(table, features=features, options=options, figure=figure)
    _print_calibration(calibration, figure, center=center, as_json=as_json)


def score(table: Table, as_json: AsJson = False) -> None:
    """Parse, compare, print."""
    from passerby.tracklets import score_table

    _print_quality(score_table(table), as_json=as_json)


def read(
    kind: Annotated[
        Literal["market1501", "msmt17", "mars", "luperson-nl", "synth-pedes", "cion-al"],
        typer.Argument(help="How the data is laid out."),
    ],
    source: Annotated[Path, typer.Argument(help="The folder, or the file of keys or annotations.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")] = Path("tracklets.parquet"),
    gap: Annotated[int, typer.Option(min=1, help="Market-1501, MSMT17: frames after which a tracklet ends.")] = 100,
) -> None:
    """Parse, read, write."""
    from passerby.tracklets import write_tracklets

    rows = write_tracklets(kind, source, out, gap=gap)
    typer.echo(f"{out}: {rows:,} images. Next: passerby embed MODEL {out} -o features.parquet")


def _echo_json(content: dict[str, Any]) -> None:
    """Print what every reader of JSON takes: numbers that nothing defines are null."""
    import json
    import math

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    typer.echo(json.dumps(plain(content), indent=2, allow_nan=False))


def _print_run(reported: "ReportedDenoising", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table as Rich

    out, correlation = reported.denoised.out, reported.denoised.correlation
    if as_json:
        levels = [
            {**level.__dict__, "noise": None if level.noise is None else level.noise.total}
            for level in correlation.levels
        ]
        content = {
            "out": str(out),
            "page": None if reported.page is None else str(reported.page),
            "levels": levels,
            "links": correlation.links,
            "components": dict(zip(*(column.tolist() for column in correlation.components), strict=True)),
            "cut": correlation.cut,
            "warning": reported.warning,
            "quality": None if reported.quality is None else _quality(reported.quality.identities),
        }
        _echo_json(content)
        return
    shown = Rich("after", "images", "identities", "largest", "noise")
    for level in correlation.levels:
        noise = "–" if level.noise is None else f"{level.noise.total:.3f}"
        shown.add_row(level.name, f"{level.images:,}", f"{level.identities:,}", f"{level.largest:,}", noise)
    Console().print(shown)
    typer.echo(f"Largest component of {correlation.links:,} links: {correlation.components.largest:,} tracklets.")
    if reported.cut is not None:
        typer.echo(reported.cut)
    if reported.quality is not None:
        _print_quality(reported.quality.identities, as_json=False)
    typer.echo(f"Identities: {out}")
    if reported.page is not None:
        typer.echo(f"Report: {reported.page}")
    if reported.warning is not None:
        typer.echo(f"Warning: {reported.warning}", err=True)


def _print_calibration(calibration: "Calibration", figure: Path | None, *, center: bool, as_json: bool) -> None:
    thresholds = ("sigma_consistency", "sigma_discrimination", "sigma_reallocation")
    if as_json:
        names = (*thresholds, "switched", "lost", "allowed", "overlapping")
        _echo_json({name: getattr(calibration, name) for name in names})
        return
    typer.echo(" ".join(f"--{name.replace('_', '-')} {getattr(calibration, name):.3g}" for name in thresholds))
    known = (
        "overlap in time"
        if calibration.overlapping
        else "being tracklets of one video: too few are known to overlap in time"
    )
    between = calibration.between
    typer.echo(
        f"About {100 * calibration.switched:.1f} % of samples are not of their tracklet's person; "
        f"{100 * calibration.lost:.1f} % of the others would be excluded. {between.size:,} pairs of different people, "
        f"told by {known}."
    )
    typical = float(between[between.size // 2])
    if typical < _SIMILAR and not center:
        typer.echo(
            f"All features are alike: half of those pairs are within {typical:.2g}. Try --center, for both commands."
        )
    if figure is not None:
        typer.echo(f"Evidence: {figure}")


def _quality(result: "CorrelationResult") -> dict[str, Any]:
    return {"coverage": result.coverage, "kept": result.kept.to_dict(), "all": result.all.to_dict()}


def _print_quality(result: "CorrelationResult", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table as Rich

    if as_json:
        _echo_json(_quality(result))
        return
    shown = Rich("against the truth", "pair precision", "recall", "F1", "across videos", "purity", "parts each")
    for name, quality in ((f"{100 * result.coverage:.1f} % kept", result.kept), ("dropped ones alone", result.all)):
        values = (quality.precision, quality.recall, quality.f1, quality.cross_video_recall, quality.purity)
        cells = ["–" if value is None else f"{100 * value:.1f}" for value in values]
        shown.add_row(name, *cells, f"{quality.fragments:.2f}")
    Console().print(shown)
