"""CCAFL's runs: what they do, how they go on, in one process and in two."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import passerby
from passerby.config import read_recipe
from passerby.data.constraints import COLUMNS
from passerby.data.loading.loaders import EvalLoader
from passerby.distributed.processes import gather_labels
from passerby.errors import DataError, PasserbyError, RecipeError
from passerby.methods.added_losses import LOSSES
from passerby.methods.ccafl.association.files import association_epochs
from passerby.methods.ccafl.method import CameraStage, CcaflMethod
from passerby.methods.ccafl.recipe import CcaflRecipe, parts_that_never_come
from passerby.methods.sections.learning_rate import Position, lr_at
from passerby.models.checkpoint import read_tensors
from passerby.runs.request import TrainingRequest, checked_recipe
from passerby.training.estimate import estimate_training
from passerby.training.interruption import InterruptedRunError
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from passerby.workflows.train import run_seeds
from tests.distributed.two_processes import in_two_processes
from tests.methods.ccafl.ccafl_world import begun_loop, ccafl_overrides, ccafl_recipe, ccafl_stages
from tests.methods.small_world import write_small_world
from tests.training.resumed import resume
from tests.training.started import assert_same_weights


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def whole(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed, evaluated."""
    folder = tmp_path_factory.mktemp("run") / "whole"
    run_seeds(TrainingRequest("ccafl-tiny", ccafl_overrides(world), out=folder), 1)
    return folder


def lines_of(run: Path, stage: str = "stage2-cameras") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line.get("stage") == stage]


def test_a_run_learns_inside_cameras_first_and_tells_of_its_associations(whole: Path) -> None:
    lines = lines_of(whole)
    kinds = [{name for name in line if name in ("icdl", "contrast", "text", "adversary")} for line in lines]
    assert kinds == [{"icdl", "text"}, {"contrast"}, {"contrast", "text"}, {"contrast", "text", "adversary"}]
    assert [(line["steps"], line["classes"]) for line in lines] == [(3, 8)] * 4
    assert all(line["links"] <= 12 and 0 <= line["pair_precision"] <= 1 for line in lines)
    kept = association_epochs(whole)
    assert list(kept) == [1, 2, 3, 4]
    for line, statistics in zip(lines, kept.values(), strict=True):
        assert {name: line[name] for name in statistics.to_dict()} == statistics.to_dict()


def test_a_run_moves_what_it_should(whole: Path, world: Path) -> None:
    words = read_tensors(whole / "checkpoints" / "stage1-prompts.safetensors")
    last = read_tensors(whole / "model.safetensors")
    still = {name for name in last if torch.equal(last[name], words[name])}
    fixed = ("text_encoder.", "prompt_learner.", "bottleneck.bias")
    assert {name for name in last if name.startswith(fixed)} == still
    _, model, _, _ = ccafl_stages(world)
    first = model.state_dict()
    assert {name for name in first if not torch.equal(first[name], words[name])} == {"prompt_learner.cls_ctx"}


def test_the_model_embeds_the_retrieval_feature_alone(whole: Path, world: Path) -> None:
    loaded = passerby.load(whole, device="cpu")
    file = sorted((world / "query").iterdir())[0]
    (feature,) = loaded.embed([file])
    assert feature.shape == (32,)
    assert np.linalg.norm(feature) == pytest.approx(1, rel=1e-5)
    assert not any(name.startswith(("text_encoder", "prompt", "class")) for name in loaded.model.state_dict())
    assert (whole / "metrics.json").is_file()


def test_a_run_starts_from_another_of_other_classes(whole: Path, world: Path, tmp_path: Path) -> None:
    other = write_small_world(tmp_path / "other", identities=12)
    recipe = ccafl_recipe(other, f"init={whole}", "stage1.epochs=0", "stages2and3.epochs=1", "stages2and3.lr=0")
    train(recipe, tmp_path / "run")
    before, after = read_tensors(whole / "model.safetensors"), read_tensors(tmp_path / "run" / "model.safetensors")
    name = "image_encoder.conv1.weight"
    assert torch.equal(before[name], after[name])
    assert (len(before["classifier.weight"]), len(after["classifier.weight"])) == (8, 12)


class BreakOffError(Exception):
    """A training that breaks off."""


