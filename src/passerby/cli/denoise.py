"""`passerby denoise`: from noisy tracklets to identities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from passerby.cli.options import SETTINGS, AsJson, Settings, argument, flag, keys_option, option
from passerby.cli.printing.echo import echo
from passerby.cli.printing.help import DATA, Group, command, group

if TYPE_CHECKING:
    from passerby.metrics import CorrelationResult
    from passerby.tracklets import Calibration, CalibrationOptions, DenoisingOptions
    from passerby.workflows.denoise import ReportedDenoising

ORDER = 32

_ABOUT = """Turn noisy tracklets of many videos into identities (CION).

`passerby denoise TABLE` is short for `passerby denoise run TABLE`.
"""

_RUN = """Turn noisy tracklets of many videos into identities (CION).

TABLE has the columns `path`, `video`, `track` and, better, `frame`; embeddings are a column `embedding`, or in the file
named by --features. The output is the same table with an identity for each image and what became of it, and can be
trained on. An interrupted run continues when the same command is given again.

The default thresholds are the paper's: `passerby denoise calibrate` proposes ones that fit your features.
"""

_RUN_EXAMPLE = "passerby denoise run tracklets.parquet --features features.parquet -o identities.parquet"

_CALIBRATE = "Propose the thresholds that fit your features, from the tracklets themselves."

_CALIBRATE_EXAMPLE = "passerby denoise calibrate tracklets.parquet --features features.parquet --figure evidence.png"

_SCORE = "Compare identities with the column `true_identity` of the same table."

_READ = """Write the table of tracklets of a data set that is laid out its own way.

