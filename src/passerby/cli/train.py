"""`passerby train`."""

from pathlib import Path
from typing import Annotated

import typer

from passerby.cli.options import DATA, AsJson, SkipUnreadable, flag, option
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.help import TRAINING, command

ORDER = 10

_ABOUT = """Train a recipe, evaluate the result, and write a page.

Anything in the recipe can be changed on the command line with section.key=value; --keys lists the keys that act. An
interrupted run continues with --resume and ends with the weights it would have had.
"""

_EXAMPLES = (
    "passerby train clip-reid-vit --data market1501 --root /data/market1501 --out runs/market",
    "passerby train saga-vit stage2.epochs=30 --data people.parquet --dry-run",
    "passerby train --resume runs/market",
)

_SHOW, _RUN = "Look first", "Run"


def _complete_recipe(incomplete: str) -> list[str]:
    """Names of recipes, for the shell."""
    from passerby.recipe_files import recipe_names

    return [name for name in recipe_names() if name.startswith(incomplete)]


def _complete_override(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Keys of the recipe that stands before, with their defaults and meanings, for the shell."""
    from passerby.errors import PasserbyError
    from passerby.workflows.recipe_keys import recipe_keys

    try:
        keys = recipe_keys(str(ctx.params.get("recipe")))
    except PasserbyError:  # no such recipe, which is told when the command runs
        return []
    return [
        (f"{key}=" if " " in default else f"{key}={default}", meaning)
        for key, default, meaning in keys
        if key.startswith(incomplete.partition("=")[0])
    ]


RecipeName = Annotated[
    str | None,
    typer.Argument(metavar="RECIPE", help="A recipe's name (--list) or a YAML file.", autocompletion=_complete_recipe),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE", help="Changes to the recipe, as section.key=value.", autocompletion=_complete_override
    ),
]
DataNames = Annotated[
    list[str] | None, option("DATA", "A benchmark's name, a table or a folder; repeatable.", "--data", panel=DATA)
]
Roots = Annotated[
    list[Path] | None, option("DIR", "Holds the benchmark: one for each --data, or one for all.", "--root", panel=DATA)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "train", with_plugins(train), _ABOUT, *_EXAMPLES, panel=TRAINING)


def train(
    recipe: RecipeName = None,
    overrides: Overrides = None,
    data: DataNames = None,
    root: Roots = None,
    skip_unreadable: SkipUnreadable = False,
    out: Annotated[
        Path | None, option("DIR", "The run's folder; default: runs/RECIPE.", "--out", "-o", panel=_RUN)
    ] = None,
    resume: Annotated[Path | None, option("DIR", "Continue the run in this folder.", panel=_RUN)] = None,
    seeds: Annotated[
        int, option("N", "Train so many seeds, counted up, and report mean ± deviation.", panel=_RUN, at_least=1)
    ] = 1,
    dry_run: Annotated[bool, flag("--dry-run", "Print the steps, memory and time to expect, and stop.", _SHOW)] = False,
    keys: Annotated[bool, flag("--keys", "List the keys that act, with their values, and stop.", _SHOW)] = False,
    list_recipes: Annotated[bool, flag("--list", "List the recipes that come with passerby, and stop.", _SHOW)] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing import output

    if list_recipes:
        output.print_recipes(as_json=as_json)
        return
    recipe, overrides = _recipe_and_overrides(recipe, overrides or [], out, resume)
    from passerby.workflows.training_request import training_request

    request = training_request(
        recipe, overrides, data=data or None, root=root or None, skip_unreadable=skip_unreadable, out=out, resume=resume
    )
    if keys:
        output.print_keys(request, as_json=as_json)
    elif dry_run:
        from passerby.workflows.train import estimate

        output.print_estimate(estimate(request), as_json=as_json)
    else:
        from passerby.workflows.train import run_seeds

        outcomes = run_seeds(request, seeds, None if as_json else output.print_seed)
        output.print_spread(outcomes, as_json=as_json)


def _recipe_and_overrides(
    recipe: str | None, overrides: list[str], out: Path | None, resume: Path | None
) -> tuple[str | None, list[str]]:
    """Tell the two apart; a usage error says which arguments do not go together."""
    if resume is not None and out is not None:
        raise typer.BadParameter("--resume continues a run where it is: it takes no --out")
    if resume is not None and recipe is not None and "=" not in recipe:
        raise typer.BadParameter(f"--resume takes the recipe from the run: leave {recipe!r} out")
    if resume is not None:  # the first argument, where a recipe would stand, may be an override
        return None, ([recipe] if recipe else []) + overrides
    if recipe is None:
        raise typer.BadParameter("name a recipe (--list shows them), or --resume a run")
    return recipe, overrides
