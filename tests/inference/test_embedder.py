"""`passerby.load` and `embed`: what goes in, what comes out, and official files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import passerby
from passerby.errors import CheckpointError, DataError, EvaluationError
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.training.runner import train
from tests.methods.small_world import nano_recipe, write_small_world
from tests.models.golden_fill import fill


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def run(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    train(nano_recipe(world, "stage2.epochs=1"), folder)
    return folder


@pytest.fixture(scope="module")
def model(run: Path) -> TorchEmbedder:
    return passerby.load(run, device="cpu")


def test_every_kind_of_input_gives_the_same_feature(model: TorchEmbedder, world: Path) -> None:
    file = sorted((world / "query").iterdir())[0]
    image = Image.open(file)
    pixels = np.asarray(image.convert("RGB"))
    tensor = model.transform(image)[None]
    reference = model.embed(file)
    assert reference.shape == (1, model.embed_dim)
    assert reference.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1, rtol=1e-6)
    for same in (str(file), [file], image, [image], pixels, [pixels], np.stack([pixels]), tensor):
        np.testing.assert_allclose(model.embed(same), reference, atol=1e-6)


def test_arrays_of_opencv_give_the_same_feature_once_their_order_is_said(model: TorchEmbedder, world: Path) -> None:
    import cv2

    file = sorted((world / "query").iterdir())[0]
    bgr = cv2.imread(str(file))
    small = passerby.load("tiny-clip")  # a model file, without torch
    for each in (model, small):
        reference = each.embed(file)
        for images in (bgr, [bgr], np.stack([bgr])):
            np.testing.assert_allclose(each.embed(images, channels="bgr"), reference, atol=1e-6)
        np.testing.assert_allclose(each.embed([file, Image.open(file)], channels="bgr")[1:], reference, atol=1e-6)
        assert float((each.embed(bgr) @ reference.T).item()) < 0.9999
        with pytest.raises(DataError, match="channels: must be 'rgb' or 'bgr', not 'gbr'"):
            each.embed(bgr, channels="gbr")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="a tensor is taken as already preprocessed"):
        model.embed(model.transform(Image.open(file))[None], channels="bgr")


def test_the_transform_that_travels_is_the_training_one(model: TorchEmbedder, world: Path) -> None:
    image = Image.open(sorted((world / "query").iterdir())[0]).convert("RGB").resize((90, 200))
    resized = np.asarray(image.resize((32, 64), Image.Resampling.BILINEAR)).astype(np.float32)
    expected = (torch.from_numpy(resized).permute(2, 0, 1) / 255 - 0.5) / 0.5
    torch.testing.assert_close(model.transform(image), expected)


def test_batches_do_not_change_features(model: TorchEmbedder, world: Path) -> None:
    files = sorted((world / "bounding_box_test").iterdir())
    np.testing.assert_allclose(model.embed(files, batch_size=5), model.embed(files, batch_size=64), atol=1e-6)
    for nothing in ([], torch.zeros(0, 3, 64, 32), np.zeros((0, 64, 32, 3), np.uint8)):
        assert model.embed(nothing).shape == (0, model.embed_dim)
    np.testing.assert_array_equal(model.embed(file for file in files), model.embed(files))
    for size in (0, 1.5, None, "4"):
        with pytest.raises(DataError, match=f"batch_size must be a whole number, at least 1, not {size!r}"):
            model.embed(files, batch_size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 8, 8), "trained on 64×32 images, not 8×8"),
        (torch.zeros(1, 3, 64, 32, dtype=torch.uint8), "must be float"),
        ([np.zeros((8, 8), np.uint8)], "must be uint8 RGB"),
        ("nowhere.jpg", "nowhere.jpg is missing"),
        (["tests"], "tests is a folder: name its images"),
        ([None], "not None"),
        (None, "not None"),
        (3, "not int"),
        ([["a.jpg"]], "not list"),
        (b"bytes", "not int"),
        (np.zeros((10, 10), np.uint8), r"\[N, H, W, 3\], not uint8 \(10, 10\)"),
        (np.zeros(10), r"\[N, H, W, 3\], not float64 \(10,\)"),
        (np.zeros((0, 10, 3), np.uint8), "an image of 10 × 0 pixels"),
        ([np.zeros((5, 0, 3), np.uint8)], "an image of 0 × 5 pixels"),
        (Image.new("RGB", (0, 4)), "an image of 0 × 4 pixels"),
        (torch.full((1, 3, 64, 32), float("nan")), "NaN or infinite"),
        (torch.full((1, 3, 64, 32), float("inf")), "NaN or infinite"),
    ],
)
def test_unusable_input_is_explained(model: TorchEmbedder, images: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        model.embed(images)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [None, 3, ["runs/a"]])
def test_what_names_no_model_or_benchmark_is_refused(model: TorchEmbedder, world: Path, source: Any) -> None:
    kind = "None" if source is None else type(source).__name__
    with pytest.raises(CheckpointError, match=f"a run's folder or a file of weights, not by {kind}"):
        passerby.load(source)
    with pytest.raises(CheckpointError, match=f"not by {kind}"):
        passerby.evaluate(source, world)
    with pytest.raises(DataError, match="needs a name and the folder it is in, not 'market1501' and "):
        passerby.load_benchmark("market1501", source)
    with pytest.raises(DataError, match="needs a name and the folder"):
        passerby.load_benchmark(source, world)
    with pytest.raises(DataError, match="batch_size must be a whole number"):
        passerby.evaluate(model, world, batch_size=1.5)  # type: ignore[arg-type]


def test_unfinished_and_foreign_sources_are_explained(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors"):
        passerby.load(tmp_path)
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(CheckpointError, match="not finished: continue it with"):
        passerby.load(tmp_path)
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no method recognises these tensors"):
        passerby.load(tmp_path / "other.pth")


def test_weights_of_a_stage_are_told_from_a_model(run: Path) -> None:
    with pytest.raises(CheckpointError, match=r"of stage stage2-images, .* give the run's folder") as caught:
        passerby.load(run / "checkpoints" / "stage2-images.safetensors")
    assert str(caught.value).endswith(str(run))


def official(architecture: str, stride: int | None, cameras: int, *, prompts: bool = True) -> ClipReid:
    shape = ClipShape(architecture, (256, 128), stride)
    network = ClipReid(shape, ClipReidSizes(10, cameras, prompts)).eval()
    fill(network)
    return network


@pytest.mark.parametrize(
    ("architecture", "stride", "cameras", "prompts", "width"),
    [
        ("ViT-B-16-quickgelu", 16, 0, True, 1280),
        ("ViT-B-16-quickgelu", 12, 6, True, 1280),
        ("RN50-quickgelu", None, 0, False, 3072),
    ],
    ids=["vit", "vit-sie-olp", "rn50 baseline"],
)
def test_official_checkpoints_load_without_saying_what_they_are(
    tmp_path: Path, architecture: str, stride: int | None, cameras: int, prompts: bool, width: int
) -> None:
    network = official(architecture, stride, cameras, prompts=prompts)
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save(state, tmp_path / "official.pth")
    loaded = passerby.load(tmp_path / "official.pth", device="cpu")
    assert loaded.embed_dim == width
    assert (loaded.description["identities"], loaded.description["camera_count"]) == (10, cameras)
    images = torch.randn(1, 3, 256, 128, generator=torch.Generator().manual_seed(0))
    slots = torch.tensor([2]) if cameras else None
    with torch.no_grad():
        features = network.features(images, slots)
    expected = F.normalize(torch.cat([features.final, features.projected], 1))
    found = loaded.embed(images, cameras=[2] if cameras else None)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert loaded.transform.mean[0] == (0.5 if stride else 0.485)
    state.pop("module.bottleneck.weight")
    torch.save(state, tmp_path / "broken.pth")
    with pytest.raises(CheckpointError, match=r"broken\.pth: does not fit the model: 1 tensors missing: bottleneck"):
        passerby.load(tmp_path / "broken.pth", device="cpu")


def test_cameras_are_those_the_model_has(world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "model.camera_embedding=true", "stage1.epochs=0", "stage2.epochs=1"), tmp_path / "run")
    loaded = passerby.load(tmp_path / "run", device="cpu")
    image = np.full((64, 32, 3), 99, np.uint8)
    known, unknown, plain = loaded.embed([image] * 3, cameras=[0, -1, -1])
    assert not np.allclose(known, unknown, atol=1e-6)
    np.testing.assert_array_equal(unknown, plain)
    np.testing.assert_array_equal(loaded.embed([image] * 2, cameras=[None, 0]), [unknown, known])
    np.testing.assert_allclose(loaded.embed(image)[0], unknown, atol=1e-6)
    for cameras, message in [
        ([0], "2 whole numbers, one for each image"),
        ([0.5, 1.0], "whole numbers"),
        ([0, 99], "camera 99 is not among the 2"),
        ([-2, 0], "camera -2 is not among the 2"),
    ]:
        with pytest.raises(DataError, match=message):
            loaded.embed([image, image], cameras=cameras)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="declares itself what it was trained on"):
        passerby.load(tmp_path / "run", trained_on="market1501")


def test_evaluate_is_the_ranking_of_the_embeddings(model: TorchEmbedder, run: Path, world: Path) -> None:
    benchmark = passerby.load_benchmark("market-layout", world)
    result = passerby.evaluate(model, benchmark)
    query, gallery = benchmark.query_and_gallery()
    features = [model.embed([part.path(row) for row in range(len(part))]) for part in (query, gallery)]
    expected = passerby.rank(*features, query.identities, gallery.identities, query.cameras, gallery.cameras)
    assert result.mAP == pytest.approx(expected.mAP, abs=1e-6)
    assert result.ranking.camera_rule
    assert passerby.evaluate(model, "market-layout", world).mAP == result.mAP
    for folder in (world, str(world)):
        assert passerby.evaluate(model, folder).mAP == result.mAP
    assert passerby.evaluate(run, world).mAP == result.mAP


def test_evaluate_refuses_what_it_cannot_use_before_it_embeds(
    model: TorchEmbedder, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchEmbedder, "embed_batch", None)
    benchmark = passerby.load_benchmark("market-layout", world)
    with pytest.raises(EvaluationError, match="metric 'l2' is not known"):
        passerby.evaluate(model, benchmark, metric="l2")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is open already"):
        passerby.evaluate(model, benchmark, world)
    query, _ = benchmark.query_and_gallery()
    strangers = replace(benchmark, query=replace(query, identities=query.identities + 90))
    with pytest.raises(
        EvaluationError, match=r"market-layout: none of its 8 queries .* in another camera among its 24"
    ):
        passerby.evaluate(model, strangers)
    with pytest.raises(DataError, match="no query images"):
        passerby.evaluate(model, replace(benchmark, query=None))


def test_unreadable_images_are_counted_and_can_be_left_out(model: TorchEmbedder, tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world")
    broken = sorted((world / "bounding_box_test").iterdir())[3:5]
    for file in broken:
        file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(DataError, match=rf"2 of 24 images cannot be read .*{broken[0].name}.*--skip-unreadable"):
        passerby.evaluate(model, world)
    assert len(passerby.evaluate(model, world, skip_unreadable=True).ranking.valid) == 8
