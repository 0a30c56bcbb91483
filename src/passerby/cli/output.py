"""How commands print what they found: tables for people, JSON for machines."""

import json
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from passerby.runs.request import TrainingRequest
    from passerby.training.estimate import StageEstimate
    from passerby.workflows.evaluation_report import ReportedEvaluation
    from passerby.workflows.train import SeedOutcome

_FIGURES = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mINP": "mINP"}


def print_recipes(*, as_json: bool) -> None:
    """Names, with the first line of each file."""
    from passerby.recipe_files import recipe_file, recipe_names

    texts = {name: recipe_file(name).read_text("utf-8") for name in recipe_names()}
    meanings = {name: text.split("\n")[0].removeprefix("# ") for name, text in texts.items()}
    if as_json:
        typer.echo(json.dumps([{"recipe": name, "meaning": meaning} for name, meaning in meanings.items()], indent=2))
        return
    for name, meaning in meanings.items():
        typer.echo(f"{name:<22} {meaning}")


def print_keys(request: "TrainingRequest", *, as_json: bool) -> None:
    """Every key of a recipe with its value and meaning."""
    from passerby.config import describe_keys
    from passerby.runs.request import resolve_recipe

    recipe = resolve_recipe(request)
    rows = []
    for key, _, meaning in describe_keys(type(recipe)):
        value: Any = recipe
        for part in key.split("."):
            value = getattr(value, part)
        rows.append({"key": key, "value": value, "meaning": meaning})
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
        return
    width = max(len(row["key"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['key']:<{width}}  {row['value']!s:<18}  {row['meaning']}")


def print_estimate(stages: list["StageEstimate"], *, as_json: bool) -> None:
    """Steps, memory and time of each stage."""
    if as_json:
        typer.echo(json.dumps([stage.__dict__ for stage in stages], indent=2))
        return
    from passerby.progress import duration

    table = Table("stage", "epochs", "steps", "s/step", "time", "peak memory", "trainable")
    for stage in stages:
        table.add_row(
            stage.name,
            str(stage.epochs),
            str(stage.steps),
            f"{stage.seconds_per_step:.3f}",
            duration(stage.seconds),
            f"{stage.memory / 2**30:.1f} GiB",
            f"{stage.trainable / 1e6:.1f} M",
        )
    Console().print(table)
    typer.echo("Computing only, measured on random pixels; reading images and building the cache come on top.")


def print_evaluation(evaluations: list["ReportedEvaluation"], *, as_json: bool) -> None:
    """Figures of each data set, and where the page is."""
    if as_json:
        found = [each.with_places() for each in evaluations]
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("data", *_FIGURES.values())
    for each in evaluations:
        table.add_row(escape(each.figures["data"]), *(_percent(each.figures.get(key)) for key in _FIGURES))
        intervals = each.figures.get("intervals", {})
        if intervals:
            table.add_row("  95 % interval", *(_interval(intervals.get(key)) for key in _FIGURES), style="dim")
        again = each.figures.get("reranked")
        if again:
            table.add_row("  re-ranked", *(_percent(again.get(key)) for key in _FIGURES))
    Console().print(table)
    for each in evaluations:
        typer.echo(_conditions(each.figures))
        for rate, found in (each.figures.get("open_set") or {}).items():
            typer.echo(_open_set(float(rate), found))
        typer.echo(f"Rank lists: {each.page}")


def print_outcome(outcomes: list["SeedOutcome"], *, as_json: bool) -> None:
    """What each seed reached; over several seeds, mean ± deviation."""
    from passerby.workflows.train import spread

    if not outcomes:  # a process that only helped
        return
    if as_json:
        found = [
            {"seed": each.seed, "folder": str(each.folder), "evaluations": [e.with_places() for e in each.evaluations]}
            for each in outcomes
        ]
        typer.echo(json.dumps(found, indent=2))
        return
    for each in outcomes:
        typer.echo(f"Trained, seed {each.seed}: {each.folder / 'model.safetensors'}")
        if each.evaluations:
            print_evaluation(each.evaluations, as_json=False)
        else:
            typer.echo(f"No data with query and gallery was named: `passerby eval {each.folder} --data …` evaluates.")
    if len(outcomes) > 1 and outcomes[0].evaluations:
        table = Table("data", *(f"{figure} (mean ± deviation)" for figure in ("mAP", "rank-1", "mINP")))
        for name, figures in spread(outcomes).items():
            table.add_row(
                escape(name), *(f"{100 * mean:.1f} ± {100 * deviation:.1f}" for mean, deviation in figures.values())
            )
        Console().print(table)


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def _interval(interval: dict[str, float] | None) -> str:
    if interval is None:
        return "–"
    low, high = ("100" if interval[end] == 1 else _percent(interval[end]) for end in ("low", "high"))
    return f"{low}–{high}"


def _open_set(rate: float, found: dict[str, float]) -> str:
    """How many known people are found where a share of unknown ones is taken for somebody."""
    return (
        f"Open set: with {100 * rate:g} % of unknown people taken for somebody, {_percent(found['value'])} %"
        f"{f' ({_interval(found)})' if 'low' in found else ''} of known people are found."
    )


def _conditions(figures: dict[str, Any]) -> str:
    """What the figures were taken over, in a sentence."""
    junk = f" ({figures['junk']:,} of them junk, left out)" if figures["junk"] else ""
    things = (
        "images" if figures.get("pooling", "none") == "none" else f"tracklets ({figures['pooling']} of their images)"
    )
    left_out = f", {figures['unreadable']:,} unreadable images left out" if figures["unreadable"] else ""
    if figures["camera_rule"]:
        rule = "images of the query's own person and camera are left out"
    elif figures["cameras_known"]:
        rule = "no same-camera rule on this data"
    else:
        rule = "cameras unknown: no same-camera rule"
    return (
        f"{figures['data']}: {figures['valid_queries']:,} of {figures['queries']:,} queries have a match among "
        f"{figures['gallery']:,} gallery {things}{junk}{left_out}; {rule}; {_camera_embedding(figures)}."
    )


def _camera_embedding(figures: dict[str, Any]) -> str:
    """How the model's camera embedding was used."""
    data = figures["camera_embedding_of"]
    return {
        "none": "the model has no camera embedding",
        "mean": "camera embedding: the mean of the trained cameras, for these are others",
        "partly": f"camera embedding: of the trained cameras of {data}, the mean for others",
        "trained": f"camera embedding: of the trained cameras of {data}",
    }[figures["camera_embedding"]]
