"""The model file that comes with passerby: it computes what the weights do, with torch and without."""

import json
import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import passerby
from passerby.errors import CheckpointError, DeviceError
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.models.bundled import bundled_model_file
from passerby.synth.output.pair_drawing import draw_pairs
from passerby.synth.output.pairs import Pairs
from tests.inference.packaged import made_of_its_weights
from tests.test_extras import run_without_torch

WITHOUT_TORCH = """
import json, sys
import numpy, passerby
model = passerby.load("tiny-clip")
images = list(numpy.load(sys.argv[1]))
texts = json.loads(sys.argv[2])
numpy.savez(sys.argv[3], images=model.embed(images), texts=model.embed_text(texts))
assert type(model).__name__ == "FileEmbedder"
"""


@pytest.fixture(scope="module")
def in_torch() -> Embedder:
    return passerby.load("tiny-clip", device="cpu")


@pytest.fixture(scope="module")
def in_file() -> Embedder:
    return passerby.load("tiny-clip", runtime="onnx")


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, list[str]]:
    drawn = draw_pairs(Pairs(seed=104, places=2), range(16))
    return np.stack(list(drawn.images)), [caption for captions in drawn.captions for caption in captions]


def test_the_file_was_made_of_the_weights_and_is_small() -> None:
    file, _ = made_of_its_weights("tiny-clip")
    assert sum(each.stat().st_size for each in file.parent.iterdir()) < 4e6


def test_images_and_sentences_have_the_features_of_the_weights(
    in_torch: Embedder, in_file: Embedder, people: tuple[np.ndarray, list[str]]
) -> None:
    assert isinstance(in_torch, TorchEmbedder)
    assert isinstance(in_file, FileEmbedder)
    images, texts = people
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(in_file.embed(list(images)), in_torch.embed(list(images)), atol=1e-5)
        np.testing.assert_allclose(in_file.embed_text(texts), in_torch.embed_text(texts), atol=1e-5)


def test_unknown_words_are_named_alike(in_torch: Embedder, in_file: Embedder) -> None:
    found = []
    for model in (in_torch, in_file):
        with pytest.warns(UserWarning, match="never read these words.*: umbrella$"):
            found.append(model.embed_text("a man with an umbrella"))
    np.testing.assert_allclose(*found, atol=1e-5)


def test_without_torch_the_name_gives_the_same_features(
    in_torch: Embedder, people: tuple[np.ndarray, list[str]], tmp_path: Path
) -> None:
    images, texts = people
    np.save(tmp_path / "images.npy", images)
    done = run_without_torch(
        WITHOUT_TORCH, str(tmp_path / "images.npy"), json.dumps(texts), str(tmp_path / "found.npz")
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_allclose(found["images"], in_torch.embed(list(images)), atol=1e-5)
        np.testing.assert_allclose(found["texts"], in_torch.embed_text(texts), atol=1e-5)


def test_what_a_file_cannot_do_is_said() -> None:
    with pytest.raises(CheckpointError, match="which its card describes: leave out network"):
        passerby.load("tiny-clip", runtime="onnx", network="student")
    with pytest.raises(DeviceError, match="run on the CPU"):
        passerby.load("tiny-clip", runtime="onnx", device="cuda")
    with pytest.raises(CheckpointError, match="is a model file, which does not run in torch: leave out runtime"):
        passerby.load(str(bundled_model_file("tiny-clip")), runtime="torch")


def test_a_named_runtime_is_taken() -> None:
    assert isinstance(passerby.load("tiny-clip", runtime="torch"), TorchEmbedder)
    assert "in OpenVINO" in repr(passerby.load("tiny-clip", runtime="openvino"))


def test_commands_take_the_runtime_that_is_named(people: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    for number, image in enumerate(people[0][:4]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    tables = {}
    for runtime in ("torch", "onnx"):
        out = tmp_path / f"{runtime}.parquet"
        passerby.embed("tiny-clip", tmp_path, out, runtime=runtime)
        tables[runtime] = np.stack(pq.read_table(out)["embedding"].to_numpy(zero_copy_only=False))
    np.testing.assert_allclose(tables["torch"], tables["onnx"], atol=1e-5)
    assert not np.array_equal(tables["torch"], tables["onnx"]), "computed by the same runtime"
