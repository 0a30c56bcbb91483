"""What `import passerby` offers, used as its documentation says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.errors import CheckpointError, DataError
from passerby.training.runner import train
from passerby.workflows.training_request import training_request
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import overrides, write_small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds, trained from Python."""
    folder = tmp_path_factory.mktemp("trained") / "runs"
    given = dict(each.split("=", 1) for each in overrides(world, "stage1.epochs=0", "stage2.epochs=1", "seed=5"))
    changes = {key: _yaml(value) for key, value in given.items() if not key.startswith("data.")}
    more = {key: _yaml(value) for key, value in given.items() if key.startswith("data.cache")}
    run = passerby.train("clip-reid-vit-tiny", changes | more, data="market-layout", root=world, out=folder, seeds=2)
    assert run.folder == folder
    assert [each.seed for each in run.seeds] == [5, 6]
    values = [each.evaluations[0].metrics["mAP"] for each in run.seeds]
    spread = run.metrics["market-layout"]["mAP"]
    assert spread.mean == pytest.approx(np.mean(values))
    assert spread.deviation == pytest.approx(np.std(values, ddof=1))
    assert run.load(6).file == folder / "seed-6" / "model.safetensors"
    with pytest.raises(CheckpointError, match="seed 7 was not trained: choose 5, 6"):
        run.load(7)
    return folder


def _yaml(text: str) -> object:
    from passerby.recipe_yaml import read_yaml

    return read_yaml(text)


