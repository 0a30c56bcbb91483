"""`passerby.load` and `embed`: what goes in, what comes out, and official files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import passerby
from passerby.errors import CheckpointError, DataError
from passerby.methods.embedder import Embedder
from passerby.methods.runner import train
from passerby.models.clip import ClipShape
from passerby.models.clip_reid import ClipReid, ClipReidSizes
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
def model(run: Path) -> Embedder:
    return passerby.load(run, device="cpu")


def test_every_kind_of_input_gives_the_same_feature(model: Embedder, world: Path) -> None:
    file = sorted((world / "query").iterdir())[0]
    image = Image.open(file)
    pixels = np.asarray(image.convert("RGB"))
    tensor = model.transform(image)[None]
    reference = model.embed(file)
    assert reference.shape == (1, model.dimension)
    assert reference.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1, rtol=1e-6)
    for same in (str(file), [file], image, [image], pixels, [pixels], np.stack([pixels]), tensor):
        np.testing.assert_allclose(model.embed(same), reference, atol=1e-6)


def test_the_transform_that_travels_is_the_training_one(model: Embedder, world: Path) -> None:
    image = Image.open(sorted((world / "query").iterdir())[0]).convert("RGB").resize((90, 200))
    resized = np.asarray(image.resize((32, 64), Image.Resampling.BILINEAR)).astype(np.float32)
    expected = (torch.from_numpy(resized).permute(2, 0, 1) / 255 - 0.5) / 0.5
    torch.testing.assert_close(model.transform(image), expected)


def test_batches_do_not_change_features(model: Embedder, world: Path) -> None:
    files = sorted((world / "bounding_box_test").iterdir())
    np.testing.assert_allclose(model.embed(files, batch_size=5), model.embed(files, batch_size=64), atol=1e-6)
    assert model.embed([]).shape == (0, model.dimension)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 8, 8), "trained on 64×32 images, not 8×8"),
        (torch.zeros(1, 3, 64, 32, dtype=torch.uint8), "must be float"),
        ([np.zeros((8, 8), np.uint8)], "must be uint8 RGB"),
        ("nowhere.jpg", "nowhere.jpg is missing"),
    ],
)
def test_unusable_input_is_explained(model: Embedder, images: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        model.embed(images)  # type: ignore[arg-type]


def test_unfinished_and_foreign_sources_are_explained(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors"):
        passerby.load(tmp_path)
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(CheckpointError, match="not finished: continue it with"):
        passerby.load(tmp_path)
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no method recognises these tensors"):
        passerby.load(tmp_path / "other.pth")


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
    assert loaded.dimension == width
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


def test_cameras_of_other_data_are_not_taken_for_trained_ones(world: Path, tmp_path: Path) -> None:
    train(nano_recipe(world, "model.camera_embedding=true", "stage1.epochs=0", "stage2.epochs=1"), tmp_path / "run")
    loaded = passerby.load(tmp_path / "run", device="cpu")
    names = loaded.description["cameras"]
    assert len(names) == 2
    slots = loaded.camera_slots("market-layout", [names[1], "elsewhere"])
    assert slots is not None
    assert slots.tolist() == [1, -1]
    other = loaded.camera_slots("market1501", names)
    assert other is not None
    assert other.tolist() == [-1, -1]
    image = np.full((64, 32, 3), 99, np.uint8)
    known, unknown = loaded.embed([image, image], cameras=[0, -1])
    assert not np.allclose(known, unknown, atol=1e-6)
    with pytest.raises(DataError, match="2 images, but 1 cameras"):
        loaded.embed([image, image], cameras=[0])


def test_evaluate_is_the_ranking_of_the_embeddings(model: Embedder, world: Path) -> None:
    benchmark = passerby.load_benchmark("market-layout", world)
    result = passerby.evaluate(model, benchmark)
    query, gallery = benchmark.query_and_gallery()
    features = [model.embed([part.path(row) for row in range(len(part))]) for part in (query, gallery)]
    expected = passerby.rank(*features, query.identities, gallery.identities, query.cameras, gallery.cameras)
    assert result.mAP == pytest.approx(expected.mAP, abs=1e-6)
    assert result.camera_rule
    assert passerby.evaluate(model, "market-layout", world).mAP == result.mAP
