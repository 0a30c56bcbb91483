"""Commands compute as they are told, or as was proven on the user's images; what they chose is told and kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.data.formats.open_data import list_images
from passerby.errors import CheckpointError
from passerby.inference.choice import choosing
from passerby.inference.computing import Computing
from passerby.inference.embedding_table import _fingerprint
from passerby.workflows.computing import opening
from passerby.workflows.computing.files import export_to_cache
from tests.exporting.nano_models import write_nano_model
from tests.inference.test_file_embedder import write_model
from tests.methods.small_world import write_small_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    return write_small_world(tmp_path / "world")


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a comparison is worth while; every way takes half the time of the one before."""
    monkeypatch.setattr(opening, "LEAST_IMAGES", 4)
    monkeypatch.setattr(choosing, "_rates", lambda models, _: [100.0 * 2**place for place in range(len(models))])


def computing_of(table: Path) -> Any:
    return json.loads(pq.read_schema(table).metadata[b"passerby"])["computing"]


def features_of(table: Path) -> np.ndarray[Any, Any]:
    return np.stack(pq.read_table(table)["embedding"].to_numpy())


def test_few_images_are_embedded_as_the_model_is(world: Path, tmp_path: Path) -> None:
    written = passerby.embed(write_model(tmp_path / "small.onnx"), world / "query", tmp_path / "a.parquet")
    assert computing_of(tmp_path / "a.parquet") == written.computing.record()
    assert written.computing.record() == {"runtime": "ONNX Runtime", "precision": "fp32", "proof": None}
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("few_are_many")
def test_many_images_are_embedded_as_was_proven_and_again_so(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr("passerby.inference.choice.candidates.openvino_has_bfloat16", lambda: False)
    file, tables = write_model(tmp_path / "small.onnx"), [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    first = passerby.embed(file, world / "query", tables[0])
    told = capsys.readouterr().err
    assert str(first.computing) == "OpenVINO, fp32"
    assert "computing in OpenVINO, fp32: smallest cosine" in told
    assert "; kept in " in told
    monkeypatch.setattr(opening, "choose", None)  # nothing is measured a second time
    second = passerby.embed(file, world / "query", tables[1])
    assert second.computing == first.computing
    assert "computing in OpenVINO, fp32: smallest cosine" in capsys.readouterr().err
    np.testing.assert_array_equal(*(features_of(table) for table in tables))
    reference = passerby.embed(file, world / "query", tmp_path / "c.parquet", precision="fp32")
    assert str(reference.computing) == "ONNX Runtime, fp32"
    np.testing.assert_allclose(features_of(tmp_path / "c.parquet"), features_of(tables[0]), atol=1e-5)


def test_a_table_begun_in_another_precision_is_begun_anew(world: Path, tmp_path: Path) -> None:
    model, images = passerby.load(write_model(tmp_path / "small.onnx")), list_images(world / "query")
    before = _fingerprint(model, images)
    model.computing = Computing("OpenVINO", "bf16")
    assert _fingerprint(model, images) != before
    assert model.fingerprint() == passerby.load(tmp_path / "small.onnx").fingerprint()


def test_a_network_in_torch_is_exported_where_another_runtime_is_named(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    file = write_nano_model("finetune", tmp_path / "model.safetensors")
    written = passerby.embed(file, world / "query", tmp_path / "a.parquet", runtime="onnx", device="cpu")
    assert str(written.computing) == "ONNX Runtime, fp32"
    assert written.computing.proof is not None
    assert written.computing.proof.smallest_cosine > 0.99999
    assert "exporting the network into" in capsys.readouterr().err
    passerby.embed(file, world / "query", tmp_path / "b.parquet", runtime="onnx", device="cpu")
    assert "exporting" not in capsys.readouterr().err
    passerby.embed(file, world / "query", tmp_path / "c.parquet", precision="fp32", device="cpu")
    features = [features_of(tmp_path / f"{name}.parquet") for name in "abc"]
    np.testing.assert_array_equal(features[0], features[1])
    np.testing.assert_allclose(features[0], features[2], atol=1e-5)


@pytest.mark.usefixtures("few_are_many")
def test_a_network_in_torch_is_exported_where_that_is_worth_while(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    monkeypatch.setattr("passerby.inference.choice.candidates.has_bfloat16", lambda: False)
    monkeypatch.setattr("passerby.inference.choice.candidates.is_installed", lambda _: False)  # OpenVINO
    file = write_nano_model("finetune", tmp_path / "model.safetensors")
    table = tmp_path / "a.parquet"
    assert str(passerby.embed(file, world / "query", table, device="cpu").computing) == "torch, fp32"
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(opening, "_LONG", 0.0)
    monkeypatch.setattr(opening, "export_to_cache", refuse)
    assert str(passerby.embed(file, world / "query", table, device="cpu").computing) == "torch, fp32"
    assert "cannot be written; it stays in torch" in capsys.readouterr().err
    monkeypatch.setattr(opening, "export_to_cache", export_to_cache)
    written = passerby.embed(file, world / "query", table, device="cpu")
    assert str(written.computing) == "ONNX Runtime, fp32"
    assert written.computing.proof is not None
    assert written.computing.proof.reference == "torch, fp32"


def refuse(*_: Any, **__: Any) -> Path:
    raise CheckpointError("cannot be written")


def test_cameras_of_ones_own_stay_in_torch(world: Path, tmp_path: Path) -> None:
    file = write_nano_model("finetune", tmp_path / "model.safetensors")
    model = passerby.load(file, device="cpu")
    model.description["camera_count"] = 2
    ahead = opening.ImagesAhead.of(list_images(world / "query"), own_cameras=True)
    with pytest.raises(CheckpointError, match="embeds each image with its own camera"):
        opening.open_computing(lambda **_: model, str(file), ahead, runtime="onnx")


def test_evaluation_states_what_computed(world: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "small.onnx")
    arguments = ["eval", str(model), "--data", "market1501", "--root", str(world), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, "--set", "check_counts=false"])
    assert done.exit_code == 0, done.output
    [entry] = json.loads((tmp_path / "out" / "metrics.json").read_text()).values()
    assert entry["computing"] == {"runtime": "ONNX Runtime", "precision": "fp32", "proof": None}


def test_int8_of_a_network_is_refused_in_one_line(world: Path, tmp_path: Path) -> None:
    file = write_nano_model("finetune", tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="is no int8 file: `passerby export MODEL --precision int8`"):
        passerby.embed(file, world / "query", tmp_path / "a.parquet", precision="int8")
