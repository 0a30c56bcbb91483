"""The choice of runtime and precision: what is as exact, and of that the fastest, whatever its speed promises."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import passerby
from passerby.errors import CheckpointError, DeviceError
from passerby.inference.choice import (
    Candidate,
    choice_key,
    choose,
    choosing,
    keep_choice,
    kept,
    kept_choice,
    other_ways,
)
from passerby.inference.choice.kept import choice_file
from passerby.inference.computing import Computing, Precision
from passerby.inference.embedder import Embedder
from passerby.models.zoo.card_files import card_path, read_card, write_card
from tests.inference.test_file_embedder import write_model


class Turned(Embedder):
    """Features of an image's mean colour, turned by an angle away from the exact ones."""

    def __init__(self, runtime: str, precision: Precision, angle: float = 0.0) -> None:
        self.computing = Computing(runtime, precision)
        self.angle, self.file, self.description = angle, None, {}

    card = property(lambda self: None)  # type: ignore[assignment]
    embed_dim = property(lambda self: 2)  # type: ignore[assignment]

    def embed(self, images: Any, *, cameras: Any = None, batch_size: int = 64) -> np.ndarray[Any, Any]:
        angles = np.array([np.asarray(image).mean() / 255 for image in images]) + self.angle
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def embed_text(self, texts: str | Sequence[str]) -> np.ndarray[Any, Any]:
        raise NotImplementedError

    def open_split(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def fingerprint(self) -> bytes:
        return b"turned"


@pytest.fixture
def pictures() -> list[Image.Image]:
    generator = np.random.default_rng(3)
    return [Image.fromarray(generator.integers(0, 256, (8, 4, 3), np.uint8)) for _ in range(20)]


def chosen(
    monkeypatch: pytest.MonkeyPatch, pictures: list[Image.Image], ways: Iterable[tuple[Turned, float]], **options: Any
) -> Embedder:
    """What is chosen where the model does 100 images per CPU second, and the ways so many."""
    listed = list(ways)
    monkeypatch.setattr(choosing, "_rates", lambda models, _: [100.0, *(rate for _, rate in listed)][: len(models)])
    candidates = [Candidate(way.computing, lambda way=way: way) for way, _ in listed]  # type: ignore[misc]
    return choose(Turned("torch", "fp32"), candidates, pictures, **options)


EXACT, HALF_DEGREE, TWO_DEGREES = 0.0, np.radians(0.5), np.radians(2)  # cosines 1, 0.99996, 0.9994


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([], "torch, fp32"),
        ([(Turned("ONNX Runtime", "fp32", EXACT), 150)], "ONNX Runtime, fp32"),
        ([(Turned("ONNX Runtime", "fp32", EXACT), 105)], "torch, fp32"),  # no more than chance
        ([(Turned("OpenVINO", "bf16", HALF_DEGREE), 300)], "OpenVINO, bf16"),
        ([(Turned("OpenVINO", "bf16", TWO_DEGREES), 900)], "torch, fp32"),  # fast, and something else
        (
            [(Turned("OpenVINO", "bf16", HALF_DEGREE), 205), (Turned("OpenVINO", "fp32", EXACT), 200)],
            "OpenVINO, fp32",  # bf16 has to be worth it
        ),
        (
            [(Turned("OpenVINO", "bf16", TWO_DEGREES), 900), (Turned("torch", "bf16", HALF_DEGREE), 150)],
            "torch, bf16",
        ),
    ],
)
def test_the_fastest_that_is_proven_is_chosen(
    ways: list[tuple[Turned, float]], expected: str, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(chosen(monkeypatch, pictures, ways).computing) == expected


def test_the_proof_is_what_was_measured(pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    proof = chosen(monkeypatch, pictures, [(Turned("OpenVINO", "bf16", HALF_DEGREE), 300)]).computing.proof
    assert proof is not None
    assert (proof.images, proof.rate, proof.reference, proof.reference_rate) == (20, 300, "torch, fp32", 100)
    assert proof.smallest_cosine == pytest.approx(np.cos(HALF_DEGREE), abs=1e-6)


def test_what_is_named_is_taken_and_its_proof_tells(
    pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = [(Turned("OpenVINO", "bf16", TWO_DEGREES), 50.0)]
    computing = chosen(monkeypatch, pictures, ways, by_name=True).computing
    assert str(computing) == "OpenVINO, bf16"
    assert computing.told().startswith("computing in OpenVINO, bf16: smallest cosine 0.99939")


def test_a_model_that_cannot_stay_goes_where_its_features_are_the_same(
    pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = [(Turned("OpenVINO", "bf16", TWO_DEGREES), 900.0), (Turned("OpenVINO", "fp32", EXACT), 20.0)]
    assert str(chosen(monkeypatch, pictures, ways, stay=False).computing) == "OpenVINO, fp32"
    with pytest.raises(CheckpointError, match=r"does not give the model's features \(a cosine of 0\.9994\)"):
        chosen(monkeypatch, pictures, ways[:1], stay=False)


def test_a_way_that_fails_is_left_out_unless_it_was_named(
    pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Embedder:
        raise CheckpointError("small.onnx: OpenVINO cannot use it")

    monkeypatch.setattr(choosing, "_rates", lambda models, _: [100.0] * len(models))
    ways = [Candidate(Computing("OpenVINO", "bf16"), fail)]
    assert str(choose(Turned("torch", "fp32"), ways, pictures).computing) == "torch, fp32"
    assert "OpenVINO cannot use it; so OpenVINO, bf16 is not chosen" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match="OpenVINO cannot use it"):
        choose(Turned("torch", "fp32"), ways, pictures, by_name=True)


def test_a_choice_is_kept_by_what_it_depends_on(
    pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    model = chosen(monkeypatch, pictures, [(Turned("OpenVINO", "bf16", HALF_DEGREE), 300)])
    key = choice_key(model, runtime="auto", precision="auto", with_file=False)
    assert kept_choice(key) is None
    assert keep_choice(key, model.computing) == f"kept in {choice_file(key)}"
    assert kept_choice(key) == model.computing
    assert kept_choice(key | {"openvino": "1.0"}) is None
    assert json.loads(choice_file(key).read_text())["key"]["model"] == b"turned".hex()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "file"))
    assert kept_choice(key) is None
    assert "not kept, for" in keep_choice(key, model.computing)


def test_a_runtime_s_version_is_known_whatever_its_package_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = tmp_path / "onnxruntime_gpu-9.8.7.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 9.8.7\n")
    (described / "top_level.txt").write_text("onnxruntime\n")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.setattr(kept, "is_installed", lambda name: name == "onnxruntime")
    key = choice_key(Turned("torch", "fp32"), runtime="auto", precision="auto", with_file=False)
    assert key["onnxruntime"] == "9.8.7"


@pytest.mark.parametrize("text", ["", "[]", '{"chosen": {"runtime": "torch"}}', '{"chosen": null}'])
def test_a_damaged_choice_is_made_anew(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    key = choice_key(Turned("torch", "fp32"), runtime="auto", precision="auto", with_file=False)
    choice_file(key).parent.mkdir()
    choice_file(key).write_text(text)
    assert kept_choice(key) is None
    assert "are chosen anew" in capsys.readouterr().err


def test_ways_are_those_that_are_installed_and_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    file = write_model(tmp_path / "small.onnx")
    model = passerby.load(file)

    def names(**asked: Any) -> list[str]:
        return [str(way.computing) for way in other_ways(model, file, **asked)]

    monkeypatch.setattr("passerby.inference.choice.candidates.openvino_has_bfloat16", lambda: True)
    assert names() == ["OpenVINO, fp32", "OpenVINO, bf16"]
    assert names(precision="bf16") == ["OpenVINO, bf16"]
    assert names(runtime="onnx") == []
    monkeypatch.setattr("passerby.inference.choice.candidates.openvino_has_bfloat16", lambda: False)
    assert names() == ["OpenVINO, fp32"]


def test_bfloat16_needs_a_processor_that_computes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    file = write_model(tmp_path / "small.onnx")
    monkeypatch.setattr("passerby.inference.loading.openvino_has_bfloat16", lambda: False)
    with pytest.raises(DeviceError, match="this processor does not compute bfloat16"):
        passerby.load(file, precision="bf16")
    monkeypatch.setattr("passerby.inference.loading.openvino_has_bfloat16", lambda: True)
    model = passerby.load(file, precision="bf16")
    assert str(model.computing) == "OpenVINO, bf16"
    with pytest.raises(CheckpointError, match="bf16 is for runtime openvino"):
        passerby.load(file, precision="bf16", runtime="onnx")


def test_bfloat16_in_torch_reaches_the_backbone() -> None:
    import torch

    from passerby.data.augmentation.transforms import TestTransform
    from passerby.inference.torch_embedder import TorchEmbedder
    from passerby.models.backbones import create

    torch.manual_seed(0)
    model = TorchEmbedder(create("resnet18"), TestTransform((32, 16)), {"method": "backbone"}, torch.device("cpu"))
    picture = np.random.default_rng(0).integers(0, 256, (32, 16, 3), np.uint8)
    exact = model.embed(picture)
    in_half = model.in_bfloat16().embed(picture)
    assert 1e-5 < np.abs(exact - in_half).max() < 0.05
    np.testing.assert_array_equal(model.embed(picture), exact)


def test_int8_is_for_files_that_went_through_the_gate(tmp_path: Path) -> None:
    file = write_model(tmp_path / "small.onnx")
    with pytest.raises(CheckpointError, match="is no int8 file: `passerby export MODEL --precision int8`"):
        passerby.load(file, precision="int8")
    card = read_card(card_path(file))
    write_card(card.model_copy(update={"facts": {"precision": "int8", "ranking": "as before"}}), card_path(file))
    assert passerby.load(file, precision="int8").computing.precision == "int8"
    assert passerby.load(file).computing.precision == "int8"
    with pytest.raises(CheckpointError, match="is int8 and cannot compute in fp32"):
        passerby.load(file, precision="fp32")