def broken_off(world: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """A run that ends after some steps of its loop, whatever was not saved by then lost."""
    done, inner = 0, CameraStage.on_train_batch_start

    def stopping(self: CameraStage, batch: Any, batch_idx: int) -> None:
        nonlocal done
        if done == step:
            raise BreakOffError
        done += 1
        inner(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(CameraStage, "on_train_batch_start", stopping)
        with pytest.raises((BreakOffError, InterruptedRunError)):
            train(ccafl_recipe(world, "trainer.checkpoint_every_steps=1"), folder)


@pytest.mark.parametrize("step", [2, 3, 8])
def test_a_run_that_broke_off_ends_as_if_it_had_not(
    whole: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    broken_off(world, tmp_path / "run", monkeypatch, step)
    resume(tmp_path / "run")
    assert_same_weights(whole, tmp_path / "run")
    assert association_epochs(tmp_path / "run") == association_epochs(whole)
    figures = [{name: value for name, value in line.items() if name != "seconds"} for line in lines_of(whole)]
    for line, expected in zip(lines_of(tmp_path / "run"), figures, strict=True):
        assert {name: value for name, value in line.items() if name != "seconds"} == pytest.approx(expected)


@pytest.mark.parametrize("from_data", [True, False])
def test_the_neck_begins_with_the_statistics_of_the_training_images_or_with_none(world: Path, from_data: bool) -> None:
    *_, loop = ccafl_stages(world, f"stages2and3.neck_from_data={str(from_data).lower()}")
    features = loop.features_before(0)
    rows = next(iter(EvalLoader(loop.data.split, loop.data.plain, loop.data.test_transform, 64)))
    with torch.no_grad():
        pooled = loop.model.eval().pooled(rows.images)[0]
    expected = (pooled - pooled.mean(0)) / (pooled.var(0) + 1e-5).sqrt() if from_data else pooled
    torch.testing.assert_close(features, torch.nn.functional.normalize(expected), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(loop.model.embed(rows.images), features, rtol=1e-3, atol=1e-4)
    later = loop.features_before(1)
    torch.testing.assert_close(later, features)


def test_one_camera_is_learned_inside_of_alone(world: Path, tmp_path: Path) -> None:
    one = shutil.copytree(world, tmp_path / "one")
    for file in (one / "bounding_box_train").iterdir():
        if "_c2" in file.name:
            file.unlink()
    folder = tmp_path / "run"
    train(ccafl_recipe(one), folder)
    assert all("icdl" in line and "links" not in line for line in lines_of(folder))
    assert not association_epochs(folder)
    with pytest.raises(RecipeError, match=r"association\.constraints: all labels are of one camera"):
        train(ccafl_recipe(one, "association.constraints=some.csv"), tmp_path / "never")


def test_classes_of_one_image_are_learned_from(world: Path, tmp_path: Path) -> None:
    few = shutil.copytree(world, tmp_path / "few")
    for file in (few / "bounding_box_train").iterdir():
        if "_000000_" not in file.name and "_c2" in file.name:
            file.unlink()
    train(ccafl_recipe(few, "memory.instances=all"), tmp_path / "run")
    assert all(np.isfinite(line["loss"]) for line in lines_of(tmp_path / "run"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("trainer.accumulate=2", "trainer.accumulate=2: memories and classifier learn at every batch"),
        (
            "stages2and3.identities_per_batch=9",
            "stages2and3.identities_per_batch=9, but the training images show 8 identities",
        ),
        ("stages2and3.images_per_identity=1", "stages2and3.images_per_identity"),
        ("association.pairs_per_class=-1", "association.pairs_per_class"),
        ("ical.margin=4", "ical.margin"),
        ("memory.instances=1000000000", "memory.instances: must be at most 4096"),
        ("augmentation.mean=[.nan,0,0]", "augmentation.mean"),
    ],
)
def test_what_cannot_be_learned_is_refused_first(world: Path, tmp_path: Path, given: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        train(ccafl_recipe(world, given), tmp_path / "never")
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    ("given", "heard"),
    [
        ((), []),
        (
            ("stages2and3.epochs=30",),
            ["ical.first_epoch=40, ical.end_epoch=60: none of these epochs is one of the inter-"],
        ),
        (("stages2and3.epochs=30", "ical.enabled=false"), []),
        (("stages2and3.epochs=8", "ical.enabled=false"), ["inter.text_from=10: stages2and3.epochs=8 ends before"]),
        (
            ("stages2and3.intra_epochs=60", "inter.text=false"),
            ["ical.first_epoch=40, ical.end_epoch=60: none of"],
        ),
        (("stages2and3.intra_epochs=80",), []),
    ],
)
def test_parts_of_a_recipe_that_never_come_are_told_of(given: tuple[str, ...], heard: list[str]) -> None:
    recipe = checked_recipe(read_recipe("ccafl-rn50-custom", ["data.name=somewhere", *given]))
    assert isinstance(recipe, CcaflRecipe)
    told = parts_that_never_come(recipe)
    assert [line[: len(start)] for line, start in zip(told, heard, strict=True)] == heard


def test_fewer_than_two_clusters_end_the_run(world: Path, tmp_path: Path) -> None:
    recipe = ccafl_recipe(world, "association.pairs_per_class=0", "stages2and3.epochs=2")
    with pytest.raises(PasserbyError, match=r"before epoch 2 form fewer than two clusters: .*pairs_per_class"):
        train(recipe, tmp_path / "run")
    assert (tmp_path / "run/checkpoints/stage2-cameras.ckpt").is_file()


def test_cameras_need_to_show_two_people(world: Path) -> None:
    recipe, data = ccafl_recipe(world), open_training_data(ccafl_recipe(world), CcaflMethod(), decode=False)
    split = data.training.split
    alone = np.flatnonzero((split.identities == 0) | (split.identities == 4))
    few = ccafl_recipe(world, "stages2and3.identities_per_batch=2")
    with pytest.raises(RecipeError, match="no camera shows two people"):
        CcaflMethod().check(few, split.take(alone).relabelled())
    CcaflMethod().check(recipe, split)


def test_cameras_have_to_be_known(tmp_path: Path, world: Path) -> None:
    for identity in ("a", "b"):
        (tmp_path / "people" / identity).mkdir(parents=True)
        shutil.copy(min((world / "bounding_box_train").iterdir()), tmp_path / "people" / identity / "1.jpg")
    given = ccafl_overrides(world, f"data.name={tmp_path / 'people'}", "data.root=null")
    with pytest.raises(DataError, match="cameras are unknown"):
        train(checked_recipe(read_recipe("ccafl-tiny", given)), tmp_path / "never")


def test_learning_rates_are_the_published_ones() -> None:
    recipe = CcaflRecipe(method="ccafl")
    published = {0: 3.5e-6, 1: 3.82e-5, 4: 1.42e-4, 5: 1.77e-4, 9: 3.15e-4, 10: 3.5e-4, 39: 3.5e-4}
    published |= {40: 3.5e-5, 49: 3.5e-5, 50: 3.5e-6, 79: 3.5e-6}
    assert {e: lr_at(recipe.stages2and3, Position(e), 80) for e in published} == pytest.approx(published, rel=5e-3)
    published = {1: 7.8e-5, 4: 2.82e-4, 5: 3.44e-4, 30: 1.76e-4, 59: 1.24e-6, 60: 1e-6}
    assert {e: lr_at(recipe.stage1, Position(e - 1), 60) for e in published} == pytest.approx(published, rel=5e-3)


def test_words_are_compared_inside_their_camera_alone(world: Path) -> None:
    _, _, words, _ = ccafl_stages(world)
    words.on_stage_start()
    batch = words.example_batch()._replace(identities=torch.tensor([0, 1, 1, 5, 5, 7]))
    batch = batch._replace(features=batch.features[:6].requires_grad_())
    first = words.losses(batch._replace(features=batch.features[:3], identities=batch.identities[:3]))
    second = words.losses(batch._replace(features=batch.features[3:], identities=batch.identities[3:]))
    both = words.losses(batch)
    for name in first:
        torch.testing.assert_close(both[name], first[name] + second[name])


def test_the_cost_is_estimated_without_leaving_anything(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words, loop = estimate_training(ccafl_recipe(world))
    assert (words.name, loop.name) == ("stage1-prompts", "stage2-cameras")
    assert (loop.epochs, loop.steps) == (4, 12)
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_the_working_directory_is_not_mistaken_for_this_one(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given.csv"
    given.write_text(f"{','.join(COLUMNS)}\n")
    other = tmp_path / "other"
    kept = other / "associations" / "constraints.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("those of another run, which cannot be read here")
    (other / "recipe.yaml").write_text("method: ccafl\n")
    monkeypatch.chdir(other)
    monkeypatch.setitem(LOSSES, "mine", lambda output: output.features.sum())
    more = ("added_losses.mine=1", f"association.constraints={given}")
    assert len(estimate_training(ccafl_recipe(world, *more))) == 2
    train(
        ccafl_recipe(world, *more, "stage1.epochs=0", "stages2and3.epochs=1", "stages2and3.iterations=1"),
        tmp_path / "run",
    )
    assert "another run" in kept.read_text()
    kept.unlink()
    estimate_training(ccafl_recipe(world, *more))
    assert not kept.exists()


def _memories_of_a_share(rank: int, folder: Path) -> None:
    """Memory and classifier after a step inside cameras and one across, with this process's batches."""
    found = {}
    for epoch in (0, 3):
        loop = begun_loop(folder / "world", "stages2and3.identities_per_batch=2", epoch=epoch)
        batch = next(iter(loop.batches(epoch, rank, 2)))
        loop.losses(batch)["loss"].backward()
        seen = gather_labels(batch.identities)
        loop.on_after_backward()
        assert loop.memory is not None
        found[epoch] = {
            "memory": loop.memory.state(),
            "classifier": loop.model.classifier.weight.detach(),
            "seen": seen,
        }
    torch.save(found, folder / f"{rank}.pt")


def test_memories_and_classifier_are_alike_in_two_processes(tmp_path: Path) -> None:
    write_small_world(tmp_path / "world")
    in_two_processes(_memories_of_a_share, tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for epoch in (0, 3):
        assert len(first[epoch]["seen"].unique()) == 4, "classes of both processes"
        fresh = begun_loop(tmp_path / "world", epoch=epoch)
        assert fresh.memory is not None
        moved = _flat(fresh.memory.state())
        pairs = zip(_flat(first[epoch]).items(), _flat(second[epoch]).items(), strict=True)
        for (name, one), (_, other) in pairs:
            assert torch.equal(one, other), name
            plain = moved.get(name.removeprefix("memory."))
            assert plain is None or name.endswith(("clusters", "text_features")) or not torch.equal(plain, one), name


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for name, value in content.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
