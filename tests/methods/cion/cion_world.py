"""CION's pre-training in seconds."""

from pathlib import Path

from passerby.config import read_recipe
from passerby.methods.cion.recipe import CionRecipe
from passerby.runs.request import checked_recipe

NANO = (
    "model.backbone=resnet_nano_ibn",
    "model.image_size=[64, 32]",
    "model.outputs=24",
    "model.hidden=16",
    "model.bottleneck=8",
    "views.local=2",
    "views.local_size=[32, 16]",
    "training.epochs=3",
    "training.batch_size=12",
    "training.images_per_identity=[2, 3]",
    "training.changes=[2]",
    "training.warmup_epochs=1",
    "training.frozen_epochs=1",
    "trainer.accelerator=cpu",
)


def nano_overrides(world: Path, *more: str) -> tuple[str, ...]:
    """The nano recipe on a small world."""
    return (*NANO, "data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}", *more)


def nano_cion(world: Path, *more: str) -> CionRecipe:
    """A checked recipe of a handful of steps."""
    recipe = checked_recipe(read_recipe("cion-tiny", nano_overrides(world, *more)))
    assert isinstance(recipe, CionRecipe)
    return recipe
