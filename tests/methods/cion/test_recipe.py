"""CION's recipe: the published numbers for each of ReIDZoo's backbones."""

from pathlib import Path

import pytest

from passerby.config import read_recipe
from passerby.methods.cion.recipe import CionRecipe
from passerby.methods.networks.backbones import drop_path_of
from passerby.models.zoo.catalogue import entries, published_results
from passerby.runs.request import checked_recipe

PUBLISHED = [entry.name for entry in entries() if "/" not in entry.name]


def cion(name: str, *overrides: str) -> CionRecipe:
    recipe = checked_recipe(read_recipe(name, overrides))
    assert isinstance(recipe, CionRecipe)
    return recipe


def test_the_page_lists_every_backbone_of_reidzoo_with_its_published_figures() -> None:
    page = (Path(__file__).parents[3] / "docs" / "explanation" / "cion.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    found = {row[0].strip("`"): row[2:4] for row in rows if row[0].strip("`") in PUBLISHED}
    assert len(PUBLISHED) == len(found) == 32
    for name, figures in found.items():
        scores = next(result for result in published_results(name) if result.method != "MGN").scores
        expected = [f"{scores[data].map} / {scores[data].rank1}" for data in ("market1501", "msmt17")]
        assert figures == expected, name


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_numbers(name: str) -> None:
    recipe = cion("cion", f"model.backbone={name}", "trainer.devices=8")
    assert recipe.model.outputs == 65336
    assert drop_path_of(recipe.model) == (0.1 if "swin" in name else 0)
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
