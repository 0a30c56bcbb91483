"""Frames with the truth drawn in, held against the video and the truth that they were made from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from passerby.errors import DataError
from passerby.report.demo.stills import true_stills
from passerby.synth import write_videos


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stills") / "world"
    return write_videos(place, identities=4, cameras=1, seconds=0.8, width=320, show_progress=False)


def files(world: Path) -> tuple[Path, Path]:
    (video,), (truth,) = (world / "videos").iterdir(), (world / "gt").iterdir()
    return video, truth


def test_boxes_are_drawn_where_the_truth_has_them(world: Path) -> None:
    video, truth = files(world)
    stills = [np.asarray(still, dtype=int) for still in true_stills(video, truth, 2)]
    capture, frames = cv2.VideoCapture(str(video)), []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1].astype(int))
    rows = np.loadtxt(truth, delimiter=",", ndmin=2)
    crowds = [int((rows[:, 0] == number).sum()) for number in range(1, len(frames) + 1)]
    half = len(frames) // 2
    chosen = [int(np.argmax(crowds[:half])), half + int(np.argmax(crowds[half:]))]
    for still, place in zip(stills, chosen, strict=True):
        changed = np.abs(still - frames[place]).max(-1) > 60
        allowed = np.zeros_like(changed)
        for _, _, x, y, width, height, *_ in rows[rows[:, 0] == place + 1]:
            left, top = max(0, round(x) - 4), max(0, round(y) - 22)
            allowed[top : max(round(y + height) + 4, 24), left : max(round(x + width) + 4, left + 40)] = True
        assert changed.any()
        assert not (changed & ~allowed).any()


def test_a_person_has_one_colour_at_every_camera(world: Path, tmp_path: Path) -> None:
    video, truth = files(world)
    rows = [line.split(",") for line in truth.read_text().splitlines()]
    one = tmp_path / "one.txt"
    one.write_text("".join(",".join(["1", "7", "20", "30", "40", "80", *row[6:]]) + "\n" for row in rows[:1]))
    (still,) = true_stills(video, one, 1)
    other = tmp_path / "other.txt"
    other.write_text(one.read_text().replace(",20,30,", ",100,60,"))
    (moved,) = true_stills(video, other, 1)
    assert still.getpixel((20, 20)) == moved.getpixel((100, 50))  # behind the numbers of both boxes


def test_what_is_no_video_is_named(world: Path, tmp_path: Path) -> None:
    _, truth = files(world)
    (tmp_path / "v.mp4").write_bytes(b"no film")
    with pytest.raises(DataError, match=r"v\.mp4: frame .* cannot be read: remove its folder"):
        true_stills(tmp_path / "v.mp4", truth, 2)
