"""CION's recipes: one for each of ReIDZoo's backbones, with the published numbers."""

import pytest

from passerby.config import read_recipe
from passerby.methods.cion.recipe import CionRecipe
from passerby.models.zoo.catalogue import entries
from passerby.recipe_files import recipe_names
from passerby.runs.request import checked_recipe

PUBLISHED = [f"cion-{entry.name}" for entry in entries() if "/" not in entry.name]


def cion(name: str, *overrides: str) -> CionRecipe:
    recipe = checked_recipe(read_recipe(name, overrides))
    assert isinstance(recipe, CionRecipe)
    return recipe


def test_every_backbone_of_reidzoo_has_its_recipe() -> None:
    assert len(PUBLISHED) == 32
    assert {name for name in recipe_names() if name.startswith("cion-")} == {*PUBLISHED, "cion-tiny"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_numbers(name: str) -> None:
    recipe = cion(name, "trainer.devices=8")
    assert f"cion-{recipe.model.backbone}" == name
    assert recipe.model.outputs == 65336
    assert recipe.model.drop_path == (0.1 if "swin" in name else 0)
    assert recipe.training.lr * recipe.lr_peak_factor == pytest.approx(1.875e-3)
    assert [recipe.training.images_at(epoch) for epoch in (0, 39, 40, 59, 60, 79, 80, 99)] == [2, 2, 4, 4, 6, 6, 8, 8]
    views = recipe.views.transform(recipe.model.image_size).views
    assert [(view.size, view.area, view.blur, view.solarise) for view in views] == [
        ((256, 128), (0.8, 1.0), 1.0, 0.0),
        ((256, 128), (0.8, 1.0), 0.1, 0.2),
        *[((128, 64), (0.05, 0.8), 0.5, 0.0)] * 8,
    ]


def test_images_keep_their_own_size_unless_told_otherwise() -> None:
    assert cion("cion-tiny").data.cache == "native"
    assert cion("cion-tiny", "data.name=x.parquet").data.cache == "native"
    assert cion("cion-tiny", "data.cache=none").data.cache == "none"
