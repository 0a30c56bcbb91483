"""What a recipe says wrongly whatever its data are, found before these are looked at."""

from passerby.config import Recipe
from passerby.methods.added_losses import find_losses
from passerby.methods.networks.network_check import check_network
from passerby.training.trainer_extras import check_extras


def check_before_data(recipe: Recipe) -> None:
    """Refuse names of losses, callbacks, loggers and networks that are not there, and sizes that do not fit them.

    Raises:
        RecipeError: names the key and the remedy.
    """
    find_losses(recipe.added_losses)
    check_extras(recipe.trainer)
    check_network(recipe)
