"""CLIP's image tower as a backbone: the same features as the pair's, and one line where it cannot be."""

from pathlib import Path

import pytest
import torch

import passerby
from passerby.errors import RecipeError
from passerby.methods.method import InitialWeights
from passerby.methods.networks.backbones import BackboneSection, adopt_backbone, new_backbone, part_of
from passerby.models.backbones.registry import create
from passerby.models.bundled import resolve_path
from passerby.models.checkpoint import load_strictly, read_description, read_tensors


def _tiny_clip() -> InitialWeights:
    file = resolve_path("tiny-clip")
    return InitialWeights("init=tiny-clip", read_tensors(file), read_description(file))


def test_the_tower_of_a_pair_gives_the_pairs_features() -> None:
    section = BackboneSection(backbone="clip:vit-tiny-6", image_size=(128, 64))
    backbone = new_backbone(section).eval()
    adopted = adopt_backbone(_tiny_clip(), section, own_method="finetune")
    load_strictly(backbone, part_of(adopted.tensors), source="tiny-clip")
    model = passerby.load("tiny-clip", device="cpu")
    assert isinstance(model, passerby.TorchEmbedder)
    images = torch.randn(3, 3, 128, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(backbone.embed(images), model.model.embed(images))  # type: ignore[operator]


def test_another_tower_or_an_option_is_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"init=tiny-clip: holds clip:vit-tiny-6, the recipe trains clip:vit-nano: set"
    ):
        adopt_backbone(_tiny_clip(), BackboneSection(backbone="clip:vit-nano", image_size=(64, 32)), own_method="cion")
    with pytest.raises(RecipeError, match="backbone clip:vit-nano: knows no drop_path_rate"):
        create("clip:vit-nano", (64, 32), drop_path_rate=0.1)
    with pytest.raises(RecipeError):
        create("clip:nothing", (64, 32))


def test_init_of_a_pair_is_for_towers_only() -> None:
    from passerby.methods import find_method
    from passerby.runs.request import TrainingRequest, resolve_recipe
    from passerby.training.initialisation import read_init

    changes = ("init=tiny-clip", "data.name=x", "model.image_size=[128,64]")
    other = resolve_recipe(TrainingRequest("finetune-tiny", changes))
    with pytest.raises(RecipeError, match="init=tiny-clip: holds CLIP's towers, not a network of finetune"):
        read_init(other, find_method("finetune"))
    tower = resolve_recipe(TrainingRequest("finetune-tiny", (*changes, "model.backbone=clip:vit-tiny-6")))
    assert read_init(tower, find_method("finetune")) is not None
    assert Path(str(tower.init)).name == "tiny-clip"
