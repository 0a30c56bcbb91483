"""Which files are opened as images: formats, kinds of files, bounds, and streams that end early."""

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image, features

from passerby.data.checks.decode_check import scan_files
from passerby.data.image_files import IMAGE_SUFFIXES, image_files
from passerby.data.limits import MAX_PIXELS
from passerby.data.pixels.decoding import read_image, read_size
from passerby.data.pixels.gif_stream import gif_pixels
from passerby.errors import DataError
from passerby.report.html.thumbnail import thumbnail
from tests.data.pictures import picture

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 20\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".gif", ".ppm", ".pgm", ".avif", ".jp2"])
def test_what_pillow_reads_is_listed_and_read(suffix: str, tmp_path: Path) -> None:
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    original = picture(0, (40, 24))
    original.convert("L" if suffix == ".pgm" else "RGB").save(tmp_path / f"image{suffix}")
    assert image_files(tmp_path) == [f"image{suffix}"]
    assert suffix in IMAGE_SUFFIXES
    assert read_size(tmp_path / f"image{suffix}") == (40, 24)
    assert read_image(tmp_path / f"image{suffix}").mode == "RGB"


def test_postscript_is_never_handed_to_ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given: started.append(given))
    (tmp_path / "x.jpg").write_bytes(POSTSCRIPT)
    for read in (read_image, read_size):
        with pytest.raises(DataError, match=r"x\.jpg cannot be read: it is empty, damaged, or of no known format"):
            read(tmp_path / "x.jpg")
    assert thumbnail(tmp_path / "x.jpg") is None
    assert not started


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for name, kind in (("pipe.jpg", "a pipe"), ("zero.jpg", "a device")):
        for read in (read_image, read_size):
            with pytest.raises(DataError, match=rf"{name} cannot be read: it is {kind}, not a regular file"):
                read(tmp_path / name)
    for decode in (True, False):
        scan = scan_files([tmp_path / "pipe.jpg", tmp_path / "zero.jpg"], decode=decode, workers=1)
        assert ["not a regular file" in text for text in scan.complaints.values()] == [True, True]


def test_a_huge_sparse_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as stream:
        stream.truncate(1 << 40)
    for decode in (True, False):
        (complaint,) = scan_files([tmp_path / "huge.jpg"], decode=decode, workers=1).complaints.values()
        assert "huge.jpg cannot be read: it has 1,099,511,627,776 bytes" in complaint


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, *, colour: int = 2, bits: int = 8, interlaced: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    compressed = zlib.compress(rows)
    parts = [chunk(b"IDAT", compressed[start : start + 50]) for start in range(0, len(compressed), 50)]
    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette + b"".join(parts) + chunk(b"IEND", b"")


def test_an_image_beyond_the_bound_of_pixels_is_refused_until_it_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.png").write_bytes(png(13_300, 13_300, b""))  # a bomb needs only a header to be refused
    picture(0, (40, 24)).save(tmp_path / "small.png")
    for read in (read_image, read_size):
        with pytest.raises(
            DataError, match=r"large\.png has 13,300×13,300 pixels; make it smaller, or raise .*MAX_PIX"
        ):
            read(tmp_path / "large.png")
    assert thumbnail(tmp_path / "large.png") is None
    monkeypatch.setenv(MAX_PIXELS, "900")
    with pytest.raises(DataError, match=r"raise the bound of 900 pixels with the variable PASSERBY_MAX_PIXELS"):
        read_image(tmp_path / "small.png")
    monkeypatch.setenv(MAX_PIXELS, "960")
    assert read_image(tmp_path / "small.png").size == (24, 40)
    monkeypatch.setenv(MAX_PIXELS, "many")
    with pytest.raises(DataError, match="PASSERBY_MAX_PIXELS must be a whole number"):
        read_image(tmp_path / "small.png")


PASSES = [(2, 3), (1, 3), (3, 2), (3, 5), (6, 5), (6, 10), (12, 10)]
WHOLE = [
    (2, 8, 0, 20 * (1 + 3 * 12)),
    (0, 1, 0, 20 * (1 + 2)),
    (3, 4, 0, 20 * (1 + 6)),
    (6, 16, 0, 20 * (1 + 8 * 12)),
    (
        0,
        8,
        1,
        sum(rows * (1 + columns) for columns, rows in [(2, 3), (1, 3), (3, 2), (3, 5), (6, 5), (6, 10), (12, 10)]),
    ),
]


