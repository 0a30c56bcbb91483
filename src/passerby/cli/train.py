"""`passerby train`."""

import json
from pathlib import Path

import typer

_EXAMPLE = """Train a recipe.

[bold]Example[/bold]: passerby train clip-reid-vit data.name=market1501 data.root=/data/market1501 --out runs/market

Anything in the recipe can be changed on the command line with [bold]section.key=value[/bold]; --keys lists what there
is. An interrupted run continues with --resume and ends with the weights it would have had.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help=_EXAMPLE)(train)


def train(
    recipe: str | None = typer.Argument(None, help="A recipe's name (--list) or a YAML file."),
    overrides: list[str] | None = typer.Argument(None, help="section.key=value …"),
    data: list[str] | None = typer.Option(None, "--data", help="Short for data.name=…; may be repeated."),
    root: list[Path] | None = typer.Option(None, "--root", help="Short for data.root=…; one for each --data, or one."),
    out: Path | None = typer.Option(None, "--out", "-o", help="The run's folder; default runs/RECIPE."),
    resume: Path | None = typer.Option(None, "--resume", help="Continue the run in this folder."),
    seeds: int = typer.Option(
        1, "--seeds", min=1, help="Run so many seeds, counted up, and tabulate mean ± deviation."
    ),
    skip_unreadable: bool = typer.Option(False, "--skip-unreadable", help="Leave out images that cannot be decoded."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the steps, memory and time to expect, and stop."),
    keys: bool = typer.Option(False, "--keys", help="List every key of the recipe with its default, and stop."),
    list_recipes: bool = typer.Option(False, "--list", help="List the recipes that come with passerby, and stop."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: figures, steps, keys or recipes."),
) -> None:
    """Parse, run, print."""
    from passerby.cli import output

    if list_recipes:
        output.print_recipes(as_json=as_json)
        return
    given = list(overrides or [])
    if resume is not None and out is not None:
        raise typer.BadParameter("--resume continues a run where it is: it takes no --out")
    if resume is not None and recipe is not None and "=" not in recipe:
        raise typer.BadParameter(f"--resume takes the recipe from the run: leave {recipe!r} out")
    if resume is not None:  # the first argument, where a recipe would stand, may be an override
        recipe, given = None, ([recipe] if recipe else []) + given
    elif recipe is None:
        raise typer.BadParameter("name a recipe (--list shows them), or --resume a run")
    if data and not root:
        given.insert(0, "data.root=null")  # the recipe's folder is that of the recipe's data
    if data:
        given.append(f"data.name={json.dumps(data if len(data) > 1 else data[0])}")
    if root:
        folders = [str(folder) for folder in root]
        given.append(f"data.root={json.dumps(folders if len(folders) > 1 else folders[0])}")
    if skip_unreadable:
        given.append("data.skip_unreadable=true")
    from passerby.runs.request import TrainingRequest

    request = TrainingRequest(recipe=recipe, overrides=tuple(given), out=out, resume=resume)
    if keys:
        output.print_keys(request, as_json=as_json)
    elif dry_run:
        from passerby.runs.request import resolve_recipe
        from passerby.training.estimate import estimate_training

        output.print_estimate(estimate_training(resolve_recipe(request)), as_json=as_json)
    else:
        from passerby.workflows.train import run_seeds

        output.print_outcome(run_seeds(request, seeds), as_json=as_json)
