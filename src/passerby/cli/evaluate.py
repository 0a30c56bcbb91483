"""`passerby eval`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from passerby.cli.occlusion import DEFAULTS, check_only_with_occlusion

if TYPE_CHECKING:
    from passerby.evaluation.protocol import Protocol
    from passerby.metrics import Metric
    from passerby.workflows.evaluate import EvaluationRequest

_EXAMPLE = """Evaluate a model on a query and a gallery: mAP, CMC, mINP, and a page of rank lists.

[bold]Example[/bold]: passerby eval runs/market --data market1501 --root /data/market1501

With --occlusion, queries are hidden bit by bit: a table and curves of every readout of the model, in occlusion/ of the
same folder. Example: passerby eval runs/saga --occlusion rectangle --occlusion people
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("eval", help=_EXAMPLE)(evaluate)


def evaluate(
    model: str = typer.Argument(help="A run's folder, a file of weights of ours, or an official checkpoint."),
    data: str | None = typer.Option(
        None, "--data", help="A benchmark's name, a table or a folder; default: the run's."
    ),
    root: Path | None = typer.Option(
        None, "--root", help="The folder that holds the benchmark; without --data, where the run's data is now."
    ),
    out: Path | None = typer.Option(
        None, "--out", "-o", help="Where metrics.json and report/ go; default: the run, or evaluation/ for other files."
    ),
    figure: Path | None = typer.Option(
        None, "--figure", help="Also draw rank lists as a picture: a .png, .svg or .pdf file."
    ),
    metric: str = typer.Option(
        "cosine", "--metric", help="cosine or euclidean; features of our methods have length 1: both rank alike."
    ),
    batch_size: int | None = typer.Option(
        None, "--batch-size", min=1, help="Images embedded at once; default: the run's, else 64."
    ),
    device: str | None = typer.Option(None, "--device", help="cpu, cuda, …; default: a GPU where there is one."),
    skip_unreadable: bool | None = typer.Option(
        None,
        "--skip-unreadable/--no-skip-unreadable",
        help="Leave out images that cannot be decoded; default: as the run did on its own data, else no.",
    ),
    check_counts: bool | None = typer.Option(
        None,
        "--check-counts/--no-check-counts",
        help="Refuse a benchmark whose counts differ from the published ones; default: as the run did, else yes.",
    ),
    trained_on: str | None = typer.Option(
        None,
        "--trained-on",
        help="The data an official checkpoint with camera embedding learned from: that data's cameras use theirs.",
    ),
    camera_coefficient: float | None = typer.Option(
        None, "--camera-coefficient", help="The weight of an official checkpoint's camera embedding; default: 1."
    ),
    allow_torchscript: bool = typer.Option(False, "--allow-torchscript", help="Open TorchScript archives you trust."),
    pooling: str | None = typer.Option(
        None, "--pooling", help="Compare tracklets by the mean, attention or max of their images; none: images."
    ),
    multi_query: bool = typer.Option(False, "--multi-query", help="Join the queries of each person and camera to one."),
    rerank: str | None = typer.Option(
        None, "--rerank", help="Re-rank as well, with k1,k2,lambda; 20,6,0.3 is usual. Uses all queries together."
    ),
    open_set: int = typer.Option(
        0, "--open-set", min=0, help="Draws of half of the people as unknown, to measure who is taken for somebody."
    ),
    export: Path | None = typer.Option(
        None, "--export", help="Also write how every query did: a .csv or .parquet file."
    ),
    occlusion: list[str] = typer.Option(
        [],
        "--occlusion",
        help="Instead, hide queries bit by bit and compare readouts: rectangle, bottom, patches, people; repeatable.",
    ),
    occlusion_levels: str = typer.Option(DEFAULTS[0], "--occlusion-levels", help="Shares of a query that are hidden."),
    occlusion_runs: int = typer.Option(
        DEFAULTS[1], "--occlusion-runs", min=1, help="Repetitions with other places and people."
    ),
    occlusion_fill: str = typer.Option(DEFAULTS[2], "--occlusion-fill", help="What hides: grey, noise or mean."),
    occlusion_masks: Path | None = typer.Option(
        None, "--occlusion-masks", help="Masks of the training images: only people are pasted, not whole strips."
    ),
    visible: Path | None = typer.Option(
        None,
        "--visible",
        help="A table of the true visible fractions of queries; default: a synthetic world's own.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Parse, run, print."""
    from passerby.workflows.evaluate import EvaluationRequest

    hiding = (occlusion_levels, occlusion_runs, occlusion_fill, occlusion_masks)
    check_only_with_occlusion(occlusion, hiding, visible=visible)
    request = EvaluationRequest(
        model=model,
        data=data,
        root=root,
        out=out,
        metric=_metric(metric),
        batch_size=batch_size,
        device=device,
        skip_unreadable=skip_unreadable,
        check_counts=check_counts,
        allow_torchscript=allow_torchscript,
        trained_on=trained_on,
        camera_coefficient=camera_coefficient,
        figure=figure,
        protocol=_protocol(pooling, rerank, multi_query=multi_query, open_set=open_set, export=export),
    )
    if occlusion:
        _evaluate_occluded(request, occlusion, hiding, visible, as_json=as_json)
    else:
        _evaluate(request, as_json=as_json)


def _metric(name: str) -> "Metric":
    if name not in ("cosine", "euclidean"):
        raise typer.BadParameter(f"--metric must be cosine or euclidean, not {name!r}")
    return "cosine" if name == "cosine" else "euclidean"


def _protocol(
    pooling: str | None, rerank: str | None, *, multi_query: bool, open_set: int, export: Path | None
) -> "Protocol":
    from passerby.evaluation.pooling import as_pooling
    from passerby.evaluation.protocol import Protocol, RerankSettings

    return Protocol(
        pooling=as_pooling(pooling),
        multi_query=multi_query,
        rerank=None if rerank is None else RerankSettings.parsed(rerank),
        open_set_draws=open_set,
        export=export,
    )


def _evaluate(request: "EvaluationRequest", *, as_json: bool) -> None:
    from passerby.cli.output import print_evaluation
    from passerby.workflows.evaluate import evaluate_and_report

    print_evaluation(evaluate_and_report(request), as_json=as_json)


def _evaluate_occluded(
    request: "EvaluationRequest",
    conditions: list[str],
    hiding: tuple[str, int, str, Path | None],
    visible: Path | None,
    *,
    as_json: bool,
) -> None:
    from passerby.cli.occlusion import parse_plan, print_occlusion
    from passerby.evaluation.protocol import Protocol
    from passerby.workflows.evaluate_occlusion import occlusion_and_report

    if request.protocol != Protocol() or request.figure is not None:
        raise typer.BadParameter(
            "--pooling, --multi-query, --rerank, --open-set, --export and --figure do not go with --occlusion: "
            "run them apart"
        )
    plan = parse_plan(conditions, *hiding)
    print_occlusion(occlusion_and_report(request, plan, visible), as_json=as_json)
