"""People in whole photographs are found, numbered, cut out as from videos, and searched for."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

import passerby
from passerby.cli import app
from passerby.errors import CheckpointError, DataError, GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Feature, ModelKey, NewTracklet
from passerby.workflows.indexing import photographs
from tests.inference.test_file_embedder import write_model
from tests.video.collection.drawn import HEIGHT, WIDTH, ReadsBoxes, picture

BOXES = [(150, 20, 200, 120), (20, 50, 60, 150), (90, 5, 110, 60)]


@pytest.fixture(autouse=True)
def _detector_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    real = photographs.open_detector
    monkeypatch.setattr(photographs, "open_detector", lambda name: ReadsBoxes() if name == "yolox-nano" else real(name))


def write(file: Path, pixels: NDArray[np.uint8]) -> Path:
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write(tmp_path / "photo.png", picture(BOXES))


@pytest.fixture
def gallery(tmp_path: Path, photo: Path) -> tuple[Path, Path]:
    """A tracklet of each of the three, by what a model says of pixels that were cut out by hand; and the model."""
    file = write_model(tmp_path / "model.onnx")
    model = passerby.load(file)
    key = ModelKey(model.fingerprint().hex(), str(file), model.embed_dim)
    pixels = np.array(Image.open(photo))
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        for number, (left, top, right, bottom) in enumerate(BOXES):
            across, down = (right - left) // 10, (bottom - top) // 10
            rows = slice(max(0, top - down), min(HEIGHT, bottom + down))
            crop = pixels[rows, max(0, left - across) : min(WIDTH, right + across)]
            if number == 2:  # 5.5 pixels of margin, rounded outwards
                crop = pixels[0:66, 88:112]
            feature = {key: Feature(model.embed(crop)[0])}
            opened.add([NewTracklet(f"t{number}", "yard", "v", 5.0 * number, 5.0 * number, 1, 100.0, features=feature)])
    return tmp_path / "gallery", file


def test_people_are_numbered_from_left_to_right_with_their_boxes(photo: Path) -> None:
    people = passerby.find_people(photo)
    assert [each.number for each in people] == [1, 2, 3]
    assert [each.box for each in people] == sorted(BOXES)
    assert people[0].picture.size == (48, 120)
    assert people[0].score == pytest.approx(0.925)


def test_a_photograph_that_lies_on_its_side_is_turned_first(photo: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right to look at it
    with Image.open(photo) as upright:
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=exif)
    assert [each.box for each in passerby.find_people(tmp_path / "side.png")] == sorted(BOXES)


def test_each_person_of_a_photograph_is_found_in_the_gallery(gallery: tuple[Path, Path], photo: Path) -> None:
    place, model = gallery
    for person, tracklet in ((1, 2), (2, 3), (3, 1)):
        hits = passerby.search(place, passerby.Query(photo=photo, person=person), model=model)
        assert hits[0].tracklet.number == tracklet
        assert hits[0].score == pytest.approx(1, abs=1e-3)
        cut = passerby.find_people(photo)[person - 1].picture
        assert passerby.search(place, passerby.Query(pictures=[cut]), model=model) == hits


def test_one_person_alone_needs_no_number(gallery: tuple[Path, Path], tmp_path: Path) -> None:
    alone = write(tmp_path / "alone.png", picture(BOXES[:1]))
    assert passerby.search(gallery[0], passerby.Query(photo=alone), model=gallery[1])


def test_what_cannot_be_searched_for_is_told_in_one_line(
    gallery: tuple[Path, Path], photo: Path, tmp_path: Path
) -> None:
    place, model = gallery
    with pytest.raises(DataError, match=r"shows 3 people \(1 at 20,50, 2 at 90,5, 3 at 150,20\): say which"):
        passerby.search(place, passerby.Query(photo=photo), model=model)
    with pytest.raises(DataError, match="has no person 4: they are numbered from 1 to 3"):
        passerby.search(place, passerby.Query(photo=photo, person=4), model=model)
    with pytest.raises(DataError, match="nobody was found"):
        passerby.search(place, passerby.Query(photo=write(tmp_path / "empty.png", picture([]))), model=model)
    with pytest.raises(GalleryError, match="a photograph; one of them"):
        passerby.Query(photo=photo, text="a man")
    with pytest.raises(GalleryError, match="a person's number is for whole photographs"):
        passerby.Query(text="a man", person=1)
    with pytest.raises(DataError, match="motion finds who moves in a video"):
        passerby.find_people(photo, detector="motion")
    with pytest.raises(CheckpointError, match="is no detector"):
        passerby.find_people(photo, detector="nonsense")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.jpg"):
        passerby.find_people(tmp_path / "text.jpg")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["search", *map(str, arguments)])


def test_the_command_lists_people_and_searches_for_the_one_who_is_chosen(
    gallery: tuple[Path, Path], photo: Path
) -> None:
    place, model = gallery
    listed = run(place, photo, "--find", "--model", model)
    assert listed.exit_code == 1
    assert "3 people are in the photograph, from left to right: say which with --person N." in listed.stdout
    told = json.loads(run(place, photo, "--find", "--json").stdout)["people"]
    assert [tuple(each["box"]) for each in told] == sorted(BOXES)
    found = json.loads(run(place, photo, "--find", "--person", 3, "--model", model, "--json").stdout)
    assert found[0]["tracklet"] == 1
    assert run(place, photo, "--person", 3).exit_code == 2
    assert run(place, photo, photo, "--find").exit_code == 2
