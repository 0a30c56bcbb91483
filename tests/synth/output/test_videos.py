"""Videos, held against the pictures they contain."""

import json
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest

from passerby.errors import DataError
from passerby.synth import TrackerNoise, write_videos
from passerby.synth.cameras.camera import HEIGHT, WIDTH
from passerby.synth.output.frames import FRAMES_PER_SECOND, frame_at
from passerby.synth.places.scene import Window, shoot
from passerby.synth.places.traffic import make_video, share_out
from passerby.synth.places.world import World

SECONDS, ZOOM = 0.8, 0.25
FRAMES = round(SECONDS * FRAMES_PER_SECOND)


def write(folder: Path, **changes: object) -> Path:
    arguments: dict[str, object] = {"identities": 5, "cameras": 1, "seconds": SECONDS, "width": 320}
    return write_videos(folder, **(arguments | {"show_progress": False} | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("videos") / "world", noise=TrackerNoise.none())


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=7, steps=1, size=(128, 64))


def table(file: Path) -> np.ndarray:
    return np.loadtxt(file, delimiter=",", ndmin=2)


def frames(file: Path) -> list[np.ndarray]:
    video, found = cv2.VideoCapture(str(file)), []
    while True:
        there, image = video.read()
        if not there:
            return found
        found.append(image)


def test_a_video_has_all_its_frames_at_the_size_asked_for(folder: Path) -> None:
    (file,) = (folder / "videos").iterdir()
    found = frames(file)
    assert len(found) == FRAMES
    assert all(image.shape == (180, 320, 3) for image in found)
    assert np.abs(found[0].astype(int) - found[-1]).mean() > 0.2  # somebody moves


