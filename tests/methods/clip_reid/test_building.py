"""Which network a recipe builds: its activation, and what it refuses before any work."""

from pathlib import Path

import numpy as np
import open_clip
import pyarrow as pa
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from passerby.config import read_recipe
from passerby.data.split import Split
from passerby.errors import RecipeError
from passerby.methods.clip_reid import building as clip_reid_building
from passerby.methods.clip_reid.method import ClipReidMethod
from passerby.methods.clip_reid.recipe import ClipReidRecipe
from passerby.methods.method import InitialWeights
from passerby.models.checkpoint import read_description, save_model
from passerby.models.clip.pretrained import ClipWeights
from passerby.models.clip.towers import SMALL_ARCHITECTURES
from passerby.models.clip_reid.network import ClipReid
from passerby.runs.request import checked_recipe
from passerby.training.estimate import estimate_training
from passerby.training.initialisation import build_model, read_init
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.small_world import nano_recipe, write_small_world

METHOD = ClipReidMethod()

PLAIN = "vit-nano-plain"
"""The smallest vision transformer, as architectures of open_clip are: without QuickGELU unless somebody says so."""


@pytest.fixture(autouse=True)
def plain_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SMALL_ARCHITECTURES, PLAIN, SMALL_ARCHITECTURES["vit-nano"] | {"quick_gelu": False})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


def recipe_of(**model: object) -> ClipReidRecipe:
    section = {"architecture": PLAIN, "image_size": [64, 32], "weights": "random", **model}
    recipe = checked_recipe({"method": "clip-reid", "model": section})
    assert isinstance(recipe, ClipReidRecipe)
    return recipe


def activations(model: ClipReid) -> set[str]:
    towers = (model.image_encoder, model.text_encoder)
    return {type(part).__name__ for tower in towers for part in tower.modules() if "GELU" in type(part).__name__}


def saved_by_us(folder: Path, **model: object) -> InitialWeights:
    recipe = recipe_of(**model)
    network = METHOD.build(recipe, 4, 2)
    save_model(folder / "model.safetensors", network, METHOD.description(recipe, network))
    return InitialWeights("init=ours", network.state_dict(), read_description(folder / "model.safetensors"))


def official() -> InitialWeights:
    return InitialWeights("init=official.pth", METHOD.build(recipe_of(), 4, 0).state_dict(), None)


@pytest.mark.parametrize(("given", "expected"), [(None, "GELU"), (False, "GELU"), (True, "QuickGELU")])
def test_random_weights_take_the_activation_asked_for(given: bool | None, expected: str) -> None:
    assert activations(METHOD.build(recipe_of(quick_gelu=given), 4, 0)) == {expected}
    if given is None:
        assert activations(METHOD.build(recipe_of(architecture="vit-nano"), 4, 0)) == {"QuickGELU"}


@pytest.mark.parametrize("quick", [True, False])
def test_init_decides_the_activation_of_the_network_it_fills(tmp_path: Path, quick: bool) -> None:
    init = saved_by_us(tmp_path, quick_gelu=quick)
    expected = "QuickGELU" if quick else "GELU"
    assert activations(METHOD.build(recipe_of(), 4, 2, init)) == {expected}
    assert activations(METHOD.build(recipe_of(quick_gelu=quick), 4, 2, init)) == {expected}
    with pytest.raises(RecipeError, match=r"make them agree \(model.quick_gelu=null: as the weights say\)"):
        METHOD.build(recipe_of(quick_gelu=not quick), 4, 2, init)


def test_official_files_are_of_quick_gelu() -> None:
    assert activations(METHOD.build(recipe_of(), 4, 0, official())) == {"QuickGELU"}
    with pytest.raises(RecipeError, match=r"init=official\.pth says QuickGELU, model\.quick_gelu says GELU"):
        METHOD.build(recipe_of(quick_gelu=False), 4, 0, official())


