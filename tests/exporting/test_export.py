"""`passerby.export` and its command, on one small convolution."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.errors import CheckpointError, DataError, DeviceError, ExportError, RecipeError
from passerby.exporting import ExportSettings
from passerby.models import save_model
from passerby.models.zoo import embedded_card, read_card
from tests.exporting.nano_models import write_nano_model
from tests.methods.small_world import write_small_world

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason="exporting needs the extra export")

SIZE = (32, 16)
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "export.md"


class Small(nn.Module):
    """Features that know colours and places."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, 16, 4, stride=4)
        self.last = nn.Conv2d(16, 48, 3, padding=1)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.2, generator=generator)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.conv(images).relu()).mean((2, 3))


class Crowded(Small):
    """An image's feature depends on the others of its batch."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = super().forward(images)
        return features - features.mean(0) * 0.5


class Uneven(Small):
    """One channel of huge values that is never looked at: in int8 they leave no room for the others."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.conv.bias[0] = 1e5
            self.last.weight[:, 0] = 0


def visible(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


def embedder_of(network: nn.Module) -> passerby.TorchEmbedder:
    return passerby.TorchEmbedder.of(network, size=SIZE, device="cpu")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "data", identities=20)


@pytest.fixture(scope="module")
def photos(world: Path) -> list[Path]:
    return sorted((world / "query").glob("*.jpg"))[:5]


@pytest.fixture(scope="module")
def exported(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("exported")
    return passerby.export(embedder_of(Small()), folder, data=world, licence="CC0-1.0")


def test_the_script_of_the_page_runs_the_file_without_torch_and_passerby(
    exported: Any, photos: list[Path], tmp_path: Path
) -> None:
    script = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)[0]
    guard = "\nassert not {'torch', 'passerby', 'onnx', 'openvino'} & set(sys.modules)\n"
    (tmp_path / "script.py").write_text(script + guard, encoding="utf-8")
    command = [sys.executable, "script.py", str(exported.file), *map(str, photos)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, env={"OMP_NUM_THREADS": "1"}
    )
    features = embedder_of(Small()).embed(photos)
    np.testing.assert_allclose(json.loads(done.stdout), features @ features.T, atol=1e-4)


def test_the_file_is_loaded_as_the_model_it_was_made_from(exported: Any, photos: list[Path]) -> None:
    model = passerby.load(exported.file)
    np.testing.assert_allclose(model.embed(photos), embedder_of(Small()).embed(photos), atol=1e-4)
    assert model.embed_dim == 48


def test_the_card_stands_beside_the_file_and_inside_it(exported: Any, world: Path) -> None:
    beside, inside = read_card(exported.card), embedded_card(exported.file)
    assert inside is not None
    assert beside.model_copy(update={"sha256": ""}) == inside
    assert beside.sha256
    assert inside.licence.weights == "CC0-1.0"
    assert (inside.input.size, inside.input.layout, inside.input.dtype) == (SIZE, "NHWC", "uint8")
    assert inside.reference is not None
    assert len(inside.reference.values) == 48
    facts = inside.facts
    assert facts["parity"] == exported.parity.told()
    assert f"64 crops of {world.name}" in facts["parity"] or "64 crops of" in facts["parity"]
    assert {"passerby", "torch", "onnx", "weights_digest", "transform", "precision"} <= facts.keys()
    assert visible(exported.file.parent) == ["model.card.yaml", "model.onnx"]


def test_a_model_that_depends_on_the_batch_is_refused_and_no_file_is_left(world: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"model\.onnx was not kept") as caught:
        passerby.export(embedder_of(Crowded()), tmp_path / "out", data=world)
    assert "\n" not in str(caught.value)
    assert visible(tmp_path / "out") == []