@pytest.mark.parametrize(("colour", "bits", "interlaced", "length"), WHOLE)
def test_a_png_that_ends_early_is_not_read_as_black(
    colour: int, bits: int, interlaced: int, length: int, tmp_path: Path
) -> None:
    """12 by 20 pixels: black to the end is an image, and black that ends half-way is none."""
    file = tmp_path / "image.png"
    file.write_bytes(png(12, 20, bytes(length), colour=colour, bits=bits, interlaced=interlaced))
    assert not np.asarray(read_image(file).convert("L")).max() > 20
    file.write_bytes(png(12, 20, bytes(length // 2), colour=colour, bits=bits, interlaced=interlaced))
    with pytest.raises(DataError, match=r"image\.png cannot be read: .*(ends early|truncated)"):
        read_image(file)


def test_a_png_with_pixels_and_an_early_end_is_not_read(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes(range(36)) for _ in range(20))
    (tmp_path / "whole.png").write_bytes(png(12, 20, rows))
    (tmp_path / "half.png").write_bytes(png(12, 20, rows[: len(rows) // 2]))
    assert np.asarray(read_image(tmp_path / "whole.png")).any(axis=(1, 2)).all()
    with pytest.raises(DataError, match="ends early"):
        read_image(tmp_path / "half.png")
    with Image.open(tmp_path / "half.png") as image:
        assert not np.asarray(image)[-1].any(), "Pillow reads it as black, or this guard is not needed"


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"subsampling": 0}, {"progressive": True}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_that_ends_early_is_not_read_as_grey(options: dict[str, Any], mode: str, tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    picture(0, (128, 64)).convert(mode).save(file, quality=90, **options)
    whole = file.read_bytes()
    read_image(file)
    start = whole.index(b"\xff\xda")  # of the first scan
    first = whole.find(b"\xff\xda", start + 2) if "progressive" in options else len(whole)
    file.write_bytes(whole[: start + (first - start) // 2] + b"\xff\xd9")
    with pytest.raises(DataError, match=r"image\.jpg cannot be read: it ends early, and its lower rows"):
        read_image(file)
    Image.new(mode, (64, 128), "#808080").save(file, **options)
    assert (np.asarray(read_image(file)) == 128).all()


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("colours", [2, 17, 256])
def test_a_gif_that_ends_early_is_not_read_as_whole(colours: int, interlace: int, tmp_path: Path) -> None:
    file = tmp_path / "image.gif"
    picture(0, (60, 30)).quantize(colours).save(file, interlace=interlace)
    assert read_image(file).size == (30, 60)
    whole = file.read_bytes()
    blocks = _gif_blocks(whole)
    for kept in range(len(blocks)):
        place, size = blocks[kept]
        for shorter in (0, size // 2) if size > 9 else ():  # a last block that is whole, as far as its length tells
            last = bytes([shorter]) + whole[place + 1 : place + 1 + shorter] if shorter else b""
            file.write_bytes(whole[:place] + last + b"\0;" + bytes(200))
            with pytest.raises(DataError, match=r"image\.gif cannot be read: (it ends early|.*truncated)"):
                read_image(file)


def _gif_blocks(data: bytes) -> list[tuple[int, int]]:
    """Place and length of each block of pixels of a GIF that Pillow wrote."""
    place = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    while data[place] == 0x21:
        place += 2
        while data[place]:
            place += data[place] + 1
        place += 1
    place += 10 + (3 * (2 << (data[place + 9] & 7)) if data[place + 9] & 0x80 else 0) + 1
    found = []
    while data[place]:
        found.append((place, data[place]))
        place += data[place] + 1
    return found


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 256), st.randoms())
def test_every_pixel_of_a_whole_gif_is_counted(height: int, width: int, colours: int, source: Random) -> None:
    pixels = bytes(source.randrange(colours) for _ in range(height * width))
    written = BytesIO()
    Image.frombytes("L", (width, height), pixels).save(written, "GIF")
    written.seek(0)
    assert gif_pixels(written) == (height * width, height * width)
