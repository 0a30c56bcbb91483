"""What `passerby eval` writes where: figures and pages of every set, and which model they are of."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from passerby import load_benchmark
from passerby.errors import CheckpointError, DataError, EvaluationError, PasserbyError, RecipeError
from passerby.evaluation.protocol import Protocol, RerankSettings
from passerby.evaluation.query_table import read_query_table
from passerby.inference.loading import load
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.metrics import rank
from passerby.training.runner import train
from passerby.workflows.compare import compare
from passerby.workflows.evaluate import evaluate, evaluate_and_report
from passerby.workflows.evaluation_request import EvaluationRequest
from passerby.workflows.evaluation_settings import CameraEmbedding
from tests.methods.small_world import nano_recipe, write_small_world


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("worlds")
    return write_small_world(folder / "first"), write_small_world(folder / "second", seed=1)


@pytest.fixture(scope="module")
def trained(worlds: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two sets of one name."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    both = ("data.name=[market-layout, market-layout]", f"data.root=[{worlds[0]}, {worlds[1]}]")
    train(nano_recipe(worlds[0], *both, "stage1.epochs=0", "stage2.epochs=1", "evaluation.batch_size=5"), folder)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may write to."""
    return shutil.copytree(trained, tmp_path / "run")


def evaluated(model: Path, **options: object) -> list[dict[str, object]]:
    request = replace(EvaluationRequest(str(model), device="cpu"), **options)
    (outcome,) = evaluate_and_report(request)
    return [each.metrics for each in outcome.evaluations]


def stored(folder: Path) -> dict[str, dict[str, object]]:
    content: dict[str, dict[str, object]] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return content


def test_sets_of_one_name_keep_their_own_figures_and_pages(run: Path) -> None:
    first, second = evaluated(run)
    assert [first["data"], second["data"]] == ["market-layout", "market-layout-2"]
    assert stored(run) == {"market-layout": first, "market-layout-2": second}
    assert first["mAP"] != second["mAP"]
    pages = [run / str(figures["page"]) for figures in (first, second)]
    assert [page.name for page in pages] == ["market-layout.html", "market-layout-2.html"]
    assert pages[0].read_text("utf-8") != pages[1].read_text("utf-8")
    assert evaluated(run) == [first, second], "the same again replaces them"
    assert len(stored(run)) == 2


def test_figures_tell_the_model(run: Path) -> None:
    digest = hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()
    for figures in evaluated(run):
        assert figures["model"] == {"path": str(run / "model.safetensors"), "sha256": digest, "seed": 1234}
        assert figures["camera_embedding"] == "none"
        assert figures["cameras_known"]
        page = (run / str(figures["page"])).read_text("utf-8")
        assert f"Model: {run.name}/model.safetensors (SHA-256 {digest[:12]}…)." in page


def test_other_data_of_the_same_name_is_numbered_and_a_moved_copy_is_not(
    run: Path, worlds: tuple[Path, Path], tmp_path: Path
) -> None:
    moved = shutil.copytree(worlds[0], tmp_path / "moved")
    third = write_small_world(tmp_path / "third", seed=2)
    for root, name in ((worlds[0], "market-layout"), (third, "market-layout-2"), (moved, "market-layout")):
        (figures,) = evaluated(run, data="market-layout", root=root)
        assert figures["data"] == name
    assert set(stored(run)) == {"market-layout", "market-layout-2"}