def test_files_that_do_not_say_need_the_key() -> None:
    between_stages = InitialWeights("init=stage1.safetensors", official().tensors, {"stage": "stage1-prompts"})
    with pytest.raises(RecipeError, match=r"init=stage1\.safetensors: does not say .* set model\.quick_gelu=true"):
        METHOD.build(recipe_of(), 4, 0, between_stages)
    assert activations(METHOD.build(recipe_of(quick_gelu=False), 4, 0, between_stages)) == {"GELU"}
    assert activations(METHOD.build(recipe_of(architecture="vit-nano"), 4, 0, between_stages)) == {"QuickGELU"}


@pytest.mark.parametrize(("marked", "expected"), [(True, "QuickGELU"), (False, None)], ids=["OpenAI's", "unmarked"])
def test_clip_files_say_their_activation_or_need_the_key(tmp_path: Path, marked: bool, expected: str | None) -> None:
    state: dict[str, Tensor] = dict(open_clip.CLIP(**SMALL_ARCHITECTURES[PLAIN]).state_dict())
    if marked:
        state |= {name: torch.tensor(1) for name in ("input_resolution", "context_length", "vocab_size")}
    safetensors.torch.save_file(state, tmp_path / "clip.safetensors")
    weights = str(tmp_path / "clip.safetensors")
    if expected is None:
        with pytest.raises(RecipeError, match=r"clip.safetensors: does not say .* set model.quick_gelu"):
            METHOD.build(recipe_of(weights=weights), 4, 0)
        assert activations(METHOD.build(recipe_of(weights=weights, quick_gelu=True), 4, 0)) == {"QuickGELU"}
    else:
        assert activations(METHOD.build(recipe_of(weights=weights), 4, 0)) == {expected}
        with pytest.raises(RecipeError, match=r"says QuickGELU, model\.quick_gelu says GELU"):
            METHOD.build(recipe_of(weights=weights, quick_gelu=False), 4, 0)


