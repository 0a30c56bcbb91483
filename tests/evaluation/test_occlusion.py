"""The occlusion experiment on a small world: clean metrics, features of one pass, trials."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from passerby.data.benchmarks import load_benchmark
from passerby.data.split import Benchmark
from passerby.errors import DataError
from passerby.evaluation.evaluate import evaluate_in_full
from passerby.evaluation.occlusion import occlusion_experiment
from passerby.evaluation.occlusion_plan import OcclusionOutcome, OcclusionPlan
from passerby.inference.embedder import Embedder
from passerby.inference.loading import load
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.models.inspection.feature_variants import clip_reid_variants
from passerby.models.inspection.reference import REFERENCE
from passerby.training.runner import train
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world

PLAN = OcclusionPlan(conditions=("rectangle", "people"), levels=(0.3, 0.6), runs=2)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def model(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    run = tmp_path_factory.mktemp("run") / "saga"
    few = ("stage1.epochs=0", "stage2.epochs=1", "stage3b.epochs=0", "stage3.poolings=[gem, query, free]")
    train(saga_recipe(world, *few), run)
    return load(run, device="cpu")


@pytest.fixture(scope="module")
def benchmark(world: Path) -> Benchmark:
    return load_benchmark("market-layout", world)


@pytest.fixture(scope="module")
def outcome(model: Embedder, benchmark: Benchmark) -> OcclusionOutcome:
    return occlusion_experiment(model, benchmark, PLAN, batch_size=3, quiet=True)


def test_every_feature_is_tried_in_every_way(outcome: OcclusionOutcome) -> None:
    names = {trial.feature for trial in outcome.trials}
    assert names == {
        REFERENCE, "projected", "class token + projected", "patch mean", "GeM", "single query",
        "free anchors (control)", "text anchors", "fused",
    }  # fmt: skip
    assert len(outcome.trials) == len(names) * (1 + 2 * 2 * 2)
    for trial in outcome.trials:
        assert trial.covered == pytest.approx(trial.level, abs=0.05)
    assert sum(len(table) for table in outcome.manifests) == 8 * len(outcome.query)


def test_clean_queries_give_exactly_the_usual_evaluation(
    outcome: OcclusionOutcome, model: Embedder, benchmark: Benchmark
) -> None:
    usual = evaluate_in_full(model, benchmark, batch_size=5, quiet=True).result
    (clean,) = [trial for trial in outcome.trials if trial.condition is None and trial.feature == "fused"]
    np.testing.assert_array_equal(clean.average_precision, usual.average_precision)
    assert np.nanmean(clean.hits) == usual.rank1


def test_runs_differ_and_are_repeatable(outcome: OcclusionOutcome, model: Embedder, benchmark: Benchmark) -> None:
    again = occlusion_experiment(model, benchmark, PLAN, batch_size=8, quiet=True)
    for first, second in zip(outcome.trials, again.trials, strict=True):
        assert (first.condition, first.run, first.feature) == (second.condition, second.run, second.feature)
        np.testing.assert_array_equal(first.average_precision, second.average_precision)
    seeds = {table.column("seed")[0].as_py() for table in outcome.manifests}
    assert len(seeds) == 4


def test_features_come_from_one_pass_and_are_what_the_network_gives(model: Embedder) -> None:
    images, network, calls = torch.randn(2, 3, 64, 32), model.model, []
    hook = network.backbone.register_forward_hook(lambda *_: calls.append(1))  # type: ignore[union-attr, operator]
    first_block = network.backbone.transformer.resblocks[0]  # type: ignore[union-attr, index]
    counted = first_block.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        found = model.feature_variants(images)
        assert len(calls) == 1
        torch.testing.assert_close(found["fused"], network.embed(images))  # type: ignore[operator]
    hook.remove()
    counted.remove()
    for values in found.values():
        torch.testing.assert_close(values.norm(dim=1), torch.ones(2))


def test_clip_reid_has_several_features_too() -> None:
    network = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(None)).eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        found = clip_reid_variants(network, images)
        joint = F.normalize(found["class token + projected"])
        torch.testing.assert_close(joint, network.embed(images))
    assert set(found) == {REFERENCE, "projected", "class token + projected"}


def test_people_need_people(model: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    alone = Benchmark(benchmark.name, None, benchmark.query, benchmark.gallery)
    with pytest.raises(DataError, match="leave out the condition people"):
        occlusion_experiment(model, alone, PLAN, quiet=True)
    masked = OcclusionPlan(conditions=("people",), masks=tmp_path / "nowhere")
    with pytest.raises(DataError, match="no such folder of masks"):
        occlusion_experiment(model, benchmark, masked, quiet=True)


def test_unreadable_images_can_be_left_out(model: Embedder, tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world")
    (broken, *rest) = sorted((world / "query").glob("*.jpg"))
    broken.write_bytes(b"no picture")
    plan = OcclusionPlan(conditions=("bottom",), levels=(0.5,), runs=1)
    hurt = load_benchmark("market-layout", world)
    with pytest.raises(DataError, match=broken.name):
        occlusion_experiment(model, hurt, plan, quiet=True)
    found = occlusion_experiment(model, hurt, plan, skip_unreadable=True, quiet=True)
    assert len(found.query) == len(rest)
    assert len(found.trials[0].hits) == len(rest)
