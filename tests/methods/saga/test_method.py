"""Training SAGA: what each stage changes, what it minimises, and that an interruption changes nothing."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import passerby
from passerby.errors import DeviceError, RecipeError
from passerby.losses.anchors import anchor_diversity, anchor_triplet, classifier_diversity, decorrelation
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods import find_method
from passerby.methods.method import InitialWeights
from passerby.methods.saga.building import adopt
from passerby.methods.saga.method import AnchorStage, BackboneStage, EndToEndStage
from passerby.methods.sections.learning_rate import lr_at
from passerby.methods.stage import Stage
from passerby.models.checkpoint import read_tensors
from passerby.models.saga.network import HEAD, Saga
from passerby.runs.request import stored_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.training.estimate import estimate_training
from passerby.training.initialisation import build_model, read_init
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import nano_recipe, write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def finished(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "whole"
    poolings = "stage3.poolings=[gem, query, free]"
    train(saga_recipe(world, "trainer.checkpoint_every_steps=1", poolings, "stage4.epochs=1"), folder)
    return folder


def weights_after(run: Path, stage: str) -> dict[str, Tensor]:
    return read_tensors(RunDirectory(run).weights_file(stage))


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_every_stage_changes_its_own_part(finished: Path) -> None:
    words, images, first, second, last = (
        weights_after(finished, stage)
        for stage in ("stage1-prompts", "stage2-images", "stage3a-anchors", "stage3b-anchors", "stage4-end-to-end")
    )
    by_stage2 = changed(words, images)
    assert {name.split(".")[0] for name in by_stage2} == {"backbone", "bottleneck", "classifier"}
    assert "bottleneck.bias" not in by_stage2
    by_anchors = changed(first, second)
    assert {name.split(".")[0] + "." for name in by_anchors} == set(HEAD)
    assert not {name for name in by_anchors if name.endswith((".bn.bias", "ctx_parts"))} | by_anchors & {"bn.bias"}
    assert {"text_anchor.ctx_main", "text_anchor.proj.weight", "poolings.gem.pooling.exponent"} <= by_anchors
    by_end = changed(second, last)
    assert {name.split(".")[0] for name in by_end} == {"backbone", "bn"}
    assert not {name for name in by_end if name.startswith("backbone.transformer.resblocks.1.")}
    assert any(name.startswith("backbone.transformer.resblocks.0.") for name in by_end)


def test_the_refinement_starts_from_the_block_of_its_tokens(world: Path, tmp_path: Path) -> None:
    recipe = saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "stage3a.lr=0", "stage3b.epochs=0")
    train(recipe, tmp_path / "run")
    weights = weights_after(tmp_path / "run", "stage3a-anchors")
    block = "backbone.transformer.resblocks.0."
    for layer in ("refine.layers.0.", "refine.layers.1."):
        torch.testing.assert_close(weights[layer + "ff.0.weight"], weights[block + "mlp.c_fc.weight"])
        torch.testing.assert_close(weights[layer + "norm_kv.weight"], weights[block + "ln_1.weight"])


def test_the_run_embeds_and_leaves_no_cache(finished: Path, world: Path) -> None:
    assert not list((finished / "cache").glob("tokens-*"))
    model = passerby.load(finished)
    assert model.embed_dim == 32 + 32 + 16
    features = model.embed(sorted((world / "query").glob("*.jpg")))
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    assert not any(name.startswith(("bn.", "classifiers.")) for name in model.model.state_dict())
    assert "poolings.query.pooling.query" in model.model.state_dict()


class CutOffError(Exception):
    """Stands for whatever kills a process."""


@pytest.mark.parametrize("stage", [BackboneStage, AnchorStage, EndToEndStage])
def test_a_stage_that_was_cut_off_ends_as_if_it_had_not_been(
    finished: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: type[Stage]
) -> None:
    losses, calls = stage.losses, []

    def failing(self: Stage, batch: Any) -> dict[str, Tensor]:
        calls.append(1)
        if len(calls) == 3:
            raise CutOffError
        return losses(self, batch)

    monkeypatch.setattr(stage, "losses", failing)
    recipe = stored_recipe(RunDirectory(finished))
    with pytest.raises(CutOffError):
        train(recipe, tmp_path / "cut")
    monkeypatch.undo()
    train(recipe, tmp_path / "cut", resume=True)
    whole, cut = (read_tensors(run / "model.safetensors") for run in (finished, tmp_path / "cut"))
    assert changed(whole, cut) == set()


def opened(recipe: Any) -> tuple[Saga, Any]:
    method = find_method("saga")
    data = open_training_data(recipe, method)
    model = build_model(recipe, method, data, read_init(recipe, method))
    assert isinstance(model, Saga)
    return model, data.training


def test_the_loss_of_stage_3_is_the_weighted_sum(world: Path, tmp_path: Path) -> None:
    more = (
        "stage3.loss_weights.anchor_triplet=0.7",
        "stage3.loss_weights.identity=0.5",
        "stage3.margin=0.3",
        "anchors.dropout=0",
    )
    recipe = saga_recipe(world, *more)
    model, data = opened(recipe)
    stage = AnchorStage(recipe, model, data, tmp_path, part="a")
    stage.on_stage_start()
    batch = stage.example_batch()._replace(identities=torch.tensor([0, 0, 1, 1, 2, 2]))
    losses = stage.losses(batch)
    found = model.aggregate(batch.patches.float(), batch.projected.float())
    labels, normalised = (
        batch.identities,
        (found.refined - found.refined.mean(0)) / (found.refined.var(0, unbiased=False) + 1e-5).sqrt(),
    )
    identity = [smoothed_cross_entropy(normalised @ each.weight.T, labels) for each in model.classifiers]
    features, mass = model.by_anchor(found)
    expected = (
        0.5 * torch.stack(identity).mean()
        + batch_hard_triplet(found.refined, labels)
        + 0.05 * anchor_diversity(found.text_anchors)
        + 0.5 * classifier_diversity([each.weight for each in model.classifiers])
        + 0.7 * anchor_triplet(features, mass, labels)
    )
    torch.testing.assert_close(losses["loss"], expected, rtol=1e-4, atol=1e-5)


def test_the_loss_of_stage_4_is_the_weighted_sum(world: Path) -> None:
    recipe = saga_recipe(
        world, "stage4.epochs=1", "stage4.loss_weights.decorrelation=0.4", "stage4.loss_weights.text=0.3"
    )
    model, data = opened(recipe)
    stage = EndToEndStage(recipe, model, data)
    stage.on_stage_start()
    batch = stage.example_batch()
    losses = stage.losses(batch)
    assert set(losses) == {"loss", "identity", "triplet", "decorrelation", "text"}
    weighted = losses["identity"] + losses["triplet"] + 0.4 * losses["decorrelation"] + 0.3 * losses["text"]
    torch.testing.assert_close(losses["loss"].detach(), weighted)
    tokens = model.tokens(batch.images)
    refined = model.aggregate(tokens.patches, tokens.projected).refined
    torch.testing.assert_close(losses["decorrelation"], decorrelation(refined, tokens.final).detach())


def test_official_trains_the_bias_of_the_neck(world: Path) -> None:
    for official in (False, True):
        recipe = saga_recipe(world, f"official={str(official).lower()}")
        model, data = opened(recipe)
        learning = {name for name, _ in BackboneStage(recipe, model, data).trainable_parameters()}
        assert ("bottleneck.bias" in learning) is official
        assert model.shape.dropped_weights is official


def test_official_counts_milestones_by_the_samplers_estimate(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {}
    for official in ("false", "true"):
        recipe = saga_recipe(world, f"official={official}", "stage2={decay: steps, epochs: 80}")
        model, data = opened(recipe)
        stage = BackboneStage(recipe, model, data)
        stage._estimated_steps = 100
        for finished in (3999, 4000, 6999, 7000):
            trainer = SimpleNamespace(current_epoch=finished // 90, num_training_batches=90, global_step=finished)
            monkeypatch.setattr(BackboneStage, "trainer", trainer)
            rates[official, finished] = lr_at(stage.learning_rate, stage.position(0), 80) / stage.learning_rate.lr
    assert rates == pytest.approx({
        ("true", 3999): 1, ("true", 4000): 0.1, ("true", 6999): 0.1, ("true", 7000): 0.01,
        ("false", 3999): 0.1, ("false", 4000): 0.1, ("false", 6999): 0.01, ("false", 7000): 0.01,
    })  # fmt: skip


def test_one_classifier_is_forgotten_between_the_parts_of_stage_3(world: Path, tmp_path: Path) -> None:
    recipe = saga_recipe(world, "stage3.classifiers=1", "stage3.classifier_dropout=0.2")
    model, data = opened(recipe)
    model.classifiers[0].weight.data.fill_(7)
    model.bn.running_mean.fill_(3)  # type: ignore[union-attr]
    first = AnchorStage(recipe, model, data, tmp_path, part="a")
    first.set_trainable()
    assert first.classifier_dropout == 0.2
    assert model.classifiers[0].weight.eq(7).all()
    second = AnchorStage(recipe, model, data, tmp_path, part="b")
    second.set_trainable()
    assert second.classifier_dropout == 0
    assert model.classifiers[0].weight.abs().max() < 0.01
    assert model.bn.running_mean.eq(0).all()  # type: ignore[union-attr]


def test_tokens_kept_in_a_folder_serve_a_second_run(world: Path, tmp_path: Path) -> None:
    more = ("stage1.epochs=0", "stage2.epochs=0", f"tokens.folder={tmp_path / 'tokens'}", "tokens.views=2")
    train(saga_recipe(world, *more), tmp_path / "first")
    (kept,) = (tmp_path / "tokens").iterdir()
    written = {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    train(saga_recipe(world, *more, "stage3b.epochs=0", "anchors.count=2"), tmp_path / "second")
    assert {file: file.stat().st_mtime_ns for file in kept.iterdir()} == written
    train(saga_recipe(world, *more, "seed=7", "stage3b.epochs=0"), tmp_path / "other")
    assert len(list((tmp_path / "tokens").iterdir())) == 2, "other weights have other tokens"


def test_without_a_cache_tokens_are_computed_in_every_step(world: Path, tmp_path: Path) -> None:
    train(saga_recipe(world, "tokens.cache=none", "stage1.epochs=0", "stage2.epochs=0"), tmp_path / "run")
    assert not (tmp_path / "run" / "cache").exists()
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["stage3a-anchors", "stage3b-anchors"]


def test_a_full_disk_is_noticed_before_the_work(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DeviceError, match=r"tokens.cache=none"):
        train(saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "data.cache=none"), tmp_path / "run")


@pytest.mark.parametrize("override", ["anchors.token_layers=[1, 2]", "anchors.domain=camera", "anchors.phrase_slots=0"])
def test_variants_train_and_embed(world: Path, tmp_path: Path, override: str) -> None:
    train(saga_recipe(world, override, "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0"), tmp_path / "run")
    model = passerby.load(tmp_path / "run")
    assert model.description["camera_count"] == (2 if "camera" in override else 0)
    assert model.embed(sorted((world / "query").glob("*.jpg"))[:2]).shape == (2, model.embed_dim)


def test_stage_3_starts_from_a_clip_reid_run(world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "stage1.epochs=0", "stage2.epochs=1", "model.camera_embedding=true"), tmp_path / "clip")
    theirs = read_tensors(tmp_path / "clip" / "model.safetensors")
    skipped = (f"init={tmp_path / 'clip'}", "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0")
    train(saga_recipe(world, *skipped), tmp_path / "saga")
    ours = read_tensors(tmp_path / "saga" / "model.safetensors")
    for name in ("conv1.weight", "positional_embedding", "proj"):
        assert torch.equal(ours[f"backbone.{name}"], theirs[f"image_encoder.{name}"])
    assert torch.equal(ours["text_encoder.text_projection"], theirs["text_encoder.text_projection"])
    token = theirs["image_encoder.class_embedding"] + 3 * theirs["cv_embed"].mean(0)
    torch.testing.assert_close(ours["backbone.class_embedding"], token)
    with pytest.raises(RecipeError, match=r"has 32 patches, the recipe's 105: set model.stride"):
        train(saga_recipe(world, *skipped, "model.stride=4"), tmp_path / "misfit")


def test_init_brings_the_head_only_where_stage_3a_does_not_begin_it_anew(finished: Path, world: Path) -> None:
    tensors = read_tensors(finished / "model.safetensors")
    init = InitialWeights("init=x", tensors, {"network": passerby.load(finished).description["network"]})
    anew = adopt(saga_recipe(world), init).tensors
    assert not any(name.startswith(HEAD) for name in anew)
    assert adopt(saga_recipe(world, "stage3a.epochs=0"), init).tensors.keys() == tensors.keys()


def test_a_dry_run_names_the_stages_and_writes_nothing(world: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = sorted(world.rglob("*"))
    stages = estimate_training(saga_recipe(world, "stage4.epochs=1"))
    assert [stage.name for stage in stages] == [
        "stage1-prompts", "stage2-images", "stage3a-anchors", "stage3b-anchors", "stage4-end-to-end"
    ]  # fmt: skip
    assert sorted(world.rglob("*")) == before
    said = "stage3a-anchors: the token cache will hold 32 images × 4 views × 32 tokens of 32, float16: 0.3 MB"
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stage3.identities_per_batch=9", r"stage3.identities_per_batch=9, but .* show 4 identities"),
        ("stage2.identities_per_batch=9", r"stage2.identities_per_batch=9"),
        ("anchors.token_layers=[3]", "has blocks 1 to 2"),
        ("model.architecture=resnet-nano", "use a ViT"),
    ],
)
def test_what_cannot_be_learned_is_refused_before_any_work(
    world: Path, tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        train(saga_recipe(world, override), tmp_path / "run")
    assert not (tmp_path / "run").exists()
