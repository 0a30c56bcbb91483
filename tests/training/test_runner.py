"""Training runs: what they do and what they leave behind."""

import json
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from passerby.errors import CheckpointError, DeviceError, RecipeError
from passerby.methods import find_method
from passerby.models.checkpoint import read_description, read_tensors
from passerby.runs.request import TrainingRequest
from passerby.training.estimate import estimate_training
from passerby.training.initialisation import build_model
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from passerby.workflows.train import run_seeds
from tests.methods.small_world import nano_recipe, overrides, write_small_world
from tests.training.started import assert_same_weights


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def finished(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "whole"
    assert train(nano_recipe(world), folder) == folder / "model.safetensors"
    return folder


def test_a_run_describes_itself(finished: Path, world: Path) -> None:
    recipe = YAML(typ="safe").load((finished / "recipe.yaml").read_text())
    assert recipe["stage2"]["lr"] == 5e-4
    assert recipe["data"]["root"] == str(world)
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["libraries"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["epoch"]) for line in lines] == [
        ("stage1-prompts", 1), ("stage1-prompts", 2), ("stage2-images", 1), ("stage2-images", 2),
    ]  # fmt: skip
    assert all(line["loss"] > 0 and line["steps"] > 0 for line in lines)
    assert lines[0]["learning_rate"] == pytest.approx(1e-5 + (3.5e-4 - 1e-5) / 5)
    assert list(finished.glob("logs/csv/stage2-images-part1/metrics.csv"))
    assert list(finished.glob("logs/tensorboard/events*"))
    assert not list(finished.glob("checkpoints/*.ckpt"))
    description = read_description(finished / "model.safetensors")
    assert description is not None
    assert (description["method"], description["identities"]) == ("clip-reid", 4)


def test_the_same_command_twice_gives_the_same_weights(finished: Path, world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world), tmp_path / "again")
    assert_same_weights(finished, tmp_path / "again")
    train(nano_recipe(world, "seed=5"), tmp_path / "other")
    other = read_tensors(tmp_path / "other" / "model.safetensors")
    assert not torch.equal(
        other["classifier.weight"], read_tensors(finished / "model.safetensors")["classifier.weight"]
    )


def test_stage_1_moves_only_words_and_stage_2_leaves_them(finished: Path, world: Path, tmp_path: Path) -> None:
    after_1 = read_tensors(finished / "checkpoints" / "stage1-prompts.safetensors")
    after_2 = read_tensors(finished / "checkpoints" / "stage2-images.safetensors")
    train(nano_recipe(world, "stage1.epochs=0", "stage2.lr=0"), tmp_path / "still")
    initial = read_tensors(tmp_path / "still" / "model.safetensors")
    moved = {name for name in initial if not torch.equal(initial[name], after_1[name])}
    running = {name for name in initial if "running_" in name or "num_batches" in name}
    assert moved - running == {"prompt_learner.cls_ctx"}
    still = {name for name in after_1 if torch.equal(after_1[name], after_2[name])}
    assert {"prompt_learner.cls_ctx", "bottleneck.bias", "text_encoder.text_projection"} <= still
    assert not {"image_encoder.conv1.weight", "classifier.weight", "classifier_proj.weight"} & still


