"""Frames of synthetic videos, drawn one after another or by several processes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

import cv2

from passerby.synth.cameras.camera import HEIGHT, WIDTH, Picture
from passerby.synth.look import Look
from passerby.synth.places.crops import Box
from passerby.synth.places.scene import Window, shoot
from passerby.synth.places.traffic import Seen, Video, boxes
from passerby.synth.places.world import World
from passerby.synth.randomness import keyed_generator
from passerby.worker_processes import worker_pool

FRAMES_PER_SECOND = 25

Drawn = tuple[Picture, list[Seen]]
"""A frame, uint8 RGB, and who is in it, boxes in its own pixels."""

Kind = tuple[int, Look]
"""Seed and look of a world."""

DrawFrames = Callable[[Video], Iterable[Drawn]]
"""Draws the frames of a video in order."""

_FRAMES_AT_ONCE = 10
_WAITING = 3
"""For each process: what is drawn ahead stays in memory until it is written."""


def video_world(seed: int, look: Look) -> World:
    """The world whose people and places a video shows."""
    return World(seed=seed, steps=1, size=(128, 64), look=look)


@contextmanager
def drawing_frames(world: World, frames: int, zoom: float, processes: int) -> Iterator[DrawFrames]:
    """What draws the frames of videos of a world.

    Args:
        world: gives people and places.
        frames: of each video.
        zoom: size of the pictures relative to the camera's own.
        processes: how many draw at once; this one alone if 1.
    """
    if processes == 1:
        yield lambda video: (frame_at(world, video, frame, zoom) for frame in range(frames))
        return
    with worker_pool(processes, _prepare) as pool:
        try:
            yield lambda video: _drawn_ahead(pool, (world.seed, world.look), video, frames, zoom, _WAITING * processes)
        finally:
            pool.shutdown(cancel_futures=True)


def _drawn_ahead(
    pool: ProcessPoolExecutor, kind: Kind, video: Video, frames: int, zoom: float, most: int
) -> Iterator[Drawn]:
    waiting: deque[Future[list[Drawn]]] = deque()
    for begin in range(0, frames, _FRAMES_AT_ONCE):
        if len(waiting) == most:
            yield from waiting.popleft().result()
        waiting.append(pool.submit(_draw_some, kind, video, begin, min(begin + _FRAMES_AT_ONCE, frames), zoom))
    while waiting:
        yield from waiting.popleft().result()


_worlds: dict[Kind, World] = {}
"""The world of a process that draws for another one: places are painted once."""


def _prepare() -> None:
    cv2.setNumThreads(1)


def _draw_some(kind: Kind, video: Video, begin: int, end: int, zoom: float) -> list[Drawn]:
    if kind not in _worlds:
        _worlds.clear()
        _worlds[kind] = video_world(*kind)
    return [frame_at(_worlds[kind], video, frame, zoom) for frame in range(begin, end)]


def frame_at(world: World, video: Video, frame: int, zoom: float) -> Drawn:
    """One frame of a video, uint8 RGB, and who is in it, boxes in its own pixels.

    Args:
        world: gives people and places.
        video: which.
        frame: index from 0.
        zoom: size of the picture relative to the camera's own.
    """
    place = world.place(video.camera)
    present = video.present(world, frame / FRAMES_PER_SECOND)
    window = Window(0.0, 0.0, zoom, 2 * round(HEIGHT * zoom / 2), 2 * round(WIDTH * zoom / 2))
    shot = shoot(place, [somebody for _, somebody in present], window)
    fractions = [shot.visible_fraction(index) for index in range(len(present))]
    seen = [
        Seen(each.number, Box(*(zoom * value for value in each.box)), each.visible)
        for each in boxes(place, present, fractions)
    ]
    # One light throughout: in a film, exposure does not jump from frame to frame.
    sensor = place.camera.sensor
    generator = keyed_generator(world.seed, "film", video.camera)
    return sensor.develop(shot.image, sensor.blur * zoom, generator, grain_key=frame), seen
