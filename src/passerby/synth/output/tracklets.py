"""Tracklets with the errors of a tracker, and the truth about every crop."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.errors import DataError
from passerby.progress import Progress
from passerby.synth.look import Look
from passerby.synth.output.output_folder import check_look, check_range, check_size, describe_call, fresh_folder
from passerby.synth.output.tracker import BACKGROUND, Tracked, TrackerNoise, follow
from passerby.synth.places.crops import Box, encode, take_crop
from passerby.synth.places.traffic import Video, make_video, share_out
from passerby.synth.places.world import World
from passerby.synth.randomness import keyed_generator

TABLE = "tracklets.parquet"
"""One row for every crop."""

_SECONDS_EACH = 1.6
"""Seconds of video per person who comes by: about five people are there at once."""


def write_tracklets(
    folder: str | Path,
    *,
    identities: int = 40,
    videos: int = 8,
    cameras: int = 4,
    appearances: int = 3,
    rate: float = 4.0,
    noise: TrackerNoise | None = None,
    size: tuple[int, int] = (128, 64),
    seed: int = 7,
    look: Look = "plain",
    replace: bool = False,
    show_progress: bool = True,
) -> Path:
    """Film people, track them with errors, and write the crops and `tracklets.parquet` beside them.

    Columns of the table, in the order of videos, tracks and frames: `path`, `video`, `camera`, `track` (unique in its
    video), `frame` (at 25 per second), `x`, `y`, `width`, `height`, `true_identity` (`-1`: the box is around nobody)
    and `visible` (share of that person). The same arguments give the same files; they appear complete or not at all.

    Args:
        folder: where to write; created with its parents, or replaced if the same call made it before.
        identities: people, 2 to 100,000.
        videos: from 1; they take turns on the cameras, and follow each other in the table.
        cameras: 1 to 99.
        appearances: videos in which each person is, from 1.
        rate: frames per second that are tracked, up to 25.
        noise: how the tracker errs; `TrackerNoise.none()` for the truth.
        size: height and width of the crops in pixels.
        seed: everything follows from it.
        look: of people, cameras and places.
        replace: whether a world of other arguments that is there is replaced; files that are not ours never are.
        show_progress: whether to show progress on stderr.

    Raises:
        DataError: an argument is out of range, or the folder holds another world or something else.
    """
    noise = noise or TrackerNoise()
    description = describe_call(write_tracklets, locals())
    check_look("synthetic tracklets", look)
    _check(identities, videos, cameras, appearances, rate, size)
    world = World(seed=seed, steps=1, size=size, look=look)
    casts = share_out(seed, identities, videos, appearances)
    progress = Progress("tracking", videos, unit="videos", quiet=not show_progress)
    with fresh_folder(Path(folder), description, replace=replace) as made, progress:
        pq.write_table(_write_all(made, world, casts, cameras, rate, noise, progress), made / TABLE)
    return Path(folder)


def _write_all(
    folder: Path,
    world: World,
    casts: list[list[int]],
    cameras: int,
    rate: float,
    noise: TrackerNoise,
    progress: Progress,
) -> pa.Table:
    """Track and write one video after the other; returns the rows of all crops.

    Raises:
        DataError: nobody was tracked in any.
    """
    tables = []
    for number, cast in enumerate(casts, start=1):
        video = make_video(world, number, 1 + (number - 1) % cameras, cast, max(4.0, _SECONDS_EACH * len(cast)))
        tracked = track_video(world, video, number, rate, noise)
        if tracked:
            tables.append(_write_crops(folder, world, video, rate, tracked))
        progress.advance(1)
    if not tables:
        raise DataError("synthetic tracklets: nobody was tracked; use more identities or less noise")
    return pa.concat_tables(tables)


def track_video(world: World, video: Video, number: int, rate: float, noise: TrackerNoise) -> list[Tracked]:
    """The tracks of one video, in the order of tracks and frames."""
    times = np.arange(0, video.seconds, 1 / rate)
    frames = [video.truth(world, float(time)) for time in times]
    tracked = follow(frames, noise, keyed_generator(world.seed, "tracker", number))
    return sorted(tracked, key=lambda each: (each.track, each.frame))


def _write_crops(folder: Path, world: World, video: Video, rate: float, tracked: list[Tracked]) -> pa.Table:
    """Draw and write the crops of one video; returns its rows."""
    place = world.place(video.camera)
    (folder / video.name).mkdir()
    paths, visible, shown = [], [], []
    for each in tracked:
        present = video.present(world, each.frame / rate)
        numbers = [number for number, _ in present]
        target = None if each.person == BACKGROUND else numbers.index(each.person)
        generator = keyed_generator(world.seed, "tracked", each.track, each.frame, int(video.name.split("-")[1]))
        box = _padded(each.box)
        crop = take_crop(place, [who for _, who in present], box, world.size, generator, target=target)
        path = f"{video.name}/t{each.track:04d}_{_frame(each, rate):06d}.jpg"
        (folder / path).write_bytes(encode(crop.image, place.camera.sensor.quality))
        paths.append(path)
        visible.append(crop.visible)
        shown.append(box)
    count = len(tracked)
    return pa.table(
        {
            "path": paths,
            "video": [video.name] * count,
            "camera": [f"c{video.camera}"] * count,
            "track": [f"t{each.track:04d}" for each in tracked],
            "frame": pa.array([_frame(each, rate) for each in tracked], pa.int64()),
            **{
                name: pa.array(values, pa.float32())
                for name, values in zip(Box._fields, zip(*shown, strict=True), strict=True)
            },
            "true_identity": [f"{each.person:04d}" if each.person != BACKGROUND else "-1" for each in tracked],
            "visible": pa.array(visible, pa.float32()),
        }
    )


def _frame(each: Tracked, rate: float) -> int:
    """Number of a tracked frame in the video, at 25 per second."""
    return round(each.frame * 25 / rate)


def _padded(box: Box) -> Box:
    """A box with a little room, and never very slim."""
    height = 1.04 * box.height
    width = max(1.06 * box.width, 0.4 * height)
    return Box(box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height)


def _check(identities: int, videos: int, cameras: int, appearances: int, rate: float, size: tuple[int, int]) -> None:
    check_range(
        "synthetic tracklets",
        ("identities", identities, 2, 100_000),
        ("videos", videos, 1, 9999),
        ("cameras", cameras, 1, 99),
        ("appearances", appearances, 1, videos),
        ("rate", rate, 0.5, 25),
    )
    check_size("synthetic tracklets", size)
