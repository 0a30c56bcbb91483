import numpy as np
import pytest
from PIL import Image

from passerby.data.pixels.decoding import read_image, read_size, resize_image
from passerby.errors import DataError
from tests.data.pictures import picture, truncate

SIZE = (40, 24)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "jpg"), ("CMYK", "jpg"), ("P", "png"), ("RGBA", "png"), ("LA", "png")]
)
def test_every_mode_becomes_rgb(tmp_path, mode, suffix):
    file = tmp_path / f"image.{suffix}"
    original = picture(0, SIZE)
    original.convert(mode).save(file)
    image = read_image(file)
    assert (image.mode, image.size) == ("RGB", (24, 40))
    assert read_size(file) == SIZE
    expected = original.convert("L") if mode in ("L", "LA") else original
    difference = np.asarray(image).astype(int) - np.asarray(expected.convert("RGB"))
    assert abs(difference).mean() < (20 if mode == "P" else 6)


def test_sixteen_bit_grey_keeps_its_brightness(tmp_path):
    values = np.linspace(0, 65535, 40 * 24).reshape(SIZE).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    pixels = np.asarray(read_image(tmp_path / "deep.png"))
    np.testing.assert_array_equal(pixels, np.repeat((values >> 8).astype(np.uint8)[:, :, None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotation_noted_in_exif_is_applied(tmp_path, orientation):
    """An upright picture, stored as each orientation says cameras store it, comes back upright."""
    upright = picture(1, SIZE)
    turn_back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turn_back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "turned.png")), np.asarray(upright))
    assert read_size(tmp_path / "turned.png") == SIZE


def test_resizing_is_pillows():
    image = picture(2, SIZE)
    expected = np.asarray(image.resize((10, 30), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize_image(image, (30, 10), "bicubic"), expected)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "gif"])
def test_damaged_files_are_named(tmp_path, suffix):
    file = tmp_path / f"image.{suffix}"
    picture(0, (200, 100)).save(file)
    truncate(file)
    with pytest.raises(DataError, match=rf"image .*image\.{suffix} cannot be read") as caught:
        read_image(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\xff\xd8\xff\xe0\0"])
def test_files_that_are_no_images_are_named(tmp_path, content):
    file = tmp_path / "image.jpg"
    file.write_bytes(content)
    for read in (read_image, read_size):
        with pytest.raises(DataError, match=r"image\.jpg cannot be read"):
            read(file)


def test_missing_files_and_folders_are_named(tmp_path):
    for read in (read_image, read_size):
        with pytest.raises(DataError, match=r"image .*gone\.jpg is missing"):
            read(tmp_path / "gone.jpg")
        with pytest.raises(DataError, match="cannot be read"):
            read(tmp_path)
