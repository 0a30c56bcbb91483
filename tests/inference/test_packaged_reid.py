"""`tiny-reid`, the network of images alone that comes with passerby."""

from pathlib import Path

import numpy as np
import pytest

import passerby
from passerby.errors import CheckpointError
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods import find_method
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.synth import Look, World
from passerby.training.initialisation import read_init
from tests.inference.packaged import made_of_its_weights
from tests.test_extras import run_without_torch

WITHOUT_TORCH = """
import sys
import numpy, passerby
model = passerby.load("tiny-reid")
assert type(model).__name__ == "FileEmbedder"
numpy.save(sys.argv[2], model.embed(list(numpy.load(sys.argv[1]))))
"""

SEED, PEOPLE, CAMERAS = 106, 20, 2
"""Of people whom no training has seen: it drew its own from seed 2026."""


def draw(look: Look) -> np.ndarray:
    """Crops of some people, those of the first camera first: uint8 [CAMERAS * PEOPLE, 128, 64, 3]."""
    world = World(seed=SEED, steps=1, size=(128, 64), crowd=0.0, look=look)
    places = [(3 * number, camera) for camera in range(1, CAMERAS + 1) for number in range(1, PEOPLE + 1)]
    return np.stack([world.crop(person, camera, 0)[0].image for person, camera in places])


@pytest.fixture(scope="module")
def street() -> np.ndarray:
    return draw("street")


@pytest.fixture(scope="module")
def in_file() -> Embedder:
    return passerby.load("tiny-reid", runtime="onnx")


def test_the_file_was_made_of_the_weights_and_is_small() -> None:
    file, card = made_of_its_weights("tiny-reid")
    assert card.licence is not None
    assert file.stat().st_size < 4e6


def test_images_have_the_features_of_the_weights(in_file: Embedder, street: np.ndarray) -> None:
    in_torch = passerby.load("tiny-reid", device="cpu")
    assert isinstance(in_torch, TorchEmbedder)
    assert isinstance(in_file, FileEmbedder)
    np.testing.assert_allclose(in_file.embed(list(street)), in_torch.embed(list(street)), atol=1e-4)


def test_without_torch_the_name_gives_the_same_features(in_file: Embedder, street: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", street)
    done = run_without_torch(WITHOUT_TORCH, str(tmp_path / "images.npy"), str(tmp_path / "found.npy"))
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), in_file.embed(list(street)), atol=1e-5)


@pytest.mark.parametrize("look", ["plain", "street"])
def test_people_never_seen_are_found_in_another_camera(in_file: Embedder, street: np.ndarray, look: Look) -> None:
    images = street if look == "street" else draw(look)
    features = in_file.embed(list(images))
    similarity = features[:PEOPLE] @ features[PEOPLE:].T
    place = (similarity > similarity.diagonal()[:, None]).sum(axis=1)
    assert (place < 1).mean() > 0.4, "chance is 0.05"
    assert (place < 5).mean() > 0.7, "chance is 0.25"


def test_it_knows_no_words(in_file: Embedder) -> None:
    with pytest.raises(CheckpointError, match="tiny-clip"):
        in_file.embed_text(["a man in a red t-shirt"])


def test_fine_tuning_begins_with_it() -> None:
    recipe = resolve_recipe(TrainingRequest("finetune-tiny", ("init=tiny-reid", "data.name=x")))
    method = find_method("finetune")
    init = read_init(recipe, method)
    assert init is not None
    network = method.build(recipe, 4, 1)
    network.load_state_dict(init.tensors, strict=False)
    assert {name for name in network.state_dict() if name.startswith("backbone.")} == set(init.tensors)
    assert all(np.array_equal(value.float(), network.state_dict()[name]) for name, value in init.tensors.items())
