"""`passerby denoise`: from noisy tracklets to identities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from passerby.tracklets.pipeline import DenoisedTable
    from passerby.tracklets.quality import Judgement
    from passerby.tracklets.thresholds.calibration import Calibration

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

_ALIKE = 0.1
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
    half_width: Annotated[int, typer.Option(help="Level 3: tracklets after each that it is compared with.")] = 1000,
    center: Center = False,
    levels: Annotated[str, typer.Option(help="Which levels to carry out, as 123 or 12.")] = "123",
    linkage: Annotated[
        Literal["closure", "mutual", "average"],
        typer.Option(help="How links become identities: all (the paper), mutual nearest, average linkage."),
    ] = "closure",
    search: Annotated[
        Literal["range", "neighbours"],
        typer.Option(help="Compare within the range, or with nearest neighbours anywhere (needs faiss)."),
    ] = "range",
    neighbours: Annotated[int, typer.Option(help="For --linkage mutual and --search neighbours.")] = 10,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Keep tracklets of one video that overlap in time apart.")
    ] = False,
    running: Annotated[
        bool, typer.Option("--running-centroids", help="Level 2: centroids follow each sample re-allocated.")
    ] = False,
    max_component: Annotated[
        int | None, typer.Option(help="Tracklets an identity may join; default: a twentieth, from 100 to 1000.")
    ] = None,
    oversize: Annotated[
        Literal["refuse", "split", "keep"], typer.Option(help="What to do with larger components.")
    ] = "refuse",
    min_images: Annotated[int, typer.Option(help="Drop identities with fewer images.")] = 1,
    noise: Annotated[bool, typer.Option(help="Measure the noise after each level.")] = True,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where to work: here, or on Ray.")] = "local",
    report: Annotated[bool, typer.Option(help="Write a page beside the output.")] = True,
    as_json: AsJson = False,
) -> None:
    """Parse, denoise, print."""
    from passerby.errors import DataError
    from passerby.report.denoising.page import write_denoising_page
    from passerby.tracklets.options import DenoisingOptions
    from passerby.tracklets.pipeline import denoise_table
    from passerby.tracklets.quality import judge

    if not levels.isdigit():
        raise DataError(f"--levels names digits among 1, 2 and 3, such as 123, not {levels!r}")
    options = DenoisingOptions(
        sigma_consistency=sigma_consistency,
        sigma_discrimination=sigma_discrimination,
        sigma_reallocation=sigma_reallocation,
        half_width=half_width,
        center=center,
        levels=tuple(int(level) for level in levels),
        centroids="running" if running else "static",
        linkage=linkage,
        search=search,
        neighbours=neighbours,
        exclusive=exclusive,
        max_component=max_component,
        oversize=oversize,
        min_images=min_images,
        measure_noise=noise,
    )
    done = denoise_table(table, out, features=features, options=options, engine=engine, show=True)
    judgement = judge(done)
    place = out.with_name(f"{out.stem}-report.html")
    page = write_denoising_page(place, done, judgement, title=out.stem) if report else None
    _print_run(done, judgement, page, as_json=as_json)


def calibrate(
    table: Table,
    features: Features = None,
    half_width: Annotated[int, typer.Option(min=1, help="The range of level 3 that is going to be used.")] = 1000,
    linkage: Annotated[
        Literal["closure", "mutual", "average"], typer.Option(help="The linkage that is going to be used.")
    ] = "closure",
    false_links: Annotated[
        float | None,
        typer.Option(help="Wrong links allowed for a tracklet, on average; default by linkage: 0.05, 0.2, 1."),
    ] = None,
    center: Center = False,
    figure: Annotated[Path | None, typer.Option(help="Write the evidence as a figure (.png, .pdf, .svg).")] = None,
    as_json: AsJson = False,
) -> None:
    """Parse, calibrate, print."""
    from passerby.output_paths import check_output_file
    from passerby.report.denoising.charts import FIGURE_SUFFIXES, calibration_figure
    from passerby.tracklets.thresholds.calibrated_table import calibrate_table

    if figure is not None:
        check_output_file(figure, FIGURE_SUFFIXES)
    found = calibrate_table(
        table, features=features, half_width=half_width, linkage=linkage, false_links=false_links, center=center
    )
    if figure is not None:
        figure.parent.mkdir(parents=True, exist_ok=True)
        calibration_figure(found).savefig(figure, dpi=110)
    _print_calibration(found, figure, center=center, as_json=as_json)


def score(table: Table, as_json: AsJson = False) -> None:
    """Parse, compare, print."""
    from passerby.tracklets.quality import score_table

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
    from passerby.tracklets.tables.sources import write_tracklets

    rows = write_tracklets(kind, source, out, gap=gap)
    typer.echo(f"{out}: {rows:,} images. Next: passerby embed MODEL {out} -o features.parquet")


def _echo_json(content: dict[str, Any]) -> None:
    """Print what every reader of JSON takes: figures that nothing defines are null."""
    import json
    import math

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    typer.echo(json.dumps(plain(content), indent=2, allow_nan=False))


def _print_run(done: "DenoisedTable", judgement: "Judgement | None", page: Path | None, *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table as Rich

    from passerby.report.denoising.page import chaining_warning, cut_components

    found = done.correlation
    warning = chaining_warning(found)
    if as_json:
        levels = [
            {**level.__dict__, "noise": None if level.noise is None else level.noise.total} for level in found.levels
        ]
        components = dict(zip(*(column.tolist() for column in found.components), strict=True))
        content = {
            "out": str(done.out),
            "page": None if page is None else str(page),
            "levels": levels,
            "links": found.links,
            "components": components,
            "cut": found.cut,
            "warning": warning,
            "quality": None if judgement is None else _quality(judgement.found),
        }
        _echo_json(content)
        return
    shown = Rich("after", "images", "identities", "largest", "noise")
    for level in found.levels:
        noise = "–" if level.noise is None else f"{level.noise.total:.3f}"
        shown.add_row(level.name, f"{level.images:,}", f"{level.identities:,}", f"{level.largest:,}", noise)
    Console().print(shown)
    typer.echo(f"Largest component of {found.links:,} links: {found.components.largest:,} tracklets.")
    if (cut := cut_components(found)) is not None:
        typer.echo(cut)
    if judgement is not None:
        _print_quality(judgement.found, as_json=False)
    typer.echo(f"Identities: {done.out}")
    if page is not None:
        typer.echo(f"Report: {page}")
    if warning is not None:
        typer.echo(f"Warning: {warning}", err=True)


def _print_calibration(found: "Calibration", figure: Path | None, *, center: bool, as_json: bool) -> None:
    if as_json:
        names = (
            "sigma_consistency",
            "sigma_discrimination",
            "sigma_reallocation",
            "switched",
            "lost",
            "allowed",
            "overlapping",
        )
        _echo_json({name: getattr(found, name) for name in names})
        return
    thresholds = ("sigma_consistency", "sigma_discrimination", "sigma_reallocation")
    typer.echo(" ".join(f"--{name.replace('_', '-')} {getattr(found, name):.3g}" for name in thresholds))
    known = (
        "overlap in time" if found.overlapping else "being tracklets of one video: too few are known to overlap in time"
    )
    typer.echo(
        f"About {100 * found.switched:.1f} % of samples are not of their tracklet's person; {100 * found.lost:.1f} % "
        f"of the others would be excluded. {found.between.size:,} pairs of different people, told by {known}."
    )
    typical = float(found.between[found.between.size // 2])
    if typical < _ALIKE and not center:
        typer.echo(
            f"All features are alike: half of those pairs are within {typical:.2g}. Try --center, for both commands."
        )
    if figure is not None:
        typer.echo(f"Evidence: {figure}")


def _quality(result: Any) -> dict[str, Any]:
    return {"coverage": result.coverage, "kept": result.kept.to_dict(), "all": result.all.to_dict()}


def _print_quality(result: Any, *, as_json: bool) -> None:
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
