"""A page of samples."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from passerby.errors import DataError
from passerby.synth.output.contact_sheet import contact_sheet, shown_people, write_contact_sheet
from passerby.synth.places.world import World


def test_a_sheet_shows_the_crops_of_the_world() -> None:
    sheet = contact_sheet(seed=3, people=2, cameras=2, images_per_camera=2)
    assert sheet.shape == (2 * 128 + 4, 4 * 64 + 4, 3)
    world = World(seed=3, steps=2, size=(128, 64))
    np.testing.assert_array_equal(sheet[:128, :64], world.crop(3, 1, 0)[0].image)
    np.testing.assert_array_equal(sheet[-128:, -64:], world.crop(4, 2, 1)[0].image)


def test_a_sheet_begins_with_look_alikes() -> None:
    assert shown_people(6) == [3, 4, 5, 6, 9, 12]


def test_a_sheet_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.synth.output.contact_sheet.contact_sheet", lambda **_: np.zeros((8, 9, 3), np.uint8))
    image = cv2.imread(str(write_contact_sheet(tmp_path / "deep" / "sheet.png")))
    assert image is not None
    assert image.shape == (8, 9, 3)
    with pytest.raises(DataError, match=r"\.png or \.jpg"):
        write_contact_sheet(tmp_path / "sheet.gif")


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg"])
def test_only_the_same_page_is_replaced_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(
        "passerby.synth.output.contact_sheet.contact_sheet", lambda **given: np.full((8, 8, 3), given["seed"], np.uint8)
    )
    file = write_contact_sheet(tmp_path / name, seed=7)
    first = file.read_bytes()
    assert write_contact_sheet(file, seed=7).read_bytes() == first
    for other in ({"seed": 8}, {"seed": 7, "cameras": 3}, {"seed": 7, "crowd": 2.0}):
        with pytest.raises(DataError, match=r"shows another synthetic world.*--replace"):
            write_contact_sheet(file, **other)  # type: ignore[arg-type]
    assert file.read_bytes() == first
    assert write_contact_sheet(file, seed=80, replace=True).read_bytes() != first


@pytest.mark.parametrize("content", [b"", b"not a picture", cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1]])
def test_a_file_that_is_no_page_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "sheet.png"
    file.write_bytes(bytes(content))
    with pytest.raises(DataError, match="not an earlier contact sheet"):
        write_contact_sheet(file, replace=True)
    assert file.read_bytes() == bytes(content)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DataError, match="not an earlier contact sheet"):
        write_contact_sheet(tmp_path / "folder.png", replace=True)