KIND is one of market1501, msmt17, mars (folders of images), mot (a sequence of MOTChallenge, a folder of sequences, or
what `passerby synth --videos` wrote: crops are cut out of the frames), luperson-nl (keys.pkl or a list of keys),
synth-pedes and cion-al (annotations, JSON).
"""

_READ_EXAMPLE = "passerby denoise read market1501 /data/Market-1501-v15.09.15 -o tracklets.parquet"

_SIMILAR = 0.1
"""Cosine distance between most people below which features lie in a narrow cone."""

_COMMANDS = ("run", "calibrate", "score", "read")

THRESHOLDS = "Thresholds and levels"

Table = Annotated[Path, argument("TABLE", "CSV or Parquet with path, video, track and frame.")]
Features = Annotated[
    Path | None, option("FILE", "Embeddings: a table that `passerby embed` wrote, or an .npy array in TABLE's order.")
]
Center = Annotated[
    bool, flag("--center", "Subtract the mean of all features first, where they lie in a narrow cone.", SETTINGS)
]
LinkageOption = Annotated[
    Literal["closure", "mutual", "average"],
    option(
        "KIND",
        "How links become identities: closure (the paper), mutual (nearest of both ends) or average linkage.",
        panel=SETTINGS,
    ),
]


class _RunByDefault(Group):
    """`passerby denoise TABLE` is `passerby denoise run TABLE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `run` where no sub-command is named."""
        if args and args[0] not in _COMMANDS and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def register(app: typer.Typer) -> None:
    """Add `denoise` and its commands."""
    denoise = group(_ABOUT, _RUN_EXAMPLE, _CALIBRATE_EXAMPLE, cls=_RunByDefault)
    command(denoise, "run", run, _RUN, _RUN_EXAMPLE)
    command(denoise, "calibrate", calibrate, _CALIBRATE, _CALIBRATE_EXAMPLE)
    command(denoise, "score", score, _SCORE, "passerby denoise score identities.parquet")
    command(denoise, "read", read, _READ, _READ_EXAMPLE)
    app.add_typer(denoise, name="denoise", rich_help_panel=DATA)


def _denoising_options() -> "type[DenoisingOptions]":
    from passerby.tracklets import DenoisingOptions

    return DenoisingOptions


def _calibration_options() -> "type[CalibrationOptions]":
    from passerby.tracklets import CalibrationOptions

    return CalibrationOptions


def run(
    table: Table,
    out: Annotated[Path, option("FILE", "The Parquet file to write.", "--out", "-o")] = Path("identities.parquet"),
    features: Features = None,
    sigma_consistency: Annotated[
        float, option("X", "Level 1: a sample is excluded from this cosine distance on.", panel=THRESHOLDS)
    ] = 0.2,
    sigma_discrimination: Annotated[
        float, option("X", "Levels 2 and 3: two tracklets are one person up to this distance.", panel=THRESHOLDS)
    ] = 0.18,
    sigma_reallocation: Annotated[
        float | None,
        option("X", "Level 2: a sample is moved below this distance; default: --sigma-consistency.", panel=THRESHOLDS),
    ] = None,
    levels: Annotated[str, option("DIGITS", "Levels to carry out, such as 12.", panel=THRESHOLDS)] = "123",
    linkage: LinkageOption = "closure",
    center: Center = False,
    exclusive: Annotated[
        bool, flag("--exclusive", "Keep tracklets of one video that overlap in time apart.", SETTINGS)
    ] = False,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_denoising_options)] = False,
    engine: Annotated[Literal["local", "ray"], option("KIND", "What works: local (this process) or ray.")] = "local",
    report: Annotated[bool, typer.Option(help="Write a page beside the output.")] = True,
    as_json: AsJson = False,
) -> None:
    """Parse, denoise, print."""
    from passerby.workflows.denoise import denoise as denoise_table
    from passerby.workflows.denoise import denoising_options

    options = denoising_options(
        settings or (),
        sigma_consistency=sigma_consistency,
        sigma_discrimination=sigma_discrimination,
        sigma_reallocation=sigma_reallocation,
        levels=[int(level) if level.isdigit() else level for level in levels],
        linkage=linkage,
        center=center,
        exclusive=exclusive,
    )
    reported = denoise_table(table, out, features=features, options=options, engine=engine, report=report, show=True)
    _print_run(reported, as_json=as_json)


def calibrate(
    table: Table,
    features: Features = None,
    figure: Annotated[Path | None, option("FILE", "Draw the evidence into a .png, .pdf or .svg file.")] = None,
    linkage: LinkageOption = "closure",
    center: Center = False,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_calibration_options)] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, calibrate, print."""
    from passerby.workflows.denoise import calibrate_and_draw, calibration_options

    options = calibration_options(settings or (), linkage=linkage, center=center)
    calibration = calibrate_and_draw(table, features=features, options=options, figure=figure)
    _print_calibration(calibration, figure, center=options.center, as_json=as_json)


def score(table: Table, as_json: AsJson = False) -> None:
    """Parse, compare, print."""
    from passerby.tracklets import score_table

    _print_quality(score_table(table), as_json=as_json)


def read(
    kind: Annotated[
        Literal["market1501", "msmt17", "mars", "mot", "luperson-nl", "synth-pedes", "cion-al"],
        argument("KIND", "How the data is laid out."),
    ],
    source: Annotated[Path, argument("SOURCE", "The folder, or the file of keys or annotations.")],
    out: Annotated[Path, option("FILE", "The Parquet file to write.", "--out", "-o")] = Path("tracklets.parquet"),
    gap: Annotated[
        int, option("N", "Market-1501, MSMT17, truth of mot: frames unseen that end a tracklet.", at_least=1)
    ] = 100,
    tracks: Annotated[
        Path | None,
        option("PATH", "mot: tracks, a file or a folder with NAME.txt of each; default: SOURCE's tracks, else truth."),
    ] = None,
    every: Annotated[int, option("N", "mot: read only every N-th frame.", at_least=1)] = 1,
    as_json: AsJson = False,
) -> None:
    """Parse, read, write."""
    from passerby.cli.printing.output import emit
    from passerby.workflows.denoise import read_tracklets

    rows = read_tracklets(kind, source, out, gap=gap, tracks=tracks, every=every, show=True)
    if not emit({"out": out, "rows": rows}, as_json):
        echo(f"{out}: {rows:,} images. Next: passerby embed MODEL {out} -o features.parquet")


def _print_run(reported: "ReportedDenoising", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table as Rich

    from passerby.cli.printing.output import emit

    if emit(reported.summary(), as_json):
        return
    correlation = reported.denoised.correlation
    shown = Rich("after", "images", "identities", "largest", "noise")
    for level in correlation.levels:
        noise = "–" if level.noise is None else f"{level.noise.total:.3f}"
        shown.add_row(level.name, f"{level.images:,}", f"{level.identities:,}", f"{level.largest:,}", noise)
    Console().print(shown)
    echo(f"Largest component of {correlation.links:,} links: {correlation.components.largest:,} tracklets.")
    if reported.cut is not None:
        echo(reported.cut)
    if reported.quality is not None:
        _print_quality(reported.quality.identities, as_json=False)
    echo(f"Identities: {reported.denoised.out}")
    if reported.page is not None:
        echo(f"Report: {reported.page}")
    if reported.warning is not None:
        echo(f"Warning: {reported.warning}", err=True)


def _print_calibration(calibration: "Calibration", figure: Path | None, *, center: bool, as_json: bool) -> None:
    from passerby.cli.printing.output import emit

    thresholds = ("sigma_consistency", "sigma_discrimination", "sigma_reallocation")
    names = (*thresholds, "switched", "lost", "allowed", "overlapping")
    if emit({name: getattr(calibration, name) for name in names}, as_json):
        return
    echo(" ".join(f"--{name.replace('_', '-')} {getattr(calibration, name):.3g}" for name in thresholds))
    known = (
        "because they overlap in time"
        if calibration.overlapping
        else "for being of one video: too few are known to overlap in time"
    )
    between = calibration.between
    echo(
        f"About {100 * calibration.switched:.1f} % of samples are not of their tracklet's person; "
        f"{100 * calibration.lost:.1f} % of the others would be excluded. {between.size:,} pairs of tracklets were "
        f"taken for different people {known}."
    )
    typical = float(between[between.size // 2])
    if typical < _SIMILAR and not center:
        echo(f"All features are alike: half of those pairs are within {typical:.2g}. Try --center, for both commands.")
    if figure is not None:
        echo(f"Evidence: {figure}")


def _print_quality(result: "CorrelationResult", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table as Rich

    from passerby.cli.printing.output import emit

    if emit(result.to_dict(), as_json):
        return
    shown = Rich("against the truth", "pair precision", "recall", "F1", "across videos", "purity", "parts each")
    for name, quality in ((f"{100 * result.coverage:.1f} % kept", result.kept), ("dropped ones alone", result.all)):
        values = (quality.precision, quality.recall, quality.f1, quality.cross_video_recall, quality.purity)
        cells = ["–" if value is None else f"{100 * value:.1f}" for value in values]
        shown.add_row(name, *cells, f"{quality.fragments:.2f}")
    Console().print(shown)
