"""Losses of one's own, by the names that a recipe weighs them under in `added_losses`."""

import difflib
from collections.abc import Mapping, Sequence

from passerby.errors import RecipeError
from passerby.methods.stage import AddedLoss, LossFunction, Stage
from passerby.plugins import Registry

LOSSES: Registry[LossFunction] = Registry("loss", {})


def register_loss(function: LossFunction) -> LossFunction:
    """Let recipes add a loss of one's own, under the name of its function; a decorator.

    Args:
        function: takes what a stage computed of a batch and returns a scalar, which the recipe's weight multiplies.

    Raises:
        PluginError: the name is taken.
    """
    LOSSES.register(function.__name__, function)
    return function


def find_losses(weights: Mapping[str, float]) -> list[AddedLoss]:
    """The losses that a recipe adds, with their weights.

    Raises:
        RecipeError: no such loss.
    """
    found = []
    for name, weight in weights.items():
        function = LOSSES.find(name)
        if function is None:
            near = difflib.get_close_matches(name, LOSSES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "give the plugin that has it with --plugin"
            raise RecipeError(f"added_losses.{name}: unknown loss; {LOSSES.missing_plugin(name) or hint}")
        found.append(AddedLoss(name, function, weight))
    return found


def add_losses(stages: Sequence[Stage], losses: Sequence[AddedLoss]) -> None:
    """Add losses to every stage that can take some.

    Raises:
        RecipeError: there are losses but no such stage.
    """
    taking = [stage for stage in stages if stage.takes_added_losses]
    if losses and not taking:
        raise RecipeError("added_losses: the stages of this method give losses no features to work on: leave it out")
    for stage in taking:
        stage.added_losses = list(losses)