class Flat(nn.Module):
    """The mean colour of each row of the image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(3).flatten(1)


def test_importing_it_loads_no_torch_and_everything_is_there() -> None:
    code = (
        "import sys, passerby; assert 'torch' not in sys.modules; [getattr(passerby, name) for name in dir(passerby)]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        passerby.tarin  # noqa: B018


def test_every_function_of_it_has_an_example() -> None:
    for name in ("train", "evaluate", "occlusion", "compare", "embed", "explain", "denoise"):
        assert ">>> " in (getattr(passerby, name).__doc__ or ""), name
        assert f"passerby.{name}(" in (getattr(passerby, name).__doc__ or ""), name


def test_a_network_of_one_s_own_is_evaluated_with_a_page_in_three_lines(world: Path, tmp_path: Path) -> None:
    network = Flat()
    benchmark = passerby.load_benchmark("market-layout", world)
    result = passerby.evaluate(network, benchmark, out=tmp_path / "mine")
    assert result.page == tmp_path / "mine" / "report" / "market-layout.html"
    assert result.page.is_file()
    query, gallery = benchmark.query_and_gallery()
    model = passerby.TorchEmbedder.of(network)
    features = [model.embed([split.path(row) for row in range(len(split))]) for split in (query, gallery)]
    ranked = passerby.rank(*features, query.identities, gallery.identities, query.cameras, gallery.cameras)
    assert result.mAP == ranked.mAP
    assert np.allclose(np.linalg.norm(features[0], axis=1), 1, atol=1e-6)


def test_a_network_with_embed_is_asked_for_that(world: Path) -> None:
    class Classifier(Flat):
        def embed(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(images)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise AssertionError("class scores are not features")

    assert passerby.evaluate(Classifier(), world).mAP == passerby.evaluate(Flat(), world).mAP


def test_a_network_that_gives_no_features_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"Identity: a network must give features \[images, D\], but 2 images"):
        passerby.TorchEmbedder.of(nn.Identity())


def test_an_evaluation_gives_what_the_command_gives(world: Path) -> None:
    rerank = passerby.RerankSettings(k1=4, k2=2)
    result = passerby.evaluate(Flat(), world, rerank=rerank)
    assert result.reranked is not None
    assert result.intervals["mAP"]["low"] <= result.mAP <= result.intervals["mAP"]["high"]
    assert result.open_set is None
    assert result.rank_at(1) == result.rank1 == result.cmc[0]
    with pytest.raises(DataError, match="every query is the only one of its person and camera"):
        passerby.evaluate(Flat(), world, multi_query=True)


def test_a_model_and_a_result_show_what_they_are(world: Path, trained: Path) -> None:
    model = passerby.load(trained / "seed-5", device="cpu")
    shown = repr(model)
    for part in ("clip-reid", "64×32", f"{model.embed_dim} dimensions", "cpu", "model.safetensors", "market-layout"):
        assert part in shown
    ranking = passerby.evaluate(model, world).ranking
    shown = repr(ranking)
    for part in (f"mAP {100 * ranking.mAP:.1f} %", f"rank-1 {100 * ranking.rank1:.1f} %", "rank-5", "rank-10", "mINP"):
        assert part in shown
    assert "8 of 8 queries, 24 images" in shown
    assert "Flat" in repr(passerby.TorchEmbedder.of(Flat(), device="cpu"))


def test_occlusion_gives_metrics_of_every_feature(world: Path, tmp_path: Path) -> None:
    plan = passerby.OcclusionPlan(conditions=("bottom",), levels=(0.5,), runs=1)
    result = passerby.occlusion(Flat(), world, plan=plan, out=tmp_path / "occlusion")
    assert [(row.condition, row.level, row.feature) for row in result.metrics] == [
        ("clean", 0.0, "embedding"),
        ("bottom", 0.5, "embedding"),
    ]
    assert result.metrics[0].mAP.mean == pytest.approx(passerby.evaluate(Flat(), world).mAP)
    assert (tmp_path / "occlusion" / "metrics.json").is_file()
    assert list(tmp_path.iterdir()) == [tmp_path / "occlusion"]


def test_runs_are_compared_and_images_embedded(world: Path, trained: Path, tmp_path: Path) -> None:
    (comparison,) = passerby.compare([trained / "seed-5", str(trained / "seed-6")], tmp_path / "comparison")
    assert [run.name for run in comparison.runs] == ["seed-5", "seed-6"]
    written = passerby.embed(trained / "seed-5", world / "query", tmp_path / "features.parquet")
    assert (written.rows, written.embed_dim) == (8, passerby.load(trained / "seed-5").embed_dim)


def test_explain_draws_one_image_given_by_its_name(world: Path, tmp_path: Path) -> None:
    train(saga_recipe(world, "stage1.epochs=0", "stage2.epochs=0", "stage3b.epochs=0"), tmp_path / "run")
    file = str(sorted((world / "query").glob("*.jpg"))[0])
    shown = passerby.explain(tmp_path / "run", file, tmp_path / "maps.png", occluder=passerby.Occluder("bottom"))
    assert [each.occluded is not None for each in shown] == [False, True]
    assert (tmp_path / "maps.png").is_file()


def answer(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_folder_of_seeds_is_evaluated_seed_by_seed(trained: Path, world: Path, tmp_path: Path) -> None:
    told = json.loads(answer("eval", trained, "--device", "cpu", "--json"))
    assert [each["seed"] for each in told] == [5, 6]
    rates = [each["evaluations"][0]["mAP"] for each in told]
    summary = json.loads((trained / "seeds.json").read_text())["mean and deviation"]["market-layout"]["mAP"]
    assert summary == {"mean": pytest.approx(np.mean(rates)), "deviation": pytest.approx(np.std(rates, ddof=1))}
    shown = answer("eval", trained, "--data", world, "--out", tmp_path / "out", "--device", "cpu")
    assert f"{100 * np.mean(rates):.1f} ± {100 * np.std(rates, ddof=1):.1f}" in shown
    assert (tmp_path / "out" / "seed-6" / "metrics.json").is_file()
    assert (tmp_path / "out" / "seeds.json").is_file()
    refused = CliRunner().invoke(app, ["eval", str(trained), "--export", str(tmp_path / "all.csv")])
    assert "one table, but 2 seeds: name one of them, such as" in str(refused.exception)


def test_occlusion_of_a_folder_of_seeds_gives_mean_and_deviation(trained: Path, tmp_path: Path) -> None:
    command = ["occlusion", trained, "--condition", "bottom", "--levels", "0.5", "--runs", "1", "--out", tmp_path]
    (told,) = json.loads(answer(*command, "--json"))
    assert told["seeds"] == [5, 6]
    parts = [tmp_path / f"seed-{seed}" / "occlusion" / "market-layout" / "metrics.json" for seed in (5, 6)]
    by_seed = [json.loads(part.read_text())["metrics"] for part in parts]
    for row, *rows in zip(told["metrics"], *by_seed, strict=True):
        values = [each["mAP"]["mean"] for each in rows]
        assert row["mAP"]["mean"] == pytest.approx(np.mean(values))
        assert row["mAP"]["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert "over 2 seeds" in (tmp_path / "occlusion" / "market-layout" / "table.md").read_text()


def test_a_folder_of_seeds_is_compared_by_its_mean(trained: Path, tmp_path: Path) -> None:
    (comparison,) = passerby.compare([trained / "seed-5", trained], tmp_path / "comparison")
    one, both = comparison.runs
    assert both.name == "runs (2 seeds)"
    entries = [json.loads((trained / f"seed-{seed}" / "metrics.json").read_text())["market-layout"] for seed in (5, 6)]
    assert both.metrics["mAP"] == pytest.approx(np.mean([entry["mAP"] for entry in entries]))
    assert both.against_first["mAP"].difference.value == pytest.approx(both.metrics["mAP"] - one.metrics["mAP"])
    assert both.over_seeds["rank1"].percent() in comparison.page.read_text("utf-8")


def test_seeds_that_were_not_evaluated_are_named(trained: Path, tmp_path: Path) -> None:
    runs = shutil.copytree(trained, tmp_path / "runs")
    (runs / "seed-6" / "metrics.json").unlink()
    (runs / "seed-foo").mkdir()
    (runs / "seed-foo" / "metrics.json").write_text("{}")
    with pytest.raises(DataError, match=r"runs: was not evaluated in seed-6: run `passerby eval .*runs` first"):
        passerby.compare([trained / "seed-5", runs], tmp_path / "comparison")


def test_a_tilde_is_the_home_folder(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    page = passerby.evaluate(Flat(), world, out="~/mine").page
    assert page == tmp_path / "mine" / "report" / "data.html"
    assert passerby.embed(Flat(), world / "query", "~/mine/all.parquet").file == tmp_path / "mine" / "all.parquet"
    plan = passerby.OcclusionPlan(conditions=("bottom",), levels=(0.5,), runs=1)
    passerby.occlusion(Flat(), world, plan=plan, out="~/occlusion")
    assert (tmp_path / "occlusion" / "metrics.json").is_file()
    assert training_request("clip-reid-vit-tiny", out="~/run").folder == tmp_path / "run"
    assert training_request(None, resume="~/run").folder == tmp_path / "run"


@pytest.mark.parametrize("command", [["embed", "{run}", "{image}"], ["explain", "{run}", "{image}"]])
def test_where_one_model_is_needed_the_seeds_are_named(
    command: list[str], trained: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = sorted((world / "query").glob("*.jpg"))[0]
    result = CliRunner().invoke(app, [word.format(run=trained, image=image) for word in command])
    message = f"holds runs of 2 seeds, and one model is needed: name one of {trained / 'seed-5'}, {trained / 'seed-6'}"
    assert str(result.exception) == f"{trained}: {message}"
