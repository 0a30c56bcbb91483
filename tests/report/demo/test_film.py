"""The film with boxes, held against the film and the ground truth that it was made from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from passerby.errors import DataError
from passerby.report.demo import film
from passerby.report.demo.film import draw_truth
from passerby.synth import write_videos

SECONDS, RATE = 0.8, 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("film") / "world"
    return write_videos(place, identities=4, cameras=1, seconds=SECONDS, width=320, show_progress=False)


def frames(file: Path) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(file)), []
    while (read := capture.read())[0]:
        found.append(read[1].astype(int))
    return found


@pytest.mark.parametrize("codecs", [film._CODECS, {"mp4v": film._CODECS["mp4v"]}])
def test_boxes_are_where_the_truth_has_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codecs: dict[str, tuple[str, bool]]
) -> None:
    monkeypatch.setattr(film, "_CODECS", codecs)
    made = draw_truth(folder, tmp_path / "deep" / "film.mp4", quiet=True)
    (source,) = (folder / "videos").iterdir()
    (truth,) = (np.loadtxt(file, delimiter=",", ndmin=2) for file in (folder / "gt").iterdir())
    plain, drawn = frames(source), frames(made.file)
    plain = [cv2.resize(frame.astype(np.uint8), (480, 270)).astype(int) for frame in plain[::2]]
    assert len(plain) == len(drawn) == round(SECONDS * RATE) // 2
    assert made.seconds == pytest.approx(SECONDS)
    assert made.people == len(np.unique(truth[:, 1]))
    assert (made.codec, made.plays) in codecs.values()
    changed = np.abs(np.array(drawn) - np.array(plain)).max(-1) > 60
    inside = np.zeros_like(changed)
    for frame, _, x, y, width, height, *_ in truth[truth[:, 0] % 2 == 1] * [1, 1, 1.5, 1.5, 1.5, 1.5, 1, 1, 1]:
        # The box with its outline, and the words above it or, at the upper edge, in it.
        top, left = max(0, round(y) - 18), max(0, round(x) - 3)
        inside[int(frame) // 2, top : round(y + height) + 4, left : max(round(x + width) + 4, round(x) + 70)] = True
    assert changed.any(axis=(1, 2)).all()
    assert (changed & ~inside).mean() < 1e-3  # what the codec blurs


def test_stills_are_frames_of_it(folder: Path, tmp_path: Path) -> None:
    made = draw_truth(folder, tmp_path / "film.mp4", quiet=True)
    drawn = frames(made.file)
    nearest = [
        int(np.argmin([np.abs(frame[..., ::-1] - np.asarray(still, dtype=int)).mean() for frame in drawn]))
        for still in made.stills
    ]
    assert nearest == sorted(set(nearest))
    assert len(nearest) == 4


def test_what_is_no_film_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no videos"):
        draw_truth(tmp_path, tmp_path / "film.mp4", quiet=True)
    (name,) = (file.name for file in (folder / "videos").iterdir())
    (tmp_path / "videos").mkdir()
    (tmp_path / "gt").mkdir()
    (tmp_path / "videos" / name).write_bytes(b"no film")
    (tmp_path / "gt" / name).with_suffix(".txt").touch()
    with pytest.raises(DataError, match="cannot be read as a video"):
        draw_truth(tmp_path, tmp_path / "film.mp4", quiet=True)
    assert not (tmp_path / "film.mp4").exists()


def test_a_film_that_ends_early_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture, read = cv2.VideoCapture, []

    class Breaking:
        def __init__(self, file: str) -> None:
            self.inner = capture(file)

        def read(self) -> tuple[bool, np.ndarray | None]:
            read.append(None)
            return self.inner.read() if len(read) <= 5 else (False, None)

        def get(self, what: int) -> float:
            return self.inner.get(what)

        def release(self) -> None:
            self.inner.release()

    monkeypatch.setattr(cv2, "VideoCapture", Breaking)
    with pytest.raises(DataError, match=r"\.mp4: ends after 5 of 20 frames: remove its folder"):
        draw_truth(folder, tmp_path / "film.mp4", quiet=True)
    assert not (tmp_path / "film.mp4").exists()