def test_names_that_make_the_same_file_name_get_two_pages(run: Path, worlds: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(worlds[0], tmp_path / "a b")
    shutil.copytree(worlds[1], tmp_path / "a-b")
    pages = [evaluated(run, data=str(tmp_path / name))[0]["page"] for name in ("a b", "a-b")]
    assert len(set(pages)) == 2
    assert all((run / str(page)).is_file() for page in pages)


def test_a_table_is_one_set_however_it_is_named(
    run: Path, worlds: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(worlds[0], tmp_path / "people")
    monkeypatch.chdir(tmp_path / "people" / "query")
    for name in (str(tmp_path / "people"), "..", "../../people"):
        (figures,) = evaluated(run, data=name)
        assert figures["data"] == "people"
    assert set(stored(run)) == {"people"}


def test_the_same_set_twice_is_refused(run: Path, worlds: tuple[Path, Path]) -> None:
    with pytest.raises(RecipeError, match="is named twice"):
        evaluated(run, root=worlds[0])


def test_a_damaged_file_of_figures_is_moved_aside_and_that_is_said(
    run: Path, worlds: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, damage in enumerate(('{"market-layout": {"mAP": 0.', "[1, 2]", "\udcff")):
        (run / "metrics.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
        evaluated(run, data="market-layout", root=worlds[0])
        assert set(stored(run)) == {"market-layout"}
        assert "was damaged and is now metrics.json.damaged" in capsys.readouterr().err
        assert len(list(run.glob("metrics.json.damaged*"))) == number + 1


def test_files_of_weights_are_told_apart_by_their_folder(
    run: Path, worlds: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "other" / "run"
    elsewhere.mkdir(parents=True)
    train(nano_recipe(worlds[0], "stage1.epochs=0", "stage2.epochs=1", "seed=5"), tmp_path / "third")
    shutil.copy(tmp_path / "third" / "model.safetensors", elsewhere)
    shutil.copy(run / "model.safetensors", tmp_path / "mine.safetensors")
    for model, place in [
        (run / "model.safetensors", "run"),
        (elsewhere / "model.safetensors", "run-2"),
        (run / "model.safetensors", "run"),
        (tmp_path / "mine.safetensors", "mine"),
    ]:
        evaluated(model, data="market-layout", root=worlds[0])
        assert (Path("evaluation") / place / "metrics.json").is_file()
    assert sorted(folder.name for folder in Path("evaluation").iterdir()) == ["mine", "run", "run-2"]
    assert stored(Path("evaluation/run-2"))["market-layout"]["model"]["seed"] == 5  # type: ignore[index]


def test_the_run_says_how_unless_the_user_does(run: Path, worlds: tuple[Path, Path], tmp_path: Path) -> None:
    sizes: list[int] = []
    embed = TorchEmbedder.embed_batch

    def watched(self: TorchEmbedder, images: torch.Tensor, *more: Any) -> object:
        sizes.append(len(images))
        return embed(self, images, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TorchEmbedder, "embed_batch", watched)
        evaluated(run)
        assert max(sizes) == 5
        sizes.clear()
        evaluated(run, batch_size=7)
        assert max(sizes) == 7
    damaged = shutil.copytree(worlds[0], tmp_path / "damaged")
    broken = sorted((damaged / "bounding_box_test").iterdir())[0]
    broken.write_bytes(broken.read_bytes()[:200])
    recipe = (run / "recipe.yaml").read_text("utf-8")
    recipe = recipe.replace(str(worlds[0]), str(damaged)).replace("skip_unreadable: false", "skip_unreadable: true")
    (run / "recipe.yaml").write_text(recipe, encoding="utf-8")
    assert evaluated(run)[0]["unreadable"] == 1
    with pytest.raises(DataError, match=f"1 of 24 images cannot be read .*{broken.name}.*--skip-unreadable"):
        evaluated(run, skip_unreadable=False)
    with pytest.raises(DataError, match="1 of 24 images cannot be read"):
        evaluated(run, data="market-layout", root=damaged)


def test_root_moves_the_data_of_a_run(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    here = shutil.copytree(worlds[0], tmp_path / "here")
    train(nano_recipe(here, "stage1.epochs=0", "stage2.epochs=1", "data.cache=none"), tmp_path / "run")
    before = evaluated(tmp_path / "run")
    here.rename(tmp_path / "there")
    with pytest.raises(DataError, match="there is no folder"):
        evaluated(tmp_path / "run")
    assert evaluated(tmp_path / "run", root=tmp_path / "there") == before


def test_what_cannot_be_done_is_said_before_any_work(
    run: Path, worlds: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchEmbedder, "embed_batch", None)
    file = tmp_path / "file"
    file.touch()
    crossed = tmp_path / "crossed"
    crossed.mkdir()
    (crossed / "report").touch()
    market = {"data": "market-layout", "root": worlds[0]}
    wrong: list[tuple[Path, dict[str, object], type[PasserbyError], str]] = [
        (tmp_path / "nosuch", {}, CheckpointError, "nosuch: no such run or file of weights"),
        (run / "model.safetensors", {}, RecipeError, "is not a run's folder, so name the data"),
        (run, {**market, "out": file}, DataError, "file: cannot be a folder"),
        (run, {**market, "out": file / "below"}, DataError, "file is a file"),
        (run, {**market, "out": crossed}, DataError, "report is a file: choose another place"),
        (run, {**market, "figure": tmp_path / "lists.docx"}, DataError, "must end in .png or .pdf or .svg"),
        (run, {**market, "figure": run}, DataError, "must end in"),
        (run, {"figure": tmp_path / "lists.png"}, DataError, "one picture, but 2 data sets"),
        (
            run,
            {**market, "camera_embedding": CameraEmbedding("market1501")},
            CheckpointError,
            "declares itself what it was trained on",
        ),
        (
            run,
            {**market, "camera_embedding": CameraEmbedding(weight=2.0)},
            CheckpointError,
            "declares itself what it was trained on",
        ),
    ]
    for model, options, kind, message in wrong:
        with pytest.raises(kind, match=message):
            evaluated(model, **options)
    assert not (run / "metrics.json").exists()


def test_a_figure_can_be_drawn(run: Path, worlds: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("lists.png", "below/lists.svg"):
        evaluated(run, data="market-layout", root=worlds[0], figure=tmp_path / name)
    with Image.open(tmp_path / "lists.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
    assert (tmp_path / "below" / "lists.svg").read_text("utf-8").startswith("<?xml")


def test_a_protocol_is_carried_out_and_recorded(run: Path, worlds: tuple[Path, Path], tmp_path: Path) -> None:
    protocol = Protocol(multi_query=True, rerank=RerankSettings(k1=4, k2=2, lambda_value=0.3))
    export = tmp_path / "queries.csv"
    world = shutil.copytree(worlds[0], tmp_path / "world")
    (world / "gt_bbox").mkdir()
    queries = sorted((world / "query").iterdir())
    for query in queries:  # the query itself is there too, as in Market-1501, and another image
        for name, source in ((query.name, query), (query.name.replace("s1", "s3"), worlds[1] / "query" / query.name)):
            shutil.copy(source, world / "gt_bbox" / name)
    (found,) = evaluated(run, data="market-layout", root=world, out=tmp_path / "out", protocol=protocol, export=export)
    assert found["multi_query"] is True
    assert found["queries"] == len(queries)
    model = load(run, device="cpu")
    gallery = sorted((world / "bounding_box_test").iterdir())
    joined = [
        model.embed([query, world / "gt_bbox" / query.name.replace("s1", "s3")]).mean(axis=0) for query in queries
    ]
    labels = [[int(path.name[place]) for path in paths] for place in (3, 6) for paths in (queries, gallery)]
    assert found["mAP"] == pytest.approx(rank(np.stack(joined), model.embed(gallery), *labels).mAP, abs=1e-6)
    assert found["pooling"] == "none"
    assert found["reranked"]["settings"] == "k1 4, k2 2, λ 0.3"  # type: ignore[index]
    assert (tmp_path / "queries.csv").read_text("utf-8").count("\n") == found["queries"] + 1  # type: ignore[operator]
    assert (tmp_path / "out" / str(found["queries_table"])).is_file()


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (
            {"protocol": Protocol(pooling="mean")},
            DataError,
            "query images belong to no tracklets: give its table a column 'track'",
        ),
        ({"protocol": Protocol(multi_query=True)}, DataError, "every query is the only one of its person and camera"),
        ({"protocol": Protocol(open_set_draws=3)}, EvaluationError, "queries are too few for open-set metrics"),
        ({"export": Path("queries.txt")}, DataError, "must end in .csv or .parquet"),
        ({"export": Path("queries.csv")}, DataError, "one table, but 2 data sets"),
    ],
)
def test_a_protocol_that_does_not_fit_is_refused_before_the_work(
    asked: dict[str, object], error: type[PasserbyError], message: str, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchEmbedder, "embed_batch", lambda *_: pytest.fail("images were embedded"))
    with pytest.raises(error, match=message):
        evaluated(run, **asked)


class Constant(torch.nn.Module):
    """A network that tells nobody apart."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(images), 4)


def test_expected_values_do_not_depend_on_the_gallery_s_order_and_say_what_they_are(
    worlds: tuple[Path, Path], tmp_path: Path
) -> None:
    benchmark = load_benchmark("market-layout", worlds[0])
    query, gallery = benchmark.query_and_gallery()
    turned = replace(benchmark, gallery=gallery.take(np.arange(len(gallery))[::-1]))
    results = [
        evaluate(Constant(), each, out=tmp_path / str(number), ties="expected", rerank=True)
        for number, each in enumerate((benchmark, turned))
    ]
    assert results[0].mAP == results[1].mAP == pytest.approx(results[0].reranked.mAP)
    same = gallery.identities == query.identities[:, None]
    positives = same & (gallery.cameras != query.cameras[:, None])
    compared = (gallery.identities != -1) & ~(same & ~positives)
    shares = positives.sum(axis=1) / compared.sum(axis=1)
    assert results[0].rank1 == pytest.approx(shares[shares > 0].mean()), "the chance that a random image is right"
    assert "expected over all orders of ties" in repr(results[0])
    figures = stored(tmp_path / "0")["market-layout"]
    assert (figures["ties"], figures["reranked"]["ties"]) == ("expected", "expected")
    assert figures["rank1"] == results[0].rank1
    assert figures["intervals"]["rank1"]["value"] == pytest.approx(results[0].rank1)
    assert "Figures are expected values over all orders of equally far images" in results[0].page.read_text("utf-8")
    table = read_query_table(tmp_path / "0" / "report" / "market-layout.queries.parquet")
    assert np.nanmean(table.rank1) == pytest.approx(results[0].rank1)
    assert evaluate(Constant(), benchmark).rank1 != pytest.approx(results[0].rank1), "nor are they one order's values"


def test_expected_and_gallery_order_are_not_compared(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    benchmark = load_benchmark("market-layout", worlds[0])
    for ties in ("gallery", "expected"):
        evaluate(Constant(), benchmark, out=tmp_path / ties, ties=ties)
    with pytest.raises(EvaluationError, match="ties is 'expected', but 'gallery' in"):
        compare([tmp_path / "gallery", tmp_path / "expected"], tmp_path / "comparison")


def test_an_unknown_order_of_ties_is_refused_before_the_work(worlds: tuple[Path, Path]) -> None:
    with pytest.raises(EvaluationError, match="ties 'random' is not known: choose gallery or expected"):
        evaluate(Constant(), load_benchmark("market-layout", worlds[0]), ties="random")  # type: ignore[arg-type]
