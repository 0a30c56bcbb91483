"""The weights that come with passerby."""

import socket

import numpy as np
import pytest

import passerby
from passerby.config import read_recipe
from passerby.inference.embedder import Embedder
from passerby.methods import find_method
from passerby.models.bundled import NAMES, bundled_file
from passerby.runs.request import checked_recipe
from passerby.synth.output.pair_drawing import draw_pairs
from passerby.synth.output.pairs import Pairs

HELD_OUT = Pairs(seed=103, places=2)
"""A city that no training draws: theirs have seeds beyond 2**53."""


@pytest.fixture(scope="module")
def model() -> Embedder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
        return passerby.load("tiny-clip", device="cpu")


def test_weights_are_small_and_say_what_they_are(model: Embedder) -> None:
    for name in NAMES:
        file = bundled_file(name)
        assert file is not None
        assert file.stat().st_size < 20e6
    assert model.description["method"] == "clip-pretrain"
    assert model.description["trained_on"] == []
    assert model.description["pairs"]["drawn"] > 0


def test_people_never_seen_are_found_by_what_is_said_of_them(model: Embedder) -> None:
    drawn = draw_pairs(HELD_OUT, range(64))
    similarity = model.embed_text([captions[0] for captions in drawn.captions]) @ model.embed(list(drawn.images)).T
    place = (similarity > similarity.diagonal()[:, None]).sum(1)
    assert (place < 10).mean() > 0.5, "chance is 0.16"
    assert (place < 1).mean() > 0.1, "chance is 0.02"


def test_colours_are_told_apart(model: Embedder) -> None:
    red, blue = model.embed_text(["a man in a red t-shirt and black trousers", "a man in a blue t-shirt"])
    assert red @ blue < 0.95
    assert np.linalg.norm(red) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["clip-reid-vit-tiny", "baseline-vit-tiny"])
def test_small_recipes_of_clip_reid_start_from_it(model: Embedder, name: str) -> None:
    network = find_method("clip-reid").build(checked_recipe(read_recipe(name)), 4, 0)
    tower = model.model.visual.state_dict()  # type: ignore[union-attr]
    assert all(np.array_equal(value, tower[key]) for key, value in network.image_encoder.state_dict().items())


def test_the_small_recipe_of_saga_starts_from_it(model: Embedder) -> None:
    network = find_method("saga").build(checked_recipe(read_recipe("saga-tiny")), 4, 0)
    tower = model.model.visual.state_dict()  # type: ignore[union-attr]
    assert all(np.array_equal(value, tower[key]) for key, value in network.backbone.state_dict().items())
