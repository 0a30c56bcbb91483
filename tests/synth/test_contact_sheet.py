"""A page of samples."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from passerby.errors import DataError
from passerby.synth.contact_sheet import contact_sheet, shown_people, write_contact_sheet
from passerby.synth.world import World


def test_a_sheet_shows_the_crops_of_the_world() -> None:
    sheet = contact_sheet(seed=3, people=2, cameras=2, images_per_camera=2)
    assert sheet.shape == (2 * 128 + 4, 4 * 64 + 4, 3)
    world = World(seed=3, steps=2, size=(128, 64))
    np.testing.assert_array_equal(sheet[:128, :64], world.crop(3, 1, 0)[0].image)
    np.testing.assert_array_equal(sheet[-128:, -64:], world.crop(4, 2, 1)[0].image)


def test_a_sheet_begins_with_look_alikes() -> None:
    assert shown_people(6) == [3, 4, 5, 6, 9, 12]


def test_a_sheet_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.synth.contact_sheet.contact_sheet", lambda **_: np.zeros((8, 9, 3), np.uint8))
    image = cv2.imread(str(write_contact_sheet(tmp_path / "deep" / "sheet.png")))
    assert image is not None
    assert image.shape == (8, 9, 3)
    with pytest.raises(DataError, match=r"\.png or \.jpg"):
        write_contact_sheet(tmp_path / "sheet.gif")
