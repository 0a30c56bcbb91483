"""Made-up tracklets with features, for galleries of tests."""

from datetime import UTC, datetime, timedelta

import numpy as np

from passerby.gallery.records import Crop, Feature, ModelKey, NewTracklet

MODEL = ModelKey("a" * 64, "made-up", 16)
MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def made_up(count: int, *, people: int = 7, seed: int = 0, model: ModelKey = MODEL) -> list[NewTracklet]:
    """Tracklets of some people in three cameras, each a minute long, one every ten seconds."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((people, model.dim))
    tracklets = []
    for number in range(count):
        person = int(generator.integers(people))
        views = unit(centres[person] + 0.5 * generator.standard_normal((2, model.dim)))
        begins = 10.0 * number
        tracklets.append(
            NewTracklet(
                key=f"seed{seed}/{number}",
                camera=f"cam{number % 3}",
                video=f"video{number % 3}",
                begins=begins,
                ends=begins + 60,
                frames=int(generator.integers(1, 100)),
                height=float(generator.uniform(40, 200)),
                visible=float(generator.uniform(0, 1)),
                taken_from=MORNING + timedelta(seconds=begins),
                taken_to=MORNING + timedelta(seconds=begins + 60),
                caption=f"person {person}",
                crops=[Crop(frame, bytes([number % 256, frame]) * 20) for frame in range(2)],
                features={model: Feature(unit(views.mean(0)), views)},
            )
        )
    return tracklets


SIZES = ModelKey("c" * 64, "of a known world", 32)
SPREAD = 0.6


def centres(people: int, generator: np.random.Generator) -> np.ndarray:
    """Directions of different people, alike as people of a network are: they share a part."""
    return generator.standard_normal((people, SIZES.dim)) + 0.6


def views(of: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Features float32 [N, count, D] of `count` views of each of N people."""
    spread = generator.standard_normal((len(of), count, of.shape[1]))
    return unit(of[:, None] + SPREAD * spread)


def crowd(people: int, *, seed: int = 0, at_once: int = 5, seconds: float = 20.0) -> list[NewTracklet]:
    """One tracklet of each of many people; always a few at a time are seen, in a camera of two."""
    generator = np.random.default_rng(seed)
    halves = views(centres(people, generator), 2, generator)
    return [
        NewTracklet(
            key=f"crowd{seed}/{number}",
            camera=f"cam{group % 2}",
            video=f"video{group % 2}",
            begins=seconds * group,
            ends=seconds * group + 10,
            frames=250,
            height=100.0,
            features={SIZES: Feature(unit(halves[number].mean(0)), halves[number])},
        )
        for number in range(people)
        for group in [number // at_once]
    ]
