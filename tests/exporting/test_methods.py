"""The network of every method as ONNX, against `embed`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import passerby
from passerby.inference.torch_embedder import TorchEmbedder, in_torch

onnx = pytest.importorskip("onnx", reason="exporting needs the extra export")
pytest.importorskip("onnxscript", reason="exporting needs the extra export")
onnxruntime = pytest.importorskip("onnxruntime")

from passerby.exporting.graphs import IMAGES, TOKENS, ImageGraph, TextGraph, network_to_export  # noqa: E402
from passerby.exporting.onnx_model import BATCH, halved, to_onnx  # noqa: E402
from passerby.exporting.text_tower import LENGTH, example_tokens  # noqa: E402
from passerby.methods import METHODS  # noqa: E402
from passerby.models.backbones import create  # noqa: E402
from tests.exporting.nano_models import RECIPES, write_nano_model  # noqa: E402


def images_of(embedder: TorchEmbedder, count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (count, *embedder.transform.size, 3), dtype=np.uint8)


def exported(embedder: TorchEmbedder) -> Any:
    example = torch.from_numpy(images_of(embedder, 2))
    return to_onnx(ImageGraph(network_to_export(embedder), embedder.transform), example, IMAGES, {0: BATCH}, "test")


def run(model: Any, **inputs: Any) -> Any:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)[0]


@pytest.mark.parametrize("name", RECIPES)
def test_every_method_gives_the_same_features_as_onnx(name: str, tmp_path: Path) -> None:
    embedder = in_torch(passerby.load(write_nano_model(name, tmp_path / "model.safetensors"), device="cpu"), "test")
    model = exported(embedder)
    for count in (1, 3, 8):
        images = images_of(embedder, count, count)
        np.testing.assert_allclose(run(model, images=images), embedder.embed(list(images)), atol=1e-5)
    if name == "clip-reid with cameras":
        assert embedder.description["camera_count"] == 3


def test_no_method_is_forgotten() -> None:
    made = {name.partition(" ")[0] for name in RECIPES}
    assert made == {name for name, place in METHODS.items() if isinstance(place, str)}


@pytest.mark.parametrize("backbone", ["repvit_m0_9", "fastvit_s12"])
def test_parallel_branches_are_merged_before_export(backbone: str) -> None:
    network = create(backbone, (64, 32)).eval()
    embedder = TorchEmbedder.of(network, size=(64, 32), device="cpu")
    merged = network_to_export(embedder)
    assert len(list(merged.modules())) < len(list(embedder.model.modules()))
    images = images_of(embedder, 4)
    with torch.inference_mode():
        found = ImageGraph(merged, embedder.transform)(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, embedder.embed(list(images)), atol=1e-5)


def test_the_text_tower_gives_the_same_features_at_any_length(tmp_path: Path) -> None:
    file = write_nano_model("clip-pretrain", tmp_path / "model.safetensors")
    embedder = in_torch(passerby.load(file, device="cpu"), "test")
    tokens = example_tokens(embedder.description["tokens"], 8)
    model = to_onnx(
        TextGraph(network_to_export(embedder)), torch.from_numpy(tokens[:2]), TOKENS, {0: BATCH, 1: LENGTH}, "test"
    )
    with torch.inference_mode():
        expected = embedder.model.embed_text(torch.from_numpy(tokens)).numpy()  # type: ignore[operator]
    np.testing.assert_allclose(run(model, tokens=tokens), expected, atol=1e-5)
    short = tokens[:, 20:].sum(1) == 0
    assert short.any()
    np.testing.assert_allclose(run(model, tokens=tokens[short, :20]), expected[short], atol=1e-5)


def test_the_same_model_gives_the_same_bytes_without_traces_of_this_machine() -> None:
    embedder = TorchEmbedder.of(create("resnet_nano_ibn", (64, 32)), size=(64, 32), device="cpu")
    one, other = exported(embedder), exported(embedder)
    assert one.SerializeToString() == other.SerializeToString()
    content = one.SerializeToString()
    assert str(Path(passerby.__file__).parent).encode() not in content
    assert b"site-packages" not in content
    assert one.graph.input[0].type.tensor_type.shape.dim[0].dim_param == BATCH
    names = [node.name for node in one.graph.node]
    assert "network.network.layer1.0.conv1/Conv" in names
    assert len(set(names)) == len(names)
    onnx.checker.check_model(one, full_check=True)


def test_weights_in_half_are_half_as_large_and_compute_in_full() -> None:
    embedder = TorchEmbedder.of(create("resnet_nano_ibn", (64, 32)), size=(64, 32), device="cpu")
    model = exported(embedder)
    half = halved(model)
    assert half.ByteSize() < 0.65 * model.ByteSize()
    images = images_of(embedder, 4)
    cosines = (run(half, images=images) * embedder.embed(list(images))).sum(1)
    assert (cosines > 0.9999).all()
    huge = type(model)()
    huge.CopyFrom(model)
    weights = next(each for each in huge.graph.initializer if np.prod(each.dims) > 256)
    values = onnx.numpy_helper.to_array(weights) * 1e6
    weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), weights.name))
    kept = {each.name: each.data_type for each in halved(huge).graph.initializer}
    assert kept[weights.name] == onnx.TensorProto.FLOAT


class Deciding(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = images.mean((2, 3))
        return features if features.sum() > 0 else -features


def test_a_network_that_decides_by_its_images_is_refused_in_one_line() -> None:
    embedder = TorchEmbedder.of(Deciding(), size=(8, 8), device="cpu")
    with pytest.raises(passerby.errors.CheckpointError, match="torch cannot write this network as ONNX") as caught:
        exported(embedder)
    assert "\n" not in str(caught.value)
