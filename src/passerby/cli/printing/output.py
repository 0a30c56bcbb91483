"""How commands print what they found: tables for people, JSON for machines."""

import itertools
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from passerby.cli.printing.echo import cell, echo
from passerby.cli.printing.help import column_width, terminal_width, two_columns
from passerby.json_text import json_text
from passerby.printable import printable, printable_line

if TYPE_CHECKING:
    from passerby.config import Section
    from passerby.runs.request import TrainingRequest
    from passerby.training.estimate import StageEstimate
    from passerby.workflows.evaluation_report import ReportedEvaluation
    from passerby.workflows.seeds import SeedOutcome

_METRICS = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mINP": "mINP"}


def emit(value: object, as_json: bool) -> bool:
    """Print a value as JSON if that was asked for, numbers that are not finite as null.

    Returns:
        `as_json`: whether there is nothing left to print.
    """
    if as_json:
        typer.echo(printable(json_text(value)))  # of many lines
    return as_json


def print_recipes(*, as_json: bool) -> None:
    """The recipes that come with passerby, by method, each with the first sentence of its file."""
    from passerby.recipe_files import recipe_file, recipe_names

    methods: dict[str, list[dict[str, str]]] = {}
    for name in recipe_names():
        text = recipe_file(name).read_text("utf-8")
        named = re.search(r"^method: *(\S+)", text, re.M)
        row = {"recipe": name, "meaning": first_sentence(text)}
        methods.setdefault(named[1] if named else "", []).append(row)
    if emit([{**row, "method": method} for method, rows in methods.items() for row in rows], as_json):
        return
    for method, rows in sorted(methods.items()):
        echo(f"{method}:")
        _print_columns((row["recipe"], row["meaning"]) for row in rows)
        echo()


def first_sentence(recipe: str) -> str:
    """The first sentence of the comment that a recipe begins with."""
    comment = itertools.takewhile(lambda line: line.startswith("#"), recipe.splitlines())
    text = " ".join(line.removeprefix("#").strip() for line in comment)
    return re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)[0]


def print_settings(schema: "type[Section]") -> None:
    """The keys that `--set` takes, with their defaults and meanings."""
    from passerby.config import describe_keys

    _print_columns((f"{key}={default}", meaning) for key, default, meaning in describe_keys(schema))


def print_keys(request: "TrainingRequest", *, as_json: bool) -> None:
    """The keys of a recipe that act, with values as `key=value` takes them, and meanings."""
    from passerby.recipe_section import acting_keys
    from passerby.recipe_yaml import write_value
    from passerby.runs.request import resolve_recipe

    found = acting_keys(resolve_recipe(request))
    rows = [{"key": key, "value": value, "meaning": meaning} for key, value, meaning in found]
    if not emit(rows, as_json):
        _print_columns((f"{key}={write_value(value)}", meaning) for key, value, meaning in found)


def _print_columns(rows: Iterable[tuple[str, str]]) -> None:
    listed = [(printable_line(name), printable_line(meaning)) for name, meaning in rows]
    for line in two_columns(listed, terminal_width(), column_width(name for name, _ in listed)):
        typer.echo(line)  # styled, so that `echo` would show the escapes


def print_estimate(stages: list["StageEstimate"], *, as_json: bool) -> None:
    """Steps, memory and time of each stage."""
    if emit(stages, as_json):
        return
    from passerby.progress import duration

    table = Table("stage", "epochs", "steps", "s/step", "time", "peak memory", "trainable")
    for stage in stages:
        table.add_row(
            cell(stage.name),
            str(stage.epochs),
            str(stage.steps),
            f"{stage.seconds_per_step:.3f}",
            duration(stage.seconds),
            f"{stage.memory / 2**30:.1f} GiB",
            f"{stage.trainable / 1e6:.1f} M",
        )
    Console().print(table)
    echo("Computing only, measured on random pixels; reading images and building the cache come on top.")
    tried = [
        f"{stage.name} {stage.seconds_per_step_bf16:.3f} s/step instead of {stage.seconds_per_step:.3f}"
        for stage in stages
        if stage.seconds_per_step_bf16 is not None
    ]
    if tried:
        echo(f"In bfloat16, which this processor has (trainer.precision=bf16-mixed): {', '.join(tried)}.")


def print_evaluation(evaluations: list["ReportedEvaluation"], *, as_json: bool) -> None:
    """Metrics of each data set, and where the page is."""
    if as_json:
        emit([each.with_places() for each in evaluations], as_json)
        return
    table = Table("data", *_METRICS.values())
    for each in evaluations:
        table.add_row(cell(each.metrics["data"]), *(_percent(each.metrics.get(key)) for key in _METRICS))
        intervals = each.metrics.get("intervals", {})
        if intervals:
            table.add_row("  95 % interval", *(_interval(intervals.get(key)) for key in _METRICS), style="dim")
        again = each.metrics.get("reranked")
        if again:
            table.add_row("  re-ranked", *(_percent(again.get(key)) for key in _METRICS))
    Console().print(table)
    for each in evaluations:
        echo(_conditions(each.metrics))
        for rate, found in (each.metrics.get("open_set") or {}).items():
            echo(_open_set(float(rate), found))
        echo(f"Rank lists: {each.page}")


