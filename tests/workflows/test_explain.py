"""Pictures of where a model looks, whole and occluded."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from passerby.cli import app
from passerby.methods import find_method
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.models.checkpoint import save_model
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.models.inspection.attention_maps import AttentionMaps, PatchGeometry
from passerby.runs.request import checked_recipe
from passerby.training.runner import train
from passerby.workflows.explain import Explained, Occluder, explain
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def run(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saga") / "run"
    train(saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0"), folder)
    return folder


def test_weight_on_what_is_occluded_is_the_weight_of_its_patches() -> None:
    weights = torch.tensor([[0.5, 0.1], [0.3, 0.1]])
    seen = AttentionMaps(PatchGeometry((4, 4), (2, 2), 2, 2), {"token weights": weights})
    occluded = np.zeros((4, 4), dtype=np.bool_)
    occluded[2:] = True
    occluded[0, 0] = True
    found = Explained("x", np.zeros((4, 4, 3), np.uint8), seen, occluded).weight_on_occluded()
    assert found == {"token weights": pytest.approx(0.3 + 0.1 + 0.5 / 4)}
    assert Explained("x", np.zeros((4, 4, 3), np.uint8), seen).weight_on_occluded() == {}


def test_each_image_is_drawn_whole_and_occluded(run: Path, world: Path, tmp_path: Path) -> None:
    files = sorted((world / "query").glob("*.jpg"))[:2]
    out = tmp_path / "explain.png"
    found = explain(run, files, out, anchors=2, occluder=Occluder("bottom", level=0.5))
    assert [each.name for each in found] == [files[0].name, files[0].name, files[1].name, files[1].name]
    assert [each.occluded is not None for each in found] == [False, True, False, True]
    assert (found[1].image[-32:] == 128).all()
    assert np.array_equal(found[1].image[:32], found[0].image[:32])
    assert all(0 <= share <= 1 for share in found[1].weight_on_occluded().values())
    with Image.open(out) as picture:
        assert picture.width > picture.height * 0.3
        assert len(picture.convert("RGB").getcolors(2**24) or []) > 50


def test_the_command_tells_shares(run: Path, world: Path, tmp_path: Path) -> None:
    files = [str(file) for file in sorted((world / "query").glob("*.jpg"))[:2]]
    command = ["explain", str(run), files[0], "-o", str(tmp_path / "x.svg"), "--occlusion", "people"]
    result = CliRunner().invoke(app, [*command, "--donor", files[1], "--level", "0.25", "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert [each["occluded"] for each in content["images"]] == [None, 0.25]
    assert "token weights" in content["images"][1]["on_occluded"]
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")
    assert CliRunner().invoke(app, ["explain", str(run), files[0], "--occlusion", "holes"]).exit_code == 2
    occluded = ["explain", str(run), files[0], "--occlusion", "rectangle"]
    assert CliRunner().invoke(app, [*occluded, "--fill", "red"]).exit_code == 2
    for option, value in (("--fill", "mean"), ("--level", "0.4"), ("--donor", files[0])):
        refused = CliRunner().invoke(app, ["explain", str(run), files[0], option, value])
        assert refused.exit_code == 2
        assert "does nothing without --occlusion" in refused.output


def test_clip_reid_shows_its_class_attention(world: Path, tmp_path: Path) -> None:
    recipe = checked_recipe(
        {"method": "clip-reid", "model": {"architecture": "vit-nano", "image_size": [64, 32], "weights": "random"}}
    )
    assert isinstance(recipe, ClipReidRecipe)
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(3))
    save_model(tmp_path / "m.safetensors", model, find_method("clip-reid").description(recipe, model))
    (file, *_) = sorted((world / "query").glob("*.jpg"))
    (found,) = explain(tmp_path / "m.safetensors", file, tmp_path / "x.png")
    assert list(found.seen.maps) == ["class attention"]
