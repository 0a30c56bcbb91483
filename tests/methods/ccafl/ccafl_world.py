"""CCAFL's smallest recipe, on the small world."""

from pathlib import Path

import torch

from passerby.config import read_recipe
from passerby.methods.ccafl.method import CameraStage, CcaflMethod
from passerby.methods.ccafl.network import Ccafl
from passerby.methods.ccafl.recipe import CcaflRecipe
from passerby.methods.stages.prompt_stage import PromptStage
from passerby.runs.request import checked_recipe
from passerby.training.initialisation import build_model
from passerby.training.training_data import open_training_data

NANO = (
    "model.architecture=vit-nano",
    "model.weights=random",
    "model.image_size=[64, 32]",
    "augmentation.padding=3",
    "stage1.epochs=1",
    "stage1.batch_size=8",
    "stages2and3.epochs=4",
    "stages2and3.intra_epochs=1",
    "stages2and3.iterations=3",
    "stages2and3.identities_per_batch=3",
    "stages2and3.images_per_identity=2",
    "inter.text_from=2",
    "ical.first_epoch=3",
    "ical.end_epoch=4",
    "trainer.accelerator=cpu",
)
"""One epoch inside cameras, and three across: plain, with texts, with texts and adversary."""


def ccafl_overrides(world: Path, *more: str) -> tuple[str, ...]:
    """The nano recipe on a folder in Market layout."""
    return (*NANO, "data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}", *more)


def ccafl_recipe(world: Path, *more: str) -> CcaflRecipe:
    """A checked recipe of both stages."""
    found = checked_recipe(read_recipe("ccafl-tiny", ccafl_overrides(world, *more)))
    assert isinstance(found, CcaflRecipe)
    return found


def ccafl_stages(world: Path, *more: str) -> tuple[CcaflRecipe, Ccafl, PromptStage, CameraStage]:
    """Recipe, model and stages, nothing of which has run; associations are kept nowhere."""
    recipe = ccafl_recipe(world, *more)
    data = open_training_data(recipe, CcaflMethod())
    model = build_model(recipe, CcaflMethod(), data, None)
    assert isinstance(model, Ccafl)
    words, loop = CcaflMethod().stages(recipe, model, data.training, None)
    assert isinstance(words, PromptStage)
    assert isinstance(loop, CameraStage)
    return recipe, model, words, loop


def begun_loop(world: Path, *more: str, epoch: int) -> CameraStage:
    """The loop at the beginning of an epoch (from 0), with features that say who is who."""
    _, _, _, loop = ccafl_stages(world, *more)
    loop.set_trainable()
    loop.on_stage_start()
    generator = torch.Generator().manual_seed(0)
    people = torch.tensor([int(name.rpartition("/")[2]) for name in loop.data.split.identity_names])
    directions = torch.randn(int(people.max()) + 1, loop.model.embed_dim, generator=generator)
    noise = torch.randn(len(loop.data.split), loop.model.embed_dim, generator=generator)
    features = directions[people[torch.from_numpy(loop.data.identities)]] + 0.3 * noise
    loop.begin_epoch(epoch, torch.nn.functional.normalize(features))
    return loop
