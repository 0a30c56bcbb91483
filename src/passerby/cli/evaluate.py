"""`passerby eval`."""

from pathlib import Path

import typer

_EXAMPLE = """Evaluate a model on a query and a gallery: mAP, CMC, mINP, and a page of rank lists.

[bold]Example[/bold]: passerby eval runs/market --data market1501 --root /data/market1501
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
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Parse, run, print."""
    from passerby.cli import output
    from passerby.report import evaluation

    if metric not in ("cosine", "euclidean"):
        raise typer.BadParameter(f"--metric must be cosine or euclidean, not {metric!r}")
    request = evaluation.EvaluationRequest(
        model=model,
        data=data,
        root=root,
        out=out,
        metric="cosine" if metric == "cosine" else "euclidean",
        batch_size=batch_size,
        device=device,
        skip_unreadable=skip_unreadable,
        check_counts=check_counts,
        allow_torchscript=allow_torchscript,
        trained_on=trained_on,
        camera_coefficient=camera_coefficient,
        figure=figure,
    )
    output.print_evaluation(evaluation.evaluate_and_report(request), as_json=as_json)