def epochs(run: Path, stage: str = "stage2-images") -> list[dict[str, float]]:
    """What a run noted of each epoch of a stage."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["stage"] == stage]


def test_the_baseline_has_no_texts(finished: Path, world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "model.prompts=false"), tmp_path / "run")
    weights = read_tensors(tmp_path / "run" / "model.safetensors")
    assert not any(name.startswith(("prompt_learner", "text_encoder")) for name in weights)
    assert epochs(finished, "stage1-prompts")
    assert not epochs(tmp_path / "run", "stage1-prompts")
    for each in epochs(tmp_path / "run"):
        assert each["loss"] == pytest.approx(each["identity"] + each["triplet"], rel=1e-5)
    for each in epochs(finished):
        assert each["loss"] == pytest.approx(each["identity"] + each["triplet"] + each["text"], rel=1e-5)


def test_a_margin_raises_the_triplet_loss_of_each_of_three_features(world: Path, tmp_path: Path) -> None:
    triplets = []
    for margin in (50.0, 50.5):  # every triplet counts, and at rate 0 the features stay what they were
        folder = tmp_path / str(margin)
        train(nano_recipe(world, "stage1.epochs=0", "stage2.lr=0", f"stage2.margin={margin}"), folder)
        triplets.append([each["triplet"] for each in epochs(folder)])
    risen = [second - first for first, second in zip(*triplets, strict=True)]
    assert risen == pytest.approx([3 * 0.5] * 2, abs=1e-4), "last, final and projected feature"


def test_the_schedule_is_the_one_asked_for(finished: Path, world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "stage1.epochs=0", "stage2.decay=steps"), tmp_path / "run")
    assert [each["learning_rate"] for each in epochs(tmp_path / "run")] == pytest.approx([5e-4, 5e-4])
    first, last = (each["learning_rate"] for each in epochs(finished))
    assert last < first < 5e-4, "a cosine"


def test_bfloat16_trains_nearly_alike(finished: Path, world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "trainer.precision=bf16-mixed"), tmp_path / "run")
    for stage in ("stage1-prompts", "stage2-images"):
        for half, single in zip(epochs(tmp_path / "run", stage), epochs(finished, stage), strict=True):
            assert half["loss"] == pytest.approx(single["loss"], rel=0.05)
    half, single = (read_tensors(run / "model.safetensors") for run in (tmp_path / "run", finished))
    trained = "image_encoder.conv1.weight"
    assert not torch.equal(half[trained], single[trained]), "rounded to eight bits"


def test_channels_last_trains_alike_to_rounding(world: Path, tmp_path: Path) -> None:
    residual = ("model.architecture=resnet-nano", "stage1.epochs=1", "stage2.epochs=1")
    for layout in ("false", "true"):
        train(nano_recipe(world, *residual, f"trainer.channels_last={layout}"), tmp_path / layout)
    for last, first in zip(epochs(tmp_path / "true"), epochs(tmp_path / "false"), strict=True):
        assert last["loss"] == pytest.approx(first["loss"], rel=1e-3)
    weights = read_tensors(tmp_path / "true" / "model.safetensors")
    assert all(tensor.is_contiguous() for tensor in weights.values())


def test_channels_last_lays_out_the_weights_of_convolutions(world: Path) -> None:
    recipe = nano_recipe(world, "model.architecture=resnet-nano", "trainer.channels_last=true")
    method = find_method(recipe.method)
    model = build_model(recipe, method, open_training_data(recipe, method, decode=False), None)
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    assert all(each.weight.is_contiguous(memory_format=torch.channels_last) for each in convolutions)


def test_a_residual_network_trains_from_a_native_cache(world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "model.architecture=resnet-nano", "data.cache=native"), tmp_path / "run")
    weights = read_tensors(tmp_path / "run" / "model.safetensors")
    assert "image_encoder.attnpool.positional_embedding" in weights
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    assert len(list((world / "cache").glob("native-*/pixels.bin"))) == 1


def test_init_takes_weights_of_another_class_count(finished: Path, tmp_path: Path) -> None:
    larger = write_small_world(tmp_path / "larger", identities=12)
    frozen = ("stage1.epochs=0", "stage2.lr=0", f"init={finished}")
    train(nano_recipe(larger, *frozen), tmp_path / "run")
    started, source = read_tensors(tmp_path / "run" / "model.safetensors"), read_tensors(finished / "model.safetensors")
    assert started["classifier.weight"].shape[0] == 6
    assert torch.equal(started["image_encoder.conv1.weight"], source["image_encoder.conv1.weight"])
    file = f"init={finished / 'model.safetensors'}"
    with pytest.raises(RecipeError, match=r"has model.image_size=\[64, 32\], the recipe \[32, 32\]"):
        train(nano_recipe(larger, *frozen, file, "model.image_size=[32, 32]"), tmp_path / "misfit")


def test_init_is_read_before_any_image(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr("passerby.training.training_data.open_readable", decode)
    (tmp_path / "people.csv").write_text("path,identity\n")
    for init, message in (("missing.pth", "missing.pth"), ("people.csv", "people.csv")):
        with pytest.raises(CheckpointError, match=message):
            train(nano_recipe(world, f"init={tmp_path / init}"), tmp_path / "run")


def test_camera_embedding_is_trained(world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "model.camera_embedding=true", "stage1.epochs=0"), tmp_path / "run")
    weights = read_tensors(tmp_path / "run" / "model.safetensors")
    assert weights["cv_embed"].shape == (2, 32)


def test_a_run_is_neither_overwritten_nor_changed_on_resume(finished: Path, world: Path) -> None:
    with pytest.raises(RecipeError, match="already holds a run"):
        train(nano_recipe(world), finished)
    with pytest.raises(RecipeError, match=r"stage2.lr: is 0.1, but the run in .* was started with 0.0005"):
        train(nano_recipe(world, "stage2.lr=0.1"), finished, resume=True)
    with pytest.raises(RecipeError, match=r"holds no run \(no recipe.yaml\)"):
        train(nano_recipe(world), finished / "nowhere", resume=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what a machine without CUDA lacks")
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.precision=16-mixed", "needs a CUDA device: set trainer.precision=32"),
        ("trainer.accelerator=cuda", "this machine has no CUDA device: set trainer.accelerator=cpu"),
    ],
)
def test_missing_hardware_is_an_error(world: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        train(nano_recipe(world, override), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_validation_identities_are_not_trained_on_and_can_choose_the_epoch(world: Path, tmp_path: Path) -> None:
    more = ("data.validation.identities=1", "data.validation.every=1", "data.validation.select=best")
    train(nano_recipe(world, *more), tmp_path / "run")
    description = read_description(tmp_path / "run" / "model.safetensors")
    assert description is not None
    assert description["identities"] == 3
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    validated = [line for line in lines if line.get("data") == "validation"]
    assert [line["epoch"] for line in validated] == [1, 2]
    best = read_tensors(tmp_path / "run" / "checkpoints" / "best-on-validation.safetensors")
    final = read_tensors(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(best[name], final[name]) for name in final)


def test_several_seeds_are_tabulated_and_resumed(world: Path, tmp_path: Path) -> None:
    request = TrainingRequest(
        "clip-reid-vit-tiny", overrides(world, "seed=3", "stage2.epochs=1"), out=tmp_path / "runs"
    )
    outcomes = run_seeds(request, seeds=2)
    assert [outcome.seed for outcome in outcomes] == [3, 4]
    table = json.loads((tmp_path / "runs" / "seeds.json").read_text())
    values = [outcome.evaluations[0].metrics["mAP"] for outcome in outcomes]
    mean, deviation = table["mean and deviation"]["market-layout"]["mAP"].values()
    assert mean == pytest.approx(sum(values) / 2)
    assert deviation == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    before = (tmp_path / "runs" / "seed-3" / "model.safetensors").stat().st_mtime_ns
    more = run_seeds(TrainingRequest(None, resume=tmp_path / "runs"), seeds=3)
    assert [outcome.seed for outcome in more] == [3, 4, 5]
    assert (tmp_path / "runs" / "seed-3" / "model.safetensors").stat().st_mtime_ns == before


def test_a_dry_run_counts_steps_and_writes_nothing(finished: Path, world: Path) -> None:
    listed = sorted(world.rglob("*"))
    stages = estimate_training(nano_recipe(world))
    assert [stage.name for stage in stages] == ["stage1-prompts", "stage2-images"]
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    for stage in stages:
        steps = [line["steps"] for line in lines if line["stage"] == stage.name]
        assert stage.steps == stage.epochs * steps[0]
        assert stage.preparation_seconds > 0
        assert stage.memory > 2**26
    assert stages[0].trainable == 4 * 4 * 16
    assert sorted(world.rglob("*")) == listed
