"""Model files as embedders: the face of a network in torch, and the features of a bare runtime."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import passerby
from passerby.data.formats.open_data import list_images
from passerby.errors import CheckpointError, DataError, DeviceError
from passerby.inference.embedder import Embedder
from passerby.inference.embedding_table import embed_to_table
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.loading import load
from passerby.models.clip.vocabulary import tokenise
from passerby.models.zoo.card import InputSection, ModelCard, OutputSection, TextSection
from passerby.models.zoo.card_files import card_path, file_digest, write_card
from tests.methods.small_world import write_small_world
from tests.models.zoo.small_onnx import onnx, write_small_onnx

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def write_model(file: Path, *, text: TextSection | None = None, form: str = "features", **making: Any) -> Path:
    """A small model file with its card beside it."""
    write_small_onnx(file, **making)
    section = InputSection(
        size=(16, 8), channels="rgb", scale=255, mean=MEAN, std=STD, batch=1 if making.get("batch") == 1 else "dynamic"
    )
    kind = "detector" if form != "features" else "clip" if text else "embedder"
    output = OutputSection.model_validate({"form": form})
    write_card(ModelCard(kind=kind, name="small", input=section, output=output, text=text), card_path(file))  # type: ignore[arg-type]
    return file


@pytest.fixture
def model(tmp_path: Path) -> Embedder:
    return load(write_model(tmp_path / "small.onnx"))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_small_world(tmp_path / "world")


def by_hand(file: Path, photos: list[Path]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The features of a script that knows nothing of passerby."""
    import cv2

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    features = []
    for photo in photos:
        pixels = cv2.resize(np.asarray(Image.open(photo).convert("RGB")), (8, 16)).astype(np.float32) / 255
        image = ((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)[None]
        features.append(session.run(None, {"pixels": image.astype(np.float32)})[0][0])
    return np.stack([feature / np.linalg.norm(feature) for feature in features])


@pytest.mark.parametrize("batch", ["n", 1])
def test_features_are_those_of_a_script_without_passerby(tmp_path: Path, world: Path, batch: int | str) -> None:
    file = write_model(tmp_path / "m.onnx", batch=batch)
    photos = sorted((world / "query").glob("*.jpg"))
    found = load(file).embed(photos, batch_size=3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(file, photos), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_every_kind_of_input_gives_the_same_feature(model: Embedder, world: Path) -> None:
    photo = sorted((world / "query").glob("*.jpg"))[0]
    feature = model.embed(photo)
    with Image.open(photo) as opened:
        assert np.array_equal(model.embed(opened), feature)
        assert np.array_equal(model.embed([np.asarray(opened.convert("RGB"))]), feature)
    assert feature.shape == (1, model.feature_dim) == (1, 12)
    assert model.embed([]).shape == (0, 12)
    assert model.card.name == "small"
    assert repr(model).startswith("Embedder(small, 16×8 → 12 dimensions, in ONNX Runtime, from ")


def test_a_table_and_an_evaluation_hold_the_same_features(model: Embedder, world: Path, tmp_path: Path) -> None:
    photos = list_images(world / "query")
    written = embed_to_table(model, photos, tmp_path / "out.parquet", batch_size=4)
    assert written.rows == len(photos)
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "out.parquet")
    found = np.stack(rows["embedding"].to_numpy())
    np.testing.assert_array_equal(found, model.embed([photos.path(row) for row in range(len(photos))]))
    benchmark = passerby.load_benchmark("market1501", world, check_counts=False)
    result = passerby.evaluate(model, benchmark, batch_size=5, out=tmp_path / "evaluation")
    assert result.evaluation.query_features.shape == (len(photos), 12)
    in_query = [photos.path(row) for row in range(len(photos))]
    assert [result.evaluation.query.path(row) for row in range(len(result.evaluation.query))] == in_query
    np.testing.assert_allclose(result.evaluation.query_features, found, atol=1e-6)
    assert (tmp_path / "evaluation" / "metrics.json").is_file()


def test_unreadable_images_are_counted_and_can_be_left_out(model: Embedder, world: Path, tmp_path: Path) -> None:
    photos = sorted((world / "query").glob("*.jpg"))
    photos[1].write_bytes(b"no image")
    split = list_images(world / "query")
    with pytest.raises(DataError, match=r"1 of \d+ images cannot be read"):
        embed_to_table(model, split, tmp_path / "a.parquet")
    written = embed_to_table(model, split, tmp_path / "a.parquet", skip_unreadable=True)
    assert (written.rows, written.skipped) == (len(split) - 1, 1)


def test_broken_weights_name_the_image(tmp_path: Path, world: Path) -> None:
    photos = sorted((world / "query").glob("*.jpg"))
    with pytest.raises(CheckpointError, match=f"NaN or infinite values for {photos[0]}"):
        load(write_model(tmp_path / "m.onnx", poison=np.nan)).embed(photos)
    model = load(write_model(tmp_path / "zero.onnx", poison=0))
    zero = onnx.load(tmp_path / "zero.onnx")
    weights = zero.graph.initializer[0]
    weights.CopyFrom(onnx.numpy_helper.from_array(np.zeros((12, 3, 4, 4), np.float32), weights.name))
    onnx.save(zero, tmp_path / "zero.onnx")
    assert isinstance(model, FileEmbedder)
    with pytest.raises(CheckpointError, match=r"its feature is zero \(and those of"):
        load(tmp_path / "zero.onnx").embed(photos)


def test_what_a_model_file_cannot_do_is_said(model: Embedder, tmp_path: Path, world: Path) -> None:
    with pytest.raises(CheckpointError, match="its card names no text tower"):
        model.embed_text("a man in red")
    photo = sorted((world / "query").glob("*.jpg"))[0]
    with pytest.raises(CheckpointError, match=r"small\.onnx: explain looks inside the network"):
        passerby.explain(model, photo, tmp_path / "maps.png")
    assert model.file is not None
    with pytest.raises(CheckpointError, match="leave out network"):
        load(model.file, network="teacher")
    with pytest.raises(DeviceError, match="model files run on the CPU"):
        load(model.file, device="cuda")
    with pytest.raises(CheckpointError, match="is a detector, which gives boxes, not features"):
        load(write_model(tmp_path / "d.onnx", form="yolox-grid"))
    with pytest.raises(DataError, match="an image must be a file"):
        model.embed([3])  # type: ignore[list-item]


def write_text_tower(file: Path, dim: int = 12) -> Path:
    """A tower whose feature of a text is the mean of rows of a table, one for each token."""
    helper, kinds = onnx.helper, onnx.TensorProto
    table = np.random.default_rng(5).normal(size=(49408, dim)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["rows"]),
        helper.make_node("ReduceMean", ["rows"], ["features"], axes=[1], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "text",
        [helper.make_tensor_value_info("tokens", kinds.INT64, ["n", 77])],
        [helper.make_tensor_value_info("features", kinds.FLOAT, ["n", dim])],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


def test_sentences_are_embedded_by_the_tower_beside_the_file(tmp_path: Path) -> None:
    tower = write_text_tower(tmp_path / "text.onnx")
    section = TextSection(file="text.onnx", sha256=file_digest(tower), words=("man", "in", "red"))
    model = load(write_model(tmp_path / "clip.onnx", text=section))
    with pytest.warns(UserWarning, match="never read these words.*: hat"):
        found = model.embed_text(["man in red hat", "man"])
    [expected] = onnxruntime.InferenceSession(str(tower)).run(
        None, {"tokens": tokenise(["man in red hat", "man"]).numpy()}
    )
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.embed_text([]).shape == (0, 12)
    with pytest.raises(DataError, match="tokens, at most 77 can be read"):
        model.embed_text("man " * 80)


def test_a_text_tower_of_another_model_is_refused(tmp_path: Path) -> None:
    write_text_tower(tmp_path / "text.onnx", dim=5)
    cases = (
        (TextSection(file="text.onnx"), "of length 5, clip.onnx of 12: it belongs to another model"),
        (TextSection(file="text.onnx", sha256="0" * 64), "is not the file that the card of clip.onnx names"),
        (TextSection(file="gone.onnx"), "gone.onnx: is missing"),
        (TextSection(file="../text.onnx"), "must name an .onnx file beside it"),
        (TextSection(file="text.onnx", input="words"), "has no input 'words'"),
    )
    for section, complaint in cases:
        with pytest.raises(CheckpointError, match=complaint):
            load(write_model(tmp_path / "clip.onnx", text=section)).embed_text("man")


def test_a_network_in_torch_has_a_card_too() -> None:
    card = load("tiny-clip", device="cpu").card
    assert card.kind == "clip"
    assert card.output.normalised
    assert card.output.dim == load("tiny-clip", device="cpu").feature_dim
    assert (card.input.channels, card.input.scale, card.input.antialias) == ("rgb", 255, True)


def test_no_torch_is_loaded_for_a_model_file(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx")
    script = (
        "import sys, numpy, passerby\n"
        "model = passerby.load(sys.argv[1])\n"
        "assert model.embed(numpy.zeros((3, 40, 20, 3), numpy.uint8) + 9).shape == (3, 12)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "m.onnx")], check=True, timeout=120)
