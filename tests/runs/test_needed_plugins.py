"""A run records the plugins that its recipe uses something of, and no others."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerby.config import check_recipe
from passerby.methods.finetune.recipe import FinetuneRecipe
from passerby.plugins import load_plugin
from passerby.runs.needed_plugins import write_needed_plugins
from tests.forgetting import no_plugins

LOSS = """
from passerby.methods import register_loss

@register_loss
def {name}(output):
    return output.features.sum()
"""

CALLBACK = """
from lightning.pytorch import Callback
from passerby.training.trainer_extras import register_callback

@register_callback
class Counting(Callback):
    pass
"""


@pytest.fixture(autouse=True)
def _no_plugins() -> Iterator[None]:
    with no_plugins():
        yield


def needed(folder: Path, **content: object) -> list[list[list[str]]]:
    recipe = check_recipe(FinetuneRecipe, {"method": "finetune", **content})
    write_needed_plugins(folder, recipe)
    file = folder / "plugins.json"
    return [each["offers"] for each in json.loads(file.read_text("utf-8"))] if file.is_file() else []


def plugin(folder: Path, code: str, name: str) -> None:
    (folder / name).write_text(code, encoding="utf-8")
    load_plugin(folder / name)


def test_a_loss_with_the_name_of_a_key_is_needed_only_where_the_recipe_adds_it(tmp_path: Path) -> None:
    plugin(tmp_path, LOSS.format(name="margin"), "margin.py")
    assert needed(tmp_path) == []
    assert needed(tmp_path, added_losses={"margin": 0.5}) == [[["loss", "margin"]]]
    assert needed(tmp_path) == [], "the record of an earlier recipe is removed"


def test_a_name_of_another_kind_needs_no_plugin(tmp_path: Path) -> None:
    plugin(tmp_path, LOSS.format(name="finetune"), "finetune.py")
    assert needed(tmp_path) == []


def test_a_callback_is_needed_where_the_trainer_has_it(tmp_path: Path) -> None:
    plugin(tmp_path, CALLBACK, "counting.py")
    assert needed(tmp_path) == []
    assert needed(tmp_path, trainer={"callbacks": ["Counting"]}) == [[["callback", "Counting"]]]
