"""A further model computes features of what a gallery has, and of what comes later."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.errors import CheckpointError, DataError, GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Crop
from tests.inference.test_file_embedder import write_model
from tests.workflows.adapting.worlds import picture, sights, write_gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    model = write_model(tmp_path / "first.onnx")
    return write_gallery(tmp_path / "gallery", model, sights(3), known=False)


def test_features_of_a_further_model_stand_beside_the_first(gallery: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other.onnx", seed=1)
    later = replace(sights(4)[-1], key="later")
    with open_gallery(gallery) as opened:
        first = opened.features(opened.numbers(), opened.models()[0])
        opened.add([later, replace(later, key="unseen", crops=())])
    done = passerby.embed_gallery(gallery, other)
    assert (done.embedded, done.without_pictures, done.model) == (7, 1, str(other))
    expected = passerby.load(other).embed([_file(tmp_path, frame) for frame in range(3)])
    with open_gallery(gallery) as opened:
        old, new = opened.models()
        assert all(np.array_equal(opened.feature(n, old), each.vector) for n, each in first.items())
        mean = expected.mean(0) / np.linalg.norm(expected.mean(0))
        assert opened.feature(1, new) == pytest.approx(mean, abs=1e-3)
    again = CliRunner().invoke(app, ["gallery", "embed", str(gallery), "--model", str(other), "--json"])
    assert json.loads(again.stdout)["embedded"] == 0
    shown = CliRunner().invoke(app, ["gallery", "embed", str(gallery), "--model", str(tmp_path / "first.onnx")])
    assert "1 tracklets have features of" in shown.stdout


def _file(folder: Path, frame: int) -> Path:
    file = folder / f"{frame}.jpg"
    file.write_bytes(picture(0, 0, frame))
    return file


def test_a_picture_that_cannot_be_read_is_named(gallery: Path, tmp_path: Path) -> None:
    with open_gallery(gallery) as opened:
        opened.add([replace(sights(4)[-1], key="broken", crops=[Crop(7, b"no picture")])])
    with pytest.raises(DataError, match=r"tracklet 7: its picture of frame 7 is no JPEG file that can be read: erase"):
        passerby.embed_gallery(gallery, write_model(tmp_path / "other.onnx", seed=1))


def test_pictures_are_searched_by_the_newest_model_and_sentences_by_the_newest_that_understands_them(
    tmp_path: Path,
) -> None:
    gallery = write_gallery(tmp_path / "gallery", "tiny-clip", sights(4), known=False)
    other = write_model(tmp_path / "other.onnx")
    passerby.embed_gallery(gallery, other)
    scores = [hit.score for hit in passerby.search(gallery, passerby.Query(text="a man in a red coat"))]
    named = passerby.search(gallery, passerby.Query(text="a man in a red coat"), model="tiny-clip")
    assert scores == [hit.score for hit in named]
    found = passerby.search(gallery, passerby.Query(pictures=[_file(tmp_path, 1)]))
    assert [hit.score for hit in found] == [
        hit.score for hit in passerby.search(gallery, passerby.Query(pictures=[_file(tmp_path, 1)]), model=other)
    ]
    with pytest.raises(CheckpointError, match=r"other\.onnx: its card names no text tower"):
        passerby.search(gallery, passerby.Query(text="a man"), model=other)


def test_who_is_who_goes_by_the_newest_model_or_the_one_named(gallery: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other.onnx", seed=1)
    passerby.embed_gallery(gallery, other)
    command = ["gallery", "identify", str(gallery), "--threshold", "0.5", "--json"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert CliRunner().invoke(app, [*command, "--model", str(tmp_path / "first.onnx")]).exit_code == 0
    with pytest.raises(GalleryError, match=r"has no features of net, but of .*first\.onnx, .*other\.onnx"):
        CliRunner().invoke(app, [*command, "--model", "net"], catch_exceptions=False)
