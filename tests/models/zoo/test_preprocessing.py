"""From pictures to a model's input against arithmetic written out, and boxes there and back."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.errors import DataError
from passerby.models.zoo.card import InputSection
from passerby.models.zoo.check_picture import check_picture
from passerby.models.zoo.preprocessing import fit, normalise, place, prepare

SIDES = st.integers(1, 700)


def section(**keys: object) -> InputSection:
    return InputSection.model_validate({"size": (48, 32), "channels": "rgb", **keys})


def test_the_input_is_what_the_card_says_written_out() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 32, 3), np.uint8)
    card = section(channels="bgr", scale=255, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2))
    found = prepare(card, [picture])
    assert found.shape == (1, 3, 48, 32)
    assert found.dtype == np.float32
    for channel, (mean, std) in enumerate(zip(card.mean, card.std, strict=True)):
        np.testing.assert_allclose(found[0, channel], (picture[:, :, 2 - channel] / 255 - mean) / std, atol=1e-6)


def test_bytes_stay_bytes_and_channels_can_come_last() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 32, 3), np.uint8)
    found = prepare(section(dtype="uint8", layout="NHWC"), [picture, picture[::-1]])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.stack([picture, picture[::-1]]))
    assert prepare(section(dtype="float16"), [picture]).dtype == np.float16
    assert normalise(section(), picture[None]).flags.c_contiguous


def test_a_letterboxed_picture_lies_where_the_card_says() -> None:
    picture = np.full((100, 50, 3), 200, np.uint8)
    top_left = fit(section(resize="letterbox-top-left", pad=7), picture)
    assert (top_left[:, :24] == 200).all()
    assert (top_left[:, 24:] == 7).all()
    centred = fit(section(resize="letterbox-centre", pad=7), picture)
    assert (centred[:, 4:28] == 200).all()
    assert (centred[:, :4] == 7).all()
    assert (centred[:, 28:] == 7).all()


@given(height=SIDES, width=SIDES, resize=st.sampled_from(["squash", "letterbox-top-left", "letterbox-centre"]))
def test_boxes_come_back_to_the_picture(height: int, width: int, resize: str) -> None:
    card = section(resize=resize)
    where = place(card, height, width)
    box = np.array([[0.25 * width, 0.5 * height, 0.75 * width, height]], np.float32)
    there = box * np.array([where.scale_x, where.scale_y] * 2, np.float32) + [where.left, where.top] * 2
    np.testing.assert_allclose(where.restore(there.astype(np.float32)), box, atol=1e-2)
    everything = where.restore(np.array([[-1e4, -1e4, 1e4, 1e4]], np.float32))
    np.testing.assert_array_equal(everything, [[0, 0, width, height]])
    assert fit(card, np.zeros((height, width, 3), np.uint8)).shape == (48, 32, 3)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8), "a.jpg"]
)
def test_what_is_no_picture_is_refused(wrong: object) -> None:
    with pytest.raises(DataError, match="a picture"):
        prepare(section(), [wrong])  # type: ignore[list-item]


def test_the_drawn_picture_never_changes() -> None:
    picture = check_picture()
    assert picture.shape == (200, 120, 3)
    assert picture.dtype == np.uint8
    assert hashlib.sha256(picture.tobytes()).hexdigest().startswith("91816bc6b0ae0020ed8f")
