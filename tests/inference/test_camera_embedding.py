"""Whose cameras a model's camera embedding belongs to; checked end to end on small models, and on what files say."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

import passerby
from passerby.data.benchmarks import BENCHMARKS, load_benchmark
from passerby.data.split import Benchmark, Split
from passerby.errors import CheckpointError, PasserbyError
from passerby.evaluation.evaluate import evaluate_in_full
from passerby.inference.camera_embedding import (
    cameras_set_aside,
    declared_training_set,
    describe_training_sets,
    find_trained_cameras,
)
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.training.runner import train
from tests.methods.small_world import nano_recipe, write_small_world
from tests.models.golden_fill import fill

SIE = ("model.camera_embedding=true", "model.camera_coefficient=3.0", "stage1.epochs=0", "stage2.epochs=2")


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two worlds whose files and cameras are called the same."""
    folder = tmp_path_factory.mktemp("worlds")
    return write_small_world(folder / "first"), write_small_world(folder / "second", seed=1)


@pytest.fixture(scope="module")
def runs(worlds: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model trained on the first world, and one trained on both, the second first."""
    folder = tmp_path_factory.mktemp("runs")
    train(nano_recipe(worlds[0], *SIE), folder / "one")
    both = ("data.name=[market-layout, market-layout]", f"data.root=[{worlds[1]}, {worlds[0]}]")
    train(nano_recipe(worlds[0], *SIE, *both), folder / "both")
    return folder / "one", folder / "both"


def by_hand(run: Path, split: Split, slots: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Features with these rows of the camera embedding, from the file of weights and the network's own blocks."""
    tensors = safetensors.torch.load_file(run / "model.safetensors")
    loaded = passerby.load(run, device="cpu")
    tower: Any = loaded.model.image_encoder
    features = []
    with torch.no_grad():
        for row, slot in enumerate(slots):
            offset = tensors["cv_embed"].mean(0) if slot < 0 else tensors["cv_embed"][slot]
            image = loaded.transform(Image.open(split.path(row)))[None]
            patches = tower.conv1(image).flatten(2).transpose(1, 2)
            token = (tensors["image_encoder.class_embedding"] + 3.0 * offset).expand(1, 1, -1)
            tokens = torch.cat([token, patches], 1) + tensors["image_encoder.positional_embedding"]
            final = tower.ln_post(tower.transformer(tower.ln_pre(tokens)))[:, 0]
            features.append(F.normalize(torch.cat([final, final @ tensors["image_encoder.proj"]], 1))[0].numpy())
    return np.stack(features)


def test_query_and_gallery_take_the_embedding_of_their_own_cameras(runs: tuple[Path, Path], worlds: Any) -> None:
    benchmark = load_benchmark("market-layout", worlds[0])
    found = evaluate_in_full(passerby.load(runs[0], device="cpu"), benchmark, quiet=True)
    assert (found.cameras.use, found.cameras.data) == ("trained", "market-layout")
    query, gallery = benchmark.query_and_gallery()
    assert set(query.cameras.tolist()) == {0, 1}  # type: ignore[union-attr]
    expected = [by_hand(runs[0], part, part.cameras) for part in (query, gallery)]  # type: ignore[arg-type]
    np.testing.assert_allclose(found.query_features, expected[0], atol=1e-5)
    np.testing.assert_allclose(found.gallery_features, expected[1], atol=1e-5)
    mean = by_hand(runs[0], query, np.full(len(query), -1))
    assert np.abs(mean - expected[0]).max() > 1e-3, "the embedding makes a difference here"
    ranked = passerby.rank(*expected, query.identities, gallery.identities, query.cameras, gallery.cameras)
    assert found.result.mAP == pytest.approx(ranked.mAP, abs=1e-6)


def test_each_of_several_training_sets_has_its_own_rows(runs: tuple[Path, Path], worlds: tuple[Path, Path]) -> None:
    model = passerby.load(runs[1], device="cpu")
    assert model.description["camera_count"] == 4
    for world, first in ((worlds[1], 0), (worlds[0], 2)):
        benchmark = load_benchmark("market-layout", world)
        found = find_trained_cameras(model.description, benchmark)
        assert found.use == "trained"
        assert found.rows is not None
        assert found.rows.tolist() == [first, first + 1]
    query, _ = benchmark.query_and_gallery()
    features = evaluate_in_full(model, benchmark, quiet=True).query_features
    np.testing.assert_allclose(features, by_hand(runs[1], query, query.cameras + 2), atol=1e-5)  # type: ignore[operator]


def test_other_data_takes_the_mean_though_its_cameras_are_called_the_same(
    runs: tuple[Path, Path], worlds: tuple[Path, Path], tmp_path: Path
) -> None:
    model = passerby.load(runs[0], device="cpu")
    other = load_benchmark("market-layout", worlds[1])
    found = evaluate_in_full(model, other, quiet=True)
    assert found.cameras.use == "mean"
    query, _ = other.query_and_gallery()
    np.testing.assert_allclose(found.query_features, by_hand(runs[0], query, np.full(len(query), -1)), atol=1e-5)
    moved = shutil.copytree(worlds[0], tmp_path / "moved")
    assert find_trained_cameras(model.description, load_benchmark("market-layout", moved)).use == "trained"
    without_training_half = replace(load_benchmark("market-layout", moved), train=None)
    assert find_trained_cameras(model.description, without_training_half).use == "mean"


def test_validation_takes_the_trained_cameras(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    seen: list[Tensor] = []
    embed = ClipReid.embed

    def watched(self: ClipReid, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        assert camera_ids is not None
        seen.append(camera_ids)
        return embed(self, images, camera_ids)

    recipe = nano_recipe(
        worlds[0],
        *SIE,
        "data.validation.identities=1",
        "stage2.epochs=1",
        "stage2.identities_per_batch=2",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClipReid, "embed", watched)
        train(recipe, tmp_path / "run")
    assert set(torch.cat(seen).tolist()) == {0, 1}


def without_camera(world: Path, folder: Path, camera: int) -> Path:
    """The same world, in which a camera took no training image."""
    shutil.copytree(world, folder)
    for file in (folder / "bounding_box_train").glob(f"*_c{camera}s1_*"):
        file.unlink()
    return folder


def test_cameras_that_took_no_training_image_take_the_mean_of_those_that_did(
    worlds: tuple[Path, Path], tmp_path: Path
) -> None:
    alone, other = without_camera(worlds[0], tmp_path / "world", 1), worlds[1]
    both = ("data.name=[market-layout, market-layout]", f"data.root=[{alone}, {other}]")
    train(nano_recipe(alone, *SIE, *both), tmp_path / "run")
    model = passerby.load(tmp_path / "run", device="cpu")
    assert model.description["camera_count"] == 3
    assert [each["cameras"] for each in model.description["trained_on"]] == [["2"], ["1", "2"]]
    benchmark = load_benchmark("market-layout", alone)
    found = evaluate_in_full(model, benchmark, quiet=True)
    assert found.cameras.use == "partly"
    query, _ = benchmark.query_and_gallery()
    slots = np.where(query.cameras == 1, 0, -1)  # type: ignore[operator]
    assert set(slots.tolist()) == {-1, 0}
    np.testing.assert_allclose(found.query_features, by_hand(tmp_path / "run", query, slots), atol=1e-5)
    second = find_trained_cameras(model.description, load_benchmark("market-layout", other))
    assert (second.use, second.rows.tolist()) == ("trained", [1, 2])  # type: ignore[union-attr]
    only_new = replace(benchmark, query=query.take(slots < 0), gallery=query.take(slots < 0))
    assert find_trained_cameras(model.description, only_new).use == "mean"


def test_validation_images_of_cameras_that_are_not_trained_on_take_the_mean() -> None:
    aside = named("world", ("1", "2", "3")).query_and_gallery()
    trained = aside[0].take(np.array([2, 0])).with_occurring_cameras()
    assert trained.camera_names == ("1", "3")
    found = cameras_set_aside(trained, aside, "validation")
    assert (found.use, found.rows.tolist()) == ("partly", [0, -1, 1])  # type: ignore[union-attr]


def named(name: str, cameras: tuple[str, ...], train: Split | None = None) -> Benchmark:
    """A query and a gallery of one image per camera."""
    labels = np.arange(len(cameras))
    part = Split(Path(), pa.array([f"{name}.jpg" for name in cameras]), labels * 0, ("a",), labels, cameras)
    return Benchmark(name, train, part, part)


MARKET: Mapping[str, Any] = {
    "camera_count": 6,
    "trained_on": [{"name": "market1501", "place": "market1501", "fingerprint": "x", "cameras": list("123456")}],
}


@pytest.mark.parametrize(
    ("name", "cameras", "use", "slots"),
    [
        ("market1501", ("1", "2", "3", "4", "5", "6"), "trained", [0, 1, 2, 3, 4, 5]),
        ("market1501-dev", ("6", "1"), "trained", [5, 0]),
        ("occluded-market", ("2",), "trained", [1]),
        ("market1501", ("1", "7"), "partly", [0, -1]),
        ("market1501", ("7",), "mean", None),
        ("dukemtmc", ("1", "2"), "mean", None),
        ("/somewhere/people.csv", ("1", "2"), "mean", None),
    ],
)
def test_public_sets_are_recognised_by_the_place_they_were_filmed_at(
    name: str, cameras: tuple[str, ...], use: str, slots: list[int] | None
) -> None:
    found = find_trained_cameras(MARKET, named(name, cameras))
    assert found.use == use
    assert (None if found.rows is None else found.rows.tolist()) == slots
    if found.rows is not None:
        assert found.of(np.array([-1, 0])).tolist() == [-1, slots[0]]  # type: ignore[union-attr, index]


def test_a_model_without_camera_embedding_uses_none() -> None:
    found = find_trained_cameras({**MARKET, "camera_count": 0}, named("market1501", ("1",)))
    assert (found.use, found.rows, found.of(np.array([0]))) == ("none", None, None)


def test_places_are_of_benchmarks_whose_cameras_are_listed() -> None:
    networks = {public.name: public.camera_network for public in BENCHMARKS.values() if public.camera_network}
    assert len(networks) == 9
    for name, place in networks.items():
        same = {BENCHMARKS[other].cameras for other, where in networks.items() if where == place}
        assert len(same) == 1, name
        assert same.pop(), name


def test_what_a_user_says_of_an_official_checkpoint(tmp_path: Path, worlds: tuple[Path, Path]) -> None:
    network = ClipReid(ClipShape("ViT-B-16-quickgelu", (256, 128)), ClipReidSizes(4, 6, prompts=False)).eval()
    fill(network)
    torch.save(network.state_dict(), tmp_path / "official.pth")

    def load(**said: Any) -> TorchEmbedder:
        return passerby.load(tmp_path / "official.pth", device="cpu", **said)

    market = named("market1501-dev", ("1", "2", "3", "4", "5", "6"))
    assert find_trained_cameras(load().description, market).use == "mean"
    told = load(trained_on="market1501", camera_coefficient=3.0)
    assert find_trained_cameras(told.description, market).rows.tolist() == [0, 1, 2, 3, 4, 5]  # type: ignore[union-attr]
    assert find_trained_cameras(told.description, named("dukemtmc", ("1", "2"))).use == "mean"
    assert told.model.camera_coefficient == 3.0
    for name, message in [
        ("msmt17", "embedding of 6 cameras, but msmt17 has 15"),
        ("market-layout", "does not say which cameras"),
        (str(worlds[0]), "embedding of 6 cameras, but .* has 2"),
        ("market1502", r"on disk, did you mean market1501 "),
    ]:
        with pytest.raises(PasserbyError, match=message):
            load(trained_on=name)
    plain = {name: value for name, value in network.state_dict().items() if name != "cv_embed"}
    torch.save(plain, tmp_path / "official.pth")
    with pytest.raises(CheckpointError, match="has no camera embedding"):
        load(camera_coefficient=3.0)


def test_own_data_can_be_stated_too(worlds: tuple[Path, Path]) -> None:
    stated = declared_training_set(str(worlds[0]), 2, "some.pth")
    benchmark = load_benchmark("market-layout", worlds[0])
    assert {**stated, "name": "market-layout"} == describe_training_sets([benchmark], benchmark.training_split())[0]
    said = {"camera_count": 2, "trained_on": [stated]}
    assert find_trained_cameras(said, benchmark).use == "trained"
