"""The contract of a method: the registry, and what a method need not write itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from passerby.config import Recipe
from passerby.errors import CheckpointError, PluginError, RecipeError
from passerby.methods import METHODS, find_method, register_method
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.stage import Stage
from tests.forgetting import no_plugins


class Flatten(nn.Module):
    embed_dim = 12

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        return images.flatten(1)


class FlattenMethod(Method[Recipe, Flatten]):
    name = "flatten"
    recipe = Recipe

    def build(self, recipe: Recipe, classes: int, cameras: int, init: InitialWeights | None = None) -> Flatten:
        return Flatten()

    def stages(self, recipe: Recipe, model: Flatten, data: TrainingData, folder: Path | None) -> list[Stage]:
        return []

    def describe(self, recipe: Recipe, model: Flatten) -> dict[str, Any]:
        return {}

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> Flatten:
        return Flatten()


@pytest.fixture
def registry() -> Iterator[None]:
    with no_plugins():
        yield


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_found_under_its_own_name(name: str) -> None:
    assert find_method(name).name == name


@pytest.mark.usefixtures("registry")
def test_a_method_from_outside_is_registered_under_a_name_of_its_own() -> None:
    with pytest.raises(RecipeError, match="unknown name 'flatten'"):
        find_method("flatten")
    assert register_method(FlattenMethod) is FlattenMethod
    assert isinstance(find_method("flatten"), FlattenMethod)
    register_method(FlattenMethod)
    other = type("Other", (FlattenMethod,), {"name": "mgn"})
    with pytest.raises(PluginError, match="the method 'mgn' is already there, from passerby"):
        register_method(other)


def test_what_a_method_does_not_say_is_nothing() -> None:
    method, model, images = FlattenMethod(), Flatten(), torch.zeros(2, 3, 2, 2)
    assert method.recognise({}) is None
    assert method.backbone_prefix({}) is None
    assert method.after_training(Path()) == ()
    assert method.feature_variants(model, images)["embedding"].shape == (2, 12)
    with pytest.raises(CheckpointError, match="Flatten has no attention"):
        method.attention_maps(model, images)
    with pytest.raises(NotImplementedError, match=r"FlattenMethod\.transforms"):
        method.transforms(Recipe(method="flatten"))