def test_frames_are_the_drawn_ones_but_for_compression(folder: Path, world: World) -> None:
    (file,) = (folder / "videos").iterdir()
    video = make_video(world, 1, 1, share_out(7, 5, 1, 1)[0], SECONDS)
    for index, image in list(enumerate(frames(file)))[:: FRAMES // 3]:
        drawn, _ = frame_at(world, video, index, ZOOM)
        assert np.abs(image[:, :, ::-1].astype(int) - drawn).mean() < 6


def test_boxes_and_visible_fractions_are_those_of_rendered_pixels(folder: Path, world: World) -> None:
    """MOT rows against pixels: each person drawn alone for the box and the whole, together for what is seen."""
    (file,) = (folder / "gt").iterdir()
    rows = table(file)
    assert rows.shape[1] == 9
    video = make_video(world, 1, 1, share_out(7, 5, 1, 1)[0], SECONDS)
    place = world.place(1)
    # Drawn twice as fine as the video, on a canvas with room for those who leave the picture.
    zoom, room = 2 * ZOOM, 400
    window = Window(-room, -room, zoom, round((HEIGHT + 2 * room) * zoom), round((WIDTH + 2 * room) * zoom))
    picture = np.zeros((window.rows, window.columns), bool)
    edge = round(room * zoom)
    picture[edge : edge + round(HEIGHT * zoom), edge : edge + round(WIDTH * zoom)] = True
    checked = 0
    for frame in (1, FRAMES // 2, FRAMES):
        present = video.present(world, (frame - 1) / FRAMES_PER_SECOND)
        together = shoot(place, [who for _, who in present], window)
        for index, (number, somebody) in enumerate(present):
            match = rows[(rows[:, 0] == frame) & (rows[:, 1] == number)]
            free = type(place)(place.camera, place.picture, np.full_like(place.depth, np.inf))
            alone = shoot(free, [somebody], window).owner == 0
            y, x = np.nonzero(alone)
            if not len(match):
                assert (alone & picture).sum() < 0.5 * alone.sum()
                continue
            left, top, width, height, _, _, visible = match[0, 2:]
            box = np.array([left, top, left + width, top + height]) / ZOOM
            drawn = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) / zoom - room
            np.testing.assert_allclose(box, drawn, atol=0.04 * height / ZOOM)
            share = ((together.owner == index) & picture).sum() / alone.sum()
            assert visible == pytest.approx(share, abs=0.04)
            checked += 1
    assert checked >= 3


def test_a_perfect_tracker_repeats_the_visible_truth(folder: Path) -> None:
    truth = table(next((folder / "gt").iterdir()))
    tracks = table(next(path for path in (folder / "tracks").iterdir() if "true" not in path.name))
    persons = table(next((folder / "tracks").glob("*_true.txt")))
    np.testing.assert_array_equal(tracks[:, :2], persons[:, :2])
    assert tracks.shape[1] == 10
    seen = truth[truth[:, 8] > 0]
    expected = {(int(row[0]), int(row[1])): row[2:6] for row in seen}
    assert len(tracks) == len(expected)
    for row, person in zip(tracks, persons, strict=True):
        np.testing.assert_allclose(row[2:6], expected[int(row[0]), int(person[2])], atol=0.02)


def test_the_calibration_projects_feet_into_the_boxes(folder: Path, world: World) -> None:
    """Matrix, rotation and position from the file, by homogeneous coordinates, against the ground truth."""
    (name, camera), *_ = json.loads((folder / "cameras.json").read_text()).items()
    rows = table(folder / "gt" / f"{name}.txt")
    matrix, rotation = np.array(camera["matrix"]), np.array(camera["rotation"])
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    video = make_video(world, 1, 1, share_out(7, 5, 1, 1)[0], SECONDS)
    for number, (_, standing) in video.present(world, 0.0):
        match = rows[(rows[:, 0] == 1) & (rows[:, 1] == number)]
        if len(match):
            point = matrix @ rotation @ (np.array([standing.x, standing.z, 0.0]) - camera["position"])
            x, y = point[:2] / point[2]
            left, top, width, height = match[0, 2:6]
            assert left <= x <= left + width
            assert y == pytest.approx(top + height, abs=0.1 * height)


def test_overlapping_cameras_see_the_same_people_in_the_same_places(tmp_path: Path) -> None:
    """Feet of both cameras' boxes, cast back to the ground through the calibration alone, meet."""
    made = write(tmp_path / "world", cameras=2, identities=8, seconds=0.2, overlapping=True, width=1280)
    spots: list[dict[int, np.ndarray]] = []
    for name, camera in json.loads((made / "cameras.json").read_text()).items():
        back = np.linalg.inv(np.array(camera["matrix"]) @ np.array(camera["rotation"]))
        spots.append({})
        for row in table(made / "gt" / f"{name}.txt"):
            ray = back @ [row[2] + row[4] / 2, row[3] + 0.985 * row[5], 1.0]
            foot = np.array(camera["position"]) - ray * camera["position"][2] / ray[2]
            if row[0] == 1:
                spots[-1][int(row[1])] = foot[:2]
    both = spots[0].keys() & spots[1].keys()
    assert len(both) >= 3
    apart = [np.linalg.norm(spots[0][number] - spots[1][number]) for number in both]
    spread = np.std([spots[0][number] for number in both], axis=0).max()
    assert np.median(apart) < 0.5 < spread


def test_the_same_arguments_give_the_same_pictures_with_more_processes(tmp_path: Path, folder: Path) -> None:
    again = write(tmp_path / "again", noise=TrackerNoise.none(), processes=2)
    for path in folder.rglob("*.txt"):
        assert (again / path.relative_to(folder)).read_text() == path.read_text()
    pairs = zip(frames(next(folder.rglob("*.mp4"))), frames(next(again.rglob("*.mp4"))), strict=True)
    assert all((first == second).all() for first, second in pairs)


def test_arguments_out_of_range_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="width"):
        write(tmp_path / "world", width=100)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_named(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # fails as a full disk does
    try:
        with pytest.raises(DataError, match=r"\.mp4: 0 of 20 frames could be written: see that there is room"):
            write(tmp_path / "world")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "world").exists()
