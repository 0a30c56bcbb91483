"""Synthetic videos: one .mp4 per camera, with ground truth and the tracks of an imperfect tracker in MOT format.

`videos/NAME.mp4`; `gt/NAME.txt` with a row `frame, identity, x, y, width, height, 1, 1, visible` for everybody at least
a quarter of whose box is in the picture, whole-body boxes, frames from 1; `tracks/NAME.txt` with the rows of a tracker,
`frame, track, x, y, width, height, 1, -1, -1, -1`, and `tracks/NAME_true.txt` with `frame, track, identity` for the
same rows in the same order, -1 for a box around nobody; `cameras.json` with the calibration of every camera.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from passerby.progress import Progress
from passerby.synth.cameras.camera import HEIGHT, WIDTH, Camera
from passerby.synth.look import Look
from passerby.synth.output.frames import FRAMES_PER_SECOND, DrawFrames, drawing_frames, video_world
from passerby.synth.output.output_folder import check_look, check_range, describe_call, fresh_folder
from passerby.synth.output.tracker import TrackerNoise, follow
from passerby.synth.output.video_file import check_whole, open_writer
from passerby.synth.places.crops import Box
from passerby.synth.places.traffic import Seen, Video, make_video, same_from, share_out
from passerby.synth.places.walks import MIDDLE
from passerby.synth.places.world import World
from passerby.synth.randomness import keyed_generator


def write_videos(
    folder: str | Path,
    *,
    identities: int = 20,
    cameras: int = 2,
    seconds: float = 20.0,
    width: int = 640,
    overlapping: bool = False,
    noise: TrackerNoise | None = None,
    seed: int = 7,
    look: Look = "plain",
    processes: int = 1,
    replace: bool = False,
    show_progress: bool = True,
) -> Path:
    """Film people as they come by each camera, every one of them once.

    The same arguments give the same pictures, however many processes draw. The folder appears complete or not at all.

    Args:
        folder: where to write; created with its parents, or replaced if the same call made it before.
        identities: people, 1 to 9999.
        cameras: 1 to 99; one video each.
        seconds: length of each video, up to an hour; everybody comes by within it, so shorter is more crowded.
        width: of the picture in pixels, 160 to 1920, even; its height is 9/16 of it.
        overlapping: whether all cameras film the same people at the same time from different sides; otherwise each
            films another place, and people pass it at another time. Furniture is each camera's own in any case.
        noise: how the tracker errs.
        seed: everything follows from it.
        look: of people, cameras and places.
        processes: that draw; more than 1 starts new ones, so a script must guard its main module.
        replace: whether a world of other arguments that is there is replaced; files that are not ours never are.
        show_progress: whether to show progress on stderr.

    Returns:
        The folder.

    Raises:
        DataError: an argument is out of range, the folder holds something else, or no .mp4 can be written there.
    """
    noise = noise or TrackerNoise()
    description = describe_call(write_videos, locals())
    _check(identities, cameras, seconds, width, processes, look)
    world, zoom = video_world(seed, look), width / WIDTH
    videos = _videos(world, share_out(seed, identities, cameras, cameras), seconds, overlapping)
    frames = round(seconds * FRAMES_PER_SECOND)
    progress = Progress("filming", frames * cameras, unit="frames", quiet=not show_progress)
    with fresh_folder(Path(folder), description, replace=replace) as made, progress:
        _write_all(made, world, videos, drawing_frames(world, frames, zoom, processes), zoom, noise, progress)
    return Path(folder)


def _videos(world: World, casts: list[list[int]], seconds: float, overlapping: bool) -> Iterator[tuple[Video, float]]:
    """The video of every camera, and the angle at which it stands around the middle of the place."""
    first = make_video(world, 1, 1, casts[0], seconds)
    for camera, cast in enumerate(casts, start=1):
        angle = 2 * pi * (camera - 1) / len(casts) if overlapping else 0.0
        yield (
            same_from(first, camera, angle) if overlapping else make_video(world, camera, camera, cast, seconds),
            angle,
        )


def _write_all(
    folder: Path,
    world: World,
    videos: Iterator[tuple[Video, float]],
    drawing: AbstractContextManager[DrawFrames],
    zoom: float,
    noise: TrackerNoise,
    progress: Progress,
) -> None:
    """Film one video after the other, and write its ground truth, tracks and calibration."""
    for name in ("videos", "gt", "tracks"):
        (folder / name).mkdir()
    calibrations = {}
    with drawing as draw:
        for video, angle in videos:
            truth = _film(folder, video, draw, zoom, progress)
            _write_truth(folder / "gt" / f"{video.name}.txt", truth)
            _write_tracks(folder / "tracks", world, video, truth, noise, zoom)
            calibrations[video.name] = calibration(world.place(video.camera).camera, zoom, angle)
    (folder / "cameras.json").write_text(json.dumps(calibrations, indent=2) + "\n", encoding="utf-8")


def calibration(camera: Camera, zoom: float, angle: float = 0.0) -> dict[str, Any]:
    """Calibration of a camera, for `cameras.json`.

    `matrix` (3 × 3) takes metres in the camera's axes (right, down, along the optical axis) to homogeneous pixels;
    `rotation` (3 × 3) takes the world's axes to the camera's; `position` is in metres. The world's axes are right and
    away along the ground and up from under the camera, or from under the first one where cameras overlap.

    Args:
        camera: which.
        zoom: size of the picture relative to the camera's own.
        angle: how far the camera stands around the middle of the place from the first one, radians.
    """
    lens = camera.lens
    sine, cosine = sin(lens.tilt), cos(lens.tilt)
    tilted = np.array([[1, 0, 0], [0, -sine, -cosine], [0, cosine, -sine]])
    around = np.array([[cos(angle), sin(angle), 0], [-sin(angle), cos(angle), 0], [0, 0, 1]])
    focal, middle = lens.focal * zoom, (WIDTH * zoom / 2, HEIGHT * zoom / 2)
    return {
        "matrix": [[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]],
        "rotation": (tilted @ around).tolist(),
        "position": [MIDDLE * sin(angle), MIDDLE - MIDDLE * cos(angle), lens.height],
        "frames_per_second": FRAMES_PER_SECOND,
    }


def _film(folder: Path, video: Video, draw: DrawFrames, zoom: float, progress: Progress) -> list[list[Seen]]:
    """Write the video; returns who is in each frame."""
    size = 2 * round(WIDTH * zoom / 2), 2 * round(HEIGHT * zoom / 2)
    file = folder / "videos" / f"{video.name}.mp4"
    writer = open_writer(file, ["mp4v"], FRAMES_PER_SECOND, size)
    truth = []
    try:
        for image, seen in draw(video):
            writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            truth.append(seen)
            progress.advance(1)
    finally:
        writer.release()
    check_whole(file, len(truth))
    return truth


def _write_truth(file: Path, truth: list[list[Seen]]) -> None:
    rows = [
        f"{frame},{each.number},{_numbers(each.box)},1,1,{each.visible:.4f}\n"
        for frame, seen in enumerate(truth, start=1)
        for each in sorted(seen, key=lambda each: each.number)
    ]
    file.write_text("".join(rows), encoding="utf-8")


def _write_tracks(
    folder: Path, world: World, video: Video, truth: list[list[Seen]], noise: TrackerNoise, zoom: float
) -> None:
    # The tracker thinks in the camera's own pixels.
    own = [[Seen(each.number, Box(*(v / zoom for v in each.box)), each.visible) for each in seen] for seen in truth]
    rows, persons = [], []
    for each in follow(own, noise, keyed_generator(world.seed, "film tracker", video.camera)):
        box = Box(*(zoom * value for value in each.box))
        rows.append(f"{each.frame + 1},{each.track},{_numbers(box)},1,-1,-1,-1\n")
        persons.append(f"{each.frame + 1},{each.track},{each.person}\n")
    (folder / f"{video.name}.txt").write_text("".join(rows), encoding="utf-8")
    (folder / f"{video.name}_true.txt").write_text("".join(persons), encoding="utf-8")


def _check(identities: int, cameras: int, seconds: float, width: int, processes: int, look: Look) -> None:
    check_look("synthetic videos", look)
    check_range(
        "synthetic videos",
        ("identities", identities, 1, 9999),
        ("cameras", cameras, 1, 99),
        ("seconds", seconds, 0.2, 3600),
        ("width", width, 160, 1920),
        ("processes", processes, 1, 256),
    )


def _numbers(box: Box) -> str:
    return ",".join(f"{value:.2f}" for value in np.array(box))
