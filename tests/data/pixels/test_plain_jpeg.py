"""Plain JPEGs have Pillow's pixels whoever decodes them, and what is not plain is left to Pillow."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from passerby.data.pixels import plain_jpeg
from passerby.data.pixels.decoding import read_image
from passerby.data.pixels.plain_jpeg import decode_plain, decoders_agree, plain_size
from passerby.errors import DataError

pytestmark = pytest.mark.skipif(not decoders_agree(), reason="this OpenCV decodes otherwise than this Pillow")


def drawn(height: int, width: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (max(height // 8, 1), max(width // 8, 1), len(mode)), np.uint8)
    image = Image.fromarray(coarse[..., 0] if mode == "L" else coarse, mode)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, **settings: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", **settings)
    return stream.getvalue()


PLAIN: list[dict[str, Any]] = [
    {"quality": quality, **more}
    for quality in (5, 75, 100)
    for more in (
        {"subsampling": 0},
        {"subsampling": 1},
        {"subsampling": 2},
        {"subsampling": 2, "progressive": True},
        {"optimize": True},
        {"restart_marker_blocks": 2},
        {"icc_profile": b"colours that nobody applies"},
    )
]


@pytest.mark.parametrize("settings", PLAIN, ids=str)
@pytest.mark.parametrize(("height", "width"), [(128, 64), (37, 23), (2, 1)])
def test_plain_files_have_pillows_pixels(settings: dict[str, Any], height: int, width: int) -> None:
    for mode in ("RGB", "L"):
        data = as_jpeg(drawn(height, width, mode), **settings)
        assert plain_size(data) == (height, width)
        found = decode_plain(data)
        expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
        assert found is not None or (expected[-1] == 128).all()
        assert found is None or np.array_equal(found, expected)


def rotated(orientation: int) -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


@pytest.mark.parametrize(
    ("mode", "settings"),
    [("RGB", rotated(6)), ("RGB", rotated(1)), ("CMYK", {}), ("RGB", {"keep_rgb": True, "subsampling": 0})],
    ids=["turned", "upright", "cmyk", "adobe-rgb"],
)
def test_what_is_not_plain_is_left_to_pillow(mode: str, settings: dict[str, Any], tmp_path: Path) -> None:
    data = as_jpeg(drawn(64, 32, mode), **settings)
    assert plain_size(data) is None
    (tmp_path / "a.jpg").write_bytes(data)
    expected = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "a.jpg")), np.asarray(expected))


@pytest.mark.parametrize("end", [2, 3, 20, 200, -1])
def test_what_is_cut_off_is_not_plain(end: int) -> None:
    assert plain_size(as_jpeg(drawn(64, 32))[:end]) is None


def test_what_ends_early_with_an_end_is_refused(tmp_path: Path) -> None:
    data = as_jpeg(drawn(128, 64), quality=95)
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    with pytest.raises(DataError, match="it ends early, and its lower rows are not in it"):
        read_image(tmp_path / "a.jpg")


def test_more_pixels_than_allowed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(as_jpeg(drawn(64, 32)))
    monkeypatch.setenv("PASSERBY_MAX_PIXELS", "2047")
    with pytest.raises(DataError, match="has 64×32 pixels; make it smaller, or raise the bound"):
        read_image(tmp_path / "a.jpg")


def test_an_opencv_that_decodes_otherwise_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_jpeg, "decoders_agree", lambda: False)
    data = as_jpeg(drawn(64, 32))
    assert decode_plain(data) is None
    (tmp_path / "a.jpg").write_bytes(data)
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "a.jpg")), np.asarray(Image.open(BytesIO(data))))


def test_damaged_files_have_the_pixels_or_the_error_that_pillow_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, file = np.random.default_rng(5), tmp_path / "a.jpg"

    def outcome() -> Any:
        try:
            return np.asarray(read_image(file)).tobytes()
        except DataError as error:
            return str(error)

    for number in range(60):
        data = bytearray(as_jpeg(drawn(48, 24, seed=number), progressive=bool(number % 2)))
        for place in generator.integers(2, len(data) - 2, 2).tolist():
            data[place] = int(generator.integers(0, 256))
        file.write_bytes(data)
        found = outcome()
        with monkeypatch.context() as patch:
            patch.setattr(plain_jpeg, "decoders_agree", lambda: False)
            assert outcome() == found, f"image {number}"