def print_seed(outcome: "SeedOutcome") -> None:
    """What a trained seed reached; at once, also where a file or another program reads it, for the next takes hours."""
    echo(f"Trained, seed {outcome.seed}: {outcome.folder / 'model.safetensors'}")
    if outcome.evaluations:
        print_evaluation(outcome.evaluations, as_json=False)
    else:
        echo(f"No data with query and gallery was named: `passerby eval {outcome.folder} --data …` evaluates.")
    sys.stdout.flush()


def print_spread(outcomes: list["SeedOutcome"], *, as_json: bool) -> None:
    """Over several trained seeds, mean ± deviation; as JSON, what each reached. Helping processes have none."""
    if outcomes and not emit([_seed(each) for each in outcomes] if as_json else None, as_json):
        _print_spread(outcomes)


def print_seeds(outcomes: list["SeedOutcome"], *, as_json: bool) -> None:
    """Metrics of each seed of a run, and mean ± deviation; of a model that is evaluated alone, its metrics."""
    if len(outcomes) == 1 and outcomes[0].seed is None:
        print_evaluation(outcomes[0].evaluations, as_json=as_json)
        return
    if emit([_seed(each) for each in outcomes] if as_json else None, as_json):
        return
    for each in outcomes:
        echo(f"Seed {each.seed}: {each.folder}")
        print_evaluation(each.evaluations, as_json=False)
    _print_spread(outcomes)


def _seed(outcome: "SeedOutcome") -> dict[str, Any]:
    evaluations = [each.with_places() for each in outcome.evaluations]
    return {"seed": outcome.seed, "folder": outcome.folder, "evaluations": evaluations}


def _print_spread(outcomes: list["SeedOutcome"]) -> None:
    from passerby.workflows.seeds import spread_over_seeds

    if len(outcomes) < 2 or not outcomes[0].evaluations:
        return
    table = Table("data", *(f"{metric} (mean ± deviation)" for metric in ("mAP", "rank-1", "mINP")))
    over_seeds = spread_over_seeds([[each.metrics for each in outcome.evaluations] for outcome in outcomes])
    for name, metrics in over_seeds.items():
        table.add_row(cell(name), *(each.percent() for each in metrics.values()))
    Console().print(table)


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def _interval(interval: dict[str, float] | None) -> str:
    if interval is None:
        return "–"
    low, high = ("100" if interval[end] == 1 else _percent(interval[end]) for end in ("low", "high"))
    return f"{low}–{high}"


def _open_set(rate: float, found: dict[str, float]) -> str:
    """The detection and identification rate at a false alarm rate."""
    return (
        f"Open set: at {100 * rate:g} % false alarms for unknown people, {_percent(found['value'])} %"
        f"{f' ({_interval(found)})' if 'low' in found else ''} of known people are found."
    )


def _conditions(metrics: dict[str, Any]) -> str:
    """What the metrics were taken over, in a sentence."""
    junk = f" ({metrics['junk']:,} of them junk, left out)" if metrics["junk"] else ""
    things = (
        "images" if metrics.get("pooling", "none") == "none" else f"tracklets ({metrics['pooling']} of their images)"
    )
    left_out = f", {metrics['unreadable']:,} unreadable images left out" if metrics["unreadable"] else ""
    if metrics["camera_rule"]:
        rule = "images of the query's own person and camera are left out"
    elif metrics["cameras_known"]:
        rule = "no same-camera rule on this data"
    else:
        rule = "cameras unknown: no same-camera rule"
    return (
        f"{metrics['data']}: {metrics['valid_queries']:,} of {metrics['queries']:,} queries have a match among "
        f"{metrics['gallery']:,} gallery {things}{junk}{left_out}; {rule}; "
        f"{_camera_embedding(metrics)}.{_ties(metrics)}"
    )


def _ties(metrics: dict[str, Any]) -> str:
    """For how many queries the order of equally far images decides, in a sentence; nothing where for none."""
    tied = metrics.get("tied_queries", 0)
    if not tied:
        return ""
    order = (
        "figures are the expected values over all orders of such images"
        if metrics.get("ties") == "expected"
        else "they are ranked in gallery order"
    )
    return (
        f" For {tied:,} of {metrics['valid_queries']:,} queries an image of the person and one of another are equally "
        f"far: {order}."
    )


def _camera_embedding(metrics: dict[str, Any]) -> str:
    """How the model's camera embedding was used."""
    data = metrics["camera_embedding_of"]
    return {
        "none": "the model has no camera embedding",
        "mean": "camera embedding: the mean of the trained cameras, for these are others",
        "partly": f"camera embedding: of the trained cameras of {data}, the mean for others",
        "trained": f"camera embedding: of the trained cameras of {data}",
    }[metrics["camera_embedding"]]