def test_clips_weights_are_fetched_only_for_what_init_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetched(source: str, architecture: str, *, allow_torchscript: bool) -> ClipWeights:
        asked.append(source)
        return ClipWeights(dict(open_clip.CLIP(**SMALL_ARCHITECTURES[PLAIN]).state_dict()), True)

    monkeypatch.setattr(clip_reid_building, "clip_weights", fetched)
    whole = official()
    asked.clear()
    images_only = {name: tensor for name, tensor in whole.tensors.items() if not name.startswith(("text_", "prompt_"))}
    baseline = InitialWeights("init=baseline.pth", images_only, None)
    METHOD.build(recipe_of(weights="open_clip:openai"), 4, 0, whole)
    METHOD.build(recipe_of(weights="open_clip:openai", prompts=False), 4, 0, baseline)
    assert asked == []
    METHOD.build(recipe_of(weights="open_clip:openai"), 4, 0, baseline)
    assert asked == ["open_clip:openai"]
    described = InitialWeights("init=ours", images_only, {"shape": {"architecture": PLAIN, "image_size": [64, 32]}})
    with pytest.raises(RecipeError, match="open_clip:openai says QuickGELU, init=ours says GELU"):
        METHOD.build(recipe_of(weights="open_clip:openai"), 4, 0, described)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"architecture": "resnet-nano"}, f"has model.architecture={PLAIN}, the recipe resnet-nano"),
        ({"image_size": [32, 32]}, r"has model.image_size=\[64, 32\], the recipe \[32, 32\]"),
        ({"stride": 4}, "has model.stride=8, the recipe 4: set model.stride=8"),
        ({"camera_embedding": False}, "was trained with a camera embedding: set model.camera_embedding=true"),
        ({"camera_coefficient": 2.0}, "has model.camera_coefficient=3.0, the recipe 2.0"),
    ],
)
def test_a_recipe_that_contradicts_init_is_refused(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    init = saved_by_us(tmp_path, camera_embedding=True)
    assert isinstance(METHOD.build(recipe_of(camera_embedding=True, stride=8), 4, 2, init), ClipReid)
    with pytest.raises(RecipeError, match=message):
        METHOD.build(recipe_of(**{"camera_embedding": True, **changed}), 4, 2, init)


def started(recipe: ClipReidRecipe) -> nn.Module:
    """The network before its first stage."""
    return build_model(
        recipe,
        METHOD,
        open_training_data(recipe, METHOD, decode=False),
        read_init(recipe, METHOD),
    )


def test_a_trained_network_computes_the_same_after_init(world: Path, tmp_path: Path) -> None:
    settings = (f"model.architecture={PLAIN}", "model.quick_gelu=true", "stage1.epochs=0", "stage2.epochs=1")
    train(nano_recipe(world, *settings), tmp_path / "first")
    recipe = nano_recipe(world, settings[0], f"init={tmp_path / 'first'}")
    again = started(recipe)
    assert isinstance(again, ClipReid)
    assert activations(again) == {"QuickGELU"}
    cameras = nano_recipe(world, settings[0], f"init={tmp_path / 'first'}", "model.camera_embedding=true")
    with_cameras = started(cameras)
    assert with_cameras.state_dict()["cv_embed"].shape == (2, 32)


def training_images(identities: int, cameras: int) -> Split:
    labels = np.repeat(np.arange(identities), 4)
    return Split(
        Path(),
        pa.array([f"{row}.jpg" for row in range(len(labels))]),
        labels,
        tuple(str(label) for label in range(identities)),
        np.arange(len(labels)) % cameras if cameras else None,
        tuple(f"c{camera}" for camera in range(cameras)),
    )


@pytest.mark.parametrize(
    ("overrides", "identities", "message"),
    [
        ([], 15, r"stage2.identities_per_batch=16, but the training images show 15 identities: set it to at most 15"),
        ([], 1, r"show 1 identity: losses compare .* two in a process; train on at least 2 identities$"),
        (["trainer.devices=3"], 47, "=16 on each of 3 processes, but .* show 47 identities: set it to at most 15"),
        (
            ["trainer.devices=2", "trainer.nodes=4"],
            9,
            "on each of 8 processes, .* at least 16 identities, or on at most 4 processes$",
        ),
    ],
)
def test_too_few_identities_are_refused_with_advice_that_works(
    overrides: list[str], identities: int, message: str
) -> None:
    recipe = checked_recipe(read_recipe("clip-reid-vit", overrides))
    with pytest.raises(RecipeError, match=message):
        METHOD.check(recipe, training_images(identities, 2))
    METHOD.check(recipe, training_images(128, 2))


@pytest.mark.parametrize(
    ("overrides", "cameras", "message"),
    [
        (["model.camera_embedding=true"], 0, "the training images have no cameras: set it to false"),
        (
            ["model.camera_embedding=true", "model.architecture=RN50"],
            2,
            r"a residual network \(RN50\) has no class token",
        ),
    ],
)
def test_cameras_are_refused_where_there_are_none(overrides: list[str], cameras: int, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        METHOD.check(checked_recipe(read_recipe("clip-reid-vit", overrides)), training_images(16, cameras))


@pytest.mark.parametrize("dry", [False, True])
def test_impossible_training_is_refused_before_any_image_is_decoded(world: Path, tmp_path: Path, dry: bool) -> None:
    cache = tmp_path / "cache"
    recipe = nano_recipe(world, "stage2.identities_per_batch=5", f"data.cache_folder={cache}")
    with pytest.raises(RecipeError, match="show 4 identities: set it to at most 4"):
        estimate_training(recipe) if dry else train(recipe, tmp_path / "run")
    assert not cache.exists()
    assert not (tmp_path / "run").exists()


def test_the_baseline_decodes_only_what_it_trains_on(world: Path, tmp_path: Path) -> None:
    recipe = nano_recipe(world, "model.prompts=false", "stage2.epochs=1", f"data.cache_folder={tmp_path / 'cache'}")
    train(recipe, tmp_path / "run")
    names = [folder.name for folder in (tmp_path / "cache").iterdir()]
    assert any("bicubic" in name for name in names)
    assert not any("bilinear" in name for name in names), "stage 1's pixels"
