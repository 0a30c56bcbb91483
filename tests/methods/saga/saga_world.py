"""SAGA's smallest recipe, on the small world."""

from pathlib import Path

from passerby.config import read_recipe
from passerby.methods.saga.recipe import SagaRecipe
from passerby.runs.request import checked_recipe

NANO = (
    "model.architecture=vit-nano",
    "model.weights=random",
    "model.image_size=[64, 32]",
    "anchors.token_layers=[1]",
    "anchors.count=4",
    "anchors.domain_count=2",
    "stage1.epochs=1",
    "stage1.batch_size=8",
    "stage2.epochs=1",
    "stage2.warmup_steps=2",
    "stage2.identities_per_batch=3",
    "stage2.images_per_identity=2",
    "stage3.identities_per_batch=3",
    "stage3.images_per_identity=2",
    "stage3.poolings=[]",
    "stage3a.epochs=1",
    "stage3b.epochs=1",
    "augmentation.padding=3",
    "trainer.accelerator=cpu",
)


def saga_overrides(world: Path, *more: str) -> tuple[str, ...]:
    """The nano recipe on a folder in Market layout."""
    return (*NANO, "data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}", *more)


def saga_recipe(world: Path, *more: str) -> SagaRecipe:
    """A checked recipe of four stages of one epoch each."""
    found = checked_recipe(read_recipe("saga-tiny", saga_overrides(world, *more)))
    assert isinstance(found, SagaRecipe)
    return found