def test_openvino_files_hold_half_or_whole_weights(world: Path, photos: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    expected = embedder_of(Small()).embed(photos)
    for precision, name, bound in (("fp32", "model.xml", 1e-4), ("fp16", "model-fp16.xml", 1e-2)):
        found = passerby.export(
            embedder_of(Small()),
            tmp_path,
            format="openvino",
            precision=precision,
            data=world,  # type: ignore[arg-type]
        )
        assert found.file == tmp_path / name
        np.testing.assert_allclose(passerby.load(found.file).embed(photos), expected, atol=bound)
    whole, half = ((tmp_path / name).stat().st_size for name in ("model.bin", "model-fp16.bin"))
    assert half < 0.7 * whole


@pytest.mark.parametrize("form", ["openvino", "onnx"])
def test_int8_is_judged_by_its_rankings(form: Any, world: Path, photos: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    found = passerby.export(embedder_of(Small()), tmp_path, format=form, precision="int8", data=world)
    assert found.ranking is not None
    assert found.ranking.overlap >= 0.95
    card = read_card(found.card)
    assert "over 2 cameras" in card.facts["calibration"]
    assert card.facts["ranking"] == found.ranking.told()
    features = passerby.load(found.file).embed(photos)
    cosines = (features * embedder_of(Small()).embed(photos)).sum(1)
    assert (cosines > 0.99).all()
    assert (cosines < 0.9999999).any()


def test_layers_that_int8_hurts_are_named_and_can_be_kept_from_it(
    world: Path, photos: list[Path], tmp_path: Path
) -> None:
    pytest.importorskip("nncf")
    given: dict[str, Any] = {"format": "openvino", "precision": "int8", "data": world}
    with pytest.raises(ExportError, match=r"hurts most.*keep_fp16=\[network\.last/Conv") as caught:
        passerby.export(embedder_of(Uneven()), tmp_path, **given)
    assert "\n" not in str(caught.value)
    assert visible(tmp_path) == []
    found = passerby.export(
        embedder_of(Uneven()), tmp_path, settings=ExportSettings(keep_fp16=("network.last",)), **given
    )
    cosines = (passerby.load(found.file).embed(photos) * embedder_of(Uneven()).embed(photos)).sum(1)
    assert (cosines > 0.99).all()


def test_what_cannot_be_exported_is_refused_in_one_line(
    world: Path, exported: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = embedder_of(Small())
    with pytest.raises(DataError, match="format must be one of onnx, openvino, not 'tflite'"):
        passerby.export(model, tmp_path, format="tflite")  # type: ignore[arg-type]
    few = tmp_path / "few"
    few.mkdir()
    for photo in photos:
        (few / photo.name).write_bytes(photo.read_bytes())
    with pytest.raises(DataError, match="has 5 images, and an export is compared on 64"):
        passerby.export(model, tmp_path / "out", data=few)
    with pytest.raises(CheckpointError, match="export looks inside the network"):
        passerby.export(exported.file, tmp_path / "out", data=world)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DeviceError, match=re.escape("pip install 'passerby[export]'")):
        passerby.export(model, tmp_path / "out", data=world)


def test_int8_needs_layers_that_are_there(world: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    with pytest.raises(RecipeError, match="no layer 'conf'"):
        passerby.export(
            embedder_of(Small()), tmp_path, precision="int8", data=world, settings=ExportSettings(keep_fp16=("conf",))
        )


def test_the_command_writes_and_tells(world: Path, tmp_path: Path) -> None:
    file = write_nano_model("clip-pretrain", tmp_path / "model.safetensors")
    arguments = [
        "export",
        str(file),
        "-o",
        str(tmp_path / "out"),
        "--precision",
        "fp16",
        "--data",
        str(world),
        "--json",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert Path(told["file"]).name == "model-fp16.onnx"
    assert Path(told["text"]).name == "text-fp16.onnx"
    assert told["text_parity"]["smallest_cosine"] > 0.999
    model, one = passerby.load(told["file"]), passerby.load(file, device="cpu")
    sentence = "a man in a red coat"
    assert float((model.embed_text(sentence) * one.embed_text(sentence)).sum()) > 0.999
    wrong = CliRunner().invoke(app, ["export", str(file), "-o", str(tmp_path / "out"), "--set", "crop=70"])
    assert wrong.exit_code != 0


def test_weights_with_their_run_tell_the_hash_of_the_recipe(tmp_path: Path) -> None:
    from passerby.exporting.exported_card import recipe_digest, weights_digest

    network = Small()
    save_model(tmp_path / "model.safetensors", network, {})
    embedder = embedder_of(network)
    in_memory = weights_digest(embedder)
    assert in_memory.startswith("blake2b:")
    embedder.file = tmp_path / "model.safetensors"
    assert recipe_digest(embedder) == {}
    (tmp_path / "recipe.yaml").write_text("method: own\n", encoding="utf-8")
    assert recipe_digest(embedder)["recipe_digest"].startswith("sha256:")
    assert weights_digest(embedder).startswith("sha256:")
